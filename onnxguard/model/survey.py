"""A model looked at from all sides, once: what the rules judge by, and what facts are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property

from onnxguard.model import graph as g
from onnxguard.model.constant_nodes import ConstantAt, find_constants
from onnxguard.model.constants import CONSTANT
from onnxguard.model.expansion import Counts, Inlining, inline
from onnxguard.model.facts import Facts
from onnxguard.model.graph import Graph, Model, Operator
from onnxguard.model.scopes import Scopes


class Survey:
    """What is known of a model; what not every model needs is found when it is asked for.

    Attributes:
        operators: their count, and the graph and index of the first node of each.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.scopes = Scopes(model)
        self.counts, self.operators = _operators(model)
        self.inlining: Inlining = inline(model, self.scopes, self.counts)
        self.nodes = sum([len(graph.nodes) for graph in model.graphs])

    @cached_property
    def constants(self) -> list[ConstantAt]:
        """Every Constant node, in file order."""
        if CONSTANT not in self.operators:
            return []
        return find_constants(g for g in self.model.graphs if CONSTANT in self.counts[id(g)])

    @cached_property
    def facts(self) -> Facts:
        """All that is said of the model."""
        from onnxguard.model.describing import describe

        return describe(self)


def survey(model: Model) -> Survey:
    """Count and look up everything once."""
    return Survey(model)


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


def parse_offset(text: bytes | None) -> int | None:
    """A byte offset or length as external data writes it: ASCII digits, at most 64 bits."""
    if text is None or not text.isdigit() or len(text) > 19:
        return None
    return int(text)
