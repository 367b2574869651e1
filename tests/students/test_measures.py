"""The saliency measures: by hand, against pysodmetrics, and summed in any order."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnxguard.students.measures import (
    Measures,
    MeasureSums,
    nearest_salient,
    stretched,
    weighted_f,
)
from update_measures_goldens import GOLDEN, Pair, pairs

from onnxguard.base.errors import OnnxguardError

REFERENCE: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
PAIRS = pairs()
ROUNDING = 1e-12
"""A figure of an image is kept to 2^-40; the rest is the order of float64 sums."""


def summed(*some: Pair) -> MeasureSums:
    sums = MeasureSums()
    for prediction, mask in some:
        sums.add(prediction, mask)
    return sums


def measured(prediction: Any, mask: Any) -> Measures:
    pair = Pair(np.array(prediction, np.float32), np.array(mask, bool))
    return summed(pair).result()


@st.composite
def some_pair(draw: st.DrawFn) -> Pair:
    """A small pair with many ties, exact zeros and exact ones."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    numbers = np.random.default_rng(draw(st.integers(0, 2**32)))
    levels = draw(st.sampled_from([1, 2, 5, 255, 1 << 20]))
    share = draw(st.sampled_from([0.0, 0.05, 0.3, 0.7, 1.0]))
    prediction = numbers.integers(0, levels + 1, (height, width)).astype(np.float32)
    return Pair(prediction / np.float32(levels), numbers.random((height, width)) < share)


def test_by_hand() -> None:
    found = measured([[0.75, 0.25], [0.5, 0.0]], [[1, 1], [0, 0]])
    # Over 0.5 lies one of two salient pixels; 0.5 itself does not.
    assert found.iou == pytest.approx((1 + 1e-6) / (2 + 1e-6), abs=ROUNDING)
    assert found.mae == pytest.approx((0.25 + 0.75 + 0.5) / 4, abs=ROUNDING)
    # Thresholds t / 255 by what lies over them: 1 marks all, 63 three, 64 two, 63 one, 64 none.
    curve = [
        (1, 1.3 * 2 / (0.6 + 4)),
        (63, 1.3 * 2 / (0.6 + 3)),
        (64, 1.3 * 1 / (0.6 + 2)),
        (64, 1.3 * 1 / (0.6 + 1)),
        (64, 0.0),
    ]
    assert sum(number for number, _ in curve) == 256
    assert found.max_f == pytest.approx(1.3 / 1.6, abs=ROUNDING)
    assert found.mean_f == pytest.approx(sum(n * f for n, f in curve) / 256, abs=ROUNDING)
    # Twice the mean is 0.75, which 0.75 reaches.
    assert found.adaptive_f == pytest.approx(1.3 / 1.6, abs=ROUNDING)
    # One of four marked: a = 3/4 or -1/4, b = 1/2 or -1/2; x = 12/13, -4/5 or 4/5 (twice).
    alignment = ((25 / 26) ** 2 + (1 / 10) ** 2 + 2 * (9 / 10) ** 2) / 4
    assert found.adaptive_e == pytest.approx(alignment, abs=ROUNDING)
    assert found.max_e == pytest.approx(alignment, abs=ROUNDING)


def test_s_measure_by_hand() -> None:
    # The centroid, row 0 and column 0.5 (to even: 0), quarters this into lone pixels, each without
    # structure (1). Objects: means 1/2 and 3/4, deviations 1/2 / sqrt 2.
    deviation = 0.125**0.5
    objects = (2 * 0.5 / (1.25 + deviation) + 2 * 0.75 / (0.5625 + 1 + deviation)) / 2
    found = measured([[0.75, 0.25], [0.5, 0.0]], [[1, 1], [0, 0]]).s
    assert found == pytest.approx((objects + 1) / 2, abs=ROUNDING)
    # The centroid in the last row and column leaves one quarter, the whole. Means 1/8 and 1/4, sums
    # of squares 3/16 and 3/4, of products 3/8: SSIM 16/25. Objects: 4/5 and 1, shares 1/4 and 3/4.
    found = measured([[0, 0], [0, 0.5]], [[0, 0], [0, 1]]).s
    assert found == pytest.approx((0.95 + 0.64) / 2, abs=ROUNDING)


def test_weighted_f_by_hand() -> None:
    # All pixels take the error of the one salient pixel, so their Gaussian mean is that error.
    prediction, mask = np.zeros((9, 9), np.float32), np.zeros((9, 9), bool)
    mask[4, 4] = True
    prediction[4, 4], prediction[4, 8] = 0.75, 0.5
    # E is 1/4 at the salient pixel; 1/2 at a distance of 4 weighs 2 - 0.5^(4/5).
    hits, alarms = 0.75, 0.5 * (2 - 0.5**0.8)
    found = measured(prediction, mask).weighted_f
    assert found == pytest.approx(2 * hits / (1 + hits + alarms), abs=ROUNDING)


