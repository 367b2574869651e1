"""Resize from version 11 on: a matrix of weights for each axis, in float64.

The coordinates, the choice of pixels and the weights are those of the operator's text: a size that
``scales`` makes fractional stays fractional where coordinates are computed.
"""

from __future__ import annotations

import math

import numpy as np

from onnxguard.conformance.formulas.node import Array, Node, NoFormulaError, Value, exact, wide


@exact("Resize")
def resize(node: Node, inputs: list[Value]) -> Value:
    """Interpolate axis after axis."""
    if node.version < 11:
        raise NoFormulaError("version 10 names no coordinates")
    x, roi, scales, sizes = ([*inputs, None, None, None])[:4]
    if x.dtype.kind == "c":
        raise NoFormulaError("complex pixels")
    axes = [int(axis) % x.ndim for axis in node.get("axes", range(x.ndim))]
    given = scales is not None and scales.size
    if given:
        factors = [float(scale) for scale in scales]
        shape = [math.floor(x.shape[a] * f) for a, f in zip(axes, factors, strict=True)]
    else:
        shape, factors = _kept(node, [x.shape[a] for a in axes], [int(s) for s in sizes])
    crop = node.get("coordinate_transformation_mode") == "tf_crop_and_resize"
    if crop and given:
        ranges = [float(roi[len(axes) + at] - roi[at]) for at in range(len(axes))]
        shape = [
            math.floor(x.shape[a] * r * f) for a, r, f in zip(axes, ranges, factors, strict=True)
        ]
    y = wide(x).astype(np.float64)
    outside = np.zeros(())
    for at, axis in enumerate(axes):
        part = (float(roi[at]), float(roi[len(axes) + at])) if crop else (0.0, 1.0)
        places = _coordinates(node, x.shape[axis], shape[at], factors[at], part)
        matrix = _weights(node, places, x.shape[axis], factors[at])
        y = np.moveaxis(np.tensordot(matrix, np.moveaxis(y, axis, 0), 1), 0, axis)
        around = [-1 if a == axis else 1 for a in range(x.ndim)]
        beyond = (places < 0) | (places > x.shape[axis] - 1)
        outside = outside + beyond.reshape(around) if crop else outside
    y = np.where(outside > 0, float(node.get("extrapolation_value", 0.0)), y)
    if x.dtype.kind in "iu":
        if node.get("mode", "nearest") != "nearest":
            raise NoFormulaError("integers between integers")
        return np.rint(y).astype(x.dtype)
    return y.astype(x.dtype)


def _kept(node: Node, old: list[int], new: list[int]) -> tuple[list[int], list[float]]:
    """Sizes and scales where sizes are given, proportions kept or not."""
    ratios = [n / o for n, o in zip(new, old, strict=True)]
    policy = node.get("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return new, ratios
    ratio = min(ratios) if policy == "not_larger" else max(ratios)
    return [math.floor(ratio * o + 0.5) for o in old], [ratio] * len(old)


def _coordinates(node: Node, old: int, new: int, scale: float, roi: tuple[float, float]) -> Array:
    x = np.arange(new, dtype=np.float64)
    length = scale * old
    match node.get("coordinate_transformation_mode", "half_pixel"):
        case "half_pixel":
            return (x + 0.5) / scale - 0.5
        case "half_pixel_symmetric":
            centre, adjustment = old / 2, new / length
            return centre * (1 - adjustment) + (x + 0.5) / scale - 0.5
        case "pytorch_half_pixel":
            return (x + 0.5) / scale - 0.5 if length > 1 else np.zeros(new)
        case "align_corners":
            return np.zeros(new) if length == 1 else x * (old - 1) / (length - 1)
        case "asymmetric":
            return x / scale
        case "tf_half_pixel_for_nn":
            return (x + 0.5) / scale
        case "tf_crop_and_resize":
            start, end = roi
            if new == 1:
                return np.full(1, 0.5 * (start + end) * (old - 1))
            return start * (old - 1) + x * (end - start) * (old - 1) / (length - 1)
        case other:
            raise NoFormulaError(f"coordinates of {other}")


def _weights(node: Node, places: Array, size: int, scale: float) -> Array:
    """``[new, old]``: what each pixel adds to each new one."""
    mode, matrix = node.get("mode", "nearest"), np.zeros((len(places), size))
    if mode == "nearest":
        places = places + node.nudge * np.maximum(np.abs(places), 1.0)
        picked = _nearest(node.get("nearest_mode", "round_prefer_floor"), places)
        matrix[np.arange(len(places)), np.clip(picked, 0, size - 1)] = 1.0
        return matrix
    stretch = min(scale, 1.0) if node.get("antialias", 0) else 1.0
    a = float(node.get("cubic_coeff_a", -0.75))
    reach = math.ceil((1 if mode == "linear" else 2) / stretch)
    for row, place in enumerate(places):
        first = math.floor(place) - reach + 1
        near = np.arange(first, first + 2 * reach)
        distances = np.abs(place - near) * stretch
        weights = np.maximum(1 - distances, 0) if mode == "linear" else _cubic(distances, a)
        if node.get("exclude_outside", 0):
            weights = np.where((near >= 0) & (near < size), weights, 0.0)
        weights = weights / weights.sum()
        np.add.at(matrix[row], np.clip(near, 0, size - 1), weights)
    return matrix


def _nearest(mode: str, places: Array) -> Array:
    match mode:
        case "round_prefer_floor":
            return np.ceil(places - 0.5).astype(np.int64)
        case "round_prefer_ceil":
            return np.floor(places + 0.5).astype(np.int64)
        case "floor":
            return np.floor(places).astype(np.int64)
        case "ceil":
            return np.ceil(places).astype(np.int64)
    raise NoFormulaError(f"the nearest mode {mode}")


def _cubic(d: Array, a: float) -> Array:
    """Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981."""
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
