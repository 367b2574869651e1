"""What keeps two graphs from being compared, or one side from answering."""

from __future__ import annotations

from onnxguard.errors import OnnxguardError


class ParityError(OnnxguardError):
    """Nothing could be compared; ``code`` is the rule that says so (OP001 to OP009)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RefusedError(Exception):
    """One side would not take these inputs; the message is its own, in one printable line."""
