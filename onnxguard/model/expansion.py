"""How large a model becomes when every function call is inlined; computed, never enumerated."""

from __future__ import annotations

from collections import Counter
from math import inf
from typing import NamedTuple

from onnxguard.model.graph import Function, Graph, Model, Operator
from onnxguard.model.scope import Scopes

Counts = dict[int, dict[Operator, int]]
"""id(graph) -> how often each operator stands in it, graphs inside not counted."""

LOOP = Operator("", "Loop")
LARGEST = (1 << 63) - 1
"""No count goes beyond an int64: what is larger is as bad."""


class Expansion(NamedTuple):
    """What one graph comes to with all its graphs and calls.

    ``nodes`` and ``loops`` after inlining, ``depth`` of nested graphs, ``trips`` the largest
    product of trip counts that nest (``inf`` where one has no bound).
    """

    nodes: float
    loops: float
    depth: int
    trips: float


class _Call(NamedTuple):
    callee: Operator
    depth: int
    trips: float


class LoopBound(NamedTuple):
    """A Loop node: its trip count (None: no static bound), why, and the product it ends."""

    graph: Graph
    node: int
    trip_count: int | None
    source: str
    product: int | None


def loop_bounds(model: Model, scopes: Scopes, counts: Counts) -> list[LoopBound]:
    """The bound of every Loop node, graphs in file order, so outer loops come first."""
    around: dict[int, int | None] = {}
    loops: list[LoopBound] = []
    for graph in model.graphs:
        outer = around.setdefault(id(graph), 1)
        for inner in graph.subgraphs:
            around[id(inner)] = outer
        if LOOP not in counts[id(graph)]:
            continue
        for index, node in enumerate(graph.nodes):
            if node.operator != LOOP:
                continue
            count, source = _trip_count(scopes, graph, node.inputs[0] if node.inputs else b"")
            product = None
            if count is not None and outer is not None:
                product = min(max(count, 0) * outer, LARGEST)
            loops.append(LoopBound(graph, index, count, source, product))
            for attribute in node.attributes:
                for body in attribute.graphs:
                    around[id(body)] = product
    return loops


def _trip_count(scopes: Scopes, graph: Graph, name: bytes) -> tuple[int | None, str]:
    static = scopes.static(graph, name)
    if static.values is None:
        return None, static.source
    if len(static.values) != 1 or static.dtype != 7:
        return None, f"{static.source} that is not one int64"
    return static.values[0], static.source


def expand(
    model: Model, loops: list[LoopBound], counts: Counts
) -> tuple[Expansion, dict[int, Expansion], list[Function]]:
    """Expand the main graph and every other root.

    Returns the largest of all roots' expansions, the expansion of each function by ``id``, and the
    functions that call themselves, directly or through others.
    """
    by_id: dict[Operator, Function] = {f.id: f for f in model.functions}
    trips = _trips_inside(model, loops)
    bodies = {id(f): _own(f.body, counts, by_id, trips) for f in model.functions}
    order, recursive = _callees_first(model.functions, by_id, bodies)
    done: dict[int, Expansion] = {}
    for function in order:
        done[id(function)] = _total(*bodies[id(function)], by_id, done)
    roots = [model.graph, *model.training]
    totals = [_total(*_own(root, counts, by_id, trips), by_id, done) for root in roots]
    totals += done.values()
    largest = Expansion(*(max(column) for column in zip(*totals, strict=True)))
    largest = largest._replace(loops=max(largest.loops, len(loops)))
    return largest, done, recursive


def _trips_inside(model: Model, loops: list[LoopBound]) -> dict[int, float]:
    """id(graph) -> product of the trip counts of the loops around it, inside its root."""
    inside: dict[int, float] = {}
    own: dict[int, float] = {}
    for loop in loops:
        count = inf if loop.trip_count is None else float(max(loop.trip_count, 0))
        for attribute in loop.graph.nodes[loop.node].attributes:
            for body in attribute.graphs:
                own[id(body)] = count
    for graph in model.graphs:
        outer = inside.setdefault(id(graph), 1.0)
        for inner in graph.subgraphs:
            inside[id(inner)] = _times(outer, own.get(id(inner), 1.0))
    return inside


def _own(
    root: Graph, counts: Counts, by_id: dict[Operator, Function], trips: dict[int, float]
) -> tuple[Expansion, Counter[_Call]]:
    """A root's own nodes, loops, depth and trips, and the calls still to add."""
    nodes = loops = depth = 0
    most: float = 1.0
    calls: Counter[_Call] = Counter()
    pending = [root]
    while pending:
        graph = pending.pop()
        pending += graph.subgraphs
        level = graph.depth - root.depth
        depth = max(depth, level)
        most = max(most, trips.get(id(graph), 1.0))
        nodes += len(graph.nodes)
        here = counts[id(graph)]
        loops += here.get(LOOP, 0)
        if by_id:
            for operator in here.keys() & by_id.keys():
                calls[_Call(operator, level, trips.get(id(graph), 1.0))] += here[operator]
    return Expansion(nodes, loops, depth, most), calls


def _total(
    own: Expansion,
    calls: Counter[_Call],
    by_id: dict[Operator, Function],
    done: dict[int, Expansion],
) -> Expansion:
    nodes, loops, depth, trips = own
    for call, times in calls.items():
        inner = done.get(id(by_id[call.callee]), Expansion(inf, inf, 0, inf))
        nodes += times * (inner.nodes - 1)
        loops += times * inner.loops
        depth = max(depth, call.depth + inner.depth)
        trips = max(trips, _times(call.trips, inner.trips))
    return Expansion(nodes, loops, depth, trips)


def _times(a: float, b: float) -> float:
    return a * b if a and b else 0.0


def _callees_first(
    functions: list[Function],
    by_id: dict[Operator, Function],
    bodies: dict[int, tuple[Expansion, Counter[_Call]]],
) -> tuple[list[Function], list[Function]]:
    """Order functions so that a callee stands before its callers; the rest are recursive."""
    waiting: dict[int, int] = {}
    callers: dict[int, list[Function]] = {}
    for function in functions:
        callees = {id(by_id[call.callee]) for call in bodies[id(function)][1]}
        waiting[id(function)] = len(callees)
        for callee in callees:
            callers.setdefault(callee, []).append(function)
    ready = [f for f in functions if not waiting[id(f)]]
    order: list[Function] = []
    while ready:
        function = ready.pop()
        order.append(function)
        for caller in callers.get(id(function), ()):
            waiting[id(caller)] -= 1
            if not waiting[id(caller)]:
                ready.append(caller)
    return order, _in_rings(functions, {id(f) for f in order}, callers)


def _in_rings(
    functions: list[Function], ordered: set[int], callers: dict[int, list[Function]]
) -> list[Function]:
    """The functions that have no order: those that call a ring from outside are peeled off."""
    left = {id(f): f for f in functions if id(f) not in ordered}
    calls: dict[int, list[int]] = {key: [] for key in left}
    called = Counter[int]()
    for callee in left:
        for caller in callers.get(callee, ()):
            if id(caller) in left:
                calls[id(caller)].append(callee)
                called[callee] += 1
    outside = [key for key in left if not called[key]]
    while outside:
        key = outside.pop()
        del left[key]
        for callee in calls[key]:
            called[callee] -= 1
            if not called[callee] and callee in left:
                outside.append(callee)
    return list(left.values())
