"""Judge many models, here or in workers; a model that kills its process costs itself alone."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from onnxguard.base.errors import ModelError, OnnxguardError
from onnxguard.base.processes import become_worker, uninterrupted
from onnxguard.scanning.report import Report, unverified

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

    from onnxguard.many.batches import Crew

T = TypeVar("T")
R = TypeVar("R")


def judge_all(
    tasks: Sequence[T],
    judge: Callable[[T], R],
    lost: Callable[[T], R],
    jobs: int = 1,
    scheduler: str | None = None,
    arrived: Callable[[T, R], None] = lambda _task, _result: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Generator[R, None, None]:
    """Yield the results in the order of the tasks, each once, few of them in memory at a time.

    Args:
        tasks: a path each, or a tuple that holds one; small, for they are sent to workers.
        judge: what is done with each; it is sent to a worker process once.
        lost: makes the result of a task whose process died or ran out of memory. In this process
            (``jobs`` 1, a single task, or standard input among them) only the latter can be.
        jobs: processes on this machine.
        scheduler: the address of a Dask scheduler, to use its workers instead.
        arrived: told of each task and its result as soon as it is there, before its turn.
        tell: told in a line of text of a worker that does nothing.

    Raises:
        OnnxguardError: what ``judge`` raised, or there is nobody to do the work.
    """
    if any(task == "-" or (isinstance(task, tuple) and "-" in task) for task in tasks):
        jobs, scheduler = 1, None  # a worker has no standard input
    if not tasks or (scheduler is None and (jobs <= 1 or len(tasks) == 1)):
        for task in tasks:
            result = _judge_here(task, judge, lost)
            arrived(task, result)
            yield result
        return
    # Imported here: it takes longer than the scan of a usual model.
    from onnxguard.many.batches import judge_in_order

    crew: Crew
    if scheduler is None:
        crew = _Processes(judge, min(jobs, len(tasks)))
    else:
        from onnxguard.many.dask_cluster import Fleet

        crew = Fleet(scheduler, judge, tasks, tell)
    finished = False
    try:
        yield from judge_in_order(tasks, crew, lost, arrived)
        finished = True
    finally:
        crew.close(finished)


def died_report(path: str, policy_id: str) -> Report:
    """What is said of a model whose process died."""
    error = ModelError(
        "OG006",
        "the process that read the model was killed, crashed or ran out of memory",
        hint="scan it alone with more memory; if it still ends so, do not trust the file",
    )
    return unverified(error, path, policy_id)


def _judge_here(task: T, judge: Callable[[T], R], lost: Callable[[T], R]) -> R:
    with suppress(MemoryError):
        return judge(task)
    return lost(task)


class _Processes:
    """Processes on this machine, and one more for the models that one of them died with."""

    def __init__(self, judge: Callable[[Any], Any], jobs: int) -> None:
        self.size = self.suspects = jobs
        import multiprocessing

        self._judge = judge
        self._before = set(multiprocessing.active_children())
        self._many: ProcessPoolExecutor | None = None
        self._one: ProcessPoolExecutor | None = None

    def submit(self, batch: Sequence[Any]) -> Future[list[Any]]:
        from concurrent.futures import Future
        from concurrent.futures.process import BrokenProcessPool

        if self._many is None:
            self._many = self._pool(self.size)
        try:
            with uninterrupted():
                return self._many.submit(_judge_in_worker, batch)
        except BrokenProcessPool as error:
            future: Future[list[Any]] = Future()
            future.set_exception(error)
            return future

    def wait(self, futures: Sequence[Future[list[Any]]]) -> None:
        from concurrent.futures import FIRST_COMPLETED, wait

        wait(futures, return_when=FIRST_COMPLETED)

    def result(self, future: Future[list[Any]]) -> list[Any]:
        from concurrent.futures.process import BrokenProcessPool

        from onnxguard.many.batches import WorkerDiedError

        try:
            return future.result()
        except BrokenProcessPool:
            raise WorkerDiedError from None

    def alone(self, task: Any) -> Any:
        from onnxguard.many.batches import WorkerDiedError

        if self._one is None:
            self._one = self._pool(1)
            try:
                with uninterrupted():
                    ready = self._one.submit(_judge_in_worker, ())
                self.result(ready)
            except WorkerDiedError:
                raise OnnxguardError(
                    "worker processes die before they have a model (killed, or no memory is left): "
                    "use fewer, `jobs` 1 for none"
                ) from None
        try:
            return self.result(self._one.submit(_judge_in_worker, (task,)))[0]
        except WorkerDiedError:
            self._one.shutdown()
            self._one = None
            raise

    def renew(self) -> None:
        for pool in (self._many, self._one):
            if pool is not None:
                pool.shutdown()
        self._many = self._one = None

    def close(self, finished: bool) -> None:
        if not finished:  # what is under way may take long
            import multiprocessing

            for child in set(multiprocessing.active_children()) - self._before:
                child.kill()
            for pool in filter(None, (self._many, self._one)):
                # An answer that one of them was in the midst of has no end as long as this process
                # could write it too.
                answers: Any = pool._result_queue  # noqa: SLF001 - the pool itself would wait
                answers._writer.close()  # noqa: SLF001 - the same
        self.renew()

    def _pool(self, jobs: int) -> ProcessPoolExecutor:
        import multiprocessing
        import threading
        from concurrent.futures import ProcessPoolExecutor

        # A copy of a process with threads, such as one that listed a bucket, may wait for ever for
        # what a thread held that is not in the copy.
        alone = threading.active_count() == 1
        context = None if alone else multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(jobs, context, _start, (self._judge,))


def _start(judge: Callable[[Any], Any]) -> None:
    """Hand a worker what all its batches share: one list, so that twins are recognised."""
    become_worker()
    _judges[:] = [judge]


def _judge_in_worker(batch: Sequence[Any]) -> list[Any]:
    from onnxguard.many.batches import judge_batch

    return judge_batch(_judges[0], batch)


_judges: list[Callable[[Any], Any]] = []
"""A worker's judge: passed once, and not with every batch."""
