"""``--full-check``: the ONNX checker with strict shape inference, in a child process.

The checker is C++ that reads untrusted input; a crash, a hang or a huge allocation there must cost
one model an error, not the run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import NamedTuple

from onnxguard.base.errors import UsageError
from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.base.printable import printable
from onnxguard.catalogue import RULES
from onnxguard.scanning.onnx_checker import OUT_OF_MEMORY
from onnxguard.sources.remote import is_remote

MESSAGE = 600
"""Characters of the checker's message that are kept."""

_PARTS = (("check", "the ONNX checker"), ("inference", "strict shape inference"))


class FullCheck(NamedTuple):
    """Runs the checker on models, each within ``seconds`` and ``mebibytes``."""

    seconds: int
    mebibytes: int

    def require(self) -> None:
        """Fail where the onnx package is not installed."""
        if find_spec("onnx") is None:
            raise UsageError("--full-check needs the onnx package: pip install 'onnxguard[onnx]'")

    def findings(self, path: str, place: Place) -> tuple[Finding, ...]:
        """What the checker says of the model at ``path``; ``place`` is the whole file."""
        if path == "-":
            raise UsageError("--full-check reads the file itself: name a file, not -")
        if is_remote(path):
            raise UsageError("--full-check reads the file itself: download the model first")
        return tuple(
            Finding(code, Severity.ERROR, message, (place,), hint=RULES[code].fix)
            for code, message in self._run(path)
        )

    def _run(self, path: str) -> list[tuple[str, str]]:
        command = [
            sys.executable,
            "-I",
            "-m",
            "onnxguard.scanning.onnx_checker",
            str(self.mebibytes),
        ]
        if path.startswith("-"):
            path = f"./{path}"
        try:
            done = subprocess.run(
                [*command, path], capture_output=True, timeout=self.seconds, check=False
            )
        except subprocess.TimeoutExpired:
            return [("OG902", f"the full check took more than {self.seconds} s and was stopped")]
        if done.returncode == OUT_OF_MEMORY:
            return [("OG902", f"the full check needs more than {self.mebibytes} MiB")]
        try:
            said = json.loads(done.stdout)
        except ValueError:
            last = done.stderr.strip().splitlines()[-1:] or [b"no message"]
            reason = printable(last[0], 200)
            return [("OG902", f"the full check ended with {done.returncode}: {reason}")]
        return [
            ("OG901", f"{who}: {_one_line(said[part])}") for part, who in _PARTS if said.get(part)
        ]


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()), MESSAGE)
