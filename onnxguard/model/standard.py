"""The operators that ONNX itself defines, by domain; the default domain is ``ai.onnx``."""

from __future__ import annotations

from typing import Final

from onnxguard.model.schemas import operator_names as names_of
from onnxguard.model.schemas import since_versions

LATEST_OPSET: Final = {
    "ai.onnx": 28,
    "ai.onnx.ml": 5,
    "ai.onnx.preview": 1,
    "ai.onnx.preview.training": 1,
    "ai.onnx.training": 1,
}
"""The newest opset version of each standard domain, as of the onnx that the table was made from."""

LATEST_IR: Final = 14
"""The newest IR version, as of the same onnx."""


def is_standard(domain: str, op_type: str) -> bool:
    """Whether any opset version of the domain defines, or defined, the operator."""
    return domain in LATEST_OPSET and bool(since_versions(domain, op_type))


def is_runtime_domain(domain: str) -> bool:
    """Whether runtimes register operators in a domain (``""`` or ``ai.onnx`` is the default one).

    Source: the domains of ONNX Runtime 1.31's schemas and what its release notes reserve.
    """
    return domain in ("", "ai.onnx", "org.pytorch.aten") or domain.startswith(
        ("ai.onnx.", "com.microsoft", "com.ms.")
    )


def operator_names(domain: str) -> frozenset[str]:
    """Every operator name of the domain over all its versions; empty for a foreign domain."""
    return names_of(domain) if domain in LATEST_OPSET else frozenset()
