"""Markdown for a pull-request comment or a job summary.

Every string that may come from a model stands in a code span: GitHub neither formats nor links
what is in one (mentions, issue numbers, addresses, HTML). Only the backtick needs care there, and
the pipe in a table.
"""

from __future__ import annotations

import re

from onnxguard.base.findings import Finding
from onnxguard.model.facts import Facts
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.report import Report, Run

PLACES_SHOWN = 5
CONSTANTS_SHOWN = 20
READERS_SHOWN = 3


def render(run: Run, options: RenderOptions) -> str:
    """Render a table of the models, then what was found in each, then what each holds."""
    blocks = [
        f"## onnxguard: {phrases.VERDICTS[phrases.overall(run)]}",
        f"{phrases.model_counts(run)}; {phrases.finding_counts(run.reports)}.",
        *(f"**{code(setting)}**" for setting in phrases.settings(run)),
    ]
    paths, more = phrases.excluded(run)
    if paths:
        blocks.append(f"Left out by `exclude`: {', '.join(map(code, paths))}{more}.")
    if run.reports:
        blocks.append(_table(run))
    for report in run.reports:
        if report.findings:
            blocks += [f"### {code(report.path)}", _findings(report)]
        if report.facts is not None:
            blocks.append(_details(report, report.facts))
    filed = [f"{name}: {code(text)}" for name, text in phrases.filing(run)]
    if filed:
        blocks.append("  \n".join(filed))
    return "\n\n".join(blocks) + "\n"


def code(text: str) -> str:
    """Return a code span that shows the text as it is, whatever it holds."""
    text = text.replace("##", "#\\x23") or " "
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.strip() and (text[0] in "` " or text[-1] in "` ") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def cell(text: str) -> str:
    """Return a code span for a table; a pipe would end the cell and is written in hexadecimal."""
    return code(text.replace("|", "\\x7c"))


def _table(run: Run) -> str:
    lines = [
        "| Verdict | Model | Allowlist | Findings | Size | Versions | Nodes |",
        "|---|---|---|---|--:|---|--:|",
    ]
    for report in run.reports:
        facts = report.facts
        columns = [
            f"**{phrases.VERDICTS[report.verdict]}**",
            cell(report.path),
            cell(report.allowlist),
            phrases.finding_counts([report]),
            phrases.byte_size(facts.size) if facts else "",
            cell(phrases.versions(facts)) if facts else "",
            f"{facts.nodes:,}" if facts else "",
        ]
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines)


def _findings(report: Report) -> str:
    standing = phrases.standing(report)
    return "\n".join(line for f in standing + phrases.waived(report) for line in _finding(f))


def _finding(finding: Finding) -> list[str]:
    state = "waived" if finding.waiver else finding.severity.value
    lines = [f"- **{phrases.title(finding.code)}** ({state}): {code(finding.message)}"]
    lines += [
        f"  - {code(place.route)}, bytes {phrases.span(place)}"
        for place in finding.places[:PLACES_SHOWN]
    ]
    hidden = finding.count - min(len(finding.places), PLACES_SHOWN)
    if hidden > 0:
        lines.append(f"  - and {hidden:,} more")
    for label, text in (
        ("Decision", finding.adr),
        ("Fix", finding.hint),
        ("Waived because", finding.waiver),
    ):
        if text:
            lines.append(f"  - {label}: {code(text)}")
    return lines


def _details(report: Report, facts: Facts) -> str:
    operators = phrases.plural(len(facts.operators), "operator")
    constants = phrases.plural(len(facts.constants), "Constant node")
    marks = phrases.marked_operators(report)
    # The blank line after the opening tags lets Markdown in again.
    blocks = [f"<details><summary>{operators}, {constants}</summary>", code(report.path)]
    if facts.operators:
        rows = ["| Operator | Nodes | |", "|---|--:|---|"]
        for use in facts.operators:
            mark = marks[use.label].value if use.label in marks else ""
            rows.append(f"| {cell(use.label)} | {use.count:,} | {mark} |")
        blocks.append("\n".join(rows))
    if facts.constants:
        rows = ["| Constant node | Type | Bytes | Value | Read by |", "|---|---|--:|---|---|"]
        for constant in facts.constants[:CONSTANTS_SHOWN]:
            readers = "<br>".join(map(cell, constant.readers[:READERS_SHOWN]))
            if len(constant.readers) > READERS_SHOWN:
                readers += f"<br>and {len(constant.readers) - READERS_SHOWN:,} more"
            rows.append(
                f"| {cell(constant.place.route)} | {cell(phrases.constant_type(constant))} "
                f"| {constant.bytes:,} | {cell(constant.value)} | {readers} |"
            )
        blocks.append("\n".join(rows))
        hidden = len(facts.constants) - CONSTANTS_SHOWN
        if hidden > 0:
            blocks.append(f"And {phrases.plural(hidden, 'more Constant node')}.")
    blocks.append("</details>")
    return "\n\n".join(blocks)
