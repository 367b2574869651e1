"""Outlines and layouts: what is drawn, and that it lies where it should."""

from __future__ import annotations

from itertools import chain, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import html_samples as samples
from support import protobuf as pb
from support.protobuf import attribute, body, constant, graph, node

from onnxguard.model.outline import (
    EDGES,
    GRAPHS,
    NAMES,
    NODES,
    PORTS,
    Box,
    Kind,
    Outline,
    outline_of,
)
from onnxguard.model.reading import read_model
from onnxguard.reporters.kit.html_graph import PAD, arrange
from onnxguard.reporters.kit.html_layout import POINTS, Layout, Rect, Size, lay_out
from onnxguard.reporters.kit.html_ranks import WIDE
from onnxguard.reporters.kit.widths import clipped, clipped_left, wide

OUTLINES = {
    "looping": samples.outline_at(samples.MODELS / "looping.onnx"),
    "saliency": samples.outline_at(samples.MODELS / "saliency_v2.onnx"),
    "int8": samples.outline_at(samples.MODELS / "int8.onnx"),
    "nested": samples.outline(samples.nested(9)),
    "functions": samples.outline(samples.with_functions()),
    "chain": samples.outline(samples.chain(300, skips=40)),
    "fan": samples.outline(samples.fan(60)),
    "backwards": samples.outline(samples.backwards()),
    "empty": samples.outline(pb.model(graph(input=[], output=[]))),
    "evil": samples.EVIL,
}


def overlap(one: Rect, other: Rect) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def inside(inner: Rect, outer: Rect) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def check_layout(layout: Layout, sizes: list[Size], edges: list[tuple[int, int]]) -> None:
    """Boxes keep apart and keep their size; ranks and paths run down."""
    whole = Rect(0, 0, *layout.size)
    assert [Size(box.width, box.height) for box in layout.boxes] == sizes
    assert all(inside(box, whole) for box in layout.boxes)
    rows: dict[int, list[Rect]] = {}
    for box, rank in zip(layout.boxes, layout.ranks, strict=True):
        rows.setdefault(rank, []).append(box)
    for row in rows.values():
        assert len(row) <= WIDE
        row.sort()
        assert not any(overlap(a, b) for a, b in pairwise(row))
    edge_of = {rank: max(box.y + box.height for box in row) for rank, row in rows.items()}
    for rank in sorted(rows)[1:]:
        assert min(box.y for box in rows[rank]) > edge_of[rank - 1]
    for (source, target), path in zip(edges, layout.paths, strict=True):
        upper, lower = min(source, target), max(source, target)
        assert layout.ranks[upper] < layout.ranks[lower]
        assert path.upward == (source > target)
        first, last = layout.boxes[upper], layout.boxes[lower]
        assert path.steps[0][1] == first.y + first.height
        assert path.steps[-1][1] == last.y
        assert first.x <= path.steps[0][0] <= first.x + first.width
        assert last.x <= path.steps[-1][0] <= last.x + last.width
        assert [y for _, y in path.steps] == sorted(y for _, y in path.steps)
        assert all(0 <= x <= whole.width for x, _ in path.steps)


@pytest.mark.parametrize("outline", OUTLINES.values(), ids=OUTLINES)
def test_nested_boxes_lie_inside_their_nodes_and_apart(outline: Outline) -> None:
    scene = arrange(outline, {})
    for number, graph_ in enumerate(outline.graphs):
        layout = scene.layouts[number]
        sizes = [Size(box.width, box.height) for box in layout.boxes]
        check_layout(layout, sizes, [(edge.source, edge.target) for edge in graph_.edges])
        left, top = scene.origins[number]
        content = Rect(left, top, *layout.size)
        frame = scene.frames[number]
        assert (frame is None) == (graph_.parent < 0)
        if frame is None:
            assert (left, top) == (PAD, PAD)
            assert scene.roots[number] == number
        else:
            assert inside(content, frame)
        for box, place in zip(graph_.boxes, layout.boxes, strict=True):
            moved = place._replace(x=place.x + left, y=place.y + top)
            frames = [scene.frames[body] for body in box.bodies]
            for index, inner in enumerate(frames):
                assert inner is not None
                assert inside(inner, moved)
                assert not any(overlap(inner, other) for other in frames[:index] if other)


@pytest.mark.parametrize("outline", OUTLINES.values(), ids=OUTLINES)
def test_the_same_outline_is_arranged_alike(outline: Outline) -> None:
    assert arrange(outline, {}) == arrange(outline, {})


