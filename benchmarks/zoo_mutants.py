"""Damage exports of benchmarks.zoo, and count what ``onnxguard parity`` and Polygraphy notice.

    python -m benchmarks.zoo_mutants FOLDER [NAME ...] [--mutants 60]

FOLDER is that of benchmarks.zoo. A mutant counts where it gives something else than the graph by
more than 1e-5 on inputs that the network takes, among them such that read the damaged rows. Asked
are the default run of ``check_parity`` (with ``rounding`` where the honest export needs it), and
Polygraphy's comparison of ONNX Runtime with the module on its own random data, at 1e-5 absolute and
relative. Results are kept in FOLDER; a later call goes on. Mutant number N is always the same.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, numpy_helper

from benchmarks.zoo_networks import NETWORKS
from onnxguard.parity.check import check_parity

NAMES = ("resnet18", "bert", "unet", "t5_encoder", "vit")
REPLACED = {
    "Relu": ("LeakyRelu", {}),
    "Add": ("Sub", {}),
    "Sub": ("Add", {}),
    "Mul": ("Add", {}),
    "Div": ("Mul", {}),
    "Sigmoid": ("HardSigmoid", {}),
    "Tanh": ("Softsign", {}),
    "Erf": ("Tanh", {}),
    "Sqrt": ("Abs", {}),
    "Softmax": ("Sigmoid", {}),
    "MaxPool": ("AveragePool", {}),
    "Max": ("Min", {}),
    "Min": ("Max", {}),
    "Less": ("LessOrEqual", {}),
    "Floor": ("Round", {}),
}
"""Operators that take the place of others, with attributes that these lack."""
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)


class Damage(NamedTuple):
    """What was done, and rows of a weight that it was done to."""

    kind: str
    where: str
    rows: tuple[int, ...] = ()


def _weights(graph: onnx.GraphProto, dims: range) -> list[onnx.TensorProto]:
    held = [
        *graph.initializer,
        *(a.t for n in graph.node for a in n.attribute if a.name == "value"),
    ]
    return [t for t in held if t.data_type in FLOATS and len(t.dims) in dims and 0 not in t.dims]


def _set(tensor: onnx.TensorProto, value: Any) -> None:
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), tensor.name))


def zero_rows(graph: onnx.GraphProto, random: Random) -> Damage:
    """Zero one row of a weight, or up to a tenth of its rows."""
    tensor = random.choice(_weights(graph, range(2, 6)))
    value = numpy_helper.to_array(tensor).copy()
    first = random.randrange(len(value))
    count = random.choice([1, max(1, len(value) // 10)])
    value[first : first + count] = 0
    _set(tensor, value)
    return Damage("rows zeroed", tensor.name, tuple(range(first, min(first + count, len(value)))))


def swap_rows(graph: onnx.GraphProto, random: Random) -> Damage:
    """Exchange two rows."""
    tensor = random.choice([t for t in _weights(graph, range(1, 6)) if t.dims[0] > 1])
    value = numpy_helper.to_array(tensor).copy()
    rows = tuple(random.sample(range(len(value)), 2))
    value[list(rows)] = value[list(rows[::-1])]
    _set(tensor, value)
    return Damage("rows swapped", tensor.name, rows)


def change_attribute(graph: onnx.GraphProto, random: Random) -> Damage:
    """Move a number among the attributes of a node."""
    places = [
        (node, a)
        for node in graph.node
        for a in node.attribute
        if a.type in (a.INT, a.INTS, a.FLOAT) and node.op_type not in ("Cast", "Constant")
    ]
    node, attribute = random.choice(places)
    if attribute.type == attribute.FLOAT:
        attribute.f *= 1 + random.choice([1e-3, 1e-2, 0.5])
    elif attribute.type == attribute.INT:
        attribute.i += random.choice([-1, 1])
    else:
        attribute.ints[random.randrange(len(attribute.ints))] += random.choice([-1, 1])
    return Damage("attribute changed", f"{node.op_type} {node.name} {attribute.name}")


def replace_node(graph: onnx.GraphProto, random: Random) -> Damage:
    """Put another operator in a node's place."""
    node = random.choice([node for node in graph.node if node.op_type in REPLACED])
    before = node.op_type
    node.op_type = REPLACED[before][0]
    if before in ("Softmax", "MaxPool"):
        kept = [a for a in node.attribute if before == "MaxPool" and a.name != "dilations"]
        del node.attribute[:]
        node.attribute.extend(kept)
    return Damage("node replaced", f"{before} {node.name}")


