"""ANSI colours, and lines that fit a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from onnxguard.reporters.kit.options import WIDTH
from onnxguard.reporters.kit.words import head_name, is_numeric

NARROWEST, WHOLE = 8, 24
"""A column of texts is not made narrower than the first, or than its longest word of up to so many
columns; where there is no room for that, rows are lists instead."""
LONG = 2
"""So is a row whose cells would take more lines than this if they stood one after the other."""

_RED, _GREEN, _YELLOW, _BLUE = "1;31", "1;32", "1;33", "1;34"
_CODES = {
    "bold": "1",
    "soft": "2",
    "pass": _GREEN,
    "fail": _RED,
    "error": _RED,
    "vacuous": _YELLOW,
    "warning": _YELLOW,
    "note": _BLUE,
}
"""Verdicts and severities among them."""

_SEQUENCE = re.compile("\x1b\\[[0-9;]*m")


class Paint:
    """Colours text, or leaves it alone, and sets it in lines of at most ``width`` columns."""

    def __init__(self, color: bool, width: int = WIDTH) -> None:
        self.color = color
        self.width = width

    def __call__(self, text: str, style: str) -> str:
        """Return the text in a style of ``_CODES``, or as it is in none."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.color and text and style else text

    def wrap(
        self, items: Iterable[str], indent: str, gap: str = " ", first: str | None = None
    ) -> list[str]:
        """Set items in lines, each line indented.

        ``first`` is what the first line begins with instead. An item is never cut.
        """
        lines: list[str] = []
        line, used = ("", 0) if first is None else (first, columns(first))
        start = first is not None
        for item in items:
            width = columns(item)
            if not line and not start:
                line, used = indent + item, len(indent) + width
            elif start or used + len(gap) + width <= self.width:
                separator = "" if start else gap
                line, used = line + separator + item, used + len(separator) + width
            else:
                lines.append(line)
                line, used = indent + item, len(indent) + width
            start = False
        return [*lines, line] if line else lines

    def table(
        self, heads: Sequence[str], rows: Sequence[Sequence[Sequence[str]]], indent: str
    ) -> list[str]:
        """Align cells, each given as its words; what is too wide is broken within its column.

        Args:
            heads: one that ends in ``>`` is of numbers; without any there is no line of heads.
            rows: of words, which may be coloured.
            indent: of each line.
        """
        names = [head_name(head) for head in heads]
        right = [is_numeric(head) for head in heads]
        above = [[[self(word, "soft") for word in name.split(" ")] for name in names]]
        room = self.width - len(indent) - 2 * (len(heads) - 1)
        short = [sum(columns(" ".join(cell)) for cell in row) <= LONG * room for row in rows]
        aligned = [row for row, fits in zip(rows, short, strict=True) if fits]
        set_rows = [*(above if any(names) else []), *aligned]
        widths = _widths(set_rows, right, room) if aligned else None
        if widths is None:
            return [line for row in rows for line in self._listed(names, row, indent)]
        lines = _row(above[0], widths, right, indent) if any(names) else []
        for row, fits in zip(rows, short, strict=True):
            lines += _row(row, widths, right, indent) if fits else self._listed(names, row, indent)
        return lines

    def _listed(self, names: Sequence[str], row: Sequence[Sequence[str]], indent: str) -> list[str]:
        """A row that has no room as one: its first cell, then the others with their heads."""
        first, *others = row
        cells = [
            " ".join(filter(None, (self(name, "soft"), *cell)))
            for name, cell in zip(names[1:], others, strict=True)
            if any(cell)
        ]
        items = [f"{cell}," for cell in cells[:-1]] + cells[-1:]
        start = f"{' '.join(first)}{':' if names[0] and items else ''}"
        words = [word for item in (start, *items) for word in item.split(" ")]
        return self.wrap(words, f"{indent}  ", first=indent)


def _least(column: Sequence[Sequence[str]], width: int, numbers: bool) -> int:
    """How narrow a column may become: its first cell may be a head."""
    if numbers:  # these are not broken, but for the head
        rest = column[1:] or column
        return max(*map(columns, column[0]), *(columns(" ".join(cell)) for cell in rest))
    longest = max(columns(word) for cell in column for word in cell)
    return min(width, max(NARROWEST, min(longest, WHOLE)))


def _widths(
    rows: Sequence[Sequence[Sequence[str]]], right: Sequence[bool], room: int
) -> list[int] | None:
    """Widths of columns that fit into the room, the widest made narrower; None where none do."""
    every = list(zip(*rows, strict=True))
    widths = [max(columns(" ".join(cell)) for cell in column) for column in every]
    least = [
        _least(column, width, numbers)
        for column, width, numbers in zip(every, widths, right, strict=True)
    ]
    if sum(least) > room:
        return None
    low, high = 0, room
    while low < high:  # the greatest width for which all columns together fit
        middle = (low + high + 1) // 2
        taken = sum(min(w, max(n, middle)) for w, n in zip(widths, least, strict=True))
        low, high = (middle, high) if taken <= room else (low, middle - 1)
    return [min(w, max(n, low)) for w, n in zip(widths, least, strict=True)]


def _row(
    row: Sequence[Sequence[str]], widths: list[int], right: list[bool], indent: str
) -> list[str]:
    cells = [_broken(cell, width) for cell, width in zip(row, widths, strict=True)]
    lines = []
    for at in range(max(map(len, cells))):
        parts = []
        for cell, width, numbers in zip(cells, widths, right, strict=True):
            text = cell[at] if at < len(cell) else ""
            room = " " * (width - columns(text))
            parts.append(room + text if numbers else text + room)
        lines.append(f"{indent}{'  '.join(parts)}".rstrip())
    return lines


def _broken(words: Sequence[str], width: int) -> list[str]:
    """Lines of at most ``width`` columns; a word that is longer is cut."""
    pieces = [piece for word in words for piece in _cut(word, width)]
    return Paint(False, width).wrap(pieces, "") or [""]


def _cut(word: str, width: int) -> list[str]:
    if columns(word) <= width:
        return [word]
    bare = uncolored(word)
    before, after = word.split(bare) if bare in word else ("", "")
    pieces, piece, used = [], "", 0
    for char in bare:
        taken = columns(char)
        if piece and used + taken > width:
            pieces.append(f"{before}{piece}{after}")
            piece, used = "", 0
        piece, used = piece + char, used + taken
    return [*pieces, f"{before}{piece}{after}"]


def inert(line: str) -> str:
    """Break what a CI log takes for a command: ``::`` at the start of a line, ``##`` anywhere."""
    if "::" in line and uncolored(line).lstrip().startswith("::"):
        line = line.replace("::", ":\\x3a", 1)
    return line.replace("##", "#\\x23")


def uncolored(text: str) -> str:
    """Return the text as it is without colours."""
    return _SEQUENCE.sub("", text)


def columns(text: str) -> int:
    """How many a text takes; its colours take none."""
    text = uncolored(text) if "\x1b" in text else text
    if text.isascii():
        return len(text)
    from onnxguard.reporters.kit.widths import wide

    return wide(text)
