"""What attributes hold, as data that a reviewer reads."""

from __future__ import annotations

import math
import struct
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from onnxguard.base.printable import identifier, printable
from onnxguard.differences.values import Pair, Tree, attribute_digest, content_of
from onnxguard.model.constants import FLOATS, INTEGERS, read_floats, read_integers
from onnxguard.model.graph import Attribute, Node, Tensor
from onnxguard.model.messages import dtype_name

VALUES_SHOWN = 16
TEXT_SHOWN = 200

Number = int | float | str
"""A value as JSON holds it; a float that is not finite is a text."""


class Held(NamedTuple):
    """What an attribute holds.

    Attributes:
        type: ``int``, ``ints``, ``float``, ``floats``, ``string``, ``strings``, ``graph``,
            ``type``, ``reference`` to an attribute of the function, or a tensor's: ``int64[4]``.
        values: the first values, safe to print; none of graphs.
        count: how many there are.
    """

    type: str
    values: tuple[Number, ...]
    count: int  # type: ignore[assignment] # hides tuple.count, which nothing calls

    def __str__(self) -> str:
        """``1``, ``[1, 1]``, ``"nearest"``, ``int64[4] [1, 1, 2, 2]``."""
        shown = [f'"{v}"' if self.type.startswith("string") else str(v) for v in self.values]
        more = [f"and {self.count - len(shown):,} more"] if self.count > len(shown) else []
        if self.type in ("int", "float", "string"):
            return "".join(shown)
        listed = f"[{', '.join([*shown, *more])}]"
        if self.type in ("ints", "floats", "strings"):
            return listed
        return f"{self.type} {listed}" if "[" in self.type else " ".join([self.type, *shown])


class AttributeChange(NamedTuple):
    """An attribute that two nodes do not share, None where one has none of the name."""

    name: str
    old: Held | None
    new: Held | None


def attribute_changes(trees: Pair[Tree], nodes: Pair[Node]) -> Iterator[AttributeChange]:
    """The attributes in which two nodes differ, by name, but for graphs in them."""
    old, new = ({a.name: a for a in node.attributes} for node in nodes)
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before is None or after is None or _differ(trees, nodes, before, after):
            yield AttributeChange(
                identifier(name),
                None if before is None else _held(trees.old, before),
                None if after is None else _held(trees.new, after),
            )


def signature(tree: Tree, node: Node) -> Hashable:
    """The same for nodes of one operator that hold the same attributes, graphs apart."""
    return node.operator, frozenset(_content(tree, node, each) for each in node.attributes)


def _content(tree: Tree, node: Node, attribute: Attribute) -> Hashable:
    content = content_of(tree.data, attribute)
    if content is None and not attribute.graphs:
        return attribute_digest(tree.data, node, attribute.name)
    return content


def _differ(trees: Pair[Tree], nodes: Pair[Node], old: Attribute, new: Attribute) -> bool:
    a, b = _content(trees.old, nodes.old, old), _content(trees.new, nodes.new, new)
    return a != b or len(old.graphs) != len(new.graphs)


def _held(tree: Tree, attribute: Attribute) -> Held:
    """The value; of an attribute that fills several fields, against the standard, the first."""
    a, (ints, floats, strings) = attribute, attribute.counts
    if a.ref:
        return Held("reference", (identifier(a.ref),), 1)
    if a.graphs:
        return Held("graph", (), len(a.graphs))
    if a.tensors:
        return _held_tensor(tree, a.tensors[0])
    if a.sparse:
        return Held("sparse tensor", (), len(a.sparse))
    if ints:
        return Held("ints", a.ints[:VALUES_SHOWN], ints)
    if floats:
        return Held("floats", tuple(map(number, a.floats[:VALUES_SHOWN])), floats)
    if strings:
        return Held("strings", tuple(map(_text, a.strings[:VALUES_SHOWN])), strings)
    if a.s is not None:
        return Held("string", (_text(a.s),), 1)
    if a.f is not None:
        return Held("float", (number(a.f),), 1)
    if a.i is not None:
        return Held("int", (a.i,), 1)
    return Held(_EMPTY.get(a.type, "none"), (), 0)


_EMPTY = {13: "type", 14: "type", 7: "ints", 6: "floats", 8: "strings"}
"""By the number of its type, what an attribute without a value that is kept is called."""


def _text(text: bytes) -> str:
    return printable(text, TEXT_SHOWN)


def _held_tensor(tree: Tree, tensor: Tensor) -> Held:
    values: list[int] | list[float] = []
    if not tensor.is_external and tensor.dtype in INTEGERS:
        values = read_integers(tree.model, tensor, VALUES_SHOWN)
    elif not tensor.is_external and tensor.dtype in FLOATS:
        values = read_floats(tree.model, tensor, VALUES_SHOWN)
    count = max(tensor.elements, len(values))
    return Held(type_of(tensor), tuple(map(number, values[:VALUES_SHOWN])), count)


def type_of(tensor: Tensor) -> str:
    """``float32[8,3,3,3]``."""
    dims = ",".join(map(str, tensor.dims[:VALUES_SHOWN]))
    return f"{dtype_name(tensor.dtype)}[{dims}{',...' if len(tensor.dims) > VALUES_SHOWN else ''}]"


def number(value: float) -> Number:
    """The value as JSON holds it; a float32 in as few digits as tell it apart."""
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        return str(value)
    shorter = (float(f"{value:.{digits}g}") for digits in (7, 8, 9))
    wanted = _as_float32(value)
    return next((each for each in shorter if _as_float32(each) == wanted == value), value)


def _as_float32(value: float) -> float | None:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return None
