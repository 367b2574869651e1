"""The node-local pass: no false alarm on what exporters write, and the wrong node by its name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from onnxguard.students import STUDENTS
from onnxguard.students.exporting import export_student
from onnxguard.students.untrained import untrained_network
from support.networks import NETWORKS, build, export, export_module
from support.parity_cases import WEIGHTS, Network, graph, weighted
from torch import nn

from onnxguard.base.findings import Severity
from onnxguard.parity.check import check_parity
from onnxguard.parity.node_pass import tolerance_of
from onnxguard.parity.report import NodePass
from onnxguard.parity.settings import Settings
from onnxguard.parity.torch_reference import TorchReference
from onnxguard.running.cutting import names_read, one_node_model
from onnxguard.running.session import Session

# What exporters make of each network: at least this share of the nodes is compared with a tensor of
# the reference; all others lie between nodes that are. Shapes computed in the graph and what one
# operator of PyTorch becomes several nodes for have no counterpart.
SHARES = {
    "residual": 1.0,
    "nested": 0.8,
    "shared": 1.0,
    "functional": 0.9,
    "activations": 0.5,
    "attention": 0.7,
    "scaled-dot": 0.4,
    "transformer": 0.7,
    "convolutions": 1.0,
    "norms": 0.5,
    "recurrent": 0.2,
    "sizes": 0.6,
    "several": 0.6,
    "arithmetic": 0.5,
    "repeated": 1.0,
}
# torch.export takes seconds a network: those where it writes something of its own.
EXPORTED = [
    ("residual", "dynamo18"),
    ("transformer", "dynamo18"),
    ("transformer", "dynamo17"),
    ("convolutions", "dynamo18"),
    ("sizes", "dynamo18"),
]


def passed(data: bytes, reference: Any, **settings: Any) -> NodePass:
    report = check_parity(data, reference, **settings)
    assert report.nodes.ran, report.nodes.reason
    return report.nodes


def wrong(nodes: NodePass) -> list[str]:
    return [check.node for check in nodes.wrong]


@pytest.mark.parametrize(
    ("network", "how"), [*((network, "torchscript") for network in SHARES), *EXPORTED]
)
def test_exports_have_no_wrong_node_and_most_are_checked(network: str, how: str) -> None:
    module, data = export(network, how)
    nodes = passed(data, module)
    assert wrong(nodes) == []
    assert nodes.unchecked == ()
    assert nodes.nodes == nodes.checked + nodes.covered > 2
    assert nodes.checked >= SHARES[network] * nodes.nodes


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("network", ["sizes", "norms", "attention", "functional"])
def test_other_inputs_give_no_false_alarm(network: str, seed: int) -> None:
    module, data = export(network, "torchscript")
    assert wrong(passed(data, module, seed=seed)) == []


def test_a_branch_that_the_reference_compiles_is_watched_all_the_same() -> None:
    module, data = export("branch", "dynamo18")
    nodes = passed(data, module)
    assert wrong(nodes) == []
    assert nodes.checked >= 4


@pytest.mark.parametrize("network", ["residual", "transformer"])
def test_an_exported_program_is_a_reference(network: str, tmp_path: Path) -> None:
    module, data = export(network, "torchscript")
    path = str(tmp_path / "network.pt2")
    inputs = NETWORKS[network].inputs()
    torch.export.save(torch.export.export(module, tuple(inputs.values())), path)
    nodes = passed(data, path)
    assert wrong(nodes) == []
    assert nodes.checked >= 0.6 * nodes.nodes


@pytest.mark.parametrize(
    ("network", "how", "other"),
    [
        ("residual", "torchscript", "dynamo18"),
        # One exporter folds norms where the other leaves them.
        ("convolutions", "torchscript", "dynamo18"),
        ("convolutions", "dynamo18", "torchscript"),
        ("transformer", "torchscript", "dynamo18"),
        ("transformer", "dynamo17", "torchscript"),
    ],
)
def test_another_export_is_a_reference(network: str, how: str, other: str, tmp_path: Path) -> None:
    path = tmp_path / "reference.onnx"
    path.write_bytes(export(network, other)[1])
    report = check_parity(export(network, how)[1], reference=path)
    assert wrong(report.nodes) == []
    assert report.nodes.checked >= 0.7 * report.nodes.nodes


def test_a_graph_with_unfolded_norms_agrees_with_one_where_they_were_folded(tmp_path: Path) -> None:
    module = build("shared")
    path = tmp_path / "folded.onnx"
    path.write_bytes(export("shared", "torchscript")[1])
    whole = export_module(module, NETWORKS["shared"].inputs(), "dynamo18")
    unfolded = onnx.load_from_string(whole)
    assert sum(node.op_type == "BatchNormalization" for node in unfolded.graph.node) == 2
    report = check_parity(whole, reference=path)
    assert wrong(report.nodes) == []
    assert report.passed, report.findings


def student(seed: int = 0) -> tuple[nn.Module, bytes]:
    """v2 with norms that change little: the signal fades, as it does in a fresh network."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network = STUDENTS["saliency-v2"].build()
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm2d):
                nn.init.uniform_(norm.weight, 0.7, 1.3)
                nn.init.normal_(norm.bias, 0.0, 0.1)
    return network, export_student(STUDENTS["saliency-v2"], network)


