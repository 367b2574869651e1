"""A conformance report as Markdown, for a page or a job summary."""

from __future__ import annotations

from onnxguard.conformance.record import Conformance, Evidence, OperatorRecord, Outcome
from onnxguard.reporters.conformance import phrases
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.scan.markdown import cell, code


def render(result: Conformance, options: RenderOptions) -> str:
    """Render a table of the operators, then the cases that did not pass."""
    what = f"{code(result.name)}, opset {result.opset}: {phrases.counts(result)}"
    how = f"{code(phrases.subject(result))}, {phrases.versions(result)}"
    blocks = [f"## onnxguard conform: {result.conclusion.value.upper()}", f"{what}; {how}."]
    if result.operators:
        of_list = result.kind == "allowlist"
        blocks.append(_list_table(result) if of_list else _model_table(result))
    open_ends = [
        f"- {code(record.label)} {code(case.name)} ({case.outcome.value}): {code(case.reason)}"
        for record in result.operators
        for case in record.cases
        if case.outcome is not Outcome.PASSED
    ]
    if open_ends:
        blocks += ["### Cases that did not pass", "\n".join(open_ends)]
    return "\n\n".join(blocks) + "\n"


def _list_table(result: Conformance) -> str:
    lines = [
        "| Operator | Schema | Exact | Re-stamped | Passed | Worst difference | Evidence |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for record in result.operators:
        cells = (
            cell(record.label),
            phrases.schema(record),
            str(record.exact),
            str(record.restamped),
            str(record.count_of(Outcome.PASSED)),
            phrases.difference(record.worst),
            _evidence(record),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _model_table(result: Conformance) -> str:
    lines = [
        "| Operator | Schema | Inputs and attributes | Nodes | Worst difference | Evidence |",
        "|---|--:|---|--:|--:|---|",
    ]
    for record in result.operators:
        cells = (
            cell(record.label),
            phrases.schema(record),
            cell(record.variant),
            f"{record.nodes:,}",
            phrases.difference(record.worst),
            _evidence(record),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _evidence(record: OperatorRecord) -> str:
    if record.evidence is Evidence.PROVEN:
        return record.evidence.value
    return f"**{record.evidence.value}**: {cell(record.reason)}"
