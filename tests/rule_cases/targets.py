"""OG120 to OG125: what a target runs."""

from __future__ import annotations

from support import protobuf as pb
from support.protobuf import attribute, graph, node, value

from rule_cases.case import Case

BFLOAT16 = 16


def rules(target: str, *names: str, more: str = "") -> str:
    operators = ", ".join(("Relu", *names))
    return (
        f"operators: [{{names: [{operators}]}}]\nopset: {{ai.onnx: 7..28}}\n"
        f"ir_version: 3..14\ntargets: [{{name: {target}{more}}}]\n"
    )


def one(*nodes: bytes, dtype: int = 1, opset: int = 17, ir: int = 8) -> bytes:
    values = {"input": value("x", dtype), "output": value("y", dtype)}
    return pb.model(graph(*nodes, **values), opset=opset, ir=ir)


def lstm(layout: int) -> bytes:
    made = node("LSTM", "x w r", "y", attribute=[attribute("layout", i=layout)])
    values = [value(name, dims=(1, 4, 4)) for name in "xwr"]
    return pb.model(graph(made, input=values, output=value("y", dims=None)))


RELU = node("Relu")
FALLBACK = rules("onnxruntime-cuda@1.23.0-dev", "IsInf", "Det", more=", fallback: forbid")

CASES = (
    Case(
        "OG120",
        "an operator that the target lacks",
        one(node("Det"), RELU),
        one(RELU),
        rules("onnx-mlir-cpu@2026-07-01", "Det"),
        message="onnx-mlir-cpu@2026-07-01 has no Det",
        route="graph/node 0",
        hint="onnxguard targets show",
        operator="Det",
    ),
    Case(
        "OG121",
        "a definition that the target has no kernel for",
        one(node("ArgMax"), opset=7),
        one(node("ArgMax"), opset=11),
        rules("tensorrt@10.1", "ArgMax"),
        message="tensorrt@10.1 has ArgMax at opset 9..20, here it is 7",
        route="graph/node 0",
        hint="export at opset 9..20",
        operator="ArgMax",
    ),
    Case(
        "OG122",
        "an opset that is younger than the target",
        one(RELU, opset=27),
        one(RELU, opset=26),
        rules("onnxruntime-cpu@1.31.1"),
        message="ai.onnx opset 27, onnxruntime-cpu@1.31.1 has up to 26",
        hint="export at opset 26",
    ),
    Case(
        "OG122",
        "an IR version that is younger than the target",
        one(RELU, ir=14),
        one(RELU, ir=13),
        rules("onnxruntime-cpu@1.31.1"),
        message="IR version 14, onnxruntime-cpu@1.31.1 reads up to 13",
        hint="save it with ir_version 13",
    ),
    Case(
        "OG123",
        "a type that the target has no kernel for",
        one(node("MatMul", "x x"), dtype=BFLOAT16),
        one(node("MatMul", "x x")),
        rules("onnxruntime-cpu@1.31.1", "MatMul"),
        message="has MatMul, but input 0 is bfloat16, it takes float32, float64, int32",
        route="graph/node 0",
        hint="cast it",
        operator="MatMul",
    ),
    Case(
        "OG124",
        "a layout that the target's kernel refuses",
        lstm(1),
        lstm(0),
        rules("onnxruntime-cpu@1.31.1", "LSTM"),
        message="has LSTM, but layout is 1, it takes 0",
        route="graph/node 0",
        hint="export with operators",
        operator="LSTM",
    ),
    Case(
        "OG125",
        "nodes that the CPU gets",
        one(node("Det", "x", "d"), node("Relu", "d", "e"), node("Det", "e", "y")),
        one(RELU),
        FALLBACK,
        message="2 of 3 nodes are left by onnxruntime-cuda@1.23.0-dev to "
        "onnxruntime-cpu@1.23.0-dev, 0 may be, in 2 pieces: Det",
        route="graph/node 0",
        hint="export without",
    ),
)
