"""A model change as text for people, in under a hundred columns."""

from __future__ import annotations

from onnxguard.base.findings import Finding
from onnxguard.differences import Difference, FactsDifference, Judged
from onnxguard.reporters.diff import phrases as diff_phrases
from onnxguard.reporters.diff.sections import Row, Section, sections
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.checks import SCAN
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.paint import (
    SEVERITY_STYLES,
    VERDICT_STYLES,
    WIDTH,
    Paint,
    columns,
    uncolored,
    wrap,
)
from onnxguard.reporters.scan.text import duration, finding_lines, inert

ROWS_SHOWN = 12
CELL = 40
"""Characters of a cell that are shown, unless verbose."""

_STYLES = {"+": "green", "-": "red", "~": "yellow", "=": "dim"}


def render(difference: Difference, options: RenderOptions) -> str:
    """Render the verdicts, then what differs; everything of it if verbose."""
    paint = Paint(options.color)
    verbose = options.verbosity > 0
    lines = wrap(
        [paint(difference.path.old, "bold"), f"-> {paint(difference.path.new, 'bold')}"], "  "
    )
    lines += wrap(diff_phrases.likeness(difference).split(" "), "  ")
    blocks = [_judged(judged, paint, verbose) for judged in difference.judged]
    for before, block in zip([["", ""], *blocks], blocks, strict=False):
        lines += [*([""] if len(before) > 1 or len(block) > 1 else []), *block]
    if difference.facts is not None:
        lines += _facts(difference.facts, paint, verbose)
    word = paint(phrases.VERDICTS[difference.verdict], VERDICT_STYLES[difference.verdict])
    said = f"{diff_phrases.outcome(difference)}, {duration(difference.seconds)}"
    lines += ["", *wrap(said.split(" "), "      ", first=f"{word}: ")]
    return "".join(f"{inert(line)}\n" for line in lines)


def _judged(judged: Judged, paint: Paint, verbose: bool) -> list[str]:
    old, new = (paint(phrases.VERDICTS[v], VERDICT_STYLES[v]) for v in judged.verdict)
    head = f"  {paint(judged.allowlist, 'bold')}: {old} -> {new},"
    lines = wrap(diff_phrases.counts(judged).split(" "), "    ", first=f"{head} ")
    for finding in judged.added:
        first, *rest = finding_lines(finding, paint, verbose, SCAN)
        lines += [f"  {paint('+', 'green')} {first[2:]}" if not finding.waiver else first, *rest]
    gone = [("-", finding, "") for finding in judged.gone]
    for sign, finding, more in gone + [_standing(*pair) for pair in judged.standing]:
        lines += _short(sign, finding, more, paint)
    return lines


def _standing(old: Finding, new: Finding) -> tuple[str, Finding, str]:
    notes = []
    if old.count != new.count:
        notes.append(f"{phrases.plural(old.count, 'place')} became {new.count:,}")
    if bool(old.waiver) != bool(new.waiver):
        notes.append("waived now" if new.waiver else "waived no more")
    if old.severity is not new.severity:
        notes.append(f"{old.severity.value} before")
    return "=", new, "; ".join(notes)


def _short(sign: str, finding: Finding, more: str, paint: Paint) -> list[str]:
    state = "waived" if finding.waiver else finding.severity.value
    style = "dim" if finding.waiver or sign == "-" else SEVERITY_STYLES[finding.severity]
    head = f"  {paint(sign, _STYLES[sign])} {paint(f'{finding.code} {state}', style)}: "
    said = f"{finding.message} [{more}]" if more else finding.message
    return wrap(said.split(" "), "      ", first=head)


def _facts(facts: FactsDifference, paint: Paint, verbose: bool) -> list[str]:
    lines: list[str] = []
    numbers = diff_phrases.changed_numbers(facts)
    if numbers:
        lines += ["", paint("  In numbers", "bold")]
        rows = [
            (n.name, *(_cut(x, verbose) for x in (n.old, "->", n.new)), n.change) for n in numbers
        ]
        lines += _fitting(columns(rows, "    "), rows, "    ")
    same = diff_phrases.unchanged(facts)
    if same:
        lines += ["", *wrap(same.split(" "), "    ", first=f"  {paint('The same:', 'bold')} ")]
    for section in sections(facts):
        lines += ["", f"  {paint(section.title, 'bold')}: {section.counts}"]
        lines += _section(section, paint, verbose)
    return lines


def _section(section: Section, paint: Paint, verbose: bool) -> list[str]:
    shown = section.rows if verbose else section.rows[:ROWS_SHOWN]
    rows = [_cells(row, verbose) for row in shown]
    head, *aligned = columns([(*section.head, ""), *rows], "      ")
    lines = [paint(head, "dim")] if rows and len(section.head) > 2 else []
    for row, line, cells in zip(shown, aligned, rows, strict=True):
        first, *rest = _fitting([line], [cells], "      ")
        lines += [f"    {paint(row.sign, _STYLES[row.sign])} {first[6:]}", *rest]
    hidden = len(section.rows) - len(shown)
    return [*lines, f"      ... and {hidden:,} more (-v shows all)"] if hidden else lines


def _cells(row: Row, verbose: bool) -> tuple[str, ...]:
    return (*(_cut(cell, verbose) for cell in row.cells), row.note)


def _cut(cell: str, verbose: bool) -> str:
    return cell if verbose or len(cell) <= 2 * CELL else f"{cell[: 2 * CELL - 3]}..."


def _fitting(lines: list[str], rows: list[tuple[str, ...]], indent: str) -> list[str]:
    """The aligned lines; one that is too wide is set anew, cell after cell."""
    fitting: list[str] = []
    for line, row in zip(lines, rows, strict=True):
        if len(uncolored(line)) <= WIDTH:
            fitting.append(line)
        else:
            cells = [cell for cell in row if cell]
            fitting += wrap(cells, f"{indent}  ", gap="  ", first=indent)
    return fitting
