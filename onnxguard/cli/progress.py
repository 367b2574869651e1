"""Progress bars on a terminal, one for each thing that is done; elsewhere nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from onnxguard.base.progress import Step, silent


@contextmanager
def progress_bars() -> Iterator[Step]:
    """Give what shows progress: what is done, how much of it, of how much (0: unknown)."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield silent
        return
    bars: dict[str, Any] = {}  # the one that is under way, if any

    def finish() -> None:
        for bar in bars.values():
            bar.render_finish()
        bars.clear()

    def show(what: str, done: int, total: int) -> None:
        if what not in bars:
            finish()
            bars[what] = click.progressbar(length=total or 9, label=what, file=sys.stderr)
        bar = bars[what]
        bar.length = max(total, bar.length, done)
        bar.update(done - bar.pos)
        if done == total:  # what comes next may not know of this bar
            finish()

    try:
        yield show
    finally:
        finish()
