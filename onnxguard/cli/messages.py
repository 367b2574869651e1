"""Lines that are no report, broken to the width of a terminal; elsewhere each stays one line."""

from __future__ import annotations

import os
import sys
from typing import TextIO

import click

from onnxguard.base.printable import visible

NARROWEST = 40
"""Columns that lines take at least, however narrow a terminal is."""
_ROOM = 24
"""Columns that the lines after the first have at least: else they are indented by ``_LESS``."""
_LESS = 4


def columns_of(stream: TextIO | None) -> int:
    """Columns of the terminal that a stream leads to, at least some.

    0 where it leads to none, or the terminal does not tell.
    """
    try:
        if stream is None or not stream.isatty():
            return 0
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0
    return max(columns, NARROWEST) if columns else 0


def say(text: str, indent: int = 2) -> None:
    """Write a line to stdout; a terminal's lines after the first begin so many columns in."""
    click.echo(_fitted(text, columns_of(sys.stdout), indent))


def note(text: str) -> None:
    """Write a line to stderr."""
    click.echo(_fitted(text, columns_of(sys.stderr), 2), err=True)


def _fitted(text: str, columns: int, indent: int) -> str:
    text = visible(text)
    if len(text) <= columns or not columns:
        return text
    import textwrap  # most runs say little

    return textwrap.fill(
        text,
        columns,
        subsequent_indent=" " * (indent if columns - indent >= _ROOM else _LESS),
        break_long_words=False,
        break_on_hyphens=False,
    )
