"""OG9xx: models that pass the list, and what ``--full-check`` says of them."""

from __future__ import annotations

import struct
from pathlib import Path

from support import protobuf as pb
from support.protobuf import attribute, function, graph, node, opset_import, value

CODES = frozenset({"OG901", "OG902"})
LOCAL = opset_import("local", 1)
Z = value("z")
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


def deadly() -> bytes:
    """A Split that has more outputs than parts: onnx reads beyond a list's end, and is aborted."""
    split = node("Split", "x", "y t u", attribute=attribute("num_outputs", i=2))
    return pb.model(graph(split), opset=18)


def sparse(indices: bytes, dims: list[int], name: str = "w", count: int = 2) -> bytes:
    values = pb.tensor(1, [count], name, raw_data=struct.pack(f"<{count}f", *range(count)))
    return pb.message("SparseTensorProto", values=values, indices=indices, dims=dims)


def with_sparse(tensor: bytes) -> bytes:
    return pb.model(graph(node("Add", "x w"), sparse_initializer=tensor))


def _int32(*values: int) -> bytes:
    return pb.tensor(6, [len(values)], raw_data=struct.pack(f"<{len(values)}i", *values))


RUN = {
    "domain spelled out": pb.model(graph(node("Relu", domain="ai.onnx"))),
    "domain spelled out in both places": pb.model(
        graph(node("Relu", domain="ai.onnx")), opset_import=opset_import("ai.onnx", 17)
    ),
    "sparse initializer": with_sparse(sparse(pb.ints(0, 3), [8])),
    "sparse indices out of order": with_sparse(sparse(pb.ints(3, 0), [8])),
    "sparse indices twice": with_sparse(sparse(pb.ints(3, 3), [8])),
    "sparse indices of two dims": with_sparse(
        sparse(pb.tensor(7, [2, 2], int64_data=[0, 3, 0, 1]), [1, 8])
    ),
    "sparse indices of int32": with_sparse(sparse(_int32(0, 3), [8])),
    "sparse Constant out of order": pb.model(
        graph(
            pb.constant("w", sparse_value={"sparse_tensor": sparse(pb.ints(3, 0), [8])}),
            node("Add", "x w"),
        )
    ),
}
"""Refused by onnx's checker or its inference, and run by ONNX Runtime."""

NOT_RUN = {
    "domain spelled out in a body": pb.model(
        graph(
            pb.constant("c", value={"t": pb.tensor(9, [], raw_data=b"\1")}),
            node(
                "If",
                "c",
                "y",
                attribute=[
                    attribute(name, g=pb.body(node("Relu", "x", "z", domain="ai.onnx"), output=Z))
                    for name in ("then_branch", "else_branch")
                ],
            ),
        )
    ),
    "index beyond the end": with_sparse(sparse(pb.ints(0, 9), [8])),
    "fewer values than indices": with_sparse(sparse(pb.ints(0, 1, 2), [8])),
}
