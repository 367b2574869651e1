"""Run the command line in this process, with its output captured as bytes would be."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Sequence

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
    return _run(arguments, stdin, out, err), out.text(), err.text()


def run_merged(*arguments: str) -> tuple[int, str]:
    """The exit code, and both streams as one, as a terminal shows them."""
    both = _Stream()
    return _run(arguments, b"", both, both), both.text()


def _run(arguments: Sequence[str], stdin: bytes, out: _Stream, err: _Stream) -> int:
    before = sys.stdin
    sys.stdin = _Stream(stdin)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return main(list(arguments))
    finally:
        sys.stdin = before


_FILED = re.compile(
    r'"command": \[[^\]]*\]|"(commandLine|date|endTimeUtc)": "[^"]*"'
    r'|name="onnxguard\.(command|date)" value="[^"]*"|<p>(command|date): .*?</p>'
    r"|^(  |\| )(command|date)  ?[ |].*$",
    re.MULTILINE,
)


def unfiled(text: str) -> str:
    """A report in any format without the command that made it, and the date."""
    return _FILED.sub("", text)
