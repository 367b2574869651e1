"""Runs with graphs to draw, built by hand, and models that a page is made of."""

from __future__ import annotations

from pathlib import Path

from onnxguard.model.outline import Box, Edge, GraphOutline, Kind, Outline, outline_of
from onnxguard.model.reading import read_model
from onnxguard.scanning.report import Run
from support import protobuf as pb
from support.protobuf import attribute, body, constant, function, graph, node
from support.sample_runs import CLEAN, HOSTILE, NASTY, STUDENT, UNVERIFIED, WAIVED, WARNED, at

MODELS = Path(__file__).parent.parent / "models"


def node_box(index: int, label: str, name: str = "", kind: Kind = Kind.NODE) -> Box:
    """A node of the main graph, at the place that ``at`` gives."""
    place = at(index, name)
    return Box(kind, label, name, place.route, ("x",), ("y",), start=place.start, end=place.end)


SMALL = Outline(
    (
        GraphOutline(
            "graph",
            -1,
            (
                Box(Kind.INPUT, "input"),
                node_box(17, "Constant", "/up3/Constant", Kind.CONSTANT),
                node_box(18, "Resize", "/up3/Resize"),
                node_box(19, "Conv", "/head/Conv"),
                Box(Kind.OUTPUT, "saliency_map"),
            ),
            (Edge(0, 2, "input"), Edge(1, 2, "scales"), Edge(2, 3, "up"), Edge(3, 4, "map")),
            4,
        ),
    ),
    37,
    3,
)
"""Part of what ``STUDENT`` holds."""

EVIL = Outline(
    (
        GraphOutline(
            HOSTILE,
            -1,
            (
                Box(Kind.INPUT, HOSTILE),
                node_box(1, f"evil::{HOSTILE}", HOSTILE)._replace(
                    reads=(HOSTILE, ""), writes=(HOSTILE,), bodies=(1,), hidden_bodies=2, function=2
                ),
            ),
            (Edge(0, 1, HOSTILE, inside=True),),
            2,
            3,
        ),
        GraphOutline(HOSTILE, 0, (node_box(2, HOSTILE, HOSTILE),), (), 1),
        GraphOutline(f"function {HOSTILE}", -1, (), (), 0),
    ),
    9,
    3,
    4,
    5,
)
"""Names that would like to be markup, wherever an outline holds one."""

DRAWN = Run((CLEAN, STUDENT._replace(outline=SMALL), WARNED, WAIVED, UNVERIFIED), 1.504)
HARMFUL = Run((NASTY._replace(outline=EVIL), NASTY._replace(outline=None)))


def outline(data: bytes) -> Outline:
    """The outline of a model in memory."""
    return outline_of(read_model(data))


def outline_at(path: Path) -> Outline:
    """The outline of a model in a file."""
    return outline(path.read_bytes())


def nested(levels: int) -> bytes:
    """Ifs inside one another, each with a forbidden operator in its other branch."""
    inner = body(node("Relu", "x", "y"), output=pb.value("y"))
    made = b""
    for level in range(levels + 1):
        einsum = node("Einsum", "x", "y", attribute=attribute("equation", s="abcd"))
        other = body(einsum if level < levels else node("Relu", "x", "y"), output=pb.value("y"))
        branches = [attribute("then_branch", g=inner), attribute("else_branch", g=other)]
        made = node("If", "c", "y", name=f"level {level}", attribute=branches)
        inner = body(made, output=pb.value("y"))
    return pb.model(graph(made, input=[pb.value("x"), pb.value("c", 9, [])]))


def with_functions() -> bytes:
    """Two functions, of which one calls the other."""
    block = function("Block", node("Einsum", "a", "b", name="bad"), domain="local", input=["a"])
    other = function("Other", node("Block", "a", "b", domain="local"), domain="local", input=["a"])
    calls = node("Block", "x", "u", domain="local"), node("Other", "u", "y", domain="local")
    imported = pb.opset_import("local", 1)
    return pb.model(graph(*calls), opset_import=imported, functions=[block, other])


def chain(length: int, skips: int = 0) -> bytes:
    """Nodes in a line, each tenth of which also reads what stood ``skips`` nodes before."""
    nodes, last = [], "x"
    for index in range(length):
        far = f" t{index - skips}" if skips and index >= skips and index % 10 == 0 else ""
        nodes.append(node("Add" if far else "Relu", last + far, f"t{index}", name=f"n{index}"))
        last = f"t{index}"
    return pb.model(graph(*nodes, output=pb.value(last)))


def fan(width: int) -> bytes:
    """Nodes that all read the input and are all read by one, and as many Constants."""
    names = [f"t{index}" for index in range(width)]
    nodes = [node("Relu", "x", name) for name in names]
    nodes += [constant(f"c{index}", value_int={"i": index}) for index in range(width)]
    read = names + [f"c{index}" for index in range(width)]
    return pb.model(graph(*nodes, node("Sum", " ".join(read), "y")))


def backwards() -> bytes:
    """Nodes in an order in which they cannot run; the last one reads itself."""
    nodes = node("Relu", "b", "y"), node("Conv", "x", "a"), node("Sigmoid", "a", "b")
    return pb.model(graph(*nodes, node("Add", "c c", "c")))
