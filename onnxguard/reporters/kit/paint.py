"""ANSI colours, and lines that fit a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from onnxguard.base.findings import Severity
from onnxguard.scanning.report import Verdict

WIDTH = 98

_CODES = {"bold": "1", "dim": "2", "red": "1;31", "green": "1;32", "yellow": "1;33", "blue": "1;34"}

VERDICT_STYLES = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.ERROR: "red"}
SEVERITY_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}


_SEQUENCE = re.compile("\x1b\\[[0-9;]*m")


class Paint:
    """Colours text, or leaves it alone."""

    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, style: str) -> str:
        """Return the text in a style of ``_CODES``."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.color and text else text


def wrap(items: Iterable[str], indent: str, gap: str = " ", first: str | None = None) -> list[str]:
    """Set items in lines of at most ``WIDTH`` columns, each line indented.

    ``first`` is what the first line begins with instead. An item is never cut.
    """
    lines: list[str] = []
    line, used = ("", 0) if first is None else (first, _shown(first))
    start = first is not None
    for item in items:
        width = _shown(item)
        if not line:
            line, used = indent + item, len(indent) + width
        elif start or used + len(gap) + width <= WIDTH:
            separator = "" if start else gap
            line, used = line + separator + item, used + len(separator) + width
        else:
            lines.append(line)
            line, used = indent + item, len(indent) + width
        start = False
    return [*lines, line] if line else lines


def columns(rows: Sequence[Sequence[str]], indent: str, widest: int = 40) -> list[str]:
    """Align rows of cells; a cell wider than ``widest`` pushes its own row only."""
    widths = [
        max((len(cell) for cell in column if len(cell) <= widest), default=0)
        for column in zip(*rows, strict=True)
    ]
    return [
        indent
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def uncolored(text: str) -> str:
    """Return the text as it is without colours."""
    return _SEQUENCE.sub("", text)


def _shown(text: str) -> int:
    """Count the columns that the text takes."""
    return len(uncolored(text))
