"""Images with salient objects, made up on the spot: a data set that needs no download.

An object is a textured shape. Around it lie flat shapes of the same colours, thin lines, and
textured specks too small to be salient, so that neither colour nor brightness, neither edges nor
texture alone give it away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Image = npt.NDArray[np.uint8]
"""uint8 ``[H, W, 3]``, RGB."""
Mask = npt.NDArray[np.bool_]
"""bool ``[H, W]``: what is salient."""
Random = np.random.Generator

VERSION = 2
"""Changes whenever an image does."""
_COLOURS = 5
_CLUTTER = (4, 8)
_LINES = (2, 5)
_SPECKS = (3, 7)
_OBJECTS = (1, 3)
"""How many of each, from and up to but not including."""
_OBJECT_RADIUS = (0.16, 0.30)
_CLUTTER_RADIUS = (0.08, 0.26)
_SPECK_RADIUS = (0.02, 0.05)
"""In relation to the shorter side."""
_SIDE = 80
"""Up to this shorter side a line is one or two pixels wide and a grain is one; above, they grow.

So a scene is as hard at any size, and shrinking it does not wipe its textures out.
"""


def generate(count: int, height: int, width: int, seed: int) -> Iterator[tuple[Image, Mask]]:
    """Give ``count`` images with their masks; each depends on ``seed`` and its own number alone."""
    for number in range(count):
        yield draw_scene(height, width, np.random.Generator(np.random.PCG64([seed, number])))


def draw_scene(height: int, width: int, random: Random) -> tuple[Image, Mask]:
    """Draw one image and its mask."""
    palette = random.random((_COLOURS, 3))
    image = _shading(height, width, palette[random.integers(_COLOURS)], random)
    mask = np.zeros((height, width), bool)
    for _ in range(random.integers(*_CLUTTER)):
        image[_shape(height, width, _CLUTTER_RADIUS, random)] = palette[random.integers(_COLOURS)]
    for _ in range(random.integers(*_LINES)):
        image[_line(height, width, random)] = palette[random.integers(_COLOURS)]
    for _ in range(random.integers(*_SPECKS)):
        speck = _shape(height, width, _SPECK_RADIUS, random)
        image[speck] = _texture(height, width, palette, random)[speck]
    for _ in range(random.integers(*_OBJECTS)):
        salient = _shape(height, width, _OBJECT_RADIUS, random)
        image[salient] = _texture(height, width, palette, random)[salient]
        mask |= salient
    image += 0.02 * random.standard_normal(image.shape)
    return (np.clip(image, 0, 1) * 255).astype(np.uint8), mask


def _grid(height: int, width: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    y, x = np.mgrid[:height, :width].astype(np.float64)
    return y, x


def _unit(height: int, width: int) -> float:
    """What a pixel of an image whose shorter side is 80 measures in this one."""
    return max(1.0, min(height, width) / _SIDE)


def _shading(
    height: int, width: int, colour: npt.NDArray[np.float64], random: Random
) -> npt.NDArray[np.float64]:
    """A plane of one colour that gets lighter in one direction, float64 ``[H, W, 3]``."""
    y, x = _grid(height, width)
    angle, strength = random.uniform(0, 2 * np.pi), random.uniform(0, 0.4)
    slope = (np.cos(angle) * (y / height - 0.5) + np.sin(angle) * (x / width - 0.5)) * strength
    shaded: Array = np.clip(colour + slope[..., None], 0, 1)
    return shaded


def _shape(height: int, width: int, radius: tuple[float, float], random: Random) -> Mask:
    """An ellipse, a rectangle or a wavy blob, turned; its centre lies in the image."""
    y, x = _grid(height, width)
    short = min(height, width)
    a, b = random.uniform(*radius, size=2) * short
    y -= random.uniform(0.15, 0.85) * height
    x -= random.uniform(0.15, 0.85) * width
    turn = random.uniform(0, np.pi)
    u = (np.cos(turn) * x + np.sin(turn) * y) / a
    v = (np.cos(turn) * y - np.sin(turn) * x) / b
    kind = random.integers(3)
    edge: Array = np.ones_like(u)
    if kind == 0:
        distance = np.hypot(u, v)
    elif kind == 1:
        distance = np.maximum(np.abs(u), np.abs(v)) / 0.85
    else:
        distance = np.hypot(u, v)
        waves = random.integers(3, 7)
        edge = 1 + 0.25 * np.sin(waves * np.arctan2(v, u) + random.uniform(0, 2 * np.pi))
    inside: Mask = distance <= edge
    return inside


def _line(height: int, width: int, random: Random) -> Mask:
    """A straight line across the image, one or two units wide."""
    y, x = _grid(height, width)
    turn = random.uniform(0, np.pi)
    through_y, through_x = random.uniform(0, height), random.uniform(0, width)
    away = np.abs(np.cos(turn) * (y - through_y) - np.sin(turn) * (x - through_x))
    inside: Mask = away <= random.uniform(0.5, 1.0) * _unit(height, width)
    return inside


def _texture(
    height: int, width: int, palette: npt.NDArray[np.float64], random: Random
) -> npt.NDArray[np.float64]:
    """Stripes, checks or grain of two colours of the palette, float64 ``[H, W, 3]``."""
    y, x = _grid(height, width)
    turn, period = random.uniform(0, np.pi), random.uniform(3.0, 6.0) * _unit(height, width)
    u = np.cos(turn) * x + np.sin(turn) * y
    v = np.cos(turn) * y - np.sin(turn) * x
    kind = random.integers(3)
    if kind == 0:
        blend = np.sin(2 * np.pi * u / period) > 0
    elif kind == 1:
        blend = (np.sin(2 * np.pi * u / period) > 0) ^ (np.sin(2 * np.pi * v / period) > 0)
    else:
        # Whole numbers, so that the same scene has the same grains at any size.
        side = max(_SIDE, min(height, width))
        rows, columns = np.arange(height) * _SIDE // side, np.arange(width) * _SIDE // side
        grains = random.random((rows[-1] + 1, columns[-1] + 1)) < 0.5
        blend = grains[rows[:, None], columns]
    first, second = random.choice(_COLOURS, 2, replace=False)
    light, dark = palette[first], palette[second]
    if np.abs(light - dark).max() < 0.25:  # or there would be no texture to see
        dark = 1 - light
    textured: Array = np.where(blend[..., None], light, dark)
    return textured
