"""The models that the benchmarks read, made once into a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from make_models import saliency

STUDENT_WIDTH = 16


def student(folder: Path) -> Path:
    """The v2 student at its real size: 37 nodes, 0.5 MB."""
    path = folder / "student.onnx"
    if not path.exists():
        onnx.save(saliency(resize=True, width=STUDENT_WIDTH), path)
    return path


def large(folder: Path, tensors: int = 100, megabytes: int = 16) -> Path:
    """100 MatMul layers with weights of 16 MB each: 1.6 GB in one file."""
    path = folder / "large.onnx"
    if path.exists():
        return path
    side = int((megabytes * 1_000_000 / 4) ** 0.5)
    weights = np.random.default_rng(0).random((side, side), np.float32).tobytes()
    nodes = [
        helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"], f"/layer{i}/MatMul")
        for i in range(tensors)
    ]
    stored = [
        helper.make_tensor(f"w{i}", TensorProto.FLOAT, [side, side], weights, raw=True)
        for i in range(tensors)
    ]
    shape = ["batch", side]
    ends = [helper.make_tensor_value_info(n, 1, shape) for n in ("x0", f"x{tensors}")]
    graph = helper.make_graph(nodes, "large", ends[:1], ends[1:], stored)
    opset = [helper.make_opsetid("", 17)]
    _write(path, helper.make_model(graph, opset_imports=opset, ir_version=8))
    return path


def many_nodes(folder: Path, count: int = 100_000) -> Path:
    """A chain of Conv, Relu, Add and Concat with names and attributes as exporters write them."""
    path = folder / f"nodes-{count}.onnx"
    if path.exists():
        return path
    conv = {"kernel_shape": [3, 3], "pads": [1] * 4, "strides": [1, 1], "dilations": [1, 1]}
    kinds: list[tuple[str, dict[str, object]]] = [
        ("Conv", {**conv, "group": 1}),
        ("Relu", {}),
        ("Add", {}),
        ("Concat", {"axis": 1}),
    ]
    nodes, last = [], "input"
    for index in range(count):
        kind, attributes = kinds[index % 4]
        inputs = {"Conv": [last, f"w{index % 50}"], "Relu": [last]}.get(kind, [last, last])
        output = f"/stage.{index}/{kind}_output_0"
        nodes.append(
            helper.make_node(kind, inputs, [output], f"/stage.{index}/{kind}", **attributes)
        )
        last = output
    _write(path, _chain(nodes, last, 16))
    return path


def constants(folder: Path, count: int = 100_000) -> Path:
    """A chain in which every fourth node is a Constant, as the exporters of PyTorch write them.

    By turns a number, no two alike, that a Mul reads, and the shape that a Reshape reads.
    """
    path = folder / f"constants-{count}.onnx"
    if path.exists():
        return path
    conv = {"kernel_shape": [3, 3], "pads": [1] * 4, "strides": [1, 1], "dilations": [1, 1]}
    nodes, last = [], "input"
    for index in range(count // 4):
        names = [f"/stage.{index}/{kind}" for kind in ("Conv", "Relu", "Constant", "Use")]
        outputs = [f"{name}_output_0" for name in names]
        shape = index % 2
        value = (
            helper.make_tensor("", TensorProto.INT64, [4], np.array([0, 8, 8, 8]).tobytes(), True)
            if shape
            else helper.make_tensor("", TensorProto.FLOAT, [], np.float32(index).tobytes(), True)
        )
        nodes += [
            helper.make_node("Conv", [last, f"w{index % 50}"], outputs[:1], names[0], **conv),
            helper.make_node("Relu", outputs[:1], outputs[1:2], names[1]),
            helper.make_node("Constant", [], outputs[2:3], names[2], value=value),
            helper.make_node("Reshape" if shape else "Mul", outputs[1:3], outputs[3:], names[3]),
        ]
        last = outputs[3]
    _write(path, _chain(nodes, last))
    return path


def _chain(nodes: list[onnx.NodeProto], last: str, channels: int = 8) -> onnx.ModelProto:
    """A model of these nodes, from ``input`` to ``last``, with the weights of 50 Convs."""
    weights = np.zeros((8, channels, 3, 3), np.float32).tobytes()
    stored = [
        helper.make_tensor(f"w{i}", TensorProto.FLOAT, [8, channels, 3, 3], weights, raw=True)
        for i in range(50)
    ]
    shape = [1, channels, 8, 8]
    ends = [helper.make_tensor_value_info(n, 1, shape) for n in ("input", last)]
    graph = helper.make_graph(nodes, "nodes", ends[:1], ends[1:], stored)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def zoo(folder: Path, count: int, architectures: int) -> Path:
    """``count`` students with weights of their own; each architecture has names of its own."""
    target = folder / f"zoo-{count}-of-{architectures}"
    if target.exists() and len(list(target.glob("*.onnx"))) == count:
        return target
    target.mkdir(exist_ok=True)
    model = saliency(resize=True, width=STUDENT_WIDTH)
    random = np.random.default_rng(0)
    for index in range(count):
        if index * architectures // count > (index - 1) * architectures // count or not index:
            _rename(model, f"m{index:05}")
        for tensor in model.graph.initializer:
            tensor.raw_data = random.bytes(len(tensor.raw_data))
        (target / f"model-{index:05}.onnx").write_bytes(model.SerializeToString())
    return target


REAL = "ONNXGUARD_BENCHMARK_MODELS"
"""Names a folder with more models for ``copies``."""


def copies(folder: Path, count: int) -> Path:
    """So many copies of each model that the tests keep, and of those in the folder ``REAL``."""
    target = folder / f"copies-{count}"
    target.mkdir(exist_ok=True)
    places = [Path(__file__).resolve().parent.parent / "tests" / "models"]
    places += [Path(os.environ[REAL])] if REAL in os.environ else []
    for path in (path for place in places for path in sorted(place.glob("*.onnx"))):
        model = onnx.load(path, load_external_data=False)
        if any(tensor.external_data for tensor in model.graph.initializer):
            continue
        for index in range(count):
            (target / f"{path.stem}-{index:02}.onnx").write_bytes(path.read_bytes())
    return target


def _rename(model: onnx.ModelProto, name: str) -> None:
    """Give every node, and every value that one computes, a name that begins with ``name``."""
    computed = {node.output[0]: f"{name}_{at}" for at, node in enumerate(model.graph.node)}
    for node in model.graph.node:
        node.name = f"/{name}/{node.op_type}/{computed[node.output[0]]}"
        for at, value in enumerate(node.input):
            node.input[at] = computed.get(value, value)
        node.output[0] = computed[node.output[0]]
    for value in model.graph.output:
        value.name = computed.get(value.name, value.name)


def _write(path: Path, model: onnx.ModelProto) -> None:
    temporary = path.with_suffix(".part")
    onnx.save(model, temporary)
    os.replace(temporary, path)
