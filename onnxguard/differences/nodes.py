"""Node by node: which of one graph is which of another, and how the two differ.

A node is found again by what it reads: its inputs, followed from the graph's own inputs and
initializers whatever the values between are called. Where that ends, at what is new, it is found by
the names of its outputs, by the initializers that it reads, and last by its order among those that
are left. So a value that is only called otherwise is no change.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Hashable, Iterator, Sequence
from itertools import islice, zip_longest
from typing import NamedTuple

from onnxguard.base.budget import check
from onnxguard.base.printable import identifier
from onnxguard.differences.attributes import AttributeChange, attribute_changes, signature
from onnxguard.differences.values import Pair, Tree, tensors_of
from onnxguard.model.graph import Graph, Node

CANDIDATES = 16
"""Nodes of one operator that read the same, of which one that holds the same is looked for."""


class At(NamedTuple):
    """A node: its operator's label, and its route, both safe to print."""

    operator: str
    route: str


class Slot(NamedTuple):
    """An input or output by its number, and its value in each model, None where it has none."""

    index: int  # type: ignore[assignment] # hides tuple.index, which nothing calls
    old: str | None
    new: str | None


class NodeChange(NamedTuple):
    """A node that is in both models and differs.

    Attributes:
        node: where it is in each.
        inputs: those that differ by more than the name of a value.
        outputs: those that one gives alone.
        attributes: those that differ.
    """

    node: Pair[At]
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    attributes: tuple[AttributeChange, ...]


class OperatorCount(NamedTuple):
    """How many nodes of an operator there are in each model, and what became of them."""

    operator: str
    nodes: Pair[int]
    changed: int
    added: int
    removed: int


class NodeChanges(NamedTuple):
    """Every node that differs.

    Attributes:
        counts: by operator, of those of which any differs.
        changed: in both models; one with another operator is among them.
        added: in the new model alone.
        removed: in the old model alone.
        renamed: values between nodes that are only called otherwise.
    """

    counts: tuple[OperatorCount, ...]
    changed: tuple[NodeChange, ...]
    added: tuple[At, ...]
    removed: tuple[At, ...]
    renamed: int


NOTHING = NodeChanges((), (), (), (), 0)

Names = ChainMap[bytes, bytes]
"""What a value of the new graph is called in the old one."""


class Starts(NamedTuple):
    """Where nodes start in their files, which tells them apart.

    Attributes:
        same: nodes that are in both models, whether they differ or not.
        changed: in the order of ``NodeChanges``, as ``added`` and ``removed`` are.
    """

    same: list[Pair[int]]
    changed: list[Pair[int]]
    added: list[int]
    removed: list[int]


class Aligned(NamedTuple):
    """The nodes that differ, and the graphs that were found in both models."""

    changes: NodeChanges
    graphs: list[Pair[Graph]]
    starts: Starts


def compare_nodes(old: Tree, new: Tree) -> Aligned:
    """Find the nodes of all graphs of one model in another, and compare them."""
    trees = Pair(old, new)
    changed: list[NodeChange] = []
    added: list[tuple[Graph, int]] = []
    removed: list[tuple[Graph, int]] = []
    same: list[Pair[int]] = []
    differ: list[Pair[int]] = []
    renamed = 0
    pending = [(Pair(*graphs), Names()) for graphs in _roots(old, new)]
    for graphs, outer in pending:  # it grows by the graphs inside
        found = _Alignment(trees, graphs, outer)
        pairs = found.pairs()
        for at, to in sorted(pairs, key=lambda pair: pair[1]):
            nodes = Pair(graphs.old.nodes[at], graphs.new.nodes[to])
            change = found.change(nodes, Pair(at, to))
            same.append(Pair(nodes.old.start, nodes.new.start))
            if change is not None:
                changed.append(change)
                differ.append(same[-1])
            given = zip(nodes.old.outputs, nodes.new.outputs, strict=False)
            renamed += sum(bool(a and b) and a != b for a, b in given)
            pending += ((inner, found.names.new_child()) for inner in _inside(nodes))
        known = {at for at, _ in pairs}, {to for _, to in pairs}
        removed += ((graphs.old, i) for i in _rest(graphs.old, known[0]))
        added += ((graphs.new, i) for i in _rest(graphs.new, known[1]))
    missing = _alone(pending, trees)
    removed += missing.old
    added += missing.new
    gone, fresh = ([_at(*each) for each in some] for some in (removed, added))
    counts = _counts(trees, changed, fresh, gone)
    changes = NodeChanges(counts, tuple(changed), tuple(fresh), tuple(gone), renamed)
    begin = ([graph.nodes[index].start for graph, index in some] for some in (added, removed))
    return Aligned(changes, [graphs for graphs, _ in pending], Starts(same, differ, *begin))


