"""How wide text is on a terminal and in a picture, and text that is cut to fit."""

from __future__ import annotations

_WIDE = frozenset({"W", "F"})


def wide(text: str) -> int:
    """Columns that a text takes in a monospaced font."""
    if text.isascii():
        return len(text)
    import unicodedata  # most text needs none of its tables

    return sum(2 if unicodedata.east_asian_width(char) in _WIDE else 1 for char in text)


def clipped(text: str, columns: int) -> str:
    """The text, or its start and an ellipsis, at most so wide."""
    if wide(text) <= columns:
        return text
    cut = text[: columns - 1]
    while wide(cut) > columns - 1:
        cut = cut[:-1]
    return f"{cut}\N{HORIZONTAL ELLIPSIS}"


def clipped_left(text: str, columns: int) -> str:
    """As ``clipped``, but the end is kept: in a path of modules it says the most."""
    if wide(text) <= columns:
        return text
    cut = text[1 - columns :]
    while wide(cut) > columns - 1:
        cut = cut[1:]
    return f"\N{HORIZONTAL ELLIPSIS}{cut}"
