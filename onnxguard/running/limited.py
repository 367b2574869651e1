"""Runs that take no longer than they may."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from onnxguard.running.errors import TimeLimitError

T = TypeVar("T")


def within(seconds: float, run: Callable[[], T], stop: Callable[[], object] = lambda: None) -> T:
    """Run a function and return what it returns; what it raises is raised.

    It runs in a thread of its own, because neither a clock nor Ctrl-C reaches a run from within.

    Args:
        seconds: how long it may take.
        run: the function.
        stop: asks it to end; one that cannot be asked goes on unheard.

    Raises:
        TimeLimitError: it took longer.
    """
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(run())
        except BaseException as error:
            answer.set_exception(error)

    runner = Thread(target=work, daemon=True)
    runner.start()
    try:
        found = answer.result(seconds)
    except TimeoutError:
        if answer.done():  # it is the function's own
            raise
        stop()
        raise TimeLimitError(seconds) from None
    except KeyboardInterrupt:
        stop()
        raise
    runner.join()
    return found
