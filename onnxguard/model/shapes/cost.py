"""What a model costs: multiply-accumulates, weights, and the memory of what runs through it.

Nodes run in the order of the file. A value lives from the node that makes it to the last one that
reads it; inputs from the start, outputs to the end. Bytes are those that the tensors ask for: what
a runtime aligns, reorders, or needs for a kernel besides is not in it, and neither is what it saves
where a node works in place. Where a size is a name or unknown, it counts as 1: the figure is then a
bound from below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from heapq import heappush, heapreplace
from typing import NamedTuple

from onnxguard.base.budget import check
from onnxguard.base.printable import printable
from onnxguard.model.constants import CONSTANT
from onnxguard.model.facts import Cost, LargestTensor, NodeCost, OperatorCost, UnknownOperator
from onnxguard.model.graph import Graph, Model, Operator
from onnxguard.model.messages import DTYPES
from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import shape_text
from onnxguard.model.shapes.known import UNKNOWN, Known
from onnxguard.model.shapes.visits import Shapes, Visit
from onnxguard.model.type_names import STRING, bits_of, inside, shown
from onnxguard.model.types import Types
from onnxguard.model.walking import captured, run, stored_names

LARGEST = (1 << 63) - 1
NODES_KEPT = 100
"""Nodes of the main graph that are listed, those that cost most first."""


class _Sum(NamedTuple):
    """What one visit of a graph costs: ``largest`` is a size, a name and a type."""

    macs: Counter[Operator]
    peak: int
    largest: tuple[int, str, str]
    exact: bool
    counted: bool


_Walk = Generator["_Walk", _Sum, _Sum]
_NOTHING = _Sum(Counter(), 0, (0, "", ""), True, True)
_MOST = 1 << 80
"""Sums end here: functions that call each other double them at every step."""


def cost_of(model: Model, shapes: Shapes, types: Types) -> Cost:
    """Count what the main graph costs; ``shapes`` were inferred to be counted."""
    counting = _Counting(model, shapes, types)
    root = shapes.roots[0]
    found = run(counting.visit(root))
    for visit in shapes.rounds:  # what grows is largest in one of them
        single = run(counting.visit(visit))
        found = found._replace(
            peak=max(found.peak, single.peak), largest=max(found.largest, single.largest)
        )
    nodes = _by_label(Counter([node.operator for graph in model.graphs for node in graph.nodes]))
    by_macs = sorted(_by_label(found.macs).items(), key=lambda item: (-item[1], item[0]))
    stored = stored_names(model.graph)
    size, name, kind = found.largest
    return Cost(
        inputs=tuple(
            [
                (printable(value.name), counting.text(model.graph, value.name))
                for value in model.graph.inputs
                if value.name not in stored
            ]
        ),
        outputs=tuple(
            [
                (printable(value.name), counting.text(model.graph, value.name))
                for value in model.graph.outputs
            ]
        ),
        exact=found.exact,
        macs_exact=found.counted,
        macs=min(sum(found.macs.values()), LARGEST),
        operators=tuple([OperatorCost(op, nodes[op], min(n, LARGEST)) for op, n in by_macs]),
        nodes=counting.nodes(root),
        weight_bytes=min(_weight_bytes(model), LARGEST),
        activation_bytes=min(found.peak, LARGEST),
        largest_tensor=LargestTensor(name, kind, min(size, LARGEST)) if size else None,
        unknown_nodes=_unknown(shapes),
        without_rule=tuple([UnknownOperator(*item) for item in sorted(shapes.missing.items())]),
    )


def _by_label(counts: Counter[Operator]) -> Counter[str]:
    found: Counter[str] = Counter()
    for operator, count in counts.items():
        found[operator.label] += count
    return found


def _unknown(shapes: Shapes) -> int:
    """How many nodes make a value of which not every dimension is known at all."""
    unknown = {id(each) for each in shapes.kept if each.shape is None or None in each.shape}
    count = 0
    for *_, visit in shapes.visits.values():
        names = {name for name, each in visit.known.items() if name and id(each) in unknown}
        nodes = visit.graph.nodes if names else ()
        count += sum([not names.isdisjoint(node.outputs) for node in nodes])
    return count


def _weight_bytes(model: Model) -> int:
    tensors = [tensor for graph in model.graphs for tensor in graph.initializers]
    for graph in model.graphs:
        tensors += [tensor for _, name, tensor in graph.attribute_tensors if name == b"value"]
        for sparse in graph.sparse_initializers:
            tensors += [part for part in (sparse.values, sparse.indices) if part is not None]
    return sum(
        [_bytes(tensor.elements, DTYPES.get(tensor.dtype, ("", 0))[1]) for tensor in tensors]
    )


def _bytes(elements: int, bits: int) -> int:
    return (max(elements, 0) * bits + 7) // 8


class TypeTexts:
    """Writes the types and shapes of values as reports do."""

    def __init__(self, shapes: Shapes, types: Types) -> None:
        self._shapes, self._types = shapes, types

    def of(self, graph: Graph, name: bytes) -> str:
        """``float32[1,3,H,W]``; a question mark for what is not known."""
        kinds = self._types.of(graph, name)
        kind = shown(next(iter(kinds))) if len(kinds) == 1 else ""
        return (kind or "?") + shape_text(self._shapes.of(graph, name).shape).replace(" ", "")


class _Counting:
    def __init__(self, model: Model, shapes: Shapes, types: Types) -> None:
        self._model, self._types = model, types
        self.text = TypeTexts(shapes, types).of
        self._sizes: dict[tuple[object, ...], tuple[int, bool]] = {}
        self._sums: dict[int, _Sum] = {}
        self._captured = captured(model.graphs)
        self._last: dict[int, dict[bytes, int]] = {}
        self._ranked: list[tuple[int, int, int]] = []

    def nodes(self, root: Visit) -> tuple[NodeCost, ...]:
        """The nodes of the main graph that cost most."""
        found: list[NodeCost] = []
        for macs, size, place in sorted(self._ranked, reverse=True):
            node = root.graph.nodes[-place]
            kind = self.text(root.graph, node.outputs[0]) if node.outputs else ""
            name, label = printable(node.name, 60), node.operator.label
            cost = NodeCost(-place, label, name, kind, min(macs, LARGEST), min(size, LARGEST))
            found.append(cost)
        return tuple(found)

    def _rank(self, macs: int, size: int, index: int) -> None:
        """Keep a node of the main graph if it is one of those that cost most."""
        ranked, item = self._ranked, (macs, size, -index)
        if len(ranked) < NODES_KEPT:
            heappush(ranked, item)
        elif item > ranked[0]:
            heapreplace(ranked, item)

    def _size(self, visit: Visit, name: bytes) -> tuple[int, bool]:
        """The bytes of a value, and whether it can have no more."""
        kinds = self._types.of(visit.graph, name)
        known = visit.known.get(name, UNKNOWN)
        key = id(known), *kinds
        size = self._sizes.get(key)
        if size is None:
            size = self._sizes[key] = _size_of(known, kinds)
        return size

    def visit(self, visit: Visit) -> _Walk:
        """Count one visit of a graph; what was counted once is not counted again."""
        done = self._sums.get(id(visit))
        if done is not None:
            return done
        graph = visit.graph
        check()
        last = self._last_reads(graph)
        # By the index of a node the bytes that leave with it; those of inputs that nobody reads
        # leave before the first node, at -1, which is the place behind the outputs'.
        leaving = [0] * (len(graph.nodes) + 2)
        macs: Counter[Operator] = Counter()
        largest, exact, counted, peak, alive = (0, "", ""), True, True, 0, 0
        # What a body gets is counted where it was made.
        given = graph.inputs if graph.parent is None and graph.function is None else []
        stored = stored_names(graph) if given else set()
        made: Sequence[bytes] = [value.name for value in given if value.name not in stored]
        # Nearly all values are of a size and a type that were met before.
        tables = self._types.tables.get(id(graph), ())
        known, kind = visit.known.get, (tables[0] if len(tables) == 1 else {}).get
        sizes, nodes, entered, products = self._sizes, graph.nodes, visit.inner, visit.macs
        main = graph is self._model.graph
        for index in range(-1, len(nodes)):
            inner, own = _NOTHING, 0
            if index >= 0:
                node = nodes[index]
                made = () if node.operator == CONSTANT else node.outputs
                if index in entered:
                    for each in entered[index]:
                        inner = _worse(inner, (yield self.visit(each)))
                    inner = _times(inner, visit.times.get(index, 1))
                    macs.update(inner.macs)
                    counted &= inner.counted
                if index in products:
                    multiplied = products[index]
                    counted &= isinstance(multiplied, int)
                    own = 0 if multiplied is None else max(d.least(multiplied), 0)
                    macs[node.operator] += own
            size = 0
            for name in made:
                if name:
                    one, whole = sizes.get((id(known(name)), kind(name))) or self._size(visit, name)
                    exact &= whole
                    size += one
                    leaving[last.get(name, index)] += one
                    if one > largest[0]:
                        largest = one, printable(name, 60), self.text(graph, name)
            alive = min(alive + size, _MOST)
            peak = max(peak, alive + inner.peak)
            alive -= leaving[index]
            if inner is not _NOTHING:
                largest = max(largest, inner.largest)
                exact &= inner.exact
                own += sum(inner.macs.values())
            if main and index >= 0 and (size or own):
                self._rank(own, size, index)
        found = Counter({operator: min(n, _MOST) for operator, n in macs.items() if n})
        done = self._sums[id(visit)] = _Sum(found, min(peak, _MOST), largest, exact, counted)
        return done

    def _last_reads(self, graph: Graph) -> dict[bytes, int]:
        """The last node of a graph that reads each value, itself or by the graphs inside it.

        An output of the graph is read after the last node.
        """
        last = self._last.get(id(graph))
        if last is None:
            last = {name: index for index, node in enumerate(graph.nodes) for name in node.inputs}
            for index, names in self._captured.get(id(graph), {}).items():
                last.update({name: index for name in names if last.get(name, -1) < index})
            outputs = [value.name for value in graph.outputs]
            if graph.function is not None and graph.parent is None:
                outputs = graph.function.outputs
            last.update(dict.fromkeys(outputs, len(graph.nodes)))
            self._last[id(graph)] = last
        return last


def _worse(a: _Sum, b: _Sum) -> _Sum:
    """What asks for more of two graphs of which one runs, or of two rounds of one."""
    return _Sum(
        max(a.macs, b.macs, key=lambda macs: sum(macs.values())),
        max(a.peak, b.peak),
        max(a.largest, b.largest),
        a.exact and b.exact,
        a.counted and b.counted,
    )


def _times(one: _Sum, times: d.Dim) -> _Sum:
    """A graph that runs several times."""
    if times == 1 or not one.macs:
        return one
    count = 1 if times is None else max(d.least(times), 0)
    many = Counter({operator: min(n * count, _MOST) for operator, n in one.macs.items()})
    return one._replace(macs=many, counted=one.counted and isinstance(times, int))


def _size_of(known: Known, kinds: set[str]) -> tuple[int, bool]:
    bits = max(map(bits_of, map(_element, kinds)), default=0)
    if known.shape is None or not bits:
        return 0, not bits and kinds == {STRING}
    count = 1 if known.length is None else max(d.least(known.length), 0)
    for dim in known.shape:
        count = min(count * max(d.least(dim), 0), _MOST)
    whole = all(isinstance(dim, int) for dim in known.shape)
    listed = any(kind.startswith("seq(") for kind in kinds)
    return _bytes(count, bits), whole and (not listed or isinstance(known.length, int))


def _element(kind: str) -> str:
    """The tensor in a sequence or an optional."""
    while inner := inside(kind, "seq") or inside(kind, "optional"):
        kind = inner
    return kind
