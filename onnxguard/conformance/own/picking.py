"""Cases of operators that pick elements, or put them somewhere; no two are equal."""

from __future__ import annotations

from typing import Any

import numpy as np

from onnxguard.conformance.own.draft import Draft, Drafts, Task, recipe
from onnxguard.conformance.own.moving import BLOCK, I8, ints


@recipe(
    "Slice",
    ranks=(1, 2, 3, 4, 5),
    features=(
        "a negative axis",
        "several axes",
        "a negative step",
        "clamping",
    ),
)
def slice_(task: Task) -> Drafts:
    """Forwards and backwards, from the end, beyond both ends."""
    far = 1 << 40
    cuts: tuple[tuple[int, int, int], ...] = ((1, 3, 1), (0, far, 2), (-3, -1, 1), (-far, far, 1))
    if task.version >= 10:
        cuts += ((-1, -far, -1), (4, 0, -2), (far, -far, -3), (2, 2, 1), (-2, 0, -1), (1, far, 3))
    for dtype in task.dtypes():
        yield _slice(task, (5, 6), dtype, [(1, 4, 1), (0, 6, 1)], (0, 1))
        yield _slice(task, (5, 6), dtype, [(1, 4, 1)], None)
    for rank in range(1, 6):
        shape = (5, 4, 6, 3, 5)[:rank]
        for cut in cuts:
            for axis in {0, rank - 1} | (
                {-1} if task.version >= 11 or task.version == 10 else set()
            ):
                yield _slice(task, shape, "f4", [cut], (axis,))
    yield _slice(task, BLOCK, "f4", [(1, 3, 1), (0, 4, 2), (1, 2, 1)], (1, 3, 0))
    if task.version >= 10:
        yield _slice(task, BLOCK, "f4", [(3, -far, -2), (-1, -far, -1)], (-1, 1))
        for kind in task.dtypes("Tind"):
            x = task.distinct((5, 6), "f4")
            parts = [np.array(v).astype(kind) for v in ([0, 1], [4, 6], [0, 1], [1, 2])]
            yield Draft([x, *parts])
            yield Draft([x, *parts[:2]])
        wrong = [task.distinct((5, 6), "f4"), ints(0), ints(3), ints(0), ints(0)]
        yield Draft(wrong, forbids="a step of 0")
        wrong = [task.distinct((5, 6), "f4"), ints(0), ints(3), ints(2)]
        yield Draft(wrong, forbids="an axis out of range")
        yield Draft(
            [task.distinct((5, 6), "f4"), ints(0, 0), ints(3)], forbids="two starts, one end"
        )


def _slice(
    task: Task,
    shape: tuple[int, ...],
    dtype: Any,
    cuts: list[tuple[int, int, int]],
    axes: tuple[int, ...] | None,
) -> Draft:
    x = task.distinct(shape, dtype)
    starts, ends, steps = (list(part) for part in zip(*cuts, strict=True))
    shows: tuple[str, ...] = ("a negative step",) if min(steps) < 0 else ()
    shows += ("clamping",) if max(map(abs, starts + ends)) > 99 else ()
    shows += ("a negative axis",) if axes and min(axes) < 0 else ()
    if task.version < 10:
        said = {"starts": starts, "ends": ends} | ({} if axes is None else {"axes": list(axes)})
        return Draft([x], said, shows=shows)
    inputs: list[Any] = [x, ints(*starts), ints(*ends)]
    if axes is not None or steps != [1] * len(steps):
        inputs += [None if axes is None else ints(*axes)]
    if steps != [1] * len(steps):
        inputs += [ints(*steps)]
    return Draft(inputs, shows=shows)


