"""Notice that a file is read: a reference that reads the graph under test proves nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_watched: list[tuple[int, list[str]]] = []
_installed: list[bool] = []


@contextmanager
def files_read(size: int) -> Iterator[list[str]]:
    """Collect the files of ``size`` bytes that Python opens, through an audit hook (PEP 578).

    The size tells a copy of the graph, or a link to it, from most other files; the caller looks at
    the rest.

    What C++ opens, ONNX Runtime for one, goes unseen. An audit hook cannot be taken away again;
    outside of this block it does nothing.
    """
    if not _installed:
        sys.addaudithook(_notice)
        _installed.append(True)
    entry: tuple[int, list[str]] = (size, [])
    _watched.append(entry)
    try:
        yield entry[1]
    finally:
        _watched.remove(entry)


def _notice(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watched or event != "open" or not isinstance(arguments[0], str | bytes):
        return
    mode, flags = arguments[1] or "", arguments[2] or 0
    if "w" in mode or flags & os.O_WRONLY:
        return
    try:
        found = os.stat(arguments[0]).st_size
    except (OSError, ValueError):
        return
    for size, seen in _watched:
        if found == size:
            seen.append(os.path.abspath(os.fsdecode(arguments[0])))
