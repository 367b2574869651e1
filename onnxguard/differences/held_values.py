"""The values of initializers, in the models and in the files beside them, compared byte by byte."""

from __future__ import annotations

from contextlib import ExitStack
from typing import NamedTuple

from onnxguard.base.errors import ModelError
from onnxguard.differences.values import BLOCK, Pair, Tree, values_of
from onnxguard.model.graph import Tensor
from onnxguard.model.survey import parse_offset
from onnxguard.model.wire import Buffer
from onnxguard.sources.data_files import DataFolder
from onnxguard.sources.files import open_bytes

COMPARED = 1 << 32
"""Bytes in other files that are compared of one model; what lies beyond was not looked at."""

RAW = 9
"""The field of a tensor that holds its values as they lie in memory."""

_TYPED = {1: 4, 11: 10}
"""By dtype, the field in which packed values lie so, too."""


class Span(NamedTuple):
    """Values that lie one after the other, as in memory."""

    data: Buffer
    start: int
    end: int


class Outside:
    """The files beside a model, each opened once; they are closed with the stack.

    Args:
        model: a path.
        stack: that holds them open.
    """

    def __init__(self, model: str, stack: ExitStack) -> None:
        self._near = DataFolder(model)
        self._stack = stack
        self._files: dict[bytes, Buffer | None] = {}

    def span(self, tensor: Tensor) -> Span | None:
        """Where the values lie; None where no runtime would find them there."""
        keys = dict(tensor.external)
        location = keys.get(b"location", b"")
        if location not in self._files:
            self._files[location] = self._open(location)
        data = self._files[location]
        start = parse_offset(keys[b"offset"]) if b"offset" in keys else 0
        if data is None or start is None:
            return None
        length = parse_offset(keys[b"length"]) if b"length" in keys else len(data) - start
        if length is None or length < 0 or start + length > len(data):
            return None
        return Span(data, start, start + length)

    def _open(self, location: bytes) -> Buffer | None:
        file = self._near.find(location)
        try:
            return None if file.code else self._stack.enter_context(open_bytes(file.path))
        except ModelError:
            return None


class HeldValues:
    """Tells whether initializers of two models hold the same; each pair is read once.

    Args:
        trees: the models.
        outside: the files beside each; None where nobody looks there.
    """

    def __init__(self, trees: Pair[Tree], outside: Pair[Outside] | None = None) -> None:
        self.trees = trees
        self._outside = outside
        self._room = COMPARED
        self._known: dict[tuple[int, int], bool | None] = {}
        self._compared: set[int] = set()

    def same(self, old: Tensor, new: Tensor) -> bool | None:
        """Whether two tensors of one dtype and shape hold the same; None where nobody looked."""
        key = id(old), id(new)
        if key not in self._known:
            self._known[key] = self._compare(old, new)
            if self._known[key] is not None:
                self._compared.add(id(new))
        return self._known[key]

    def compared(self, new: Tensor) -> bool:
        """Whether a tensor of the new model was compared with one of the old model."""
        return id(new) in self._compared

    def span(self, side: int, tensor: Tensor) -> Span | None:
        """Where the values of a tensor of the old model (0) or the new one (1) lie."""
        if tensor.is_external:
            return None if self._outside is None else self._outside[side].span(tensor)
        held = tensor.data[-1:] if tensor.data and tensor.data[-1].field == RAW else tensor.data
        if len(held) != 1:
            return None
        field, packed, start, end, _ = held[0]
        plain = field == RAW or (packed and field == _TYPED.get(tensor.dtype))
        return Span(self.trees[side].data, start, end) if plain else None

    def _compare(self, old: Tensor, new: Tensor) -> bool | None:
        if not (old.is_external or new.is_external):
            return values_of(self.trees.old.data, old) == values_of(self.trees.new.data, new)
        one, other = self.span(0, old), self.span(1, new)
        if one is None or other is None:
            return None
        (a, start, end), (b, at, stop) = one, other
        self._room -= end - start
        if self._room < 0:
            return None
        return end - start == stop - at and all(
            a[start + k : min(start + k + BLOCK, end)] == b[at + k : min(at + k + BLOCK, stop)]
            for k in range(0, end - start, BLOCK)
        )
