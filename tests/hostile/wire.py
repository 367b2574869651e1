"""Bytes that break the protobuf wire format, or bend it."""

from __future__ import annotations

from support import protobuf as pb
from support.protobuf import EGROUP, I32, I64, LEN, SGROUP, VARINT, graph, node, tag

from hostile.registry import CLEAN, FINDINGS, NOT_VERIFIED, REFUSED, model, table


def with_tail(tail: bytes) -> dict[str, bytes]:
    """The same bytes at the end of each message on the way down to a node."""
    inner = node("Relu", "x", "y", tail)
    initializer = pb.tensor(1, [1], "w", raw_data=bytes(4))
    extra = pb.attribute("alpha", f=0.5)
    return {
        "model": pb.model(graph(node("Relu"))) + tail,
        "graph": pb.model(graph(node("Relu")) + tail),
        "node": pb.model(graph(inner)),
        "attribute": pb.model(graph(node("LeakyRelu", attribute=extra + tail))),
        "tensor": pb.model(graph(node("Relu"), initializer=initializer + tail)),
        "input": pb.model(graph(node("Relu"), input=pb.value("x") + tail)),
        "opset": pb.model(
            graph(node("Relu")), opset=None, opset_import=pb.opset_import("", 17) + tail
        ),
    }


@table(CLEAN)
def nothing_added() -> dict[str, bytes]:
    """The models of the tables below are clean without their tails."""
    return with_tail(b"")


@table(NOT_VERIFIED, "OG003")
def varint_of_eleven_bytes() -> dict[str, bytes]:
    return with_tail(tag(100, VARINT) + b"\x80" * 10 + b"\x01")


@table(NOT_VERIFIED, "OG003")
def varint_cut_off() -> dict[str, bytes]:
    return with_tail(tag(100, VARINT) + b"\xff\xff")


@table(NOT_VERIFIED, "OG003")
def length_of_six_bytes() -> dict[str, bytes]:
    return with_tail(tag(100, LEN) + b"\x81\x80\x80\x80\x80\0a")


@table(NOT_VERIFIED, "OG003")
def tag_of_six_bytes() -> dict[str, bytes]:
    return with_tail(b"\xa2\x86\x80\x80\x80\0\1a")


@table(NOT_VERIFIED, "OG003")
def packed_values_that_are_cut() -> dict[str, bytes]:
    plain = node("Relu")
    return {
        "floats": pb.model(graph(plain, initializer=pb.tensor(1, [1], float_data=b"12345"))),
        "doubles": pb.model(graph(plain, initializer=pb.tensor(11, [1], double_data=b"123456789"))),
        "int64": pb.model(graph(plain, initializer=pb.tensor(7, [1], int64_data=b"\x80"))),
        "attribute": pb.model(graph(node("Relu", attribute=pb.attribute("a", floats=b"12345")))),
    }


@table(FINDINGS)
def name_whose_length_takes_two_bytes() -> dict[str, bytes]:
    """A reader that takes 81 00 for 129 skips the name, and the trip count has no input."""
    loop = node("Loop", "m _ x", attribute=pb.attribute("body", g=pb.body(node("Relu"))))
    trips = pb.ints(5000000, name="m")
    hidden = b"\x0a\x81\0m"
    rest = pb.value("m", 7, [1])[3:]
    text = pb.bytes_field(3, b"a" * 60) + pb.bytes_field(3, b"a" * 61)
    return {
        "plain": pb.model(graph(loop, initializer=trips, input=pb.value("m", 7, [1]))),
        "long": pb.model(graph(loop, initializer=trips, input=hidden + rest)),
        "hidden": pb.model(
            graph(
                loop,
                initializer=trips,
                input=[pb.value("p", 7, [1]), hidden + text + pb.bytes_field(3, rest)],
            )
        ),
    }


@table(NOT_VERIFIED, "OG003")
def length_past_the_end() -> dict[str, bytes]:
    return with_tail(tag(100, LEN) + pb.varint(5000) + b"abc")


@table(NOT_VERIFIED, "OG003")
def length_of_two_to_the_63() -> dict[str, bytes]:
    return with_tail(tag(100, LEN) + pb.varint(1 << 63) + b"abc")


@table(NOT_VERIFIED, "OG003")
def fixed_field_cut_off() -> dict[str, bytes]:
    return with_tail(tag(100, I64) + b"1234")


@table(NOT_VERIFIED, "OG003")
def field_number_0() -> dict[str, bytes]:
    return with_tail(pb.number_field(0, 1))


@table(NOT_VERIFIED, "OG003")
def wire_types_6_and_7() -> dict[str, bytes]:
    return with_tail(tag(100, 6) + tag(100, 7))


@table(NOT_VERIFIED, "OG003")
def end_of_group_alone() -> dict[str, bytes]:
    return with_tail(tag(100, EGROUP))


@table(NOT_VERIFIED, "OG003")
def group_cut_off() -> dict[str, bytes]:
    return with_tail(tag(100, SGROUP) + pb.number_field(1, 1))


@table(NOT_VERIFIED, "OG003")
def group_ended_by_another_number() -> dict[str, bytes]:
    return with_tail(tag(100, SGROUP) + tag(101, EGROUP))


@table(FINDINGS, "OG603")
def group() -> dict[str, bytes]:
    return with_tail(pb.group_field(100, pb.bytes_field(4, b"Einsum")))


@table(FINDINGS, "OG601")
def unknown_field() -> dict[str, bytes]:
    return with_tail(pb.bytes_field(100, b"payload"))


@table(FINDINGS, "OG601")
def unknown_number_of_29_bits() -> dict[str, bytes]:
    return with_tail(pb.number_field((1 << 29) - 1, 7))


