"""A document as Markdown, for a pull-request comment, a job summary or a model hub.

What is ``Code`` stands in a code span: GitHub neither formats nor links what is in one (mentions,
issue numbers, addresses, HTML). Only the backtick needs care there, and the pipe in a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from onnxguard.base.findings import Finding
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.checks import Check
from onnxguard.reporters.kit.document import (
    Bars,
    Block,
    Document,
    Drawn,
    Findings,
    Image,
    Items,
    Listing,
    Names,
    Pairs,
    Paragraph,
    Part,
    Section,
    Table,
    kept,
)
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.words import (
    Code,
    Marked,
    Words,
    flat,
    head_name,
    is_numeric,
    joined,
    sentence,
)

PLACES_SHOWN = 5
ROWS_SHOWN = 40
"""Rows of a table and items of a list that are shown: a comment has no room for all."""


def render(document: Document, options: RenderOptions) -> str:
    """Set a document: the verdict, then each part."""
    closing = inline(sentence(document.closing))
    if document.title:
        level = 2
        if document.verdict:
            closing = f"{inline(document.verdict)}: {inline(document.closing)}."
        blocks = [f"# {inline(document.title)}", closing]
    else:
        level = 3
        stands = f": {document.verdict}" if document.verdict else ""
        blocks = [f"## onnxguard {document.command}{stands}", closing]
    for part in document.parts:
        blocks += part_blocks(part, level, named=len(document.parts) > 1)
    return "\n\n".join(blocks) + "\n"


def part_blocks(part: Part, level: int, named: bool) -> list[str]:
    """What became of something, its figures and blocks; ``named`` under a heading."""
    blocks = [f"{inline(part.name)}{inline(part.said)}."]
    if part.figures:
        figures = [(f"{label} ", *flat(value)) for label, value in part.figures]
        blocks.append(inline(sentence(joined(figures))))
    if named:
        heading = (*((part.verdict, ": ") if part.verdict else ()), *flat(part.name))
        blocks.insert(0, f"{'#' * level} {inline(tuple(map(_unmarked, heading)))}")
    return [*blocks, *set_blocks(part.blocks, level + named)]


def _unmarked(text: str) -> str:
    return str(text) if isinstance(text, Marked) else text


def code(text: str) -> str:
    """Return a code span that shows the text as it is, whatever it holds."""
    text = text.replace("##", "#\\x23") or " "
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.strip() and (text[0] in "` " or text[-1] in "` ") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def cell(text: str) -> str:
    """Return a code span for a table; a pipe would end the cell and is written in hexadecimal."""
    return code(text.replace("|", "\\x7c"))


def inline(words: Words, span: Callable[[str], str] = code) -> str:
    """Words in a line; ``span`` makes what is ``Code`` harmless."""
    return "".join(
        span(text) if isinstance(text, Code) else _strong(text) for text in flat(words) if text
    )


def _strong(text: str) -> str:
    stands_out = isinstance(text, Marked) and text.style != "soft" and not text.sign
    return f"**{text}**" if stands_out else text


def grid(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of finished cells; a head that ends in ``>`` is of numbers."""
    rules = ["--:" if is_numeric(head) else "---" for head in heads]
    names = [inline(head_name(head), cell) for head in heads]
    lines = [f"| {' | '.join(names)} |", f"|{'|'.join(rules)}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def folded(summary: str, blocks: Sequence[str]) -> str:
    """Blocks that unfold."""
    # The blank line after the opening tags lets Markdown in again.
    return "\n\n".join([f"<details><summary>{summary}</summary>", *blocks, "</details>"])


def finding_lines(finding: Finding, check: Check) -> list[str]:
    """What a finding says, where it is and what to do, as items of a list."""
    state = "waived" if finding.waiver else finding.severity.value
    lines = [f"- **{phrases.title(finding.code)}** ({state}): {code(finding.message)}"]
    places = [p for p in finding.places if check.spans or p.route != "model"][:PLACES_SHOWN]
    for place in places:
        bytes_ = f", bytes {phrases.span(place)}" if check.spans else ""
        lines.append(f"  - {code(place.route)}{bytes_}")
    hidden = finding.count - min(len(finding.places), PLACES_SHOWN)
    lines += [f"  - and {hidden:,} more"] if hidden > 0 else []
    said = ("Decision", finding.adr), ("Fix", finding.hint), ("Waived because", finding.waiver)
    return lines + [f"  - {label}: {code(text)}" for label, text in said if text]


def set_blocks(blocks: Iterable[Block], level: int) -> list[str]:
    """Blocks, sections with headings of a level."""
    done: list[str] = []
    for block in blocks:
        if isinstance(block, Section):
            inside = set_blocks(block.blocks, level + 1)
            if not inside:
                done.append(f"{inline(block.title)}.")
            elif block.folded:
                done.append(folded(inline(block.title), inside))
            else:
                done += [f"{'#' * level} {inline(block.title)}", *inside]
        else:
            done += _WAYS[type(block)](block)
    return done


def _items(items: Items) -> list[str]:
    lines = [f"- {inline(item)}" for item in items.items[:ROWS_SHOWN]]
    hidden = len(items.items) - len(lines)
    return ["\n".join([*lines, *([f"- and {hidden:,} more"] if hidden else [])])]


def _pairs(pairs: Pairs) -> list[str]:
    rows = [(inline(k, cell), inline(v, cell)) for k, v in pairs.pairs if v]
    return [grid(pairs.heads, rows)]


def _table(table: Table) -> list[str]:
    at = kept(table, ROWS_SHOWN)
    rows = [[inline(words, cell) for words in table.rows[index]] for index in at]
    hidden = len(table.rows) - len(at)
    return [
        *([f"{table.caption[:1].upper()}{table.caption[1:]}:"] if table.caption else []),
        grid(table.heads, rows),
        *([f"And {hidden:,} more."] if hidden else []),
    ]


def _findings(block: Findings) -> list[str]:
    lines: list[str] = []
    seen: dict[str, int] = {}
    for finding in block.findings:
        seen[finding.code] = seen.get(finding.code, 0) + 1
        if seen[finding.code] <= block.alike:
            lines += finding_lines(finding, block.check)
    for rule, count in seen.items():
        if count > block.alike:
            lines.append(f"- and {count - block.alike:,} more **{phrases.title(rule)}**")
    return ["\n".join(lines)]


def _bars(block: Bars) -> list[str]:
    rows = [
        (f"**{bar.label}**" if bar.beyond else bar.label, f"{bar.count:,}") for bar in block.bars
    ]
    allowed = [f"In bold: beyond what is {block.limit[1]}."] if block.limit else []
    return [f"{inline(block.caption)}:", grid(("Difference", "Elements>"), rows), *allowed]


_WAYS: dict[type[Any], Callable[[Any], list[str]]] = {
    Paragraph: lambda paragraph: [inline(paragraph.words)],
    Items: _items,
    Names: lambda block: [
        inline((f"{block.label}: ", *flat(joined(block.names, ROWS_SHOWN)), "."))
    ],
    Pairs: _pairs,
    Table: _table,
    Findings: _findings,
    Bars: _bars,
    # Tildes, because a code span needs the backticks.
    Listing: lambda listing: [f"~~~{listing.language}\n{listing.text}\n~~~"],
    Image: lambda image: [f"![{image.shows}]({image.file})"],
    Drawn: lambda _: [],
}
