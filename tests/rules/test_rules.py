"""Every rule finds what it is for, says where and what to do, and leaves the neighbour alone."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rule_cases import CASES, Case, full_check
from support import protobuf as pb
from support import repositories
from support.lists import write_list
from support.protobuf import attribute, body, field, function, graph, message, node, opset_import

import onnxguard
from onnxguard import Place, Report, Severity, Verdict
from onnxguard.base.findings import PLACES_KEPT
from onnxguard.catalogue import RULES
from onnxguard.rules.collector import KINDS_KEPT

RELU, TANH = node("Relu"), node("Tanh")


def judged(case: Case, folder: Path, bad: bool) -> tuple[bytes, Report]:
    model = case.bad if bad else case.good
    data = model if isinstance(model, bytes) else model(folder)
    path = folder / "model.onnx"
    path.write_bytes(data)
    rules = case.rules if bad or case.good_rules is None else case.good_rules
    return data, onnxguard.scan(path, str(write_list(folder, rules)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_rule_finds_what_it_is_for(case: Case, tmp_path: Path) -> None:
    data, report = judged(case, tmp_path, bad=True)
    codes = {finding.code for finding in report.findings}
    assert codes == {case.code} | case.also, report.findings
    finding = next(f for f in report.findings if f.code == case.code)
    assert case.message in finding.message
    assert finding.severity is case.severity
    assert finding.operator == case.operator
    assert finding.adr == case.adr
    assert case.hint in finding.hint
    assert finding.hint
    assert finding.place.route == case.route
    assert 0 <= finding.place.start <= finding.place.end <= len(data)
    if case.at is not None:
        assert data[finding.place.start : finding.place.end] == case.at
    failed = any(f.severity is Severity.ERROR for f in report.findings)
    assert report.verdict is (Verdict.FAIL if failed else Verdict.PASS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_rule_leaves_the_neighbour_alone(case: Case, tmp_path: Path) -> None:
    _, report = judged(case, tmp_path, bad=False)
    assert [finding for finding in report.findings if not finding.waiver] == []
    assert report.verdict is Verdict.PASS


def test_every_rule_is_shown_at_work() -> None:
    # test_workers.py, test_reading_bounds.py, test_check.py, test_sizes.py, test_targets.py
    elsewhere = full_check.CODES | {"OG006", "OG008", "OG009", "OG606"} | repositories.CODES
    assert {case.code for case in CASES} | FILES.keys() | elsewhere == RULES.keys()


# -- files that cannot be verified -----------------------------------------------------------------


def write_empty(path: Path) -> None:
    path.write_bytes(b"")


def write_cut(path: Path) -> None:
    path.write_bytes(pb.model(graph(RELU))[:-1])


def write_no_graph(path: Path) -> None:
    path.write_bytes(field("ModelProto", "producer_name", "somebody"))


def write_many_nodes(path: Path) -> None:
    path.write_bytes(pb.model(graph(*[RELU] * 200)))


def write_nothing(path: Path) -> None:
    assert not path.exists()


FILES: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "OG001": (write_nothing, "cannot be read: No such file or directory", "Check the path"),
    "OG002": (write_empty, "an empty file", "export or fetch the model again"),
    "OG003": (write_cut, "malformed protobuf at byte ", "cut off or not an ONNX model"),
    "OG004": (write_no_graph, "there is no graph in this file", "holds ModelProto.graph"),
    "OG005": (write_many_nodes, "more nodes and fields than the limits allow", "limits.nodes"),
}


@pytest.fixture
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that may do a thousand steps unless the list allows more nodes."""
    monkeypatch.setattr(importlib.import_module("onnxguard.scanning.scan"), "STEPS", 1000)


