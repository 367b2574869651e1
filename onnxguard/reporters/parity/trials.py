"""The sets of inputs of a parity check: how far apart, element by element, and whose error."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from onnxguard.parity.report import Outcome, ParityReport, Trial
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.blocks import Bar, Bars, Items
from onnxguard.reporters.kit.document import Block, Paragraph, Section, Table
from onnxguard.reporters.kit.words import Code, Marked, Words
from onnxguard.reporters.parity import phrases as parity_phrases
from onnxguard.reporters.parity.phrases import number
from onnxguard.running.difference import Difference

BELOW, ABOVE = 6, 8
"""So many decades around the tolerance are shown one by one."""

_LEGEND = (
    "Largest: the largest difference of any element; 99 % within: what 99 % of the elements keep "
    "within; ULP: the largest distance in steps between neighbouring floats; over: elements "
    "beyond the tolerance."
)


def trial_table(trials: Sequence[Trial]) -> Section:
    """A row for each output of each trial, then what went wrong in those that did."""
    outputs = {difference.output for trial in trials for difference in trial.differences}
    title: Words = phrases.plural(len(trials), "trial")
    if len(outputs) == 1:
        title = f"{title}, output ", Code(*outputs)
    several = len(outputs) > 1
    heads = ["Inputs", "Shapes", *(["Output"] if several else [])]
    heads += ["Largest>", "99 % within>", "ULP>", "Over>"]
    found = [(trial, difference) for trial in trials for difference in trial.differences]
    rows = [_row(trial, difference, several) for trial, difference in found]
    weights = [math.inf if not d.passed else d.largest for _, d in found]
    blocks: list[Block] = []
    if rows:
        blocks += [Table(heads, rows, weights=weights), Paragraph(_LEGEND, "soft")]
    wrong = [_refused(trial) for trial in trials if trial.outcome is not Outcome.COMPARED]
    wrong += [_beyond(trial, difference) for trial, difference in found if not difference.passed]
    if wrong:
        blocks.append(Items(wrong))
    return Section(title, blocks, detail=True)


def _row(trial: Trial, difference: Difference, several: bool) -> tuple[Words, ...]:
    over = parity_phrases.over(difference) if difference.elements else "-"
    return (
        *_inputs(trial),
        *([Code(difference.output)] if several else []),
        number(difference.largest),
        parity_phrases.percentile(difference, 99.0),
        f"{difference.ulps:,}",
        over if difference.passed else Marked(over, "fail"),
    )


def _inputs(trial: Trial) -> tuple[str, str]:
    name = trial.profile if trial.seed < 0 else f"{trial.profile}, seed {trial.seed}"
    return Code(name), Code(trial.shape_text)


def _beyond(trial: Trial, difference: Difference) -> Words:
    inputs, shapes = _inputs(trial)
    if difference.problem != "OP201":
        return inputs, ", ", shapes, ": ", Code(difference.message)
    where = f" is beyond, at {parity_phrases.dims(difference.index)}: "
    values = Code(f"{difference.actual} instead of {difference.expected}")
    return inputs, ", ", shapes, ": ", Code(difference.output), where, values


def _refused(trial: Trial) -> Words:
    inputs, shapes = _inputs(trial)
    said: list[str] = []
    for who, text in (("graph", trial.model_said), ("reference", trial.reference_said)):
        said += [f"; the {who} says: ", Code(text)] if text else []
    return (inputs, ", ", shapes, f": {parity_phrases.OUTCOMES[trial.outcome]}", *said)


def decades(trials: Sequence[Trial]) -> Iterator[Bars]:
    """A histogram for each floating output, of all trials together."""
    by_output: dict[str, list[Difference]] = {}
    for trial in trials:
        for difference in trial.differences:
            # What is not floating has no percentiles, and what is not finite no distance.
            if difference.percentiles:
                by_output.setdefault(difference.output, []).append(difference)
    for output, differences in by_output.items():
        yield _histogram(output, differences)


def _histogram(output: str, differences: Sequence[Difference]) -> Bars:
    tolerance = min(difference.tolerance for difference in differences)
    counted = [pair for difference in differences for pair in difference.decades]
    exact = sum(difference.exact for difference in differences)
    if tolerance > 0:
        middle = math.floor(math.log10(tolerance))
    else:
        middle = min((exponent for exponent, _ in counted), default=0)
    lowest, highest = middle - BELOW, middle + ABOVE
    elements: Counter[int] = Counter()
    for exponent, count in counted:
        elements[min(max(exponent, lowest), highest)] += count
    # A tolerance of 2e-5 lies within a decade, one of 1e-5 between two.
    between = not tolerance or math.isclose(tolerance, 10.0**middle)
    first_beyond = middle if between else middle + 1
    labels = {lowest: f"below {_power(lowest + 1)}", highest: f"{_power(highest)} and more"}
    shown = range(min([*elements, middle]), max([*elements, first_beyond - 1]) + 1)
    bars = [Bar("equal", exact)]
    for exponent in shown:
        label = labels.get(exponent, f"{_power(exponent)} to {_power(exponent + 1)}")
        bars.append(Bar(label, elements[exponent], exponent >= first_beyond))
    said = f"allowed: {tolerance:g}"
    if not between:
        said += ", within the decade above this line"
    total = f"{exact + elements.total():,} elements of "
    caption = total, Code(output), " by difference, all trials together"
    return Bars(bars, caption, (1 + first_beyond - shown.start, said))


def _power(exponent: int) -> str:
    return f"1e{exponent:+03d}"


def referee(report: ParityReport) -> Iterator[Block]:
    """What float64 says of the worst output that it was asked about, then of each."""
    yield Paragraph(parity_phrases.referee(report))
    rows = [
        (*_inputs(t), Code(one.output), number(one.reference_error), number(one.model_error))
        for t in report.trials
        for one in t.referees
    ]
    heads = "Inputs", "Shapes", "Output", "PyTorch in float32>", "Graph>"
    caption = "largest distance from PyTorch in float64, which rounds next to nothing"
    yield Section("Each output", [Table(heads, rows, caption)], detail=True, folded=True)
