"""Turn bytes that came from a model into text that cannot harm a terminal, a log or a page.

Every string in ``Facts``, ``Finding`` and ``Report`` passed through here. Reporters still escape
what is special to their own format.
"""

from __future__ import annotations

import re

SHOWN = 200
"""Characters of one name that are shown."""

WHOLE = 1 << 16
"""Those of a path, which tells one file from another: more than a system takes."""


def printable(text: str | bytes, shown: int = SHOWN) -> str:
    r"""Escape what does not print (control, bidi, format, unassigned), a backslash as two.

    A name that is longer than ``SHOWN`` ends in a digest: verdicts are told apart by such names.

    >>> printable(b"conv\x1b[31m")
    'conv\\x1b[31m'
    """
    whole, length = text, len(text)
    if isinstance(text, bytes):
        text = text[: 4 * shown].decode("utf-8", "surrogateescape")
    cut = text[:shown]
    if not cut.isprintable() or "\\" in cut:
        cut = "".join(map(_escaped, cut))
    if ":" in cut or "[" in cut:
        cut = _uncommanded(cut)
    if length <= shown or len(text) <= shown:
        return cut
    known = whole if isinstance(whole, bytes) else whole.encode("utf-8", "surrogatepass")
    return f"{cut}...(+{len(known) - shown}{_told_apart(known) if shown == SHOWN else ''})"


def as_shown(text: str) -> str:
    """What ``printable`` makes of a name; where that, or a name that prints, was copied, itself."""
    done = text.isprintable() and (len(text) <= SHOWN or _CUT.search(text))
    return text if done else printable(text)


_CUT = re.compile(r"\.\.\.\(\+[0-9]+#[0-9a-f]{16}\)$")


def _told_apart(name: bytes) -> str:
    import hashlib  # imported here: few names are long

    return f"#{hashlib.sha256(name).hexdigest()[:16]}"


def visible(text: str) -> str:
    r"""Escape what does not print in a text of our own, whatever it is made of.

    >>> visible("no such option: --\x1b[2J")
    'no such option: --\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def plural(count: int, noun: str) -> str:
    """``1 model``, ``2 models``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def identifier(text: str | bytes) -> str:
    """As ``printable``, and a space or anything outside ASCII is escaped too: it must show."""
    shown = printable(text).replace(" ", "\\x20")
    return shown if shown.isascii() else shown.encode("ascii", "backslashreplace").decode()


def _uncommanded(text: str) -> str:
    """Break what the runner of GitHub Actions takes for a command in any program's output.

    It obeys ``::name::`` at the start of a line and ``##[name]`` anywhere in one. Source:
    actions/runner, ActionCommand.cs.
    """
    text = text.replace("##[", "##\\x5b")
    return f"\\x3a{text[1:]}" if text.startswith("::") else text


def _escaped(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if char.isprintable():
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if 0x80 <= code <= 0xFF:  # unlike the byte of that value
        return f"\\u{code:04x}"
    return char.encode("unicode_escape").decode("ascii")
