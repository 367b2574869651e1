"""From a surveyed model to the facts that reporters print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from onnxguard.base.printable import identifier, printable
from onnxguard.model import graph as g
from onnxguard.model.constant_nodes import describe_constants, tensor_bytes
from onnxguard.model.expansion import LARGEST, LoopBound
from onnxguard.model.facts import (
    Cost,
    Dim,
    ExternalData,
    Facts,
    Function,
    Loop,
    OperatorUse,
    OpsetImport,
    Value,
)
from onnxguard.model.graph import Graph, Model, Operator
from onnxguard.model.messages import dtype_name
from onnxguard.model.survey import Survey, given_graphs, parse_offset
from onnxguard.model.walking import stored_names
from onnxguard.model.wanted import EMPTY, EVERYTHING, Size, Wanted

RANK_SHOWN = 64
"""Dimensions of an input or output that are told."""


def describe(seen: Survey, wanted: Wanted = EVERYTHING, clean: bool = False) -> Facts:
    """Say what a model holds, and no more than what is wanted if it is ``clean``."""
    model, inlining = seen.model, seen.inlining
    makers: dict[str, Callable[[], Any]] = {
        "producer": lambda: printable(model.producer),
        "producer_version": lambda: printable(model.producer_version),
        "graph_name": lambda: printable(model.graph.name),
        "operators": lambda: tuple(_uses(seen.operators)),
        "constants": lambda: tuple(describe_constants(model, seen.constants, wanted.constants)),
        "inputs": lambda: tuple(_inputs(model.graph)),
        "outputs": lambda: tuple(map(_value, model.graph.outputs)),
        "functions": lambda: tuple(_functions(seen)),
        "initializer_bytes": lambda: _initializer_bytes(model),
        "external_data": lambda: tuple(_external(model)),
        "loops": lambda: tuple(map(_loop, inlining.loops)),
        "metadata": lambda: tuple([(printable(k), printable(v)) for k, v in model.metadata]),
    }
    left_out = wanted.unwanted if clean else frozenset()
    made = {name: EMPTY[name] if name in left_out else make() for name, make in makers.items()}
    expansion, recursive = inlining.largest, inlining.recursive
    return Facts(
        size=model.size,
        ir_version=model.ir_version,
        model_version=model.model_version,
        opset_imports=_opsets(model.opsets),
        initializers=sum([len(x.initializers) + len(x.sparse_initializers) for x in model.graphs]),
        nodes=seen.nodes,
        expanded_nodes=-1 if recursive else int(min(expansion.nodes, LARGEST)),
        expanded_loops=-1 if recursive else int(min(expansion.loops, LARGEST)),
        graphs=len(model.graphs),
        depth=expansion.depth,
        training_graphs=len(model.training),
        cost=None if wanted.costs is None else cost_for(seen, wanted.costs),
        **made,
    )


def cost_for(seen: Survey, sizes: tuple[Size, ...]) -> Cost:
    """What a run costs for inputs of some sizes, or of the declared ones."""
    from onnxguard.model.shapes.cost import cost_of

    return cost_of(seen.model, seen.scopes.shapes(sizes, count=True), seen.scopes.types)


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


def _inputs(graph: Graph) -> Iterator[Value]:
    stored = stored_names(graph)
    for value in graph.inputs:
        yield _value(value)._replace(default=bool(value.name) and value.name in stored)


def _kind(given: g.Type) -> str:
    """``sequence(map(string,tensor))``: the kind of a type, its maps with their keys."""
    kind, *inner = given.kind.split("map(")
    keys = [dtype_name(key) for key in given.keys]
    keys += ["undefined"] * (len(inner) - len(keys))
    return kind + "".join([f"map({key},{part}" for key, part in zip(keys, inner, strict=False)])


def _value(value: g.Value) -> Value:
    dims = value.type.dims
    shown: tuple[Dim, ...] | None = None
    if dims is not None and len(dims) <= RANK_SHOWN:
        shown = tuple(printable(d) if isinstance(d, bytes) else d for d in dims)
    return Value(printable(value.name), _kind(value.type), dtype_name(value.type.dtype), shown)


def _functions(seen: Survey) -> Iterator[Function]:
    given = Counter([id(function) for function, _ in given_graphs(seen.model)])
    for function in seen.model.functions:
        yield _function(function, seen.operators)._replace(given_graphs=given[id(function)])


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


def _loop(loop: LoopBound) -> Loop:
    place = loop.graph.node_place(loop.node)
    return Loop(place, loop.trip_count, loop.source, loop.total)
