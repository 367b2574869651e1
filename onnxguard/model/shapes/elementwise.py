"""Operators that work element by element, with ONNX's broadcasting (docs/Broadcasting.md)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import reduce

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim, Shape, Span, Sym, shape_text
from onnxguard.model.shapes.known import (
    BOOL,
    FLOAT,
    FLOATS,
    INT64,
    INTEGERS,
    Known,
    MismatchError,
    Number,
    Outputs,
    Site,
    UnknownError,
    agreed,
    axis_of,
    elements_of,
    fitted,
    held,
    of,
    picked,
    ranked,
    strides_of,
)

Compute = Callable[..., Number]

BOUNDED_KEPT = 8
"""Of more numbers that are unknown no bounds are followed: no shape that is computed is longer."""


def broadcast(a: Shape, b: Shape) -> Shape:
    """The shape of two that are broadcast to each other.

    Raises:
        MismatchError: two dimensions differ and neither is 1.
    """
    if a == b:
        return a
    if len(a) < len(b):
        a = (1,) * (len(b) - len(a)) + a
    elif len(b) < len(a):
        b = (1,) * (len(a) - len(b)) + b
    return tuple([_one(x, y, a, b) for x, y in zip(a, b, strict=True)])


def _one(x: Dim, y: Dim, a: Shape, b: Shape) -> Dim:
    if y in (x, 1):
        return x
    if x == 1:
        return y
    if isinstance(x, int) and isinstance(y, int):
        raise MismatchError(f"{shape_text(a)} and {shape_text(b)} do not broadcast")
    if isinstance(x, int):  # the other is 1 or the same
        return x
    if isinstance(y, int):
        return y
    large = [size for size in (x, y) if isinstance(size, Span) and d.least(size) > 1]
    return Span(max(map(d.least, large))) if large else None


def same(site: Site) -> Outputs:
    """The first output has the shape of the first input, and of few elements the bounds."""
    shape = site.shape(0)
    span = _BETWEEN.get(site.node.operator.op_type)
    count = elements_of(shape) if span else None
    if span is None or count is None or count > BOUNDED_KEPT:
        return of(shape)
    return (held(shape, (span,) * count, FLOAT),)


BIT = Span(0, 1)
_BETWEEN = dict.fromkeys(("HardSigmoid", "Sigmoid", "Softmax"), BIT)
_BETWEEN |= dict.fromkeys(("Cos", "Erf", "Sin", "Softsign", "Tanh"), Span(-1, 1))
_BETWEEN |= dict.fromkeys(("Exp", "Softplus"), Span(0))


def dropout(site: Site) -> Outputs:
    """The input, and a mask of its shape."""
    for index in (1, 2):
        ranked(site, index, 0)
    return of(site.shape(0), site.shape(0))


def identity(site: Site) -> Outputs:
    """The input, with its values."""
    return site.inputs[:1]


def many(compute: Compute | None = None) -> Callable[[Site], Outputs]:
    """Every input is broadcast; ``compute`` gives an element of the output."""

    def rule(site: Site) -> Outputs:
        if _is_old(site):
            return of(site.shape(0))
        shapes = [site.shape(i) for i in range(len(site.inputs))]
        if not shapes:
            raise UnknownError
        shape = reduce(broadcast, shapes)
        return (_computed(site, shape, compute),)

    return rule


def compared(compute: Compute) -> Callable[[Site], Outputs]:
    """As ``many``, of which a boolean comes out."""

    def rule(site: Site) -> Outputs:
        (made,) = many(compute)(site)
        return (_boolean(made),)

    return rule


def _boolean(known: Known) -> Known:
    """What is 0 or 1 where it is not known."""
    count = None if known.shape is None else elements_of(known.shape)
    values = known.values
    if values is None and count is not None and count <= BOUNDED_KEPT:
        values = (None,) * count
    if values is None:
        return known
    return known._replace(values=tuple([BIT if v is None else v for v in values]), dtype=BOOL)


def _is_old(site: Site) -> bool:
    """Before opset 7 the second input was broadcast to the first, if at all."""
    return site.version < 7 and site.node.operator.op_type in _ONCE_ONE_WAY


# Their versions 1 and 6 have the attribute ``broadcast``.
_ONCE_ONE_WAY = {"Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "Sub", "Xor"}


def _computed(site: Site, shape: Shape, compute: Compute | None) -> Known:
    count = elements_of(shape)
    if compute is None or count is None or not _is_followed(site, count, compute):
        return Known(shape)
    inputs = [site.input(index) for index in range(len(site.inputs))]
    numbers = inputs[1 if site.node.operator.op_type == "Where" else 0 :]
    dtype = next((known.dtype for known in numbers if known.dtype), 0)
    unknown = (None,) * count
    parts = [unknown if k.values is None else spread(k, shape).values for k in inputs]
    if any(part is None for part in parts):
        return Known(shape)
    columns = [part or () for part in parts]
    values = tuple([fitted(_value(compute, v, dtype), dtype) for v in zip(*columns, strict=True)])
    return held(shape, values, dtype)


def _is_followed(site: Site, count: int, compute: Compute) -> bool:
    """Whether all operands are known, or one that bounds the others.

    Weights are not read for bounds alone.
    """
    if all(known.has_values for known in site.inputs):
        return True
    return (
        count <= BOUNDED_KEPT
        and compute in (_choose, _max, _min, _mod, _mul)
        and any(
            known.values is not None
            or (known.stored is not None and known.stored.dtype in INTEGERS)
            for known in site.inputs
        )
    )


def _value(compute: Compute, values: tuple[Number, ...], dtype: int) -> Number:
    if dtype in FLOATS and any(isinstance(value, Sym) for value in values):
        return None
    try:
        return compute(*values)
    except (ArithmeticError, ValueError, TypeError):
        return None


def spread(known: Known, shape: Shape) -> Known:
    """A small tensor broadcast to a shape."""
    if known.shape is None or known.values is None or len(known.shape) > len(shape):
        return Known(shape)
    if known.shape == shape:
        return known
    lead, steps = len(shape) - len(known.shape), strides_of(known.shape)
    kept = [(a, s) for a, (dim, s) in enumerate(zip(known.shape, steps, strict=True)) if dim != 1]
    return picked(known, shape, lambda at: sum([at[lead + axis] * step for axis, step in kept]))


def unary(
    compute: Compute | None = None, gives: int = 0, least: int | None = None
) -> Callable[[Site], Outputs]:
    """The shape of the only input; ``gives`` is the dtype that comes out where it is another.

    ``least`` bounds what comes out of what is unknown, in whichever dtype.
    """

    def rule(site: Site) -> Outputs:
        site = site._replace(inputs=site.inputs[:1])
        known = _computed(site, site.shape(0), compute)
        count = elements_of(known.shape or ())
        if known.values is None and least is not None and count and count <= BOUNDED_KEPT:
            return (held(known.shape or (), (Span(least),) * count, INT64),)
        return (known._replace(dtype=gives) if gives and known.values is not None else known,)

    return rule


def cast(site: Site) -> Outputs:
    """Values of a Cast as the dtype takes them; those that would wrap or round are unknown."""
    known, to = site.input(0), site.integer(b"to", 0)
    return (_recast(known, to),)


def cast_like(site: Site) -> Outputs:
    """The shape of the first input."""
    known, like = site.input(0), site.input(1)
    return (_recast(known, like.dtype),)


def _recast(known: Known, to: int) -> Known:
    if known.values is None or not (to in INTEGERS or to in FLOATS):
        return Known(known.shape, length=known.length)
    return held(known.shape or (), tuple([_recast_one(v, to) for v in known.values]), to)


def _recast_one(value: Number, to: int) -> Number:
    if to == BOOL:
        return None if value is None or isinstance(value, (Sym, Span)) else int(value != 0)
    if isinstance(value, Sym) and to in FLOATS:
        value = d.bounds(value)
    if isinstance(value, Span):
        if to in INTEGERS:
            value = Span(*[None if end is None else math.trunc(end) for end in value])
        return fitted(value, to)
    if isinstance(value, float) and to in INTEGERS:  # towards zero
        return fitted(math.trunc(value), to) if math.isfinite(value) else None
    return fitted(value, to)


def clip(site: Site) -> Outputs:
    """Its bounds are single numbers: the shape stays."""
    known, low, high = site.input(0), site.numbers_at(1), site.numbers_at(2)
    shape = site.shape(0)
    count = elements_of(shape)
    if count is None or site.version < 11 or (low is None) == site.has(1) or site.attributes:
        return of(shape)
    if (high is None) == site.has(2) or (known.values is None and count > BOUNDED_KEPT):
        return of(shape)
    values: list[Number] = []
    for value in known.values or (None,) * count:
        raised = _max(value, low[0]) if low else value
        values.append(_min(raised, high[0]) if high else raised)
    dtype = known.dtype or site.input(1).dtype or site.input(2).dtype
    return (held(shape, tuple(values), dtype),)


def where(site: Site) -> Outputs:
    """All three inputs are broadcast."""
    shape = reduce(broadcast, [site.shape(i) for i in range(3)])
    return (_computed(site, shape, _choose),)


def _choose(condition: Number, yes: Number, no: Number) -> Number:
    if condition is None or isinstance(condition, (Sym, Span)):
        return yes if yes == no else d.either(yes, no)
    return yes if condition else no


def prelu(site: Site) -> Outputs:
    """The slope is broadcast to X, and not the other way round."""
    shape = site.shape(0)
    slope = site.shape_of(1)
    if site.version >= 7 and slope is not None and broadcast(shape, slope) != shape:
        for dim, size in zip(reversed(shape), reversed(slope), strict=False):
            if d.differ(dim, size) and size != 1:
                raise MismatchError(f"slope {shape_text(slope)} does not fit {shape_text(shape)}")
        if len(slope) > len(shape):
            raise UnknownError
    return of(shape)


def alike(site: Site) -> Outputs:
    """Two inputs of one shape (SwiGLU)."""
    a, b = site.shape(0), site.shape(1)
    if len(a) != len(b) or any(map(d.differ, a, b)):
        raise MismatchError(f"{shape_text(a)} and {shape_text(b)} must be one shape")
    return of(tuple(map(d.merged, a, b)))


def tensor_scatter(site: Site) -> Outputs:
    """TensorScatter: what is kept, with the update at a place of one axis."""
    kept, update = site.shape(0), site.shape_of(1)
    axis = axis_of(site.integer(b"axis", -2), len(kept))
    if update is not None and len(update) != len(kept):
        raise MismatchError(f"{shape_text(kept)} and its update {shape_text(update)}")
    for at, (a, b) in enumerate(zip(kept, update or (), strict=False)):
        if at != axis:
            agreed(a, b, f"axis {at} of the update")
    return of(kept)


def quantize_dynamic(site: Site) -> Outputs:
    """DynamicQuantizeLinear: the tensor, its scale and its zero point."""
    return of(site.shape_of(0), (), ())


# -- elements -------------------------------------------------------------------------------------


def _divide(a: Number, b: Number) -> Number:
    """Integers are rounded to zero; sizes are not negative, for them that is rounding down."""
    if isinstance(a, float) or isinstance(b, float):
        return a / b if isinstance(a, float) and isinstance(b, float) else None
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    if isinstance(a, Span) or isinstance(b, Span):
        return d.floor_div(a, b)
    return d.floor_div(a, b) if _positive(a) else None


def _positive(value: Number) -> bool:
    if isinstance(value, Span):
        return value.low is not None and value.low >= 0
    return isinstance(value, Sym) and all(n > 0 for _, n in value.terms)


def _on_both(
    on_floats: Callable[[float, float], float], on_dims: Callable[[Dim, Dim], Dim]
) -> Compute:
    """Floats as Python has it, integers and names as ``dims`` has it; nothing of a mixture."""

    def compute(a: Number, b: Number) -> Number:
        if isinstance(a, float) and isinstance(b, float):
            return on_floats(a, b)
        if not isinstance(a, float) and not isinstance(b, float):
            return on_dims(a, b)
        if isinstance(a, Span) or isinstance(b, Span):
            return on_dims(d.bounds(a), d.bounds(b))
        return None

    return compute


_add = _on_both(operator.add, d.add)
_sub = _on_both(operator.sub, d.sub)
_mul = _on_both(operator.mul, d.mul)


def _mod(a: Number, b: Number) -> Number:
    if isinstance(b, int) and b > 0:
        return a % b if isinstance(a, int) else Span(0, b - 1)
    return a % b if isinstance(a, int) and isinstance(b, int) else None


def mod(site: Site) -> Outputs:
    """With ``fmod`` the sign is that of the first input: its values are not followed."""
    return many(None if site.integer(b"fmod", 0) else _mod)(site)


def _pow(a: Number, b: Number) -> Number:
    if isinstance(a, int) and isinstance(b, int) and 0 <= b <= 64:
        return int(a**b)
    return None


def _max(*values: Number) -> Number:
    if len(set(values)) == 1:
        return values[0]
    if all(isinstance(value, (int, float)) for value in values):
        return max(_plain(values))
    lows, highs = zip(*map(d.bounds, values), strict=True)
    low = max([low for low in lows if low is not None], default=None)
    return d.span(low, None if None in highs else max(highs))


def _min(*values: Number) -> Number:
    if len(set(values)) == 1:
        return values[0]
    if all(isinstance(value, (int, float)) for value in values):
        return min(_plain(values))
    lows, highs = zip(*map(d.bounds, values), strict=True)
    high = min([high for high in highs if high is not None], default=None)
    return d.span(None if None in lows else min(lows), high)


def _plain(values: tuple[Number, ...]) -> list[float]:
    found = [value for value in values if isinstance(value, (int, float))]
    if len(found) != len(values):
        raise ValueError
    return found


def _equal(a: Number, b: Number) -> Number:
    if a is None or b is None:
        return None
    if isinstance(a, (Sym, Span)) or isinstance(b, (Sym, Span)):
        if a == b and isinstance(a, Sym):
            return 1
        # A size is never negative: what exporters compare with -1 is none.
        return (
            0
            if any(isinstance(v, int) and v < 0 for v in (a, b)) and (_positive(a) or _positive(b))
            else None
        )
    return int(a == b)


def _on_plain(compute: Callable[..., float]) -> Compute:
    return lambda *values: compute(*_plain(values))


_SAME = """Acos Acosh Asin Asinh Atan Atanh Binarizer Bernoulli BitwiseNot Celu Cos Cosh Elu Erf Exp
Gelu HardSigmoid HardSwish IsInf IsNaN LRN LeakyRelu Log LpNormalization
MeanVarianceNormalization Mish RandomNormalLike RandomUniformLike RegexFullMatch
Round Selu Shrink Sigmoid Sin Sinh Softplus Softsign Swish Tan Tanh ThresholdedRelu
Trilu Affine ImageScaler ParametricSoftplus Scale ScaledTanh CumSum CumProd ReverseSequence
EyeLike QuantizeLinear DequantizeLinear ScatterND
GroupNormalization BitCast""".split()  # noqa: SIM905 # one line an operator would hide the others
"""Operators whose output has the shape of the first input."""

ELEMENTWISE: dict[str, Callable[[Site], Outputs]] = {
    **dict.fromkeys(_SAME, same),
    "Abs": unary(_on_plain(abs), least=0),
    "Add": many(_add),
    "And": many(_on_plain(lambda a, b: int(bool(a and b)))),
    "BitShift": many(),
    "BitwiseAnd": many(),
    "BitwiseOr": many(),
    "BitwiseXor": many(),
    "Cast": cast,
    "CastLike": cast_like,
    "Ceil": unary(_on_plain(lambda a: float(math.ceil(a)))),
    "Clip": clip,
    "Div": many(_divide),
    "Dropout": dropout,
    "DynamicQuantizeLinear": quantize_dynamic,
    "Equal": compared(_equal),
    "Floor": unary(_on_plain(lambda a: float(math.floor(a)))),
    "Greater": compared(_on_plain(lambda a, b: int(a > b))),
    "GreaterOrEqual": compared(_on_plain(lambda a, b: int(a >= b))),
    "Identity": identity,
    "Less": compared(_on_plain(lambda a, b: int(a < b))),
    "LessOrEqual": compared(_on_plain(lambda a, b: int(a <= b))),
    "Max": many(_max),
    "Mean": many(),
    "Min": many(_min),
    "Mod": mod,
    "Mul": many(_mul),
    "Neg": unary(lambda a: -a if isinstance(a, float) else d.mul(a, -1)),
    "Not": unary(_on_plain(lambda a: int(not a))),
    "Or": many(_on_plain(lambda a, b: int(bool(a or b)))),
    "PRelu": prelu,
    "Pow": many(_pow),
    "Reciprocal": unary(_on_plain(lambda a: 1 / a)),
    "Relu": unary(_on_plain(lambda a: max(a, 0)), least=0),
    "Sign": unary(_on_plain(lambda a: (a > 0) - (a < 0))),
    "Sqrt": unary(_on_plain(math.sqrt), least=0),
    "StringConcat": many(),
    "Sub": many(_sub),
    "SwiGLU": alike,
    "TensorScatter": tensor_scatter,
    "Sum": many(lambda *values: reduce(_add, values)),
    "Where": where,
    "Xor": many(_on_plain(lambda a, b: int(bool(a) != bool(b)))),
}
