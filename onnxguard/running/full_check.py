"""``--full-check``: the ONNX checker with strict shape inference, in a child process.

The checker is C++ that reads untrusted input; a crash, a hang or a huge allocation there must cost
one model an error, not the run. One child serves every model of a process until it dies.
"""

from __future__ import annotations

import atexit
import os
import signal
from importlib.util import find_spec
from typing import NamedTuple

from onnxguard.base.budget import FULL_CHECK_MEBIBYTES, FULL_CHECK_SECONDS
from onnxguard.base.errors import UsageError
from onnxguard.base.extras import require_extra
from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.base.printable import printable
from onnxguard.catalogue import RULES
from onnxguard.running.child import DiedError, RaisedError, TimedOutError, Worker
from onnxguard.running.onnx_checker import check
from onnxguard.sources.remote import is_remote

CPU_LIMITED = find_spec("resource") is not None
MESSAGE = 600
"""Characters of the checker's message that are kept."""

PATIENCE = 10
"""Seconds by the clock for each second of CPU time: the machine may have other work."""

_PARTS = (("check", "the ONNX checker"), ("inference", "strict shape inference"))


class FullCheck(NamedTuple):
    """Runs the checker on models, each within ``seconds`` of CPU time and ``mebibytes``.

    Without limits by CPU time, on Windows, the seconds are those of the clock.
    """

    seconds: int = FULL_CHECK_SECONDS
    mebibytes: int = FULL_CHECK_MEBIBYTES

    def __call__(self, path: str, place: Place) -> tuple[Finding, ...]:
        """What the checker says of the model at ``path``; ``place`` is the whole file.

        Raises:
            UsageError: the path is none of a file.
        """
        if path == "-":
            raise UsageError("`full_check` reads the file itself: name a file, not -")
        if is_remote(path):
            raise UsageError("`full_check` reads the file itself: download the model first")
        return tuple(
            Finding(code, Severity.ERROR, message, (place,), hint=RULES[code].fix)
            for code, message in self._answer(os.path.abspath(path))
        )

    def _answer(self, path: str) -> list[tuple[str, str]]:
        """Ask a child; where one that had models before dies, ask a new one.

        What the child did before must not decide on a model.
        """
        idle = _idle.setdefault(os.getpid(), [])
        worker = idle.pop() if idle else None
        if worker is not None:
            try:
                answer = self._ask(worker, path)
            except (DiedError, MemoryError):
                worker.close()
            else:
                idle.append(worker)
                return answer
        worker = Worker()
        try:
            answer = self._ask(worker, path)
        except DiedError as error:
            return [("OG902", f"the full check died: {error}")]
        except MemoryError:
            worker.close()
            return [("OG902", f"the full check needs more than {self.mebibytes} MiB")]
        idle.append(worker)
        return answer

    def _ask(self, worker: Worker, path: str) -> list[tuple[str, str]]:
        """What the model is refused for.

        Raises:
            DiedError: the child died.
            MemoryError: the child met its limit.
        """
        patience = self.seconds * (PATIENCE if CPU_LIMITED else 1)
        late = f"the full check took more than {self.seconds} s and was stopped"
        try:
            said = worker.call(check, path, self.seconds, self.mebibytes, seconds=patience)
        except TimedOutError:
            return [("OG902", late)]
        except DiedError as error:
            if CPU_LIMITED and error.code == -signal.SIGXCPU:
                return [("OG902", late)]
            raise
        except RaisedError as error:
            if error.kind == MemoryError.__name__:
                raise MemoryError from None
            return [("OG902", f"the full check could not be made: {error.kind}: {error}")]
        return [("OG901", f"{who}: {_one_line(said[part])}") for part, who in _PARTS if said[part]]


def require_onnx() -> None:
    """Fail where the onnx package is not installed.

    Raises:
        UsageError: it is not.
    """
    require_extra("the full check", "onnx", ["onnx"])


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()), MESSAGE)


_idle: dict[int, list[Worker]] = {}
"""Children that wait for a model, by the process that they are of: a fork copies this table."""


@atexit.register
def _end_children() -> None:
    for worker in _idle.pop(os.getpid(), ()):
        worker.close()
