"""Compute what is made of constants, as one call sees it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from onnxguard.base.budget import check
from onnxguard.model import arithmetic, rearranging
from onnxguard.model.constants import OMITTED, Constants, Static
from onnxguard.model.graph import Graph, Node

if TYPE_CHECKING:
    from onnxguard.model.scopes import Scopes

_FOLLOWED: dict[str, Callable[[Node, list[Static]], Static | None]] = {
    "Cast": arithmetic.cast,
    "CastLike": arithmetic.cast_like,
    "Concat": rearranging.joined,
    "ConstantOfShape": rearranging.filled,
    "Expand": arithmetic.expand,
    "Gather": rearranging.gathered,
    "Range": arithmetic.range_,
    "Shape": rearranging.shape,
    "Size": rearranging.shape,
    "Slice": rearranging.sliced,
    "Transpose": rearranging.transposed,
    "Where": arithmetic.where,
}
_RESHAPES = ("Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")
_FOLLOWED |= dict.fromkeys(_RESHAPES, rearranging.reshaped)
_FOLLOWED |= dict.fromkeys(
    ("Add", "Div", "Equal", "Greater", "Less", "Max", "Min", "Mod", "Mul", "Sub"),
    arithmetic.elementwise,
)
_FOLLOWED |= dict.fromkeys(("Abs", "Ceil", "Floor", "Neg", "Not"), arithmetic.unary)
_FOLLOWED |= dict.fromkeys(
    ("ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum"), arithmetic.reduced
)
_OF_FIRST = (*_RESHAPES, "CastLike")
"""Operators whose numbers are those of the first input."""
_KEEPS_HIDDEN = (*_RESHAPES, "Shape", "Size")
"""Operators that ask for no numbers."""

Key = tuple[int, int, bytes]
"""What stands for a value: its scopes, the graph that defines it and its name."""


class _Named(NamedTuple):
    """A name as it is read in a graph, as one call sees it."""

    scopes: Scopes
    graph: Graph
    name: bytes

    @property
    def key(self) -> Key:
        return id(self.scopes), id(self.graph), self.name


def folded(
    scopes: Scopes, graph: Graph, name: bytes, constants: Constants, known: dict[Key, Static]
) -> Static:
    """Compute a value, what it is made of first: no step recurses, each value once.

    Args:
        scopes: what the names of the graph stand for.
        graph: where the name is read.
        name: of the value.
        constants: reads what is stored.
        known: the values that were computed before; added to.
    """
    if not name:
        return OMITTED
    asked = _named(scopes, graph, name)
    found = known.get(asked.key)
    if found is not None:
        return found
    pending = [asked]
    waiting: set[Key] = set()
    while pending:
        check()
        named = pending[-1]
        if named.key in known:
            pending.pop()
            waiting.discard(named.key)
            continue
        value, missing = _resolve(named, constants, known)
        if any(part.key in waiting for part in missing):
            value = Static(None, 0, "defined by itself")
        if value is not None:
            known[named.key] = value
            continue
        waiting.add(named.key)
        pending += missing
    return known[asked.key]


def _resolve(
    named: _Named, constants: Constants, known: dict[Key, Static]
) -> tuple[Static | None, list[_Named]]:
    """A value, or the values that have to be known before."""
    leaf = named.scopes.leaf(named.graph, named.name, fold=True)
    if isinstance(leaf, Static):
        return leaf, []
    parts = _parts(named.scopes, *leaf)
    missing = [part for part in parts if part.key not in known]
    if missing:
        return None, missing
    made = _made(named.scopes, *leaf, named.name)
    if made is None:
        return _computed(leaf[1], [known[part.key] for part in parts], constants), []
    return (known[made.key], []) if made.key in known else (None, [made])


def _named(scopes: Scopes, graph: Graph, name: bytes) -> _Named:
    """A name at the graph that defines it, so that a value is one wherever it is read."""
    return _Named(scopes, (scopes.home_of(graph, name) if graph.parent else None) or graph, name)


def _parts(scopes: Scopes, graph: Graph, node: Node) -> list[_Named]:
    """The values that a node's output is made of, those included that its graphs capture."""
    parts = [_named(scopes, graph, name) for name in node.inputs]
    pending = [inner for attribute in node.attributes for inner in attribute.graphs]
    while pending:
        inner = pending.pop()
        pending += inner.subgraphs
        read = {name for each in inner.nodes for name in each.inputs if name}
        read |= {value.name for value in inner.outputs}
        outside = map(partial(_named, scopes, inner), read)
        parts += [named for named in outside if named.graph.depth <= graph.depth]
    return parts


def _computed(node: Node, parts: list[Static], constants: Constants) -> Static:
    """What a node makes of the values that it reads.

    A constant whose numbers are not followed is hidden; what a graph's input has a say in, none.
    """
    operator, unknown = node.operator, f"the output of {node.operator.label}"
    decide = parts[:1] if operator.op_type in _OF_FIRST and not operator.domain else parts
    if not all(part.is_constant or part is OMITTED for part in decide):
        return Static(None, 0, unknown)
    found: Static | None = None
    follow = None if operator.domain or operator.overload else _FOLLOWED.get(operator.op_type)
    if follow is not None and parts:
        asked = () if operator.op_type in _KEEPS_HIDDEN else decide
        found = next((part for part in asked if part.hidden), None)
        if found is not None:
            found = found._replace(dims=found.dims if operator.op_type == "Cast" else None)
        else:
            stored = [a.tensors[0] for a in node.attributes if a.name == b"value" and a.tensors]
            fill = [constants.of_tensor(tensor, "value", floats=True) for tensor in stored]
            found = follow(node, [*parts, *fill])
    loose = any(part.loose for part in decide)
    return (found or Static(None, 0, unknown, hidden=True))._replace(loose=loose)


def _made(scopes: Scopes, graph: Graph, node: Node, name: bytes) -> _Named | None:
    """Where a call's output is made: in the function, as this call sees it."""
    callee = scopes.enter(graph, node)
    if callee is None or callee.function is None:
        return None
    position = list(node.outputs).index(name)
    outputs = callee.function.outputs
    formal = outputs[position] if position < len(outputs) else b""
    return _Named(callee, callee.function.body, formal)
