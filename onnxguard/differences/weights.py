"""Initializers that differ: their types, and the ranges of their values."""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from onnxguard.base.printable import printable
from onnxguard.differences.attributes import Number, number, type_of
from onnxguard.differences.held_values import HeldValues, Span
from onnxguard.differences.values import BLOCK, Pair
from onnxguard.model.graph import Graph, Tensor

MEASURED = 1 << 23
"""Values of all changed initializers together whose range is looked for."""

_CODES = {1: "f", 2: "B", 3: "b", 4: "H", 5: "h", 6: "i", 7: "q", 9: "?", 10: "e", 11: "d"}
_CODES |= {12: "I", 13: "Q", 16: "H"}
_BFLOAT16 = 16


class Range(NamedTuple):
    """The values of an initializer.

    Attributes:
        type: ``float32[8,3,3,3]``.
        least: None where the values were not looked at, or are no numbers.
        greatest: as ``least``.
        nans: how many values are not a number.
    """

    type: str
    least: Number | None = None
    greatest: Number | None = None
    nans: int = 0


class WeightChange(NamedTuple):
    """An initializer that differs.

    Attributes:
        name: safe to print.
        graph: the route of its graph.
        old: None where it is new; ``new`` is None where it is gone.
        largest: difference between an old value and the new one in its place; None where they were
            not compared.
    """

    name: str
    graph: str
    old: Range | None
    new: Range | None
    largest: Number | None = None


def changed_weights(values: HeldValues, graphs: Iterable[Pair[Graph]]) -> Iterator[WeightChange]:
    """The initializers of graphs that are in both models, by name; not those nobody looked at."""
    room = MEASURED
    for pair in graphs:
        a, b = ({t.name: t for t in graph.initializers} for graph in pair)
        route = pair.new.route
        for name in sorted(a.keys() | b.keys()):
            before, after = a.get(name), b.get(name)
            shown = printable(name)
            if before is None or after is None:
                only = before or after
                side = None if only is None else Range(type_of(only))
                yield WeightChange(
                    shown, route, *((None, side) if before is None else (side, None))
                )
            elif _form(before) != _form(after):
                yield WeightChange(shown, route, Range(type_of(before)), Range(type_of(after)))
            elif values.same(before, after) is not False:
                continue
            elif before.elements > room:
                yield WeightChange(shown, route, Range(type_of(before)), Range(type_of(after)))
            else:
                room -= before.elements
                yield _measured(values, Pair(before, after), shown, route)


def _form(tensor: Tensor) -> tuple[int, tuple[int, ...]]:
    return tensor.dtype, tensor.dims


class _Measure:
    """The range of values that come in blocks."""

    def __init__(self) -> None:
        self._least: float | None = None
        self._greatest: float | None = None
        self._nans = 0

    def add(self, values: Sequence[float]) -> None:
        """Take a block into account."""
        nans = sum(map(operator.ne, values, values))
        if nans:
            self._nans += nans
            values = [value for value in values if not math.isnan(value)]
        if values:
            least, greatest = min(values), max(values)
            self._least = least if self._least is None else min(self._least, least)
            self._greatest = greatest if self._greatest is None else max(self._greatest, greatest)

    def range_of(self, tensor: Tensor) -> Range:
        """What was found."""
        least, greatest = (
            None if end is None else number(end) for end in (self._least, self._greatest)
        )
        return Range(type_of(tensor), least, greatest, self._nans)


def _measured(values: HeldValues, tensors: Pair[Tensor], name: str, graph: str) -> WeightChange:
    old, new = (_blocks(values.span(side, tensor), tensor) for side, tensor in enumerate(tensors))
    measures = Pair(_Measure(), _Measure())
    largest: float | None = None
    if old is not None and new is not None:
        largest = 0
        for a, b in zip(old, new, strict=True):  # as many of each: dtype and dims are the same
            measures.old.add(a)
            measures.new.add(b)
            steps = map(abs, map(operator.sub, a, b))
            largest = max(largest, max((step for step in steps if not math.isnan(step)), default=0))
    before, after = (m.range_of(t) for m, t in zip(measures, tensors, strict=True))
    step = None if largest is None else number(largest)
    return WeightChange(name, graph, before, after, step)


def _blocks(span: Span | None, tensor: Tensor) -> Iterator[Sequence[float]] | None:
    """The values a block at a time; None where they are no numbers that lie one after the other."""
    code = _CODES.get(tensor.dtype)
    if code is None or span is None:
        return None
    data, start, end = span
    if end - start != struct.calcsize(f"<{code}") * tensor.elements:
        return None
    return (
        _decoded(data[at : min(at + BLOCK, end)], tensor.dtype, code)
        for at in range(start, end, BLOCK)
    )


def _decoded(raw: bytes, dtype: int, code: str) -> Sequence[float]:
    values: tuple[Any, ...] = struct.unpack(
        f"<{len(raw) // struct.calcsize(f'<{code}')}{code}", raw
    )
    if dtype != _BFLOAT16:
        return values
    count = len(values)
    return struct.unpack(f"<{count}f", struct.pack(f"<{count}I", *(v << 16 for v in values)))