def _roots(old: Tree, new: Tree) -> Iterator[tuple[Graph, Graph]]:
    yield old.model.graph, new.model.graph
    bodies = {function.id: function.body for function in old.model.functions}
    for function in new.model.functions:
        if function.id in bodies:
            yield bodies[function.id], function.body
    labels = {graph.label: graph for graph in old.model.training}
    for graph in new.model.training:
        if graph.label in labels:
            yield labels[graph.label], graph


def _inside(nodes: Pair[Node]) -> Iterator[Pair[Graph]]:
    held = {a.name: a.graphs for a in nodes.old.attributes if a.graphs}
    for attribute in nodes.new.attributes:
        yield from map(Pair, held.get(attribute.name, ()), attribute.graphs)


def _rest(graph: Graph, known: set[int]) -> Iterator[int]:
    return (index for index in range(len(graph.nodes)) if index not in known)


def _alone(
    pending: Sequence[tuple[Pair[Graph], Names]], trees: Pair[Tree]
) -> Pair[list[tuple[Graph, int]]]:
    """The nodes of graphs that are in one model alone."""
    seen = {id(graph) for graphs, _ in pending for graph in graphs}
    return Pair(
        *(
            [
                (graph, index)
                for graph in tree.model.graphs
                if id(graph) not in seen
                for index in range(len(graph.nodes))
            ]
            for tree in trees
        )
    )


def _at(graph: Graph, index: int) -> At:
    return At(graph.nodes[index].operator.label, graph.node_place(index).route)


def _counts(
    trees: Pair[Tree], changed: list[NodeChange], added: list[At], removed: list[At]
) -> tuple[OperatorCount, ...]:
    there = Pair(
        *(Counter(n.operator.label for g in tree.model.graphs for n in g.nodes) for tree in trees)
    )
    kinds = [Counter(at.operator for at in kind) for kind in (added, removed)]
    both = Counter(change.node.new.operator for change in changed)
    return tuple(
        OperatorCount(
            name, Pair(there.old[name], there.new[name]), both[name], *(k[name] for k in kinds)
        )
        for name in sorted({*both, *kinds[0], *kinds[1]})
    )


