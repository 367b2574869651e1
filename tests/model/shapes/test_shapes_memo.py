"""What a node made before stands for what it makes now only where nothing differs."""

from __future__ import annotations

from math import prod
from random import Random
from typing import Any

import pytest
from onnx import ModelProto, TensorProto, helper, parser
from onnx.backend.test.loader import load_model_tests

from onnxguard.model.constants import Constants
from onnxguard.model.reading import memo as bytes_read
from onnxguard.model.reading import read_model
from onnxguard.model.shapes import memo
from onnxguard.model.shapes.infer import infer_shapes

OPSETS = (1, 6, 7, 9, 10, 11, 13, 17, 18, 22)
SAMPLED = 500


def outcome(data: bytes) -> list[object]:
    """All that is said of a model, and which of its tensors that depends on."""
    model = read_model(data)
    constants = Constants(model)
    shapes = infer_shapes(model, {}, constants)
    known = [dict(visit.known) for visits in shapes.visits.values() for visit in visits]
    clashes = [(clash.code, clash.message, clash.node) for clash in shapes.clashes]
    return [known, clashes, shapes.missing, constants.read]


def alone(data: bytes) -> list[object]:
    memo.forget()
    return outcome(data)


def changed(model: ModelProto, random: Random) -> bytes:
    """The model with one thing about it that is otherwise."""
    other = ModelProto.FromString(model.SerializeToString())
    node = random.choice(other.graph.node)
    what = random.randrange(6)
    if what == 0:
        other.opset_import[0].version = random.choice(OPSETS)
    elif what == 1 and len(node.input) > 1:
        node.input[random.randrange(1, len(node.input))] = ""
    elif what == 2 and len(node.output) > 1:
        del node.output[-1]
    elif what == 3 and node.attribute:
        attribute = random.choice(node.attribute)
        if attribute.ints:
            attribute.ints[0] += 1
        elif attribute.type == attribute.INT:
            attribute.i += 1
        else:
            node.attribute.remove(attribute)
    elif what == 4:
        for value in other.graph.input:
            for dim in value.type.tensor_type.shape.dim[-1:]:
                dim.dim_param = "N"
    else:  # its last inputs are constants, of one value or another
        for value in other.graph.input[1:]:
            dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
            kind = value.type.tensor_type.elem_type
            if kind == TensorProto.INT64 and dims == [d for d in dims if 0 < d < 9]:
                held = [random.randrange(3)] * prod(dims)
                other.graph.initializer.append(helper.make_tensor(value.name, kind, dims, held))
        other.ir_version = 3
    return other.SerializeToString()


def models(random: Random) -> list[bytes]:
    cases = [case.model for case in load_model_tests(kind="node") if case.model is not None]
    found = random.sample(cases, SAMPLED)
    return [data for model in found for data in (model.SerializeToString(), changed(model, random))]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("seed", "entries"), [(1, memo.ENTRIES), (2, memo.ENTRIES), (3, 40)])
def test_no_order_and_no_model_before_decides(
    seed: int, entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memo, "ENTRIES", entries)
    random = Random(seed)
    found = models(random)
    expected = {data: alone(data) for data in found}
    memo.forget()
    for data in (*random.sample(found, len(found)), *random.sample(found, len(found))):
        assert outcome(data) == expected[data]


NAMED = '<ir_version: 8, opset_import: ["" : {opset}, "local" : 1]>\n'
CALLED = """agraph (float[2, 8] x) => (y) {{ y = local.Cut{given} }}
<domain: "local", opset_import: ["" : {opset}]>
Cut (x, low, high) => (y) {{ c = Constant<value_ints = [4]>() y = Clip(c, low, high) }}"""
"""A function whose input may be left out: its name is one, and nothing is behind it."""

