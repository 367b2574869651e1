"""Weights of integers and half floats beside the module's: what is right, damaged or neither."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.transformers.float16 import convert_float_to_float16
from support.parity_cases import errors, exported, seeded, values
from torch import Tensor, nn

from onnxguard.parity.check import check_parity
from onnxguard.parity.torch_reference import TorchReference
from onnxguard.parity.weights import Held, Off, WeightMatcher
from onnxguard.running.comparison import Array

SIGNED, UNSIGNED = QuantType.QInt8, QuantType.QUInt8
INTEGERS: dict[str, dict[str, Any]] = {
    "per tensor": {"weight_type": SIGNED},
    "per channel": {"weight_type": SIGNED, "per_channel": True},
    "reduced range": {"weight_type": SIGNED, "per_channel": True, "reduce_range": True},
    "unsigned": {"weight_type": UNSIGNED, "activation_type": UNSIGNED},
    "percentile": {"weight_type": SIGNED, "calibrate_method": CalibrationMethod.Percentile},
    "entropy": {"weight_type": SIGNED, "calibrate_method": CalibrationMethod.Entropy},
    "operators": {"weight_type": SIGNED, "quant_format": QuantFormat.QOperator},
    "operators per channel": {
        "weight_type": SIGNED,
        "per_channel": True,
        "quant_format": QuantFormat.QOperator,
    },
    "dynamic": {"weight_type": UNSIGNED},
    "dynamic per channel": {"weight_type": SIGNED, "per_channel": True},
}


class Small(nn.Module):
    """What is folded with a norm, depthwise, transposed or none of these."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU())
        self.depth = nn.Sequential(
            nn.Conv2d(16, 16, 3, groups=16, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.head = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        head: Tensor = self.head(self.depth(self.first(x)).mean((2, 3)))
        return head


@functools.cache
def small() -> tuple[nn.Module, bytes]:
    module = seeded(Small)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        for norm in (module.first[1], module.depth[1]):  # type: ignore[index]
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            norm.weight.uniform_(0.5, 2)
            norm.bias.normal_()
        for part in module.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                part.weight[torch.rand(part.weight.shape) < 0.05] *= 1e-6
    return module, exported(module, {"x": values(0, 1, 3, 12, 12)}, dynamic={"x": {0: "N"}})


class Images(CalibrationDataReader):  # type: ignore[misc] # it has no stubs
    def __init__(self, images: Array) -> None:
        self.left = iter([{"x": image[None]} for image in images])

    def get_next(self) -> Any:
        return next(self.left, None)


IMAGES = np.random.default_rng(1).standard_normal((12, 3, 12, 12), np.float32)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], onnx.ModelProto]:
    folder = tmp_path_factory.mktemp("copies")
    (folder / "net.onnx").write_bytes(small()[1])

    @functools.cache
    def made(name: str) -> onnx.ModelProto:
        source, path = str(folder / "net.onnx"), str(folder / f"{name}.onnx")
        if name.startswith("dynamic"):
            quantize_dynamic(source, path, **INTEGERS[name])
        else:
            quantize_static(source, path, Images(IMAGES[:8]), **INTEGERS[name])
        return onnx.load(path)

    return made


def compared(proto: onnx.ModelProto) -> tuple[Any, tuple[Off, ...]]:
    weights, _, off = WeightMatcher(TorchReference(small()[0]).held()).compare(proto)
    return weights, off


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_of_a_weight_are_recognised(
    name: str, copies: Callable[[str], onnx.ModelProto]
) -> None:
    weights, off = compared(copies(name))
    assert weights.matched == weights.weights == 6, weights
    assert not off
    assert sum(n for way, n in weights.ways if "int8" in way) == 3


def changed(proto: onnx.ModelProto, name: str, change: Callable[[Array], Array]) -> onnx.ModelProto:
    other = onnx.ModelProto()
    other.CopyFrom(proto)
    tensor = next(t for t in other.graph.initializer if t.name == name)
    before = numpy_helper.to_array(tensor).copy()
    after = np.asarray(change(before), before.dtype, order="C")
    tensor.CopyFrom(numpy_helper.from_array(after, name))
    return other


