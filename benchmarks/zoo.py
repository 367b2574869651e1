"""Check the exports of networks that people use, as a user would, and print a table.

    python -m benchmarks.zoo FOLDER [NAME ...]

Each network of benchmarks.zoo_networks goes through both of PyTorch's exporters, and each export
through ``onnxguard parity``, in processes of their own. What is in FOLDER already is kept: exports,
and with --keep results too. Exit code 1 where an honest export fails with ``--tolerance rounding``,
or without it by anything but OP208; or where a wrong one passes. Needs, in an environment of its
own, what benchmarks.zoo_networks says, onnxscript and ONNX Runtime.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

KINDS = ("script", "dynamo")
WRONG = {
    ("encoder", "script"): "the batch is frozen",
    ("detr", "script"): "the batch is frozen",
    ("gnn", "script"): "messages to one vertex overwrite each other",
}
"""Exports that compute something else than the module."""
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
}


class Ran(NamedTuple):
    """A process that ended: its status, output, CPU time in seconds, peak memory in MiB."""

    code: int
    output: str
    seconds: float
    memory: float


def run(*command: str) -> Ran:
    """Run this interpreter."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, *command], stdout=output, stderr=errors, env={**os.environ, **QUIET}
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (output, errors):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    seconds = usage.ru_utime + usage.ru_stime
    text = texts[0] if child.returncode in (0, 1) and texts[0] else "".join(texts)
    return Ran(child.returncode, text, seconds, usage.ru_maxrss / 1024)


def export(folder: Path, name: str, kind: str) -> None:
    """Write a network's weights, if they are not there, and one export of it."""
    import torch

    from benchmarks.zoo_networks import NETWORKS, trained

    warnings.simplefilter("ignore")
    entry, weights = NETWORKS[name], folder / f"{name}.pt"
    if not weights.exists():
        torch.save(trained(name).state_dict(), weights)
    module = entry.make()
    module.load_state_dict(torch.load(weights, weights_only=True))
    target = folder / f"{name}.{kind}.onnx"
    torch.manual_seed(1)
    inputs = entry.inputs()
    if entry.derived == "fp16":
        module, inputs = module.half(), tuple(tensor.half() for tensor in inputs)
    names: dict[str, Any] = {"input_names": list(entry.axes), "output_names": list(entry.outputs)}
    partial = target.with_suffix(".partial")
    if kind == "script":
        axes = {name: axes for name, axes in {**entry.axes, **entry.outputs}.items() if axes}
        torch.onnx.export(
            module, inputs, partial, dynamo=False, opset_version=17, dynamic_axes=axes, **names
        )
    else:
        dynamic = torch.export.Dim.DYNAMIC
        shapes = tuple(dict.fromkeys(axes, dynamic) or None for axes in entry.axes.values())
        torch.onnx.export(
            module,
            inputs,
            partial,
            dynamo=True,
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
            **names,
        )
    if entry.derived == "int8":
        _quantize(partial, inputs, next(iter(entry.axes)), kind == "script")
    partial.rename(target)


