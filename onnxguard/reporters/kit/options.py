"""What a reporter may be told."""

from __future__ import annotations

from typing import NamedTuple


class RenderOptions(NamedTuple):
    """How to render a run.

    Attributes:
        color: use ANSI colours (text only).
        verbosity: -1 quiet, 0 normal, 1 verbose (text only).
        exit_zero: findings are forgiven; only the exit code that a format states depends on it.
    """

    color: bool = False
    verbosity: int = 0
    exit_zero: bool = False
