"""What must hold before numbers mean anything: opset, names, modes."""

from __future__ import annotations

import onnx
from onnx import numpy_helper

from onnxguard.base.printable import printable
from onnxguard.parity.collector import Found
from onnxguard.parity.loading import Sides
from onnxguard.parity.settings import Settings
from onnxguard.parity.torch_reference import TorchReference
from onnxguard.running.comparison import Named
from onnxguard.running.cutting import (
    RANDOM_OPERATORS,
    constant_value,
    depends_on_values,
    graphs_of,
)
from onnxguard.running.graph_file import OnnxModel


def check_contract(sides: Sides, settings: Settings, found: Found) -> None:
    """Check what can be checked before anything is run."""
    if sides.same:
        found.add("OP102", "the reference is the very graph that it is to vouch for")
    check_opset(sides.model, settings.opset, found)
    check_training_nodes(sides.model, found)
    if isinstance(sides.reference, TorchReference):
        for name in sides.reference.in_training():
            found.add("OP104", "modules of the reference are in training mode", name)


def check_opset(model: OnnxModel, opset: int | None, found: Found) -> None:
    """An exporter that was asked for one opset may write another without a word."""
    if opset is not None and model.opset != opset:
        found.add("OP101", f"the graph is of opset {model.opset}, {opset} was asked for")


def check_training_nodes(model: OnnxModel, found: Found) -> None:
    """No node may draw at random or behave as in training, wherever it stands."""
    constants = {tensor.name: tensor for tensor in model.proto.graph.initializer}
    for graph in graphs_of(model.proto):
        if isinstance(graph, onnx.GraphProto):
            constants |= {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            value = constant_value(node)
            if value is not None:
                constants.update(dict.fromkeys(node.output, value))
        for node in graph.node:
            if node.domain not in ("", "ai.onnx"):
                continue
            name = printable(node.name or node.op_type)
            if node.op_type in RANDOM_OPERATORS:
                found.add("OP108", f"the {node.op_type} node {name} draws at random", name)
            elif _trains(node, constants) and not (
                graph is model.proto.graph and _normalises_weights(graph, node)
            ):
                found.add("OP105", f"the {node.op_type} node {name} runs in training mode", name)


def check_output_names(model: OnnxModel, answer: Named, found: Found) -> None:
    """Outputs that the reference names as the graph does must stand in the graph's order."""
    declared = [output.name for output in model.outputs]
    for given in ([n for n, _ in answer], [n.rpartition(".")[2] for n, _ in answer]):
        if sorted(given) == sorted(declared) and given != declared:
            theirs, ours = (", ".join(map(printable, side)) for side in (given, declared))
            found.add("OP103", f"the reference gives {theirs}; the graph gives {ours}")


def _normalises_weights(graph: onnx.GraphProto, node: onnx.NodeProto) -> bool:
    """Whether a BatchNormalization takes its statistics of weights, as if to standardise them."""
    return node.op_type == "BatchNormalization" and not depends_on_values(graph, node.input[:1])


def _trains(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> bool:
    if node.op_type == "BatchNormalization":
        return any(a.name == "training_mode" and a.i for a in node.attribute)
    if node.op_type != "Dropout" or len(node.input) < 3 or not node.input[2]:
        return False
    mode = constants.get(node.input[2])
    return mode is None or bool(numpy_helper.to_array(mode).any())
