"""Shapes for inputs, as ``--shape`` and manifests write them: ``image=1x3x1080x1920``."""

from __future__ import annotations

from collections.abc import Iterable

from onnxguard.base.printable import printable

Sizes = tuple[tuple[str, tuple[int, ...]], ...]

LARGEST = (1 << 63) - 1


def parse_sizes(texts: Iterable[str]) -> Sizes:
    """Read ``INPUT=DIMS``, one for each input; a scalar has no dims.

    Raises:
        ValueError: one cannot be read, or an input has two; says which and how to write it.
    """
    found: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, equals, dims = text.rpartition("=")
        words = dims.replace(",", "x").split("x") if dims else []
        shown = printable(text)
        if not equals or not name:
            raise ValueError(f'"{shown}": write INPUT=DIMS, as image=1x3x256x256')
        if not all(word.isascii() and word.isdigit() and len(word) < 20 for word in words):
            raise ValueError(f'"{shown}": dims are whole numbers, as 1x3x256x256')
        shape = tuple(map(int, words))
        if max(shape, default=0) > LARGEST:
            raise ValueError(f'"{shown}": a dimension has at most 63 bits')
        if name in found:
            raise ValueError(f'"{shown}": the input has a shape already')
        found[name] = shape
    return tuple(found.items())
