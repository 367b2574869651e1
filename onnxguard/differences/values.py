"""What attributes and tensors hold, in a form that can be compared."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Hashable, Iterator
from typing import Generic, NamedTuple, TypeVar

from onnxguard.model.graph import Attribute, Graph, Model, Node, Operator, SparseTensor, Tensor
from onnxguard.model.wire import LEN, Buffer, fields

T = TypeVar("T")
CONSTANT = Operator("", "Constant")
ATTRIBUTE = 5
"""Its field in a NodeProto."""
BLOCK = 1 << 20
"""Bytes of weights that are held at a time."""


class Pair(NamedTuple, Generic[T]):
    """One thing in the old model and in the new one."""

    old: T
    new: T


class Tree(NamedTuple):
    """A model and the bytes that it was read from."""

    model: Model
    data: Buffer


def constant_contents(tree: Tree) -> list[Hashable]:
    """What each Constant node holds, in the order of ``Facts.constants``: equal for equal values.

    Two that differ in how the file writes them may count as different.
    """
    found: list[Hashable] = []
    for graph in tree.model.graphs:
        for node in graph.nodes:
            if node.operator == CONSTANT:
                parts = [content_of(tree.data, attribute) for attribute in node.attributes]
                whole = None not in parts
                found.append(tuple(parts) if whole else _digest(tree.data, node.start, node.end))
    return found


def content_of(data: Buffer, attribute: Attribute) -> Hashable:
    """An attribute without its graphs; None where the tree does not hold all of it."""
    a = attribute
    texts = len(a.s or b"") + sum(map(len, a.strings))
    if a.type in (13, 14) or texts != a.size:  # types of values are not kept, long texts are cut
        return None
    if a.counts != (len(a.ints), len(a.floats), len(a.strings)):
        return None
    single = None if a.f is None else struct.pack("<f", a.f)  # -0.0 is not 0.0, NaN is NaN
    tensors = tuple((t.dtype, t.dims, t.external, values_of(data, t)) for t in a.tensors)
    sparse = tuple((s.dims, *_parts(data, s)) for s in a.sparse)
    floats = struct.pack(f"<{len(a.floats)}f", *a.floats)
    return a.name, a.type, a.ref, a.i, single, a.s, a.ints, floats, a.strings, tensors, sparse


def _parts(data: Buffer, sparse: SparseTensor) -> Iterator[Hashable]:
    for part in (sparse.values, sparse.indices):
        yield (
            None if part is None else (part.dtype, part.dims, part.external, values_of(data, part))
        )


def tensors_of(graph: Graph) -> Iterator[Tensor]:
    """The initializers of a graph, those that make up sparse ones too."""
    yield from graph.initializers
    for sparse in graph.sparse_initializers:
        for part in (sparse.values, sparse.indices):
            if part is not None:
                yield part


def values_of(data: Buffer, tensor: Tensor) -> Hashable:
    """What a tensor holds in its own file."""
    return tuple(
        (part.field, part.packed, part.count, _digest(data, part.start, part.end))
        for part in tensor.data
    )


def _digest(data: Buffer, start: int, end: int) -> bytes:
    state = hashlib.sha256()
    for at in range(start, end, BLOCK):
        state.update(data[at : min(at + BLOCK, end)])
    return state.digest()


def attribute_digest(data: Buffer, node: Node, name: bytes) -> bytes:
    """What the file writes for an attribute that the tree does not hold whole."""
    state = hashlib.sha256()
    for outer in fields(data, node.start, node.end):
        if outer.number != ATTRIBUTE or outer.wire_type != LEN:
            continue
        parts = fields(data, outer.start, outer.end)
        if any(part.number == 1 and data[part.start : part.end] == name for part in parts):
            state.update(_digest(data, outer.start, outer.end))
    return state.digest()
