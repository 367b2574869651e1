"""What takes a child process down, by a name that it can import."""

from __future__ import annotations

import faulthandler
import os
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

from onnxguard import AllowlistError, Report, scan
from onnxguard.many.judge_all import died_report
from support.patience import HANG, until


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def judge(path: str) -> str:
    """What becomes of a file, by what it holds; else its name."""
    text = Path(path).read_text()
    if text == "kill":
        kill()
    if text == "exit":
        os._exit(3)
    if text == "crash":
        faulthandler.disable()  # pytest's would fill the screen
        os.kill(os.getpid(), signal.SIGSEGV)
    if text == "memory":
        raise MemoryError
    if text == "stop":
        raise AllowlistError("stopped", path)  # what cannot be sent as it is
    if text.startswith("once "):  # kills the first process alone
        Path(path).write_text("good")
        kill()
    if text == "slow":
        time.sleep(0.02)
    if text == "half":
        answer_in_part(Path(path))
    if text == "wait":  # until a file called go is there
        until((Path(path).parent / "go").exists)
    if text == "hang":
        time.sleep(HANG)
    return Path(path).name


def answer_in_part(path: Path) -> None:
    """Hang in the middle of an answer to the parent, once it has the first one.

    Before, the parent would take that one for the rest of this.
    """
    until((path.parent / "go").exists)
    frame = sys._getframe()
    while frame.f_code.co_name != "_process_worker":
        assert frame.f_back is not None
        frame = frame.f_back
    answers = frame.f_locals["result_queue"]._writer
    os.write(answers.fileno(), struct.pack("!i", 1 << 20) + b"the first bytes of a megabyte")
    path.write_text("answered in part")
    time.sleep(HANG)


def lost(path: str) -> str:
    return f"lost {Path(path).name}"


def judge_slowly(path: str) -> Report:
    time.sleep(0.01)
    return scan(path, "base")


def report_lost(path: str) -> Report:
    return died_report(path, "base")


def run_but_die_of_abs(model: bytes, feeds: dict[str, Any]) -> Any:
    if b"Abs" in model:
        kill()
    return _run(model, feeds)


def _run(model: bytes, feeds: dict[str, Any]) -> Any:
    from onnxguard.conformance import evaluators as runtime  # here: it takes a second

    return runtime.run(model, feeds)


def run_but_hang_on_abs(model: bytes, feeds: dict[str, Any]) -> Any:
    if b"Abs" in model:
        time.sleep(HANG)
    return _run(model, feeds)


def die_with_model(model: bytes, feeds: dict[str, Any]) -> None:  # noqa: ARG001 - as trace
    kill()


def chatter(text: str) -> str:
    """Print where a worker's answers go."""
    os.write(1, text.encode())
    print(text, flush=True)
    return text


def run_off_by_a_thousandth(model: bytes, feeds: dict[str, Any]) -> Any:
    return [array * array.dtype.type(1.001) for array in _run(model, feeds)]


def say_nothing(model: bytes, feeds: dict[str, Any]) -> list[Any]:  # noqa: ARG001 - as run
    """A runtime that takes everything."""
    return []


def run_and_add_one(model: bytes, feeds: dict[str, Any]) -> Any:
    return [array + array.dtype.type(1) for array in _run(model, feeds)]
