"""How long a model at an address may take, and how often it is asked for."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from onnxguard.sources.remote.faults import RemoteError, late, of_exception

T = TypeVar("T")

TRIES = 4
FIRST_PAUSE = 0.2
"""Seconds before the second try, at most; each further pause may be twice as long."""

STALL = 20.0
"""Seconds without a byte after which a try is given up."""


class Patience:
    """The time that is left for one model."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left, more than 0.

        Raises:
            RemoteError: none is.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise late(self.seconds)
        return left

    def persist(self, call: Callable[[float], T], protocol: str) -> T:
        """Call until it works: up to four times, with pauses that grow, while time is left.

        A server that says how long to wait is asked again then, as often as there is time for.

        Args:
            call: takes the seconds that are left, and raises what went wrong.
            protocol: whose credentials an error tells of.

        Raises:
            RemoteError: it does not work; told as the last try ended.
        """
        tries = 1
        while True:
            left = self.left()
            try:
                return call(left)
            except Exception as error:  # noqa: BLE001 - libraries raise what they like
                fault = of_exception(error, protocol)
            left = self.left()
            if not fault.passing:
                raise fault
            if fault.pause:
                if fault.pause >= left:
                    raise _too_long(fault)
                time.sleep(fault.pause)
                continue
            if tries == TRIES:
                raise RemoteError(f"{fault}, {TRIES} times", fault.hint)
            # Many processes must not come back at once.
            pause = FIRST_PAUSE * 2 ** (tries - 1) * random.uniform(0.5, 1)  # noqa: S311
            time.sleep(min(pause, left))
            tries += 1


def _too_long(fault: RemoteError) -> RemoteError:
    message = f"{fault} and asks to wait {fault.pause:,.0f} s"
    return RemoteError(message, "give it more time with --timeout, or try later")


def in_time(call: Callable[[], T], seconds: float) -> T:
    """Call in a thread and wait for at most so long; a call that hangs is left behind.

    Raises:
        TimeoutError: it took longer.
    """
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            answers.put((None, error))

    threading.Thread(target=work, name="onnxguard-remote", daemon=True).start()
    try:
        value, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value] # None only where T is
