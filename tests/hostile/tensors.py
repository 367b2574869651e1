"""Tensors that lie about their size, and small models that ask for huge ones."""

from __future__ import annotations

import struct
from typing import Any

from support import protobuf as pb
from support.protobuf import attribute, body, constant, function, graph, node, tensor

from hostile.registry import CLEAN, FINDINGS, REFUSED, model, table

FLOAT, INT64, STRING = 1, 7, 8


def everywhere(bad: bytes) -> dict[str, bytes]:
    """The tensor in every place where a model can hold one."""
    holder = constant("w", value={"t": bad})
    branch = node("If", "c", "y", attribute=attribute("then_branch", g=body(initializer=bad)))
    return {
        "initializer": pb.model(graph(node("Relu"), initializer=bad)),
        "Constant": pb.model(graph(holder, node("Relu"))),
        "attribute tensors": pb.model(graph(node("Relu", attribute=attribute("a", tensors=[bad])))),
        "subgraph": pb.model(graph(branch)),
        "function": pb.model(
            graph(node("Relu")),
            functions=function("F", node("Relu", attribute=attribute("a", t=bad))),
        ),
        "training": pb.model(
            graph(node("Relu")),
            training_info=pb.message("TrainingInfoProto", algorithm=graph(initializer=bad)),
        ),
    }


@table(FINDINGS, "OG301")
def product_of_dims_overflows() -> dict[str, bytes]:
    return everywhere(tensor(FLOAT, [1 << 32, 1 << 32, 1 << 32], "w")) | {
        "wraps to 1": pb.model(
            graph(
                node("Relu"),
                initializer=tensor(FLOAT, [1 << 32, 1 << 32], "w", raw_data=bytes(0)),
            )
        ),
        "graph input": pb.model(graph(node("Relu"), input=pb.value("x", dims=[1 << 40, 1 << 40]))),
        "graph output": pb.model(
            graph(node("Relu"), output=pb.value("y", dims=[(1 << 63) - 1, 2]))
        ),
        "value_info": pb.model(
            graph(node("Relu"), value_info=pb.value("t", dims=[(1 << 63) - 1, 2]))
        ),
    }


@model(CLEAN)
def dim_of_a_value_that_paddle_leaves_open() -> bytes:
    return pb.model(graph(node("Relu"), input=pb.value("x", dims=[-1, 3, 8, 8])))


@table(FINDINGS, "OG302")
def negative_dims() -> dict[str, bytes]:
    return everywhere(tensor(FLOAT, [2, -3], "w", raw_data=bytes(24))) | {
        "graph input": pb.model(graph(node("Relu"), input=pb.value("x", dims=[1, -3, 8, 8]))),
        "minimum": pb.model(graph(node("Relu"), initializer=tensor(FLOAT, [-(1 << 63)], "w"))),
    }


@table(FINDINGS, "OG302")
def rank_of_1000() -> dict[str, bytes]:
    ones = [1] * 1000
    return everywhere(tensor(FLOAT, ones, "w", raw_data=bytes(4))) | {
        "graph input": pb.model(graph(node("Relu"), input=pb.value("x", dims=ones))),
        "packed": pb.model(
            graph(
                node("Relu"),
                initializer=pb.packed(1, ones) + tensor(FLOAT, [], "w", raw_data=bytes(4)),
            )
        ),
    }


@table(FINDINGS, "OG303")
def data_of_another_size() -> dict[str, bytes]:
    def holds(dtype: int, dims: list[int], **data: Any) -> bytes:
        return pb.model(graph(node("Relu"), initializer=tensor(dtype, dims, "w", **data)))

    return {
        "raw_data short": holds(FLOAT, [2, 3], raw_data=bytes(20)),
        "raw_data long": holds(FLOAT, [2, 3], raw_data=bytes(28)),
        "raw_data empty": holds(FLOAT, [2, 3], raw_data=b""),
        "raw_data for a scalar": holds(FLOAT, [], raw_data=bytes(8)),
        "raw_data for no elements": holds(FLOAT, [0], raw_data=bytes(4)),
        "float_data short": holds(FLOAT, [2, 3], float_data=struct.pack("<2f", 1, 2)),
        "int64_data long": holds(INT64, [1], int64_data=bytes(9)),
        "no data": holds(FLOAT, [2, 3]),
        "four bits": holds(22, [3], raw_data=bytes(1)),
        "string_data short": holds(STRING, [2], string_data=["one"]),
    }


