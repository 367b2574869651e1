"""A parity report in one sentence."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from onnxguard.parity.report import NodePass, Outcome, ParityReport, ParityVerdict
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.parity.phrases import compared, number, worst

_PROBLEMS = {
    "OP202": ": it has more or fewer outputs",
    "OP203": ": an output has another dtype",
    "OP204": ": an output has another shape",
    "OP205": ": an output holds NaN or infinity",
    "OP206": " in numbers that must be equal",
}


class Claim(NamedTuple):
    """A report in one sentence, ``PATH relation REFERENCE rest``; no name stands in either."""

    relation: str
    rest: str


def headline(report: ParityReport) -> str:
    """The report in one sentence."""
    said = claim(report)
    return f"{report.path} {said.relation} {report.reference}{said.rest}"


def claim(report: ParityReport) -> Claim:
    """What the report says of its model and its reference."""
    if report.verdict is ParityVerdict.ERROR or not compared(report):
        return _refusal(report) or Claim("was not compared with", "")
    if report.verdict is ParityVerdict.PASS:
        trials = phrases.plural(len(compared(report)), "trial")
        shown = f": largest difference {number(report.largest)} in {trials}"
        within = number(report.atol) if report.tolerance == "exact" else report.tolerance
        rest = f"{_asked(report)} within {within}{shown}{_alone(report.nodes)}"
        return Claim("agrees with", rest)
    if report.verdict is ParityVerdict.VACUOUS:
        rest = f" above {number(report.atol)}, but this comparison could hardly have shown one"
        return Claim("shows no difference from", rest)
    return _difference(report) or _wrong_nodes(report) or _refusal(report) or _otherwise(report)


def _difference(report: ParityReport) -> Claim | None:
    found = worst(report)
    if found is None or found.difference.passed:
        return None
    difference = found.difference
    trials = compared(report)
    off = sum(any(not d.passed for d in trial.differences) for trial in trials)
    rest = _PROBLEMS.get(
        difference.problem,
        f" by up to {number(difference.largest)} where {number(difference.tolerance)} is allowed",
    )
    return Claim("differs from", f"{rest}, in {off} of {phrases.plural(len(trials), 'trial')}")


def _wrong_nodes(report: ParityReport) -> Claim | None:
    nodes = report.nodes
    if not nodes.wrong:
        return None
    some = f"{len(nodes.wrong):,} of {phrases.plural(nodes.nodes, 'node')}"
    verb = "differs" if len(nodes.wrong) == 1 else "differ"
    outputs = f"the outputs hide it (largest difference {number(report.largest)})"
    return Claim("does not compute what", f" computes: {some} {verb} when run alone; {outputs}")


def _refusal(report: ParityReport) -> Claim | None:
    counts = Counter(trial.outcome for trial in report.trials)
    of = f"of {phrases.plural(len(report.trials), 'trial')}"
    if counts[Outcome.MODEL_REFUSED]:
        return Claim("refuses inputs that", f" takes, in {counts[Outcome.MODEL_REFUSED]} {of}")
    if counts[Outcome.REFERENCE_REFUSED]:
        return Claim("takes inputs that", f" refuses, in {counts[Outcome.REFERENCE_REFUSED]} {of}")
    if counts[Outcome.BOTH_REFUSED]:
        return Claim("was not compared with", ": both refuse all inputs")
    return None


def _otherwise(report: ParityReport) -> Claim:
    errors = phrases.plural(sum(finding.fails for finding in report.findings), "error")
    trials = phrases.plural(len(compared(report)), "trial")
    return Claim("agrees with", f" within {number(report.atol)} in {trials}, but has {errors}")


def _asked(report: ParityReport) -> str:
    """That not all outputs were compared; the remarks name them."""
    if not report.outputs:
        return ""
    several = f"{len(report.outputs):,} outputs" if len(report.outputs) > 1 else "output"
    return f" in the {several} asked for"


def _alone(nodes: NodePass) -> str:
    if not nodes.ran or not nodes.nodes:
        return ""
    agree = nodes.checked + nodes.covered
    of = phrases.plural(nodes.nodes, "node")
    return f"; {agree:,} of {of} {'agrees' if agree == 1 else 'agree'} when run alone"
