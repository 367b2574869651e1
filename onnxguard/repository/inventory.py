"""The models that lie in a repository, and the state of their files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from onnxguard.discover import SKIPPED_FOLDERS, SUFFIX
from onnxguard.errors import UsageError
from onnxguard.facts import Facts
from onnxguard.printable import printable
from onnxguard.repository.globs import matches
from onnxguard.repository.manifest import Manifest

VIRTUAL_ENVIRONMENT = "pyvenv.cfg"
"""A folder with this file holds installed packages, some of which bring models along."""


class Inventory(NamedTuple):
    """What lies below a manifest's folder, as paths relative to it, parted by ``/``.

    Attributes:
        models: sorted, each with the index of the entry that covers it, None where none does.
        excluded: how many files were left out.
    """

    models: tuple[tuple[str, int | None], ...]
    excluded: int


def take_inventory(manifest: Manifest) -> Inventory:
    """Find every ``*.onnx`` file (in any case), and whatever else an entry covers.

    Raises:
        UsageError: a folder that cannot be listed.
    """
    odd = [g for e in manifest.entries for g in e.paths if not g.lower().endswith(SUFFIX)]
    found: list[tuple[str, int | None]] = []
    excluded = 0
    for path in sorted(_files(manifest.root)):
        if not path.lower().endswith(SUFFIX) and not (odd and matches(tuple(odd), path)):
            continue
        if matches(manifest.exclude, path):
            excluded += 1
        else:
            found.append((path, manifest.entry_of(path)))
    return Inventory(tuple(found), excluded)


def _files(root: str) -> Iterator[str]:
    """Every file; links to folders are not followed, .git and virtual environments left out."""
    cut = len(os.path.join(root, ""))
    for place, folders, files in os.walk(root, onerror=_unlistable):
        if VIRTUAL_ENVIRONMENT in files:
            folders.clear()
            continue
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        below = place[cut:].replace(os.sep, "/")
        prefix = f"{below}/" if below else ""
        for name in files:
            yield prefix + name


def _unlistable(error: OSError) -> None:
    shown = printable(os.fspath(error.filename or ""))
    raise UsageError(f'cannot list the folder "{shown}": {error.strerror}') from None


def state_of(path: str) -> tuple[str, int]:
    """What changes whenever a file does, and when that was last (nanoseconds since 1970).

    Size, both times, inode and device, as Git's index keeps them; empty where there is no file.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return "", 0
    parts = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev
    return ".".join(map(str, parts)), max(status.st_mtime_ns, status.st_ctime_ns)


def data_files(model: str, facts: Facts | None) -> list[str]:
    """The files of a model's external data that are there, relative to the model's root.

    Args:
        model: its path relative to the root, parted by ``/``.
        facts: what it holds.
    """
    if facts is None or not facts.external_data:
        return []
    folder = model.rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    locations = {item.location for item in facts.external_data}
    return sorted(
        prefix + location
        for location in locations
        if location and ".." not in location.split("/") and not location.startswith("/")
    )
