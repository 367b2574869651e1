"""A model's graphs as boxes and the lines between them: what a picture of it needs, bounded.

Every string is safe to print, and as short as a picture has room for. Graphs lie in one flat list,
so that nothing recurses over them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import chain, islice
from typing import NamedTuple

from onnxguard.base.printable import printable
from onnxguard.model.graph import Graph, Model, Node, Operator

NODES, EDGES, GRAPHS = 1_500, 4_000, 150
"""So many nodes, lines and graphs of a model are kept; what else there is, is counted."""

WINDOWS = 30
"""Of a graph that is too large the surroundings of so many nodes are kept."""

LEVELS = 6
"""Graphs that nest deeper are left out."""

PORTS = 24
"""Inputs, and outputs, of a graph that are kept."""

NAMES = 8
"""Names of tensors that a node reads, and writes, that are kept."""

READ = 64
"""Inputs of a node that lines are drawn for."""

NAME_SHOWN = 60
"""Characters of one name."""

CONSTANT = "Constant"


class Kind(StrEnum):
    """What a box stands for."""

    INPUT = "input"
    NODE = "node"
    CONSTANT = "constant"
    OUTPUT = "output"


class Box(NamedTuple):
    """A node, or an input or output of a graph.

    Attributes:
        label: the operator as ``OperatorUse.label`` has it, or the name of the input or output.
        name: the node's name; empty for inputs and outputs.
        route: a node's place, as in findings; empty for inputs and outputs.
        reads: the first names of tensors that a node reads, ``writes`` those that it writes.
        hidden_reads: how many more it reads, ``hidden_writes`` writes.
        start: its first byte in the file, ``end`` the one after the last.
        bodies: the graphs inside it, as indices into ``Outline.graphs``.
        hidden_bodies: how many more there are.
        function: the body of the function that it calls, as such an index; -1 where it calls none.
    """

    kind: Kind
    label: str
    name: str = ""
    route: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    hidden_reads: int = 0
    hidden_writes: int = 0
    start: int = 0
    end: int = 0
    bodies: tuple[int, ...] = ()
    hidden_bodies: int = 0
    function: int = -1


class Edge(NamedTuple):
    """A tensor on its way from one box to another, both indices into ``GraphOutline.boxes``.

    ``inside`` says that a graph inside the target reads it, and not the target itself. ``type`` is
    its type and shape, where they are known.
    """

    source: int
    target: int
    name: str
    inside: bool = False
    type: str = ""


class GraphOutline(NamedTuple):
    """A graph: its inputs, its nodes in the order of the file, its outputs.

    Attributes:
        title: ``graph``, ``then_branch``, or ``function local::Block``.
        parent: the graph around it, as an index into ``Outline.graphs``; -1 for a graph of its own.
        nodes: how many nodes there are, kept or not.
        hidden_ports: how many inputs and outputs were left out.
    """

    title: str
    parent: int
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    nodes: int
    hidden_ports: int = 0


class Outline(NamedTuple):
    """The graphs of one model, each after the one around it, the main graph first.

    Attributes:
        nodes: nodes in all graphs of the model; ``kept_nodes`` are in ``graphs``.
        hidden_graphs: how many graphs were left out.
        hidden_edges: how many lines between kept boxes were left out.
    """

    graphs: tuple[GraphOutline, ...]
    nodes: int
    kept_nodes: int
    hidden_graphs: int = 0
    hidden_edges: int = 0


class _Kept(NamedTuple):
    """A graph that is kept: its number, its kept nodes by index, and where names come from."""

    number: int
    graph: Graph
    nodes: dict[int, Node]
    boxes: dict[int, int]
    inputs: list[bytes]
    outputs: list[bytes]
    hidden_ports: int
    sources: dict[bytes, int]
    weights: frozenset[bytes]
    edges: dict[tuple[int, int], Edge]


def outline_of(
    model: Model,
    spans: Sequence[tuple[int, int]] = (),
    type_of: Callable[[Graph, bytes], str] = lambda _graph, _name: "",
) -> Outline:
    """Outline a model; the work is linear in its size.

    ``type_of`` says the type of a value that a graph defines.

    Of a graph with too many nodes those are kept that lie near the nodes at ``spans``, bytes
    ``[start, end)`` of the file; then the first ones.
    """
    starts = sorted(start for start, _ in spans)
    kept = {id(graph): entry for graph, entry in _kept(model, starts)}
    functions = {
        function.id: kept[id(function.body)].number
        for function in islice(model.functions, GRAPHS)
        if id(function.body) in kept
    }
    left, hidden = EDGES, 0
    for entry in kept.values():
        for edge, name, holder in _edges(entry, kept):
            ends = edge.source, edge.target
            if edge.source == edge.target or ends in holder.edges:
                continue
            if left:
                holder.edges[ends] = edge._replace(type=type_of(holder.graph, name))
                left -= 1
            else:
                hidden += 1
    graphs = tuple(
        GraphOutline(
            entry.graph.label,
            kept[id(entry.graph.parent)].number if entry.graph.parent else -1,
            tuple(_boxes(entry, kept, functions)),
            tuple(entry.edges.values()),
            len(entry.graph.nodes),
            entry.hidden_ports,
        )
        for entry in kept.values()
    )
    nodes = sum(len(graph.nodes) for graph in model.graphs)
    count = sum(len(entry.nodes) for entry in kept.values())
    return Outline(graphs, nodes, count, len(model.graphs) - len(graphs), hidden)


def _kept(model: Model, starts: list[int]) -> Iterator[tuple[Graph, _Kept]]:
    """The main graph with those inside it, level by level; then functions, then training."""
    left, number = NODES, 0
    bodies = (function.body for function in model.functions)
    for root in chain([model.graph], bodies, model.training):
        pending = deque([root])
        while pending and number < GRAPHS and (left or not number):
            graph = pending.popleft()
            entry = _keep(graph, number, left, starts)
            yield graph, entry
            number += 1
            left -= len(entry.nodes)
            if graph.depth < LEVELS:
                pending += [g for g in graph.subgraphs if g.owner in entry.nodes]
        if number >= GRAPHS or not left:
            return


def _keep(graph: Graph, number: int, left: int, starts: list[int]) -> _Kept:
    nodes = {index: graph.nodes[index] for index in _near(graph.nodes, left, starts)}
    weights = frozenset(tensor.name for tensor in graph.initializers)
    function = graph.function
    if function is not None and graph is function.body:
        inputs, outputs = function.inputs, function.outputs
    else:
        # Until IR version 3 every initializer was an input too.
        inputs = [value.name for value in graph.inputs if value.name not in weights]
        outputs = [value.name for value in graph.outputs]
    hidden = max(len(inputs) - PORTS, 0) + max(len(outputs) - PORTS, 0)
    inputs, outputs = inputs[:PORTS], outputs[:PORTS]
    sources = {name: index for index, name in enumerate(inputs) if name}
    boxes = {index: box for box, index in enumerate(nodes, len(inputs))}
    for index, node in nodes.items():
        for name in node.outputs:
            if name:
                sources[name] = boxes[index]
    return _Kept(number, graph, nodes, boxes, inputs, outputs, hidden, sources, weights, {})


def _near(nodes: list[Node], left: int, starts: list[int]) -> list[int]:
    """The indices of at most ``left`` nodes: windows around those where something starts."""
    if len(nodes) <= left:
        return list(range(len(nodes)))
    hits = []
    for index, node in enumerate(nodes):
        at = bisect_left(starts, node.start)
        if at < len(starts) and starts[at] < node.end:
            hits.append(index)
    del hits[min(left, WINDOWS) :]
    reach = left // max(len(hits), 1) // 2
    chosen = set(hits)
    for hit in hits:
        chosen.update(range(max(hit - reach, 0), min(hit + reach, len(nodes))))
    for index in range(len(nodes)):
        if len(chosen) >= left:
            break
        chosen.add(index)
    return sorted(chosen)[:left]


def _edges(entry: _Kept, kept: dict[int, _Kept]) -> Iterator[tuple[Edge, bytes, _Kept]]:
    """What the boxes of a graph read, each with the graph that the line lies in."""
    for index, node in entry.nodes.items():
        target = entry.boxes[index]
        for name in islice(node.inputs, READ):
            found = _source(name, target, entry, kept)
            if found is not None:
                yield found
    for target, name in enumerate(entry.outputs, len(entry.inputs) + len(entry.nodes)):
        found = _source(name, target, entry, kept)
        if found is not None:
            yield found


def _source(
    name: bytes, target: int, entry: _Kept, kept: dict[int, _Kept]
) -> tuple[Edge, bytes, _Kept] | None:
    """A name is looked up in the graph, then in those around it."""
    inside = False
    while name:
        if name in entry.sources:
            edge = Edge(entry.sources[name], target, printable(name, NAME_SHOWN), inside)
            return edge, name, entry
        graph = entry.graph
        if graph.parent is None or name in entry.weights:
            return None
        entry = kept[id(graph.parent)]
        target, inside = entry.boxes[graph.owner], True
    return None


def _boxes(entry: _Kept, kept: dict[int, _Kept], functions: dict[Operator, int]) -> Iterator[Box]:
    inner: dict[int, list[Graph]] = {}
    for graph in entry.graph.subgraphs:
        inner.setdefault(graph.owner, []).append(graph)
    for name in entry.inputs:
        yield Box(Kind.INPUT, printable(name, NAME_SHOWN))
    for index, node in entry.nodes.items():
        constant = node.operator.op_type == CONSTANT and not node.operator.domain
        graphs = inner.get(index, ())
        bodies = tuple(kept[id(graph)].number for graph in graphs if id(graph) in kept)
        yield Box(
            Kind.CONSTANT if constant else Kind.NODE,
            node.operator.label,
            printable(node.name, NAME_SHOWN),
            entry.graph.node_place(index).route,
            _names(node.inputs),
            _names(node.outputs),
            max(len(node.inputs) - NAMES, 0),
            max(len(node.outputs) - NAMES, 0),
            node.start,
            node.end,
            bodies,
            len(graphs) - len(bodies),
            functions.get(node.operator, -1),
        )
    for name in entry.outputs:
        yield Box(Kind.OUTPUT, printable(name, NAME_SHOWN))


def _names(names: Sequence[bytes] | Iterable[bytes]) -> tuple[str, ...]:
    return tuple(printable(name, NAME_SHOWN) for name in islice(names, NAMES))
