"""OG505 to OG510 and OG512 to OG515: functions of the model's own."""

from __future__ import annotations

from support import protobuf as pb
from support.protobuf import attribute, body, function, node, opset_import

from onnxguard.base.findings import Severity
from rule_cases.case import Case
from rule_cases.header import (
    CALL,
    FLAT,
    FLAT_AT_1,
    FLAT_AT_2,
    GIVEN,
    LOCAL,
    MAIN,
    NOT_CALLED_TWICE,
    RELU,
    RELU_OF_ML,
    between,
    calling,
    capturing,
    imported,
    in_domain,
    shadowing,
)

TWO = function("G", RELU, RELU, overload="two")
G_TWO = node("G", domain="local", overload="two")


def within(inner: bytes, name: str = "F") -> bytes:
    """A function of one node, which may call others."""
    return function(name, inner, opset_import=[opset_import("", 17), LOCAL])


CASES = (
    Case(
        "OG505",
        "where the list forbids it",
        calling(FLAT),
        pb.model(MAIN),
        rules="policy: {functions: forbid}\n",
        message="the model defines the function local::F",
        route="function local::F",
        at=FLAT,
        hint="inline",
    ),
    Case(
        "OG505",
        "where the list warns of it",
        calling(FLAT),
        pb.model(MAIN),
        rules="policy: {functions: warn}\n",
        route="function local::F",
        severity=Severity.WARNING,
    ),
    Case(
        "OG506",
        "function named like an operator",
        shadowing("Sigmoid"),
        shadowing("Sigmoid2"),
        message="the function local::Sigmoid has the name of the standard Sigmoid",
        route="function local::Sigmoid",
        operator="local::Sigmoid",
        severity=Severity.WARNING,
    ),
    Case(
        "OG507",
        "function defined twice",
        calling(FLAT, function("F", RELU, RELU)),
        calling(FLAT, function("F", RELU, RELU, overload="two")),
        message="the function local::F is defined 2 times",
        route="function local::F",
        operator="local::F",
        hint="keep one",
    ),
    *[
        Case(
            "OG507",
            f"functions that colons tell apart, {name}",
            calling(FLAT, one, other),
            calling(FLAT, one, third),
            message=f"the function {label} and another one are one to ONNX Runtime",
            route=f"function {label}",
            operator=label,
            hint="colons",
        )
        for name, label, one, other, third in (
            (
                "in domain and name",
                "l:x::G",
                function("G", RELU, domain="l:x"),
                function("x:G", RELU, domain="l"),
                function("x:G", RELU, domain="m"),
            ),
            (
                "in name and overload",
                "local::G:o",
                function("G", RELU, overload="o"),
                function("G:o", RELU),
                function("G:p", RELU),
            ),
        )
    ],
    Case(
        "OG508",
        "two functions that call each other",
        imported(opset_import("", 17), LOCAL, body=CALL),
        NOT_CALLED_TWICE,
        message="the function local::F calls itself, directly or through others",
        route="function local::F",
        operator="local::F",
    ),
    Case(
        "OG509",
        "one input too many",
        calling(FLAT, call=node("F", "x x", domain="local")),
        calling(FLAT, call=node("F", "", domain="local")),
        message="local::F is called with 2 inputs, it declares 1",
        route="graph/node 0",
        operator="local::F",
    ),
    Case(
        "OG509",
        "one output too many",
        calling(FLAT, call=node("F", "x", "y z", domain="local")),
        calling(FLAT, call=node("F", "x", "y", domain="local")),
        message="local::F is called with 2 outputs, it declares 1",
        route="graph/node 0",
        operator="local::F",
    ),
    Case(
        "OG509",
        "one output left away",
        calling(function("F", RELU, output=["y", "z"])),
        calling(function("F", RELU, output=["y", "z"]), call=node("F", "x", "y _", domain="local")),
        message="local::F is called with 1 outputs, it declares 2",
        route="graph/node 0",
        operator="local::F",
    ),
    Case(
        "OG510",
        "function at another opset",
        imported(opset_import("", 13)),
        imported(opset_import("", 16)),
        message="the function local::F means ai.onnx 13, the model means 17",
        route="function local::F",
    ),
    Case(
        "OG510",
        "function at another version of a domain that nobody defines",
        calling(FLAT_AT_2, call=CALL),
        calling(FLAT_AT_1, call=CALL),
        message="the function local::F means local 2, the model means 1",
        route="function local::F",
    ),
    Case(
        "OG512",
        "function that a runtime has built in",
        in_domain("com.microsoft"),
        in_domain("local"),
        message="the function com.microsoft::Relu stands in com.microsoft, which runtimes fill",
        route="function com.microsoft::Relu",
        operator="com.microsoft::Relu",
        rules="operators: [{name: Relu, domain: com.microsoft}]\n",
        hint="the body shown here does not run",
    ),
    Case(
        "OG512",
        "overload of it, and what the list admits",
        in_domain("ai.onnx.ml", overload="v2"),
        in_domain("ai.onnx.ml", overload="v2"),
        rules=RELU_OF_ML,
        good_rules=RELU_OF_ML + "policy: {runtime_functions: allow}\n",
        message="the function ai.onnx.ml::Relu:v2 stands in ai.onnx.ml",
        route="function ai.onnx.ml::Relu:v2",
        operator="ai.onnx.ml::Relu:v2",
    ),
    Case(
        "OG513",
        "graph that a function places beside a value of the same name",
        capturing("m"),
        capturing("k"),
        rules=GIVEN,
        message='"m" is another value once the functions are inlined',
        route="function local::F/node 2",
        hint="rename",
    ),
    Case(
        "OG513",
        "name that inlining makes",
        between("_inlfunc_F_m"),
        between("_inlfunc_F_k"),
        message='"_inlfunc_F_m" is another value',
        route="graph/Loop_2.body/node 1",
    ),
    Case(
        "OG513",
        "value of the name of its function's input",
        calling(FLAT, function("G", node("Relu", "x", "x"))),
        calling(FLAT, function("G", node("Relu", "x", "y"))),
        message='"x" is an input of local::G and another value inside it',
        route="function local::G/node 0",
        operator="local::G",
        hint="rename the value inside",
    ),
    Case(
        "OG514",
        "graph for a function's attribute",
        capturing("k"),
        capturing("k"),
        good_rules=GIVEN,
        message="the function local::F is given a graph",
        route="graph/node 1",
        operator="local::F",
    ),
    Case(
        "OG515",
        "overload that a function calls",
        calling(within(G_TWO), function("G", RELU), TWO),
        calling(within(node("G", domain="local")), function("G", RELU), TWO, call=G_TWO),
        message="the function local::F calls local::G:two by its overload",
        route="function local::F/node 0",
        operator="local::G:two",
        hint="a name of its own",
    ),
    Case(
        "OG515",
        "overload without one beside it",
        calling(within(G_TWO), TWO),
        calling(within(node("If", attribute=attribute("then_branch", g=body(G_TWO)))), TWO),
        message="the function local::F calls local::G:two by its overload",
        route="function local::F/node 0",
        operator="local::G:two",
    ),
    Case(
        "OG515",
        "overload of itself, which ONNX Runtime would run without end",
        calling(within(G_TWO, "G"), TWO, call=node("G", domain="local")),
        calling(within(RELU, "G"), TWO, call=G_TWO),
        message="the function local::G calls local::G:two by its overload",
        route="function local::G/node 0",
        operator="local::G:two",
    ),
)
