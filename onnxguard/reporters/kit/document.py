"""What a report says, whatever it is written as: plain values that each format sets in its way.

Words of our own are ``str``; what a model, a user or a program wrote is ``Code``, which Markdown
and HTML show as it is, whatever it holds. A fact that is added to a document is in all formats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from onnxguard.base.findings import Finding
from onnxguard.reporters.kit.checks import Check
from onnxguard.reporters.kit.phrases import duration
from onnxguard.reporters.kit.words import Marked, Words, flat

if TYPE_CHECKING:
    from onnxguard.reporters.kit.blocks import Rare


class Paragraph(NamedTuple):
    """Sentences, in a style of ``Marked`` where they stand out."""

    words: Words
    style: str = ""


class Names(NamedTuple):
    """Names with commas between them, and what they are if need be.

    Text shows the first ``shown`` unless all are asked for.
    """

    label: str
    names: Sequence[Words]
    shown: int | None = None

    @property
    def begin(self) -> str:
        """What stands before the names."""
        return f"{self.label}: " if self.label else ""


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
        shown: as of ``Names``.
        weights: where rows are left out, those of the largest weights stay; else the first.
        more: so many rows that there are besides were left out before.
    """

    heads: Sequence[str]
    rows: Sequence[tuple[Words, ...]]
    caption: str = ""
    shown: int | None = None
    weights: Sequence[float] = ()
    more: int = 0


class Findings(NamedTuple):
    """What rules of a check found; ``sign`` stands before each in text.

    Of each code the first ``alike`` are shown unless all are asked for.
    """

    findings: Sequence[Finding]
    check: Check
    sign: Marked | None = None
    alike: int = 20


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


Block: TypeAlias = "Paragraph | Names | Pairs | Table | Findings | Section | Rare"


class Part(NamedTuple):
    """What is said of one thing that was looked at.

    Attributes:
        verdict: may be empty.
        name: what was looked at.
        said: what became of it, as the sentence goes on after the name.
        figures: the numbers that matter most, and what they are.
        blocks: everything else.
        brief: so many figures are enough where text has no block to show; 0 where they are not.
    """

    verdict: Marked | None
    name: Words
    said: Words
    figures: Sequence[tuple[str, Words]] = ()
    blocks: Sequence[Block] = ()
    brief: int = 0


class Parts(Sequence[Part]):
    """Parts that are made when they are looked at: thousands of them take no room."""

    def __init__(self, make: Callable[[Any], Part], things: Sequence[Any]) -> None:
        self.make = make
        self.things = things

    def __len__(self) -> int:
        return len(self.things)

    def __getitem__(self, at: Any) -> Any:
        return self.make(self.things[at])

    def __iter__(self) -> Iterator[Part]:
        return map(self.make, self.things)


class Document(NamedTuple):
    """A whole report.

    Attributes:
        command: what made it, such as ``parity``.
        verdict: of all parts, may be empty.
        summary: in one line; its time is added.
        seconds: how long it took; None where nobody asks.
        parts: one for each thing that was looked at.
        title: of a document that is read by itself, without the command that made it.
        remarks: what else holds for all of it, beside the verdict; quiet text shows errors alone.
        blocks: what follows the parts.
    """

    command: str
    verdict: Marked | None
    summary: Words
    seconds: float | None
    parts: Sequence[Part]
    title: Words = ""
    remarks: Sequence[Paragraph] = ()
    blocks: Sequence[Block] = ()

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
