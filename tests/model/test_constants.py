"""Constants are what a runtime reads, in whichever order they are asked for."""

from __future__ import annotations

import pytest
from onnx import numpy_helper
from support import protobuf as pb
from support.protobuf import graph, node, tensor

from onnxguard.model.constants import read_integers
from onnxguard.model.reading import read_model
from onnxguard.model.scopes import Scopes

WIDE = [5 + (1 << 32), (1 << 64) - (1 << 31) - 1, (1 << 64) - 1, 1 << 31]
"""Numbers of 64 bits, of which int32_data keeps 32 and a narrow dtype fewer."""


@pytest.mark.parametrize("dtype", [6, 3, 5, 2, 4, 7, 13])
def test_numbers_are_cut_to_their_dtype_as_onnx_does(dtype: int) -> None:
    field = {7: "int64_data", 13: "uint64_data"}.get(dtype, "int32_data")
    data = pb.model(graph(node("Relu"), initializer=tensor(dtype, [4], "w", **{field: WIDE})))
    parsed = pb.parse_model(data)
    assert parsed is not None
    held = getattr(parsed.graph.initializer[0], field)
    wanted = numpy_helper.to_array(parsed.graph.initializer[0]) if dtype in (6, 7, 13) else None
    model = read_model(data)
    found = read_integers(model, model.graph.initializers[0])
    if wanted is not None:
        assert found == wanted.tolist()
    bits = {3: 8, 2: 8, 5: 16, 4: 16, 6: 32, 7: 64, 13: 64}[dtype]
    assert [value % (1 << bits) for value in found] == [value % (1 << bits) for value in held]
    low = 0 if dtype in (2, 4, 13) else -(1 << (bits - 1))
    assert all(low <= value < low + (1 << bits) for value in found)


def test_a_constant_is_the_same_whatever_was_asked_before() -> None:
    """However long the chain is that leads to it."""
    steps = 5_000
    chain = [node("Identity", f"v{at}", f"v{at + 1}") for at in range(steps)]
    shape = node("Add", "a b", "v0")
    parts = [node("Identity", "one", "a"), node("Identity", "one", "b")]
    data = pb.model(
        graph(*parts, shape, *chain, initializer=pb.ints(1 << 40, name="one")),
    )
    model = read_model(data)
    alone = Scopes(model).static(model.graph, b"v0", fold=True)
    assert alone.values == (1 << 41,)
    scopes = Scopes(model)
    assert scopes.static(model.graph, f"v{steps}".encode(), fold=True).values == alone.values
    assert scopes.static(model.graph, b"v0", fold=True) == alone


WRITTEN = {7: "int64_data", 6: "int32_data", 13: "uint64_data", 1: "float_data", 11: "double_data"}
WRITTEN |= {10: "int32_data"}
VALUES = {1: [1.5, 2.0, 0.25], 11: [1.5, 2.0, 0.25], 10: [0x3E00, 0x4000, 0x3400]}


def joined(form: str, one_each: list[bytes], number: int) -> list[bytes]:
    """Numbers as fields of a tensor: a packed one is what an unpacked one has behind its tag."""
    alone = [pb.bytes_field(number, each[1:]) for each in one_each]
    return {
        "packed": [pb.bytes_field(number, b"".join(each[1:] for each in one_each))],
        "packed singly": alone,
        "some empty": [pb.bytes_field(number, b""), *alone, pb.bytes_field(number, b"")],
        "unpacked": one_each,
        "unpacked apart": [one_each[0], pb.number_field(1, 1), *one_each[1:]],
        "both": [one_each[0], *alone[1:]],
    }[form]


FORMS = ["packed", "packed singly", "some empty", "unpacked", "unpacked apart", "both"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", WRITTEN)
def test_a_tensor_holds_what_protobuf_reads_of_all_its_fields(dtype: int, form: str) -> None:
    values = VALUES.get(dtype, [5, 300, 70000])
    one_each = [pb.field("TensorProto", WRITTEN[dtype], value) for value in values]
    number = pb.descriptor("TensorProto").fields_by_name[WRITTEN[dtype]].number
    held = tensor(dtype, [3], "w") + b"".join(joined(form, one_each, number))
    data = pb.model(graph(node("Relu"), initializer=held))
    parsed = pb.parse_model(data)
    assert parsed is not None
    wanted = numpy_helper.to_array(parsed.graph.initializer[0]).ravel().tolist()
    assert len(wanted) == 3
    model = read_model(data)
    found = Scopes(model).static(model.graph, b"w", fold=True)
    assert (found.values, found.dtype) == (tuple(wanted), dtype)


def test_of_raw_data_the_last_counts() -> None:
    """As protobuf reads a field that does not repeat; nothing is told of two fields."""
    first, last, typed = b"\x07" + bytes(7), b"\x09" + bytes(7), {"int64_data": pb.varint(7)}
    for given, wanted in (
        (tensor(7, [1], "w", raw_data=[first, last]), (9,)),
        (tensor(7, [1], "w", raw_data=last, **typed), None),
    ):
        model = read_model(pb.model(graph(node("Relu"), initializer=given)))
        assert Scopes(model).static(model.graph, b"w").values == wanted


@pytest.mark.parametrize(
    ("places", "size", "wanted"),
    [
        ([1, 3], 5, (0, 7, 0, 9, 0)),
        ([0, 63], 64, (7, *[0] * 62, 9)),
        ([0, 64], 65, None),  # as of a dense one
        ([1, 5], 5, None),
        ([-1, 1], 5, None),
        ([1, 1], 5, None),
        ([1], 5, None),
    ],
)
def test_a_sparse_list_is_read_as_a_dense_one(
    places: list[int], size: int, wanted: tuple[int, ...] | None
) -> None:
    parts = {"values": pb.ints(7, 9, name="w"), "indices": pb.ints(*places)}
    held = pb.message("SparseTensorProto", dims=[size], **parts)
    model = read_model(pb.model(graph(node("Relu"), sparse_initializer=held)))
    assert Scopes(model).static(model.graph, b"w").values == wanted