def _quantize(path: Path, inputs: Any, name: str, prepares: bool) -> None:
    """Quantise statically; what torch.export gives is optimised already."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc] # it has no stubs
        def __init__(self) -> None:
            self.left = [{name: inputs[0].numpy()}]

        def get_next(self) -> Any:
            return self.left.pop() if self.left else None

    if prepares:
        quant_pre_process(onnx.load(path), path, skip_symbolic_shape=True)
    quantize_static(onnx.load(path), path, Reader(), quant_format=QuantFormat.QDQ, per_channel=True)


def check(folder: Path, name: str, kind: str, *options: str) -> dict[str, Any]:
    """Run the command as a user would; what is kept of the report, and what it took."""
    ran = run(
        *("-m", "onnxguard", "parity", str(folder / f"{name}.{kind}.onnx")),
        *("--torch", f"benchmarks.zoo_networks:{name}", "--weights", str(folder / f"{name}.pt")),
        *("--format", "json", *options),
    )
    kept: dict[str, Any] = {"seconds": ran.seconds, "memory": ran.memory, "code": ran.code}
    try:
        (report,) = json.loads(ran.output)["models"]
    except json.JSONDecodeError:
        return {**kept, "verdict": "error", "error": ran.output.strip()[-600:], "findings": []}
    return {**kept, "verdict": report["verdict"], "findings": report["findings"], "report": report}


def result(folder: Path, name: str, kind: str) -> dict[str, Any]:
    """Export and check: the default run, and with ``--tolerance rounding`` what did not pass."""
    from benchmarks.zoo_networks import NETWORKS

    path = folder / f"{name}.{kind}.onnx"
    if not path.exists():
        ran = run("-m", "benchmarks.zoo", str(folder), name, "--export", kind)
        if ran.code:
            return {"verdict": "not exported", "error": ran.output.strip()[-600:]}
    options = NETWORKS[name].options
    found = {"size": path.stat().st_size, "default": check(folder, name, kind, *options)}
    if found["default"]["verdict"] != "pass" and "--tolerance" not in options:
        found["rounding"] = check(folder, name, kind, *options, "--tolerance", "rounding")
    return found


def codes(checked: dict[str, Any]) -> list[str]:
    """The codes of what fails, each once."""
    failing = [f["code"] for f in checked["findings"] if f["severity"] == "error"]
    return sorted(set(failing))


def right(name: str, kind: str, found: dict[str, Any]) -> bool:
    """Whether an honest export passes but for rounding, and a wrong one fails."""
    if "default" not in found:
        return True
    last = found.get("rounding", found["default"])
    if (name, kind) in WRONG:
        return last["verdict"] == "fail" and codes(last) != []
    return last["verdict"] == "pass" and codes(found["default"]) in ([], ["OP208"])


COLUMNS = (
    *("network", "exporter", "default", "with rounding", "basis", "MiB of the graph"),
    *("CPU s", "peak MiB", "trials", "nodes alone", "right"),
)


def row(name: str, kind: str, found: dict[str, Any]) -> list[str]:
    """One line of the table."""
    if "default" not in found:
        error = found["error"].splitlines() or ["?"]
        return [name, kind, found["verdict"], "", error[-1][:90], *[""] * 6]
    default, last = found["default"], found.get("rounding", found["default"])
    basis = ", ".join(codes(default)) or default.get("error", "")[-90:]
    if "report" in last:
        nodes, trials = last["report"]["nodes"], last["report"]["trials"]
        alone = f"{nodes['checked'] + nodes['covered']} of {nodes['nodes']}"
        compared = sum(trial["outcome"] == "compared" for trial in trials)
        counts = [f"{compared} of {len(trials)}", alone if nodes["ran"] else nodes["reason"]]
    else:
        counts = ["", ""]
    rounding = "" if last is default else last["verdict"].upper()
    return [
        *(name, kind, default["verdict"].upper(), rounding, basis.replace("\n", " ")),
        *(f"{found['size'] / (1 << 20):.1f}", f"{default['seconds']:.1f}"),
        *(f"{max(default['memory'], last['memory']):.0f}", *counts),
        "yes" if right(name, kind, found) else "NO",
    ]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--keep", action="store_true", help="results that are there")
    parser.add_argument("--export", choices=KINDS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.export:
        export(folder, arguments.names[0], arguments.export)
        return 0
    from benchmarks.zoo_networks import NETWORKS

    wrong = 0
    print("|", " | ".join(COLUMNS), "|")
    print("|", " | ".join(["---"] * len(COLUMNS)), "|", flush=True)
    for name in arguments.names or NETWORKS:
        for kind in arguments.kinds.split(","):
            kept = folder / f"{name}.{kind}.json"
            if arguments.keep and kept.exists():
                found = json.loads(kept.read_text())
            else:
                found = result(folder, name, kind)
                kept.write_text(json.dumps({**found, "time": time.time()}))
            wrong += not right(name, kind, found)
            print("|", " | ".join(row(name, kind, found)), "|", flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
