"""``--baseline`` and ``--update-baseline``, which several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.cli.kinds import FilePath
from onnxguard.cli.output import check_output
from onnxguard.scanning.baseline import accept, read_baseline, write_baseline
from onnxguard.scanning.report import Run

F = TypeVar("F", bound=Callable[..., Any])


def baseline_options(command: F) -> F:
    """Add the two options to a command."""
    update = click.option(
        "--update-baseline", is_flag=True, help="Accept what is found now, and write it there."
    )
    baseline = click.option(
        "--baseline",
        type=FilePath("FILE"),
        help="Fail only on findings that this file does not accept.",
    )
    return baseline(update(command))


def check_baseline(options: dict[str, Any], partial: bool = False) -> None:
    """Fail before the work, not after it.

    Args:
        options: those of the command: ``baseline``, ``update_baseline`` and ``strict``.
        partial: only some of the models are looked at.

    Raises:
        UsageError: the options do not go together, or the file cannot be written.
        ManifestError: the file is no baseline.
    """
    path, update = options["baseline"], options["update_baseline"]
    if path is None:
        if update:
            raise UsageError("--update-baseline: name the file with --baseline FILE")
    elif not update:
        read_baseline(path)
    elif partial:
        raise UsageError("--update-baseline looks at all models: leave the paths out")
    else:
        check_output(path, option="--baseline")
        if os.path.lexists(path):
            read_baseline(path)  # nothing else is written over


def judged_by_baseline(run: Run, options: dict[str, Any], partial: bool = False) -> Run:
    """The run with what the baseline accepts waived; the file is written first if asked.

    The arguments and errors are those of ``check_baseline``.
    """
    path = options["baseline"]
    if path is None:
        return run
    if options["update_baseline"]:
        accepted = write_baseline(path, run)
        click.echo(f"wrote {printable(path)}: {accepted:,} findings accepted", err=True)
    return accept(run, read_baseline(path), options["strict"], partial)
