"""What a model comes to when every function call is inlined; computed, never enumerated.

A function is looked at once for each difference in what its calls give: attribute values, graphs,
constants. A graph that a call gives runs where the function puts it, with the names of where it is
written.
"""

from __future__ import annotations

from collections import Counter
from math import inf
from typing import NamedTuple

from onnxguard.base.budget import check
from onnxguard.model.graph import Function, Graph, Model, Node, Operator
from onnxguard.model.scopes import INLINED, Scopes

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


ENDLESS = Expansion(inf, inf, 0, inf)


class LoopBound(NamedTuple):
    """A Loop node: its trip count (None: no static bound), why, and the products it ends.

    Of several calls the worst counts. ``product`` is over the Loops written around it, ``total``
    over those around its calls as well.
    """

    graph: Graph
    node: int
    trip_count: int | None
    source: str
    product: int | None
    total: int | None


class View(NamedTuple):
    """A graph as one call sees it; ``scopes`` says what its names and references stand for."""

    scopes: Scopes
    graph: Graph
    unit: Graph

    def node(self, index: int) -> object:
        """What stands for a node that several views may show; None where none can."""
        return (
            None
            if self.graph.function is None and self.unit.parent is None
            else (id(self.graph), index)
        )


class Inlining(NamedTuple):
    """What comes of a model's calls.

    Attributes:
        largest: the largest expansion of all roots: main graph, training, functions.
        loops: every Loop node, in file order.
        recursive: the functions that call themselves, directly or through others.
        views: every graph, once for each difference in what calls give; in file order without
            functions.
        placed: where a function places a graph that a call gave: the view, the node and the graph
            with its own scopes.
        runs: how often each unit runs, by the ids of its scopes and graph: its copies once all is
            inlined, each as often as the Loops around it say where that is known.
        rounds: how often a graph runs within its unit, where that is not once.
    """

    largest: Expansion
    loops: list[LoopBound]
    recursive: list[Function]
    views: list[View]
    placed: list[tuple[View, int, Scopes, Graph]]
    runs: dict[tuple[int, int], float]
    rounds: dict[tuple[int, int], float]

    def runs_of(self, view: View) -> float:
        """How often a view's graph runs: a Loop of no known end, or of none, counts once."""
        rounds = self.rounds.get((id(view.scopes), id(view.graph)), 1.0)
        return self.runs[id(view.scopes), id(view.unit)] * rounds


class _Edge(NamedTuple):
    """What a unit runs beside its own nodes: a function, or a graph that a call gave."""

    unit: _Unit
    depth: int
    trips: float
    kind: str


class _Unit:
    """A function's body, a root or a graph that a call gives, as one call sees it."""

    __slots__ = ("edges", "endless", "graph", "loops", "outer", "own", "runs", "scopes", "total")

    def __init__(self, scopes: Scopes, graph: Graph) -> None:
        self.scopes = scopes
        self.graph = graph
        self.own: Expansion | None = None
        self.edges: Counter[_Edge] = Counter()
        self.endless = False
        self.loops: list[tuple[Graph, int, int | None]] = []
        self.total: Expansion | None = None
        self.outer = 0.0
        self.runs = 0.0


def inline(model: Model, scopes: Scopes, counts: Counts) -> Inlining:
    """Follow every call of the model.

    Raises:
        ModelError: OG005 where calls differ in more ways than can be looked at.
    """
    functions = {function.id: function for function in model.functions}
    order, recursive = callees_first(model, functions, counts)
    scopes.follow({f.id: f for f in order if functions[f.id] is f}, _names_matter(model, functions))
    walk = _Walk(model, scopes, counts, functions)
    for root in (model.graph, *model.training):
        walk.root(root)
    ordered = {id(function) for function in order}
    for function in (*reversed(order), *(f for f in model.functions if id(f) not in ordered)):
        if id(function) not in walk.entered:
            walk.root(function.body)
    return walk.result(recursive)


def _names_matter(model: Model, functions: dict[Operator, Function]) -> bool:
    """Whether inlining may bind a name to something else than the file shows.

    Where a call, or a function's default, gives a graph; and where a nested graph may see the name
    of another value as ONNX Runtime makes it.
    """
    nested = [graph for graph in model.graphs if graph.parent is not None] if functions else []
    for graph in nested:
        if graph.owner < 0 or graph.parent is None:
            return True
        if graph.parent.nodes[graph.owner].operator in functions:
            return True
    if not nested:
        return False
    names = Counter([function.id.op_type for function in model.functions])
    for name in names:
        starts = [name[:at] for at, char in enumerate(name) if char == "_"]
        if names[name] > 1 or not names.keys().isdisjoint(starts):
            return True
    return any(
        name.startswith(INLINED)
        for graph in model.graphs
        for names_of in (
            *(node.outputs for node in graph.nodes),
            [tensor.name for tensor in graph.initializers],
            [value.name for value in graph.inputs],
        )
        for name in names_of
    )


