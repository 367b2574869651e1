"""Models whose work has no bound, or too high a one."""

from __future__ import annotations

from typing import Any

from support import protobuf as pb
from support.protobuf import attribute, body, constant, function, graph, node, value

from hostile.registry import CLEAN, FINDINGS, REFUSED, SURVIVED, model, table

LOOP_BODY = body(
    node("Identity", "keep", "go"),
    node("Relu", "v", "w"),
    input=[value("i", 7, ()), value("keep", 9, ()), value("v")],
    output=[value("go", 9, ()), value("w")],
)


def loop(trips: str = "m", inner: bytes = LOOP_BODY, output: str = "y") -> bytes:
    """A Loop over ``inner`` whose first input is the value ``trips``."""
    return node("Loop", f"{trips} _ x", output, attribute=attribute("body", g=inner))


def trips(count: int, output: str = "m") -> bytes:
    return constant(output, value={"t": pb.scalar(count)})


def nested_ifs(levels: int) -> bytes:
    inner = body(node("Relu"), output=value("y"))
    for _ in range(levels - 1):
        inner = body(branch(inner), output=value("y"))
    return pb.model(graph(branch(inner), input=[value("x"), value("c", 9, ())]))


def branch(inner: bytes) -> bytes:
    """An If that may run ``inner``."""
    other = attribute("else_branch", g=body(node("Relu"), output=value("y")))
    return node("If", "c", "y", attribute=[attribute("then_branch", g=inner), other])


def nested_loops(count: int, levels: int) -> bytes:
    inner = LOOP_BODY
    for _ in range(levels - 1):
        inner = body(loop(inner=inner))
    return pb.model(graph(trips(count), loop(inner=inner)))


@table(CLEAN)
def within_the_limits() -> dict[str, bytes]:
    return {
        "16 loops": pb.model(
            graph(trips(4), loop(), *[loop(output=f"y{number}") for number in range(15)])
        ),
        "8 levels": nested_ifs(8),
        "1024 trips": pb.model(graph(trips(1024), loop())),
        "0 trips": pb.model(graph(trips(0), loop())),
        "value_int": pb.model(graph(constant("m", value_int={"i": 7}), loop())),
        "value_ints": pb.model(graph(constant("m", value_ints={"ints": [7]}), loop())),
        "initializer": pb.model(graph(loop(), initializer=pb.scalar(7, "m"))),
        "int64_data": pb.model(
            graph(loop(), initializer=pb.tensor(7, [], "m", int64_data=pb.varint(7)))
        ),
        "Constant outside": pb.model(
            graph(
                trips(7),
                branch(body(loop(), output=value("y"))),
                input=[value("x"), value("c", 9, ())],
            )
        ),
    }


@table(FINDINGS, "OG204")
def seventeen_loops() -> dict[str, bytes]:
    inner = body(*[loop()] * 16)
    return {
        "side by side": pb.model(graph(trips(1), *[loop()] * 17)),
        "in one body": pb.model(graph(trips(1), loop(inner=inner))),
        "in a function": pb.model(
            graph(trips(1), *[loop()] * 16),
            opset_import=pb.opset_import("local", 1),
            functions=function("Helper", trips(1), loop()),
        ),
    }


@table(FINDINGS, "OG203")
def ifs_nested_too_deep() -> dict[str, bytes]:
    return {str(levels): nested_ifs(levels) for levels in (9, 30)}


@table(FINDINGS, "OG205")
def trip_count() -> dict[str, bytes]:
    big = {"1025": 1025, "2**31": 1 << 31, "2**63-2": (1 << 63) - 2, "-1": -1, "-2**63": -(1 << 63)}
    models = {name: pb.model(graph(trips(count), loop())) for name, count in big.items()}
    return models | {
        "initializer": pb.model(graph(loop(), initializer=pb.scalar(5000, "m"))),
        "initializer of the outer graph": pb.model(
            graph(
                node("If", "c", "y", attribute=attribute("then_branch", g=body(loop()))),
                initializer=pb.scalar(5000, "m"),
            )
        ),
        "value_int": pb.model(graph(constant("m", value_int={"i": 5000}), loop())),
        "value_ints": pb.model(graph(constant("m", value_ints={"ints": [5000]}), loop())),
        "int64_data": pb.model(
            graph(loop(), initializer=pb.tensor(7, [], "m", int64_data=pb.varint(5000)))
        ),
        "in a function": pb.model(
            graph(node("Helper", domain="local")),
            opset_import=pb.opset_import("local", 1),
            functions=function("Helper", trips(5000), loop()),
        ),
    }


