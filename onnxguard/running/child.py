"""A child process that runs what may crash or hang, and is replaced when it does.

Requests and answers are pickled: the child is this very program, started by it, and functions go
by name. The child reads models that others wrote; it guards against crashes and is no sandbox.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from onnxguard.base.printable import printable
from onnxguard.running.errors import MESSAGE, one_line

_LAST_SECONDS = 2.0


class RaisedError(Exception):
    """The function raised; ``kind`` is the name of the exception's class."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(one_line(message) or kind)
        self.kind = kind


class DiedError(Exception):
    """The child ended without an answer; the message says how, ``code`` as ``Popen`` does."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class TimedOutError(Exception):
    """The child gave no answer in time and was killed."""


class Worker:
    """Calls functions in a child process, one at a time.

    The child starts with the first call and after every death. Use it as a context manager: on
    leaving, the child is gone.
    """

    def __init__(self) -> None:
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the child; a later call starts another."""
        self._end()

    def call(self, function: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
        """Return what the function of a module returns.

        Args:
            function: found again by its module and name.
            arguments: must pickle, as must the answer.
            seconds: how long it may take, the start of a new child not counted.

        Raises:
            RaisedError: it raised.
            DiedError: it took the child down.
            TimedOutError: it took longer than ``seconds``.
        """
        child = self._child = self._child or _Child()
        late = threading.Event()

        def stop() -> None:
            late.set()
            child.process.kill()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            pickle.dump((function, arguments), child.requests)
            child.requests.flush()
            answer = pickle.load(child.answers)  # noqa: S301 - from this program's own child
        except (EOFError, OSError, pickle.UnpicklingError):
            ending, code = self._end()
            if late.is_set():
                raise TimedOutError(f"no answer within {seconds:g} s") from None
            raise DiedError(ending, code) from None
        except BaseException:  # the answer to an interrupted call must not reach the next one
            self._end()
            raise
        finally:
            timer.cancel()
            timer.join()  # it must not strike the next call
        if late.is_set():
            self._end()
        if answer[0] == "raised":
            raise RaisedError(answer[1], answer[2])
        return answer[1]

    def _end(self) -> tuple[str, int]:
        """Stop the child, and say how it ended, in words and as ``Popen`` does."""
        child, self._child = self._child, None
        return child.end() if child else ("", 0)


class _Child:
    """The process, ready for requests; its stderr is kept for its last words."""

    def __init__(self) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        # -P: what lies in the current folder must not be imported.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "onnxguard.running.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
        )
        self.requests = cast(BinaryIO, self.process.stdin)
        self.answers = cast(BinaryIO, self.process.stdout)
        self.answers.read(1)  # it is ready, or it died: then the first call fails

    def end(self) -> tuple[str, int]:
        with self._stderr:
            for stream in (self.requests, self.answers):
                with contextlib.suppress(OSError):  # a request that is no longer read
                    stream.close()
            try:
                code = self.process.wait(_LAST_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                code = self.process.wait()
            self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - 4096))
            last = self._stderr.read().strip().splitlines()[-1:]
        if code < 0:
            return f"the process was killed by {_signal_name(-code)}", code
        reason = f": {printable(last[0], MESSAGE)}" if last else ""
        return f"the process ended with {code}{reason}", code


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    while True:
        try:
            function, arguments = pickle.load(requests)  # noqa: S301 - from the parent
        except EOFError:
            return
        answer: tuple[Any, ...]
        try:
            answer = ("returned", function(*arguments))
        except Exception as error:
            answer = ("raised", type(error).__name__, str(error))
        answers.write(pickle.dumps(answer))
        answers.flush()


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand among the answers
    answers.write(b".")
    answers.flush()
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    _main()
