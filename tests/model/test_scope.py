"""Constants are what a runtime reads, in whichever order they are asked for."""

from __future__ import annotations

import pytest
from onnx import numpy_helper
from support import protobuf as pb
from support.protobuf import graph, node, tensor

from onnxguard.model.reading import read_model
from onnxguard.model.scope import Scopes, read_integers

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