def nudge_constant(graph: onnx.GraphProto, random: Random) -> Damage:
    """Move one value of a constant or weight: a thousandth, a hundredth, or one."""
    held = [
        *graph.initializer,
        *(a.t for n in graph.node for a in n.attribute if a.name == "value"),
    ]
    tensor = random.choice([t for t in held if t.data_type in (*FLOATS, TensorProto.INT64)])
    value = numpy_helper.to_array(tensor).copy()
    if not value.size:
        return Damage("constant nudged", "")
    place = random.randrange(value.size)
    step = random.choice([1e-3, 1e-2, 1.0])
    flat = value.reshape(-1)
    flat[place] += 1 if value.dtype.kind == "i" else step * max(abs(float(flat[place])), 1e-2)
    _set(tensor, flat.reshape(value.shape))
    row = place // max(1, value.size // len(value)) if value.ndim else 0
    return Damage("constant nudged", tensor.name, (row,))


KINDS: tuple[Callable[[onnx.GraphProto, Random], Damage], ...] = (
    zero_rows,
    swap_rows,
    change_attribute,
    replace_node,
    nudge_constant,
)


def legal(name: str, rows: tuple[int, ...], graph: onnx.GraphProto) -> list[dict[str, Any]]:
    """Inputs that the network takes: other sizes, all kinds of values, and the damaged rows."""
    random = np.random.default_rng(5)
    declared = [value.name for value in graph.input]
    if name in ("bert", "t5_encoder"):
        vocabulary = {"bert": 30522, "t5_encoder": 32128}[name]
        feeds = []
        for rows_of, length in ((1, 512), (3, 40)):
            ids = random.integers(0, vocabulary, (rows_of, length))
            picked = [row for row in rows if row < vocabulary][:length]
            ids[0, : len(picked)] = picked
            mask = np.ones_like(ids)
            mask[-1, length // 2 :] = 0
            kinds = random.integers(0, 2, ids.shape)
            feeds.append(dict(zip(declared, (ids, mask, kinds), strict=False)))
        return feeds
    sides = [(224, 224)] if name == "vit" else [(96, 64), (64, 160)]
    shapes = [(2, 3, *side) for side in sides]
    return [
        {declared[0]: (random.standard_normal(shape) * scale).astype(np.float32)}
        for shape in shapes
        for scale in (1, 8)
    ]


def session(data: bytes) -> Any:
    """A session that says nothing."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def differs(data: bytes, feeds: list[dict[str, Any]], expected: list[Any]) -> bool:
    """Whether a mutant runs and gives something else on any of the inputs."""
    try:
        loaded = session(data)
        for feed, wanted in zip(feeds, expected, strict=True):
            for ours, theirs in zip(wanted, loaded.run(None, feed), strict=True):
                if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
                    return True
                if not np.abs(ours.astype(np.float64) - theirs).max() <= 1e-5:
                    return True
    except Exception:  # noqa: BLE001 - what does not run is no mutant
        return False
    return False


class Polygraphy:
    """Compares graphs with the module as ``polygraphy run --onnxrt --load-outputs`` does."""

    def __init__(self, name: str, module: torch.nn.Module) -> None:
        from polygraphy.common import TensorMetadata
        from polygraphy.comparator import DataLoader
        from polygraphy.logger import G_LOGGER

        G_LOGGER.module_severity = G_LOGGER.CRITICAL
        entry = NETWORKS[name]
        metadata = TensorMetadata()
        for input_name, tensor in zip(entry.axes, entry.inputs(), strict=True):
            array = tensor.numpy()
            metadata.add(input_name, array.dtype, array.shape)
        loader = DataLoader(input_metadata=metadata, val_range=(0, 1) if name == "bert" else None)
        self.feed = {k: np.asarray(v) for k, v in next(iter(loader)).items()}
        with torch.inference_mode():
            answer = module(*(torch.from_numpy(self.feed[name].copy()) for name in entry.axes))
        self.expected = dict(zip(entry.outputs, (answer.numpy(),), strict=True))

    def notices(self, data: bytes) -> bool:
        """Whether it fails a graph."""
        from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx
        from polygraphy.comparator import Comparator, SimpleCompareFunc

        try:
            results = Comparator.run([OnnxrtRunner(SessionFromOnnx(data))], data_loader=[self.feed])
        except Exception:  # noqa: BLE001 - a graph that does not run is noticed
            return True
        results.add([self.expected], "torch")
        compare = SimpleCompareFunc(atol=1e-5, rtol=1e-5)
        return not Comparator.compare_accuracy(results, compare_func=compare)


def run(folder: Path, name: str, kind: str, wanted: int) -> list[dict[str, Any]]:
    """Go on until so many mutants counted; what became of each."""
    kept = folder / f"{name}.{kind}.mutants.json"
    state = json.loads(kept.read_text()) if kept.exists() else {"next": 0, "found": []}
    proto = onnx.load(folder / f"{name}.{kind}.onnx")
    module = NETWORKS[name].make()
    module.load_state_dict(torch.load(folder / f"{name}.pt", weights_only=True))
    data, options = proto.SerializeToString(), dict[str, Any]()
    if not check_parity(data, module).passed:
        options["tolerance"] = "rounding"
        if not check_parity(data, module, **options).passed:
            raise SystemExit(f"{name}: the honest export does not pass")
    polygraphy, honest = Polygraphy(name, module), session(data)
    if polygraphy.notices(data):
        print(f"{name}: Polygraphy fails the honest export")
    while len(state["found"]) < wanted:
        number = state["next"]
        state["next"] += 1
        random = Random(f"{name} {number}")
        damaged = onnx.ModelProto()
        damaged.CopyFrom(proto)
        try:
            damage = KINDS[number % len(KINDS)](damaged.graph, random)
        except IndexError:  # nothing of that kind
            continue
        mutant = damaged.SerializeToString()
        feeds = legal(name, damage.rows, proto.graph)
        if mutant == data or not differs(mutant, feeds, [honest.run(None, f) for f in feeds]):
            continue  # nobody can notice it
        report = check_parity(mutant, module, **options)
        found = [f.code for f in report.findings if f.fails]
        state["found"].append(
            {
                "number": number,
                "kind": damage.kind,
                "where": damage.where,
                "killed": not report.passed,
                "codes": found,
                "polygraphy": polygraphy.notices(mutant),
            }
        )
        kept.write_text(json.dumps(state))
        if report.passed:
            print(f"{name} {number}: {damage.kind} in {damage.where} was not noticed", flush=True)
    return list(state["found"])


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--mutants", type=int, default=60)
    parser.add_argument("--kind", default="script")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    total: Counter[str] = Counter()
    for name in arguments.names or NAMES:
        found = run(arguments.folder, name, arguments.kind, arguments.mutants)[: arguments.mutants]
        counts = Counter({"mutants": len(found)})
        counts["onnxguard"] = sum(one["killed"] for one in found)
        counts["Polygraphy"] = sum(one["polygraphy"] for one in found)
        total += counts
        print(f"| {name} |", " | ".join(f"{counts[key]}" for key in counts), "|", flush=True)
    share = " | ".join(f"{total[key]} ({total[key] / total['mutants']:.1%})" for key in total)
    print(f"| all | {share} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
