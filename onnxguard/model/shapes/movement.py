"""Operators that move, repeat, cut and join what they get."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.creation import sizes
from onnxguard.model.shapes.dims import Dim, Shape, Sym, shape_text
from onnxguard.model.shapes.elementwise import broadcast, spread
from onnxguard.model.shapes.known import (
    VALUES_KEPT,
    Known,
    MismatchError,
    Number,
    Outputs,
    Site,
    UnknownError,
    axes_of,
    axis_of,
    elements_of,
    held,
    of,
    picked,
    ranked,
    strides_of,
)


def reshaped(known: Known, shape: Shape) -> Known:
    """The same elements in another shape."""
    return held(shape, known.values, known.dtype)


def reshape(site: Site) -> Outputs:
    """0 keeps a dimension (unless ``allowzero``), -1 stands for what is left."""
    if site.version >= 5:
        ranked(site, 1, 1)
    given = site.integers(b"shape") if site.version < 5 else site.dims(1)
    if given is None:
        raise UnknownError
    known, zero = site.input(0), bool(site.integer(b"allowzero", 0))
    made: list[Dim] = []
    open_ = [axis for axis, dim in enumerate(given) if dim == -1]
    if zero and open_ and 0 in given:
        raise MismatchError("a dimension of 0 leaves the open one without a size")
    if len(open_) > 1:
        raise MismatchError(f"the shape {list(map(d.text, given))} leaves two dimensions open")
    for axis, dim in enumerate(given):
        if isinstance(dim, int) and dim < -1:
            raise MismatchError(f"the shape asks for a dimension of {dim}")
        if dim == 0 and not zero:
            if known.shape is not None and axis >= len(known.shape):
                raise MismatchError(f"the shape keeps axis {axis} of {shape_text(known.shape)}")
            made.append(None if known.shape is None else known.shape[axis])
        else:
            made.append(None if dim == -1 else dim)
    if known.shape is None:
        return of(tuple(made))
    if open_:
        kept = [axis for axis, dim in enumerate(given) if dim == 0 and not zero]
        made[open_[0]] = _left(known.shape, made, open_[0], kept)
    shape = tuple(made)
    before, after = d.product(known.shape), d.product(shape)
    if isinstance(before, int) and isinstance(after, int) and before != after:
        raise MismatchError(f"{shape_text(known.shape)} cannot become {shape_text(shape)}")
    return (reshaped(known, shape),)


def _left(shape: Shape, made: list[Dim], at: int, kept: list[int]) -> Dim:
    """What the open dimension must be; what stands on both sides falls out, known or not."""
    others = [dim for axis, dim in enumerate(made) if axis != at and axis not in kept]
    left = [dim for axis, dim in enumerate(shape) if axis not in kept]
    for dim in list(others):
        if isinstance(dim, Sym) and dim in left:
            left.remove(dim)
            others.remove(dim)
    before, parts = d.elements(tuple(left)), d.product(tuple(others))
    if isinstance(before, int) and isinstance(parts, int) and parts > 0 and before % parts:
        raise MismatchError(
            f"{shape_text(shape)} cannot become {shape_text(tuple(made))}: "
            f"{before:,} elements do not divide by {parts:,}"
        )
    return d.floor_div(before, parts)


def flatten(site: Site) -> Outputs:
    """Two dimensions: what lies before ``axis``, and the rest."""
    shape = site.shape(0)
    axis = site.integer(b"axis", 1)
    if not -len(shape) <= axis <= len(shape):
        raise MismatchError(f"axis is {axis}, input 0 has rank {len(shape)}")
    axis = axis + len(shape) if axis < 0 else axis
    made = d.elements(shape[:axis]), d.elements(shape[axis:])
    return (reshaped(site.input(0), made),)


def transpose(site: Site) -> Outputs:
    """The axes in the order ``perm``, backwards where it is left out."""
    known = site.input(0)
    order = site.integers(b"perm")
    if order is not None and known.shape is None:
        return of((None,) * len(order))
    shape = site.shape(0)
    order = tuple(reversed(range(len(shape)))) if order is None else order
    if sorted(order) != list(range(len(shape))):
        raise MismatchError(f"perm {list(order)} does not order {len(shape)} axes")
    steps = strides_of(shape)
    moved = [steps[axis] for axis in order]
    made = tuple([shape[axis] for axis in order])
    return (picked(known, made, lambda at: sum(map(int.__mul__, at, moved))),)


def concat(site: Site) -> Outputs:
    """All dimensions but one are equal; that one is the sum."""
    shapes = [known.shape for known in site.inputs]
    ranked = [shape for shape in shapes if shape is not None]
    filled = [shape for shape in shapes if shape is None or 0 not in shape]
    if not ranked:
        raise UnknownError
    rank = len(ranked[0])
    if site.version >= 4 and site.attribute(b"axis") is None:  # it must be given: another rule's
        raise UnknownError
    for index, shape in enumerate(shapes):
        if shape is not None and len(shape) != rank:
            raise MismatchError(
                f"input {index} is {shape_text(shape)}, others are {shape_text(ranked[0])}"
            )
    axis = axis_of(site.integer(b"axis", 1), rank)
    made: list[Dim] = []
    for at in range(rank):
        if at == axis:
            made.append(d.total(tuple([d.sized(None if s is None else s[at]) for s in shapes])))
            continue
        common: Dim = None
        for index, shape in enumerate(shapes):
            if shape is None or (filled and 0 in shape):  # ONNX Runtime leaves out what is empty
                continue
            if d.differ(common, shape[at]):
                raise MismatchError(
                    f"input {index} is {shape_text(shape)}, axis {at} of others has "
                    f"{d.text(common)}"
                )
            common = d.merged(common, shape[at])
        made.append(common)
    return (_joined(site, tuple(made)),)


def _joined(site: Site, shape: Shape) -> Known:
    """Lists of sizes end to end; of one of which only the length is known all are unknown."""
    if len(shape) != 1 or not any(known.has_values for known in site.inputs):
        return Known(shape)
    joined: list[Number] = []
    dtype = 0
    for index in range(len(site.inputs)):
        known = site.input(index)
        count = known.shape[0] if known.shape else None
        if known.values is None and not (isinstance(count, int) and 0 <= count <= VALUES_KEPT):
            return Known(shape)
        joined += (None,) * count if known.values is None else known.values  # type: ignore[operator]
        dtype = known.dtype or dtype
    return held(shape, tuple(joined), dtype)


def split(site: Site) -> Outputs:
    """Parts of the sizes ``split``, or as many equal ones as there are outputs."""
    known, shape = site.input(0), site.shape(0)
    axis = axis_of(site.integer(b"axis", 0), len(shape))
    size, count = shape[axis], len(site.node.outputs)
    given: Shape | None = site.integers(b"split")
    if given is None and site.has(1):
        try:
            given = site.dims(1)
        except UnknownError:
            given = (None,) * count
    if given is not None:
        if len(given) != count:
            raise MismatchError(f"split gives {len(given)} sizes for {count} outputs")
        whole = d.total(sizes(given, "split"))
        if d.differ(whole, size):
            raise MismatchError(
                f"split {shape_text(given)} does not add up to {d.text(size)}, the size of "
                f"axis {axis}"
            )
        parts = given
    else:
        parts = _equal_parts(site, size, count)
    outputs: list[Known] = []
    left = known.values if len(shape) == 1 else None
    for part in parts:
        made = (*shape[:axis], part, *shape[axis + 1 :])
        if left is None or not isinstance(part, int):
            left = None
            outputs.append(Known(made))
        else:
            outputs.append(held(made, left[:part], known.dtype))
            left = left[part:]
    return tuple(outputs)


def _equal_parts(site: Site, size: Dim, count: int) -> Shape:
    if site.integer(b"num_outputs", count) != count or not count:  # another rule's
        raise UnknownError
    if isinstance(size, int) and size % count:
        if site.version < 18:
            raise MismatchError(f"an axis of {size} does not divide into {count} equal parts")
        chunk = -(-size // count)
        last = size - chunk * (count - 1)
        if last < 0:
            raise UnknownError
        return (*[chunk] * (count - 1), last)
    uneven = isinstance(size, Sym) and any(n % count for _, n in size.terms)
    if site.version >= 18 and uneven:
        return (d.ceil_div(size, count),) * (count - 1) + (None,)
    return (d.floor_div(size, count),) * count


def slice_(site: Site) -> Outputs:
    """``starts``, ``ends``, ``axes``, ``steps``: attributes before opset 10."""
    known, shape = site.input(0), site.shape(0)
    starts: Shape
    ends: Shape
    if site.version < 10:
        starts, ends = site.integers(b"starts") or (), site.integers(b"ends") or ()
        axes = site.integers(b"axes") or tuple(range(len(starts)))
        steps: Shape = (1,) * len(starts)
    else:
        try:
            starts, ends = site.dims(1), site.dims(2)
            axes = site.integers_at(3) if site.has(3) else tuple(range(len(starts)))
        except UnknownError:
            return of((None,) * len(shape))
        try:
            steps = site.dims(4) if site.has(4) else (1,) * len(starts)
        except UnknownError:
            steps = (None,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise MismatchError("starts, ends, axes and steps differ in length")
    made = list(shape)
    cuts: dict[int, tuple[int, int]] = {}
    for axis, start, end, step in zip(axes_of(axes, len(shape)), starts, ends, steps, strict=True):
        if step == 0:
            raise MismatchError("a step is 0")
        size = shape[axis]
        made[axis] = _length(size, start, end, step)
        if all(isinstance(v, int) for v in (size, start, step)):
            cuts[axis] = _start(size, start, step), step  # type: ignore[arg-type, assignment]
        else:
            cuts[axis] = -1, 0
    base = strides_of(shape)

    def source(at: tuple[int, ...]) -> int | None:
        place = 0
        for axis, (index, step) in enumerate(zip(at, base, strict=True)):
            begin, stride = cuts.get(axis, (0, 1))
            if begin < 0:
                return None
            place += (begin + index * stride) * step
        return place

    return (picked(known, tuple(made), source),)


def _start(size: int, start: int, step: int) -> int:
    start = start + size if start < 0 else start
    return min(max(start, 0), size - 1 if step < 0 else size)


def _length(size: Dim, start: Dim, end: Dim, step: Dim) -> Dim:
    """How many elements a slice takes of an axis."""
    if isinstance(start, int) and isinstance(end, int) and isinstance(step, int):
        if isinstance(size, int):
            return _counted(size, start, end, step)
        if step > 0 and (start == end or 0 <= end <= start):
            return 0
        if step == -1 and start == -1 and end <= -_FAR:
            return size
    if not isinstance(step, int) or step < 1 or size is None or end is None:
        return None
    if isinstance(end, int) and end >= _FAR:
        last: Dim = size
    elif isinstance(end, int) and end < 0:
        last = d.add(size, end)
    elif isinstance(end, int) and isinstance(size, int):
        last = min(end, size)
    else:
        last = end if _at_least_zero(d.sub(size, end)) else None
    if start == -1 and last == size:
        return 1  # names stand for 1 or more
    if start is None or (isinstance(start, int) and start < 0) or not _at_least_zero(start):
        return None
    span = d.sub(last, start)
    return d.ceil_div(span, step) if _at_least_zero(span) else None


_FAR = 1 << 30
"""What exporters write for the end of an axis is beyond this; no axis is."""


def _at_least_zero(dim: Dim) -> bool:
    """Whether a number is not negative where every name stands for 1 or more."""
    if isinstance(dim, int):
        return dim >= 0
    if dim is None:
        return False
    if isinstance(dim, d.Span):
        return dim.low is not None and dim.low >= 0
    least = 0
    for factors, n in dim.terms:
        floors = [factor for factor in factors if factor.startswith("floor(")]
        if any("-" in factor for factor in floors) or (factors and n < 0):
            return False
        least += 0 if floors else n
    return least >= 0


def _counted(size: int, start: int, end: int, step: int) -> int:
    start = _start(size, start, step)
    end = end + size if end < 0 else end
    end = min(max(end, 0), size) if step > 0 else min(max(end, -1), size - 1)
    return max(-((start - end) // step), 0)


def gather(site: Site) -> Outputs:
    """The indices take the place of an axis."""
    known, indices = site.input(0), site.input(1)
    shape, at = site.shape(0, least=1), site.shape(1)
    axis = axis_of(site.integer(b"axis", 0), len(shape))
    made = shape[:axis] + at + shape[axis + 1 :]
    numbers = site.numbers_at(1)
    if known.values and (numbers is None or len(shape) != 1):  # one of them
        count = elements_of(made)
        one = reduce(d.either, known.values)
        return (held(made, (one,) * count, known.dtype),) if count and count <= 8 else of(made)
    if known.values is None or numbers is None:
        return of(made)
    size = len(known.values)
    wrong = [n for n in numbers if not -size <= n < size]
    if wrong:
        raise MismatchError(f"an index is {wrong[0]}, there are {size}")
    values = tuple([known.values[int(n)] for n in numbers])
    return (held(made, values, known.dtype),) if indices.shape == at else of(made)


def squeeze(site: Site) -> Outputs:
    """Axes of size 1 go: those of ``axes``, or all."""
    shape = site.shape(0)
    given = site.integers(b"axes")
    if given is None and site.has(1):
        try:
            given = site.integers_at(1)
        except UnknownError:
            gone = site.dims(1)
            return of((None,) * max(len(shape) - len(gone), 0))
    if given is None:
        if any(not isinstance(dim, int) for dim in shape):
            raise UnknownError
        axes = tuple([axis for axis, dim in enumerate(shape) if dim == 1])
    else:
        axes = tuple([axis_of(axis, len(shape)) for axis in given])
    for axis in axes:
        if d.differ(shape[axis], 1):
            raise MismatchError(f"axis {axis} of {shape_text(shape)} is not 1")
    made = tuple([dim for axis, dim in enumerate(shape) if axis not in axes])
    return (reshaped(site.input(0), made),)


def unsqueeze(site: Site) -> Outputs:
    """Axes of size 1 come at ``axes`` of the output."""
    shape = site.shape(0)
    given = site.integers(b"axes") if site.version < 13 else None
    if given is None:
        try:
            given = site.integers_at(1) if site.has(1) else ()
        except UnknownError:
            return of((None,) * (len(shape) + len(site.dims(1))))
    axes = axes_of(given, len(shape) + len(given))
    left = iter(shape)
    made = tuple([1 if axis in axes else next(left) for axis in range(len(shape) + len(axes))])
    return (reshaped(site.input(0), made),)


def expand(site: Site) -> Outputs:
    """Broadcast to a shape, and it to the input."""
    ranked(site, 1, 1)
    shape, wanted = site.shape(0), sizes(site.dims(1), "the shape")
    made = broadcast(shape, wanted)
    return (spread(site.input(0), made),)


def tile(site: Site) -> Outputs:
    """Each axis as often as ``repeats`` says; opset 1 has one axis and its number as inputs."""
    shape = site.shape(0)
    if site.version < 6:
        raise UnknownError
    try:
        repeats = site.dims(1)
    except UnknownError:
        repeats = (None,) * len(shape)
    if len(repeats) != len(shape):
        raise MismatchError(f"{len(repeats)} repeats for {shape_text(shape)}")
    pairs = zip(shape, sizes(repeats, "repeats"), strict=True)
    made = tuple([d.mul(d.sized(a), b) for a, b in pairs])
    steps = strides_of(shape)

    def source(at: tuple[int, ...]) -> int | None:
        parts = zip(at, shape, steps, strict=True)
        return sum([index % dim * step for index, dim, step in parts if isinstance(dim, int)])

    return (picked(site.input(0), made, source),)


def pad(site: Site) -> Outputs:
    """``pads``: an attribute before opset 11, then an input; of ``axes`` since opset 18."""
    shape = site.shape(0)
    if site.version < 11:
        given: Shape | None = site.integers(b"pads") or site.integers(b"paddings")
    else:
        try:
            given = site.dims(1)
        except UnknownError:
            given = None
    if given is None:
        return of((None,) * len(shape))
    axes = tuple(range(len(shape)))
    if site.has(3):
        try:
            axes = axes_of(site.integers_at(3), len(shape))
        except UnknownError:
            return of((None,) * len(shape))
    if len(given) != 2 * len(axes):
        raise MismatchError(f"{len(given)} pads for {len(axes)} axes")
    made = list(shape)
    for place, axis in enumerate(axes):
        size = d.add(d.sized(shape[axis]), d.add(given[place], given[place + len(axes)]))
        if isinstance(size, int) and size < 0:
            raise MismatchError(f"the pads leave {size} of axis {axis} of {shape_text(shape)}")
        made[axis] = size
    return of(tuple(made))


def depth_to_space(site: Site) -> Outputs:
    """``[N, C/b**2, H*b, W*b]``."""
    n, c, h, w = site.shape(0, rank=4)
    block = _block(site)
    if isinstance(c, int) and c % (block * block):
        raise MismatchError(f"{c} channels do not divide by a block of {block} squared")
    return of((n, d.floor_div(c, block * block), d.mul(h, block), d.mul(w, block)))


def space_to_depth(site: Site) -> Outputs:
    """``[N, C*b**2, H/b, W/b]``."""
    n, c, h, w = site.shape(0, rank=4)
    block = _block(site)
    for size in (h, w):
        if isinstance(size, int) and size % block:
            raise MismatchError(f"an axis of {size} does not divide by a block of {block}")
    return of((n, d.mul(c, block * block), d.floor_div(h, block), d.floor_div(w, block)))


def _block(site: Site) -> int:
    block = site.integer(b"blocksize", 0)
    if block < 1:
        raise MismatchError(f"blocksize is {block}")
    return block


def center_crop_pad(site: Site) -> Outputs:
    """The sizes that the second input gives, of ``axes`` or all."""
    shape = site.shape(0)
    given = site.integers(b"axes")
    axes = tuple(range(len(shape))) if given is None else axes_of(given, len(shape))
    try:
        wanted = sizes(site.dims(1), "the shape")
    except UnknownError:
        wanted = (None,) * len(axes)
    if len(wanted) != len(axes):
        raise MismatchError(f"{len(wanted)} sizes for {len(axes)} axes")
    made = list(shape)
    for axis, size in zip(axes, wanted, strict=True):
        made[axis] = size
    return of(tuple(made))


MOVEMENT: dict[str, Callable[[Site], Outputs]] = {
    "CenterCropPad": center_crop_pad,
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
    "Flatten": flatten,
    "Gather": gather,
    "Pad": pad,
    "Reshape": reshape,
    "Slice": slice_,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
