"""The rules, each from both sides: a model that breaks it, and its neighbour that does not."""

from __future__ import annotations

from rule_cases import bounds, external, header, operators, policy, tensors, wire
from rule_cases.case import Case

CASES: tuple[Case, ...] = (
    *operators.CASES,
    *bounds.CASES,
    *tensors.CASES,
    *external.CASES,
    *header.CASES,
    *wire.CASES,
    *policy.CASES,
)

__all__ = ["CASES", "Case"]
