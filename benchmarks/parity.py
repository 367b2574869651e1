"""Compare ``onnxguard parity`` with Polygraphy on one student, its graph and damaged copies of it.

``python -m benchmarks.parity [--mutants N] [--rounds N]`` from the root of the repository, with the
extras ``dev`` and ``bench`` installed. Polygraphy has no runner for PyTorch: a script saves the
reference's outputs, as its users do, and ``polygraphy run`` compares ONNX Runtime with them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxguard.students import STUDENTS
from onnxguard.students.exporting import export_student
from onnxguard.students.untrained import untrained_network

from onnxguard.parity.check import check_parity
from onnxguard.parity.mutants import mutants

SHAPE = (1, 3, 64, 96)
SAVE_REFERENCE = f"""
import sys
import numpy as np
import torch
from polygraphy.comparator import RunResults
from polygraphy.json import save_json
from onnxguard.students import STUDENTS

student, weights, folder = sys.argv[1:]
network = STUDENTS[student].build()
network.load_state_dict(torch.load(weights, weights_only=True))
image = np.random.default_rng(0).standard_normal({SHAPE}, dtype=np.float32)
with torch.inference_mode():
    answer = network(torch.from_numpy(image)).numpy()
save_json([{{"input": image}}], f"{{folder}}/inputs.json")
results = RunResults()
results.add([{{"saliency_map": answer}}], "torch")
results.save(f"{{folder}}/torch.json")
"""


def timed(call: Callable[[], object], rounds: int) -> str:
    """The median of some rounds and their extremes, in seconds."""
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        took.append(time.perf_counter() - started)
    return f"{statistics.median(took):.2f} s ({min(took):.2f} to {max(took):.2f})"


def command(*arguments: str) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"exit {done.returncode} from {' '.join(arguments)}:\n{done.stdout[-800:]}"
        )


def polygraphy_passes(graph: bytes, feed: dict[str, Any], expected: Any) -> bool:
    """What ``polygraphy run --onnxrt --load-outputs`` decides, without starting a process."""
    from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx
    from polygraphy.comparator import Comparator, SimpleCompareFunc
    from polygraphy.logger import G_LOGGER

    G_LOGGER.module_severity = G_LOGGER.CRITICAL
    try:
        results = Comparator.run([OnnxrtRunner(SessionFromOnnx(graph))], data_loader=[feed])
    except Exception:  # noqa: BLE001 - a graph that does not run is noticed
        return False
    results.add([OrderedDict(saliency_map=expected)], "torch")
    compare = SimpleCompareFunc(atol=1e-5, rtol=1e-5)
    return bool(Comparator.compare_accuracy(results, compare_func=compare))


def kill_rates(graph: bytes, network: torch.nn.Module, wanted: int) -> tuple[int, int, int]:
    """``(mutants, noticed by onnxguard, noticed by Polygraphy)``."""
    image = np.random.default_rng(0).standard_normal(SHAPE, dtype=np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(image)).numpy()
    made = ours = theirs = 0
    for mutant in mutants(onnx.load_model_from_string(graph), wanted, seed=1):
        damaged = mutant.proto.SerializeToString()
        made += 1
        try:
            ours += not check_parity(damaged, network).passed
        except Exception:  # noqa: BLE001 - a graph that does not load is noticed
            ours += 1
        theirs += not polygraphy_passes(damaged, {"input": image}, expected)
    return made, ours, theirs


def main() -> int:
    """Print the figures of this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.environ.setdefault("POLYGRAPHY_AUTOINSTALL_DEPS", "0")
    student = STUDENTS["saliency-v2"]
    network = untrained_network(student)
    graph = export_student(student, network)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.onnx").write_bytes(graph)
        torch.save(network.state_dict(), folder / "weights.pt")
        script = folder / "reference.py"
        script.write_text(SAVE_REFERENCE)
        model, weights = str(folder / "model.onnx"), str(folder / "weights.pt")
        reference = ["--torch", f"student:{student.name}", "--weights", weights]
        polygraphy = str(Path(sys.executable).parent / "polygraphy")

        def ours() -> None:
            command(sys.executable, "-m", "onnxguard", "parity", model, *reference)

        def theirs() -> None:
            command(sys.executable, str(script), student.name, weights, name)
            command(
                *(polygraphy, "run", model, "--onnxrt"),
                *("--load-inputs", str(folder / "inputs.json")),
                *("--load-outputs", str(folder / "torch.json")),
                *("--atol", "1e-5", "--rtol", "1e-5"),
            )

        check_parity(model, network)
        print(f"onnxguard parity, whole command: {timed(ours, arguments.rounds)}")
        print(f"script and polygraphy run, whole commands: {timed(theirs, arguments.rounds)}")
        alone = timed(lambda: check_parity(model, network), arguments.rounds)
        print(f"check_parity, imports done: {alone}")
        report = check_parity(model, network)

        print(
            f"trials: {len(report.trials)}, nodes alone: {report.nodes.checked}; "
            "Polygraphy: 1 trial"
        )
        made, noticed, noticed_by_polygraphy = kill_rates(graph, network, arguments.mutants)
        print(
            f"of {made} damaged graphs onnxguard noticed {noticed} ({noticed / made:.1%}), "
            f"Polygraphy {noticed_by_polygraphy} ({noticed_by_polygraphy / made:.1%})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