def changed(data: bytes, node: str, slot: int, change: Callable[[Any], Any]) -> bytes:
    """The graph with a node's constant changed."""
    proto = onnx.load_from_string(data)
    name = next(n for n in proto.graph.node if n.name == node).input[slot]
    tensor = next(t for t in proto.graph.initializer if t.name == name)
    value = np.asarray(change(numpy_helper.to_array(tensor)), np.float32)
    tensor.CopyFrom(numpy_helper.from_array(value, name))
    return proto.SerializeToString()


@pytest.mark.parametrize("node", ["/bot/bot.0/Conv", "/enc3a/enc3a.0/Conv", "/up3/conv/Conv"])
def test_a_thousandth_too_much_in_one_folded_convolution_is_caught_and_named(node: str) -> None:
    network, data = student()
    damaged = changed(data, node, 1, lambda weight: weight * np.float32(1.001))
    report = check_parity(damaged, network, shapes=("input=1x3x64x96",), profiles=("normal",))
    assert report.largest < 2e-6  # no output shows it
    assert [f.code for f in report.findings if f.fails] == ["OP112", "OP401"]
    assert wrong(report.nodes) == [node]
    assert report.nodes.wrong[0].suspects == (node,)
    blind = check_parity(damaged, network, shapes=("input=1x3x64x96",), local=False)
    assert not any(f.code.startswith(("OP2", "OP4")) for f in blind.findings)


def test_a_node_without_counterpart_is_a_suspect_of_the_next_that_has_one() -> None:
    module, data = export("nested", "torchscript")
    proto = onnx.load_from_string(data)
    index = next(i for i, node in enumerate(proto.graph.node) if node.op_type == "Sigmoid")
    name = proto.graph.node[index].name  # the half of SiLU that PyTorch never shows
    proto.graph.node[index].op_type = "HardSigmoid"
    nodes = passed(proto.SerializeToString(), module)
    assert len(nodes.wrong) == 1
    assert nodes.wrong[0].node != name
    assert name in nodes.wrong[0].suspects


def test_a_missing_activation_is_named_where_its_module_is_known() -> None:
    network = untrained_network(STUDENTS["saliency-v2"])
    proto = onnx.load_from_string(export_student(STUDENTS["saliency-v2"], network))
    node = next(n for n in proto.graph.node if n.name == "/enc2a/enc2a.2/Relu")
    node.op_type = "Identity"
    assert wrong(passed(proto.SerializeToString(), network)) == ["/enc2a/enc2a.2/Relu"]


