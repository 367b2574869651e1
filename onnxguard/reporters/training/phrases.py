"""Words and numbers that cards, evaluations and ablations share in every format."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from onnxguard.reporters.kit.phrases import plural
from onnxguard.reporters.parity.phrases import number
from onnxguard.students.welch import welch_half_width

if TYPE_CHECKING:  # the records import NumPy, and a reporter needs none
    from onnxguard.students.history import Epoch
    from onnxguard.students.measures import Measures
    from onnxguard.students.records import (
        Ablation,
        Card,
        DataFacts,
        Evaluation,
        Gate,
        ParityFigures,
    )

SKIPPED_SHOWN = 10
"""Skipped pairs that are shown."""

MEASURES = {
    "iou": "IoU at 0.5",
    "mae": "MAE (the smaller the better)",
    "max_f": "F-beta, best threshold",
    "mean_f": "F-beta, mean of the thresholds",
    "adaptive_f": "F-beta, adaptive threshold",
    "weighted_f": "weighted F",
    "s": "S-measure",
    "max_e": "E-measure, best threshold",
    "mean_e": "E-measure, mean of the thresholds",
    "adaptive_e": "E-measure, adaptive threshold",
}
"""The measures by field, in the order in which they are shown."""

SEEDS = (
    "The IoU is that of each seed's best epoch on the held-out images, in PyTorch; the deviation "
    "is the sample standard deviation over the seeds."
)
"""What an ablation's figures are."""

OUTCOMES = {False: "failed", None: "not reached", True: "passed"}
"""What became of a gate."""


class StudentSummary(NamedTuple):
    """What one student's seeds came to in an ablation.

    Attributes:
        student: its name.
        parameters: trainable ones.
        ious: one a seed.
        best_epochs: one a seed.
        own_operators: those that no other student has; empty where there is no other.
        verdicts: ``(allowlist, verdict)``, the older list first; differing ones joined by a slash.
        seconds: of a training, the mean.
    """

    student: str
    parameters: int
    ious: tuple[float, ...]
    best_epochs: tuple[int, ...]
    own_operators: tuple[str, ...]
    verdicts: tuple[tuple[str, str], ...]
    seconds: float

    @property
    def mean(self) -> float:
        """Of the IoU."""
        return fmean(self.ious)

    @property
    def deviation(self) -> float | None:
        """The sample standard deviation of the IoU; None for a single seed."""
        return stdev(self.ious) if len(self.ious) > 1 else None


class Comparison(NamedTuple):
    """The best student of an ablation beside another.

    Attributes:
        leader: the student with the greatest mean IoU.
        other: another one.
        difference: of the mean IoU, at least 0.
        deviation: pooled over both students' seeds; None where one has a single seed.
        interval: Welch's 95 % interval of the difference; None as for the deviation.
    """

    leader: str
    other: str
    difference: float
    deviation: float | None
    interval: tuple[float, float] | None


def figure(value: float) -> str:
    """Four decimals of a measure in 0..1: ``0.7421``."""
    return f"{value:.4f}" if math.isfinite(value) else number(value)


def signed(value: float) -> str:
    """Four decimals, and never a negative zero."""
    return figure(value).replace("-0.0000", "0.0000")


def clock(seconds: float) -> str:
    """``13 ms``, ``1.8 s``, ``2 min 5 s``, ``1 h 2 min``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min"


def file_name(student: str, ending: str) -> str:
    """The name of a file beside the card, as a link has it: ``saliency-v2.curve.png``."""
    return f"{quote(student, safe='')}{ending}"


def verdict(card: Card) -> str:
    """PASS or FAIL."""
    return "PASS" if card.passed else "FAIL"


def gates(card: Card, shown: Callable[[str], str] = str) -> str:
    """``every gate was passed: scan, contract``, or ``scan failed; parity, iou not reached``.

    ``shown`` makes a name harmless in the format.
    """
    named = {
        outcome: ", ".join(shown(gate.name) for gate in card.gates if gate.passed is passed)
        for passed, outcome in OUTCOMES.items()
    }
    if card.passed:
        return f"every gate was passed: {named['passed'] or 'none'}"
    return "; ".join(f"{names} {outcome}" for outcome, names in named.items() if names)


def outcome(gate: Gate) -> str:
    """``passed``, ``failed`` or ``not reached``."""
    return OUTCOMES[gate.passed]


def measures(found: Measures) -> list[tuple[str, str]]:
    """Every measure but the number of images: what it is called, and its value."""
    values = found._asdict()
    return [(label, figure(values[field])) for field, label in MEASURES.items()]


def best_baseline(baselines: Sequence[tuple[str, float]]) -> tuple[str, float] | None:
    """The trivial answer that does best; None where there is none."""
    return max(baselines, key=lambda entry: entry[1], default=None)


def data(found: DataFacts) -> str:
    """``2,000 pairs: 1,800 trained on, 200 held out by seed 0, 3 skipped``, without the name."""
    parts = [
        f"{found.training:,} trained on",
        f"{found.validation:,} held out by seed {found.split_seed}",
    ]
    if found.shared:
        parts.append(f"{len(found.shared):,} of these trained on too")
    if found.skipped:
        parts.append(f"{len(found.skipped):,} skipped")
    return f"{plural(found.pairs, 'pair')}: {', '.join(parts)}"


def shared(found: DataFacts) -> list[tuple[str, str]]:
    """``(held-out pair, what it is)`` of those whose images were trained on."""
    return [(one, f"the image of {other}, which is trained on") for one, other in found.shared]


def best(epochs: Sequence[Epoch], best_epoch: int) -> Epoch | None:
    """The epoch that was exported; None where the history lacks it."""
    return next((epoch for epoch in epochs if epoch.number == best_epoch), None)


def history(card: Card) -> str:
    """Which epoch was exported, and what it came to."""
    count = plural(len(card.epochs), "epoch")
    found = best(card.epochs, card.best_epoch)
    if found is None:
        return f"{count}; epoch {card.best_epoch} was exported."
    return (
        f"{count}; epoch {found.number} was the best on the held-out images and was exported: "
        f"IoU {figure(found.iou)} in PyTorch at a loss of {figure(found.loss)}."
    )


def parity(found: ParityFigures) -> str:
    """What was compared with PyTorch, and how far apart it was."""
    text = (
        f"{found.verdict.upper()}: {plural(found.trials, 'set')} of inputs and "
        f"{plural(found.nodes, 'node')} run alone; the largest absolute difference from PyTorch "
        f"is {number(found.largest)}, and {number(found.atol)} is allowed."
    )
    if found.mutants:
        text += f" Of {plural(found.mutants, 'damaged graph')}, {found.killed:,} were noticed."
    return text


def preparation(evaluation: Evaluation) -> str:
    """What was done to the images and to the predictions."""
    resized = f"shorter side resized to {evaluation.side}" if evaluation.side else "not resized"
    side = evaluation.crop
    cut = f"centre crop {side} x {side}" if side else "whole images cut to multiples of 8"
    stretched = "stretched to fill 0..1" if evaluation.stretched else "as they are"
    return f"{resized}; {cut}; predictions {stretched}"


def counts(evaluation: Evaluation) -> str:
    """``5,019 images, 2 skipped``."""
    text = plural(evaluation.measures.images, "image")
    return f"{text}, {len(evaluation.skipped):,} skipped" if evaluation.skipped else text


def margin(evaluation: Evaluation) -> str:
    """How the IoU compares with the best trivial answer's; empty where there is none."""
    found = best_baseline(evaluation.baselines)
    if found is None:
        return ""
    gap = evaluation.measures.iou - found[1]
    if not gap:
        return "the same as the best trivial answer's"
    return f"{figure(abs(gap))} {'above' if gap > 0 else 'below'} the best trivial answer's"


