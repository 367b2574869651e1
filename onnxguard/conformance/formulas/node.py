"""What a formula is given of a node, and the table that formulas enter themselves in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Value = Any
"""A tensor, a sequence of them, or None where an input or output is left out."""


class Node(NamedTuple):
    """A node of the default domain.

    Attributes:
        version: of the operator's schema.
        attributes: as Python values; a string as text, a tensor as an array, a graph as it is.
        outputs: how many it names, those left out in between counted.
        nudge: what is added to a number before it is rounded to a whole one, relative to it. An
            answer may differ from run to run of it where float32 cannot tell on which side of a
            half a number lies.
    """

    op_type: str
    version: int
    attributes: dict[str, Any]
    outputs: int
    nudge: float = 0.0

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute's value, or what its absence means; a float is a float32 in both cases."""
        if isinstance(default, float):
            default = float(np.float32(default))
        return self.attributes.get(name, default)


class NoFormulaError(Exception):
    """There is no formula for the operator, or none for this use of it."""


Formula = Callable[[Node, list[Value]], Any]
"""Inputs to an output, or a list of outputs."""

FORMULAS: dict[str, Formula] = {}
"""By operator. The inputs are as they were fed, the outputs of the right dtype."""


def exact(*op_types: str) -> Callable[[Formula], Formula]:
    """Enter a formula that is given the inputs as they are, and gives outputs of their dtypes."""

    def enter(formula: Formula) -> Formula:
        FORMULAS.update(dict.fromkeys(op_types, formula))
        return formula

    return enter


def real(*op_types: str) -> Callable[[Formula], Formula]:
    """Enter a formula that computes in float64: its outputs become the first input's dtype."""

    def enter(formula: Formula) -> Formula:
        def widened(node: Node, inputs: list[Value]) -> list[Value]:
            dtype = inputs[0].dtype
            found = formula(node, [wide(value) for value in inputs])
            outputs = found if isinstance(found, list) else [found]
            return [narrow(value, dtype) for value in outputs]

        FORMULAS.update(dict.fromkeys(op_types, widened))
        return formula

    return enter


def wide(value: Value) -> Value:
    """Floats as float64; integers, booleans and what is left out as they are."""
    if value is not None and value.dtype.kind in "OUT":
        raise NoFormulaError("strings")
    if value is None or value.dtype.kind in "iub":
        small = value is not None and value.dtype.name.endswith(("int4", "int2"))
        return value.astype(np.int64) if small else value
    return value.astype(np.complex128 if value.dtype.kind == "c" else np.float64)


def narrow(value: Value, dtype: Any) -> Value:
    """A float64 output in the operator's own dtype; others are of theirs already."""
    if value is None or np.asarray(value).dtype not in (np.float64, np.complex128):
        return value
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(value).astype(dtype)


def limits_of(dtype: Any) -> Any:
    """The ``min``, ``max`` and more of a dtype of NumPy or ml_dtypes."""
    dtype = np.dtype(dtype)
    integer = dtype.kind in "iu" or dtype.name.endswith(("int4", "int2"))
    info: Any = ml_dtypes.iinfo if integer else ml_dtypes.finfo
    return info(dtype)


def axis_of(node: Node, rank: int, default: int = 0) -> int:
    """The attribute ``axis``, counted from the front."""
    axis = int(node.get("axis", default))
    return axis + rank if axis < 0 else axis


def axes_of(node: Node, inputs: list[Value], place: int = 1) -> tuple[int, ...] | None:
    """``axes`` as an attribute or as an input; None where there are none."""
    found = node.get("axes")
    if found is None and len(inputs) > place and inputs[place] is not None:
        found = inputs[place].reshape(-1)
    return None if found is None else tuple(int(axis) for axis in found)
