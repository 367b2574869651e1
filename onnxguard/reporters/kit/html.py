"""A document as one HTML page: no script, no network, light and dark, as wide as the screen."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from onnxguard.base.findings import Finding
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.blocks import Bar, Bars, Drawn, Image, Items, Listing
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
from onnxguard.reporters.kit.html_elements import (
    Markup,
    card,
    code,
    element,
    escaped,
    files,
    page,
    section,
    table,
    void,
)
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.words import (
    Code,
    Linked,
    Marked,
    Words,
    begun,
    flat,
    joined,
    large,
    plain,
    sentence,
)


class Look(NamedTuple):
    """The styles of a page, its Content-Security-Policy, and its script if there is one."""

    style: str
    policy: str
    script: str = ""


PLAIN = Look(
    files("base.css", "document.css", "narrow.css"),
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'",
)
"""Nothing on the page may load or run, whatever a model calls its parts."""

ROWS_SHOWN = 1000
"""Rows of a table and items of a list that a browser is asked to show."""
ALIKE_SHOWN = 5
"""Findings of one rule that are shown."""
PLACES_SHOWN = 20
_CARDS = Section, Findings, Drawn
"""What begins a card of its own; what stands before it belongs to the part's heading."""


def render(document: Document, options: RenderOptions, look: Look = PLAIN) -> str:
    """Render a page that holds everything it shows, pictures included."""
    title = plain(document.title) or f"onnxguard {document.command}"
    if document.verdict:
        title += f": {document.verdict}"
    alone = len(document.parts) == 1
    articles = [
        element("article", *_part(part, document, options.pictures or {}), id=f"report-{place}")
        for place, part in enumerate(document.parts, 1)
    ]
    remarks = [_paragraph(remark) for remark in document.remarks]
    summary = [] if alone else [_summary(document)]
    inside = [*remarks, *summary, *articles, *map(_block, document.blocks)]
    body = element("h1", title), element("main", *inside)
    script = [Markup(f"\n<script>{look.script}</script>\n")] if look.script else []
    return page(title, look.policy, look.style, *body, *script)


def words(text: Words) -> Markup:
    """Words in a line; what is ``Code`` is shown as it is, and what is ``Markup`` is set."""
    return Markup("".join(map(_word, flat(text))))


def _word(text: str) -> Markup:
    if isinstance(text, Linked):
        more = {"id": text.anchor} if text.anchor else {}
        more |= {"data_node": text.node} if text.node else {}
        return element("a", code(text), href=text.href, **more)
    if isinstance(text, Code):
        return code(text)
    if isinstance(text, Marked):
        if text.style == "bold":
            return element("strong", text)
        return element("span", text, class_=text.style)
    return text if isinstance(text, Markup) else escaped(text)


def _summary(document: Document) -> Markup:
    if not document.parts:
        return card(element("h2", "Summary"), element("p", "Nothing was checked."))
    links = [
        element("a", words(part.name), href=f"#report-{place}")
        for place, part in enumerate(document.parts, 1)
    ]
    caption = plain(document.closing)
    if not any(part.verdict or part.said for part in document.parts):
        listed = element("ul", *(element("li", link) for link in links))
        return card(element("h2", "Summary"), element("p", caption), listed)
    rows = [
        (link, _badge(part.verdict) if part.verdict else "", words(begun(part.said)))
        for link, part in zip(links, document.parts, strict=True)
    ]
    return card(element("h2", "Summary"), table(caption, ("What", "Verdict", "Found"), rows))


def _badge(verdict: Marked) -> Markup:
    return element("span", verdict, class_=f"badge {verdict.style}")


def _part(part: Part, document: Document, pictures: Mapping[str, bytes]) -> Iterable[Markup]:
    badge = [_badge(part.verdict), " "] if part.verdict else []
    said = [element("p", words(sentence(begun(part.said))))] if part.said else []
    if len(document.parts) == 1:  # the summary of several stands above them
        said.append(element("p", words(sentence(document.closing))))
    heading = element("h2", *badge, words(part.name))
    loose = list(takewhile(lambda block: not isinstance(block, _CARDS), part.blocks))
    shown = (_pictured(block, pictures) for block in loose)
    yield card(heading, *said, *figures_of(part), *shown)
    yield from map(_block, part.blocks[len(loose) :])


def _pictured(block: Block, pictures: Mapping[str, bytes]) -> Markup:
    """A block; of an image the picture itself, where it is at hand."""
    if not (isinstance(block, Image) and block.file in pictures):
        return _set(block)
    source = f"data:image/png;base64,{base64.b64encode(pictures[block.file]).decode()}"
    shown = void("img", src=source, alt=block.shows, class_="shown")
    return element("figure", shown, element("figcaption", large(block.shows)))


def figures_of(part: Part) -> list[Markup]:
    """The numbers that matter most, side by side."""
    terms = [
        element("div", element("dt", large(label)), element("dd", words(value)))
        for label, value in part.figures
    ]
    return [element("dl", *terms, class_="figures")] if terms else []


def _block(block: Block) -> Markup:
    if isinstance(block, Section):
        return section_of(block)
    if isinstance(block, Findings):
        return section("Findings", _findings(block))
    if isinstance(block, Drawn):
        return block.draw()
    return Markup(f"\n{element('section', _set(block))}")


