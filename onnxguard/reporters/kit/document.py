"""What a report says, whatever it is written as: plain values that each format sets in its way.

Words of our own are ``str``; what a model, a user or a program wrote is ``Code``, which Markdown
and HTML show as it is, whatever it holds. A fact that is added to a document is in all formats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from onnxguard.base.findings import Finding
from onnxguard.reporters.kit.checks import Check
from onnxguard.reporters.kit.phrases import duration
from onnxguard.reporters.kit.words import Marked, Words, flat

if TYPE_CHECKING:
    from onnxguard.reporters.kit.html_elements import Markup


class Paragraph(NamedTuple):
    """Sentences; ``soft`` ones matter less."""

    words: Words
    soft: bool = False


class Items(NamedTuple):
    """A list of short things; text shows the first ``shown`` unless all are asked for."""

    items: Sequence[Words]
    shown: int | None = None


class Names(NamedTuple):
    """Names with commas between them, and what they are; ``shown`` as of ``Items``."""

    label: str
    names: Sequence[Words]
    shown: int | None = None


class Pairs(NamedTuple):
    """Names and what they stand for; those that are empty are left out."""

    pairs: Sequence[tuple[Words, Words]]
    heads: tuple[str, str] = ("", "")


class Table(NamedTuple):
    """Rows of cells.

    Attributes:
        heads: of our own, one that ends in ``>`` is of numbers, which stand on the right.
        rows: as many cells each as there are heads.
        caption: what a row is, where the section's title does not say it.
        shown: as of ``Items``.
        weights: where rows are left out, those of the largest weights stay; else the first.
    """

    heads: Sequence[str]
    rows: Sequence[tuple[Words, ...]]
    caption: str = ""
    shown: int | None = None
    weights: Sequence[float] = ()


class Findings(NamedTuple):
    """What rules of a check found; ``sign`` stands before each in text.

    Of each code the first ``alike`` are shown unless all are asked for.
    """

    findings: Sequence[Finding]
    check: Check
    sign: Marked | None = None
    alike: int = 20


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


class Section(NamedTuple):
    """Blocks under a title.

    Attributes:
        title: of our own words alone where it folds.
        blocks: what is in it.
        detail: text leaves it out unless everything is asked for.
        folded: Markdown shows the title, and the rest when it is clicked.
    """

    title: Words
    blocks: Sequence[Block]
    detail: bool = False
    folded: bool = False


Block = (
    Paragraph | Items | Names | Pairs | Table | Findings | Bars | Listing | Image | Drawn | Section
)


class Part(NamedTuple):
    """What is said of one thing that was looked at.

    Attributes:
        verdict: may be empty.
        name: what was looked at.
        said: what became of it, as the sentence goes on after the name.
        figures: the numbers that matter most, and what they are.
        blocks: everything else.
    """

    verdict: Marked | None
    name: Words
    said: Words
    figures: Sequence[tuple[str, Words]] = ()
    blocks: Sequence[Block] = ()


class Document(NamedTuple):
    """A whole report.

    Attributes:
        command: what made it, such as ``parity``.
        verdict: of all parts, may be empty.
        summary: in one line; its time is added.
        seconds: how long it took; None where nobody asks.
        parts: one for each thing that was looked at.
        title: of a document that is read by itself, without the command that made it.
    """

    command: str
    verdict: Marked | None
    summary: Words
    seconds: float | None
    parts: Sequence[Part]
    title: Words = ""

    @property
    def closing(self) -> Words:
        """The summary and how long it took."""
        took = [] if self.seconds is None else [f", {duration(self.seconds)}"]
        return (*flat(self.summary), *took)


def kept(table: Table, limit: int | None) -> list[int]:
    """The indices of the rows that are shown where there is room for so many."""
    indices = range(len(table.rows))
    if limit is None or limit >= len(table.rows):
        return list(indices)
    if table.weights:
        indices = sorted(indices, key=lambda at: -table.weights[at])[:limit]  # type: ignore[assignment]
    return sorted(indices[:limit])
