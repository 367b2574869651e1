"""Compare the shapes that the scan infers with onnx's.

    python benchmarks/shapes.py [FILE_OR_FOLDER...]
    python benchmarks/shapes.py --memory --shape input=1x3x256x256 [FILE...]

Without paths: onnx's own node tests and tests/models. Of every value in the main graph each
dimension that onnx.shape_inference (strict, with data propagation) knows is looked up in ours: it
is known, or unknown, or a contradiction. What the model itself declares of its values is taken out
before, so that neither repeats it.

With ``--memory`` each model runs once in ONNX Runtime, optimisations off, on zeros of the shapes
that are given or declared (1 for a name), and the peak that its profile tells stands beside ours:
the bytes that its allocator was asked for, seen at the ends of nodes, without what was there before
the first one; and ``mem_in_use_peak``, which has alignment and workspaces in it. Without paths:
both students at 256 and 1024. Needs the extra ``dev``.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, ValueInfoProto
from onnx.backend.test.loader import load_model_tests

from onnxguard.model.reading import read_model
from onnxguard.model.scopes import Scopes
from onnxguard.model.shapes.cost import cost_of
from onnxguard.model.shapes.dims import Shape, shape_text
from onnxguard.model.shapes.infer import infer_shapes
from onnxguard.policy.sizes import Sizes, parse_sizes

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from make_models import FOLDER, saliency

Dims = tuple[int | str | None, ...]


def models(paths: list[Path]) -> Iterator[tuple[str, ModelProto]]:
    """The models by name, without weights that lie elsewhere."""
    if not paths:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's: some cases are about overflows
            cases = load_model_tests(kind="node")
        yield from ((case.name, case.model) for case in cases if case.model is not None)
        paths = [FOLDER]
    for path in paths:
        for file in sorted(path.rglob("*.onnx")) if path.is_dir() else [path]:
            yield file.name, onnx.load(file, load_external_data=False)


def without_declared(model: ModelProto) -> ModelProto:
    """The model without what it says of any value but the inputs."""
    bare = ModelProto.FromString(model.SerializeToString())
    del bare.graph.value_info[:]
    for value in bare.graph.output:
        if value.type.WhichOneof("value") == "tensor_type":
            value.type.tensor_type.ClearField("shape")
    return bare


def inferred_by_onnx(model: ModelProto) -> dict[str, Dims] | None:
    """The dims of tensors by name, those of unknown rank left out; None where onnx refuses."""
    try:
        found = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception:  # noqa: BLE001 # whatever onnx raises is its answer
        return None
    shapes = {v.name: _dims(v) for v in (*found.graph.value_info, *found.graph.output)}
    return {name: dims for name, dims in shapes.items() if dims is not None}


def _dims(value: ValueInfoProto) -> Dims | None:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type" or not value.type.tensor_type.HasField("shape"):
        return None
    return tuple(
        [
            # What onnx made up a name for, it does not know.
            dim.dim_value
            if dim.HasField("dim_value")
            else dim.dim_param
            if dim.dim_param and not dim.dim_param.startswith("unk__")
            else None
            for dim in value.type.tensor_type.shape.dim
        ]
    )


def compare(model: ModelProto, counts: Counter[str]) -> Iterator[str]:
    """Count the dimensions of one model, and say what differs: the gravest begins with ``!``."""
    bare = without_declared(model)
    theirs = inferred_by_onnx(bare)
    ours = infer_shapes(read_model(bare.SerializeToString()))
    counts["models"] += 1
    if theirs is None:
        counts["models that onnx refuses"] += 1
        return
    for clash in ours.clashes:
        counts["false alarms"] += 1
        yield f"! onnx accepts: {clash.message}"
    makers = {name: node.op_type for node in bare.graph.node for name in node.output}
    for name, dims in theirs.items():
        known = ours.roots[0].known.get(name.encode())
        shape = None if known is None else known.shape
        kinds = Counter(_judged(dims, shape))
        counts.update(kinds)
        if kinds["unknown"] or kinds["contradictions"]:
            mark = "! " if kinds["contradictions"] else ""
            line = f"{mark}{makers.get(name)} gives {name}: onnx {list(dims)}, "
            yield line + f"ours {shape_text(shape)}"


def _judged(dims: Dims, shape: Shape | None) -> Iterator[str]:
    if shape is not None and len(shape) != len(dims):
        yield "contradictions"
        return
    for dim, our in zip(dims, shape or (None,) * len(dims), strict=True):
        if dim is None:
            if our is not None:
                yield "dimensions that only ours knows"
            continue
        yield "dimensions that onnx knows"
        if our is None:
            yield "unknown"
        elif isinstance(dim, int) and isinstance(our, int) and dim != our:
            yield "contradictions"
        elif isinstance(dim, int) and not isinstance(our, int):
            yield "numbers for which ours has a formula"


def memory(path: Path, sizes: Sizes) -> str:
    """A row of a table: a model's peak as we count it and as ONNX Runtime does, in bytes."""
    model = read_model(path.read_bytes())
    scopes = Scopes(model)
    cost = cost_of(model, scopes.shapes(sizes, count=True), scopes.types)
    requested, in_use = profiled(path, dict(sizes))
    shown = " ".join("x".join(map(str, shape)) for _, shape in sizes)
    ratio = cost.activation_bytes / requested
    figures = f"{cost.activation_bytes:,} | {requested:,} | {in_use:,} | {ratio:.2f}"
    return f"| {path.name} {shown} | {figures} |"


