"""Cases of operators that compute element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from onnxguard.conformance.formulas.node import limits_of
from onnxguard.conformance.own.draft import Draft, Drafts, Task, is_integer, recipe

SHAPES: tuple[tuple[int, ...], ...] = (
    (),
    (1,),
    (7,),
    (3, 5),
    (2, 1, 3),
    (2, 3, 1, 5),
    (1, 2, 3, 2, 3),
)
RANKS = (0, 1, 2, 3, 4, 5)
LONG = (3, 67)
"""More than a vector register holds, and no multiple of it."""

_BROADCASTS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((3, 5), (5,)),
    ((3,), (3, 3)),
    ((3, 3), (3,)),
    ((3, 3), (3, 1)),
    ((3, 1), (1, 5)),
    ((2, 3, 3), (3,)),
    ((5,), (3, 5)),
    ((3,), (2, 3, 3)),
    ((2, 3, 4, 5), (3, 1, 1)),
    ((3, 1, 1), (2, 3, 4, 5)),
    ((3, 3), (3, 1)),
    ((3, 1), (3, 3)),
    ((2, 3), ()),
    ((), (2, 3)),
    ((1,), (2, 3)),
    ((2, 2, 2), (2, 2)),
    ((2, 2), (2, 2, 2)),
    ((0, 3), (3,)),
)


def specials(dtype: Any, finite: bool = False) -> np.ndarray[Any, Any]:
    """Zeros of both signs, subnormal, halves, large; NaN and infinities unless ``finite``."""
    info = limits_of(dtype)
    tiny, large = float(info.smallest_subnormal), float(info.max) / 4
    found = [0.0, -0.0, tiny, -tiny, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, large, -large]
    found += [] if finite else [np.nan, np.inf, -np.inf]
    return np.array(found).astype(dtype)


_POSITIVE = {"Sqrt", "Log"}
_ATTRIBUTES: dict[str, tuple[dict[str, Any], ...]] = {
    "LeakyRelu": ({"alpha": 0.25}, {"alpha": -0.5}),
    "Elu": ({"alpha": 0.5}, {"alpha": 2.0}),
    "Selu": ({"alpha": 1.5}, {"gamma": 2.0}, {"alpha": 0.5, "gamma": 0.25}),
    "HardSigmoid": ({"alpha": 0.5}, {"beta": 0.25}, {"alpha": 0.125, "beta": 0.75}),
    "Gelu": ({"approximate": "none"}, {"approximate": "tanh"}),
}


@recipe(
    *("Abs", "Neg", "Sqrt", "Exp", "Log", "Reciprocal", "Relu", "LeakyRelu", "Sigmoid", "Tanh"),
    *("Elu", "Selu", "Softplus", "Softsign", "Erf", "HardSigmoid", "HardSwish", "Gelu"),
    *("Floor", "Ceil", "Sin", "Cos", "Sign", "Identity"),
    ranks=RANKS,
    features=(
        "special values",
        "a dim of 0",
        "a dim of 1",
    ),
)
def unary(task: Task) -> Drafts:
    """All dtypes, ranks and parameters; special values where it computes."""
    least = 1 / 16 if task.op_type in _POSITIVE else -3
    name = next(iter(c.type_param_str for c in task.schema.type_constraints))
    dtypes = task.dtypes(name)
    for dtype in dtypes:
        yield Draft([task.draw((3, 5), dtype, least=least)])
        yield Draft([_off_zero(task, task.draw(LONG, dtype, least=least))])
        if dtype.name in {"float16", "float32", "float64"}:
            yield Draft([_defined(task, specials(dtype))])
    for shape in (*SHAPES, (0, 3)):
        yield Draft([_off_zero(task, task.draw(shape, dtypes[0], least=least))])
    for attributes in _ATTRIBUTES.get(task.op_type, ()):
        for dtype in dtypes[:3]:
            yield Draft([task.draw(LONG, dtype)], attributes)
        if dtypes[0].kind == "f":
            yield Draft([_defined(task, specials(dtypes[0]))], attributes)


def _off_zero(task: Task, x: Any) -> Any:
    if task.op_type == "Reciprocal":
        return np.where(np.abs(x.astype(np.float64)) < 0.25, 0.5, x).astype(x.dtype)
    return x


_NOT_AT_INFINITY = {"HardSwish", "Softsign", "Sin", "Cos", "Gelu", "Sign", "HardSigmoid"}


def _defined(task: Task, x: Any) -> Any:
    """Without what the operator's text leaves open, such as infinity times zero."""
    if task.op_type in _NOT_AT_INFINITY:
        x = x[np.isfinite(x.astype(np.float64))]
        limit = 1e4 if x.dtype.itemsize > 2 else 100
        x = x[np.abs(x.astype(np.float64)) < limit]
    if task.op_type in {"LeakyRelu", "Selu"}:  # a large number is multiplied
        x = x[~(np.abs(x.astype(np.float64)) > 1e4)]
    if task.op_type in {"Relu", "Abs"} or task.op_type == "Identity":
        return x
    return x


