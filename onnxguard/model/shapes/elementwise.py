"""Operators that work element by element, with ONNX's broadcasting (docs/Broadcasting.md)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import reduce

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim, Shape, Sym, shape_text
from onnxguard.model.shapes.known import (
    BOOL,
    FLOATS,
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
    return y if isinstance(y, int) else None


def same(site: Site) -> Outputs:
    """The first output has the shape of the first input."""
    return of(site.shape(0))


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
        return (made._replace(dtype=BOOL if made.values is not None else 0),)

    return rule


def _is_old(site: Site) -> bool:
    """Before opset 7 the second input was broadcast to the first, if at all."""
    return site.version < 7 and site.node.operator.op_type in _ONCE_ONE_WAY


# Their versions 1 and 6 have the attribute ``broadcast``.
_ONCE_ONE_WAY = {"Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "Sub", "Xor"}


def _computed(site: Site, shape: Shape, compute: Compute | None) -> Known:
    count = elements_of(shape)
    if compute is None or count is None or not all(k.has_values for k in site.inputs):
        return Known(shape)
    inputs = [site.input(index) for index in range(len(site.inputs))]
    dtype = inputs[1 if site.node.operator.op_type == "Where" else 0].dtype
    parts = [spread(known, shape).values for known in inputs]
    if any(part is None for part in parts):
        return Known(shape)
    columns = [part or () for part in parts]
    values = tuple([fitted(_value(compute, v, dtype), dtype) for v in zip(*columns, strict=True)])
    return held(shape, values, dtype)


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


def unary(compute: Compute | None = None, gives: int = 0) -> Callable[[Site], Outputs]:
    """The shape of the only input; ``gives`` is the dtype that comes out where it is another."""

    def rule(site: Site) -> Outputs:
        site = site._replace(inputs=site.inputs[:1])
        known = _computed(site, site.shape(0), compute)
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
        return None if value is None or isinstance(value, Sym) else int(value != 0)
    if isinstance(value, float) and to in INTEGERS:  # towards zero
        return fitted(math.trunc(value), to) if math.isfinite(value) else None
    return fitted(value, to)


def clip(site: Site) -> Outputs:
    """Its bounds are single numbers: the shape stays."""
    known, low, high = (site.numbers_at(i) for i in range(3))
    shape = site.shape(0)
    if known is None or site.version < 11 or (low is None) == site.has(1):
        return of(shape)
    if (high is None) == site.has(2) or site.attributes:
        return of(shape)
    values: list[Number] = []
    for value in known:
        raised = max(value, low[0]) if low else value
        values.append(min(raised, high[0]) if high else raised)
    return (held(shape, tuple(values), site.input(0).dtype),)


def where(site: Site) -> Outputs:
    """All three inputs are broadcast."""
    shape = reduce(broadcast, [site.shape(i) for i in range(3)])
    return (_computed(site, shape, _choose),)


def _choose(condition: Number, yes: Number, no: Number) -> Number:
    if condition is None or isinstance(condition, Sym):
        return yes if yes == no else None
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
    return d.floor_div(a, b) if _positive(a) else None


def _positive(value: Number) -> bool:
    return isinstance(value, Sym) and all(n > 0 for _, n in value.terms)


def _on_both(
    on_floats: Callable[[float, float], float], on_dims: Callable[[Dim, Dim], Dim]
) -> Compute:
    """Floats as Python has it, integers and names as ``dims`` has it; nothing of a mixture."""

    def compute(a: Number, b: Number) -> Number:
        if isinstance(a, float) or isinstance(b, float):
            return on_floats(a, b) if isinstance(a, float) and isinstance(b, float) else None
        return on_dims(a, b)

    return compute


_add = _on_both(operator.add, d.add)
_sub = _on_both(operator.sub, d.sub)
_mul = _on_both(operator.mul, d.mul)


def _mod(a: Number, b: Number) -> Number:
    return a % b if isinstance(a, int) and isinstance(b, int) else None


def mod(site: Site) -> Outputs:
    """With ``fmod`` the sign is that of the first input: its values are not followed."""
    return many(None if site.integer(b"fmod", 0) else _mod)(site)


def _pow(a: Number, b: Number) -> Number:
    if isinstance(a, int) and isinstance(b, int) and 0 <= b <= 64:
        return int(a**b)
    return None


def _max(*values: Number) -> Number:
    return values[0] if len(set(values)) == 1 else max(_plain(values))


def _min(*values: Number) -> Number:
    return values[0] if len(set(values)) == 1 else min(_plain(values))


def _plain(values: tuple[Number, ...]) -> list[float]:
    found = [value for value in values if isinstance(value, (int, float))]
    if len(found) != len(values):
        raise ValueError
    return found


def _equal(a: Number, b: Number) -> Number:
    if a is None or b is None:
        return None
    if isinstance(a, Sym) or isinstance(b, Sym):
        if a == b:
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
    "Abs": unary(_on_plain(abs)),
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
    "Relu": unary(_on_plain(lambda a: max(a, 0))),
    "Sign": unary(_on_plain(lambda a: (a > 0) - (a < 0))),
    "Sqrt": unary(_on_plain(math.sqrt)),
    "StringConcat": many(),
    "Sub": many(_sub),
    "SwiGLU": alike,
    "TensorScatter": tensor_scatter,
    "Sum": many(lambda *values: reduce(_add, values)),
    "Where": where,
    "Xor": many(_on_plain(lambda a, b: int(bool(a) != bool(b)))),
}
