"""Reductions, normalisations and products, in float64."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from onnxguard.conformance.formulas.node import (
    Array,
    Node,
    NoFormulaError,
    Value,
    axes_of,
    axis_of,
    exact,
    narrow,
    real,
    wide,
)


@real(
    *("ReduceMax", "ReduceMin", "ReduceMean", "ReduceSum", "ReduceProd", "ReduceL1", "ReduceL2"),
    *("ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"),
)
def reduction(node: Node, inputs: list[Value]) -> Value:
    """Over axes, all of them where none are named."""
    x, axes = inputs[0], axes_of(node, inputs)
    if not axes and node.get("noop_with_empty_axes", 0):
        match node.op_type:  # nothing is folded, but what is done to each element is
            case "ReduceL1" | "ReduceL2":
                return np.abs(x)
            case "ReduceSumSquare":
                return x * x
            case "ReduceLogSum":
                return np.log(x)
        return x
    over = tuple(axis % max(x.ndim, 1) for axis in axes) if axes else tuple(range(x.ndim))
    found = _reduced(node.op_type, x, over)
    if x.dtype.kind in "iu" and node.op_type == "ReduceMean":
        found = np.trunc(found)
    if x.dtype.kind in "iub":
        found = found.astype(x.dtype)
    return found if node.get("keepdims", 1) else np.squeeze(found, over)


def _reduced(op_type: str, x: Array, over: tuple[int, ...]) -> Array:
    match op_type:
        case "ReduceMax":
            return _extreme(x, over, True)
        case "ReduceMin":
            return _extreme(x, over, False)
        case "ReduceMean":
            return np.asarray(np.mean(x, axis=over, keepdims=True, dtype=np.float64))
        case "ReduceSum":
            return np.asarray(np.sum(x, axis=over, keepdims=True, dtype=x.dtype))
        case "ReduceProd":
            return np.asarray(np.prod(x, axis=over, keepdims=True, dtype=x.dtype))
        case "ReduceL1":
            return np.asarray(np.sum(np.abs(x), axis=over, keepdims=True))
        case "ReduceL2":
            return np.asarray(np.sqrt(np.sum(x * x, axis=over, keepdims=True)))
        case "ReduceSumSquare":
            return np.asarray(np.sum(x * x, axis=over, keepdims=True))
        case "ReduceLogSum":
            return np.asarray(np.log(np.sum(x, axis=over, keepdims=True)))
    top = np.max(x, axis=over, keepdims=True)
    return np.asarray(np.log(np.sum(np.exp(x - top), axis=over, keepdims=True)) + top)


def _extreme(x: Array, over: tuple[int, ...], largest: bool) -> Array:
    """The largest or smallest; of nothing, the least or greatest that the dtype has."""
    if x.dtype.kind == "b":
        return np.asarray((np.any if largest else np.all)(x, axis=over, keepdims=True))
    if x.dtype.kind == "f":
        least: float | int = -math.inf if largest else math.inf
    else:
        limits = np.iinfo(x.dtype)
        least = int(limits.min if largest else limits.max)
    function = np.max if largest else np.min
    return np.asarray(function(x, axis=over, keepdims=True, initial=least))


@exact("ArgMax", "ArgMin")
def arg(node: Node, inputs: list[Value]) -> Value:
    """The place of the largest or smallest, the first or the last of equal ones."""
    x = wide(inputs[0])
    axis = axis_of(node, x.ndim)
    last = bool(node.get("select_last_index", 0))
    found = (np.argmax if node.op_type == "ArgMax" else np.argmin)(
        np.flip(x, axis) if last else x, axis
    )
    found = x.shape[axis] - 1 - found if last else found
    return np.asarray(np.expand_dims(found, axis) if node.get("keepdims", 1) else found, np.int64)


@real("Softmax", "LogSoftmax", "Hardmax")
def softmax(node: Node, inputs: list[Value]) -> Value:
    """Along an axis; before version 13 over all dims from it on, as if they were one."""
    x = inputs[0]
    axis = axis_of(node, x.ndim, 1 if node.version < 13 else -1)
    shape = x.shape
    if node.version < 13:
        x, axis = x.reshape(int(np.prod(shape[:axis])), -1), 1
    if node.op_type == "Hardmax":
        first = np.expand_dims(np.argmax(x, axis), axis)
        found = np.zeros_like(x)
        np.put_along_axis(found, first, 1.0, axis)
        return found.reshape(shape)
    moved = x - np.max(x, axis=axis, keepdims=True)
    total = np.sum(np.exp(moved), axis=axis, keepdims=True)
    log = node.op_type == "LogSoftmax"
    return (moved - np.log(total) if log else np.exp(moved) / total).reshape(shape)


@exact("BatchNormalization")
def batch_norm(node: Node, inputs: list[Value]) -> Value:
    """With given statistics, or with the batch's where it trains (from version 14 on)."""
    if node.version < 7 or node.get("spatial", 1) == 0:
        raise NoFormulaError("what version 7 took away")
    x, scale, bias, mean, variance = (wide(value) for value in inputs)
    around = [-1 if at == 1 else 1 for at in range(x.ndim)]
    training, momentum = node.get("training_mode", 0), node.get("momentum", 0.9)
    running = mean, variance
    if training:
        over = tuple(at for at in range(x.ndim) if at != 1)
        mean, variance = np.mean(x, axis=over), np.var(x, axis=over)
        running = (
            running[0] * momentum + mean * (1 - momentum),
            running[1] * momentum + variance * (1 - momentum),
        )
    root = np.sqrt(variance + node.get("epsilon", 1e-5))
    y = (x - mean.reshape(around)) / root.reshape(around) * scale.reshape(around)
    y = narrow(y + bias.reshape(around), inputs[0].dtype)
    if node.outputs == 1:
        return [y]
    if node.version < 14 or not training:
        raise NoFormulaError("statistics beside the output")
    return [y, *(narrow(part, inputs[3].dtype) for part in running)]


