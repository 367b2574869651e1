"""What a model comes to once its function calls are inlined, as exact numbers."""

from __future__ import annotations

from typing import Any

import pytest
from support import protobuf as pb
from support.protobuf import attribute, body, constant, function, graph, node

import onnxguard
from onnxguard import Allowlist, Facts
from onnxguard.model.expansion import LARGEST
from onnxguard.policy.allowlist import Decision, Limit
from onnxguard.scanning.scan import facts_of

RELU = node("Relu")
LOCAL = pb.opset_import("local", 1)
IMPORTS = [pb.opset_import("", 17), LOCAL]


def call(name: str, inputs: str = "x", outputs: str = "y") -> bytes:
    return node(name, inputs, outputs, domain="local")


def branch(inner: bytes) -> bytes:
    return node("If", "c", attribute=attribute("then_branch", g=inner))


def model(*nodes: bytes, functions: list[bytes], **more: Any) -> bytes:
    return pb.model(graph(*nodes), opset_import=LOCAL, functions=functions, **more)


def chain(levels: int, times: int) -> bytes:
    """``F0`` calls ``F1`` so many times, and so on; the last one holds a single node."""
    functions = [
        function(f"F{level}", *[call(f"F{level + 1}")] * times, opset_import=IMPORTS)
        for level in range(levels)
    ]
    return model(call("F0"), functions=[*functions, function(f"F{levels}", RELU)])


@pytest.mark.parametrize("levels", [0, 1, 2, 10, 60, 62])
def test_calls_that_double(levels: int) -> None:
    facts = facts_of(chain(levels, 2))
    assert facts.expanded_nodes == 2**levels
    assert facts.nodes == 1 + 2 * levels + 1


@pytest.mark.parametrize("levels", [63, 64, 1000])
def test_numbers_end_at_the_largest_int64(levels: int) -> None:
    assert facts_of(chain(levels, 2)).expanded_nodes == LARGEST == 2**63 - 1


def test_calls_that_grow_by_three_and_mixed() -> None:
    assert facts_of(chain(20, 3)).expanded_nodes == 3**20
    mixed = model(
        RELU,
        call("F"),
        branch(body(call("F"), RELU)),
        functions=[function("F", RELU, RELU, RELU)],
    )
    assert facts_of(mixed).expanded_nodes == 1 + 3 + 1 + (3 + 1)


def test_empty_function_leaves_nothing() -> None:
    assert facts_of(model(RELU, call("F"), functions=[function("F")])).expanded_nodes == 1


def test_overloads_are_functions_of_their_own() -> None:
    two = function("F", RELU, RELU, overload="two")
    data = model(
        call("F"),
        node("F", domain="local", overload="two"),
        functions=[function("F", RELU), two],
    )
    assert facts_of(data).expanded_nodes == 3


def test_largest_root_counts() -> None:
    data = model(
        RELU,
        functions=[function("F", RELU, RELU, RELU)],
        training_info=pb.message("TrainingInfoProto", algorithm=graph(call("F"), call("F"))),
    )
    assert facts_of(data).expanded_nodes == 6


RINGS = {
    "itself": [function("F0", call("F0"))],
    "each other": [function("F0", call("F1")), function("F1", call("F0"))],
    "three": [function(f"F{n}", call(f"F{(n + 1) % 3}")) for n in range(3)],
    "from a branch": [function("F0", branch(body(call("F0"))))],
    "from an attribute's default": [
        function("F0", attribute_proto=attribute("a", g=body(call("F0"))))
    ],
}


@pytest.mark.parametrize("name", RINGS)
def test_recursion_has_no_number(name: str) -> None:
    data = model(call("F0"), functions=RINGS[name])
    assert facts_of(data).expanded_nodes == -1
    codes = [(f.code, f.operator) for f in onnxguard.scan_bytes(data).findings]
    found = [operator for code, operator in codes if code == "OG508"]
    assert found == [f"local::F{n}" for n in range(len(RINGS[name]))]
    assert "OG208" not in [code for code, _ in codes]


