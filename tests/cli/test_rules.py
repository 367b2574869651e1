"""``onnxguard rules``: what each rule means, why, and how to fix what it finds."""

from __future__ import annotations

import json

import pytest
from support.command import run

from onnxguard.catalogue import PARITY_RULES, RULES

ALL = {**RULES, **PARITY_RULES}


def test_all_rules_are_listed_in_order() -> None:
    code, out, err = run("rules")
    assert (code, err) == (0, "")
    rows = [line.split(maxsplit=2) for line in out.splitlines()]
    assert [(row[0], row[1], row[2]) for row in rows] == [
        (rule.code, rule.name, rule.summary) for rule in ALL.values()
    ]


@pytest.mark.parametrize("code", ALL)
def test_rule_says_what_why_and_how_to_fix(code: str) -> None:
    rule = ALL[code]
    status, out, err = run("rules", code)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"{rule.code} {rule.name} ({rule.severity.value})"
    assert all(len(line) <= 88 for line in lines)
    starts = [lines.index(title) for title in ("What", "Why", "Fix")]
    assert starts == sorted(starts)
    said = [" ".join("\n".join(lines[at + 1 :]).split()) for at in starts]
    for text, part in zip((rule.summary, rule.why, rule.fix), said, strict=True):
        assert part.startswith(text)


@pytest.mark.parametrize(
    "given", ["og101", "Og101", "operator-not-allowed", "Operator-Not-Allowed"]
)
def test_rule_by_name_and_in_any_case(given: str) -> None:
    assert run("rules", given) == run("rules", "OG101")


@pytest.mark.parametrize(
    ("given", "near"),
    [("OG110x", "OG110"), ("\x1b[2J", ""), ("", ""), ("zebra", "")],
)
def test_unknown_rule_is_one_clear_line(given: str, near: str) -> None:
    code, out, err = run("rules", given)
    assert (code, out) == (2, "")
    assert err.startswith('onnxguard: error: no rule "')
    assert near in err
    assert err.count("\n") == 1
    assert err[:-1].isprintable()


@pytest.mark.parametrize(
    ("given", "members"),
    [
        ("og1", [code for code in ALL if code.startswith("OG1")]),
        ("OG80", [code for code in ALL if code.startswith("OG80")]),
        (
            "git lfs",
            [code for code, rule in ALL.items() if "git lfs" in " ".join(rule[:6]).lower()],
        ),
    ],
)
def test_a_group_or_a_word_lists_those_that_have_it(given: str, members: list[str]) -> None:
    assert len(members) > 1
    assert [line.split()[0] for line in run("rules", given)[1].splitlines()] == members


@pytest.mark.parametrize("given", [(), ("OG101",), ("OG4",)])
def test_rules_as_json_are_what_the_catalogue_says(given: tuple[str, ...]) -> None:
    code, out, _ = run("rules", *given, "--format", "json")
    rules = [rule for rule in ALL.values() if rule.code.startswith(given or "O")]
    assert (code, json.loads(out)) == (0, [rule._asdict() for rule in rules])


def test_one_rule_at_a_time() -> None:
    assert run("rules", "OG101", "OG102")[0] == 2
