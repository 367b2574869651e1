"""Whether a comparison that passed could have failed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import helper

from onnxguard.base.printable import printable
from onnxguard.parity.collector import Found
from onnxguard.parity.node_pass import NodeResults
from onnxguard.running.comparison import Array, Named, is_floating
from onnxguard.running.ranges import inner_graphs

Shape = tuple[tuple[str, tuple[int, ...]], ...]
"""``(input, shape)`` of each input."""

SPAN = 100.0
"""An output must span this many tolerances: one that is wrong by a hundredth of it shows."""
SATURATED = 0.99
"""An output of which this share lies at its two extremes says too little of what is behind."""
_EXTREME = 1e-4
"""Behind an output: this near to the extremes a value counts as saturated."""
DISCRETE = 16
"""A floating output of no more values than this is a class or a mask, not a measurement."""


def check_answers(
    runs: Sequence[tuple[Shape, Named]],
    hides: Callable[[int], bool],
    allowed: Sequence[tuple[float, float]],
    found: Found,
    again: tuple[Shape, Named] | None = None,
) -> None:
    """Look at what the reference answered in all trials together.

    Args:
        runs: the shapes of the inputs, and the outputs, of every trial that was compared.
        hides: whether the numbers behind the output at a position were not compared either.
        allowed: the absolute and the relative tolerance of each output.
        found: takes OP302 to OP305 and OP308.
        again: one more answer, compared with nothing: it tells whether the inputs matter, and
            speaks for what is one number, or no measurement.
    """
    every = runs if again is None else (*runs, again)
    for position, (name, _) in enumerate(runs[0][1]):
        shown = printable(name) or f"output {position}"
        pairs = [(shapes, outputs[position][1]) for shapes, outputs in runs]
        one = pairs[0][1]
        if one.size == 1 or not is_floating(one.dtype):
            pairs = [(shapes, outputs[position][1]) for shapes, outputs in every]
        arrays = [array for _, array in pairs if array.size]
        if not arrays or any(not array.size and _hollow(shapes) for shapes, array in pairs):
            found.add("OP302", f"{shown} is empty", shown)
            continue
        if any(array.dtype.kind not in "biuf" for array in arrays):
            continue
        flat = np.concatenate([array.ravel() for array in arrays])
        flat = flat[np.isfinite(flat)]
        if not flat.size:
            found.add("OP303", f"{shown} holds no finite number", shown)
            continue
        atol = allowed[position][0]
        if is_floating(flat.dtype):
            atol += allowed[position][1] * float(np.abs(flat).max())
        if _narrow(flat, atol):
            found.add("OP303", f"{shown} {_narrow(flat, atol)}", shown)
        elif all(map(is_discrete, arrays)):
            if hides(position):
                said = "shows decisions, and the numbers behind them were not compared"
                found.add("OP308", f"{shown} {said}", shown)
        elif is_floating(flat.dtype) and _saturated(flat, 10 * atol):
            if hides(position):
                share = f"{SATURATED:.0%} of its values lie at its two extremes"
                found.add("OP304", f"{shown} is saturated: {share}", shown)
        elif not _sensitive(every, position, atol):
            found.add("OP305", f"{shown} does not depend on the inputs", shown)


def _hollow(shapes: Shape) -> bool:
    """Whether an input has no elements; a selection may well find nothing in one that has."""
    return any(0 in shape for _, shape in shapes)


def hides_numbers(output: str, proto: onnx.ModelProto, results: NodeResults) -> bool:
    """Whether numbers behind an output that shows decisions were not compared.

    Follows decisions back to the numbers that they were made of: an input of the graph is known,
    and a number that the node-local pass compared is. What happens inside a function or a subgraph
    is not seen.
    """
    made = {name: node for node in proto.graph.node for name in node.output}
    inputs = {value.name for value in proto.graph.input}
    if not results.summary.ran:
        seen_outside = inputs | {value.name for value in proto.graph.output}
        seen_outside |= {tensor.name for tensor in proto.graph.initializer}
        node = made.get(output)
        direct = node is not None and not inner_graphs(node) and seen_outside.issuperset(node.input)
        return not direct and _computes_with_numbers(proto)
    pending, seen = [output], set[str]()
    while pending:
        name = pending.pop()
        value = results.values.get(name)
        if name in results.left:
            return True
        if name in seen or name in inputs or value is None:
            continue
        seen.add(name)
        if value.size and not is_discrete(value) and not _saturated(value.ravel(), _EXTREME):
            if name not in results.compared:
                return True
            continue
        node = made[name]
        if inner_graphs(node):
            return True
        pending.extend(node.input)
    return False


def _computes_with_numbers(proto: onnx.ModelProto) -> bool:
    """Whether any input or constant is floating: integers have nothing behind them."""
    kinds = [value.type.tensor_type.elem_type for value in proto.graph.input]
    kinds += [tensor.data_type for tensor in proto.graph.initializer]
    return any(is_floating(helper.tensor_dtype_to_np_dtype(kind)) for kind in kinds)


def is_discrete(array: Array) -> bool:
    """Whether an array holds classes, a mask or indices: integers, or very few different values."""
    return not is_floating(array.dtype) or len(np.unique(array)) <= min(DISCRETE, array.size // 2)


def _narrow(flat: Array, atol: float) -> str:
    if not is_floating(flat.dtype):
        return "has one value only" if (flat == flat[0]).all() else ""
    span = float(flat.max()) - float(flat.min())
    if span >= SPAN * atol:
        return ""
    return f"spans {span:.3g} only, {span / atol:.0f} times the tolerance of {atol:.3g}"


def _saturated(flat: Array, near: float) -> bool:
    extreme = (flat <= flat.min() + near) | (flat >= flat.max() - near)
    return float(np.mean(extreme)) > SATURATED


def _sensitive(
    runs: Sequence[tuple[Shape, Named]],
    position: int,
    atol: float,
) -> bool:
    """Whether two inputs of one shape gave different values; True where there are no two."""
    pairs = 0
    for (shapes, outputs), (others, different) in itertools.combinations(runs, 2):
        if shapes != others:
            continue
        a, b = outputs[position][1], different[position][1]
        pairs += 1
        if a.shape != b.shape or _apart(a, b) > 10 * atol:
            return True
    return not pairs


def _apart(a: Array, b: Array) -> float:
    if a.dtype.kind == "b" or b.dtype.kind == "b":
        return float(np.any(a != b))
    finite = np.isfinite(a) & np.isfinite(b)
    return float(np.abs(a[finite].astype(np.float64) - b[finite]).max(initial=0.0))
