"""What is not known of a value, taken for something small: then every size is a number.

Bounds say nothing of ``n * 2**40``, since n may be 0. But what asks for much where n is 1 is no
smaller for being asked at run time.
"""

from __future__ import annotations

from typing import NamedTuple

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim, Span
from onnxguard.model.shapes.elements import FLOATS_KEPT
from onnxguard.model.shapes.known import (
    FLOATS,
    INTEGERS,
    OMITTED,
    VALUES_KEPT,
    Known,
    Number,
    elements_of,
    held,
)
from onnxguard.model.type_names import CODES


class Trial(NamedTuple):
    """What is taken for what is not known.

    Attributes:
        size: of a dimension, and of a sequence how many tensors there are.
        number: of each element of a small tensor.
        rank: of a tensor.
    """

    size: int
    number: int
    rank: int

    def known(self, found: Known, kind: str) -> Known:
        """A value of which nothing is left open; ``kind`` is its type, empty where unknown."""
        if found.stored is not None or found == OMITTED:
            return found
        shape, length = found.shape, found.length
        shape = (None,) * self.rank if shape is None else shape
        if None in shape or not all(isinstance(dim, int) for dim in shape):
            shape = tuple(map(self._sized, shape))
        if "seq(" in kind or (length is not None and not isinstance(length, int)):
            length = self._sized(length)
        if length is not None:
            return found._replace(shape=shape, length=length)
        dtype, count = CODES.get(kind, 0), elements_of(shape)
        most = VALUES_KEPT
        if dtype in FLOATS:  # lists of scales are followed, and features are not
            most = FLOATS_KEPT if len(shape) < 2 else 0
        if dtype not in FLOATS | INTEGERS or not count or not 0 < count <= most:
            return found._replace(shape=shape)
        values = found.values or ()
        values = values if len(values) == count else (None,) * count
        return held(shape, tuple([self._numbered(value, dtype) for value in values]), dtype)

    def _sized(self, dim: Dim) -> int:
        return dim if isinstance(dim, int) else max(d.least(dim), self.size)

    def _numbered(self, value: Number, dtype: int) -> Number:
        if isinstance(value, (int, float)):
            return value
        low, high = d.bounds(value) if isinstance(value, Span) else Span()
        number: float = self.number
        number = number if high is None else min(number, high)
        number = number if low is None else max(number, low)
        return float(number) if dtype in FLOATS else int(number)
