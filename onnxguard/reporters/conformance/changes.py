"""What changed between two conformance runs: a row a change, those first that are worse."""

from __future__ import annotations

from onnxguard.conformance.changes import Change, Changes, Side
from onnxguard.reporters.kit.blocks import Items
from onnxguard.reporters.kit.document import Block, Document, Pairs, Part, Section, Table
from onnxguard.reporters.kit.phrases import plural
from onnxguard.reporters.kit.words import Code, Marked, Words


def document(changes: Changes) -> Document:
    """The whole report."""
    worse = sum(change.worse for change in changes.changes)
    verdict = Marked("WORSE", "fail") if worse else Marked("PASS", "pass")
    counted = f"{plural(len(changes.changes), 'change')}, {worse} worse, {changes.same} as before"
    sides: Block = Pairs([("before", _side(changes.before)), ("after", _side(changes.after))])
    blocks = [sides]
    ordered = sorted(changes.changes, key=lambda change: not change.worse)
    if ordered:
        heads = ["Operator", "What", "Before", "After"]
        blocks.append(Section("Changes", [Table(heads, [_row(change) for change in ordered])]))
    reasons = [(*_label(c), " ", Code(c.what), ": ", Code(c.reason)) for c in ordered if c.reason]
    if reasons:
        blocks.append(Section("Reasons", [Items(reasons)]))
    said = f", opset {changes.after.opset}"
    part = Part(verdict, Code(changes.after.name), said, (), blocks)
    return Document("conform diff", verdict, counted, None, (part,))


def _side(side: Side) -> Words:
    versions = ", ".join(f"{name} {version}" for name, version in side.versions.items())
    return Code(side.name), ": ", Code(versions)


def _label(change: Change) -> tuple[str, ...]:
    return (Code(change.operator), *((" ", Code(change.variant)) if change.variant else ()))


def _row(change: Change) -> tuple[Words, ...]:
    after = change.after or "not there"
    shown: Words = Marked(after, "fail") if change.worse else after
    return _label(change), Code(change.what), change.before or "not there", shown
