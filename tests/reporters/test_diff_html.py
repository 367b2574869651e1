"""The page of a difference: both graphs, what differs marked in each, and led to from its rows."""

from __future__ import annotations

import html
import re
from collections import Counter
from itertools import combinations
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from support import formats
from support import html_samples as samples
from support import protobuf as pb
from support.diff_samples import RICH_NEW, RICH_OLD, difference
from support.pages import Page
from support.protobuf import attribute, function, graph, model, node, value

from onnxguard.differences import Difference, Pair, compare
from onnxguard.differences.review import Review, Reviewed
from onnxguard.model.outline import NODES
from onnxguard.reporters import DIFFERENCE_REPORTERS, REVIEW_REPORTERS, RenderOptions
from onnxguard.reporters.diff.html_level import lay_out_level
from onnxguard.reporters.kit.html_layout import Size

V1, V2 = ((samples.MODELS / f"saliency_{v}.onnx").read_bytes() for v in ("v1", "v2"))
SIGNS = {"changed": "~", "added": "+", "removed": "-"}
PORTS = "input of the graph: ", "output of the graph: "


def render(found: Difference) -> str:
    text = DIFFERENCE_REPORTERS["html"](found, RenderOptions())
    formats.check_document("html", text)
    return text


def picture(text: str, side: str) -> str:
    """What is drawn of one model."""
    halves = text.split('<div class="side">')[1:]
    return "".join(half for half in halves if f'aria-label="{side}: ' in half)


def boxes(text: str, side: str, style: str) -> list[str]:
    """Where the nodes are of whose boxes have a class, and which inputs and outputs have it."""
    found = re.findall(
        r'<[ag] [^>]*?class="box ([a-z ]+)"[^>]*><title>([^<]*)</title>', picture(text, side)
    )
    titles = [html.unescape(title).split("\n") for names, title in found if style in names.split()]
    return [
        lines[0] if lines[0].startswith(PORTS) else lines[1].removeprefix("at ") for lines in titles
    ]


def checked(found: Difference) -> str:
    """A page on which each node that differs is marked in each model that has it, by a sign too."""
    text = render(found)
    assert found.structure is not None
    nodes = found.structure.nodes
    old, new = ([change.node[side].route for change in nodes.changed] for side in (0, 1))
    added, removed = ([at.route for at in some] for some in (nodes.added, nodes.removed))
    for side, states in (
        ("old", {"changed": old, "added": [], "removed": removed}),
        ("new", {"changed": new, "added": added, "removed": []}),
    ):
        for state, expected in states.items():
            marked = boxes(text, side, state)
            assert sorted(at for at in marked if not at.startswith(PORTS)) == sorted(expected)
            sign = re.escape(f"{SIGNS[state]} {state}")
            signs = re.findall(rf'class="mark"[^>]*>{sign}\b', picture(text, side))
            assert len(signs) == len(marked)
    return text


def test_what_differs_between_two_students_is_marked_on_both_sides() -> None:
    text = checked(difference(V1, V2))
    up = [f'graph/node {at} "/up{n}/ConvTranspose"' for n, at in ((3, 17), (2, 21), (1, 25))]
    assert boxes(text, "old", "removed") == up
    assert len(boxes(text, "new", "added")) == 9
    assert boxes(text, "old", "changed")[0] == 'graph/node 18 "/Concat"'
    assert boxes(text, "new", "changed")[0] == 'graph/node 20 "/Concat"'
    assert text.count(">~ changed: input 0</text>") == 6


def test_one_attribute_changed() -> None:
    def conv(pads: int) -> bytes:
        pad = attribute("pads", ints=[pads] * 4)
        return model(graph(node("Conv", "x w", "a", attribute=pad), node("Relu", "a", "y")))

    text = checked(difference(conv(1), conv(2)))
    assert text.count(">~ changed: pads</text>") == 2
    assert boxes(text, "new", "node") == ["graph/node 0", "graph/node 1"]


def test_values_that_are_only_called_otherwise_are_marked_nowhere() -> None:
    old, new = (model(graph(node("Relu", "x", a), node("Exp", a, "y"))) for a in ("a", "b"))
    text = checked(difference(old, new))
    assert "1 value between nodes only called otherwise" in text
    assert text.count("<svg xmlns=") == 2
    assert '"mark"' not in text