@settings(max_examples=60)
@given(st.data())
def test_any_graph_is_laid_out(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 40))
    box = st.integers(0, count - 1)
    pairs = st.tuples(box, box).filter(lambda pair: pair[0] != pair[1])
    edges = data.draw(st.lists(pairs, max_size=80, unique=True))
    sizes = [Size(44 + 20 * (i * 7 % 9), 26 + 16 * (i % 4)) for i in range(count)]
    check_layout(lay_out(sizes, edges), sizes, edges)


def test_what_reads_nothing_stands_right_above_its_reader() -> None:
    sizes, edges = [Size(60, 30)] * 5, [(0, 1), (1, 2), (3, 4), (2, 4)]
    assert lay_out(sizes, edges).ranks == (0, 1, 2, 2, 3)


def test_large_parts_that_nothing_connects_stand_below_one_another() -> None:
    lines_ = [[(10 * part + i, 10 * part + i + 1) for i in range(9)] for part in range(3)]
    ranks = lay_out([Size(60, 30)] * 34, [*chain.from_iterable(lines_), (30, 31), (32, 33)]).ranks
    assert ranks == (*range(30), 0, 1, 0, 1)


def test_a_line_of_nodes_is_straight() -> None:
    graph_ = samples.outline(samples.chain(50)).graphs[0]
    layout = lay_out([Size(60, 30)] * len(graph_.boxes), [edge[:2] for edge in graph_.edges])
    assert len({box.x for box in layout.boxes}) == 1


def test_beyond_a_bound_edges_go_straight() -> None:
    count = 2_000
    edges = [(i, i + 1) for i in range(count - 1)] + [(i, count - 1) for i in range(0, 40, 2)]
    layout = lay_out([Size(60, 30)] * count, edges)
    assert sum(len(path.steps) for path in layout.paths) <= 2 * POINTS + 4 * len(edges)
    assert len(layout.paths[count - 1].steps) == 4


# -- outlines -------------------------------------------------------------------------------------


def labels(outline: Outline, number: int = 0) -> list[str]:
    return [box.label for box in outline.graphs[number].boxes]


def lines(outline: Outline, number: int = 0) -> list[str]:
    """The edges of a graph in words."""
    boxes = outline.graphs[number].boxes
    return [
        f"{boxes[e.source].label} {'~' if e.inside else '-'}{e.name}> {boxes[e.target].label}"
        for e in outline.graphs[number].edges
    ]


def test_graphs_inside_nodes() -> None:
    outline = OUTLINES["looping"]
    assert [(graph_.title, graph_.parent) for graph_ in outline.graphs] == [
        ("graph", -1),
        ("else_branch", 0),
        ("then_branch", 0),
        ("body", 2),
    ]
    assert labels(outline) == ["input", "ReduceMax", "Cast", "If", "Identity", "output"]
    assert outline.graphs[0].boxes[3].bodies == (1, 2)
    assert "input ~input> If" in lines(outline)
    assert lines(outline, 2) == ["Constant -trips> Loop", "Loop -looped> looped"]
    assert outline.graphs[2].boxes[0].kind is Kind.CONSTANT
    assert outline.nodes == outline.kept_nodes == 9


def test_calls_lead_to_functions() -> None:
    outline = OUTLINES["functions"]
    assert [graph_.title for graph_ in outline.graphs] == [
        "graph",
        "function local::Block",
        "function local::Other",
    ]
    assert [box.function for box in outline.graphs[0].boxes] == [-1, 1, 2, -1]
    assert outline.graphs[2].boxes[1].function == 1


def test_a_node_knows_its_place_and_names() -> None:
    box = OUTLINES["saliency"].graphs[0].boxes[1]
    assert box == Box(
        Kind.NODE,
        "Conv",
        "/enc1a/enc1a.0/Conv",
        'graph/node 0 "/enc1a/enc1a.0/Conv"',
        ("input", "enc1a.enc1a.0.weight", "enc1a.enc1a.0.bias"),
        ("/enc1a/enc1a.0/Conv_output_0",),
        start=box.start,
        end=box.end,
    )
    assert 0 < box.start < box.end


def test_weights_are_no_inputs() -> None:
    data = pb.model(
        graph(
            node("Gemm", "x w"),
            input=[pb.value("x"), pb.value("w")],
            initializer=pb.tensor(1, [1], "w", float_data=[1.0]),
        )
    )
    assert labels(samples.outline(data)) == ["x", "Gemm", "y"]


