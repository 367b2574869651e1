"""One case: the runtime's answer, and its referees'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onnxguard.conformance.attempt import attempt
from onnxguard.conformance.bounds import too_much
from onnxguard.conformance.comparison import Tolerance, Value, vacuity
from onnxguard.conformance.evaluators import nudged, run, run_formula, run_reference
from onnxguard.conformance.formulas import has_formula
from onnxguard.conformance.known import DEVIATIONS, EVALUATOR_FAULTS
from onnxguard.conformance.record import Outcome
from onnxguard.conformance.referees import (
    EVALUATOR,
    FORMULA,
    Answer,
    Judged,
    Use,
    fault_of,
    judge,
    tolerance,
)
from onnxguard.running.child import Worker

SAID_BY_SHAPE = frozenset({"Constant", "ConstantOfShape", "EyeLike", "Shape", "Size"})
"""Operators whose output may be the same everywhere, whatever they are given."""

_OPEN = frozenset({"Dropout", "QuantizeLinear", "Resize"})
"""Operators with several right answers: a number that lies between two, a mask that nobody says."""


def trial(
    worker: Worker,
    model: bytes,
    feeds: dict[str, Any],
    use: Use,
    seconds: float,
    *,
    official: Answer | None = None,
    allowed: Tolerance = tolerance,
    domain: str = "ai.onnx",
) -> Judged:
    """Run a case in ONNX Runtime and have it judged.

    Args:
        worker: that runs everything.
        model: of the node.
        feeds: by the names of its inputs.
        use: how the node uses its operator.
        seconds: how long each may take.
        official: what the official case expects, which takes the place of one referee.
        allowed: how far apart floats may be.
        domain: of the operator.
    """
    actual, outcome, reason = attempt(worker, run, model, feeds, seconds)
    if outcome in {Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.UNSUPPORTED}:
        return Judged(outcome, None, reason)
    if outcome is not Outcome.PASSED:
        return _refusal(worker, model, feeds, use, seconds, reason, official)
    why = "" if use.op_type in SAID_BY_SHAPE else vacuity(actual)
    answers = _answers(worker, model, feeds, use, seconds, actual, official, domain)
    judged = judge(actual, answers, allowed)
    if judged.outcome is Outcome.PASSED and why:
        return Judged(Outcome.VACUOUS, judged.difference, why)
    return judged


def deviation(judged: Judged, use: Use) -> Judged:
    """A failure that is known is called so: for lists, whose readers find it in the table."""
    fault = fault_of(DEVIATIONS, use) if judged.outcome is Outcome.FAILED else None
    return judged if fault is None else Judged(Outcome.KNOWN, judged.difference, fault.what)


def _refusal(
    worker: Worker,
    model: bytes,
    feeds: dict[str, Any],
    use: Use,
    seconds: float,
    reason: str,
    official: Answer | None,
) -> Judged:
    """The runtime refuses a case: wrongly, where a referee runs it."""
    for answer in _answers(worker, model, feeds, use, seconds, [], official, "ai.onnx"):
        if answer.outputs is not None:
            return Judged(Outcome.FAILED, None, reason)
    return Judged(Outcome.UNJUDGED, None, f"nobody runs it: {reason}")


def _answers(
    worker: Worker,
    model: bytes,
    feeds: dict[str, Any],
    use: Use,
    seconds: float,
    actual: list[Value],
    official: Answer | None,
    domain: str,
) -> Sequence[Answer]:
    formula = None
    if has_formula(domain, use.op_type):
        formula = _formula(worker, model, feeds, use, seconds, actual)
    if official is not None and formula is not None and formula.outputs is not None:
        return [official._replace(others=formula.others), formula]
    evaluator = _evaluator(worker, model, feeds, use, seconds, actual)
    if official is not None:
        return [official, evaluator]
    if formula is None:
        return [evaluator]
    return [evaluator._replace(others=formula.others), formula]


def _evaluator(
    worker: Worker,
    model: bytes,
    feeds: dict[str, Any],
    use: Use,
    seconds: float,
    actual: list[Value],
) -> Answer:
    fault = fault_of(EVALUATOR_FAULTS, use)
    if fault is not None:
        return Answer(EVALUATOR, None, f"not heard, as {fault.what}")
    why = too_much(use, actual, evaluator=True)
    if why:
        return Answer(EVALUATOR, None, why)
    outputs, outcome, reason = attempt(worker, run_reference, model, feeds, seconds)
    return Answer(EVALUATOR, outputs if outcome is Outcome.PASSED else None, reason)


def _formula(
    worker: Worker,
    model: bytes,
    feeds: dict[str, Any],
    use: Use,
    seconds: float,
    actual: list[Value],
) -> Answer:
    why = too_much(use, actual, evaluator=False)
    if why:
        return Answer(FORMULA, None, why)
    outputs, outcome, reason = attempt(worker, run_formula, model, feeds, seconds)
    if outcome is not Outcome.PASSED:
        return Answer(FORMULA, None, reason)
    others: tuple[list[Value], ...] = ()
    if use.op_type in _OPEN:
        found, outcome, _ = attempt(worker, nudged, model, feeds, seconds)
        others = tuple(found) if outcome is Outcome.PASSED else ()
    return Answer(FORMULA, outputs, "", others)