@pytest.mark.usefixtures("_few_steps")
@pytest.mark.parametrize("code", FILES)
def test_file_that_cannot_be_verified(code: str, tmp_path: Path) -> None:
    write, text, hint = FILES[code]
    path = tmp_path / "model.onnx"
    write(path)
    report = onnxguard.scan(path, str(write_list(tmp_path, "limits: {nodes: 10}\n")))
    (finding,) = report.findings
    assert (finding.code, finding.severity) == (code, Severity.ERROR)
    assert text in finding.message
    assert hint in finding.hint
    assert report.verdict is Verdict.ERROR
    assert report.facts is None
    with pytest.raises(onnxguard.ModelError, match=re.escape(text)) as caught:
        onnxguard.read_facts(path)
    assert caught.value.code == code


@pytest.mark.usefixtures("_few_steps")
def test_more_is_read_where_the_list_allows_more_nodes(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    write_many_nodes(path)
    report = onnxguard.scan(path, str(write_list(tmp_path, "limits: {nodes: 200}\n")))
    assert report.findings == ()
    assert report.facts is not None
    assert report.facts.nodes == 200


def test_malformed_file_names_the_byte() -> None:
    data = pb.model(graph(RELU))[:-1]
    (finding,) = onnxguard.scan_bytes(data).findings
    at = data.index(graph(RELU)[:-1]) - 1
    assert finding.message.startswith(f"malformed protobuf at byte {at}: a length of ")
    assert finding.place == Place("model", at, at)


# -- where an operator may hide --------------------------------------------------------------------

HIDDEN = body(RELU, TANH)
LOCAL = opset_import("local", 1)


def holding(op_type: str, *attributes: bytes) -> bytes:
    return pb.model(graph(RELU, node(op_type, attribute=list(attributes))))


def with_function(*nodes: bytes, **more: Any) -> bytes:
    made = function("F", *nodes, **more)
    return pb.model(graph(RELU), opset_import=LOCAL, functions=made)


PLACES = {
    "main graph": (pb.model(graph(RELU, TANH)), "graph/node 1"),
    "named node": (
        pb.model(graph(RELU, node("Tanh", name="the last"))),
        'graph/node 1 "the last"',
    ),
    "branch": (
        holding("If", attribute("else_branch", g=HIDDEN)),
        "graph/If_1.else_branch/node 1",
    ),
    "branch of a branch": (
        holding("If", attribute("a", g=body(node("If", attribute=attribute("b", g=HIDDEN))))),
        "graph/If_1.a/If_0.b/node 1",
    ),
    "second of several graphs": (
        holding("If", attribute("branches", graphs=[body(RELU), HIDDEN])),
        "graph/If_1.branches[1]/node 1",
    ),
    "attribute of another operator": (
        holding("Relu", attribute("a", g=HIDDEN)),
        "graph/Relu_1.a/node 1",
    ),
    "function": (with_function(RELU, TANH), "function local::F/node 1"),
    "overload of a function": (
        with_function(RELU, TANH, overload="fp16"),
        "function local::F:fp16/node 1",
    ),
    "branch in a function": (
        with_function(node("If", attribute=attribute("b", g=HIDDEN))),
        "function local::F/If_0.b/node 1",
    ),
    "default of a function's attribute": (
        with_function(RELU, attribute_proto=attribute("a", g=HIDDEN)),
        'function local::F/attribute "a"/node 1',
    ),
    "training": (
        pb.model(
            graph(RELU),
            training_info=[message("TrainingInfoProto", initialization=HIDDEN)],
        ),
        "training_info 0.initialization/node 1",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_operator_is_found_wherever_it_hides(name: str, tmp_path: Path) -> None:
    data, route = PLACES[name]
    rules = "policy: {training_info: allow}\n"
    report = onnxguard.scan_bytes(data, "m.onnx", str(write_list(tmp_path, rules)))
    found = [f for f in report.findings if f.code == "OG101"]
    assert [f.operator for f in found] == ["Tanh"]
    assert [place.route for place in found[0].places] == [route]
    assert data[found[0].place.start : found[0].place.end].startswith(TANH)


def test_op_type_that_is_overridden_is_judged_as_well(tmp_path: Path) -> None:
    twice = TANH + field("NodeProto", "op_type", "Relu")
    report = onnxguard.scan_bytes(pb.model(graph(twice)), "m.onnx", str(write_list(tmp_path)))
    assert [f.code for f in report.findings] == ["OG101", "OG602"]
    assert report.facts is not None
    assert [use.label for use in report.facts.operators] == ["Relu"]


# -- all findings together -------------------------------------------------------------------------


def test_equal_findings_share_their_places(tmp_path: Path) -> None:
    data = pb.model(graph(*[TANH] * (PLACES_KEPT + 50)))
    (finding,) = onnxguard.scan_bytes(data, "m.onnx", str(write_list(tmp_path))).findings
    assert finding.count == PLACES_KEPT + 50
    assert len(finding.places) == PLACES_KEPT
    assert [p.route for p in finding.places[:2]] == ["graph/node 0", "graph/node 1"]


def test_no_rule_floods_a_report(tmp_path: Path) -> None:
    data = pb.model(graph(*[node(f"Op{n}") for n in range(KINDS_KEPT + 5)]))
    findings = onnxguard.scan_bytes(data, "m.onnx", str(write_list(tmp_path))).findings
    assert len(findings) == KINDS_KEPT + 1
    (last,) = [f for f in findings if "left out" in f.message]
    assert last.message == "5 more findings of this rule are left out"
    assert (last.code, last.count, last.severity) == ("OG101", 5, Severity.ERROR)


@pytest.mark.parametrize("count", [1, PLACES_KEPT, PLACES_KEPT + 50])
def test_every_oddity_of_the_bytes_is_counted(count: int, tmp_path: Path) -> None:
    odd = RELU + pb.number_field(99, 1)
    data = pb.model(graph(*[odd] * count))
    (finding,) = onnxguard.scan_bytes(data, "m.onnx", str(write_list(tmp_path))).findings
    assert (finding.code, finding.count) == ("OG601", count)
    assert len(finding.places) == min(count, PLACES_KEPT)


def test_oddities_of_many_kinds_are_still_findings(tmp_path: Path) -> None:
    data = pb.model(graph(*[RELU + pb.number_field(100 + n, 1) for n in range(5000)]))
    report = onnxguard.scan_bytes(data, "m.onnx", str(write_list(tmp_path)))
    assert {f.code for f in report.findings} == {"OG601"}
    assert len(report.findings) == KINDS_KEPT + 1
    assert report.verdict is Verdict.FAIL


def test_findings_are_errors_first_and_then_as_in_the_file(tmp_path: Path) -> None:
    rules = "policy: {functions: warn, unknown_fields: forbid}\ndtypes: {in: [float32]}\n"
    data = pb.model(
        graph(TANH, RELU, node("Einsum"), input=pb.value("x", 11)),
        functions=function("F", RELU),
        opset_import=LOCAL,
    )
    findings = onnxguard.scan_bytes(data, "m.onnx", str(write_list(tmp_path, rules))).findings
    assert [f.code for f in findings] == ["OG101", "OG101", "OG306", "OG505"]
    errors = [f.place.start for f in findings if f.severity is Severity.ERROR]
    assert errors == sorted(errors)
    assert findings[-1].severity is Severity.WARNING


def test_a_hint_leads_to_lists_that_build_on_the_one_that_judges(tmp_path: Path) -> None:
    """A project of its own is not sent to the list of another."""
    data = pb.model(graph(node("MatMulInteger", "x x")))
    (of_registry, *_) = onnxguard.scan_bytes(data, allowlist="adr-0258").findings
    assert of_registry.hint.startswith("the allowlist vmafx-2026 admits it (2026-11-30): use it if")
    path = tmp_path / "own.yaml"
    path.write_text("schema: 1\nid: own\nextends: adr-0258\n")
    (of_own, *_) = onnxguard.scan_bytes(data, allowlist=str(path)).findings
    assert of_own.hint.startswith("rewrite the model without it")
    (of_older, *_) = onnxguard.scan_bytes(
        pb.model(graph(node("Resize", "x _ s"))), allowlist="base"
    ).findings
    assert of_older.hint.startswith("ADR-0258 admits it (2026-05-03): use the allowlist adr-0258")
