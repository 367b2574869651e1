"""OG5xx: versions, functions, training, and a main graph that holds nothing."""

from __future__ import annotations

from typing import Any

from support import protobuf as pb
from support.protobuf import attribute, body, constant, field, function, graph, node, opset_import

from onnxguard.base.findings import Severity
from rule_cases.case import Case

RELU = node("Relu")
MAIN = graph(RELU)
LOCAL = opset_import("local", 1)
CALL = node("F", domain="local")
FLAT = function("F", RELU)
FLAT_AT_1, FLAT_AT_2 = (
    function("F", RELU, opset_import=[opset_import("", 17), opset_import("local", version)])
    for version in (1, 2)
)
TRAINED = pb.message("TrainingInfoProto", algorithm=graph(RELU))
NO_IR = field("ModelProto", "opset_import", opset_import("", 17)) + field(
    "ModelProto", "graph", MAIN
)


def calling(*functions: bytes, call: bytes = CALL, **more: Any) -> bytes:
    return pb.model(graph(call), opset_import=LOCAL, functions=list(functions), **more)


def imported(*imports: bytes, body: bytes = RELU) -> bytes:
    return calling(function("F", body, opset_import=list(imports)))


def shadowing(name: str) -> bytes:
    call = node(name, domain="local")
    return calling(function(name, RELU), call=call)


def in_domain(domain: str, overload: str = "") -> bytes:
    """A call of ``Relu`` of a domain, a function whose body is the standard Relu."""
    made = function("Relu_" if domain == "local" else "Relu", RELU, domain=domain)
    if overload:
        made += field("FunctionProto", "overload", overload)
    call = node("Relu_" if domain == "local" else "Relu", domain=domain, overload=overload)
    return pb.model(graph(call), opset_import=opset_import(domain, 1), functions=made)


RELU_OF_ML = "operators: [{name: Relu, domain: ai.onnx.ml}]\n"
NOT_CALLED_TWICE = calling(FLAT, function("G", RELU))

IMPORTS = (
    Case(
        "OG501",
        "no import at all",
        pb.model(graph(), opset=None),
        pb.model(graph(RELU)),
        message="the model imports no opset",
        also=frozenset({"OG511"}),
    ),
    Case(
        "OG501",
        "no import of a domain that is used",
        pb.model(graph(RELU, node("FastGelu", domain="com.microsoft"))),
        pb.model(
            graph(RELU, node("FastGelu", domain="com.microsoft")),
            opset_import=opset_import("com.microsoft", 1),
        ),
        rules="operators: [{name: FastGelu, domain: com.microsoft}]\n",
        message="the model uses operators of com.microsoft and does not import it",
    ),
    Case(
        "OG501",
        "no import of the domain of a function that is called",
        pb.model(graph(CALL), functions=FLAT),
        pb.model(graph(CALL), functions=FLAT, opset_import=LOCAL),
        message="the model uses operators of local and does not import it",
    ),
    Case(
        "OG501",
        "function that does not import the domain of one that it calls",
        calling(function("F", node("G", domain="local")), function("G", RELU)),
        calling(function("F", node("G", domain="local"), opset_import=LOCAL), function("G", RELU)),
        message="the function local::F uses operators of local and does not import it",
        route="function local::F",
    ),
    Case(
        "OG501",
        "import given twice alike",
        pb.model(MAIN, opset_import=opset_import("", 17)),
        pb.model(MAIN, opset_import=opset_import("other", 17)),
        message="the model imports ai.onnx 2 times alike",
        route="model/opset_import",
        at=opset_import("", 17),
        hint="one import says the same",
        severity=Severity.NOTE,
    ),
    Case(
        "OG501",
        "import of a function given twice alike",
        imported(opset_import("", 17), opset_import("", 17)),
        imported(opset_import("", 17)),
        message="the function local::F imports ai.onnx 2 times alike",
        route="function local::F/opset_import",
        severity=Severity.NOTE,
    ),
    Case(
        "OG501",
        "import given three times, one of another version",
        pb.model(MAIN, opset_import=[opset_import("", 17), opset_import("", 16)]),
        pb.model(MAIN, opset_import=opset_import("other", 17)),
        message="the model imports ai.onnx 3 times",
        route="model/opset_import",
        hint="keep one",
    ),
    Case(
        "OG501",
        "import given twice",
        pb.model(MAIN, opset_import=opset_import("", 16)),
        pb.model(MAIN, opset_import=opset_import("other", 17)),
        message="the model imports ai.onnx 2 times",
        route="model/opset_import",
        at=opset_import("", 17),
        hint="keep one",
    ),
    Case(
        "OG501",
        "both names of the default domain",
        pb.model(MAIN, opset_import=opset_import("ai.onnx", 17)),
        pb.model(MAIN, opset=None, opset_import=opset_import("ai.onnx", 17)),
        message='the model imports ai.onnx 2 times as "" and as "ai.onnx"',
        route="model/opset_import",
    ),
    Case(
        "OG501",
        "function that does not import what it uses",
        imported(LOCAL),
        imported(opset_import("", 17)),
        message="the function local::F uses operators of ai.onnx and does not import it",
        route="function local::F",
    ),
    Case(
        "OG502",
        "opset after the range",
        pb.model(MAIN, opset=19),
        pb.model(MAIN, opset=18),
        message="the model imports opset 19 of ai.onnx, allowed is 7..18",
        route="model/opset_import",
        at=opset_import("", 19),
        hint="export at an opset in 7..18",
    ),
    Case(
        "OG502",
        "opset of another domain",
        pb.model(MAIN, opset_import=opset_import("ai.onnx.ml", 4)),
        pb.model(MAIN, opset_import=opset_import("ai.onnx.ml", 3)),
        rules="opset: {ai.onnx.ml: 1..3}\n",
        message="the model imports opset 4 of ai.onnx.ml, allowed is 1..3",
        route="model/opset_import",
    ),
    Case(
        "OG503",
        "IR version after the range",
        pb.model(MAIN, ir=11),
        pb.model(MAIN, ir=10),
        message="the model declares IR version 11, allowed is 3..10",
    ),
    Case(
        "OG503",
        "no IR version",
        NO_IR,
        pb.model(MAIN),
        message="the model declares no IR version",
    ),
    Case(
        "OG504",
        "where the list forbids it",
        pb.model(MAIN, training_info=TRAINED),
        pb.model(MAIN),
        rules="policy: {training_info: forbid}\n",
        message="the model holds training_info",
        route="training_info 0",
        at=TRAINED,
    ),
    Case(
        "OG504",
        "where the list warns of it",
        pb.model(MAIN, training_info=TRAINED),
        pb.model(MAIN, training_info=[]),
        rules="policy: {training_info: warn}\n",
        route="training_info 0",
        severity=Severity.WARNING,
    ),
)


