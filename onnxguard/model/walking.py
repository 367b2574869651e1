"""How graphs are walked, for what looks at every node of a model in the order in which it runs.

Iterative: a graph is a generator that yields the graphs inside it to ``run``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from onnxguard.model.graph import Attribute, Function, Graph, Node

R = TypeVar("R")


def run(walk: Generator[Any, Any, R]) -> R:
    """Drive a walk and those that it yields, however deep, without recursion."""
    stack: list[Generator[Any, Any, Any]] = [walk]
    sent: Any = None
    fresh = True
    while stack:
        try:
            inner = next(stack[-1]) if fresh else stack[-1].send(sent)
        except StopIteration as done:
            stack.pop()
            sent, fresh = done.value, False
        else:
            stack.append(inner)
            fresh = True
    return cast("R", sent)


def weight_of(function: Function) -> int:
    """What it takes to look at a function's body once."""
    weight = 1 + len(function.inputs) + len(function.outputs)
    pending = [function.body]
    while pending:
        graph = pending.pop()
        pending += graph.subgraphs
        weight += len(graph.inputs) + len(graph.outputs) + len(graph.values)
        weight += len(graph.initializers) + sum(
            [
                2 + len(node.inputs) + len(node.outputs) + len(node.attributes)
                for node in graph.nodes
            ]
        )
    return weight


def defined_names(graph: Graph) -> set[bytes]:
    """The names that a graph gives a value."""
    own = {name for node in graph.nodes for name in node.outputs}
    own.update(value.name for value in graph.inputs)
    own.update(tensor.name for tensor in graph.initializers)
    own.update(each.values.name for each in graph.sparse_initializers if each.values)
    own.discard(b"")
    return own


def stored_names(graph: Graph) -> set[bytes]:
    """The names of a graph's initializers."""
    names = {tensor.name for tensor in graph.initializers}
    names.update([sparse.values.name for sparse in graph.sparse_initializers if sparse.values])
    return names


Captured = dict[int, dict[int, set[bytes]]]
"""By ``id`` of a graph and the index of a node: what graphs inside the node read of the graph."""


def captured(graphs: Iterable[Graph]) -> Captured:
    """What nodes read by the graphs inside them.

    Walks the graphs depth first with a table of the names in sight, so that a read costs the same
    however deep it is.
    """
    found: Captured = {}
    sight: dict[bytes, list[int]] = {}  # the levels that define a name, the innermost last
    path: list[Graph] = []
    pending = [(graph, False) for graph in graphs if graph.parent is None and graph.subgraphs]
    while pending:
        graph, left = pending.pop()
        own = defined_names(graph)
        if left:
            path.pop()
            for name in own:
                sight[name].pop()
            continue
        path.append(graph)
        read = {name for node in graph.nodes for name in node.inputs}
        read.update([value.name for value in graph.outputs])
        for name in read - own:
            level = sight[name][-1] if sight.get(name) else len(path) - 1
            if level < len(path) - 1:
                held = found.setdefault(id(path[level]), {})
                held.setdefault(path[level + 1].owner, set()).add(name)
        for name in own:
            sight.setdefault(name, []).append(len(path) - 1)
        pending.append((graph, True))
        pending += [(inner, False) for inner in graph.subgraphs]
    return found


def file_order(graph: Graph, captures: Captured) -> Sequence[int]:
    """The nodes as they stand; in order where a graph inside one reads what a later one makes."""
    held = captures.get(id(graph), {})
    made: dict[bytes, int] = {}
    for index, node in enumerate(graph.nodes if held else ()):
        made.update(dict.fromkeys(node.outputs, index))
    if any(made.get(name, -1) > index for index, names in held.items() for name in names):
        return in_order(graph, range(len(graph.nodes)), captures)
    return range(len(graph.nodes))


def in_order(graph: Graph, indexes: Iterable[int], captures: Captured) -> list[int]:
    """Nodes so that a value's producer stands before its readers; those in a ring come last."""
    order, nodes, held = list(indexes), graph.nodes, captures.get(id(graph), {})
    producers = {name: index for index in order for name in nodes[index].outputs if name}
    readers: dict[int, list[int]] = {}
    waiting = dict.fromkeys(order, 0)
    for index in order:
        for name in (*nodes[index].inputs, *held.get(index, ())):
            if name in producers:
                readers.setdefault(producers[name], []).append(index)
                waiting[index] += 1
    done = [index for index in order if not waiting[index]]
    for index in done:
        for reader in readers.get(index, ()):
            waiting[reader] -= 1
            if not waiting[reader]:
                done.append(reader)
    return [*done, *(index for index in order if waiting[index])]


def attributes_of(node: Node, given: Mapping[bytes, Attribute] | None) -> dict[bytes, Attribute]:
    """A node's attributes by name, each reference to the caller's replaced by what it gives.

    ``given`` is what the caller gives; None outside of functions.
    """
    found: dict[bytes, Attribute] = {}
    for attribute in node.attributes:
        if attribute.ref and given is not None:
            value = given.get(attribute.ref)
            if value is None:
                continue  # the caller leaves it out, so that it is left out here
            # A graph reads the names of where it was written: it stays unresolved.
            found[attribute.name] = attribute if value.graphs else value
        else:
            found[attribute.name] = attribute
    return found
