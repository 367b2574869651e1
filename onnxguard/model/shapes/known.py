"""What is known of a value before the model runs, and of a node whose outputs are asked for."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import product as combinations
from math import inf, isfinite, prod
from typing import NamedTuple

from onnxguard.model.graph import Attribute, Node, Tensor
from onnxguard.model.shapes.dims import Dim, Shape, Span, Sym, differ, merged, shape_text, text

VALUES_KEPT = 64
"""A constant of more elements is not followed: no shape is longer."""

Number = int | float | Sym | Span | None
Values = tuple[Number, ...]

BOOL, INT32, INT64, FLOAT, DOUBLE = 9, 6, 7, 1, 11
_RANGES = {2: (0, 255), 3: (-128, 127), 4: (0, 65535), 5: (-32768, 32767), 9: (0, 1)}
_RANGES |= {6: (-(1 << 31), (1 << 31) - 1), 7: (-(1 << 63), (1 << 63) - 1)}
_RANGES |= {12: (0, (1 << 32) - 1), 13: (0, (1 << 64) - 1)}
INTEGERS = frozenset(_RANGES)
FLOATS = frozenset({FLOAT, 10, DOUBLE})
_FLOAT_CODES = {FLOAT: "<f", 10: "<e", DOUBLE: "<d"}


class UnknownError(Exception):
    """Nothing follows for any output of the node."""


class MismatchError(Exception):
    """The shapes of a node's inputs, or its attributes, cannot be right; says why."""


class Known(NamedTuple):
    """What is known of a value.

    Attributes:
        shape: its dimensions; None where not even the rank is known. Of a sequence, those that
            all of its tensors have.
        values: of a small tensor its elements in row-major order, each unknown by itself.
        dtype: the TensorProto.DataType of ``values``; 0 where those are None.
        length: of a sequence, how many tensors it holds.
        tensors: of a sequence that is built of tensors one by one, the shape of each.
        stored: the small tensor of the file whose values these would be, not read yet: a verdict
            that no value decides on holds for models with other weights, too.
        hidden: whether constants and known sizes alone decide its elements, and they are not known.
    """

    shape: Shape | None = None
    values: Values | None = None
    dtype: int = 0
    length: Dim = None
    stored: Tensor | None = None
    tensors: tuple[Shape, ...] | None = None
    hidden: bool = False

    @property
    def rank(self) -> int | None:
        """How many dimensions there are."""
        return None if self.shape is None else len(self.shape)

    @property
    def has_values(self) -> bool:
        """Whether anything is known of its elements, read or not."""
        return self.values is not None or self.stored is not None

    @property
    def is_constant(self) -> bool:
        """Whether no element of an input has a say in it."""
        if self.values is not None:
            return self.hidden or all(isinstance(value, (int, float)) for value in self.values)
        return self.hidden or self.stored is not None or self == OMITTED


UNKNOWN = Known()
OMITTED = Known(length=-1)
"""Of an input that is left out."""
Outputs = tuple[Known, ...]


class Site(NamedTuple):
    """A node, and what is known of its inputs.

    Attributes:
        version: the imported opset of the operator's domain.
        attributes: those in force; one that still has a ``ref`` only the caller knows.
        tensor: what is known of a tensor that stands in the model.
        full: what is known of a value, with its elements read where they were not.
    """

    node: Node
    version: int
    inputs: Outputs
    attributes: dict[bytes, Attribute]
    tensor: Callable[[Tensor], Known]
    full: Callable[[Known], Known]

    # -- inputs -----------------------------------------------------------------------------------

    def has(self, index: int) -> bool:
        """Whether an input is given."""
        return index < len(self.inputs) and self.inputs[index] != OMITTED

    def input(self, index: int) -> Known:
        """What is known of an input and its elements; nothing of one that is left out."""
        return self.full(self.inputs[index]) if index < len(self.inputs) else UNKNOWN

    def shape_of(self, index: int) -> Shape | None:
        """The shape of an input; None where not even the rank is known."""
        return self.inputs[index].shape if index < len(self.inputs) else None

    def shape(self, index: int, rank: int | None = None, least: int = 0) -> Shape:
        """The shape of an input.

        Raises:
            UnknownError: not even its rank is known.
            MismatchError: it has not the rank that it must have.
        """
        shape = self.shape_of(index)
        if shape is None:
            raise UnknownError
        if (rank is not None and len(shape) != rank) or len(shape) < least:
            wanted = f"rank {least} or more" if rank is None else f"rank {rank}"
            raise MismatchError(f"input {index} is {shape_text(shape)}, it must have {wanted}")
        return shape

    def dims(self, index: int) -> Shape:
        """The elements of an input that holds dimensions, axes or counts, a number unknown each.

        Raises:
            UnknownError: not even how many there are is known.
        """
        known = self.input(index)
        if known.values is not None:
            return tuple(map(_as_dim, known.values))
        count = known.shape[0] if known.shape is not None and len(known.shape) == 1 else None
        if isinstance(count, int) and 0 <= count <= VALUES_KEPT:
            return (None,) * count
        raise UnknownError

    def integers_at(self, index: int) -> tuple[int, ...]:
        """The elements of an input whose values are all known.

        Raises:
            UnknownError: one is not.
        """
        values = self.input(index).values
        if values is None:
            raise UnknownError
        found = tuple([v for v in values if isinstance(v, int)])
        if len(found) != len(values):
            raise UnknownError
        return found

    def numbers_at(self, index: int) -> tuple[float, ...] | None:
        """The elements of an input where each is known as a finite number."""
        values = self.input(index).values
        if values is None:
            return None
        found = tuple([v for v in values if isinstance(v, (int, float)) and isfinite(v)])
        return found if len(found) == len(values) else None

    # -- attributes -------------------------------------------------------------------------------

    def attribute(self, name: bytes) -> Attribute | None:
        """The attribute of that name; None where it is left out.

        Raises:
            UnknownError: only the caller of a function knows it.
        """
        found = self.attributes.get(name)
        if found is not None and found.ref:
            raise UnknownError
        return found

    def integer(self, name: bytes, default: int) -> int:
        """An attribute of one integer."""
        found = self.attribute(name)
        return default if found is None or found.i is None else found.i

    def integers(self, name: bytes) -> tuple[int, ...] | None:
        """An attribute of integers; None where it is left out.

        Raises:
            UnknownError: there are more than are kept.
        """
        found = self.attribute(name)
        if found is None:
            return None
        if found.counts[0] > len(found.ints):
            raise UnknownError
        return found.ints

    def text(self, name: bytes, default: bytes) -> bytes:
        """An attribute of text."""
        found = self.attribute(name)
        return default if found is None or found.s is None else found.s


