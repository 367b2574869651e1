"""Lay a graph out in ranks, top to bottom: sizes and edges in, places and paths out.

The way of Sugiyama, each step linear in boxes and points: ranks by the longest path, an order
within each rank by sweeps of barycentres, then places as near to the neighbours' as the order
allows. Lengths are whole pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from onnxguard.reporters.kit.html_ranks import rank_boxes

GAP, RANK_GAP, POINT = 22, 34, 10
"""Room between two boxes of a rank, between two ranks, and around an edge that passes a rank."""

POINTS = 6_000
"""So many points are spent on edges that pass ranks; what is beyond goes straight."""

SWEEPS, PASSES = 6, 9

STRAIGHT, BENT = 0.2, 0.05
"""What a point of a long edge weighs between two others, and at an end; a box weighs 1.

So what is computed step by step stands in a straight line, and what joins it gives way.
"""


class Size(NamedTuple):
    """How large a box is."""

    width: int
    height: int


class Rect(NamedTuple):
    """Where a box lies; ``x`` and ``y`` are its top left corner."""

    x: int
    y: int
    width: int
    height: int


Point = tuple[int, int]


class Path(NamedTuple):
    """An edge from the bottom of one box to the top of another.

    Between the two points of ``steps[0::2]`` and ``steps[1::2]`` it crosses the room between ranks;
    from one such pair to the next it runs straight down.
    """

    steps: tuple[Point, ...]
    upward: bool = False


class Layout(NamedTuple):
    """Places of the boxes, their ranks, and paths, in the order of what was given."""

    boxes: tuple[Rect, ...]
    ranks: tuple[int, ...]
    paths: tuple[Path, ...]
    size: Size


class _Grid(NamedTuple):
    """Boxes, then the points of long edges, by rank; ``chains`` are the vertices of each edge."""

    boxes: int
    rows: list[list[int]]
    widths: list[int]
    above: list[list[int]]
    below: list[list[int]]
    chains: list[list[int]]


def lay_out(
    sizes: Sequence[Size],
    edges: Sequence[tuple[int, int]],
    ranks: Sequence[int] | None = None,
    heights: Sequence[int] | None = None,
) -> Layout:
    """Place boxes so that edges run down.

    Boxes are expected in an order in which they can run; an edge against it is drawn upward. No
    edge may end where it starts. Whoever gives the ``ranks``, in which edges run down as well, may
    say the ``heights`` of them all.
    """
    if not sizes:
        return Layout((), (), (), Size(0, 0))
    downward = [(min(edge), max(edge)) for edge in edges]
    ranks = rank_boxes(len(sizes), downward) if ranks is None else ranks
    heights = heights_of(sizes, ranks) if heights is None else heights
    grid = _grid(sizes, ranks, len(heights), downward)
    _order(grid)
    centres = _centres(grid)
    return _placed(sizes, ranks, heights, edges, grid, centres)


def heights_of(sizes: Sequence[Size], ranks: Sequence[int]) -> list[int]:
    """The height of each rank: that of its highest box."""
    heights = [0] * (max(ranks, default=-1) + 1)
    for size, rank in zip(sizes, ranks, strict=True):
        heights[rank] = max(heights[rank], size.height)
    return heights


def _grid(
    sizes: Sequence[Size], ranks: Sequence[int], count: int, edges: list[tuple[int, int]]
) -> _Grid:
    rows: list[list[int]] = [[] for _ in range(count)]
    for box, rank in enumerate(ranks):
        rows[rank].append(box)
    widths = [size.width + GAP for size in sizes]
    chains = [[source, target] for source, target in edges]
    left = POINTS
    for index in sorted(range(len(edges)), key=lambda i: ranks[edges[i][1]] - ranks[edges[i][0]]):
        source, target = edges[index]
        passed = range(ranks[source] + 1, ranks[target])
        left -= len(passed)
        if left < 0:
            break
        points = range(len(widths), len(widths) + len(passed))
        widths += [POINT] * len(passed)
        for rank, point in zip(passed, points, strict=True):
            rows[rank].append(point)
        chains[index] = [source, *points, target]
    above: list[list[int]] = [[] for _ in widths]
    below: list[list[int]] = [[] for _ in widths]
    for chain in chains:
        if len(chain) == ranks[chain[-1]] - ranks[chain[0]] + 1:  # not the straight ones
            for upper, lower in pairwise(chain):
                below[upper].append(lower)
                above[lower].append(upper)
    return _Grid(len(sizes), rows, widths, above, below, chains)


def _order(grid: _Grid) -> None:
    """Sort each rank by the mean place of the neighbours above, then below, and again."""
    place = [0.0] * len(grid.widths)
    for row in grid.rows:
        _number(row, place)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        near = grid.above if down else grid.below
        for row in grid.rows if down else reversed(grid.rows):
            wanted = {v: _mean(near[v], place, place[v]) for v in row}
            row.sort(key=wanted.__getitem__)
            _number(row, place)


def _number(row: list[int], place: list[float]) -> None:
    for index, vertex in enumerate(row):
        place[vertex] = (index + 0.5) / len(row)


def _mean(vertices: list[int], place: list[float], otherwise: float) -> float:
    return sum(place[v] for v in vertices) / len(vertices) if vertices else otherwise


def _centres(grid: _Grid) -> list[float]:
    """The middle of each vertex: the order stays, and no two come too near."""
    middle = [0.0] * len(grid.widths)
    for row in grid.rows:
        x = -sum(grid.widths[v] for v in row) / 2
        for vertex in row:
            middle[vertex] = x + grid.widths[vertex] / 2
            x += grid.widths[vertex]
    for turn in range(PASSES):
        down = turn % 2 == 0
        near = grid.above if down else grid.below
        for row in grid.rows if down else reversed(grid.rows):
            _settle(row, [_wanted(v, near[v], grid, middle) for v in row], grid, middle)
    for row in grid.rows:  # what reads nothing comes as near to its readers as there is room
        wanted = [
            (middle[v], 1.0) if grid.above[v] else (_mean(grid.below[v], middle, middle[v]), BENT)
            for v in row
        ]
        _settle(row, wanted, grid, middle)
    return middle


def _settle(
    row: list[int], wanted: list[tuple[float, float]], grid: _Grid, middle: list[float]
) -> None:
    """Move a rank as near to what is wanted as its order and widths allow (least squares).

    What is wanted are places and weights.
    Vertices that would overlap are joined to blocks that move as one, as in isotonic regression.
    """
    blocks: list[tuple[float, float, int]] = []  # weight, sum of weighted starts, vertices
    offset, offsets = 0.0, []
    for vertex, (place, weight) in zip(row, wanted, strict=True):
        offset += grid.widths[vertex] / 2
        offsets.append(offset)
        block = (weight, weight * (place - offset), 1)
        while blocks and blocks[-1][1] / blocks[-1][0] > block[1] / block[0]:
            last = blocks.pop()
            block = (last[0] + block[0], last[1] + block[1], last[2] + block[2])
        blocks.append(block)
        offset += grid.widths[vertex] / 2
    at = 0
    for weight, total, count in blocks:
        for index in range(at, at + count):
            middle[row[index]] = total / weight + offsets[index]
        at += count


def _wanted(vertex: int, near: list[int], grid: _Grid, middle: list[float]) -> tuple[float, float]:
    """Where a vertex is drawn to by its neighbours on one side, and how strongly.

    Long edges run straight, and where one begins or ends, it is the edge that bends.
    """
    if not near:
        return middle[vertex], BENT
    if vertex >= grid.boxes:
        return middle[near[0]], STRAIGHT if near[0] >= grid.boxes else BENT
    total = pull = 0.0
    for other in near:
        weight = 1.0 if other < grid.boxes and grid.above[other] else BENT
        total, pull = total + weight * middle[other], pull + weight
    return total / pull, 1.0


def _placed(
    sizes: Sequence[Size],
    ranks: Sequence[int],
    heights: Sequence[int],
    edges: Sequence[tuple[int, int]],
    grid: _Grid,
    centres: list[float],
) -> Layout:
    left = min(centres[v] - grid.widths[v] / 2 for v in range(len(centres)))
    middle = [round(centre - left) for centre in centres]
    tops, bottoms, y = [], [], 0
    for height in heights:
        tops.append(y)
        y += height
        bottoms.append(y)
        y += RANK_GAP
    boxes = []
    for size, rank, x in zip(sizes, ranks, middle, strict=False):
        spare = bottoms[rank] - tops[rank] - size.height
        boxes.append(Rect(x - size.width // 2, tops[rank] + spare // 2, *size))
    entries = _entries(boxes, grid, middle)
    paths = []
    for edge, chain, entry in zip(edges, grid.chains, entries, strict=True):
        first, last = boxes[chain[0]], boxes[chain[-1]]
        rank = ranks[chain[0]]
        steps = [(middle[chain[0]], first.y + first.height), (middle[chain[0]], bottoms[rank])]
        for passed, vertex in enumerate(chain[1:-1], rank + 1):
            steps += [(middle[vertex], tops[passed]), (middle[vertex], bottoms[passed])]
        steps += [(entry, tops[ranks[chain[-1]]]), (entry, last.y)]
        paths.append(Path(tuple(steps), edge[0] > edge[1]))
    # A point at the margin may lie beyond all boxes.
    width = max([x for path in paths for x, _ in path.steps] + [b.x + b.width for b in boxes])
    return Layout(tuple(boxes), tuple(ranks), tuple(paths), Size(width + 1, bottoms[-1]))


def _entries(boxes: list[Rect], grid: _Grid, middle: list[int]) -> list[int]:
    """Where each edge meets the top of its box: side by side, in the order they come from."""
    arriving: dict[int, list[int]] = {}
    for index, chain in enumerate(grid.chains):
        arriving.setdefault(chain[-1], []).append(index)
    entries = [0] * len(grid.chains)
    for target, indices in arriving.items():
        indices.sort(key=lambda index: middle[grid.chains[index][-2]])
        step = min(16.0, (boxes[target].width - 16) / len(indices))
        for place, index in enumerate(indices):
            entries[index] = round(middle[target] + step * (place - (len(indices) - 1) / 2))
    return entries
