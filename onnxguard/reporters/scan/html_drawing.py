"""The part of a model's page that draws its graph."""

from __future__ import annotations

from typing import NamedTuple

from onnxguard.model.outline import Kind, Outline
from onnxguard.reporters.kit.html_canvas import (
    constant_values,
    framed,
    left_out,
    legend,
    skip_to,
    tools,
)
from onnxguard.reporters.kit.html_elements import Markup, element, section
from onnxguard.reporters.kit.html_graph import Note, arrange, picture
from onnxguard.reporters.kit.html_marks import At, Marks, marks, severity_of
from onnxguard.scanning.report import Report

FINDINGS = 50
"""Findings of a model that have an anchor."""

_SAMPLES = (
    ("error", "node with an error"),
    ("warning", "node with a warning"),
    ("note", "node with a note"),
)


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
    said = left_out(outline, "a finding")
    parts = [element("p", said, class_="hint")] if said else []
    leads = ["A marked node leads to its finding."] if any(n.link for n in notes.values()) else []
    parts.append(legend([outline], notes.values(), _SAMPLES, leads))
    for root, graph in enumerate(outline.graphs):
        if graph.parent >= 0:
            continue
        anchor = f"{name}-graph-{root + 1}"
        drawn = picture(outline, scene, root, notes, links)
        heading = [element("h4", graph.title)] if root else []
        canvas = framed(drawn, graph.title, f"{anchor}-end")
        inside = *heading, skip_to(f"{anchor}-end"), tools(), *canvas
        parts.append(element("div", *inside, class_="graph", id=anchor))
    return section("Graph", *parts)


def _notes(report: Report, outline: Outline, name: str, marked: Marks) -> dict[At, Note]:
    """What the boxes say besides their outlines."""
    notes: dict[At, Note] = {}
    if report.facts is not None:
        for at, value in constant_values(outline, report.facts).items():
            notes[at] = Note(value, anchor=_anchor(name, at))
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