def _as_dim(value: Number) -> Dim:
    if isinstance(value, (int, Sym)):
        return value
    return value if isinstance(value, Span) and (value.low or 0) > 1 else None


def agreed(a: Dim, b: Dim, what: str) -> Dim:
    """What is known of a dimension that stands at two places; ``what`` is equal, and says where.

    Raises:
        MismatchError: the two differ.
    """
    if differ(a, b):
        raise MismatchError(f"{what}: {text(a)} and {text(b)}")
    return merged(a, b)


def ranked(site: Site, index: int, *ranks: int) -> Shape | None:
    """The shape of an input that has one of some ranks, or is not known or left out.

    Raises:
        MismatchError: it has another rank.
    """
    shape = site.shape_of(index) if site.has(index) else None
    if shape is not None and len(shape) not in ranks:
        wanted = " or ".join(map(str, ranks))
        raise MismatchError(f"input {index} is {shape_text(shape)}, it must have rank {wanted}")
    return shape


def of(*shapes: Shape | None) -> Outputs:
    """Outputs of which the shapes are known alone."""
    return tuple([Known(shape) for shape in shapes])


def axis_of(axis: int, rank: int, name: str = "axis") -> int:
    """An axis that may count from the end as one that counts from the start.

    Raises:
        MismatchError: there is no such axis.
    """
    if not -rank <= axis < rank:
        raise MismatchError(f"{name} is {axis}, input 0 has rank {rank}")
    return axis % rank if rank else 0


def axes_of(axes: tuple[int, ...], rank: int, name: str = "axes") -> tuple[int, ...]:
    """As ``axis_of``, of several.

    Raises:
        MismatchError: there is no such axis, or one is named twice.
    """
    found = tuple([axis_of(axis, rank, name) for axis in axes])
    if len(set(found)) != len(found):
        raise MismatchError(f"{name} {list(axes)} name an axis twice")
    return found


# -- the elements of small tensors ----------------------------------------------------------------


def held(shape: Shape, values: Values | None, dtype: int) -> Known:
    """A tensor with its elements where they are as many as its shape says, and few."""
    if values is None or not dtype or elements_of(shape) != len(values):
        return Known(shape)
    nothing = bool(values) and all(value is None for value in values)
    if len(values) > VALUES_KEPT or nothing:
        return Known(shape)
    return Known(shape, values, dtype)


def elements_of(shape: Shape) -> int | None:
    """How many elements a shape of numbers has."""
    sizes = [dim for dim in shape if isinstance(dim, int)]
    return prod(sizes) if len(sizes) == len(shape) else None


def fitted(value: Number, dtype: int) -> Number:
    """A number as a dtype holds it; unknown where it would wrap around or is rounded otherwise."""
    if value is None or isinstance(value, Sym):
        return value if dtype in (INT32, INT64) else None
    if isinstance(value, Span):
        least, most = _RANGES.get(dtype, (-inf, inf))
        return value if all(end is None or least <= end <= most for end in value) else None
    if dtype in FLOATS:
        try:
            return float(
                struct.unpack(_FLOAT_CODES[dtype], struct.pack(_FLOAT_CODES[dtype], value))[0]
            )
        except (OverflowError, struct.error):
            return None
    low, high = _RANGES.get(dtype, (1, 0))
    if isinstance(value, float):
        if not isfinite(value) or value != int(value):
            return None
        value = int(value)
    return value if low <= value <= high else None


def picked(known: Known, shape: Shape, source: Callable[[tuple[int, ...]], int | None]) -> Known:
    """A tensor whose elements are some of another's: ``source`` says which, by their indices."""
    count = elements_of(shape)
    if known.values is None or count is None or not 0 <= count <= VALUES_KEPT:
        return Known(shape)
    # Of a shape with a 0 the other dimensions may be of any size.
    ranges = [range(dim) for dim in shape if isinstance(dim, int)] if count else [range(0)]
    found: list[Number] = []
    for index in combinations(*ranges):
        at = source(index)
        found.append(None if at is None or not 0 <= at < len(known.values) else known.values[at])
    return held(shape, tuple(found), known.dtype)


def strides_of(shape: Shape) -> tuple[int, ...]:
    """How far apart neighbours lie along each axis of a shape of numbers, in elements."""
    strides: list[int] = []
    step = 1
    for dim in reversed(shape):
        strides.append(step)
        step *= dim if isinstance(dim, int) else 1
    return tuple(reversed(strides))