def test_a_row_leads_to_its_boxes_and_they_lead_to_it() -> None:
    page = Page(render(difference(V1, V2)))
    links = page.all("a")
    rows = {a["id"]: a for a in links if a.get("id", "").startswith("report-1-node-")}
    boxes = {a["id"]: a for a in links if "box" in a.get("class", "")}
    assert len(rows) == 15
    leading = Counter(box["href"] for box in boxes.values())
    assert leading == {f"#{row}": 2 if at < 3 else 1 for at, row in enumerate(rows)}
    for row in rows.values():
        box = boxes[row["href"].removeprefix("#")]
        assert (box["href"], box["data-node"]) == (f"#{row['id']}", row["data-node"])


def test_nodes_that_do_not_differ_know_each_other_too() -> None:
    page = Page(render(difference(V1, V2)))
    names = Counter(g["data-node"] for g in page.all("g") if "data-node" in g)
    assert set(names.values()) == {2}
    assert len(names) == 25 + 2  # the input and the output, too


def test_inputs_and_outputs_are_marked() -> None:
    text = checked(difference(RICH_OLD, RICH_NEW))
    assert "output of the graph: aux" in boxes(text, "old", "removed")
    assert "output of the graph: score" in boxes(text, "new", "added")
    for side in ("old", "new"):
        assert "input of the graph: mask" in boxes(text, side, "changed")
        assert "input of the graph: x" not in boxes(text, side, "changed")


def test_functions_stand_beside_each_other_and_one_alone_says_so() -> None:
    def calling(op: str, *names: str) -> bytes:
        calls = [node(name, "x", f"y{at}", domain="local") for at, name in enumerate(names)]
        bodies = [function(name, node(op, "a", "b"), domain="local") for name in names]
        return model(graph(*calls), functions=bodies, opset_import=[pb.opset_import("local", 1)])

    text = checked(difference(calling("Relu", "F"), calling("Exp", "F", "G")))
    titles = re.findall(r"<h4>(function [^<]*)</h4>", text)
    assert titles == ["function local::F", "function local::G"]
    assert text.count('<div class="side">') == 6
    assert text.count("There is no such graph.") == 1


def test_equal_graphs_are_not_drawn_and_the_page_has_no_script() -> None:
    text = render(difference(V2, V2))
    assert "They are equal, and not drawn." in text
    assert "<script" not in text


def test_a_page_that_nobody_asked_for_says_that_it_does_not_draw() -> None:
    v1, v2 = (str(samples.MODELS / f"saliency_{v}.onnx") for v in ("v1", "v2"))
    text = render(compare(v1, v2))
    assert "They are not drawn here" in text
    assert "<script" not in text


def test_a_large_graph_is_drawn_near_its_changes_in_both_models() -> None:
    nodes = [node("Relu", f"t{at}", f"t{at + 1}", name=f"n{at}") for at in range(4_000)]
    more = [node("Exp", "t3000", "e"), node("Relu", "e", "t3001", name="n3000")]
    new = [*nodes[:3_000], *more, *nodes[3_001:]]
    text = render(difference(model(graph(*nodes)), model(graph(*new))))
    for side, left in (("old", 4_000 - NODES), ("new", 4_001 - NODES)):
        assert f"{side.capitalize()}: Not all of it is drawn. Left out: {left:,} nodes" in text
        drawn = boxes(text, side, "node")
        assert any('"n2990"' in at for at in drawn)
        assert not any('"n1500"' in at for at in drawn)
    assert text.count("What is near a change is kept.") == 2


# -- level ----------------------------------------------------------------------------------------


def middles(text: str, side: str) -> dict[str, float]:
    """How low the middle lies of each box of the main graph that is in both models."""
    main = r"(?:\nat graph/node \d|put of the graph: )"
    found = re.findall(
        rf'data-node="([^"]*)"[^>]*><title>[^<]*?{main}[^<]*</title>'
        r'<rect [^>]*?y="(\d+)"[^>]*?height="(\d+)"',
        picture(text, side),
    )
    return {name: int(top) + int(height) / 2 for name, top, height in found}


