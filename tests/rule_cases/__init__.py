"""The rules, each from both sides: a model that breaks it, and its neighbour that does not."""

from __future__ import annotations

from rule_cases import bounds, external_data, header, operators, policy, tensors, wire_format
from rule_cases.case import Case

CASES: tuple[Case, ...] = (
    *operators.CASES,
    *bounds.CASES,
    *tensors.CASES,
    *external_data.CASES,
    *header.CASES,
    *wire_format.CASES,
    *policy.CASES,
)

__all__ = ["CASES", "Case"]
