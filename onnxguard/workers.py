"""Scan many models, in this process or in several."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from onnxguard.allowlist import Allowlist
from onnxguard.errors import OnnxguardError
from onnxguard.printable import printable
from onnxguard.report import Report

if TYPE_CHECKING:
    from concurrent.futures import Future

BATCH = 32
"""Models that a worker takes at a time: few enough to share the work, enough to hide its cost."""

Judge = Callable[[str, Allowlist], Report]


def scan_all(paths: list[str], policy: Allowlist, jobs: int, judge: Judge) -> Iterator[Report]:
    """Yield the reports in the order of the paths.

    Raises:
        OnnxguardError: a worker died; the reports before its batch were yielded.
    """
    if jobs <= 1 or len(paths) == 1 or "-" in paths:  # a worker has no standard input
        for path in paths:
            yield judge(path, policy)
    else:
        yield from _scan_in_processes(paths, policy, jobs, judge)


def _scan_in_processes(
    paths: list[str], policy: Allowlist, jobs: int, judge: Judge
) -> Iterator[Report]:
    # Imported here: it takes longer than the scan of a usual model.
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    size = max(1, min(BATCH, len(paths) // (jobs * 4)))
    batches = [paths[at : at + size] for at in range(0, len(paths), size)]
    ahead = iter(batches)
    with ProcessPoolExecutor(min(jobs, len(batches)), None, _start, (policy, judge)) as pool:
        waiting: deque[tuple[list[str], Future[list[Report]]]] = deque()
        batch = batches[0]
        try:
            for batch in islice(ahead, 4 * jobs):
                waiting.append((batch, pool.submit(_scan_batch, batch)))
            while waiting:
                batch, future = waiting.popleft()
                yield from future.result()
                for following in islice(ahead, 1):
                    waiting.append((following, pool.submit(_scan_batch, following)))
        except BrokenProcessPool:
            raise OnnxguardError(
                f"a worker died while scanning {printable(batch[0])} or one of the "
                f"{len(batch) - 1} after it (killed, or out of memory): scan them with --jobs 1"
            ) from None


def _start(policy: Allowlist, judge: Judge) -> None:
    """Hand a worker what all its batches share: one list, so that twins are recognised."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    global _policy, _judge
    _policy, _judge = policy, judge


def _scan_batch(paths: list[str]) -> list[Report]:
    return [_judge(path, _policy) for path in paths]


_policy: Allowlist
_judge: Judge
