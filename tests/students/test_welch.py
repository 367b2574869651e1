"""Welch's interval and what it is made of; every figure here is SciPy 1.17.1's."""

from __future__ import annotations

from statistics import fmean

import pytest
from onnxguard.students.welch import incomplete_beta, t_quantile, welch_half_width

QUANTILES = (
    (0.5, 164.55767348048818),
    (1, 12.706204736174694),
    (1.0001, 12.703202820451473),
    (1.9, 4.527118077100328),
    (2, 4.302652729749462),
    (2.68, 3.408599750030157),
    (3.7, 2.8675207071911895),
    (7.77, 2.3179399298915517),
    (30, 2.0422724563012378),
    (30.5, 2.04086944518632),
    (199.99, 1.9718968238362735),
    (12345.6, 1.9601561582595104),
)
BETAS = (
    (0.5, 0.5, 0.3, 0.36901011956554536),
    (2, 3, 0.9, 0.9963),
    (10, 0.5, 0.999, 0.8888967091248604),
    (0.5, 1000, 0.001, 0.842752725733276),
    (35.2, 12.5, 0.7, 0.26489357085410115),
    (1e-3, 1e-3, 0.5, 0.49999999999999994),
    (5000, 0.5, 0.9999, 0.3173105072579534),
    (1, 1, 0.25, 0.25),
    (3, 2, 0, 0),
    (3, 2, 1, 1),
)
INTERVALS = (
    ((0.9278, 0.9314, 0.9369), (0.9286, 0.9086, 0.9262), -0.012387779340853, 0.034187779340853),
    ((0.5, 0.54), (0.485, 0.535), -0.134312588160099, 0.154312588160099),
    ((0.1, 0.2, 0.3, 0.4, 0.5), (0.3, 0.31), -0.201054126780102, 0.191054126780102),
    ((0.721, 0.7277, 0.731), (0.736, 0.742, 0.7391), -0.022893191991008, -0.002040141342325),
    ((0.5, 0.5), (0.4, 0.6), -1.270620473617469, 1.270620473617469),
)


@pytest.mark.parametrize(("freedom", "quantile"), QUANTILES)
def test_quantiles_of_students_distribution(freedom: float, quantile: float) -> None:
    assert t_quantile(freedom) == pytest.approx(quantile, rel=1e-10)


def test_another_confidence() -> None:
    assert t_quantile(4.2, 0.99) == pytest.approx(4.4577703053188795, rel=1e-10)


@pytest.mark.parametrize(("a", "b", "x", "value"), BETAS)
def test_the_incomplete_beta_function(a: float, b: float, x: float, value: float) -> None:
    assert incomplete_beta(a, b, x) == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize(("one", "other", "low", "high"), INTERVALS)
def test_welchs_interval(
    one: tuple[float, ...], other: tuple[float, ...], low: float, high: float
) -> None:
    difference, half = fmean(one) - fmean(other), welch_half_width(one, other)
    assert (difference - half, difference + half) == pytest.approx((low, high), abs=1e-12)


def test_samples_that_do_not_vary() -> None:
    assert welch_half_width((0.5, 0.5), (0.4, 0.4)) == 0
    assert welch_half_width((0, 1e-160), (0, 1e-160)) > 0