@table(CLEAN)
def data_of_the_right_size() -> dict[str, bytes]:
    def holds(dtype: int, dims: list[int], **data: Any) -> bytes:
        return pb.model(graph(node("Relu"), initializer=tensor(dtype, dims, "w", **data)))

    return {
        "raw_data": holds(FLOAT, [2, 3], raw_data=bytes(24)),
        "float_data": holds(FLOAT, [2], float_data=struct.pack("<2f", 1, 2)),
        "float_data unpacked": holds(FLOAT, [2], float_data=[1.0, 2.0]),
        "int64_data": holds(INT64, [3], int64_data=b"\x01\xff\x01\x02"),
        "no elements": holds(FLOAT, [0, 4]),
        "scalar": holds(FLOAT, [], raw_data=bytes(4)),
        "float16 in int32_data": holds(10, [2], int32_data=b"\x01\x02"),
        "four bits": holds(22, [3], raw_data=bytes(2)),
    }


@table(FINDINGS, "OG304")
def two_data_fields() -> dict[str, bytes]:
    def holds(dtype: int, **data: Any) -> bytes:
        return pb.model(graph(node("Relu"), initializer=tensor(dtype, [1], "w", **data)))

    return {
        "float and raw": holds(FLOAT, float_data=[1.0], raw_data=bytes(4)),
        "int64 and raw": holds(INT64, int64_data=[1], raw_data=bytes(8)),
        "float and int32": holds(FLOAT, float_data=[1.0], int32_data=[1]),
    }


@table(FINDINGS)
def data_in_another_dtypes_field() -> dict[str, bytes]:
    return {
        "float in int64_data": pb.model(
            graph(node("Relu"), initializer=tensor(FLOAT, [1], "w", int64_data=[1]))
        ),
        "string in raw_data": pb.model(
            graph(node("Relu"), initializer=tensor(STRING, [1], "w", raw_data=b"text"))
        ),
    }


@table(FINDINGS, "OG305")
def unknown_dtype() -> dict[str, bytes]:
    kinds = (0, 99, -1, 1 << 31)
    return {
        str(kind): pb.model(
            graph(node("Relu"), initializer=tensor(kind, [1], "w", raw_data=bytes(4)))
        )
        for kind in kinds
    } | {
        "missing": pb.model(
            graph(
                node("Relu"),
                initializer=pb.message("TensorProto", dims=1, name="w", raw_data=bytes(4)),
            )
        ),
        "graph input": pb.model(graph(node("Relu"), input=pb.value("x", 99))),
    }


@table(FINDINGS, "OG306")
def string_tensors() -> dict[str, bytes]:
    words = tensor(STRING, [2], "w", string_data=["one", "two"])
    return everywhere(words) | {
        "graph input": pb.model(graph(node("Relu"), input=pb.value("x", STRING))),
        "value_strings": pb.model(graph(constant("w", value_strings={"strings": ["a", "b"]}))),
        "value_string": pb.model(graph(constant("w", value_string={"s": "a"}))),
    }


@table(FINDINGS, "OG301")
def sparse_with_a_huge_dense_shape() -> dict[str, bytes]:
    values = tensor(FLOAT, [1], "w", raw_data=bytes(4))
    indices = tensor(INT64, [1], raw_data=bytes(8))

    def sparse(*dims: int) -> bytes:
        return pb.message("SparseTensorProto", values=values, indices=indices, dims=list(dims))

    return {
        "initializer": pb.model(graph(node("Relu"), sparse_initializer=sparse(1 << 40))),
        "overflow": pb.model(
            graph(node("Relu"), sparse_initializer=sparse(1 << 32, 1 << 32, 1 << 32))
        ),
        "Constant": pb.model(
            graph(constant("w", sparse_value={"sparse_tensor": sparse(1 << 40)}), node("Relu"))
        ),
        "attribute list": pb.model(
            graph(node("Relu", attribute=attribute("a", sparse_tensors=[sparse(1 << 40)])))
        ),
    }


