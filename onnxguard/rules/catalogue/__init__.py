"""Every rule: its code, what it says, why it matters and how to fix what it finds."""

from __future__ import annotations

from onnxguard.rules.catalogue.bounds import BOUNDS
from onnxguard.rules.catalogue.files import FILES
from onnxguard.rules.catalogue.header import HEADER
from onnxguard.rules.catalogue.operators import OPERATORS
from onnxguard.rules.catalogue.policy import POLICY
from onnxguard.rules.catalogue.rule import Rule
from onnxguard.rules.catalogue.tensors import TENSORS
from onnxguard.rules.catalogue.wire import WIRE

__all__ = ["RULES", "Rule"]

RULES: dict[str, Rule] = {
    rule.code: rule
    for group in (FILES, OPERATORS, BOUNDS, TENSORS, HEADER, WIRE, POLICY)
    for rule in group
}
"""The rules by code, in ascending order."""
