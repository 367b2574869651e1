"""What people export: rounding, rows that nobody reads, copies of lower precision, masks, ties."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from support.parity_cases import (
    LINEAR,
    Array,
    Network,
    assert_honest,
    errors,
    exported,
    graph,
    linear,
    seeded,
    values,
    warned,
    weighted,
)
from torch import Tensor, nn
from torch.nn import functional

from onnxguard.base.errors import UsageError
from onnxguard.parity.check import check_parity
from onnxguard.parity.report import Outcome, ParityReport
from onnxguard.parity.torch_reference import TorchReference
from onnxguard.running.errors import RefusedError
from onnxguard.running.graph_file import parse_onnx
from onnxguard.running.inputs import more_shapes
from onnxguard.running.ranges import Ranges, parse_values

N = {0: "N"}
NL = {0: "N", 1: "L"}


def traced(module: nn.Module, example: Tensor, dims: dict[int, str], name: str = "x") -> bytes:
    return exported(module, {name: example}, dynamic={name: dims})


def changed(data: bytes, name: str, change: Callable[[Array], Array]) -> bytes:
    """The graph with one initializer changed."""
    proto = onnx.load_from_string(data)
    tensor = next(t for t in proto.graph.initializer if t.name == name)
    value = np.ascontiguousarray(change(numpy_helper.to_array(tensor).copy()))
    tensor.CopyFrom(numpy_helper.from_array(value, name))
    return proto.SerializeToString()


def said(report: ParityReport) -> str:
    return " ".join((*report.remarks, *(f.message for f in report.findings)))


# Rounding


class Logits(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(256, 256), nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(torch.relu(self.a(x))) * 1000


@pytest.fixture(scope="module")
def logits() -> tuple[nn.Module, bytes]:
    module = seeded(Logits)
    return module, traced(module, values(0, 2, 256), N)


def test_rounding_has_a_code_of_its_own_and_an_option_that_accepts_it(
    logits: tuple[nn.Module, bytes],
) -> None:
    module, data = logits
    strict = check_parity(data, module)
    assert errors(strict) == {"OP208"}
    assert "off by" in said(strict)
    report = check_parity(data, module, tolerance="rounding")
    assert report.verdict == "pass", report.findings
    assert "accepted as asked" in said(report)


def test_an_error_is_no_rounding(logits: tuple[nn.Module, bytes]) -> None:
    module, data = logits
    wrong = changed(data, "b.weight", lambda w: w * np.float32(1 + 1e-5))
    for tolerance in ("exact", "rounding"):
        report = check_parity(wrong, module, tolerance=tolerance, ignore=("OP112",))
        assert "OP201" in errors(report), report.findings


@pytest.mark.parametrize("seed", [1, 2])
def test_what_rounding_leads_across_a_step_is_no_error(seed: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        before, behind = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 2, 1)

    class Stepped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.behind = before, behind

        def forward(self, x: Tensor) -> Tensor:
            return self.behind((self.before(x) * 256).round() / 256)

    data = traced(Stepped(), values(0, 1, 3, 8, 8), {0: "N", 2: "H", 3: "W"})
    report = check_parity(data, Stepped(), tolerance="rounding")
    assert report.verdict == "pass", report.findings
    assert errors(check_parity(data, Stepped())) <= {"OP208"}


STEPPED = """(float[n, 4] x) => (float[n, 5] y) {
  h = MatMul(x, w) a = Mul(h, fine) r = Round(a) b = Div(r, fine) c = Mul(b, thousand)
  y = Add(c, off)
}"""


def stepped(x: Tensor) -> Tensor:
    return (weighted(x) * 4096).round() / 4096 * 1000


@pytest.mark.parametrize("off", [0.0, 5e-3])
def test_a_few_steps_explain_no_error_of_all_elements(off: float) -> None:
    scales = {"fine": np.float32(4096), "thousand": np.float32(1000)}
    data = graph(STEPPED, off=np.float32(off), **scales)
    settings: dict[str, Any] = {"tolerance": "rounding", "shapes": ("x=20000x4",)}
    report = check_parity(data, Network(stepped), **settings)
    assert errors(report) == ({"OP201"} if off else set()), report.findings


def test_rounding_is_not_told_where_no_node_was_run_alone(logits: tuple[nn.Module, bytes]) -> None:
    module, data = logits
    assert errors(check_parity(data, module, tolerance="rounding", local=False)) == {"OP201"}


def test_a_relative_tolerance_and_one_for_a_single_output(logits: tuple[nn.Module, bytes]) -> None:
    module, data = logits
    name = parse_onnx(data, "-").outputs[0].name
    assert_passes(check_parity(data, module, rtol=1e-3, atol=1e-2))
    assert_passes(check_parity(data, module, atols={name: 1e-1}))
    assert "OP208" in errors(check_parity(data, module, atols={name: 1e-7}))
    with pytest.raises(UsageError, match='no output "z"'):
        check_parity(data, module, rtols={"z": 1e-3})


def assert_passes(report: ParityReport) -> None:
    assert report.verdict == "pass", report.findings


def test_inputs_on_which_float32_fails_are_no_evidence() -> None:
    data = graph(
        "(float[n, 4] x) => (float[n, 4] y) { h = Mul(x, big) s = Add(h, x) y = Sub(s, h) }",
        big=np.float32(1e7),
    )

    def cancels(x: Tensor) -> Tensor:
        return (x * 1e7).add(x) - x * 1e7

    report = check_parity(data, Network(lambda x: cancels(x) + 0.003 * x), local=False)
    assert {trial.outcome for trial in report.trials} == {Outcome.NO_EVIDENCE}
    assert errors(report) == {"OP301"}
    assert report.verdict == "vacuous"
    assert "no evidence" in said(report)


# Equal although numbers do not say so


HONEST: dict[str, Callable[[Tensor], Any]] = {
    "isinf": lambda y: torch.where(torch.isinf(y), torch.zeros_like(y), y),
    "isfinite": lambda y: torch.where(torch.isfinite(y), y, torch.zeros_like(y)),
    "doubles inside": lambda y: (y.double() * 1.5 + 0.1).float(),
    "half inside": lambda y: (y.half().float() * 2).round(),
    "masked logits": lambda y: y.masked_fill(torch.arange(8) > 5, float("-inf")),
    "one-hot": lambda y: functional.one_hot(y.argmax(-1), 8),
    "the logarithm of nothing": lambda y: torch.log(torch.relu(y)),
}


class On(nn.Module):
    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.l = nn.Linear(8, 8)
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(self.l(x))


@pytest.mark.parametrize("name", HONEST)
def test_honest_graphs_are_not_refused(name: str) -> None:
    module = seeded(lambda: On(HONEST[name]))
    report = check_parity(traced(module, values(1, 2, 8), N), module)
    assert report.verdict == "pass", report.findings
    if name == "isinf":
        assert not warned(report)
        assert "nothing was NaN or infinite where nodes look for it: /Where" in said(report)


def test_what_asks_for_nan_in_something_else_guards_nothing() -> None:
    data = graph(
        """(float[n, 4] x) => (float[n, 5] y) {
          h = MatMul(x, w) most = ReduceMax <axes = [1], keepdims = 1> (x)
          left = Sub(limit, most) root = Sqrt(left) c = IsNaN(root) y = Where(c, zero, h)
        }""",
        limit=np.float32(7777),
        zero=np.float32(0),
    )
    assert "OP310" in warned(check_parity(data, linear()))


def test_equal_infinities_are_said_and_a_wrong_one_fails() -> None:
    module = seeded(lambda: On(HONEST["masked logits"]))
    data = traced(module, values(1, 2, 8), N)
    assert "infinities of" in said(check_parity(data, module))
    other = seeded(lambda: On(lambda y: y.masked_fill(torch.arange(8) > 4, float("-inf"))))
    assert "OP205" in errors(check_parity(data, other))


def test_places_among_equals_are_no_errors_and_others_are() -> None:
    rounded = """(float[n, 9] x) => (float[n, 3] best, int64[n, 3] at) {
      h = Mul(x, two) r = Round(h) best, at = TopK <axis = 1> (r, k)
    }"""
    data = graph(rounded, two=np.float32(2), k=np.array([3]))

    def turned(x: Tensor) -> tuple[Tensor, Tensor]:
        v, i = torch.topk((x * 2).round(), 3, dim=1)
        return v, i.roll(1, 1)

    assert "OP206" in errors(check_parity(data, Network(turned)))
    report = check_parity(data, Network(lambda x: torch.topk((x * 2).round(), 3, dim=1)))
    assert report.verdict == "pass", report.findings


def test_what_is_computed_of_places_among_equals_is_no_error() -> None:
    def classes(x: Tensor) -> Tensor:
        return weighted(x).sigmoid().flatten(1).topk(7).indices % 5

    def others(x: Tensor) -> Tensor:
        return (classes(x) + 1) % 5

    def bare(x: Tensor) -> Tensor:
        return weighted(x).flatten(1).topk(7).indices % 5

    def clamped(x: Tensor) -> Tensor:
        return weighted(x).clamp(max=30).flatten(1).topk(7).indices % 5

    example = values(0, 2, 6, 4)
    data = traced(Network(clamped), example, {0: "N"})
    assert "OP206" in errors(check_parity(data, Network(bare)))
    data = traced(Network(classes), example, {0: "N"})
    report = check_parity(data, Network(classes))
    assert_honest(report)
    assert "differ among equal values alone" in said(report)
    assert "OP206" in errors(check_parity(data, Network(others)))


@pytest.mark.parametrize("factor", [0.0, -1e-7])
@pytest.mark.parametrize("local", [None, False])
def test_equals_among_numbers_of_the_graph_alone_settle_nothing(
    factor: float, local: bool | None
) -> None:
    data = graph(
        "(float[n, 4] x) => (int64[n] y) { h = MatMul(x, w) t = Mul(h, k) "
        "y = ArgMax <axis = 1, keepdims = 0> (t) }",
        k=np.float32(factor),
    )
    module = Network(lambda x: weighted(x).argmax(1))
    report = check_parity(data, module, local=local, profiles=("normal",))
    assert "OP206" in errors(report)
    assert "OP401" in errors(report) or local is False


def test_a_decision_on_sizes_alone_is_a_remark() -> None:
    def forward(x: Tensor) -> Tensor:
        return weighted(x) if bool((torch.arange(x.shape[1]) < 99).all()) else x

    report = check_parity(LINEAR, Network(forward))
    assert_honest(report)
    assert "decides alike at all sizes tried: x 1x4" in said(report)


# What is tried


class Rows(nn.Module):
    def __init__(self, rows: int = 3000) -> None:
        super().__init__()
        self.e = nn.Embedding(rows, 8)

    def forward(self, ids: Tensor) -> Tensor:
        return self.e(ids)


class Positions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.e, self.p = nn.Embedding(50, 8), nn.Embedding(300, 8)

    def forward(self, ids: Tensor) -> Tensor:
        return self.e(ids) + self.p(torch.arange(ids.shape[1]))


IDS = torch.tensor([[1, 2, 3]])


def test_rows_that_no_trial_reads_are_compared_as_weights() -> None:
    module = seeded(Rows)
    data = traced(module, IDS, NL, "ids")
    assert_honest(check_parity(data, module))

    def cut(table: Array) -> Array:
        table[2000:2900] = 0
        return table

    report = check_parity(changed(data, "e.weight", cut), module, ignore=("OP201", "OP401")[2:])
    assert "OP112" in errors(report)
    assert "900 of them are zero" in said(report)
    settings: dict[str, Any] = {"local": False, "shapes": ("ids=2x31",)}
    other = check_parity(changed(data, "e.weight", cut), Network(module.forward), **settings)
    assert "OP311" in warned(other)
    assert "of 3,000 rows were read" in said(other)


def test_a_table_of_positions_is_read_to_its_end() -> None:
    module = seeded(Positions)
    data = traced(module, IDS, NL, "ids")
    report = check_parity(data, module)
    assert_honest(report)
    reached = {one.name: (one.reached, one.extent) for one in report.coverage if one.what == "rows"}
    assert reached["p.weight"] == (300, 300)

    def cut(table: Array) -> Array:
        table[64:] = 0
        return table

    wrong = check_parity(changed(data, "p.weight", cut), module, ignore=("OP112",))
    assert "OP201" in errors(wrong)


def test_other_weights_are_one_finding() -> None:
    def net() -> nn.Module:
        return nn.Sequential(*(nn.Linear(8, 8) for _ in range(4)))

    data = traced(seeded(net), values(0, 1, 8), N)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        stranger = net()
    report = check_parity(data, stranger)
    assert "OP113" in errors(report)
    assert "--weights?" in said(report)
    assert "OP112" not in errors(report)


WEIGHTS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "transposed": (
        lambda: nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 5)),
        (2, 4, 8),
        "transposed",
    ),
    "folded": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).eval(),
        (1, 3, 9, 9),
        "folded with a norm",
    ),
    "rearranged": (
        lambda: nn.LSTM(4, 6, batch_first=True, bidirectional=True),
        (2, 5, 4),
        "rearranged",
    ),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_are_recognised_however_they_are_written(name: str) -> None:
    build, shape, way = WEIGHTS[name]
    module = seeded(build)
    with torch.no_grad():
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.normal_()  # type: ignore[union-attr]
                norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
                norm.weight.uniform_(0.5, 2)
                norm.bias.normal_()
    outputs = ("y", "h", "c") if name == "rearranged" else ("y",)
    data = exported(module, {"x": values(0, *shape)}, outputs, {"x": N})
    report = check_parity(data, module, local=False)
    assert report.weights is not None
    assert report.weights.matched == report.weights.weights, report.weights
    assert way in dict(report.weights.ways)


def test_a_folded_weight_that_is_scaled_is_named() -> None:
    build, shape, _ = WEIGHTS["folded"]
    module = seeded(build)
    data = traced(module, values(0, *shape), N)
    name = onnx.load_from_string(data).graph.node[0].input[1]
    report = check_parity(changed(data, name, lambda w: w * np.float32(1.0005)), module)
    assert "OP112" in errors(report)


WRONG: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor], Tensor, dict[int, str]]] = {
    "a wrap that is lost": (
        lambda ids: TABLE[torch.remainder(ids, 100)],
        lambda ids: TABLE[ids],
        IDS,
        NL,
    ),
    "a remainder of negative numbers": (
        lambda ids: TABLE[torch.remainder(ids, 64)],
        lambda ids: TABLE[torch.fmod(ids, 64).abs()],
        IDS,
        NL,
    ),
    "a bound of integers": (
        lambda ids: ids[:, None] * 0.01,
        lambda ids: ids.clamp(max=100)[:, None] * 0.01,
        torch.tensor([3]),
        N,
    ),
    "integers that float32 does not keep": (
        lambda ids: (ids // 3 % 100) * 0.1,
        lambda ids: ((ids.float() / 3).floor().long() % 100) * 0.1,
        IDS,
        NL,
    ),
    "a quotient before a wrap": (
        lambda ids: TABLE[ids // 1000 % 100],
        lambda ids: TABLE[ids // 1000 % 99],
        IDS,
        NL,
    ),
    "a bound that the graph lost": (
        lambda x: x.clamp(-60, 60).sigmoid() + x.clamp(-60, 60),
        lambda x: x.sigmoid() + x,
        values(0, 1, 4),
        N,
    ),
    "a bound behind a product": (
        lambda x: weighted(x).relu().log1p(),
        lambda x: weighted(x).clamp(max=100).relu().log1p(),
        values(0, 1, 4),
        N,
    ),
    "halves": (
        lambda x: torch.round(x * 2) / 2,
        lambda x: torch.floor(x * 2 + 0.5) / 2,
        values(0, 1, 4),
        N,
    ),
    "a guard against dividing by zero": (
        lambda x: functional.normalize(x, dim=-1),
        lambda x: functional.normalize(x, dim=-1, eps=1e-2),
        values(0, 2, 32),
        N,
    ),
    "a buffer of eight rows": (
        lambda x: x * 2,
        lambda x: torch.cat([x[:8] * 2, x[8:] * 0]),
        values(0, 2, 4),
        N,
    ),
    "a length": (
        lambda x: x * (1.0 if x.shape[1] <= 64 else 0.5),
        lambda x: x * 1.0,
        values(0, 2, 4, 3),
        NL,
    ),
    "indices from the end": (
        lambda ids: TABLE[ids],
        lambda ids: TABLE[ids.abs()],
        IDS,
        NL,
    ),
    "a buffer of sixty-four rows": (
        lambda x: x * 2,
        lambda x: torch.cat([x[:64] * 2, x[64:] * 0]),
        values(0, 2, 4),
        N,
    ),
    "a table that is cut where its first rows are taken": (
        lambda x: x + PLACES[: x.shape[1]],
        lambda x: x + PLACES[:280][: x.shape[1]],
        values(0, 2, 5, 4),
        NL,
    ),
    "a table that is cut where places are computed": (
        lambda x: x + PLACES[torch.arange(x.shape[1])],
        lambda x: x + PLACES[:280][torch.arange(x.shape[1])],
        values(0, 2, 5, 4),
        NL,
    ),
    "a length behind a table that limits none": (
        lambda x: x + PLACES[:20][torch.arange(x.shape[1]) % 20],
        lambda x: x + PLACES[:20][torch.arange(x.shape[1]).clamp(max=90) % 20],
        values(0, 2, 5, 4),
        NL,
    ),
    "a window": (
        lambda x: x * (torch.arange(x.shape[1]) < 400)[:, None],
        lambda x: x * (torch.arange(x.shape[1]) < 500)[:, None],
        values(0, 2, 5, 4),
        NL,
    ),
    "places along the first axis": (
        lambda x: x + PLACES[torch.arange(x.shape[0])][:, None],
        lambda x: x + PLACES[torch.arange(x.shape[0]).clamp(max=280)][:, None],
        values(0, 5, 2, 4),
        {0: "L", 1: "N"},
    ),
}
PLACES = values(8, 300, 4)
TABLE = values(9, 100, 4)


@pytest.mark.parametrize("name", WRONG)
def test_what_only_some_legal_inputs_show_is_found(name: str) -> None:
    right, wrong, example, dims = WRONG[name]
    input_name = "ids" if example.dtype == torch.int64 else "x"
    data = traced(Network(wrong), example, dims, input_name)
    assert check_parity(data, Network(wrong)).verdict == "pass"
    report = check_parity(data, Network(right))
    assert errors(report) & {"OP201", "OP207"}, report.findings
    unusual = "integers that float32 does not keep, unless --values" in said(report)
    assert unusual is ("float32" in name)


def pooled(least: float, dtype: torch.dtype) -> tuple[nn.Module, bytes]:
    """A mean of what counts, of at least so much, and its graph."""

    def forward(x: Tensor, mask: Tensor) -> Tensor:
        counts = mask[..., None].to(x.dtype)
        return (x * counts).sum(1) / counts.sum(1).clamp(min=least)

    examples = {"x": values(0, 2, 5, 4), "mask": torch.ones(2, 5, dtype=dtype)}
    module = Network(forward)
    return module, exported(module, examples, dynamic={"x": NL, "mask": NL})


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_a_row_in_which_nothing_counts_is_tried(dtype: torch.dtype) -> None:
    guarded, kept = pooled(1, dtype)
    bare, lost = pooled(0, dtype)
    assert_honest(check_parity(kept, guarded))
    assert_honest(check_parity(lost, bare))
    report = check_parity(lost, guarded)
    assert warned(report) == {"OP313"}, report.findings
    assert "where a row of a mask holds nothing, y is NaN" in said(report)
    assert report.verdict == "pass"


def windowed(width: int, last: str = "Identity(z)") -> bytes:
    """An attention to so many places before each; to all alike where nothing is left."""
    return graph(
        f"""(float[n, t, 4] x, int64[n, t] attention_mask) => (float[n, t, 4] y) {{
          s = Shape<start = 1, end = 2>(x) t = Squeeze(s) r = Range(zero, t, one)
          i = Unsqueeze(r, last) j = Unsqueeze(r, first) d = Sub(i, j)
          before = GreaterOrEqual(d, zero) near = Less(d, width) window = And(before, near)
          m = Cast<to = 9>(attention_mask) k = Unsqueeze(m, last) keep = And(window, k)
          q = Mul(x, root) x_t = Transpose<perm = [0, 2, 1]>(x) k_t = Mul(x_t, root)
          p = MatMul(q, k_t) scores = Where(keep, p, least) a = Softmax(scores)
          z = MatMul(a, x) y = {last} }}""",
        zero=np.array(0),
        one=np.array(1),
        width=np.array(width),
        first=np.array([0]),
        last=np.array([1]),
        root=np.float32(0.5**0.5),
        least=np.float32(-1e30),
    )


def window_of_two(x: Tensor, attention_mask: Tensor) -> Tensor:
    places = torch.arange(x.shape[1])
    far = places[:, None] - places
    keep = (far >= 0) & (far < 2) & attention_mask[:, None].bool()
    return functional.scaled_dot_product_attention(x, x, x, attn_mask=keep)


def test_what_a_window_of_padding_gives_is_a_warning() -> None:
    network = Network(window_of_two)
    report = check_parity(windowed(2), network)
    assert warned(report) == {"OP313"}, report.findings
    assert [finding.code for finding in report.findings] == ["OP313"]
    assert report.verdict == "pass"
    for wrong in (windowed(3), windowed(2, "Mul(z, root)")):
        report = check_parity(wrong, network)
        assert "OP201" in errors(report), report.findings


def ranges(text: str, **weights: Any) -> dict[str, tuple[float, float]]:
    proto = onnx.load_from_string(graph(text, **weights))
    return {name: (one.low, one.high) for name, one in Ranges(proto).integers.items()}


EMB = np.zeros((40, 3), np.float32)


def test_ranges_come_from_the_graph() -> None:
    head = "(int64[n] i) => (float[n, 3] y) "
    assert ranges(head + "{ y = Gather(t, i) }", t=EMB) == {"i": (0, 39)}
    shifted = head + "{ j = Add(i, four) y = Gather(t, j) }"
    assert ranges(shifted, t=EMB, four=np.int64(4)) == {"i": (-4, 35)}
    cast = head + "{ h = Cast <to = 1> (t) j = Identity(i) y = Gather(h, j) }"
    assert ranges(cast, t=EMB.astype(np.float16)) == {"i": (0, 39)}
    low, high = ranges(head + "{ j = Mod(i, m) y = Gather(t, j) }", t=EMB, m=np.int64(40))["i"]
    assert low < 0
    assert high > 39
    use = """(int64[n, 3] m, float[n, 3] x) => (float[n, 3] y) {
      c = Cast <to = 1> (m) d = Sub(one, c) y = Mul(x, d)
    }"""
    assert ranges(use, one=np.float32(1)) == {"m": (0, 1)}
    hot = "(int64[n] i) => (float[n, 7] y) { y = OneHot(i, seven, off_on) }"
    assert ranges(hot, seven=np.int64(7), off_on=np.float32([0, 1])) == {"i": (0, 6)}
    equal = "(int64[n, 1] i) => (bool[n, 7] y) { y = Equal(i, classes) }"
    assert ranges(equal, classes=np.arange(7)) == {"i": (0, 6)}
    assert not ranges(equal, classes=np.arange(1, 8))
    named = "(int64[n, 3] attention_mask) => (float[n, 3] y) { y = Cast <to = 1> (attention_mask) }"
    assert ranges(named) == {"attention_mask": (0, 1)}


def test_long_axes_and_many_rows_are_tried() -> None:
    model = parse_onnx(graph("(float[n, l, 3] x) => (float[n, l, 3] y) { y = Neg(x) }"), "-")
    shapes = [shapes["x"] for _, shapes in more_shapes(model.inputs, {"x": (2, 5, 3)}, 0)]
    assert shapes == [(11, 5, 3), (2, 256, 3), (256, 5, 3)]
    shapes = [shapes["x"] for _, shapes in more_shapes(model.inputs, {"x": (2, 5, 3)}, 77)]
    assert shapes == [(11, 5, 3), (2, 77, 3), (256, 5, 3)]
    shapes = [
        shapes["x"] for _, shapes in more_shapes(model.inputs, {"x": (2, 5, 3)}, 77, counted={"n"})
    ]
    assert shapes == [(77, 77, 3)]
    further = more_shapes(model.inputs, {"x": (2, 5, 3)}, 77, beyond=(78, 154))
    assert [shapes["x"] for _, shapes in further][3:] == [(2, 78, 3), (2, 154, 3)]


def test_what_is_not_run_to_save_memory_is_said() -> None:
    data = graph(
        "(float[n, l, 4] x) => (float[n, l, 5] y) { wide = Tile(x, times) "
        "sum = ReduceSum <keepdims = 1> (wide) none = Mul(sum, zero) h = MatMul(x, w) "
        "y = Add(h, none) }",
        times=np.array([1, 1, 50_000]),
        zero=np.float32(0),
    )
    report = check_parity(data, linear(), local=False)
    assert "not run, to save memory: x 1x256x4" in said(report)
    assert "--shape runs one" in said(report)
    assert "to save memory" not in said(check_parity(LINEAR, linear()))
    constant = graph(  # 80 MiB at any size say nothing against a long axis
        "(float[n, l, 4] x) => (float[n, l, 5] y) { wide = Expand(zero, shape) "
        "sum = ReduceSum <keepdims = 0> (wide) h = MatMul(x, w) y = Add(h, sum) }",
        shape=np.array([20 << 20]),
        zero=np.float32(0),
    )
    report = check_parity(constant, linear(), local=False)
    assert "to save memory" not in said(report)
    assert "long" in {trial.profile for trial in report.trials}


def test_values_are_drawn_as_asked() -> None:
    module = seeded(lambda: Rows(50))
    data = traced(module, IDS, NL, "ids")
    report = check_parity(data, module, values=("ids=7,9",))
    assert [one.said for one in report.coverage if one.what == "values"] == [
        "one of 7, 9, as asked"
    ]
    assert {one.reached for one in report.coverage if one.what == "rows"} == {2}
    inputs = parse_onnx(data, "-").inputs
    assert parse_values(("ids=0..30521",), inputs)["ids"].high == 30521
    for text in ("ids", "ids=", "ids=a..b", "ids=9..1", "x=1", "ids=nan", "ids=0..inf"):
        with pytest.raises(UsageError, match="`values`"):
            parse_values((text,), inputs)


def test_profiles_are_drawn_as_asked() -> None:
    report = check_parity(LINEAR, linear(), profiles=("uniform", "normal"))
    assert {trial.profile for trial in report.trials} == {"uniform", "noise"}
    with pytest.raises(UsageError, match="profiles"):
        check_parity(LINEAR, linear(), profiles=("loud",))


# Copies of lower precision


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.c(x).relu().flatten(2).mean(-1)


def test_a_half_copy_keeps_its_budget_and_a_damaged_one_does_not() -> None:
    module = seeded(Small)
    half = seeded(Small).half()
    data = traced(half, values(0, 1, 3, 9, 9).half(), N)
    plain = check_parity(data, module)
    assert plain.verdict == "fail"
    assert "the tolerance fp16" in said(plain)
    report = check_parity(data, module, tolerance="fp16")
    assert report.verdict == "pass", report.findings
    assert "PSNR" in said(report)
    assert "the worst nodes alone" in said(report)
    assert check_parity(data, half, tolerance="fp16").verdict == "pass"
    wrong = check_parity(
        changed(data, "c.bias", lambda b: b + np.float16(0.2)), module, tolerance="fp16"
    )
    assert "OP209" in errors(wrong)


QUANTISED = """(float[n, 4] x) => (float[n, 5] y) {
  q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) y = MatMul(d, w)
}"""


def test_a_quantised_copy_keeps_its_budget() -> None:
    data = graph(QUANTISED, s=np.float32(0.02), z=np.int8(0))
    settings: dict[str, Any] = {"shapes": ("x=64x4",), "values": ("x=-2.5..2.5",)}
    assert errors(check_parity(data, linear(), **settings)) >= {"OP201"}
    report = check_parity(data, linear(), tolerance="int8", **settings)
    assert report.verdict == "pass", report.findings
    coarse = graph(QUANTISED, s=np.float32(2), z=np.int8(0))
    assert "OP209" in errors(check_parity(coarse, linear(), tolerance="int8", **settings))


# Inputs that are not there


class Unused(nn.Module):
    def forward(self, x: Tensor, unused: Tensor) -> Tensor:
        return x * 2 + 0 * unused.shape[0]


class Used(nn.Module):
    def forward(self, x: Tensor, unused: Tensor) -> Tensor:
        return x * 2 * unused


class Picky(nn.Module):
    def forward(self, x: Tensor, unused: int) -> Tensor:
        return x * 2 + 0 * [1, 2, 3][unused]


def test_an_input_that_the_exporter_dropped(tmp_path: Path) -> None:
    data = graph("(float[n, 4] x) => (float[n, 4] y) { y = Mul(x, two) }", two=np.float32(2))
    made_up = check_parity(data, Unused())
    assert made_up.verdict == "pass", made_up.findings
    assert warned(made_up) == {"OP312"}
    assert "it was given what the first input has" in said(made_up)
    assert warned(check_parity(data, Unused(), ignore=("OP312:unused",))) == set()
    assert "OP114" in errors(check_parity(data, Used()))
    with pytest.raises(UsageError, match='forward wants "unused"'):
        check_parity(data, Picky())
    file = tmp_path / "given.npz"
    np.savez(file, x=values(0, 3, 4).numpy(), unused=np.ones((3, 4), np.float32))
    report = check_parity(data, Unused(), inputs=(str(file),))
    assert report.verdict == "pass", report.findings
    assert warned(report) == {"OP312"}
    assert (
        warned(check_parity(data, Unused(), inputs=(str(file),), ignore=("OP312:unused",))) == set()
    )
    assert warned(check_parity(data, Unused(), inputs=(str(file),), ignore=("OP312:x",))) == {
        "OP312"
    }
    assert "OP114" in errors(check_parity(data, Used(), inputs=(str(file),)))


class Masked(nn.Module):
    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return x.masked_fill(mask == 0, 0.0) * 2


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "bool"])
def test_a_dropped_mask_that_is_full_is_not_taken_for_useless(tmp_path: Path, dtype: str) -> None:
    data = graph("(float[n, 4] x) => (float[n, 4] y) { y = Mul(x, two) }", two=np.float32(2))
    file = tmp_path / "given.npz"
    np.savez(file, x=values(0, 3, 4).numpy(), mask=np.ones((3, 4), dtype))
    assert "OP114" in errors(check_parity(data, Masked(), inputs=(str(file),)))


class Keeping(nn.Module):
    """What replaces what it holds, as caches do, and has two names for one storage."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = (nn.Linear(4, 5, bias=False) for _ in range(2))
        self.b.weight.data = self.a.weight.data
        self.register_buffer("factor", torch.tensor([1000.0]))
        self.cache: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.factor = self.factor * 1
        self.a.weight = nn.Parameter(self.a.weight * 1)
        self.cache = self.factor if self.cache is None else self.cache
        return (self.a(x) + self.b(x)) * self.cache