def profiled(path: Path, sizes: dict[str, tuple[int, ...]]) -> tuple[int, int]:
    """The bytes that ONNX Runtime's allocator was asked for at most, and ``mem_in_use_peak``."""
    options = onnxruntime.SessionOptions()
    options.enable_profiling = True
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    with TemporaryDirectory() as folder:
        options.profile_file_prefix = f"{folder}/profile"
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        feeds = {}
        for each in session.get_inputs():
            declared = [dim if isinstance(dim, int) else 1 for dim in each.shape]
            dtype = {"tensor(int64)": np.int64, "tensor(bool)": np.bool_}.get(each.type, np.float32)
            feeds[each.name] = np.zeros(sizes.get(each.name, declared), dtype)
        session.run(None, feeds)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    nodes = [e["args"] for e in events if "mem_bytes_requested_in_use" in e["args"]]
    asked = [int(node["mem_bytes_requested_in_use"]) for node in nodes]
    before = asked[0] - int(nodes[0]["mem_requested_in_use_delta"])
    return max(asked) - before, max(int(node["mem_in_use_peak"]) for node in nodes)


def print_memory(paths: list[Path], sizes: Sizes) -> None:
    """Print the table."""
    print(
        "| model | ours | asked for | mem_in_use_peak | ours / asked for |\n|---|--:|--:|--:|--:|"
    )
    if paths:
        for path in paths:
            print(memory(path, sizes))
        return
    with TemporaryDirectory() as folder:
        for name, resize in (("v1", False), ("v2", True)):
            path = Path(folder) / f"student-{name}.onnx"
            onnx.save(saliency(resize, width=16), path)
            for side in (256, 1024):
                print(memory(path, (("input", (1, 3, side, side)),)))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--shown", type=int, default=20)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--shape", action="append", default=[])
    parser.add_argument("paths", nargs="*", type=Path)
    options = parser.parse_args()
    if options.memory:
        print_memory(options.paths, parse_sizes(options.shape))
        return
    counts: Counter[str] = Counter()
    said = [
        f"{name}: {line}"
        for name, model in models(options.paths)
        for line in compare(model, counts)
    ]
    for line in sorted(said, key=lambda line: ": !" not in line)[: options.shown]:
        print(line)
    for key, count in sorted(counts.items()):
        print(f"{key}: {count:,}")
    known = 1 - counts["unknown"] / max(counts["dimensions that onnx knows"], 1)
    print(f"known of what onnx knows: {100 * known:.2f} %")
    sys.exit(1 if counts["contradictions"] or counts["false alarms"] else 0)


if __name__ == "__main__":
    main()
