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
from onnxguard.cli.kinds import FilePath
from onnxguard.reporters.kit.options import WIDTH, RenderOptions

MODELS = (".onnx", ".onnx.data", ".onnx_data", ".safetensors")
"""How files of models are called, of their external data, and of weights."""

NARROWEST = 40
"""Columns that lines take at least, however narrow a terminal is."""

Command = TypeVar("Command", bound=Callable[..., Any])


def report_options(formats: Iterable[str]) -> Callable[[Command], Command]:
    """``--format`` and ``--output``."""

    def decorate(command: Command) -> Command:
        command = click.option(
            "--output",
            type=FilePath("FILE"),
            help="Write the report there instead of to stdout.",
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
    folder = os.path.dirname(os.path.realpath(output))
    if (os.path.exists(output) and not os.path.isfile(output)) or not os.path.isdir(folder):
        raise UsageError(f'{option} "{printable(output)}": not a file in a folder that exists')
    if output.lower().endswith(MODELS) or is_one_of(output, models):
        raise UsageError(f'{option} "{printable(output)}" is a model, which is never written to')
    refuse_link(output)


def is_one_of(path: str, others: Iterable[str]) -> bool:
    """Whether a path leads to the same file as another one, or would, by whatever name."""
    target = os.path.realpath(path)
    same = os.path.samefile if os.path.exists(path) else None
    return any(
        target == os.path.realpath(other) or (same and os.path.exists(other) and same(path, other))
        for other in others
    )


def is_filed(options: dict[str, Any]) -> bool:
    """Whether the report shows digests; they take longer than a small scan."""
    return (
        options["output_format"] not in ("text", "github") or options["verbose"] > options["quiet"]
    )


def wants_color(output: str | None) -> bool:
    """Whether the report is text in colours: as --color says, else as the environment does.

    NO_COLOR and FORCE_COLOR count where they are not empty (no-color.org, force-color.org).
    """
    if output is not None or sys.stdout is None:
        return False
    asked = click.get_current_context().color
    if asked is not None:
        return asked
    if os.environ.get("NO_COLOR") or os.environ.get("FORCE_COLOR"):
        return not os.environ.get("NO_COLOR")
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def write_report(
    reporter: Callable[[Any, RenderOptions], str | Iterable[str]],
    result: Any,
    output: str | None,
    verbosity: int = 0,
    exit_zero: bool = False,
) -> None:
    """Render a result for the terminal, the pipe or the file that it goes to, and write it."""
    color = wants_color(output)
    on_terminal = output is None and sys.stdout is not None and sys.stdout.isatty()
    width = _columns() if on_terminal else WIDTH
    options = RenderOptions(color, verbosity, exit_zero, width)
    emit(reporter(result, options), output, color)


def _columns() -> int:
    """Columns of the terminal, at least some; as in a file where it does not tell."""
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return max(columns, NARROWEST) if columns else WIDTH


def emit(text: str | Iterable[str], output: str | None, color: bool = False) -> None:
    """Write the report, in pieces where it comes in such, to a file, or to stdout."""
    if output is None:
        for piece in [text] if isinstance(text, str) else text:
            click.echo(piece, nl=False, color=color)
    else:
        write_whole(output, text)
