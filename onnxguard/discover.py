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

    A path that is not there is kept: the scan reports it. Links to folders are not followed, so
    that a loop of links ends; a link to a file is.

    Raises:
        UsageError: a folder or glob that holds no model, or a folder that cannot be listed.
    """
    found: dict[str, None] = {}
    for path in paths:
        if path == "-" or os.path.isfile(path):
            models = [path]
        elif os.path.isdir(path):
            models = _below(path)
        elif os.path.lexists(path) or not glob.has_magic(path):
            models = [path]
        else:
            models = _matching(path)
        found.update(dict.fromkeys(models))
    if not found:
        raise UsageError("no model to scan: name files, folders, globs or -")
    return list(found)


def _matching(pattern: str) -> list[str]:
    models: list[str] = []
    for path in sorted(glob.glob(pattern, recursive=True)):
        models += [path] if not os.path.isdir(path) else []
    if not models:
        raise UsageError(f'"{printable(pattern)}" matches no file')
    return models


def _below(folder: str) -> list[str]:
    models: list[str] = []
    for place, folders, files in os.walk(folder, onerror=_unlistable):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        models += [
            os.path.join(place, name) for name in sorted(files) if name.lower().endswith(SUFFIX)
        ]
    if not models:
        raise UsageError(f'no *{SUFFIX} file in the folder "{printable(folder)}"')
    return models


def _unlistable(error: OSError) -> None:
    shown = printable(os.fspath(error.filename or ""))
    raise UsageError(f'cannot list the folder "{shown}": {error.strerror}') from None
