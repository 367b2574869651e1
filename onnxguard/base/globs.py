"""Patterns of paths below a folder, as .gitignore and CODEOWNERS write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

_RANGE = re.compile(r"(.)-(.)|.", re.DOTALL)
_TOKEN = re.compile(r"\*+|\?|\[(!?)(\]?[^\]]+)\]|.", re.DOTALL)


class Globs:
    """Some patterns; those of one path each are looked up, however many there are."""

    def __init__(self, globs: Iterable[str]) -> None:
        globs = tuple(globs)
        self._exact = frozenset(filter(None, map(literal, globs)))
        self._patterns = [pattern(glob) for glob in globs if literal(glob) is None]

    def match(self, path: str) -> bool:
        """Whether any of the patterns is one of ``path``."""
        return path in self._exact or any(each.fullmatch(path) for each in self._patterns)


def check_pattern(glob: str) -> None:
    """Check that ``pattern`` takes it.

    Raises:
        ValueError: the pattern is absolute or empty, or it leaves the folder.
    """
    if literal(glob) is None:
        pattern(glob)
    else:
        _parts(glob)


def _parts(glob: str) -> list[str]:
    parts = glob.split("/")
    if "" in parts or "." in parts or ".." in parts or "\\" in glob.replace("[\\]", ""):
        raise ValueError("a path is relative to the manifest's folder, without . and ..")
    return parts


@cache
def pattern(glob: str) -> re.Pattern[str]:
    """Compile a pattern of whole paths, whose names ``/`` parts.

    ``*``, ``?`` and ``[...]`` stay within one name, ``**`` stands for any folders. The case of
    letters counts. A backslash stands in brackets alone: elsewhere it would be taken for ``/``.

    Raises:
        ValueError: as ``check_pattern``.
    """
    *folders, last = _parts(glob)
    text = "".join("(?:[^/]+/)*" if part == "**" else f"{_name(part)}/" for part in folders)
    try:
        return re.compile(text + (".+" if last == "**" else _name(last)), re.DOTALL)
    except re.error:
        raise ValueError("a range in brackets goes upwards") from None


def _name(part: str) -> str:
    return "".join(map(_expression, _TOKEN.finditer(part)))


def _expression(token: re.Match[str]) -> str:
    text, negated, characters = token[0], token[1], token[2]
    if characters:
        kept = _RANGE.sub(_range, characters)
        return f"[^/{kept}]" if negated else f"(?!/)[{kept}]"
    return {"*": "[^/]*", "?": "[^/]"}.get(text[0], re.escape(text))


def _range(part: re.Match[str]) -> str:
    return "-".join(map(re.escape, part.groups() if part[1] else part[0]))


def escaped(path: str) -> str:
    """The pattern of this very path."""
    return re.sub(r"([*?\[\\])", r"[\1]", path)


def literal(glob: str) -> str | None:
    """The one path that a pattern is of; None where it may be of others."""
    return None if _WILD.search(glob) else glob


_WILD = re.compile(r"[*?\[]")
