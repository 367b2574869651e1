"""Batches are as large as they can be with results still coming soon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from onnxguard.many import batches
from onnxguard.many.batches import BATCH, MOST, judge_batch, judge_in_order


class Workers:
    """Workers by a clock of their own: the first batch is done when one is waited for."""

    suspects = 1

    def __init__(self, seconds: float, size: int) -> None:
        self.size = size
        self.batches: list[int] = []
        self.now = 0.0
        self._seconds = seconds / size
        self._waiting: dict[Future[list[Any]], Sequence[Any]] = {}

    def submit(self, batch: Sequence[Any]) -> Future[list[Any]]:
        self.batches.append(len(batch))
        future: Future[list[Any]] = Future()
        self._waiting[future] = batch
        return future

    def wait(self, futures: Sequence[Future[list[Any]]]) -> None:
        futures[0].set_result(judge_batch(self.alone, self._waiting.pop(futures[0])))

    def result(self, future: Future[list[Any]]) -> list[Any]:
        return future.result()

    def alone(self, task: Any) -> Any:
        self.now += self._seconds
        return task

    def renew(self) -> None:
        """There is nothing to start again."""

    def close(self, finished: bool) -> None:
        """There is nothing to let go."""


BatchesOf = Callable[[int, float, int], list[int]]


@pytest.fixture
def batches_of(monkeypatch: pytest.MonkeyPatch) -> BatchesOf:
    """How many tasks each batch held; all were done once and in order."""

    def batches_of(count: int, seconds: float, size: int) -> list[int]:
        workers = Workers(seconds, size)
        monkeypatch.setattr(batches, "time", SimpleNamespace(monotonic=lambda: workers.now))
        tasks = list(range(count))
        assert list(judge_in_order(tasks, workers, lambda _: -1)) == tasks
        assert sum(workers.batches) == count
        return workers.batches

    return batches_of


QUICK, SLOW = 0.001, 0.01
"""Seconds that a task takes."""


def test_quick_tasks_go_in_batches_that_grow(batches_of: BatchesOf) -> None:
    sizes = batches_of(5000, QUICK, 2)
    assert sizes[0] == BATCH
    assert BATCH < max(sizes) <= MOST
    assert sizes[-1] == 1  # the last ones are shared out


def test_slow_tasks_go_in_batches_that_shrink(
    batches_of: BatchesOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 16)
    monkeypatch.setattr(batches, "SECONDS", 0.025)
    sizes = batches_of(120, SLOW, 1)
    # Four are handed out before the first is done, and one before a second is.
    assert sizes[:5] == [16] * 5
    assert max(sizes[5:]) == 2


@pytest.mark.parametrize(("count", "largest"), [(1, 1), (5, 1), (12, 2), (300, BATCH)])
def test_few_tasks_are_shared_by_all(batches_of: BatchesOf, count: int, largest: int) -> None:
    assert max(batches_of(count, QUICK, 3)[:1]) == largest
