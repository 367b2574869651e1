"""What a conformance run found: a row an operator, then why those that are not proven are not."""

from __future__ import annotations

from onnxguard.conformance.record import Conformance, Evidence, OperatorRecord, Outcome, WholeGraph
from onnxguard.reporters.kit.blocks import Items
from onnxguard.reporters.kit.document import Block, Document, Paragraph, Part, Section, Table
from onnxguard.reporters.kit.phrases import plural
from onnxguard.reporters.kit.words import Code, Marked, Words

_STYLES = {
    Evidence.PROVEN: "pass",
    Evidence.PARTIAL: "warning",
    Evidence.UNPROVEN: "warning",
    Evidence.FAILED: "fail",
}
_TOLD = frozenset(Outcome) - {Outcome.PASSED, Outcome.UNSUPPORTED, Outcome.VACUOUS}
"""Outcomes of a list's cases that are told one by one; the others are in its coverage."""
_OF_LIST = ["Exact>", "Re-stamped>", "Own>", "Dtypes", "Attributes"]
_OF_MODEL = ["Inputs and attributes", "Nodes>"]


def document(result: Conformance) -> Document:
    """The whole report."""
    conclusion = result.conclusion
    verdict = Marked(conclusion.value.upper(), conclusion.value)
    counted = counts(result)
    versions = ", ".join(f"{name} {version}" for name, version in result.versions)
    said = f", opset {result.opset}, ", *_subject(result)
    by = Paragraph(f"By {versions}, on the CPU.", "soft")
    part = Part(verdict, Code(result.name), said, (), [by, *_blocks(result)])
    return Document("conform", verdict, counted, result.seconds, (part,))


def counts(result: Conformance) -> str:
    """``70 operators: 62 proven, 6 partial, 2 unproven``."""
    found = [(evidence, result.count_of(evidence)) for evidence in Evidence]
    parts = [f"{count:,} {evidence.value}" for evidence, count in found if count]
    number = len(result.operators)
    noun = plural(number, "operator")
    if result.kind != "allowlist":
        noun = f"{number:,} {'kind' if number == 1 else 'kinds'} of node"
    return f"{noun}: {', '.join(parts) or 'none'}"


def _subject(result: Conformance) -> tuple[str, ...]:
    """What was run: ``406 official cases and 6,752 of our own``, or a model's inputs."""
    if result.kind == "allowlist":
        own = sum(record.own for record in result.operators)
        official = sum(len(record.cases) for record in result.operators) - own
        return (f"{plural(official, 'official case')} and {own:,} of our own",)
    shapes = ", ".join(f"{name} {list(shape)}" for name, shape in result.inputs)
    origin = "from a file" if result.seed is None else f"seed {result.seed}"
    return "on ", Code(shapes or "no inputs"), f", {origin}"


def _blocks(result: Conformance) -> list[Block]:
    if not result.operators:
        return []
    of_list = result.kind == "allowlist"
    heads = ["Operator", "Evidence", "Schema>"]
    heads += _OF_LIST if of_list else _OF_MODEL
    rows = [_row(record, of_list) for record in result.operators]
    blocks: list[Block] = [Section("Operators", [Table([*heads, "Worst>"], rows)])]
    open_ends = [_reason(r) for r in result.operators if r.evidence is not Evidence.PROVEN]
    if open_ends:
        blocks.append(Section("Not proven", [Items(open_ends)]))
    cases = [
        (Code(record.label), " ", Code(case.name), f" {case.outcome.value}: ", Code(case.reason))
        for record in result.operators
        for case in record.cases
        if of_list and case.outcome in _TOLD
    ]
    if cases:
        blocks.append(Section("Cases that did not pass", [Items(cases)]))
    if result.whole is not None:
        blocks.append(_whole(result.whole))
    return blocks


def _whole(found: WholeGraph) -> Section:
    style = {Outcome.PASSED: "pass", Outcome.FAILED: "fail"}.get(found.outcome, "warning")
    reason = (": ", Code(found.reason)) if found.reason else ()
    said = Marked(found.outcome.value, style), f", worst {_difference(found.difference)}", *reason
    return Section("Whole graph, optimised", [Paragraph(said)])


def _row(record: OperatorRecord, of_list: bool) -> tuple[Words, ...]:
    evidence = Marked(record.evidence.value, _STYLES[record.evidence])
    schema = "-" if record.version is None else f"{record.version}"
    counted: tuple[Words, ...] = Code(record.variant), f"{record.nodes:,}"
    if of_list:
        numbers = map(str, (record.exact, record.restamped, record.own))
        counted = (*numbers, _share(record, "dtype"), _share(record, "attribute"))
    return Code(record.label), evidence, schema, *counted, _difference(record.worst)


def _share(record: OperatorRecord, kind: str) -> str:
    """``10 of 14, 4 no kernel``: how much of a kind was exercised, and agreed."""
    agreed, without, total = record.share(kind)
    if not total:
        return "-"
    return f"{agreed} of {total}" + (f", {without} no kernel" if without else "")


def _difference(value: float | None) -> str:
    """``1.2e-07``, ``0``, or ``-`` where no floats were compared."""
    if value is None:
        return "-"
    return f"{value:.1e}" if value else "0"


def _reason(record: OperatorRecord) -> Words:
    said = f" {record.evidence.value}: ", Code(record.reason)
    return (Code(record.label), *((" ", Code(record.variant)) if record.variant else ()), *said)
