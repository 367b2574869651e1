"""OG1xx: which operators, and under which conditions."""

from __future__ import annotations

from support import protobuf as pb
from support.protobuf import attribute, body, graph, node, value

from rule_cases.case import Case

RELU = node("Relu")
TWO = [pb.opset_import("com.microsoft", 1), pb.opset_import("mine", 1)]


def model(*nodes: bytes, **more: object) -> bytes:
    return pb.model(graph(*nodes, **more))


def calling(*nodes: bytes) -> bytes:
    """A call of the function ``local::F``, which holds the nodes."""
    imports = [pb.opset_import("", 17), pb.opset_import("local", 1)]
    body = pb.function("F", *nodes, opset_import=pb.opset_import("", 17))
    return pb.model(
        graph(node("F", domain="local")), opset=None, opset_import=imports, functions=body
    )


def declaring(**more: object) -> bytes:
    """A model whose function declares these attributes."""
    imports = pb.opset_import("local", 1)
    held = pb.function("F", RELU, **more)
    return pb.model(graph(node("F", domain="local")), opset_import=imports, functions=held)


def foreign(*nodes: bytes) -> bytes:
    return pb.model(graph(*nodes), opset_import=TWO)


def resize(*attributes: bytes) -> bytes:
    return node("Resize", "x _ s", attribute=list(attributes))


def typed(dtype: int) -> bytes:
    return model(node("Sigmoid"), input=value("x", dtype))


CLIP = node("Clip", "x low high")
LOW = pb.tensor(1, [], "low", raw_data=bytes(4))
HIGH = pb.tensor(1, [], "high", raw_data=bytes(4))
HIDDEN = body(node("Tanh"))
SIGMOID_FLOATS = "operators: [{name: Sigmoid, dtypes: {in: [float32, float16]}}]\n"
CLIP_HIGH = "operators: [{name: Clip, constant_inputs: [max]}]\n"
RESIZE_MODES = """\
operators:
  - name: Resize
    attributes:
      mode: {in: [nearest, linear], adr: ADR-3000, reason: cubic was never tried}
"""
GELU_WAIVED = """\
waivers:
  - {model: "*.onnx", code: OG101, operator: "mine::Gelu:1", reason: known, expires: 9999-12-31}
"""
COLONS = {
    "a name": node("Gelu:1", domain="mine"),
    "a name of the default domain": node("mine::Gelu:1"),
    "an overload": node("mine", overload=":Gelu:1"),
}
ONE_INT = attribute("a", i=1)

ALLOWED = (
    Case(
        "OG101",
        "operator of another list",
        model(RELU, node("Tanh"), node("Tanh")),
        model(RELU, RELU),
        message="Tanh is not on the allowlist mine",
        route="graph/node 1",
        at=node("Tanh"),
        hint="rewrite the model without it",
        operator="Tanh",
    ),
    Case(
        "OG101",
        "operator of no list",
        model(node("Einsum")),
        model(RELU),
        message="Einsum is not on the allowlist mine",
        route="graph/node 0",
        hint="rewrite the model without it, or have it reviewed",
        operator="Einsum",
    ),
    Case(
        "OG101",
        "misspelt operator",
        model(node("Rleu")),
        model(RELU),
        route="graph/node 0",
        hint="ONNX has no such operator (did you mean Relu",
        operator="Rleu",
    ),
    Case(
        "OG101",
        "allowed name in a foreign domain",
        foreign(RELU, node("Relu", domain="com.microsoft")),
        foreign(RELU, node("Relu", domain="ai.onnx")),
        message="com.microsoft::Relu is not on the allowlist",
        route="graph/node 1",
        hint="the standard Relu is allowed",
        operator="com.microsoft::Relu",
    ),
    Case(
        "OG101",
        "operator in a domain of its own, allowed in another",
        foreign(node("Gelu", domain="com.microsoft")),
        foreign(node("FastGelu", domain="com.microsoft")),
        rules="operators: [{name: FastGelu, domain: com.microsoft}]\n",
        route="graph/node 0",
        operator="com.microsoft::Gelu",
    ),
    Case(
        "OG101",
        "overload of an allowed name",
        model(node("Relu", overload="fp16")),
        model(node("Relu", overload="")),
        route="graph/node 0",
        hint="an overload belongs to a function that the model defines",
        operator="Relu:fp16",
    ),
    Case(
        "OG102",
        "denied operator",
        model(node("Scan")),
        model(node("Loop", "m _ x", attribute=attribute("body", g=body(RELU)))),
        rules="deny: [{name: Scan, reason: it scans, instead: a Loop}]\n",
        message="Scan is denied by mine: it scans",
        route="graph/node 0",
        hint="use a Loop",
        operator="Scan",
        adr="ADR-2000",
    ),
    Case(
        "OG102",
        "operator that the list below allows",
        model(node("If", "c", attribute=attribute("then_branch", g=body(RELU)))),
        model(RELU),
        rules="deny: [{name: If, reason: no branches, adr: ADR-3000}]\n",
        route="graph/node 0",
        hint="remove it from the model",
        operator="If",
        adr="ADR-3000",
    ),
    Case(
        "OG102",
        "whole domain",
        foreign(RELU, node("FastGelu", domain="com.microsoft")),
        foreign(RELU),
        rules="deny: [{name: '*', domain: com.microsoft, reason: one vendor's}]\n",
        message="com.microsoft::FastGelu is denied by mine: one vendor's",
        route="graph/node 1",
        operator="com.microsoft::FastGelu",
        adr="ADR-2000",
    ),
    Case(
        "OG103",
        "opset before the range",
        pb.model(graph(node("LayerNormalization")), opset=16),
        pb.model(graph(node("LayerNormalization")), opset=17),
        rules="operators: [{name: LayerNormalization, opset: 17..}]\n",
        message="LayerNormalization is allowed at opset 17.., here it is 16",
        route="graph/node 0",
        hint="export at opset 17..",
        operator="LayerNormalization",
        adr="ADR-2000",
    ),
)

