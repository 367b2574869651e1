"""Where what can be made again is kept, and what of it is there."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

STORE, BUILDING = "decoded images", "an unfinished build"
CHECK = "verdicts of check"
_KINDS = {
    r"check-\d+\.sqlite(-journal|-wal|-shm)?": CHECK,
    r"[0-9a-f]{32}": STORE,
    r"building-[0-9a-f]{16}": BUILDING,
}
"""What is ours, by its name: all else in the folder is left alone."""
INDEX = "index.json"
"""The file in a store that says what it holds; it is touched where the store is used."""


class Kept(NamedTuple):
    """An entry of the folder.

    Attributes:
        path: a file, or a folder of files.
        kind: what it holds.
        size: bytes.
        used: when it was last read or written, seconds of Unix time.
    """

    path: Path
    kind: str
    size: int
    used: float

    def remove(self) -> None:
        """Remove it, whoever reads it; what is gone already is no error.

        Raises:
            OSError: it cannot be removed.
        """
        if self.path.is_dir():
            import shutil

            shutil.rmtree(self.path, ignore_errors=True)
            if os.path.lexists(self.path):
                os.rmdir(self.path)
        else:
            self.path.unlink(missing_ok=True)


def cache_folder() -> Path:
    """``$ONNXGUARD_CACHE``, else ``onnxguard`` in the user's folder for caches."""
    if chosen := os.environ.get("ONNXGUARD_CACHE"):
        return Path(chosen)
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(xdg) if os.path.isabs(xdg) else Path("~/.cache").expanduser()) / "onnxguard"


def kept_in(folder: Path) -> list[Kept]:
    """What onnxguard keeps there, what was used longest ago first; links are not followed."""
    return sorted(_kept(folder), key=lambda entry: (entry.used, entry.path))


def _kept(folder: Path) -> Iterator[Kept]:
    for name in os.listdir(folder) if folder.is_dir() else []:
        kind = next((kind for form, kind in _KINDS.items() if re.fullmatch(form, name)), None)
        path = folder / name
        with suppress(FileNotFoundError):  # another process removed it
            is_folder = stat.S_ISDIR(path.lstat().st_mode)
            if kind is None or path.is_symlink() or is_folder != (kind != CHECK):
                continue
            if kind == STORE and not (path / INDEX).is_file():
                continue
            files = [path] if not is_folder else [path / inside for inside in os.listdir(path)]
            states = [file.lstat() for file in files]
            times = [state.st_mtime for state in states] or [path.lstat().st_mtime]
            yield Kept(path, kind, sum(state.st_size for state in states), max(times))