def parts(proto: onnx.ModelProto, dims: int) -> dict[str, str]:
    """The weight of integers with so many dims that comes first, and what stands beside it."""
    held = {t.name: t for t in proto.graph.initializer}
    for node in proto.graph.node:
        at = {"QLinearConv": 3, "QGemm": 3}.get(node.op_type, 0)
        if node.op_type in ("DequantizeLinear", "QLinearConv", "QGemm", "MatMulInteger"):
            names = list(node.input)[at : at + 3]
            if node.op_type == "MatMulInteger":
                names = [node.input[1], node.input[1].replace("quantized", "scale"), node.input[3]]
            if names[0] in held and len(held[names[0]].dims) == dims:
                return dict(zip(("weight", "step", "zero"), names, strict=True))
    raise AssertionError


def one_zero(w: Array) -> Array:
    w[1] = 0
    return w


def one_doubled(w: Array) -> Array:
    w.reshape(-1)[1] *= 2
    return w


def swapped(w: Array) -> Array:
    return w[[1, 0, *range(2, len(w))]]


def one_flipped(w: Array) -> Array:
    w[1] = w[1][..., ::-1]
    return w


def moved(w: Array) -> Array:
    return w + 1


def one_moved(w: Array) -> Array:
    w[1] += 1
    return w