@table(FINDINGS, "OG206")
def no_trip_count() -> dict[str, bytes]:
    many = pb.tensor(7, [2], raw_data=bytes(16))
    return {
        "omitted": pb.model(graph(loop("_"))),
        "2**63-1": pb.model(graph(trips((1 << 63) - 1), loop())),
        "no inputs": pb.model(
            graph(node("Loop", "", "y", attribute=attribute("body", g=LOOP_BODY)))
        ),
        "graph input": pb.model(graph(loop("n"), input=[pb.value("x"), pb.value("n", 7, [])])),
        "initializer that an input overrides": pb.model(
            graph(
                loop(), input=[pb.value("x"), pb.value("m", 7, [])], initializer=pb.scalar(4, "m")
            )
        ),
        "computed": pb.model(graph(trips(4, "a"), node("Mul", "a a", "m"), loop())),
        "undefined name": pb.model(graph(loop("nowhere"))),
        "decoy with an empty output name": pb.model(graph(trips(4, "_"), loop("_"))),
        "Constant without a value": pb.model(graph(constant("m"), loop())),
        "float value": pb.model(graph(constant("m", value_float={"f": 4.0}), loop())),
        "string value": pb.model(graph(constant("m", value_string={"s": "4"}), loop())),
        "two elements": pb.model(graph(constant("m", value={"t": many}), loop())),
        "no elements": pb.model(graph(constant("m", value_ints={"ints": []}), loop())),
        "int64 without its data": pb.model(
            graph(constant("m", value={"t": pb.tensor(7, [])}), loop())
        ),
        "value in a sibling graph": pb.model(
            graph(
                node(
                    "If",
                    "c",
                    "y",
                    attribute=[
                        attribute("then_branch", g=body(trips(4), node("Relu"))),
                        attribute("else_branch", g=body(loop())),
                    ],
                )
            )
        ),
        "outer value hidden by an input of the body": pb.model(
            graph(trips(4), loop(inner=body(loop(), input=[pb.value("m", 7, [])])))
        ),
        "function input": pb.model(
            graph(node("Helper", "m", domain="local"), input=[pb.value("m", 7, [])]),
            opset_import=pb.opset_import("local", 1),
            functions=function("Helper", loop(), input=["m"]),
        ),
        "referenced attribute": pb.model(
            graph(node("Helper", domain="local")),
            opset_import=pb.opset_import("local", 1),
            functions=function(
                "Helper",
                node(
                    "Constant", "", "m", attribute=attribute("value_int", type=2, ref_attr_name="n")
                ),
                loop(),
                attribute=["n"],
            ),
        ),
    }


@table(FINDINGS)
def trip_count_in_doubt() -> dict[str, bytes]:
    """Two values for one count: a reader may take the one that passes."""
    twice = pb.tensor(7, [], int64_data=pb.varint(4), raw_data=(5000).to_bytes(8, "little"))
    other = pb.tensor(7, [], int64_data=pb.varint(5000), raw_data=(4).to_bytes(8, "little"))
    attributes: dict[str, dict[str, Any]] = {"value_int": {"i": 4}, "value": {"t": pb.scalar(5000)}}
    either: dict[str, dict[str, Any]] = {"value": {"t": pb.scalar(4)}, "value_int": {"i": 5000}}
    same = [attribute("value_int", i=4), attribute("value_int", i=5000)]
    return {
        "int64_data then raw_data": pb.model(graph(constant("m", value={"t": twice}), loop())),
        "raw_data agrees with the limit": pb.model(
            graph(constant("m", value={"t": other}), loop())
        ),
        "value_int and value": pb.model(graph(constant("m", **attributes), loop())),
        "value and value_int": pb.model(graph(constant("m", **either), loop())),
        "value_int twice": pb.model(graph(node("Constant", "", "m", attribute=same), loop())),
        "i twice in one attribute": pb.model(
            graph(constant("m", value_int={"i": [4, 5000]}), loop())
        ),
        "two Constants of one name": pb.model(graph(trips(4), trips(5000), loop())),
        "two initializers of one name": pb.model(
            graph(loop(), initializer=[pb.scalar(4, "m"), pb.scalar(5000, "m")])
        ),
        "Constant and initializer": pb.model(
            graph(trips(4), loop(), initializer=pb.scalar(5000, "m"))
        ),
        "Constant and computed value": pb.model(
            graph(trips(4), loop(), node("Identity", "x", "m"))
        ),
        "external data": pb.model(
            graph(
                loop(),
                initializer=pb.tensor(
                    7,
                    [],
                    "m",
                    data_location=1,
                    external_data=pb.entry("location", "model.onnx"),
                ),
            )
        ),
    }


