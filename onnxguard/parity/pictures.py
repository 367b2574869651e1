"""Draw image-like outputs: both sides in one scale, and where they differ."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

from onnxguard.base.printable import printable
from onnxguard.parity.report import Picture
from onnxguard.parity.trials import Case
from onnxguard.running.comparison import Array, distances, is_floating

PIXELS = 1024
"""A side of a picture has at most this many; beyond, a pixel stands for a block of elements."""
OUTPUTS = 4
"""So many outputs are drawn, those that differ most."""
SMALLEST = 8
"""What has fewer rows or columns is no image."""

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int64]

_LEVELS = 255
_NOT_FINITE = 255
_MAGENTA = (255, 0, 255)
_RAMP = np.linspace(0, 255, _LEVELS)[:, None]
_GREY = np.rint(_RAMP).astype(np.int64) * np.ones(3, np.int64)
_HEAT = np.clip(np.rint(_RAMP * 3 - [0, 255, 510]), 0, 255).astype(np.int64)
"""Black, red, yellow, white."""


def draw_pictures(case: Case | None) -> tuple[Picture, ...]:
    """Draw the reference, the graph and their difference for each image-like output, as PNG.

    Image-like is ``[batch, 1 or 3, H, W]``, ``[batch, H, W]`` or ``[H, W]`` of real numbers; the
    first item of the batch is drawn. Both sides share the range of the reference; the difference
    goes from 0 to its largest. Where a pixel stands for a block, it is the block's mean, and the
    largest of the difference, so that a single wrong element stays visible. What is not finite is
    magenta.

    Args:
        case: both answers, None where nothing was compared.

    Returns:
        Three pictures for each of up to ``OUTPUTS`` outputs.
    """
    if case is None or not case.expected or len(case.expected) != len(case.actual or ()):
        return ()
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is drawn as such
        drawn = [
            (_worst(expected, actual), name, _first(expected), _first(actual))
            for (_, expected), (name, actual) in zip(case.expected, case.actual or (), strict=True)
            if expected.shape == actual.shape and _is_image(expected) and _is_image(actual)
        ]
        drawn.sort(key=lambda one: -one[0])
        return tuple(
            picture
            for _, name, expected, actual in drawn[:OUTPUTS]
            for picture in _three(printable(name), expected, actual)
        )


def _worst(expected: Array, actual: Array) -> float:
    gaps = distances(expected, actual)
    return float(np.where(np.isnan(gaps), np.inf, gaps).max())


def _is_image(array: Array) -> bool:
    real = array.dtype.kind in "biu" or (array.dtype.kind != "c" and is_floating(array.dtype))
    channels = array.shape[1] if array.ndim == 4 else 1
    return (
        real
        and 2 <= array.ndim <= 4
        and channels in (1, 3)
        and array.size > 0
        and min(array.shape[-2:]) >= SMALLEST
    )


def _first(array: Array) -> Floats:
    """The first item of the batch, as ``[channels, H, W]``."""
    item = array[0] if array.ndim > 2 else array
    return item.astype(np.float64).reshape(-1, *array.shape[-2:])


def _three(name: str, expected: Floats, actual: Floats) -> tuple[Picture, ...]:
    gaps = np.abs(expected - actual).max(axis=0, keepdims=True)
    known = expected[np.isfinite(expected)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    largest = float(gaps[np.isfinite(gaps)].max(initial=0.0))
    return (
        _picture(name, "reference", _blocks(expected).mean((2, 4)), low, high, _GREY),
        _picture(name, "model", _blocks(actual).mean((2, 4)), low, high, _GREY),
        _picture(name, "difference", _blocks(gaps).max((2, 4)), 0.0, largest, _HEAT),
    )


def _blocks(values: Floats) -> Floats:
    """``[channels, rows, side, columns, side]``; the last blocks repeat the edge."""
    height, width = values.shape[1:]
    side = -(-max(height, width) // PIXELS)
    padded = np.pad(values, ((0, 0), (0, -height % side), (0, -width % side)), mode="edge")
    return padded.reshape(len(values), -(-height // side), side, -(-width // side), side)


def _picture(
    name: str, shows: str, values: Floats, low: float, high: float, palette: Levels
) -> Picture:
    """Draw ``[1 or 3, rows, columns]``."""
    finite = np.isfinite(values)
    shares = np.where(finite, values / 2 - low / 2, 0.0) / ((high / 2 - low / 2) or 1.0)
    levels = np.rint(np.clip(shares, 0.0, 1.0) * (_LEVELS - 1)).astype(np.uint8)
    known = np.all(finite, axis=0, keepdims=True)
    if len(values) == 1:
        pixels = np.where(known, levels, _NOT_FINITE).transpose(1, 2, 0)
    else:
        channels = _GREY[levels, 0].transpose(1, 2, 0)
        pixels = np.where(known.transpose(1, 2, 0), channels, _MAGENTA)
    return Picture(name, shows, png(pixels.astype(np.uint8), palette), low, high)


def png(pixels: npt.NDArray[np.uint8], palette: Levels) -> bytes:
    """Write a PNG.

    Args:
        pixels: ``[rows, columns, 1]``, places in the palette or 255 for magenta; or
            ``[rows, columns, 3]``, red, green and blue.
        palette: up to 255 colours, ``[n, 3]``.

    Returns:
        The file's bytes. Source of the format: W3C, Portable Network Graphics (PNG) Specification.
    """
    rows, columns, channels = pixels.shape
    # A byte 0 before each row: the row is not filtered.
    lines = np.pad(pixels.reshape(rows, -1), ((0, 0), (1, 0)))
    colors = np.vstack([palette, _MAGENTA]).astype(np.uint8)
    color = 3 if channels == 1 else 2
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, color, 0, 0, 0))]
    if channels == 1:
        chunks.append((b"PLTE", colors.tobytes()))
    chunks += [(b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
