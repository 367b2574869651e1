"""Annotations for GitHub Actions: one workflow command for each finding, then a summary line.

Escaping follows actions/toolkit: ``%``, CR and LF in a message; ``:`` and ``,`` too in a property.
"""

from __future__ import annotations

from collections import Counter

from onnxguard.base.findings import Finding, Severity
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.checks import SCAN, Check
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.report import Report, Run

SHOWN = 10
"""Annotations of a kind that GitHub shows of a step, as its docs on workflow commands say."""
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(run: Run, options: RenderOptions) -> str:
    """Render the findings that stand; a waived one is only counted."""
    out = (f"onnxguard {_data(said)}" for said in phrases.left_out(run))
    lines = [*commands(run, SCAN), *out, f"onnxguard {phrases.summary(run)}"]
    return "".join(f"{line}\n" for line in lines)


def commands(run: Run, check: Check) -> list[str]:
    """Return a workflow command for each finding of a check's run, and a line on those unseen.

    GitHub shows ``SHOWN`` of a kind that a step prints: what weighs most comes first, and of that
    each model's first finding before any second one.
    """
    found = [
        (_ORDER.index(finding.severity), nth, at, _annotation(report, finding, check))
        for at, report in enumerate(run.reports)
        for nth, finding in enumerate(
            sorted(phrases.standing(report), key=lambda finding: _ORDER.index(finding.severity))
        )
    ]
    lines = [line for *_, line in sorted(found)]
    kinds = Counter(_ORDER[severity] for severity, *_ in found)
    unseen = [
        phrases.plural(count - SHOWN, severity.value)
        for severity, count in sorted(kinds.items(), key=lambda kind: _ORDER.index(kind[0]))
        if count > SHOWN
    ]
    if unseen:
        lines.append(f"GitHub shows {SHOWN} of a kind: {', '.join(unseen)} more in this log alone")
    return lines


def _annotation(report: Report, finding: Finding, check: Check) -> str:
    command = _COMMANDS[finding.severity]
    file, title = _property(report.path), _property(phrases.title(finding.code))
    return f"::{command} file={file},title={title}::{_data(_message(finding, check))}"


def _message(finding: Finding, check: Check) -> str:
    place = check.where(finding.place)
    if finding.count > 1:
        place += f" and {finding.count - 1:,} more"
    lines = [finding.message, f"at {place}"]
    if finding.adr:
        lines.append(f"see {finding.adr}")
    if finding.hint:
        lines.append(finding.hint)
    return "\n".join(lines)


def _data(text: str) -> str:
    # "##" opens a command of the older syntax anywhere in a line.
    text = text.replace("##", "#\\x23")
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