def section_of(block: Section) -> Markup:
    """A card, what is in it one below the other."""
    return card(element("h3", words(block.title)), *_inside(block))


def _inside(block: Section) -> Iterable[Markup]:
    title = plain(block.title)
    for inner in block.blocks:
        if isinstance(inner, Section):
            yield element("h4", words(inner.title))
            yield from _inside(inner)
        else:
            yield _set(inner, title)


def _set(block: Block, title: str = "") -> Markup:
    return _WAYS[type(block)](block, title)


def _paragraph(block: Paragraph, _: str = "") -> Markup:
    style = {"class_": block.style} if block.style else {}
    return element("p", words(block.words), **style)


def _more(hidden: int) -> list[Markup]:
    return [element("p", f"And {hidden:,} more.", class_="soft")] if hidden else []


def _items(block: Items, _: str) -> Markup:
    items = [element("li", words(item)) for item in block.items[:ROWS_SHOWN]]
    return Markup("".join([element("ul", *items), *_more(len(block.items) - len(items))]))


def _names(block: Names, _: str) -> Markup:
    begin = [element("strong", block.begin)] if block.begin else []
    return element("p", *begin, words(joined(block.names, ROWS_SHOWN)), ".")


def _pairs(block: Pairs, _: str) -> Markup:
    lines = [
        element("tr", element("th", words(name), scope="row"), element("td", words(value)))
        for name, value in block.pairs
        if plain(value)
    ]
    return element("table", element("tbody", *lines), class_="keys")


def _table(block: Table, title: str) -> Markup:
    at = kept(block, ROWS_SHOWN)
    rows = [tuple(map(words, block.rows[index])) for index in at]
    whole = table(block.caption, block.heads, rows, block.caption or title)
    return Markup("".join([whole, *_more(len(block.rows) + block.more - len(at))]))


def _findings(block: Findings, _: str = "") -> Markup:
    alike: dict[str, list[Finding]] = {}
    for finding in block.findings:
        alike.setdefault(finding.code, []).append(finding)
    sign = f"{block.sign} " if block.sign else ""
    return Markup("".join(_alike(found, block.check, sign) for found in alike.values()))


def _alike(findings: Sequence[Finding], check: Check, sign: str) -> Markup:
    """The findings of one rule, which is explained once."""
    first = findings[0]
    lines: list[Markup] = []
    for finding in findings[:ALIKE_SHOWN]:
        lines.append(element("p", code(finding.message)))
        places = [check.where(p) for p in finding.places if p.route != "model"]
        if places:
            more = finding.count - len(places[:PLACES_SHOWN])
            hidden = f" and {more:,} more" if more > 0 else ""
            named = joined(map(Code, places[:PLACES_SHOWN]))
            lines.append(_labelled("Where", words((*flat(named), hidden))))
        said = ("Decision", finding.adr), ("Waived because", finding.waiver)
        lines += [_labelled(label, text) for label, text in said if text]
    if len(findings) > ALIKE_SHOWN:
        lines.append(element("p", f"And {len(findings) - ALIKE_SHOWN:,} more."))
    lines.append(_labelled("Why it matters", check.rules[first.code].why))
    if first.hint:
        lines.append(_labelled("Fix", first.hint))
    severity = first.severity.value
    title = element("h4", f"{sign}{severity} {phrases.title(first.code)}")
    return element("div", title, *lines, class_=f"finding {severity}")


def _labelled(label: str, *text: str) -> Markup:
    return element("p", element("strong", f"{label}: "), *text)


def _bars(block: Bars, _: str) -> Markup:
    # Logarithmic, so that the few elements that are far off show beside the many that are not.
    longest = math.log10(1 + max(bar.count for bar in block.bars)) or 1.0
    rows = [_bar(bar, longest) for bar in block.bars]
    if block.limit:
        at, said = block.limit
        mark = element("th", said, scope="row", colspan="3")
        rows.insert(at, element("tr", mark, class_="tolerance"))
    heads = (("Difference", "text"), ("Elements", "number"), ("Logarithmic", "text"))
    top = [element("th", text, scope="col", class_=kind) for text, kind in heads]
    return element(
        "table",
        element("caption", words(block.caption)),
        element("thead", element("tr", *top)),
        element("tbody", *rows),
        class_="errors",
    )


def _bar(bar: Bar, longest: float) -> Markup:
    share = math.log10(1 + bar.count) / longest
    drawn = element("span", class_="bar", style=f"width:{share:.1%}") if bar.count else ""
    return element(
        "tr",
        element("th", bar.label, scope="row"),
        element("td", f"{bar.count:,}", class_="number"),
        element("td", drawn),
        class_="above" if bar.beyond else "within",
    )


_WAYS: dict[type[Any], Callable[[Any, str], Markup]] = {
    Paragraph: _paragraph,
    Items: _items,
    Names: _names,
    Pairs: _pairs,
    Table: _table,
    Findings: _findings,
    Bars: _bars,
    Listing: lambda listing, _: element("pre", element("code", listing.text)),
    Image: lambda image, _: element("p", element("a", image.shows, href=image.file)),
    Drawn: lambda drawn, _: drawn.draw(),
}
