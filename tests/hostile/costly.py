"""Inputs whose cost grows with the square of their size where a reader is careless."""

from __future__ import annotations

from support import protobuf as pb
from support.protobuf import LEN, attribute, body, constant, function, graph, node, tag

from hostile.registry import FINDINGS, REFUSED, SURVIVED, model

MANY = 100_000


def nested(levels: int, core: bytes, *beside: bytes) -> bytes:
    """``levels`` graphs inside one another, each with the nodes ``beside``; ``core`` at the bottom.

    Built from the inside out, every length counted once, so that depth costs no copying.
    """
    parts = [core]
    size = len(core)

    def wrap(before: bytes, number: int) -> None:
        nonlocal size
        head = before + tag(number, LEN) + pb.varint(size)
        parts.append(head)
        size += len(head)

    branch = pb.message("AttributeProto", name="then_branch", type=5)
    for _ in range(levels):
        wrap(branch, 6)
        wrap(pb.message("NodeProto", input="c", output="y", op_type="If"), 5)
        wrap(pb.message("GraphProto", name="g", node=list(beside)), 1)
    return pb.model(b"".join(reversed(parts)))


@model(REFUSED, heavy=True)
def graphs_nested_50000_deep() -> bytes:
    return nested(50_000, body(node("Relu")))


@model(REFUSED, heavy=True)
def constants_at_each_of_20000_levels() -> bytes:
    return nested(20_000, body(node("Relu")), constant("c", value_int={"i": 1}))


@model(REFUSED, heavy=True)
def unknown_fields_at_the_bottom_of_5000_levels() -> bytes:
    return nested(5_000, body(node("Relu")) + pb.bytes_field(100, b"") * MANY)


@model(REFUSED, heavy=True)
def forbidden_operators_at_each_of_20000_levels() -> bytes:
    return nested(20_000, body(node("Relu")), node("Einsum"))


@model(REFUSED, heavy=True)
def reads_through_5000_levels() -> bytes:
    return nested(5_000, body(node("Relu", "far", "y")), node("Loop", "far _ x", "y"))


@model(FINDINGS, "OG504", heavy=True)
def empty_training_infos() -> bytes:
    return pb.model(graph(node("Relu")), training_info=[b""] * MANY)


@model(REFUSED, heavy=True)
def empty_functions() -> bytes:
    return pb.model(graph(node("Relu")), functions=[b""] * MANY)


@model(REFUSED, heavy=True)
def functions_that_all_call_one_another() -> bytes:
    calls = [node(f"F{i}", domain="local") for i in range(300)]
    functions = [function(f"F{i}", *calls[i + 1 :]) for i in range(300)]
    return pb.model(graph(calls[0]), opset_import=pb.opset_import("local", 1), functions=functions)


@model(REFUSED, heavy=True)
def chain_of_functions() -> bytes:
    functions = [function(f"F{i}", node(f"F{i + 1}", domain="local")) for i in range(20_000)]
    return pb.model(graph(node("F0", domain="local")), functions=functions)


@model(REFUSED, heavy=True)
def attributes_given_twice() -> bytes:
    pairs = [attribute(f"a{i // 2}", i=1) for i in range(MANY)]
    return pb.model(graph(node("Relu", attribute=pairs)))


@model(REFUSED, heavy=True)
def op_types_given_again_and_again() -> bytes:
    return pb.model(graph(node([f"Op{i}" for i in range(MANY)])))


@model(REFUSED, heavy=True)
def domains_and_op_types_given_again_and_again() -> bytes:
    names = [f"Op{i}" for i in range(2000)]
    return pb.model(graph(node(names, domain=names, overload=names)))


@model(REFUSED, heavy=True)
def operators_of_many_names() -> bytes:
    return pb.model(graph(*[node(f"Op{i}") for i in range(MANY)]))


@model(REFUSED, heavy=True)
def unknown_fields_of_many_numbers() -> bytes:
    tail = b"".join(pb.number_field(1000 + i, 1) for i in range(3 * MANY))
    return pb.model(graph(node("Relu"))) + tail


@model(SURVIVED, heavy=True)
def opset_imports_of_many_domains() -> bytes:
    return pb.model(
        graph(node("Relu")), opset_import=[pb.opset_import(f"d{i}", 1) for i in range(MANY)]
    )


@model(REFUSED, heavy=True)
def opset_imports_given_twice() -> bytes:
    return pb.model(
        graph(node("Relu")), opset_import=[pb.opset_import(f"d{i // 2}", i) for i in range(MANY)]
    )


@model(SURVIVED, heavy=True)
def metadata_of_many_entries() -> bytes:
    return pb.model(
        graph(node("Relu")), metadata_props=[pb.entry(f"\x1b{i}", "\x1b") for i in range(MANY)]
    )


