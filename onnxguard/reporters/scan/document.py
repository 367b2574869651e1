"""What a scan found: of each model what it holds, what breaks rules in it, and what is waived."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import zip_longest

from onnxguard.base.findings import Finding, Severity
from onnxguard.model.facts import Cost, Facts
from onnxguard.reporters.kit import phrases, rows
from onnxguard.reporters.kit.checks import SCAN
from onnxguard.reporters.kit.document import (
    Block,
    Document,
    Findings,
    Names,
    Pairs,
    Paragraph,
    Part,
    Parts,
    Section,
    Table,
)
from onnxguard.reporters.kit.phrases import byte_size, plural
from onnxguard.reporters.kit.words import Code, Marked, Words, is_numeric, joined
from onnxguard.scanning.lean import CONSTANTS_SHOWN
from onnxguard.scanning.report import Report, Run

BRIEF = 4
"""Figures that are enough of a model without findings beside others: size, versions, nodes."""

VALUES_SHOWN, UNKNOWN_SHOWN, COSTS_SHOWN = 4, 5, 10


def document(run: Run) -> Document:
    """The whole report, a part a model."""
    several = len(run.reports) != 1
    filed = [(name, Code(text)) for name, text in phrases.filing(run)]
    how = Section("How this report came about", [Pairs(filed)], detail=True, folded=True)
    return Document(
        "scan",
        phrases.marked(phrases.overall(run)),
        phrases.counts(run) if several else phrases.finding_counts(run.reports),
        run.seconds,
        Parts(partial(part, several=several), run.reports),
        remarks=list(_remarks(run)),
        blocks=[how] if filed else (),
    )


def _remarks(run: Run) -> Iterator[Paragraph]:
    """By what the run was narrowed or decided, and what was left out."""
    given = run.origin.settings if run.origin else ()
    styles = ["error" if setting.narrows else "warning" for setting in given]
    for said, style in zip_longest(phrases.settings(run), styles, fillvalue="warning"):
        yield Paragraph(Code(said), style)
    yield from (Paragraph(Code(said), "soft") for said in phrases.left_out(run))


def part(report: Report, several: bool = False) -> Part:
    """What is said of a model, less of one without findings where there are several."""
    standing, waived = phrases.standing(report), phrases.waived(report)
    blocks: list[Block] = []
    if not (several and _is_lean(report)):
        operators, constants, *others = sections(report)
        inside = [*operators.blocks, *constants.blocks, *others]
        if inside:
            title = f"{operators.title}, {constants.title}"
            rare = report.facts is None or (several and not standing)
            blocks.append(Section(title, inside, rare, folded=True))
    if standing:
        blocks.append(_findings(standing))
    if waived:
        blocks.append(Section(f"{len(waived):,} waived", [_findings(waived)], detail=True))
    return Part(
        phrases.marked(report.verdict),
        Code(report.path),
        (f": {phrases.finding_counts([report])}, judged by ", Code(report.allowlist)),
        tuple(_figures(report)),
        blocks,
        brief=BRIEF if several else 0,
    )


def _is_lean(report: Report) -> bool:
    """Whether what a model holds was left out, because nobody would see it."""
    facts = report.facts
    return facts is not None and facts.nodes > 0 and not facts.operators


def _findings(found: Sequence[Finding]) -> Findings:
    return Findings(found, SCAN, alike=sys.maxsize)


def _figures(report: Report) -> Iterator[tuple[str, Words]]:
    facts, read = report.facts, report.read
    if facts is None:
        return
    yield "size", byte_size(facts.size)
    yield "IR", "none" if facts.ir_version is None else f"{facts.ir_version}"
    versions = [
        f"{entry.version}" if entry.domain == "ai.onnx" else f"{entry.domain} {entry.version}"
        for entry in facts.opset_imports
    ]
    yield "opset", Code(", ".join(versions) or "none")
    inlined = facts.expanded_nodes not in (facts.nodes, -1)
    more = f" ({facts.expanded_nodes:,} inlined)" if inlined else ""
    yield "nodes", f"{facts.nodes:,}{more}"
    if facts.producer:
        yield "exported by", Code(f"{facts.producer} {facts.producer_version}".rstrip())
    if facts.cost is not None:
        least = "" if facts.cost.macs_exact else "at least "
        yield "multiply-accumulates", f"{least}{facts.cost.macs:,}"
    if read is not None:
        share = f"{100 * read.bytes / facts.size:.2f} %" if facts.size else "all"
        yield "read", f"{read.bytes:,} bytes ({share}) in {plural(read.requests, 'request')}"


def sections(report: Report) -> Iterator[Section]:
    """What a model holds: operators and Constant nodes, even if none, then what else there is."""
    facts, marks = report.facts, phrases.marked_operators(report)
    uses, nodes = ((), ()) if facts is None else (facts.operators, facts.constants)
    used = [
        (Code(use.label), f" {use.count:,}", *_mark(marks.get(use.label)))
        for use in sorted(uses, key=lambda use: use.label not in marks)
    ]
    yield Section(plural(len(used), "operator"), [Names("", used)] if used else ())
    # Of many Constants only those may have been described that are shown.
    count = max(len(nodes), *(use.count for use in uses if use.label == "Constant"), 0)
    heads = "Node", *rows.CONSTANT[1:]
    held = [(node.place.route, *rows.constant(node)[1:]) for node in nodes]
    table = _table(heads, held)._replace(shown=CONSTANTS_SHOWN, more=count - len(held))
    yield Section(plural(count, "Constant node"), [table] if held else ())
    if facts is not None:
        yield from _others(facts)
    digests = ("file", report.sha256), ("bytes that were judged", report.judged_sha256)
    known = [(name, Code(digest)) for name, digest in digests if digest]
    if known:
        yield Section("SHA-256", [Pairs(known)], detail=True)


def _others(facts: Facts) -> Iterator[Section]:
    if facts.cost is not None:
        yield _cost(facts.cost)
    for title, heads, found in _kinds(facts):
        if found:
            yield Section(title, [_table(heads, found)], detail=True)
    if facts.graphs > 1:
        nested = f", nested {plural(facts.depth, 'level')} deep"
        yield Section(f"{plural(facts.graphs, 'graph')}{nested}", (), detail=True)
    if facts.training_graphs:
        yield Section(plural(facts.training_graphs, "training graph"), (), detail=True)


def _mark(severity: Severity | None) -> tuple[str, ...]:
    return () if severity is None else (" (", Marked(severity.value, severity.value), ")")


def _kinds(facts: Facts) -> Iterator[tuple[str, tuple[str, ...], Sequence[tuple[str, ...]]]]:
    """What there is more of: a title, the heads and the rows of each kind."""
    for noun, values in ("input", facts.inputs), ("output", facts.outputs):
        typed = [(value.name, rows.type_of(value)) for value in values]
        yield plural(len(values), noun), ("Name", "Type"), typed
    sizes = [(dtype, byte_size(size)) for dtype, size in facts.initializer_bytes.items()]
    yield plural(facts.initializers, "initializer"), ("Dtype", "Bytes>"), sizes
    functions = list(map(rows.function, facts.functions))
    yield plural(len(functions), "function"), rows.FUNCTION, functions
    loops = list(map(rows.loop, facts.loops))
    yield plural(len(loops), "Loop"), rows.LOOP, loops
    external = list(map(rows.external, facts.external_data))
    yield f"{plural(len(external), 'tensor')} in other files", rows.EXTERNAL, external
    yield "Metadata", ("Key", "Value"), list(facts.metadata)


def _table(heads: tuple[str, ...], found: Sequence[tuple[str, ...]]) -> Table:
    """Of cells that are no numbers each may come from the model."""
    number = list(map(is_numeric, heads))
    made = [
        tuple(cell if own else Code(cell) for cell, own in zip(row, number, strict=True))
        for row in found
    ]
    return Table(heads, made)


def _cost(cost: Cost) -> Section:
    """What a run costs, and what costs most of that."""
    given = joined([Code(" ".join(value)) for value in cost.inputs], VALUES_SHOWN)
    blocks: list[Block] = [Pairs(list(_costs(cost)))]
    if cost.operators:
        heads = "Operator", "Nodes>", "Multiply-accumulates>"
        found = [(name, f"{nodes:,}", f"{macs:,}") for name, nodes, macs in cost.operators]
        blocks.append(_table(heads, found)._replace(caption="by operator", shown=COSTS_SHOWN))
    return Section(("Cost of a run on ", *given) if given else "Cost of a run", blocks)


def costly_nodes(cost: Cost) -> Section:
    """The nodes that cost most, which a page has room for."""
    heads = "Node", "Operator", "Output", "Multiply-accumulates>", "Bytes>"
    found = [
        (f"node {at} {name}".rstrip(), operator, output, f"{macs:,}", f"{size:,}")
        for at, operator, name, output, macs, size in cost.nodes
    ]
    return Section("The nodes that cost most", [_table(heads, found)])


def _costs(cost: Cost) -> Iterator[tuple[str, Words]]:
    """The other figures by name; those that are bounds from below say so."""
    least = "" if cost.exact else "at least "
    yield "weights", byte_size(cost.weight_bytes)
    yield "activations at once", f"{least}{byte_size(cost.activation_bytes)}"
    largest = cost.largest_tensor
    if largest is not None:
        named = Code(f"{largest.name} {largest.type}")
        yield "largest tensor", (f"{least}{byte_size(largest.bytes)}, ", named)
    yield "gives", joined([Code(" ".join(value)) for value in cost.outputs], VALUES_SHOWN)
    if cost.unknown_nodes:
        yield "sizes not known", plural(cost.unknown_nodes, "node")
    unknown = [(Code(each.operator), f" {each.nodes:,}") for each in cost.without_rule]
    yield "no shapes known of", joined(unknown, UNKNOWN_SHOWN)
