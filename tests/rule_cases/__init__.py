"""The rules, each from both sides: a model that breaks it, and its neighbour that does not."""

from __future__ import annotations

from rule_cases import (
    allowed_operators,
    conditions,
    constants,
    external_data,
    following,
    functions,
    header,
    limits,
    shapes,
    targets,
    tensors,
    types,
    validity,
    waivers,
    wire_format,
)
from rule_cases.case import Case

CASES: tuple[Case, ...] = (
    *allowed_operators.CASES,
    *conditions.CASES,
    *validity.CASES,
    *types.CASES,
    *shapes.CASES,
    *limits.CASES,
    *tensors.CASES,
    *following.CASES,
    *external_data.CASES,
    *header.CASES,
    *functions.CASES,
    *wire_format.CASES,
    *constants.CASES,
    *targets.CASES,
    *waivers.CASES,
)

__all__ = ["CASES", "Case"]
