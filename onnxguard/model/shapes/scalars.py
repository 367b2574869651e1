"""What elementwise operators make of one number of each input: numbers, names and bounds."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim, Span, Sym
from onnxguard.model.shapes.known import Number

Compute = Callable[..., Number]


def choose(condition: Number, yes: Number, no: Number) -> Number:
    """Of two numbers one, as a third says; between both where it is not known."""
    if condition is None or isinstance(condition, (Sym, Span)):
        return yes if yes == no else d.either(yes, no)
    return yes if condition else no


def divide(a: Number, b: Number) -> Number:
    """Integers are rounded to zero; sizes are not negative, for them that is rounding down."""
    if isinstance(a, float) or isinstance(b, float):
        return a / b if isinstance(a, float) and isinstance(b, float) else None
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    if isinstance(a, Span) or isinstance(b, Span):
        of_floats = any(isinstance(end, float) for end in (*d.bounds(a), *d.bounds(b)))
        return None if of_floats else d.floor_div(a, b)
    return d.floor_div(a, b) if positive(a) else None


def positive(value: Number) -> bool:
    """Whether a number is one or more names, or bounded by 0."""
    if isinstance(value, Span):
        return value.low is not None and value.low >= 0
    return isinstance(value, Sym) and all(n > 0 for _, n in value.terms)


def on_both(
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


add = on_both(operator.add, d.add)
sub = on_both(operator.sub, d.sub)
mul = on_both(operator.mul, d.mul)


def mod(a: Number, b: Number) -> Number:
    """The rest has the sign of a divisor that is positive."""
    if isinstance(b, int) and b > 0:
        return a % b if isinstance(a, int) else Span(0, b - 1)
    return a % b if isinstance(a, int) and isinstance(b, int) else None


def pow_(a: Number, b: Number) -> Number:
    """A power of whole numbers, of a small exponent; of floats where every library rounds alike."""
    if isinstance(a, int) and isinstance(b, int) and 0 <= b <= 64:
        return int(a**b)
    if isinstance(a, float) and b in (0.5, 1, 2):
        return math.sqrt(a) if b == 0.5 else a**b
    return None


def max_(*values: Number) -> Number:
    """The largest; at least what is known to be one of them."""
    if len(set(values)) == 1:
        return values[0]
    if all(isinstance(value, (int, float)) for value in values):
        return max(plain(values))
    lows, highs = zip(*map(d.bounds, values), strict=True)
    low = max([low for low in lows if low is not None], default=None)
    return d.span(low, None if None in highs else max(highs))


def min_(*values: Number) -> Number:
    """The least; at most what is known to be one of them."""
    if len(set(values)) == 1:
        return values[0]
    if all(isinstance(value, (int, float)) for value in values):
        return min(plain(values))
    lows, highs = zip(*map(d.bounds, values), strict=True)
    high = min([high for high in highs if high is not None], default=None)
    return d.span(None if None in lows else min(lows), high)


def plain(values: tuple[Number, ...]) -> list[float]:
    """All of them as they are.

    Raises:
        ValueError: one is no plain number.
    """
    found = [value for value in values if isinstance(value, (int, float))]
    if len(found) != len(values):
        raise ValueError
    return found


def equal(a: Number, b: Number) -> Number:
    """1 or 0 where that is seen."""
    if a is None or b is None:
        return None
    if isinstance(a, (Sym, Span)) or isinstance(b, (Sym, Span)):
        if a == b and isinstance(a, Sym):
            return 1
        # A size is never negative: what exporters compare with -1 is none.
        return (
            0
            if any(isinstance(v, int) and v < 0 for v in (a, b)) and (positive(a) or positive(b))
            else None
        )
    return int(a == b)


def on_plain(compute: Callable[..., float]) -> Compute:
    """What Python makes of plain numbers; nothing of others."""
    return lambda *values: compute(*plain(values))