def test_a_module_is_what_it_was_after_it_was_asked_in_float64() -> None:
    module = seeded(Keeping)
    reference = TorchReference(module)
    before = module.b.weight.data_ptr(), module.factor
    x = values(0, 3, 4).numpy()
    ((_, exact),) = reference.exactly({"x": x.astype(np.float64)})
    assert exact.dtype == np.float64
    assert (module.b.weight.data_ptr(), module.factor) == before
    assert (module.factor.dtype, module.cache) == (torch.float32, None)
    assert module.a.weight.data_ptr() == module.b.weight.data_ptr()
    ((_, plain),) = reference.run({"x": x})
    assert plain.dtype == np.float32


def test_two_runs_that_agree_by_chance_are_run_again() -> None:
    report = check_parity(LINEAR, Network(lambda x: weighted(x) + 1e-4 * torch.rand(1)), atol=1e-5)
    assert "OP107" in errors(report)


def test_what_agrees_to_the_last_bit_is_not_run_often() -> None:
    runs = []

    def counted(x: Tensor) -> Tensor:
        runs.append(x)
        return weighted(x)

    report = check_parity(LINEAR, Network(counted), local=False)
    assert len(runs) < len(report.trials) + 12


def test_float64_is_asked_of_a_network_that_names_float32() -> None:
    """As torchvision's RAFT does: a grid of float32 does not go with a picture in float64."""

    def warped(x: Tensor) -> Tensor:
        places = torch.arange(4).float() / 3
        grid = torch.stack([places, places.to(torch.float32)], -1).expand(len(x), 4, 4, 2)
        more = torch.linspace(0, 1, 4, dtype=torch.float32)
        return functional.grid_sample(x, grid, align_corners=True) @ more.diag()

    x = values(0, 2, 3, 4, 4).double()
    (_, found), = TorchReference(Network(warped)).exactly({"x": x.numpy()})  # fmt: skip
    grid = (torch.arange(4).double() / 3)[:, None].expand(2, 4, 4, 2)
    wanted = functional.grid_sample(x, grid, align_corners=True)
    wanted = wanted @ torch.linspace(0, 1, 4, dtype=torch.float64).diag()
    assert found.dtype == np.float64
    assert np.abs(found - wanted.numpy()).max() < 1e-14
    with pytest.raises(RefusedError):
        TorchReference(Network(warped)).run({"x": x.numpy()}, torch.float64)
