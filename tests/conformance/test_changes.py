"""``conform diff``: what changed between two reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.checkout import ROOT
from support.command import run
from support.conformance_samples import samples

from onnxguard.base.errors import UsageError
from onnxguard.conformance import Conformance, Evidence, Outcome, WholeGraph
from onnxguard.conformance.changes import compare_reports
from onnxguard.reporters import CONFORMANCE_REPORTERS, RenderOptions


def written(path: Path, result: Conformance) -> str:
    path.write_text(CONFORMANCE_REPORTERS["json"](result, RenderOptions()), encoding="utf-8")
    return str(path)


def changed(result: Conformance, name: str, **fields: Any) -> Conformance:
    return result._replace(
        operators=tuple(r._replace(**fields) if r.op_type == name else r for r in result.operators)
    )


@pytest.fixture
def before(tmp_path: Path) -> str:
    return written(tmp_path / "before.json", samples()["list"])


def test_nothing_changed(tmp_path: Path, before: str) -> None:
    changes = compare_reports(before, written(tmp_path / "after.json", samples()["list"]))
    assert (changes.changes, changes.same, changes.exit_code) == ((), 4, 0)


def test_what_is_worse_fails(tmp_path: Path, before: str) -> None:
    after = changed(samples()["list"], "Abs", evidence=Evidence.FAILED, reason="wrong")
    changes = compare_reports(before, written(tmp_path / "after.json", after))
    (change,) = changes.changes
    assert (change.operator, change.what) == ("Abs", "evidence")
    assert (change.before, change.after, change.worse) == ("proven", "failed", True)
    assert (change.reason, changes.same, changes.exit_code) == ("wrong", 3, 1)


def test_what_is_better_passes(tmp_path: Path, before: str) -> None:
    cases = samples()["list"].operators[1].cases
    mended = tuple(case._replace(outcome=Outcome.PASSED) for case in cases)
    after = changed(samples()["list"], "Erf", evidence=Evidence.PROVEN, cases=mended)
    changes = compare_reports(before, written(tmp_path / "after.json", after))
    assert [change.what for change in changes.changes] == ["evidence", "test_b", "test_c"]
    assert changes.exit_code == 0


@pytest.mark.parametrize(
    ("was", "now", "worse"),
    [
        (Outcome.PASSED, Outcome.FAILED, True),
        (Outcome.PASSED, Outcome.DISPUTED, True),
        (Outcome.PASSED, Outcome.UNSUPPORTED, True),
        (Outcome.UNSUPPORTED, Outcome.CRASHED, True),
        (Outcome.UNSUPPORTED, Outcome.PASSED, False),
        (Outcome.KNOWN, Outcome.PASSED, False),
        (Outcome.DISPUTED, Outcome.KNOWN, False),
    ],
)
def test_cases_that_end_otherwise(tmp_path: Path, was: Outcome, now: Outcome, worse: bool) -> None:
    files = []
    for outcome in (was, now):
        (case, *_) = samples()["list"].operators[0].cases
        result = changed(samples()["list"], "Abs", cases=(case._replace(outcome=outcome),))
        files.append(written(tmp_path / f"{outcome.name}.json", result))
    (change,) = compare_reports(*files).changes
    assert (change.what, change.before, change.after) == ("test_a", was.value, now.value)
    assert change.worse is worse


def test_operators_come_and_go(tmp_path: Path, before: str) -> None:
    fewer = samples()["list"]._replace(operators=samples()["list"].operators[1:])
    after = written(tmp_path / "after.json", fewer)
    (gone,) = compare_reports(before, after).changes
    (come,) = compare_reports(after, before).changes
    assert (gone.after, gone.worse, come.before, come.worse) == ("", True, "", False)


def test_the_whole_graph_is_compared(tmp_path: Path) -> None:
    failed = samples()["model"]
    passed = failed._replace(whole=WholeGraph(Outcome.PASSED, 0.0))
    files = [written(tmp_path / f"{at}.json", result) for at, result in enumerate((passed, failed))]
    (change,) = compare_reports(*files).changes
    assert (change.operator, change.worse) == ("the whole graph", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no report of this version"),
        ('{"schema": "onnxguard/report/1"}', "no report of this version"),
        ('{"schema": "onnxguard/conformance/1"}', "not whole"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, before: str, text: str, message: str) -> None:
    (tmp_path / "bad.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        compare_reports(before, str(tmp_path / "bad.json"))
    with pytest.raises(UsageError, match="No such file"):
        compare_reports(str(tmp_path / "none.json"), before)


def test_reports_of_other_subjects_are_refused(tmp_path: Path, before: str) -> None:
    other = written(tmp_path / "after.json", samples()["list"]._replace(opset=21))
    with pytest.raises(UsageError, match=r"its opset is 21, that of .* is 17"):
        compare_reports(before, other)
    with pytest.raises(UsageError, match="its kind is model"):
        compare_reports(before, written(tmp_path / "model.json", samples()["model"]))


# -- the command ----------------------------------------------------------------------------------


def test_the_command_says_what_changed(tmp_path: Path, before: str) -> None:
    worse = changed(samples()["list"], "Abs", evidence=Evidence.FAILED, reason="wrong")
    after = written(tmp_path / "after.json", worse)
    code, out, err = run("conform", "diff", before, after)
    assert (code, err) == (1, "")
    assert out.startswith("WORSE  mine, opset 17\n")
    assert "Abs       evidence  proven  failed\n" in out
    assert "Abs evidence: wrong\n" in out
    assert out.endswith("WORSE: 1 change, 1 worse, 3 as before\n")
    code, out, _ = run("conform", "diff", before, after, "--format", "json")
    document = json.loads(out)
    path = ROOT / "docs" / "conformance-changes.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert (code, document["exit_code"], len(document["changes"])) == (1, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["diff", "a.json"], "conform diff takes two reports in JSON"),
        (["diff", "a.json", "b.json", "c.json"], "conform diff takes two reports in JSON"),
        (["diff", "a.json", "b.json", "--seed", "0"], "--seed does not go with diff"),
        (["diff", "a.json", "b.json", "--allowlist", "base"], "--allowlist does not go with diff"),
        (["a.onnx", "b.onnx"], "conform looks at one model"),
        (["--allowlist", "base", "--resume"], "--resume goes on with a file of results"),
        (["a.onnx", "--operator", "Abs"], "--operator does not go with a model"),
    ],
)
def test_wrong_calls(arguments: list[str], message: str) -> None:
    code, out, err = run("conform", *arguments)
    assert (code, out) == (2, "")
    assert message in err
