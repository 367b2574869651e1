"""Which node of one graph is which of another, in what the two differ, and what weights hold."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import pytest
from support import protobuf as pb
from support.checkout import ROOT
from support.diff_samples import difference, floats, loop, outside
from support.protobuf import attribute, body, constant, function, graph, model, node, value

from onnxguard.differences import Structure, compare
from onnxguard.reporters import DIFFERENCE_REPORTERS, RenderOptions

ENDS = {"input": value("x"), "output": value("y")}


def structure_of(old: bytes, new: bytes) -> Structure:
    found = difference(old, new).structure
    assert found is not None
    return found


def told(old: bytes, new: bytes) -> list[str]:
    """What differs node by node, a short line for each thing."""
    nodes = structure_of(old, new).nodes
    lines = []
    for change in nodes.changed:
        before, after = change.node
        place = after.route.removeprefix("graph/")
        if before.operator != after.operator:
            lines.append(f"{place}: {before.operator} -> {after.operator}")
        for what, slots in (("in", change.inputs), ("out", change.outputs)):
            lines += [f"{place}: {what} {s.index} {s.old} -> {s.new}" for s in slots]
        lines += [f"{place}: {each.name} {each.old} -> {each.new}" for each in change.attributes]
    lines += [f"+ {at.operator} {at.route.removeprefix('graph/')}" for at in nodes.added]
    lines += [f"- {at.operator} {at.route.removeprefix('graph/')}" for at in nodes.removed]
    if nodes.renamed:
        lines.append(f"{nodes.renamed} renamed")
    return lines


def of(*nodes: bytes, **more: Any) -> bytes:
    return model(graph(*nodes, **{**ENDS, **more}))


def held(op_type: str, **given: Any) -> bytes:
    """One node with one attribute."""
    return of(node(op_type, "x", "y", attribute=[attribute("a", **given)]))


def dropout(mask: str) -> bytes:
    return pb.message("NodeProto", op_type="Dropout", input=["x"], output=["1", mask])


optional = pb.message("NodeProto", op_type="Clip", input=["1", "", "hi"], output=["y"])
CONV = [node("Conv", "x w", "1"), node("Relu", "1", "2"), node("Conv", "2 v", "3")]
WEIGHTS = {"initializer": [floats("w", 1), floats("v", 2)]}
CHAIN = of(*CONV, node("Relu", "3", "y"), **WEIGHTS)


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (CHAIN, CHAIN, []),
        (held("Relu", i=1), held("Relu", i=2), ["node 0: a 1 -> 2"]),
        (held("Relu", f=0.1), held("Relu", f=-0.0), ["node 0: a 0.1 -> -0.0"]),
        (held("Relu", f=math.nan), held("Relu", f=math.inf), ["node 0: a nan -> inf"]),
        (held("Relu", s="a"), held("Relu", s="\x1b"), ['node 0: a "a" -> "\\x1b"']),
        (held("Relu", ints=[1, 1]), held("Relu", ints=[2]), ["node 0: a [1, 1] -> [2]"]),
        (held("Relu", floats=[1.5]), held("Relu", ints=[2]), ["node 0: a [1.5] -> [2]"]),
        (held("Relu", strings=["a"]), held("Relu", i=0), ['node 0: a ["a"] -> 0']),
        (
            held("Relu", t=pb.ints(1, 2)),
            held("Relu", t=floats("", 0.5)),
            ["node 0: a int64[2] [1, 2] -> float32[1] [0.5]"],
        ),
        (held("Relu", i=1), of(node("Relu", "x", "y")), ["node 0: a 1 -> None"]),
        (
            held("Relu", ints=[0] * 99),
            held("Relu", ints=[0] * 98 + [1]),
            [f"node 0: a [{'0, ' * 16}and 83 more] -> [{'0, ' * 16}and 83 more]"],
        ),
        (
            held("Relu", tp=pb.message("TypeProto", denotation="a")),
            held("Relu", tp=pb.message("TypeProto", denotation="b")),
            ["node 0: a type -> type"],
        ),
        (of(node("Relu", "x", "y")), of(node("Exp", "x", "y")), ["node 0: Relu -> Exp"]),
        (
            of(node("Split", "x", "y z")),
            of(node("Split", "x", "y")),
            ["node 0: out 1 z -> None"],
        ),
        (
            of(node("Clip", "x"), node("Relu", "y", "z")),
            of(node("Clip", "x lo"), node("Relu", "y", "z")),
            ["node 0: in 1 None -> lo"],
        ),
        (
            of(node("Clip", "x")),
            of(pb.message("NodeProto", op_type="Clip", input=["x", ""], output=["y"])),
            [],
        ),
        (
            of(dropout("m"), optional),
            of(dropout(""), optional),
            ["node 0: out 1 m -> "],
        ),
        (
            of(node("Sub", "x w", "y")),
            of(node("Sub", "w x", "y")),
            ["node 0: in 0 x -> w", "node 0: in 1 w -> x"],
        ),
    ],
)
def test_what_differs_in_a_node(old: bytes, new: bytes, lines: list[str]) -> None:
    assert told(old, new) == lines


RENAMED = of(
    node("Conv", "x w", "a"),
    node("Relu", "a", "b"),
    node("Conv", "b v", "c"),
    node("Relu", "c", "y"),
    **WEIGHTS,
)
LONGER = of(
    node("Conv", "x w", "1"),
    node("Relu", "1", "2"),
    node("Tanh", "2", "3"),
    node("Conv", "3 v", "4"),
    node("Relu", "4", "y"),
    **WEIGHTS,
)


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        pytest.param(CHAIN, RENAMED, ["3 renamed"], id="values are called otherwise"),
        pytest.param(
            CHAIN,
            LONGER,
            ["node 3: in 0 2 -> 3", "+ Tanh node 2", "1 renamed"],
            id="numbers move up after what is new",
        ),
        pytest.param(
            LONGER,
            CHAIN,
            ["node 2: in 0 3 -> 2", "- Tanh node 2", "1 renamed"],
            id="numbers move down after what is gone",
        ),
        pytest.param(
            of(node("Conv", "x w", "a"), node("Conv", "x v", "b"), node("Add", "a b"), **WEIGHTS),
            of(node("Conv", "x v", "b"), node("Conv", "x w", "a"), node("Add", "a b"), **WEIGHTS),
            [],
            id="another order",
        ),
        pytest.param(
            of(constant("a", value_int={"i": 1}), constant("b", value_int={"i": 2})),
            of(constant("c", value_int={"i": 2}), constant("d", value_int={"i": 1})),
            ["node 0: value_int 1 -> 2", "node 1: value_int 2 -> 1", "2 renamed"],
            id="constants by their order",
        ),
        pytest.param(
            of(constant("a", value_int={"i": 1}), constant("b", value_int={"i": 2})),
            of(constant("b", value_int={"i": 2}), constant("a", value_int={"i": 1})),
            [],
            id="constants by their names",
        ),
        pytest.param(
            of(*(node("Exp", "x", f"{i}", attribute=[attribute("a", i=i)]) for i in range(3))),
            of(*(node("Exp", "x", f"o{i}", attribute=[attribute("a", i=i)]) for i in (2, 0, 1))),
            ["3 renamed"],
            id="of those that read the same the one that holds the same",
        ),
        pytest.param(
            of(*(node("Exp", "x", f"{i}") for i in range(3000))),
            of(*(node("Exp", "x", f"o{i}") for i in range(3001))),
            ["+ Exp node 3000", "3000 renamed"],
            id="many that read the same",
        ),
        pytest.param(
            of(constant("n", value_int={"i": 9}), loop("n", node("Relu", "v", "w"))),
            of(
                constant("n", value_int={"i": 9}),
                loop("n", node("Exp", "v", "u"), node("Relu", "u", "w")),
            ),
            ["Loop_1.body/node 1: in 0 v -> u", "+ Exp Loop_1.body/node 0"],
            id="in a graph inside",
        ),
        pytest.param(
            of(node("If", "x", "y", attribute=[attribute("then_branch", g=body(node("Relu")))])),
            of(node("If", "x", "y")),
            ["node 0: then_branch graph -> None", "- Relu If_0.then_branch/node 0"],
            id="a graph that is gone",
        ),
    ],
)
def test_which_node_is_which(old: bytes, new: bytes, lines: list[str]) -> None:
    assert told(old, new) == lines


def test_nodes_of_functions_are_found_by_their_formals() -> None:
    def using(inner: bytes, formal: str) -> bytes:
        made = function("F", inner, input=[formal], output=["y"])
        return model(
            graph(node("F", domain="local"), **ENDS),
            functions=made,
            opset_import=pb.opset_import("local", 1),
        )

    old = using(node("Relu", "x", "y"), "x")
    assert told(old, using(node("Relu", "z", "y"), "z")) == []
    assert told(old, using(node("Exp", "z", "y"), "z")) == ["function local::F/node 0: Relu -> Exp"]


def test_nodes_are_counted_by_operator() -> None:
    found = structure_of(CHAIN, LONGER).nodes
    rows = [(each.operator, *each.nodes, *each[2:]) for each in found.counts]
    assert rows == [("Conv", 2, 2, 1, 0, 0), ("Tanh", 0, 1, 0, 1, 0)]


def test_nodes_in_every_format_whatever_they_are_called() -> None:
    found = difference(held("Relu", ints=[0] * 99), held("Relu", ints=[0] * 98 + [1]))
    for form in ("text", "markdown", "html"):
        said = DIFFERENCE_REPORTERS[form](found, RenderOptions())
        assert "it differs further on" in " ".join(said.split()), form


# -- definitions -----------------------------------------------------------------------------------


def at(opset: int, op_type: str = "Softmax", domain: str = "") -> bytes:
    more = [pb.opset_import(domain, opset)] if domain else []
    standard = 17 if domain else opset
    held_by = graph(node(op_type, domain=domain), node(op_type, "y", "z", domain=domain))
    return model(held_by, opset=standard, opset_import=more)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (at(11), at(13), [("Softmax", 11, 13, 2, ("default of axis: 1 -> -1", "types"))]),
        (at(13), at(17), []),
        (at(13, "Relu"), at(14, "Relu"), [("Relu", 13, 14, 2, ("types",))]),
        (
            at(11, "Squeeze"),
            at(13, "Squeeze"),
            [("Squeeze", 11, 13, 2, ("attribute axes is gone", "input axes is new", "types"))],
        ),
        (at(11, "Gather"), at(10, "Gather"), [("Gather", 11, 1, 2, ("its text alone",))]),
        (at(1, "Own", "d"), at(2, "Own", "d"), [("d::Own", 0, 0, 2, ("not known",))]),
        (at(11), at(13, "Relu"), []),
    ],
)
def test_operators_that_are_defined_otherwise(old: bytes, new: bytes, said: list[Any]) -> None:
    found = difference(old, new)
    assert found.structure is not None
    rows = [(d.operator, *d.versions, d.nodes, d.what) for d in found.structure.definitions]
    assert rows == said
    text = " ".join(DIFFERENCE_REPORTERS["text"](found, RenderOptions()).split())
    assert ("some defined otherwise" in text) == bool(rows)
    assert ("the same graph" in text) == (not rows and found.structure.same)


def test_a_function_of_the_model_is_defined_by_the_model() -> None:
    def own(opset: int) -> bytes:
        made = function("Softmax", node("Exp"), domain="")
        return model(graph(node("Softmax")), functions=made, opset=opset)

    assert structure_of(own(11), own(13)).definitions == ()


# -- weights ---------------------------------------------------------------------------------------


def weighing(dtype: int, raw: bytes, count: int, **more: Any) -> bytes:
    held_by = pb.tensor(dtype, [count], "w", **({"raw_data": raw} if raw else {}), **more)
    return model(graph(node("Add", "x w"), initializer=held_by))


def packed(code: str, *values: float) -> bytes:
    return struct.pack(f"<{len(values)}{code}", *values)


BFLOAT16 = b"".join(packed("f", value)[2:] for value in (1.0, -2.0))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            weighing(1, packed("f", 1, -2, 3), 3),
            weighing(1, packed("f", 1, -2.5, 0.1), 3),
            ("float32[3]", -2, 3, 0, -2.5, 1, 0, 2.9),
        ),
        (
            weighing(1, packed("f", math.nan, 1), 2),
            weighing(1, packed("f", math.inf, 3), 2),
            ("float32[2]", 1, 1, 1, 3, "inf", 0, 2),
        ),
        (
            weighing(10, packed("e", 1, 2), 2),
            weighing(10, packed("e", 1, 4), 2),
            ("float16[2]", 1, 2, 0, 1, 4, 0, 2),
        ),
        (
            weighing(16, BFLOAT16, 2),
            weighing(16, bytes(4), 2),
            ("bfloat16[2]", -2, 1, 0, 0, 0, 0, 2),
        ),
        (
            weighing(3, b"\xff\x01", 2),
            weighing(3, b"\x02\x01", 2),
            ("int8[2]", -1, 1, 0, 1, 2, 0, 3),
        ),
        (
            weighing(1, b"", 1, float_data=packed("f", 0.5)),
            weighing(1, b"", 1, float_data=packed("f", 0.25)),
            ("float32[1]", 0.5, 0.5, 0, 0.25, 0.25, 0, 0.25),
        ),
        (
            weighing(22, b"\x01", 2),
            weighing(22, b"\x02", 2),
            ("int4[2]", None, None, 0, None, None, 0, None),
        ),
    ],
)
def test_ranges_of_changed_weights(old: bytes, new: bytes, said: tuple[Any, ...]) -> None:
    [found] = structure_of(old, new).initializers
    assert found.old is not None
    assert found.new is not None
    assert (found.old.type, *found.old[1:], *found.new[1:]) == pytest.approx(said[:-1])
    assert found.largest == (None if said[-1] is None else pytest.approx(said[-1]))


def test_weights_that_are_new_gone_or_of_another_shape() -> None:
    old = of(node("Relu"), initializer=[floats("a", 1), floats("b", 1), floats("c", 1)])
    new = of(node("Relu"), initializer=[floats("b", 1, 2), floats("c", 1), floats("d", 1)])
    found = structure_of(old, new).initializers
    assert [(w.name, w.old and w.old.type, w.new and w.new.type) for w in found] == [
        ("a", "float32[1]", None),
        ("b", "float32[1]", "float32[2]"),
        ("d", None, "float32[1]"),
    ]


def test_weights_in_other_files_are_not_said_to_differ() -> None:
    inside = of(node("Relu"), initializer=[floats("e", 1, 2)])
    beside = of(node("Relu"), initializer=[outside("e", "0")])
    assert structure_of(inside, beside).initializers == ()


def beside(folder: Path, values: tuple[float, ...] | None, model: bytes | None = None) -> str:
    """A model whose two initializers lie in a file beside it, one after the other."""
    folder.mkdir()
    held = [outside("e", "0"), outside("f", "8")]
    (folder / "m.onnx").write_bytes(model or of(node("Add", "x e"), initializer=held))
    if values is not None:
        (folder / "w.data").write_bytes(packed("f", *values))
    return str(folder / "m.onnx")


def test_weights_in_other_files_are_compared_where_they_are(tmp_path: Path) -> None:
    old = beside(tmp_path / "old", (1, 2, 3, 4))
    found = compare(old, beside(tmp_path / "new", (1, 2, 3, -5)), ["base"])
    assert found.identical
    assert found.structure is not None
    assert found.structure[:1] + found.structure[3:6] == ("", 2, 1, 0)
    [change] = found.structure.initializers
    assert (change.name, change.largest) == ("f", 9)
    assert change.new is not None
    assert change.new[1:] == (-5, 3, 0)
    text = " ".join(DIFFERENCE_REPORTERS["text"](found, RenderOptions()).split())
    assert "byte for byte, other weights beside it: 1 of 2 initializers hold other values" in text
    assert "not compared" not in text
    same = compare(old, beside(tmp_path / "same", (1, 2, 3, 4)), ["base"]).structure
    assert same is not None
    assert same[3:6] == (2, 0, 0)
    assert same.initializers == ()


@pytest.mark.parametrize("values", [None, (1, 2, 3)])
def test_weights_that_are_not_where_they_should_be_are_not_compared(
    values: tuple[float, ...] | None, tmp_path: Path
) -> None:
    old = beside(tmp_path / "old", (1, 2, 3, 4))
    found = compare(old, beside(tmp_path / "new", values), ["base"]).structure
    assert found is not None
    assert found.elsewhere == (2 if values is None else 1)


def test_of_other_graphs_the_weights_in_other_files_are_compared_too(tmp_path: Path) -> None:
    other = of(node("Mul", "x e"), initializer=[outside("e", "0"), outside("f", "8")])
    old = beside(tmp_path / "old", (1, 2, 3, 4))
    found = compare(old, beside(tmp_path / "new", (0, 2, 3, 4), other), ["base"]).structure
    assert found is not None
    assert [(w.name, w.largest) for w in found.initializers] == [("e", 1)]
    assert found.elsewhere == 0


def test_so_many_bytes_of_other_files_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onnxguard.differences.held_values.COMPARED", 8)
    old = beside(tmp_path / "old", (1, 2, 3, 4))
    found = compare(old, beside(tmp_path / "new", (1, 2, 3, 5)), ["base"]).structure
    assert found is not None
    assert found[3:6] == (1, 0, 1)


def test_so_many_values_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxguard.differences.weights.MEASURED", 3)
    old = of(node("Relu"), initializer=[floats("a", 1, 2), floats("b", 1, 2)])
    new = of(node("Relu"), initializer=[floats("a", 1, 3), floats("b", 1, 3)])
    assert [w.largest for w in structure_of(old, new).initializers] == [1, None]


def test_a_real_change(tmp_path: Path) -> None:
    """The rounding of every pool, among 37 nodes."""
    student = (ROOT / "tests/models/saliency_v2.onnx").read_bytes()
    assert student.count(b"ceil_mode\x18\x00") == 3
    changed = tmp_path / "changed.onnx"
    changed.write_bytes(student.replace(b"ceil_mode\x18\x00", b"ceil_mode\x18\x01"))
    found = compare(str(ROOT / "tests/models/saliency_v2.onnx"), str(changed)).structure
    assert found is not None
    said = [(change.node.new.operator, *change.attributes) for change in found.nodes.changed]
    assert [(name, str(each.old), str(each.new)) for name, each in said] == [
        ("MaxPool", "0", "1")
    ] * 3
