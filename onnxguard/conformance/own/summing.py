"""Cases of reductions, normalisations and products."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from onnxguard.conformance.formulas.node import limits_of
from onnxguard.conformance.own.draft import Draft, Drafts, Task, is_integer, recipe
from onnxguard.conformance.own.elementwise import LONG


@recipe(
    "ReduceMax",
    "ReduceMin",
    "ReduceMean",
    "ReduceSum",
    "ReduceProd",
    "ReduceL1",
    "ReduceL2",
    ranks=(0, 1, 2, 3, 4, 5),
    features=(
        "a negative axis",
        "several axes",
        "a dim of 1",
    ),
)
def reduction(task: Task) -> Drafts:
    """Every set of axes of up to four dims, kept and dropped."""
    for dtype in task.dtypes():
        for some in (None, (1,), (0, 2), (-1,)):
            yield _reduced(task, (3, 4, 5), dtype, some, {})
        yield _reduced(task, LONG, dtype, (1,), {"keepdims": 0})
    for rank in range(5):
        for axes in _subsets(rank):
            for kept in (0, 1):
                yield _reduced(task, (3, 4, 2, 5)[:rank], "f4", axes, {"keepdims": kept})
    for shape, axes in (((2, 3, 2, 3, 2), (1, 3)), ((2, 3, 2, 3, 2), (-1, 0)), ((1, 1, 5), (1,))):
        yield _reduced(task, shape, "f4", axes, {})
    if task.has("noop_with_empty_axes"):
        for noop in (0, 1):
            yield _reduced(task, (2, 3), "f4", None, {"noop_with_empty_axes": noop})
            yield _reduced(task, (2, 3), "f4", (), {"noop_with_empty_axes": noop})
            yield _reduced(task, (2, 3), "f4", (1,), {"noop_with_empty_axes": noop})
    for dtype in task.dtypes():
        if np.dtype(dtype) == np.bool_:  # else what nothing folds to depends on the dtype
            yield _reduced(task, (0, 3), dtype, (0,), {})
    yield _reduced(task, (2, 3), "f4", (2,), {})._replace(forbids="an axis out of range")
    yield _reduced(task, (2, 3), "f4", (-3,), {})._replace(forbids="an axis out of range")


def _subsets(rank: int) -> list[tuple[int, ...] | None]:
    axes = range(rank)
    chosen = [c for n in range(1, rank + 1) for c in itertools.combinations(axes, n)]
    return [None, *chosen, *((axis - rank,) for axis in axes)]


def _reduced(
    task: Task,
    shape: tuple[int, ...],
    dtype: Any,
    axes: tuple[int, ...] | None,
    said: dict[str, Any],
) -> Draft:
    over = axes or tuple(range(len(shape)))
    folded = [shape[axis] for axis in over if -len(shape) <= axis < len(shape)]
    x = _to_fold(task, shape, np.dtype(dtype), max(int(np.prod(folded)), 1))
    if axes is None:
        return Draft([x], said)
    if task.has("axes"):
        return Draft([x], {**said, "axes": list(axes)} if axes else said)
    return Draft([x, np.array(axes, np.int64)], said)


def _to_fold(task: Task, shape: tuple[int, ...], dtype: Any, count: int) -> Any:
    """Values of which ``count`` can be folded into one that the dtype holds."""
    if task.op_type in {"ReduceMax", "ReduceMin"}:
        return task.draw(shape, dtype, 1)
    if task.op_type == "ReduceProd":
        if not is_integer(dtype):
            sign = np.where(task.random.random(shape) < 0.5, -1, 1)
            return np.asarray(task.random.uniform(0.5, 1.5, shape) * sign).astype(dtype)
        limits = limits_of(dtype)
        most = int((float(limits.max) / 4) ** (1 / count))
        if most > 1:
            return np.asarray(task.random.integers(1, most, shape, endpoint=True)).astype(dtype)
        x = np.ones(int(np.prod(shape)), dtype)  # as many twos as its product can hold
        x[task.random.permutation(x.size)[: int(limits.bits) - 2]] = 2
        return x.reshape(shape)
    if is_integer(dtype) and task.op_type in {"ReduceL2", "ReduceMean"}:
        most = min(int(limits_of(dtype).max) // count, 1 << 40)  # its mean is exact in float64
        least = -most if dtype.kind == "i" else 0
        return np.asarray(task.random.integers(least, most, shape)).astype(dtype)
    return task.draw(shape, dtype, 2 * count)


@recipe(
    "Softmax",
    ranks=(1, 2, 3, 4, 5),
    features=(
        "a negative axis",
        "a dim of 1",
    ),
)
def softmax(task: Task) -> Drafts:
    """Along every axis; large values, which must not overflow."""
    for dtype in task.dtypes():
        for axis in (None, 0, -1):
            yield Draft([task.draw((3, 5), dtype)], {} if axis is None else {"axis": axis})
    for rank in range(1, 6):
        shape = (3, 4, 2, 5, 3)[:rank]
        for axis in range(-rank if task.version >= 11 else 0, rank):
            yield Draft([task.draw(shape, "f4")], {"axis": axis})
        if rank > 1:
            yield Draft([task.draw(shape, "f4")])
    yield Draft([task.draw(LONG, "f4") * 100], {"axis": 1})
    yield Draft([task.draw((3, 1, 5), "f4") + 1e4], {"axis": 2})
    yield Draft([task.draw((2, 3), "f4")], {"axis": 2}, forbids="an axis out of range")
    yield Draft([task.draw((2, 3), "f4")], {"axis": -3}, forbids="an axis out of range")


@recipe("BatchNormalization", ranks=(2, 3, 4, 5), features=("a dim of 1",))
def batch_norm(task: Task) -> Drafts:
    """With stored statistics, at every rank; with the batch's, where the version has it."""
    for dtype in task.dtypes():
        others = {name: task.dtypes(name) for name in ("T1", "T2", "U") if task.dtypes(name)}
        kinds = [(dtype, dtype)]
        if others:
            scales = others.get("T1", [dtype])
            kinds = [(s, m) for s in scales for m in others.get("T2", others.get("U", [dtype]))]
        for scale, mean in kinds:
            yield _normed(task, (2, 3, 4, 5), dtype, scale, mean, {})
    shapes: tuple[tuple[int, ...], ...] = (
        (5, 3),
        (2, 3, 7),
        (2, 1, 3, 5),
        (2, 3, 4, 3),
        (1, 3, 4, 5),
        (2, 3, 2, 3, 4),
    )
    for shape in shapes:
        for said in ({}, {"epsilon": 0.25}, {"momentum": 0.5}):
            yield _normed(task, shape, "f4", "f4", "f4", said)
    if task.has("training_mode"):
        yield _normed(task, (2, 3, 4, 5), "f4", "f4", "f4", {"training_mode": 0})
        for said in ({}, {"momentum": 0.5}):
            yield _normed(
                task, (2, 3, 4, 5), "f4", "f4", "f4", {**said, "training_mode": 1}
            )._replace(outputs=3)
    wrong = _normed(task, (2, 3, 4), "f4", "f4", "f4", {})
    bad = [wrong.inputs[0], np.ones(4, np.float32), *wrong.inputs[2:]]
    yield Draft(bad, forbids="a scale of another size")


