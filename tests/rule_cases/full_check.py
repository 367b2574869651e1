"""OG9xx: models that pass the list, and what ``--full-check`` says of them."""

from __future__ import annotations

from pathlib import Path

from support import protobuf as pb
from support.protobuf import function, graph, node, opset_import, value

CODES = frozenset({"OG901", "OG902"})
LOCAL = opset_import("local", 1)
IMPORTS = [opset_import("", 17), LOCAL]

ACCEPTED = pb.model(graph(node("Relu")))

REJECTED = {
    "types that do not fit": (
        pb.model(graph(node("Relu"), output=value("y", 7))),
        "strict shape inference: InferenceError",
    ),
    "shapes that do not fit": (
        pb.model(graph(node("Relu"), output=value("y", 1, [1, 2]))),
        "differ in rank: (4) vs (2)",
    ),
    "value before it is made": (
        pb.model(graph(node("Relu", "t", "y"), node("Relu", "x", "t"))),
        "the ONNX checker: ValidationError: Nodes in a graph must be topologically sorted",
    ),
    "input that nothing makes": (
        pb.model(graph(node("Relu", "nothing"))),
        "nothing",
    ),
    "name made twice": (
        pb.model(graph(node("Relu"), node("Relu"))),
        "the ONNX checker: ValidationError",
    ),
    "operator at an opset that lacks it": (
        pb.model(graph(node("HardSwish")), opset=13),
        "HardSwish",
    ),
}


def never_done(levels: int = 40) -> bytes:
    """Functions that call the next one twice: shape inference takes 2**levels steps."""
    functions = [
        function(
            f"F{level}",
            node(f"F{level + 1}", "x", "t", domain="local"),
            node(f"F{level + 1}", "t", "y", domain="local"),
            opset_import=IMPORTS,
        )
        for level in range(levels)
    ]
    functions.append(function(f"F{levels}", node("Relu")))
    return pb.model(graph(node("F0", domain="local")), opset_import=LOCAL, functions=functions)


def write_large(path: Path, size: int) -> None:
    """A good model whose initializer ends it: ``size`` zeros, which the disk need not hold."""

    def opened(number: int, head: bytes) -> bytes:
        return pb.tag(number, pb.LEN) + pb.varint(len(head) + size) + head

    tensor = pb.tensor(3, [size], "w") + pb.tag(9, pb.LEN) + pb.varint(size)
    held = graph(node("Relu")) + opened(5, tensor)
    model = pb.message("ModelProto", ir_version=8, opset_import=opset_import("", 17))
    with path.open("wb") as stream:
        stream.write(model + opened(7, held))
        stream.truncate(stream.tell() + size)
