"""A model change as Markdown for a pull-request comment or a job summary.

As in ``markdown``, every string that may come from a model stands in a code span.
"""

from __future__ import annotations

from collections.abc import Sequence

from onnxguard.base.findings import Finding
from onnxguard.differences import Difference, FactsDifference, Judged
from onnxguard.reporters.diff import phrases as diff_phrases
from onnxguard.reporters.diff.sections import Section, sections
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.scan.markdown import cell, code

ROWS_SHOWN = 40
FINDINGS_SHOWN = 20
PLACES_SHOWN = 3
SIGNS = {"+": "added", "-": "removed", "~": "changed"}


def render(difference: Difference, options: RenderOptions) -> str:
    """Render a summary and the verdicts; what differs is folded, each kind by itself."""
    likeness = diff_phrases.likeness(difference)
    blocks = [
        f"## onnxguard diff: {phrases.VERDICTS[difference.verdict]}",
        f"{code(difference.path.old)} to {code(difference.path.new)}: {code(likeness)}",
        _verdicts(difference.judged),
    ]
    for judged in difference.judged:
        if judged.added:
            blocks += [f"### New under {code(judged.allowlist)}", _added(judged)]
    rest = [_rest(judged) for judged in difference.judged if judged.gone or judged.standing]
    if rest:
        blocks += _folded("Findings that are gone, and that stand", rest)
    if difference.facts is not None:
        blocks += _facts(difference.facts)
    return "\n\n".join(blocks) + "\n"


def _folded(summary: str, blocks: list[str]) -> list[str]:
    # The blank line after the opening tags lets Markdown in again.
    return [f"<details><summary>{summary}</summary>", *blocks, "</details>"]


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _verdicts(judged: tuple[Judged, ...]) -> str:
    rows = [
        (
            cell(each.allowlist),
            *(f"**{phrases.VERDICTS[verdict]}**" for verdict in each.verdict),
            diff_phrases.counts(each),
        )
        for each in judged
    ]
    return _table(("Allowlist", "Old", "New", "Findings"), rows)


def _added(judged: Judged) -> str:
    lines = [line for finding in judged.added[:FINDINGS_SHOWN] for line in _finding(finding)]
    hidden = len(judged.added) - FINDINGS_SHOWN
    return "\n".join([*lines, *([f"- and {hidden:,} more"] if hidden > 0 else [])])


def _finding(finding: Finding) -> list[str]:
    state = "waived" if finding.waiver else finding.severity.value
    lines = [f"- **{phrases.title(finding.code)}** ({state}): {code(finding.message)}"]
    lines += [f"  - {code(place.route)}" for place in finding.places[:PLACES_SHOWN]]
    hidden = finding.count - min(len(finding.places), PLACES_SHOWN)
    lines += [f"  - and {hidden:,} more"] if hidden > 0 else []
    said = ("Decision", finding.adr), ("Fix", finding.hint), ("Waived because", finding.waiver)
    return lines + [f"  - {label}: {code(text)}" for label, text in said if text]


def _rest(judged: Judged) -> str:
    found = [("gone", finding) for finding in judged.gone]
    found += [("waived" if pair.new.waiver else "stands", pair.new) for pair in judged.standing]
    rows = [
        (state, cell(judged.allowlist), phrases.title(finding.code), cell(finding.message))
        for state, finding in found[:ROWS_SHOWN]
    ]
    table = _table(("", "Allowlist", "Rule", "Finding"), rows)
    return _more(table, len(found) - len(rows))


def _facts(facts: FactsDifference) -> list[str]:
    blocks: list[str] = []
    numbers = diff_phrases.changed_numbers(facts)
    same = diff_phrases.unchanged(facts)
    if numbers:
        rows = [(n.name, cell(n.old), cell(n.new), n.change) for n in numbers]
        blocks.append(_table(("In numbers", "Old", "New", ""), rows))
    if same:
        blocks.append(f"The same in both: {code(same)}")
    for section in sections(facts):
        summary = f"{section.title}: {section.counts}"
        blocks += _folded(summary, [_section(section)]) if section.rows else [f"{summary}."]
    return blocks


def _section(section: Section) -> str:
    rows = [
        (
            f"{SIGNS[row.sign]}{f', {row.note}' if row.note else ''}",
            *(cell(text) if text else "" for text in row.cells),
        )
        for row in section.rows[:ROWS_SHOWN]
    ]
    return _more(_table(("", *section.head), rows), len(section.rows) - len(rows))


def _more(table: str, hidden: int) -> str:
    return f"{table}\n\nAnd {hidden:,} more." if hidden > 0 else table
