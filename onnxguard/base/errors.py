"""Everything that makes the tool stop instead of answer. Each message is one line."""

from __future__ import annotations


class OnnxguardError(Exception):
    """The tool could not do its work; the command line prints the message and exits 2."""


class UsageError(OnnxguardError):
    """The call itself is wrong: no model found, an unknown code, a missing extra."""


class ConfigError(OnnxguardError):
    """``[tool.onnxguard]`` holds a key or value that means nothing."""


class TrainingError(OnnxguardError):
    """A student could not be trained, or not to the end; what was saved stays."""


class AllowlistError(OnnxguardError):
    """An allowlist that cannot be used.

    ``line`` and ``column`` count from 1 and are 0 where the file as a whole is at fault.
    """

    def __init__(self, message: str, source: str, line: int = 0, column: int = 0) -> None:
        place = f"{source}:{line}:{column}" if line else source
        super().__init__(f"{place}: {message}")
        self.source = source
        self.line = line
        self.column = column


class ManifestError(OnnxguardError):
    """A manifest, lock or baseline that cannot be used; the message says where and why."""


class WireError(OnnxguardError):
    """Bytes that are not a protobuf message; ``offset`` counts from the start of the file."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class ModelError(OnnxguardError):
    """A model that could not be verified at all.

    ``code`` is the rule that says so (OG001 to OG009), ``offset`` a byte position or -1.
    """

    def __init__(self, code: str, message: str, hint: str = "", offset: int = -1) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.offset = offset
