"""The page of one model within the HTML page of a scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnxguard.base.findings import Finding
from onnxguard.catalogue import RULES
from onnxguard.model.facts import Cost, Facts, Function, Loop, NodeCost, Value
from onnxguard.reporters.kit import costs, phrases
from onnxguard.reporters.kit.html_elements import (
    Markup,
    card,
    code,
    element,
    listed,
    section,
    table,
)
from onnxguard.reporters.scan.html_drawing import Drawing, drawing
from onnxguard.reporters.scan.html_index import Entry, badge
from onnxguard.scanning.report import Report

FINDINGS, PLACES, ROWS = 50, 10, 50
"""Findings of a model, places of a finding, and rows of any other table that are shown."""


def model_page(entries: Sequence[Entry], place: int, pictured: bool) -> Markup:
    """The page of the entry at ``place``; ``pictured`` says that there is room for its graph."""
    entry = entries[place]
    report, facts = entry.report, entry.report.facts
    name = f"model-{entry.number}"
    drawn = drawing(report, name, pictured)
    parts = [_crumbs(entries, place), _head(report), _findings(report, name, drawn)]
    if facts is not None:
        parts += [
            drawn.card,
            element("div", *_cards(report, facts), class_="cards"),
            *([] if facts.cost is None else [_cost(facts.cost)]),
            _constants(facts, drawn),
            *_details(facts),
        ]
    return Markup(f"\n{element('article', *parts, class_='page', id=name)}")


def _crumbs(entries: Sequence[Entry], place: int) -> Markup:
    links = [element("a", "All models", href="#models")]
    for name, at in (("Previous", place - 1), ("Next", place + 1)):
        if 0 <= at < len(entries) and entries[at].paged:
            links.append(element("a", name, href=f"#model-{entries[at].number}"))
    return element("nav", *links, class_="crumbs", aria_label="Models")


def _head(report: Report) -> Markup:
    title = element("h2", badge(report.verdict), " ", code(report.path))
    said = element("p", f"{phrases.finding_counts([report])}, judged by ", code(report.allowlist))
    facts = report.facts
    if facts is None:
        return card(title, said)
    nodes = f"{facts.nodes:,}"
    if facts.expanded_nodes not in (facts.nodes, -1):
        nodes += f" ({facts.expanded_nodes:,} inlined)"
    pairs = [
        ("Size", phrases.byte_size(facts.size)),
        ("Versions", phrases.versions(facts)),
        ("Nodes", nodes),
        ("Graphs", f"{facts.graphs:,}"),
        ("Initializers", f"{facts.initializers:,}"),
        ("Exported by", f"{facts.producer} {facts.producer_version}".strip()),
    ]
    terms = [element("div", element("dt", k), element("dd", code(v))) for k, v in pairs if v]
    return card(title, said, element("dl", *terms, class_="figures"))


def _findings(report: Report, name: str, drawn: Drawing) -> Markup:
    if not report.findings:
        return section("Findings", element("p", "None.", class_="clean"))
    explained: set[str] = set()
    parts = []
    order = sorted(enumerate(report.findings), key=lambda pair: bool(pair[1].waiver))
    for number, finding in order[:FINDINGS]:
        places = _places(finding, number, drawn)
        anchor = f"{name}-finding-{number + 1}"
        parts.append(_finding(finding, anchor, places, finding.code in explained))
        explained.add(finding.code)
    if len(order) > FINDINGS:
        parts.append(element("p", f"And {len(order) - FINDINGS:,} more.", class_="hint"))
    return section("Findings", *parts)


def _finding(finding: Finding, anchor: str, places: Markup, explained: bool) -> Markup:
    state = "waived" if finding.waiver else finding.severity.value
    lines = [element("h4", f"{state} {phrases.title(finding.code)}")]
    lines.append(element("p", code(finding.message)))
    if finding.place.route != "model" or finding.count > 1:
        lines.append(places)
    rule = RULES.get(finding.code)
    for label, text in (
        ("Why it matters", rule.why if rule and not explained else ""),
        ("Fix", finding.hint),
        ("Decision", finding.adr),
        ("Waived because", finding.waiver),
    ):
        if text:
            lines.append(element("p", element("strong", f"{label}: "), text))
    style = "note" if finding.waiver else finding.severity.value
    return element("div", *lines, class_=f"finding {style}", id=anchor)


def _places(finding: Finding, number: int, drawn: Drawing) -> Markup:
    items = []
    for at, place in enumerate(finding.places[:PLACES]):
        route = _linked(code(place.route), drawn.places.get((number, at)))
        items.append(element("li", route, f" bytes {phrases.span(place)}"))
    if finding.count > len(items):
        items.append(element("li", f"and {finding.count - len(items):,} more"))
    return element("ul", *items)


def _linked(text: Markup, anchor: str | None) -> Markup:
    return element("a", text, href=f"#{anchor}") if anchor else text


def _cards(report: Report, facts: Facts) -> Iterator[Markup]:
    """The small tables, which stand side by side."""
    heads = ("Name", "Type", "Shape")
    for noun, values in (("input", facts.inputs), ("output", facts.outputs)):
        title, rows = phrases.plural(len(values), noun), [_value(value) for value in values[:ROWS]]
        yield section(title, *_rows("of the main graph", heads, rows, len(values)))
    yield _operators(report, facts)
    if facts.initializer_bytes:
        title = phrases.plural(facts.initializers, "initializer")
        sizes = [(code(name), phrases.byte_size(n)) for name, n in facts.initializer_bytes.items()]
        yield section(title, *_rows("bytes by dtype", ("Dtype", "Bytes>"), sizes))


def _value(value: Value) -> tuple[str, ...]:
    kind = value.dtype if value.kind == "tensor" else f"{value.kind} of {value.dtype}"
    return code(value.name), code(kind), code(phrases.dims(value.dims))


def _operators(report: Report, facts: Facts) -> Markup:
    marks = phrases.marked_operators(report)
    rows = []
    for use in facts.operators:
        mark = marks.get(use.label)
        said = element("span", mark.value, class_=mark.value) if mark else ""
        rows.append((use.label not in marks, (code(use.label), f"{use.count:,}", said)))
    rows.sort(key=lambda row: row[0])
    heads = ("Operator", "Nodes>", "Finding")
    caption = "function bodies counted once"
    title = phrases.plural(len(rows), "operator")
    return section(title, *_rows(caption, heads, [row for _, row in rows]))


def _cost(cost: Cost) -> Markup:
    """The figures, and the nodes that cost most."""
    terms = [
        element("div", element("dt", k), element("dd", code(v))) for k, v in costs.figures(cost)
    ]
    parts = [element("p", code(costs.heading(cost))), element("dl", *terms, class_="figures")]
    heads: tuple[str, ...] = ("Operator", "Nodes>", "Multiply-accumulates>")
    if cost.operators:
        rows = [(code(op), f"{nodes:,}", f"{macs:,}") for op, nodes, macs in cost.operators]
        parts += _rows("by operator", heads, rows)
    heads = ("Node", "Operator", "Output", "Multiply-accumulates>", "Bytes>")
    if cost.nodes:
        parts += _rows("the nodes that cost most", heads, [_node_cost(n) for n in cost.nodes])
    return section("Cost", *parts)


def _node_cost(node: NodeCost) -> tuple[str, ...]:
    name = f"node {node.position} {node.name}".rstrip()
    return code(name), code(node.operator), code(node.output), f"{node.macs:,}", f"{node.bytes:,}"


def _constants(facts: Facts, drawn: Drawing) -> Markup:
    if not facts.constants:
        return Markup()
    rows = [
        (
            _linked(
                code(constant.place.route),
                drawn.constants.get((constant.place.start, constant.place.end)),
            ),
            code(phrases.constant_type(constant)),
            f"{constant.bytes:,}",
            code(constant.value),
            element("span", *listed(constant.readers, len(constant.readers))),
        )
        for constant in facts.constants[:ROWS]
    ]
    heads = ("Node", "Type", "Bytes>", "Value", "Read by")
    title = phrases.plural(len(facts.constants), "Constant node")
    return section(
        title, *_rows("values that are part of the graph", heads, rows, len(facts.constants))
    )


def _details(facts: Facts) -> Iterator[Markup]:
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]
    if facts.functions:
        heads = ("Function", "Inputs>", "Outputs>", "Nodes>", "Calls>")
        rows = [_function(function) for function in facts.functions[:ROWS]]
        yield section("Functions", *_rows("of the model", heads, rows, len(facts.functions)))
    if facts.loops:
        heads = ("Loop", "Rounds>", "With those around it>", "Known from")
        rows = [_loop(loop) for loop in facts.loops[:ROWS]]
        yield section("Loops", *_rows("trip counts", heads, rows, len(facts.loops)))
    if facts.external_data:
        caption = "tensors whose values lie in other files"
        heads = ("Tensor", "File", "Offset>", "Bytes>")
        rows = [
            (code(data.tensor), code(data.location), _number(data.offset), _number(data.length))
            for data in facts.external_data[:ROWS]
        ]
        yield section("External data", *_rows(caption, heads, rows, len(facts.external_data)))
    if facts.metadata:
        heads = ("Key", "Value")
        rows = [(code(key), code(value)) for key, value in facts.metadata[:ROWS]]
        yield section("Metadata", *_rows("metadata_props", heads, rows, len(facts.metadata)))


def _loop(loop: Loop) -> tuple[str, ...]:
    rounds = "no bound" if loop.trip_count is None else f"{loop.trip_count:,}"
    return code(loop.place.route), rounds, _number(loop.product), loop.source


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _function(function: Function) -> tuple[str, ...]:
    counts = function.inputs, function.outputs, function.nodes, function.calls
    return code(function.label), *(f"{count:,}" for count in counts)


def _rows(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], total: int = 0
) -> Iterator[Markup]:
    """A table of the first rows, and how many more there are."""
    yield table(caption, heads, rows[:ROWS])
    hidden = max(total, len(rows)) - min(len(rows), ROWS)
    if hidden > 0:
        yield element("p", f"And {hidden:,} more.", class_="hint")
