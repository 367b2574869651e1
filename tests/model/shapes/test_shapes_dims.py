"""Sizes compute as numbers do, whatever their names stand for."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random

import pytest

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim, symbol, text

NAMES = ("N", "H", "W")
ONES = dict.fromkeys(NAMES, Fraction(1))


def value(dim: Dim, sizes: dict[str, Fraction]) -> int | None:
    if dim is None:
        return None
    return int(eval(text(dim), {"floor": math.floor}, dict(sizes)))  # our own text


@pytest.mark.parametrize("seed", range(300))
def test_formulas_are_what_they_were_made_of(seed: int) -> None:
    random = Random(seed)
    sizes = {name: Fraction(random.randint(1, 40)) for name in NAMES}
    pool: list[tuple[Dim, int]] = [(symbol(n.encode()), int(sizes[n])) for n in NAMES]
    pool += [(n, n) for n in (0, 1, 2, 3, 7, -1)]
    for _ in range(25):
        (a, x), (b, y) = random.choice(pool), random.choice(pool)
        by = random.randint(1, 9)
        dim, true = random.choice(
            [
                (d.add(a, b), x + y),
                (d.sub(a, b), x - y),
                (d.mul(a, b), x * y),
                (d.floor_div(a, by), x // by),
                (d.ceil_div(a, by), -(-x // by)),
            ]
        )
        if dim is not None:
            assert value(dim, sizes) == true, text(dim)
            assert (value(dim, ONES) or 0) <= (d.most_at_one(dim) or 0), text(dim)
            pool.append((dim, true))


def test_formulas_read_like_formulas() -> None:
    n, h = symbol(b"N"), symbol(b"H")
    assert text(d.add(d.mul(n, 2), 1)) == "2*N + 1"
    assert text(d.floor_div(d.sub(h, 1), 2)) == "floor((H + 1)/2) - 1"
    assert text(d.floor_div(d.floor_div(h, 2), 4)) == "floor(H/8)"
    assert text(d.floor_div(d.mul(d.mul(n, h), 6), 3)) == "2*H*N"
    assert text(d.sub(3, n)) == "-N + 3"
    assert d.shape_text((1, None, n)) == "[1, ?, N]"
    assert d.shape_text(None) == "[...]"


def test_what_is_equal_is_seen() -> None:
    n, h = symbol(b"N"), symbol(b"H")
    assert d.sub(d.add(n, h), h) == n
    assert d.mul(n, h) == d.mul(h, n)
    assert d.floor_div(d.mul(n, h), n) == h
    assert d.floor_div(d.add(d.mul(n, 8), 3), 4) == d.mul(n, 2)
    assert d.mul(None, 0) == 0


def test_what_is_no_name_is_unknown() -> None:
    assert symbol(b"") is None
    assert symbol(b"?") is None
    assert symbol(b"x" * 500) is None


def test_formulas_stay_small() -> None:
    dim: Dim = 1
    for index in range(1000):
        dim = d.mul(d.add(dim, symbol(b"n%d" % index)), symbol(b"m%d" % index))
    assert dim is None
    large: Dim = 2
    for _ in range(64):
        large = d.mul(large, large)
    assert large is None
    assert d.add(None, 1) is None


def test_the_least_size_takes_names_for_one() -> None:
    n = symbol(b"N")
    assert d.least(d.add(d.mul(n, 8), 3)) == 11
    assert d.least(d.sub(n, 4)) == d.least(None) == 1
    assert d.least(7) == 7
