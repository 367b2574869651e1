"""Answers that need no network, and how good they are: what a network has to beat."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from onnxguard.base.errors import OnnxguardError

_EPSILON = 1e-6
"""As ``measures.intersection_over_union`` adds it."""
_LEVELS = 256
_BLUR = 16
"""Edges are blurred over a square whose side is the shorter side divided by it, twice."""

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


def baselines(pairs: Iterable[tuple[Image, Mask]]) -> tuple[tuple[str, float], ...]:
    """The mean IoU over the images of trivial answers.

    ``everything``; ``brightness``, what is brighter or darker than some grey; ``centre``, a centred
    ellipse of the image's proportions; ``edges``, where the blurred gradient is greater than some
    value. Each image is given its own best threshold, which no network is, and the ellipse has the
    size that is best over all images.

    Args:
        pairs: uint8 ``[H, W, 3]`` and bool ``[H, W]``, the image and what is salient.

    Returns:
        ``(answer, IoU)``, an IoU being (I + 1e-6) / (U + 1e-6) in pixels.

    Raises:
        OnnxguardError: there are no pairs.
    """
    everything, brightness, edges = [], [], []
    centre = np.zeros(_LEVELS)
    for image, mask in pairs:
        grey = _grey(image)
        below = _ious(grey, mask)
        everything.append(float(below[-1]))
        brightness.append(float(max(below.max(), _ious(255 - grey, mask).max())))
        centre += _ious(_distance(*mask.shape), mask)
        edges.append(float(_ious(255 - _edges(grey), mask).max()))
    count = len(everything)
    if not count:
        raise OnnxguardError("no images to compare trivial answers on")
    return (
        ("everything", math.fsum(everything) / count),
        ("brightness", math.fsum(brightness) / count),
        ("centre", float(centre.max()) / count),
        ("edges", math.fsum(edges) / count),
    )


def _ious(levels: Image, mask: Mask) -> Floats:
    """The IoU of ``levels <= t`` with a mask for every ``t``, float64 ``[256]``."""
    found = np.bincount(levels.ravel(), minlength=_LEVELS).cumsum()
    shared = np.bincount(levels[mask], minlength=_LEVELS).cumsum()
    ious: Floats = (shared + _EPSILON) / (found + shared[-1] - shared + _EPSILON)
    return ious


def _grey(image: Image) -> Image:
    """The luma of ITU-R BT.601 to 8 bits, as Pillow has it, uint8 ``[H, W]``."""
    red, green, blue = np.moveaxis(image, 2, 0).astype(np.uint32)
    grey: Image = ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)
    return grey


def _distance(height: int, width: int) -> Image:
    """From the centre, 0, to the corners, 255: what is nearer than some value is an ellipse."""
    y, x = (((np.arange(n, dtype=np.float32) + 0.5) * 2 / n - 1) ** 2 for n in (height, width))
    away: Image = (np.sqrt((y[:, None] + x) / 2) * 255).astype(np.uint8)
    return away


def _edges(grey: Image) -> Image:
    """Blurred gradient magnitude, stretched to 0..255, uint8 ``[H, W]``."""
    values = np.pad(grey.astype(np.float32), ((0, 1), (0, 1)), "edge")
    down, across = np.diff(values, axis=0)[:, :-1], np.diff(values, axis=1)[:-1]
    energy: NDArray[np.floating] = np.hypot(down, across)
    radius = max(1, min(grey.shape) // (2 * _BLUR))
    for axis in (0, 1, 0, 1):
        energy = _box(energy, radius, axis)
    low, high = energy.min(), energy.max()
    stretched: Image = ((energy - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
    return stretched


def _box(values: NDArray[np.floating], radius: int, axis: int) -> Floats:
    """The mean over the ``2 radius + 1`` values around each, the border being repeated."""
    around = [(0, 0), (0, 0)]
    around[axis] = (radius + 1, radius)
    sums = np.pad(values, around, "edge").cumsum(axis=axis, dtype=np.float64)
    sums = np.moveaxis(sums, axis, 0)
    width = 2 * radius + 1
    return np.moveaxis((sums[width:] - sums[:-width]) / width, 0, axis)
