"""Words and numbers that cards, evaluations and ablations share in every format."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from onnxguard.reporters.kit.phrases import plural
from onnxguard.reporters.kit.words import Code, Words, flat, joined
from onnxguard.reporters.parity.phrases import number

if TYPE_CHECKING:  # the records import NumPy, and a reporter needs none
    from onnxguard.students.ablation import Comparison
    from onnxguard.students.history import Epoch
    from onnxguard.students.measures import Measures
    from onnxguard.students.records import Card, DataFacts, Evaluation, ParityFigures

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


def figure(value: float) -> str:
    """Four decimals of a measure in 0..1: ``0.7421``."""
    return f"{value:.4f}" if math.isfinite(value) else number(value)


def signed(value: float) -> str:
    """Four decimals, and never a negative zero."""
    return figure(value).replace("-0.0000", "0.0000")


def file_name(student: str, ending: str) -> str:
    """The name of a file beside the card, as a link has it: ``saliency-v2.curve.png``."""
    return f"{quote(student, safe='')}{ending}"


def gates(card: Card) -> Words:
    """``every gate was passed: scan, contract``, or ``scan failed; parity, iou not reached``."""
    named = {
        outcome: joined(Code(gate.name) for gate in card.gates if gate.passed is passed)
        for passed, outcome in OUTCOMES.items()
    }
    if card.passed:
        return ("every gate was passed: ", *flat(named["passed"] or "none"))
    found = [(*flat(names), f" {outcome}") for outcome, names in named.items() if names]
    return joined(found, between="; ")


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
        return f"{count}; epoch {card.best_epoch} was exported"
    return (
        f"{count}; epoch {found.number} was the best on the held-out images and was exported: "
        f"IoU {figure(found.iou)} in PyTorch at a loss of {figure(found.loss)}"
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


def compared(found: Comparison) -> Words:
    """Whether the difference is more than the seeds' own."""
    leader, other = Code(found.leader), Code(found.other)
    ahead: tuple[str, ...] = leader, " and ", other, " have the same mean IoU"
    if found.difference:
        ahead = leader, " is ahead of ", other, f" by {figure(found.difference)} in mean IoU"
    if found.deviation is None or found.interval is None:
        single = "with a single seed no deviation can be known, so this may be the seed's doing"
        return (*ahead, f"; {single}. Train each with several seeds")
    low, high = found.interval
    conclusion = (
        "lies above 0: the seeds alone do not explain it"
        if low > 0
        else "holds 0: the seeds alone may explain it"
    )
    deviation = f"the seeds' own deviation is {figure(found.deviation)} (pooled)"
    interval = f"Welch's 95 % interval of the difference, {signed(low)} to {signed(high)}"
    return (*ahead, f"; {deviation}. {interval}, {conclusion}")