DAMAGE: dict[str, tuple[str, int, str, Callable[[Array], Array]]] = {
    "channel zeroed": ("per tensor", 4, "weight", one_zero),
    "channels swapped": ("per channel", 4, "weight", swapped),
    "channels swapped, of operators": ("operators", 4, "weight", swapped),
    "row zeroed, of operators": ("operators per channel", 2, "weight", one_zero),
    "kernel flipped": ("percentile", 4, "weight", one_flipped),
    "step of a channel": ("per channel", 4, "step", one_doubled),
    "step of a channel, reduced range": ("reduced range", 4, "step", one_doubled),
    "step of a row": ("operators per channel", 2, "step", one_doubled),
    "step behind a product": ("dynamic per channel", 2, "step", one_doubled),
    "row zeroed, dynamic": ("dynamic", 2, "weight", one_zero),
    "zero point": ("unsigned", 4, "zero", moved),
    "zero point, dynamic": ("dynamic", 2, "zero", moved),
    "zero point of a channel": ("per channel", 4, "zero", one_moved),
    "bias of a channel zeroed": ("per tensor", 1, "weight", one_zero),
    "bias of a channel doubled": ("per channel", 1, "weight", one_doubled),
    "biases swapped": ("unsigned", 1, "weight", swapped),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_few_channels_that_are_wrong_are_named(
    name: str, copies: Callable[[str], onnx.ModelProto]
) -> None:
    copy, dims, part, change = DAMAGE[name]
    proto = copies(copy)
    named = parts(proto, dims)
    _, off = compared(changed(proto, named[part], change))
    said = {one.name: one.said for one in off}
    assert said.pop(named["weight"]).startswith("everywhere, by" if change is moved else "in ")
    assert set(said) <= ({"head.bias_quantized"} if name == "step of a row" else set())


def test_damage_within_the_budget_does_not_pass(
    copies: Callable[[str], onnx.ModelProto], tmp_path: Path
) -> None:
    module, proto = small()[0], copies("per channel")
    np.savez(tmp_path / "images.npz", x=IMAGES[8:])
    settings = {"tolerance": "int8", "inputs": (str(tmp_path / "images.npz"),), "opset": None}
    assert not errors(check_parity(proto.SerializeToString(), module, **settings))
    for part, change in (("weight", swapped), ("step", one_doubled), ("zero", one_moved)):
        wrong = changed(proto, parts(proto, 4)[part], change)
        report = check_parity(wrong.SerializeToString(), module, **settings)
        assert "OP112" in errors(report), part


@pytest.mark.parametrize("name", ["per channel", "operators", "dynamic per channel"])
def test_a_proof_notices_damaged_integers(
    name: str, copies: Callable[[str], onnx.ModelProto], tmp_path: Path
) -> None:
    np.savez(tmp_path / "images.npz", x=IMAGES[8:])
    report = check_parity(
        copies(name).SerializeToString(),
        small()[0],
        tolerance="int8",
        inputs=(str(tmp_path / "images.npz"),),
        opset=None,
        mutants=16,
        kill_rate=0.0,
    )
    assert report.proof is not None
    kinds = {kind: (made, killed) for kind, made, killed in report.proof.kinds}
    for kind in ("output channel zeroed", "output channels swapped"):
        made, killed = kinds[kind]
        assert made == killed > 0, report.proof


def integers(
    stored: Array, step: Array, zero: Array | None = None, kind: int = onnx.TensorProto.INT8
) -> onnx.ModelProto:
    """A graph that reads integers, their steps along the first axis."""
    flat = stored.astype(int).ravel().tolist()
    held = [helper.make_tensor("q", kind, stored.shape, flat)]
    held.append(numpy_helper.from_array(step.astype(np.float32), "s"))
    if zero is not None:
        held.append(helper.make_tensor("z", kind, zero.shape, zero.astype(int).ravel().tolist()))
    node = helper.make_node(
        "DequantizeLinear", ["q", "s"] + (["z"] if zero is not None else []), ["w"], axis=0
    )
    return helper.make_model(helper.make_graph([node], "g", [], [], held))


def found(theirs: Array, proto: onnx.ModelProto) -> tuple[int, list[str]]:
    """How many weights are the reference's, and how the others differ from it."""
    weights, _, off = WeightMatcher(Held({"w": theirs})).compare(proto)
    return weights.matched, [one.said for one in off]


RANDOM = np.random.default_rng(3)
THEIRS = RANDOM.normal(0, 0.1, (32, 24)).astype(np.float32)
STEP = np.abs(THEIRS).max(1, keepdims=True) / 127


def by_noise(size: float) -> Array:
    return np.clip(np.round(THEIRS / STEP + RANDOM.normal(0, size, THEIRS.shape)), -128, 127)


def up_or_down() -> Array:
    return np.minimum(np.floor(THEIRS / STEP) + RANDOM.integers(0, 2, (32, 24)), 127)


def here_and_there() -> Array:
    stored = np.round(THEIRS / STEP)
    stored[3:5, :5] += np.where(stored[3:5, :5] > 0, -2, 2)
    return stored


CHANGES: dict[str, Callable[[], tuple[Array, Array]]] = {
    "rounded up or down": lambda: (up_or_down(), STEP),
    "rounded down": lambda: (np.floor(THEIRS / STEP), STEP),
    "truncated": lambda: (np.trunc(THEIRS / STEP), STEP),
    "trained on, a little": lambda: (by_noise(0.1), STEP),
    "trained on": lambda: (by_noise(2), STEP),
    "trained on, here and there": lambda: (here_and_there(), STEP),
    "equalised": lambda: (np.round(THEIRS / STEP), STEP * RANDOM.uniform(0.5, 2, (32, 1))),
    "smoothed": lambda: (np.round(THEIRS * RANDOM.uniform(0.5, 1, (1, 24)) / STEP), STEP),
    "multiplied": lambda: (np.round(THEIRS / STEP), STEP / np.sqrt(8)),
    "another": lambda: (np.round(RANDOM.uniform(-127, 127, (32, 24))), STEP),
    "zero": lambda: (np.zeros((32, 24)), STEP),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_weight_that_was_changed_on_purpose_is_not_named(name: str) -> None:
    stored, step = CHANGES[name]()
    assert found(THEIRS, integers(stored, step.ravel())) == (0, [])


def test_what_was_clipped_is_no_damage() -> None:
    theirs = THEIRS.copy()
    theirs[3, :2] = 0.9, -0.7  # one channel, beyond what the others need
    step = np.float32(0.002)
    stored = np.clip(np.round(theirs / step), -64, 64)
    assert found(theirs, integers(stored, step)) == (1, [])
    stored[3, 2] += 60 if stored[3, 2] < 0 else -60
    assert found(theirs, integers(stored, step))[1][0].startswith("in 1 of 32 channels")


def test_what_half_floats_cost_before_is_no_damage() -> None:
    theirs = THEIRS[:, 0] * np.where(np.arange(32) < 28, 1e-4, 1).astype(np.float32)
    step = np.float32(1e-7)
    stored = np.round(theirs.astype(np.float16).astype(np.float32) / step)
    proto = integers(stored, step, kind=onnx.TensorProto.INT32)
    assert not found(theirs, proto)[1]


def test_a_constant_that_a_bias_took_in_is_no_damage() -> None:
    stored = np.round(THEIRS[:, 0] / 1e-5) + 700
    proto = integers(stored, np.float32(1e-5), kind=onnx.TensorProto.INT32)
    assert found(THEIRS[:, 0], proto) == (0, [])


def test_zeros_tell_nothing() -> None:
    theirs = np.zeros((32, 24), np.float32)
    theirs[5] = 0.1
    assert found(theirs, integers(np.zeros((32, 24)), np.float32(0.01))) == (0, [])


def test_four_bits_in_blocks() -> None:
    step = np.abs(THEIRS.reshape(4, 8, 24)).max(1) / 7  # of eight rows each
    stored = np.round(THEIRS / np.repeat(step, 8, 0))
    proto = integers(stored, step, kind=onnx.TensorProto.INT4)
    proto.graph.node[0].attribute.append(helper.make_attribute("block_size", 8))
    assert found(THEIRS, proto) == (1, [])
    stored[7] = 0
    proto = integers(stored, step, kind=onnx.TensorProto.INT4)
    assert found(THEIRS, proto)[1][0].startswith("in 1 of 32 channels")


def halves(array: Array) -> onnx.ModelProto:
    node = helper.make_node("Identity", ["h"], ["w"])
    tensor = numpy_helper.from_array(array, "h")
    return helper.make_model(helper.make_graph([node], "g", [], [], [tensor]))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_a_channel_of_half_floats_that_is_wrong_is_named(dtype: Any) -> None:
    assert found(THEIRS, halves(THEIRS.astype(dtype))) == (1, [])
    for change in (one_zero, swapped, one_doubled):
        _, said = found(THEIRS, halves(change(THEIRS.astype(dtype))))
        assert said == [f"in {2 if change is swapped else 1} of 32 channels"]


def test_a_bias_that_was_folded_in_half_floats_is_right() -> None:
    """Where ``beta - mean * factor`` nearly cancels, many units of the last place are lost."""
    summand = np.random.default_rng(3).uniform(0.5, 1, 64).astype(np.float32)
    stored = summand.astype(np.float16)
    stored[:3] *= np.float16(1.02)
    held = Held({}, [(np.ones(64, np.float32), summand)])
    assert WeightMatcher(held).compare(halves(stored))[2] == ()


def test_truncated_bfloat16_is_right() -> None:
    cut = (THEIRS.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    assert found(THEIRS, halves(cut.astype(ml_dtypes.bfloat16))) == (1, [])


def test_float16_as_onnxruntime_converts_passes() -> None:
    module, data = small()  # it has weights below 1e-7, which the conversion makes 1e-7
    half = convert_float_to_float16(onnx.load_from_string(data), keep_io_types=True)
    report = check_parity(half.SerializeToString(), module, tolerance="fp16", opset=None)
    assert not errors(report), report.findings
    assert report.weights is not None
    assert report.weights.matched == report.weights.weights
