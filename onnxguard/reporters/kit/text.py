"""A document as text for people, in lines that fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.paint import Paint, inert
from onnxguard.reporters.kit.text_findings import finding_lines
from onnxguard.reporters.kit.words import Marked, Words, flat, joined, plain

BAR = 40
"""The longest bar of a histogram, in columns."""


def render(document: Document, options: RenderOptions) -> str:
    """Set a document; ``verbosity`` -1 leaves a line per finding of what did not pass."""
    paint = Paint(options.color, options.width)
    if options.verbosity < 0:
        lines = [line for part in document.parts for line in _quiet(part, paint)]
    else:
        lines = _Setting(paint, options.verbosity > 0).document(document)
    return "".join(f"{inert(line)}\n" for line in lines)


def _quiet(part: Part, paint: Paint) -> list[str]:
    if part.verdict == "PASS":
        return []
    lines = []
    for block in part.blocks:
        for finding in block.findings if isinstance(block, Findings) else ():
            severity = paint(finding.severity.value, finding.severity.value)
            lines.append(f"{plain(part.name)}: {finding.code} {severity} {finding.message}")
    return lines or [f"{plain(part.name)}{plain(part.said)}"]


class _Setting:
    """How blocks are set: ``verbose`` shows everything."""

    def __init__(self, paint: Paint, verbose: bool) -> None:
        self.paint = paint
        self.verbose = verbose
        self.ways: dict[type[Any], Callable[[Any, str], list[str]]] = {
            Paragraph: self.paragraph,
            Items: self.items,
            Names: self.names,
            Pairs: self.pairs,
            Table: self.table,
            Findings: self.findings,
            Bars: self.bars,
            Listing: lambda listing, indent: [
                f"{indent}{line}".rstrip() for line in listing.text.split("\n")
            ],
            Image: lambda *_: [],
            Drawn: lambda *_: [],
        }

    def document(self, document: Document) -> list[str]:
        """The parts, and the verdict once more, because a terminal shows the end."""
        lines: list[str] = []
        for part in document.parts:
            lines += [*self.part(part), ""]
        verdict = self.verdict(document.verdict, ": ")
        return lines + self.words(document.closing, "  ", verdict)

    def verdict(self, verdict: Marked | None, after: str) -> str:
        """The word, and what follows it."""
        return f"{self.paint(verdict, verdict.style)}{after}" if verdict else ""

    def words(self, words: Words, indent: str, first: str | None = None) -> list[str]:
        """Words in lines."""
        return self.paint.wrap(self.split(words), indent, first=first)

    def split(self, words: Words) -> list[str]:
        """Words one by one, in their colours."""
        split = [""]
        for text in flat(words):
            style = text.style if isinstance(text, Marked) else ""
            shown = text.sign or text if isinstance(text, Marked) else text
            first, *others = (self.paint(w, style) if style else w for w in shown.split(" "))
            split[-1] += first
            split += others
        return split

    def part(self, part: Part) -> list[str]:
        """What became of something, the figures, and its blocks with empty lines between them."""
        name = tuple(Marked(text, "bold") for text in flat(part.name))
        said = (*name, *flat(part.said))
        indent = "      " if part.verdict else "  "
        lines = self.words(said, indent, self.verdict(part.verdict, "  "))
        if part.figures:
            figures = [(f"{label} ", *flat(value)) for label, value in part.figures]
            lines += [self.paint(line, "soft") for line in self.words(joined(figures), indent)]
        return [*lines, *self.blocks(part.blocks, "  ", apart=True)]

    def blocks(self, blocks: Sequence[Block], indent: str, apart: bool) -> list[str]:
        """Blocks one after the other; ``apart`` with an empty line before each."""
        lines: list[str] = []
        for block in blocks:
            if isinstance(block, Section):
                set_block = self.section(block, indent)
            else:
                set_block = self.ways[type(block)](block, indent)
            between = [""] if (apart or isinstance(block, Section)) and set_block else []
            lines += [*between, *set_block]
        return lines

    def section(self, section: Section, indent: str) -> list[str]:
        """A title, and what is in it further in."""
        if section.detail and not self.verbose:
            return []
        title = tuple(Marked(text, "bold") for text in flat(section.title))
        inside = self.blocks(section.blocks, f"{indent}  ", apart=False)
        return [*self.words(title, f"{indent}  ", indent), *inside]

    def paragraph(self, paragraph: Paragraph, indent: str) -> list[str]:
        """Sentences."""
        lines = self.words(paragraph.words, indent, indent)
        return [self.paint(line, "soft") for line in lines] if paragraph.soft else lines

    def items(self, items: Items, indent: str) -> list[str]:
        """A line an item."""
        shown = items.items[: self.limit(items.shown)]
        lines = [line for item in shown for line in self.words(item, f"{indent}  ", first=indent)]
        return lines + self.more(len(items.items) - len(shown), indent)

    def names(self, block: Names, indent: str) -> list[str]:
        """The names in lines."""
        names = joined(block.names, self.limit(block.shown))
        return self.words((f"{block.label}: ", *flat(names)), f"{indent}  ", indent)

    def pairs(self, pairs: Pairs, indent: str) -> list[str]:
        """Names, and beside them what they stand for."""
        found = [(self.split(k), v) for k, v in pairs.pairs if plain(v)]
        width = max((len(" ".join(name)) for name, _ in found), default=0)
        lines = []
        for name, value in found:
            first = f"{indent}{' '.join(name):<{width}}  "
            lines += self.words(value, " " * len(first), first)
        return lines

    def table(self, table: Table, indent: str) -> list[str]:
        """Aligned columns."""
        at = kept(table, self.limit(table.shown))
        rows = [[self.split(cell) for cell in table.rows[index]] for index in at]
        lines = self.words(Marked(table.caption, "soft"), indent, indent) if table.caption else []
        lines += self.paint.table(table.heads, rows, indent) if rows else []
        return lines + self.more(len(table.rows) - len(rows), indent)

    def findings(self, block: Findings, indent: str) -> list[str]:
        """What each finding says, those of a code that there are too many of counted."""
        lines: list[str] = []
        seen: dict[str, int] = {}
        apart = [""] if indent == "  " else []
        for finding in block.findings:
            seen[finding.code] = seen.get(finding.code, 0) + 1
            if self.verbose or seen[finding.code] <= block.alike:
                sign = f"{self.paint(block.sign.sign, block.sign.style)} " if block.sign else ""
                before = f"{indent}{sign}"
                found = finding_lines(finding, self.paint, self.verbose, block.check, before)
                lines += [*apart, *found]
        for code, count in seen.items():
            if count > block.alike and not self.verbose:
                said = f"{indent}... and {count - block.alike:,} more {phrases.title(code)}"
                lines += [*apart, said]
        return lines[len(apart) :]

    def bars(self, block: Bars, indent: str) -> list[str]:
        """A bar a line."""
        most = max(bar.count for bar in block.bars)
        labels, counts = (
            max(map(len, column))
            for column in zip(*((bar.label, f"{bar.count:,}") for bar in block.bars), strict=True)
        )
        room = max(1, min(BAR, self.paint.width - len(indent) - labels - counts - 4))
        lines = self.words(block.caption, indent, indent)
        for at, bar in enumerate(block.bars):
            if block.limit and block.limit[0] == at:
                lines.append(f"{indent}------ {block.limit[1]} ------")
            long = "=" * max(1, round(room * bar.count / most)) if bar.count else ""
            line = f"{indent}{bar.label:<{labels}}  {bar.count:>{counts},}  {long}".rstrip()
            lines.append(self.paint(line, "fail") if bar.beyond else line)
        if block.limit and block.limit[0] == len(block.bars):
            lines.append(f"{indent}------ {block.limit[1]} ------")
        return lines

    def limit(self, shown: int | None) -> int | None:
        """So many of a list are shown."""
        return None if self.verbose else shown

    def more(self, hidden: int, indent: str) -> list[str]:
        """What is not shown."""
        return [f"{indent}... and {hidden:,} more (-v shows all)"] if hidden else []
