"""Operators on pictures and signals: sizes that follow from scales, grids and frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import zip_longest

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.creation import sizes as sizes_of
from onnxguard.model.shapes.dims import Dim, Shape, shape_text
from onnxguard.model.shapes.known import (
    FLOAT,
    MismatchError,
    Outputs,
    Site,
    UnknownError,
    agreed,
    axes_of,
    axis_of,
    fitted,
    of,
    ranked,
)


def resize(site: Site) -> Outputs:
    """``sizes``, or ``floor(size * scale)`` in float32; of ``axes`` or all."""
    shape = site.shape(0)
    given = site.integers(b"axes")
    axes = tuple(range(len(shape))) if given is None else axes_of(given, len(shape))
    if site.version >= 11:
        ranked(site, 2, 1)
        ranked(site, 3, 1)
    if site.version < 11:
        return of(_scaled(site, shape, axes, 1))
    if site.has(3) and site.shape_of(3) != (0,):
        given_twice = site.has(2) and site.shape_of(2) not in (None, (0,), (None,))
        constants = site.input(3).values and site.numbers_at(2)  # told as OG181
        if given_twice and not constants:
            raise MismatchError("both scales and sizes are given")
        return of(_sized(site, shape, axes))
    return of(_scaled(site, shape, axes, 2))


def _sized(site: Site, shape: Shape, axes: tuple[int, ...]) -> Shape:
    try:
        sizes = site.dims(3)
    except UnknownError:
        sizes = (None,) * len(axes)
    if len(sizes) != len(axes):
        raise MismatchError(f"{len(sizes)} sizes for {len(axes)} axes of {shape_text(shape)}")
    policy = site.text(b"keep_aspect_ratio_policy", b"stretch")
    if policy != b"stretch":
        sizes = _in_proportion([shape[axis] for axis in axes], sizes, policy)
    made = list(shape)
    for axis, size in zip(axes, sizes, strict=True):
        made[axis] = size
    return sizes_of(tuple(made), "sizes")


def _in_proportion(before: list[Dim], sizes: Shape, policy: bytes) -> Shape:
    """All axes by the smallest or the largest of the factors, rounded to the next."""
    pairs = [(a, b) for a, b in zip(before, sizes, strict=True) if isinstance(a, int)]
    factors = [fitted(b / a, FLOAT) for a, b in pairs if isinstance(b, int) and a > 0]
    known = [f for f in factors if isinstance(f, float)]
    if len(known) != len(sizes):
        return (None,) * len(sizes)
    factor = min(known) if policy == b"not_larger" else max(known)
    products = [fitted(factor * a, FLOAT) for a, _ in pairs]
    if any(not isinstance(p, float) or abs(p % 1 - 0.5) < 1e-3 for p in products):
        return (None,) * len(sizes)  # how a half is rounded is not the same everywhere
    return tuple([math.floor(p + 0.5) for p in products if isinstance(p, float)])


def _scaled(site: Site, shape: Shape, axes: tuple[int, ...], at: int) -> Shape:
    scales: tuple[float, ...] | None = None
    given = site.attribute(b"scales")
    if given is not None and given.counts[1] == len(given.floats):
        scales = given.floats
    elif site.has(at):
        scales = site.numbers_at(at)
    made: list[Dim] = list(shape)
    if scales is None:
        values = site.input(at).values or ()
        for axis, value in zip_longest(axes, values[: len(axes)]):
            least = (value.low if isinstance(value, d.Span) else None) or 0
            made[axis] = d.Span(int(d.least(shape[axis]) * least)) if least > 1 else None
        return tuple(made)
    if len(scales) != len(axes):
        raise MismatchError(f"{len(scales)} scales for {len(axes)} axes of {shape_text(shape)}")
    for axis, scale in zip(axes, scales, strict=True):
        made[axis] = scaled(shape[axis], scale)
    return tuple(made)


def scaled(size: Dim, scale: float) -> Dim:
    """``floor(size * scale)``, in float32 as runtimes compute it."""
    if scale == 1:
        return size
    if not math.isfinite(scale) or scale <= 0:
        return None
    if isinstance(size, int):
        grown = fitted(float(size) * scale, FLOAT)
        return math.floor(grown) if isinstance(grown, float) and math.isfinite(grown) else None
    if scale == int(scale):
        return d.mul(d.sized(size), int(scale))
    if scale < 1 and math.frexp(scale)[0] == 0.5:  # 1/2, 1/4, ...: exact
        return d.floor_div(size, round(1 / scale))
    return None


def upsample(site: Site) -> Outputs:
    """As Resize before opset 11; ``width_scale`` and ``height_scale`` in opset 1."""
    shape = site.shape(0)
    if site.version >= 10:  # it is gone
        raise UnknownError
    if site.version < 7:
        height, width = site.attribute(b"height_scale"), site.attribute(b"width_scale")
        if height is None or width is None or len(shape) != 4:
            raise UnknownError
        n, c, h, w = shape
        return of((n, c, scaled(h, height.f or 0.0), scaled(w, width.f or 0.0)))
    return of(_scaled(site, shape, tuple(range(len(shape))), 1))


def grid_sample(site: Site) -> Outputs:
    """``[N, C, *grid]``."""
    shape, grid = site.shape(0, least=3), site.shape(1, least=3)
    if len(shape) != len(grid):
        raise MismatchError(f"input 0 is {shape_text(shape)}, the grid is {shape_text(grid)}")
    agreed(grid[-1], len(shape) - 2, "the numbers of a point of the grid")
    batch = agreed(shape[0], grid[0], "the batch and that of the grid")
    return of((batch, shape[1], *grid[1:-1]))


def affine_grid(site: Site) -> Outputs:
    """``[N, H, W, 2]`` or ``[N, D, H, W, 3]``."""
    ranked(site, 1, 1)
    size = site.dims(1)
    if len(size) not in (4, 5):
        raise MismatchError(f"size has {len(size)} numbers, it must have 4 or 5")
    return of((size[0], *size[2:], len(size) - 2))


def roi_align(site: Site) -> Outputs:
    """``[regions, C, output_height, output_width]``."""
    channels = site.shape(0, rank=4)[1]
    regions, batch = ranked(site, 1, 2), ranked(site, 2, 1)
    count = regions[0] if regions else None
    if batch:
        count = agreed(count, batch[0], "the regions and their pictures")
    height, width = site.integer(b"output_height", 1), site.integer(b"output_width", 1)
    return of((count, channels, height, width))


def max_roi_pool(site: Site) -> Outputs:
    """``[regions, C, *pooled_shape]``."""
    channels, pooled = site.shape(0, rank=4)[1], site.integers(b"pooled_shape")
    regions = site.shape_of(1)
    if pooled is None:
        raise UnknownError
    return of((regions[0] if regions else None, channels, *pooled))


def image_decoder(site: Site) -> Outputs:
    """A picture of unknown size."""
    ranked(site, 0, 1)
    return of((None, None, 1 if site.text(b"pixel_format", b"RGB") == b"Grayscale" else 3))


def dft(site: Site) -> Outputs:
    """The axis as long as ``dft_length``, half of it where ``onesided``, in pairs of numbers.

    Backwards from a half the numbers are real, and the axis is whole again.
    """
    shape = list(site.shape(0, least=2))
    onesided, real = bool(site.integer(b"onesided", 0)), bool(site.integer(b"inverse", 0))
    shape[-1] = 1 if onesided and real else 2
    axis, last = site.integer(b"axis", 1), len(shape) - 1
    if site.version >= 20:
        given = site.numbers_at(2) if site.has(2) else (-2,)
        if not given:
            known = not site.has(1) and not onesided
            return of(tuple(shape) if known else (*[None] * last, shape[-1]))
        axis = int(given[0])
    axis = axis_of(axis, len(shape))
    if site.has(1):
        values = site.numbers_at(1)
        shape[axis] = int(values[0]) if values else None
    elif onesided and real:
        shape[axis] = d.mul(d.sub(shape[axis], 1), 2)
    if onesided and not real:
        shape[axis] = d.add(d.floor_div(shape[axis], 2), 1)
    return of(tuple(shape))


def stft(site: Site) -> Outputs:
    """``[N, frames, bins, 2]``."""
    signal = site.shape(0, least=2)
    step = site.numbers_at(1)
    length: Dim = None
    if site.has(3):
        values = site.numbers_at(3)
        length = int(values[0]) if values else None
    elif site.has(2):
        window = site.shape_of(2)
        length = window[0] if window else None
    frames: Dim = None
    if step and isinstance(length, int) and step[0] > 0:
        room = d.sub(signal[1], length)
        if isinstance(room, int) and room < 0:
            raise MismatchError(f"a frame of {length} is longer than {d.text(signal[1])}")
        frames = d.add(d.floor_div(room, int(step[0])), 1)
    onesided = site.integer(b"onesided", 1)
    bins = d.add(d.floor_div(length, 2), 1) if onesided else length
    return of((signal[0], frames, bins, 2))


IMAGES: dict[str, Callable[[Site], Outputs]] = {
    "AffineGrid": affine_grid,
    "DFT": dft,
    "GridSample": grid_sample,
    "ImageDecoder": image_decoder,
    "MaxRoiPool": max_roi_pool,
    "Resize": resize,
    "RoiAlign": roi_align,
    "STFT": stft,
    "Upsample": upsample,
}