@model(REFUSED, heavy=True)
def bad_tensors_of_many_names() -> bytes:
    tensors = [pb.tensor(99, [-1, 2], f"w{i}", raw_data=b"x") for i in range(MANY)]
    return pb.model(graph(node("Relu"), initializer=tensors))


@model(REFUSED, heavy=True)
def external_files_of_many_names() -> bytes:
    tensors = [
        pb.tensor(1, [2], f"w{i}", data_location=1, external_data=pb.entry("location", f"../{i}"))
        for i in range(MANY)
    ]
    return pb.model(graph(node("Relu"), initializer=tensors))


@model(REFUSED, heavy=True)
def external_keys_of_many_names() -> bytes:
    entries = [pb.entry(f"key{i}", "x") for i in range(MANY)]
    weight = pb.tensor(1, [2], "w", data_location=1, external_data=entries)
    return pb.model(graph(node("Relu"), initializer=weight))


@model(SURVIVED, heavy=True)
def constants_that_one_node_reads() -> bytes:
    names = [f"c{i}" for i in range(20_000)]
    constants = [constant(name, value_int={"i": 1}) for name in names]
    return pb.model(graph(*constants, node("Sum", " ".join(names))))


@model(REFUSED, heavy=True)
def inputs_of_many_names() -> bytes:
    return pb.model(graph(node("Relu"), input=[pb.value(f"x{i}", 99, [-1]) for i in range(MANY)]))


@model(REFUSED, heavy=True)
def loops_in_sibling_graphs() -> bytes:
    each = node("Loop", "m _ x", "y", attribute=attribute("body", g=body(node("Relu"))))
    return pb.model(graph(*[each] * 30_000))


@model(REFUSED, heavy=True)
def names_of_10_megabytes() -> bytes:
    long = "\x1b" * 10_000_000
    return pb.model(graph(node(long, "x", "y", name=long, domain=long)))


@model(REFUSED, heavy=True)
def dims_of_an_input() -> bytes:
    shape = pb.bytes_field(1, pb.number_field(1, 1)) * 1_000_000
    of_tensor = pb.message("TypeProto.Tensor", elem_type=1, shape=shape)
    typed = pb.message("TypeProto", tensor_type=of_tensor)
    return pb.model(graph(node("Relu"), input=pb.message("ValueInfoProto", name="x", type=typed)))


@model(SURVIVED, heavy=True)
def fragments_of_a_tensor() -> bytes:
    """A packed field in a million pieces."""
    pieces = pb.bytes_field(4, b"abcd") * 1_000_000
    return pb.model(graph(node("Relu"), initializer=pb.tensor(1, [1_000_000], "w") + pieces))


@model(REFUSED, heavy=True)
def fragments_of_a_graph() -> bytes:
    """The graph in many pieces, which protobuf merges."""
    piece = pb.field("ModelProto", "graph", pb.field("GraphProto", "node", node("Relu")))
    return pb.model(graph(node("Relu"))) + piece * MANY


@model(REFUSED, "OG150", heavy=True)
def values_that_nothing_gives() -> bytes:
    names = [f"nowhere{i}" for i in range(MANY)]
    return pb.model(graph(node("Sum", " ".join(names)), *[node("Relu", name) for name in names]))


@model(REFUSED, "OG153", heavy=True)
def circle_of_many_nodes() -> bytes:
    nodes = [node("Relu", f"v{i}", f"v{i + 1}") for i in range(MANY)]
    return pb.model(graph(*nodes, node("Relu", f"v{MANY}", "v0"), node("Relu")))


@model(FINDINGS, "OG152", heavy=True)
def names_that_many_give() -> bytes:
    weights = [pb.tensor(1, [0], f"w{i // 2}") for i in range(20_000)]
    inputs = [pb.value(f"v{i // 2}") for i in range(20_000)]
    nodes = [node("Relu", "x", f"y{i // 2}") for i in range(20_000)]
    return pb.model(
        graph(*nodes, node("Relu"), initializer=weights, input=[*inputs, pb.value("x")])
    )


@model(SURVIVED, "OG154", heavy=True)
def nodes_in_reverse() -> bytes:
    nodes = [node("Relu", f"v{i}", f"v{i + 1}") for i in range(MANY)]
    last = node("Relu", f"v{MANY}", "y")
    return pb.model(graph(*reversed([node("Relu", "x", "v0"), *nodes, last])))


@model(REFUSED, heavy=True)
def names_hidden_at_each_of_3900_levels() -> bytes:
    return nested(3_900, body(node("Relu")), *[node("Relu", f"n{i}", f"n{i}") for i in range(8)])


@model(REFUSED, heavy=True)
def bodies_that_read_what_comes_later() -> bytes:
    inner = attribute("then_branch", g=body(node("Relu", "late", "t"), output=pb.value("t")))
    branches = [node("If", "c", f"y{i}", attribute=inner) for i in range(30_000)]
    return pb.model(graph(*branches, node("Sum", " ".join(f"y{i}" for i in range(30_000)), "late")))