def students(ablation: Ablation) -> tuple[StudentSummary, ...]:
    """What each student's seeds came to, in the order of the runs."""
    names = dict.fromkeys(run.student for run in ablation.runs)
    operators = {
        name: {op for run in ablation.runs if run.student == name for op in run.operators}
        for name in names
    }
    found = []
    for name in names:
        runs = [run for run in ablation.runs if run.student == name]
        others = [operators[other] for other in names if other != name]
        lists = dict.fromkeys(list_id for run in runs for list_id, _ in run.verdicts)
        judged = {
            list_id: dict.fromkeys(
                said for run in runs for at, said in run.verdicts if at == list_id
            )
            for list_id in lists
        }
        found.append(
            StudentSummary(
                name,
                runs[0].parameters,
                tuple(run.iou for run in runs),
                tuple(run.best_epoch for run in runs),
                tuple(sorted(operators[name].difference(*others))) if others else (),
                tuple((list_id, "/".join(said)) for list_id, said in judged.items()),
                fmean(run.seconds for run in runs),
            )
        )
    return tuple(found)


def allowlists(rows: Sequence[StudentSummary]) -> tuple[str, ...]:
    """The lists that any student was judged by, the older one first."""
    return tuple(dict.fromkeys(list_id for row in rows for list_id, _ in row.verdicts))


def comparisons(rows: Sequence[StudentSummary]) -> tuple[Comparison, ...]:
    """The student with the greatest mean IoU beside each other one; the earlier of equals leads."""
    if not rows:
        return ()
    leader = max(rows, key=lambda row: row.mean)
    found = []
    for other in rows:
        if other is leader:
            continue
        difference = leader.mean - other.mean
        spread = _spread(leader, other)
        if spread is None:
            found.append(Comparison(leader.student, other.student, difference, None, None))
            continue
        deviation, half = spread
        interval = (difference - half, difference + half)
        found.append(Comparison(leader.student, other.student, difference, deviation, interval))
    return tuple(found)


def _spread(one: StudentSummary, other: StudentSummary) -> tuple[float, float] | None:
    """The pooled deviation, and half of Welch's 95 % interval."""
    if one.deviation is None or other.deviation is None:
        return None
    counts = len(one.ious), len(other.ious)
    variances = one.deviation**2, other.deviation**2
    free = counts[0] - 1, counts[1] - 1
    pooled = math.sqrt((free[0] * variances[0] + free[1] * variances[1]) / sum(free))
    return pooled, welch_half_width(one.ious, other.ious)


def compared(found: Comparison, leader: str, other: str) -> str:
    """Whether the difference is more than the seeds' own, in sentences.

    Args:
        found: the comparison.
        leader: its leader's name, harmless in the format.
        other: the other's.
    """
    ahead = (
        f"{leader} is ahead of {other} by {figure(found.difference)} in mean IoU"
        if found.difference
        else f"{leader} and {other} have the same mean IoU"
    )
    if found.deviation is None or found.interval is None:
        return (
            f"{ahead}; with a single seed no deviation can be known, so this may be the seed's "
            "doing. Train each with several seeds."
        )
    low, high = found.interval
    conclusion = (
        "lies above 0: the seeds alone do not explain it"
        if low > 0
        else "holds 0: the seeds alone may explain it"
    )
    return (
        f"{ahead}; the seeds' own deviation is {figure(found.deviation)} (pooled). Welch's 95 % "
        f"interval of the difference, {signed(low)} to {signed(high)}, {conclusion}."
    )
