"""What takes a child process down, by a name that it can import."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from onnxguard.conformance import runtime


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_but_die_of_abs(model: bytes, feeds: dict[str, Any]) -> Any:
    if b"Abs" in model:
        kill()
    return runtime.run(model, feeds)


def run_but_hang_on_abs(model: bytes, feeds: dict[str, Any]) -> Any:
    if b"Abs" in model:
        time.sleep(60)
    return runtime.run(model, feeds)


def die_with_model(model: bytes, feeds: dict[str, Any]) -> None:  # noqa: ARG001 - as trace
    kill()


def chatter(text: str) -> str:
    """Print where a worker's answers go."""
    os.write(1, text.encode())
    print(text, flush=True)
    return text


def run_off_by_a_thousandth(model: bytes, feeds: dict[str, Any]) -> Any:
    return [array * array.dtype.type(1.001) for array in runtime.run(model, feeds)]
