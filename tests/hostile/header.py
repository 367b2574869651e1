"""Versions that are missing, doubled or out of range."""

from __future__ import annotations

from support import protobuf as pb
from support.protobuf import function, graph, node, opset_import

from hostile.registry import CLEAN, FINDINGS, model, table

PLAIN = graph(node("Relu"))


def importing(*imports: bytes) -> bytes:
    return pb.model(PLAIN, opset=None, opset_import=list(imports))


@table(CLEAN)
def ordinary() -> dict[str, bytes]:
    return {
        "ai.onnx spelt out": importing(opset_import("ai.onnx", 17)),
        "domain left out": importing(pb.message("OperatorSetIdProto", version=17)),
        "two domains": importing(opset_import("", 17), opset_import("ai.onnx.ml", 3)),
    }


@table(FINDINGS, "OG501")
def opset_imports() -> dict[str, bytes]:
    return {
        "none": importing(),
        "none for the default domain": importing(opset_import("ai.onnx.ml", 3)),
        "twice, different": importing(opset_import("", 17), opset_import("", 9)),
        "both spellings": importing(opset_import("", 17), opset_import("ai.onnx", 17)),
        "another domain twice": importing(
            opset_import("", 17), opset_import("local", 1), opset_import("local", 2)
        ),
        "none for a domain in use": pb.model(graph(node("Gelu", domain="com.microsoft"))),
    }


@model(CLEAN)
def opset_import_twice_alike() -> bytes:
    return importing(opset_import("", 17), opset_import("", 17))


@table(FINDINGS, "OG502")
def opset_versions() -> dict[str, bytes]:
    versions = {"huge": (1 << 63) - 1, "1000": 1000, "0": 0, "-1": -1, "1": 1}
    return {name: importing(opset_import("", version)) for name, version in versions.items()} | {
        "missing": importing(pb.message("OperatorSetIdProto", domain="")),
    }


@table(FINDINGS, "OG503")
def ir_versions() -> dict[str, bytes]:
    versions = {"99": 99, "0": 0, "-1": -1, "huge": (1 << 63) - 1}
    return {name: pb.model(PLAIN, ir=version) for name, version in versions.items()} | {
        "missing": pb.message("ModelProto", opset_import=opset_import("", 17), graph=PLAIN),
    }


@table(FINDINGS, "OG510")
def opset_imports_of_a_function() -> dict[str, bytes]:
    def imports(*imported: bytes) -> bytes:
        return pb.model(
            graph(node("F", domain="local")),
            opset_import=opset_import("local", 1),
            functions=function("F", node("Relu"), opset_import=list(imported)),
        )

    return {
        "another version": imports(opset_import("", 9)),
        "huge": imports(opset_import("", (1 << 63) - 1)),
        "twice": imports(opset_import("", 17), opset_import("", 13)),
        "both spellings": imports(opset_import("", 17), opset_import("ai.onnx", 13)),
    }


@model(FINDINGS, "OG501")
def function_without_opset_imports() -> bytes:
    return pb.model(
        graph(node("F", domain="local")),
        opset_import=opset_import("local", 1),
        functions=function("F", node("Relu"), opset_import=[]),
    )


@model(FINDINGS, "OG504")
def training_info() -> bytes:
    return pb.model(PLAIN, training_info=pb.message("TrainingInfoProto", algorithm=PLAIN))


@model(CLEAN)
def function_of_allowed_operators() -> bytes:
    return pb.model(
        graph(node("F", domain="local")),
        opset_import=opset_import("local", 1),
        functions=function("F", node("Relu")),
    )


@table(FINDINGS, "OG511")
def graph_without_content() -> dict[str, bytes]:
    return {
        "empty": pb.model(b""),
        "no nodes": pb.model(graph()),
    }
