"""The workers of a Dask cluster, through its concurrent.futures executor.

A task that kills its worker is tried on others, ``distributed.scheduler.allowed-failures`` times,
until the scheduler gives it up with ``KilledWorker``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import pickle
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    InvalidStateError,
    wait,
)
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

from onnxguard.base.errors import OnnxguardError, UsageError
from onnxguard.base.extras import how_to_install
from onnxguard.base.printable import printable
from onnxguard.many.batches import WorkerDiedError, judge_batch
from onnxguard.sources.remote.patience import in_time
from onnxguard.version import __version__

SECONDS_TO_CONNECT = 10.0
SECONDS_WITHOUT_WORKERS = 60.0
"""So long may a cluster be without any worker: those that died are started again."""

SECONDS_FOR_A_BATCH = 60.0
"""A worker that has finished no batch for so long is passed over: others get what it has, too."""

WORKERS_FOR_A_BATCH = 3
"""So many may be idle over the same batch before it is no longer given to others."""

SECONDS_BETWEEN_LOOKS = 2.0

_TALKATIVE = ("distributed", "distributed.client", "tornado.application")
"""The loggers that Dask sets a level of its own for."""


class Fleet:
    """A Dask cluster's workers as a crew.

    Raises:
        UsageError: nothing answers at the address, there is no worker, or a worker holds another
            version of this program or does not see the files.
    """

    def __init__(
        self,
        address: str,
        judge: Callable[[Any], Any],
        tasks: Sequence[Any],
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ImportError:
            raise UsageError(f"`scheduler` needs Dask: {how_to_install('fleet')}") from None
        for name in _TALKATIVE:  # what matters is said below
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._address = printable(address)
        self._folder = os.getcwd()
        self._judge = pickle.dumps(judge)
        self._killed: type[Exception] = distributed.scheduler.KilledWorker
        self._worklog = _Worklog(tell)
        self._open: dict[Future[list[Any]], _Handed] = {}
        self._client = self._connected(distributed, address)
        try:
            self._await_workers()
            self._refuse_strangers(next((p for p in map(_path, tasks) if os.path.isfile(p)), ""))
            self.size = max(1, sum(self._client.nthreads().values()))
            self.suspects = len(tasks)
            self._looked = self._alive = time.monotonic()
        except BaseException:
            self._client.close()
            raise

    def _connected(self, distributed: Any, address: str) -> Any:
        try:
            if not address.strip():  # Dask would start a cluster of its own
                raise ValueError
            return distributed.Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        except (OSError, ValueError, ImportError, RuntimeError):
            pass
        # The client that was half made closes itself when it is collected. While the next one is
        # made that would wait for itself, for a lock that Dask's clients share.
        gc.collect()
        raise UsageError(
            f"`scheduler` {self._address}: no Dask scheduler answers there within "
            f"{SECONDS_TO_CONNECT:.0f} s; give its address as dask scheduler prints it, "
            "tcp://HOST:8786"
        )

    def submit(self, batch: Sequence[Any]) -> Future[list[Any]]:
        """Hand out a batch."""
        future: Future[list[Any]] = Future()
        self._open[future] = _Handed(list(batch), [])
        self._hand_out(future, self._worklog.trusted() if self._worklog.idle else None)
        return future

    def _hand_out(self, future: Future[list[Any]], workers: list[str] | None) -> None:
        """Give a batch to a worker, to one of ``workers`` if there are any."""
        handed = self._open[future]
        arguments = (__version__, self._judge, self._folder, handed.batch)
        asked = self._client.submit(
            _judge_in_worker, *arguments, pure=False, workers=workers or None
        )
        handed.copies.append(_Copy(asked, workers or []))
        # Dask's own executor writes a traceback where the scheduler goes away in mid-answer.
        coming = asyncio.run_coroutine_threadsafe(_come(asked), self._client.loop.asyncio_loop)
        coming.add_done_callback(partial(self._settle, future))

    def _settle(self, future: Future[list[Any]], coming: Future[tuple[str, list[Any]]]) -> None:
        """Take the first answer to a batch, and note who gave it; in a thread of Dask's."""
        with contextlib.suppress(InvalidStateError):
            if coming.cancelled():
                future.set_exception(CancelledError())
            elif (error := coming.exception()) is not None:
                future.set_exception(error)
            else:
                worker, results = coming.result()
                self._worklog.answered(worker)
                future.set_result(results)

    def wait(self, futures: Sequence[Future[list[Any]]]) -> None:
        """Wait until one of them is done; what a worker does not do is given to another.

        Raises:
            OnnxguardError: the scheduler went away, or all the workers.
        """
        while True:
            done = wait(futures, SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED).done
            if time.monotonic() - self._looked >= SECONDS_BETWEEN_LOOKS:
                self._look()
            if done:
                return

    def _look(self) -> None:
        """Look who is there and what each holds, and hand out anew what nobody works at."""
        try:
            missing = {future: each for future, each in self._open.items() if not future.done()}
            copies = [copy.asked for each in missing.values() for copy in each.copies]
            held = in_time(lambda: self._held(copies), SECONDS_WITHOUT_WORKERS)
        except TimeoutError:
            raise OnnxguardError(f"the scheduler {self._address} does not answer") from None
        except (CancelledError, OSError, ValueError, RuntimeError):  # a client that was closed
            raise self._gone() from None
        self._looked = now = time.monotonic()
        if held:
            self._alive = now
        elif now - self._alive > SECONDS_WITHOUT_WORKERS:
            raise OnnxguardError(
                f"the scheduler {self._address} has had no worker for "
                f"{SECONDS_WITHOUT_WORKERS:.0f} s"
            )
        self._worklog.look(held, now)
        trusted = self._worklog.trusted()
        for future, each in missing.items():
            if trusted and self._worklog.is_stuck(each):
                self._hand_out(future, trusted)

    def _held(self, copies: Sequence[Any]) -> dict[str, set[str]]:
        """Which of them each worker works at, or has the result of, by their keys."""
        keys = {copy.key for copy in copies}
        held = {worker: keys.intersection(its) for worker, its in self._client.processing().items()}
        for key, workers in self._client.who_has(copies).items():
            for worker in workers:
                held.setdefault(worker, set()).add(key)
        return held

    def _gone(self) -> OnnxguardError:
        return OnnxguardError(f"the scheduler {self._address} went away")

    def result(self, future: Future[list[Any]]) -> list[Any]:
        """Wait for a batch.

        Raises:
            WorkerDiedError: the scheduler gave the batch up.
            OnnxguardError: the scheduler went away, or all the workers.
        """
        self.wait([future])
        self._open.pop(future, None)
        try:
            return future.result()
        except self._killed:
            raise WorkerDiedError from None
        except (CancelledError, OSError):  # Dask's CommClosedError is an OSError
            raise self._gone() from None

    def alone(self, task: Any) -> Any:
        """Run one task."""
        return self.result(self.submit([task]))[0]

    def renew(self) -> None:
        """Do nothing: the workers' nannies start them again."""

    def close(self, finished: bool) -> None:  # noqa: ARG002 - it is all the same to a cluster
        """Leave the cluster, cancelling what is outstanding."""
        if sys.is_finalizing():  # Dask's thread has ended already, and the connection with it
            return
        self._client.close()  # the scheduler drops what a client that left had asked for

    def _await_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=SECONDS_TO_CONNECT)
        except TimeoutError:
            raise UsageError(
                f"`scheduler` {self._address}: it has no workers; start some with "
                f"dask worker {self._address}"
            ) from None

    def _refuse_strangers(self, path: str) -> None:
        """Ask every worker whether it is of this version and sees the same files."""
        path = os.path.abspath(path) if path else ""
        answers = self._answers(path)
        for worker, answer in sorted(answers.items()):
            shown = printable(str(worker))
            if not isinstance(answer, tuple):
                raise UsageError(
                    f"worker {shown} cannot run onnxguard {__version__} "
                    f"({type(answer).__name__}): install the same version there as here"
                )
            version, missing = answer
            if version != __version__:
                raise UsageError(_other_version(f"worker {shown}", str(version), __version__))
            if missing:
                raise UsageError(
                    f'worker {shown} does not see "{printable(missing)}": the models must lie at '
                    "the same paths on every worker as here"
                )

    def _answers(self, path: str) -> dict[str, Any]:
        """What each worker answers to ``_look``; one that does not answer gets nothing to do."""
        answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

        def ask(worker: str) -> None:
            with contextlib.suppress(Exception):  # the client was closed meanwhile
                run = self._client.run
                answers.put(run(_look, self._folder, path, workers=[worker], on_error="return"))

        workers = sorted(self._client.nthreads())
        for worker in workers:
            threading.Thread(target=ask, args=(worker,), daemon=True).start()
        found: dict[str, Any] = {}
        end = time.monotonic() + SECONDS_TO_CONNECT
        with contextlib.suppress(queue.Empty):
            while len(found) < len(workers):
                found.update(answers.get(timeout=max(0, end - time.monotonic())))
        silent = [worker for worker in workers if worker not in found]
        if not found:
            raise UsageError(
                f"`scheduler` {self._address}: no worker answers within "
                f"{SECONDS_TO_CONNECT:.0f} s, such as {printable(silent[0])}"
            )
        self._worklog.start(workers, silent)
        return found


