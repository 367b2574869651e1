"""``onnxguard cache``."""

from __future__ import annotations

import time

import click

from onnxguard.base.cache_folder import BUILDING, Kept, cache_folder, kept_in
from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.cli.examples import examples
from onnxguard.cli.messages import say
from onnxguard.reporters.kit.phrases import byte_size

_DAY = 24 * 60 * 60


@click.group()
def cache() -> None:
    """Show what is kept on this disk, and remove it.

    Verdicts of check and decoded images lie in $ONNXGUARD_CACHE, else in ~/.cache/onnxguard; all
    of it can be made again.
    """


@cache.command(epilog=examples("cache show"))
def show() -> None:
    """Show what is kept, its size, and when it was last used."""
    entries = _entries()
    for entry in entries:
        idle = int((time.time() - entry.used) / _DAY)
        used = "today" if idle < 1 else f"{idle} day{'s'[: idle != 1]} ago"
        say(
            f"{byte_size(entry.size):>10}  {used:<12} {entry.kind:<20} {printable(entry.path.name)}"
        )
    say(_total(entries, f"in {printable(str(cache_folder()))}"))


@cache.command(epilog=examples("cache clean", "cache clean --older-than 30"))
@click.option(
    "--older-than",
    type=click.IntRange(0),
    default=0,
    metavar="DAYS",
    help="Only what was not used in so many days.",
)
def clean(older_than: int) -> None:
    """Remove what is kept.

    Files that are not onnxguard's stay, and so does a build that may be running.
    """
    now = time.time()
    least = {BUILDING: max(older_than, 1)}
    entries = [
        entry
        for entry in _entries()
        if now - entry.used >= least.get(entry.kind, older_than) * _DAY
    ]
    for entry in entries:
        try:
            entry.remove()
        except OSError as error:
            reason = f"cannot be removed: {error.strerror}"
            raise UsageError(f'"{printable(str(entry.path))}" {reason}') from None
    say(_total(entries, "removed"))


def _entries() -> list[Kept]:
    folder = cache_folder()
    try:
        return kept_in(folder)
    except OSError as error:
        raise UsageError(f'"{printable(str(folder))}" cannot be read: {error.strerror}') from None


def _total(entries: list[Kept], what: str) -> str:
    size = byte_size(sum(entry.size for entry in entries))
    return f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}, {size}, {what}"
