"""The workers of a Dask cluster, through its concurrent.futures executor.

A task that kills its worker is tried on others, ``distributed.scheduler.allowed-failures`` times,
until the scheduler gives it up with ``KilledWorker``.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, wait
from importlib import import_module
from typing import Any

from onnxguard.base.errors import OnnxguardError, UsageError
from onnxguard.base.printable import printable
from onnxguard.many.batches import WorkerDiedError, judge_batch
from onnxguard.version import __version__

SECONDS_TO_CONNECT = 10.0
SECONDS_WITHOUT_WORKERS = 60.0
"""So long may a cluster be without any worker: those that died are started again."""

SECONDS_BETWEEN_LOOKS = 2.0


class Fleet:
    """A Dask cluster's workers as a crew.

    Raises:
        UsageError: nothing answers at the address, there is no worker, or a worker holds another
            version of this program or does not see the files.
    """

    def __init__(self, address: str, judge: Callable[[Any], Any], tasks: Sequence[Any]) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ImportError:
            raise UsageError("--scheduler needs Dask: pip install 'onnxguard[fleet]'") from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said below
        self._address = printable(address)
        self._folder = os.getcwd()
        self._judge = pickle.dumps(judge)
        self._killed: type[Exception] = distributed.scheduler.KilledWorker
        self._client = self._connected(distributed, address)
        try:
            self._await_workers()
            self._refuse_strangers(next((p for p in map(_path, tasks) if os.path.isfile(p)), ""))
            self.size = max(1, sum(self._client.nthreads().values()))
            self.suspects = len(tasks)
            self._executor = self._client.get_executor(pure=False)
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
            f"--scheduler {self._address}: no Dask scheduler answers there within "
            f"{SECONDS_TO_CONNECT:.0f} s; give its address as dask scheduler prints it, "
            "tcp://HOST:8786"
        )

    def submit(self, batch: Sequence[Any]) -> Future[list[Any]]:
        """Hand out a batch."""
        future: Future[list[Any]] = self._executor.submit(
            _judge_in_worker, __version__, self._judge, self._folder, list(batch)
        )
        return future

    def result(self, future: Future[list[Any]]) -> list[Any]:
        """Wait for a batch.

        Raises:
            WorkerDiedError: the scheduler gave the batch up.
            OnnxguardError: the scheduler went away, or all the workers.
        """
        try:
            alive = time.monotonic()
            while not wait([future], SECONDS_BETWEEN_LOOKS).done:
                if self._client.nthreads():
                    alive = time.monotonic()
                elif time.monotonic() - alive > SECONDS_WITHOUT_WORKERS:
                    raise OnnxguardError(
                        f"the scheduler {self._address} has had no worker for "
                        f"{SECONDS_WITHOUT_WORKERS:.0f} s"
                    )
            return future.result()
        except self._killed:
            raise WorkerDiedError from None
        except (CancelledError, OSError):  # Dask's CommClosedError is an OSError
            raise OnnxguardError(f"the scheduler {self._address} went away") from None

    def alone(self, task: Any) -> Any:
        """Run one task."""
        return self.result(self.submit([task]))[0]

    def renew(self) -> None:
        """Do nothing: the workers' nannies start them again."""

    def close(self, finished: bool) -> None:
        """Leave the cluster, cancelling what is outstanding."""
        if sys.is_finalizing():  # Dask's thread has ended already, and the connection with it
            return
        if finished:
            self._executor.shutdown()
        self._client.close()  # the scheduler drops what a client that left had asked for

    def _await_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=SECONDS_TO_CONNECT)
        except TimeoutError:
            raise UsageError(
                f"--scheduler {self._address}: it has no workers; start some with "
                f"dask worker {self._address}"
            ) from None

    def _refuse_strangers(self, path: str) -> None:
        """Ask every worker whether it is of this version and sees the same files."""
        path = os.path.abspath(path) if path else ""
        answers = self._client.run(_look, self._folder, path, on_error="return")
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


def _judge_in_worker(version: str, judge: bytes, folder: str, batch: list[Any]) -> list[Any]:
    """In a worker: judge a batch, paths being relative to the folder of who asks.

    A worker with several threads judges one batch at a time: what is remembered of models, and
    the working folder, are those of the process.
    """
    if version != __version__:
        raise OnnxguardError(_other_version("a worker", __version__, version))
    with _lock:
        if judge not in _judges:
            _judges.clear()
            _judges[judge] = pickle.loads(judge)  # noqa: S301 - Dask itself runs what it is sent
        with contextlib.chdir(folder):
            return judge_batch(_judges[judge], batch)


_lock = threading.Lock()
_judges: dict[bytes, Callable[[Any], Any]] = {}
"""The judge of the latest run: the same object for all its batches, so that twins are found."""
