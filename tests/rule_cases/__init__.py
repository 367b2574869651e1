"""The rules, each from both sides: a model that breaks it, and its neighbour that does not."""

from __future__ import annotations

from rule_cases import (
    bounds,
    conditions,
    constants,
    external_data,
    functions,
    header,
    operators,
    tensors,
    types,
    validity,
    waivers,
    wire_format,
)
from rule_cases.case import Case

CASES: tuple[Case, ...] = (
    *operators.CASES,
    *conditions.CASES,
    *validity.CASES,
    *types.CASES,
    *bounds.CASES,
    *tensors.CASES,
    *external_data.CASES,
    *header.CASES,
    *functions.CASES,
    *wire_format.CASES,
    *constants.CASES,
    *waivers.CASES,
)

__all__ = ["CASES", "Case"]
