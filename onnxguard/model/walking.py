"""How graphs are walked, for what looks at every node of a model in the order in which it runs.

Iterative: a graph is a generator that yields the graphs inside it to ``run``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
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


def in_order(nodes: list[Node], indexes: Iterable[int]) -> list[int]:
    """Nodes so that a value's producer stands before its readers; those in a ring come last."""
    order = list(indexes)
    producers = {name: index for index in order for name in nodes[index].outputs if name}
    readers: dict[int, list[int]] = {}
    waiting = dict.fromkeys(order, 0)
    for index in order:
        for name in nodes[index].inputs:
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
