"""A parity report for people: how far apart, where, and whether to believe it."""

from __future__ import annotations

from onnxguard.parity.report import NodeCheck, ParityReport, ParityVerdict, Proof
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.checks import PARITY
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.paint import SEVERITY_STYLES, Paint, columns, wrap
from onnxguard.reporters.parity import phrases as parity_phrases
from onnxguard.reporters.parity.claims import claim, headline
from onnxguard.reporters.parity.text_details import detail_sections
from onnxguard.reporters.scan.text import duration, finding_lines, inert

ALIKE_SHOWN = 5
"""Findings of one code, and wrong nodes, that are shown unless verbose."""
SURVIVORS_SHOWN = 20

_STYLES = {
    ParityVerdict.PASS: "green",
    ParityVerdict.FAIL: "red",
    ParityVerdict.VACUOUS: "yellow",
    ParityVerdict.ERROR: "red",
}


def render(reports: tuple[ParityReport, ...], options: RenderOptions) -> str:
    """Render the reports; ``verbosity`` -1 leaves a line per finding where one did not pass."""
    paint = Paint(options.color)
    if options.verbosity < 0:
        lines = [line for report in reports for line in _quiet(report, paint)]
    else:
        lines = []
        for report in reports:
            lines += [*_block(report, paint, verbose=options.verbosity > 0), ""]
        took = duration(parity_phrases.seconds(reports))
        verdict = _verdict(parity_phrases.overall(reports), paint)
        lines.append(f"{verdict}: {parity_phrases.summary(reports)}, {took}")
    return "".join(f"{inert(line)}\n" for line in lines)


def _quiet(report: ParityReport, paint: Paint) -> list[str]:
    if report.passed:
        return []
    lines = []
    for finding in parity_phrases.findings(report):
        severity = paint(finding.severity.value, SEVERITY_STYLES[finding.severity])
        lines.append(f"{report.path}: {finding.code} {severity} {finding.message}")
    return lines or [headline(report)]


def _verdict(verdict: ParityVerdict, paint: Paint) -> str:
    return paint(verdict.value.upper(), _STYLES[verdict])


def _block(report: ParityReport, paint: Paint, verbose: bool) -> list[str]:
    said = claim(report)
    items = [paint(report.path, "bold"), *said.relation.split(" ")]
    items += f"{report.reference}{said.rest}".split(" ")
    lines = wrap(items, "      ", first=f"{_verdict(report.verdict, paint)}  ")
    worst = parity_phrases.worst(report)
    if worst and worst.difference.passed and worst.difference.largest > 0:
        where = parity_phrases.spot(worst.difference)
        text = f"largest at {where} ({parity_phrases.setting(worst.trial)})"
        lines += [paint(line, "dim") for line in wrap(text.split(" "), "      ")]
    lines += _findings(report, paint, verbose)
    sections: list[tuple[str, list[str]]] = []
    if report.nodes.wrong:
        sections.append(_wrong(report, verbose))
    referee = parity_phrases.referee(report)
    differs = worst is not None and not worst.difference.passed
    if referee and (verbose or differs):
        sections.append(("Rounding or error?", wrap(referee.split(" "), "    ")))
    if report.proof is not None:
        sections.append(("Is damage noticed?", _proof(report.proof, verbose)))
    if verbose:
        sections += detail_sections(report, paint)
    if report.remarks:
        sections.append(("Remarks", _listed(report.remarks)))
    for heading, body in sections:
        lines += ["", paint(f"  {heading}", "bold"), *body]
    return lines


def _listed(texts: tuple[str, ...]) -> list[str]:
    return [line for text in texts for line in wrap(text.split(" "), "      ", first="    ")]


def _findings(report: ParityReport, paint: Paint, verbose: bool) -> list[str]:
    lines: list[str] = []
    seen: dict[str, int] = {}
    for finding in parity_phrases.findings(report):
        seen[finding.code] = seen.get(finding.code, 0) + 1
        if verbose or seen[finding.code] <= ALIKE_SHOWN:
            lines += ["", *finding_lines(finding, paint, verbose, PARITY)]
    for code, count in seen.items():
        if count > ALIKE_SHOWN and not verbose:
            lines += ["", f"  ... and {count - ALIKE_SHOWN:,} more {phrases.title(code)}"]
    return lines


def _wrong(report: ParityReport, verbose: bool) -> tuple[str, list[str]]:
    wrong = report.nodes.wrong
    heading = "1 node is wrong when run alone"
    if len(wrong) > 1:
        heading = f"{len(wrong):,} nodes are wrong when run alone, in the order of the graph"
    shown = wrong if verbose else wrong[:ALIKE_SHOWN]
    lines = columns([_node(check) for check in shown], "    ", widest=48)
    for check in shown:
        others = [name for name in check.suspects if name != check.node]
        if others:
            text = (
                f"at fault may also be {', '.join(others)}: what feeds {check.node} and has no "
                "counterpart in the reference"
            )
            lines += wrap(text.split(" "), "      ", first="    ")
    if len(wrong) > len(shown):
        lines.append(f"    ... and {len(wrong) - len(shown):,} more")
    return heading, lines


def _node(check: NodeCheck) -> tuple[str, ...]:
    difference = check.difference
    return (
        check.operator,
        check.node,
        f"off by {parity_phrases.number(difference.largest)}",
        f"allowed {parity_phrases.number(difference.tolerance)}",
        f"against {check.module}",
    )


def _proof(proof: Proof, verbose: bool) -> list[str]:
    lines = wrap(parity_phrases.proof(proof).split(" "), "    ")
    if verbose:
        rows = [(f"{killed} of {mutants}", kind) for kind, mutants, killed in proof.kinds]
        lines += columns(rows, "      ")
    shown = proof.survivors if verbose else proof.survivors[:SURVIVORS_SHOWN]
    for survivor in shown:
        text = f"not noticed: {survivor.mutation}, at {survivor.node}"
        lines += wrap(text.split(" "), "      ", first="    ")
    if len(proof.survivors) > len(shown):
        lines.append(f"    ... and {len(proof.survivors) - len(shown):,} more")
    return lines