@model(FINDINGS, "OG603")
def group_in_place_of_a_node() -> bytes:
    """A reader that treats groups as messages runs what is inside."""
    hidden = pb.group_field(1, node("Einsum"))
    return pb.model(graph(node("Relu")) + hidden)


@model(FINDINGS, "OG603")
def group_in_place_of_the_graph() -> bytes:
    return pb.model(graph(node("Relu"))) + pb.group_field(7, graph(node("Einsum")))


@model(NOT_VERIFIED)
def groups_nested_5000_deep() -> bytes:
    return pb.model(graph(node("Relu"))) + tag(100, SGROUP) * 5000 + tag(100, EGROUP) * 5000


@table(FINDINGS, "OG601")
def known_field_with_another_wire_type() -> dict[str, bytes]:
    plain = graph(node("Relu"))
    return {
        "op_type is a number": pb.model(graph(node("Relu", "x", "y", pb.number_field(4, 1)))),
        "ir_version is a string": pb.model(plain) + pb.bytes_field(1, b"\x08"),
        "data_type is packed": pb.model(
            graph(
                node("Relu"),
                initializer=pb.tensor(1, [1], "w", raw_data=bytes(4)) + pb.packed(2, [8]),
            )
        ),
        "graph is a fixed32": pb.model(plain) + tag(7, I32) + b"abcd",
    }


@model(FINDINGS, "OG602")
def two_graphs() -> bytes:
    """protobuf merges them."""
    more = pb.message("GraphProto", node=node("Sigmoid", "y", "z"))
    return pb.model(graph(node("Relu"))) + pb.field("ModelProto", "graph", more)


@model(FINDINGS, "OG602", "OG101")
def two_graphs_one_hides_an_operator() -> bytes:
    more = pb.message("GraphProto", node=node("Einsum", "y", "z"))
    return pb.model(graph(node("Relu"))) + pb.field("ModelProto", "graph", more)


@table(FINDINGS, "OG602", "OG101")
def two_op_types() -> dict[str, bytes]:
    """The last wins at run time; the first may fool a reader that stops early."""
    return {
        "bad last": pb.model(graph(node(["Relu", "Einsum"]))),
        "bad first": pb.model(graph(node(["Einsum", "Relu"]))),
    }


@table(FINDINGS, "OG602")
def other_fields_twice() -> dict[str, bytes]:
    plain = node("Relu")
    return {
        "domain": pb.model(graph(node("Relu", domain=["evil", ""]))),
        "ir_version": pb.model(graph(plain), ir_version=9),
        "attribute name": pb.model(
            graph(
                node("LeakyRelu", attribute=pb.attribute("alpha", f=0.5) + pb.bytes_field(1, b"b"))
            )
        ),
        "attribute value": pb.model(
            graph(node("LeakyRelu", attribute=pb.attribute("alpha", f=[0.5, 0.7])))
        ),
        "data_type": pb.model(
            graph(plain, initializer=pb.tensor(1, [1], "w", raw_data=bytes(4)) + b"\x10\x06")
        ),
        "opset version": pb.model(
            graph(plain),
            opset=None,
            opset_import=pb.opset_import("", 17) + pb.number_field(2, 99),
        ),
    }


@table(FINDINGS, "OG604")
def packed_and_unpacked() -> dict[str, bytes]:
    """protobuf takes both and joins them; a hand-written reader may see only one."""
    dims = pb.number_field(1, 2) + pb.packed(1, [3])
    shape = pb.message("TensorProto", dims, data_type=1, name="w", raw_data=bytes(24))
    axes = pb.attribute("perm", ints=[0, 1]) + pb.packed(8, [2, 3])
    return {
        "dims": pb.model(graph(node("Relu"), initializer=shape)),
        "ints": pb.model(graph(node("Transpose", attribute=axes))),
    }


@table(FINDINGS, "OG605")
def invalid_utf8() -> dict[str, bytes]:
    bad = b"name\xff\xfe\xc0\xaf"
    weight = pb.tensor(1, [1], "", raw_data=bytes(4))
    return {
        "node name": pb.model(graph(node("Relu", name=bad))),
        "graph name": pb.model(graph(node("Relu"), name=bad)),
        "initializer": pb.model(graph(node("Relu"), initializer=weight + pb.bytes_field(8, bad))),
        "producer": pb.model(graph(node("Relu")), producer_name=bad),
        "overload": pb.model(graph(node("Relu", overload=bad))),
        "surrogate half": pb.model(graph(node("Relu", name=b"\xed\xa0\x80"))),
    }


@model(FINDINGS, "OG101")
def invalid_utf8_in_op_type() -> bytes:
    return pb.model(graph(node(b"Relu\xff")))


@model(FINDINGS, "OG203")
def graphs_nested_2000_deep() -> bytes:
    inner = pb.body(node("Relu"))
    for _ in range(2000):
        branch = pb.attribute("then_branch", g=inner)
        inner = pb.body(node("If", "c", "y", attribute=branch))
    return pb.model(graph(node("If", "c", "y", attribute=pb.attribute("then_branch", g=inner))))


@model(REFUSED)
def types_nested_2000_deep() -> bytes:
    inner = pb.message("TypeProto.Tensor", elem_type=1)
    outer = pb.message("TypeProto", tensor_type=inner)
    for _ in range(2000):
        outer = pb.message(
            "TypeProto", sequence_type=pb.message("TypeProto.Sequence", elem_type=outer)
        )
    return pb.model(graph(node("Relu"), input=pb.message("ValueInfoProto", name="x", type=outer)))
