"""OG6xx: bytes that not every reader takes alike."""

from __future__ import annotations

from support import protobuf as pb
from support.protobuf import attribute, field, graph, message, node, number_field, tensor, value

from onnxguard.base.findings import Severity
from rule_cases.case import Case

RELU = node("Relu")
MAIN = graph(RELU)
PLAIN = pb.model(MAIN)
RENAMED = field("NodeProto", "op_type", "Identity")


def dims(*parts: bytes) -> bytes:
    held = b"".join(parts) + tensor(1, [], "w", raw_data=bytes(24))
    return pb.model(graph(RELU, initializer=held))


def shaped(**dimension: object) -> bytes:
    """A model whose value ``t`` has one dimension."""
    shape = message("TensorShapeProto", dim=message("TensorShapeProto.Dimension", **dimension))
    of_tensor = message("TypeProto.Tensor", elem_type=1, shape=shape)
    kind = message("TypeProto", tensor_type=of_tensor)
    return pb.model(graph(RELU, value_info=message("ValueInfoProto", name="t", type=kind)))


def nested(levels: int) -> bytes:
    """A model of so many graphs inside its own."""
    inner = pb.body(RELU)
    for _ in range(levels - 1):
        inner = pb.body(node("If", attribute=attribute("b", g=inner)))
    return pb.model(graph(node("If", attribute=attribute("b", g=inner))))


CASES = (
    Case(
        "OG601",
        "field of the model",
        PLAIN + pb.bytes_field(1000, b"hidden"),
        PLAIN,
        message="ModelProto has an unknown field 1000",
        at=b"hidden",
    ),
    Case(
        "OG601",
        "field of a node",
        pb.model(graph(RELU + number_field(99, 1))),
        PLAIN,
        message="NodeProto has an unknown field 99",
        route="graph/node 0",
    ),
    Case(
        "OG601",
        "field of a dimension",
        pb.model(graph(RELU, input=value("x").replace(b"\x08\x03", b"\x58\x03"))),
        PLAIN,
        message="TensorShapeProto.Dimension has an unknown field 11",
        route='graph/value "x"',
    ),
    Case(
        "OG601",
        "known field of another wire type",
        PLAIN + number_field(2, 7),
        PLAIN + field("ModelProto", "producer_name", "p"),
        message="ModelProto.producer_name is written with wire type 0",
    ),
    Case(
        "OG601",
        "where the list warns of it",
        PLAIN + pb.bytes_field(1000, b"hidden"),
        PLAIN,
        rules="policy: {unknown_fields: warn}\n",
        severity=Severity.WARNING,
    ),
    Case(
        "OG601",
        "where the neighbour's list allows it",
        PLAIN + pb.bytes_field(1000, b"hidden"),
        PLAIN + pb.bytes_field(1000, b"hidden"),
        good_rules="policy: {unknown_fields: allow}\n",
    ),
    Case(
        "OG602",
        "second graph",
        PLAIN + field("ModelProto", "graph", MAIN),
        PLAIN,
        message="ModelProto.graph is given more than once",
        at=MAIN,
    ),
    Case(
        "OG602",
        "second op_type",
        pb.model(graph(RELU + RENAMED)),
        PLAIN,
        message="NodeProto.op_type is given more than once",
        route="graph/node 0",
        at=b"Identity",
    ),
    Case(
        "OG602",
        "number given twice in an attribute",
        pb.model(graph(node("Relu", attribute=attribute("a", i=[1, 2])))),
        pb.model(graph(node("Relu", attribute=attribute("a", ints=[1, 2])))),
        message="AttributeProto.i is given more than once",
        route="graph/node 0",
    ),
    Case(
        "OG602",
        "dimension with a number and a name",
        shaped(dim_value=3, dim_param="n"),
        shaped(dim_value=3),
        message="a dimension is both a number and a name",
        route='graph/value "t"',
    ),
    Case(
        "OG602",
        "IR version given twice",
        PLAIN + field("ModelProto", "ir_version", 8),
        PLAIN,
        message="ModelProto.ir_version is given more than once",
    ),
    Case(
        "OG603",
        "group in a graph",
        pb.model(graph(RELU) + pb.group_field(50, number_field(1, 1))),
        PLAIN,
        message="GraphProto field 50 is a group",
        route="graph",
    ),
    Case(
        "OG604",
        "dims packed and one by one",
        dims(pb.packed(1, [2]), number_field(1, 3)),
        dims(pb.packed(1, [2, 3])),
        message="TensorProto.dims is given both packed and unpacked",
        route="graph/initializer 0",
    ),
    Case(
        "OG605",
        "name of a node",
        pb.model(graph(node("Relu", name=b"\xff"))),
        pb.model(graph(node("Relu", name="\u00ff"))),
        message="a node's name is not UTF-8",
        route="graph/node 0",
        at=b"\xff",
    ),
    Case(
        "OG605",
        "producer",
        PLAIN + field("ModelProto", "producer_name", b"caf\xe9"),
        PLAIN + field("ModelProto", "producer_name", "caf\u00e9"),
        message="producer_name is not UTF-8",
        at=b"caf\xe9",
    ),
    Case(
        "OG607",
        "33 graphs inside one another",
        nested(33),
        nested(32),
        message="a graph makes messages nest deeper than 100",
        route="/".join(["graph", *["If_0.b"] * 11, "...(9 levels)...", *["If_0.b"] * 12]),
    ),
)
