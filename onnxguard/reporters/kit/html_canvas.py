"""What a page has around pictures of graphs: tools to zoom, what is left out, and a legend."""

from __future__ import annotations

from collections.abc import Iterable

from onnxguard.model.facts import Facts
from onnxguard.model.outline import Kind, Outline
from onnxguard.reporters.kit import phrases, rows
from onnxguard.reporters.kit.html_elements import Markup, element
from onnxguard.reporters.kit.html_graph import Note

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
)


def constant_values(outline: Outline, facts: Facts) -> dict[tuple[int, int], tuple[str, ...]]:
    """The type and the value of each Constant node that is drawn, by its graph and its box."""
    values = {each.place.start: (rows.constant(each)[1], each.value) for each in facts.constants}
    return {
        (number, index): values[box.start]
        for number, graph in enumerate(outline.graphs)
        for index, box in enumerate(graph.boxes)
        if box.route and box.start in values
    }


def framed(picture: Markup, title: str, anchor: str = "") -> list[Markup]:
    """A picture in what it scrolls in, and the line that tells of the box that has the focus."""
    more = {"id": anchor} if anchor else {}
    return [
        element("div", picture, class_="drawing", role="region", tabindex="0", aria_label=title),
        element("p", "", class_="status", aria_live="polite", **more),
    ]


def skip_to(anchor: str) -> Markup:
    """What leads whoever has no mouse past the boxes."""
    return element("a", "Skip this graph", href=f"#{anchor}", class_="skip")


def tools() -> Markup:
    """What the script zooms by; hidden until it runs."""
    buttons = [
        element("button", sign, type="button", data_zoom=how, aria_label=name, title=name)
        for sign, how, name in _ZOOMS
    ]
    said = element("span", "Move: drag, or arrow keys. Zoom: Ctrl and the wheel, or + and -.")
    return element("div", *buttons, said, class_="tools hint", hidden="hidden")


def legend(
    outlines: Iterable[Outline],
    notes: Iterable[Note],
    samples: Iterable[tuple[str, str]],
    said: Iterable[str] = (),
) -> Markup:
    """The boxes and lines that there are, and what they stand for.

    ``samples`` are what a note's severity stands for; what is ``said`` follows.
    """
    graphs = [graph for outline in outlines for graph in outline.graphs]
    shown = {_STYLES[box.kind] for graph in graphs for box in graph.boxes}
    shown |= {note.severity for note in notes}
    items = []
    for style, text in (*_SAMPLES, *samples):
        if style not in shown:
            continue
        rect = element(
            "rect", x="2", y="2", width="18", height="11", rx="6" if style == "port" else "3"
        )
        sample = element("g", rect, class_=f"box {style}")
        picture = element("svg", sample, width="22", height="15", aria_hidden="true")
        items.append(element("li", picture, text))
    if any(edge.inside for graph in graphs for edge in graph.edges):
        items.append(element("li", "A dashed line is read by a graph inside the node."))
    items += [element("li", text) for text in said]
    return element("ul", *items, class_="legend")


def left_out(outline: Outline, near: str) -> str:
    """What the pictures do not show, in words; what is ``near`` something is drawn."""
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
    if not parts:
        return ""
    cut = any(sum(1 for b in graph.boxes if b.route) < graph.nodes for graph in outline.graphs)
    kept = f" What is near {near} is kept." if cut else ""
    return f"Not all of it is drawn. Left out: {', '.join(parts)}.{kept}"
