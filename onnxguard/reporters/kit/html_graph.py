"""Draw an outline as SVG: a picture for each graph that stands alone, those inside nested.

What boxes and lines hold is decided where an outline is made, in model/outline.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from onnxguard.model.outline import Box, GraphOutline, Kind, Outline
from onnxguard.reporters.kit.html_elements import Markup, element
from onnxguard.reporters.kit.html_layout import Layout, Path, Rect, Size, lay_out
from onnxguard.reporters.kit.widths import clipped, clipped_left, wide

PAD, TITLE = 14, 20
"""Pixels around a graph, and for the title of one inside a node."""

ABREAST = 3
"""So many graphs inside a node stand side by side."""

LABEL, NAME = 26, 28
"""Columns of an operator, and of a name, that a box shows."""

LINE = 16

SHAPES = 2
"""Outputs of a node whose shapes there is room for below it."""


class Note(NamedTuple):
    """What a box says besides its outline: a Constant's value, its findings, or how it differs.

    Attributes:
        value: the type and value of a Constant.
        severity: of the worst finding about it, or ``changed``, ``added``, ``removed``; empty where
            there is nothing.
        codes: the rules' codes, or in what it differs; ``link`` leads to where it is said in full.
        anchor: what links to the box name.
        sign: stands before the severity.
        node: the same for boxes, and links, that stand for the same node.
    """

    value: tuple[str, ...] = ()
    severity: str = ""
    codes: tuple[str, ...] = ()
    link: str = ""
    anchor: str = ""
    sign: str = ""
    node: str = ""


class Scene(NamedTuple):
    """An outline laid out: each graph's layout, how large it is, and where it lies.

    Attributes:
        roots: for each graph the one whose picture it is in.
        origins: where the layout of each graph starts in that picture.
        frames: the frame of each graph that is inside a node.
    """

    layouts: tuple[Layout, ...]
    roots: tuple[int, ...]
    origins: tuple[tuple[int, int], ...]
    frames: tuple[Rect | None, ...]


def arrange(outline: Outline, notes: Mapping[tuple[int, int], Note]) -> Scene:
    """Lay out all graphs, the inner ones first; a node is as large as what is inside it."""
    return composed(outline, notes, layouts_of(outline, notes))


def layouts_of(outline: Outline, notes: Mapping[tuple[int, int], Note]) -> list[Layout]:
    """The layout of each graph by itself."""
    layouts: list[Layout] = [Layout((), (), (), Size(0, 0))] * len(outline.graphs)
    for number in reversed(range(len(layouts))):
        sizes = sizes_of(outline, number, notes, layouts)
        layouts[number] = lay_out(sizes, ends_of(outline.graphs[number]))
    return layouts


def ends_of(graph: GraphOutline) -> list[tuple[int, int]]:
    """The boxes at the two ends of each edge."""
    return [(edge.source, edge.target) for edge in graph.edges]


def sizes_of(
    outline: Outline,
    number: int,
    notes: Mapping[tuple[int, int], Note],
    layouts: Sequence[Layout],
) -> list[Size]:
    """How large the boxes of a graph are, in which the layouts of others lie."""
    sizes = []
    for index, box in enumerate(outline.graphs[number].boxes):
        own = _own_size(box, notes.get((number, index), Note()))
        _, inner = _shelves([layouts[body] for body in box.bodies], outline.graphs, box.bodies)
        sizes.append(Size(max(own.width, inner.width), own.height + inner.height))
    return sizes


def composed(
    outline: Outline, notes: Mapping[tuple[int, int], Note], layouts: Sequence[Layout]
) -> Scene:
    """Put the graphs inside nodes where they lie."""
    graphs = outline.graphs
    roots = list(range(len(graphs)))
    origins = [(PAD, PAD)] * len(graphs)
    frames: list[Rect | None] = [None] * len(graphs)
    for number, graph in enumerate(graphs):
        left, top = origins[number]
        for index, box in enumerate(graph.boxes):
            place = layouts[number].boxes[index]
            head = _own_size(box, notes.get((number, index), Note())).height
            shelves, _ = _shelves([layouts[body] for body in box.bodies], graphs, box.bodies)
            for body, shelf in zip(box.bodies, shelves, strict=True):
                x, y = left + place.x + shelf.x, top + place.y + head + shelf.y
                frames[body] = Rect(x, y, shelf.width, shelf.height)
                origins[body] = x + PAD, y + TITLE + PAD
                roots[body] = roots[number]
    return Scene(tuple(layouts), tuple(roots), tuple(origins), tuple(frames))


def _shelves(
    layouts: list[Layout], graphs: tuple[GraphOutline, ...], bodies: tuple[int, ...]
) -> tuple[list[Rect], Size]:
    """Frames for graphs inside a node, in rows, and the room that they take with their margins."""
    found: list[Rect] = []
    width = y = 0
    for at in range(0, len(layouts), ABREAST):
        x, height = PAD, 0
        for layout, body in list(zip(layouts, bodies, strict=True))[at : at + ABREAST]:
            title = 7 * wide(clipped(graphs[body].title, LABEL)) + 2 * PAD
            size = Size(
                max(layout.size.width + 2 * PAD, title), layout.size.height + TITLE + 2 * PAD
            )
            found.append(Rect(x, y, *size))
            x += size.width + PAD
            height = max(height, size.height)
        width, y = max(width, x), y + height + PAD
    return found, Size(width, y)


def _lines(box: Box, note: Note) -> list[tuple[str, str]]:
    """The lines that a box shows, each with its class."""
    if box.kind in (Kind.INPUT, Kind.OUTPUT):
        lines = [("small", clipped_left(box.label, NAME) or "(no name)")]
    else:
        lines = [("op", clipped(box.label, LABEL))]
    if box.name:
        lines.append(("small", clipped_left(box.name, NAME)))
    lines += [("small", clipped(line, NAME)) for line in note.value if line]
    if box.hidden_bodies:
        lines.append(("small", f"{box.hidden_bodies:,} graphs not drawn"))
    if box.function >= 0:
        lines.append(("small link", "to its body"))
    if note.severity:
        shown = 2 if wide(_marked(note, " ", note.codes[:2])) < NAME else 1
        more = f" +{len(note.codes) - shown}" if len(note.codes) > shown else ""
        said = _marked(note, " ", note.codes[:shown])
        lines.append(("mark", f"{clipped(said, NAME - len(more))}{more}"))
    return lines


def _marked(note: Note, between: str, codes: Sequence[str]) -> str:
    """``error: OG101``, ``~ changed: input 0``, ``+ added``."""
    return f"{note.sign}{note.severity}{': ' if codes else ''}{between.join(codes)}"


def _own_size(box: Box, note: Note) -> Size:
    lines = _lines(box, note)
    width = max((8 if kind == "op" else 7) * wide(text) for kind, text in lines)
    return Size(max(width + 18, 44), LINE * len(lines) + 10)


def picture(
    outline: Outline,
    scene: Scene,
    root: int,
    notes: Mapping[tuple[int, int], Note],
    links: Sequence[str],
) -> Markup:
    """One picture: the graph ``root`` and those inside it; ``links`` lead to other pictures."""
    size = scene.layouts[root].size
    width, height = size.width + 2 * PAD, size.height + 2 * PAD
    parts: list[str] = []
    for number, graph in enumerate(outline.graphs):
        if scene.roots[number] == root:
            parts += _graph(graph, scene, number, notes, links)
    return element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        width=f"{width}",
        height=f"{height}",
        viewBox=f"0 0 {width} {height}",
        role="group",
        aria_label=f"Graph: {outline.graphs[root].title}",
    )


def _graph(
    graph: GraphOutline,
    scene: Scene,
    number: int,
    notes: Mapping[tuple[int, int], Note],
    links: Sequence[str],
) -> Iterator[Markup]:
    frame = scene.frames[number]
    if frame is not None:
        yield _rect(frame, 6, class_="frame")
        yield _text(frame.x + PAD, frame.y + 15, "title", clipped(graph.title, LABEL))
    layout, (left, top) = scene.layouts[number], scene.origins[number]
    heads, shapes = [], []
    said: dict[int, set[str]] = {}
    for edge, path in zip(graph.edges, layout.paths, strict=True):
        style = "edge inside" if edge.inside else "edge"
        name = element("title", f"{edge.name or '(no name)'} {edge.type}".rstrip())
        yield Markup(f"\n{element('path', name, class_=style, d=_curve(path, left, top))}")
        heads.append(_head(path, left, top))
        told = said.setdefault(edge.source, set())
        if edge.type and edge.name not in told and len(told) < SHAPES:  # once, below its box
            x, y = path.steps[-1] if path.upward else path.steps[0]
            shape = edge.type[edge.type.index("[") :]
            below = y + top + 12 + 11 * len(told)
            shapes.append(_text(x + left + 4, below, "shape", clipped(shape, NAME)))
            told.add(edge.name)
    if heads:
        yield element("path", class_="heads", d="".join(heads))
    yield from shapes
    for index, (box, place) in enumerate(zip(graph.boxes, layout.boxes, strict=True)):
        moved = place._replace(x=place.x + left, y=place.y + top)
        yield _box(box, moved, notes.get((number, index), Note()), links)


def _box(box: Box, place: Rect, note: Note, links: Sequence[str]) -> Markup:
    port = box.kind in (Kind.INPUT, Kind.OUTPUT)
    names = ["box", "port" if port else str(box.kind), note.severity]
    if box.function >= 0:
        names.append("call")
    x, y = place.x + place.width // 2, place.y + LINE + 3
    parts = [element("title", described(box, note)), _rect(place, 12 if port else 5)]
    for row, (kind, text) in enumerate(_lines(box, note)):
        parts.append(_text(x, y + LINE * row, kind, text))
    style = " ".join(filter(None, names))
    more = {"id": note.anchor} if note.anchor else {}
    more |= {"data_node": note.node} if note.node else {}
    link = note.link or (links[box.function] if box.function >= 0 else "")
    if link:
        return Markup(f"\n{element('a', *parts, href=link, class_=style, **more)}")
    return Markup(f"\n{element('g', *parts, class_=style, tabindex='0', role='img', **more)}")


def described(box: Box, note: Note) -> str:
    """Everything that is known about a box, in lines."""
    marked = [_marked(note, ", ", note.codes)] if note.severity else []
    if box.kind in (Kind.INPUT, Kind.OUTPUT):
        return "\n".join([f"{box.kind.value} of the graph: {box.label}", *marked])
    lines = [box.label, f"at {box.route}"]
    for verb, names, hidden in (
        ("reads", box.reads, box.hidden_reads),
        ("writes", box.writes, box.hidden_writes),
    ):
        more = f" and {hidden:,} more" if hidden else ""
        if names:
            lines.append(f"{verb} {', '.join(name or '(none)' for name in names)}{more}")
    if note.value:
        lines.append(f"holds {' '.join(note.value)}")
    return "\n".join([*lines, *marked])


def _rect(place: Rect, radius: int, **more: str) -> Markup:
    where = {"x": place.x, "y": place.y, "width": place.width, "height": place.height, "rx": radius}
    return element("rect", **more, **{name: str(value) for name, value in where.items()})


def _text(x: int, y: int, style: str, text: str) -> Markup:
    return element("text", text, class_=style, x=str(x), y=str(y))


def _curve(path: Path, left: int, top: int) -> str:
    """Straight within ranks, an S between two."""
    (x, y), *rest = ((x + left, y + top) for x, y in path.steps)
    parts, last = [f"M{x} {y}"], (x, y)
    for index, (x, y) in enumerate(rest):
        middle = (last[1] + y) // 2
        if index % 2 and x != last[0]:
            parts.append(f"C{last[0]} {middle} {x} {middle} {x} {y}")
        elif (x, y) != last:
            parts.append(f"V{y}")
        last = x, y
    return "".join(parts)


def _head(path: Path, left: int, top: int) -> str:
    """The head of an arrow, where the edge ends."""
    x, y = path.steps[0] if path.upward else path.steps[-1]
    back = 7 if path.upward else -7
    return f"M{x + left} {y + top}l-4 {back}h8z"
