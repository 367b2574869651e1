"""The generated data set: the same for a seed, and not to be solved by one feature alone."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pytest
from onnxguard.students.baselines import baselines
from onnxguard.students.generated import draw_scene, generate
from PIL import Image

SCENES = list(generate(48, 80, 96, seed=3))


def iou(answer: npt.NDArray[np.bool_], mask: npt.NDArray[np.bool_]) -> float:
    return float((answer & mask).sum() + 1e-6) / float((answer | mask).sum() + 1e-6)


def test_an_image_depends_on_its_number_and_the_seed_alone() -> None:
    longer = list(generate(50, 80, 96, seed=3))
    for (image, mask), (other, same) in zip(SCENES, longer, strict=False):
        assert np.array_equal(image, other)
        assert np.array_equal(mask, same)
    (image, _), *_ = generate(1, 80, 96, seed=4)
    assert not np.array_equal(image, SCENES[0][0])
    images = [image.tobytes() for image, _ in SCENES]
    assert len(set(images)) == len(images)


def test_images_and_masks_are_what_they_say() -> None:
    for image, mask in SCENES:
        assert (image.shape, image.dtype) == ((80, 96, 3), np.uint8)
        assert (mask.shape, mask.dtype) == ((80, 96), np.bool_)
        assert 0.005 < mask.mean() < 0.8


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 64), (33, 47)])
def test_any_size(height: int, width: int) -> None:
    image, mask = draw_scene(height, width, np.random.Generator(np.random.PCG64(0)))
    assert image.shape == (height, width, 3)
    assert mask.shape == (height, width)


def test_trivial_answers_are_poor() -> None:
    everything = np.mean([iou(np.ones_like(mask), mask) for _, mask in SCENES])
    assert everything < 0.35
    y, x = np.mgrid[:80, :96]
    centre = np.hypot((y - 40) / 80, (x - 48) / 96) < 0.25
    assert np.mean([iou(centre, mask) for _, mask in SCENES]) < 0.45
    levels = range(0, 255, 16)
    best = [
        max(iou(sign * image.mean(2) > sign * t, mask) for t in levels for sign in (1, -1))
        for image, mask in SCENES
    ]
    assert np.mean(best) < 0.55


def test_images_of_80_pixels_never_change() -> None:
    """They are what figures in the documentation and older trainings were made with."""
    digest = hashlib.sha256()
    for image, mask in generate(16, 80, 80, seed=5):
        digest.update(image.tobytes() + mask.tobytes())
    assert digest.hexdigest() == "f106181a742ad7fba958f1097bdbcab6aec733aa3a5ee709ce84cd306388a12d"


@pytest.mark.parametrize("side", [160, 250])
def test_a_larger_image_shows_the_same_scene(side: int) -> None:
    size = (96, 80)
    larger = generate(8, side, side * 96 // 80, seed=3)
    for (image, mask), (small, small_mask) in zip(larger, SCENES[:8], strict=True):
        shrunk = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
        away = np.abs(np.asarray(shrunk).astype(int) - small)
        assert np.mean(away) < 14  # the edges of stripes and grains; other textures would make 30
        shrunk = Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)
        assert iou(np.asarray(shrunk), small_mask) > 0.9


def test_a_scene_is_as_hard_at_any_size() -> None:
    small = dict(baselines(SCENES[:24]))
    large = dict(baselines(generate(24, 240, 288, seed=3)))
    assert max(abs(large[name] - small[name]) for name in small) < 0.03
