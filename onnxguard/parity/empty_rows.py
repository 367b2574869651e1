"""What differs where a row of a mask holds nothing is a warning (OP313)."""

from __future__ import annotations

import numpy as np

from onnxguard.parity.collector import Found
from onnxguard.parity.judging import passing
from onnxguard.parity.torch_reference import TorchReference
from onnxguard.parity.trials import Case, Reference
from onnxguard.running.comparison import Array
from onnxguard.running.difference import Difference
from onnxguard.running.errors import RefusedError


def judge_empty(cases: list[Case], reference: Reference, found: Found) -> list[Case]:
    """The cases, of which such differences pass, with a warning.

    A trial has such rows by its profile, or because all that a window holds is padding: then what
    differs must stand where PyTorch attended to nothing.
    """
    judged: list[Case] = []
    worst: dict[str, tuple[Difference, Case]] = {}
    for case in cases:
        differences = case.trial.differences
        if case.inputs.profile == "empty" or _is_of_empty_rows(case, reference):
            for one in differences:
                if not one.passed and one.largest >= worst.get(one.output, (one,))[0].largest:
                    worst[one.output] = one, case
            differences = tuple(one if one.passed else passing(one) for one in differences)
        judged.append(case._replace(trial=case.trial._replace(differences=differences)))
    for one, case in worst.values():
        message = f"where a row of a mask holds nothing, {one.message}"
        found.add("OP313", f"{message} ({case.trial.shape_text})", one.output)
    return judged


def _is_of_empty_rows(case: Case, reference: Reference) -> bool:
    expected, actual, differences = case.expected or (), case.actual or (), case.trial.differences
    problems = {d.problem for d in differences if not d.passed}
    if not problems or problems - {"OP201", "OP205"} or len(differences) != len(expected):
        return False
    if not isinstance(reference, TorchReference):
        return False
    try:
        rows = reference.behaviour(case.inputs.arrays).empty_rows
    except RefusedError:
        return False
    return all(
        one.passed or any(_stands_in(each, ours, theirs, one) for each in rows)
        for one, (_, ours), (_, theirs) in zip(differences, expected, actual, strict=True)
    )


def _stands_in(rows: Array, expected: Array, actual: Array, difference: Difference) -> bool:
    """Whether all that differs of ``[N, T, ...]`` is of those rows, ``[N, T]`` or ``[1, T]``."""
    if expected.ndim < 2 or not np.isfinite(expected).all():
        return False
    if rows.shape not in (expected.shape[:2], (1, expected.shape[1])):
        return False
    ours, theirs = expected.astype(np.float64), actual.astype(np.float64)
    within = np.abs(theirs - ours) <= difference.tolerance + difference.relative * np.abs(ours)
    return bool((within.reshape(*expected.shape[:2], -1).all(-1) | rows).all())
