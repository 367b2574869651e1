"""``onnxguard init``."""

from __future__ import annotations

import os

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.globs import escaped
from onnxguard.base.printable import printable
from onnxguard.base.writing import refuse_link, write_whole
from onnxguard.cli.config import config_option
from onnxguard.cli.examples import examples
from onnxguard.cli.kinds import LIST, FilePath
from onnxguard.cli.left_out import ignored_option, say_ignored
from onnxguard.cli.messages import say
from onnxguard.policy.allowlist import Allowlist
from onnxguard.policy.registry import DEFAULT_ALLOWLIST, is_path, load_allowlist
from onnxguard.reporters.kit.phrases import plural
from onnxguard.repository.added_entries import with_entries
from onnxguard.repository.first_manifest import entries_of, first_manifest
from onnxguard.repository.inventory import but_ignored, take_inventory, virtual_environments
from onnxguard.repository.manifest import MANIFEST, Manifest
from onnxguard.repository.manifest_file import parse_manifest, read_manifest


@click.command(epilog=examples("init models/ --allowlist adr-0258", "init models/ --dry-run"))
@click.argument("folder", default=".", type=FilePath("FOLDER"))
@config_option
@click.option(
    "--allowlist",
    type=LIST,
    default=DEFAULT_ALLOWLIST,
    show_default=True,
    help="The list that the manifest names for all models.",
)
@click.option("--add", is_flag=True, help="There must be a manifest to add to.")
@click.option("--force", is_flag=True, help="Write it anew: what it says of models is lost.")
@click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
@ignored_option
def init(
    folder: str, allowlist: str, add: bool, force: bool, dry_run: bool, include_ignored: bool
) -> int:
    """Write onnxguard.yaml for the models below FOLDER, the current one by default.

    It asks of every model what the model is today: its opset, its inputs and its outputs. Where
    there is a manifest, entries are added for the models that it does not cover, and every word of
    it stays.
    """
    root = os.path.abspath(folder)
    target = MANIFEST if folder == "." else os.path.join(folder, MANIFEST)
    shown = printable(target)
    if not os.path.isdir(root):
        raise UsageError(f'"{printable(folder)}" is not a folder')
    if add and force:
        raise UsageError("--add keeps what is there, --force does not: name one of them")
    if add and not os.path.lexists(target):
        raise UsageError(f"--add: there is no {shown}: leave it out")
    refuse_link(target)
    policy = load_allowlist(allowlist)
    if is_path(allowlist):
        allowlist = os.path.relpath(allowlist, root).replace(os.sep, "/")
        allowlist = allowlist if "/" in allowlist else f"./{allowlist}"
    if os.path.lexists(target) and not force:
        return _add(root, target, policy, allowlist, dry_run, include_ignored)
    exclude = tuple(virtual_environments(root))
    globs = tuple(f"{escaped(folder)}/**" for folder in exclude)
    inventory = take_inventory(Manifest(root, MANIFEST, (), globs, False, "", (), include_ignored))
    models = [path for path, _ in inventory.models]
    if not models:
        raise UsageError(
            f"no models below {printable(root)}{but_ignored(inventory)}: "
            "there is nothing to write down"
        )
    text = first_manifest(root, models, exclude, policy, allowlist, include_ignored)
    say_ignored(inventory.ignored)
    entries = len(parse_manifest(text.encode(), root, MANIFEST).entries)
    if dry_run:
        click.echo(text, nl=False)
        return 0
    write_whole(target, text)
    there = "" if folder == "." else " there"
    say(
        f"wrote {shown}: {plural(len(models), 'model')} in {_entries(entries)}; "
        f"look at it, then run onnxguard lock and onnxguard check{there}"
    )
    return 0


def _add(
    root: str,
    target: str,
    policy: Allowlist,
    allowlist: str,
    dry_run: bool,
    include_ignored: bool,
) -> int:
    """Add entries for the models that the manifest does not cover."""
    shown = printable(target)
    manifest = read_manifest(target)
    if include_ignored and not manifest.include_ignored:
        raise UsageError(f"--include-ignored: write 'include_ignored: true' into {shown} first")
    inventory = take_inventory(manifest)
    say_ignored(inventory.ignored)
    new = [path for path, entry in inventory.models if entry is None]
    if not new:
        say(f"{shown} covers every model: there is nothing to add")
        return 0
    covered = [path for path, entry in inventory.models if entry is not None]
    lines = entries_of(root, new, covered, policy, allowlist)
    try:
        with open(target, encoding="utf-8-sig", newline="") as file:
            text = with_entries(file.read(), lines)
    except UsageError as error:
        raise UsageError(f"{shown}: {error}") from None
    added = parse_manifest(text.encode(), root, MANIFEST)
    entries = len(added.entries) - len(manifest.entries)
    what = f"{plural(len(new), 'model')} in {_entries(entries)}"
    if dry_run:
        click.echo("\n".join([f"would add {what}:", *lines]))
        return 0
    write_whole(target, text)
    say(f"added {what} to {shown}; look at it, then run onnxguard lock")
    return 0


def _entries(count: int) -> str:
    return f"{count:,} {'entry' if count == 1 else 'entries'}"
