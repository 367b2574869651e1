"""A finding as text for people."""

from __future__ import annotations

from onnxguard.base.findings import Finding
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.checks import Check
from onnxguard.reporters.kit.paint import Paint, words_of

PLACES_SHOWN = 5


def finding_lines(
    finding: Finding, paint: Paint, verbose: bool, check: Check, before: str = "  "
) -> list[str]:
    """Return what a finding says, where it is, and what to do, with ``before`` at the start."""
    if finding.waiver:
        head = f"{before}{finding.code} waived: "
    else:
        severity = finding.severity.value
        head = f"{before}{paint(f'{finding.code} {severity}', severity)}: "
    indent = " " * (len(before) - len(before.lstrip()) + 2)
    name = phrases.title(finding.code).removeprefix(f"{finding.code} ")
    body = paint.wrap(f"{finding.message} ({name})".split(" "), indent, first=head)
    places = finding.places if verbose else finding.places[:PLACES_SHOWN]
    cells = [check.cells(place) for place in places if check.spans or place.route != "model"]
    rows = [("at " if i == 0 else "", *row) for i, row in enumerate(cells)]
    body += paint.table([""] * len(rows[0]) if rows else [], words_of(rows), indent)
    hidden = finding.count - len(places)
    if hidden > 0:
        body.append(f"{indent}     ... and {hidden:,} more")
    for label, text in (("see", finding.adr), ("fix", finding.hint), ("why", finding.waiver)):
        if text:
            body += paint.wrap(text.split(" "), f"{indent}     ", first=f"{indent}{label:<5}")
    return [paint(line, "soft") for line in body] if finding.waiver else body
