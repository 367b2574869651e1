"""Where the reference evaluator, and where ONNX Runtime, are known to be wrong; each reviewed.

A test runs the smallest case of each entry, and fails once it is fixed: then the entry goes.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from onnxguard.conformance.referees import Fault, Use

_ALL = 1 << 30


def _always(use: Use) -> bool:  # noqa: ARG001 - the operator and its version say all
    return True


def _not_last_axis(use: Use) -> bool:
    axis = int(use.attributes.get("axis", 1))
    return axis % max(use.rank, 1) != use.rank - 1


def _not_two_dims(use: Use) -> bool:
    return use.rank != 4


def _asks_for_more(use: Use) -> bool:
    return use.outputs > 1


def _infinite_without_limit(use: Use) -> bool:
    x, low, high = ([*use.inputs, None, None, None])[:3]
    without = low is None or high is None
    return x is not None and x.dtype.kind == "f" and without and not np.isfinite(x).all()


def _other_statistics(use: Use) -> bool:
    x = use.first
    return use.outputs > 1 and x is not None and x.dtype != np.float32


def _grown(use: Use) -> bool:
    rounded_up = use.attributes.get("ceil_mode", 0) and any(use.attributes.get("pads", ()))
    return bool(rounded_up) or use.attributes.get("auto_pad") == "SAME_LOWER"


def _optional_branch(use: Use) -> bool:
    branch = use.attributes.get("then_branch")
    return branch is not None and any(o.type.HasField("optional_type") for o in branch.output)


EVALUATOR_FAULTS: Final = (
    Fault(
        "BatchNormalization",
        14,
        _always,
        "it computes the batch's statistics where there is a momentum, and there always is one",
        "https://github.com/onnx/onnx/pull/8442",
    ),
    *(
        Fault(name, 13, _not_last_axis, "it normalises one axis; the version flattens to two dims")
        for name in ("Softmax", "LogSoftmax", "Hardmax")
    ),
    Fault(
        "GlobalMaxPool",
        _ALL,
        _not_two_dims,
        "it is right for two spatial dims alone",
        "https://github.com/onnx/onnx/issues/7682",
    ),
    Fault(
        "Dropout", 10, _asks_for_more, "its mask is boolean; the version's is of the input's dtype"
    ),
    Fault("DequantizeLinear", 19, _always, "it has no implementation of the version"),
    Fault(
        "Clip",
        _ALL,
        _infinite_without_limit,
        "a limit left out is the largest number, not infinity",
    ),
    Fault(
        "LayerNormalization", _ALL, _other_statistics, "its statistics are not float32 by default"
    ),
    Fault("Loop", _ALL, _asks_for_more, "it appends scanned outputs and does not stack them"),
    Fault("MaxPool", _ALL, _asks_for_more, "its indices are not those into the whole tensor"),
    Fault("MaxPool", _ALL, _grown, "it pads otherwise where sizes are rounded up, or SAME_LOWER"),
    Fault("If", _ALL, _optional_branch, "what its branches give as an optional becomes a sequence"),
)
"""Uses for which ``onnx.reference`` 1.23 is not heard."""


def _fractional(use: Use) -> bool:
    scales = use.inputs[2] if len(use.inputs) > 2 else None
    x, mode = use.first, use.attributes.get("coordinate_transformation_mode")
    if scales is None or x is None or mode not in {"align_corners", "half_pixel_symmetric"}:
        return False
    axes = use.attributes.get("axes", range(x.ndim))
    old = np.array([x.shape[int(axis)] for axis in axes])
    sizes = old * scales.astype(np.float64)
    fractional = np.abs(sizes - np.rint(sizes)) > 1e-4
    if mode == "half_pixel_symmetric":  # an axis that keeps its size is copied
        fractional &= np.floor(sizes) == old
    return bool(np.any(fractional))


def _region_of_other_dtype(use: Use) -> bool:
    region = use.inputs[1] if len(use.inputs) > 1 else None
    mode = use.attributes.get("coordinate_transformation_mode")
    return mode == "tf_crop_and_resize" and region is not None and region.dtype != np.float32


def _int64(use: Use) -> bool:
    return use.first is not None and use.first.dtype == np.int64


def _beyond_float64(use: Use) -> bool:
    x = use.first
    if x is None or x.dtype != np.int64 or not x.size:
        return False
    return float(np.abs(x.astype(np.float64)).max()) * x.size > 2.0**53


def _mixed_integers(use: Use) -> bool:
    base, exponent = ([*use.inputs, None, None])[:2]
    if base is None or exponent is None:
        return False
    return base.dtype == np.int64 and exponent.dtype == np.int32


def _wraps(use: Use) -> bool:
    return use.attributes.get("mode") == "wrap"


def _has_strange_attribute(use: Use) -> bool:
    return "onnxguard_strange" in use.attributes


def _int32_axes(use: Use) -> bool:
    axes = use.inputs[3] if len(use.inputs) > 3 else None
    return axes is not None and axes.dtype == np.int32


def _empty_bool(use: Use) -> bool:
    x = use.first
    return x is not None and x.dtype == np.bool_ and not x.size


DEVIATIONS: Final = (
    Fault(
        "Resize",
        _ALL,
        _fractional,
        "it takes the pixels that there are for the size, not the fractional one",
    ),
    Fault("Resize", _ALL, _region_of_other_dtype, "it reads a region as float32 alone"),
    Fault("ReduceProd", _ALL, _int64, "it multiplies int64 in a float64, and loses the last bits"),
    Fault("Pow", _ALL, _mixed_integers, "it takes int64 to powers of int32 in a float64"),
    Fault(
        "ReduceSum", _ALL, _beyond_float64, "it sums int64 in a float64, and loses the last bits"
    ),
    *(
        Fault(name, _ALL, _empty_bool, "it refuses to reduce an empty tensor of booleans")
        for name in ("ReduceMax", "ReduceMin")
    ),
    Fault("Pad", 19, _wraps, "it takes the mode wrap, which came with version 19"),
    Fault("Pad", _ALL, _int32_axes, "it refuses constant axes of int32"),
    Fault("Constant", _ALL, _has_strange_attribute, "it takes attributes that there are not"),
)
"""Uses for which ONNX Runtime 1.31 is wrong: a list does not fail for them, a model does."""

RANDOM_CASES: Final = frozenset(
    {
        "test_training_dropout",
        "test_training_dropout_default",
        "test_training_dropout_default_mask",
        "test_training_dropout_mask",
    }
)
"""Official cases that expect what NumPy's generator draws; they prove nothing."""

MEANING_CHANGED: Final = {"Hardmax": 13, "LogSoftmax": 13, "Softmax": 13}
"""Versions that gave the same node another meaning: before, these three flattened to a matrix.

The checker accepts a newer case all the same; it is not moved across this version.
"""
