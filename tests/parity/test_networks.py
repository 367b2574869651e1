"""What networks of many kinds brought to light: indices among vertices, order, size."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from support.parity_cases import (
    Network,
    errors,
    exported,
    graph,
    seeded,
    values,
    warned,
    weighted,
)
from torch import Tensor, nn

from onnxguard.parity import check, node_pass
from onnxguard.parity.check import check_parity
from onnxguard.parity.proving import Gate, prove
from onnxguard.parity.report import Proof


class Messages(nn.Module):
    """Every vertex sums what its neighbours say."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 4)

    def forward(self, vertices: Tensor, edges: Tensor) -> Tensor:
        told = self.linear(vertices)[edges[0]]
        return torch.zeros_like(vertices[:, :4]).index_add(0, edges[1], told)


LOSES = """(float[V, 8] vertices, int64[2, E] edges) => (float[V, 4] y) {
  from_ = Gather(edges, zero) to = Gather(edges, one)
  state = Gemm <transB = 1> (vertices, weight, bias) told = Gather(state, from_)
  shape = Shape(state) nothing = ConstantOfShape(shape)
  axis = Constant <value_ints = [1]> () column = Unsqueeze(to, axis) size = Shape(told)
  all = Expand(column, size) y = ScatterElements REDUCTION (nothing, all, told)
}"""


def test_indices_pick_among_as_many_as_there_are() -> None:
    module = seeded(Messages)
    weights = {
        "weight": module.linear.weight.detach().numpy(),
        "bias": module.linear.bias.detach().numpy(),
        "zero": np.int64(0),
        "one": np.int64(1),
    }
    right = graph(LOSES.replace("REDUCTION", '<axis = 0, reduction = "add">'), **weights)
    report = check_parity(right, module)
    assert report.verdict == "pass", report.findings
    (drawn,) = (one.said for one in report.coverage if one.what == "values")
    assert drawn == "0 to below V, among which it picks"
    assert all(trial.outcome == "compared" for trial in report.trials), report.trials
    wrong = graph(LOSES.replace("REDUCTION", "<axis = 0>"), **weights)
    assert "OP201" in errors(check_parity(wrong, module))


@pytest.mark.parametrize(
    ("least", "scale", "largest", "found"),
    [
        (-1, 1.0, 1, False),  # one row in six has the key 0, and none an order
        (1, 1.0, 1, True),  # most have: any order would do
        (-9, 1.0, 0, True),  # the order is the other way
        (-9, 1e-9, 0, True),  # and is so, too, where all keys are next to zero
    ],
)
def test_rows_change_places_among_few_equal_keys_alone(
    least: float, scale: float, largest: int, found: bool
) -> None:
    data = graph(
        f"""(float[n, 4] x) => (float[n, 4] rows, float[n] keys) {{
          column = Gather <axis = 1> (x, zero) above = Sub(column, least) cut = Relu(above)
          noise = Mul(column, tiny) noisy = Sub(cut, noise) unsorted = Mul(noisy, scale)
          count = Shape(unsorted) keys, places = TopK <largest = {largest}> (unsorted, count)
          rows = Gather(x, places)
        }}""",
        zero=np.int64(0),
        least=np.float32(least),
        tiny=np.float32(1e-9),
        scale=np.float32(scale),
    )

    def descending(x: Tensor) -> tuple[Tensor, Tensor]:
        keys, places = torch.sort((x[:, 0] - least).relu() * scale, descending=True, stable=True)
        return x[places], keys

    report = check_parity(data, Network(descending), shapes=("x=64x4",))
    assert ("OP201" in errors(report)) is found, report.findings
    assert found or any("rows of rows change places" in said for said in report.remarks)