OF_RUNTIME = (
    Case(
        "OG101",
        "call of an admitted function is judged as the operator",
        in_domain("com.microsoft"),
        in_domain("local"),
        rules="policy: {runtime_functions: allow}\n",
        message="com.microsoft::Relu is not on the allowlist",
        route="graph/node 0",
        operator="com.microsoft::Relu",
        hint="the standard Relu is allowed",
    ),
)

KEEP = body(node("Identity", "keep", "go"))
ONE = constant("n", value_int={"i": 1})


def rounds(trips: str, inner: bytes) -> bytes:
    return node("Loop", f"{trips} _ x", attribute=attribute("body", g=inner))


def capturing(name: str) -> bytes:
    """A function that runs a graph whose Loop reads the m of the graph that gives it."""
    run = attribute("body", type=5, ref_attr_name="b")
    two = constant(name, value_int={"i": 2})
    made = function("F", ONE, two, node("Loop", "n _ x", attribute=run), attribute=["b"])
    call = node("F", domain="local", attribute=attribute("b", g=body(rounds("m", KEEP))))
    main = graph(constant("m", value_int={"i": 3}), call)
    return pb.model(main, opset_import=LOCAL, functions=made)


def between(outer: str) -> bytes:
    """A call in a Loop makes ``_inlfunc_F_m``, which a Loop inside then reads."""
    inner = body(CALL, rounds(outer, KEEP))
    main = graph(ONE, constant(outer, value_int={"i": 2}), rounds("n", inner))
    made = function("F", constant("m", value_int={"i": 5}), RELU)
    return pb.model(main, opset_import=LOCAL, functions=made)


GIVEN = "policy: {function_graphs: allow}\n"

EMPTY = (
    Case(
        "OG511",
        "no nodes",
        pb.model(graph()),
        pb.model(graph(RELU)),
        message="the main graph has no nodes",
    ),
    Case(
        "OG511",
        "no outputs",
        pb.model(graph(RELU, output=[])),
        pb.model(graph(RELU)),
        message="outputs",
    ),
    Case(
        "OG511",
        "nodes in a function alone",
        pb.model(graph(), opset_import=LOCAL, functions=FLAT),
        calling(FLAT),
        message="the main graph has no nodes",
    ),
)

CASES = (*IMPORTS, *OF_RUNTIME, *EMPTY)
