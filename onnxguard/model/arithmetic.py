"""What arithmetic makes of constants, in the dtypes that they have.

Each function takes a node and what it reads, and gives None where it does not follow.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import reduce
from itertools import product
from math import ceil, copysign, floor, inf, isfinite, isnan, nan, prod
from operator import add, eq, gt, lt, mul, sub

from onnxguard.model.constants import FLOAT16, FLOATS, INTEGERS, INTS_READ, SIGNED, Static
from onnxguard.model.graph import Node
from onnxguard.model.wire import signed

BOOL = 9


def cast(node: Node, parts: list[Static]) -> Static | None:
    """The numbers in another dtype."""
    to = node.attribute(b"to")
    if to is None or (to.i not in INTEGERS and to.i not in FLOATS):
        return None
    value = parts[0]
    return in_dtype(value.values or (), to.i or 0, value.dims, value.source)


def cast_like(_node: Node, parts: list[Static]) -> Static | None:
    """The numbers in the dtype of another value, or as they are where any would hold them."""
    value, to = parts[0], parts[-1].dtype
    if to in INTEGERS or to in FLOATS:
        return in_dtype(value.values or (), to, value.dims, value.source)
    return value if all(abs(number) < 1 << 31 for number in value.values or ()) else None


def elementwise(node: Node, parts: list[Static]) -> Static | None:
    """One number of each operand at a time, as they broadcast; all of one dtype."""
    op_type = node.operator.op_type
    known = _broadcast(parts)
    if known is None or len({part.dtype for part in parts}) > 1 or node.attributes:
        return None
    dims, columns = known
    try:
        made = [reduce(_BINARY[op_type], row) for row in zip(*columns, strict=True)]
    except (ArithmeticError, ValueError):
        return None
    dtype = BOOL if op_type in ("Equal", "Greater", "Less") else parts[0].dtype
    return in_dtype(made, dtype, dims, f"{op_type} of constants")


def unary(node: Node, parts: list[Static]) -> Static | None:
    """The same of each number."""
    value, op_type = parts[0], node.operator.op_type
    try:
        made = [_UNARY[op_type](number) for number in value.values or ()]
    except (ArithmeticError, ValueError):
        return None
    return in_dtype(made, value.dtype, value.dims, f"{op_type} of constants")


def where(_node: Node, parts: list[Static]) -> Static | None:
    """Of two operands one, as a third says."""
    known = _broadcast(parts) if len(parts) == 3 else None
    if known is None:
        return None
    dims, columns = known
    made = tuple([yes if chosen else no for chosen, yes, no in zip(*columns, strict=True)])
    return Static(made, parts[1].dtype, "Where of constants", dims=dims)


def expand(_node: Node, parts: list[Static]) -> Static | None:
    """A value, broadcast to a shape."""
    value = parts[0]
    known = _broadcast([value], [int(size) for size in parts[-1].values or ()])
    if known is None or len(parts) != 2:
        return None
    return value._replace(values=tuple(known[1][0]), dims=known[0])


def range_(_node: Node, parts: list[Static]) -> Static | None:
    """Integers from the first to before the second, by the third."""
    if len(parts) != 3 or parts[0].dtype not in INTEGERS:
        return None
    start, limit, delta = ((part.values or (0,))[0] for part in parts)
    if not delta:
        return None
    count = max(ceil((limit - start) / delta), 0)
    if count > INTS_READ:
        return None
    made = [start + at * delta for at in range(count)]
    return in_dtype(made, parts[0].dtype, (count,), "Range of constants")


def reduced(node: Node, parts: list[Static]) -> Static | None:
    """One number of all those of a list; of floats the largest or the least."""
    value, op_type = parts[0], node.operator.op_type
    held = node.attribute(b"axes")
    axes = (parts[1].values if len(parts) > 1 else held.ints if held else ()) or ()
    if not value.values or set(axes) - {0, -1} or any(map(isnan, value.values)):
        return None
    if value.dtype not in INTEGERS and (
        value.dtype not in FLOATS or op_type not in ("ReduceMax", "ReduceMin")
    ):
        return None
    if value.dims is None or len(value.dims) > 1 or node.attribute(b"noop_with_empty_axes"):
        return None
    made = reduce(_REDUCED[op_type], value.values)
    keep = node.attribute(b"keepdims")
    dims = value.dims if keep is None or keep.i else ()
    return in_dtype([made], value.dtype, (1,) * len(dims), f"{op_type} of constants")


def _divided(left: float, right: float) -> float:
    if isinstance(left, int) and isinstance(right, int):
        whole = abs(left) // abs(right)
        return whole if (left < 0) == (right < 0) else -whole
    return left / right


def _largest(left: float, right: float) -> float:
    if left != left or right != right:  # noqa: PLR0124 - runtimes differ in a NaN
        raise ValueError
    return max(left, right)


def _least(left: float, right: float) -> float:
    return -_largest(-left, -right)


def _modulo(left: float, right: float) -> float:
    return left % right if isinstance(left, int) else nan


_BINARY: dict[str, Callable[[float, float], float]] = {
    "Add": add,
    "Div": _divided,
    "Equal": eq,
    "Greater": gt,
    "Less": lt,
    "Max": _largest,
    "Min": _least,
    "Mod": _modulo,
    "Mul": mul,
    "Sub": sub,
}
_REDUCED: dict[str, Callable[[float, float], float]] = {
    "ReduceMax": max,
    "ReduceMin": min,
    "ReduceProd": mul,
    "ReduceSum": add,
}
_UNARY: dict[str, Callable[[float], float]] = {
    "Abs": abs,
    "Ceil": ceil,
    "Floor": floor,
    "Neg": lambda number: -number,
    "Not": lambda number: not number,
}


def _broadcast(
    parts: list[Static], dims: list[int] | None = None
) -> tuple[tuple[int, ...], list[list[float]]] | None:
    """The dims that operands have together, and the numbers of each at every place."""
    shapes = [part.dims for part in parts]
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    shape = list(dims or ())
    for each in known:
        shape = [1] * (len(each) - len(shape)) + shape
        for axis, size in enumerate(reversed(each), 1):
            if size != shape[-axis] and size != 1 and shape[-axis] != 1:
                return None
            shape[-axis] = size if shape[-axis] == 1 else shape[-axis]
    if min(shape, default=0) < 0 or prod(shape) > INTS_READ:
        return None
    columns = []
    for part, each in zip(parts, known, strict=True):
        values = part.values or ()
        columns.append([values[at] for at in _places(each, shape)])
    return tuple(shape), columns


def _places(dims: tuple[int, ...], shape: list[int]) -> Iterator[int]:
    """Where a value of these dims keeps what it has at each place of a larger shape."""
    steps, step = [0] * len(shape), 1
    for axis, size in enumerate(reversed(dims), 1):
        steps[-axis] = step if size != 1 else 0
        step *= size
    for place in product(*map(range, shape)) if prod(shape) else ():  # one of 0 holds none
        yield sum(at * step for at, step in zip(place, steps, strict=True))


def in_dtype(
    values: list[float] | tuple[float, ...], dtype: int, dims: tuple[int, ...] | None, source: str
) -> Static:
    """Numbers as a dtype holds them; hidden where machines differ in what they make of one."""
    held = [_as_dtype(value, dtype) for value in values]
    exact = tuple([value for value in held if value is not None])
    if len(exact) < len(held):
        return Static(None, dtype, f"{source}, beyond what its dtype holds", hidden=True, dims=dims)
    return Static(exact, dtype, source, dims=dims)


def _as_dtype(value: float, dtype: int) -> float | None:
    if dtype in FLOATS:
        value = _rounded(float(value), *FLOATS[1]) if dtype == FLOAT16 else float(value)
        return _rounded(value, *FLOATS[dtype])
    if dtype == BOOL:
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
