"""Trivial answers: each is what it says, whatever the image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from onnxguard.students.baselines import baselines
from onnxguard.students.generated import generate
from onnxguard.students.measures import intersection_over_union
from PIL import Image, ImageFilter

from onnxguard.base.errors import OnnxguardError

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
SCENES = list(generate(6, 80, 96, seed=1))
BOX = np.zeros((40, 60), bool)
BOX[5:15, 10:30] = True


def image(mask: Mask, inside: int, outside: int) -> Pixels:
    return np.repeat(np.where(mask, inside, outside).astype(np.uint8)[:, :, None], 3, axis=2)


def iou(answer: Mask, mask: Mask) -> float:
    return intersection_over_union(answer.astype(np.float64), mask)


def test_names_and_their_order() -> None:
    names = [name for name, _ in baselines(SCENES)]
    assert names == ["everything", "brightness", "centre", "edges"]


def test_everything_is_the_share_that_is_salient() -> None:
    found = dict(baselines(SCENES))["everything"]
    assert found == pytest.approx(np.mean([iou(np.ones_like(m), m) for _, m in SCENES]), abs=1e-12)


def test_brightness_is_the_best_threshold_of_each_image_either_way() -> None:
    best = []
    for pixels, mask in SCENES:
        grey = np.asarray(Image.fromarray(pixels).convert("L"))
        answers = [answer for t in range(256) for answer in (grey <= t, grey >= t)]
        best.append(max(iou(answer, mask) for answer in answers))
    assert dict(baselines(SCENES))["brightness"] == pytest.approx(np.mean(best), abs=1e-12)


@pytest.mark.parametrize(("inside", "outside"), [(200, 100), (100, 200), (0, 1), (255, 254)])
def test_brightness_finds_what_is_brighter_or_darker(inside: int, outside: int) -> None:
    assert dict(baselines([(image(BOX, inside, outside), BOX)]))["brightness"] == 1


def test_the_centre_is_one_ellipse_for_all_images() -> None:
    y, x = np.mgrid[:40, :60]
    away = np.hypot((y - 19.5) / 40, (x - 29.5) / 60)
    small, large = away < 0.15, away < 0.4
    flat = image(small, 9, 9)
    assert dict(baselines([(flat, small)]))["centre"] > 0.97
    assert dict(baselines([(flat, large)] * 2))["centre"] > 0.97
    both = dict(baselines([(flat, small), (flat, large)]))["centre"]
    best = max(
        np.mean([iou(away < r, m) for m in (small, large)]) for r in np.arange(0.1, 0.5, 0.01)
    )
    assert both == pytest.approx(best, abs=0.01)
    assert dict(baselines([(flat, np.roll(small, 30, 1))]))["centre"] < 0.4


def test_edges_find_what_is_textured_and_not_what_is_bright() -> None:
    random = np.random.Generator(np.random.PCG64(0))
    mask = np.zeros((128, 128), bool)
    mask[20:90, 30:100] = True
    noise = np.where(mask, random.integers(0, 256, mask.shape), 128).astype(np.uint8)
    assert dict(baselines([(np.stack([noise] * 3, 2), mask)]))["edges"] > 0.85
    assert dict(baselines([(image(mask, 128, 128), mask)]))["edges"] == iou(
        np.ones_like(mask), mask
    )
    blurred = Image.fromarray(image(mask, 255, 0)).filter(ImageFilter.GaussianBlur(2))
    assert dict(baselines([(np.asarray(blurred), mask)]))["edges"] < 0.8


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 3)])
def test_any_size(shape: tuple[int, int]) -> None:
    mask = np.ones(shape, bool)
    assert [figure for _, figure in baselines([(image(mask, 3, 3), mask)])] == [1, 1, 1, 1]


def test_no_images_are_an_error() -> None:
    with pytest.raises(OnnxguardError, match="no images"):
        baselines([])
