"""Whether an answer of the runtime is right: two referees, and what is known of the first one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, cast

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnxguard.conformance.comparison import Compared, Tolerance, Value, compare
from onnxguard.conformance.record import Outcome
from onnxguard.running.comparison import Array

EVALUATOR: Final = "onnx.reference"
FORMULA: Final = "the formula"
OFFICIAL: Final = "the official case"

TOLERANCES = {"float64": 1e-10, "float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}
"""By dtype: the difference allowed, times the largest expected magnitude where that is over 1.

Both sides round in another order, and a sum is off by units in the last place of its largest
term. These are some 80 units of float32 and 4 of float16 and bfloat16. Other dtypes are exact.
"""

NUDGES = (-2e-6, 2e-6)
"""How far a float32 may be off, relatively, before it is rounded to a whole number."""


def tolerance(expected: Array) -> tuple[float, float]:
    """The relative and the absolute tolerance for an expected tensor."""
    base = TOLERANCES.get(expected.dtype.name, 0.0)
    if not base or not expected.size:
        return 0.0, base
    wide = np.abs(expected.astype(np.complex128 if expected.dtype.kind == "c" else np.float64))
    largest = float(np.max(wide, initial=1.0, where=np.isfinite(wide)))
    return 0.0, base * largest


class Answer(NamedTuple):
    """What a referee says.

    Attributes:
        referee: its name.
        outputs: in order; None where it gives none.
        reason: why it gives none.
        others: outputs that are as right, where a number lies between two whole ones.
    """

    referee: str
    outputs: list[Value] | None
    reason: str = ""
    others: tuple[list[Value], ...] = ()


class Judged(NamedTuple):
    """What became of a case: the outcome, the largest difference, and the reason."""

    outcome: Outcome
    difference: float | None
    reason: str


def judge(actual: list[Value], answers: Sequence[Answer], allowed: Tolerance = tolerance) -> Judged:
    """Compare the runtime with its referees.

    Only where two referees agree with each other is the runtime called wrong. Where they do not,
    or where there is one alone and it says otherwise, nobody is.

    Args:
        actual: the runtime's outputs.
        answers: of the referees, the most exact one last.
        allowed: how far apart floats may be.
    """
    heard = [answer for answer in answers if answer.outputs is not None]
    if not heard:
        reasons = "; ".join(f"{answer.referee}: {answer.reason}" for answer in answers)
        return Judged(Outcome.UNJUDGED, None, f"no referee runs it: {reasons}")
    found = [_compared(actual, answer, allowed) for answer in heard]
    difference = found[-1].difference
    if not any(part.problem for part in found):
        return Judged(Outcome.PASSED, difference, "")
    wrong = next(part for part in found if part.problem)
    if all(part.problem for part in found) and len(heard) > 1:
        between = compare(heard[0].outputs or [], heard[-1].outputs or [], allowed)
        if not between.problem:
            return Judged(Outcome.FAILED, wrong.difference, found[-1].problem)
    said = "; ".join(
        f"{answer.referee}: {part.problem or 'agrees'}"
        for answer, part in zip(heard, found, strict=True)
    )
    if len(heard) == 1:
        silent = [answer for answer in answers if answer.outputs is None]
        said += "".join(f"; {answer.referee}: {answer.reason}" for answer in silent)
    return Judged(Outcome.DISPUTED, wrong.difference, said)


def _compared(actual: list[Value], answer: Answer, allowed: Tolerance) -> Compared:
    expected = answer.outputs or []
    for other in answer.others:
        expected = [
            _nearer(got, want, also)
            for got, want, also in zip(actual, expected, other, strict=False)
        ] + expected[len(actual) :]
    return compare(actual, expected, allowed)


def _nearer(got: Any, want: Any, also: Any) -> Value:
    """What is expected, with those elements of another right answer that were given."""
    arrays = all(isinstance(part, np.ndarray) for part in (got, want, also))
    if not arrays or not got.shape == want.shape == also.shape:
        return cast(Value, want)
    return np.asarray(np.where(got == also, also, want))


class Use(NamedTuple):
    """How a case uses an operator: what a table of faults asks about.

    Attributes:
        version: of the operator's schema.
        attributes: as Python values, a string as text.
        inputs: in order; None where one is left out or not known.
        outputs: how many are asked for.
    """

    op_type: str
    version: int
    attributes: dict[str, Any]
    inputs: list[Array | None]
    outputs: int

    @property
    def first(self) -> Array | None:
        """The first input, None where it is not known."""
        return self.inputs[0] if self.inputs else None

    @property
    def rank(self) -> int:
        """Of the first input; 0 where it is not known."""
        return 0 if self.first is None else self.first.ndim


def use_of(op_type: str, version: int, model: bytes, feeds: dict[str, Value]) -> Use:
    """How the node of an operator in a small model uses it."""
    graph = onnx.load_model_from_string(model).graph
    node = next(node for node in graph.node if node.op_type == op_type)
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    known |= {name: value for name, value in feeds.items() if isinstance(value, np.ndarray)}
    said = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    text = {k: str(v, "utf-8", "replace") if isinstance(v, bytes) else v for k, v in said.items()}
    inputs = [known.get(name) for name in node.input]
    return Use(op_type, version, text, inputs, sum(map(bool, node.output)))


class Fault(NamedTuple):
    """Where somebody is known to be wrong.

    Attributes:
        below: the versions of the operator below this one.
        when: whether a use is of the kind.
        what: what is wrong, one line.
        source: the public issue, "" where there is none yet.
    """

    op_type: str
    below: int
    when: Callable[[Use], bool]
    what: str
    source: str = ""


def fault_of(table: Sequence[Fault], use: Use) -> Fault | None:
    """The entry of a table that a use falls under."""
    return next(
        (
            fault
            for fault in table
            if fault.op_type == use.op_type and use.version < fault.below and fault.when(use)
        ),
        None,
    )
