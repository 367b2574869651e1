"""Two arrays, compared so strictly that nothing passes by accident."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxguard.base.printable import printable
from onnxguard.running.difference import Difference

Array = npt.NDArray[Any]
Named = Sequence[tuple[str, Array]]

_PIECE = 1 << 20
"""Elements of large arrays that are looked at together."""
_KEPT = 1 << 22
"""Distances of more elements are kept in float32, for their percentiles alone."""
PERCENTS = (50.0, 90.0, 99.0, 99.9)
SHOWN = 60
"""Characters of a value that are shown."""


def compare(
    output: str,
    expected: Array,
    actual: Array,
    tolerance: float,
    relative: float = 0.0,
    settled: npt.NDArray[np.bool_] | None = None,
) -> Difference:
    """Compare one output of any dtype and shape.

    Floating and complex elements may differ by ``tolerance + relative * |expected|``, computed in
    float64; all others must be equal. NaN and infinity fail wherever they stand, on both sides too,
    unless the caller knows better.

    Args:
        output: its name.
        expected: the reference's.
        actual: the model's.
        tolerance: the absolute one.
        relative: the relative one.
        settled: elements of one shape with both that are known to agree, such as infinities that
            are right.
    """
    name = printable(output)
    blank = Difference(name, str(expected.dtype), expected.shape, tolerance, relative=relative)
    if expected.dtype != actual.dtype:
        return _broken(blank, "OP203", f"is {actual.dtype}, the reference gives {expected.dtype}")
    if expected.shape != actual.shape:
        shapes = f"has the shape {_dims(actual.shape)}, the reference gives {_dims(expected.shape)}"
        return _broken(blank, "OP204", shapes)
    if not expected.size:
        return blank  # that nothing was compared is for the vacuity check to say
    if is_floating(expected.dtype):
        if settled is not None and settled.any():
            expected, actual = (np.where(settled, 0, side) for side in (expected, actual))
            expected, actual = expected.astype(blank.dtype), actual.astype(blank.dtype)
        return _floating(blank, expected, actual)
    unequal = expected != actual
    if settled is not None:
        unequal &= ~settled
    over = int(np.count_nonzero(unequal))
    place = int(np.argmax(unequal))
    compared = blank._replace(
        over=over,
        elements=expected.size,
        exact=expected.size - over,
        largest=_gap(expected, actual) if over else 0.0,
        **_at(expected, actual, place),
    )
    if not over:
        return compared
    return _broken(compared, "OP206", f"differs in {over:,} of {expected.size:,} elements")


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Whether a tolerance means anything; NumPy does not know bfloat16 and float8 as floating."""
    return dtype.kind in "fc" or dtype.name.startswith(("bfloat", "float"))


def epsilon(dtype: np.dtype[Any]) -> float:
    """The distance from 1 to the next number; float32's for what is wider."""
    return {"float16": 2.0**-10, "bfloat16": 2.0**-7}.get(dtype.name, 2.0**-23)


def distances(expected: Array, actual: Array) -> npt.NDArray[np.float64]:
    """``|expected - actual|`` of floating arrays of one shape, float64."""
    if expected.dtype.kind == "c":
        return np.abs(expected.astype(np.complex128) - actual.astype(np.complex128))
    return np.abs(expected.astype(np.float64) - actual.astype(np.float64))


def same_extremes(expected: Array, actual: Array) -> npt.NDArray[np.bool_]:
    """Where two floating arrays of one shape hold the same infinity, or both NaN."""
    if expected.dtype.kind == "c" or actual.dtype.kind == "c":
        return np.zeros(expected.shape, bool)
    a, b = _wide(expected), _wide(actual)
    return np.asarray(((a == b) & np.isinf(a)) | (np.isnan(a) & np.isnan(b)))


