"""How long a test waits on a machine that has other work: the only limits by the clock.

What must come is waited for until only something that hangs can be late. What takes time is limited
by the processor time that it uses (``measure``). A limit of the product that a test has to see pass
grows until only what hangs exceeds it (``with_a_limit``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

HANG = 600
"""Seconds after which something hangs; nothing that works takes so long on the busiest machine."""

LIMITS = (2, 20, 200)
"""Seconds for a limit that is there to be exceeded; the first one does unless much else runs."""


def until(holds: Callable[[], object]) -> None:
    """Wait until it holds; fail where it never does."""
    end = time.monotonic() + HANG
    while not holds():
        assert time.monotonic() < end, f"not so within {HANG:g} s"
        time.sleep(0.01)


def with_a_limit(attempt: Callable[[int], T], met: Callable[[T], bool]) -> tuple[int, T]:
    """Try with each of ``LIMITS`` until it is met by all but what hangs, which exceeds any.

    Returns:
        The last limit that was tried, and what came of it.
    """
    for seconds in LIMITS[:-1]:
        found = attempt(seconds)
        if met(found):
            return seconds, found
    return LIMITS[-1], attempt(LIMITS[-1])
