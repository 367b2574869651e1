"""Operators that hide where a careless reader does not look."""

from __future__ import annotations

from support import protobuf as pb
from support.protobuf import attribute, body, function, graph, node

from hostile.registry import FINDINGS, model, table

EVIL = node("Einsum", attribute=attribute("equation", s="ij->ij"))
CALL = node("Helper", domain="local")


def with_functions(*functions: bytes, call: bytes = CALL) -> bytes:
    return pb.model(
        graph(call), opset_import=pb.opset_import("local", 1), functions=list(functions)
    )


@table(FINDINGS, "OG101")
def in_a_function() -> dict[str, bytes]:
    inner = node("Inner", domain="local")
    branch = node("If", "c", "y", attribute=attribute("then_branch", g=body(EVIL)))
    default = attribute("body", g=body(EVIL))
    return {
        "body": with_functions(function("Helper", EVIL)),
        "called by a function": with_functions(
            function("Helper", inner, opset_import=pb.opset_import("local", 1)),
            function("Inner", EVIL),
        ),
        "never called": with_functions(function("Helper", EVIL), call=node("Relu")),
        "in a graph of its body": with_functions(function("Helper", branch)),
        "attribute default": with_functions(
            function("Helper", node("Relu"), attribute_proto=default)
        ),
        "behind an overload": with_functions(
            function("Helper", node("Relu")),
            function("Helper", EVIL, overload="fast"),
            call=node("Helper", domain="local", overload="fast"),
        ),
        "named like an allowed operator": with_functions(
            function("Relu", EVIL), call=node("Relu", domain="local")
        ),
    }


@table(FINDINGS, "OG101")
def in_a_graph() -> dict[str, bytes]:
    evil = body(EVIL)
    plain = body(node("Relu"))
    return {
        "If": pb.model(
            graph(
                node(
                    "If",
                    "c",
                    "y",
                    attribute=[attribute("then_branch", g=plain), attribute("else_branch", g=evil)],
                )
            )
        ),
        "Loop": pb.model(graph(node("Loop", "m c x", "y", attribute=attribute("body", g=evil)))),
        "Scan": pb.model(graph(node("Scan", attribute=attribute("body", g=evil)))),
        "SequenceMap": pb.model(graph(node("SequenceMap", attribute=attribute("body", g=evil)))),
        "an operator that has no graphs": pb.model(
            graph(node("Relu", attribute=attribute("body", g=evil)))
        ),
        "graphs": pb.model(
            graph(node("If", "c", "y", attribute=attribute("branches", graphs=[plain, evil])))
        ),
        "the first of two g": pb.model(
            graph(node("If", "c", "y", attribute=attribute("then_branch", g=[evil, plain])))
        ),
    }


@table(FINDINGS, "OG101", "OG111")
def behind_another_attribute_type() -> dict[str, bytes]:
    evil = body(EVIL)
    kinds = {
        "INT": 2,
        "UNDEFINED": 0,
        "FLOATS": 6,
        "GRAPHS": 10,
        "out of range": 99,
        "negative": -1,
    }
    return {
        name: pb.model(graph(node("If", "c", "y", attribute=attribute("a", type=kind, g=evil))))
        for name, kind in kinds.items()
    } | {
        "graphs said to be INT": pb.model(
            graph(node("If", "c", "y", attribute=attribute("a", type=2, graphs=[evil], i=1)))
        ),
        "unset": pb.model(
            graph(node("If", "c", "y", attribute=pb.message("AttributeProto", name="a", g=evil)))
        ),
    }


@model(FINDINGS, "OG111")
def int_attribute_that_holds_a_float() -> bytes:
    return pb.model(graph(node("LeakyRelu", attribute=attribute("alpha", type=2, f=0.5))))


@table(FINDINGS, "OG112")
def attribute_twice() -> dict[str, bytes]:
    same = attribute("alpha", f=0.5)
    return {
        "equal": pb.model(graph(node("LeakyRelu", attribute=[same, same]))),
        "different": pb.model(
            graph(node("LeakyRelu", attribute=[same, attribute("alpha", f=0.75)]))
        ),
    }