class _Walk:
    """Goes through a model once for each difference in what its calls give."""

    def __init__(
        self, model: Model, scopes: Scopes, counts: Counts, functions: dict[Operator, Function]
    ) -> None:
        self.model = model
        self.scopes = scopes
        self.counts = counts
        self.functions = functions
        self.entered: set[int] = set()
        self.views: list[View] = []
        self.placed: list[tuple[View, int, Scopes, Graph]] = []
        self._units: dict[tuple[int, int], _Unit] = {}
        self._done: list[_Unit] = []
        self._rounds: dict[tuple[int, int], float] = {}
        self._loops: dict[tuple[int, int], LoopBound] = {}

    def root(self, graph: Graph) -> None:
        """Go through what nothing calls."""
        top = self._unit(self.scopes, graph)
        top.outer = 1.0
        top.runs = float(graph.function is None)
        pending = [top]
        while pending:
            unit = pending[-1]
            if unit.own is None:
                self._look(unit)
                pending += {edge.unit: None for edge in unit.edges if edge.unit.own is None}
                continue
            pending.pop()
            if unit.total is None:
                unit.total = _total(unit)
                self._done.append(unit)

    def result(self, recursive: list[Function]) -> Inlining:
        """Sum up: how deep each loop lies over all calls, and the largest root."""
        for unit in reversed(self._done):  # callers first
            for edge, times in unit.edges.items():
                if edge.kind != "given":
                    edge.unit.runs += unit.runs * times * _rounds(edge.trips)
                    edge.unit.outer = max(edge.unit.outer, _times(unit.outer, edge.trips))
            for graph, index, product in unit.loops:
                inside = _times(unit.outer, inf if product is None else float(product))
                total = None if inside == inf else _whole(unit.outer, product or 0)
                bound = self._loops[id(graph), index]
                total = _worse(_worse(bound.total, total), bound.product)
                self._loops[id(graph), index] = bound._replace(total=total)
        loops = [
            self._loops[id(graph), index]
            for graph in self.model.graphs
            if LOOP in self.counts[id(graph)]
            for index, node in enumerate(graph.nodes)
            if node.operator == LOOP
        ]
        totals = [unit.total for unit in self._done if unit.total is not None]
        largest = Expansion(*(max(column) for column in zip(*totals, strict=True)))
        largest = largest._replace(loops=max(largest.loops, len(loops)))
        runs = {key: unit.runs for key, unit in self._units.items()}
        return Inlining(largest, loops, recursive, self.views, self.placed, runs, self._rounds)

    def _unit(self, scopes: Scopes, graph: Graph) -> _Unit:
        unit = self._units.get((id(scopes), id(graph)))
        if unit is None:
            unit = self._units[id(scopes), id(graph)] = _Unit(scopes, graph)
        return unit

    def _look(self, unit: _Unit) -> None:
        """A unit's own nodes, loops, depth and trips, and what it runs beside them."""
        root = unit.graph
        nodes = loops = depth = 0
        most: float = 1.0
        if root.function is not None and root.parent is None:
            for default in root.function.defaults:
                self._give(unit, unit.scopes, default.graphs, 0)
        pending: list[tuple[Graph, int | None]] = [(root, 1)]
        while pending:
            check()
            graph, around = pending.pop()
            self.views.append(View(unit.scopes, graph, root))
            if around != 1:
                self._rounds[id(unit.scopes), id(graph)] = _rounds(_float(around))
            level = graph.depth - root.depth
            depth = max(depth, level)
            most = max(most, inf if around is None else around)
            nodes += len(graph.nodes)
            here = self.counts[id(graph)]
            loops += here.get(LOOP, 0)
            if unit.scopes is not self.scopes:
                unit.scopes.visit(len(graph.nodes))
            refers = graph.function is not None and bool(graph.function.attributes)
            refers = refers or (graph.function is not None and bool(graph.function.defaults))
            if not (graph.subgraphs or refers or LOOP in here or self.functions.keys() & here):
                continue
            inner: list[tuple[Graph, int | None]] = []
            for index, node in enumerate(graph.nodes):
                if node.operator in self.functions:
                    self._call(unit, graph, index, node, level, around)
                elif node.attributes or node.operator == LOOP:
                    inner += self._hold(unit, graph, index, node, level, around)
            pending += inner
        unit.own = Expansion(nodes, loops, depth, most)

    def _call(
        self, unit: _Unit, graph: Graph, index: int, node: Node, level: int, around: int | None
    ) -> None:
        scopes = unit.scopes
        for attribute, home in scopes.given(node):
            self._give(unit, home, attribute.graphs, level + 1)
            self._place(unit, graph, index, home, attribute.graphs)
        callee = scopes.enter(graph, node)
        if callee is None or callee.function is None:
            unit.endless = True
            return
        self.entered.add(id(callee.function))
        inner = self._unit(callee, callee.function.body)
        unit.edges[_Edge(inner, level, _float(around), "call")] += 1

    def _give(self, unit: _Unit, home: Scopes, graphs: tuple[Graph, ...], depth: int) -> None:
        """Look at graphs that are given to a call, whether or not it runs them."""
        for inner in graphs:
            unit.edges[_Edge(self._unit(home, inner), depth, 0.0, "given")] += 1

    def _place(
        self, unit: _Unit, graph: Graph, index: int, home: Scopes, graphs: tuple[Graph, ...]
    ) -> None:
        if home is not unit.scopes:
            view = View(unit.scopes, graph, unit.graph)
            self.placed += [(view, index, home, inner) for inner in graphs]

    def _hold(
        self, unit: _Unit, graph: Graph, index: int, node: Node, level: int, around: int | None
    ) -> list[tuple[Graph, int | None]]:
        """The graphs that a node holds; those that came from a call are units of their own."""
        inside = around
        if node.operator == LOOP:
            inside = self._loop(unit, graph, index, node, around)
        inner: list[tuple[Graph, int | None]] = []
        for attribute, home in unit.scopes.given(node):
            for held in attribute.graphs:
                if home is unit.scopes and held.parent is graph and held.owner == index:
                    inner.append((held, inside))
                else:
                    edge = _Edge(self._unit(home, held), level + 1, _float(inside), "graph")
                    unit.edges[edge] += 1
            self._place(unit, graph, index, home, attribute.graphs)
        return inner

    def _loop(
        self, unit: _Unit, graph: Graph, index: int, node: Node, around: int | None
    ) -> int | None:
        inputs = unit.scopes.bound(node).inputs
        count, source = _trip_count(unit.scopes, graph, inputs[0] if inputs else b"")
        product = None
        if count is not None and around is not None:
            product = min(max(count, 0) * around, LARGEST)
        unit.loops.append((graph, index, product))
        bound = LoopBound(graph, index, count, source, product, 0)
        other = self._loops.get((id(graph), index))
        if other is not None:
            if other.trip_count is None or (count is not None and other.trip_count >= count):
                bound = other
            bound = bound._replace(product=_worse(other.product, product))
        self._loops[id(graph), index] = bound
        return product


