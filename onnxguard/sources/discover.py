"""From what the user named to the models to scan; ``files`` opens each of them."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.sources.remote import DEFAULT_ACCESS, Access, is_remote

SUFFIX = ".onnx"
SKIPPED_FOLDERS = frozenset({".git"})


def find_models(
    paths: Iterable[str],
    access: Access = DEFAULT_ACCESS,
    passed_over: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Expand files, folders (recursively, ``*.onnx`` in any case), globs, addresses and ``-``.

    What leads to no model (nothing there, an empty folder, a glob without a match) is kept as it
    is: the scan reports it as unreadable, in whichever format. Links to folders are not followed,
    so that a loop of links ends; a link to a file is.

    Args:
        paths: what was named.
        access: how long a server may be asked.
        passed_over: told of each folder that was not entered: a link, or Git's own.

    Raises:
        UsageError: a folder that cannot be listed, or an address that cannot be read.
    """
    found: dict[str, None] = {}
    for path in paths:
        models: list[str] = []
        if is_remote(path):
            from onnxguard.sources.remote.opening import models_at

            models = models_at(path, access)
        else:
            if os.path.isdir(path):
                models = _below(path, passed_over)
            elif os.path.lexists(path):
                models = [path]
            if path != "-" and glob.has_magic(path):  # a file of that very name does not end it
                models += _matching(path)
        found.update(dict.fromkeys(models or [path]))
    return list(found)


def _matching(pattern: str) -> list[str]:
    """What a glob matches, hidden names and ``.ONNX`` too, as below a folder."""
    if pattern.lower().endswith(SUFFIX):
        pattern = pattern[: -len(SUFFIX)] + ".[oO][nN][nN][xX]"
    found = sorted(glob.glob(pattern, recursive=True, include_hidden=True))
    return [
        path
        for path in found
        if not os.path.isdir(path) and SKIPPED_FOLDERS.isdisjoint(path.split(os.sep))
    ]


def _below(folder: str, passed_over: Callable[[str], None]) -> list[str]:
    models: list[str] = []
    for place, folders, files in os.walk(folder, onerror=unlistable):
        for name in sorted(folders):
            if name in SKIPPED_FOLDERS or os.path.islink(os.path.join(place, name)):
                passed_over(os.path.join(place, name))
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        models += [
            os.path.join(place, name) for name in sorted(files) if name.lower().endswith(SUFFIX)
        ]
    return models


def unlistable(error: OSError) -> None:
    """Stop a walk at a folder that cannot be listed: models might lie there.

    Raises:
        UsageError: always.
    """
    shown = printable(os.fspath(error.filename or ""))
    raise UsageError(f'cannot list the folder "{shown}": {error.strerror}') from None
