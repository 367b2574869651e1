"""A waiver accepts one kind of finding, for some models, until a day."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from support import protobuf as pb
from support.command import run
from support.lists import write_list
from support.protobuf import graph, node

import onnxguard
from onnxguard import Report, Verdict

TODAY = date(2026, 3, 1)
BAD = pb.model(graph(node("Tanh"), node("Tanh"), node("Einsum")))


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day stays the same, even at midnight."""

    class Day(date):
        @classmethod
        def today(cls) -> Day:
            return cls(TODAY.year, TODAY.month, TODAY.day)

    monkeypatch.setattr(import_module("onnxguard.scanning.scan"), "date", Day)


def waiver(
    model: str = "*.onnx",
    code: str = "OG101",
    operator: str = "",
    expires: date = TODAY,
    reason: str = "known",
) -> str:
    named = f"operator: '{operator}', " if operator else ""
    return f"{{model: '{model}', code: {code}, {named}reason: {reason}, expires: {expires}}}"


def scan(folder: Path, *waivers: str, path: str = "models/m.onnx") -> Report:
    policy = write_list(folder, f"waivers: [{', '.join(waivers)}]\n")
    return onnxguard.scan_bytes(BAD, path, str(policy))


def standing(report: Report) -> list[str]:
    return [f"{f.code} {f.operator}".strip() for f in report.findings if not f.waiver]


def test_waiver_of_a_code_covers_every_finding_of_it(tmp_path: Path) -> None:
    report = scan(tmp_path, waiver())
    assert standing(report) == []
    assert report.verdict is Verdict.PASS
    assert [(f.operator, f.waiver) for f in report.findings] == [
        ("Tanh", "known"),
        ("Einsum", "known"),
    ]


def test_waiver_of_an_operator_covers_that_operator(tmp_path: Path) -> None:
    report = scan(tmp_path, waiver(operator="Tanh"))
    assert standing(report) == ["OG101 Einsum"]
    assert report.verdict is Verdict.FAIL
    both = scan(tmp_path, waiver(operator="Tanh"), waiver(operator="Einsum", reason="too"))
    assert both.verdict is Verdict.PASS
    assert [finding.waiver for finding in both.findings] == ["known", "too"]


@pytest.mark.parametrize(
    ("pattern", "path", "covers"),
    [
        ("*.onnx", "m.onnx", True),
        ("*.onnx", "models/deep/m.onnx", True),
        ("m.onnx", "models/m.onnx", True),
        ("models/*.onnx", "models/m.onnx", True),
        ("models/*.onnx", "a/b/models/m.onnx", True),
        ("models/*.onnx", "other/m.onnx", False),
        ("m?.onnx", "m1.onnx", True),
        ("m?.onnx", "m.onnx", False),
        ("m[12].onnx", "m2.onnx", True),
        ("m[12].onnx", "m3.onnx", False),
        ("/models/*.onnx", "models/m.onnx", False),
        ("/models/*.onnx", "/models/m.onnx", True),
        (".onnx", "m.onnx", False),
    ],
)
def test_model_is_a_glob_from_the_right(
    pattern: str, path: str, covers: bool, tmp_path: Path
) -> None:
    report = scan(tmp_path, waiver(pattern), path=path)
    assert (standing(report) == []) is covers
    assert report.passed is covers


@pytest.mark.parametrize("pattern", [".", "./", "..", "/", "***", "[", "a//b"])
def test_no_pattern_stops_the_scan(pattern: str, tmp_path: Path) -> None:
    try:
        report = scan(tmp_path, waiver(pattern))
    except onnxguard.AllowlistError as error:
        assert error.line  # noqa: PT017 - a list may refuse the pattern, the scan may not fail
        return
    assert report.verdict in (Verdict.FAIL, Verdict.PASS)


@pytest.mark.parametrize("days", [-400, -1, 0, 1, 400])
def test_waiver_holds_to_the_end_of_its_day(days: int, tmp_path: Path) -> None:
    expires = TODAY + timedelta(days=days)
    report = scan(tmp_path, waiver(expires=expires))
    if days >= 0:
        assert report.passed
        return
    assert standing(report) == ["OG101 Tanh", "OG101 Einsum", "OG801"]
    expired = report.findings[-1]
    assert expired.message == f"the waiver of OG101 expired on {expires}"
    assert expired.hint == f"fix the model, or renew the waiver at {tmp_path / 'mine.yaml'}:8:11"
    assert expired.place.route == "model"


def test_waiver_that_covers_nothing_is_a_finding(tmp_path: Path) -> None:
    report = scan(tmp_path, waiver(), waiver(operator="Relu"), waiver(code="OG201"))
    assert standing(report) == ["OG802", "OG802"]
    assert [f.message for f in report.findings if f.code == "OG802"] == [
        "the waiver of OG101 Relu covers nothing in this model",
        "the waiver of OG201 covers nothing in this model",
    ]
    assert report.verdict is Verdict.FAIL


def test_waiver_for_other_models_is_not_asked_about(tmp_path: Path) -> None:
    report = scan(tmp_path, waiver(), waiver("other.onnx", "OG201"))
    assert report.passed


def test_waiver_that_expired_for_other_models_is_not_asked_about(tmp_path: Path) -> None:
    past = TODAY - timedelta(days=9)
    assert scan(tmp_path, waiver(), waiver("other.onnx", expires=past)).passed


def test_model_that_was_not_verified_is_not_waived(tmp_path: Path) -> None:
    policy = write_list(tmp_path, f"waivers: [{waiver()}]\n")
    report = onnxguard.scan_bytes(b"PK\3\4", "m.onnx", str(policy))
    assert report.verdict is Verdict.ERROR


def test_waived_findings_are_shown_where_all_is_shown(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(BAD)
    policy = write_list(tmp_path, f"waivers: [{waiver(reason='gone in the next export')}]\n")
    arguments = ["scan", str(tmp_path / "m.onnx"), "--config", "none", "--allowlist", str(policy)]
    code, out, _ = run(*arguments)
    assert code == 0
    assert "OG101" not in out
    code, out, _ = run(*arguments, "--verbose")
    assert code == 0
    assert "OG101 waived: " in out
    assert "gone in the next export" in out