class _Alignment:
    """Two graphs, and what values of the new one are called in the old one."""

    def __init__(self, trees: Pair[Tree], graphs: Pair[Graph], outer: Names) -> None:
        self._trees, self._graphs = trees, graphs
        self.names = outer
        old, new = graphs
        self._made = {name for node in new.nodes for name in node.outputs if name}
        self._weights = Pair(*({t.name for t in tensors_of(graph)} for graph in graphs))
        formals = [[value.name for value in graph.inputs] for graph in graphs]
        if new.parent is None and old.function is None:
            known = {*formals[0]}
            outer.update((name, name) for name in formals[1] if name in known)
        elif old.function is not None and new.function is not None and new.parent is None:
            formals = [old.function.inputs, new.function.inputs]
        for before, after in zip(*formals, strict=False):
            outer.setdefault(after, before)

    def _old_name(self, name: bytes) -> bytes | None:
        """None for what a node makes that is in the new graph alone."""
        found = self.names.get(name)
        return name if found is None and name not in self._made else found

    def _read(self, node: Node) -> tuple[bytes | None, ...]:
        return tuple(map(self._old_name, node.inputs))

    def pairs(self) -> list[tuple[int, int]]:
        """The indices of nodes that are the same ones."""
        old, new = self._graphs.old.nodes, self._graphs.new.nodes
        by_inputs: dict[Hashable, dict[int, None]] = {}  # in order, and one goes in no time
        by_outputs: dict[Hashable, int] = {}
        by_weights: dict[Hashable, int | None] = {}
        for index, node in enumerate(old):
            if node.inputs:
                by_inputs.setdefault((node.operator, *node.inputs), {})[index] = None
            by_outputs[node.operator, *node.outputs] = index
            key = self._weights_read(node, self._weights.old)
            if key is not None:
                by_weights[key] = None if key in by_weights else index
        free = set(range(len(old)))
        pairs: list[tuple[int, int]] = []
        left: list[int] = []
        for index, node in enumerate(new):
            check()
            same = by_outputs.get((node.operator, *node.outputs))
            fits = by_inputs.get((node.operator, *self._read(node)), {}) if node.inputs else {}
            found: int | None
            if same in fits or (not fits and same in free and _named(node)):
                found = same
            elif fits:
                found = self._alike(tuple(islice(fits, CANDIDATES)), node)
            else:
                found = by_weights.get(self._weights_read(node, self._weights.new))
            if found is None or found not in free:
                left.append(index)
            else:
                free.discard(found)
                before = old[found]
                by_inputs.get((before.operator, *before.inputs), {}).pop(found, None)
                self._pair(pairs, found, index)
        self._pair_rest(sorted(free), left, pairs)
        return pairs

    def _pair(self, pairs: list[tuple[int, int]], old: int, new: int) -> None:
        before, after = self._graphs.old.nodes[old], self._graphs.new.nodes[new]
        given = zip(after.outputs, before.outputs, strict=False)
        self.names.update((ours, theirs) for ours, theirs in given if ours)
        pairs.append((old, new))

    def _alike(self, fits: Sequence[int], node: Node) -> int:
        """Of those that read the same, the first that holds the same."""
        if len(fits) == 1:
            return fits[0]
        wanted = signature(self._trees.new, node)
        nodes = self._graphs.old.nodes
        return next((i for i in fits if signature(self._trees.old, nodes[i]) == wanted), fits[0])

    @staticmethod
    def _weights_read(node: Node, weights: set[bytes]) -> Hashable | None:
        read = tuple(name for name in node.inputs if name in weights)
        return (node.operator, *read) if read else None

    def _pair_rest(self, old: list[int], new: list[int], pairs: list[tuple[int, int]]) -> None:
        """Pair what is left: what holds the same from both ends, by operator, then by output."""
        before, after = self._graphs.old.nodes, self._graphs.new.nodes
        a = [signature(self._trees.old, before[index]) for index in old]
        b = [signature(self._trees.new, after[index]) for index in new]
        head = 0
        while head < min(len(a), len(b)) and a[head] == b[head]:
            head += 1
        tail = 0
        while tail < min(len(a), len(b)) - head and a[-1 - tail] == b[-1 - tail]:
            tail += 1
        ends = [*range(head), *range(-tail, 0)]
        found = [(old[at], new[at]) for at in ends]
        olds, news = old[head : len(old) - tail], new[head : len(new) - tail]
        kinds: dict[Hashable, Pair[list[int]]] = {}
        for side, nodes, indices in ((0, before, olds), (1, after, news)):
            for index in indices:
                kinds.setdefault(nodes[index].operator, Pair([], []))[side].append(index)
        for kind in kinds.values():
            if len(kind.old) == len(kind.new):
                found += zip(*kind, strict=True)
        done = {at for at, _ in found}, {to for _, to in found}
        gives = {tuple(before[at].outputs): at for at in olds if at not in done[0]}
        for to in news:
            at = gives.pop(tuple(after[to].outputs), None) if to not in done[1] else None
            if at is not None:
                found.append((at, to))
        for at, to in sorted(found, key=lambda pair: pair[1]):
            self._pair(pairs, at, to)

    def change(self, nodes: Pair[Node], indices: Pair[int]) -> NodeChange | None:
        """How two nodes that are the same one differ; None where they do not."""
        old, new = nodes
        read = zip_longest(_given(old.inputs), _given(self._read(new)))
        inputs = [at for at, (before, after) in enumerate(read) if before != after]
        given = zip_longest(old.outputs, new.outputs)
        outputs = [at for at, (before, after) in enumerate(given) if bool(before) != bool(after)]
        attributes = tuple(attribute_changes(self._trees, nodes))
        if old.operator == new.operator and not (inputs or outputs or attributes):
            return None
        return NodeChange(
            Pair(_at(self._graphs.old, indices.old), _at(self._graphs.new, indices.new)),
            tuple(_slot(at, old.inputs, new.inputs) for at in inputs),
            tuple(_slot(at, old.outputs, new.outputs) for at in outputs),
            attributes,
        )


def _given(names: Sequence[bytes | None]) -> Sequence[bytes | None]:
    """The inputs without those that are left out at the end."""
    end = len(names)
    while end and names[end - 1] == b"":
        end -= 1
    return names[:end]


def _slot(index: int, old: Sequence[bytes], new: Sequence[bytes]) -> Slot:
    names = (identifier(side[index]) if index < len(side) else None for side in (old, new))
    return Slot(index, *names)


def _named(node: Node) -> bool:
    """Whether its outputs have names, and no numbers that shift when a node comes before."""
    return not all(name.isdigit() for name in node.outputs)
