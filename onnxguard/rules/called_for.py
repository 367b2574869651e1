"""The tensors that constants call for, each and all together (OG301)."""

from __future__ import annotations

from functools import cached_property, partial
from math import prod

from onnxguard.base.budget import check as check_time
from onnxguard.base.printable import printable
from onnxguard.model.constants import CONSTANT
from onnxguard.model.expansion import View
from onnxguard.model.graph import Graph, Node, SparseTensor
from onnxguard.model.shapes.dims import Sym
from onnxguard.model.survey import Survey
from onnxguard.policy.allowlist import Allowlist
from onnxguard.rules.collector import Found, PlaceOf
from onnxguard.rules.growth import LARGEST, Growth, growth_of, hidden_size

HIDDEN = "fold the constants when exporting, and keep small ones in the model's own file"


def check(survey: Survey, policy: Allowlist, found: Found, dense: bool) -> set[tuple[int, int]]:
    """Compare what constants call for with the limits of the list.

    ``dense`` says that there are sparse tensors, which runtimes make dense. Returns the nodes that
    ask for a tensor that is too large, by ``id`` of their graph and index.
    """
    limit, most = policy.limit("tensor_elements"), policy.limit("constant_elements")
    if limit is None and most is None:
        return set()
    growing = {op: growth for op in survey.operators if (growth := growth_of(op)) is not None}
    asked = _Asked(survey, policy, found)
    wanted = growing.keys() | ({CONSTANT} if dense else set())
    for view in survey.inlining.views if wanted else ():
        check_time()
        scopes, graph, _ = view
        for index, sparse in enumerate(graph.sparse_initializers):
            place = partial(graph.place, f"sparse_initializer {index}", sparse.start, sparse.end)
            asked.add(view, _made_dense(sparse), place)
        if wanted.isdisjoint(survey.counts[id(graph)]):
            continue
        for index, node in enumerate(graph.nodes):
            growth = growing.get(node.operator)
            if growth is not None:
                asked.by_node(view, index, scopes.bound(node), growth)
            elif dense and node.operator == CONSTANT:
                held = sum(_made_dense(s) for a in scopes.bound(node).attributes for s in a.sparse)
                asked.add(view, held, partial(graph.node_place, index))
    asked.finish()
    return asked.reported


def _made_dense(sparse: SparseTensor) -> int:
    """The elements of a sparse tensor once a runtime has made it dense."""
    return min(max(prod(sparse.dims), 0), 1 << 63)


class _Asked:
    """Judges what each node asks for, and sums it up."""

    def __init__(self, survey: Survey, policy: Allowlist, found: Found) -> None:
        self.survey = survey
        self.inlining = survey.inlining
        self.policy = policy
        self.found = found
        self.limit = policy.limit("tensor_elements")
        self.most = policy.limit("constant_elements")
        self.total = 0.0
        self.passed: PlaceOf | None = None
        self.of_data: list[tuple[View, int, int]] = []
        self.reported: set[tuple[int, int]] = set()

    def add(self, view: View, elements: int, place: PlaceOf) -> None:
        """Add what is made of constants alone, as often as it runs."""
        self.total += min(elements, LARGEST) * self.inlining.runs_of(view)
        if self.passed is None and self.most is not None and self.total > self.most:
            self.passed = place

    def by_node(self, view: View, index: int, node: Node, growth: Growth) -> None:
        """Judge a node that may grow, as one call sees it."""
        scopes, graph, _ = view
        place = partial(graph.node_place, index)
        elements = growth.least(scopes, graph, node)
        hidden = hidden_size(scopes, graph, node, growth) or self._of_shapes(graph, node, growth)
        if hidden and not self._is_followed(graph, node):
            label = node.operator.label
            message = f"{label} calls for a size that is not known: {hidden}"
            self.found.add(
                "OG301", message, place, hint=HIDDEN, operator=label, once=view.node(index)
            )
        if elements and growth.of_data:
            self.of_data.append((view, index, elements))
        elif elements:
            self.add(view, elements, place)
        if self.limit is not None and elements > self.limit:
            self.reported.add((id(graph), index))
            label = node.operator.label
            over = f"{elements:,}" if elements < 1 << 63 else "more than 2**63"
            self.found.add(
                "OG301",
                f"{label} calls for {over} elements, {self.limit:,} are allowed",
                place,
                hint="a small file must not ask for a large tensor: use a smaller shape",
                operator=label,
                adr=self._adr("tensor_elements"),
                once=view.node(index),
            )

    def _of_shapes(self, graph: Graph, node: Node, growth: Growth) -> str:
        """As ``hidden_size``, of what is made of shapes that are known."""
        for name in growth.asked(node):
            home = self.survey.scopes.home_of(graph, name)
            if (id(home), name) in self._hidden and (id(home), name) in self._hidden_for_certain:
                return f'"{printable(name)}", which nothing but sizes and constants decide'
        return ""

    @cached_property
    def _hidden(self) -> frozenset[tuple[int, bytes]]:
        return self.survey.scopes.shapes(self.policy.sizes).hidden()

    @cached_property
    def _hidden_for_certain(self) -> frozenset[tuple[int, bytes]]:
        return self.survey.scopes.certain_shapes(self.policy.sizes).hidden()

    def _is_followed(self, graph: Graph, node: Node) -> bool:
        """Whether the size that constants do not tell follows all the same: ``following`` asks."""
        shapes = self.survey.scopes.certain_shapes(self.policy.sizes)
        shape = shapes.of(graph, node.outputs[0]).shape if node.outputs else None
        return shape is not None and all(isinstance(dim, (int, Sym)) for dim in shape)

    def finish(self) -> None:
        """Say where the sum passes its limit.

        Whether what a node grows is made of constants is asked where it can matter alone.
        """
        most, runs_of = self.most, self.inlining.runs_of
        if most is None:
            return
        rest = sum(elements * runs_of(view) for view, _, elements in self.of_data)
        for view, index, elements in self.of_data if self.total + rest > most else ():
            node = view.scopes.bound(view.graph.nodes[index])
            data = view.scopes.static(view.graph, b"".join(node.inputs[:1]), fold=True)
            if data.is_constant:
                self.add(view, elements, partial(view.graph.node_place, index))
        if self.passed is not None:
            over = f"{int(self.total):,}" if self.total < LARGEST else "more than 2**63"
            message = f"constants call for {over} elements in all, {most:,} are allowed"
            hint = "a small file must not ask for much memory: use smaller shapes, "
            hint += "or compute them once"
            self.found.add(
                "OG301", message, self.passed, hint=hint, adr=self._adr("constant_elements")
            )

    def _adr(self, name: str) -> str:
        limit = self.policy.limits.get(name)
        return limit.decision.label if limit else ""
