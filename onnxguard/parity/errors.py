"""What keeps two graphs from being compared, or one side from answering."""

from __future__ import annotations

import re

from onnxguard.errors import OnnxguardError, UsageError
from onnxguard.parity.report import ParityReport
from onnxguard.printable import printable

MESSAGE = 300
"""Characters of a refusal that are kept."""

_PREFIX = re.compile(r"\A\[ONNXRuntimeError\] : \d+ : \w+ : ")
_PLAIN = (RuntimeError, ValueError, TypeError, AssertionError, OSError)
"""Exceptions whose messages say enough without their names."""


class ParityError(OnnxguardError):
    """Nothing could be compared; ``code`` is the rule that says so (OP001 to OP009)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class EvidenceError(UsageError):
    """The evidence could not be written; the report that it belongs to is whole."""

    def __init__(self, message: str, report: ParityReport) -> None:
        super().__init__(message)
        self.report = report


class RefusedError(Exception):
    """One side would not take these inputs; the message is its own, in one printable line."""


def one_line(error: BaseException) -> str:
    """An exception's message as one printable line; of a long one the end, where it says what."""
    text = _PREFIX.sub("", " ".join(str(error).split()))
    kind = type(error).__name__
    if not text:
        text = kind
    elif (
        not isinstance(error, _PLAIN) and kind not in text and type(error).__module__ == "builtins"
    ):
        text = f"{kind}: {text}"
    return printable(text if len(text) <= MESSAGE else f"...{text[-MESSAGE:]}", MESSAGE + 3)
