"""Say in which rank each box of a graph stands: the first step of its layout."""

from __future__ import annotations

from collections.abc import Iterable

LARGE = 8
"""Parts of a graph that nothing connects stand side by side, those of more boxes below another."""

WIDE = 16
"""A rank of more boxes than this is broken into several."""


def rank_boxes(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """The rank of each box, by the longest path to it; every edge runs to a higher rank.

    A box that reads nothing stands right above what reads it. Edges run from a lower index to a
    higher one.
    """
    into: list[list[int]] = [[] for _ in range(count)]
    out: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        into[target].append(source)
        out[source].append(target)
    ranks = [0] * count
    for box in range(count):
        ranks[box] = max((ranks[source] + 1 for source in into[box]), default=0)
    for box in range(count):
        if not into[box] and out[box]:
            ranks[box] = min(ranks[target] for target in out[box]) - 1
    top = 0
    for part in _parts([above + below for above, below in zip(into, out, strict=True)]):
        first, last = min(ranks[box] for box in part), max(ranks[box] for box in part)
        for box in part:
            ranks[box] += top - first
        top += last - first + 1
    return _broken(ranks)


def _parts(near: list[list[int]]) -> list[list[int]]:
    """The boxes of each large part that hangs together, in the order of their first boxes."""
    seen = [False] * len(near)
    parts = []
    for start in range(len(near)):
        part, pending = [], [] if seen[start] else [start]
        seen[start] = True
        while pending:
            box = pending.pop()
            part.append(box)
            for other in near[box]:
                if not seen[other]:
                    seen[other] = True
                    pending.append(other)
        if len(part) > LARGE:
            parts.append(part)
    return parts


def _broken(ranks: list[int]) -> list[int]:
    """Number the ranks anew, so that none holds more than ``WIDE`` boxes."""
    found: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
    for box, rank in enumerate(ranks):
        found[rank].append(box)
    broken, number = [0] * len(ranks), 0
    for boxes in filter(None, found):
        rows = -(-len(boxes) // WIDE)
        for place, box in enumerate(boxes):
            broken[box] = number + place * rows // len(boxes)
        number += rows
    return broken