SPELLED = (
    Case(
        "OG104",
        "no op_type",
        model(RELU, node([])),
        model(RELU, RELU),
        message="a node has no op_type",
        route="graph/node 1",
        at=node([]),
        operator="(no op_type)",
    ),
    Case(
        "OG104",
        "empty op_type",
        model(node("")),
        model(RELU),
        route="graph/node 0",
        operator="(no op_type)",
    ),
    Case(
        "OG105",
        "NUL after an allowed name",
        model(node("Relu\0evil")),
        model(RELU),
        message="Relu\\x00evil holds characters",
        route="graph/node 0",
        operator="Relu\\x00evil",
        also=frozenset({"OG101"}),
    ),
    Case(
        "OG105",
        "letter that looks like a Latin one",
        model(node("R\u0435lu")),
        model(RELU),
        route="graph/node 0",
        operator="R\\u0435lu",
        also=frozenset({"OG101"}),
    ),
    Case(
        "OG105",
        "space in a domain",
        foreign(node("Relu", domain="com.microsoft ")),
        foreign(node("Relu", domain="")),
        route="graph/node 0",
        operator="com.microsoft\\x20::Relu",
        also=frozenset({"OG101", "OG501"}),
    ),
    *(
        Case(
            "OG105",
            f"colon in {what}, so that it looks like an operator that is waived",
            foreign(bad),
            foreign(node("Gelu", domain="mine", overload="1")),
            rules=GELU_WAIVED,
            message="mine::Gelu:1 holds characters",
            route="graph/node 0",
            operator="mine::Gelu:1",
            also=frozenset({"OG101"}),
        )
        for what, bad in COLONS.items()
    ),
    Case(
        "OG106",
        "op_type over the limit",
        model(node("Slice")),
        model(node("Relu")),
        rules="limits: {op_type_bytes: 4}\noperators: [{name: Slice}]\n",
        message="an op_type of 5 bytes, 4 are allowed",
        route="graph/node 0",
        operator="Slice",
        adr="ADR-2000",
    ),
)

GIVEN = (
    Case(
        "OG111",
        "graph in an attribute of type INT",
        model(node("Relu", attribute=attribute("a", type=2, i=1, g=body(RELU)))),
        model(node("Relu", attribute=ONE_INT)),
        message='attribute "a" declares type INT but fills i, g',
        route="graph/node 0",
    ),
    Case(
        "OG111",
        "no type",
        model(node("Relu", attribute=attribute("a", type=0, i=1))),
        model(node("Relu", attribute=attribute("a", type=2, i=1))),
        message="declares no type but fills i",
        route="graph/node 0",
    ),
    Case(
        "OG111",
        "type that does not exist",
        model(node("Relu", attribute=attribute("a", type=99, i=1))),
        model(node("Relu", attribute=ONE_INT)),
        message="declares the unknown type 99",
        route="graph/node 0",
    ),
    Case(
        "OG111",
        "reference that holds a value too",
        calling(node("Relu", attribute=attribute("a", ref_attr_name="b", i=1))),
        calling(node("Relu", attribute=attribute("a", type=2, ref_attr_name="b"))),
        message="declares a reference to a function's attribute but fills i",
        route="function local::F/node 0",
    ),
    Case(
        "OG111",
        "reference outside of any function",
        model(node("Relu", attribute=attribute("a", type=2, ref_attr_name="b"))),
        calling(node("Relu", attribute=attribute("a", type=2, ref_attr_name="b"))),
        message="outside of any function, but fills nothing",
        route="graph/node 0",
    ),
    Case(
        "OG111",
        "Constant whose tensor is missing",
        model(node("Constant", "", "c", attribute=attribute("value", type=4))),
        model(node("Relu", attribute=attribute("a", type=7))),
        message="declares type TENSOR but fills nothing",
        route="graph/node 0",
        also=frozenset({"OG303"}),
    ),
    Case(
        "OG112",
        "attribute given twice",
        model(RELU, node("Relu", attribute=[ONE_INT, attribute("a", i=2)])),
        model(RELU, node("Relu", attribute=[ONE_INT, attribute("b", i=2)])),
        message='attribute "a" is given more than once',
        route="graph/node 1",
        at=node("Relu", attribute=[ONE_INT, attribute("a", i=2)]),
    ),
    Case(
        "OG112",
        "function with two defaults of one name",
        declaring(attribute_proto=[attribute("a", f=0.25), attribute("a", f=0.5)]),
        declaring(attribute_proto=[attribute("a", f=0.25), attribute("b", f=0.5)]),
        message='attribute "a" is declared more than once',
        route="function local::F",
    ),
    Case(
        "OG112",
        "function with two attributes of one name",
        declaring(attribute=["a", "a"]),
        declaring(attribute=["a", "b"]),
        message='attribute "a" is declared more than once',
        route="function local::F",
    ),
    Case(
        "OG111",
        "default that is a reference",
        declaring(attribute=["a"], attribute_proto=attribute("b", type=1, ref_attr_name="a")),
        declaring(attribute=["a"], attribute_proto=attribute("b", f=0.0)),
        message='the default of attribute "b" is a reference, not a value',
        route="function local::F",
    ),
)

CASES = (*ALLOWED, *SPELLED, *GIVEN)
