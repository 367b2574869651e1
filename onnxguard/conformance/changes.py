"""What changed between two conformance reports: two runtimes, or one before and after."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from onnxguard.base.errors import UsageError
from onnxguard.base.findings import operator_label
from onnxguard.base.printable import printable
from onnxguard.base.reading import read_regular

SCHEMA = "onnxguard/conformance/1"
MOST_BYTES = 1 << 28
"""A report of more is not read."""
_RANKS = {"failed": 0, "unproven": 1, "partial": 2, "proven": 3}
_BAD = frozenset({"failed", "crashed", "timed out"})
_GOOD = frozenset({"passed"})


class Change(NamedTuple):
    """Something of an operator, or of one kind of node, that is not as it was.

    Attributes:
        operator: its label.
        variant: of a model's node; "" for a list.
        what: ``evidence``, or the name of a case, or an item of the coverage.
        before: how it was; "" where the first report has none.
        after: how it is; "" where the second has none.
        worse: whether the second is worse.
        reason: of the second, why it is not better.
    """

    operator: str
    variant: str
    what: str
    before: str
    after: str
    worse: bool
    reason: str = ""


class Side(NamedTuple):
    """One of two reports.

    Attributes:
        kind: ``model`` or ``allowlist``.
        name: the model's path or the list's id.
        opset: of the default domain.
        versions: of what ran, by package.
        summary: operators by evidence.
    """

    kind: str
    name: str
    opset: int
    versions: dict[str, str]
    summary: dict[str, int]


class Changes(NamedTuple):
    """Two reports side by side.

    Attributes:
        before: the first.
        after: the second.
        changes: in the order of the operators.
        same: how many operators, or kinds of node, are as they were.
    """

    before: Side
    after: Side
    changes: tuple[Change, ...]
    same: int

    @property
    def exit_code(self) -> int:
        """1 where something is worse, 0 where nothing is."""
        return int(any(change.worse for change in self.changes))


def compare_reports(before: str, after: str) -> Changes:
    """Compare two files that ``conform --format json`` wrote.

    Raises:
        UsageError: one cannot be read, is no such report, or is of another subject than the other.
    """
    first, second = _read(before), _read(after)
    for field, word in (("kind", "kind"), ("opset", "opset")):
        if first[field] != second[field]:
            raise UsageError(
                f"{printable(after)}: its {word} is {printable(str(second[field]))}, "
                f"that of {printable(before)} is {printable(str(first[field]))}"
            )
    old, new = (
        {(operator_label(o["domain"], o["op_type"]), o["variant"]): o for o in side["operators"]}
        for side in (first, second)
    )
    found: list[Change] = []
    same = 0
    for key in sorted(old.keys() | new.keys()):
        changed = list(_of_operator(key, old.get(key), new.get(key)))
        found += changed
        same += not changed
    return Changes(_side(first), _side(second), (*found, *_of_whole(first, second)), same)


def _of_operator(
    key: tuple[str, str], old: dict[str, Any] | None, new: dict[str, Any] | None
) -> list[Change]:
    was, now = (record["evidence"] if record else "" for record in (old, new))
    found = []
    if was != now:
        worse = not now or bool(was and _RANKS[now] < _RANKS[was])
        found.append(Change(*key, "evidence", was, now, worse, new["reason"] if new else ""))
    if old is None or new is None:
        return found
    cases = [{case["name"]: case for case in record["cases"]} for record in (old, new)]
    for name in sorted(cases[0].keys() | cases[1].keys()):
        a, b = (side.get(name) for side in cases)
        was, now = (case["outcome"] if case else "" for case in (a, b))
        if was == now:
            continue
        worse = now in _BAD or (was in _GOOD and now not in _GOOD)
        found.append(Change(*key, name, was, now, worse, b["reason"] if b else ""))
    return found


def _of_whole(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    was, now = ((side["whole"] or {}).get("outcome", "") for side in (old, new))
    if was == now:
        return []
    reason = (new["whole"] or {}).get("reason", "")
    return [Change("the whole graph", "", "outcome", was, now, now in _BAD, reason)]


def _side(report: dict[str, Any]) -> Side:
    texts = (printable(str(report["kind"])), printable(str(report["name"])))
    versions = {printable(str(k)): printable(str(v)) for k, v in report["versions"].items()}
    summary = {printable(str(k)): int(v) for k, v in report["summary"].items()}
    return Side(*texts, int(report["opset"]), versions, summary)


def _read(path: str) -> dict[str, Any]:
    shown = printable(path)
    try:
        content = read_regular(path, MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise UsageError(f"{shown}: too large for a report of conform")
        report = json.loads(content)
    except OSError as error:
        raise UsageError(f"{shown}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{shown}: not JSON: conform writes one as `format` json") from None
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        raise UsageError(f"{shown}: no report of this version: conform writes one as `format` json")
    try:
        _side(report), report["whole"]
        for record in report["operators"]:
            _ = record["domain"], record["op_type"], record["variant"], record["reason"]
            _ = _RANKS[record["evidence"]]
            for case in record["cases"]:
                _ = case["name"], case["outcome"], case["reason"]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UsageError(f"{shown}: a report of conform that is not whole") from None
    return report
