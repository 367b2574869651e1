"""Places that differ although what they point at is equal: TopK, ArgMax and ArgMin among ties."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from onnxguard.running.comparison import Array, distances, is_floating, same_extremes

_PLACES = {"TopK": 1, "ArgMax": 0, "ArgMin": 0}
"""Which output of an operator holds places along an axis of its first input."""
_FIRST_AXIS = {"TopK": -1, "ArgMax": 0, "ArgMin": 0}
_SAME = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
"""What keeps the number and the order of elements."""


def picker(graph: onnx.GraphProto, output: str) -> onnx.NodeProto | None:
    """The node that picked the places which an output shows; None where there is none."""
    made = {name: node for node in graph.node for name in node.output}
    name, node = output, made.get(output)
    for _ in range(len(graph.node)):
        if node is None or node.domain not in ("", "ai.onnx"):
            return None
        if holds_places(node, name):
            found: onnx.NodeProto = node
            return found
        if node.op_type not in _SAME or not node.input:
            return None
        name = node.input[0]
        node = made.get(name)
    return None


def holds_places(node: onnx.NodeProto, output: str) -> bool:
    """Whether an output of a node is of places along an axis of what it reads."""
    position = _PLACES.get(node.op_type)
    return position is not None and list(node.output)[position : position + 1] == [output]


def ties(
    node: onnx.NodeProto, data: Array, expected: Array, actual: Array, tolerance: float
) -> npt.NDArray[np.bool_]:
    """Where two sets of places pick values that are equal within a tolerance.

    Args:
        node: what picked.
        data: what it picked from.
        expected: places of any shape with as many elements as the node's output.
        actual: others of that shape; an axis on which one place stands twice settles nothing.
        tolerance: of the values.
    """
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    axis = int(attributes.get("axis", _FIRST_AXIS[node.op_type]))
    nothing = np.zeros(expected.shape, bool)
    if not -data.ndim <= axis < data.ndim or not data.size:
        return nothing
    shape = list(data.shape)
    shape[axis] = expected.size * shape[axis] // data.size
    if int(np.prod(shape)) != expected.size or data.dtype.kind not in "biuf":
        return nothing
    ours, theirs = (side.reshape(shape).astype(np.int64) for side in (expected, actual))
    size = data.shape[axis]
    if any(((side < 0) | (side >= size)).any() for side in (ours, theirs)):
        return nothing
    a, b = (np.take_along_axis(data, side, axis) for side in (ours, theirs))
    same = (distances(a, b) <= tolerance) | same_extremes(a, b) if is_floating(a.dtype) else a == b
    distinct = (np.diff(np.sort(theirs, axis), axis=axis) > 0).all(axis=axis, keepdims=True)
    return np.asarray((same & distinct).reshape(expected.shape))
