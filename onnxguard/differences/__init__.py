"""What differs between two models, and what allowlists say of each, for the review of a change."""

from onnxguard.differences.compare import Difference, Judged, compare
from onnxguard.differences.contents import (
    FactsDifference,
    Group,
    Property,
    Weights,
)
from onnxguard.differences.structure import Structure
from onnxguard.differences.values import Pair

__all__ = [
    "Difference",
    "FactsDifference",
    "Group",
    "Judged",
    "Pair",
    "Property",
    "Structure",
    "Weights",
    "compare",
]
