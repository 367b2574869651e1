"""The operators that ONNX itself defines, by domain and opset; the default domain is ``ai.onnx``.

The table is loaded when it is first asked for: a scan by an allowlist without attribute or input
rules never needs it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from onnxguard.model.standard_operators import Default, Version

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


class OperatorSchema(NamedTuple):
    """A standard operator as one opset version defines it.

    Attributes:
        since_version: the opset version that brought this definition.
        inputs: the formal input names in order, a variadic one once.
        attributes: every attribute with its default, None where the schema gives none. Floats are
            the exact values of their float32, as a reader of a model sees them.
        deprecated: whether the operator is gone from ``since_version`` on.
    """

    name: str
    domain: str
    since_version: int
    inputs: tuple[str, ...]
    attributes: dict[str, Default]
    deprecated: bool


def _versions(domain: str) -> dict[str, tuple[Version, ...]]:
    from onnxguard.model.standard_operators import OPERATORS

    return OPERATORS.get(domain, {})


@lru_cache(maxsize=4096)
def schema_at(domain: str, op_type: str, opset: int) -> OperatorSchema | None:
    """The newest definition with ``since_version <= opset``, or None where there is none."""
    for since_version, inputs, attributes, deprecated in reversed(
        _versions(domain).get(op_type, ())
    ):
        if since_version <= opset:
            names = tuple(inputs.split())
            return OperatorSchema(
                op_type, domain, since_version, names, dict(attributes), deprecated
            )
    return None


def is_standard(domain: str, op_type: str) -> bool:
    """Whether any opset version of the domain defines, or defined, the operator."""
    return op_type in _versions(domain)


def is_runtime_domain(domain: str) -> bool:
    """Whether runtimes register operators in a domain (``""`` or ``ai.onnx`` is the default one).

    Source: the domains of ONNX Runtime 1.31's schemas and what its release notes reserve.
    """
    return domain in ("", "ai.onnx", "org.pytorch.aten") or domain.startswith(
        ("ai.onnx.", "com.microsoft", "com.ms.")
    )


def operator_names(domain: str) -> frozenset[str]:
    """Every operator name of the domain over all its versions; empty for a foreign domain."""
    return frozenset(_versions(domain))
