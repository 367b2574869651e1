"""OG176 to OG182: types that do not follow from schemas or lack a part, and a size given twice."""

from __future__ import annotations

import struct

from support import protobuf as pb
from support.protobuf import attribute, body, graph, node, value

from rule_cases.case import Case

FLOAT, INT64, STRING, BOOL, FLOAT16, DOUBLE = 1, 7, 8, 9, 10, 11
JUDGED = """\
operators: [{names: [Add, Min, Cast, Scan, QuantizeLinear, RandomNormalLike, SequenceInsert]},
  {names: [SequenceEmpty, BitCast, Resize]}]
opset: {ai.onnx: 7..26}
policy: {validity: error}
"""
ALLOWED = JUDGED.replace("validity: error", "validity: allow")


def one(op_type: str, dtype: int, *attributes: bytes, opset: int = 17, to: int = 0) -> bytes:
    """A node that makes ``y``, of the dtype ``to``, of ``x``."""
    made = node(op_type, attribute=list(attributes))
    return pb.model(
        graph(made, input=value("x", dtype), output=value("y", to or dtype)), opset=opset
    )


def added(dtype: int) -> bytes:
    return pb.model(graph(node("Add", "x w"), input=[value("x"), value("w", dtype)]))


def branches(dtype: int) -> bytes:
    """An If whose branches give float32 and another dtype."""
    cast = node("Cast", "x", "b", attribute=attribute("to", i=dtype))
    made = [
        attribute("then_branch", g=body(node("Relu", "x", "a"), output=value("a"))),
        attribute("else_branch", g=body(cast, output=value("b", dtype))),
    ]
    inputs = [value("x"), value("c", BOOL, [])]
    return pb.model(graph(node("If", "c", "y", attribute=made), input=inputs))


def looped(dtype: int) -> bytes:
    """A Loop that takes round float32 and gives another dtype."""
    inner = body(
        node("Identity", "go", "on"),
        node("Cast", "v", "w", attribute=attribute("to", i=dtype)),
        input=[value("i", INT64, []), value("go", BOOL, []), value("v")],
        output=[value("on", BOOL, []), value("w", dtype)],
    )
    return pb.model(
        graph(
            node("Loop", "m c x", "y", attribute=attribute("body", g=inner)),
            input=[value("x"), value("c", BOOL, [])],
            initializer=pb.scalar(1, "m"),
        )
    )


def scanned(dtype: int) -> bytes:
    inner = body(
        node("Identity", "v", "w"),
        input=value("v", dtype, [3, 8, 8]),
        output=value("w", dtype, [3, 8, 8]),
    )
    held = [attribute("body", g=inner), attribute("num_scan_inputs", i=1)]
    return pb.model(graph(node("Scan", attribute=held)))


def inserted(dtype: int) -> bytes:
    empty = node("SequenceEmpty", "", "s", attribute=attribute("dtype", i=dtype))
    made = [empty, node("SequenceInsert", "s x", "y")]
    outer = pb.message("ValueInfoProto", name="y")
    return pb.model(graph(*made, output=outer))


def taken(*parts: bytes) -> bytes:
    """A graph whose input has a type of these parts, or none."""
    held = [pb.message("TypeProto", tensor_type=part) for part in parts]
    given = pb.message("ValueInfoProto", name="x", type=held)
    return pb.model(graph(node("Relu"), input=given))


def resized(*scales: float) -> bytes:
    """A Resize with sizes and these scales."""
    held = [
        pb.tensor(FLOAT, [len(scales)], "s", raw_data=struct.pack(f"<{len(scales)}f", *scales)),
        pb.ints(1, 3, 16, 16, name="z"),
    ]
    made = node("Resize", "x _ s z")
    return pb.model(graph(made, output=value("y", dims=None), initializer=held), opset=13)


