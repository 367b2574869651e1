"""The page of one model within the HTML page of a scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnxguard.base.findings import Finding
from onnxguard.catalogue import RULES
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.document import Block, Section, Table
from onnxguard.reporters.kit.html import figures_of, section_of, words
from onnxguard.reporters.kit.html_elements import Markup, card, code, element, section
from onnxguard.reporters.kit.words import begun
from onnxguard.reporters.scan.document import costly_nodes, part, sections
from onnxguard.reporters.scan.html_drawing import Drawing, drawing
from onnxguard.reporters.scan.html_index import Entry, badge
from onnxguard.scanning.report import Report

FINDINGS, PLACES, NARROW = 50, 10, 3
"""Findings of a model and places of a finding that are shown; columns that stand beside others."""


def model_page(entries: Sequence[Entry], place: int, pictured: bool) -> Markup:
    """The page of the entry at ``place``; ``pictured`` says that there is room for its graph."""
    entry = entries[place]
    report, name = entry.report, f"model-{entry.number}"
    drawn = drawing(report, name, pictured)
    parts = [_crumbs(entries, place), _head(report), _findings(report, name, drawn)]
    if report.facts is not None:
        parts += [drawn.card, *_held(report, drawn)]
    return Markup(f"\n{element('article', *parts, class_='page', id=name)}")


def _crumbs(entries: Sequence[Entry], place: int) -> Markup:
    links = [element("a", "All models", href="#models")]
    for name, at in (("Previous", place - 1), ("Next", place + 1)):
        if 0 <= at < len(entries) and entries[at].paged:
            links.append(element("a", name, href=f"#model-{entries[at].number}"))
    return element("nav", *links, class_="crumbs", aria_label="Models")


def _head(report: Report) -> Markup:
    said = part(report)
    title = element("h2", badge(report.verdict), " ", words(said.name))
    return card(title, element("p", words(begun(said.said))), *figures_of(said))


def _findings(report: Report, name: str, drawn: Drawing) -> Markup:
    if not report.findings:
        return section("Findings", element("p", "None.", class_="clean"))
    explained: set[str] = set()
    parts = []
    order = sorted(enumerate(report.findings), key=lambda pair: bool(pair[1].waiver))
    for number, finding in order[:FINDINGS]:
        places = _places(finding, number, drawn)
        anchor = f"{name}-finding-{number + 1}"
        parts.append(_finding(finding, anchor, places, finding.code in explained))
        explained.add(finding.code)
    if len(order) > FINDINGS:
        parts.append(element("p", f"And {len(order) - FINDINGS:,} more.", class_="hint"))
    return section("Findings", *parts)


def _finding(finding: Finding, anchor: str, places: Markup, explained: bool) -> Markup:
    state = "waived" if finding.waiver else finding.severity.value
    lines = [element("h4", f"{state} {phrases.title(finding.code)}")]
    lines.append(element("p", code(finding.message)))
    if finding.place.route != "model" or finding.count > 1:
        lines.append(places)
    rule = RULES.get(finding.code)
    for label, text in (
        ("Why it matters", rule.why if rule and not explained else ""),
        ("Fix", finding.hint),
        ("Decision", finding.adr),
        ("Waived because", finding.waiver),
    ):
        if text:
            lines.append(element("p", element("strong", f"{label}: "), text))
    style = "note" if finding.waiver else finding.severity.value
    return element("div", *lines, class_=f"finding {style}", id=anchor)


def _places(finding: Finding, number: int, drawn: Drawing) -> Markup:
    items = []
    for at, place in enumerate(finding.places[:PLACES]):
        route = _linked(code(place.route), drawn.places.get((number, at)))
        items.append(element("li", route, f" bytes {phrases.span(place)}"))
    if finding.count > len(items):
        items.append(element("li", f"and {finding.count - len(items):,} more"))
    return element("ul", *items)


def _linked(text: Markup, anchor: str | None) -> Markup:
    return element("a", text, href=f"#{anchor}") if anchor else text


def _held(report: Report, drawn: Drawing) -> Iterator[Markup]:
    """What the model holds: small tables side by side, then those that take the width."""
    operators, constants, *others = sections(report)
    found = [operators, *_led(constants, report, drawn), *others]
    if report.facts is not None and report.facts.cost is not None and report.facts.cost.nodes:
        found.append(costly_nodes(report.facts.cost))
    small = [each for each in found if all(map(_is_small, each.blocks))]
    yield element("div", *map(section_of, small), class_="cards")
    yield from (section_of(each) for each in found if each not in small)


def _is_small(block: Block) -> bool:
    if isinstance(block, Table):
        return len(block.heads) <= NARROW
    return not isinstance(block, Section)


def _led(constants: Section, report: Report, drawn: Drawing) -> Iterator[Section]:
    """The Constant nodes, each leading to its box."""
    for table in constants.blocks:
        if isinstance(table, Table) and report.facts is not None:
            at = [(node.place.start, node.place.end) for node in report.facts.constants]
            rows = [
                (_linked(words(node), drawn.constants.get(span)), *rest)
                for span, (node, *rest) in zip(at, table.rows, strict=True)
            ]
            yield constants._replace(blocks=[table._replace(rows=rows)])
