"""What differs between two models: the verdicts, the findings, then the facts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from onnxguard.base.findings import Finding
from onnxguard.differences import Difference, FactsDifference, Judged, Structure
from onnxguard.reporters.diff import phrases as diff_phrases
from onnxguard.reporters.diff.sections import SIGNS, sections
from onnxguard.reporters.diff.structure import structure_sections
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.blocks import Drawn, Items
from onnxguard.reporters.kit.checks import SCAN
from onnxguard.reporters.kit.document import (
    Block,
    Document,
    Findings,
    Paragraph,
    Part,
    Section,
    Table,
)
from onnxguard.reporters.kit.words import Code, Marked, Words

if TYPE_CHECKING:
    from onnxguard.reporters.kit.html_elements import Markup


def document(difference: Difference, name: str = "report-1") -> Document:
    """The whole report; ``name`` is what its anchors on a page begin with."""
    blocks: list[Block] = [_judged(judged) for judged in difference.judged]
    if difference.facts is not None and difference.structure is not None:
        blocks += _facts(difference, difference.facts, difference.structure, name)
    old, new = map(Code, difference.path)
    verdict = phrases.marked(difference.verdict)
    said = ": ", Code(diff_phrases.likeness(difference))
    part = Part(verdict, (old, " -> ", new), said, (), blocks)
    summary = diff_phrases.outcome(difference)
    return Document("diff", verdict, summary, difference.seconds, (part,))


def _judged(judged: Judged) -> Section:
    """What a list says of both: what is new in full, what was there in a line each."""
    old, new = map(phrases.marked, judged.verdict)
    title = Code(judged.allowlist), ": ", old, " -> ", new, f", {diff_phrases.counts(judged)}"
    blocks: list[Block] = []
    if judged.added:
        blocks.append(Findings(judged.added, SCAN, SIGNS["+"]))
    gone = Marked("gone", "soft", "-")
    rows = [_row(gone, finding) for finding in judged.gone]
    rows += [_standing(*pair) for pair in judged.standing]
    if rows:
        blocks.append(Items(rows))
    return Section(title, blocks)


def _row(sign: Marked, finding: Finding, note: str = "") -> Words:
    state = "waived" if finding.waiver else finding.severity.value
    code, _, name = phrases.title(finding.code).partition(" ")
    rest = f" ({name}) [{note}]" if note else f" ({name})"
    return sign, f" {code} {state}: ", Code(finding.message), rest


def _standing(old: Finding, new: Finding) -> Words:
    notes = []
    if old.count != new.count:
        notes.append(f"{phrases.plural(old.count, 'place')} became {new.count:,}")
    if bool(old.waiver) != bool(new.waiver):
        notes.append("waived now" if new.waiver else "waived no more")
    if old.severity is not new.severity:
        notes.append(f"{old.severity.value} before")
    return _row(Marked("stands", "soft", "="), new, "; ".join(notes))


def _facts(
    difference: Difference, facts: FactsDifference, structure: Structure, name: str
) -> Iterator[Block]:
    numbers = diff_phrases.changed_numbers(facts)
    if numbers:
        rows = [(row.name, Code(row.old), Code(row.new), row.change) for row in numbers]
        yield Section("In numbers", [Table(("", "Old", "New", "Change"), rows)])
    same = diff_phrases.unchanged(facts)
    if same:
        yield Section("The same in both", [Paragraph(Code(same))])
    if difference.sketch is None:
        yield Drawn(lambda: _undrawn(structure))
        yield from structure_sections(structure)
    else:
        from onnxguard.reporters.diff.html_graphs import card, drawing  # for a page alone

        drawn = drawing(difference.sketch, structure.nodes, facts, name)
        yield Drawn(lambda: card(drawn, difference.path))
        yield from structure_sections(structure, drawn.links)
    yield from sections(facts)


def _undrawn(structure: Structure) -> Markup:
    """Why a page draws no graphs."""
    from onnxguard.reporters.kit.html_elements import element, section

    reason = "They are not drawn here: a page of these two models alone may have room for them."
    if not structure.compared:
        reason = "They are not drawn: they were not compared."
    elif structure.same:
        reason = "They are equal, and not drawn. The page of a scan shows one."
    return section("Graphs", element("p", reason, class_="soft"))
