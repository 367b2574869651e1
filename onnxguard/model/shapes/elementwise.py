"""Operators that work element by element, with ONNX's broadcasting (docs/Broadcasting.md)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes import scalars
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
from onnxguard.model.shapes.scalars import Compute

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
        and compute in (scalars.choose, scalars.max_, scalars.min_, scalars.mod, scalars.mul)
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
        raised = scalars.max_(value, low[0]) if low else value
        values.append(scalars.min_(raised, high[0]) if high else raised)
    dtype = known.dtype or site.input(1).dtype or site.input(2).dtype
    return (held(shape, tuple(values), dtype),)


def where(site: Site) -> Outputs:
    """All three inputs are broadcast."""
    shape = reduce(broadcast, [site.shape(i) for i in range(3)])
    return (_computed(site, shape, scalars.choose),)


def mod(site: Site) -> Outputs:
    """With ``fmod`` the sign is that of the first input: its values are not followed."""
    return many(None if site.integer(b"fmod", 0) else scalars.mod)(site)


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
    places = ranked(site, 2, 1)
    if places:
        agreed(places[0], kept[0], "the places and the batch")
    return of(kept)


def quantize_dynamic(site: Site) -> Outputs:
    """DynamicQuantizeLinear: the tensor, its scale and its zero point."""
    return of(site.shape_of(0), (), ())


_SAME = """Acos Acosh Asin Asinh Atan Atanh Binarizer Bernoulli BitwiseNot Celu Cos Cosh Elu Erf Exp
Gelu HardSigmoid HardSwish IsInf IsNaN LRN LeakyRelu Log LpNormalization
MeanVarianceNormalization Mish RandomNormalLike RandomUniformLike RegexFullMatch
Selu Shrink Sigmoid Sin Sinh Softplus Softsign Swish Tan Tanh ThresholdedRelu
Trilu Affine ImageScaler ParametricSoftplus Scale ScaledTanh CumProd ReverseSequence
EyeLike QuantizeLinear DequantizeLinear ScatterND
GroupNormalization BitCast""".split()  # noqa: SIM905 # one line an operator would hide the others
"""Operators whose output has the shape of the first input."""

ELEMENTWISE: dict[str, Callable[[Site], Outputs]] = {
    **dict.fromkeys(_SAME, same),
    "Abs": unary(scalars.on_plain(abs), least=0),
    "Add": many(scalars.add),
    "And": many(scalars.on_plain(lambda a, b: int(bool(a and b)))),
    "BitShift": many(),
    "BitwiseAnd": many(),
    "BitwiseOr": many(),
    "BitwiseXor": many(),
    "Cast": cast,
    "CastLike": cast_like,
    "Ceil": unary(scalars.on_plain(lambda a: float(math.ceil(a)))),
    "Clip": clip,
    "Div": many(scalars.divide),
    "Dropout": dropout,
    "DynamicQuantizeLinear": quantize_dynamic,
    "Equal": compared(scalars.equal),
    "Floor": unary(scalars.on_plain(lambda a: float(math.floor(a)))),
    "Greater": compared(scalars.on_plain(lambda a, b: int(a > b))),
    "GreaterOrEqual": compared(scalars.on_plain(lambda a, b: int(a >= b))),
    "Identity": identity,
    "Less": compared(scalars.on_plain(lambda a, b: int(a < b))),
    "LessOrEqual": compared(scalars.on_plain(lambda a, b: int(a <= b))),
    "Max": many(scalars.max_),
    "Mean": many(),
    "Min": many(scalars.min_),
    "Mod": mod,
    "Mul": many(scalars.mul),
    "Neg": unary(lambda a: -a if isinstance(a, float) else d.mul(a, -1)),
    "Not": unary(scalars.on_plain(lambda a: int(not a))),
    "Or": many(scalars.on_plain(lambda a, b: int(bool(a or b)))),
    "PRelu": prelu,
    "Pow": many(scalars.pow_),
    "Reciprocal": unary(scalars.on_plain(lambda a: 1 / a)),
    "Relu": unary(scalars.on_plain(lambda a: max(a, 0)), least=0),
    "Round": unary(scalars.on_plain(lambda a: float(round(a)))),  # a half to the even one, as ONNX
    "Sign": unary(scalars.on_plain(lambda a: (a > 0) - (a < 0))),
    "Sqrt": unary(scalars.on_plain(math.sqrt), least=0),
    "StringConcat": many(),
    "Sub": many(scalars.sub),
    "SwiGLU": alike,
    "TensorScatter": tensor_scatter,
    "Sum": many(lambda *values: reduce(scalars.add, values)),
    "Where": where,
    "Xor": many(scalars.on_plain(lambda a, b: int(bool(a) != bool(b)))),
}
