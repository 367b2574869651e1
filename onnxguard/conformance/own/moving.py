"""Cases of operators that move elements; no two elements of a tensor are equal."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from onnxguard.conformance.own.draft import Draft, Drafts, Task, recipe
from onnxguard.conformance.own.elementwise import RANKS, SHAPES

I8 = np.int64
BLOCK = (2, 3, 4, 5)


def ints(*values: int) -> np.ndarray[Any, Any]:
    """An int64 vector."""
    return np.array(values, I8)


@recipe(
    "Reshape",
    ranks=RANKS,
    features=(
        "a kept dim",
        "a dim left to find",
        "a dim of 0",
        "a dim of 1",
    ),
)
def reshape(task: Task) -> Drafts:
    """Dims that are given, kept and found; empty tensors both ways."""
    for dtype in task.dtypes():
        yield Draft([task.distinct((2, 3, 4), dtype), ints(4, 6)])
    moves: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
        ((), (1, 1)), ((1,), ()), ((12,), (3, 4)), ((2, 3, 4), (24,)), ((2, 3, 4, 5), (5, 4, 6)),
        ((1, 2, 3, 2, 3), (6, 6)), ((2, 0), (0, 0)),
    )  # fmt: skip
    for before, after in moves:
        yield Draft([task.distinct(before, "f4"), np.array(after, I8)])
    kept = ("a kept dim",)
    found = ("a dim left to find",)
    yield Draft([task.distinct((2, 3, 4), "f4"), ints(0, 12)], shows=kept)
    yield Draft([task.distinct((2, 3, 4), "f4"), ints(2, 0, 2, 2)], shows=kept)
    yield Draft([task.distinct((2, 3, 4), "f4"), ints(0, -1)], shows=kept + found)
    yield Draft([task.distinct((2, 3, 4), "f4"), ints(-1, 4)], shows=found)
    yield Draft([task.distinct((2, 3, 4), "f4"), ints(3, -1, 2)], shows=found)
    if task.has("allowzero"):
        for allowed in (0, 1):
            yield Draft([task.distinct((2, 3), "f4"), ints(3, 2)], {"allowzero": allowed})
            wanted = ints(5, 0) if allowed else ints(0, 3)
            yield Draft([task.distinct((0, 3), "f4"), wanted], {"allowzero": allowed})
        wrong = [task.distinct((0, 3), "f4"), ints(0, -1)]
        yield Draft(wrong, {"allowzero": 1}, forbids="0 and -1 where zeros count")
    for wanted in (ints(5, 5), ints(-1, -1), ints(-2, 12), ints(-1, 5)):
        yield Draft([task.distinct((2, 3, 4), "f4"), wanted], forbids=f"a shape of {list(wanted)}")


@recipe(
    "Flatten",
    ranks=RANKS,
    features=(
        "a negative axis",
        "a dim of 0",
    ),
)
def flatten(task: Task) -> Drafts:
    """At every axis, the first and the last included."""
    for dtype in task.dtypes():
        yield Draft([task.distinct((2, 3, 4), dtype)])
    for shape in (*SHAPES, (2, 0, 3)):
        for axis in range(-len(shape) if task.version >= 11 else 0, len(shape) + 1):
            yield Draft([task.distinct(shape, "f4")], {"axis": axis})
    yield Draft([task.distinct((2, 3), "f4")], {"axis": 3}, forbids="an axis out of range")
    yield Draft([task.distinct((2, 3), "f4")], {"axis": -3}, forbids="an axis out of range")


@recipe(
    "Squeeze",
    ranks=(1, 2, 3, 4, 5),
    features=(
        "a negative axis",
        "several axes",
    ),
)
def squeeze(task: Task) -> Drafts:
    """All ones, and those that are named."""
    for dtype in task.dtypes():
        yield _with_axes(task, (2, 1, 3, 1), dtype, (1,))
        yield _with_axes(task, (2, 1, 3, 1), dtype, None)
    cases: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
        ((1,), (0,)), ((1, 3), (0,)), ((3, 1), (-1,)), ((1, 3, 1), (0, 2)), ((1, 3, 1), (-1, 0)),
        ((2, 1, 3, 1), (3,)), ((1, 2, 1, 3, 1), (0, 2, 4)), ((1, 2, 1, 3, 1), (-3, 4)),
        ((1, 0, 3), (0,)), ((1, 1), (0,)),
    )  # fmt: skip
    for shape, axes in cases:
        if task.version >= 11 or min(axes) >= 0:
            yield _with_axes(task, shape, "f4", axes)
        yield _with_axes(task, shape, "f4", None)
    yield _with_axes(task, (2, 1), "f4", (0,))._replace(forbids="a dim of 2")
    yield _with_axes(task, (2, 1), "f4", (2,))._replace(forbids="an axis out of range")


@recipe(
    "Unsqueeze",
    ranks=(0, 1, 2, 3, 4),
    features=(
        "a negative axis",
        "several axes",
    ),
)
def unsqueeze(task: Task) -> Drafts:
    """At every place, and at several, in whatever order."""
    for dtype in task.dtypes():
        yield _with_axes(task, (2, 3), dtype, (1,))
    for rank in range(5):
        shape = (2, 3, 4, 5)[:rank]
        for axis in range(-rank - 1 if task.version >= 11 else 0, rank + 1):
            yield _with_axes(task, shape, "f4", (axis,))
    several = [(0, 3), (1, 2), (0, 1, 4)] + [(3, 0), (-1, 0), (-2, 1)] * (task.version >= 11)
    for axes in several:
        yield _with_axes(task, (2, 3, 4), "f4", axes)
    yield _with_axes(task, (2, 3), "f4", (1, 1))._replace(forbids="an axis twice")
    yield _with_axes(task, (2, 3), "f4", (4,))._replace(forbids="an axis out of range")


def _with_axes(
    task: Task, shape: tuple[int, ...], dtype: Any, axes: tuple[int, ...] | None
) -> Draft:
    x = task.distinct(shape, dtype)
    if axes is None:
        return Draft([x])
    if task.has("axes"):
        return Draft([x], {"axes": list(axes)})
    return Draft([x, np.array(axes, I8)])


@recipe(
    "Transpose",
    ranks=RANKS,
    features=(
        "a dim of 0",
        "a dim of 1",
    ),
)
def transpose(task: Task) -> Drafts:
    """Every order of up to four dims, and reversed."""
    for dtype in task.dtypes():
        yield Draft([task.distinct((2, 3, 4), dtype)], {"perm": [2, 0, 1]})
        yield Draft([task.distinct((3, 4), dtype)])
    for shape in (*SHAPES, (2, 0, 3)):
        yield Draft([task.distinct(shape, "f4")])
    for rank in (2, 3, 4):
        for order in itertools.permutations(range(rank)):
            yield Draft([task.distinct(BLOCK[:rank], "f4")], {"perm": list(order)})
    for order in ((1, 0, 2, 4, 3), (4, 3, 2, 1, 0), (0, 2, 1, 4, 3)):
        yield Draft([task.distinct((2, 3, 2, 3, 4), "f4")], {"perm": list(order)})
    yield Draft([task.distinct((2, 3), "f4")], {"perm": [0, 0]}, forbids="an axis twice")
    yield Draft([task.distinct((2, 3), "f4")], {"perm": [0]}, forbids="fewer axes than dims")


@recipe(
    "Concat",
    ranks=(1, 2, 3, 4, 5),
    features=(
        "a negative axis",
        "one input",
        "several inputs",
        "a dim of 0",
    ),
)
def concat(task: Task) -> Drafts:
    """Along every axis; one, two and five tensors, an empty one among them."""
    for dtype in task.dtypes():
        yield Draft([task.distinct((2, 3), dtype), task.distinct((2, 4), dtype)], {"axis": 1})
    for rank in range(1, 6):
        shape = (2, 3, 2, 3, 2)[:rank]
        for axis in range(-rank if task.version >= 11 else 0, rank):
            parts = []
            for size in (2, 1, 3):
                dims = [size if at == axis % rank else dim for at, dim in enumerate(shape)]
                parts.append(task.distinct(tuple(dims), "f4") + 100 * size)
            yield Draft([part.astype(np.float32) for part in parts], {"axis": axis})
    yield Draft([task.distinct((2, 3), "f4")], {"axis": 0})
    yield Draft([task.distinct((2, 3), "f4"), task.distinct((0, 3), "f4")], {"axis": 0})
    yield Draft([task.distinct((n, 3), "f4") for n in (1, 2, 3, 4, 5)], {"axis": 0})
    pair = [task.distinct((2, 3), "f4"), task.distinct((2, 4), "f4")]
    yield Draft(pair, {"axis": 0}, forbids="other dims that differ")
    yield Draft(pair, {"axis": 2}, forbids="an axis out of range")
    yield Draft([pair[0], task.distinct((2, 3), "f8")], {"axis": 0}, forbids="two dtypes")
    yield Draft(pair, {}, forbids="no axis")


@recipe("Shape", ranks=RANKS, features=("a dim of 0",))
def shape(task: Task) -> Drafts:
    """All dims, and some of them."""
    for dtype in task.dtypes():
        yield Draft([task.distinct((2, 3, 4), dtype)])
    yield Draft([np.zeros((0, 1 << 33), np.float32)])  # a dim that 32 bits do not hold
    for dims in (*SHAPES, (2, 0, 3)):
        yield Draft([task.distinct(dims, "f4")])
        for start, end in itertools.product((None, -9, -2, 0, 1), (None, -1, 1, 2, 9)):
            said = {"start": start, "end": end} if task.has("start") else {}
            said = {name: value for name, value in said.items() if value is not None}
            if said:
                yield Draft([task.distinct(dims, "f4")], said)


@recipe(
    "Expand",
    ranks=RANKS[1:],
    features=(
        "both ways",
        "a dim of 0",
        "a dim of 1",
    ),
)
def expand(task: Task) -> Drafts:
    """To more dims, to larger ones, and where the input is the larger."""
    for dtype in task.dtypes():
        yield Draft([task.distinct((3, 1), dtype), ints(2, 3, 4)])
    moves: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
        ((), (2, 3)), ((1,), (4,)), ((3,), (2, 3)), ((3, 1), (3, 4)), ((1, 4), (3, 1)),
        ((2, 1, 3), (2, 2, 3)), ((2, 1, 3), (1,)), ((2, 3, 1, 5), (1, 4, 5)),
        ((1, 2, 1, 2, 3), (2, 1, 3, 1, 1)), ((1, 3), (0, 3)), ((2, 3), ()), ((3, 3), (2, 1, 3)),
        ((3,), (3, 3)), ((3, 3), (3, 3, 3)),
    )  # fmt: skip
    for before, after in moves:
        shows = ("both ways",) if np.broadcast_shapes(before, after) != after else ()
        yield Draft([task.distinct(before, "f4"), np.array(after, I8)], shows=shows)
    yield Draft([task.distinct((3, 4), "f4"), ints(2, 4)], forbids="3 to 2")
    yield Draft([task.distinct((3,), "f4"), ints(3, 1, 2)], forbids="3 to 2")


@recipe(
    "Pad",
    ranks=(1, 2, 3, 4, 5),
    features=(
        "negative pads",
        "a dim of 0",
    ),
    mode=("constant", "reflect", "edge", "wrap"),
)
def pad(task: Task) -> Drafts:
    """In every mode that the version has, uneven, on some axes, cropping too."""
    modes = ("constant", "reflect", "edge", *(("wrap",) if task.version >= 19 else ()))
    for dtype in task.dtypes():
        for mode in modes:
            yield _pad(task, (3, 4), dtype, (1, 2, 0, 3), mode)
        if task.version >= 11:
            yield _pad(task, (3, 4), dtype, (1, 2, 0, 3), "constant", task.draw((), dtype))
            yield _pad(task, (3, 4), dtype, (1, 2, 0, 3), None)
    for mode in modes:
        for rank in range(1, 6):
            shape = (5, 4, 3, 4, 3)[:rank]
            for _ in range(3):
                pads = tuple(int(p) for p in task.random.integers(0, 3, 2 * rank))
                yield _pad(task, shape, "f4", pads, mode)
    negative = ("negative pads",)
    yield _pad(task, (4, 5), "f4", (-1, 2, 1, -2), "constant")._replace(shows=negative)
    yield _pad(task, (5,), "f4", (-1, -2), "constant")._replace(shows=negative)
    yield _pad(task, (0, 2), "f4", (1, 1, 1, 1), "constant")
    if task.version >= 18:
        for axes, kind in itertools.product(((1,), (0, 2), (-1,), (2, -3)), task.dtypes("Tind")):
            around = np.array([1, 2, 2, 1][: 2 * len(axes)], I8)
            x, value = task.distinct((3, 4, 5), "f4"), np.array(7, np.float32)
            yield Draft([x, around, value, np.array(axes).astype(kind)])
            yield Draft([x, around, None, np.array(axes).astype(kind)], {"mode": "edge"})
    if task.version >= 11:
        yield Draft([task.distinct((3, 4), "f4"), ints(1, 2)], forbids="fewer pads than dims")
    wrong = _pad(task, (3, 4), "f4", (1, 1, 1, 1), "mirror")
    yield wrong._replace(forbids="a mode that there is not")
    if task.version < 19:
        wrong = _pad(task, (3, 4), "f4", (1, 1, 1, 1), "wrap")
        yield wrong._replace(forbids="the mode wrap, which came with version 19")


def _pad(
    task: Task,
    shape: tuple[int, ...],
    dtype: Any,
    pads: tuple[int, ...],
    mode: str | None,
    value: np.ndarray[Any, Any] | None = None,
) -> Draft:
    x = task.distinct(shape, dtype)
    said: dict[str, Any] = {} if mode is None else {"mode": mode}
    if task.version < 11:
        return Draft([x], {**said, "pads": list(pads)})
    return Draft([x, ints(*pads), *([] if value is None else [value])], said)