@model(FINDINGS, "OG302")
def sparse_with_negative_dims() -> bytes:
    values = tensor(FLOAT, [1], "w", raw_data=bytes(4))
    indices = tensor(INT64, [1], raw_data=bytes(8))
    sparse = pb.message("SparseTensorProto", values=values, indices=indices, dims=[4, -4])
    return pb.model(graph(node("Relu"), sparse_initializer=sparse))


@table(FINDINGS, "OG301")
def bombs() -> dict[str, bytes]:
    """A few bytes that make a runtime allocate terabytes."""
    huge = pb.ints(1 << 20, 1 << 20, name="s")
    given = {"value": {"t": pb.ints(1 << 20, 1 << 20)}}
    shape = constant("s", **given)
    branch = body(node("ConstantOfShape", "s", "y"))
    outer = attribute("then_branch", g=branch)
    return {
        "ConstantOfShape": pb.model(graph(shape, node("ConstantOfShape", "s", "y"))),
        "ConstantOfShape of an initializer": pb.model(
            graph(node("ConstantOfShape", "s", "y"), initializer=huge)
        ),
        "ConstantOfShape of value_ints": pb.model(
            graph(
                constant("s", value_ints={"ints": [1 << 20, 1 << 20]}),
                node("ConstantOfShape", "s", "y"),
            )
        ),
        "ConstantOfShape in a branch": pb.model(
            graph(shape, node("If", "c", "y", attribute=outer))
        ),
        "ConstantOfShape in a function": pb.model(
            graph(node("F", domain="local")),
            opset_import=pb.opset_import("local", 1),
            functions=function("F", shape, node("ConstantOfShape", "s", "y")),
        ),
        "overflow": pb.model(
            graph(
                constant("s", value={"t": pb.ints(*[1 << 62] * 4)}),
                node("ConstantOfShape", "s", "y"),
            )
        ),
        "Expand": pb.model(graph(shape, node("Expand", "x s", "y"))),
        "Expand of an initializer": pb.model(graph(node("Expand", "x s", "y"), initializer=huge)),
    }


@table(FINDINGS)
def bombs_of_operators_off_the_list() -> dict[str, bytes]:
    """Tile is on none of the lists."""
    repeats = {"value": {"t": pb.ints(1, 1, 1 << 20, 1 << 20)}}
    return {
        "Tile": pb.model(graph(constant("r", **repeats), node("Tile", "x r", "y"))),
        "Range": pb.model(graph(node("Range", "a b c", "y"))),
    }


@table(FINDINGS)
def bombs_of_resize_and_pad() -> dict[str, bytes]:
    sizes = {"value": {"t": pb.ints(1, 3, 1 << 20, 1 << 20)}}
    scale = struct.pack("<4f", 1, 1, 1e6, 1e6)
    scales = {"value": {"t": tensor(FLOAT, [4], raw_data=scale)}}
    pads = {"value": {"t": pb.ints(0, 0, 1 << 20, 1 << 20, 0, 0, 0, 0)}}
    mode = attribute("mode", s="linear")
    return {
        "Resize sizes": pb.model(
            graph(constant("s", **sizes), node("Resize", "x _ _ s", "y", attribute=mode))
        ),
        "Resize scales": pb.model(
            graph(constant("s", **scales), node("Resize", "x _ s", "y", attribute=mode))
        ),
        "Pad": pb.model(graph(constant("p", **pads), node("Pad", "x p", "y"))),
    }


@model(FINDINGS, "OG302", heavy=True)
def rank_of_ten_million() -> bytes:
    dims = pb.bytes_field(1, b"\x01" * 10_000_000)
    return pb.model(
        graph(node("Relu"), initializer=dims + tensor(FLOAT, [], "w", raw_data=bytes(4)))
    )


@model(REFUSED, heavy=True)
def ten_million_unpacked_dims() -> bytes:
    dims = b"\x08\x01" * 10_000_000
    return pb.model(
        graph(node("Relu"), initializer=dims + tensor(FLOAT, [], "w", raw_data=bytes(4)))
    )


@model(REFUSED, heavy=True)
def ten_million_empty_strings() -> bytes:
    words = tensor(STRING, [10_000_000], "w") + b"\x32\x00" * 10_000_000
    return pb.model(graph(node("Relu"), initializer=words))
