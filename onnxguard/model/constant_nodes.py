"""Constant nodes: their values, and who reads them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from onnxguard.base.printable import identifier, printable
from onnxguard.model.constants import (
    CONSTANT,
    CONSTANT_ATTRIBUTES,
    read_floats,
    read_integers,
)
from onnxguard.model.expansion import LARGEST
from onnxguard.model.facts import ConstantNode
from onnxguard.model.graph import Attribute, Data, Graph, Model, Node, Operator, Tensor
from onnxguard.model.messages import DTYPES, dtype_name

SHOWN = 8
"""Values of a Constant that are shown."""

READERS = 8
"""Readers of a Constant that are named."""

DIMS_SHOWN = 16

ConstantAt = tuple[Graph, int]
"""A Constant node: its graph and its index there."""


def find_constants(graphs: Iterable[Graph]) -> list[ConstantAt]:
    """The Constant nodes of some graphs, in file order."""
    return [
        (graph, index)
        for graph in graphs
        for index, node in enumerate(graph.nodes)
        if node.operator == CONSTANT
    ]


def describe_constants(
    model: Model, nodes: list[ConstantAt], most: int | None = None
) -> list[ConstantNode]:
    """Say what the first ``most`` of a model's Constant nodes hold, and who reads them.

    Args:
        model: the model.
        nodes: all of its Constant nodes, in file order.
        most: None for all.
    """
    described = nodes[:most]
    routes: dict[int, str] = {}
    readers = _readers(model, nodes, set(map(_output, described)))
    found: list[ConstantNode] = []
    for graph, index in described:
        node = graph.nodes[index]
        output = _output((graph, index))
        if id(graph) not in routes:
            routes[id(graph)] = graph.route
        found.append(
            ConstantNode(
                graph.node_place(index, routes[id(graph)]),
                printable(output),
                *constant_value(model, node),
                tuple(readers.get((id(graph), output), ())),
            )
        )
    return found


def _output(at: ConstantAt) -> bytes:
    graph, index = at
    outputs = graph.nodes[index].outputs
    return outputs[0] if outputs else b""


def _readers(
    model: Model, nodes: list[ConstantAt], wanted: set[bytes]
) -> dict[tuple[int, bytes], list[str]]:
    """Who reads each Constant of the names that are wanted: nodes, and outputs of its graph.

    Walks the graphs depth first with a table of the names in sight, so that a read costs the same
    however deep it is.
    """
    constants: dict[int, set[bytes]] = {}
    for at in nodes:
        name = _output(at)
        if name and name in wanted:
            constants.setdefault(id(at[0]), set()).add(name)
    found: dict[tuple[int, bytes], list[str]] = {}
    sight: dict[bytes, list[tuple[Graph, list[str]]]] = {}
    labels: dict[Operator, str] = {}
    roots = [graph for graph in reversed(model.graphs) if graph.parent is None]
    pending = [(graph, False) for graph in roots if constants]
    while pending:
        graph, left = pending.pop()
        own = constants.get(id(graph), ())
        if left:
            for name in own:
                sight[name].pop()
                if not sight[name]:
                    del sight[name]
            continue
        for name in own:
            readers = found[id(graph), name] = []
            sight.setdefault(name, []).append((graph, readers))
        pending.append((graph, True))
        pending += [(inner, False) for inner in reversed(graph.subgraphs)]
        unseen = sight.keys().isdisjoint
        for index, node in enumerate(graph.nodes if sight else ()):
            if unseen(node.inputs):
                continue
            for name in node.inputs:
                if name in sight:
                    home, readers = sight[name][-1]
                    if len(readers) < READERS:
                        if node.operator not in labels:
                            labels[node.operator] = identifier(node.operator.op_type[:64])
                        shown = f"{labels[node.operator]}_{index}"
                        readers.append(shown if home is graph else f"{graph.route}/{shown}")
        for value in graph.outputs:
            if value.name in sight:
                sight[value.name][-1][1].append("output")
    return found


# -- values ---------------------------------------------------------------------------------------


def _given(node: Node) -> Attribute | None:
    """The attribute that holds a Constant's value: the last one."""
    if len(node.attributes) == 1 and node.attributes[0].name in CONSTANT_ATTRIBUTES:
        return node.attributes[0]
    given = [a for a in node.attributes if a.name in CONSTANT_ATTRIBUTES]
    return given[-1] if given else None