def _normed(
    task: Task, shape: tuple[int, ...], dtype: Any, scale: Any, mean: Any, said: dict[str, Any]
) -> Draft:
    c = (shape[1],)
    inputs: list[Any] = [task.draw(shape, dtype), task.draw(c, scale), task.draw(c, scale)]
    return Draft([*inputs, task.draw(c, mean), task.draw(c, mean, least=0.25)], said)


@recipe(
    "LayerNormalization",
    ranks=(1, 2, 3, 4, 5),
    features=(
        "a negative axis",
        "broadcasting",
        "statistics",
    ),
)
def layer_norm(task: Task) -> Drafts:
    """From every axis on, with and without a bias, and with the statistics."""
    for dtype in task.dtypes():
        for outputs in (1, 3):
            yield _layer(task, (3, 4, 5), dtype, None, True, outputs)
            yield _layer(task, (3, 67), dtype, -1, False, outputs)
    for rank in range(1, 6):
        shape = (2, 3, 4, 5, 3)[:rank]
        for axis in range(-rank, rank):
            for bias in (True, False):
                yield _layer(task, shape, "f4", axis, bias, 3 if axis % 2 else 1)
    x = task.draw((2, 3, 4), "f4")
    yield Draft([x, task.draw((1,), "f4")], shows=("broadcasting",))
    yield Draft(
        [x, task.draw((3, 1), "f4"), task.draw((4,), "f4")], {"axis": 1}, shows=("broadcasting",)
    )
    yield _layer(task, (3, 4, 5), "f4", -1, True, 1)._replace(attributes={"epsilon": 0.25})
    yield _layer(task, (3, 4, 5), "f4", -1, True, 1)._replace(attributes={"stash_type": 1})
    if task.opset >= 17:
        for dtype in task.dtypes():
            yield Draft([task.draw((3, 4), dtype), task.draw((4,), dtype)], {"stash_type": 16}, 3)
    yield Draft([x, task.draw((5,), "f4")], forbids="a scale of another size")
    yield Draft([x, task.draw((4,), "f4")], {"axis": 3}, forbids="an axis out of range")


def _layer(
    task: Task, shape: tuple[int, ...], dtype: Any, axis: int | None, bias: bool, outputs: int
) -> Draft:
    over = shape[-1 if axis is None else axis :]
    inputs: list[Any] = [task.draw(shape, dtype), task.draw(over, dtype)]
    inputs += [task.draw(over, dtype)] if bias else []
    shows = ("statistics",) if outputs > 1 else ()
    return Draft(inputs, {} if axis is None else {"axis": axis}, outputs, shows=shows)


