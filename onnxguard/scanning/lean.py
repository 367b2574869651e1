"""What a format does not print need not be kept: thousands of reports then fit into memory."""

from __future__ import annotations

from onnxguard.scanning.report import Report, Verdict

FORMATS = frozenset({"github", "junit", "sarif", "text"})
"""Formats that print of a passing model no more than ``lean`` leaves; text, unless verbose."""


def lean(report: Report) -> Report:
    """Return a report without the facts that those formats leave out where there are several.

    Of a model without findings they print its size, versions and number of nodes; of one with
    findings, text shows the operators and Constant nodes too.
    """
    facts = report.facts
    if facts is None:
        return report
    facts = facts._replace(
        graph_name="",
        inputs=(),
        outputs=(),
        functions=(),
        initializer_bytes={},
        external_data=(),
        loops=(),
        metadata=(),
    )
    if report.verdict is Verdict.PASS and all(f.waiver for f in report.findings):
        facts = facts._replace(producer="", producer_version="", operators=(), constants=())
    return report._replace(facts=facts)
