"""How much CPU time one model may take, whatever looks at it.

A bound holds for the thread that sets it. What works through a model calls ``check`` every now and
then; where the time is used up, the model is not verified, and nothing is kept of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from onnxguard.base.errors import ModelError

SECONDS: Final = 10
"""CPU seconds for one model where no list says."""

FULL_CHECK_SECONDS: Final = 60
FULL_CHECK_MEBIBYTES: Final = 8192
"""CPU seconds and memory for ONNX's checker over one model where nobody says."""


class _Bound(threading.local):
    """The CPU time of this thread at which its model is given up, and what was allowed."""

    end: float | None = None
    seconds = 0


_bound = _Bound()


@contextmanager
def limited(seconds: int = SECONDS) -> Iterator[None]:
    """Bound the CPU time of what is done inside; within another bound that one counts."""
    if _bound.end is not None:
        yield
        return
    _bound.end, _bound.seconds = time.thread_time() + seconds, seconds
    try:
        yield
    finally:
        _bound.end = None


def check() -> None:
    """See whether there is time left; costs about half a microsecond.

    Raises:
        ModelError: OG005 where it is used up.
    """
    if _bound.end is not None and time.thread_time() > _bound.end:
        raise ModelError(
            "OG005",
            f"the model takes more than {_bound.seconds:,} s of CPU time: looking at it stopped",
            "raise limits.seconds in the allowlist if a model like this is meant",
        )
