"""One attempt in the worker, and what its end means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onnxguard.base.errors import OnnxguardError
from onnxguard.conformance.evaluators import versions
from onnxguard.conformance.record import Outcome
from onnxguard.running.child import DiedError, RaisedError, TimedOutError, Worker
from onnxguard.running.ort_values import UnsupportedError

CASE_SECONDS = 60.0
"""How long one case may take unless told otherwise."""

_START_SECONDS = 120.0

Progress = Callable[[int, int], None]
"""Is told how many cases are done, and of how many."""


def start(worker: Worker) -> tuple[tuple[str, str], ...]:
    """Start the worker and return ``(package, version)`` of what runs in it.

    Raises:
        OnnxguardError: the worker cannot run anything, as where ONNX Runtime does not load.
    """
    try:
        found: dict[str, str] = worker.call(versions, seconds=_START_SECONDS)
    except (DiedError, RaisedError, TimedOutError) as error:
        raise OnnxguardError(f"the process that runs the cases does not start: {error}") from None
    return tuple(found.items())


def attempt(
    worker: Worker, function: Callable[..., Any], model: bytes, feeds: dict[str, Any], limit: float
) -> tuple[Any, Outcome, str]:
    """Call ``function(model, feeds)`` in the worker.

    Returns:
        What it returned, how it ended (``PASSED``: it returned) and the reason where it did not.
    """
    try:
        return worker.call(function, model, feeds, seconds=limit), Outcome.PASSED, ""
    except RaisedError as error:
        unsupported = error.kind == UnsupportedError.__name__
        return None, Outcome.UNSUPPORTED if unsupported else Outcome.FAILED, str(error)
    except DiedError as error:
        return None, Outcome.CRASHED, str(error)
    except TimedOutError as error:
        return None, Outcome.TIMED_OUT, str(error)