class _Copy(NamedTuple):
    """A batch as Dask has it.

    Attributes:
        asked: Dask's future.
        workers: those that may do it, none where all may.
    """

    asked: Any
    workers: list[str]


class _Handed(NamedTuple):
    """A batch that was handed out, more than once if a worker did not do it."""

    batch: list[Any]
    copies: list[_Copy]


class _Worklog:
    """Who works: a worker that finishes nothing of this run for too long is idle until it does."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.idle: set[str] = set()
        self._tell = tell
        self._holds: dict[str, set[str]] = {}
        self._since: dict[str, float] = {}

    def start(self, workers: Sequence[str], silent: Sequence[str]) -> None:
        """Begin with these workers, of whom some gave no answer."""
        self._holds = {worker: set() for worker in workers}
        self.idle.update(silent)
        for worker in silent:
            self._tell(
                f"worker {printable(worker)} does not answer within {SECONDS_TO_CONNECT:.0f} s: "
                "it gets nothing to do"
            )

    def answered(self, worker: str) -> None:
        """Note that a worker finished a batch."""
        self._since.pop(worker, None)
        self.idle.discard(worker)

    def look(self, holds: dict[str, set[str]], now: float) -> None:
        """Note what each worker holds, and tell of those that have become idle."""
        self._holds = holds
        idle = []
        for worker, keys in holds.items():
            if not keys:
                self._since.pop(worker, None)
            elif now - self._since.setdefault(worker, now) > SECONDS_FOR_A_BATCH:
                idle.append(worker)
        for worker in set(idle) - self.idle:
            self.idle.add(worker)
            self._tell(
                f"worker {printable(worker)} has finished nothing for {SECONDS_FOR_A_BATCH:.0f} s: "
                + ("what it has goes to others" if self.trusted() else "there is no other one")
            )

    def trusted(self) -> list[str]:
        """The workers that are not idle."""
        return [worker for worker in self._holds if worker not in self.idle]

    def is_stuck(self, handed: _Handed) -> bool:
        """Whether nobody works at a batch, or will, and not too many have tried."""
        where = {key: worker for worker, keys in self._holds.items() for key in keys}
        idle = [copy for copy in handed.copies if where.get(copy.asked.key) in self.idle]
        return len(idle) < WORKERS_FOR_A_BATCH and all(
            copy in idle or self._is_orphan(copy, where) for copy in handed.copies
        )

    def _is_orphan(self, copy: _Copy, where: dict[str, str]) -> bool:
        """Whether all workers that may do it are gone, or idle."""
        return (
            copy.asked.key not in where
            and bool(copy.workers)
            and not any(each in self._holds and each not in self.idle for each in copy.workers)
        )


async def _come(asked: Any) -> Any:
    """What Dask answers; in its loop."""
    return await asked.result()


def _path(task: Any) -> str:
    """The path of a task, or "" where it is none in the file system."""
    parts = task if isinstance(task, tuple) else (task,)
    return next((part for part in parts if isinstance(part, str)), "")


def _other_version(who: str, held: str, wanted: str) -> str:
    return (
        f"{who} holds onnxguard {printable(held)}, this machine {printable(wanted)}: install the "
        "same version everywhere"
    )


def _look(folder: str, path: str) -> tuple[str, str]:
    """In a worker: the version here, and what is not to be seen."""
    if not os.path.isdir(folder):
        return __version__, folder
    return __version__, "" if not path or os.access(path, os.R_OK) else path


def _judge_in_worker(
    version: str, judge: bytes, folder: str, batch: list[Any]
) -> tuple[str, list[Any]]:
    """In a worker: its address, and a batch judged, paths being relative to who asks.

    A worker with several threads judges one batch at a time: what is remembered of models, and
    the working folder, are those of the process.
    """
    if version != __version__:
        raise OnnxguardError(_other_version("a worker", __version__, version))
    get_worker: Any = import_module("distributed").get_worker
    with _lock:
        if judge not in _judges:
            _judges.clear()
            _judges[judge] = pickle.loads(judge)  # noqa: S301 - Dask itself runs what it is sent
        with contextlib.chdir(folder):
            return get_worker().address, judge_batch(_judges[judge], batch)


_lock = threading.Lock()
_judges: dict[bytes, Callable[[Any], Any]] = {}
"""The judge of the latest run: the same object for all its batches, so that twins are found."""
