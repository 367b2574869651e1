"""Operators that both models use and that ONNX defines otherwise at the other model's opset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from onnxguard.differences.values import Pair, Tree
from onnxguard.model.graph import Graph, Operator, Opset
from onnxguard.model.schemas import Formal, Schema, schema_at


class Definition(NamedTuple):
    """An operator with another definition.

    Attributes:
        operator: its label.
        versions: the version of its domain that brought each definition; 0 where none is known.
        nodes: of the new model.
        what: in which the two differ, as their signatures say it; the text may differ too.
    """

    operator: str
    versions: Pair[int]
    nodes: int
    what: tuple[str, ...]


def changed_definitions(old: Tree, new: Tree) -> tuple[Definition, ...]:
    """Compare the definitions of the operators that both models use."""
    own = {f.id for tree in (old, new) for f in tree.model.functions}
    used = {n.operator for graph in old.model.graphs for n in graph.nodes} - own
    counts: Counter[tuple[Operator, int, int]] = Counter()
    bodies = {f.id: f.opsets for f in old.model.functions}
    imports: dict[int, tuple[dict[str, int], dict[str, int]]] = {}
    for graph in new.model.graphs:
        function = graph.function
        if id(function) not in imports:
            before = old.model.opsets if function is None else bodies.get(function.id, ())
            after = new.model.opsets if function is None else function.opsets
            imports[id(function)] = _versions(before), _versions(after)
        counts.update(_shifted(graph, used, *imports[id(function)]))
    found = (_definition(*key, nodes) for key, nodes in sorted(counts.items()))
    return tuple(each for each in found if each is not None)


def _versions(opsets: Iterable[Opset]) -> dict[str, int]:
    return {"" if o.domain == "ai.onnx" else o.domain: o.version for o in opsets}


def _shifted(
    graph: Graph, used: set[Operator], old: dict[str, int], new: dict[str, int]
) -> Iterator[tuple[Operator, int, int]]:
    """The operator and both opset versions of each node for which those differ."""
    for node in graph.nodes:
        domain = "" if node.operator.domain == "ai.onnx" else node.operator.domain
        before, after = old.get(domain), new.get(domain)
        if before is not None and after is not None and before != after and node.operator in used:
            yield node.operator, before, after


def _definition(operator: Operator, old: int, new: int, nodes: int) -> Definition | None:
    schemas = [schema_at(operator.domain, operator.op_type, opset) for opset in (old, new)]
    a, b = schemas
    if a is None or b is None:
        versions = Pair(*(0 if schema is None else schema.since_version for schema in schemas))
        return Definition(operator.label, versions, nodes, ("not known",))
    if a.since_version == b.since_version:
        return None
    what = tuple(_differences(a, b)) or ("its text alone",)
    return Definition(operator.label, Pair(a.since_version, b.since_version), nodes, what)


def _differences(old: Schema, new: Schema) -> Iterator[str]:
    for name in sorted(old.attributes.keys() | new.attributes.keys()):
        before, after = old.attributes.get(name), new.attributes.get(name)
        if before is None or after is None:
            yield f"attribute {name} is {'new' if before is None else 'gone'}"
        elif before.default != after.default:
            yield f"default of {name}: {_shown(before.default)} -> {_shown(after.default)}"
        elif before != after:
            yield f"attribute {name} is another"
    for what, formals in (
        ("input", (old.inputs, new.inputs)),
        ("output", (old.outputs, new.outputs)),
    ):
        yield from _formals(what, *formals)
    if old.deprecated != new.deprecated:
        yield "deprecated" if new.deprecated else "no more deprecated"
    if _types(old) != _types(new):
        yield "types"


def _shown(default: object) -> str:
    return "none" if default is None else str(default)


def _formals(what: str, old: tuple[Formal, ...], new: tuple[Formal, ...]) -> Iterator[str]:
    for longer, shorter, word in ((new, old, "new"), (old, new, "gone")):
        yield from (f"{what} {formal.name} is {word}" for formal in longer[len(shorter) :])
    for before, after in zip(old, new, strict=False):
        if (before.option, before.least) != (after.option, after.least):
            yield f"{what} {after.name}: {before.option} -> {after.option}"


def _types(schema: Schema) -> list[tuple[frozenset[str], ...]]:
    return [
        tuple(frozenset(schema.constraints.get(f.types, (f.types,))) for f in formals)
        for formals in (schema.inputs, schema.outputs)
    ]
