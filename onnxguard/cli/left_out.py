"""``--include-ignored``, and what is said of models that nobody looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from onnxguard.base.printable import printable
from onnxguard.cli.kinds import Target
from onnxguard.cli.messages import note
from onnxguard.reporters.kit.phrases import IGNORED, left_out, named
from onnxguard.scanning.report import Run
from onnxguard.sources.discover import find_models

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
        note(f"{IGNORED}: {named(shown)}")


def models_at(paths: Sequence[str], include_ignored: bool) -> list[str]:
    """The models that paths lead to, for a command whose report does not say what is left out.

    It is said on stderr.

    Raises:
        UsageError: a folder that cannot be listed, or an address that cannot be read.
    """
    ignored: list[str] = []
    models = find_models(paths, ignored=None if include_ignored else ignored.append)
    say_ignored(ignored)
    return models


def say_left_out(run: Run, targets: Iterable[Target], verbosity: int) -> None:
    """Say on stderr what no report on stdout says to a person."""
    if verbosity < 0 or not IN_REPORT & {*targets}:
        for line in left_out(run):
            note(line)
