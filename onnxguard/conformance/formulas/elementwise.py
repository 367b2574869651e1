"""What is computed element by element, in float64 where elements are floats."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from onnx import helper

from onnxguard.conformance.formulas.node import (
    Array,
    Node,
    NoFormulaError,
    Value,
    exact,
    limits_of,
    narrow,
    real,
    wide,
)

SELU = (1.67326319217681884765625, 1.05070102214813232421875)


def _sigmoid(x: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0, -x)))


def _erf(x: Array) -> Array:
    import torch

    return torch.erf(torch.from_numpy(np.array(x))).numpy()


_PLAIN: dict[str, Callable[[Array], Array]] = {
    "Abs": np.abs,
    "Acos": np.arccos,
    "Asin": np.arcsin,
    "Atan": np.arctan,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Cosh": np.cosh,
    "Erf": _erf,
    "Exp": np.exp,
    "Floor": np.floor,
    "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "Log": np.log,
    "Mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "Neg": np.negative,
    "Not": np.logical_not,
    "Reciprocal": lambda x: 1 / x,
    "Relu": lambda x: np.maximum(x, np.zeros((), x.dtype)),
    "Round": np.rint,
    "Sigmoid": _sigmoid,
    "Sign": np.sign,
    "Sin": np.sin,
    "Sinh": np.sinh,
    "Softplus": lambda x: np.logaddexp(0, x),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Sqrt": np.sqrt,
    "Tan": np.tan,
    "Tanh": np.tanh,
}


@real(*_PLAIN)
def plain(node: Node, inputs: list[Value]) -> Value:
    """A function of one number."""
    return _PLAIN[node.op_type](inputs[0])


@real("LeakyRelu", "ThresholdedRelu", "Elu", "Celu", "Selu", "HardSigmoid", "Gelu")
def shaped(node: Node, inputs: list[Value]) -> Value:
    """A function of one number with parameters."""
    x = inputs[0]

    def get(name: str, default: float) -> float:
        return float(node.get(name, default))

    match node.op_type:
        case "LeakyRelu":
            return np.where(x < 0, get("alpha", 0.01) * x, x)
        case "ThresholdedRelu":
            return np.where(x > get("alpha", 1.0), x, 0.0)
        case "Elu":
            return np.where(x < 0, get("alpha", 1.0) * np.expm1(x), x)
        case "Celu":
            alpha = get("alpha", 1.0)
            return np.maximum(x, 0) + np.minimum(alpha * np.expm1(x / alpha), 0)
        case "Selu":
            alpha, gamma = get("alpha", SELU[0]), get("gamma", SELU[1])
            return gamma * np.where(x > 0, x, alpha * np.expm1(x))
        case "HardSigmoid":
            return np.clip(get("alpha", 0.2) * x + get("beta", 0.5), 0, 1)
    if node.get("approximate", "none") == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


@real("Add", "Sub", "Mul", "Div", "PRelu", "Mod")
def pair(node: Node, inputs: list[Value]) -> Value:
    """A function of two numbers; integers are divided towards zero."""
    a, b = inputs
    if node.version < 7 and node.get("broadcast"):
        raise NoFormulaError("broadcasting along an axis")
    match node.op_type:
        case "Add":
            return a + b
        case "Sub":
            return a - b
        case "Mul":
            return a * b
        case "PRelu":
            return np.where(a < 0, a * b, a).astype(a.dtype)
        case "Mod":
            return np.fmod(a, b) if node.get("fmod", 0) else np.mod(a, b)
    if a.dtype.kind == "f":
        return a / b
    quotient = np.floor_divide(a, b)
    inexact = (quotient * b != a) & ((a < 0) != (b < 0))
    return (quotient + inexact).astype(a.dtype)


_COMPARED: dict[str, Callable[..., Array]] = {
    "And": np.logical_and,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "IsNaN": np.isnan,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Or": np.logical_or,
    "Xor": np.logical_xor,
}


@exact(*_COMPARED)
def compared(node: Node, inputs: list[Value]) -> Value:
    """What gives booleans."""
    return _COMPARED[node.op_type](*(wide(value) for value in inputs))


@exact("Where")
def where(node: Node, inputs: list[Value]) -> Value:  # noqa: ARG001 - as every formula
    """Picks from two tensors."""
    return np.where(*inputs)


@exact("Pow")
def power(node: Node, inputs: list[Value]) -> Value:  # noqa: ARG001 - as every formula
    """A power of the base's dtype: integers by repeated products, others in float64."""
    base, exponent = inputs
    if base.dtype.kind in "iu" and exponent.dtype.kind in "iu":
        return np.power(base, exponent.astype(base.dtype))
    found = np.power(wide(base).astype(np.float64), wide(exponent).astype(np.float64))
    return np.asarray(found).astype(base.dtype)


@exact("BitShift")
def shift(node: Node, inputs: list[Value]) -> Value:
    """Bits moved left or right."""
    moved = np.left_shift if node.get("direction") == "LEFT" else np.right_shift
    return moved(*inputs)


@real("Max", "Min", "Sum", "Mean")
def fold(node: Node, inputs: list[Value]) -> Value:
    """One number of any number of them."""
    function: Callable[[Array, Array], Array] = {
        "Max": np.maximum,
        "Min": np.minimum,
    }.get(node.op_type, np.add)
    total = reduce(function, inputs)
    return total / len(inputs) if node.op_type == "Mean" else total