_DTYPES = {b"value_int": 7, b"value_ints": 7, b"value_float": 1, b"value_floats": 1}


def constant_dtype(node: Node) -> int | None:
    """The TensorProto.DataType of a Constant node; None where it has no value, 0 if unknown."""
    return _dtype(_given(node))


def _dtype(attribute: Attribute | None) -> int | None:
    if attribute is None:
        return None
    if attribute.ref:
        return 0
    kind = attribute.name
    if kind == b"value" and attribute.tensors:
        return attribute.tensors[-1].dtype
    if kind == b"sparse_value" and attribute.sparse:
        values = attribute.sparse[-1].values
        return values.dtype if values else 0
    if kind in (b"value", b"sparse_value") and not attribute.tensors and not attribute.sparse:
        return None
    return _DTYPES.get(kind, 8)


def constant_value(model: Model, node: Node) -> tuple[str, tuple[int, ...], int, str]:
    """A Constant node's dtype, shape, bytes and a short text of its value."""
    attribute = _given(node)
    dtype = _dtype(attribute)
    if attribute is None or dtype is None:
        return "undefined", (), 0, "no value"
    kind = attribute.name
    if attribute.ref:
        return "undefined", (), 0, f"set by the caller: {printable(attribute.ref)}"
    if attribute.tensors and kind == b"value":
        tensor = attribute.tensors[-1]
        stored = sum([data.end - data.start for data in tensor.data])
        size = min(max(tensor_bytes(tensor), stored), LARGEST)
        return dtype_name(dtype), tensor.dims[:DIMS_SHOWN], size, _tensor_text(model, tensor)
    if attribute.sparse and kind == b"sparse_value":
        sparse = attribute.sparse[-1]
        return dtype_name(dtype), sparse.dims[:DIMS_SHOWN], sparse.end - sparse.start, "sparse"
    if kind == b"value_int":
        return "int64", (), 8, str(attribute.i or 0)
    if kind == b"value_float":
        return "float32", (), 4, f"{attribute.f or 0.0:g}"
    if kind == b"value_string":
        return "string", (), attribute.size, f'"{printable(attribute.s or b"", 40)}"'
    ints, floats, strings = attribute.counts
    if kind == b"value_ints":
        return "int64", (ints,), 8 * ints, _list(attribute.ints)
    if kind == b"value_floats":
        return "float32", (floats,), 4 * floats, _list(attribute.floats)
    texts = [f'"{printable(s, 40)}"' for s in attribute.strings[: SHOWN + 1]]
    return "string", (strings,), attribute.size, _list(texts)


def tensor_bytes(tensor: Tensor) -> int:
    """Bytes that the dims and dtype call for; 0 for strings and unknown dtypes."""
    return (max(tensor.elements, 0) * DTYPES.get(tensor.dtype, ("", 0))[1] + 7) // 8


def _tensor_text(model: Model, tensor: Tensor) -> str:
    if tensor.is_external:
        return "in another file"
    values: Sequence[float] = ()
    if len(tensor.data) == 1 and tensor.data[0].field == 9:  # as exporters write it
        values = _unpacked(model, tensor, tensor.data[0])
    values = values or read_integers(model, tensor, SHOWN + 1)
    values = values or read_floats(model, tensor, SHOWN + 1)
    if not values:
        return "empty" if tensor.elements == 0 else "not shown"
    return _list(values) if tensor.dims else _number(values[0])


_CODES = {1: "f", 2: "B", 3: "b", 4: "H", 5: "h", 6: "i", 7: "q", 9: "B", 10: "e", 11: "d"}
_CODES |= {12: "I", 13: "Q"}
"""TensorProto.DataType -> how ``struct`` writes it."""


def _unpacked(model: Model, tensor: Tensor, data: Data) -> tuple[float, ...]:
    """The first values of raw data; none of a dtype that ``struct`` does not know."""
    code = _CODES.get(tensor.dtype)
    if code is None:
        return ()
    width = struct.calcsize(f"<{code}")
    count = min((data.end - data.start) // width, SHOWN + 1)
    return struct.unpack(f"<{count}{code}", model.data[data.start : data.start + count * width])


def _list(values: Sequence[float] | Sequence[str]) -> str:
    shown = ", ".join(map(_number, values[:SHOWN]))
    return f"[{shown}{', ...' if len(values) > SHOWN else ''}]"


def _number(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
