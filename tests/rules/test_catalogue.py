"""The rules' descriptions: complete, in order, and in full sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from onnxguard.base.findings import Severity
from onnxguard.catalogue import PARITY_RULES, RULES, Rule

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
        "OG831",
        "OP109",
        "OP310",
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
