"""Where a report goes, and whether in colour."""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.base.reading import read_regular
from onnxguard.base.writing import refuse_link, write_whole
from onnxguard.cli.grouped import Command, grouped
from onnxguard.cli.kinds import FilePath, Form, Target
from onnxguard.cli.messages import columns_of
from onnxguard.cli.origin import configuration
from onnxguard.reporters.kit.options import WIDTH, RenderOptions

MODELS = (".onnx", ".onnx.data", ".onnx_data", ".safetensors")
"""How files of models are called, of their external data, and of weights."""

HEAD_BYTES = 1 << 16
"""Bytes that tell text from something else."""


class Reports(NamedTuple):
    """The reports that are asked for."""

    formats: tuple[Target, ...]
    output: str | None

    @property
    def forms(self) -> set[str]:
        """Their formats."""
        return {form for form, _ in self.formats}

    def targets(
        self, models: Sequence[str] = (), keep: Callable[[str], None] = lambda _: None
    ) -> tuple[Target, ...]:
        """Where each goes, once it is sure that it can be written.

        Args:
            models: files that are never written to.
            keep: raises for a file of a report that would be written over something else.

        Raises:
            UsageError: two go to the same place, --output belongs to none, or ``check_output`` says
                so.
        """
        loose = [form for form, file in self.formats if file is None]
        if len(loose) > 1:
            names = " and ".join(loose)
            raise UsageError(
                f"--format {names}: one of them goes to stdout, give the others a :FILE"
            )
        if self.output is not None and not loose:
            raise UsageError("--output: every --format has a file already")
        targets = tuple(Target(form, file or self.output) for form, file in self.formats)
        files = files_of(targets)
        for at, file in enumerate(files):
            keep(file)
            check_output(file, models, "--output" if file == self.output else "--format")
            if is_one_of(file, files[:at]):
                raise UsageError(f'--format: two reports go to "{printable(file)}"')
        return targets


def report_options(formats: Iterable[str]) -> Callable[[Command], Command]:
    """``--format`` and ``--output``, which reach the command as ``reports``."""
    return grouped(
        "reports",
        Reports._fields,
        Reports,
        click.option(
            "--format",
            "formats",
            type=Form(sorted(formats)),
            multiple=True,
            default=("text",),
            help="How to write the report; FORMAT:FILE writes it there. Repeat it for several.  "
            "[default: text]",
        ),
        click.option(
            "--output",
            type=FilePath("FILE"),
            help="Write the report there instead of to stdout.",
        ),
    )


def _address(_: click.Context, __: click.Parameter, given: str) -> str:
    if given and not re.fullmatch(r"https?://[!-~]+", given):
        raise UsageError(f'--rules-url "{printable(given)}" is no address: https://...')
    return given


def rules_url_option(command: Command) -> Command:
    """Add the option to a command."""
    return click.option(
        "--rules-url",
        default="",
        callback=_address,
        metavar="URL",
        help="Where docs/rules.md of this version can be read; SARIF leads there.",
    )(command)


def files_of(targets: Iterable[Target]) -> list[str]:
    """Those that are written."""
    return [file for _, file in targets if file is not None]


def check_output(output: str | None, models: Sequence[str] = (), option: str = "--output") -> None:
    """As ``check_place``; nor is a file written over that holds something else than text.

    Raises:
        UsageError: so it is, or the place is wrong.
    """
    check_place(output, models, option)
    if output is not None and not _is_text(output):  # weights beside a model are called anything
        raise UsageError(
            f'{option} "{printable(output)}" holds something else than text: remove it, or name '
            "another file"
        )


def check_place(output: str | None, models: Sequence[str] = (), option: str = "--output") -> None:
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


def _is_text(path: str) -> bool:
    """Whether a file holds what may have been a report; also where there is none."""
    try:
        head = read_regular(path, HEAD_BYTES)
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except (OSError, UnicodeDecodeError) as error:
        return isinstance(error, OSError)
    return b"\0" not in head


def keep_gate(option: str, path: str | None, gate: Iterable[str | None]) -> None:
    """Refuse to write over what a command goes by.

    Args:
        option: names the file.
        path: the file.
        gate: lists, a baseline and the like, those that there are.

    Raises:
        UsageError: it is one of them, or the configuration.
    """
    kept = [*filter(None, gate), *(file.path for file in configuration())]
    if path is not None and is_one_of(path, kept):
        command = click.get_current_context().command.name
        raise UsageError(
            f'{option} "{printable(path)}" is what the {command} goes by: name another file'
        )


def is_one_of(path: str, others: Iterable[str]) -> bool:
    """Whether a path leads to the same file as another one, or would, by whatever name."""
    target = os.path.realpath(path)
    same = os.path.samefile if os.path.exists(path) else None
    return any(
        target == os.path.realpath(other) or (same and os.path.exists(other) and same(path, other))
        for other in others
    )


def is_filed(reports: Reports, verbosity: int) -> bool:
    """Whether a report shows digests; they take longer than a small scan."""
    return not reports.forms <= {"text", "github"} or verbosity > 0


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


def write_reports(
    reporters: Mapping[str, Callable[[Any, RenderOptions], str | Iterable[str]]],
    result: Any,
    targets: Iterable[Target],
    verbosity: int = 0,
    exit_zero: bool = False,
    rules_url: str = "",
    pictures: Mapping[str, bytes] | None = None,
) -> None:
    """Render a result for each file, terminal or pipe that it goes to, files first; write it."""
    for form, output in sorted(targets, key=lambda target: target.output is None):
        color = wants_color(output)
        width = (columns_of(sys.stdout) if output is None else 0) or WIDTH
        options = RenderOptions(color, verbosity, exit_zero, width, rules_url, pictures)
        emit(reporters[form](result, options), output, color)


def emit(text: str | Iterable[str], output: str | None, color: bool = False) -> None:
    """Write the report, in pieces where it comes in such, to a file, or to stdout."""
    if output is None:
        for piece in [text] if isinstance(text, str) else text:
            click.echo(piece, nl=False, color=color)
    else:
        write_whole(output, text)
