"""Parity reports as Markdown, for a pull-request comment or a job summary.

As in a scan's, every string that may come from a model stands in a code span.
"""

from __future__ import annotations

from onnxguard.base.findings import Finding
from onnxguard.parity.report import Identity, NodePass, Outcome, ParityReport, Proof, Trial
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.parity import phrases as parity_phrases
from onnxguard.reporters.parity.claims import claim
from onnxguard.reporters.parity.phrases import number
from onnxguard.reporters.scan.markdown import PLACES_SHOWN, cell, code

TRIALS_SHOWN = 20
NODES_SHOWN = 20
ALIKE_SHOWN = 5
"""Findings of one code that are shown."""


def render(reports: tuple[ParityReport, ...], options: RenderOptions) -> str:
    """Render the verdicts, then of each model what was found and how far apart it was."""
    verdict = parity_phrases.overall(reports).value.upper()
    blocks = [f"## onnxguard parity: {verdict}", f"{parity_phrases.summary(reports)}."]
    for report in reports:
        blocks += _model(report)
    return "\n\n".join(blocks) + "\n"


def _model(report: ParityReport) -> list[str]:
    said = claim(report)
    sentence = f"{code(report.path)} {said.relation} {code(report.reference)}{said.rest}."
    blocks = [f"### {report.verdict.value.upper()}: {code(report.path)}", sentence]
    if report.findings:
        blocks.append(_findings(list(parity_phrases.findings(report))))
    referee = parity_phrases.referee(report, code)
    if referee:
        blocks.append(referee)
    if report.remarks:
        blocks += ["Remarks:", "\n".join(f"- {code(remark)}" for remark in report.remarks)]
    if report.trials:
        blocks.append(_trials(report.trials))
    if report.nodes.ran:
        blocks.append(_details("Nodes run alone", _nodes(report.nodes)))
    if report.proof is not None:
        blocks.append(_details("Is damage noticed?", _proof(report.proof)))
    if report.identity is not None:
        blocks.append(_details("What was compared", _identity(report.identity)))
    return blocks


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _details(summary: str, blocks: list[str]) -> str:
    # The blank line after the opening tags lets Markdown in again.
    return "\n\n".join([f"<details><summary>{summary}</summary>", *blocks, "</details>"])


def _table(head: str, rule: str, rows: list[list[str]]) -> str:
    return "\n".join([head, rule, *(f"| {' | '.join(row)} |" for row in rows)])


def _findings(findings: list[Finding]) -> str:
    lines: list[str] = []
    seen: dict[str, int] = {}
    for finding in findings:
        seen[finding.code] = seen.get(finding.code, 0) + 1
        if seen[finding.code] <= ALIKE_SHOWN:
            lines += _finding(finding)
    for rule, count in seen.items():
        if count > ALIKE_SHOWN:
            lines.append(f"- and {count - ALIKE_SHOWN:,} more **{phrases.title(rule)}**")
    return "\n".join(lines)


def _finding(finding: Finding) -> list[str]:
    title = phrases.title(finding.code)
    lines = [f"- **{title}** ({finding.severity.value}): {code(finding.message)}"]
    routes = [place.route for place in finding.places if place.route != "model"]
    lines += [f"  - {code(route)}" for route in routes[:PLACES_SHOWN]]
    if len(routes) > PLACES_SHOWN:
        lines.append(f"  - and {len(routes) - PLACES_SHOWN:,} more")
    if finding.hint:
        lines.append(f"  - Fix: {code(finding.hint)}")
    return lines


def _trials(trials: tuple[Trial, ...]) -> str:
    worst_first = sorted(trials, key=lambda trial: -_weight(trial))
    shown = set(map(id, worst_first[:TRIALS_SHOWN]))
    table = _table(
        "| Inputs | Seed | Shape | Output | Largest | 99 % within | ULP | Over |",
        "|---|--:|---|---|--:|--:|--:|--:|",
        [row for trial in trials if id(trial) in shown for row in _rows(trial)],
    )
    hidden = len(trials) - len(shown)
    return f"{table}\n\nAnd {phrases.plural(hidden, 'trial')} with less." if hidden > 0 else table


