"""The part of the text report that says what a model holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnxguard.model.facts import Facts, Value
from onnxguard.reporters.kit import costs, phrases
from onnxguard.reporters.kit.paint import Paint, words_of
from onnxguard.scanning.lean import CONSTANTS_SHOWN
from onnxguard.scanning.report import Read, Report

READERS_SHOWN = 3


def facts_lines(report: Report, facts: Facts, paint: Paint, verbose: bool) -> list[str]:
    """Return the header, the operators and the Constant nodes; everything else if verbose."""
    lines = [paint(line, "soft") for line in _header(report, facts, paint)]
    if verbose and report.read is not None:
        lines.append(paint(f"      {_read(report.read, facts.size)}", "soft"))
    lines += _section(paint, phrases.plural(len(facts.operators), "operator"))
    lines += _operators(report, facts, paint)
    if facts.constants:
        # Of many Constants only those may have been described that are shown here.
        count = sum([use.count for use in facts.operators if use.label == "Constant"])
        count = max(count, len(facts.constants))
        lines += _section(paint, phrases.plural(count, "Constant node"))
        lines += _constants(facts, count, paint, verbose)
    if facts.cost is not None:
        lines += _section(paint, costs.heading(facts.cost))
        lines += paint.table([""] * 2, words_of(costs.figures(facts.cost)), "    ")
        by = [f"{each.operator} {each.macs:,}" for each in facts.cost.operators]
        lines += paint.wrap(by, "      ", gap="   ") if by else []
    if verbose:
        for heading, rows in _details(facts):
            lines += _section(paint, heading)
            lines += paint.table([""] * len(rows[0]), words_of(rows), "    ") if rows else []
    return lines


def _section(paint: Paint, heading: str) -> list[str]:
    return ["", paint(f"  {heading}", "bold")]


def _header(report: Report, facts: Facts, paint: Paint) -> list[str]:
    nodes = phrases.plural(facts.nodes, "node")
    if facts.expanded_nodes not in (facts.nodes, -1):
        nodes += f" ({facts.expanded_nodes:,} inlined)"
    parts = [phrases.byte_size(facts.size), phrases.versions(facts), nodes]
    if facts.producer:
        parts.append(f"{facts.producer} {facts.producer_version}".rstrip())
    items = [f"{part}," for part in parts] + [f"judged by {report.allowlist}"]
    return paint.wrap([word for item in items for word in item.split(" ")], "      ")


def _read(read: Read, size: int) -> str:
    part = f"{100 * read.bytes / size:.2f} %" if size else "all"
    requests = phrases.plural(read.requests, "request")
    return f"read {read.bytes:,} bytes ({part}) in {requests}"


def _operators(report: Report, facts: Facts, paint: Paint) -> list[str]:
    marks = phrases.marked_operators(report)
    items = []
    for use in facts.operators:
        item = f"{use.label} {use.count:,}"
        if use.label in marks:
            severity = marks[use.label]
            item = paint(f"{item} ({severity.value})", severity.value)
        items.append(item)
    return paint.wrap(items or ["none"], "    ", gap="   ")


def _constants(facts: Facts, count: int, paint: Paint, verbose: bool) -> list[str]:
    shown = facts.constants if verbose else facts.constants[:CONSTANTS_SHOWN]
    rows = [
        (
            constant.place.route,
            phrases.constant_type(constant),
            phrases.byte_size(constant.bytes),
            constant.value,
            f"-> {_readers(constant.readers)}",
        )
        for constant in shown
    ]
    lines = paint.table([""] * 5, words_of(rows), "    ")
    hidden = count - len(shown)
    if hidden:
        lines.append(f"    ... and {hidden:,} more")
    return lines


def _readers(readers: Sequence[str]) -> str:
    if not readers:
        return "nothing"
    text = ", ".join(readers[:READERS_SHOWN])
    hidden = len(readers) - READERS_SHOWN
    return f"{text} and {hidden:,} more" if hidden > 0 else text


def _details(facts: Facts) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    if facts.inputs:
        yield phrases.plural(len(facts.inputs), "input"), [_value(v) for v in facts.inputs]
    if facts.outputs:
        yield phrases.plural(len(facts.outputs), "output"), [_value(v) for v in facts.outputs]
    if facts.initializers:
        yield (
            phrases.plural(facts.initializers, "initializer"),
            [(dtype, phrases.byte_size(n)) for dtype, n in facts.initializer_bytes.items()],
        )
    if facts.graphs > 1:
        heading = phrases.plural(facts.graphs, "graph")
        yield heading, [("nested", f"{phrases.plural(facts.depth, 'level')} deep")]
    if facts.training_graphs:
        yield phrases.plural(facts.training_graphs, "training graph"), []
    if facts.functions:
        yield (
            phrases.plural(len(facts.functions), "function"),
            [
                (
                    f.label,
                    f"{f.inputs} in, {f.outputs} out",
                    phrases.plural(f.nodes, "node"),
                    phrases.plural(f.calls, "call"),
                )
                for f in facts.functions
            ],
        )
    if facts.loops:
        yield (
            phrases.plural(len(facts.loops), "Loop"),
            [
                (
                    loop.place.route,
                    "no bound" if loop.trip_count is None else f"{loop.trip_count:,} rounds",
                    "" if loop.product is None else f"{loop.product:,} in all",
                    loop.source,
                )
                for loop in facts.loops
            ],
        )
    if facts.external_data:
        yield (
            f"{phrases.plural(len(facts.external_data), 'tensor')} in other files",
            [
                (
                    data.tensor,
                    data.location,
                    "" if data.offset is None else f"offset {data.offset:,}",
                    "" if data.length is None else phrases.byte_size(data.length),
                )
                for data in facts.external_data
            ],
        )
    if facts.metadata:
        yield "metadata", list(facts.metadata)


def _value(value: Value) -> tuple[str, ...]:
    kind = "" if value.kind == "tensor" else value.kind
    return value.name, f"{value.dtype}{phrases.dims(value.dims)}", kind
