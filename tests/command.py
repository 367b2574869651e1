"""Run the command line in this process, with its output captured as bytes would be."""

from __future__ import annotations

import contextlib
import io
import sys

from onnxguard.cli import main


class _Stream(io.TextIOWrapper):
    """A text stream over memory, as the interpreter opens standard output for a pipe."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", newline="\n")

    def text(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """The exit code, standard output and standard error of ``onnxguard ARGUMENTS``."""
    out, err = _Stream(), _Stream()
    before = sys.stdin
    sys.stdin = _Stream(stdin)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(arguments))
    finally:
        sys.stdin = before
    return code, out.text(), err.text()
