"""A document as Markdown, for a pull-request comment, a job summary or a model hub."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from onnxguard.reporters.kit import phrases
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
from onnxguard.reporters.kit.markdown_parts import cell, code, finding_lines, folded, grid
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.words import (
    Code,
    Marked,
    Words,
    flat,
    joined,
    sentence,
)

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


def inline(words: Words, span: Callable[[str], str] = code) -> str:
    """Words in a line; ``span`` makes what is ``Code`` harmless."""
    return "".join(
        span(text) if isinstance(text, Code) else _strong(text) for text in flat(words) if text
    )


def _strong(text: str) -> str:
    stands_out = isinstance(text, Marked) and text.style != "soft" and not text.sign
    return f"**{text}**" if stands_out else text


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
