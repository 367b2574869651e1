"""Cases of operators that change the dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from onnxguard.conformance.formulas.node import limits_of
from onnxguard.conformance.own.draft import PACKED, Draft, Drafts, Task, is_integer, recipe
from onnxguard.conformance.own.elementwise import RANKS, SHAPES, specials


@recipe(
    "Cast",
    ranks=RANKS,
    features=(
        "halves",
        "special values",
        "a dim of 0",
        "a dim of 1",
    ),
)
def cast(task: Task) -> Drafts:
    """Every pair of dtypes, on values that both of them hold or round."""
    sources, targets = task.dtypes("T1"), task.dtypes("T2")
    for source in sources:
        for target in targets:
            said = {"to": helper.np_dtype_to_tensor_dtype(target)}
            yield Draft([_castable(task, source, target)], said)
            if task.has("saturate") and target.name.startswith("float8"):
                for saturate in (0, 1):
                    if source.kind == "f" and source.itemsize > 2:
                        x = np.array([0.5, 1.0625, 1.1875, -3, 1e6, -1e6, np.nan]).astype(source)
                        yield Draft([x], {**said, "saturate": saturate})
    to_int, to_half = ({"to": helper.np_dtype_to_tensor_dtype(np.dtype(n))} for n in ("i8", "f2"))
    for shape in (*SHAPES, (0, 3)):
        yield Draft([task.draw(shape, "f4", least=1)], to_int)
    yield Draft([np.arange(-40, 41, dtype=np.float32) / 2], to_int, shows=("halves",))
    yield Draft([specials(np.float32)], to_half)
    yield Draft([specials(np.float32)], {"to": helper.np_dtype_to_tensor_dtype(np.dtype("f8"))})
    yield Draft([specials(np.float32)], {"to": helper.np_dtype_to_tensor_dtype(np.dtype("?"))})
    yield Draft([task.draw((3,), "f4")], {}, forbids="no target")
    yield Draft([task.draw((3,), "f4")], {"to": 99}, forbids="a dtype that there is not")


def _castable(task: Task, source: Any, target: Any) -> Any:
    """Values of the source that the target can hold, halves among them."""
    if source.kind == "b":
        return task.draw((3, 5), source)
    if not is_integer(target) and target.kind != "b":
        return task.draw((3, 5), source, 1)
    if target.kind == "b":
        x = task.draw((3, 5), source, 1)
        x.reshape(-1)[::4] = 0
        return x
    limits = limits_of(target)
    if target.name in PACKED and not is_integer(source):  # how halves are rounded is not said
        return np.rint(task.random.uniform(int(limits.min), int(limits.max), (3, 5))).astype(source)
    if is_integer(source):
        own = limits_of(source)
        low, high = max(int(limits.min), int(own.min)), min(int(limits.max), int(own.max))
        kind = np.uint64 if source == target == np.uint64 else np.int64
        high = min(high, int(np.iinfo(kind).max))
        return task.random.integers(low, high, (3, 5), dtype=kind, endpoint=True).astype(source)
    most = min(float(limits.max), float(limits_of(source).max), 2.0**24)
    least = max(float(limits.min), float(limits_of(source).min), -(2.0**24))
    x = task.random.uniform(least * 0.9, most * 0.9, (3, 5))
    x[0] = [0.5, 1.5, 2.5, 0.75, 1.25]
    return x.astype(source)


@recipe(
    "QuantizeLinear",
    ranks=(1, 2, 3, 4),
    features=(
        "halves",
        "saturation",
        "along an axis",
        "a negative axis",
    ),
)
def quantize(task: Task) -> Drafts:
    """Halves to both sides, values beyond the limits; one scale, one for each channel, blocks."""
    inputs, zeros = task.dtypes("T1"), task.dtypes(_zero_constraint(task))
    for dtype in inputs:
        for zero in zeros:
            yield from _quantized(task, dtype, zero)
    for shape in ((7,), (3, 5), (2, 3, 5), (2, 3, 2, 5)):
        x = (np.arange(int(np.prod(shape))) / 4 - 5).reshape(shape).astype(np.float32)
        yield Draft([x, np.array(0.5, np.float32)], shows=("halves",))
        if not task.has("axis"):
            continue
        for axis in range(-len(shape), len(shape)):
            size = shape[axis]
            scale = np.array([0.25 * 2**at for at in range(size)], np.float32)
            shift = np.arange(100, 100 + size).astype(np.uint8)
            yield Draft([x, scale, shift], {"axis": axis}, shows=("along an axis",))
        if len(shape) > 1:
            scale = np.array([0.5] + [0.25] * (shape[1] - 1), np.float32)
            shift = np.arange(shape[1]).astype(np.uint8)
            yield Draft([x, scale, shift], shows=("along an axis",))
    if task.has("block_size"):
        x = (np.arange(24) / 4 - 3).reshape(2, 12).astype(np.float32)
        for axis, block, shape in ((1, 3, (2, 4)), (-1, 4, (2, 3)), (0, 2, (1, 12))):
            count = int(np.prod(shape))
            scale = np.array([0.25 * 2 ** (at % 4) for at in range(count)], np.float32)
            shift = np.arange(count).astype(np.uint8).reshape(shape)
            said = {"axis": axis, "block_size": block}
            yield Draft([x, scale.reshape(shape), shift], said)
    if task.has("output_dtype"):
        for zero in zeros:
            said = {"output_dtype": helper.np_dtype_to_tensor_dtype(zero)}
            yield Draft([np.arange(-3, 3, 0.25).astype(np.float32), np.array(1, np.float32)], said)
    x = task.draw((2, 3), "f4")
    yield Draft(
        [x, np.ones(3, np.float32), np.zeros(2, np.uint8)], forbids="zero points of another size"
    )
    if task.has("axis"):
        scale, shift = np.ones(3, np.float32), np.zeros(3, np.uint8)
        yield Draft([x, scale, shift], {"axis": 2}, forbids="an axis out of range")


def _zero_constraint(task: Task) -> str:
    return str(task.schema.outputs[0].type_str)


def _quantized(task: Task, dtype: Any, zero: Any) -> Drafts:
    tied = task.version >= 19 and task.schema.inputs[1].type_str == task.schema.inputs[0].type_str
    scale = np.array(2 if tied and dtype.kind == "i" else 0.5).astype(dtype if tied else np.float32)
    if zero.name.startswith("float8"):
        x = np.array([0.3, -1.1, 7.7, 100, 1e4, -1e4]).astype(dtype)
        for saturate in (0, 1) if dtype.kind == "f" and task.has("saturate") else ():
            yield Draft([x, scale, np.array(0).astype(zero)], {"saturate": saturate})
        yield Draft([x, scale, np.array(0).astype(zero)])
        return
    if zero.name.startswith("float4"):
        yield Draft([np.array([0.3, -1.1, 2.2]).astype(dtype), scale, np.array(0).astype(zero)])
        return
    limits = limits_of(zero)
    middle = (int(limits.max) + int(limits.min) + 1) // 2
    for shift in {0, max(middle + 3, int(limits.min)) if limits.bits > 4 else 1}:
        half = np.arange(-6, 6.25, 0.25)
        span = int(limits.max) - int(limits.min)
        beyond: Any = (
            np.array([-1.2, -0.6, 0.6, 1.2]) * span
            if limits.bits < 16 or dtype.itemsize > 2
            else []
        )
        x = np.concatenate([half, beyond])
        x = np.rint(x).astype(dtype) if dtype.kind == "i" else x.astype(dtype)
        shows = ("halves", "saturation")
        yield Draft([x, scale, np.array(shift).astype(zero)], shows=shows)


@recipe(
    "DequantizeLinear",
    ranks=(1, 2, 3, 4),
    features=(
        "along an axis",
        "a negative axis",
    ),
)
def dequantize(task: Task) -> Drafts:
    """All values of small dtypes; one scale, one for each channel, blocks."""
    first = task.schema.inputs[0].type_str
    scales = [np.dtype(np.float32)]
    if task.version >= 19:  # a scale that is a bare exponent has no product of its dtype
        kinds = task.dtypes(task.schema.inputs[1].type_str)
        scales = [kind for kind in kinds if not kind.name.startswith("float8")]
    for dtype in task.dtypes(first):
        for kind in scales:
            x = task.distinct((4, 8), dtype) if is_integer(dtype) else task.draw((4, 8), dtype)
            if dtype.name == "int32":
                x = task.random.integers(-(1 << 20), 1 << 20, (4, 8)).astype(np.int32)
            if is_integer(dtype) and dtype.itemsize < 2 and kind.name == "float16":
                x = task.draw((4, 8), dtype, 1)
            scale = np.array(0.0625).astype(kind)
            yield Draft([x, scale])
            offset = 0 if dtype.name == "int32" or not is_integer(dtype) else 3
            yield Draft([x, scale, np.array(offset).astype(dtype)])
            if task.has("axis"):
                each = np.array([0.5, 0.25, 2, 1]).astype(kind)
                shifts = np.array([0] * 4 if not offset else [1, 2, 3, 4]).astype(dtype)
                yield Draft([x, each, shifts], {"axis": 0}, shows=("along an axis",))
    for shape in ((7,), (3, 5), (2, 3, 5), (2, 3, 2, 5)):
        x = task.distinct(shape, np.int8)
        yield Draft([x, np.array(0.3, np.float32), np.array(-7, np.int8)])
        for axis in range(-len(shape), len(shape)) if task.has("axis") else ():
            scale = np.array([0.25 + at for at in range(shape[axis])], np.float32)
            shift = np.arange(shape[axis]).astype(np.int8)
            yield Draft([x, scale, shift], {"axis": axis}, shows=("along an axis",))
        if len(shape) > 1 and task.has("axis"):
            scale = np.array([0.25 + at for at in range(shape[1])], np.float32)
            yield Draft([x, scale, np.arange(shape[1]).astype(np.int8)])
    if task.has("block_size"):
        x = task.distinct((2, 12), np.int8)
        for axis, block, shape in ((1, 3, (2, 4)), (-1, 4, (2, 3)), (0, 2, (1, 12))):
            count = int(np.prod(shape))
            scale = (0.25 + np.arange(count, dtype=np.float32)).reshape(shape)
            shift = np.arange(count).astype(np.int8).reshape(shape)
            yield Draft([x, scale, shift], {"axis": axis, "block_size": block})
    if task.has("output_dtype"):
        for kind in scales:
            said = {"output_dtype": helper.np_dtype_to_tensor_dtype(kind)}
            yield Draft([task.distinct((4,), np.int8), np.array(0.5, np.float32)], said)
    x = task.distinct((2, 3), np.int8)
    yield Draft(
        [x, np.ones(3, np.float32), np.zeros(3, np.uint8)], forbids="a zero point of another dtype"
    )
    if task.has("axis"):
        scale, shift = np.ones(3, np.float32), np.zeros(3, np.int8)
        yield Draft([x, scale, shift], {"axis": 2}, forbids="an axis out of range")
