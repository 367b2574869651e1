"""Where a file that decides is looked for: in a repository, and not above it."""

from __future__ import annotations

import os
from pathlib import Path


def searched_folders(start: Path) -> tuple[Path, ...]:
    """``start`` and what lies above it, up to the repository's root, which has a ``.git``.

    Outside of a repository it is ``start`` alone: the folders above may be anybody's, as /tmp is.
    """
    folders = (start, *start.parents)
    for count, folder in enumerate(folders, 1):
        if os.path.lexists(folder / ".git"):
            return folders[:count]
    return folders[:1]
