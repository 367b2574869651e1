"""One answer, whichever way bytes are read, and whatever was read before them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import mutations
from support import protobuf as pb
from support.protobuf import (
    LEN,
    attribute,
    body,
    constant,
    function,
    graph,
    message,
    node,
    tag,
    value,
)
from support.reading_paths import careful_path, compare, outcome

from onnxguard import Allowlist, load_allowlist
from onnxguard.model.reading import STEPS, memo, read_model
from onnxguard.model.reading.model import ModelReader

DAMAGED, PART = 6_000, 1_000


@pytest.fixture(scope="module")
def policy() -> Allowlist:
    return load_allowlist("adr-0258")


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    memo.forget()
    yield
    memo.forget()


@pytest.mark.parametrize("first", range(0, DAMAGED, PART))
def test_damaged_models_are_read_alike_by_both_paths(first: int, policy: Allowlist) -> None:
    """Each after those before it, whose attributes and types are remembered."""
    seeds = mutations.seeds()
    for number in range(first, first + PART):
        try:
            compare(mutations.mutate(number, seeds), policy)
        except AssertionError as error:
            raise AssertionError(f"damaged model {number}: {error}") from error


# -- lengths in more bytes than they need ----------------------------------------------------------


def long_forms(data: bytes, extra: int) -> Iterator[bytes]:
    """The model with one length, of every field on the way down, in so many bytes more."""
    items = mutations.parse(data, pb.descriptor("ModelProto"))
    assert items is not None
    for _, fields in mutations.messages(items):
        for item in fields:
            if item.wire_type == LEN:
                item.padding = 0, extra
                yield mutations.write(items)
                item.padding = 0, 0


RICH = pb.model(
    graph(
        constant("m", value={"t": pb.scalar(7, "t")}),
        node("Loop", "m _ x", attribute=attribute("body", g=body(node("Relu")))),
        node("Cast", name="n", doc_string="d", attribute=attribute("to", i=1)),
        node("Concat", metadata_props=pb.entry("k", "v"), attribute=attribute("axes", ints=[1])),
        node("Relu", attribute=attribute("mode", s="linear")),
        initializer=[pb.tensor(1, [1], "w", raw_data=bytes(4)), pb.tensor(7, [1], int64_data=[3])],
        value_info=value("z", dims=["n", 3]),
    ),
    producer_name="p",
    functions=function("F", node("Relu"), attribute="a"),
    metadata_props=pb.entry("key", "value"),
)


@pytest.mark.parametrize("extra", [1, 2, 3, 4, 5])
def test_length_in_more_bytes_means_the_same_up_to_five(extra: int, policy: Allowlist) -> None:
    """Protobuf refuses longer ones, and so do both paths."""
    expected = outcome(RICH, policy)[2]
    forms = list(long_forms(RICH, extra))
    assert len(forms) > 60
    for data in forms:
        compare(data, policy)
        found = outcome(data, policy)
        if pb.parse_model(data) is None:
            assert found[0] == "OG003", found
        else:
            assert facts_but_places(found[2]) == facts_but_places(expected)
    assert any(pb.parse_model(data) is None for data in forms) == (extra >= 4)


def facts_but_places(facts: object) -> tuple[object, ...]:
    kept = "ir_version opset_imports nodes inputs outputs initializers graphs depth metadata"
    assert facts is not None
    return tuple(getattr(facts, name) for name in kept.split())


def test_name_whose_length_takes_two_bytes_hides_no_input() -> None:
    """Read as 129, the first byte of its length would reach another type at the right place."""
    items = mutations.parse(value("m", 7, []), pb.descriptor("ValueInfoProto"))
    assert items is not None
    name, kind = items[0], items[1].write()
    name.padding = 0, 1
    decoy = value("m", 7, [1])[3:]
    filling = pb.bytes_field(3, b"a" * 60) + pb.bytes_field(3, b"a" * (127 - 62 - 2 - 2))
    hidden = name.write() + filling + pb.bytes_field(3, decoy)
    assert hidden[2 + 0x81 :] == decoy
    loop = node("Loop", "m _ x", attribute=attribute("body", g=body(node("Relu"))))
    primer = value("p", 7, [1])
    for tail in (b"", kind):
        data = pb.model(graph(loop, input=[primer, hidden + tail]))
        assert [v.name for v in read_model(data).graph.inputs] == [b"p", b"m"]


# -- what is remembered ---------------------------------------------------------------------------

REFERENCE = node("LeakyRelu", attribute=attribute("alpha", ref_attr_name="alpha", type=1))
INSIDE = function("F", REFERENCE, attribute="alpha")


def types(levels: int) -> bytes:
    nested = message("TypeProto", tensor_type=message("TypeProto.Tensor", elem_type=1))
    for _ in range(levels):
        inner = message("TypeProto.Sequence", elem_type=nested)
        nested = message("TypeProto", sequence_type=inner)
    return message("ValueInfoProto", name="v", type=nested)


def deep(levels: int, inner: bytes) -> bytes:
    """A model with a graph inside so many others."""
    for _ in range(levels - 1):
        inner = body(node("If", attribute=attribute("b", g=inner)))
    return pb.model(graph(node("If", attribute=attribute("b", g=inner))))


CONTEXTS = {
    "reference in a function of another model": (
        pb.model(graph(node("Relu")), functions=INSIDE),
        pb.model(graph(REFERENCE)),
    ),
    "reference in a function of the same model": (
        pb.model(graph(node("Relu")), functions=INSIDE),
        pb.model(b"", functions=INSIDE) + pb.field("ModelProto", "graph", graph(REFERENCE)),
    ),
    "type that nests too deep inside other graphs": (
        pb.model(graph(node("Relu"), value_info=types(40))),
        deep(8, body(node("Relu"), value_info=types(40))),
    ),
    "type of one tensor in the deepest graph": (
        pb.model(graph(node("Relu"), value_info=value("v"))),
        deep(32, body(node("Relu"), value_info=value("v"))),
    ),
}


@pytest.mark.parametrize("name", CONTEXTS)
def test_what_was_read_before_changes_nothing(name: str, policy: Allowlist) -> None:
    primer, data = CONTEXTS[name]
    alone = outcome(data, policy)
    memo.forget()
    outcome(primer, policy)
    assert outcome(data, policy) == alone
    with careful_path():
        assert outcome(data, policy) == alone


def test_reference_outside_of_a_function_is_found_after_the_function(policy: Allowlist) -> None:
    findings = outcome(CONTEXTS["reference in a function of the same model"][1], policy)[1]
    assert any(finding.code == "OG111" for finding in findings)  # type: ignore[attr-defined]


def test_type_nested_too_deep_for_protobuf_is_refused(policy: Allowlist) -> None:
    for levels in range(44, 52):
        data = pb.model(graph(node("Relu"), value_info=types(levels)))
        refused = outcome(data, policy)[0] == "OG003"
        assert refused == (pb.parse_model(data) is None), levels


def steps_taken(data: bytes) -> int:
    reader = ModelReader(data, STEPS)
    reader.read()
    return STEPS - reader.steps


@pytest.mark.parametrize("primer", [RICH, CONTEXTS["type of one tensor in the deepest graph"][0]])
def test_reading_costs_the_same_whatever_was_read_before(primer: bytes) -> None:
    """Else a model at the bound would pass after some others, and not alone."""
    alone = steps_taken(RICH)
    for _ in range(2):
        read_model(primer)
        assert steps_taken(RICH) == alone
    memo.forget()
    assert steps_taken(RICH) == alone


def test_equal_bytes_in_a_model_are_paid_for_once() -> None:
    again = node("Concat", attribute=attribute("axis", i=1))
    one, two, three = (steps_taken(pb.model(graph(*[again] * count))) for count in (1, 2, 3))
    assert two - one == three - two < one


HEADS = {
    "usual": pb.bytes_field(1, b"x") + pb.bytes_field(2, b"y") + pb.bytes_field(3, b"n"),
    "no name": pb.bytes_field(1, b"x") + pb.bytes_field(1, b"z") + pb.bytes_field(2, b"y"),
    "an empty name": pb.bytes_field(2, b"y") + pb.bytes_field(3, b""),
    "nothing": b"",
    "a long name": pb.bytes_field(2, b"y") + pb.bytes_field(3, b"n" * 200),
    "no UTF-8": pb.bytes_field(1, b"\xff") + pb.bytes_field(2, b"y") + pb.bytes_field(3, b"n"),
    "UTF-8": pb.bytes_field(1, "\u00e9".encode()) + pb.bytes_field(2, b"y"),
}
OP = pb.bytes_field(4, b"Concat")
AXIS = pb.bytes_field(5, attribute("axis", i=1))
VALUE = pb.bytes_field(5, attribute("value", t=pb.tensor(1, [2], raw_data=bytes(8))))
SHORT = pb.bytes_field(5, attribute("value", t=pb.tensor(1, [2], raw_data=bytes(4))))
IS_CONSTANT = pb.bytes_field(4, b"Constant")
RESTS = {
    "an operator": OP,
    "attributes": OP + AXIS + pb.bytes_field(5, attribute("x", f=-0.5)),
    "an attribute twice": OP + AXIS + AXIS,
    "a domain and an overload": OP + AXIS + pb.bytes_field(7, b"d") + pb.bytes_field(8, b"o"),
    "one more input": OP + pb.bytes_field(1, b"late"),
    "one more output": pb.bytes_field(2, b"late") + OP,
    "a name": OP + pb.bytes_field(3, b"late"),
    "an empty name": OP + pb.bytes_field(3, b""),
    "an operator twice": OP + OP,
    "metadata": OP + pb.bytes_field(9, pb.entry("k", "v")),
    "a reference": OP + pb.bytes_field(5, attribute("axis", ref_attr_name="a", type=2)),
    "a Constant": IS_CONSTANT + VALUE,
    "a Constant of another type": IS_CONSTANT
    + pb.bytes_field(5, attribute("value", t=pb.tensor(1, [2], raw_data=bytes(8)), type=1)),
    "a Constant of too few bytes": IS_CONSTANT + SHORT,
    "a Constant of two values": IS_CONSTANT + VALUE + VALUE,
    "a Constant and something after it": IS_CONSTANT + VALUE + pb.bytes_field(6, b"doc"),
    "a Constant whose tensor ends early": IS_CONSTANT
    + pb.bytes_field(5, attribute("value", t=pb.tensor(1, [2], raw_data=bytes(8)) + b"\x50\1")),
    "a Constant with a named tensor": IS_CONSTANT
    + pb.bytes_field(5, attribute("value", t=pb.tensor(1, [2], "t", raw_data=bytes(8)))),
    "a Constant of 200 bytes": IS_CONSTANT
    + pb.bytes_field(5, attribute("value", t=pb.tensor(1, [50], raw_data=bytes(200)))),
}


def test_node_is_read_alike_whichever_nodes_began_or_ended_so_before(policy: Allowlist) -> None:
    """What follows a node's name is remembered: it must mean the same after every beginning."""
    for rest in RESTS.values():
        nodes = [head + rest for head in HEADS.values()]
        for first in range(len(nodes)):
            turned = nodes[first:] + nodes[:first]
            for each in turned:
                compare(pb.model(graph(each)), policy)
            compare(pb.model(graph(*turned)), policy)
        memo.forget()
    for head in HEADS.values():
        compare(pb.model(graph(*[head + rest for rest in RESTS.values()] * 2)), policy)
        assert steps_taken(pb.model(graph(head + OP))) == steps_taken(pb.model(graph(head + OP)))