@recipe("InstanceNormalization", ranks=(3, 4, 5), features=("a dim of 1",))
def instance_norm(task: Task) -> Drafts:
    """One, two and three spatial dims."""
    shapes: tuple[tuple[int, ...], ...] = ((2, 3, 7), (2, 3, 4, 3), (1, 3, 5, 4), (2, 3, 3, 2, 4))
    for dtype in task.dtypes():
        for shape in shapes:
            for said in ({}, {"epsilon": 0.25}):
                c = (shape[1],)
                yield Draft(
                    [task.draw(shape, dtype), task.draw(c, dtype), task.draw(c, dtype)], said
                )
    bad = [task.draw((2, 3, 7), "f4"), task.draw((4,), "f4"), task.draw((3,), "f4")]
    yield Draft(bad, forbids="a scale of another size")


@recipe("GlobalAveragePool", "GlobalMaxPool", ranks=(3, 4, 5), features=("a dim of 1",))
def global_pool(task: Task) -> Drafts:
    """One, two and three spatial dims; negative values alone too."""
    shapes: tuple[tuple[int, ...], ...] = ((2, 3, 7), (2, 3, 4, 5), (1, 1, 5, 1), (2, 3, 2, 3, 4))
    for dtype in task.dtypes():
        for shape in shapes:
            yield Draft([task.draw(shape, dtype)])
            yield Draft([-np.abs(task.draw(shape, dtype))])
    yield Draft([task.draw((1, 2, 65, 67), "f4")])


@recipe(
    "MatMul",
    ranks=(1, 2, 3, 4),
    features=(
        "broadcasting",
        "a dim of 1",
        "a dim of 0",
    ),
)
def matmul(task: Task) -> Drafts:
    """Vectors, matrices and stacks of them, broadcast both ways."""
    shapes: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
        ((3, 5), (5, 4)), ((5,), (5, 4)), ((3, 5), (5,)), ((5,), (5,)), ((2, 3, 5), (5, 4)),
        ((3, 5), (2, 5, 4)), ((2, 3, 5), (2, 5, 4)), ((2, 1, 3, 5), (3, 5, 4)),
        ((1, 3, 3, 5), (2, 1, 5, 4)), ((1, 67), (67, 3)), ((3, 3), (3, 3)), ((0, 5), (5, 4)),
        ((3, 1), (1, 4)), ((17, 33), (33, 19)),
    )  # fmt: skip
    for dtype in task.dtypes():
        for left, right in shapes:
            share = 1 << (np.iinfo(dtype).bits // 2 + 4) if is_integer(dtype) else 2
            yield Draft([task.draw(left, dtype, share), task.draw(right, dtype, share)])
    yield Draft([task.draw((2, 3), "f4"), task.draw((2, 3), "f4")], forbids="[2, 3] times [2, 3]")
    yield Draft([task.draw((2, 3), "f4"), task.draw((3, 3), "f8")], forbids="two dtypes")


@recipe(
    "Gemm",
    ranks=(2,),
    features=(
        "broadcasting",
        "a dim of 1",
    ),
)
def gemm(task: Task) -> Drafts:
    """Both transposed or not, scaled, and every bias that is broadcast."""
    for dtype in task.dtypes():
        integer = is_integer(dtype)
        share = 1 << (np.iinfo(dtype).bits // 2 + 4) if integer else 2
        for one, two in itertools.product((None, 0, 1), repeat=2):
            for bias in (None, (3, 4), (4,), (3, 1), (1, 4), (1, 1), (1,), ()):
                a, b = (5, 3) if one else (3, 5), (4, 5) if two else (5, 4)
                said = {"transA": one, "transB": two}
                said = {name: value for name, value in said.items() if value is not None}
                inputs = [task.draw(a, dtype, share), task.draw(b, dtype, share)]
                if bias is None and task.version < 11:
                    continue
                inputs += [] if bias is None else [task.draw(bias, dtype, share)]
                yield Draft([*inputs], said)
        for bias in ((3,), (3, 1), (1, 3)):  # a square, that says nothing by its shape
            shapes: tuple[tuple[int, ...], ...] = ((3, 3), (3, 3), bias)
            yield Draft([task.draw(shape, dtype, share) for shape in shapes])
        for alpha, beta in ((2.0, 1.0), (1.0, 3.0), (0.5, 0.25), (1.0, 0.0)):
            if integer and not (alpha.is_integer() and beta.is_integer()):
                continue
            inputs = [task.draw(s, dtype, share * 4) for s in ((3, 5), (5, 4), (4,))]
            yield Draft([*inputs], {"alpha": alpha, "beta": beta})
    ones = [task.draw((3, 1), "f4"), task.draw((1, 4), "f4"), task.draw((3, 4), "f4")]
    yield Draft([*ones])
    wrong = [task.draw(s, "f4") for s in ((3, 5), (4, 5), (4,))]
    yield Draft([*wrong], forbids="[3, 5] times [4, 5]")
    wrong = [task.draw(s, "f4") for s in ((3, 5), (5, 4), (5,))]
    yield Draft([*wrong], forbids="a bias of another size")
