"""Sizes of dimensions: numbers, and polynomials of names and of floor divisions of such.

A dimension is an int, a ``Sym``, or None where nothing is known. Two of one value may be spelt in
ways that are not seen to be equal; two that are seen to be equal are equal. Of an unknown number
that has bounds those are kept: two equal ``Span`` may be different numbers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import gcd, prod
from typing import NamedTuple

from onnxguard.base.printable import printable

MOST_TERMS, MOST_FACTORS, MOST_TEXT = 8, 6, 160
"""A larger polynomial is not kept: its dimension is unknown."""

LARGEST = 1 << 200
"""A larger number is not kept. No runtime has dimensions beyond 2**63: what gets there is seen."""

Term = tuple[tuple[str, ...], int]


class Sym(NamedTuple):
    """A sum of products: each a sorted tuple of factors and its coefficient, none of them zero.

    A factor is a name or the text of a floor division, safe to print.
    """

    terms: tuple[Term, ...]


class Span(NamedTuple):
    """An unknown number, or float, between two, both included; None is no bound."""

    low: float | None = None
    high: float | None = None


Dim = int | Sym | Span | None
Shape = tuple[Dim, ...]


def symbol(name: bytes) -> Dim:
    """The dimension that a model calls ``name``; unknown for what says nothing or is too long."""
    text = printable(name).strip()
    if not text or text == "?" or len(text) > MOST_TEXT // 2:
        return None
    return Sym((((text,), 1),))


def _made(found: dict[tuple[str, ...], int]) -> Dim:
    terms = tuple(sorted([(factors, n) for factors, n in found.items() if n]))
    if not terms:
        return 0
    if len(terms) == 1 and not terms[0][0]:
        return terms[0][1]
    if len(terms) > MOST_TERMS or any(
        len(factors) > MOST_FACTORS or abs(n) > LARGEST or sum(map(len, factors)) > MOST_TEXT
        for factors, n in terms
    ):
        return None
    return Sym(terms)


def _terms(dim: int | Sym) -> tuple[Term, ...]:
    return (((), dim),) if isinstance(dim, int) else dim.terms


def _number(value: int) -> Dim:
    return value if -LARGEST < value < LARGEST else None


def add(a: Dim, b: Dim) -> Dim:
    """The sum."""
    if isinstance(a, int) and isinstance(b, int):
        return _number(a + b)
    if a is None or b is None:
        return None
    if isinstance(a, Span) or isinstance(b, Span):
        return _sum(bounds(a), bounds(b))
    if isinstance(b, int):
        return _plus(a, b) if isinstance(a, Sym) else None
    if isinstance(a, int):
        return _plus(b, a)
    found = dict(_terms(a))
    for factors, n in _terms(b):
        found[factors] = found.get(factors, 0) + n
    return _made(found)


def _plus(dim: Sym, number: int) -> Dim:
    """The sum with a number, which stands before all products."""
    terms = dim.terms
    if not terms[0][0]:
        number, terms = number + terms[0][1], terms[1:]
    if not number:
        return Sym(terms)
    if abs(number) > LARGEST or len(terms) == MOST_TERMS:
        return None
    return Sym((((), number), *terms))


def mul(a: Dim, b: Dim) -> Dim:
    """The product; nothing is known of zero times what is unknown, but that it is zero."""
    if isinstance(a, int) and isinstance(b, int):
        return _number(a * b)
    if 0 in (a, b):
        return 0
    if a is None or b is None:
        return None
    if isinstance(a, Span) or isinstance(b, Span):
        return _product(bounds(a), bounds(b))
    found: dict[tuple[str, ...], int] = {}
    for one, n in _terms(a):
        for other, m in _terms(b):
            factors = tuple(sorted(one + other))
            found[factors] = found.get(factors, 0) + n * m
    return _made(found)


def bounds(dim: Dim | float) -> Span:
    """Between what a number lies where every name stands for 1 or more."""
    if dim is None:
        return Span()
    if isinstance(dim, Span):
        return dim
    if not isinstance(dim, Sym):
        return Span(dim, dim)
    low = 0
    for factors, n in dim.terms:
        floors = [factor for factor in factors if factor.startswith("floor(")]
        if n < 0 or any("-" in factor for factor in floors):
            return Span()
        low += 0 if floors else n
    return Span(low)


def span(low: float | None, high: float | None) -> Dim:
    """What lies between two bounds; nothing where there is none."""
    low, high = (n if n is not None and -LARGEST < n < LARGEST else None for n in (low, high))
    if low is not None and low == high and isinstance(low, int):
        return low
    return None if low is None and high is None else Span(low, high)


def either(a: Dim | float, b: Dim | float) -> Dim:
    """What is one or the other."""
    one, other = bounds(a), bounds(b)
    low = None if one.low is None or other.low is None else min(one.low, other.low)
    return span(low, None if one.high is None or other.high is None else max(one.high, other.high))


def _sum(a: Span, b: Span) -> Dim:
    low = None if a.low is None or b.low is None else a.low + b.low
    return span(low, None if a.high is None or b.high is None else a.high + b.high)


def _product(a: Span, b: Span) -> Dim:
    """Of numbers that may be negative both bounds must be known."""
    if a.low is not None and b.low is not None and min(a.low, b.low) >= 0:
        return span(a.low * b.low, None if a.high is None or b.high is None else a.high * b.high)
    if a.low == a.high and a.low is not None:
        a, b = b, a
    if b.low == b.high and b.low is not None:
        ends = [None if end is None else end * b.low for end in a]
        return span(*(ends if b.low >= 0 else reversed(ends)))
    products = [x * y for x in a for y in b if x is not None and y is not None]
    return span(min(products), max(products)) if len(products) == 4 else None


def sized(dim: Dim) -> Dim:
    """A size; 1 or more where nothing is known."""
    return Span(1) if dim is None else dim


def sub(a: Dim, b: Dim) -> Dim:
    """The difference."""
    return add(a, mul(b, -1))


def product(dims: Shape) -> Dim:
    """The product of some dimensions; 1 of none."""
    if 0 in dims:
        return 0
    numbers = [dim for dim in dims if isinstance(dim, int)]
    result = _number(prod(numbers))
    for dim in dims if len(numbers) < len(dims) else ():
        if not isinstance(dim, int):
            result = mul(result, dim)
    return result


def elements(shape: Shape) -> Dim:
    """How many elements a shape has; of what is unknown as few as there may be."""
    return product(tuple(map(sized, shape)))


def floor_div(a: Dim, by: Dim) -> Dim:
    """``a`` divided by a positive number and rounded down; by a name only where nothing is left."""
    if a is None or by is None:
        return None
    if isinstance(a, Span) or isinstance(by, Span):
        return _divided(bounds(a), bounds(by))
    if isinstance(by, Sym):
        return _quotient(a, by)
    if by < 1:
        return None
    if isinstance(a, int):
        return a // by
    return _floor_div(a, by)


def _divided(a: Span, by: Span) -> Dim:
    if a.low is None or a.low < 0 or by.low is None or by.low < 1:
        return None
    low = 0 if by.high is None else a.low // by.high
    return span(low, None if a.high is None else a.high // by.low)


@lru_cache(maxsize=4096)
def _floor_div(a: Sym, by: int) -> Dim:
    whole: dict[tuple[str, ...], int] = {}
    rest: dict[tuple[str, ...], int] = {}
    for factors, n in a.terms:
        if n % by == 0:
            whole[factors] = n // by
        elif not factors:
            whole[factors], rest[factors] = divmod(n, by)
        else:
            rest[factors] = n
    names = [n for factors, n in rest.items() if factors]
    if not names:
        return _made(whole)
    common = gcd(by, *names)
    inner = _made({factors: n // common for factors, n in rest.items()})
    if inner is None:
        return None
    by //= common
    if by == 1:
        return add(_made(whole), inner)
    if isinstance(inner, Sym) and len(inner.terms) == 1 and inner.terms[0][1] == 1:
        (factor, *more), _ = inner.terms[0]
        if not more and factor.startswith("floor("):  # floor(floor(x/m)/n) is floor(x/(m*n))
            start, _, divisor = factor.removesuffix(")").rpartition("/")
            if divisor.isdecimal():  # a model may call a dimension so
                return add(_made(whole), _made({(f"{start}/{int(divisor) * by})",): 1}))
    spelt = text(inner)
    one = f"floor(({spelt})/{by})" if " " in spelt or "*" in spelt else f"floor({spelt}/{by})"
    return add(_made(whole), _made({(one,): 1}))


def _quotient(a: int | Sym, by: Sym) -> Dim:
    """The exact quotient by one product of names and a number; unknown where there is none."""
    if a == by:
        return 1
    if len(by.terms) != 1 or isinstance(a, int):
        return None
    (names, n), found = by.terms[0], {}
    for factors, m in a.terms:
        left = list(factors)
        for name in names:
            if name not in left:
                return None
            left.remove(name)
        if m % n:
            return None
        found[tuple(left)] = m // n
    return _made(found)


def ceil_div(a: Dim, by: int) -> Dim:
    """``a`` divided by a positive number and rounded up."""
    return floor_div(add(a, by - 1), by)


def total(dims: Shape) -> Dim:
    """The sum of some dimensions."""
    result: Dim = 0
    for dim in dims:
        result = add(result, dim)
    return result


def differ(a: Dim, b: Dim) -> bool:
    """Whether two dimensions cannot be equal."""
    if a is None or b is None or a == b:
        return False
    return isinstance(a, int) and isinstance(b, int)


def merged(a: Dim, b: Dim) -> Dim:
    """Of two words on one dimension the one that says more; a number says most."""
    if isinstance(b, int) or a is None or (isinstance(a, Span) and isinstance(b, Sym)):
        return b if not isinstance(a, int) else a
    return a


@lru_cache(maxsize=4096)  # models have few sizes that are no numbers, and ask often
def least(dim: Dim) -> int:
    """The least size where every name stands for 1 or more; 1 where that is not seen."""
    if isinstance(dim, int):
        return dim
    if isinstance(dim, Span):
        return max(int(dim.low or 0), 1)
    if dim is None:
        return 1
    low = bounds(dim).low
    return 1 if low is None else max(int(low), 1)


@lru_cache(maxsize=4096)
def is_sum(dim: Dim) -> bool:
    """Whether a dimension grows with each of its names: then ``least`` is exact."""
    return isinstance(dim, Sym) and not any(
        n < 0 or any(factor.startswith("floor(") for factor in factors) for factors, n in dim.terms
    )


@lru_cache(maxsize=4096)
def most_at_one(dim: Dim) -> int | None:
    """No less than a dimension where each name stands for 1; None where that is not seen.

    Of a floor division it is the product of all numbers in its text, once for each of its terms:
    what is subtracted and divided by makes it no larger.
    """
    if isinstance(dim, int):
        return dim
    if not isinstance(dim, Sym):
        return None
    most = 0
    for factors, n in dim.terms:
        floors = [factor for factor in factors if factor.startswith("floor(")]
        terms = [1 + factor.count("+") + factor.count("-") for factor in floors]
        numbers = [int(each) or 1 for each in re.findall("[0-9]+", " ".join(floors))]
        most += abs(n) * prod(terms) * prod(numbers)
    return most


def text(dim: Dim) -> str:
    """A dimension as reports write it: ``2*N + 1``, ``floor((H + 1)/2)``, ``?``."""
    if dim is None or isinstance(dim, Span):
        return "?"
    if isinstance(dim, int):
        return str(dim)
    parts: list[str] = []
    for factors, n in sorted(dim.terms, key=lambda term: (not term[0], term[0])):
        one = "*".join(factors)
        if abs(n) != 1 or not factors:
            one = f"{abs(n)}*{one}" if factors else str(abs(n))
        sign = "-" if n < 0 else "+"
        parts.append(f" {sign} {one}" if parts else f"-{one}" if n < 0 else one)
    return "".join(parts)


def shape_text(shape: Shape | None) -> str:
    """``[1, 3, H, W]``; ``[...]`` where not even the rank is known."""
    return "[...]" if shape is None else f"[{', '.join(map(text, shape))}]"
