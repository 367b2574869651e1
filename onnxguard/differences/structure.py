"""Say whether two models are one graph with other weights, by comparing their trees.

What is compared: every node's operator, inputs, outputs and attributes, in order, in the main
graph, subgraphs, functions and training graphs; every graph's inputs and outputs; every
initializer's name, dtype and dims. What is not: names of nodes and graphs, ``value_info``, metadata
and documentation, by which no runtime computes. Equal is said only where it was seen; the work is
that of reading both files once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from onnxguard.base.printable import identifier, printable
from onnxguard.differences.definitions import Definition, changed_definitions
from onnxguard.differences.held_values import HeldValues, Outside
from onnxguard.differences.nodes import NOTHING, NodeChanges, compare_nodes
from onnxguard.differences.values import BLOCK, Pair, Tree, content_of, tensors_of
from onnxguard.differences.weights import WeightChange, changed_weights
from onnxguard.model.graph import Attribute, Function, Graph, Node, SparseTensor, Tensor
from onnxguard.model.wire import Buffer


class Structure(NamedTuple):
    """What the comparison of two trees gave.

    Attributes:
        difference: where the graphs differ first, or why they were not compared; one line, safe to
            print; "" where they are equal.
        compared: whether the graphs could be compared at all.
        functions: labels of the functions in both models whose bodies differ.
        weights: initializers whose values were compared; 0 where the graphs differ.
        changed: how many of those hold other values.
        elsewhere: tensors of the new model whose values were not compared: they lie in other files
            that cannot be read, or a model lies at an address.
        nodes: those that differ; none where the graphs were not compared.
        definitions: operators that both use, and that the opset of each defines otherwise.
        initializers: those that differ, of graphs that are in both models.
    """

    difference: str
    compared: bool = True
    functions: tuple[str, ...] = ()
    weights: int = 0
    changed: int = 0
    elsewhere: int = 0
    nodes: NodeChanges = NOTHING
    definitions: tuple[Definition, ...] = ()
    initializers: tuple[WeightChange, ...] = ()

    @property
    def same(self) -> bool:
        """Whether the graphs are equal but for the values of initializers."""
        return not self.difference


def same_bytes(old: Buffer, new: Buffer) -> bool:
    """Whether two buffers hold the same bytes."""
    return len(old) == len(new) and all(
        old[at : at + BLOCK] == new[at : at + BLOCK] for at in range(0, len(old), BLOCK)
    )


def compare_structure(
    old: Tree, new: Tree, weights: bool = True, outside: Pair[Outside] | None = None
) -> Structure:
    """Compare two trees, and their ``weights``, which are read whole.

    ``outside`` finds those in other files, where they are to be looked for.
    """
    models = old.model, new.model
    namesakes = any(len({f.id for f in m.functions}) != len(m.functions) for m in models)
    if old.model.anomalies or new.model.anomalies or namesakes:
        return Structure("readers may understand a file differently", compared=False)
    aligned = compare_nodes(old, new)
    values = HeldValues(Pair(old, new), outside)
    initializers = tuple(changed_weights(values, aligned.graphs)) if weights else ()
    return _compared(_Pair(old, new), values, weights)._replace(
        nodes=aligned.changes,
        definitions=changed_definitions(old, new),
        initializers=initializers,
    )


def _compared(pair: _Pair, values: HeldValues, weights: bool) -> Structure:
    old, new = pair.old, pair.new
    functions = dict(_function_differences(pair))
    difference = (
        pair.difference(old.model.graph, new.model.graph)
        or next(filter(None, functions.values()), "")
        or _training_difference(pair)
    )
    both = {f.id.label for f in old.model.functions} & {f.id.label for f in new.model.functions}
    differing = tuple(sorted(label for label in both if functions.get(label)))
    same = [] if difference or not weights else [values.same(*each) for each in pair.weights()]
    apart = new.model.tensors(lambda tensor: tensor.is_external)
    elsewhere = sum(not values.compared(tensor) for tensor, _ in apart)
    if difference:
        return Structure(difference, functions=differing, elsewhere=elsewhere)
    if not weights:
        tensors = (tensor for graph in new.model.graphs for tensor in tensors_of(graph))
        return Structure("", elsewhere=elsewhere + sum(not t.is_external for t in tensors))
    seen = len(same) - same.count(None)
    return Structure("", weights=seen, changed=same.count(False), elsewhere=elsewhere)


class _Pair:
    """Two models, and the pairs of their graphs that turned out equal."""

    def __init__(self, old: Tree, new: Tree) -> None:
        self.old, self.new = old, new
        self._equal: list[tuple[Graph, Graph]] = []

    def difference(self, old: Graph, new: Graph, more: Iterable[tuple[Graph, Graph]] = ()) -> str:
        """Where two graphs, with all inside them, differ first; "" if nowhere."""
        pending = [(old, new), *more]
        for a, b in pending:  # it grows by the graphs inside
            text = (
                _head_difference(a, b)
                or self._nodes_difference(a, b, pending)
                or _initializers_difference(a, b)
            )
            if text:
                return text
        self._equal += pending
        return ""

    def _nodes_difference(self, old: Graph, new: Graph, pending: list[tuple[Graph, Graph]]) -> str:
        for index, (a, b) in enumerate(zip(old.nodes, new.nodes, strict=False)):
            text = self._node_difference(a, b, pending)
            if text:
                return f"{new.node_place(index).route}: {text}"
        if len(old.nodes) != len(new.nodes):
            noun = "node" if len(old.nodes) == 1 else "nodes"
            return f"{new.route}: {len(old.nodes):,} {noun} became {len(new.nodes):,}"
        return ""

    def _node_difference(self, old: Node, new: Node, pending: list[tuple[Graph, Graph]]) -> str:
        if old.operator != new.operator:
            return f"{old.operator.label} became {new.operator.label}"
        label = new.operator.label
        for what, a, b in (
            ("inputs", old.inputs, new.inputs),
            ("outputs", old.outputs, new.outputs),
        ):
            if list(a) != list(b):
                return f"{label} has other {what}"
        nested = any(attribute.graphs for attribute in old.attributes)
        if not nested and self._same_span(old, new):
            return ""
        text = self.attributes_difference(old.attributes, new.attributes, pending)
        return f"{label} {text}" if text else ""

    def _same_span(self, old: Node, new: Node) -> bool:
        size = old.end - old.start
        return size == new.end - new.start and all(
            self.old.data[old.start + at : min(old.start + at + BLOCK, old.end)]
            == self.new.data[new.start + at : min(new.start + at + BLOCK, new.end)]
            for at in range(0, size, BLOCK)
        )

    def attributes_difference(
        self,
        old: Iterable[Attribute],
        new: Iterable[Attribute],
        pending: list[tuple[Graph, Graph]],
    ) -> str:
        """Compare attributes in any order; graphs in them are put on the list."""
        a, b = (sorted(each, key=lambda attribute: attribute.name) for each in (old, new))
        if [attribute.name for attribute in a] != [attribute.name for attribute in b]:
            return "has other attributes"
        for before, after in zip(a, b, strict=True):
            content = content_of(self.old.data, before)
            if (
                content is None
                or content != content_of(self.new.data, after)
                or len(before.graphs) != len(after.graphs)
            ):
                return f"has another {identifier(after.name)}"
            pending += zip(before.graphs, after.graphs, strict=True)
        return ""

    def weights(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The initializers of graphs that are equal, in pairs."""
        for old, new in self._equal:
            a, b = (sorted(tensors_of(graph), key=lambda t: t.name) for graph in (old, new))
            yield from zip(a, b, strict=True)


