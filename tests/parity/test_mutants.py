"""Damaged graphs: each kind does what it says, and the default check notices nearly all."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from onnxguard.students import STUDENTS
from onnxguard.students.exporting import export_student
from onnxguard.students.untrained import untrained_network
from support.damage import SAYS, changes
from support.networks import export, export_module
from support.parity_cases import Network, graph, weighted
from torch import nn

from onnxguard.parity import check
from onnxguard.parity.check import check_parity
from onnxguard.parity.mutants import MUTATIONS, mutants
from onnxguard.parity.node_pass import NodePasser
from onnxguard.parity.proving import Gate, prove
from onnxguard.parity.report import ParityReport, Proof
from onnxguard.parity.settings import Settings
from onnxguard.running.errors import ParityError
from onnxguard.running.session import Session

SMALL = ("input=1x3x32x40",)


@functools.cache
def student(name: str = "saliency-v2", seed: int = 0) -> tuple[nn.Module, bytes]:
    network = untrained_network(STUDENTS[name], seed)
    return network, export_student(STUDENTS[name], network)


@functools.cache
def by_torch_export(how: str) -> tuple[nn.Module, bytes]:
    network = untrained_network(STUDENTS["saliency-v2"])
    return network, export_module(network, {"input": torch.zeros(1, 3, 32, 40)}, how)


class Caught(NamedTuple):
    """What became of each mutant: the proof, and whether the pass named the damaged node."""

    proof: Proof
    alone: int
    first: int


def caught(
    monkeypatch: pytest.MonkeyPatch, module: nn.Module, data: bytes, wanted: int, **settings: Any
) -> Caught:
    """Run the default check with a proof, and look at what the node-local pass says meanwhile."""
    summaries = []
    run = NodePasser.run

    def watched(passer: NodePasser, proto: onnx.ModelProto) -> Any:
        passed = run(passer, proto)
        summaries.append(passed.summary)
        return passed

    monkeypatch.setattr(NodePasser, "run", watched)
    report = check_parity(data, module, mutants=wanted, **settings)
    assert report.passed, report.findings
    assert report.proof is not None
    assert report.proof.mutants == wanted
    made = list(mutants(onnx.load_from_string(data), wanted, settings.get("seed", 0)))
    named = list(zip(made, summaries[1:], strict=True))
    alone = sum([c.node for c in summary.wrong] == [mutant.node] for mutant, summary in named)
    first = sum(mutant.node in s.wrong[0].suspects for mutant, s in named if s.wrong)
    return Caught(report.proof, alone, first)


@pytest.mark.parametrize("name", STUDENTS)
def test_all_mutants_of_a_student_are_killed_and_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof, alone, _ = caught(monkeypatch, *student(name), 200, shapes=SMALL)
    assert proof.rate >= 0.98, proof.survivors
    assert alone >= 0.98 * proof.mutants


@pytest.mark.parametrize("how", ["dynamo18", "dynamo17"])
def test_mutants_of_a_student_by_torch_export_are_killed_and_named(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof, alone, first = caught(monkeypatch, *by_torch_export(how), 100)
    assert proof.rate >= 0.98, proof.survivors
    assert alone >= 0.8 * proof.mutants
    assert first >= 0.9 * proof.mutants


@pytest.mark.parametrize(
    ("network", "how"),
    [
        ("transformer", "torchscript"),
        ("transformer", "dynamo17"),
        ("residual", "torchscript"),
        ("recurrent", "torchscript"),
    ],
)
def test_mutants_of_other_networks_are_killed(
    network: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof, _, first = caught(monkeypatch, *export(network, how), 100)
    assert proof.rate >= 0.95, proof.survivors
    assert first >= 0.8 * proof.mutants
    # What survives is a factor so near 1 that its own node stays within the tolerance.
    assert {survivor.mutation for survivor in proof.survivors} <= {next(iter(MUTATIONS))}


@pytest.mark.parametrize("seed", range(20))
def test_no_false_alarm_on_twenty_networks(seed: int) -> None:
    network, data = student("saliency-v1" if seed % 2 else "saliency-v2", seed)
    report = check_parity(data, network, seed=seed, shapes=SMALL)
    assert report.passed, report.findings
    assert report.nodes.checked == report.nodes.nodes > 30


def models() -> dict[str, bytes]:
    return {
        "saliency-v1": student("saliency-v1")[1],
        "saliency-v2": student("saliency-v2")[1],
        "transformer": export("transformer", "torchscript")[1],
        "residual": export("residual", "torchscript")[1],
        "table": named(
            graph("(int64[n] i) => (float[n, 5] y) { h = Gather(t, i) y = MatMul(h, w) }", t=TABLE)
        ),
        "numbers": named(graph(NUMBERS, **HELD)),
        "quantised": named(graph(QUANTISED, **STEPS)),
    }


def named(data: bytes) -> bytes:
    proto = onnx.load_from_string(data)
    for index, node in enumerate(proto.graph.node):
        node.name = f"{node.op_type} {index}"
    return proto.SerializeToString()


QUANTISED = """(float[n, 4] x) => (float[n, 5] y) {
  a = QuantizeLinear(x, step, zero) b = QLinearMatMul(a, step, zero, p, fine, zero, step, zero)
  h = DequantizeLinear(b, step, zero) c = DequantizeLinear(q, fine, zero) y = MatMul(h, c)
}"""
STEPS = {
    "step": np.float32(0.05),
    "fine": np.float32(0.01),
    "zero": np.int8(0),
    "p": np.arange(-10, 10, dtype=np.int8).reshape(4, 5),
    "q": np.arange(-12, 13, dtype=np.int8).reshape(5, 5),
}
NUMBERS = """(float[n, 4] x) => (float[n, 4] y) {
  b = Clip(x, low, high) c = Less(b, half) s = Mul(b, three) h = Where(c, s, b)
  d = Greater(h, eighty) q = Neg(h) y = Where(d, q, h)
}"""
HELD = {
    "low": np.float32(-2),
    "high": np.float32(90),
    "half": np.float32(0.5),
    "three": np.float32(3),
    "eighty": np.float32(80),
}
TABLE = np.random.Generator(np.random.PCG64(1)).standard_normal((40, 4)).astype(np.float32)


def test_rows_that_are_zeroed_are_noticed() -> None:
    def forward(i: torch.Tensor) -> torch.Tensor:
        return weighted(torch.from_numpy(TABLE)[i])

    report = check_parity(models()["table"], Network(forward), mutants=40, kill_rate=0.0)
    assert report.proof is not None
    kinds = {kind: (made, killed) for kind, made, killed in report.proof.kinds}
    made, killed = kinds["rows of a table zeroed"]
    assert made == killed > 3


@pytest.mark.parametrize("local", [None, False])
def test_numbers_that_only_far_values_meet_are_damaged_and_noticed(local: bool | None) -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        b = x.clamp(-2, 90)
        h = torch.where(b < 0.5, 3 * b, b)
        return torch.where(h > 80, -h, h)

    report = check_parity(graph(NUMBERS, **HELD), Network(forward), mutants=30, local=local)
    assert report.passed, report.findings
    assert report.proof is not None
    made = {kind: (made, killed) for kind, made, killed in report.proof.kinds}
    assert {kind for kind in made if "number" in kind or "bound" in kind or "constant" in kind}
    assert all(made == killed for made, killed in made.values()), report.proof


def test_rows_that_no_trial_reads_are_noticed_as_weights() -> None:
    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.t = nn.Parameter(torch.from_numpy(TABLE))

        def forward(self, i: torch.Tensor) -> torch.Tensor:
            return weighted(self.t[i])

    settings: dict[str, Any] = {"values": ("i=0..9",), "shapes": ("i=30",), "local": False}
    found = check_parity(models()["table"], Rows(), mutants=40, **settings)
    assert found.proof is not None
    assert {kind: made for kind, made, _ in found.proof.kinds}["rows of a table zeroed"] > 3
    assert not [s for s in found.proof.survivors if "rows" in s.mutation]
    module = Network(lambda i: weighted(torch.from_numpy(TABLE)[i]))
    unseen = check_parity(models()["table"], module, mutants=40, **settings)
    assert unseen.proof is not None
    assert unseen.proof.equal > found.proof.equal  # nobody may read them, who draws as asked
    assert not [s for s in unseen.proof.survivors if "rows" in s.mutation]


def test_damage_that_nothing_shows_is_not_counted() -> None:
    data = graph(
        "(float[n, 4] x) => (float[n, 4] y) { c = Less(x, far) y = Where(c, x, x) }",
        far=np.float32(3),
    )
    report = check_parity(data, Network(lambda x: x.where(x < 3, x)), mutants=4, local=False)
    assert report.proof is not None
    assert (report.proof.mutants, report.proof.equal) == (0, 2)
    assert "OP501" not in {finding.code for finding in report.findings}


def test_a_proof_of_nothing_fails_nothing() -> None:
    data = graph("(float[n, 4] x) => (float[n, 4] y) { y = Identity(x) }")
    report = check_parity(data, Network(lambda x: x + 0), mutants=5)
    assert report.proof is not None
    assert report.proof.mutants == 0
    assert "OP501" not in {finding.code for finding in report.findings}
    assert any("nothing is proved" in remark for remark in report.remarks)


def test_every_mutation_does_what_it_says_and_leaves_the_original_alone() -> None:
    assert set(SAYS) == set(MUTATIONS)
    seen: Counter[str] = Counter()
    for data in models().values():
        original = onnx.load_from_string(data)
        before = original.SerializeToString(deterministic=True)
        for mutant in mutants(original, 60, seed=3):
            seen[mutant.mutation] += 1
            assert SAYS[mutant.mutation](mutant, original), mutant[:2]
            others = [
                (a, b)
                for a, b in zip(original.graph.node, mutant.proto.graph.node, strict=True)
                if a.name != mutant.node
            ]
            assert all(a == b for a, b in others)
        assert original.SerializeToString(deterministic=True) == before
    assert all(seen[kind] >= 3 for kind in MUTATIONS), seen


def test_every_mutant_is_a_valid_model_that_loads() -> None:
    for data in models().values():
        for mutant in mutants(onnx.load_from_string(data), 40, seed=5):
            onnx.checker.check_model(mutant.proto, full_check=True)
            Session(mutant.proto.SerializeToString(), Settings())


def test_mutants_depend_on_the_seed_alone() -> None:
    proto = onnx.load_from_string(student()[1])

    def drawn(seed: int) -> list[tuple[str, str, bytes]]:
        return [
            (m.mutation, m.node, m.proto.SerializeToString(deterministic=True))
            for m in mutants(proto, 24, seed)
        ]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert len({data for _, _, data in drawn(1)}) == 24


def model_of(*nodes: onnx.NodeProto, weights: dict[str, np.ndarray] | None = None) -> Any:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", 1, ["n", 4])],
        [helper.make_tensor_value_info("y", 1, None)],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


SPARED = [
    ("nothing to damage", [helper.make_node("Identity", ["x"], ["y"], "i")], {}),
    (
        "shapes: an integer division by zero would end the process",
        [
            helper.make_node("Shape", ["x"], ["s"], "s"),
            helper.make_node("Div", ["s", "two"], ["h"], "d"),
            helper.make_node("Concat", ["h", "two"], ["c"], "c", axis=0),
            helper.make_node("Identity", ["x"], ["y"], "i"),
        ],
        {"two": np.array([2])},
    ),
    (
        "a difference that is squared",
        [
            helper.make_node("Sub", ["x", "m"], ["d"], "d"),
            helper.make_node("Mul", ["d", "d"], ["y"], "m"),
        ],
        {"m": np.ones((1, 4), np.float32)},
    ),
    ("a quotient of equals", [helper.make_node("Div", ["x", "x"], ["y"], "d")], {}),
    (
        "a weight that is all zeros",
        [helper.make_node("MatMul", ["x", "w"], ["y"], "m")],
        {"w": np.zeros((4, 3), np.float32)},
    ),
    (
        "a bound that keeps a divisor from zero",
        [helper.make_node("Clip", ["x", "low"], ["y"], "c")],
        {"low": np.array(1e-12, np.float32)},
    ),
    (
        "the sizes of a Resize, which are no bias",
        [
            helper.make_node("Unsqueeze", ["x", "a"], ["u"], "u"),
            helper.make_node("Resize", ["u", "", "k"], ["r"], "r", mode="linear"),
            helper.make_node("Squeeze", ["r", "a"], ["y"], "q"),
        ],
        {"a": np.array([0]), "k": np.array([1, 1, 1], np.float32)},
    ),
]


@pytest.mark.parametrize(("nodes", "weights"), [s[1:] for s in SPARED], ids=[s[0] for s in SPARED])
def test_what_no_check_could_notice_is_spared(
    nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray]
) -> None:
    made = list(mutants(model_of(*nodes, weights=weights), 20))
    assert {m.mutation for m in made} <= {"Resize mode changed"}


def test_a_weight_of_two_nodes_is_damaged_for_one() -> None:
    proto = model_of(
        helper.make_node("MatMul", ["x", "w"], ["h"], "first"),
        helper.make_node("MatMul", ["h", "w"], ["y"], "second"),
        weights={"w": np.arange(16, dtype=np.float32).reshape(4, 4)},
    )
    for mutant in mutants(proto, 10):
        reads = [node.input[1] for node in mutant.proto.graph.node]
        assert sorted(name == "w" for name in reads) == [False, True]


def test_a_scalar_bias_stays_a_scalar() -> None:
    proto = model_of(
        helper.make_node("Add", ["x", "b"], ["y"], "a"), weights={"b": np.array(1.5, np.float32)}
    )
    (mutant,) = mutants(proto, 1)
    assert changes(mutant, proto)[1].shape == ()


def test_without_the_node_pass_small_damage_survives() -> None:
    network, data = student()
    seeing, blind = (
        check_parity(
            data, network, shapes=SMALL, mutants=60, local=local, kill_rate=0.0, ignore=("OP112",)
        ).proof
        for local in (None, False)
    )
    assert seeing is not None
    assert blind is not None
    assert seeing.mutants == blind.mutants == 60
    assert seeing.killed > blind.killed
    assert len(blind.survivors) == 60 - blind.killed
    assert sum(count for _, count, _ in blind.kinds) == 60
    assert sum(killed for _, _, killed in blind.kinds) == blind.killed


def test_a_gate_that_lets_damage_through_fails() -> None:
    network, data = student()
    settings: dict[str, Any] = {"shapes": SMALL, "mutants": 60, "kill_rate": 0.97}
    report = check_parity(data, network, atol=9e-4, ignore=("OP112",), **settings)
    assert report.proof is not None
    assert report.proof.rate < 0.97
    assert [f.code for f in report.findings if f.fails] == ["OP501"]


def gate_of(monkeypatch: pytest.MonkeyPatch) -> tuple[Gate, onnx.ModelProto]:
    """The gate as the check makes it."""
    gates: list[tuple[Gate, onnx.ModelProto]] = []

    def keep(gate: Gate, proto: onnx.ModelProto, *rest: Any) -> Proof:
        gates.append((gate, proto))
        return prove(gate, proto, *rest)

    monkeypatch.setattr(check, "prove", keep)
    network, data = student()
    report: ParityReport = check_parity(data, network, shapes=SMALL, mutants=1)
    assert report.passed
    return gates[0]


def test_the_gate_passes_the_original_however_often(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, proto = gate_of(monkeypatch)
    damaged = next(mutants(proto, 1, seed=7)).proto
    verdicts = [gate.passes(each) for each in (proto, damaged, proto, damaged, proto)]
    assert verdicts == [True, False, True, False, True]


def test_a_mutant_that_does_not_load_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, proto = gate_of(monkeypatch)
    broken = onnx.ModelProto()
    broken.CopyFrom(proto)
    broken.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ParityError):
        Session(broken.SerializeToString(), Settings())
    assert gate.passes(broken) is None
