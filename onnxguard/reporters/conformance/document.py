"""What a conformance run found: a row an operator, then why those that are not proven are not."""

from __future__ import annotations

from onnxguard.conformance.record import Conformance, Evidence, OperatorRecord, Outcome
from onnxguard.reporters.kit.document import Block, Document, Items, Paragraph, Part, Section, Table
from onnxguard.reporters.kit.phrases import plural
from onnxguard.reporters.kit.words import Code, Marked, Words

_STYLES = {
    Evidence.PROVEN: "pass",
    Evidence.PARTIAL: "warning",
    Evidence.UNPROVEN: "warning",
    Evidence.FAILED: "fail",
}


def document(result: Conformance) -> Document:
    """The whole report."""
    conclusion = result.conclusion
    verdict = Marked(conclusion.value.upper(), conclusion.value)
    counted = counts(result)
    versions = ", ".join(f"{name} {version}" for name, version in result.versions)
    said = f", opset {result.opset}, ", *_subject(result)
    by = Paragraph(f"By {versions}, on the CPU.", soft=True)
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
    """What was run: ``406 official cases run``, or the inputs that the model was run on."""
    if result.kind == "allowlist":
        cases = sum(len(record.cases) for record in result.operators)
        return (f"{plural(cases, 'official case')} run",)
    shapes = ", ".join(f"{name} {list(shape)}" for name, shape in result.inputs)
    origin = "from a file" if result.seed is None else f"seed {result.seed}"
    return "on ", Code(shapes or "no inputs"), f", {origin}"


def _blocks(result: Conformance) -> list[Block]:
    if not result.operators:
        return []
    of_list = result.kind == "allowlist"
    heads = ["Operator", "Evidence", "Schema>"]
    heads += (
        ["Exact>", "Re-stamped>", "Passed>"] if of_list else ["Inputs and attributes", "Nodes>"]
    )
    rows = [_row(record, of_list) for record in result.operators]
    blocks: list[Block] = [Section("Operators", [Table([*heads, "Worst>"], rows)])]
    open_ends = [_reason(r) for r in result.operators if r.evidence is not Evidence.PROVEN]
    if open_ends:
        blocks.append(Section("Not proven", [Items(open_ends)]))
    cases = [
        (Code(record.label), " ", Code(case.name), f" {case.outcome.value}: ", Code(case.reason))
        for record in result.operators
        for case in record.cases
        if case.outcome is not Outcome.PASSED
    ]
    if cases:
        blocks.append(Section("Cases that did not pass", [Items(cases)]))
    return blocks


def _row(record: OperatorRecord, of_list: bool) -> tuple[Words, ...]:
    evidence = Marked(record.evidence.value, _STYLES[record.evidence])
    schema = "-" if record.version is None else f"{record.version}"
    counted: tuple[Words, ...] = Code(record.variant), f"{record.nodes:,}"
    if of_list:
        numbers = record.exact, record.restamped, record.count_of(Outcome.PASSED)
        counted = tuple(map(str, numbers))
    return Code(record.label), evidence, schema, *counted, _difference(record.worst)


def _difference(value: float | None) -> str:
    """``1.2e-07``, ``0``, or ``-`` where no floats were compared."""
    if value is None:
        return "-"
    return f"{value:.1e}" if value else "0"


def _reason(record: OperatorRecord) -> Words:
    said = f" {record.evidence.value}: ", Code(record.reason)
    return (Code(record.label), *((" ", Code(record.variant)) if record.variant else ()), *said)
