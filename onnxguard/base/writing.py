"""Write a file so that it is either there whole or not at all, after a power cut too."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import IO

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable


def refuse_link(path: str) -> None:
    """Refuse to write where a symbolic link stands: whoever made a repository chose where it leads.

    Every file that the tool writes goes through here, and every folder that it fills. Links above
    what the user named are the user's.

    Raises:
        UsageError: it is a link.
    """
    if os.path.islink(path.rstrip("/")):
        raise UsageError(
            f'cannot write "{printable(path)}": it is a symbolic link, which is not followed; '
            "remove it, or name what it leads to"
        )


def write_whole(path: str, content: str | bytes | Iterable[str]) -> None:
    """Write a file, text as UTF-8, to a temporary one in the same folder, then rename it.

    Once this returns, the file is on the disk itself.

    Raises:
        UsageError: the file cannot be written, or is a symbolic link; what stood there before still
            does.
    """
    refuse_link(path)
    import tempfile  # imported here: most runs write no file

    folder, name = os.path.split(os.path.realpath(path))
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name[:64]}.", dir=folder)
        with open(descriptor, "wb") as stream:
            pieces = [content] if isinstance(content, str | bytes) else content
            stream.writelines(p.encode() if isinstance(p, str) else p for p in pieces)
            sync(stream)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        put_in_place(temporary, path if os.path.isdir(path) else os.path.join(folder, name))
    except BaseException as error:  # Ctrl-C too
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        if not isinstance(error, OSError):
            raise
        raise UsageError(f'cannot write "{printable(path)}": {error.strerror}') from None


_NOT_OFFERED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
"""What a file system says that cannot be asked to write at once."""


def sync(stream: IO[bytes]) -> None:
    """Have what was written on the disk itself: a rename may get there before the bytes do.

    Raises:
        OSError: it could not be written; a full disk may tell only now.
    """
    stream.flush()
    _sync(stream.fileno())


def sync_folder(path: str) -> None:
    """Have a folder's names on the disk itself, so that none of them is lost to a power cut.

    Raises:
        OSError: they could not be written.
    """
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folder
        return
    try:
        descriptor = os.open(path or os.curdir, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # a folder that may be written and not read
        return
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(source: str, target: str) -> None:
    """Rename a file whose bytes were given to ``sync``; the new name is on the disk at the end.

    Raises:
        OSError: it could not be renamed.
    """
    os.replace(source, target)
    sync_folder(os.path.dirname(target))


def make_folders(path: str) -> None:
    """Make a folder and those above it, so that a power cut does not take them with what they hold.

    Raises:
        OSError: one cannot be made.
    """
    above = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(path):
        if not os.path.exists(above):
            make_folders(above)
        os.makedirs(path, exist_ok=True)
        sync_folder(above)


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise
