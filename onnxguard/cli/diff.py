"""``onnxguard diff``."""

from __future__ import annotations

import os

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import plural, printable
from onnxguard.cli.config import config_option
from onnxguard.cli.examples import examples
from onnxguard.cli.kinds import LIST, FilePath
from onnxguard.cli.output import Reports, keep_gate, report_options, write_reports
from onnxguard.cli.shape_option import shape_option
from onnxguard.policy.registry import DEFAULT_ALLOWLIST, list_files, load_allowlist
from onnxguard.policy.sizes import Sizes
from onnxguard.reporters import DIFFERENCE_REPORTERS, REVIEW_REPORTERS


@click.command(
    epilog=examples("diff old.onnx new.onnx --allowlist adr-0258", "diff --git main...HEAD models/")
)
@click.argument("files", nargs=-1, type=FilePath("FILE"), metavar="OLD NEW | [PATH]...")
@config_option
@click.option(
    "--git",
    "span",
    metavar="BASE..HEAD",
    help="Compare every model that differs between two revisions; BASE...HEAD: since they parted.",
)
@click.option(
    "--allowlist",
    "allowlists",
    type=LIST,
    multiple=True,
    default=[DEFAULT_ALLOWLIST],
    show_default=True,
    help="A list to judge both models by; may be given several times.",
)
@shape_option
@report_options(DIFFERENCE_REPORTERS)
@click.option("--verbose", "-v", is_flag=True, help="Cut no list short.")
def diff(
    files: tuple[str, ...],
    span: str | None,
    allowlists: tuple[str, ...],
    verbose: bool,
    sizes: Sizes,
    reports: Reports,
) -> int:
    """Say what differs between two models, and what allowlists say of each.

    OLD and NEW are files or addresses; one of them may be - for standard input. With --git it is
    every model that was added, removed, renamed or changed, with its external data as of each
    revision; of PATH alone where one is given.

    Exit code: 0 NEW passes every list, however it differs; 1 NEW fails a list; 2 a model could not
    be verified or the call is wrong.
    """
    names = list(dict.fromkeys(allowlists))
    lists = [load_allowlist(name)._replace(sizes=sizes) for name in names] if sizes else names
    sketched = "html" in reports.forms
    gate = [str(path) for name in names for path in list_files(name)]

    def keep(file: str) -> None:
        keep_gate("--output", file, gate)

    if span is not None:
        from onnxguard.differences.review import review

        targets = reports.targets(keep=keep)
        reviewed = review(span, files, lists, sketched=sketched)
        write_reports(REVIEW_REPORTERS, reviewed, targets, int(verbose))
        return reviewed.exit_code
    from onnxguard.differences import compare

    if len(files) != 2:
        raise UsageError(
            f"name two models, OLD and NEW, or two revisions, --git BASE..HEAD: "
            f"{plural(len(files), 'model')} given"
        )
    old, new = files
    if old == new == "-":
        raise UsageError("standard input holds one model: give a file for OLD or for NEW")
    for path in files:
        if os.path.isdir(path):
            raise UsageError(f'"{printable(path)}" is a folder: diff compares two files')
    targets = reports.targets(files, keep)
    difference = compare(old, new, lists, sketched)
    write_reports(DIFFERENCE_REPORTERS, difference, targets, int(verbose))
    return difference.exit_code