@recipe(
    "Add",
    "Sub",
    "Mul",
    "Div",
    ranks=RANKS,
    features=(
        "broadcasting",
        "special values",
        "a dim of 0",
        "a dim of 1",
    ),
)
def arithmetic(task: Task) -> Drafts:
    """Broadcasting both ways; integers that stay in range, divided towards zero."""
    dtypes = task.dtypes()
    for dtype in dtypes:
        for left, right in (*_BROADCASTS[:7], (LONG, LONG)):
            yield _operands(task, left, right, dtype)
    for left, right in _BROADCASTS:
        yield _operands(task, left, right, dtypes[0])
    for shape in SHAPES:
        yield _operands(task, shape, shape, dtypes[0])
    for dtype in dtypes:
        if dtype.name in {"float16", "float32", "float64"}:
            x = specials(dtype)
            yield Draft([x, np.ones_like(x)])
            yield Draft([x[:, None], x[None, :12]])
    if task.op_type == "Div":
        yield Draft([np.array([1, -1, 0], np.float32), np.array([0, 0, 0], np.float32)])
    yield Draft([task.draw((2, 3), "f4"), task.draw((2, 4), "f4")], forbids="[2, 3] and [2, 4]")
    yield Draft([task.draw((2, 3), "f4"), task.draw((2,), "f4")], forbids="[2, 3] and [2]")
    yield Draft([task.draw((3,), "f4"), task.draw((3,), "f8")], forbids="two dtypes")