def _floating(blank: Difference, expected: Array, actual: Array) -> Difference:
    size, flat = expected.size, (expected.ravel(), actual.ravel())
    finite = np.empty(size, bool)
    for start in range(0, size, _PIECE):
        a, b = (_wide(side[start : start + _PIECE]) for side in flat)
        finite[start : start + _PIECE] = np.isfinite(a) & np.isfinite(b)
    if not finite.all():
        bad = int(size - np.count_nonzero(finite))
        place = int(np.argmin(finite))
        compared = blank._replace(
            largest=math.inf,
            over=bad,
            elements=size,
            **_at(expected, actual, place),
        )
        return _broken(compared, "OP205", f"is NaN or infinite in {bad:,} elements")
    del finite
    over = exact = place = ulps = 0
    largest, beyond, apart = 0.0, -math.inf, 0.0
    decades: Counter[int] = Counter()
    kept: Array = np.empty(size, np.float64 if size <= _KEPT else np.float32)
    for start in range(0, size, _PIECE):  # whole ones would need several times the memory
        a, b = (side[start : start + _PIECE] for side in flat)
        with np.errstate(over="ignore"):  # two huge numbers of opposite sign: infinitely far apart
            gaps = distances(a, b)
        allowed: Any = blank.tolerance
        if blank.relative:
            allowed = blank.tolerance + blank.relative * np.abs(_wide(a))
        # Written so that no NaN can pass; there is none, but this is what the whole check is for.
        within = gaps <= allowed
        over += int(gaps.size - np.count_nonzero(within))
        exact += int(np.count_nonzero(gaps == 0))
        excess = gaps - allowed
        at = int(np.argmax(excess))
        if excess[at] > beyond:
            place, beyond, apart = start + at, float(excess[at]), float(gaps[at])
        largest = max(largest, float(gaps.max()))
        decades.update(_decades(gaps))
        ulps = max(ulps, _ulps(a, b))
        with np.errstate(over="ignore"):
            kept[start : start + _PIECE] = gaps
    compared = blank._replace(
        largest=largest,
        over=over,
        elements=size,
        ulps=ulps,
        decades=tuple(sorted(decades.items())),
        exact=exact,
        **_at(expected, actual, place),
    )
    quantiles = np.percentile(kept, PERCENTS, method="higher", overwrite_input=True)
    percentiles = tuple((p, float(q)) for p, q in zip(PERCENTS, quantiles, strict=True))
    compared = compared._replace(percentiles=percentiles)
    if not over:
        return compared
    return _broken(
        compared,
        "OP201",
        f"differs by {apart:.3g} at {_dims(compared.index)}: "
        f"{compared.actual} instead of {compared.expected}",
    )


def _wide(array: Array) -> Array:
    """bfloat16 and its like as float64, which NumPy can look at."""
    return array if array.dtype.kind in "fc" else array.astype(np.float64)


def _broken(difference: Difference, code: str, message: str) -> Difference:
    if code in {"OP203", "OP204"}:
        difference = difference._replace(largest=math.inf)
    return difference._replace(problem=code, message=f"{difference.output} {message}")


def _at(expected: Array, actual: Array, place: int) -> dict[str, Any]:
    where = np.unravel_index(place, expected.shape)
    return {
        "index": tuple(int(i) for i in where),
        "expected": _value(expected[where]),
        "actual": _value(actual[where]),
    }


def _value(value: Any) -> str:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, bytes | str):
        return printable(plain, SHOWN)
    return str(value) if isinstance(value, np.floating) else printable(str(plain), SHOWN)


def _dims(shape: tuple[int, ...]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"


def _gap(expected: Array, actual: Array) -> float:
    """The largest distance of integers; Python's, which cannot wrap around."""
    if expected.dtype.kind not in "iu":
        return 0.0 if bool(np.array_equal(expected, actual)) else 1.0
    unequal = expected != actual
    pairs = zip(expected[unequal].tolist(), actual[unequal].tolist(), strict=True)
    return float(max((abs(a - b) for a, b in pairs), default=0))


_ORDERED: dict[int, type[np.signedinteger[Any]]] = {2: np.int16, 4: np.int32, 8: np.int64}


def _ulps(expected: Array, actual: Array) -> int:
    """The largest number of representable values between two of one float type.

    As integers, floats of one sign are in order; negative ones are mirrored so that all are
    (Bruce Dawson, "Comparing Floating Point Numbers", 2012).
    """
    if expected.dtype.kind != "f" or expected.dtype.itemsize not in _ORDERED:
        return 0
    a, b = _in_order(expected), _in_order(actual)
    high, low = np.maximum(a, b), np.minimum(a, b)
    return int((high.astype(np.uint64) - low.astype(np.uint64)).max())


def _in_order(array: Array) -> npt.NDArray[np.int64]:
    kind = _ORDERED[array.dtype.itemsize]
    bits = np.ascontiguousarray(array).view(kind).astype(np.int64)
    return np.where(bits < 0, np.int64(np.iinfo(kind).min) - bits, bits)


def _decades(gaps: npt.NDArray[np.float64]) -> dict[int, int]:
    positive = gaps[(gaps > 0) & np.isfinite(gaps)]
    exponents, found = np.unique(np.floor(np.log10(positive)).astype(int), return_counts=True)
    return dict(zip(exponents.tolist(), found.tolist(), strict=True))
