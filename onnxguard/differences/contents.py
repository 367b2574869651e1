"""What two models hold, side by side: matched, and what differs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from onnxguard.base.findings import Place
from onnxguard.differences.structure import Structure
from onnxguard.differences.values import Pair, Tree, constant_contents
from onnxguard.model.facts import (
    ConstantNode,
    Cost,
    ExternalData,
    Facts,
    Function,
    Loop,
    OperatorUse,
    OpsetImport,
    Value,
)

T = TypeVar("T")
Key = Callable[[T], Hashable]
NOWHERE = Place("", 0, 0)


class Group(NamedTuple, Generic[T]):
    """Things of one kind: only in the new model, only in the old one, or in both and different.

    ``moved`` says that those in both stand in another order.
    """

    added: tuple[T, ...]
    removed: tuple[T, ...]
    changed: tuple[Pair[T], ...]
    moved: bool = False

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed or self.moved)


class Weights(NamedTuple):
    """The initializers of one dtype; bytes as dims and dtype say, external ones included."""

    dtype: str
    bytes: int


class Property(NamedTuple):
    """One entry of ``metadata_props``."""

    key: str
    value: str


class Figure(NamedTuple):
    """What a run of a model costs: one figure by name, and whether it is no bound from below."""

    name: str
    value: int
    exact: bool


class FactsDifference(NamedTuple):
    """What two models hold, side by side.

    Attributes:
        old: the facts of the old model; ``new`` those of the new one.
        constants: matched by the name of their output, then by value.
        inputs: matched by name, as ``outputs`` are.
        functions: matched by domain, name and overload; one with another body is changed.
        external_data: matched by tensor.
        loops: matched by their route.
        costs: the figures of a run, matched by name.
    """

    old: Facts
    new: Facts
    opset_imports: Group[OpsetImport]
    operators: Group[OperatorUse]
    constants: Group[ConstantNode]
    inputs: Group[Value]
    outputs: Group[Value]
    functions: Group[Function]
    initializers: Group[Weights]
    external_data: Group[ExternalData]
    loops: Group[Loop]
    metadata: Group[Property]
    costs: Group[Figure]


def paired(
    old: Iterable[T], new: Iterable[T], key: Key[T]
) -> tuple[list[Pair[T]], list[T], list[T]]:
    """Match by key, equal keys in their order; then what is only old, and only new."""
    waiting: dict[Hashable, list[T]] = {}
    for item in old:
        waiting.setdefault(key(item), []).append(item)
    for items in waiting.values():
        items.reverse()
    pairs: list[Pair[T]] = []
    added: list[T] = []
    for item in new:
        items = waiting.get(key(item), [])
        if items:
            pairs.append(Pair(items.pop(), item))
        else:
            added.append(item)
    return pairs, [item for items in waiting.values() for item in reversed(items)], added


def _group(old: Iterable[T], new: Iterable[T], key: Key[T], look: Key[T]) -> Group[T]:
    """Match by ``key``; a pair is changed where ``look`` gives something else."""
    pairs, removed, added = paired(old, new, key)
    changed = tuple(pair for pair in pairs if look(pair.old) != look(pair.new))
    return Group(tuple(added), tuple(removed), changed)


def _signature(old: Sequence[Value], new: Sequence[Value]) -> Group[Value]:
    """Inputs or outputs, of which the order counts too."""
    pairs, _, _ = paired(enumerate(old), enumerate(new), lambda item: item[1].name)
    order = [pair.old[0] for pair in pairs]
    group = _group(old, new, lambda v: v.name, _whole)
    return group._replace(moved=order != sorted(order))


def _functions(
    old: Sequence[Function], new: Sequence[Function], bodies: frozenset[str]
) -> Group[Function]:
    pairs, removed, added = paired(old, new, lambda f: f[:3])
    changed = tuple(
        pair
        for pair in pairs
        if pair.new.label in bodies
        or pair.old._replace(place=NOWHERE) != pair.new._replace(place=NOWHERE)
    )
    return Group(tuple(added), tuple(removed), changed)


def compare_facts(
    trees: Pair[Tree], facts: Pair[Facts], structure: Structure, costs: Pair[Cost] | None = None
) -> FactsDifference:
    """Match the facts of two models; the trees tell apart what facts shorten."""
    old, new = facts
    return FactsDifference(
        old,
        new,
        opset_imports=_group(old.opset_imports, new.opset_imports, lambda o: o.domain, _whole),
        operators=_group(old.operators, new.operators, lambda u: u.label, lambda u: u.count),
        constants=_constants(
            list(zip(old.constants, constant_contents(trees.old), strict=True)),
            list(zip(new.constants, constant_contents(trees.new), strict=True)),
        ),
        inputs=_signature(old.inputs, new.inputs),
        outputs=_signature(old.outputs, new.outputs),
        functions=_functions(old.functions, new.functions, frozenset(structure.functions)),
        initializers=_group(_weights(old), _weights(new), lambda w: w.dtype, _whole),
        external_data=_group(
            old.external_data,
            new.external_data,
            lambda d: d.tensor,
            lambda d: d._replace(place=NOWHERE),
        ),
        loops=_group(old.loops, new.loops, lambda each: each.place.route, lambda each: each[1:]),
        metadata=_group(
            [Property(*entry) for entry in old.metadata],
            [Property(*entry) for entry in new.metadata],
            lambda entry: entry.key,
            _whole,
        ),
        costs=_group(
            _figures(costs.old) if costs else [],
            _figures(costs.new) if costs else [],
            lambda figure: figure.name,
            _whole,
        ),
    )


def _figures(cost: Cost) -> list[Figure]:
    macs = [("multiply-accumulates", cost.macs)]
    macs += [(f"multiply-accumulates of {each.operator}", each.macs) for each in cost.operators]
    figures = [Figure(name, value, cost.macs_exact) for name, value in macs]
    figures.append(Figure("bytes of weights", cost.weight_bytes, True))
    figures.append(Figure("bytes of activations at once", cost.activation_bytes, cost.exact))
    if cost.largest_tensor is not None:
        size = cost.largest_tensor.bytes
        figures.append(Figure("bytes of the largest tensor", size, cost.exact))
    return figures


def _whole(item: Hashable) -> Hashable:
    return item


def _weights(facts: Facts) -> list[Weights]:
    return [Weights(*item) for item in facts.initializer_bytes.items()]


_Held = tuple[ConstantNode, Hashable]


def _constants(old: Sequence[_Held], new: Sequence[_Held]) -> Group[ConstantNode]:
    """By output name; what is left by value, so that one under another name is not a change."""

    def look(held: _Held) -> Hashable:
        node, content = held
        return node.dtype, node.shape, node.bytes, content

    named, removed, added = paired(old, new, lambda held: held[0].output)
    _, removed, added = paired(removed, added, look)
    return Group(
        tuple(node for node, _ in added),
        tuple(node for node, _ in removed),
        tuple(Pair(a[0], b[0]) for a, b in named if look(a) != look(b)),
    )