def _trip_count(scopes: Scopes, graph: Graph, name: bytes) -> tuple[int | None, str]:
    static = scopes.static(graph, name)
    if static.values is None:
        return None, static.source
    if len(static.values) != 1 or static.dtype != 7:
        return None, f"{static.source} that is not one int64"
    return int(static.values[0]), static.source


def _total(unit: _Unit) -> Expansion:
    """What a unit comes to; a unit that is still open calls itself."""
    if unit.own is None or unit.endless:
        return ENDLESS._replace(depth=unit.own.depth if unit.own else 0)
    nodes, loops, depth, trips = unit.own
    for edge, times in unit.edges.items():
        inner = edge.unit.total or ENDLESS
        depth = max(depth, edge.depth + inner.depth)
        if edge.kind == "given":
            continue
        nodes += times * (inner.nodes - (1 if edge.kind == "call" else 0))
        loops += times * inner.loops
        trips = max(trips, _times(edge.trips, inner.trips))
    return Expansion(nodes, loops, depth, trips)


def _rounds(trips: float) -> float:
    return trips if 1 <= trips < LARGEST else 1.0


def _float(count: int | None) -> float:
    return inf if count is None else float(count)


def _times(a: float, b: float) -> float:
    return a * b if a and b else 0.0


def _whole(outer: float, product: int) -> int:
    """A product as an exact number where it is one."""
    return LARGEST if outer >= LARGEST else min(int(outer) * product, LARGEST)


def _worse(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)


def callees_first(
    model: Model, functions: dict[Operator, Function], counts: Counts
) -> tuple[list[Function], list[Function]]:
    """Order functions so that a callee stands before its callers; the rest are recursive."""
    calls: dict[int, set[int]] = {id(function): set() for function in model.functions}
    for graph in model.graphs if functions else ():
        if graph.function is not None:
            called = functions.keys() & counts[id(graph)].keys()
            calls[id(graph.function)].update(id(functions[operator]) for operator in called)
    waiting: dict[int, int] = {}
    callers: dict[int, list[Function]] = {}
    for function in model.functions:
        waiting[id(function)] = len(calls[id(function)])
        for callee in calls[id(function)]:
            callers.setdefault(callee, []).append(function)
    ready = [f for f in model.functions if not waiting[id(f)]]
    order: list[Function] = []
    while ready:
        function = ready.pop()
        order.append(function)
        for caller in callers.get(id(function), ()):
            waiting[id(caller)] -= 1
            if not waiting[id(caller)]:
                ready.append(caller)
    return order, _in_rings(model.functions, {id(f) for f in order}, callers)


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
