"""What simple arithmetic makes of constants."""

from __future__ import annotations

from math import isfinite

from onnxguard.model.constants import FLOATS, INTEGERS, INTS_READ, SIGNED, Static
from onnxguard.model.graph import Node
from onnxguard.model.wire import signed

KEEPS_VALUES = frozenset({"Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten"})
FOLDS = frozenset({"Add", "Sub", "Mul"})


def computed(node: Node, known: list[Static]) -> Static:
    """What simple arithmetic makes of constants."""
    op_type, unknown = node.operator.op_type, f"the output of {node.operator.label}"
    if not known or node.operator.domain or node.operator.overload:
        return Static(None, 0, unknown)
    if op_type == "Cast":
        to = node.attribute(b"to")
        return _cast(known[0], to.i if to is not None else None, unknown)
    if op_type in KEEPS_VALUES:
        return known[0]
    if op_type in FOLDS:
        return _fold(op_type, *known) if len(known) == 2 else Static(None, 0, unknown)
    if op_type == "Concat" and all(part.values is not None for part in known):
        joined = tuple([v for part in known for v in part.values or ()])
        return Static(joined[:INTS_READ], known[0].dtype, "Concat of constants")
    return Static(None, 0, unknown)


def _cast(value: Static, to: int | None, unknown: str) -> Static:
    if value.values is None or to is None or not (to in INTEGERS or to in FLOATS):
        return Static(None, 0, value.source if value.values is None else unknown)
    if to in FLOATS:
        return Static(tuple([float(v) for v in value.values]), to, value.source)
    if not all(isfinite(v) for v in value.values):
        return Static(None, 0, unknown)
    if to == 9:
        return Static(tuple([int(v != 0) for v in value.values]), to, value.source)
    bits = 8 * INTEGERS[to]
    whole = [int(v) & ((1 << bits) - 1) for v in value.values]
    if to in SIGNED:
        whole = [signed(v, bits) for v in whole]
    return Static(tuple(whole), to, value.source)


def _fold(op_type: str, left: Static, right: Static) -> Static:
    if left.values is None or right.values is None:
        return left if left.values is None else right
    a, b = left.values, right.values
    if len(a) != len(b):
        if 1 not in (len(a), len(b)):
            return Static(None, 0, f"{op_type} of shapes that do not match")
        a, b = (a * len(b), b) if len(a) == 1 else (a, b * len(a))
    pairs = zip(a, b, strict=True)
    if op_type == "Add":
        values = [x + y for x, y in pairs]
    elif op_type == "Sub":
        values = [x - y for x, y in pairs]
    else:
        values = [x * y for x, y in pairs]
    wrapped = [signed(v) if isinstance(v, int) else v for v in values]
    return Static(tuple(wrapped), left.dtype, f"{op_type} of constants")
