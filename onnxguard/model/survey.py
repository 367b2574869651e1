"""From the model tree to the facts that reporters print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from onnxguard.base.printable import identifier, printable
from onnxguard.model import graph as g
from onnxguard.model.constants import CONSTANT, CONSTANT_ATTRIBUTES, read_floats, read_integers
from onnxguard.model.expansion import LARGEST, Counts, Inlining, LoopBound, inline
from onnxguard.model.facts import (
    ConstantNode,
    Dim,
    ExternalData,
    Facts,
    Function,
    Loop,
    OperatorUse,
    OpsetImport,
    Value,
)
from onnxguard.model.graph import Graph, Model, Node, Operator, Tensor
from onnxguard.model.messages import DTYPES, dtype_name
from onnxguard.model.scopes import Scopes

SHOWN = 8
"""Values of a Constant that are shown."""

READERS = 8
"""Readers of a Constant that are named."""

DIMS_SHOWN = 16


class Survey(NamedTuple):
    """A model looked at from all sides: what the rules judge by."""

    model: Model
    facts: Facts
    scopes: Scopes
    counts: Counts
    operators: dict[Operator, tuple[int, Graph, int]]
    inlining: Inlining


def survey(model: Model) -> Survey:
    """Count and look up everything once. Operators map to their count, first graph and node."""
    counts, operators = _operators(model)
    scopes = Scopes(model)
    inlining = inline(model, scopes, counts)
    expansion, recursive = inlining.largest, inlining.recursive
    facts = Facts(
        size=model.size,
        ir_version=model.ir_version,
        model_version=model.model_version,
        producer=printable(model.producer),
        producer_version=printable(model.producer_version),
        graph_name=printable(model.graph.name),
        opset_imports=_opsets(model.opsets),
        operators=tuple(_uses(operators)),
        constants=tuple(_constants(model, counts)),
        inputs=tuple(map(_value, model.graph.inputs)),
        outputs=tuple(map(_value, model.graph.outputs)),
        functions=tuple(_functions(model, operators)),
        initializers=sum(len(x.initializers) + len(x.sparse_initializers) for x in model.graphs),
        initializer_bytes=_initializer_bytes(model),
        external_data=tuple(_external(model)),
        loops=tuple(_loop(loop) for loop in inlining.loops),
        nodes=sum(len(graph.nodes) for graph in model.graphs),
        expanded_nodes=-1 if recursive else int(min(expansion.nodes, LARGEST)),
        expanded_loops=-1 if recursive else int(min(expansion.loops, LARGEST)),
        graphs=len(model.graphs),
        depth=expansion.depth,
        training_graphs=len(model.training),
        metadata=tuple((printable(key), printable(value)) for key, value in model.metadata),
    )
    return Survey(model, facts, scopes, counts, operators, inlining)


def _operators(model: Model) -> tuple[Counts, dict[Operator, tuple[int, Graph, int]]]:
    counts: Counts = {}
    first: dict[Operator, tuple[Graph, int]] = {}
    total: Counter[Operator] = Counter()
    for graph in model.graphs:
        here = counts[id(graph)] = Counter([node.operator for node in graph.nodes])
        if not here.keys() <= first.keys():
            for index, node in enumerate(graph.nodes):
                first.setdefault(node.operator, (graph, index))
        total.update(here)
    return counts, {operator: (total[operator], *at) for operator, at in first.items()}


def _uses(operators: dict[Operator, tuple[int, Graph, int]]) -> list[OperatorUse]:
    uses = [
        OperatorUse(
            identifier(operator.domain) or "ai.onnx",
            identifier(operator.op_type),
            identifier(operator.overload),
            count,
            graph.node_place(index),
        )
        for operator, (count, graph, index) in operators.items()
    ]
    return sorted(uses, key=lambda use: use[:3])


def _opsets(opsets: list[g.Opset]) -> tuple[OpsetImport, ...]:
    return tuple(OpsetImport(identifier(o.domain) or "ai.onnx", o.version) for o in opsets)


def _value(value: g.Value) -> Value:
    dims = value.type.dims
    shown: tuple[Dim, ...] | None = None
    if dims is not None:
        shown = tuple(printable(d) if isinstance(d, bytes) else d for d in dims[:DIMS_SHOWN])
    return Value(printable(value.name), value.type.kind, dtype_name(value.type.dtype), shown)


def given_graphs(model: Model) -> Iterator[tuple[g.Function, Graph]]:
    """The functions that are given a graph for an attribute, by a call or their own default."""
    functions = {function.id: function for function in model.functions}
    for graph in model.graphs if functions else ():
        if graph.parent is None:
            continue
        function = graph.function  # where no node holds the graph, it is a default of the function
        if graph.owner >= 0:
            function = functions.get(graph.parent.nodes[graph.owner].operator)
        if function is not None:
            yield function, graph


def _functions(
    model: Model, operators: dict[Operator, tuple[int, Graph, int]]
) -> Iterator[Function]:
    given = Counter(id(function) for function, _ in given_graphs(model))
    for function in model.functions:
        yield _function(function, operators)._replace(given_graphs=given[id(function)])


def _function(function: g.Function, operators: dict[Operator, tuple[int, Graph, int]]) -> Function:
    nodes, pending = 0, [function.body]
    while pending:
        graph = pending.pop()
        nodes += len(graph.nodes)
        pending += graph.subgraphs
    calls = operators[function.id][0] if function.id in operators else 0
    return Function(
        identifier(function.id.domain) or "ai.onnx",
        identifier(function.id.op_type),
        identifier(function.id.overload),
        len(function.inputs),
        len(function.outputs),
        nodes,
        calls,
        _opsets(function.opsets),
        function.place,
    )


def tensor_bytes(tensor: Tensor) -> int:
    """Bytes that the dims and dtype call for; 0 for strings and unknown dtypes."""
    return (max(tensor.elements, 0) * DTYPES.get(tensor.dtype, ("", 0))[1] + 7) // 8


def _initializer_bytes(model: Model) -> dict[str, int]:
    total: Counter[int] = Counter()
    for graph in model.graphs:
        for tensor in graph.initializers:
            total[tensor.dtype] += tensor_bytes(tensor)
        for sparse in graph.sparse_initializers:
            for part in (sparse.values, sparse.indices):
                if part is not None:
                    total[part.dtype] += tensor_bytes(part)
    return {dtype_name(dtype): min(size, LARGEST) for dtype, size in sorted(total.items())}


def _external(model: Model) -> list[ExternalData]:
    found: list[ExternalData] = []
    if not model.has_external_data:
        return found
    for tensor, place_of in model.tensors(lambda tensor: tensor.is_external):
        keys = dict(tensor.external)
        found.append(
            ExternalData(
                printable(tensor.name),
                printable(keys.get(b"location", b"")),
                parse_offset(keys.get(b"offset")),
                parse_offset(keys.get(b"length")),
                place_of(),
            )
        )
    return found


def parse_offset(text: bytes | None) -> int | None:
    """A byte offset or length as external data writes it: ASCII digits, at most 64 bits."""
    if text is None or not text.isdigit() or len(text) > 19:
        return None
    return int(text)


def _loop(loop: LoopBound) -> Loop:
    place = loop.graph.node_place(loop.node)
    return Loop(place, loop.trip_count, loop.source, loop.total)


# -- Constant nodes -------------------------------------------------------------------------------


def _constants(model: Model, counts: Counts) -> list[ConstantNode]:
    holders = [graph for graph in model.graphs if CONSTANT in counts[id(graph)]]
    if not holders:
        return []
    readers = _readers(model, {id(graph): _constant_names(graph) for graph in holders})
    found: list[ConstantNode] = []
    for graph in holders:
        for index, node in enumerate(graph.nodes):
            if node.operator != CONSTANT:
                continue
            output = node.outputs[0] if node.outputs else b""
            found.append(
                ConstantNode(
                    graph.node_place(index),
                    printable(output),
                    *constant_value(model, node),
                    tuple(readers.get((id(graph), output), ())),
                )
            )
    return found


def _constant_names(graph: Graph) -> set[bytes]:
    return {
        n.outputs[0] for n in graph.nodes if n.operator == CONSTANT and n.outputs and n.outputs[0]
    }


def _readers(model: Model, constants: dict[int, set[bytes]]) -> dict[tuple[int, bytes], list[str]]:
    """Who reads each Constant: nodes beside it or in graphs inside, and the graph's outputs.

    Walks the graphs depth first with a table of the names in sight, so that a read costs the same
    however deep it is.
    """
    found: dict[tuple[int, bytes], list[str]] = {}
    sight: dict[bytes, list[int]] = {}
    pending = [(graph, False) for graph in reversed(model.graphs) if graph.parent is None]
    while pending:
        graph, left = pending.pop()
        names = constants.get(id(graph), ())
        if left:
            for name in names:
                sight[name].pop()
            continue
        for name in names:
            sight.setdefault(name, []).append(id(graph))
        pending.append((graph, True))
        pending += [(inner, False) for inner in reversed(graph.subgraphs)]
        if not sight:
            continue
        for index, node in enumerate(graph.nodes):
            for name in node.inputs:
                if sight.get(name):
                    readers = found.setdefault((sight[name][-1], name), [])
                    if len(readers) < READERS:
                        shown = f"{identifier(node.operator.op_type[:64])}_{index}"
                        beside = sight[name][-1] == id(graph)
                        readers.append(shown if beside else f"{graph.route}/{shown}")
        for value in graph.outputs:
            if sight.get(value.name):
                found.setdefault((sight[value.name][-1], value.name), []).append("output")
    return found


def constant_value(model: Model, node: Node) -> tuple[str, tuple[int, ...], int, str]:
    """A Constant node's dtype, shape, bytes and a short text of its value."""
    given = [a for a in node.attributes if a.name in CONSTANT_ATTRIBUTES]
    if not given:
        return "undefined", (), 0, "no value"
    attribute = given[-1]
    kind = attribute.name
    if attribute.ref:
        return "undefined", (), 0, f"set by the caller: {printable(attribute.ref)}"
    if kind in (b"value", b"sparse_value") and not attribute.tensors and not attribute.sparse:
        return "undefined", (), 0, "no value"
    if attribute.tensors and kind == b"value":
        tensor = attribute.tensors[-1]
        stored = sum(data.end - data.start for data in tensor.data)
        size = min(max(tensor_bytes(tensor), stored), LARGEST)
        dims = tensor.dims[:DIMS_SHOWN]
        return dtype_name(tensor.dtype), dims, size, _tensor_text(model, tensor)
    if attribute.sparse and kind == b"sparse_value":
        sparse = attribute.sparse[-1]
        dtype = sparse.values.dtype if sparse.values else 0
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


def _tensor_text(model: Model, tensor: Tensor) -> str:
    if tensor.is_external:
        return "in another file"
    values: list[int] | list[float] = read_integers(model, tensor, SHOWN + 1)
    if not values:
        values = read_floats(model, tensor, SHOWN + 1)
    if not values:
        return "empty" if tensor.elements == 0 else "not shown"
    return _list(values) if tensor.dims else _number(values[0])


def _list(values: list[int] | list[float] | list[str] | tuple[int, ...] | tuple[float, ...]) -> str:
    shown = ", ".join(map(_number, values[:SHOWN]))
    return f"[{shown}{', ...' if len(values) > SHOWN else ''}]"


def _number(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
