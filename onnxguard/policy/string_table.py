"""The operators that a program's own table of strings names, in C or in Python."""

from __future__ import annotations

import os
import re

from onnxguard.base.errors import AllowlistError, UsageError
from onnxguard.base.printable import printable
from onnxguard.base.reading import read_regular
from onnxguard.policy.allowlist import DEFAULT_DOMAIN
from onnxguard.policy.registry import is_path
from onnxguard.policy.target import load_target

MOST_BYTES = 1 << 22
"""Of a program that is read for its table."""

_NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|#[^\n]*|"""|\'\'\'', re.DOTALL)
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"|\'((?:[^\'\\\n]|\\.)*)\'')
_OPENED = re.compile(
    r"(?P<name>[A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)?(?::[^=\n]*)?=\s*(?:\w+\s*)?\(?\s*[{\[(]"
)
_OPERATOR = re.compile(r"(?:(?P<domain>[A-Za-z][\w.]*)::)?(?P<name>[A-Za-z_]\w*)")

Table = frozenset[tuple[str, str]]
"""Domain (the default one as ``ai.onnx``) and name of each operator."""


def followed(source: str, name: str | None = None) -> Table:
    """The operators of a file's table of strings, or of a target.

    Args:
        source: a path, or the id or name of a target where there is no such file.
        name: of the table.

    Raises:
        UsageError: the file cannot be read, has no such table, or there is neither such a file nor
            such a target.
    """
    if not os.path.lexists(source) and not is_path(source):
        try:
            return frozenset(load_target(source).operators())
        except AllowlistError as error:
            raise UsageError(f'--from "{printable(source)}": no such file, and {error}') from None
    try:
        content = read_regular(source, MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f'--from "{printable(source)}" cannot be read: {error.strerror}') from None
    if len(content) > MOST_BYTES:
        raise UsageError(f'--from "{printable(source)}" is longer than {MOST_BYTES:,} bytes')
    return read_table(content.decode("utf-8", "replace"), name)


def read_table(source: str, name: str | None = None) -> Table:
    """Read the operators of a table.

    A table is ``NAME = {...}``, ``[...]`` or ``(...)`` with strings in it, ``Relu`` or
    ``com.microsoft::Gelu``; comments are passed over.

    Args:
        source: of the program.
        name: of the table; None where there is one alone.

    Raises:
        UsageError: no such table, or several.
    """
    tables = _tables(source)
    if name is not None:
        if name not in tables:
            raise UsageError(
                f'--table "{printable(name)}": there is {", ".join(sorted(tables)) or "none"}'
            )
        return tables[name]
    if len(tables) != 1:
        names = ", ".join(sorted(tables)) or "none"
        raise UsageError(f"`table` says which table of strings is meant: there is {names}")
    (table,) = tables.values()
    return table


def _tables(source: str) -> dict[str, Table]:
    """Every table of a program by its name; those without strings are none."""
    text = _without_comments(source)
    found: dict[str, Table] = {}
    for opened in _OPENED.finditer(text):
        table = _operators(_inside(text, opened.end() - 1))
        if table:
            found[opened["name"]] = found.get(opened["name"], frozenset()) | table
    return found


def _without_comments(source: str) -> str:
    """The text without comments; what stands in a string is none."""
    parts, at = [], 0
    while at < len(source):
        string, noise = _STRING.search(source, at), _NOISE.search(source, at)
        if noise is None or (string is not None and string.start() < noise.start()):
            end = len(source) if string is None else string.end()
            parts.append(source[at:end])
        else:
            end = noise.end()
            parts.append(source[at : noise.start()] + " ")
        at = end
    return "".join(parts)


def _inside(text: str, start: int) -> str:
    """What stands between a bracket and the one that closes it."""
    depth, at = 0, start
    while at < len(text):
        string = _STRING.match(text, at)
        if string is not None:
            at = string.end()
            continue
        depth += (text[at] in "{[(") - (text[at] in "}])")
        if depth == 0:
            break
        at += 1
    return text[start:at]


def _operators(text: str) -> Table:
    words = (match[1] if match[1] is not None else match[2] for match in _STRING.finditer(text))
    matches = filter(None, map(_OPERATOR.fullmatch, words))
    return frozenset((match["domain"] or DEFAULT_DOMAIN, match["name"]) for match in matches)