PAIRS: dict[str, tuple[str, str]] = {
    "opset": (
        NAMED.format(opset=17) + "agraph (float[1, 1, 9] x) => (y)"
        "{ y = LpPool<kernel_shape = [2], dilations = [3]>(x) }",
        NAMED.format(opset=18) + "agraph (float[1, 1, 9] x) => (y)"
        "{ y = LpPool<kernel_shape = [2], dilations = [3]>(x) }",
    ),
    "attribute": (
        NAMED.format(opset=17) + "agraph (float[2, 3, 5] x) => (y) { y = Flatten<axis = 1>(x) }",
        NAMED.format(opset=17) + "agraph (float[2, 3, 5] x) => (y) { y = Flatten<axis = 2>(x) }",
    ),
    "number of outputs": (
        NAMED.format(opset=17) + "agraph (float[6] x) => (a, b) { a, b = Split<axis = 0>(x) }",
        NAMED.format(opset=17) + "agraph (float[6] x) => (a) { a, b, c = Split<axis = 0>(x) }",
    ),
    "name of a size": (
        NAMED.format(opset=17) + "agraph (float[N] x) => (y) { y = Concat<axis = 0>(x, x) }",
        NAMED.format(opset=17) + "agraph (float[M] x) => (y) { y = Concat<axis = 0>(x, x) }",
    ),
    "constant": (
        NAMED.format(opset=17)
        + "agraph (float[6] x) => (y) <int64[2] s = {2, 3}> { y = Reshape(x, s) }",
        NAMED.format(opset=17)
        + "agraph (float[6] x) => (y) <int64[2] s = {3, 2}> { y = Reshape(x, s) }",
    ),
    "shape of a weight": (
        NAMED.format(opset=17) + "agraph (float[1, 2, 5, 5] x) => (y)"
        "<float[1, 2, 1, 1] w = {1.0, 1.0}> { y = Conv(x, w) }",
        NAMED.format(opset=17) + "agraph (float[1, 2, 5, 5] x) => (y)"
        "<float[2, 2, 1, 1] w = {1.0, 1.0, 1.0, 1.0}> { y = Conv(x, w) }",
    ),
    "what a caller leaves out": (
        NAMED.format(opset=17) + CALLED.format(given="(x, , )", opset=17),
        NAMED.format(opset=17) + CALLED.format(given="(x, x, x)", opset=17),
    ),
    "what an operator's name stands for": (
        NAMED.format(opset=17) + "agraph (float[2, 3] x) => (y) { y = Transpose(x) }",
        NAMED.format(opset=17) + "agraph (float[2, 3] x) => (y) { y = Transpose(x) }"
        '<domain: "", opset_import: ["" : 17]> Transpose (x) => (y) { y = Relu(x) }',
    ),
    "what a function's attribute is": (
        NAMED.format(opset=17) + "agraph (float[2, 3, 5] x) => (y) { y = local.F<a = 1>(x) }"
        '<domain: "local", opset_import: ["" : 17]>'
        "F<a> (x) => (y) { y = Flatten<axis: int = @a>(x) }",
        NAMED.format(opset=17) + "agraph (float[2, 3, 5] x) => (y) { y = local.F<a = 2>(x) }"
        '<domain: "local", opset_import: ["" : 17]>'
        "F<a> (x) => (y) { y = Flatten<axis: int = @a>(x) }",
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_what_differs_is_told_apart(name: str) -> None:
    one, other = (parser.parse_model(text).SerializeToString() for text in PAIRS[name])
    expected = alone(one), alone(other)
    assert expected[0] != expected[1]
    for first, second in ((one, other), (other, one)):
        memo.forget()
        outcome(first)
        assert outcome(second) == expected[(one, other).index(second)]


def test_what_a_call_leaves_out_is_left_out_inside() -> None:
    text = (
        NAMED.format(opset=17)
        + """agraph (float[4] x) => (y) { y = local.F(x, , ) }
        <domain: "local", opset_import: ["" : 17]> F (x, low, high) => (y)
        { c = Constant<value_ints = [4]>() s = Clip(c, low, high) y = Reshape(x, s) }"""
    )
    model = read_model(parser.parse_model(text).SerializeToString())
    assert infer_shapes(model).roots[0].known[b"y"].shape == (4,)


def test_an_identity_is_never_that_of_something_else() -> None:
    memo.forget()
    text = NAMED.format(opset=17) + "agraph (float[2, 3, 5] x) => (y) {{ y = Flatten<axis={}>(x) }}"
    for round_ in range(60):
        bytes_read.forget()  # so that attributes are made anew, where others were
        axis = round_ % 4
        model = parser.parse_model(text.format(axis)).SerializeToString()
        made = infer_shapes(read_model(model)).roots[0].known[b"y"].shape
        assert made == (prod((2, 3, 5)[:axis]), prod((2, 3, 5)[axis:]))


def test_a_node_that_was_asked_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    text = NAMED.format(opset=17) + "agraph (float[N, 3] {0}) => (y) {{ y = Relu({0}) }}"
    first, second = (parser.parse_model(text.format(name)) for name in ("x", "z"))
    expected = alone(second.SerializeToString())
    memo.forget()
    outcome(first.SerializeToString())
    asked: list[Any] = []
    monkeypatch.setattr(memo.Memo, "remember", lambda *given: asked.append(given))
    assert outcome(second.SerializeToString()) == expected
    assert asked == []


RESHAPED = """agraph (float[2, 3, 4] x) => (y)
    <int64[{count}] s = {{{shape}}}, int64[{count}] t = {{{shape}}}> {{ y = Reshape(x, s) }}"""
"""Elements of the tensor ``s`` decide, those of ``t`` do not."""


def test_elements_that_are_read_decide_and_no_others_are_read() -> None:
    memo.forget()
    for shape in ("6, 4", "8, 3", "6, 4", "4, 6", "12, 2", "2, 12", "24, 1", "8, 3", "5, 5"):
        text = NAMED.format(opset=17) + RESHAPED.format(count=2, shape=shape)
        model = read_model(parser.parse_model(text).SerializeToString())
        constants = Constants(model)
        shapes = infer_shapes(model, {}, constants)
        if shape == "5, 5":
            assert [clash.code for clash in shapes.clashes] == ["OG184"]
        else:
            assert shapes.roots[0].known[b"y"].shape == tuple(map(int, shape.split(", ")))
        assert constants.read == {model.graph.initializers[0].start}


def test_small_weights_are_not_read_where_a_convolution_was_seen_before() -> None:
    memo.forget()
    text = """agraph (float[1, 2, 5, 5] x) => (y)
        <float[1, 2, 1, 1] w = {{{0}, 1.0}}, float[1] b = {{{0}}}> {{ y = Conv(x, w, b) }}"""
    for weight in ("1.0", "2.0"):
        data = parser.parse_model(NAMED.format(opset=17) + text.format(weight)).SerializeToString()
        model = read_model(data)
        constants = Constants(model)
        assert infer_shapes(model, {}, constants).roots[0].known[b"y"].shape == (1, 1, 5, 5)
        assert constants.read == set()


def test_what_is_long_is_not_kept() -> None:
    memo.forget()
    names = ", ".join(f"a{index}" for index in range(40))
    text = f"agraph (float[{names}] x) => (y) {{ y = Relu(x) }}"
    outcome(parser.parse_model(NAMED.format(opset=17) + text).SerializeToString())
    assert not memo.shared().is_full
    assert len(memo.shared().answers) == 0


def test_models_that_have_nothing_in_common_are_not_remembered_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memo, "ENTRIES", 40)
    monkeypatch.setattr(memo, "RESTING", 3)
    memo.forget()
    rooms = []
    for size in range(60):
        text = f"agraph (float[{size}, 3] x) => (y) {{ y = Relu(x) }}"
        outcome(parser.parse_model(NAMED.format(opset=17) + text).SerializeToString())
        rooms.append(memo.shared().room)
    assert rooms[0] == 40
    assert 0 in rooms
    assert 40 in rooms[rooms.index(0) :]
    memo.forget()


def test_one_tensor_in_two_places_is_another_question_than_two() -> None:
    memo.forget()
    text = """agraph (float[2] x) => (y, z)
        <int64[1] one = {1}, int64[1] three = {3}> { a = Add(one, one) y = Expand(x, a)
        b = Add(one, three) z = Sub(b, a) }"""
    data = parser.parse_model(NAMED.format(opset=17) + text).SerializeToString()
    known = infer_shapes(read_model(data)).roots[0].known
    assert (known[b"a"].values, known[b"b"].values, known[b"z"].values) == ((2,), (4,), (2,))


def reshaped(*constants: TensorProto) -> bytes:
    """A model in which each of some Constants is what a Reshape of the input reads."""
    nodes = []
    for at, tensor in enumerate(constants):
        nodes.append(helper.make_node("Constant", [], [f"c{at}"], value=tensor))
        nodes.append(helper.make_node("Reshape", ["x", f"c{at}"], [f"y{at}"]))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 4])
    outputs = [
        helper.make_tensor_value_info(f"y{at}", TensorProto.FLOAT, None)
        for at in range(len(constants))
    ]
    graph = helper.make_graph(nodes, "g", [x], outputs)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset).SerializeToString()


