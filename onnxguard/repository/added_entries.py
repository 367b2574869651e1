"""Add entries to a manifest that is there: every word of it stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from onnxguard.base.errors import UsageError


def with_entries(text: str, lines: Sequence[str]) -> str:
    """The text of a manifest with more entries below those that it has.

    Args:
        text: of a valid manifest.
        lines: of the entries, two columns in.

    Raises:
        UsageError: its entries stand in one line, ``models: [...]``.
    """
    top: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    models = next(value for key, value in top.value if key.value == "models")
    if models.flow_style:
        raise UsageError("its models stand in one line: give each entry a line of its own")
    indent = " " * models.start_mark.column
    old = text.splitlines(keepends=True)
    at = _last_line(models) + 1
    while at < len(old) and _belongs(old[at], indent):
        at += 1
    while at and not old[at - 1].strip():
        at -= 1
    if not old[at - 1].endswith("\n"):
        old[at - 1] += "\n"
    end = "\r\n" if old[0].endswith("\r\n") else "\n"
    return "".join([*old[:at], *(f"{indent}{line[2:]}{end}" for line in lines), *old[at:]])


def _belongs(line: str, indent: str) -> bool:
    """Whether a line below the last value is its entry's: empty, or a comment further in."""
    stripped = line.strip()
    return not stripped or (stripped.startswith("#") and line.startswith(f"{indent} "))


def _last_line(node: Any) -> int:
    """The index of the last line that a block holds."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = node.end_mark
    return int(end.line if end.column else max(end.line - 1, node.start_mark.line))
