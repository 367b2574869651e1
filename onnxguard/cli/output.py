"""Where a report goes, and whether in colour."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.base.writing import refuse_link, write_whole

MODELS = (".onnx", ".onnx.data", ".onnx_data")
"""How files of models are called, and of their external data."""


Command = TypeVar("Command", bound=Callable[..., Any])


def report_options(formats: Iterable[str]) -> Callable[[Command], Command]:
    """``--format`` and ``--output``."""

    def decorate(command: Command) -> Command:
        command = click.option(
            "--output", metavar="FILE", help="Write the report there instead of to stdout."
        )(command)
        return click.option(
            "--format",
            "output_format",
            type=click.Choice(sorted(formats)),
            default="text",
            show_default=True,
            help="How to write the report.",
        )(command)

    return decorate


def check_output(output: str | None, models: Sequence[str] = (), option: str = "--output") -> None:
    """Fail before the work, not after it; and never write over a model.

    Raises:
        UsageError: the file cannot be written, is a symbolic link or one of ``models`` or is called
            as a model is.
    """
    if output is None:
        return
    target = os.path.realpath(output)
    folder = os.path.dirname(target)
    if (os.path.exists(output) and not os.path.isfile(output)) or not os.path.isdir(folder):
        raise UsageError(f'{option} "{printable(output)}": not a file in a folder that exists')
    if output.lower().endswith(MODELS) or target in map(os.path.realpath, models):
        raise UsageError(f'{option} "{printable(output)}" is a model, which is never written to')
    refuse_link(output)


def wants_color(output: str | None) -> bool:
    """Whether the report is text for a terminal that shows colours."""
    if output is not None or sys.stdout is None or not sys.stdout.isatty():
        return False
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def emit(text: str, output: str | None, color: bool) -> None:
    """Write the report to a file, or to stdout."""
    if output is None:
        click.echo(text, nl=False, color=color)
    else:
        write_whole(output, text)