@recipe(
    "Gather",
    ranks=(1, 2, 3, 4, 5),
    features=(
        "a negative axis",
        "negative indices",
        "a dim of 0",
    ),
)
def gather(task: Task) -> Drafts:
    """Along every axis, by indices of every rank, from the end too."""
    least = -3 if task.version >= 11 else 0
    for dtype in task.dtypes():
        for kind in task.dtypes("Tind"):
            index = task.random.integers(least, 3, (2, 2)).astype(kind)
            yield Draft([task.distinct((3, 4), dtype), index], shows=_negative(index))
    for rank in range(1, 6):
        shape = (3, 4, 3, 5, 3)[:rank]
        for axis in range(-rank if task.version >= 11 else 0, rank):
            size = shape[axis]
            for dims in ((), (3,), (2, 2), (1, 2, 2)):
                low = -size if task.version >= 11 else 0
                index = np.asarray(task.random.integers(low, size, dims)).astype(I8)
                said = {"axis": axis}
                yield Draft([task.distinct(shape, "f4"), index], said, shows=_negative(index))
    yield Draft([task.distinct((3, 4), "f4"), np.zeros((0,), I8)])
    x = task.distinct((3, 4), "f4")
    yield Draft([x, ints(3)], forbids="an index out of range")
    yield Draft([x, ints(-4)], forbids="an index out of range")
    yield Draft([x, ints(0)], {"axis": 2}, forbids="an axis out of range")
    yield Draft([x, np.array([0.0], np.float32)], forbids="indices that are floats")


def _negative(index: np.ndarray[Any, Any]) -> tuple[str, ...]:
    return ("negative indices",) if index.size and int(index.min()) < 0 else ()


@recipe(
    "GatherND",
    ranks=(1, 2, 3, 4),
    features=(
        "negative indices",
        "slices",
    ),
)
def gather_nd(task: Task) -> Drafts:
    """Elements and slices, for one batch and for several."""
    for dtype in task.dtypes():
        yield Draft([task.distinct((3, 4), dtype), np.array([[0, 1], [2, 3], [-1, -2]], I8)])
    for batch in (0, 1, 2) if task.has("batch_dims") else (0,):
        for rank in range(max(batch + 1, 1), 5):
            shape = (2, 3, 4, 5)[:rank]
            for depth in range(1, rank - batch + 1):
                for outer in ((3,), (2, 2)):
                    dims = (*shape[:batch], *outer, depth)
                    limits = np.array(shape[batch : batch + depth])
                    index = task.random.integers(-limits, limits, dims).astype(I8)
                    said = {"batch_dims": batch} if task.has("batch_dims") and depth % 2 else {}
                    said |= {"batch_dims": batch} if batch else {}
                    shows = _negative(index) + (("slices",) if depth < rank - batch else ())
                    yield Draft([task.distinct(shape, "f4"), index], said, shows=shows)
    x = task.distinct((3, 4), "f4")
    yield Draft([x, np.array([[0, 4]], I8)], forbids="an index out of range")
    yield Draft([x, np.array([[0, 0, 0]], I8)], forbids="more indices than dims")


@recipe(
    "ScatterND",
    ranks=(1, 2, 3, 4),
    features=(
        "negative indices",
        "slices",
    ),
    reduction=("none", "add", "mul", "max", "min"),
)
def scatter_nd(task: Task) -> Drafts:
    """Elements and slices replaced; added, multiplied and compared, at one place twice."""
    for dtype in task.dtypes():
        index = np.array([[0, 1], [2, 3], [-1, -2]], I8)
        yield Draft([task.distinct((3, 4), dtype), index, task.draw((3,), dtype)])
    ways = {16: ("none", "add", "mul"), 18: ("none", "add", "mul", "max", "min")}
    for how in ways.get(task.version, ("none",)):
        said = {"reduction": how} if how != "none" or task.has("reduction") else {}
        for rank in range(1, 5):
            shape = (4, 3, 5, 2)[:rank]
            for depth in range(1, rank + 1):
                limits = np.array(shape[:depth])
                count = int(limits.prod())
                places = task.random.choice(count, min(3, count), replace=False)
                index = np.stack(np.unravel_index(places, limits), -1).astype(I8)
                index[0] -= limits
                if how != "none":
                    index[-1] = index[0]
                updates = task.draw((len(index), *shape[depth:]), "f4")
                shows = _negative(index) + (("slices",) if depth < rank else ())
                yield Draft([task.distinct(shape, "f4"), index, updates], said, shows=shows)
        for name in ("int32", "int64", "float64", "float16") if how != "none" else ():
            if np.dtype(name) in task.dtypes():
                twice = np.array([[1], [1], [2]], I8)
                values = [np.arange(1, 6).astype(name), twice, np.array([3, 2, 5]).astype(name)]
                yield Draft([values[0], values[1], values[2]], said)
    x = task.distinct((3, 4), "f4")
    yield Draft([x, np.array([[0, 4]], I8), task.draw((1,), "f4")], forbids="an index out of range")
    yield Draft([x, np.array([[0]], I8), task.draw((1,), "f4")], forbids="updates of another shape")
