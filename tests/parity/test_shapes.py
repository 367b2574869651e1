"""Shapes that the user gives for some inputs, and what the others get."""

from __future__ import annotations

import pytest
import torch
from support.parity_cases import Network, assert_honest, errors, exported, graph, seeded
from torch import Tensor, nn

from onnxguard.base.errors import UsageError
from onnxguard.parity.check import check_parity
from onnxguard.running.graph_file import Declared
from onnxguard.running.inputs import parse_shapes, sizes_left_open

NODES = Declared("nodes", "float32", ("V", 16))
WEIGHTS = Declared("weights", "float32", ("V", "V", ""))
EDGES = Declared("edge_index", "int64", (2, "E"))
FIXED = Declared("scale", "float32", (1,))
INPUTS = (NODES, WEIGHTS, EDGES, FIXED)


def test_a_size_of_the_same_name_is_shared_and_others_have_a_default() -> None:
    texts = ("nodes=20x16", "nodes=7x16")
    shapes = parse_shapes(texts, INPUTS)
    assert [s["weights"][:2] for s in shapes] == [(20, 20), (7, 7)]
    assert [s["scale"] for s in shapes] == [(1,), (1,)]
    assert all(s["edge_index"][0] == 2 and s["edge_index"][1] >= 8 for s in shapes)
    assert [list(s) for s in shapes] == [[d.name for d in INPUTS]] * 2
    first = shapes[0]["edge_index"][1]
    lines = sizes_left_open(INPUTS, texts, shapes)
    assert [line.split(":")[0] for line in lines] == [
        "no --shape names weights",
        "no --shape names edge_index",
    ]
    assert f"choose with --shape edge_index=2x{first}" in lines[1]
    assert not sizes_left_open((NODES, FIXED), texts, parse_shapes(texts, (NODES, FIXED)))


def test_shapes_that_are_given_stay_as_they_are() -> None:
    texts = ("nodes=20x16", "edge_index=2x40", "weights=20x20x3")
    assert parse_shapes(texts, INPUTS)[0]["edge_index"] == (2, 40)
    assert not sizes_left_open(INPUTS, texts, parse_shapes(texts, INPUTS))
    with pytest.raises(UsageError, match='"nodes" has 2 shapes where another has 3'):
        parse_shapes(("nodes=2x16", "nodes=3x16", *("edge_index=2x4",) * 3), INPUTS)
    ranks = (*INPUTS, Declared("loose", "float32", None))
    with pytest.raises(UsageError, match='"loose" declares no shape'):
        parse_shapes(("nodes=2x16",), ranks)


class Graph(nn.Module):
    """Sums what the edges bring to each node; the exporter keeps one of several edges."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(16, 8), nn.Linear(16, 4)

    def forward(self, nodes: Tensor, edge_index: Tensor) -> Tensor:
        h = self.a(nodes).relu()
        sums = torch.zeros_like(h).index_add(0, edge_index[1], h[edge_index[0]])
        return self.b(torch.cat([h, sums], 1))


class Differences(Graph):
    def forward(self, nodes: Tensor, edge_index: Tensor) -> Tensor:
        h = self.a(nodes).relu()
        return self.b(torch.cat([h[edge_index[0]], h[edge_index[1]]], 1))


@pytest.mark.parametrize("kind", [Graph, Differences])
def test_a_graph_network_needs_the_shape_of_its_nodes_alone(kind: type[Graph]) -> None:
    module = seeded(kind)
    example = {"nodes": torch.randn(20, 16), "edge_index": torch.randint(0, 20, (2, 40))}
    data = exported(module, example, dynamic={"nodes": {0: "V"}, "edge_index": {1: "E"}})
    report = check_parity(data, module, shapes=("nodes=20x16",))
    assert any("no --shape names edge_index: run as 2x31" in line for line in report.remarks)
    if kind is Differences:
        assert_honest(report)
    else:
        assert "OP201" in errors(report)
    blind = check_parity(data, module, values=("edge_index=50..90",))
    (finding,) = (f for f in blind.findings if f.code == "OP301")
    assert "both sides refuse all 8 inputs, the first nodes 1x16, edge_index 2x5" in finding.message
    assert "name its values with --values edge_index=LOW..HIGH" in finding.message
    assert not any("both sides refuse" in line for line in blind.remarks)


def test_a_refusal_of_all_by_one_side_is_one_finding() -> None:
    data = graph("(float[n, 4] x) => (float[n, 4] y) { y = Neg(x) }")

    class Inner(nn.Module):
        def forward(self, x: Tensor, scale: Tensor) -> Tensor:
            return x * scale

    inner = Inner()
    report = check_parity(data, Network(lambda x: -inner(x)))
    (finding,) = report.findings
    assert finding.code == "OP207"
    assert "the reference refuses all 12 inputs, the first x 1x4" in finding.message
    assert "missing 1 required positional argument: 'scale'" in finding.message
    assert "an argument is missing in the module itself" in finding.message
