"""Blocks of a document that few documents have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from onnxguard.reporters.kit.words import Words

if TYPE_CHECKING:
    from onnxguard.reporters.kit.html_elements import Markup


class Items(NamedTuple):
    """A list of short things; ``shown`` as of ``Names``."""

    items: Sequence[Words]
    shown: int | None = None


class Bar(NamedTuple):
    """A count in a histogram; ``beyond`` what is allowed, or within it."""

    label: str
    count: int  # type: ignore[assignment] # hides tuple.count, which nothing calls
    beyond: bool = False


class Bars(NamedTuple):
    """A histogram; ``limit`` says what is allowed, above the bar of that index."""

    bars: Sequence[Bar]
    caption: Words
    limit: tuple[int, str] | None = None


class Listing(NamedTuple):
    """A program to copy."""

    text: str
    language: str


class Image(NamedTuple):
    """A picture in a file beside the document; text leaves it out."""

    file: str
    shows: str


class Drawn(NamedTuple):
    """What only a page can show, made when a page is."""

    draw: Callable[[], Markup]


Rare = Items | Bars | Listing | Image | Drawn
