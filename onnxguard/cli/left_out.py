"""``--include-ignored``, and what is said of models that nobody looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from onnxguard.base.printable import printable
from onnxguard.cli.kinds import Target
from onnxguard.reporters.kit.phrases import IGNORED, left_out, named
from onnxguard.scanning.report import Run

F = TypeVar("F", bound=Callable[..., Any])

IN_REPORT = {Target("text"), Target("github")}
"""Where a report on stdout says what was left out, so that a person reads it there."""


def ignored_option(command: F) -> F:
    """Add the option to a command."""
    return click.option(
        "--include-ignored",
        is_flag=True,
        help="Models that Git ignores, too: below a folder they are left out, and counted.",
    )(command)


def say_ignored(paths: Iterable[str]) -> None:
    """Say on stderr which models a command leaves out because Git ignores them."""
    if shown := tuple(map(printable, paths)):
        click.echo(f"{IGNORED}: {named(shown)}", err=True)


def say_left_out(run: Run, targets: Iterable[Target], verbosity: int) -> None:
    """Say on stderr what no report on stdout says to a person."""
    if verbosity < 0 or not IN_REPORT & {*targets}:
        for line in left_out(run):
            click.echo(line, err=True)