def test_constants_that_hold_the_same_are_one() -> None:
    six, alike = (helper.make_tensor("", TensorProto.INT64, [2], [6, 4]) for _ in range(2))
    raw = helper.make_tensor("", TensorProto.INT64, [2], bytes([6, *[0] * 7, 4, *[0] * 7]), True)
    narrow = helper.make_tensor("", TensorProto.INT32, [4], raw.raw_data, True)
    folded = helper.make_tensor("", TensorProto.INT64, [1, 2], raw.raw_data, True)
    other = helper.make_tensor("", TensorProto.INT64, [2], [8, 3])
    known = (
        infer_shapes(read_model(reshaped(six, alike, raw, narrow, folded, other))).roots[0].known
    )
    held = [known[f"c{at}".encode()] for at in range(6)]
    assert held[0] is held[1]
    assert len(set(map(id, held))) == 5
    made = [known[f"y{at}".encode()].shape for at in (0, 1, 2, 5)]
    assert made == [(6, 4), (6, 4), (6, 4), (8, 3)]


class Noted(bytes):
    """Notes how much is read at a time."""

    most = 0

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        Noted.most = max(Noted.most, len(found) if isinstance(found, bytes) else 1)
        return found


def test_a_small_constant_of_many_bytes_is_not_read() -> None:
    tensor = helper.make_tensor("", TensorProto.INT64, [2], bytes(16), True)
    tensor.raw_data = bytes(1 << 20)
    model = read_model(reshaped(tensor, tensor))
    model.data = Noted(model.data)
    infer_shapes(model)
    assert 0 < Noted.most < 1 << 12
