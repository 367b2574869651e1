"""From what the user named to the models to scan; ``files`` opens each of them."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Container, Iterator, Sequence

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.sources.ignored import ignored_by_git, ignores_nothing
from onnxguard.sources.remote import DEFAULT_ACCESS, Access, is_remote

SUFFIX = ".onnx"
EMPTY = 'a path is empty (""): is a variable not set?'
SKIPPED_FOLDERS = frozenset({".git"})


def find_models(
    paths: Sequence[str],
    access: Access = DEFAULT_ACCESS,
    passed_over: Callable[[str], None] = lambda _: None,
    ignored: Callable[[str], None] | None = None,
) -> list[str]:
    """Expand files, folders (recursively, ``*.onnx`` in any case), globs, addresses and ``-``.

    What leads to no model (nothing there, an empty folder, a glob without a match) is kept as it
    is: the scan reports it as unreadable, in whichever format. Links to folders are not followed,
    so that a loop of links ends; a link to a file is. One that leads out of the folders that were
    named is kept as well, and reported as unreadable: models may lie behind it.

    What Git ignores below a folder may be left out. What is named is not, by its path or by a glob,
    nor what lies in a folder that was named and that Git ignores itself.

    Args:
        paths: what was named.
        access: how long a server may be asked.
        passed_over: told of each folder that was not entered: a link, or Git's own.
        ignored: told of each model that was left out because Git ignores it; None: none is.

    Raises:
        UsageError: a folder that cannot be listed, an address that cannot be read, an empty path.
    """
    if "" in paths:
        raise UsageError(EMPTY)
    folders = [path for path in paths if os.path.isdir(path)]
    roots = [os.path.realpath(folder) for folder in folders]
    ignores = ignores_nothing if ignored is None else ignored_by_git(folders)
    found: dict[str, None] = {}
    out: list[str] = []
    for path in paths:
        models: list[str] = []
        if is_remote(path):
            from onnxguard.sources.remote.opening import models_at

            models = models_at(path, access)
        else:
            if os.path.isdir(path):
                models = _below(path, roots, passed_over)
                if not ignores(os.path.realpath(path)):
                    out += filter(ignores, models)
                    models = [model for model in models if not ignores(model)]
            elif os.path.lexists(path):
                models = [path]
            if path != "-" and glob.has_magic(path):  # a file of that very name does not end it
                models += _matching(path, roots, passed_over)
        found.update(dict.fromkeys(models or [path]))
    if ignored is not None:
        for path in dict.fromkeys(out):
            if path not in found:
                ignored(path)
    return list(found)


def _matching(glob_: str, roots: Sequence[str], passed_over: Callable[[str], None]) -> list[str]:
    """What a glob matches, hidden names and ``.ONNX`` too, as below a folder."""
    text = glob_.replace(os.sep, "/")
    if text.lower().endswith(SUFFIX):
        text = text[: -len(SUFFIX)] + ".[oO][nN][nN][xX]"
    parts = text.split("/")
    if "**" not in parts:
        found = sorted(glob.glob(text, include_hidden=True))
        return [p for p in found if not os.path.isdir(p) and not _of_git(p)]
    from onnxguard.base.globs import pattern

    # glob would follow links here, and those that lead back once for every way there is.
    at = parts.index("**")
    head, below = "/".join(parts[:at]), "/".join(parts[at:])
    head = f"{head}/" if at else ""
    try:
        wanted = pattern(below)
    except ValueError:
        return []
    models: list[str] = []
    for folder in sorted(glob.glob(head, include_hidden=True)) if head else [""]:
        if _of_git(folder):
            continue
        within = [*roots, os.path.realpath(folder)]
        for found_at, kind in walk(folder or ".", within):
            path = found_at if folder else found_at[2:]  # without the ./
            if kind == "outside" or (kind == "file" and wanted.fullmatch(path[len(folder) :])):
                models.append(path)
            elif kind in ("link", "skipped"):
                passed_over(path)
    return sorted(models)


def _of_git(path: str) -> bool:
    return not SKIPPED_FOLDERS.isdisjoint(path.split(os.sep))


def _below(folder: str, roots: Sequence[str], passed_over: Callable[[str], None]) -> list[str]:
    models: list[str] = []
    for path, kind in walk(folder, roots):
        if kind == "outside" or (kind == "file" and path.lower().endswith(SUFFIX)):
            models.append(path)
        elif kind in ("link", "skipped"):
            passed_over(path)
    return models


def walk(
    folder: str, roots: Sequence[str], pruned: Container[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    """Every path below a folder, and what it is, folder by folder in order.

    A ``file``; a folder that is not entered: a ``link`` to one that is looked at for itself, a link
    that leads ``outside`` of them, a ``skipped`` one, or one that is ``pruned``.

    Args:
        folder: to look through.
        roots: the folders that are looked through, without links.
        pruned: paths of folders to leave out.

    Raises:
        UsageError: a folder that cannot be listed.
    """
    for place, folders, files in os.walk(folder, onerror=unlistable):
        entered = []
        for name in sorted(folders):
            path = os.path.join(place, name)
            if path in pruned:
                yield path, "pruned"
            elif os.path.islink(path):
                yield path, "link" if _is_below(os.path.realpath(path), roots) else "outside"
            elif name in SKIPPED_FOLDERS:
                yield path, "skipped"
            else:
                entered.append(name)
        folders[:] = entered
        for name in sorted(files):
            yield os.path.join(place, name), "file"


def _is_below(target: str, roots: Sequence[str]) -> bool:
    """Whether the folder is looked at: it lies in one of the roots, and not in Git's own."""
    tops = (os.path.join(root, "") for root in roots)
    rests = (target[len(top) :] for top in tops if os.path.join(target, "").startswith(top))
    return any(not _of_git(rest) for rest in rests)


def unlistable(error: OSError) -> None:
    """Stop a walk at a folder that cannot be listed: models might lie there.

    Raises:
        UsageError: always.
    """
    shown = printable(os.fspath(error.filename or ""))
    raise UsageError(f'cannot list the folder "{shown}": {error.strerror}') from None
