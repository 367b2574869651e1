"""ONNX Runtime's own list of what it runs, against what passes.

benchmarks/inlining.py draws more models.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support import function_models
from support import protobuf as pb
from support.inlining_oracle import compare, run_all, standard_bodies
from support.protobuf import attribute, body, function, graph, node, tensor, value

FEATURES = {
    "function in a function",
    "overload",
    "overload that a function calls",
    "functions that differ in their overload alone",
    "attribute reference",
    "attribute with a default",
    "graph by reference",
    "graph as a default",
    "graph that a call gives",
    "function at another opset",
    "the same name inside and outside",
    "omitted input",
    "Loop whose body captures",
    "If whose branches capture",
    "function that a runtime has built in",
    "name as inlining makes it",
}


@pytest.mark.parametrize("start", [0, 100])
def test_what_passes_runs_nothing_that_was_not_judged(start: int, tmp_path: Path) -> None:
    outcome = compare(range(start, start + 100), tmp_path)
    assert outcome.failures == []
    assert outcome.loaded > 25
    assert outcome.passed > 5
    assert outcome.features.keys() >= FEATURES


OVERLOAD_IN_A_FUNCTION = 2692
"""A model of which ONNX Runtime runs two Loops more than it shows."""


def test_what_an_oracle_found_does_not_pass(tmp_path: Path) -> None:
    outcome = compare([OVERLOAD_IN_A_FUNCTION], tmp_path)
    assert (outcome.loaded, outcome.passed, outcome.failures) == (1, 0, [])


G, G_TWO, CALL_F = (
    node(name, domain="local", overload=overload)
    for name, overload in (("G", ""), ("G", "two"), ("F", ""))
)
IMPORTS = [pb.opset_import("", 17), pb.opset_import("local", 1)]
NEG, ABS = function("G", node("Neg")), function("G", node("Abs"), overload="two")
CALLER = function("F", G_TWO, opset_import=IMPORTS)
TRUE = node("Constant", "", "c", attribute=attribute("value", t=tensor(9, [], raw_data=b"\1")))
BRANCHES = node(
    "If",
    "c",
    attribute=[
        attribute(f"{name}_branch", g=body(inner, output=value(name)))
        for name in ("then", "else")
        for inner in [node("G", "x", name, domain="local", overload="two")]
    ],
)
OVERLOADS = {
    "in the main graph": (G_TWO, [NEG, ABS], [["", "Abs"]]),
    "in a function": (CALL_F, [CALLER, NEG, ABS], [["", "Neg"]]),
    "in a branch in a function": (
        CALL_F,
        [function("F", TRUE, BRANCHES, opset_import=IMPORTS), NEG, ABS],
        [["", "Abs"], ["", "Abs"], ["", "If"]],
    ),
    "in a function, none without one beside it": (CALL_F, [CALLER, ABS], None),
    "of itself": (G, [function("G", G_TWO, opset_import=IMPORTS), ABS], None),
}


@pytest.mark.parametrize("name", OVERLOADS)
def test_what_onnx_runtime_makes_of_overloads(name: str, tmp_path: Path) -> None:
    """As OG515 says; None is what does not load, or ends the process."""
    call, functions, runs = OVERLOADS[name]
    data = pb.model(graph(call), ir=10, opset_import=IMPORTS[1], functions=functions)
    (tmp_path / "m.onnx").write_bytes(data)
    assert list(run_all(tmp_path)) == [("m.onnx", runs)]


def test_drawing_is_the_same_every_time() -> None:
    assert function_models.draw(7) == function_models.draw(7)
    assert function_models.draw(7) != function_models.draw(8)


def test_operators_with_a_body_of_their_own() -> None:
    """ONNX Runtime runs the body where it has no kernel, and HardSwish always."""
    bodies = standard_bodies()
    assert bodies["HardSwish"] > {"HardSigmoid", "Mul"}
    assert "PRelu" in bodies
    assert len(bodies) >= 48