def _operands(task: Task, left: tuple[int, ...], right: tuple[int, ...], dtype: Any) -> Draft:
    share = 1 if task.op_type == "Div" else 2
    if is_integer(dtype) and task.op_type == "Mul":
        bits = int(limits_of(dtype).bits)
        share = 1 << (bits // 2)
    a, b = task.draw(left, dtype, share), task.draw(right, dtype, share)
    if task.op_type == "Div":
        if is_integer(dtype):
            b = task.draw(right, dtype, max(int(limits_of(dtype).max) // 7, 1))
        b = np.where(np.abs(b.astype(np.float64)) < 0.25, 2, b).astype(dtype)
    if task.op_type == "Sub" and dtype.kind == "u":
        a = (a // 2 + np.iinfo(dtype).max // 2).astype(dtype)
    return Draft([a, b])


@recipe(
    "Max",
    "Min",
    "Sum",
    "Mean",
    ranks=RANKS,
    features=(
        "broadcasting",
        "one input",
        "several inputs",
        "a dim of 0",
        "a dim of 1",
    ),
)
def variadic(task: Task) -> Drafts:
    """One, two, three and five tensors, broadcast against each other."""
    dtypes = task.dtypes()
    sets: tuple[tuple[tuple[int, ...], ...], ...] = (
        ((3, 5),),
        *(_BROADCASTS[:7] if task.version >= 8 else ()),
        ((3, 5), (3, 5), (3, 5)),
        *((((3, 5), (5,), (3, 1), (), (2, 3, 5)),) if task.version >= 8 else ()),
        (LONG, LONG),
    )
    for dtype in dtypes:
        for shapes in sets:
            share = 1 if task.op_type in {"Max", "Min"} else 2 * len(shapes)
            yield Draft([task.draw(shape, dtype, share) for shape in shapes])
    for shape in (*SHAPES, (0, 3)):
        yield Draft([task.draw(shape, dtypes[0]), task.draw(shape, dtypes[0])])
    if task.version >= 8:
        for shapes in _BROADCASTS:
            yield Draft([task.draw(shape, dtypes[0]) for shape in shapes])
    x = specials(np.float32)
    if task.op_type in {"Max", "Min"}:
        x = x[~np.isnan(x)]
    yield Draft([x, x[::-1].copy()])
    yield Draft([task.draw((2, 3), "f4"), task.draw((2, 4), "f4")], forbids="[2, 3] and [2, 4]")
    yield Draft([task.draw((3,), "f4"), task.draw((3,), "f8")], forbids="two dtypes")


@recipe(
    "Pow",
    ranks=RANKS,
    features=(
        "broadcasting",
        "special values",
    ),
)
def power(task: Task) -> Drafts:
    """Every pair of dtypes; integers by small powers."""
    for dtype in task.dtypes():
        for other in task.dtypes("T1") if task.version >= 12 else [dtype]:
            base = task.draw((3, 5), dtype, least=0.5)
            if is_integer(dtype):
                top = float(limits_of(dtype).max)
                top = top if is_integer(other) else min(top, 2.0**53)  # a power of floats is one
                most = int(0.9 * top ** (1 / 3))  # its cube still fits
                base = task.random.integers(-most, most, (3, 5), endpoint=True).astype(dtype)
            exponent = np.array([0, 1, 2, 3, 2]).astype(other)
            yield Draft([base, exponent])
    for left, right in _BROADCASTS:
        yield Draft([task.draw(left, "f4", least=0.5), task.draw(right, "f4")])
    for shape in SHAPES:
        yield Draft([task.draw(shape, "f4", least=0.5), task.draw(shape, "f4")])
    for to in (0.0, 0.5, 1.0, 2.0, 3.0, -1.0, -2.0):
        yield Draft([task.draw(LONG, "f4", least=0.5), np.array(to, np.float32)])
        yield Draft([task.draw(LONG, "f4"), np.array(round(to), np.float32)])
    yield Draft([specials(np.float32), np.array(2.0, np.float32)])
    yield Draft([specials(np.float32), np.array(3.0, np.float32)])
    yield Draft([task.draw((2, 3), "f4"), task.draw((2, 4), "f4")], forbids="[2, 3] and [2, 4]")


@recipe(
    "BitShift",
    ranks=RANKS,
    features=(
        "broadcasting",
        "a dim of 0",
        "a dim of 1",
    ),
    direction=("LEFT", "RIGHT"),
)
def shift(task: Task) -> Drafts:
    """Both ways, by every number of bits."""
    for direction in ("LEFT", "RIGHT"):
        said = {"direction": direction}
        for dtype in task.dtypes():
            bits = int(np.iinfo(dtype).bits)
            by = task.random.integers(0, bits, (3, 5)).astype(dtype)
            yield Draft([task.draw((3, 5), dtype, 1), by], said)
            for left, right in _BROADCASTS[:7]:
                by = task.random.integers(0, bits, right).astype(dtype)
                yield Draft([task.draw(left, dtype, 1), by], said)
        for shape in (*SHAPES, (0, 3)):
            by = np.asarray(task.random.integers(0, 32, shape)).astype(np.uint32)
            yield Draft([task.draw(shape, "u4", 1), by], said)
        yield Draft(
            [task.draw((2, 3), "u4"), task.draw((2, 4), "u4")], said, forbids="[2, 3] and [2, 4]"
        )


@recipe(
    "PRelu",
    ranks=(0, 1, 2, 3, 4, 5),
    features=(
        "broadcasting",
        "a dim of 1",
    ),
)
def prelu(task: Task) -> Drafts:
    """Slopes that are broadcast to the input, not the other way round."""
    shapes: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
        *((shape, shape) for shape in SHAPES),
        *(((2, 3, 4, 5), slope) for slope in ((3, 1, 1), (1,), (5,), (4, 1), (1, 3, 1, 1), ())),
        ((3, 3), (3,)),
        ((3, 3), (3, 1)),
        (LONG, LONG),
    )
    for dtype in task.dtypes():
        for x, slope in shapes:
            if is_integer(dtype):
                slopes = np.asarray(task.random.integers(0, 4, slope)).astype(dtype)
                yield Draft([task.draw(x, dtype, 8 if dtype.kind == "i" else 1), slopes])
            else:
                yield Draft([task.draw(x, dtype), task.draw(slope, dtype)])
    yield Draft([task.draw((2, 3), "f4"), task.draw((2,), "f4")], forbids="slopes of another size")


@recipe(
    "Clip",
    ranks=RANKS,
    features=(
        "special values",
        "a dim of 0",
        "a dim of 1",
    ),
)
def clip(task: Task) -> Drafts:
    """Both limits, each alone, neither, and crossed."""
    for dtype in task.dtypes():
        middle = 0.0 if dtype.kind != "u" else 40
        low, high = np.array(middle - 1).astype(dtype), np.array(middle + 1.5).astype(dtype)
        if is_integer(dtype):
            low, high = (
                np.array(int(middle) - 9).astype(dtype),
                np.array(int(middle) + 60).astype(dtype),
            )
        for limits in ((low, high), (low, None), (None, high), (None, None), (high, low)):
            x = task.draw(LONG, dtype, 1)
            if task.version >= 11:
                crossed = limits[0] is not None and limits[0] is high
                if crossed and task.version < 13:
                    continue
                yield Draft(_trimmed([x, *limits]))
            elif limits[0] is not high:
                named = zip(("min", "max"), limits, strict=True)
                said = {k: float(v) for k, v in named if v is not None}
                yield Draft([x], said)
    for shape in (*SHAPES, (0, 3)):
        both = [np.array(-1, np.float32), np.array(1, np.float32)]
        yield Draft([task.draw(shape, "f4"), *(both if task.version >= 11 else [])])
    x = specials(np.float32)
    x = x[~np.isnan(x)]
    yield Draft([x, *([np.array(-2, np.float32)] if task.version >= 11 else [])])
    if task.version >= 11:
        wrong = [task.draw((3,), "f4"), np.array(0, np.int64)]
        yield Draft(wrong, forbids="a limit of another dtype")
        wide = [task.draw((3,), "f4"), np.zeros(2, np.float32)]
        yield Draft(wide, forbids="a limit that is no scalar")


def _trimmed(inputs: list[Any]) -> list[Any]:
    while inputs[-1] is None:
        inputs.pop()
    return inputs


@recipe(
    "Dropout",
    ranks=(0, 1, 2, 3, 4),
    features=(
        "a dim of 1",
        "the mask",
    ),
)
def dropout(task: Task) -> Drafts:
    """At inference: the input, whatever the ratio; the mask keeps all."""
    for dtype in task.dtypes():
        x = task.draw((3, 5), dtype)
        for outputs in (1, 2):
            shows = ("the mask",) if outputs == 2 else ()
            yield Draft([x], {}, outputs, shows=shows)
            if task.version < 12:
                yield Draft([x], {"ratio": 0.25}, outputs, shows=shows)
                continue
            for other in task.dtypes("T1"):
                yield Draft([x, np.array(0.25).astype(other)], {}, outputs, shows=shows)
            ratio = np.array(0.75, np.float32)
            yield Draft([x, ratio, np.array(False)], {"seed": 7}, outputs, shows=shows)
            yield Draft([x, None, np.array(False)], {}, outputs, shows=shows)
    for shape in SHAPES[:6]:
        yield Draft([task.draw(shape, "f4")])
