"""Every rule: its code, what it says, why it matters and how to fix what it finds."""

from __future__ import annotations

from onnxguard.catalogue.bounds import BOUNDS
from onnxguard.catalogue.files import FILES
from onnxguard.catalogue.header import HEADER
from onnxguard.catalogue.operators import OPERATORS
from onnxguard.catalogue.parity import IGNORABLE, PARITY
from onnxguard.catalogue.policy import FULL_CHECK, POLICY
from onnxguard.catalogue.repository import REPOSITORY
from onnxguard.catalogue.rule import Rule
from onnxguard.catalogue.tensors import TENSORS
from onnxguard.catalogue.wire_format import WIRE

__all__ = ["IGNORABLE", "PARITY_RULES", "RULES", "Rule"]

RULES: dict[str, Rule] = {
    rule.code: rule
    for group in (
        FILES,
        OPERATORS,
        BOUNDS,
        TENSORS,
        HEADER,
        WIRE,
        POLICY,
        REPOSITORY,
        FULL_CHECK,
    )
    for rule in group
}
"""The rules of a scan by code, in ascending order."""

PARITY_RULES: dict[str, Rule] = {rule.code: rule for rule in PARITY}
"""Those of a parity check."""
