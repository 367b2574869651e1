"""One run at a time: what a process holds nobody else writes to, and it is free when that ends."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import IO

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable

SECONDS_TO_WAIT = 5.0
"""For the processes of a run that was killed to let go of a file."""
_TRIES = 100
_MOST_OWNER = 100  # bytes


class Lock(Enum):
    """What became of asking for a lock."""

    OURS = "ours"
    ANOTHERS = "another's"
    NOT_OFFERED = "not offered"
    """By Windows, or by the file system."""


def lock_file(stream: IO[bytes], seconds: float = SECONDS_TO_WAIT) -> Lock:
    """Ask for the lock of an open file, which is held until the file is closed.

    Args:
        stream: the file.
        seconds: that another process may take to let go of it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return Lock.NOT_OFFERED
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                return Lock.NOT_OFFERED
            if time.monotonic() > end:
                return Lock.ANOTHERS
            time.sleep(0.05)
        else:
            return Lock.OURS


@contextmanager
def exclusive(path: str, what: str) -> Iterator[None]:
    """Keep other runs away from something as long as this takes.

    A file is locked that says who holds it, and removed at the end. The lock of a process that was
    killed ends with it, and the file that it left is taken over. On Windows, and on a file system
    without locks, that the file is there is the lock: one that was left has to be removed by hand.

    Args:
        path: of the file.
        what: is held, safe to print.

    Raises:
        UsageError: another run holds it, or the file cannot be written.
    """
    stream = _held(path, what)
    try:
        yield
    finally:
        if os.name == "nt":  # which removes no open file; elsewhere it is ours until it is gone
            stream.close()
        with suppress(OSError):
            os.unlink(path)
        stream.close()


def _held(path: str, what: str) -> IO[bytes]:
    import platform  # imported here: every scan imports this module, and hardly one holds anything

    try:
        for _ in range(_TRIES):
            stream, new = _opened(path)
            if stream is None:
                continue
            lock = lock_file(stream)
            if lock is Lock.ANOTHERS or (lock is Lock.NOT_OFFERED and not new):
                raise _in_use(stream, path, what, lock)
            if _is_at(stream, path):
                stream.truncate(0)
                stream.write(f"process {os.getpid()} on {platform.node()}".encode())
                return stream
            stream.close()  # whoever held it removed it meanwhile
    except OSError as error:
        raise UsageError(f'cannot write "{printable(path)}": {error.strerror}') from None
    raise UsageError(f"{what} is used by one run after another: try again")


def _in_use(stream: IO[bytes], path: str, what: str, lock: Lock) -> UsageError:
    with stream:
        owner = printable(stream.read(_MOST_OWNER).decode(errors="replace"))
    left = "" if lock is Lock.ANOTHERS else f'; if it is over, remove "{printable(path)}"'
    return UsageError(f"{what} is used by {owner or 'another run'}: wait for it, or end it{left}")


def _opened(path: str) -> tuple[IO[bytes] | None, bool]:
    """The file, and whether it was not there; none if it went meanwhile."""
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with suppress(FileExistsError):
        return open(os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666), "r+b", 0), True
    with suppress(FileNotFoundError):
        return open(os.open(path, flags), "r+b", 0), False
    return None, False


def _is_at(stream: IO[bytes], path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