CASES = (
    Case(
        "OG176",
        "type that the opset does not take",
        pb.model(
            graph(node("Min", "x x"), input=value("x", INT64), output=value("y", INT64)), opset=11
        ),
        pb.model(
            graph(node("Min", "x x"), input=value("x", INT64), output=value("y", INT64)), opset=12
        ),
        JUDGED,
        message="Min: input 0 is int64, Min at opset 11 takes float16, float32, float64",
        hint="insert a Cast",
        route="graph/node 0",
        operator="Min",
    ),
    Case(
        "OG176",
        "type that the opset does not take, allowed by the list",
        one("Relu", STRING),
        one("Relu", STRING),
        JUDGED,
        good_rules=ALLOWED,
        message="Relu: input 0 is string, Relu at opset 17 takes bfloat16, float16, float32",
        route="graph/node 0",
        operator="Relu",
    ),
    Case(
        "OG177",
        "sum of two types",
        added(FLOAT16),
        added(FLOAT),
        JUDGED,
        message="Add: input 0 is float32, input 1 is float16, both must be of one type",
        hint="insert a Cast",
        route="graph/node 0",
        operator="Add",
    ),
    Case(
        "OG177",
        "tensor for a sequence of another type",
        inserted(DOUBLE),
        inserted(FLOAT),
        JUDGED,
        message="SequenceInsert: input 0 is a sequence of float64, input 1 is float32",
        route="graph/node 1",
        operator="SequenceInsert",
    ),
    Case(
        "OG178",
        "Cast to a type that is younger than the opset",
        one("Cast", FLOAT, attribute("to", i=17), to=17),
        one("Cast", FLOAT, attribute("to", i=INT64), to=INT64),
        JUDGED,
        message="Cast: output 0 is float8e4m3fn, Cast at opset 17 gives bfloat16, bool",
        hint="export at a newer opset",
        route="graph/node 0",
        operator="Cast",
    ),
    Case(
        "OG178",
        "output of the input's type, which is none that the operator gives",
        one("RandomNormalLike", INT64),
        one("RandomNormalLike", INT64, attribute("dtype", i=FLOAT), to=FLOAT),
        JUDGED,
        message="RandomNormalLike: output 0 is int64, RandomNormalLike at opset 17 gives",
        route="graph/node 0",
        operator="RandomNormalLike",
    ),
    Case(
        "OG178",
        "bits of another number",
        one("BitCast", FLOAT, attribute("to", i=INT64), opset=26, to=INT64),
        one("BitCast", DOUBLE, attribute("to", i=INT64), opset=26, to=INT64),
        JUDGED,
        message="BitCast: input 0 is float32 and to is int64, both must have as many bits",
        route="graph/node 0",
        operator="BitCast",
    ),
    Case(
        "OG179",
        "output of another type than declared",
        pb.model(graph(node("Relu"), output=value("y", FLOAT16))),
        pb.model(graph(node("Relu"))),
        JUDGED,
        message='value "y" is declared as float16, it is float32',
        hint="remove the declaration",
        route='graph/value "y"',
        at=value("y", FLOAT16),
    ),
    Case(
        "OG179",
        "value_info of another type",
        pb.model(graph(node("Relu", "x", "a"), node("Relu", "a"), value_info=value("a", INT64))),
        pb.model(graph(node("Relu", "x", "a"), node("Relu", "a"), value_info=value("a"))),
        JUDGED,
        message='value "a" is declared as int64, it is float32',
        route='graph/value "a"',
    ),
    Case(
        "OG179",
        "initializer of another type than its input",
        pb.model(
            graph(
                node("Relu"),
                input=[value("x"), value("w", FLOAT, [1])],
                initializer=pb.ints(1, name="w"),
            )
        ),
        pb.model(
            graph(
                node("Relu"),
                input=[value("x"), value("w", INT64, [1])],
                initializer=pb.ints(1, name="w"),
            )
        ),
        JUDGED,
        message='value "w" is declared as float32, it is int64',
        route='graph/value "w"',
    ),
    Case(
        "OG179",
        "input of a body",
        scanned(DOUBLE),
        scanned(FLOAT),
        JUDGED,
        message='value "v" is declared as float64, it is float32',
        route='graph/Scan_0.body/value "v"',
    ),
    Case(
        "OG180",
        "branches of two types",
        branches(DOUBLE),
        branches(FLOAT),
        JUDGED,
        message="If: output 0 is float32 in then_branch and float64 in else_branch",
        hint="insert a Cast in the body",
        route="graph/node 0",
        operator="If",
    ),
    Case(
        "OG180",
        "loop that changes a type",
        looped(DOUBLE),
        looped(FLOAT),
        JUDGED,
        message="Loop: value 0 goes in as float32 and comes out as float64",
        route="graph/node 0",
        operator="Loop",
    ),
    Case(
        "OG181",
        "size that is given twice",
        resized(1, 1, 2, 2),
        resized(),
        JUDGED,
        message="Resize: both scales and sizes are given, ONNX takes one",
        hint="leave one",
        route="graph/node 0",
        operator="Resize",
    ),
    Case(
        "OG182",
        "input without a type",
        taken(),
        taken(pb.message("TypeProto.Tensor", elem_type=FLOAT)),
        JUDGED,
        message='input "x" has no type',
        hint="declare it whole",
        route='graph/value "x"',
    ),
    Case(
        "OG182",
        "tensor of no element type",
        taken(pb.message("TypeProto.Tensor", elem_type=0)),
        taken(pb.message("TypeProto.Tensor", elem_type=FLOAT)),
        JUDGED,
        message='value "x" is declared as tensor without an element type',
        hint="declare it whole",
        route='graph/value "x"',
    ),
)
