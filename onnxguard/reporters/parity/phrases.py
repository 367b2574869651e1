"""Words and numbers of parity reports that several formats share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from onnxguard.base.findings import Finding
from onnxguard.parity.report import (
    NodePass,
    Outcome,
    ParityReport,
    ParityVerdict,
    Proof,
    Referee,
    Trial,
)
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.words import Code, Words
from onnxguard.running.difference import Difference
from onnxguard.scanning.report import Report, Run, Verdict

ROUNDING = 4.0
"""Up to this many times PyTorch's own rounding is called rounding."""
ERROR = 32.0
"""From this many times on, and beyond the tolerance, it is called an error."""

OUTCOMES = {
    Outcome.COMPARED: "compared",
    Outcome.BOTH_REFUSED: "both sides refuse it",
    Outcome.MODEL_REFUSED: "the graph refuses it, the reference does not",
    Outcome.REFERENCE_REFUSED: "the reference refuses it, the graph does not",
    Outcome.NO_EVIDENCE: "float32 itself fails here",
}

_SCAN_VERDICTS = {
    ParityVerdict.PASS: Verdict.PASS,
    ParityVerdict.FAIL: Verdict.FAIL,
    ParityVerdict.VACUOUS: Verdict.FAIL,
    ParityVerdict.ERROR: Verdict.ERROR,
}
_WORST_FIRST = (
    ParityVerdict.ERROR,
    ParityVerdict.FAIL,
    ParityVerdict.VACUOUS,
    ParityVerdict.PASS,
)


class Found(NamedTuple):
    """A difference and the trial that it was found in."""

    difference: Difference
    trial: Trial


def as_run(reports: tuple[ParityReport, ...]) -> Run:
    """Turn parity reports into what the formats of a scan show; vacuous counts as failed.

    The reference stands where a scan names the allowlist: it is what the model was judged by.
    """
    converted = tuple(
        Report(
            report.path,
            report.reference,
            _SCAN_VERDICTS[report.verdict],
            tuple(findings(report)),
            None,
            report.seconds,
        )
        for report in reports
    )
    return Run(converted, seconds(reports))


def seconds(reports: tuple[ParityReport, ...]) -> float:
    """How long all took together."""
    return sum(report.seconds for report in reports)


def overall(reports: tuple[ParityReport, ...]) -> ParityVerdict:
    """The worst verdict; error where there is none at all."""
    verdicts = {report.verdict for report in reports}
    return next((v for v in _WORST_FIRST if v in verdicts), ParityVerdict.ERROR)


def summary(reports: tuple[ParityReport, ...]) -> str:
    """``1 of 3 models passed, 1 failed, 1 vacuous; 3 errors``; one model needs no counting."""
    found = phrases.finding_counts(as_run(reports).reports)
    if len(reports) == 1:
        return found
    counts = Counter(report.verdict for report in reports)
    text = f"{counts[ParityVerdict.PASS]:,} of {phrases.plural(len(reports), 'model')} passed"
    for verdict, word in (
        (ParityVerdict.FAIL, "failed"),
        (ParityVerdict.VACUOUS, "vacuous"),
        (ParityVerdict.ERROR, "not compared"),
    ):
        if counts[verdict]:
            text += f", {counts[verdict]:,} {word}"
    return f"{text}; {found}"


def findings(report: ParityReport) -> Iterator[Finding]:
    """The findings; one that was made several times at one place says so itself."""
    for finding in report.findings:
        if finding.count > len(finding.places):
            message = f"{finding.message} ({finding.count:,} times)"
            finding = finding._replace(message=message, count=len(finding.places))  # noqa: PLW2901
        yield finding


def compared(report: ParityReport) -> list[Trial]:
    """The trials in which both sides answered."""
    return [trial for trial in report.trials if trial.outcome is Outcome.COMPARED]


