"""``onnxguard diff``."""

from __future__ import annotations

import os
from typing import Any

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.cli.config import config_option
from onnxguard.cli.examples import examples
from onnxguard.cli.kinds import LIST, FilePath
from onnxguard.cli.output import report_options, targets_of, write_reports
from onnxguard.differences import compare
from onnxguard.policy.registry import DEFAULT_ALLOWLIST
from onnxguard.reporters import DIFFERENCE_REPORTERS


@click.command(epilog=examples("diff old.onnx new.onnx --allowlist adr-0258"))
@click.argument("old", type=FilePath("OLD"))
@click.argument("new", type=FilePath("NEW"))
@config_option
@click.option(
    "--allowlist",
    "allowlists",
    type=LIST,
    multiple=True,
    default=[DEFAULT_ALLOWLIST],
    show_default=True,
    help="A list to judge both models by; may be given several times.",
)
@report_options(DIFFERENCE_REPORTERS)
@click.option("--verbose", "-v", is_flag=True, help="Cut no list short.")
def diff(
    old: str,
    new: str,
    allowlists: tuple[str, ...],
    verbose: bool,
    **options: Any,
) -> int:
    """Say what differs between two models, and what allowlists say of each.

    OLD and NEW are files or addresses; one of them may be - for standard input.

    Exit code: 0 NEW passes every list, however it differs; 1 NEW fails a list; 2 a model could not
    be verified or the call is wrong.
    """
    if old == new == "-":
        raise UsageError("standard input holds one model: give a file for OLD or for NEW")
    for path in (old, new):
        if os.path.isdir(path):
            raise UsageError(f'"{printable(path)}" is a folder: diff compares two files')
    targets = targets_of(options, [old, new])
    difference = compare(old, new, list(dict.fromkeys(allowlists)))
    write_reports(DIFFERENCE_REPORTERS, difference, targets, int(verbose))
    return difference.exit_code
