"""Everything that defines a name in one graph: nodes, initializers, inputs."""

from __future__ import annotations

from typing import NamedTuple

from onnxguard.model.graph import Graph, Node, SparseTensor, Tensor, Value


class Definition(NamedTuple):
    """What defines a name: a node's output, an initializer or an input of ``graph``.

    ``value`` is what the graph declares of an input.
    """

    graph: Graph
    node: Node | None = None
    initializer: Tensor | SparseTensor | None = None
    input: bool = False
    value: Value | None = None


class Index(NamedTuple):
    """What one graph defines by name; ``doubled`` holds the names that it defines repeatedly."""

    nodes: dict[bytes, Node]
    initializers: dict[bytes, Tensor | SparseTensor]
    inputs: dict[bytes, Value | None]
    doubled: dict[bytes, list[Definition]]

    def has(self, name: bytes) -> bool:
        """Whether the graph defines a name."""
        return name in self.nodes or name in self.initializers or name in self.inputs


def index_of(graph: Graph) -> Index:
    """Note what a graph defines; the body of a function has its inputs."""
    inputs: dict[bytes, Value | None] = {value.name: value for value in graph.inputs}
    if graph.function is not None and graph.parent is None:
        inputs |= dict.fromkeys(graph.function.inputs)
    initializers: dict[bytes, Tensor | SparseTensor] = {t.name: t for t in graph.initializers}
    initializers |= {s.values.name: s for s in graph.sparse_initializers if s.values}
    nodes = {name: node for node in graph.nodes for name in node.outputs}
    stored = len(graph.initializers) + len(graph.sparse_initializers)
    made = sum([len(node.outputs) for node in graph.nodes])
    doubled: dict[bytes, list[Definition]] = {}
    if len(nodes) != made or len(initializers) != stored:
        doubled = _doubled(graph)
    return Index(nodes, initializers, inputs, doubled)


def _doubled(graph: Graph) -> dict[bytes, list[Definition]]:
    """The names that nodes and initializers define more than once, with all that define them."""
    found: dict[bytes, list[Definition]] = {}
    for tensor in graph.initializers:
        found.setdefault(tensor.name, []).append(Definition(graph, initializer=tensor))
    for sparse in graph.sparse_initializers:
        if sparse.values is not None:
            found.setdefault(sparse.values.name, []).append(Definition(graph, initializer=sparse))
    for node in graph.nodes:
        for name in node.outputs:
            found.setdefault(name, []).append(Definition(graph, node))
    return {name: each for name, each in found.items() if len(each) > 1}
