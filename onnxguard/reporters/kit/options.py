"""What a reporter may be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

WIDTH = 100
"""Columns of a text that is not for a terminal."""


class RenderOptions(NamedTuple):
    """How to render a run.

    Attributes:
        color: use ANSI colours (text only).
        verbosity: -1 quiet, 0 normal, 1 verbose (text only).
        exit_zero: findings are forgiven; only the exit code that a format states depends on it.
        width: the columns that lines may take (text only); a word that is longer is not cut.
        rules_url: where docs/rules.md can be read (SARIF only); empty where nobody says.
        pictures: PNG files by the names that the document's images have; a page holds them.
    """

    color: bool = False
    verbosity: int = 0
    exit_zero: bool = False
    width: int = WIDTH
    rules_url: str = ""
    pictures: Mapping[str, bytes] | None = None
