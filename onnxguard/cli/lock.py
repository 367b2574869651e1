"""``onnxguard lock``."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click

from onnxguard.base.errors import ManifestError
from onnxguard.base.printable import plural
from onnxguard.base.processes import cores
from onnxguard.base.writing import refuse_link
from onnxguard.cli.config import config_option
from onnxguard.cli.examples import examples
from onnxguard.cli.kinds import FilePath
from onnxguard.cli.left_out import ignored_option, say_ignored
from onnxguard.cli.messages import say
from onnxguard.cli.progress import progress_bars
from onnxguard.repository.inventory import take_inventory
from onnxguard.repository.lock import LOCK, Lock, read_lock, write_lock
from onnxguard.repository.lock_digests import Digests, digests
from onnxguard.repository.manifest_file import nearest_manifest
from onnxguard.sources.remote import shown

SHOWN = 20
"""Files that are named of those that are new, changed or gone."""


@click.command(epilog=examples("lock"))
@config_option
@click.option(
    "--manifest",
    type=FilePath("FILE"),
    help="The manifest.  [default: the nearest one]",
)
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Files to read at a time; 0: one for each core.",
)
@ignored_option
@click.option("--verbose", "-v", is_flag=True, help="Name every file that differs.")
def lock(manifest: str | None, jobs: int, include_ignored: bool, verbose: bool) -> int:
    """Write onnxguard.lock: the SHA-256 of every model and of its external data.

    It names what is new, changed and gone since the lock that was there. Commit it with the models;
    `onnxguard check` fails where a file changed without it.
    """
    found = nearest_manifest(manifest)
    if include_ignored:
        found = found._replace(include_ignored=True)
    refuse_link(os.path.join(found.root, LOCK))
    try:
        old = read_lock(found.root) or {}
    except ManifestError:  # this command is how to get rid of it
        old = {}
    inventory = take_inventory(found)
    with progress_bars() as step:
        new = digests(found, inventory, jobs or cores(), step)
    write_lock(found.root, new.files)
    for line in _changes(old, new, verbose):
        say(line, 10)
    say_ignored(inventory.ignored)
    return 0


def _changes(old: Lock, new: Digests, verbose: bool) -> Iterator[str]:
    """How many files there are, and which of them differ where there was a lock."""
    files = new.files
    came = sorted(files.keys() - old.keys())
    kinds = {
        "new": came,
        "changed": sorted(path for path in files.keys() & old.keys() if old[path] != files[path]),
        "gone": sorted(old.keys() - files.keys()),
    }
    counts = (f"{len(paths):,} {kind}" for kind, paths in kinds.items())
    yield f"wrote {LOCK}: {', '.join([plural(len(files), 'file'), *counts])}"
    now = {files[path]: path for path in reversed(came)}
    for kind, paths in kinds.items() if old else ():
        named = paths if verbose else paths[:SHOWN]
        for path in named:
            note = f" (data of {_named(new.wanted[path])})" if path in new.wanted else ""
            if kind == "gone" and old[path] in now:
                note = f" (its bytes are in {shown(now[old[path]])})"
            yield f"  {kind:7} {shown(path)}{note}"
        if len(named) < len(paths):
            yield f"  {kind:7} and {len(paths) - len(named):,} more (-v names them)"


def _named(models: list[str]) -> str:
    more = f" and {len(models) - 1:,} more" if len(models) > 1 else ""
    return shown(models[0]) + more
