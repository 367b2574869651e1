"""The case that a report shows: the one with the largest difference."""

from __future__ import annotations

from typing import NamedTuple

from onnxguard.parity.comparison import Named
from onnxguard.parity.inputs import Inputs
from onnxguard.parity.trials import Case


class Exhibit(NamedTuple):
    """Inputs and both answers."""

    case: Case
    inputs: Inputs
    expected: Named
    actual: Named


def worst_case(cases: list[Case]) -> Exhibit | None:
    """The first case with the largest difference in relation to its tolerance."""
    compared = [case for case in cases if case.expected is not None and case.actual is not None]
    worst = max(compared, key=lambda case: case.trial.largest, default=None)
    if worst is None or worst.expected is None or worst.actual is None:
        return None
    return Exhibit(worst, worst.inputs, worst.expected, worst.actual)
