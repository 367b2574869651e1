"""From what the user named to the models to scan."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable

from onnxguard.errors import UsageError
from onnxguard.printable import printable

SUFFIX = ".onnx"
SKIPPED_FOLDERS = frozenset({".git"})


def find_models(paths: Iterable[str]) -> list[str]:
    """Expand files, folders (recursively, ``*.onnx`` in any case), globs and ``-``.

    What leads to no model (nothing there, an empty folder, a glob without a match) is kept as it
    is: the scan reports it as unreadable, in whichever format. Links to folders are not followed,
    so that a loop of links ends; a link to a file is.

    Raises:
        UsageError: a folder that cannot be listed.
    """
    found: dict[str, None] = {}
    for path in paths:
        models: list[str] = []
        if os.path.isdir(path):
            models = _below(path)
        elif path != "-" and glob.has_magic(path) and not os.path.lexists(path):
            models = [p for p in sorted(glob.glob(path, recursive=True)) if not os.path.isdir(p)]
        found.update(dict.fromkeys(models or [path]))
    return list(found)


def _below(folder: str) -> list[str]:
    models: list[str] = []
    for place, folders, files in os.walk(folder, onerror=_unlistable):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        models += [
            os.path.join(place, name) for name in sorted(files) if name.lower().endswith(SUFFIX)
        ]
    return models


def _unlistable(error: OSError) -> None:
    shown = printable(os.fspath(error.filename or ""))
    raise UsageError(f'cannot list the folder "{shown}": {error.strerror}') from None
