"""What arithmetic makes of constants, in the dtypes that they have."""

from __future__ import annotations

import struct
from collections.abc import Callable
from math import copysign, inf, isfinite
from operator import add, mul, sub

from onnxguard.model.constants import FLOAT16, FLOATS, INTEGERS, INTS_READ, SIGNED, Static
from onnxguard.model.graph import Node
from onnxguard.model.wire import signed

KEEPS_VALUES = frozenset({"Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten"})
FOLDS: dict[str, Callable[[float, float], float]] = {"Add": add, "Sub": sub, "Mul": mul}


def computed(node: Node, known: list[Static]) -> Static:
    """What a node makes of the values that it reads.

    A constant whose numbers are not followed is hidden; what a graph's input has a say in, none.
    """
    unknown = f"the output of {node.operator.label}"
    if not all(part.is_constant for part in known):
        return Static(None, 0, unknown)
    op_type = node.operator.op_type
    followed = not node.operator.domain and not node.operator.overload and bool(known)
    found = Static(None, 0, unknown, hidden=True)
    if followed and (op_type in KEEPS_VALUES or op_type in FOLDS or op_type == "Concat"):
        hidden = next((part for part in known if part.values is None), None)
        found = hidden if hidden is not None else _followed(node, known) or found
    return found._replace(loose=any(part.loose for part in known))


def _followed(node: Node, known: list[Static]) -> Static | None:
    op_type = node.operator.op_type
    if op_type == "Cast":
        to = node.attribute(b"to")
        return _cast(known[0], to.i or 0) if to is not None else None
    if op_type in KEEPS_VALUES:
        return known[0]
    if len({part.dtype for part in known}) > 1:
        return None
    if op_type in FOLDS:
        return _fold(op_type, *known) if len(known) == 2 else None
    joined = tuple([v for part in known for v in part.values or ()])
    if len(joined) > INTS_READ:
        return Static(None, 0, f"a Concat of more than {INTS_READ} numbers", hidden=True)
    return Static(joined, known[0].dtype, "Concat of constants")


def _as_dtype(value: float, dtype: int) -> float | None:
    """A number as a dtype holds it; None where machines differ in what they make of it."""
    if dtype in FLOATS:
        value = _rounded(float(value), *FLOATS[1]) if dtype == FLOAT16 else float(value)
        return _rounded(value, *FLOATS[dtype])
    if dtype == 9:
        return int(value != 0)
    bits = 8 * INTEGERS[dtype]
    if isinstance(value, int):
        return signed(value & (1 << bits) - 1, bits) if dtype in SIGNED else value & (1 << bits) - 1
    low, high = (-(1 << bits - 1), 1 << bits - 1) if dtype in SIGNED else (0, 1 << bits)
    return int(value) if isfinite(value) and low <= int(value) < high else None


def _rounded(value: float, code: str, _width: int) -> float:
    try:
        return float(struct.unpack(code, struct.pack(code, value))[0])
    except OverflowError:
        return copysign(inf, value)


def _in_dtype(values: list[float], dtype: int, source: str) -> Static:
    held = [_as_dtype(value, dtype) for value in values]
    exact = tuple([value for value in held if value is not None])
    if len(exact) < len(held):
        return Static(None, dtype, f"{source}, beyond what its dtype holds", hidden=True)
    return Static(exact, dtype, source)


def _cast(value: Static, to: int) -> Static | None:
    if to not in INTEGERS and to not in FLOATS:
        return None
    return _in_dtype(list(value.values or ()), to, value.source)


def _fold(op_type: str, left: Static, right: Static) -> Static | None:
    a, b = left.values or (), right.values or ()
    if len(a) != len(b):
        if 1 not in (len(a), len(b)):
            return None
        a, b = (a * len(b), b) if len(a) == 1 else (a, b * len(a))
    made = [FOLDS[op_type](x, y) for x, y in zip(a, b, strict=True)]
    return _in_dtype(made, left.dtype, f"{op_type} of constants")
