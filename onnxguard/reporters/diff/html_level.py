"""Lay two graphs out so that what is the same stands level: in one rank, of one height."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from onnxguard.differences import Pair
from onnxguard.reporters.kit.html_layout import Layout, Size, heights_of, lay_out
from onnxguard.reporters.kit.html_ranks import rank_boxes

Ends = list[tuple[int, int]]
"""The boxes at the ends of each edge."""


def lay_out_level(
    sizes: Pair[list[Size]], edges: Pair[Ends], same: Sequence[Pair[int]]
) -> Pair[Layout]:
    """Lay out two graphs; ``same`` are boxes of each that stand level, any of them once.

    Where one model computes what is the same in another order, as many do as can.
    """
    ranks = _ranks(Pair(*map(len, sizes)), edges, same)
    heights = Pair(*map(heights_of, sizes, ranks))
    count = max(map(len, heights))
    padded = ([*each, *[0] * (count - len(each))] for each in heights)
    rows = [max(pair) for pair in zip(*padded, strict=True)]
    return Pair(*(lay_out(*each, rows) for each in zip(sizes, edges, ranks, strict=True)))


def _ranks(counts: Pair[int], edges: Pair[Ends], same: Sequence[Pair[int]]) -> Pair[list[int]]:
    """The ranks of one graph that is both: boxes that are the same are one box in it."""
    numbers = Pair(list(range(counts.old)), list(range(counts.old, sum(counts))))
    for old, new in same:
        numbers.new[new] = old
    joined = {
        (own[min(edge)], own[max(edge)])
        for own, ends in zip(numbers, edges, strict=True)
        for edge in ends
    }
    order = _order({*numbers.old, *numbers.new}, joined)
    if order is None:  # never twice: edges run with the order of the boxes
        return _ranks(counts, edges, _in_order(same))
    ranks = rank_boxes(len(order), sorted((order[a], order[b]) for a, b in joined))
    return Pair(*([ranks[order[number]] for number in own] for own in numbers))


def _in_order(same: Sequence[Pair[int]]) -> list[Pair[int]]:
    """As many of them as come in one order in both graphs: the longest increasing subsequence."""
    pairs = sorted(same)
    ends: list[int] = []  # by length, the least box of the new graph at which a run of it ends
    last: list[int] = []
    before: list[int] = []
    for number, pair in enumerate(pairs):
        length = bisect_left(ends, pair.new)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [pair.new]
        last[length : length + 1] = [number]
    kept, number = [], last[-1] if last else -1
    while number >= 0:
        kept.append(pairs[number])
        number = before[number]
    return kept


def _order(boxes: set[int], edges: set[tuple[int, int]]) -> dict[int, int] | None:
    """A place for each box so that edges run to higher ones; None where they run in a circle."""
    below: dict[int, list[int]] = {box: [] for box in boxes}
    waiting = dict.fromkeys(boxes, 0)
    for source, target in sorted(edges):
        below[source].append(target)
        waiting[target] += 1
    ready = sorted(box for box, count in waiting.items() if not count)
    for box in ready:  # it grows by those that wait for nothing more
        for target in below[box]:
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return {box: place for place, box in enumerate(ready)} if len(ready) == len(boxes) else None
