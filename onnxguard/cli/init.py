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
from onnxguard.policy.registry import DEFAULT_ALLOWLIST, is_path, load_allowlist
from onnxguard.repository.first_manifest import first_manifest
from onnxguard.repository.inventory import take_inventory, virtual_environments
from onnxguard.repository.manifest import MANIFEST, Manifest
from onnxguard.repository.manifest_file import parse_manifest


@click.command(epilog=examples("init models/ --allowlist adr-0258"))
@click.argument("folder", default=".", type=FilePath("FOLDER"))
@config_option
@click.option(
    "--allowlist",
    type=LIST,
    default=DEFAULT_ALLOWLIST,
    show_default=True,
    help="The list that the manifest names for all models.",
)
@click.option("--force", is_flag=True, help="Write over a manifest that is there.")
def init(folder: str, allowlist: str, force: bool) -> int:
    """Write onnxguard.yaml for the models below FOLDER, the current one by default.

    It asks of every model what the model is today: its opset, its inputs and its outputs.
    """
    root = os.path.abspath(folder)
    target = os.path.join(root, MANIFEST)
    if not os.path.isdir(root):
        raise UsageError(f'"{printable(folder)}" is not a folder')
    if os.path.lexists(target) and not force:
        raise UsageError(f"{MANIFEST} is there already: edit it, or write it anew with --force")
    refuse_link(target)
    policy = load_allowlist(allowlist)
    if is_path(allowlist):
        allowlist = os.path.relpath(allowlist, root).replace(os.sep, "/")
        allowlist = allowlist if "/" in allowlist else f"./{allowlist}"
    exclude = tuple(virtual_environments(root))
    globs = tuple(f"{escaped(folder)}/**" for folder in exclude)
    inventory = take_inventory(Manifest(root, MANIFEST, (), globs, False, ""))
    models = [path for path, _ in inventory.models]
    if not models:
        raise UsageError(f"no models below {printable(root)}: there is nothing to write down")
    text = first_manifest(root, models, exclude, policy, allowlist)
    entries = len(parse_manifest(text.encode(), root, MANIFEST).entries)
    write_whole(target, text)
    click.echo(
        f"wrote {MANIFEST}: {len(models):,} models in {entries:,} "
        f"{'entry' if entries == 1 else 'entries'}; "
        "look at it, then run onnxguard lock and onnxguard check"
    )
    return 0
