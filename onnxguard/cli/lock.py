"""``onnxguard lock``."""

from __future__ import annotations

import os

import click

from onnxguard.base.errors import ManifestError
from onnxguard.base.processes import cores
from onnxguard.base.writing import refuse_link
from onnxguard.cli.config import config_option
from onnxguard.cli.examples import examples
from onnxguard.cli.kinds import FilePath
from onnxguard.cli.left_out import ignored_option, say_ignored
from onnxguard.cli.progress import progress_bars
from onnxguard.repository.inventory import take_inventory
from onnxguard.repository.lock import LOCK, read_lock, write_lock
from onnxguard.repository.lock_digests import digests
from onnxguard.repository.manifest_file import nearest_manifest


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
def lock(manifest: str | None, jobs: int, include_ignored: bool) -> int:
    """Write onnxguard.lock: the SHA-256 of every model and of its external data.

    Commit it with the models; `onnxguard check` fails where a file changed without it.
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
        files = digests(found, inventory, jobs or cores(), step)
    write_lock(found.root, files)
    new = len(files.keys() - old.keys())
    gone = len(old.keys() - files.keys())
    changed = sum(old.get(path, digest) != digest for path, digest in files.items())
    click.echo(
        f"wrote {LOCK}: {len(files):,} files, {new:,} new, {changed:,} changed, {gone:,} gone"
    )
    say_ignored(inventory.ignored)
    return 0
