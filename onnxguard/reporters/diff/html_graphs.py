"""The part of a page that draws both models beside each other, and marks what differs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, zip_longest
from typing import NamedTuple

from onnxguard.differences import FactsDifference, Pair
from onnxguard.differences.nodes import NodeChanges, Starts
from onnxguard.differences.sketches import Sketch
from onnxguard.model.facts import Facts
from onnxguard.model.outline import GraphOutline, Kind, Outline
from onnxguard.reporters.diff.html_level import lay_out_level
from onnxguard.reporters.diff.structure import Link, differs, node_rows
from onnxguard.reporters.kit.html import ROWS_SHOWN
from onnxguard.reporters.kit.html_canvas import (
    constant_values,
    framed,
    left_out,
    legend,
    skip_to,
    tools,
)
from onnxguard.reporters.kit.html_elements import Markup, code, element, section
from onnxguard.reporters.kit.html_graph import (
    Note,
    composed,
    ends_of,
    layouts_of,
    picture,
    sizes_of,
)
from onnxguard.reporters.kit.html_layout import Layout
from onnxguard.reporters.kit.words import plain

At = tuple[int, int]
"""A box: the index of its graph, and its own in there."""

SIGNS = {"changed": "~ ", "added": "+ ", "removed": "- "}
_SAMPLES = [(state, f"{sign}{state}") for state, sign in SIGNS.items()]
_LEADS = "A marked node leads to its row below, and a row to its nodes."


class Side(NamedTuple):
    """One of the models: ``name`` is ``old`` or ``new``, ``notes`` are what its boxes say."""

    name: str
    outline: Outline
    notes: dict[At, Note]


class Root(NamedTuple):
    """A graph that no other is around: where each model has it, None where it does not."""

    title: str
    graphs: Pair[int | None]


class Drawing(NamedTuple):
    """What is drawn of two models.

    Attributes:
        name: what every anchor begins with.
        roots: what has a picture of its own.
        same: boxes of the old model, and those of the new one that they are again.
        links: of the rows of each node that differs to its boxes, in the order of ``node_rows``;
            None where it is not drawn.
    """

    name: str
    sides: Pair[Side]
    roots: list[Root]
    same: dict[At, At]
    links: list[Link | None]


def drawing(sketch: Sketch, changes: NodeChanges, facts: FactsDifference, name: str) -> Drawing:
    """Mark what differs, and pair what is the same."""
    names, models = Pair("old", "new"), Pair(facts.old, facts.new)
    sides = Pair(*map(_side, names, sketch.outlines, models))
    boxes = Pair(*map(_boxes, sketch.outlines))
    roots = list(_roots(sketch.outlines))
    same = dict(_same_ports(sketch.outlines, roots))
    found = ((boxes.old.get(old), boxes.new.get(new)) for old, new in sketch.starts.same)
    same |= {old: new for old, new in found if old is not None and new is not None}
    _mark_ports(sides, facts)
    links = list(_mark_nodes(sides, boxes, sketch.starts, changes, name))
    for number, pair in enumerate(same.items()):
        for side, at in zip(sides, pair, strict=True):
            note = side.notes.get(at, Note())
            side.notes[at] = note._replace(node=note.node or f"{name}-same-{number}")
    return Drawing(name, sides, roots, same, links)


def _side(name: str, outline: Outline, facts: Facts) -> Side:
    values = constant_values(outline, facts)
    return Side(name, outline, {at: Note(value) for at, value in values.items()})


def _boxes(outline: Outline) -> dict[int, At]:
    """Where the node is that starts at a byte of the file."""
    return {
        box.start: (number, index)
        for number, graph in enumerate(outline.graphs)
        for index, box in enumerate(graph.boxes)
        if box.route
    }


def _roots(outlines: Pair[Outline]) -> Iterator[Root]:
    titles: dict[str, Pair[list[int]]] = {}
    for side, outline in enumerate(outlines):
        for number, graph in enumerate(outline.graphs):
            if graph.parent < 0:
                titles.setdefault(graph.title, Pair([], []))[side].append(number)
    for title, numbers in titles.items():
        yield from (Root(title, Pair(*pair)) for pair in zip_longest(*numbers))


def _same_ports(outlines: Pair[Outline], roots: list[Root]) -> Iterator[tuple[At, At]]:
    """Inputs and outputs of one name."""
    for _, (old, new) in roots:
        if old is not None and new is not None:
            ports = _ports(outlines.new.graphs[new])
            for key, at in _ports(outlines.old.graphs[old]).items():
                if key in ports:
                    yield (old, at), (new, ports[key])


def _ports(graph: GraphOutline) -> dict[tuple[Kind, str], int]:
    return {(box.kind, box.label): at for at, box in enumerate(graph.boxes) if not box.route}


def _mark_ports(sides: Pair[Side], facts: FactsDifference) -> None:
    """Mark inputs and outputs of the models that differ, but for names that a box cuts short."""
    for kind, group in ((Kind.INPUT, facts.inputs), (Kind.OUTPUT, facts.outputs)):
        changed = {(kind, pair.new.name): "changed" for pair in group.changed}
        removed = {(kind, value.name): "removed" for value in group.removed}
        added = {(kind, value.name): "added" for value in group.added}
        for side, states in zip(sides, (changed | removed, changed | added), strict=True):
            for key, at in _ports(side.outline.graphs[0]).items():
                if key in states:
                    side.notes[0, at] = Note(severity=states[key], sign=SIGNS[states[key]])


def _mark_nodes(
    sides: Pair[Side], boxes: Pair[dict[int, At]], starts: Starts, changes: NodeChanges, name: str
) -> Iterator[Link | None]:
    """Mark the nodes that differ in each model that has them; give what leads from their rows."""
    differ: list[tuple[str, Pair[At | None], tuple[str, ...]]] = [
        (
            "changed",
            Pair(boxes.old.get(pair.old), boxes.new.get(pair.new)),
            tuple(plain(what) for what, *_ in differs(change)),
        )
        for pair, change in zip(starts.changed, changes.changed, strict=True)
    ]
    differ += [("added", Pair(None, boxes.new.get(start)), ()) for start in starts.added]
    differ += [("removed", Pair(boxes.old.get(start), None), ()) for start in starts.removed]
    rows = accumulate(map(len, node_rows(changes)), initial=0)
    for number, ((state, found, codes), row) in enumerate(zip(differ, rows, strict=False)):
        node = f"{name}-node-{number}"
        row_anchor = node if row < ROWS_SHOWN else ""
        link, anchor = f"#{row_anchor}" if row_anchor else "", ""
        for side, at in zip(sides, found, strict=True):
            if at is not None:
                anchor = f"{name}-{side.name}-{at[0]}-{at[1]}"
                value = side.notes.get(at, Note()).value
                side.notes[at] = Note(value, state, codes, link, anchor, SIGNS[state], node)
        yield Link(f"#{anchor}", row_anchor, node) if anchor else None


def card(drawn: Drawing, path: Pair[str]) -> Markup:
    """The pictures, each graph of the old model beside that of the new one."""
    parts = []
    for side in drawn.sides:
        said = left_out(side.outline, "a change")
        parts += [element("p", f"{side.name.capitalize()}: {said}", class_="hint")] if said else []
    notes = [note for side in drawn.sides for note in side.notes.values()]
    leads = [_LEADS] if any(note.link for note in notes) else []
    parts.append(legend([side.outline for side in drawn.sides], notes, _SAMPLES, leads))
    layouts = Pair(*(layouts_of(side.outline, side.notes) for side in drawn.sides))
    for root in drawn.roots:
        _make_level(drawn, root, layouts)
    pictures = [_pictures(drawn, which, layouts[which], named) for which, named in enumerate(path)]
    for number, (root, *beside) in enumerate(zip(drawn.roots, *pictures, strict=True), 1):
        anchor = f"{drawn.name}-graph-{number}"
        inside = [element("h4", root.title)] if number > 1 else []
        inside += [skip_to(f"{anchor}-end"), tools(), element("div", *beside, class_="beside")]
        inside.append(element("span", id=f"{anchor}-end"))
        parts.append(element("div", *inside, class_="graph", id=anchor))
    return section("Graphs", *parts)


def _pictures(drawn: Drawing, which: int, layouts: list[Layout], named: str) -> Iterator[Markup]:
    """One model's half of each pair of pictures."""
    side = drawn.sides[which]
    scene = composed(side.outline, side.notes, layouts)
    places = [root.graphs[which] for root in drawn.roots]
    links = [f"#{drawn.name}-graph-{places.index(root) + 1}" for root in scene.roots]
    head = element("p", element("strong", f"{side.name.capitalize()}: "), code(named))
    for root, at in zip(drawn.roots, places, strict=True):
        canvas = [element("p", "There is no such graph.", class_="soft")]
        if at is not None:
            svg = picture(side.outline, scene, at, side.notes, links)
            canvas = framed(svg, f"{side.name}: {root.title}")
        yield element("div", head, *canvas, class_="side")


def _make_level(drawn: Drawing, root: Root, layouts: Pair[list[Layout]]) -> None:
    """Lay a graph of both models out anew, so that boxes that are the same stand level."""
    old, new = root.graphs
    if old is None or new is None:
        return
    both = list(zip(drawn.sides, (old, new), layouts, strict=True))
    sizes = Pair(*(sizes_of(side.outline, at, side.notes, laid) for side, at, laid in both))
    edges = Pair(*(ends_of(side.outline.graphs[at]) for side, at, _ in both))
    same = [Pair(a[1], b[1]) for a, b in drawn.same.items() if (a[0], b[0]) == (old, new)]
    layouts.old[old], layouts.new[new] = lay_out_level(sizes, edges, same)