def test_a_name_is_looked_up_from_the_inside_out() -> None:
    branch = body(node("Neg", "w", "t"), node("Relu", "x", "s"), node("Add", "t s", "y"))
    hidden = pb.tensor(1, [1], "w", float_data=[1.0])
    shadowed = body(node("Abs", "w", "y"), initializer=hidden)
    data = pb.model(
        graph(
            node("Relu", "x", "w"),
            node("If", "x", "y", attribute=attribute("then_branch", g=branch)),
            node("If", "x", "z", attribute=attribute("then_branch", g=shadowed)),
        )
    )
    outline = samples.outline(data)
    assert lines(outline) == [
        "x -x> Relu",
        "x -x> If",
        "x -x> If",
        "If -y> y",
        "Relu ~w> If",
    ]
    assert lines(outline, 1) == ["Neg -t> Add", "Relu -s> Add"]


def test_an_edge_against_the_order_is_kept_and_one_to_itself_is_not() -> None:
    assert lines(OUTLINES["backwards"]) == [
        "Sigmoid -b> Relu",
        "x -x> Conv",
        "Conv -a> Sigmoid",
        "Relu -y> y",
    ]


LARGE = NODES + 100


@pytest.mark.parametrize(
    ("data", "nodes", "kept", "graphs", "edges"),
    [
        pytest.param(samples.chain(LARGE), LARGE, NODES, 0, 0, id="nodes"),
        pytest.param(samples.nested(9), 21, 13, 8, 0, id="levels"),
        pytest.param(
            pb.model(
                graph(
                    *[
                        node("Sum", " ".join(f"s{j}" for j in range(max(0, i - 60), i)), f"s{i}")
                        for i in range(200)
                    ]
                )
            ),
            200,
            200,
            0,
            10_170 - EDGES,
            id="edges",
        ),
        pytest.param(
            pb.model(
                graph(
                    *[
                        node("If", "x", f"y{i}", attribute=attribute("then_branch", g=body()))
                        for i in range(GRAPHS + 9)
                    ]
                )
            ),
            GRAPHS + 9,
            GRAPHS + 9,
            10,
            0,
            id="graphs",
        ),
    ],
)
def test_what_is_left_out_is_counted(
    data: bytes, nodes: int, kept: int, graphs: int, edges: int
) -> None:
    found = samples.outline(data)
    assert (found.nodes, found.kept_nodes) == (nodes, kept)
    assert (found.hidden_graphs, found.hidden_edges) == (graphs, edges)
    assert sum(len(graph_.edges) for graph_ in found.graphs) <= EDGES


def test_of_a_large_graph_what_is_near_a_finding_is_kept() -> None:
    model = read_model(samples.chain(5_000))
    spans = [(model.graph.nodes[at].start + 1, 0) for at in (4_000, 4_900)]
    kept = outline_of(model, spans)
    names = [box.name for box in kept.graphs[0].boxes]
    assert kept.kept_nodes == NODES
    assert {"n4000", "n4900", "n3700", "n4200", "n4999"} <= set(names)
    assert names[1:3] == ["n0", "n1"]  # after the input, what there is room for
    assert "n2000" not in names
    assert len(kept.graphs[0].edges) == NODES - 1
    everywhere = [(node_.start, node_.end) for node_ in model.graph.nodes]
    assert outline_of(model, everywhere) == outline_of(model)


def test_ports_and_names_are_bounded() -> None:
    many = [pb.value(f"x{i}") for i in range(1_000)]
    wide_ = node("Sum", " ".join(f"x{i}" for i in range(1_000)), "y", name="n" * 10_000)
    outline = samples.outline(pb.model(graph(wide_, constant("c"), input=many)))
    graph_ = outline.graphs[0]
    assert len(graph_.boxes) == PORTS + 3
    assert graph_.hidden_ports == 1_000 - PORTS
    box = graph_.boxes[PORTS]
    assert len(box.reads) == NAMES
    assert box.hidden_reads == 1_000 - NAMES
    assert len(box.name) < 100


# -- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "short", "a/long/path/of/modules", "模型/卷积层/输出", "a模b"]
)
@pytest.mark.parametrize("columns", [5, 8, 30])
def test_text_is_cut_to_fit(text: str, columns: int) -> None:
    for cut in (clipped(text, columns), clipped_left(text, columns)):
        assert wide(cut) <= columns
        assert (cut == text) == (wide(text) <= columns)
    assert text.startswith(clipped(text, columns).rstrip("\N{HORIZONTAL ELLIPSIS}"))
    assert text.endswith(clipped_left(text, columns).lstrip("\N{HORIZONTAL ELLIPSIS}"))
