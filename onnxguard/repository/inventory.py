"""The models that lie in a repository, and the state of their files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from onnxguard.base.globs import Globs, literal
from onnxguard.model.facts import Facts
from onnxguard.repository.manifest import EntryFinder, Manifest
from onnxguard.sources.data_files import DataFile, DataFolder
from onnxguard.sources.discover import SUFFIX, walk
from onnxguard.sources.ignored import ignored_by_git, ignores_nothing

VIRTUAL_ENVIRONMENT = "pyvenv.cfg"
"""A folder with this file holds installed packages, some of which bring models along."""

_BELOW = "/**"


class Inventory(NamedTuple):
    """What lies below a manifest's folder, as paths relative to it, parted by ``/``.

    Attributes:
        models: sorted, each with the index of the entry that covers it, None where none does.
        excluded: files and folders that the manifest leaves out.
        links: links to folders that are looked at for themselves, which are not followed.
        skipped: folders of Git's own.
        ignored: models that Git ignores and does not track.
    """

    models: tuple[tuple[str, int | None], ...]
    excluded: tuple[str, ...]
    links: tuple[str, ...]
    skipped: tuple[str, ...]
    ignored: tuple[str, ...]


def take_inventory(manifest: Manifest, named: Iterable[str] = ()) -> Inventory:
    """Find every ``*.onnx`` file (in any case), and whatever else an entry covers.

    Nothing hides a model but the manifest's ``exclude``, Git's own folder, and Git's ignoring it
    where neither the manifest asks for such models nor anybody names it. A link to a folder outside
    is taken for a model, which then cannot be read: some may lie behind it.

    Args:
        manifest: says what to look for; what it names by its path is named.
        named: further paths of models, and of folders that Git ignores, relative to its root.

    Raises:
        UsageError: a folder that cannot be listed.
    """
    # A pattern that ends in a star is meant for models, whatever else lies beside them.
    endings = (SUFFIX, "*")
    odd = Globs(g for e in manifest.entries for g in e.paths if not g.lower().endswith(endings))
    exclude = Globs(manifest.exclude)
    finder = EntryFinder(manifest.entries)
    pruned = frozenset(g.removesuffix(_BELOW) for g in manifest.exclude if g.endswith(_BELOW))
    ignores = ignores_nothing if manifest.include_ignored else ignored_by_git([manifest.root])
    if ignores(os.path.realpath(manifest.root)):
        ignores = ignores_nothing
    wanted = {glob for entry in manifest.entries for glob in entry.paths if literal(glob)}
    wanted.update(path for path in named if ignores(os.path.join(manifest.root, path)))
    found: list[tuple[str, int | None]] = []
    ignored: list[str] = []
    excluded: list[str] = []
    links: list[str] = []
    skipped: list[str] = []
    for path, kind in _below(manifest.root, pruned):
        if kind == "link":
            links.append(path)
        elif kind == "skipped":
            skipped.append(path)
        elif kind == "pruned":
            excluded.append(f"{path}/")
        elif kind == "outside" or path.lower().endswith(SUFFIX) or odd.match(path):
            if exclude.match(path):
                excluded.append(path)
            elif ignores(os.path.join(manifest.root, path)) and wanted.isdisjoint(_ways(path)):
                ignored.append(path)
            else:
                found.append((path, finder.find(path)))
    passed_over = (tuple(sorted(paths)) for paths in (excluded, links, skipped, ignored))
    return Inventory(tuple(sorted(found)), *passed_over)


def but_ignored(inventory: Inventory) -> str:
    """`` but 2 that Git ignores (--include-ignored)``; empty where it ignores none."""
    count = len(inventory.ignored)
    return f" but {count:,} that Git ignores (--include-ignored)" if count else ""


def _ways(path: str) -> Iterator[str]:
    """The path and the folders above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def virtual_environments(root: str) -> list[str]:
    """The folders below a root that hold installed packages."""
    found: list[str] = []
    for path, _ in _below(root, frozenset()):
        folder, _, name = path.rpartition("/")
        if name == VIRTUAL_ENVIRONMENT and folder:
            found.append(folder)
    return sorted(found)


def _below(root: str, pruned: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Every path below, relative and parted by ``/``, and what it is, as ``walk`` says."""
    cut = len(os.path.join(root, ""))
    left_out = frozenset(os.path.join(root, *path.split("/")) for path in pruned)
    for path, kind in walk(root, [os.path.realpath(root)], left_out):
        yield path[cut:].replace(os.sep, "/"), kind


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


def data_of(path: str, facts: Facts | None) -> list[tuple[str, DataFile]]:
    """Every location of a model's external data, sorted, and the file that it means.

    Args:
        path: the model's.
        facts: what it holds.
    """
    if facts is None or not facts.external_data:
        return []
    near = DataFolder(path)
    locations = {item.location for item in facts.external_data}
    return [(location, near.find(location)) for location in sorted(locations)]


def data_files(root: str, model: str, facts: Facts | None) -> list[str]:
    """The files of a model's external data, relative to the root; missing ones too.

    Those that are none of its own (OG402, OG403) are left out.

    Args:
        root: the folder that the model's path is relative to.
        model: that path, parted by ``/``.
        facts: what it holds.
    """
    folder, mark, _ = model.rpartition("/")
    found = data_of(os.path.join(root, model), facts)
    names = {file.name for _, file in found if file.code not in ("OG402", "OG403")}
    return sorted(f"{folder}{mark}{name}" for name in names)
