"""What each kind of mutation says that it does, looked up in the damaged graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnxguard.parity.mutants import Mutant


def weights_of(proto: onnx.ModelProto, node: str, slot: int) -> np.ndarray:
    name = next(n for n in proto.graph.node if n.name == node).input[slot]
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    stored |= {n.output[0]: n.attribute[0].t for n in proto.graph.node if n.op_type == "Constant"}
    return np.asarray(numpy_helper.to_array(stored[name]))


def node_of(proto: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(node for node in proto.graph.node if node.name == name)


def changes(mutant: Mutant, original: onnx.ModelProto) -> tuple[np.ndarray, np.ndarray]:
    """The one constant that differs, before and after."""
    before, after = node_of(original, mutant.node), node_of(mutant.proto, mutant.node)
    slots = [i for i, pair in enumerate(zip(before.input, after.input, strict=True))
             if pair[0] != pair[1]]  # fmt: skip
    assert len(slots) == 1
    return (
        weights_of(original, mutant.node, slots[0]),
        weights_of(mutant.proto, mutant.node, slots[0]),
    )


def scaled(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = changes(mutant, original)
    ratios = (after / before)[before != 0]
    return bool(0.9e-5 < ratios.mean() - 1 < 1.1e-2 and np.ptp(ratios) < 1e-6)


def halved(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = changes(mutant, original)
    return np.array_equal(before.astype(np.float16), after) and not np.array_equal(before, after)


def moved(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = changes(mutant, original)
    steps = after - before
    return bool(0.9e-4 < steps.mean() < 1.1e-2 and np.ptp(steps) < 1e-6)


def channels(mutant: Mutant, original: onnx.ModelProto) -> list[int]:
    """The output channels that differ."""
    before, after = changes(mutant, original)
    axes = {"ConvTranspose": 1, "MatMul": -1, "Gather": -1, "Gemm": 0}  # these Gemm: transB
    axes |= {"QLinearMatMul": -1, "DequantizeLinear": -1}  # before a MatMul
    axis = axes.get(node_of(original, mutant.node).op_type, 0)
    unequal = np.moveaxis(before != after, axis, 0).reshape(before.shape[axis], -1).any(1)
    return [int(i) for i in np.flatnonzero(unequal)]


def swapped(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = changes(mutant, original)
    same = np.array_equal(np.sort(before, axis=None), np.sort(after, axis=None))
    return same and len(channels(mutant, original)) == 2


def zeroed(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = changes(mutant, original)
    return len(channels(mutant, original)) == 1 and not after[before != after].any()


def flipped(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = changes(mutant, original)
    return np.array_equal(before[..., ::-1], after)


def transposed(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = changes(mutant, original)
    return np.array_equal(np.swapaxes(before, -1, -2), after)


def resized(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = node_of(original, mutant.node), node_of(mutant.proto, mutant.node)
    unequal = [
        name for name in ("mode", "coordinate_transformation_mode")
        if attribute(before, name) != attribute(after, name)
    ]  # fmt: skip
    return before.op_type == after.op_type == "Resize" and len(unequal) == 1


def attribute(node: onnx.NodeProto, name: str) -> Any:
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), None)


def removed(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = node_of(original, mutant.node), node_of(mutant.proto, mutant.node)
    kept = before.input[0] == after.input[0] and before.output[:] == after.output[:]
    return before.op_type in ("Relu", "Sigmoid", "Erf", "Softmax", "Clip") and (
        kept and after.op_type == "Identity"
    )


def reordered(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = node_of(original, mutant.node), node_of(mutant.proto, mutant.node)
    same = sorted(before.input) == sorted(after.input)
    return same and before.input[:] != after.input[:] and before.op_type == "Concat"


def exchanged(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = node_of(original, mutant.node), node_of(mutant.proto, mutant.node)
    return list(before.input) == list(after.input)[::-1] and before.op_type in ("Sub", "Div")


def averaged(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = node_of(original, mutant.node), node_of(mutant.proto, mutant.node)
    same = attribute(before, "kernel_shape") == attribute(after, "kernel_shape")
    return same and (before.op_type, after.op_type) == ("MaxPool", "AveragePool")


def emptied(mutant: Mutant, original: onnx.ModelProto) -> bool:
    before, after = changes(mutant, original)
    rows = (before != after).any(1)
    first = int(np.argmax(rows))
    return first >= len(before) // 2 and bool(rows[first:].all()) and not after[first:].any()


def number_changed(mutant: Mutant, original: onnx.ModelProto) -> float:
    """What a single number was multiplied by."""
    before, after = changes(mutant, original)
    assert before.size == 1
    return float(after.item() / before.item())


def bounded(mutant: Mutant, original: onnx.ModelProto) -> bool:
    is_bound = node_of(original, mutant.node).op_type in ("Clip", "Max", "Min")
    return is_bound and number_changed(mutant, original) in (0.5, 2)


def compared(mutant: Mutant, original: onnx.ModelProto) -> bool:
    is_asked = node_of(original, mutant.node).op_type in ("Less", "Greater", "Equal")
    return is_asked and number_changed(mutant, original) in (0.5, 2)


def stepped(mutant: Mutant, original: onnx.ModelProto) -> bool:
    is_step = node_of(original, mutant.node).op_type in ("DequantizeLinear", "QLinearMatMul")
    return is_step and number_changed(mutant, original) in (0.5, 2)


def adjusted(mutant: Mutant, original: onnx.ModelProto) -> bool:
    return 1.0009 < number_changed(mutant, original) < 1.11


SAYS: dict[str, Callable[[Mutant, onnx.ModelProto], bool]] = {
    "weight scaled by 1 + 1e-5 to 1 + 1e-2": scaled,
    "weight rounded to float16": halved,
    "bias moved by 1e-4 to 1e-2": moved,
    "output channels swapped": swapped,
    "output channel zeroed": zeroed,
    "rows of a table zeroed": emptied,
    "step of quantised numbers halved or doubled": stepped,
    "kernel flipped": flipped,
    "weight transposed": transposed,
    "Resize mode changed": resized,
    "activation removed": removed,
    "Concat reordered": reordered,
    "operands swapped": exchanged,
    "MaxPool replaced by AveragePool": averaged,
    "bound of a Clip, Max or Min halved or doubled": bounded,
    "number that is compared with halved or doubled": compared,
    "constant scaled by 1 + 1e-3 to 1 + 1e-1": adjusted,
}
