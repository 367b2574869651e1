"""What a model costs is what its sizes say, and what ONNX Runtime asks for while it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import make_models
import numpy as np
import onnxruntime
import pytest
from onnx import parser
from support import networks

from onnxguard.model.reading import read_model
from onnxguard.model.shapes.cost import LARGEST, Cost, cost_of
from onnxguard.model.shapes.infer import infer_shapes
from onnxguard.model.types import infer_types

HEAD = '<ir_version: 8, opset_import: ["" : 17, "local" : 1]>\n'


def cost(data: bytes, sizes: Mapping[str, tuple[int, ...]] | None = None) -> Cost:
    model = read_model(data)
    given = {name.encode(): size for name, size in (sizes or {}).items()}
    return cost_of(model, infer_shapes(model, given, count=True), infer_types(model))


def parsed(text: str, **sizes: tuple[int, ...]) -> Cost:
    return cost(parser.parse_model(HEAD + text).SerializeToString(), sizes)


def macs(found: Cost) -> dict[str, int]:
    return {each.operator: each.macs for each in found.operators}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("y = MatMul(a, b)", 2 * 3 * 5),
        ("y = Gemm<transA = 1>(t, b)", 2 * 3 * 5),
        ('y = Einsum<equation = "ij,jk->ik">(a, b)', 2 * 3 * 5),
        ("y = Conv<pads = [1, 1, 1, 1]>(image, w)", 8 * 8 * 6 * 4 * 9),
        ("y = Conv<group = 4, strides = [2, 2]>(image, deep)", 3 * 3 * 4 * 9),
        ("y = ConvTranspose<strides = [2, 2]>(image, up)", 8 * 8 * 4 * 2 * 4),
        ("y, h, c = LSTM<hidden_size = 2>(seq, wx, wh)", 7 * 1 * 8 * (3 + 2)),
        ("y = Relu(a)", 0),
    ],
)
def test_multiply_accumulates_of_a_node(node: str, expected: int) -> None:
    found = parsed(
        """agraph (float[2, 3] a, float[3, 2] t, float[3, 5] b, float[1, 4, 8, 8] image,
        float[6, 4, 3, 3] w, float[4, 1, 3, 3] deep, float[4, 2, 2, 2] up, float[7, 1, 3] seq,
        float[1, 8, 3] wx, float[1, 8, 2] wh) => (float[] y) { NODE }""".replace("NODE", node)
    )
    assert found.macs == expected
    assert sum(macs(found).values()) == expected
    assert found.exact


@pytest.mark.parametrize(
    ("resize", "expected"),
    [
        (False, {"Conv": 889_978_880, "ConvTranspose": 23_068_672}),  # 913,047,552 in all
        (True, {"Conv": 1_097_596_928}),
    ],
    ids=["v1", "v2"],
)
def test_both_students_cost_what_is_known_of_them(resize: bool, expected: dict[str, int]) -> None:
    data = make_models.saliency(resize, width=16).SerializeToString()
    found = cost(data, {"input": (1, 3, 256, 256)})
    assert macs(found) == expected
    assert found.exact
    assert found.unknown_nodes == 0
    assert found.without_rule == ()


def test_a_loop_costs_its_rounds_and_an_if_its_dearer_branch() -> None:
    found = parsed(
        """agraph (float[4, 4] x, bool c) => (float[4, 4] y, float[] z)
        <int64 trips = {10}>
        {
            y = Loop<body = body (int64 i, bool g, float[4, 4] v) => (bool h, float[4, 4] w)
                { h = Identity(g) w = MatMul(v, x) }>(trips, , x)
            z = If<then_branch = yes () => (float[] t) { t = MatMul(x, x) },
                else_branch = no () => (float[] e) { a = MatMul(x, x) e = MatMul(a, x) }>(c)
        }"""
    )
    assert macs(found) == {"MatMul": 10 * 64 + 2 * 64}
    assert found.exact


def test_functions_cost_at_every_call() -> None:
    found = parsed(
        """agraph (float[4, 4] x) => (float[] y) { a = local.F(x) y = local.F(a) }
        <domain: "local", opset_import: ["" : 17]> F (v) => (w) { u = MatMul(v, v) w = Relu(u) }"""
    )
    assert macs(found) == {"MatMul": 2 * 64}
    assert [(node.operator, node.macs) for node in found.nodes] == [("local::F", 64)] * 2


def test_the_peak_is_what_is_alive_at_once() -> None:
    found = parsed(
        """agraph (float[10] x) => (float[] y)
        <float[10] w = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}>
        {
            a = Concat<axis = 0>(x, x)
            b = Relu(a)
            c = Concat<axis = 0>(b, b, b)
            y = ReduceSum<keepdims = 0>(c)
            unread = Add(x, w)
        }"""
    )
    # x, which the last node reads, a or b, and c: 10, 20 and 60 elements of 4 bytes.
    assert found.activation_bytes == 4 * (10 + 20 + 60)
    assert found.largest_tensor is not None
    assert found.largest_tensor == ("c", "float32[60]", 240)
    assert found.weight_bytes == 40


def test_what_a_body_holds_is_alive_beside_what_is_around_it() -> None:
    found = parsed(
        """agraph (float[10] x, bool c) => (float[] y)
        {
            y = If<then_branch = yes () => (float[] t) { a = Concat<axis = 0>(x, x) t = Relu(a) },
                else_branch = no () => (float[] e) { e = Relu(x) }>(c)
        }"""
    )
    # x and c; a and t within; y, of which either 10 or 20 elements come, counts as 10.
    assert found.activation_bytes == 40 + 1 + 80 + 80 + 40
    assert not found.exact


def test_names_are_bounds_from_below() -> None:
    text = "agraph (float[N, 3] x) => (float[N, N] y) { t = Transpose(x) y = MatMul(x, t) }"
    bound, exact = parsed(text), parsed(text, x=(7, 3))
    assert (bound.exact, bound.macs) == (False, 3)
    assert bound.inputs == (("x", "float32[N,3]"),)
    assert (exact.exact, exact.macs) == (True, 7 * 7 * 3)
    assert exact.inputs == (("x", "float32[7,3]"),)


def test_what_is_not_known_is_counted() -> None:
    found = parsed("agraph (float[2] x) => (float[] y) { a = local.Unknown(x) y = MatMul(a, x) }")
    assert not found.exact
    assert found.unknown_nodes == 2
    assert found.without_rule == (("local::Unknown", 1),)


def test_inputs_that_are_initializers_are_weights() -> None:
    model = parser.parse_model(
        HEAD + "agraph (float[3] x, float[3] w = {1, 2, 3}) => (float[3] y) { y = Add(x, w) }"
    )
    found = cost(model.SerializeToString())
    assert found.inputs == (("x", "float32[3]"),)
    assert (found.weight_bytes, found.activation_bytes) == (12, 24)


def test_numbers_that_explode_end() -> None:
    calls = "".join(
        f"""<domain: "local", opset_import: ["" : 17, "local" : 1]>
        F{i} (v) => (w) {{ a = local.F{i + 1}(v) w = local.F{i + 1}(a) }} """
        for i in range(90)
    )
    found = parsed(
        "agraph (float[9, 9] x) => (float[] y) { y = local.F0(x) }"
        + calls
        + '<domain: "local", opset_import: ["" : 17]> F90 (v) => (w) { w = MatMul(v, v) }'
    )
    assert found.macs == LARGEST


# -- beside ONNX Runtime --------------------------------------------------------------------------


def requested_by_onnx_runtime(path: Path, feeds: dict[str, np.ndarray], folder: Path) -> int:
    """The peak of bytes that ONNX Runtime's allocator was asked for, seen at the ends of nodes.

    Without what was there before the first node: weights, as its kernels want them laid out.
    """
    options = onnxruntime.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    session.run(None, feeds)
    events = json.loads(Path(session.end_profiling()).read_text())
    nodes = [event["args"] for event in events if "mem_bytes_requested_in_use" in event["args"]]
    in_use = [int(node["mem_bytes_requested_in_use"]) for node in nodes]
    return max(in_use) - (in_use[0] - int(nodes[0]["mem_requested_in_use_delta"]))


def in_use(data: bytes, feeds: dict[str, np.ndarray], folder: Path) -> tuple[int, int]:
    """Our peak, and ONNX Runtime's; both without the inputs, which are the caller's there."""
    path = folder / "model.onnx"
    path.write_bytes(data)
    ours = cost(data, {name: array.shape for name, array in feeds.items()})
    assert ours.exact
    return ours.activation_bytes, requested_by_onnx_runtime(path, feeds, folder)


@pytest.mark.parametrize("size", [64, 256])
@pytest.mark.parametrize("resize", [False, True], ids=["v1", "v2"])
def test_the_peak_is_near_what_onnx_runtime_asks_for(
    resize: bool, size: int, tmp_path: Path
) -> None:
    data = make_models.saliency(resize, width=16).SerializeToString()
    image = np.zeros((1, 3, size, size), np.float32)
    ours, theirs = in_use(data, {"input": image}, tmp_path)
    assert theirs / 2 <= ours <= 2 * theirs


@pytest.mark.parametrize(
    "network", ["residual", "transformer", "convolutions", "recurrent", "sizes"]
)
def test_the_peak_of_other_networks_is_near_what_onnx_runtime_asks_for(
    network: str, tmp_path: Path
) -> None:
    feeds = {k: v.numpy() for k, v in networks.NETWORKS[network].inputs().items()}
    ours, theirs = in_use(networks.export(network, "torchscript")[1], feeds, tmp_path)
    assert theirs / 2 <= ours <= 2 * theirs


def test_nodes_that_get_or_give_something_else_are_counted_apart() -> None:
    found = parsed(
        """agraph (float[2, 3] a, float[4, 3] b, float[3, 5] w) => (y, z, again)
        { y = MatMul(a, w) z = MatMul(b, w) again = MatMul(a, w) }"""
    )
    assert [(node.position, node.macs) for node in found.nodes] == [(1, 60), (0, 30), (2, 30)]


def test_what_has_no_room_of_its_own_is_in_no_list_of_rooms() -> None:
    text = "agraph (float[2, 3] a, float[3, 5] w) => (y) { y = MatMul(a, w) }"
    model = read_model(parser.parse_model(HEAD + text).SerializeToString())
    assert infer_shapes(model, count=True).roots[0].workspaces == {}


def test_a_value_that_is_read_before_it_is_made_or_never_is_told_apart() -> None:
    of_order = """agraph (float[4] x) => (y)
        { y = Add(a, x) a = Relu(x) never = Abs(x) last = Neg(x) }"""
    assert parsed(of_order).activation_bytes == 4 * 4 * 4
