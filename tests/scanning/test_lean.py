"""What a format does not print is not made, and what it prints is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import protobuf as pb
from support.protobuf import attribute, body, constant, graph, node

from onnxguard import scan, scan_bytes
from onnxguard.model.constant_nodes import READERS, SHOWN, constant_value
from onnxguard.model.constants import read_floats, read_integers
from onnxguard.model.describing import describe
from onnxguard.model.graph import Model
from onnxguard.model.messages import DTYPES
from onnxguard.model.reading import read_model
from onnxguard.model.shapes import infer
from onnxguard.model.shapes.infer import infer_shapes
from onnxguard.model.survey import survey
from onnxguard.model.wanted import EMPTY, Wanted
from onnxguard.repository.cache import SLIM, slim
from onnxguard.scanning import same_graph
from onnxguard.scanning.lean import lean

MODELS = sorted((Path(__file__).parent.parent / "models").glob("*.onnx"))
BRIEF = Wanted(10, frozenset(EMPTY))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
@pytest.mark.parametrize("policy", ["adr-0258", "pre-adr-0258"])
def test_what_is_not_made_is_what_would_be_left_out(path: Path, policy: str) -> None:
    whole = scan(path, policy)._replace(seconds=0.0)
    brief = scan(path, policy, wanted=BRIEF)._replace(seconds=0.0)
    assert lean(brief) == lean(whole)
    kept = scan(path, policy, wanted=SLIM)._replace(seconds=0.0)
    assert slim(kept) == slim(whole)
    if not whole.findings:
        assert brief == lean(whole)
        assert kept == slim(whole)


def test_model_of_the_same_graph_is_described_as_it_is_asked_for() -> None:
    """One that was described briefly lends its facts to nobody who wants all of them."""
    path = MODELS[-1]
    assert scan(path, "adr-0258", wanted=BRIEF).facts != scan(path, "adr-0258").facts
    assert scan(path, "adr-0258", wanted=BRIEF).facts != scan(path, "adr-0258").facts


@pytest.mark.parametrize("most", range(5))
def test_first_constants_are_described_as_if_all_were(most: int) -> None:
    """Readers are those of the innermost graph that has a Constant of the name."""
    inside = body(
        constant("a", value_int={"i": 5}),
        node("Add", "a b", "d"),
        node("If", "c", "e", attribute=attribute("then_branch", g=body(node("Relu", "a")))),
    )
    made = [constant(name, value_float={"f": 1.0}) for name in ("a", "b", "c")]
    nodes = [*made, node("Loop", "_ c x", "y", attribute=attribute("body", g=inside))]
    nodes += [node("Neg", "a", f"n{index}") for index in range(READERS + 2)]
    seen = survey(read_model(pb.model(graph(*nodes))))
    described = describe(seen).constants
    assert len(described) == 4
    assert len(described[0].readers) == READERS
    assert "graph/Loop_3.body/Add_1" in described[1].readers
    assert described[3].readers == ("Add_1", "graph/Loop_3.body/If_2.then_branch/Relu_0")
    assert describe(seen, Wanted(most)).constants == described[:most]


def test_constant_that_is_not_shown_is_judged() -> None:
    nodes = [node("Constant", "", f"c{index}") for index in range(20)]
    report = scan_bytes(pb.model(graph(*nodes)), allowlist="base")
    (finding,) = [found for found in report.findings if found.code == "OG303"]
    assert finding.count == 20
    assert [place.route for place in finding.places] == [f"graph/node {i}" for i in range(20)]


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("held", [0, 1, 7, 8, 24, 100, 301])
def test_raw_values_are_those_that_rules_read(dtype: int, held: int) -> None:
    raw = bytes(range(1, 255))[:held] * 2
    model = read_model(
        pb.model(graph(constant("c", value={"t": pb.tensor(dtype, [9], raw_data=raw)})))
    )
    (tensor,) = model.graph.nodes[0].attributes[0].tensors
    values = read_integers(model, tensor, SHOWN + 1) or read_floats(model, tensor, SHOWN + 1)
    shown = ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in values[:SHOWN])
    more = ", ..." if len(values) > SHOWN else ""
    text = constant_value(model, model.graph.nodes[0])[3]
    assert text == (f"[{shown}{more}]" if values else "not shown")


def test_shapes_are_inferred_once_where_costs_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not tried with small numbers, where names alone are open and make nothing large."""
    asked: list[bool] = []

    def counted(model: Model, given: Any, constants: Any, count: bool, *rest: Any) -> Any:
        asked.append(count)
        return infer_shapes(model, given, constants, count, *rest)

    monkeypatch.setattr(same_graph, "_recent", [])
    monkeypatch.setattr(infer, "infer_shapes", counted)
    for wanted in (Wanted(costs=()), Wanted()):
        facts = scan(MODELS[-1], "adr-0258", wanted=wanted).facts
        assert facts is not None
        assert (facts.cost is None) == (wanted.costs is None)
    assert asked == [True, False]
