"""A document as Markdown, for a pull-request comment, a job summary or a model hub.

What a model, a user or a program wrote stands in a code span: GitHub neither formats nor links what
is in one (mentions, issue numbers, addresses, HTML). Only the backtick needs care there, and the
pipe in a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from onnxguard.base.findings import Finding
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.blocks import Bars, Drawn, Image, Items, Listing
from onnxguard.reporters.kit.checks import Check
from onnxguard.reporters.kit.document import (
    Block,
    Document,
    Findings,
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
    begun,
    flat,
    head_name,
    is_numeric,
    joined,
    large,
    sentence,
)

ROWS_SHOWN = 40
"""Rows of a table and items of a list that are shown: a comment has no room for all."""
PLACES_SHOWN = 5
QUIET_SHOWN, QUIET_ROWS, TOLD = 20, 500, 200
"""Parts that passed and are not folded, those that are named where they are, and parts that are
told, unless all is asked for."""


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
    blocks += set_blocks(document.remarks, level)
    parts = list(document.parts)
    several = len(parts) > 1
    if several and any(part.verdict for part in parts):
        blocks += _several(parts, level, whole=options.verbosity > 0)
    else:
        for part in parts:
            blocks += _part(part, level, several, overview=False)
    return "\n\n".join([*blocks, *set_blocks(document.blocks, level)]) + "\n"


def code(text: str) -> str:
    """Return a code span that shows the text as it is, whatever it holds."""
    text = text.replace("##", "#\\x23") or " "
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.strip() and (text[0] in "` " or text[-1] in "` ") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def cell(text: str) -> str:
    """Return a code span for a table; a pipe would end the cell and is written in hexadecimal."""
    return code(text.replace("|", "\\x7c"))


def _several(parts: Sequence[Part], level: int, whole: bool) -> list[str]:
    """Parts by urgency: those that passed with nothing to show come last, and many are folded."""
    quiet = [part for part in parts if _is_quiet(part)]
    loud = sorted((part for part in parts if not _is_quiet(part)), key=_urgency)
    folds = len(quiet) > QUIET_SHOWN
    shown = loud if folds else [*loud, *quiet]
    blocks = [_overview(shown)] if shown else []
    if folds:
        rows = quiet if whole else quiet[:QUIET_ROWS]
        hidden = len(quiet) - len(rows)
        blocks += [f"<details><summary>{len(quiet):,} passed</summary>", _overview(rows)]
        blocks += [f"And {hidden:,} more."] if hidden else []
        blocks.append("</details>")
    told = [*loud, *quiet] if whole else shown[:TOLD]
    for part in told:
        blocks += _part(part, level, named=True, overview=True)
    if len(told) < len(shown):
        blocks.append(f"{len(shown) - len(told):,} more are not told here; `-v` writes all.")
    return blocks


def _is_quiet(part: Part) -> bool:
    seen = [b for b in part.blocks if not (isinstance(b, Section) and (b.folded or b.detail))]
    return part.verdict is not None and part.verdict.style == "pass" and not seen


def _urgency(part: Part) -> int:
    style = part.verdict.style if part.verdict else ""
    return {"error": 0, "fail": 1}.get(style, 2)


def _overview(parts: Sequence[Part]) -> str:
    """A row a part: all that is said of it but its blocks; figures without code are numbers."""
    told = [dict(part.figures) for part in parts]
    labels = list(dict.fromkeys(label for figures in told for label in figures))
    heads = ["verdict", "what", "found"]
    for label in labels:
        words = [text for figures in told for text in flat(figures.get(label, ""))]
        heads.append(label if any(isinstance(text, Code) for text in words) else f"{label}>")
    rows = [
        (part.verdict or "", part.name, begun(part.said), *(figures.get(la, "") for la in labels))
        for part, figures in zip(parts, told, strict=True)
    ]
    return grid([*map(large, heads)], [[inline(words, cell) for words in row] for row in rows])


def _part(part: Part, level: int, named: bool, overview: bool) -> list[str]:
    """What became of something, its figures and blocks; less where they stand in an overview."""
    said: list[str] = []
    if not overview:
        said.append(f"{inline(part.name)}{inline(part.said)}.")
    if part.figures and not overview:
        figures = [(f"{label} ", *flat(value)) for label, value in part.figures]
        said.append(inline(sentence(joined(figures))))
    folds = [block for block in part.blocks if isinstance(block, Section) and block.folded]
    if overview and len(folds) == len(part.blocks):  # a heading for nothing that is seen
        name = Paragraph(part.name)
        named_folds = [fold._replace(blocks=[name, *fold.blocks]) for fold in folds]
        return set_blocks(named_folds, level + named)
    if named:
        heading = (*((part.verdict, ": ") if part.verdict else ()), *flat(part.name))
        said.insert(0, f"{'#' * level} {inline(tuple(map(_unmarked, heading)))}")
    opened = [block for block in part.blocks if block not in folds]
    return [*said, *set_blocks([*opened, *folds], level + named)]


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


def grid(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of finished cells; a head that ends in ``>`` is of numbers."""
    rules = ["--:" if is_numeric(head) else "---" for head in heads]
    names = [cell(h) if isinstance(h, Code) else head_name(h) for h in heads]
    lines = [f"| {' | '.join(names)} |", f"|{'|'.join(rules)}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def set_blocks(blocks: Iterable[Block], level: int) -> list[str]:
    """Blocks, sections with headings of a level."""
    done: list[str] = []
    for block in blocks:
        if isinstance(block, Section):
            inside = set_blocks(block.blocks, level + 1)
            title = inline(block.title)
            if not inside:
                done.append(f"{title}.")
            elif block.folded:
                # The blank line after the opening tags lets Markdown in again.
                done += [f"<details><summary>{title}</summary>", *inside, "</details>"]
            else:
                done += [f"{'#' * level} {title}", *inside]
        else:
            done += _WAYS[type(block)](block)
    return done


def _paragraph(paragraph: Paragraph) -> list[str]:
    said = inline(paragraph.words)
    return [f"**{said}**" if paragraph.style not in ("", "soft") else said]


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
    hidden = len(table.rows) + table.more - len(at)
    return [
        *([f"{large(table.caption)}:"] if table.caption else []),
        grid(table.heads, rows),
        *([f"And {hidden:,} more."] if hidden else []),
    ]


def _findings(block: Findings) -> list[str]:
    lines: list[str] = []
    seen: dict[str, int] = {}
    for finding in block.findings:
        seen[finding.code] = seen.get(finding.code, 0) + 1
        if seen[finding.code] <= block.alike:
            lines += _finding(finding, block.check)
    for rule, count in seen.items():
        if count > block.alike:
            lines.append(f"- and {count - block.alike:,} more **{phrases.title(rule)}**")
    return ["\n".join(lines)]


def _finding(finding: Finding, check: Check) -> list[str]:
    """What it says, where it is and what to do, as items of a list."""
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


def _bars(block: Bars) -> list[str]:
    rows = [
        (f"**{bar.label}**" if bar.beyond else bar.label, f"{bar.count:,}") for bar in block.bars
    ]
    allowed = [f"In bold: beyond what is {block.limit[1]}."] if block.limit else []
    return [f"{inline(block.caption)}:", grid(("Difference", "Elements>"), rows), *allowed]


_WAYS: dict[type[Any], Callable[[Any], list[str]]] = {
    Paragraph: _paragraph,
    Items: _items,
    Names: lambda block: [inline((block.begin, *flat(joined(block.names, ROWS_SHOWN)), "."))],
    Pairs: _pairs,
    Table: _table,
    Findings: _findings,
    Bars: _bars,
    # Tildes, because a code span needs the backticks.
    Listing: lambda listing: [f"~~~{listing.language}\n{listing.text}\n~~~"],
    Image: lambda image: [f"![{image.shows}]({image.file})"],
    Drawn: lambda _: [],
}
