"""Hand models to workers in batches, in order, and find out which model a worker died of."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from onnxguard.base.errors import OnnxguardError

BATCH, MOST = 32, 128
"""Models that a worker takes at a time at first, and at most."""

SECONDS = 0.25
"""So long a batch is to take: enough to hide what handing it out costs, and soon in the results."""

_ENOUGH = 16
"""Tasks from which on the pace is known."""

AHEAD = 4
"""Batches for each worker that are handed out at a time."""


Arrived = Callable[[Any, Any], None]
"""Told of a task and its result."""


class WorkerDiedError(Exception):
    """A worker died with a batch: it was killed, or it crashed."""


class Lost:
    """Stands for the result of a task whose process died or ran out of memory."""


class Crew(Protocol):
    """Workers that take batches of tasks.

    Attributes:
        size: how many workers there are.
        suspects: of the batches that were under way when a worker died, in the order that they
            were handed out, so many at most may have been with it.
    """

    size: int
    suspects: int

    def submit(self, batch: Sequence[Any]) -> Future[list[Any]]:
        """Hand out a batch."""

    def wait(self, futures: Sequence[Future[list[Any]]]) -> None:
        """Wait until one of them is done.

        Raises:
            OnnxguardError: nobody is left to do the work.
        """

    def result(self, future: Future[list[Any]]) -> list[Any]:
        """Wait for the results of a batch.

        Raises:
            WorkerDiedError: the worker died.
            OnnxguardError: nobody is left to do the work, or what the judge raised.
        """

    def alone(self, task: Any) -> Any:
        """Run one task while no other one is under way; raises as ``result`` does."""

    def renew(self) -> None:
        """Start anew after a death."""

    def close(self, finished: bool) -> None:
        """Let the workers go; where the work is not ``finished``, stop what is under way."""


def judge_batch(judge: Callable[[Any], Any], batch: Sequence[Any]) -> list[Any]:
    """Judge in a worker; what it raises is something that can be sent."""
    results: list[Any] = []
    for task in batch:
        try:
            results.append(judge(task))
        except MemoryError:
            results.append(Lost())
        except OnnxguardError as error:
            raise OnnxguardError(str(error)) from None
    return results


def judge_in_order(
    tasks: Sequence[Any],
    crew: Crew,
    lost: Callable[[Any], Any],
    arrived: Arrived = lambda _task, _result: None,
) -> Iterator[Any]:
    """Yield the result of every task in order, each once, with few of them in memory.

    ``arrived`` is told of each before its turn, as soon as it is there.
    """
    waiting: deque[_Batch] = deque()
    pace = _Pace(crew.size)
    handed = 0
    while True:
        while handed < len(tasks) and len(waiting) < AHEAD * crew.size:
            batch = tasks[handed : handed + pace.batch(len(tasks) - handed)]
            waiting.append(_Batch(batch, crew.submit(batch)))
            handed += len(batch)
        if not waiting:
            return
        undone = [each.future for each in waiting if not each.future.done()]
        if waiting[0].future in undone:
            crew.wait(undone)
        try:
            for each in _collected(waiting, crew, lost):
                pace.did(len(each.tasks))
                for task, result in zip(each.tasks, each.results or (), strict=True):
                    arrived(task, result)
        except WorkerDiedError:
            _recover(waiting, crew)
        while waiting and waiting[0].results is not None:
            yield from waiting.popleft().results or ()


class _Batch:
    """Tasks that are under way, or wait for their turn once they have ``results``."""

    def __init__(self, tasks: Sequence[Any], future: Future[list[Any]]) -> None:
        self.tasks = tasks
        self.future = future
        self.results: list[Any] | None = None


def _collected(
    waiting: Sequence[_Batch], crew: Crew, lost: Callable[[Any], Any]
) -> Iterator[_Batch]:
    """Take the results that are there; what a judge raised is kept until it is its turn."""
    for each in waiting:
        if each.results is not None or not each.future.done():
            continue
        try:
            results = crew.result(each.future)
        except OnnxguardError:
            if each is waiting[0]:
                raise
            continue
        each.results = [
            lost(task) if isinstance(result, Lost) else result
            for task, result in zip(each.tasks, results, strict=True)
        ]
        yield each


class _Pace:
    """How many tasks a batch holds, from how fast they were done so far."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._began = 0.0
        self._done = -1

    def did(self, count: int) -> None:
        """Count tasks; not those of the first batch, for which workers had to start."""
        if self._done < 0:
            self._began, self._done = time.monotonic(), 0
        else:
            self._done += count

    def batch(self, left: int) -> int:
        """Tasks of the next batch, where so many are left for all workers."""
        fair = max(1, left // (2 * self._workers))
        if self._done < _ENOUGH:
            return min(BATCH, fair)
        each = (time.monotonic() - self._began) * self._workers / self._done
        return max(1, min(MOST, fair, int(SECONDS / max(each, 1e-9))))


def _recover(waiting: Iterable[_Batch], crew: Crew) -> None:
    """Run the tasks that a worker may have died of one by one, and hand out the others anew."""
    undone: list[_Batch] = []
    for each in waiting:
        try:
            if each.results is None:
                crew.result(each.future)
        except WorkerDiedError:
            undone.append(each)
    crew.renew()
    for each in undone[: crew.suspects]:
        each.future = _one_by_one(each.tasks, crew)
    crew.renew()
    for each in undone[crew.suspects :]:
        each.future = crew.submit(each.tasks)


def _one_by_one(batch: Sequence[Any], crew: Crew) -> Future[list[Any]]:
    results: list[Any] = []
    for task in batch:
        try:
            results.append(crew.alone(task))
        except WorkerDiedError:
            results.append(Lost())
    future: Future[list[Any]] = Future()
    future.set_result(results)
    return future
