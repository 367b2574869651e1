"""Accept the findings of today, so that only new ones fail (OG831)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from onnxguard.base.errors import ManifestError
from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.base.printable import printable
from onnxguard.base.reading import read_regular
from onnxguard.base.writing import write_whole
from onnxguard.catalogue import RULES
from onnxguard.scanning.report import Report, Run, verdict_of
from onnxguard.sources.remote import is_remote

SCHEMA = "onnxguard/baseline/1"
MAX_BYTES = 1 << 28
_LEFT_OUT = "more findings of this rule are left out"
"""Such a finding does not say what it stands for, so that others could come under its name."""

Accepted = dict[str, dict[tuple[str, str, str], int]]
"""By path: how many places each finding may have, by its code, operator and message.

A path is relative to the baseline's folder, whatever it was typed like; an address is as it is.
"""

Located = Callable[[str], str]
"""From the path of a report to that of its file, relative to the working folder or absolute."""


class Baseline(NamedTuple):
    """The findings that are accepted, and the file that says so."""

    path: str
    accepted: Accepted


def read_baseline(path: str) -> Baseline:
    """Read a baseline.

    Raises:
        ManifestError: there is none, or it cannot be read.
    """
    shown = printable(path)
    try:
        document: Any = json.loads(read_regular(path, MAX_BYTES))
    except FileNotFoundError:
        raise ManifestError(f"{shown}: no such baseline: `update_baseline` writes it") from None
    except OSError as error:
        raise ManifestError(f"{shown}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ManifestError(
            f"{shown}: not JSON, and so no baseline: remove it, or name another file"
        ) from None
    try:
        if document["schema"] != SCHEMA:
            raise ValueError
        accepted = {
            model: {
                (str(f["code"]), str(f["operator"]), str(f["message"])): int(f["count"])
                for f in findings
            }
            for model, findings in document["models"].items()
        }
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise ManifestError(
            f"{shown}: not a baseline ({SCHEMA}): remove it, or name another file"
        ) from None
    return Baseline(path, accepted)


def _key(model: str, baseline: str, located: Located) -> str:
    """What a baseline calls a model."""
    if model == "-" or is_remote(model):
        return model
    folder, name = os.path.split(os.path.abspath(located(model)))
    home = os.path.realpath(os.path.dirname(os.path.abspath(baseline)))
    try:
        found = os.path.relpath(os.path.join(os.path.realpath(folder), name), home)
    except ValueError:  # another drive
        return model
    return found.replace(os.sep, "/")


def write_baseline(path: str, run: Run, located: Located = str) -> int:
    """Accept every finding of a run that can be; return how many those are.

    Args:
        path: of the baseline.
        run: what was found.
        located: tells where a report's file lies.

    Raises:
        UsageError: the file cannot be written; the old one stays.
    """
    models = {}
    for report in run.reports:
        found = [
            {"code": f.code, "operator": f.operator, "message": f.message, "count": f.count}
            for f in report.findings
            if _acceptable(f)
        ]
        if found:
            models[_key(report.path, path, located)] = sorted(
                found, key=lambda f: tuple(map(str, f.values()))
            )
    document = {"schema": SCHEMA, "models": dict(sorted(models.items()))}
    write_whole(path, json.dumps(document, indent=2) + "\n")
    return sum(map(len, models.values()))


def _acceptable(finding: Finding) -> bool:
    stands = not finding.waiver and finding.severity is not Severity.NOTE
    told = not finding.message.endswith(_LEFT_OUT)
    return stands and told and RULES[finding.code].baselinable


def accept(
    run: Run, baseline: Baseline, strict: bool, partial: bool = False, located: Located = str
) -> Run:
    """Mark what the baseline accepts as waived; say where it accepts what is gone.

    A finding at more places than were accepted is new.

    Args:
        run: what was found.
        baseline: what is accepted.
        strict: warnings fail a model too.
        partial: only some of the models were looked at.
        located: tells where a report's file lies.
    """
    reason = f"accepted in {printable(baseline.path)}"
    reports = []
    seen: set[str] = set()
    gone: list[str] = []
    for report in run.reports:
        name = _key(report.path, baseline.path, located)
        seen.add(name)
        accepted = dict(baseline.accepted.get(name, {}))
        findings = []
        for finding in report.findings:
            key = finding.code, finding.operator, finding.message
            if _acceptable(finding) and finding.count <= accepted.pop(key, 0):
                finding = finding._replace(waiver=reason)  # noqa: PLW2901 - named tuples are replaced
            findings.append(finding)
        gone += [f"{name}: {code} {message}" for code, _, message in accepted]
        verdict = verdict_of(tuple(findings), strict)
        reports.append(report._replace(findings=tuple(findings), verdict=verdict))
    if not partial:
        gone += [
            f"{path}: {code} {message}"
            for path, keys in baseline.accepted.items()
            if path not in seen
            for code, _, message in keys
        ]
    if gone:
        reports.append(_stale(baseline, gone, strict))
    return run._replace(reports=tuple(reports))


def _stale(baseline: Baseline, gone: list[str], strict: bool) -> Report:
    place = (Place("model", 0, 0),)
    first = gone[0] if gone[0].isprintable() else printable(gone[0])
    more = f" and {len(gone) - 1:,} more" if len(gone) > 1 else ""
    finding = Finding(
        "OG831",
        Severity.WARNING,
        f"accepts what is gone: {first}{more}",
        place,
        len(gone),
        hint="run the same command with --update-baseline",
    )
    path = printable(baseline.path)
    verdict = verdict_of((finding,), strict)
    return Report(path, "none", verdict, (finding,), None, about="baseline")
