"""Sequences and optionals. Of a sequence the shape is kept that all of its tensors have."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim, Shape
from onnxguard.model.shapes.known import (
    INT64,
    Known,
    MismatchError,
    Outputs,
    Site,
    UnknownError,
    agreed,
    axis_of,
    held,
    of,
)

MOST_TENSORS = 64
"""Of more tensors is known what all have in common alone."""


def common(a: Shape | None, b: Shape | None) -> Shape | None:
    """What two shapes have in common: dimensions that differ are unknown."""
    if a is None or b is None or len(a) != len(b):
        return None
    return tuple([x if x == y else None for x, y in zip(a, b, strict=True)])


def construct(site: Site) -> Outputs:
    """A sequence of the inputs."""
    return (_of([known.shape for known in site.inputs]),)


def _of(shapes: list[Shape | None]) -> Known:
    """A sequence of tensors of these shapes."""
    if not shapes:
        return Known(length=0)
    tensors = tuple([shape for shape in shapes if shape is not None])
    whole = len(tensors) == len(shapes) <= MOST_TENSORS
    shape = reduce(common, shapes)
    return Known(shape, length=len(shapes), tensors=tensors if whole else None)


def empty(_: Site) -> Outputs:
    """A sequence of nothing."""
    return (Known(length=0),)


def insert(site: Site) -> Outputs:
    """One more tensor."""
    known, given = site.input(0), site.input(1)
    if known.tensors is not None or known.length == 0:
        return (_of([*(known.tensors or ()), given.shape]),)
    return (Known(common(known.shape, given.shape), length=d.add(known.length, 1)),)


def erase(site: Site) -> Outputs:
    """One less."""
    known = site.input(0)
    return (Known(known.shape, length=d.sub(known.length, 1)),)


def at(site: Site) -> Outputs:
    """One of the tensors."""
    return of(site.shape_of(0))


def length(site: Site) -> Outputs:
    """How many there are."""
    return (held((), (site.input(0).length,), INT64),)


def split_to_sequence(site: Site) -> Outputs:
    """Parts of an axis: each as long as ``split`` says, 1 where it is left out."""
    shape = site.shape(0)
    axis = axis_of(site.integer(b"axis", 0), len(shape))
    before, size, after = shape[:axis], shape[axis], shape[axis + 1 :]
    if not site.has(1):
        middle: Shape = (1,) if site.integer(b"keepdims", 1) else ()
        return (Known(before + middle + after, length=size),)
    given, numbers = site.shape_of(1), site.numbers_at(1)
    parts = {int(number) for number in numbers or ()}
    if any(number < 0 for number in parts) or (given == () and 0 in parts):
        raise MismatchError(f"a part has {min(parts)} elements")
    if given is not None and len(given) == 1 and numbers is not None:
        agreed(size, int(sum(numbers)), "the axis and its parts")
    part: Dim = parts.pop() if len(parts) == 1 else None
    count: Dim = None
    if given is not None and len(given) == 1:
        count = given[0]
    elif given == () and isinstance(part, int) and part > 0:
        count = d.ceil_div(size, part)
        part = part if isinstance(size, int) and size % part == 0 else None
    return (Known((*before, part, *after), length=count),)


def concat_from_sequence(site: Site) -> Outputs:
    """All tensors along an axis, a new one where an attribute says so."""
    known = site.input(0)
    shape = known.shape
    if shape is None:
        raise UnknownError
    new = bool(site.integer(b"new_axis", 0))
    axis = axis_of(site.integer(b"axis", 0), len(shape) + new)
    size: Dim = known.length
    if not new and known.tensors is not None:
        size = d.total(tuple([d.sized(each[axis]) for each in known.tensors]))
    elif not new:
        size = d.mul(size, d.sized(shape[axis]))
    return of((*shape[:axis], size, *shape[axis + (not new) :]))


def through(site: Site) -> Outputs:
    """What an optional holds, or will hold."""
    known = site.input(0)
    return (Known(known.shape, length=known.length if site.has(0) else 0),)


def has_element(_: Site) -> Outputs:
    """One boolean."""
    return of(())


SEQUENCES: dict[str, Callable[[Site], Outputs]] = {
    "ConcatFromSequence": concat_from_sequence,
    "Optional": through,
    "OptionalGetElement": through,
    "OptionalHasElement": has_element,
    "SequenceAt": at,
    "SequenceConstruct": construct,
    "SequenceEmpty": empty,
    "SequenceErase": erase,
    "SequenceInsert": insert,
    "SequenceLength": length,
    "SplitToSequence": split_to_sequence,
}
