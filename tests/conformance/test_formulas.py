"""The second referee against oracles that are not ours: onnx's own expectations, and PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from torch.nn import functional

from onnxguard.conformance.cases import Case, node_cases
from onnxguard.conformance.comparison import compare, fixed
from onnxguard.conformance.formulas import NoFormulaError, evaluate, has_formula

WRONG = {
    "test_cast_e8m0_FLOAT_to_FLOAT8E8M0": "float8e8m0 rounds up",
    "test_cast_e8m0_FLOAT16_to_FLOAT8E8M0": "float8e8m0 rounds up",
    "test_reduce_log_sum_exp_empty_set": "nothing has a largest element",
}
"""Official cases that the formulas do not compute; ONNX Runtime has no kernel for most."""


def computable() -> list[Case]:
    return [c for c in node_cases() if c.domain == "ai.onnx" and has_formula(c.domain, c.op_type)]


@pytest.mark.parametrize("op_type", sorted({case.op_type for case in computable()}))
def test_onnx_expects_the_same(op_type: str) -> None:
    ran = 0
    for case in computable():
        if case.op_type != op_type or case.name in WRONG:
            continue
        try:
            outputs = evaluate(case.model.SerializeToString(), case.feeds)
        except NoFormulaError:
            continue
        compared = compare(outputs, case.outputs, fixed(case.rtol, case.atol))
        assert compared.problem == "", case.name
        ran += 1
    assert ran or op_type in {"If", "Loop"}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_computed_is_still_not(name: str) -> None:
    (case,) = (case for case in computable() if case.name == name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            outputs = evaluate(case.model.SerializeToString(), case.feeds)
        except ValueError:
            return
    assert compare(outputs, case.outputs, fixed(case.rtol, case.atol)).problem


def computed(
    op_type: str, inputs: list[Any], opset: int = 17, outputs: int = 1, **attributes: Any
) -> Any:
    names = [f"x{at}" if value is not None else "" for at, value in enumerate(inputs)]
    node = helper.make_node(op_type, names, [f"y{at}" for at in range(outputs)], **attributes)
    values = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for n, v in zip(names, inputs, strict=True)
        if n
    ]
    outs = [onnx.ValueInfoProto(name=name) for name in node.output]
    model = helper.make_model(
        helper.make_graph([node], "g", values, outs),
        opset_imports=[helper.make_opsetid("", opset)],
    )
    feeds = {n: v for n, v in zip(names, inputs, strict=True) if n}
    found = evaluate(model.SerializeToString(), feeds)
    return found if outputs > 1 else found[0]


def drawn(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


sizes = st.integers(1, 3)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_pooling_is_pytorchs(data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, 3))
    kernel, strides = (data.draw(st.lists(sizes, min_size=rank, max_size=rank)) for _ in range(2))
    pads = [data.draw(st.integers(0, size // 2)) for size in kernel]
    counted, up = data.draw(st.booleans()), data.draw(st.booleans())
    x = drawn(data.draw(st.integers(0, 99)), 2, 2, *(7, 6, 5)[:rank])
    torch_x = torch.from_numpy(x)
    said = {"kernel_shape": kernel, "strides": strides, "pads": pads * 2, "ceil_mode": int(up)}
    average = getattr(functional, f"avg_pool{rank}d")
    expected = average(torch_x, kernel, strides, pads, up, counted).numpy()
    got = computed("AveragePool", [x], 19, count_include_pad=int(counted), **said)
    np.testing.assert_allclose(got, expected, atol=1e-12)
    largest = getattr(functional, f"max_pool{rank}d")
    expected, places = largest(torch_x, kernel, strides, pads, 1, up, return_indices=True)
    got, index = computed("MaxPool", [x], outputs=2, **said)
    np.testing.assert_array_equal(got, expected.numpy())
    plane = int(np.prod(x.shape[2:]))
    offsets = np.arange(4).reshape(2, 2, *[1] * rank) * plane
    np.testing.assert_array_equal(index, places.numpy() + offsets)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_transposed_convolution_is_pytorchs(data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, 3))
    each = st.lists(sizes, min_size=rank, max_size=rank)
    kernel, strides, dilations = (data.draw(each) for _ in range(3))
    groups = data.draw(st.sampled_from([1, 2]))
    spans = [(k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
    pads = [data.draw(st.integers(0, span)) for span in spans]
    extra = [
        data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(strides, dilations, strict=True)
    ]
    x, w = drawn(1, 2, 4, *(5, 4, 3)[:rank]), drawn(2, 4, 3, *kernel)
    function = getattr(functional, f"conv_transpose{rank}d")
    try:
        expected = function(
            torch.from_numpy(x), torch.from_numpy(w), None, strides, pads, extra, groups, dilations
        )
    except RuntimeError:  # an output of no size
        assume(False)
    got = computed(
        "ConvTranspose", [x, w], kernel_shape=kernel, strides=strides, dilations=dilations,
        pads=pads * 2, output_padding=extra, group=groups,
    )  # fmt: skip
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 12), st.integers(1, 12),
    st.sampled_from(["half_pixel", "align_corners"]), st.sampled_from(["linear", "cubic"]),
)  # fmt: skip
def test_resize_by_sizes_is_pytorchs(
    h: int, w: int, to_h: int, to_w: int, coordinates: str, mode: str
) -> None:
    x = drawn(5, 1, 1, h, w)
    expected = functional.interpolate(
        torch.from_numpy(x),
        (to_h, to_w),
        mode={"linear": "bilinear", "cubic": "bicubic"}[mode],
        align_corners=coordinates == "align_corners",
    ).numpy()
    where = {"half_pixel": "half_pixel", "align_corners": "align_corners"}[coordinates]
    got = computed(
        "Resize", [x, None, None, np.array([1, 1, to_h, to_w])], mode=mode,
        coordinate_transformation_mode=where,
    )  # fmt: skip
    np.testing.assert_allclose(got, expected, atol=1e-6)  # PyTorch's coordinates are float32


UNARY: dict[str, Any] = {
    "Elu": functional.elu,
    "Selu": functional.selu,
    "Softplus": functional.softplus,
    "Softsign": functional.softsign,
    "Sigmoid": torch.sigmoid,
    "HardSwish": functional.hardswish,
    "LeakyRelu": functional.leaky_relu,
    "Erf": torch.erf,
    "Tanh": torch.tanh,
}


@pytest.mark.parametrize("op_type", UNARY)
def test_activations_are_pytorchs(op_type: str) -> None:
    x = np.linspace(-8, 8, 101)
    expected = UNARY[op_type](torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(computed(op_type, [x]), expected, atol=1e-8)


def test_norms_are_pytorchs() -> None:
    x, scale, bias = drawn(1, 2, 3, 4, 5), drawn(2, 3), drawn(3, 3)
    parts = [torch.from_numpy(part) for part in (x, scale, bias)]
    got = computed("InstanceNormalization", [x, scale, bias])
    expected = functional.instance_norm(parts[0], weight=parts[1], bias=parts[2], eps=1e-5)
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-8)
    mean, variance = drawn(4, 3), np.abs(drawn(5, 3)) + 0.5
    got = computed("BatchNormalization", [x, scale, bias, mean, variance])
    expected = functional.batch_norm(
        parts[0], torch.from_numpy(mean), torch.from_numpy(variance), parts[1], parts[2]
    )
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-8)
    w, b = drawn(6, 4, 5), drawn(7, 4, 5)
    got = computed("LayerNormalization", [x, w, b], axis=2, outputs=3)[0]
    expected = functional.layer_norm(
        parts[0], (4, 5), torch.from_numpy(w), torch.from_numpy(b), 1e-5
    )
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-8)


def test_a_loop_and_a_branch_read_what_lies_around_them() -> None:
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]>
        g (int64 n, bool c, float[2] x) => (float[2] y, float[k, 2] s) {
            b = If (c) <then_branch = t () => (float[2] u) { u = Neg (x) },
                        else_branch = e () => (float[2] v) { v = Identity (x) }>
            y, s = Loop (n, , b) <body = body (int64 i, bool going, float[2] a)
                => (bool on, float[2] d, float[2] z) {
                on = Identity (going)  d = Add (a, x)  z = Mul (d, d) }>
        }"""
    )
    x = np.array([1, 2], np.float32)
    y, s = evaluate(model.SerializeToString(), {"n": np.array(3), "c": np.array(True), "x": x})
    np.testing.assert_array_equal(y, 2 * x)
    np.testing.assert_array_equal(s, [0 * x, x * x, 4 * x * x])


def test_integers_stay_exact() -> None:
    big = np.array([2**62 + 1, -(2**62) - 1])
    np.testing.assert_array_equal(computed("ReduceSum", [big], 13), [0])
    np.testing.assert_array_equal(computed("Div", [np.array([7, -7]), np.array([2, 2])]), [3, -3])


@pytest.mark.parametrize("op_type", ["TopK", "Einsum"])
def test_what_has_no_formula_says_so(op_type: str) -> None:
    assert not has_formula("ai.onnx", op_type)
    with pytest.raises(NoFormulaError, match=f"there is no formula for {op_type}"):
        computed(op_type, [np.zeros(3, np.float32)])
    assert not has_formula("com.microsoft", "Conv")


def test_strings_are_not_computed() -> None:
    value = np.array(["a"], object)
    with pytest.raises(NoFormulaError):
        computed("Equal", [value, value], 19)
    with pytest.raises(NoFormulaError):
        computed("Cast", [value], to=TensorProto.FLOAT)
