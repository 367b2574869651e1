"""The part of a model's page that draws its graph."""

from __future__ import annotations

from typing import NamedTuple

from onnxguard.model.outline import Kind, Outline
from onnxguard.reporters.kit import phrases, rows
from onnxguard.reporters.kit.html_elements import Markup, element, section
from onnxguard.reporters.kit.html_graph import Note, arrange, picture
from onnxguard.reporters.kit.html_marks import At, Marks, marks, severity_of
from onnxguard.scanning.report import Report

FINDINGS = 50
"""Findings of a model that have an anchor."""


class Drawing(NamedTuple):
    """A card with the pictures of a model's graphs, or with the reason why there are none.

    Attributes:
        places: the anchor of the box around a place, by the finding's index and the place's.
        constants: the anchor of a Constant node, by its span.
    """

    card: Markup
    places: dict[tuple[int, int], str]
    constants: dict[tuple[int, int], str]


def drawing(report: Report, name: str, pictured: bool) -> Drawing:
    """Draw a model; ``name`` is its page's anchor, ``pictured`` says that there is room."""
    outline = report.outline
    if not pictured or outline is None:
        reason = (
            "It is not drawn: it came on standard input."
            if report.path == "-"
            else "It is not drawn: this page has no room left. Scan the model alone to see it."
        )
        return Drawing(section("Graph", element("p", reason, class_="clean")), {}, {})
    marked = marks(report, outline)
    notes = _notes(report, outline, name, marked)
    places = {key: notes[at].anchor for key, at in marked.places.items()}
    constants = {
        (box.start, box.end): notes[number, index].anchor
        for number, graph in enumerate(outline.graphs)
        for index, box in enumerate(graph.boxes)
        if box.kind is Kind.CONSTANT and (number, index) in notes
    }
    return Drawing(_card(outline, notes, name), places, constants)


def _card(outline: Outline, notes: dict[At, Note], name: str) -> Markup:
    scene = arrange(outline, notes)
    links = [f"#{name}-graph-{root + 1}" for root in scene.roots]
    parts = [element("p", said, class_="hint") for said in _left_out(outline)]
    parts.append(_legend(outline, notes))
    for root, graph in enumerate(outline.graphs):
        if graph.parent >= 0:
            continue
        anchor = f"{name}-graph-{root + 1}"
        drawn = picture(outline, scene, root, notes, links)
        box = element(
            "div", drawn, class_="drawing", role="region", tabindex="0", aria_label=graph.title
        )
        heading = [element("h4", graph.title)] if root else []
        parts.append(
            element(
                "div",
                *heading,
                element("a", "Skip this graph", href=f"#{anchor}-end", class_="skip"),
                _tools(),
                box,
                element("p", "", class_="status", aria_live="polite", id=f"{anchor}-end"),
                class_="graph",
                id=anchor,
            )
        )
    return section("Graph", *parts)


def _notes(report: Report, outline: Outline, name: str, marked: Marks) -> dict[At, Note]:
    """What the boxes say besides their outlines."""
    values = {}
    if report.facts is not None:
        values = {
            (constant.place.start, constant.place.end): (rows.constant(constant)[1], constant.value)
            for constant in report.facts.constants
        }
    notes: dict[At, Note] = {}
    for number, graph in enumerate(outline.graphs):
        for index, box in enumerate(graph.boxes):
            if box.route and (box.start, box.end) in values:
                anchor = _anchor(name, (number, index))
                notes[number, index] = Note(values[box.start, box.end], anchor=anchor)
    for at, numbers in marked.boxes.items():
        codes = tuple(dict.fromkeys(report.findings[number].code for number in numbers))
        severity = severity_of(report, numbers).value
        link = f"#{name}-finding-{numbers[0] + 1}" if numbers[0] < FINDINGS else ""
        notes[at] = notes.get(at, Note())._replace(
            severity=severity, codes=codes, link=link, anchor=_anchor(name, at)
        )
    return notes


def _anchor(name: str, at: At) -> str:
    return f"{name}-node-{at[0]}-{at[1]}"


def _left_out(outline: Outline) -> list[str]:
    """What the pictures do not show, in words."""
    said = []
    nodes = outline.nodes - outline.kept_nodes
    parts = [
        phrases.plural(count, noun)
        for count, noun in (
            (nodes, "node"),
            (outline.hidden_graphs, "graph"),
            (outline.hidden_edges, "edge"),
        )
        if count
    ]
    ports = sum(graph.hidden_ports for graph in outline.graphs)
    if ports:
        parts.append(f"{ports:,} inputs and outputs of graphs")
    if parts:
        cut = any(sum(1 for b in graph.boxes if b.route) < graph.nodes for graph in outline.graphs)
        near = " What is near a finding is kept." if cut else ""
        said.append(f"Not all of it is drawn. Left out: {', '.join(parts)}.{near}")
    return said


_ZOOMS = (
    ("\u2212", "out", "Zoom out"),
    ("+", "in", "Zoom in"),
    ("Fit", "fit", "Show the whole graph"),
    ("1:1", "full", "Show it in full size"),
)

_STYLES = {Kind.NODE: "node", Kind.CONSTANT: "constant", Kind.INPUT: "port", Kind.OUTPUT: "port"}
_SAMPLES = (
    ("node", "node"),
    ("constant", "Constant node"),
    ("port", "input or output of a graph"),
    ("error", "node with an error"),
    ("warning", "node with a warning"),
    ("note", "node with a note"),
)


def _tools() -> Markup:
    """What the script zooms by; hidden until it runs."""
    buttons = [
        element("button", sign, type="button", data_zoom=how, aria_label=name, title=name)
        for sign, how, name in _ZOOMS
    ]
    said = element("span", "Move: drag, or arrow keys. Zoom: Ctrl and the wheel, or + and -.")
    return element("div", *buttons, said, class_="tools hint", hidden="hidden")


def _legend(outline: Outline, notes: dict[At, Note]) -> Markup:
    """The boxes and lines that there are, and what they stand for."""
    boxes = [box for graph in outline.graphs for box in graph.boxes]
    shown = {_STYLES[box.kind] for box in boxes} | {note.severity for note in notes.values()}
    items = []
    for style, text in _SAMPLES:
        if style not in shown:
            continue
        rect = element(
            "rect", x="2", y="2", width="18", height="11", rx="6" if style == "port" else "3"
        )
        sample = element("g", rect, class_=f"box {style}")
        picture_ = element("svg", sample, width="22", height="15", aria_hidden="true")
        items.append(element("li", picture_, text))
    if any(edge.inside for graph in outline.graphs for edge in graph.edges):
        items.append(element("li", "A dashed line is read by a graph inside the node."))
    if any(note.link for note in notes.values()):
        items.append(element("li", "A marked node leads to its finding."))
    return element("ul", *items, class_="legend")