def check_level(text: str) -> int:
    """What is the same has one height; how much that is."""
    old, new = middles(text, "old"), middles(text, "new")
    both = old.keys() & new.keys()
    assert all(abs(old[name] - new[name]) <= 1 for name in both)
    return len(both)


def test_what_is_the_same_stands_level() -> None:
    assert check_level(render(difference(V1, V2))) == 30
    assert check_level(render(difference(V2, V1))) == 30
    assert check_level(render(difference(RICH_OLD, RICH_NEW))) > 5


BOXES = st.integers(1, 7)
ENDS = st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda ends: ends[0] != ends[1])


@given(
    counts=st.tuples(BOXES, BOXES), edges=st.tuples(st.sets(ENDS), st.sets(ENDS)), data=st.data()
)
def test_as_many_stand_level_as_come_in_one_order(
    counts: tuple[int, int], edges: tuple[set[tuple[int, int]], ...], data: st.DataObject
) -> None:
    shared = min(counts)
    order = data.draw(st.permutations(range(shared)))
    same = [Pair(old, new) for old, new in enumerate(order)][: data.draw(st.integers(0, shared))]
    inside = [[e for e in ends if max(e) < n] for ends, n in zip(edges, counts, strict=True)]
    sizes = [[Size(40, 20 + 5 * at) for at in range(count)] for count in counts]
    laid = lay_out_level(Pair(*sizes), Pair(*inside), same)
    assert laid.old.size.height == laid.new.size.height
    level = sum(laid.old.ranks[old] == laid.new.ranks[new] for old, new in same)
    chains = (
        chain for size in range(len(same) + 1) for chain in combinations(order[: len(same)], size)
    )
    assert level >= max(len(chain) for chain in chains if list(chain) == sorted(chain))
    for layout, ends in zip(laid, inside, strict=True):
        assert all(layout.ranks[min(e)] < layout.ranks[max(e)] for e in ends)


# -- any pair of models ---------------------------------------------------------------------------


class Step(NamedTuple):
    """A node: what it reads, by how many steps before it that is made; its name and attribute."""

    operator: str
    reads: tuple[int, ...]
    name: str
    held: int


NAMES = st.sampled_from(
    ["", "n", "</title><script>alert(1)</script>", '"><img src=x>', "\x1b[31m\u202e", "a\nat b"]
)
STEPS = st.builds(
    Step,
    st.sampled_from(["Relu", "Exp", "Add", '<b onmouseover="alert(1)">']),
    st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple),
    NAMES,
    st.integers(0, 1),
)


def built(steps: list[Step]) -> bytes:
    values = ["x"]
    nodes = []
    for at, step in enumerate(steps):
        reads = [values[-min(back, len(values))] for back in step.reads]
        values.append(f"{step.name}{at}")
        held = attribute("a<i>", i=step.held)
        nodes.append(
            pb.message(
                "NodeProto",
                op_type=step.operator,
                input=reads,
                output=[values[-1]],
                name=step.name,
                attribute=[held],
            )
        )
    return model(graph(*nodes, input=[value("x")], output=[value(values[-1])]))


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, max_size=9), edits=st.lists(st.tuples(st.integers(0, 9), STEPS)))
def test_whatever_is_edited_is_marked_and_escaped(
    steps: list[Step], edits: list[tuple[int, Step]]
) -> None:
    edited = list(steps)
    for place, step in edits:
        edited[place : place + step.held] = [step]  # in the place of one, or before it
    found = difference(built(steps), built(edited))
    if found.sketch is None:
        assert found.structure is not None
        assert found.structure.same or not found.structure.compared
        return
    checked(found)


# -- several models -------------------------------------------------------------------------------


def test_models_of_a_review_do_not_share_anchors() -> None:
    found = difference(V1, V2)
    models = tuple(Reviewed(Pair(name, name), found) for name in ("a.onnx", "b.onnx"))
    text = REVIEW_REPORTERS["html"](Review(("a", "0"), ("b", "1"), models), RenderOptions())
    formats.check_document("html", text)
    assert text.count("<svg xmlns=") == 4
