"""What keeps two graphs from being compared, or one side from answering."""

from __future__ import annotations

import re

from onnxguard.base.errors import OnnxguardError
from onnxguard.base.printable import printable

MESSAGE = 300
"""Characters of another program's message that are kept."""

_PREFIX = re.compile(r"\A\[ONNXRuntimeError\] : \d+ : \w+ : ")
_PLAIN = (RuntimeError, ValueError, TypeError, AssertionError, OSError)
"""Exceptions whose messages say enough without their names."""


class ParityError(OnnxguardError):
    """Nothing could be compared; ``code`` is the rule that says so (OP001 to OP009)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RefusedError(Exception):
    """One side would not take these inputs; the message is its own, in one printable line."""


class TimeLimitError(OnnxguardError):
    """A run took longer than it may."""

    def __init__(self, seconds: float, what: str = "a run", where: str = "") -> None:
        super().__init__(
            f"{what} was not done within {seconds:g} s{where}: allow more with `run_seconds`, or "
            "name smaller inputs with `shapes`"
        )
        self.seconds = seconds


def one_line(error: BaseException | str) -> str:
    """An exception, or its message, as one printable line; of a long one the end, which says what.

    What ONNX Runtime puts before every message is left out.
    """
    text = _PREFIX.sub("", " ".join(str(error).split()))
    if isinstance(error, BaseException):
        text = _with_kind(error, text)
    return printable(text if len(text) <= MESSAGE else f"...{text[-MESSAGE:]}", MESSAGE + 3)


def _with_kind(error: BaseException, text: str) -> str:
    kind = type(error).__name__
    if not text:
        return kind
    said = isinstance(error, _PLAIN) or kind in text or type(error).__module__ != "builtins"
    return text if said else f"{kind}: {text}"
