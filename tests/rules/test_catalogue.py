"""The rules' descriptions: complete, in order, and in full sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import protobuf as pb
from support.command import run

from onnxguard.base.findings import Severity
from onnxguard.catalogue import PARITY_RULES, RULES, Rule
from onnxguard.parity.check import verdict_of
from onnxguard.parity.collector import Found
from onnxguard.parity.report import ParityVerdict
from onnxguard.scanning.report import Verdict
from onnxguard.scanning.scan import scan_bytes

ALL = {**RULES, **PARITY_RULES}
PACKAGE = Path(__file__).resolve().parent.parent.parent / "onnxguard"


def codes_in_source() -> set[str]:
    """Every code that the package mentions outside the catalogue and the docstrings."""
    catalogue = PACKAGE / "catalogue"
    return {
        code
        for path in PACKAGE.rglob("*.py")
        if catalogue not in path.parents
        for code in re.findall(r'"(O[GP]\d{3})"', path.read_text(encoding="utf-8"))
    }


def test_every_code_that_is_raised_is_described_and_the_other_way_round() -> None:
    assert codes_in_source() == set(ALL)


def test_codes_are_in_order_and_names_are_unique() -> None:
    assert list(ALL) == sorted(ALL)
    assert all(code == rule.code for code, rule in ALL.items())
    assert len({rule.name for rule in ALL.values()}) == len(ALL)


def test_only_what_could_not_be_checked_is_a_warning_by_default() -> None:
    lenient = {c: r.severity for c, r in ALL.items() if r.severity is not Severity.ERROR}
    assert {c for c, severity in lenient.items() if severity is Severity.WARNING} == {
        "OG110",
        "OG154",
        "OG506",
        "OG831",
        "OP109",
        "OP310",
        "OP311",
        "OP312",
        "OP313",
        "OP402",
    }
    assert {c for c, severity in lenient.items() if severity is Severity.NOTE} == {"OG407"}


@pytest.mark.parametrize("rule", ALL.values(), ids=ALL)
def test_rule_reads_well(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+|malformed|unreadable", rule.name)
    for text in (rule.summary, rule.why, rule.fix):
        assert text.isascii()
        assert text == " ".join(text.split())
        assert text[0].isupper() or text.startswith("onnx")
        assert text.endswith(".")
    assert ". " not in rule.summary
    assert len(rule.summary) <= 110
    assert len(rule.why) >= 80


def test_what_was_not_verified_is_taken_back_by_nothing_and_never_run() -> None:
    for rule in RULES.values():
        excused = rule.waivable or rule.ignorable or rule.baselinable
        assert not (rule.unverified and excused), rule.code
        assert rule.unverified <= rule.unsafe, rule.code
    assert {code for code, rule in RULES.items() if rule.unverified} == {
        code for code in RULES if code.startswith("OG0")
    }


def test_a_preview_warns_until_it_is_stable(monkeypatch: pytest.MonkeyPatch) -> None:
    def scanned(operator: str) -> tuple[Verdict, Severity]:
        twice = [pb.opset_import("local", 1), pb.opset_import("local", 2)]
        report = scan_bytes(pb.model(pb.graph(pb.node(operator)), opset_import=twice))
        (finding,) = (found for found in report.findings if found.code == "OG501")
        return report.verdict, finding.severity

    assert scanned("Relu") == (Verdict.FAIL, Severity.ERROR)
    monkeypatch.setitem(RULES, "OG501", RULES["OG501"]._replace(preview=True))
    assert scanned("Exp") == (Verdict.PASS, Severity.WARNING)
    code, out, _ = run("rules", "OG501")
    assert (code, out.splitlines()[0]) == (0, "OG501 opset-import (warning, a preview)")
    note = RULES["OG407"]._replace(preview=True)
    assert note.weight is note.severity


def test_a_preview_of_parity_warns_too(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Found(1)
    found.add("OP201", "an output differs")
    assert verdict_of(found.findings()) is ParityVerdict.FAIL
    monkeypatch.setitem(PARITY_RULES, "OP201", PARITY_RULES["OP201"]._replace(preview=True))
    found = Found(1)
    found.add("OP201", "an output differs")
    assert verdict_of(found.findings()) is ParityVerdict.PASS
