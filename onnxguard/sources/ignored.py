"""What Git ignores below folders, and does not track: models that nobody delivers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from onnxguard.base.errors import UsageError
from onnxguard.base.searched_folders import searched_folders

Ignores = Callable[[str], bool]
"""Whether Git ignores a path, or a folder that it lies in."""


def ignores_nothing(_: str) -> bool:
    """Whether Git ignores a path, where nobody asks it."""
    return False


def ignored_by_git(folders: Iterable[str]) -> Ignores:
    """Ask Git once for each repository that the folders lie in.

    What Git tracks is never ignored, whatever a pattern says, and nothing is where there is no
    repository, or no Git that reads it.
    """
    asked: dict[Path, list[str]] = {}
    for folder in folders:
        real = Path(os.path.realpath(folder))
        root = searched_folders(real)[-1]
        if os.path.lexists(root / ".git"):
            asked.setdefault(root, []).append(real.relative_to(root).as_posix())
    ignored = {
        os.path.join(root, path) for root, below in asked.items() for path in _listed(root, below)
    }
    if not ignored:
        return ignores_nothing

    @cache
    def folder_is(folder: str) -> bool:
        return folder in ignored or (folder != (up := os.path.dirname(folder)) and folder_is(up))

    real_path = cache(os.path.realpath)

    def ignores(path: str) -> bool:
        folder, name = os.path.split(os.path.abspath(path))
        folder = real_path(folder)  # and the path itself as it is: Git looks at links, not behind
        return os.path.join(folder, name) in ignored or folder_is(folder)

    return ignores


def _listed(root: Path, below: list[str]) -> list[str]:
    """Files and folders that Git ignores, relative to the root; none where it cannot say."""
    from onnxguard.sources.revisions import run_git

    words = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z", "--")
    specs = [f":(literal){path}" for path in below if path != "."]
    try:
        done = run_git(root, *words, *(specs if "." not in below else ()), alone=True)
    except UsageError:
        return []
    found = [] if done.returncode else done.stdout.split(b"\0")
    return [os.fsdecode(path.rstrip(b"/")) for path in found if path]
