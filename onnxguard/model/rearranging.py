"""What operators that move values about make of constants.

Each function takes a node and what it reads, and gives None where it does not follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

from onnxguard.model.constants import INTS_READ, Static
from onnxguard.model.graph import Node

INT64 = 7


def reshaped(node: Node, parts: list[Static]) -> Static | None:
    """The same numbers of other dims, which are unknown where no constant says them."""
    value, op_type = parts[0], node.operator.op_type
    if op_type == "Identity":
        return value
    dims = value.dims
    if dims is not None and op_type == "Flatten":
        axis = _whole(node, b"axis", 1)
        dims = (prod(dims[:axis]), prod(dims[axis:]))
    elif dims is not None:
        given = _list(node, parts, 1, b"shape" if op_type == "Reshape" else b"axes")
        dims = _RESHAPES[op_type](node, dims, given)
    return value._replace(dims=dims if dims is not None and prod(dims) == _count(value) else None)


def _count(value: Static) -> int:
    return prod(value.dims or ()) if value.values is None else len(value.values)


def _to_shape(
    node: Node, dims: tuple[int, ...], shape: Sequence[int] | None
) -> tuple[int, ...] | None:
    if shape is None or len(shape) > INTS_READ:
        return None
    if not _whole(node, b"allowzero", 0):
        zeros = [size == 0 and axis < len(dims) for axis, size in enumerate(shape)]
        shape = [dims[a] if zero else shape[a] for a, zero in enumerate(zeros)]
    rest = prod(size for size in shape if size != -1)
    return tuple([prod(dims) // rest if size == -1 and rest else size for size in shape])


def _squeezed(_node: Node, dims: tuple[int, ...], axes: Sequence[int] | None) -> tuple[int, ...]:
    gone = {axis % len(dims) for axis in axes} if axes and dims else set[int]()
    return tuple(
        [size for axis, size in enumerate(dims) if (axis not in gone if axes else size != 1)]
    )


def _unsqueezed(
    _node: Node, dims: tuple[int, ...], axes: Sequence[int] | None
) -> tuple[int, ...] | None:
    if axes is None or len(axes) > INTS_READ:
        return None
    rank, rest = len(dims) + len(axes), iter(dims)
    added = {axis % rank for axis in axes}
    return tuple([1 if axis in added else next(rest, 0) for axis in range(rank)])


_RESHAPES = {"Reshape": _to_shape, "Squeeze": _squeezed, "Unsqueeze": _unsqueezed}


def transposed(node: Node, parts: list[Static]) -> Static | None:
    """The axes in another order."""
    value, held = parts[0], node.attribute(b"perm")
    if value.dims is None:
        return None
    order = held.ints if held else tuple(reversed(range(len(value.dims))))
    if sorted(order) != list(range(len(value.dims))):
        return None
    ranges = [range(value.dims[axis]) for axis in order]
    places = [[0] * len(order) for _ in range(_count(value))]
    for place, at in zip(places, _every(ranges), strict=True):
        for axis, index in zip(order, at, strict=True):
            place[axis] = index
    return _picked(value, places, tuple([value.dims[axis] for axis in order]))


def sliced(node: Node, parts: list[Static]) -> Static | None:
    """A part of each axis, by inputs or, before opset 10, by attributes."""
    value = parts[0]
    starts, ends = _list(node, parts, 1, b"starts"), _list(node, parts, 2, b"ends")
    if value.dims is None or starts is None or ends is None:
        return None
    axes = _list(node, parts, 3, b"axes") or range(len(starts))
    steps = _list(node, parts, 4, b"steps") or [1] * len(starts)
    ranges = [range(size) for size in value.dims]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=False):
        if not -len(ranges) <= axis < len(ranges) or not step:
            return None
        ranges[axis] = ranges[axis][_end(start) : _end(end) : step]
    return _picked(value, _every(ranges), tuple(map(len, ranges)))


def _end(index: int) -> int:
    """A bound that Python takes as ONNX does: the least int64 lies before everything."""
    return max(index, -(1 << 62))


def gathered(node: Node, parts: list[Static]) -> Static | None:
    """What indices name along an axis."""
    value, indices = parts[0], parts[-1]
    if len(parts) != 2 or value.dims is None or indices.dims is None:
        return None
    axis = _whole(node, b"axis", 0)
    if not -len(value.dims) <= axis < len(value.dims):
        return None
    axis %= len(value.dims)
    size, chosen = value.dims[axis], [int(index) for index in indices.values or ()]
    dims = (*value.dims[:axis], *indices.dims, *value.dims[axis + 1 :])
    if prod(dims) > INTS_READ or not all(-size <= index < size for index in chosen):
        return None
    ranges: list[Sequence[int]] = [range(each) for each in value.dims]
    ranges[axis] = [index % size for index in chosen]
    return _picked(value, _every(ranges), dims)


def joined(node: Node, parts: list[Static]) -> Static | None:
    """One after another, along an axis."""
    values = [v for part in parts for v in part.values or ()]
    if len({part.dtype for part in parts}) > 1:
        return None
    if len(values) > INTS_READ:
        source = f"a Concat of more than {INTS_READ} numbers"
        return Static(None, parts[0].dtype, source, hidden=True)
    dims = parts[0].dims
    found = Static(tuple(values), parts[0].dtype, "Concat of constants")
    axis = _whole(node, b"axis", 0)
    if not dims or not -len(dims) <= axis < len(dims) or prod(dims[:axis]) > INTS_READ:
        return found  # in whatever order: the numbers are these
    axis %= len(dims)
    blocks: list[list[float]] = [[] for _ in range(prod(dims[:axis]))]
    along = 0
    for part in parts:
        if part.dims is None or len(part.dims) != len(dims):
            return found
        width = prod(part.dims[axis:])
        along += part.dims[axis]
        for at, block in enumerate(blocks):
            block.extend((part.values or ())[at * width : (at + 1) * width])
    made = tuple([value for block in blocks for value in block])
    shape = (*dims[:axis], along, *dims[axis + 1 :])
    return found._replace(values=made, dims=shape) if len(made) == prod(shape) else found


def shape(node: Node, parts: list[Static]) -> Static | None:
    """The dims of a value, from ``start`` to ``end``; of a Size their product."""
    dims = parts[0].dims
    if dims is None or len(dims) > INTS_READ:
        return None
    if node.operator.op_type == "Size":
        return Static((prod(dims),), INT64, "Size of a constant", dims=())
    end = node.attribute(b"end")
    part = dims[_whole(node, b"start", 0) : end.i if end is not None else None]
    return Static(part, INT64, "Shape of a constant", dims=(len(part),))


def filled(_node: Node, parts: list[Static]) -> Static | None:
    """One number at each place of a shape; the second part, 0 in float32 where there is none."""
    dims = tuple([int(size) for size in parts[0].values or ()])
    if min(dims, default=0) < 0 or prod(dims) > INTS_READ:
        return None
    value = parts[1] if len(parts) > 1 else Static((0.0,), 1, "")
    if value.values is None or len(value.values) != 1:
        return None
    return Static(value.values * prod(dims), value.dtype, "ConstantOfShape", dims=dims)


def _picked(value: Static, places: Sequence[Sequence[int]], dims: tuple[int, ...]) -> Static:
    """The numbers at these places, as a value of other dims."""
    values, sizes = value.values or (), value.dims or ()
    made = []
    for place in places:
        at = 0
        for index, size in zip(place, sizes, strict=True):
            at = at * size + index
        made.append(values[at])
    return value._replace(values=tuple(made), dims=dims)


def _every(ranges: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Every place; none where an axis has none, however long the others are."""
    return list(product(*ranges)) if all(map(len, ranges)) else []


def _whole(node: Node, name: bytes, default: int) -> int:
    attribute = node.attribute(name)
    return default if attribute is None or attribute.i is None else attribute.i


def _list(node: Node, parts: list[Static], position: int, name: bytes) -> Sequence[int] | None:
    """Integers of an input, or of the attribute that it once was."""
    attribute = node.attribute(name)
    if attribute is not None:
        return attribute.ints
    if position >= len(parts) or parts[position].values is None:
        return None
    return [int(value) for value in parts[position].values or ()]