@pytest.mark.parametrize("rest", RESTS)
def test_node_costs_the_same_whatever_ended_so_before(rest: str) -> None:
    data = pb.model(graph(*[head + RESTS[rest] for head in HEADS.values()]))
    alone = steps_taken(data)
    assert steps_taken(data) == alone
    memo.forget()
    for other in RESTS.values():
        read_model(pb.model(graph(HEADS["usual"] + other)))
    assert steps_taken(data) == alone


# -- what protobuf refuses ------------------------------------------------------------------------


def in_attribute(payload: bytes) -> bytes:
    return pb.model(graph(node("Relu", attribute=attribute("a", ints=[], type=7) + payload)))


def in_tensor(payload: bytes, filling: int = 0) -> bytes:
    name = pb.field("TensorProto", "name", "n" * filling)
    held = message("TensorProto", data_type=1) + name + payload
    return pb.model(graph(node("Relu"), initializer=held))


BROKEN = {
    "packed floats of five bytes": in_tensor(pb.bytes_field(4, bytes(5))),
    "packed floats of five bytes in an attribute": in_attribute(pb.bytes_field(7, bytes(5))),
    "packed doubles of nine bytes": in_tensor(pb.bytes_field(10, bytes(9))),
    "int32_data cut off": in_tensor(pb.bytes_field(5, b"\1\x80")),
    "int64_data cut off": in_tensor(pb.bytes_field(7, b"\1\x80")),
    "int64_data cut off, far into the tensor": in_tensor(pb.bytes_field(7, b"\1\x80"), 1000),
    "uint64_data of eleven bytes": in_tensor(pb.bytes_field(11, b"\x80" * 10 + b"\1")),
    "long int64_data of eleven bytes": in_tensor(
        pb.bytes_field(7, b"\1" * ((1 << 20) - 4) + b"\x80" * 10 + b"\1")
    ),
    "ints of eleven bytes": in_attribute(pb.bytes_field(8, b"\x80" * 10 + b"\1")),
    "dims cut off": in_tensor(pb.bytes_field(1, b"\x80")),
    "length of six bytes": pb.model(graph(node("Relu"))) + b"\x12\x81\x80\x80\x80\x80\0a",
    "tag of six bytes": pb.model(graph(node("Relu"))) + b"\x92\x80\x80\x80\x80\0\1a",
    "length of six bytes in a group": pb.model(graph(node("Relu")))
    + pb.group_field(99, b"\x12\x81\x80\x80\x80\x80\0a"),
    "overridden type": pb.model(
        graph(
            node("Relu"),
            value_info=message(
                "ValueInfoProto",
                name="v",
                type=message("TypeProto", tensor_type=b"x") + pb.bytes_field(1, b""),
            ),
        )
    ),
}
WHOLE = {
    "packed floats": in_tensor(pb.bytes_field(4, bytes(8))),
    "packed doubles": in_tensor(pb.bytes_field(10, bytes(16))),
    "int64_data of ten bytes": in_tensor(pb.bytes_field(7, b"\xff" * 9 + b"\1")),
    "long int64_data of ten bytes": in_tensor(
        pb.bytes_field(7, b"\1" * ((1 << 20) - 4) + b"\x80" * 9 + b"\1")
    ),
    "length of five bytes": pb.model(graph(node("Relu"))) + b"\x12\x81\x80\x80\x80\0a",
    "tag of five bytes": pb.model(graph(node("Relu"))) + b"\x92\x80\x80\x80\0\1a",
    "no packed values": in_tensor(pb.bytes_field(4, b"") + tag(7, LEN) + b"\0"),
}