@table(FINDINGS, "OG101", "OG504")
def in_training_info() -> dict[str, bytes]:
    return {
        part: pb.model(
            graph(node("Relu")),
            training_info=pb.message("TrainingInfoProto", **{part: graph(EVIL)}),
        )
        for part in ("initialization", "algorithm")
    }


@table(FINDINGS, "OG101")
def other_domains() -> dict[str, bytes]:
    names = ["evil", "com.microsoft", "AI.ONNX", "ai.onnx.ml", "ai.onnx ", " ", "\0"]
    return {
        repr(name): pb.model(
            graph(node("Gelu", domain=name)), opset_import=pb.opset_import(name, 1)
        )
        for name in names
    }


@table(FINDINGS, "OG512")
def function_over_a_standard_operator() -> dict[str, bytes]:
    return {
        repr(domain): with_functions(
            function("Relu", node("Sigmoid"), domain=domain), call=node("Relu")
        )
        for domain in ("", "ai.onnx")
    }


@model(FINDINGS, "OG512", "OG101")
def function_over_a_standard_operator_hides_another() -> bytes:
    return with_functions(function("Relu", EVIL, domain=""), call=node("Relu"))


@table(FINDINGS, "OG101", "OG512")
def function_in_a_domain_that_runtimes_fill() -> dict[str, bytes]:
    """ONNX Runtime runs its own operator of the name, whatever the body and the overload."""
    built_in = {
        "com.microsoft": "QuickGelu",
        "com.microsoft.nchwc": "Conv",
        "com.microsoft.of.next.year": "Anything",
        "com.ms.internal.nhwc": "Conv",
        "ai.onnx.ml": "Binarizer",
        "ai.onnx.preview.training": "Adam",
        "org.pytorch.aten": "ATen",
        "": "SimplifiedLayerNormalization",
        "ai.onnx": "Affine",
    }
    return {
        f"{domain}::{name}:{overload}": pb.model(
            graph(node(name, domain=domain, overload=overload)),
            opset_import=[pb.opset_import(domain, 1)] if domain not in ("", "ai.onnx") else [],
            functions=function(name, node("Identity"), domain=domain, overload=overload),
        )
        for domain, name in built_in.items()
        for overload in ("", "v2")
    }


@table(FINDINGS, "OG105")
def strange_characters() -> dict[str, bytes]:
    names = {
        "NUL": b"Conv\0evil",
        "NUL at the end": b"Conv\0",
        "newline": b"Conv\n",
        "escape": b"Conv\x1b[2J",
        "delete": b"Conv\x7f",
        "Cyrillic o": "C\N{CYRILLIC SMALL LETTER O}nv".encode(),
        "fullwidth": "\N{FULLWIDTH LATIN CAPITAL LETTER C}onv".encode(),
        "zero-width": "Conv\N{ZERO WIDTH SPACE}".encode(),
        "combining": "Conv\N{COMBINING ACUTE ACCENT}".encode(),
        "invalid UTF-8": b"Conv\xff",
    }
    return {name: pb.model(graph(node(op_type))) for name, op_type in names.items()}


@table(FINDINGS, "OG101")
def nearly_allowed() -> dict[str, bytes]:
    names = ["relu", "RELU", "Relu ", " Relu", "Relu_", "ReluX", "Rel", "ai.onnx::Relu"]
    return {name: pb.model(graph(node(name))) for name in names}


@table(FINDINGS, "OG106")
def long_op_type() -> dict[str, bytes]:
    return {str(size): pb.model(graph(node("R" * size))) for size in (128, 129, 4095, 100_000)}


@table(FINDINGS, "OG104")
def no_op_type() -> dict[str, bytes]:
    return {
        "missing": pb.model(graph(node([]))),
        "empty": pb.model(graph(node(""))),
        "empty node": pb.model(graph(node("Relu"), b"")),
    }
