"""Welch's interval of the difference of two means, whose variances need not be equal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import variance

CONFIDENCE = 0.95
_STEPS = 1000
"""Terms of the continued fraction; it takes about the square root of the larger parameter."""
_TINY = 1e-300


def welch_half_width(one: Sequence[float], other: Sequence[float]) -> float:
    """Half of Welch's 95 % interval of the difference of the means of two samples.

    The degrees of freedom are Satterthwaite's, which need not be a whole number.

    Source: B. L. Welch, The generalization of Student's problem when several different population
    variances are involved, Biometrika 34, 1947.

    Args:
        one: two values or more.
        other: the same.
    """
    samples = (one, other)
    errors = [variance(sample) / len(sample) for sample in samples]
    error = sum(errors)
    if not error:
        return 0.0
    shares = [part / error for part in errors]
    freedom = 1 / sum(s * s / (len(v) - 1) for s, v in zip(shares, samples, strict=True))
    return t_quantile(freedom) * math.sqrt(error)


def t_quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """The t within which Student's distribution has that share, to either side of 0.

    Args:
        freedom: degrees of freedom, above 0.
        confidence: the share, between 0 and 1.
    """
    low, high = 0.0, 1.0  # of t^2 / (freedom + t^2), which is distributed as beta
    for _ in range(200):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if incomplete_beta(0.5, freedom / 2, middle) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom * low / (1 - low))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b).

    By its continued fraction, DLMF 8.17.22, evaluated as Lentz does.

    Args:
        a: above 0.
        b: above 0.
        x: 0 to 1.
    """
    if not 0 < x < 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # where the fraction of the other side converges
        return 1 - incomplete_beta(b, a, 1 - x)
    log_front = (
        *(math.lgamma(a + b), -math.lgamma(a), -math.lgamma(b)),
        *(a * math.log(x), b * math.log1p(-x)),
    )
    value, above, below = 1.0, 1.0, 0.0
    for step in range(_STEPS):
        half = step // 2
        if step == 0:
            term = 1.0
        elif step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        below = 1 / ((1 + term * below) or _TINY)
        above = (1 + term / above) or _TINY
        value *= above * below
        if step and abs(above * below - 1) < 1e-15:
            break
    return math.exp(math.fsum(log_front)) / a * (value - 1)
