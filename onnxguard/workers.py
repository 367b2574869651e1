"""Scan many models, in this process or in several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from onnxguard.allowlist import Allowlist
from onnxguard.errors import OnnxguardError
from onnxguard.report import Report

BATCH = 32
"""Models that a worker takes at a time: few enough to share the work, enough to hide its cost."""

Judge = Callable[[str, Allowlist], Report]


def scan_all(paths: list[str], policy: Allowlist, jobs: int, judge: Judge) -> Iterator[Report]:
    """Yield the reports in the order of the paths.

    Raises:
        OnnxguardError: a worker died; the reports before its batch were yielded.
    """
    if jobs <= 1 or len(paths) == 1:
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
    with ProcessPoolExecutor(min(jobs, len(batches))) as pool:
        waiting = [
            (batch, pool.submit(_scan_batch, batch, policy, judge))
            for batch in islice(ahead, 4 * jobs)
        ]
        while waiting:
            batch, future = waiting.pop(0)
            try:
                reports = future.result()
            except BrokenProcessPool:
                raise OnnxguardError(
                    f"a worker died while scanning {batch[0]} or one of the {len(batch) - 1} "
                    "after it (killed, or out of memory): scan them with --jobs 1"
                ) from None
            for batch in islice(ahead, 1):
                waiting.append((batch, pool.submit(_scan_batch, batch, policy, judge)))
            yield from reports


def _scan_batch(paths: list[str], policy: Allowlist, judge: Judge) -> list[Report]:
    return [judge(path, policy) for path in paths]