def test_function_that_calls_a_ring_is_not_recursive_itself() -> None:
    functions = [function("F0", call("F1")), function("F1", call("F1"))]
    findings = onnxguard.scan_bytes(model(call("F0"), functions=functions)).findings
    assert [f.operator for f in findings if f.code == "OG508"] == ["local::F1"]


# -- depth -----------------------------------------------------------------------------------------


def depth(data: bytes) -> int:
    return facts_of(data).depth


def test_depth_counts_graphs_in_graphs() -> None:
    assert depth(pb.model(graph(RELU))) == 0
    assert depth(pb.model(graph(branch(body(RELU))))) == 1
    assert depth(pb.model(graph(branch(body(branch(body(RELU))))))) == 2


def test_depth_counts_through_calls() -> None:
    inner = function("F1", branch(body(RELU)))
    outer = function("F0", branch(body(call("F1"))))
    assert depth(model(RELU, functions=[inner, outer])) == 2
    assert depth(model(call("F0"), functions=[inner, outer])) == 2
    assert depth(model(branch(body(call("F0"))), functions=[inner, outer])) == 3


def test_depth_of_training_counts() -> None:
    training = pb.message("TrainingInfoProto", initialization=graph(branch(body(RELU))))
    assert depth(pb.model(graph(RELU), training_info=training)) == 1


# -- loops through calls ---------------------------------------------------------------------------


def judged(data: bytes, **limits: int) -> tuple[Facts, list[tuple[str, str]]]:
    """The facts, and the findings of a list that is nothing but these limits."""
    limited = {name: Limit(number, Decision()) for name, number in limits.items()}
    policy = Allowlist(
        "limits", "", Decision(), (), {}, {}, limited, {}, None, {}, "report", None, ()
    )
    report = onnxguard.scan_bytes(data, "m.onnx", policy)
    assert report.facts is not None
    return report.facts, [(f.code, f.message) for f in report.findings if f.code[:3] == "OG2"]


def looping(count: int, *inner: bytes) -> tuple[bytes, bytes]:
    made = constant("m", value_int={"i": count})
    return made, node("Loop", "m _ x", attribute=attribute("body", g=body(*inner)))


def test_loops_are_counted_for_every_call() -> None:
    data = model(*[call("F")] * 3, functions=[function("F", *looping(2, RELU))])
    facts, findings = judged(data, loop_nodes=2)
    assert len(facts.loops) == 1
    assert findings == [("OG204", "the model has 3 Loop nodes, 2 are allowed")]
    assert judged(data, loop_nodes=3)[1] == []


def test_loops_of_functions_that_nothing_calls_are_counted() -> None:
    idle = [function(f"F{n}", *looping(2, RELU)) for n in range(3)]
    assert judged(model(RELU, functions=idle), loop_nodes=2)[1] == [
        ("OG204", "the model has 3 Loop nodes, 2 are allowed")
    ]


def test_counts_multiply_through_calls() -> None:
    functions = [
        function("F0", *looping(5, call("F1")), opset_import=IMPORTS),
        function("F1", *looping(7, RELU)),
    ]
    data = model(*looping(3, call("F0")), functions=functions)
    bounded = {"loop_trip_count": 100}
    assert judged(data, loop_trip_product=105, **bounded)[1] == []
    assert judged(data, loop_trip_product=104, **bounded)[1] == [
        ("OG207", "Loops nested through function calls run 105 times, 104 are allowed")
    ]


def test_call_in_a_branch_of_a_loop_counts_as_in_the_loop() -> None:
    data = model(
        *looping(10, branch(body(call("F")))), functions=[function("F", *looping(11, RELU))]
    )
    found = judged(data, loop_trip_count=100, loop_trip_product=109)[1]
    assert [code for code, _ in found] == ["OG207"]
    assert judged(data, loop_trip_count=100, loop_trip_product=110)[1] == []
