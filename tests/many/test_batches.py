"""Batches are as large as they can be with results still coming soon."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from onnxguard.many import batches
from onnxguard.many.batches import BATCH, MOST, judge_batch, judge_in_order


class Threads:
    """Workers that are threads of this process, and what they were given."""

    suspects = 1

    def __init__(self, judge: Callable[[int], int], size: int) -> None:
        self.size = size
        self.batches: list[int] = []
        self._judge = judge
        self._pool = ThreadPoolExecutor(size)

    def submit(self, batch: Sequence[Any]) -> Future[list[Any]]:
        self.batches.append(len(batch))
        return self._pool.submit(judge_batch, self._judge, batch)

    def result(self, future: Future[list[Any]]) -> list[Any]:
        return future.result()

    def alone(self, task: Any) -> Any:
        return self._judge(task)

    def renew(self) -> None:
        """There is nothing to start again."""

    def close(self, finished: bool) -> None:
        self._pool.shutdown(cancel_futures=not finished)


def batches_of(count: int, judge: Callable[[int], int], size: int) -> list[int]:
    """How many tasks each batch held; all were done once and in order."""
    workers = Threads(judge, size)
    tasks = list(range(count))
    assert list(judge_in_order(tasks, workers, lambda _: -1)) == tasks
    workers.close(True)
    assert sum(workers.batches) == count
    return workers.batches


def quick(task: int) -> int:
    return task


def slow(task: int) -> int:
    time.sleep(0.01)
    return task


def test_quick_tasks_go_in_batches_that_grow() -> None:
    sizes = batches_of(5000, quick, 2)
    assert sizes[0] == BATCH
    assert BATCH < max(sizes) <= MOST
    assert sizes[-1] == 1  # the last ones are shared out


def test_slow_tasks_go_in_batches_that_shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 16)
    monkeypatch.setattr(batches, "SECONDS", 0.025)
    sizes = batches_of(120, slow, 1)
    # Four are handed out before the first is done, and one before a second is.
    assert sizes[:5] == [16] * 5
    assert max(sizes[5:]) <= 2


@pytest.mark.parametrize(("count", "largest"), [(1, 1), (5, 1), (12, 2), (300, BATCH)])
def test_few_tasks_are_shared_by_all(count: int, largest: int) -> None:
    assert max(batches_of(count, quick, 3)[:1]) == largest
