"""What a format does not print need not be kept: thousands of reports then fit into memory."""

from __future__ import annotations

from onnxguard.model.wanted import EMPTY
from onnxguard.scanning.report import Report, Verdict

_NOT_SHOWN = {
    name: empty
    for name, empty in EMPTY.items()
    if name not in ("producer", "producer_version", "operators", "constants")
}
"""What those formats leave out of a model with findings; of one without, all that can be."""

CONSTANTS_SHOWN = 10
"""Constant nodes of a model that text shows, unless verbose; the others show none."""

FORMATS = frozenset({"github", "junit", "sarif", "text"})
"""Formats that print of a passing model no more than ``lean`` leaves; text, unless verbose."""


def lean(report: Report, costs: bool = False) -> Report:
    """Return a report without the facts that those formats leave out where there are several.

    Costs stay where somebody asked for them.

    Of a model without findings they print its size, versions and number of nodes; of one with
    findings, text shows the operators and Constant nodes too.
    """
    facts = report.facts
    if facts is None:
        return report
    clean = report.verdict is Verdict.PASS and all(f.waiver for f in report.findings)
    left_out = EMPTY if clean else _NOT_SHOWN
    facts = facts._replace(**left_out, cost=facts.cost if costs else None)
    return report._replace(facts=facts)
