"""What cards, evaluations and ablations share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from onnxguard.reporters.kit.blocks import Items
from onnxguard.reporters.kit.document import Block, Names, Pairs, Paragraph, Section, Table
from onnxguard.reporters.kit.phrases import plural
from onnxguard.reporters.kit.words import Code, Marked, Words
from onnxguard.reporters.training import phrases

if TYPE_CHECKING:
    from onnxguard.students.records import DataFacts

SKIPPED_SHOWN = 10
"""Skipped pairs that are shown."""


def answers(baselines: Iterable[tuple[str, float]], iou: float | None = None) -> Table:
    """The IoU of trivial answers, and of a graph above them."""
    rows: list[tuple[Words, ...]] = []
    if iou is not None:
        rows.append((Marked("this graph", "bold"), Marked(phrases.figure(iou), "bold")))
    trivial = "trivial: " if iou is not None else ""
    rows += [((trivial, Code(answer)), phrases.figure(value)) for answer, value in baselines]
    return Table(("Answer", "IoU>"), rows)


def skipped(entries: Sequence[tuple[str, str]], what: str = "skipped") -> Iterator[Section]:
    """The pairs that were left out, and why; nothing where there are none."""
    if entries:
        items = [(Code(pair), ": ", Code(why)) for pair, why in entries]
        title = f"{plural(len(entries), 'pair')} {what}"
        yield Section(title, [Items(items, SKIPPED_SHOWN)], folded=True)


def data(found: DataFacts) -> Iterator[Block]:
    """What was trained on."""
    digest = ". SHA-256 of the pairs: ", Code(found.sha256), "."
    yield Paragraph((Code(found.name), f", {phrases.data(found)}", *digest))
    yield from skipped(found.skipped)
    yield from skipped(phrases.shared(found), "held out and trained on too")
    if found.held_out:
        names = Names("Pairs", list(map(Code, found.held_out)))
        yield Section("What is held out", [names], detail=True, folded=True)


def facts(
    title: str, entries: Iterable[tuple[str, str]], heads: tuple[str, str], detail: bool = False
) -> Section:
    """Names and values that are looked up rarely."""
    pairs = Pairs([(Code(name), Code(value)) for name, value in entries], heads)
    return Section(title, [pairs], detail, folded=True)
