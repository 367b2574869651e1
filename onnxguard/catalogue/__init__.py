"""Every rule: its code, what it says, why it matters and how to fix what it finds."""

from __future__ import annotations

from onnxguard.catalogue.allowed_operators import OPERATORS
from onnxguard.catalogue.conditions import CONDITIONS
from onnxguard.catalogue.constants import CONSTANTS
from onnxguard.catalogue.external_data import EXTERNAL_DATA
from onnxguard.catalogue.files import FILES
from onnxguard.catalogue.full_check import FULL_CHECK
from onnxguard.catalogue.functions import FUNCTIONS
from onnxguard.catalogue.header import HEADER
from onnxguard.catalogue.limits import BOUNDS
from onnxguard.catalogue.parity import PARITY
from onnxguard.catalogue.repository import REPOSITORY
from onnxguard.catalogue.rule import Rule
from onnxguard.catalogue.shapes import SHAPES
from onnxguard.catalogue.targets import TARGETS
from onnxguard.catalogue.tensors import TENSORS
from onnxguard.catalogue.types import TYPES
from onnxguard.catalogue.validity import VALIDITY
from onnxguard.catalogue.waivers import WAIVERS
from onnxguard.catalogue.wire_format import WIRE

__all__ = ["PARITY_RULES", "RULES", "Rule"]

_GROUPS = (
    FILES,
    OPERATORS,
    CONDITIONS,
    VALIDITY,
    TYPES,
    SHAPES,
    BOUNDS,
    TENSORS,
    EXTERNAL_DATA,
    HEADER,
    FUNCTIONS,
    WIRE,
    CONSTANTS,
    TARGETS,
    WAIVERS,
    REPOSITORY,
    FULL_CHECK,
)

RULES: dict[str, Rule] = {
    rule.code: rule for rule in sorted(rule for group in _GROUPS for rule in group)
}
"""The rules of a scan by code, in ascending order."""

PARITY_RULES: dict[str, Rule] = {rule.code: rule for rule in PARITY}
"""Those of a parity check."""
