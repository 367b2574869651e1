"""``conform --allowlist``: the official cases, each at the schema version of the opset."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from support import deadly
from support.checkout import ROOT
from support.examples import blocks, commands, same
from support.patience import with_a_limit

from onnxguard.base.errors import AllowlistError, UsageError
from onnxguard.conformance import (
    Conclusion,
    Conformance,
    Evidence,
    Outcome,
    cases,
    conform_allowlist,
    official,
)
from onnxguard.conformance.cases import Case, node_cases, restamp, schema_version
from onnxguard.conformance.evaluators import check
from onnxguard.conformance.known_deviations import KNOWN_FAILURES
from onnxguard.conformance.record import CaseResult, OperatorRecord, weigh
from onnxguard.reporters import CONFORMANCE_REPORTERS, RenderOptions


@pytest.fixture(scope="module")
def adr_0258() -> Conformance:
    return conform_allowlist("adr-0258", 17)


def operator(result: Conformance, name: str) -> OperatorRecord:
    (record,) = (record for record in result.operators if record.label == name)
    return record


LIST = """\
schema: 1
id: listed
title: A list
adr: ADR-1000
date: 2026-01-02
reason: some reason
operators:
"""


def listed(folder: Path, *names: str) -> str:
    path = folder / "listed.yaml"
    split = [name.rpartition("::") for name in names]
    rows = [f"  - {{name: {op}, domain: {domain or 'ai.onnx'}}}\n" for domain, _, op in split]
    path.write_text(LIST + "".join(rows), encoding="utf-8")
    return str(path)


# -- the list that ships --------------------------------------------------------------------------


def test_every_operator_of_the_list_has_a_record(adr_0258: Conformance) -> None:
    assert len(adr_0258.operators) == 70
    assert adr_0258.conclusion is Conclusion.PASS
    assert adr_0258.count_of(Evidence.FAILED) == 0
    assert adr_0258.count_of(Evidence.PROVEN) >= 60
    assert adr_0258.ran >= 390
    assert {name for name, _ in adr_0258.versions} == {"numpy", "onnx", "onnxruntime"}


def test_a_case_counts_at_the_schema_version_of_the_opset_alone(adr_0258: Conformance) -> None:
    for record in adr_0258.operators:
        assert record.version == schema_version("ai.onnx", record.op_type, 17)
        assert record.exact + record.restamped == len(record.cases)
        assert record.restamped == sum(case.restamped for case in record.cases)
    own = {case.name: case for case in node_cases()}
    for record in adr_0258.operators:
        for result in record.cases:
            case = own[result.name]
            assert case.op_type == record.op_type
            exact = schema_version("ai.onnx", case.op_type, case.opset) == record.version
            assert exact is not result.restamped


def test_cases_are_restamped_where_the_checker_accepts_it(adr_0258: Conformance) -> None:
    resize = operator(adr_0258, "Resize")
    assert (resize.version, resize.exact, resize.restamped, resize.refused) == (13, 0, 25, 14)
    assert operator(adr_0258, "Add").exact == 8
    names = {case.name for case in resize.cases}
    assert "test_resize_upsample_scales_nearest" in names
    assert "test_resize_tf_crop_and_resize_axes_2_3" not in names  # `axes` came with version 18


def test_no_case_of_the_schema_version_is_no_proof(adr_0258: Conformance) -> None:
    mean = operator(adr_0258, "ReduceMean")
    assert (mean.evidence, mean.cases, mean.refused) == (Evidence.UNPROVEN, (), 8)
    assert "no official case of schema version 13" in mean.reason
    gelu = operator(adr_0258, "Gelu")
    assert (gelu.evidence, gelu.version) == (Evidence.UNPROVEN, None)
    assert "no such operator at opset 17" in gelu.reason


def test_kernels_that_are_missing_make_it_partial(adr_0258: Conformance) -> None:
    record = operator(adr_0258, "Max")
    assert record.evidence is Evidence.PARTIAL
    assert record.count_of(Outcome.UNSUPPORTED) == 2
    reasons = {case.reason for case in record.cases if case.outcome is Outcome.UNSUPPORTED}
    assert reasons == {"Could not find an implementation for Max(13) node with name ''"}


def test_every_known_failure_still_fails(adr_0258: Conformance) -> None:
    ended = {case.name: case for record in adr_0258.operators for case in record.cases}
    for name, reason in KNOWN_FAILURES.items():
        assert ended[name].outcome is Outcome.KNOWN
        assert ended[name].reason == reason
    assert operator(adr_0258, "Resize").evidence is Evidence.PARTIAL


def test_dtypes_that_numpy_lacks_are_run_too(adr_0258: Conformance) -> None:
    ended = {case.name: case.outcome for case in operator(adr_0258, "Cast").cases}
    assert ended["test_cast_FLOAT_to_BFLOAT16"] is Outcome.PASSED
    assert ended["test_cast_BFLOAT16_to_FLOAT"] is Outcome.PASSED


def test_differences_are_recorded(adr_0258: Conformance) -> None:
    assert (operator(adr_0258, "Conv").worst or 0) + (operator(adr_0258, "Erf").worst or 0) > 0
    assert operator(adr_0258, "Shape").worst is None


def test_the_page_holds_the_table(adr_0258: Conformance) -> None:
    path = ROOT / "tools" / "update_conformance_doc.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = tool.PAGE.read_text(encoding="utf-8")
    assert tool.comparable(tool.page_with(page, adr_0258)) == tool.comparable(page)
    fewer = adr_0258._replace(operators=adr_0258.operators[1:])
    assert tool.comparable(tool.page_with(page, fewer)) != tool.comparable(page)


def test_the_page_shows_what_the_list_comes_to(adr_0258: Conformance) -> None:
    """The command takes long, and has run here: its block is no ``console``, which runs again."""
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    (shown,) = (
        output
        for block in blocks(page)
        if block.language == "text"
        for command, output in commands(block.text)
        if command == "onnxguard conform --allowlist adr-0258 --opset 17"
    )
    printed = CONFORMANCE_REPORTERS["text"](adr_0258, RenderOptions())
    assert same(shown, printed)
    fewer = adr_0258._replace(operators=adr_0258.operators[1:])
    assert not same(shown, CONFORMANCE_REPORTERS["text"](fewer, RenderOptions()))


def test_every_field_is_documented() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    fields = {*Conformance._fields, *OperatorRecord._fields, *CaseResult._fields}
    assert {field for field in fields if f"`{field}`" not in page} == set()


# -- what must fail -------------------------------------------------------------------------------


def altered(case: Case) -> Case:
    outputs: list[Any] = [np.array(value) for value in case.outputs]
    outputs[0].flat[0] += 1e-2
    return case._replace(outputs=outputs)


def only(monkeypatch: pytest.MonkeyPatch, cases: list[Case]) -> None:
    monkeypatch.setattr(official, "node_cases", lambda: tuple(cases))


def test_a_wrong_value_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [c for c in node_cases() if c.op_type in {"Sqrt", "Exp"}]
    only(monkeypatch, [altered(c) if c.name == "test_sqrt" else c for c in chosen])
    result = conform_allowlist(listed(tmp_path, "Sqrt", "Exp"))
    assert operator(result, "Exp").evidence is Evidence.PROVEN
    record = operator(result, "Sqrt")
    assert record.evidence is Evidence.FAILED
    assert "test_sqrt: output 0: " in record.reason
    assert record.worst is not None
    assert record.worst < 1e-5  # of those that passed
    assert max(case.difference or 0 for case in record.cases) > 9e-3
    assert result.conclusion is Conclusion.FAIL
    assert result.exit_code == 1


def test_a_known_failure_excuses_a_wrong_value_of_its_case_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sqrt,) = (c for c in node_cases() if c.name == "test_sqrt")
    excused = next(name for name in KNOWN_FAILURES)
    only(monkeypatch, [altered(sqrt)._replace(name=excused)])
    record = operator(conform_allowlist(listed(tmp_path, "Sqrt")), "Sqrt")
    assert (record.evidence, record.failed) == (Evidence.UNPROVEN, 0)
    broken = sqrt._replace(name=excused, inputs=[np.zeros((2, 2), np.float64)])
    only(monkeypatch, [broken])
    assert operator(conform_allowlist(listed(tmp_path, "Sqrt")), "Sqrt").failed == 1


@pytest.mark.parametrize(
    ("function", "outcome", "reason"),
    [
        (deadly.run_but_die_of_abs, Outcome.CRASHED, "killed by SIGKILL"),
        (deadly.run_but_hang_on_abs, Outcome.TIMED_OUT, "no answer within {} s"),
    ],
)
def test_a_crash_or_a_hang_costs_one_case(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    function: Any,
    outcome: Outcome,
    reason: str,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    monkeypatch.setattr(official, "run", function)
    told: list[tuple[int, int]] = []
    path = listed(tmp_path, "Abs", "Sqrt", "Neg")

    def attempt(seconds: int) -> Conformance:
        told.clear()
        return conform_allowlist(
            path,
            case_seconds=seconds,
            progress=lambda done, total: told.append((done, total)),
        )

    seconds, result = with_a_limit(
        attempt, lambda found: sum(record.failed for record in found.operators) == 1
    )
    (case,) = operator(result, "Abs").cases
    assert (case.name, case.outcome) == ("test_abs", outcome)
    assert reason.format(seconds) in case.reason
    assert operator(result, "Abs").evidence is Evidence.FAILED
    assert operator(result, "Neg").evidence is Evidence.PROVEN
    assert operator(result, "Sqrt").evidence is Evidence.PROVEN
    assert told == [(done, 5) for done in range(1, 6)]


def test_a_run_in_which_nothing_ran_fails(tmp_path: Path) -> None:
    result = conform_allowlist(listed(tmp_path, "ReduceMean", "Gelu"))
    assert result.ran == 0
    assert result.conclusion is Conclusion.VACUOUS
    assert result.exit_code == 1


def test_a_run_of_unsupported_cases_alone_is_vacuous(tmp_path: Path) -> None:
    result = conform_allowlist(listed(tmp_path, "ImageDecoder"), 20)
    (record,) = result.operators
    assert record.count_of(Outcome.UNSUPPORTED) == len(record.cases) > 0
    assert (record.evidence, result.conclusion) == (Evidence.UNPROVEN, Conclusion.VACUOUS)


def test_unproven_fails_where_that_is_asked_for(adr_0258: Conformance) -> None:
    assert adr_0258.exit_code == 0
    assert adr_0258._replace(require_proven=True).exit_code == 1
    proven = tuple(r for r in adr_0258.operators if r.evidence is not Evidence.UNPROVEN)
    assert adr_0258._replace(operators=proven, require_proven=True).exit_code == 0


def test_fewer_cases_than_asked_for_are_no_proof(tmp_path: Path) -> None:
    result = conform_allowlist(listed(tmp_path, "Abs", "Sqrt"), min_cases=2)
    assert operator(result, "Abs").evidence is Evidence.PARTIAL
    assert operator(result, "Abs").reason == "1 passed, fewer than 2"
    assert operator(result, "Sqrt").evidence is Evidence.PROVEN


def case_of(outcome: Outcome) -> CaseResult:
    return CaseResult("case", False, outcome, None, "why")


@pytest.mark.parametrize(
    ("outcomes", "evidence"),
    [
        ("", Evidence.UNPROVEN),
        ("passed", Evidence.PROVEN),
        ("passed,unsupported", Evidence.PARTIAL),
        ("passed,known failure", Evidence.PARTIAL),
        ("unsupported", Evidence.UNPROVEN),
        ("known failure", Evidence.UNPROVEN),
        ("passed,failed", Evidence.FAILED),
        ("passed,crashed", Evidence.FAILED),
        ("timed out,known failure", Evidence.FAILED),
    ],
)
def test_what_cases_amount_to(outcomes: str, evidence: Evidence) -> None:
    ended = tuple(case_of(Outcome(name)) for name in outcomes.split(",") if name)
    assert weigh(ended)[0] is evidence
    assert bool(weigh(ended)[1]) is (evidence is not Evidence.PROVEN)


# -- re-stamping ----------------------------------------------------------------------------------


def test_restamping_changes_versions_alone() -> None:
    case = next(c for c in node_cases() if c.name == "test_resize_upsample_scales_nearest")
    before = case.model.SerializeToString()
    moved = restamp(case.model, 17)
    assert case.model.SerializeToString() == before
    assert [(o.domain, o.version) for o in moved.opset_import] == [("", 17)]
    assert moved.ir_version == 8
    assert moved.graph == case.model.graph


def test_a_case_is_not_moved_across_a_change_of_meaning(tmp_path: Path) -> None:
    """Softmax flattened to a matrix before version 13; the checker accepts a newer case."""
    path = listed(tmp_path, "Softmax")
    before, after = (operator(conform_allowlist(path, opset), "Softmax") for opset in (11, 17))
    assert (before.version, before.cases, before.evidence) == (11, (), Evidence.UNPROVEN)
    assert before.refused == after.exact == len(after.cases) > 5
    moved = restamp(next(c.model for c in node_cases() if c.name == "test_softmax_axis_0"), 11)
    assert check(moved.SerializeToString()) == ""


def test_float8_is_run_and_what_is_packed_is_unsupported(tmp_path: Path) -> None:
    record = operator(conform_allowlist(listed(tmp_path, "Cast"), 21), "Cast")
    ended = {case.name: case for case in record.cases}
    for kind in ("E4M3FN", "E4M3FNUZ", "E5M2", "E5M2FNUZ"):
        assert ended[f"test_cast_FLOAT_to_FLOAT8{kind}"].outcome is Outcome.PASSED
        assert ended[f"test_cast_FLOAT8{kind}_to_FLOAT"].outcome is Outcome.PASSED
    assert ended["test_cast_FLOAT_to_INT4"].outcome is Outcome.UNSUPPORTED
    assert ended["test_cast_INT4_to_FLOAT"].outcome is Outcome.UNSUPPORTED
    assert record.evidence is Evidence.PARTIAL


def test_an_operator_that_is_gone_has_no_version() -> None:
    assert schema_version("ai.onnx", "Upsample", 9) == 9
    assert schema_version("ai.onnx", "Upsample", 10) is None
    assert schema_version("com.microsoft", "Gelu", 1) is None


def test_other_domains_are_as_they_were_released_with_the_opset(tmp_path: Path) -> None:
    result = conform_allowlist(listed(tmp_path, "ai.onnx.ml::Binarizer"), 17)
    record = operator(result, "ai.onnx.ml::Binarizer")
    assert (record.version, record.evidence) == (1, Evidence.PROVEN)


def test_building_the_cases_leaves_the_random_generator_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cases, "collect_testcases", lambda _: np.random.seed(0) or [])
    np.random.seed(7)
    wanted = np.random.random()
    np.random.seed(7)
    assert node_cases.__wrapped__() == ()
    assert np.random.random() == wanted


def test_every_case_has_one_node() -> None:
    assert len(node_cases()) > 1400
    assert all(isinstance(case.model, onnx.ModelProto) for case in node_cases())
    assert {len(case.model.graph.node) for case in node_cases()} == {1}


def test_lists_and_opsets_that_do_not_exist() -> None:
    with pytest.raises(AllowlistError, match="adr-0258"):
        conform_allowlist("adr-0285")
    for opset in (0, 1000):
        with pytest.raises(UsageError, match="knows the opsets 1 to"):
            conform_allowlist("adr-0258", opset)
