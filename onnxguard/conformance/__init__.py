"""Evidence per operator that ONNX Runtime does what the standard says.

Running needs the extra ``parity`` (numpy, onnx, onnxruntime, torch); the records do not, so that a
reporter can import them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from onnxguard.conformance.record import (
    CaseResult,
    Conclusion,
    Conformance,
    Covered,
    Evidence,
    OperatorRecord,
    Outcome,
    Source,
    WholeGraph,
)

if TYPE_CHECKING:
    from onnxguard.conformance.listing import conform_allowlist
    from onnxguard.conformance.model import conform_model

__all__ = [
    "CaseResult",
    "Conclusion",
    "Conformance",
    "Covered",
    "Evidence",
    "OperatorRecord",
    "Outcome",
    "Source",
    "WholeGraph",
    "conform_allowlist",
    "conform_model",
]

_LOADED_LATER = {"conform_allowlist": "listing", "conform_model": "model"}


def __getattr__(name: str) -> Any:
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LOADED_LATER[name]}"), name)