def _head_difference(old: Graph, new: Graph) -> str:
    for what, a, b in (("inputs", old.inputs, new.inputs), ("outputs", old.outputs, new.outputs)):
        if [(v.name, v.type) for v in a] != [(v.name, v.type) for v in b]:
            return f"{new.route} has other {what}"
    return f"{new.route} has other overridden operators" if old.overridden != new.overridden else ""


def _initializers_difference(old: Graph, new: Graph) -> str:
    a, b = (Counter(map(_form, tensors_of(graph))) for graph in (old, new))
    for what, found in (("is new", b - a), ("is gone", a - b)):
        if found:
            name = printable(min(found)[0])
            return f'{new.route}: initializer "{name}" {what}, or of another dtype or shape'
    if _sparse_forms(old.sparse_initializers) != _sparse_forms(new.sparse_initializers):
        return f"{new.route} has other sparse initializers"
    return ""


def _sparse_forms(found: list[SparseTensor]) -> list[tuple[bytes, tuple[int, ...], bool, bool]]:
    return sorted(
        (s.values.name if s.values else b"", s.dims, s.values is None, s.indices is None)
        for s in found
    )


def _function_differences(pair: _Pair) -> Iterator[tuple[str, str]]:
    """The label of every function of either model, and how it differs."""
    old, new = ({f.id: f for f in tree.model.functions} for tree in (pair.old, pair.new))
    for key in sorted(old.keys() | new.keys()):
        if key not in new:
            yield key.label, f"function {key.label} is gone"
        elif key not in old:
            yield key.label, f"function {key.label} is new"
        else:
            yield key.label, _function_difference(pair, old[key], new[key])


def _function_difference(pair: _Pair, old: Function, new: Function) -> str:
    for what, a, b in (
        ("inputs", old.inputs, new.inputs),
        ("outputs", old.outputs, new.outputs),
        ("attributes", sorted(old.attributes), sorted(new.attributes)),
    ):
        if a != b:
            return f"{new.body.route} has other {what}"
    opsets = [sorted((o.domain, o.version) for o in f.opsets) for f in (old, new)]
    if opsets[0] != opsets[1]:
        return f"{new.body.route} imports other opsets"
    inner: list[tuple[Graph, Graph]] = []
    text = pair.attributes_difference(old.defaults, new.defaults, inner)
    return f"{new.body.route} {text}" if text else pair.difference(old.body, new.body, inner)


def _training_difference(pair: _Pair) -> str:
    a, b = pair.old.model.training, pair.new.model.training
    if [graph.label for graph in a] != [graph.label for graph in b]:
        return "other training graphs"
    return next(filter(None, map(pair.difference, a, b)), "")


def _form(tensor: Tensor) -> tuple[bytes, int, tuple[int, ...], bool]:
    return tensor.name, tensor.dtype, tensor.dims, tensor.is_external