@exact("LayerNormalization")
def layer_norm(node: Node, inputs: list[Value]) -> Value:
    """Over the dims from ``axis`` on; mean and inverse deviation are float32 by default."""
    x = wide(inputs[0])
    over = tuple(range(axis_of(node, x.ndim, -1), x.ndim))
    mean = np.mean(x, axis=over, keepdims=True)
    variance = np.var(x, axis=over, keepdims=True)
    inverse = 1 / np.sqrt(variance + node.get("epsilon", 1e-5))
    y = (x - mean) * inverse * wide(inputs[1])
    if len(inputs) > 2 and inputs[2] is not None:
        y = y + wide(inputs[2])
    stash = {1: np.float32, 16: ml_dtypes.bfloat16}[int(node.get("stash_type", 1))]
    return [narrow(y, inputs[0].dtype), mean.astype(stash), inverse.astype(stash)]


@real("InstanceNormalization")
def instance_norm(node: Node, inputs: list[Value]) -> Value:
    """Over the spatial dims of each channel of each image."""
    x, scale, bias = inputs
    over, around = tuple(range(2, x.ndim)), [-1 if at == 1 else 1 for at in range(x.ndim)]
    mean, variance = np.mean(x, axis=over, keepdims=True), np.var(x, axis=over, keepdims=True)
    unit = (x - mean) / np.sqrt(variance + node.get("epsilon", 1e-5))
    return unit * scale.reshape(around) + bias.reshape(around)


@real("GlobalAveragePool", "GlobalMaxPool")
def global_pool(node: Node, inputs: list[Value]) -> Value:
    """Over all spatial dims, which stay as ones."""
    x = inputs[0]
    over = tuple(range(2, x.ndim))
    function = np.mean if node.op_type == "GlobalAveragePool" else np.max
    return np.asarray(function(x, axis=over, keepdims=True))


@real("MatMul")
def matmul(node: Node, inputs: list[Value]) -> Value:  # noqa: ARG001 - as every formula
    """As numpy.matmul has it, in integers or float64."""
    return np.asarray(np.matmul(*inputs))


@real("Gemm")
def gemm(node: Node, inputs: list[Value]) -> Value:
    """``alpha * A' * B' + beta * C``."""
    a, b, c = ([*inputs, None])[:3]
    a = a.T if node.get("transA", 0) else a
    b = b.T if node.get("transB", 0) else b
    alpha, beta = float(node.get("alpha", 1.0)), float(node.get("beta", 1.0))
    if a.dtype.kind in "iu":
        if not (alpha.is_integer() and beta.is_integer()):
            raise NoFormulaError("integers times a fraction")
        total = a @ b * a.dtype.type(int(alpha))
        return total if c is None else (total + c * c.dtype.type(int(beta))).astype(a.dtype)
    product = alpha * (a @ b)
    return product if c is None else product + beta * c