def test_weighted_f_spreads_errors_among_salient_pixels() -> None:
    mask = np.ones((15, 15), bool)
    saliency = np.ones((15, 15))
    saliency[7, 7] = 0.0
    weights = [[np.exp(-(x * x + y * y) / 50) for x in range(-3, 4)] for y in range(-3, 4)]
    # The lone error becomes its weight in the mean; its neighbours' own errors stay 0.
    error = weights[3][3] / np.sum(weights)
    recall, precision = 1 - error / 225, 1.0
    expected = 2 * precision * recall / (precision + recall)
    assert weighted_f(saliency, mask) == pytest.approx(expected, abs=ROUNDING)


@pytest.mark.parametrize(
    ("mask", "value", "expected"),
    [
        (0, 0.0, {"iou": 1, "mae": 0, "max_f": 0, "weighted_f": 0, "s": 1, "max_e": 1}),
        (0, 0.75, {"iou": 1e-6 / 16, "mae": 0.75, "max_f": 0, "weighted_f": 0, "s": 0.25}),
        (1, 0.75, {"iou": 1, "mae": 0.25, "max_f": 1, "s": 0.75, "max_e": 1, "mean_e": 0.75}),
        (1, 0.0, {"iou": 1e-6 / 16, "mae": 1, "s": 0, "mean_f": 1 / 256, "mean_e": 1 / 256}),
    ],
)
def test_empty_and_full_masks(mask: int, value: float, expected: dict[str, float]) -> None:
    found = measured(np.full((4, 4), value), np.full((4, 4), mask))._asdict()
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-11)


def reference_figures(figures: dict[str, float]) -> dict[str, float]:
    """What pysodmetrics says, with the E-measure divided by H W as in the paper."""
    pixels = PAIRS["sharp"].mask.size
    scale = (pixels - 1) / pixels
    return {k: v * scale if k.endswith("_e") else v for k, v in figures.items()}


def assert_as_reference(sums: MeasureSums, figures: dict[str, float]) -> None:
    found = sums.result()._asdict()
    assert set(figures) == set(found) - {"images", "iou"}
    expected = reference_figures(figures)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=0, abs=ROUNDING)


@pytest.mark.parametrize("name", PAIRS)
def test_each_pair_as_pysodmetrics(name: str) -> None:
    assert_as_reference(summed(PAIRS[name]), REFERENCE["pairs"][name])


def test_all_pairs_as_pysodmetrics() -> None:
    assert set(REFERENCE["pairs"]) == set(PAIRS)
    assert_as_reference(summed(*PAIRS.values()), REFERENCE["all"])


def test_stretched_pairs_as_pysodmetrics_by_default() -> None:
    sums = MeasureSums()
    for prediction, mask in PAIRS.values():
        sums.add(stretched(np.rint(prediction * 255).astype(np.uint8) / 255), mask)
    assert_as_reference(sums, REFERENCE["all stretched"])
    assert REFERENCE["all stretched"]["mae"] != pytest.approx(REFERENCE["all"]["mae"], abs=1e-3)


@given(some_pair())
def test_iou_as_a_loop_over_pixels(pair: Pair) -> None:
    intersection = union = 0
    for value, salient in zip(pair.prediction.flat, pair.mask.flat, strict=True):
        intersection += bool(value > 0.5 and salient)
        union += bool(value > 0.5 or salient)
    expected = (intersection + 1e-6) / (union + 1e-6)
    assert summed(pair).result().iou == pytest.approx(expected, abs=ROUNDING)


@given(some_pair())
def test_thresholds_as_a_loop_over_them(pair: Pair) -> None:
    saliency, mask = pair.prediction.astype(np.float64), pair.mask
    f_curve, e_curve = [], []
    for threshold in range(256):
        marked = saliency >= threshold / 255
        hits = np.count_nonzero(marked & mask)
        precision, recall = hits / max(marked.sum(), 1), hits / max(mask.sum(), 1)
        f_curve.append(1.3 * precision * recall / (0.3 * precision + recall) if hits else 0.0)
        a, b = marked - marked.mean(), mask - mask.mean()
        if mask.all() or not mask.any():
            e_curve.append(float((marked == mask).mean()))
        else:
            e_curve.append(float(((1 + 2 * a * b / (a * a + b * b)) ** 2 / 4).mean()))
    found = summed(pair).result()
    curves = (max(f_curve), np.mean(f_curve), max(e_curve), np.mean(e_curve))
    figures = (found.max_f, found.mean_f, found.max_e, found.mean_e)
    assert figures == pytest.approx(curves, abs=ROUNDING)


@given(some_pair().filter(lambda pair: pair.mask.any()))
def test_nearest_salient_pixel_as_a_search(pair: Pair) -> None:
    places = [(int(row), int(column)) for column, row in np.argwhere(pair.mask.T)]
    squares, rows, columns = nearest_salient(pair.mask)
    for y, x in np.ndindex(pair.mask.shape):
        # The first of the least, in the order of columns.
        row, column = min(places, key=lambda place: (place[0] - y) ** 2 + (place[1] - x) ** 2)
        assert (int(rows[y, x]), int(columns[y, x])) == (row, column)
        assert squares[y, x] == (row - y) ** 2 + (column - x) ** 2


