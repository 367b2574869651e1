"""What differs among equals alone: places that TopK, ArgMax and ArgMin pick, rows in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from onnxguard.running.comparison import Array, distances, is_floating, same_extremes

_PLACES = {"TopK": 1, "ArgMax": 0, "ArgMin": 0}
"""Which output of an operator holds places along an axis of its first input."""
_FIRST_AXIS = {"TopK": -1, "ArgMax": 0, "ArgMin": 0}
ORDERING = frozenset({"NonMaxSuppression", "TopK"})
"""What puts rows into the order of their values."""
ROWS = 4096
"""More rows than this are not put into another order."""
EQUAL = 1e-2
"""Values are no equals that are farther apart than this share of what all of them span."""
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
    finite = data[np.isfinite(data)].astype(np.float64)
    tolerance = min(tolerance, EQUAL * float(np.ptp(finite))) if finite.size else 0.0
    same = (distances(a, b) <= tolerance) | same_extremes(a, b) if is_floating(a.dtype) else a == b
    distinct = (np.diff(np.sort(theirs, axis), axis=axis) > 0).all(axis=axis, keepdims=True)
    return np.asarray((same & distinct).reshape(expected.shape))


def picks_among_equals(node: onnx.NodeProto, data: Array, picked: Array) -> bool:
    """Whether a TopK picks values from a tensor that has one of them twice in a row."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    axis = int(attributes.get("axis", _FIRST_AXIS[node.op_type]))
    if not -data.ndim <= axis < data.ndim or not picked.size:
        return False
    ordered = np.sort(data, axis)
    twice = np.diff(ordered, axis=axis) == 0
    values = np.take(ordered, range(1, data.shape[axis]), axis)
    if attributes.get("largest", 1):
        return bool((twice & (values >= picked.min(axis, keepdims=True))).any())
    return bool((twice & (values <= picked.max(axis, keepdims=True))).any())


def same_rows(
    key: tuple[Array, Array], sides: Sequence[tuple[Array, Array]], tolerance: float
) -> npt.NDArray[np.intp] | None:
    """The order in which the second of both sides has the rows of the first.

    Args:
        key: what both sides put the rows in order by, one number each.
        sides: the rows, expected and actual, of all outputs that have so many.
        tolerance: rows change places where their keys are as near as this.

    Returns:
        For every row of the first where the second has it; None where the keys allow no such order,
        are in none themselves, or where more than half of them have an equal beside them: so many
        tell no order from another.
    """
    ours, theirs = (side.ravel().astype(np.float64) for side in key)
    steps = np.diff(ours)
    if not ((steps <= tolerance).all() or (steps >= -tolerance).all()):
        return None
    equal = np.abs(steps) <= tolerance
    if 2 * np.count_nonzero(np.append(equal, False) | np.append(False, equal)) > len(ours):
        return None
    flat = [
        tuple(side.reshape(len(ours), -1).astype(np.float64) for side in pair) for pair in sides
    ]
    left = np.ones(len(ours), bool)
    order = np.zeros(len(ours), np.intp)
    for row, value in enumerate(ours):
        near = np.flatnonzero(left & (np.abs(theirs - value) <= tolerance))
        if not near.size:
            return None
        apart = np.zeros(near.size)
        for expected, actual in flat:
            with np.errstate(invalid="ignore", over="ignore"):
                gaps = np.nan_to_num(np.abs(actual[near] - expected[row]), nan=0.0).max(1)
            apart = np.maximum(apart, gaps)
        order[row] = near[np.argmin(apart)]
        left[order[row]] = False
    return order