def _weight(trial: Trial) -> float:
    """Where one side refuses, there is no difference, but a reader wants to see it."""
    compared = trial.outcome in {Outcome.COMPARED, Outcome.BOTH_REFUSED}
    return trial.largest if compared else float("inf")


def _rows(trial: Trial) -> list[list[str]]:
    start = [cell(trial.profile), parity_phrases.seed(trial), cell(trial.shape_text)]
    if trial.outcome is not Outcome.COMPARED:
        return [[*start, f"*{parity_phrases.OUTCOMES[trial.outcome]}*", "", "", "", ""]]
    return [
        [
            *start,
            cell(difference.output),
            number(difference.largest)
            if difference.passed
            else f"**{number(difference.largest)}**",
            parity_phrases.percentile(difference, 99.0),
            f"{difference.ulps:,}",
            parity_phrases.over(difference),
        ]
        for difference in trial.differences
    ]


def _nodes(nodes: NodePass) -> list[str]:
    blocks = [f"{_capital(parity_phrases.node_counts(nodes))}."]
    checks = nodes.wrong or ((nodes.worst,) if nodes.worst is not None else ())
    rows = [
        [
            cell(check.node),
            cell(check.operator),
            cell(check.module),
            number(check.difference.largest),
            number(check.difference.tolerance),
            "<br>".join(cell(name) for name in check.suspects if name != check.node),
        ]
        for check in checks[:NODES_SHOWN]
    ]
    if rows:
        table = _table(
            "| Node | Operator | Compared with | Largest | Allowed | Or one that feeds it |",
            "|---|---|---|--:|--:|---|",
            rows,
        )
        blocks += ["Wrong, in the order of the graph:" if nodes.wrong else "The worst:", table]
    if len(checks) > NODES_SHOWN:
        blocks.append(f"And {phrases.plural(len(checks) - NODES_SHOWN, 'more wrong node')}.")
    if nodes.unchecked:
        names = ", ".join(map(code, nodes.unchecked[:NODES_SHOWN]))
        hidden = len(nodes.unchecked) - NODES_SHOWN
        blocks.append(f"Not compared: {names}{f' and {hidden:,} more' if hidden > 0 else ''}.")
    return blocks


def _proof(proof: Proof) -> list[str]:
    blocks = [f"{_capital(parity_phrases.proof(proof))}."]
    if proof.kinds:
        rows = [
            [cell(kind), f"{mutants:,}", f"{killed:,}"] for kind, mutants, killed in proof.kinds
        ]
        blocks.append(_table("| Damage | Graphs | Noticed |", "|---|--:|--:|", rows))
    if proof.survivors:
        survivors = (f"- {code(s.mutation)} at {code(s.node)}" for s in proof.survivors)
        blocks += ["Not noticed:", "\n".join(survivors)]
    return blocks


def _identity(identity: Identity) -> list[str]:
    files = [
        ("Graph", f"{identity.model_bytes:,} bytes", identity.model_sha256),
        *(("External data", name, sha256) for name, sha256 in identity.external),
        ("Reference", identity.reference, identity.reference_sha256),
        ("Weights", identity.weights, identity.weights_sha256),
        *(("Inputs", name, sha256) for name, sha256 in identity.inputs),
    ]
    rows = [
        [label, cell(name), cell(sha256) if sha256 else ""] for label, name, sha256 in files if name
    ]
    placed = [f"{count:,} nodes on {name}" for name, count in identity.placement]
    versions = [f"{name} {version}" for name, version in identity.versions]
    facts = [
        f"IR {identity.ir_version}, opset {identity.opset}",
        identity.producer,
        f"provider {identity.provider}, active: {', '.join(identity.providers)}",
        *placed,
        f"optimisation {identity.optimization_level}",
        ", ".join(versions),
        identity.platform,
    ]
    return [
        _table("| | Name | SHA-256 |", "|---|---|---|", rows),
        "\n".join(f"- {code(fact)}" for fact in facts if fact),
    ]
