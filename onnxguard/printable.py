"""Turn bytes that came from a model into text that cannot harm a terminal, a log or a page.

Every string in ``Facts``, ``Finding`` and ``Report`` passed through here. Reporters still escape
what is special to their own format.
"""

from __future__ import annotations

SHOWN = 200
"""Characters of one name that are shown."""


def printable(text: str | bytes, shown: int = SHOWN) -> str:
    """Escape what does not print (control, bidi, format, unassigned), a backslash as two.

    >>> printable(b"conv\\x1b[31m")
    'conv\\\\x1b[31m'
    """
    length = len(text)
    if isinstance(text, bytes):
        text = text[: 4 * shown].decode("utf-8", "surrogateescape")
    cut = text[:shown]
    if not cut.isprintable() or "\\" in cut:
        cut = "".join(map(_escaped, cut))
    return cut if length <= shown or len(text) <= shown else f"{cut}...(+{length - shown})"


def identifier(text: str | bytes) -> str:
    """As ``printable``, and everything outside ASCII is escaped too: a homoglyph must show."""
    shown = printable(text)
    return shown if shown.isascii() else shown.encode("ascii", "backslashreplace").decode()


def _escaped(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if char.isprintable():
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