def worst(report: ParityReport) -> Found | None:
    """The first difference that fails with the largest value, or else the largest of all."""
    found = [Found(d, trial) for trial in report.trials for d in trial.differences]
    return max(found, key=_weight_of, default=None)


def _weight_of(found: Found) -> tuple[bool, bool, float]:
    return not found.difference.passed, not found.difference.eased, found.difference.largest


def spot(found: Found) -> Words:
    """``Largest at y [0, 37]: the graph gives 0.5, the reference 0.25 (noise inputs, x 1x64)``."""
    difference, trial = found
    inputs = f"{trial.profile} inputs" if trial.seed >= 0 else f"inputs of {trial.profile}"
    return (
        "Largest at ",
        Code(difference.output),
        f" {dims(difference.index)}: the graph gives ",
        Code(difference.actual),
        ", the reference ",
        Code(difference.expected),
        " (",
        Code(f"{inputs}, {trial.shape_text}"),
        ").",
    )


def dims(shape: tuple[int, ...]) -> str:
    """``[0, 0, 37, 64]``."""
    return f"[{', '.join(map(str, shape))}]"


def number(value: float) -> str:
    """Two digits of a difference: ``3.4e-06``, ``0``, ``infinity``."""
    if math.isfinite(value):
        return f"{value:.2g}"
    return "NaN" if math.isnan(value) else "infinity"


def percentile(difference: Difference, percent: float) -> str:
    """The difference that this share of the elements keeps within, ``-`` where it is unknown."""
    known = dict(difference.percentiles)
    return number(known[percent]) if percent in known else "-"


def over(difference: Difference) -> str:
    """``12 of 6,144``."""
    return f"{difference.over:,} of {difference.elements:,}"


def referee(report: ParityReport) -> Words:
    """What float64 says of the worst output that it was asked about."""
    asked = [(one, trial) for trial in report.trials for one in trial.referees]
    one, trial = max(asked, key=lambda pair: _weight(pair[0]))
    tolerances = {d.output: d.tolerance for d in trial.differences}
    verdict = _rounding(one, tolerances.get(one.output, report.atol))
    ours, theirs = number(one.reference_error), number(one.model_error)
    return (
        "Measured against PyTorch in float64, output ",
        Code(one.output),
        f" is off by {ours} in PyTorch's own float32 and by {theirs} in ONNX Runtime: {verdict}.",
    )


def _weight(one: Referee) -> float:
    return math.inf if math.isnan(one.model_error) else one.model_error


def _rounding(one: Referee, tolerance: float) -> str:
    ours, theirs = one.reference_error, one.model_error
    if not (math.isfinite(ours) and math.isfinite(theirs)):
        return "with NaN or infinity, rounding cannot be told from error"
    if theirs <= ROUNDING * ours or theirs == 0:
        beyond = ", but float32 itself cannot keep the tolerance here" if ours > tolerance else ""
        return f"what differs there is rounding{beyond}"
    if theirs >= ERROR * ours and theirs > tolerance:
        return "what differs there is an error, not rounding"
    return "more than PyTorch's rounding; either another order of summation, or a small error"


def node_counts(nodes: NodePass) -> str:
    """The node-local pass in one sentence."""
    if not nodes.ran:
        return f"no node was run alone: {nodes.reason}" if nodes.reason else "no node was run alone"
    text = (
        f"{nodes.checked:,} of {phrases.plural(nodes.nodes, 'node')} compared with a tensor of "
        "the reference"
    )
    if nodes.covered:
        text += f", {nodes.covered:,} more through a node that follows"
    return f"{text}, {len(nodes.unchecked):,} not compared"


def proof(result: Proof) -> str:
    """The proof in one sentence."""
    others = f"; {result.equal:,} more change nothing that anybody sees" if result.equal else ""
    return (
        f"of {phrases.plural(result.mutants, 'graph')} damaged on purpose, {result.killed:,} were "
        f"noticed ({result.rate:.1%}; at least {result.required:.0%} must be){others}"
    )