def test_the_order_of_independent_nodes_does_not_matter() -> None:
    module, data = export("activations", "torchscript")
    proto = onnx.load_from_string(data)
    ordered = list(proto.graph.node)
    done = {v.name for v in (*proto.graph.input, *proto.graph.initializer)}
    shuffled = []
    while ordered:  # always the last node that is ready
        ready = [n for n in ordered if all(name in done or not name for name in n.input)]
        ordered.remove(ready[-1])
        shuffled.append(ready[-1])
        done.update(ready[-1].output)
    assert [n.name for n in shuffled] != [n.name for n in proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(shuffled)
    assert wrong(passed(proto.SerializeToString(), module)) == []


def test_what_cannot_be_run_alone_is_said() -> None:
    @torch.jit.script_if_tracing
    def rows(x: torch.Tensor) -> torch.Tensor:
        made = []
        for i in range(x.shape[0]):
            made.append(x[i] * float(i + 1))  # noqa: PERF401 - a list that grows, for the scripter
        return torch.stack(made)

    class Rows(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return rows(x.sin())

    data = export_module(Rows(), {"x": torch.randn(3, 40)}, "torchscript")
    report = check_parity(data, Rows())
    assert report.nodes.checked == 1
    assert len(report.nodes.unchecked) == report.nodes.nodes - 1
    (finding,) = report.findings
    assert (finding.code, finding.severity) == ("OP402", Severity.WARNING)
    assert finding.message.startswith("2 nodes were not compared alone: ")


LINEAR = "(float[n, 4] x) => (float[n, 5] y) { y = MatMul(x, w) }"
SEQUENCE = """(float[n, 4] x) => (float[n, 5] y) {
  m = MatMul(x, k) q = SequenceConstruct(m) t = ConcatFromSequence <axis = 0> (q)
  y = Sigmoid(t)
}"""


@pytest.mark.parametrize("factor", [1.0, 1.00002])
def test_a_node_that_cannot_be_run_alone_does_not_hide_a_wrong_one(factor: float) -> None:
    data = graph(SEQUENCE, k=WEIGHTS * np.float32(factor))
    report = check_parity(data, Network(lambda x: weighted(x).sigmoid()), atol=4e-5)
    assert report.nodes.ran
    wrong = [check.operator for check in report.nodes.wrong]
    assert wrong == ([] if factor == 1 else ["MatMul"])
    assert report.passed is (factor == 1)


def test_a_sparse_constant_is_a_constant() -> None:
    proto = onnx.load_model_from_string(graph(LINEAR))
    places = np.flatnonzero(WEIGHTS)
    sparse = helper.make_sparse_tensor(
        numpy_helper.from_array(WEIGHTS.ravel(), "w"),
        numpy_helper.from_array(places, "places"),
        WEIGHTS.shape,
    )
    del proto.graph.initializer[:]
    proto.graph.sparse_initializer.append(sparse)
    report = check_parity(proto.SerializeToString(), Network(weighted))
    assert report.passed, report.findings
    assert report.nodes.checked == report.nodes.nodes == 1


def test_half_precision_inputs_are_handed_over() -> None:
    text = "(bfloat16[n, 4] x) => (float[n, 5] y) { f = Cast <to = 1> (x) y = MatMul(f, w) }"
    report = check_parity(graph(text), Network(lambda x: weighted(x.float())))
    assert report.passed, report.findings
    assert report.nodes.checked + report.nodes.covered == 2


def test_the_watch_sees_what_fused_kernels_hide_and_restores_them() -> None:
    module = build("attention")
    trace = TorchReference(module).trace({"x": np.ones((2, 6, 16), np.float32)})
    kinds = [record.kind for record in trace.records]
    assert kinds.count("bmm") == 2
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch.backends.cuda.flash_sdp_enabled()
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_the_watch_keeps_the_values_of_the_moment() -> None:
    class InPlace(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x + 1.0
            y.mul_(3.0)
            return y.relu_()

    trace = TorchReference(InPlace()).trace({"x": np.full((2,), -2.0, np.float32)})
    values = [(record.kind, record.value.tolist()) for record in trace.records]
    assert values == [("add", [-1.0, -1.0]), ("mul", [-3.0, -3.0]), ("relu", [0.0, 0.0])]
    assert [record.sources for record in trace.records] == [(), (0,), (1,)]


def test_a_student_is_checked_without_importing_the_compiler() -> None:
    code = (
        "import sys\n"
        "from onnxguard.parity.check import check_parity\n"
        "from onnxguard.students import STUDENTS\n"
        "from onnxguard.students.exporting import export_student\n"
        "from onnxguard.students.untrained import untrained_network\n"
        "student = STUDENTS['saliency-v1']\n"
        "network = untrained_network(student)\n"
        "data = export_student(student, network)\n"
        "assert 'torch._dynamo' not in sys.modules\n"
        "report = check_parity(data, network, shapes=('input=1x3x32x40',))\n"
        "assert report.nodes.checked == report.nodes.nodes == 31, report.nodes\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


TOLERANCES = [
    (np.zeros((2, 2), np.float32), "Conv", 1e-5),
    (np.full((2, 2), 2.0, np.float32), "Conv", 1e-5),
    (np.full((2, 2), 100.0, np.float32), "Conv", 32 * 2**-23 * 100.0),
    (np.full((2, 2), -100.0, np.float32), "Conv", 32 * 2**-23 * 100.0),
    (np.full((1, 1, 500, 2), 1.0, np.float32), "Resize", 1000 * 2**-23),
    (np.full((2, 2), 1.0, np.float16), "Conv", 32 * 2**-10),
    (np.full((2, 2), np.inf, np.float32), "Conv", 1e-5),
    (np.full((2, 2), np.nan, np.float32), "Conv", 1e-5),
    (np.full((2, 2), 10**9, np.int64), "Conv", 1e-5),
    (np.zeros((0, 2), np.float32), "Resize", 1e-5),
]


@pytest.mark.parametrize(("expected", "operator", "tolerance"), TOLERANCES)
def test_tolerance_grows_with_the_values_only(
    expected: np.ndarray, operator: str, tolerance: float
) -> None:
    assert tolerance_of(expected, 1e-5, operator) == pytest.approx(tolerance)


def test_a_cut_node_keeps_its_subgraphs_constants_and_sizes() -> None:
    inner = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["z"])],
        "then",
        [],
        [helper.make_tensor_value_info("z", 1, None)],
    )
    node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    constant = numpy_helper.from_array(np.array([3.0], np.float32), "w")
    graph = helper.make_graph([node], "g", [], [], [constant])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert names_read(node) == ("c", "x", "w")
    fed = {"c": np.array(True), "x": np.array([2.0], np.float32)}
    data = one_node_model(proto, node, fed, [constant])
    assert Session(data, Settings()).run(fed)[0][1].tolist() == [6.0]

    resize = helper.make_node("Resize", ["x", "", "", "s"], ["y"], mode="linear")
    fed = {"x": np.zeros((1, 1, 2, 2), np.float32), "s": np.array([1, 1, 4, 6])}
    data = one_node_model(proto, resize, fed, [])
    assert Session(data, Settings()).run(fed)[0][1].shape == (1, 1, 4, 6)


def test_a_name_of_one_branch_is_read_from_outside_in_the_other() -> None:
    def branch(name: str, *nodes: onnx.NodeProto) -> onnx.GraphProto:
        return helper.make_graph(nodes, name, [], [helper.make_empty_tensor_value_info("z")])

    neg = [helper.make_node("Neg", ["t"], ["u"]), helper.make_node("Neg", ["u"], ["z"])]
    here = [helper.make_node("Abs", ["x"], ["t"]), helper.make_node("Neg", ["t"], ["z"])]
    deeper = helper.make_node(
        "If", ["d"], ["z"], then_branch=branch("a", *neg), else_branch=branch("b", *here)
    )
    node = helper.make_node(
        "If", ["c"], ["y"], then_branch=branch("then", *here), else_branch=branch("else", deeper)
    )
    assert names_read(node) == ("c", "d", "x", "t")
    assert names_read(neg[0]) == ("t",)