def test_nearest_salient_pixel_where_32_bits_are_too_few() -> None:
    mask = np.zeros((2, 2000), bool)
    mask[1, 0] = True
    squares, rows, columns = nearest_salient(mask)
    assert squares[0, 1999] == 1999**2 + 1
    assert (rows == 1).all()
    assert (columns == 0).all()


@given(some_pair())
def test_a_perfect_prediction(pair: Pair) -> None:
    found = measured(pair.mask, pair.mask)
    assert found[:3] == (1, 1.0, 0.0)
    assert (found.s, found.max_e) == (1, 1)
    # Where nothing is salient, nothing can be found, and twice the mean is 0, which marks it all.
    best = float(pair.mask.any())
    rest = (found.max_f, found.adaptive_f, found.weighted_f, found.adaptive_e)
    assert rest == (best, best, best, best)


@given(some_pair())
def test_every_measure_lies_in_0_to_1(pair: Pair) -> None:
    assert all(0 <= figure <= 1 for figure in summed(pair).result()[1:])


@given(st.lists(some_pair(), min_size=1, max_size=6), st.data())
@settings(max_examples=50)
def test_order_and_partition_do_not_matter(several: list[Pair], data: st.DataObject) -> None:
    whole = summed(*several).result()
    assert whole.images == len(several)
    parts = [MeasureSums() for _ in range(3)]
    for pair in data.draw(st.permutations(several)):
        parts[data.draw(st.integers(0, 2))].add(*pair)
    reduced = MeasureSums(parts[0].totals + parts[1].totals + parts[2].totals)
    first, *others = data.draw(st.permutations(parts))
    for other in others:
        first.merge(pickle.loads(pickle.dumps(other)))
    assert first.result() == reduced.result() == whole


@given(some_pair())
def test_memory_layout_does_not_matter(pair: Pair) -> None:
    turned = Pair(np.asfortranarray(pair.prediction), np.asfortranarray(pair.mask))
    assert summed(turned).result() == summed(pair).result()


def test_totals_given_are_not_shared() -> None:
    one = summed(PAIRS["sharp"])
    two = MeasureSums(one.totals)
    two.add(*PAIRS["noisy"])
    assert (one.result().images, two.result().images) == (1, 2)


def test_curves_are_averaged_before_their_maximum() -> None:
    low = Pair(np.array([[0.2, 0.0]], np.float32), np.array([[True, False]]))
    high = Pair(np.array([[1.0, 0.8]], np.float32), np.array([[True, False]]))
    assert summed(low).result().max_f == summed(high).result().max_f == 1
    # No one threshold parts both: between 0.2 and 0.8 the one is missed and the other marks all.
    assert summed(low, high).result().max_f == pytest.approx((1 + 1.3 / 2.3) / 2, abs=ROUNDING)


def test_an_8_bit_map_reaches_each_of_its_levels() -> None:
    for level in range(256):
        prediction = np.full((1, 2), np.float32(level) / np.float32(255))
        found = measured(prediction, [[True, True]])
        assert found.mean_e == (level + 1) / 256


def test_stretched() -> None:
    np.testing.assert_allclose(stretched(np.array([[0.2, 0.3, 0.6]])), [[0, 0.25, 1]], atol=1e-15)
    np.testing.assert_array_equal(stretched(np.array([[0.3, 0.3]])), [[0.3, 0.3]])


def test_no_image() -> None:
    with pytest.raises(OnnxguardError, match="no image to measure"):
        MeasureSums().result()


@pytest.mark.parametrize(
    ("prediction", "mask", "message"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2), bool), r"shape \(2, 3\) and a mask of shape \(3, 2\)"),
        (np.zeros((1, 2, 2)), np.zeros((1, 2, 2), bool), r"both must be \[H, W\]"),
        (np.zeros((0, 2)), np.zeros((0, 2), bool), "not empty"),
        (np.zeros((2, 2)), np.zeros((2, 2), np.uint8), "float64 and a mask of uint8"),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 2), bool), "must be floating point and bool"),
        (np.array([[0.0, 1.5]]), np.zeros((1, 2), bool), r"lie in 0\.\.1\.5; .* in 0\.\.1"),
        (np.array([[-0.5, 1.0]]), np.zeros((1, 2), bool), r"lie in -0\.5\.\.1"),
        (np.array([[np.nan, 1.0]]), np.zeros((1, 2), bool), r"lie in nan\.\.nan"),
    ],
)
def test_what_is_no_pair(prediction: NDArray[Any], mask: NDArray[Any], message: str) -> None:
    sums = MeasureSums()
    with pytest.raises(OnnxguardError, match=message):
        sums.add(prediction, mask)
    assert not sums.totals.any()
