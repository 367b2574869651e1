"""Annotations for GitHub Actions: one workflow command for each finding, then a summary line.

Escaping follows actions/toolkit: ``%``, CR and LF in a message; ``:`` and ``,`` too in a property.
"""

from __future__ import annotations

from onnxguard.base.findings import Finding, Severity
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.checks import SCAN, Check
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.report import Report, Run

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(run: Run, options: RenderOptions) -> str:
    """Render the findings that stand; a waived one is only counted."""
    lines = [*commands(run, SCAN), f"onnxguard {phrases.summary(run)}"]
    if excluded := phrases.left_out(run):
        lines.insert(-1, f"onnxguard {_data(excluded)}")
    return "".join(f"{line}\n" for line in lines)


def commands(run: Run, check: Check) -> list[str]:
    """Return a workflow command for each finding of a check's run."""
    return [
        _annotation(report, finding, check)
        for report in run.reports
        for finding in phrases.standing(report)
    ]


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
