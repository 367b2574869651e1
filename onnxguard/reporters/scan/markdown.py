"""Markdown for a pull-request comment or a job summary.

Every string that may come from a model stands in a code span, as in every Markdown of ours.
"""

from __future__ import annotations

from onnxguard.model.facts import ConstantNode, Cost, Facts
from onnxguard.reporters.kit import costs, phrases
from onnxguard.reporters.kit.checks import SCAN
from onnxguard.reporters.kit.markdown_parts import cell, code, finding_lines, folded, grid
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.report import Report, Run

CONSTANTS_SHOWN = 20
READERS_SHOWN = 3


def render(run: Run, options: RenderOptions) -> str:
    """Render a table of the models, then what was found in each, then what each holds."""
    blocks = [
        f"## onnxguard: {phrases.VERDICTS[phrases.overall(run)]}",
        f"{phrases.model_counts(run)}; {phrases.finding_counts(run.reports)}.",
        *(f"**{code(setting)}**" for setting in phrases.settings(run)),
    ]
    blocks += [f"{line[0].upper()}{line[1:]}." for line in phrases.left_out(run, code)]
    if run.reports:
        blocks.append(_table(run))
    for report in run.reports:
        if report.findings:
            blocks += [f"### {code(report.path)}", _findings(report)]
        if report.facts is not None:
            blocks.append(_details(report, report.facts))
            if report.facts.cost is not None:
                blocks.append(_cost(report.path, report.facts.cost))
    filed = [f"{name}: {code(text)}" for name, text in phrases.filing(run)]
    if filed:
        blocks.append("  \n".join(filed))
    return "\n\n".join(blocks) + "\n"


def _table(run: Run) -> str:
    heads = ("Verdict", "Model", "Allowlist", "Findings", "Size>", "Versions", "Nodes>")
    rows = [
        (
            f"**{phrases.VERDICTS[report.verdict]}**",
            cell(report.path),
            cell(report.allowlist),
            phrases.finding_counts([report]),
            phrases.byte_size(report.facts.size) if report.facts else "",
            cell(phrases.versions(report.facts)) if report.facts else "",
            f"{report.facts.nodes:,}" if report.facts else "",
        )
        for report in run.reports
    ]
    return grid(heads, rows)


def _findings(report: Report) -> str:
    found = phrases.standing(report) + phrases.waived(report)
    return "\n".join(line for finding in found for line in finding_lines(finding, SCAN))


def _details(report: Report, facts: Facts) -> str:
    operators = phrases.plural(len(facts.operators), "operator")
    constants = phrases.plural(len(facts.constants), "Constant node")
    marks = phrases.marked_operators(report)
    blocks = [code(report.path)]
    if facts.operators:
        rows = [
            (
                cell(use.label),
                f"{use.count:,}",
                marks[use.label].value if use.label in marks else "",
            )
            for use in facts.operators
        ]
        blocks.append(grid(("Operator", "Nodes>", ""), rows))
    if facts.constants:
        heads = ("Constant node", "Type", "Bytes>", "Value", "Read by")
        shown = facts.constants[:CONSTANTS_SHOWN]
        blocks.append(grid(heads, map(_constant, shown)))
        hidden = len(facts.constants) - len(shown)
        if hidden > 0:
            blocks.append(f"And {phrases.plural(hidden, 'more Constant node')}.")
    return folded(f"{operators}, {constants}", blocks)


def _cost(path: str, cost: Cost) -> str:
    blocks = [f"{code(path)}, {code(costs.heading(cost))}"]
    blocks.append(grid(("Cost", ""), [(name, cell(said)) for name, said in costs.figures(cost)]))
    if cost.operators:
        rows = [(cell(op), f"{nodes:,}", f"{macs:,}") for op, nodes, macs in cost.operators]
        blocks.append(grid(("Operator", "Nodes>", "Multiply-accumulates>"), rows))
    return folded(f"{costs.macs(cost)} multiply-accumulates", blocks)


def _constant(constant: ConstantNode) -> tuple[str, ...]:
    readers = "<br>".join(map(cell, constant.readers[:READERS_SHOWN]))
    if len(constant.readers) > READERS_SHOWN:
        readers += f"<br>and {len(constant.readers) - READERS_SHOWN:,} more"
    return (
        cell(constant.place.route),
        cell(phrases.constant_type(constant)),
        f"{constant.bytes:,}",
        cell(constant.value),
        readers,
    )