@pytest.mark.parametrize("name", [*BROKEN, *WHOLE])
def test_what_protobuf_refuses_is_malformed(name: str, policy: Allowlist) -> None:
    data = (BROKEN | WHOLE)[name]
    assert (pb.parse_model(data) is None) == (name in BROKEN)
    compare(data, policy)
    assert (outcome(data, policy)[0] == "OG003") == (name in BROKEN)


@pytest.mark.parametrize("inner", [b"\0\1", b"\3\4"], ids=["a field", "a group"])
def test_field_number_0_in_a_group_is_malformed(inner: bytes, policy: Allowlist) -> None:
    """ONNX Runtime's protobuf refuses it, Python's does not."""
    data = pb.model(graph(node("Relu"))) + pb.group_field(99, inner)
    assert outcome(data, policy)[:2] == (
        "OG003",
        f"malformed protobuf at byte {len(data) - 4}: field number 0",
    )


def test_a_domain_is_spelled_out_where_it_matters_whatever_was_read_before() -> None:
    """What follows a node's name is remembered, and means the same in the main graph alone."""
    spelled = pb.node("Relu", "x", "t", domain="ai.onnx")
    branches = [
        pb.attribute(name, g=pb.body(spelled, output=pb.value("t")))
        for name in ("then_branch", "else_branch")
    ]
    before = pb.model(pb.graph(spelled, pb.node("Relu", "t", "y")))
    after = pb.model(pb.graph(spelled, pb.node("If", "x", "y", attribute=branches)))
    for data, times in ((before, 0), (after, 2), (before, 0), (after, 2)):
        found = [a for a in read_model(data).anomalies.values() if a.code == "OG167"]
        assert sum(anomaly.count for anomaly in found) == times


def test_a_node_keeps_its_attributes_where_the_memo_of_attributes_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memo, "ENTRIES", 2)
    first = [pb.attribute(name, i=1, type=2) for name in ("p", "q")]
    read_model(pb.model(pb.graph(pb.node("First", "x", "y", attribute=first))))
    assert len(memo.attributes) == 2 > len(memo.rests)
    other = pb.model(pb.graph(pb.node("Other", "x", "y", attribute=pb.attribute("r", i=1, type=2))))
    for _ in range(3):
        assert [a.name for a in read_model(other).graph.nodes[0].attributes] == [b"r"]