@pytest.mark.parametrize("labels", ["float", "int64"])
def test_rows_change_places_as_a_whole(labels: str) -> None:
    data = graph(
        f"""(float[n, 4] x) => (float[n, 4] rows, float[n] keys, {labels}[n] labels) {{
          column = Gather <axis = 1> (x, zero) above = Add(column, least) cut = Relu(above)
          noise = Mul(column, tiny) noisy = Sub(cut, noise) count = Shape(cut)
          keys, places = TopK(cut, count) other, others = TopK(noisy, count)
          rows = Gather(x, others) told = Gather(x, places) last = Gather <axis = 1> (told, three)
          tens = Mul(last, ten) labels = Cast <to = {1 if labels == "float" else 7}> (tens)
        }}""",
        zero=np.int64(0),
        three=np.int64(3),
        least=np.float32(1),
        ten=np.float32(10),
        tiny=np.float32(1e-9),
    )

    def labelled(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        keys, places = torch.sort((x[:, 0] + 1).relu(), descending=True, stable=True)
        tens = x[places][:, 3] * 10
        return x[places], keys, tens if labels == "float" else tens.long()

    report = check_parity(data, Network(labelled), shapes=("x=64x4",), profiles=("normal",))
    assert errors(report) & {"OP201", "OP206"}, report.remarks


def test_rows_do_not_change_places_where_most_keys_are_equal() -> None:
    swapped = """(float[n, 4] x) => (float[n, 4] rows, float[n] whole) {
      column = Gather <axis = 1> (x, zero) count = Shape(column) keys, places = TopK(column, count)
      second = Slice(places, a, b) first = Slice(places, start, a) rest = Slice(places, b, count)
      turned = Concat <axis = 0> (second, first, rest) rows = Gather(x, turned)
      high = Greater(keys, least) whole = Cast <to = 1> (high)
    }"""
    ends = {"start": np.array([0]), "a": np.array([1]), "b": np.array([2])}
    data = graph(swapped, zero=np.int64(0), least=np.float32(-1.5), **ends)

    def descending(x: Tensor) -> tuple[Tensor, Tensor]:
        keys, places = torch.sort(x[:, 0], descending=True)
        return x[places], (keys > -1.5).float()

    report = check_parity(data, Network(descending), shapes=("x=64x4",), local=False)
    assert "OP201" in errors(report)


@pytest.mark.parametrize("fill", [np.finfo(np.float32).min, -1e9, -1e4])
def test_what_a_mask_is_filled_with_hides_no_error_far_out(fill: float) -> None:
    data = graph(
        """(float[n, l, 4] x) => (float[n, l, 4] y) {
          turned = Transpose <perm = [0, 2, 1]> (x) scores = MatMul(x, turned)
          shape = Shape <start = 1, end = 2> (x) sizes = Concat <axis = 0> (shape, shape)
          ones = Expand(one, sizes) lower = Trilu <upper = 0> (ones) seen = Cast <to = 9> (lower)
          masked = Where(seen, scores, fill) shares = Softmax(masked) y = MatMul(shares, x)
        }""",
        one=np.float32(1),
        fill=np.float32(fill),
    )

    def attention(x: Tensor, most: float) -> Tensor:
        seen = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        scores = (x @ x.transpose(1, 2)).clamp(-most, most)
        return scores.masked_fill(~seen, fill).softmax(-1) @ x

    lost = check_parity(data, Network(lambda x: attention(x, 30.0)))
    assert "OP201" in errors(lost), lost.findings
    report = check_parity(data, Network(lambda x: attention(x, torch.inf)))
    assert report.verdict == "pass", report.findings


def test_weights_that_are_made_of_parameters_are_the_references() -> None:
    def build() -> nn.Module:
        linear = nn.Linear(8, 8)
        with torch.no_grad():
            linear.bias.normal_()
        return nn.Sequential(nn.utils.parametrizations.weight_norm(linear), nn.Tanh())

    module = seeded(build)
    with torch.no_grad():
        module[0].parametrizations.weight.original0 *= 1.05  # as training does
    report = check_parity(exported(module, {"x": values(0, 2, 8)}, dynamic={"x": {0: "N"}}), module)
    assert report.verdict == "pass", report.findings
    assert report.weights is not None
    assert report.weights.matched == report.weights.weights == 1


@pytest.mark.parametrize(("factor", "wrong"), [(1 + 2**-19, False), (1 + 1e-4, True)])
def test_rounding_that_grows_far_out_is_no_error_where_every_node_is_right(
    factor: float, wrong: bool
) -> None:
    data = graph(
        "(float[n, 4] x) => (float[n, 5] y) { h = MatMul(x, w) y = Mul(h, k) }",
        k=np.float32(factor),
    )
    report = check_parity(data, Network(lambda x: weighted(x) * 1.0), profiles=("large",))
    assert any(d.eased for trial in report.trials for d in trial.differences) is not wrong
    assert errors(report) == ({"OP201", "OP401"} if wrong else set()), report.findings


def test_a_proof_judges_by_trials_that_the_graph_itself_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = graph(
        "(float[n, 4] x) => (float[n, 5] y) { h = MatMul(x, w) y = Mul(h, k) }",
        k=np.float32(1 + 2**-20),
    )
    passed = []

    def watched(gate: Gate, proto: onnx.ModelProto, *rest: Any) -> Proof:
        passed.append(gate.passes(proto))
        return prove(gate, proto, *rest)

    monkeypatch.setattr(check, "prove", watched)
    module = Network(lambda x: weighted(x) * 1.0)
    report = check_parity(data, module, profiles=("normal", "large"), mutants=4)
    assert any(d.eased for trial in report.trials for d in trial.differences)
    assert passed == [True]


@pytest.mark.parametrize("axis", [0, 1])
def test_what_is_wrong_by_little_where_inputs_are_long_or_many_is_no_rounding(axis: int) -> None:
    data = graph(
        f"""(float[n, l, 4] x) => (float[n, l, 5] y) {{
          h = MatMul(x, w) size = Shape <start = {axis}, end = {axis + 1}> (x)
          more = Greater(size, most) wrong = Cast <to = 1> (more) share = Mul(wrong, slight)
          factor = Add(share, one) y = Mul(h, factor)
        }}""",
        most=np.array([40 if axis else 8]),
        slight=np.float32(9e-5),
        one=np.float32(1),
    )
    assert "OP201" in errors(check_parity(data, Network(weighted)))


def test_of_a_large_graph_the_first_nodes_are_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_pass, "NODES", 2)
    data = graph("(float[n, 4] x) => (float[n, 5] y) { h = MatMul(x, w) i = Neg(h) y = Neg(i) }")
    report = check_parity(data, Network(weighted))
    assert report.verdict == "pass"
    assert "OP402" in warned(report)
    assert (report.nodes.nodes, report.nodes.unchecked) == (
        3,
        ("node 1 (Neg)", "node 2 (Neg)"),
    )
    assert any("first 2 nodes were run alone, 1 were not" in said for said in report.remarks)
    assert check_parity(data, Network(weighted), local=True).nodes.unchecked == ()


def test_decisions_behind_nodes_that_were_not_run_are_doubted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(node_pass, "NODES", 2)
    data = graph(
        "(float[n, 4] x) => (int64[n] y) { a = Neg(x) b = Neg(a) h = MatMul(b, w) "
        "y = ArgMax <axis = 1, keepdims = 0> (h) }"
    )
    module = Network(lambda x: weighted(x).argmax(1))
    assert errors(check_parity(data, module)) == {"OP308"}
    assert check_parity(data, module, local=True).verdict == "pass"
