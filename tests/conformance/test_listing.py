"""``conform --allowlist``: official and generated cases, at the versions of an opset."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from support import deadly
from support.checkout import ROOT
from support.patience import with_a_limit

from onnxguard.base.errors import AllowlistError, UsageError
from onnxguard.conformance import (
    Conclusion,
    Conformance,
    Covered,
    Evidence,
    Outcome,
    Source,
    cases,
    conform_allowlist,
    listing,
    official,
    trial,
)
from onnxguard.conformance.cases import Case, node_cases, restamp, schema_version, unspoken
from onnxguard.conformance.evaluators import check
from onnxguard.conformance.known import DEVIATIONS, RANDOM_CASES
from onnxguard.conformance.record import CaseResult, OperatorRecord, WholeGraph, weigh

SOME = (
    "Abs",
    "BitShift",
    "Cast",
    "Conv",
    "Dropout",
    "Gelu",
    "Identity",
    "Max",
    "Pad",
    "ReduceMean",
)


@pytest.fixture(scope="module")
def some() -> Conformance:
    """Operators of the list that ships, one of each way in which evidence comes about."""
    return conform_allowlist("adr-0258", 17, operators=SOME)


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


# -- what counts ----------------------------------------------------------------------------------


def test_a_case_counts_at_the_schema_version_of_the_opset_alone(some: Conformance) -> None:
    own = {case.name: case for case in node_cases()}
    for record in some.operators:
        assert record.version == schema_version("ai.onnx", record.op_type, 17)
        assert record.exact + record.restamped + record.own == len(record.cases)
        assert record.restamped == sum(case.restamped for case in record.cases)
        for result in record.cases:
            if result.source is Source.OWN:
                continue
            case = own[result.name]
            assert case.op_type == record.op_type
            exact = schema_version("ai.onnx", case.op_type, case.opset) == record.version
            assert exact is not result.restamped


def test_versions_of_all_that_ran_are_kept(some: Conformance) -> None:
    assert {name for name, _ in some.versions} == {"numpy", "onnx", "onnxruntime", "torch"}
    assert some.conclusion is Conclusion.PASS


def test_a_case_that_the_text_of_the_version_does_not_know_is_refused(some: Conformance) -> None:
    """The checker takes it: it looks at no value of an attribute."""
    wrap = next(case for case in node_cases() if case.name == "test_wrap_pad")
    moved = restamp(wrap.model, 17)
    assert check(moved.SerializeToString()) == ""
    schema = onnx.defs.get_schema("Pad", 17, "")
    assert unspoken(schema, moved.graph.node[0]) == "Pad 13 knows no mode wrap"
    assert unspoken(onnx.defs.get_schema("Pad", 19, ""), moved.graph.node[0]) == ""
    assert wrap.name not in {case.name for case in operator(some, "Pad").cases}


@pytest.mark.parametrize(
    ("op_type", "opset", "attributes", "unknown"),
    [
        ("Resize", 17, {"coordinate_transformation_mode": "half_pixel_symmetric"}, True),
        ("Resize", 19, {"coordinate_transformation_mode": "half_pixel_symmetric"}, False),
        ("Resize", 11, {"coordinate_transformation_mode": "tf_half_pixel_for_nn"}, False),
        ("Resize", 13, {"coordinate_transformation_mode": "tf_half_pixel_for_nn"}, True),
        ("ScatterND", 16, {"reduction": "max"}, True),
        ("ScatterND", 18, {"reduction": "max"}, False),
        ("Conv", 11, {"auto_pad": "SAME_UPPER"}, False),
        ("Pad", 2, {"mode": "reflect"}, False),
        ("Einsum", 12, {"equation": "ij,jk->ik"}, False),
    ],
)
def test_values_of_attributes_are_those_of_the_version(
    op_type: str, opset: int, attributes: dict[str, str], unknown: bool
) -> None:
    node = onnx.helper.make_node(op_type, ["x"], ["y"], **attributes)
    assert bool(unspoken(onnx.defs.get_schema(op_type, opset, ""), node)) is unknown


def test_spelt_out_functions_are_cases_of_no_operator(some: Conformance) -> None:
    assert all("_expanded" not in case.name for case in operator(some, "Identity").cases)


def test_nothing_is_not_proven_for_want_of_a_kernel_but_says_so(some: Conformance) -> None:
    """What has no kernel does not load: it cannot be silently wrong."""
    record = operator(some, "Max")
    assert record.evidence is Evidence.PROVEN
    states = {covered.item: covered.state for covered in record.coverage}
    assert (states["T int16"], states["T float32"]) == ("no kernel", "agreed")
    agreed, without, total = record.share("dtype")
    assert (without, agreed + without) == (3, total)


def test_an_opset_without_the_operator_is_said(some: Conformance) -> None:
    gelu = operator(some, "Gelu")
    assert (gelu.evidence, gelu.version, gelu.cases) == (Evidence.UNPROVEN, None, ())
    assert "no such operator at opset 17" in gelu.reason


def test_our_own_cases_prove_what_no_official_case_does(some: Conformance) -> None:
    mean = operator(some, "ReduceMean")
    assert (mean.exact, mean.restamped, mean.refused) == (0, 0, 8)
    assert (mean.own > 50, mean.evidence) == (True, Evidence.PROVEN)


def test_random_cases_prove_nothing(some: Conformance) -> None:
    record = operator(some, "Dropout")
    ended = {case.name: case.outcome for case in record.cases}
    assert {ended[name] for name in RANDOM_CASES} == {Outcome.VACUOUS}
    assert record.evidence is Evidence.PROVEN


def test_a_known_deviation_makes_it_partial_and_is_named(some: Conformance) -> None:
    pad = operator(some, "Pad")
    known = next(fault.what for fault in DEVIATIONS if fault.op_type == "Pad")
    assert pad.evidence is Evidence.PARTIAL
    assert pad.reason == f"1 known failure: {known}"


def test_dtypes_that_numpy_lacks_are_run_too(some: Conformance) -> None:
    ended = {case.name: case.outcome for case in operator(some, "Cast").cases}
    assert ended["test_cast_FLOAT_to_BFLOAT16"] is Outcome.PASSED
    assert ended["test_cast_BFLOAT16_to_FLOAT"] is Outcome.PASSED


def test_differences_are_recorded(some: Conformance) -> None:
    assert (operator(some, "Conv").worst or 0) > 0
    assert operator(some, "BitShift").worst is None


def test_operators_may_be_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`operators` Conv: listed allows none of that name"):
        conform_allowlist(listed(tmp_path, "Abs"), operators=["Conv"])


def test_the_page_holds_the_table(some: Conformance) -> None:
    """Of some operators; the tool checks all."""
    path = ROOT / "tools" / "update_conformance_doc.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = tool.comparable(tool.PAGE.read_text(encoding="utf-8"))
    shown = page.partition("<!-- table 17 -->")[2].partition("<!-- /table 17 -->")[0].splitlines()
    rows = [row for row in tool.comparable(tool.table(some)).splitlines() if row[:1] in {"|", "-"}]
    assert len(rows) == 2 + len(SOME) + some.count_of(Evidence.PARTIAL) + 1
    assert set(rows) <= set(shown)
    assert len(shown) > 70
    assert f"<!-- table {tool.OPSETS[1]} -->" in page


def test_every_field_is_documented() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    records = (Conformance, OperatorRecord, CaseResult, Covered, WholeGraph)
    fields = {field for record in records for field in record._fields}
    assert {field for field in fields if f"`{field}`" not in page} == set()


# -- what must fail -------------------------------------------------------------------------------


def altered(case: Case) -> Case:
    outputs: list[Any] = [np.array(value) for value in case.outputs]
    outputs[0].flat[0] += 1e-2
    return case._replace(outputs=outputs)


def only(monkeypatch: pytest.MonkeyPatch, cases: list[Case]) -> None:
    """These cases are all that there are."""
    monkeypatch.setattr(official, "node_cases", lambda: tuple(cases))
    monkeypatch.setattr(listing, "own_cases", lambda *_: ())
    monkeypatch.setattr(listing, "required", lambda *_: ())


def test_a_wrong_value_fails_where_two_referees_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    monkeypatch.setattr(trial, "run", deadly.run_off_by_a_thousandth)
    only(monkeypatch, [c for c in node_cases() if c.name == "test_relu"])
    record = operator(conform_allowlist(listed(tmp_path, "Relu")), "Relu")
    assert record.evidence is Evidence.FAILED
    assert "test_relu: output 0: " in record.reason
    assert record.worst is None
    assert max(case.difference or 0 for case in record.cases) > 1e-3


def test_a_wrong_official_case_blames_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [c for c in node_cases() if c.op_type in {"Sqrt", "Exp"}]
    only(monkeypatch, [altered(c) if c.name == "test_sqrt" else c for c in chosen])
    result = conform_allowlist(listed(tmp_path, "Sqrt", "Exp"))
    assert operator(result, "Exp").evidence is Evidence.PROVEN
    record = operator(result, "Sqrt")
    assert record.evidence is Evidence.PARTIAL
    assert "the referees disagree: the official case: output 0: " in record.reason
    assert record.reason.endswith("the formula: agrees")
    assert (result.conclusion, result.exit_code) == (Conclusion.PASS, 0)


def test_a_case_that_the_runtime_takes_and_must_not_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "run", deadly.say_nothing)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    record = operator(conform_allowlist(listed(tmp_path, "Sqrt")), "Sqrt")
    assert record.evidence is Evidence.FAILED
    assert "ONNX Runtime takes an attribute that there is not" in record.reason


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
    monkeypatch.setattr(trial, "run", function)
    only(monkeypatch, [c for c in node_cases() if c.op_type in {"Abs", "Sqrt", "Neg"}])
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
    result = conform_allowlist(listed(tmp_path, "Gelu"))
    assert result.ran == 0
    assert result.conclusion is Conclusion.VACUOUS
    assert result.exit_code == 1


def test_a_run_of_unsupported_cases_alone_is_vacuous(tmp_path: Path) -> None:
    result = conform_allowlist(listed(tmp_path, "ImageDecoder"), 20)
    (record,) = result.operators
    assert record.count_of(Outcome.UNSUPPORTED) == len(record.cases) > 0
    assert (record.evidence, result.conclusion) == (Evidence.UNPROVEN, Conclusion.VACUOUS)


def test_unproven_fails_where_that_is_asked_for(some: Conformance) -> None:
    assert some.exit_code == 0
    assert some._replace(require_proven=True).exit_code == 1
    proven = tuple(r for r in some.operators if r.evidence is not Evidence.UNPROVEN)
    assert some._replace(operators=proven, require_proven=True).exit_code == 0


def test_fewer_cases_than_asked_for_are_no_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, [c for c in node_cases() if c.op_type == "Sqrt"])
    record = operator(conform_allowlist(listed(tmp_path, "Sqrt"), min_cases=3), "Sqrt")
    assert (record.evidence, record.reason) == (Evidence.PARTIAL, "2 passed, fewer than 3")


def test_official_cases_alone_are_no_proof(tmp_path: Path) -> None:
    record = operator(conform_allowlist(listed(tmp_path, "Tile")), "Tile")
    assert (record.own, record.evidence) == (0, Evidence.PARTIAL)


def test_a_list_of_fewer_dtypes_asks_for_fewer(tmp_path: Path) -> None:
    path = Path(listed(tmp_path, "Relu"))
    path.write_text(path.read_text() + "dtypes: {in: [float32]}\n", encoding="utf-8")
    record = operator(conform_allowlist(str(path)), "Relu")
    assert [c.item for c in record.coverage if c.kind == "dtype"] == ["T float32"]
    assert record.evidence is Evidence.PROVEN


# -- going on -------------------------------------------------------------------------------------


def test_a_run_is_gone_on_with(tmp_path: Path) -> None:
    path, results = listed(tmp_path, "Sqrt", "Neg"), tmp_path / "results.jsonl"
    whole = conform_allowlist(path, results=results)
    first, second, _ = results.read_text(encoding="utf-8").splitlines()
    results.write_text(f"{first}\n{second}\n" + '{"domain": "ai.', encoding="utf-8")  # cut short
    told: list[tuple[int, int]] = []
    again = conform_allowlist(
        path, results=results, resume=True, progress=lambda *done: told.append(done)
    )
    assert again.operators == whole.operators
    assert 0 < len(told) < sum(len(record.cases) for record in whole.operators)
    third = conform_allowlist(path, results=results, resume=True, progress=lambda *_: 1 / 0)
    assert third.operators == whole.operators


def test_results_of_another_run_are_refused(tmp_path: Path) -> None:
    path, results = listed(tmp_path, "Sqrt"), tmp_path / "results.jsonl"
    conform_allowlist(path, 17, results=results)
    before = results.read_bytes()
    with pytest.raises(UsageError, match="other settings or versions"):
        conform_allowlist(path, 13, results=results, resume=True)
    assert results.read_bytes() == before
    with pytest.raises(UsageError, match="Is a directory"):
        conform_allowlist(path, results=tmp_path)


def case_of(outcome: Outcome) -> CaseResult:
    return CaseResult("case", False, outcome, None, "why")


@pytest.mark.parametrize(
    ("outcomes", "evidence"),
    [
        ("", Evidence.UNPROVEN),
        ("passed", Evidence.PROVEN),
        ("passed,unsupported", Evidence.PROVEN),
        ("passed,vacuous", Evidence.PROVEN),
        ("passed,known failure", Evidence.PARTIAL),
        ("passed,the referees disagree", Evidence.PARTIAL),
        ("passed,not judged", Evidence.PARTIAL),
        ("vacuous", Evidence.UNPROVEN),
        ("the referees disagree", Evidence.UNPROVEN),
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
    assert (before.version, before.own, before.evidence) == (11, len(before.cases), Evidence.PROVEN)
    assert before.refused == after.exact > 5
    moved = restamp(next(c.model for c in node_cases() if c.name == "test_softmax_axis_0"), 11)
    assert check(moved.SerializeToString()) == ""


def test_float8_is_run_and_what_is_packed_goes_by_casts(tmp_path: Path) -> None:
    record = operator(conform_allowlist(listed(tmp_path, "Cast"), 21), "Cast")
    ended = {case.name: case for case in record.cases}
    for kind in ("E4M3FN", "E4M3FNUZ", "E5M2", "E5M2FNUZ"):
        assert ended[f"test_cast_FLOAT_to_FLOAT8{kind}"].outcome is Outcome.PASSED
        assert ended[f"test_cast_FLOAT8{kind}_to_FLOAT"].outcome is Outcome.PASSED
    assert ended["test_cast_FLOAT_to_INT4"].outcome is Outcome.UNSUPPORTED
    states = {covered.item: covered.state for covered in record.coverage}
    assert (states["T1 int4"], states["T2 uint4"]) == ("agreed", "agreed")
    assert record.evidence is Evidence.PROVEN


def test_an_operator_that_is_gone_has_no_version() -> None:
    assert schema_version("ai.onnx", "Upsample", 9) == 9
    assert schema_version("ai.onnx", "Upsample", 10) is None
    assert schema_version("com.microsoft", "Gelu", 1) is None


def test_other_domains_are_as_they_were_released_with_the_opset(tmp_path: Path) -> None:
    result = conform_allowlist(listed(tmp_path, "ai.onnx.ml::Binarizer"), 17)
    record = operator(result, "ai.onnx.ml::Binarizer")
    assert (record.version, record.evidence) == (1, Evidence.PARTIAL)


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