@exact("Clip")
def clip(node: Node, inputs: list[Value]) -> Value:
    """Limits as attributes before version 11, then as inputs; the upper one wins.

    Those that are left out are the least and the greatest number, not infinity.
    """
    x = inputs[0]
    low, high = ([*inputs, None, None])[1:3]
    if node.version < 11:
        low, high = node.get("min"), node.get("max")
    limits = limits_of(x.dtype)
    low, high = (limits.min if low is None else low, limits.max if high is None else high)
    found = wide(x)
    low, high = (np.asarray(wide(np.asarray(part))).astype(found.dtype) for part in (low, high))
    return np.minimum(np.maximum(found, low), high).astype(x.dtype)


@exact("Cast", "CastLike")
def cast(node: Node, inputs: list[Value]) -> Value:
    """To another dtype: integers towards zero, float8 saturated where that is asked for."""
    x = inputs[0]
    if node.op_type == "CastLike":
        dtype = inputs[1].dtype
    else:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(int(node.get("to"))))
    if dtype.kind in "OU" or x.dtype.kind in "OU":
        raise NoFormulaError("strings")
    return converted(x, dtype, bool(node.get("saturate", 1)))


def converted(x: Array, dtype: Any, saturate: bool) -> Value:
    """Elements in another dtype, as the tables of Cast 19 have it."""
    with np.errstate(over="ignore", invalid="ignore"):
        if dtype.kind == "b":
            return np.asarray(wide(x) != 0)
        if dtype.name.endswith(("int4", "int2")):
            bits = int(dtype.name[-1])
            whole = np.trunc(wide(x).astype(np.float64)).astype(np.int64) & ((1 << bits) - 1)
            if dtype.name.startswith("int"):
                whole = np.where(whole >= 1 << (bits - 1), whole - (1 << bits), whole)
            return whole.astype(dtype)
        if dtype.kind in "iu" and x.dtype.kind not in "iub":
            return wide(x).astype(dtype)
        if not dtype.name.startswith("float8"):
            return wide(x).astype(dtype) if x.dtype.kind not in "iubf" else x.astype(dtype)
        narrowed = x.astype(np.float32)
        result = narrowed.astype(dtype)
        if not saturate:
            return result
        largest = float(limits_of(dtype).max)
        over = np.abs(narrowed) > largest
        rounded_over = ~np.isfinite(result.astype(np.float32)) & ~np.isnan(narrowed)
        edge = np.where(np.signbit(narrowed), -largest, largest).astype(dtype)
        return np.where(over | rounded_over, edge, result)


@exact("Dropout")
def dropout(node: Node, inputs: list[Value]) -> Value:
    """The identity; the mask keeps all, and is of the input's dtype below version 10."""
    x = inputs[0]
    training = len(inputs) > 2 and inputs[2] is not None and bool(inputs[2])
    ratio = float(inputs[1]) if len(inputs) > 1 and inputs[1] is not None else 0.5
    if (training and ratio) or (node.version < 7 and not node.get("is_test")):
        raise NoFormulaError("a random mask")
    kept = node.version >= 12 or node.nudge >= 0  # before, the text says nothing of the mask
    return [x, np.full(x.shape, kept, bool if node.version >= 10 else x.dtype)]


@exact("QuantizeLinear")
def quantize(node: Node, inputs: list[Value]) -> Value:
    """``saturate(round half to even(x / scale) + zero point)``, along an axis or by blocks."""
    x, scale = (wide(value).astype(np.float64) for value in inputs[:2])
    zero = inputs[2] if len(inputs) > 2 else None
    said = int(node.get("output_dtype", 0))
    named = np.dtype(helper.tensor_dtype_to_np_dtype(said)) if said else np.dtype(np.uint8)
    dtype = named if zero is None else zero.dtype
    scale, offset = (
        _spread(node, x.shape, part)
        for part in (scale, np.zeros(()) if zero is None else wide(zero).astype(np.float64))
    )
    if dtype.name.startswith("float8"):
        ratio = (x / scale).astype(np.float32)
        return converted(ratio, dtype, bool(node.get("saturate", 1)))
    if dtype.name.startswith("float4"):
        raise NoFormulaError("float4")
    limits = limits_of(dtype)
    ratio = x / scale
    found = np.rint(ratio + node.nudge * np.abs(ratio)) + offset
    return np.clip(found, int(limits.min), int(limits.max)).astype(np.int64).astype(dtype)


@exact("DequantizeLinear")
def dequantize(node: Node, inputs: list[Value]) -> Value:
    """``(x - zero point) * scale``, of the scale's dtype."""
    x, scale = (wide(value).astype(np.float64) for value in inputs[:2])
    zero = inputs[2] if len(inputs) > 2 else None
    offset = np.zeros(()) if zero is None else wide(zero).astype(np.float64)
    scale, offset = (_spread(node, x.shape, part) for part in (scale, offset))
    said = int(node.get("output_dtype", 0))
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(said)) if said else inputs[1].dtype
    return narrow(np.asarray((x - offset) * scale), dtype)


def _spread(node: Node, shape: tuple[int, ...], part: Array) -> Array:
    """A scale or a zero point, broadcast: for all, along ``axis``, or in blocks of it."""
    if part.ndim == 0 or (part.shape == (1,) and node.version < 21):
        return part.reshape(())
    axis = int(node.get("axis", 1)) % len(shape)
    block = int(node.get("block_size", 0))
    if block:
        return np.take(np.repeat(part, block, axis), range(shape[axis]), axis)
    return part.reshape([-1 if at == axis else 1 for at in range(len(shape))])