@table(FINDINGS, "OG207")
def product_of_trip_counts() -> dict[str, bytes]:
    inner = function("Helper", trips(1024), loop(inner=body(loop())))
    call = body(node("Helper", domain="local"))
    return {
        "four of 1024": nested_loops(1024, 4),
        "eight of 1024": nested_loops(1024, 8),
        "30 of 2**62": nested_loops(1 << 62, 30),
        "through a function": pb.model(
            graph(trips(1024), loop(inner=body(loop(inner=call)))),
            opset_import=pb.opset_import("local", 1),
            functions=inner,
        ),
    }


def doubling(levels: int) -> bytes:
    """Each function calls the next one twice: 2**levels nodes when inlined."""
    imports = [pb.opset_import("", 17), pb.opset_import("local", 1)]
    functions = [
        function(
            f"F{level}",
            node(f"F{level + 1}", "x", "t", domain="local"),
            node(f"F{level + 1}", "t", "y", domain="local"),
            opset_import=imports,
        )
        for level in range(levels)
    ]
    functions.append(function(f"F{levels}", node("Relu")))
    return pb.model(
        graph(node("F0", domain="local")),
        opset_import=pb.opset_import("local", 1),
        functions=functions,
    )


@table(FINDINGS, "OG208")
def function_calls_that_double() -> dict[str, bytes]:
    return {str(levels): doubling(levels) for levels in (30, 64, 1000)}


@model(REFUSED, heavy=True)
def function_calls_that_double_20000_levels() -> bytes:
    return doubling(20_000)


def calling(*functions: bytes) -> bytes:
    return pb.model(
        graph(node("F0", domain="local")),
        opset_import=pb.opset_import("local", 1),
        functions=list(functions),
    )


@table(FINDINGS, "OG508")
def recursive_functions() -> dict[str, bytes]:
    def call(name: str) -> bytes:
        return node(name, domain="local")

    hidden = node("If", "c", "y", attribute=attribute("then_branch", g=body(call("F0"))))
    ring = [function(f"F{i}", call(f"F{(i + 1) % 500}")) for i in range(500)]
    return {
        "itself": calling(function("F0", call("F0"))),
        "two": calling(function("F0", call("F1")), function("F1", call("F0"))),
        "from a branch": calling(function("F0", hidden)),
        "500 in a ring": calling(*ring),
        "never called": calling(function("F0", node("Relu")), function("F1", call("F1"))),
    }


@table(FINDINGS, "OG507")
def duplicate_functions() -> dict[str, bytes]:
    relu, tanh = function("F0", node("Relu")), function("F0", node("Tanh"))
    ai_onnx = {"domain": "ai.onnx"}
    return {
        "different": calling(relu, tanh),
        "equal": calling(relu, relu),
        "two spellings of the default domain": calling(
            function("F0", node("Relu"), domain=""), function("F0", node("Tanh"), **ai_onnx)
        ),
    }


@table(FINDINGS, "OG509")
def calls_of_another_arity() -> dict[str, bytes]:
    one = function("F0", node("Relu"))

    def calls(call: bytes) -> bytes:
        return pb.model(graph(call), opset_import=pb.opset_import("local", 1), functions=one)

    return {
        "more inputs": calls(node("F0", "x x x", domain="local")),
        "more outputs": calls(node("F0", "x", "y z", domain="local")),
    }


@model(FINDINGS, "OG158")
def a_call_that_leaves_an_input_out() -> bytes:
    one = function("F0", node("Relu"))
    call = node("F0", "", domain="local")
    return pb.model(graph(call), opset_import=pb.opset_import("local", 1), functions=one)


@model(REFUSED, heavy=True)
def two_hundred_thousand_nodes() -> bytes:
    return pb.model(graph(*[node("Relu")] * 200_000))


@model(REFUSED, heavy=True)
def two_hundred_thousand_odd_nodes() -> bytes:
    """Each is written in an order that no exporter uses, with a name and a domain."""
    odd = pb.message(
        "NodeProto", op_type=["Relu", "Tanh"], domain="", name="n", output="y", input="x"
    )
    return pb.model(graph(*[odd] * 200_000))


@model(FINDINGS, "OG201", heavy=True)
def constant_of_120_megabytes() -> bytes:
    big = pb.tensor(1, [30_000_000], raw_data=bytes(120_000_000))
    return pb.model(graph(constant("m", value={"t": big}), node("Relu")))


@model(SURVIVED, heavy=True)
def a_million_inputs_of_one_node() -> bytes:
    return pb.model(graph(node("Concat", "x " * 1_000_000, attribute=attribute("axis", i=1))))


@model(REFUSED, heavy=True)
def four_million_empty_nodes() -> bytes:
    return pb.model(graph(node("Relu")) + b"\x0a\x00" * 4_000_000)
