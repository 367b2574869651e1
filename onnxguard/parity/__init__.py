"""Parity: an exported graph against the PyTorch module that it came from.

load both sides -> run them on the same inputs -> compare -> doubt -> node by node -> report
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnxguard.parity.check import check_parity

__all__ = ["check_parity"]


def __getattr__(name: str) -> Any:
    """Import what is asked for: options of this package are read where no PyTorch is."""
    if name not in __all__:
        raise AttributeError(f"module 'onnxguard.parity' has no attribute {name!r}")
    from onnxguard.parity.check import check_parity

    return check_parity
