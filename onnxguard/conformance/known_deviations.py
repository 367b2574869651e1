"""Official cases that ONNX Runtime is known to answer otherwise, each reviewed, with the reason."""

from __future__ import annotations

from typing import Final

_RANDOM = "the expected mask is that of NumPy's random generator; no runtime draws the same"
_FRACTIONAL = (
    "the expected values align the corners of a fractional size (4 * 0.6 = 2.4, 4 * 0.8 = 3.2); "
    "ONNX Runtime aligns those of the 2 or 3 pixels that there are"
)

KNOWN_FAILURES: Final = {
    "test_training_dropout": _RANDOM,
    "test_training_dropout_default": _RANDOM,
    "test_training_dropout_default_mask": _RANDOM,
    "test_training_dropout_mask": _RANDOM,
    "test_resize_downsample_scales_linear_align_corners": _FRACTIONAL,
    "test_resize_downsample_scales_cubic_align_corners": _FRACTIONAL,
}
"""The reason by the case's name. It excuses a wrong value, never a crash."""

MEANING_CHANGED: Final = {"Hardmax": 13, "LogSoftmax": 13, "Softmax": 13}
"""Versions that gave the same node another meaning: before, these three flattened to a matrix.

The checker accepts a newer case all the same; it is not moved across this version.
"""
