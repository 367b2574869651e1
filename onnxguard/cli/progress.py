"""Progress bars on a terminal, one for each thing that is done; elsewhere nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from onnxguard.base.progress import Step, silent
from onnxguard.cli.messages import columns_of

_BAR = 36
_LEAST = 10
_GONE = "\r\x1b[K\x1b[?25h"
"""Erases the line and shows the cursor, which click hides."""


def on_terminal() -> bool:
    """Whether standard error is a terminal, which is where bars go."""
    return sys.stderr is not None and sys.stderr.isatty()


def progress_bar(
    label: str,
    length: int,
    items: Iterable[Any] | None = None,
    info: Callable[[Any], str] | None = None,
) -> Any:
    """Make a bar of click's that never takes a second line, and goes away when it is done.

    Args:
        label: what is done.
        length: of how much.
        items: pass through the bar, as ``click.progressbar`` has it.
        info: what is said of an item behind the bar; of a long text the end is left out.
    """
    bar: Any = click.progressbar(items, length, label, item_show_func=info, file=sys.stderr)
    whole = bar.format_progress_line

    def fitted() -> str:
        room = (columns_of(sys.stderr) or 80) - 1  # a full line moves the cursor to the next
        bar.width = _BAR
        line: str = whole()
        if len(line) > room:
            bar.width = max(_LEAST, _BAR - (len(line) - room))
            line = whole()
        return line[:room]

    def finish() -> None:
        if on_terminal():
            sys.stderr.write(_GONE)
            sys.stderr.flush()

    bar.format_progress_line, bar.render_finish = fitted, finish
    return bar


@contextmanager
def progress_bars() -> Iterator[Step]:
    """Give what shows progress: what is done, how much of it, of how much (0: unknown)."""
    if not on_terminal():
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
            bars[what] = progress_bar(what, total or 9)
        bar = bars[what]
        bar.length = max(total, bar.length, done)
        bar.update(done - bar.pos)
        if done == total:  # what comes next may not know of this bar
            finish()

    try:
        yield show
    finally:
        finish()
