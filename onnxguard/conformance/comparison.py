"""An output against what is expected: dtype and shape exactly, floats within a tolerance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from onnxguard.base.printable import plural, printable
from onnxguard.running.comparison import Array, is_floating

Value = Array | list[Any] | None
"""A tensor, a sequence of them, or an optional that holds nothing."""

Tolerance = Callable[[Array], tuple[float, float]]
"""The relative and the absolute tolerance for an expected tensor."""


class Compared(NamedTuple):
    """What a comparison found.

    Attributes:
        problem: what is wrong, one line; "" where nothing is.
        difference: the largest absolute difference of finite floating elements; None without any.
        elements: how many elements were compared.
    """

    problem: str
    difference: float | None = None
    elements: int = 0


def fixed(rtol: float, atol: float) -> Tolerance:
    """The same tolerances for every tensor."""
    return lambda expected: (rtol, atol)  # noqa: ARG005 - whatever is expected


def compare(actual: list[Value], expected: list[Value], tolerance: Tolerance) -> Compared:
    """Compare all outputs of a run, in order; the first problem is reported."""
    if len(actual) != len(expected):
        return Compared(f"{plural(len(actual), 'output')} instead of {len(expected)}")
    parts = [_value(a, e, tolerance) for a, e in zip(actual, expected, strict=True)]
    differences = [part.difference for part in parts if part.difference is not None]
    problem = next((f"output {i}: {p.problem}" for i, p in enumerate(parts) if p.problem), "")
    elements = sum(part.elements for part in parts)
    return Compared(problem, max(differences, default=None), elements)


def _value(actual: Value, expected: Value, tolerance: Tolerance) -> Compared:
    if expected is None or actual is None:
        same = expected is None and actual is None
        return Compared("" if same else "only one side holds a value", elements=int(same))
    if isinstance(expected, list) or isinstance(actual, list):
        if not (isinstance(expected, list) and isinstance(actual, list)):
            return Compared("only one side is a sequence")
        result = compare(actual, expected, tolerance)
        return result._replace(problem=result.problem.replace("output", "item", 1))
    return _tensor(actual, expected, tolerance)


def _tensor(actual: Array, expected: Array, tolerance: Tolerance) -> Compared:
    actual, expected = (a.astype(object) if a.dtype.kind == "U" else a for a in (actual, expected))
    if actual.dtype != expected.dtype:
        return Compared(f"{actual.dtype} instead of {expected.dtype}")
    if actual.shape != expected.shape:
        return Compared(f"shape {list(actual.shape)} instead of {list(expected.shape)}")
    if not is_floating(expected.dtype):
        wrong = np.asarray(actual != expected, bool)
        return Compared(_problem(actual, expected, wrong), None, expected.size)
    rtol, atol = tolerance(expected)
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    # Widened before they are subtracted; real and imaginary parts are elements of their own.
    got = np.ascontiguousarray(actual, wide).view(np.float64)  # 1d at least
    want = np.ascontiguousarray(expected, wide).view(np.float64)
    finite = np.isfinite(got) & np.isfinite(want)
    difference = np.abs(np.subtract(got, want, where=finite, out=np.zeros_like(want)))
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    allowed = atol + rtol * np.where(finite, np.abs(want), 0)
    close = np.where(finite, difference <= allowed, same)
    worst = float(difference[finite].max()) if finite.any() else None
    return Compared(_problem(got, want, ~close), worst, expected.size)


def vacuity(outputs: list[Value]) -> str:
    """Why outputs prove nothing: they are empty, zero or the same everywhere; "" where they do."""
    reasons = [_vacuous(value) for value in outputs]
    return reasons[0] if reasons and all(reasons) else ""


def _vacuous(value: Value) -> str:
    if not isinstance(value, np.ndarray):
        return ""
    if not value.size:
        return "its outputs are empty"
    flat = value.reshape(-1)
    if value.dtype.kind in "OU":
        return ""
    if not np.any(flat.astype(bool)):
        return "its outputs are zero everywhere"
    return "its outputs are the same everywhere" if flat.size > 1 and _equal(flat) else ""


def _equal(flat: Array) -> bool:
    return bool(np.all((flat == flat[0]) | ((flat != flat) & (flat[0] != flat[0]))))  # noqa: PLR0124 - NaN


def _problem(actual: Array, expected: Array, wrong: npt.NDArray[np.bool_]) -> str:
    count = int(np.count_nonzero(wrong))
    if not count:
        return ""
    place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    where = "".join(f"[{int(i)}]" for i in place)
    got, want = (printable(str(a[place]), 40) for a in (actual, expected))
    of = f"{count:,} of {wrong.size:,} elements differ"
    return f"{got} instead of {want} at {where or 'the only element'}; {of}"
