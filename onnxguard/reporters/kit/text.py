"""A document as text for people, in lines that fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from onnxguard.base.findings import Finding
from onnxguard.reporters.kit import phrases
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
from onnxguard.reporters.kit.paint import Paint, columns, inert
from onnxguard.reporters.kit.words import Marked, Words, flat, plain

if TYPE_CHECKING:  # a scan has none of them
    from onnxguard.reporters.kit.blocks import Bars, Items, Listing

BAR = 40
"""The longest bar of a histogram, in columns."""
ALIGNED = 60
"""Columns up to which the names of parts that have a line each are aligned: fewer, where the rest
of the line has no room else."""
WHOLE = 48
"""Columns up to which a name among others is not broken."""
PLACES_SHOWN = 5


def render(document: Document, options: RenderOptions) -> str:
    """Set a document; ``verbosity`` -1 leaves a line per finding of what did not pass."""
    paint = Paint(options.color, options.width)
    if options.verbosity < 0:
        lines = [line for part in document.parts for line in _quiet(part, paint)]
        lines += [plain(said.words) for said in document.remarks if said.style == "error"]
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
            places = f" ({finding.count:,} places)" if finding.count > 1 else ""
            said = f"{finding.code} {severity} {finding.message}{places}"
            lines.append(f"{plain(part.name)}: {said}")
    return lines or [f"{plain(part.name)}{plain(part.said)}"]


class _Setting:
    """How blocks are set, each by the method of its name: ``verbose`` shows everything."""

    def __init__(self, paint: Paint, verbose: bool) -> None:
        self.paint = paint
        self.verbose = verbose
        self.said: dict[tuple[Finding, str, str], list[str]] = {}

    def document(self, document: Document) -> list[str]:
        """The parts, and the verdict once more, because a terminal shows the end."""
        found = list(map(self.found, document.parts))
        brief = [each for each in found if isinstance(each, tuple)]
        rooms = (self.paint.width - columns(f"{a}  {c}") for a, _, c in brief)
        width = min(ALIGNED, *rooms, max((columns(name) for _, name, _ in brief), default=0))
        lines: list[str] = []
        apart = False
        for each in found:
            if lines and (apart or not isinstance(each, tuple)):
                lines.append("")
            lines += self.line(*each, width) if isinstance(each, tuple) else each
            apart = not isinstance(each, tuple)
        lines += self.blocks(document.blocks, "", apart=True)
        lines += [""] if lines else []
        for remark in document.remarks:
            lines += self.paragraph(remark, "")
        verdict = self.verdict(document.verdict, ": ")
        return lines + self.words(document.closing, "  ", verdict)

    def found(self, part: Part) -> list[str] | tuple[str, str, str]:
        """A part in lines, or the verdict, name and figures that are enough of it."""
        inside = self.blocks(part.blocks, "  ", apart=True)
        if inside or not part.brief or not part.figures:
            return [*self.part(part), *inside]
        figures = [f"{label} {plain(value)}" for label, value in part.figures[: part.brief]]
        return self.verdict(part.verdict, "  "), plain(part.name), ", ".join(figures)

    def line(self, verdict: str, name: str, figures: str, width: int) -> list[str]:
        """A line with those, the name as wide as others'."""
        first = f"{verdict}{name}{' ' * (width - columns(name))}  "
        line = first + self.paint(figures, "soft")
        if columns(line) <= self.paint.width:
            return [line]
        words = [self.paint(word, "soft") for word in figures.split(" ")]
        return self.paint.wrap(words, " " * 8, first=first)

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
            first, *others = (self.paint(word, style) for word in shown.split(" "))
            split[-1] += first
            split += others
        return split

    def part(self, part: Part) -> list[str]:
        """What became of something, and the figures."""
        name = tuple(Marked(text, "bold") for text in flat(part.name))
        said = (*name, *flat(part.said))
        indent = "      " if part.verdict else "  "
        lines = self.words(said, indent, self.verdict(part.verdict, "  "))
        figures = self.whole([f"{label} {plain(value)}" for label, value in part.figures])
        return lines + self.paint.wrap([self.paint(item, "soft") for item in figures], indent)

    def whole(self, items: Sequence[Words]) -> list[str]:
        """Items with commas between them to be set in lines, those that are short unbroken."""
        found: list[str] = []
        for at, item in enumerate(items, 1):
            words = self.split(item)
            words[-1] += "," * (at < len(items))
            found += words if len(plain(item)) > WHOLE else [" ".join(words)]
        return found

    def blocks(self, blocks: Sequence[Block], indent: str, apart: bool) -> list[str]:
        """Blocks one after the other; ``apart`` with an empty line before each."""
        lines: list[str] = []
        for block in blocks:
            way = getattr(self, type(block).__name__.lower(), None)
            set_block = way(block, indent) if way else []  # a picture has none
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
        return [self.paint(line, paragraph.style) for line in lines]

    def items(self, items: Items, indent: str) -> list[str]:
        """A line an item."""
        shown = items.items[: self.limit(items.shown)]
        lines = [line for item in shown for line in self.words(item, f"{indent}  ", first=indent)]
        return lines + self.more(len(items.items) - len(shown), indent)

    def names(self, block: Names, indent: str) -> list[str]:
        """The names in lines."""
        shown = block.names[: self.limit(block.shown)]
        words = [*block.begin.split(), *self.whole(shown)]
        hidden = len(block.names) - len(shown)
        words += [f"and {hidden:,} more"] if hidden else []
        return self.paint.wrap(words, f"{indent}  ", first=indent)

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
        return lines + self.more(len(table.rows) + table.more - len(rows), indent)

    def findings(self, block: Findings, indent: str) -> list[str]:
        """What each finding says, those of a code that there are too many of counted."""
        lines: list[str] = []
        seen: dict[str, int] = {}
        apart = [""] if indent == "  " else []
        for finding in block.findings:
            seen[finding.code] = seen.get(finding.code, 0) + 1
            if self.verbose or seen[finding.code] <= block.alike:
                sign = f"{self.paint(block.sign.sign, block.sign.style)} " if block.sign else ""
                key = finding, block.check.name, f"{indent}{sign}"
                if key not in self.said:  # models of one architecture share their findings
                    self.said[key] = self.finding(finding, block.check, f"{indent}{sign}")
                lines += [*apart, *self.said[key]]
        for code, count in seen.items():
            if count > block.alike and not self.verbose:
                said = f"{indent}... and {count - block.alike:,} more {phrases.title(code)}"
                lines += [*apart, said]
        return lines[len(apart) :]

    def finding(self, finding: Finding, check: Check, before: str) -> list[str]:
        """What it says, where it is, and what to do."""
        if finding.waiver:
            head = f"{before}{finding.code} waived: "
        else:
            severity = finding.severity.value
            head = f"{before}{self.paint(f'{finding.code} {severity}', severity)}: "
        indent = " " * (len(before) - len(before.lstrip()) + 2)
        name = phrases.title(finding.code).removeprefix(f"{finding.code} ")
        lines = self.paint.wrap(f"{finding.message} ({name})".split(" "), indent, first=head)
        places = finding.places if self.verbose else finding.places[:PLACES_SHOWN]
        cells = [check.cells(place) for place in places if check.spans or place.route != "model"]
        rows = [
            [cell.split(" ") for cell in ("" if at else "at ", *row)]
            for at, row in enumerate(cells)
        ]
        lines += self.paint.table([""] * len(rows[0]) if rows else [], rows, indent)
        hidden = finding.count - len(places)
        if hidden > 0:
            lines.append(f"{indent}     ... and {hidden:,} more")
        for label, text in (("see", finding.adr), ("fix", finding.hint), ("why", finding.waiver)):
            if text:
                first = f"{indent}{label:<5}"
                lines += self.paint.wrap(text.split(" "), f"{indent}     ", first=first)
        return [self.paint(line, "soft") for line in lines] if finding.waiver else lines

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

    def listing(self, block: Listing, indent: str) -> list[str]:
        """Its lines."""
        return [f"{indent}{line}".rstrip() for line in block.text.split("\n")]

    def limit(self, shown: int | None) -> int | None:
        """So many of a list are shown."""
        return None if self.verbose else shown

    def more(self, hidden: int, indent: str) -> list[str]:
        """What is not shown."""
        return [f"{indent}... and {hidden:,} more (-v shows all)"] if hidden else []
