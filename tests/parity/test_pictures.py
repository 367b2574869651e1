"""Pictures of outputs, with Pillow as the oracle of the format."""

from __future__ import annotations

import io
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from PIL import Image

from onnxguard.parity.pictures import OUTPUTS, PIXELS, draw_pictures
from onnxguard.parity.report import Outcome, Picture, Trial
from onnxguard.parity.trials import Case
from onnxguard.running.comparison import Array
from onnxguard.running.inputs import Inputs

MAGENTA = [255, 0, 255]
BLACK = [0, 0, 0]
WHITE = [255, 255, 255]


def draw(*pairs: tuple[Array, Array]) -> tuple[Picture, ...]:
    """Draw outputs called 0, 1 and so on."""
    expected = [(f"theirs {i}", pair[0]) for i, pair in enumerate(pairs)]
    actual = [(str(i), pair[1]) for i, pair in enumerate(pairs)]
    inputs = Inputs("noise", 0, {})
    case = Case(inputs, expected, actual, Trial("noise", 0, (), "", Outcome.COMPARED))
    return draw_pictures(case)


def pixels(picture: Picture) -> Any:
    """Decode to ``[rows, columns, 3]``."""
    with Image.open(io.BytesIO(picture.png)) as image:
        image.load()
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def ramp(*shape: int) -> Array:
    return np.linspace(0.0, 1.0, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def test_both_sides_share_the_range_of_the_reference() -> None:
    expected = ramp(1, 1, 8, 12)
    reference, model, difference = draw((expected, expected * 3 - 1))
    assert [p.shows for p in (reference, model, difference)] == ["reference", "model", "difference"]
    assert {p.output for p in (reference, model, difference)} == {"0"}
    assert (reference.low, reference.high) == (model.low, model.high) == (0.0, 1.0)
    shown = pixels(reference)
    assert shown.shape == (8, 12, 3)
    assert np.abs(shown[:, :, 0] / 255 - expected[0, 0]).max() < 1 / 254
    assert (shown == shown[:, :, :1]).all()
    inside = np.clip(expected[0, 0] * 3 - 1, 0, 1)
    assert np.abs(pixels(model)[:, :, 0] / 255 - inside).max() < 1 / 254
    assert (difference.low, difference.high) == (0.0, pytest.approx(1.0))


def test_the_difference_goes_from_black_over_red_and_yellow_to_white() -> None:
    expected = np.zeros((8, 8), np.float32)
    actual = expected.copy()
    actual[0, :4] = [0.0, 84.0, -170.0, 254.0]
    shown = pixels(draw((expected, actual))[2])[0]
    assert shown[0].tolist() == BLACK
    assert np.abs(shown[1] - np.array([255, 0, 0])).max() <= 3
    assert np.abs(shown[2] - np.array([255, 255, 0])).max() <= 3
    assert shown[3].tolist() == WHITE


def test_colours_are_the_channels() -> None:
    expected = np.zeros((2, 3, 8, 8), np.float32)
    expected[0, 1], expected[1] = 1.0, 9.0
    actual = expected.copy()
    actual[0, 2, 3, 4] = 0.5
    reference, model, difference = draw((expected, actual))
    assert (pixels(reference) == [0, 255, 0]).all()  # the first of the batch
    assert (reference.low, reference.high) == (0.0, 1.0)
    assert pixels(model)[3, 4].tolist()[:2] == [0, 255]
    assert abs(int(pixels(model)[3, 4, 2]) - 127) <= 1
    lit = np.argwhere(pixels(difference).any(axis=2))
    assert lit.tolist() == [[3, 4]]


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_not_finite_is_magenta(channels: int) -> None:
    expected = np.tile(ramp(1, 1, 8, 8), (1, channels, 1, 1))
    actual = expected.copy()
    expected[0, 0, 1, 2], actual[0, 0, 3, 4] = np.inf, np.nan
    expected[0, 0, 5, 6] = actual[0, 0, 5, 6] = -np.inf
    reference, model, difference = draw((expected, actual))
    for picture, places in (
        (reference, [[1, 2], [5, 6]]),
        (model, [[3, 4], [5, 6]]),
        (difference, [[1, 2], [3, 4], [5, 6]]),
    ):
        assert np.argwhere((pixels(picture) == MAGENTA).all(axis=2)).tolist() == places
        assert np.isfinite([picture.low, picture.high]).all()


def test_nothing_finite_at_all() -> None:
    expected = np.full((8, 8), np.nan, np.float32)
    for picture in draw((expected, expected)):
        assert (pixels(picture) == MAGENTA).all()


def test_equal_constants() -> None:
    for picture in draw((np.ones((8, 8)), np.ones((8, 8)))):
        assert not pixels(picture).any()


@pytest.mark.parametrize("place", [(0, 0), (5, 1234), (8, 3 * PIXELS)])
def test_a_single_wrong_element_of_a_large_output_stays_visible(place: tuple[int, int]) -> None:
    expected = np.zeros((1, 1, 9, 3 * PIXELS + 1), np.float32)
    actual = expected.copy()
    actual[0, 0, *place] = 1e-3
    reference, _, difference = draw((expected, actual))
    shown = pixels(difference)
    assert shown.shape == pixels(reference).shape == (3, -(-(3 * PIXELS + 1) // 4), 3)
    pixel = [place[0] // 4, place[1] // 4]
    assert np.argwhere(shown.any(axis=2)).tolist() == [pixel]
    assert shown[*pixel].tolist() == WHITE


def test_a_pixel_of_a_large_output_is_the_mean_of_its_block() -> None:
    expected = np.zeros((2 * PIXELS, 8), np.float32)
    expected[::2, ::2] = 1.0
    shown = pixels(draw((expected, expected))[0])
    assert shown.shape == (PIXELS, 4, 3)
    assert np.abs(shown / 255.0 - 0.25).max() < 1 / 254


@pytest.mark.parametrize(
    "shape",
    [(1, 2, 8, 8), (1, 4, 16, 16), (1, 1, 7, 8), (8,), (1, 1, 1, 8, 8), (), (0, 1, 8, 8), (4, 10)],
)
def test_what_is_no_image_is_not_drawn(shape: tuple[int, ...]) -> None:
    assert draw((np.zeros(shape, np.float32), np.zeros(shape, np.float32))) == ()


@pytest.mark.parametrize("dtype", ["i8", "u1", "?", "f2", "f8", ml_dtypes.bfloat16])
def test_real_numbers_are_drawn(dtype: Any) -> None:
    array = (np.arange(64).reshape(8, 8) % 2).astype(dtype)
    assert pixels(draw((array, array))[0])[0, 1].tolist() == WHITE


@pytest.mark.parametrize("dtype", ["c8", "U1", "O"])
def test_what_is_no_real_number_is_not_drawn(dtype: str) -> None:
    assert draw((np.zeros((8, 8), dtype), np.zeros((8, 8), dtype))) == ()


def test_outputs_of_two_shapes_are_not_drawn() -> None:
    assert draw((np.zeros((8, 8)), np.zeros((1, 8, 8)))) == ()
    inputs = Inputs("noise", 0, {})
    outputs = [("y", np.zeros((8, 8)))]
    case = Case(inputs, outputs, [], Trial("noise", 0, (), "", Outcome.COMPARED))
    assert draw_pictures(case._replace(actual=[])) == ()
    assert draw_pictures(None) == ()


def test_the_outputs_that_differ_most_are_drawn() -> None:
    zeros = np.zeros((8, 8), np.float32)
    pairs = [(zeros, zeros + np.float32(i)) for i in range(OUTPUTS + 2)]
    pairs[1] = (zeros, zeros + np.float32(np.nan))
    names = [picture.output for picture in draw(*pairs)[::3]]
    assert names == ["1", *(str(i) for i in range(OUTPUTS + 1, 2, -1))][:OUTPUTS]


def test_huge_values() -> None:
    expected = np.array([[-1.7e308, 1.7e308]] * 8).repeat(4, axis=1)
    reference, _, difference = draw((expected, -expected))
    assert pixels(reference)[0, 0].tolist() == BLACK
    assert pixels(reference)[0, 7].tolist() == WHITE
    assert (pixels(difference) == MAGENTA).all()
