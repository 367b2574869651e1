"""Find what defines a value, and read it where it is a constant.

Names are looked up as ONNX does: in the graph itself, then in the graphs around it; a function's
body sees nothing around it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from onnxguard.model.graph import Data, Graph, Model, Node, SparseTensor, Tensor
from onnxguard.model.messages import DTYPES, dtype_name
from onnxguard.model.wire import count_varints, signed, varints

INTS_READ = 64
"""A constant of more elements than this is not read: no shape and no trip count is longer."""

FOLD_DEPTH = 16
_INTEGERS = {2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 12: 4, 13: 8}
"""Integer dtypes and their bytes an element."""
_FLOATS = {1: ("<f", 4), 11: ("<d", 8), 10: ("<e", 2)}
_SIGNED = frozenset({3, 5, 6, 7})
_KEEPS_VALUES = frozenset({"Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten"})
_FOLDS = frozenset({"Add", "Sub", "Mul"})


class Definition(NamedTuple):
    """What defines a name: a node's output, an initializer or an input of ``graph``."""

    graph: Graph
    node: Node | None = None
    initializer: Tensor | SparseTensor | None = None
    input: bool = False


class Static(NamedTuple):
    """An integer constant: its values and dtype, or None and the reason why it is not one."""

    values: tuple[int, ...] | None
    dtype: int
    source: str


class _Index(NamedTuple):
    """What one graph defines by name; ``unique`` where no name is defined twice in one column."""

    nodes: dict[bytes, Node]
    initializers: dict[bytes, Tensor | SparseTensor]
    inputs: set[bytes]
    unique: bool


def _definitions(graph: Graph, name: bytes, index: _Index) -> Iterator[Definition]:
    if name in index.inputs:
        yield Definition(graph, input=True)
    if index.unique:
        if name in index.initializers:
            yield Definition(graph, initializer=index.initializers[name])
        if name in index.nodes:
            yield Definition(graph, index.nodes[name])
        return
    for tensor in graph.initializers:
        if tensor.name == name:
            yield Definition(graph, initializer=tensor)
    for sparse in graph.sparse_initializers:
        if sparse.values is not None and sparse.values.name == name:
            yield Definition(graph, initializer=sparse)
    for node in graph.nodes:
        for _ in range(list(node.outputs).count(name)):
            yield Definition(graph, node)


class Scopes:
    """Looks names up in a model; the index of a graph is built when it is first asked for.

    ``read`` holds the offsets of the tensors whose values were looked at.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._indexes: dict[int, _Index] = {}
        self.read: set[int] = set()
        self._constants: dict[tuple[int, bytes, int], Static] = {}

    def define(self, graph: Graph, name: bytes) -> list[Definition]:
        """Everything that defines ``name`` in the innermost scope that does; ``b""`` is nothing."""
        scope: Graph | None = graph
        while scope is not None and name:
            index = self._index(scope)
            if name in index.nodes or name in index.initializers or name in index.inputs:
                return list(_definitions(scope, name, index))
            scope = scope.parent
        return []

    def static(self, graph: Graph, name: bytes, depth: int = 0) -> Static:
        """The integers of a Constant node or initializer.

        With a ``depth``, simple arithmetic is followed through that many nodes.
        """
        if not name:
            return Static(None, 0, "omitted")
        found = self.define(graph, name)
        if not found:
            return Static(None, 0, "undefined")
        if any(definition.input for definition in found):
            if len(found) > 1:
                return Static(None, 0, "an initializer that is an input: the caller may replace it")
            return Static(None, 0, "an input of the graph")
        if len(found) > 1:
            return Static(None, 0, f"defined {len(found)} times")
        definition = found[0]
        key = id(definition.graph), name, depth
        if key not in self._constants:
            if definition.node is not None:
                value = self._computed(definition.graph, definition.node, depth)
            elif definition.initializer is not None:
                value = self._stored(definition.initializer, "initializer")
            else:
                return Static(None, 0, "undefined")
            self._constants[key] = value
        return self._constants[key]

    def floats(self, graph: Graph, name: bytes) -> tuple[float, ...]:
        """The values of a small float constant; empty for anything else."""
        found = self.define(graph, name)
        if len(found) != 1:
            return ()
        tensor = found[0].initializer
        node = found[0].node
        if node is not None and node.operator == ("", "Constant", ""):
            for attribute in node.attributes:
                if attribute.name == b"value_floats":
                    return attribute.floats
                tensor = attribute.tensors[0] if attribute.tensors else tensor
        if not isinstance(tensor, Tensor) or tensor.elements > INTS_READ:
            return ()
        self.read.add(tensor.start)
        return tuple(read_floats(self._model, tensor))

    def _index(self, graph: Graph) -> _Index:
        index = self._indexes.get(id(graph))
        if index is None:
            inputs = {value.name for value in graph.inputs}
            if graph.function is not None and graph.parent is None:
                inputs.update(graph.function.inputs)
            initializers: dict[bytes, Tensor | SparseTensor] = {
                t.name: t for t in graph.initializers
            }
            initializers |= {s.values.name: s for s in graph.sparse_initializers if s.values}
            nodes = {name: node for node in graph.nodes for name in node.outputs}
            stored = len(graph.initializers) + len(graph.sparse_initializers)
            made = sum([len(node.outputs) for node in graph.nodes])
            unique = len(nodes) == made and len(initializers) == stored
            index = self._indexes[id(graph)] = _Index(nodes, initializers, inputs, unique)
        return index

    def _computed(self, graph: Graph, node: Node, depth: int) -> Static:
        operator = node.operator
        if operator.domain or operator.overload:
            return Static(None, 0, f"the output of {operator.label}")
        if operator.op_type == "Constant":
            return self.constant(node)
        if depth > 0 and node.inputs:
            if operator.op_type in _KEEPS_VALUES:
                inner = self.static(graph, node.inputs[0], depth - 1)
                if operator.op_type != "Cast":
                    return inner
                to = node.attribute(b"to")
                if to is not None and to.i == 7:
                    return Static(inner.values, 7, inner.source)
            if operator.op_type in _FOLDS and len(node.inputs) == 2:
                left, right = (self.static(graph, name, depth - 1) for name in node.inputs)
                return _fold(operator.op_type, left, right)
            if operator.op_type == "Concat" and len(node.inputs) <= INTS_READ:
                parts = [self.static(graph, name, depth - 1) for name in node.inputs]
                if all(part.values is not None for part in parts):
                    joined = tuple(v for part in parts for v in part.values or ())
                    return Static(joined[:INTS_READ], parts[0].dtype, "Concat of constants")
        return Static(None, 0, f"the output of {operator.label}")

    def constant(self, node: Node) -> Static:
        """The integers of a Constant node, in whichever attribute they stand."""
        given = [a for a in node.attributes if a.name in CONSTANT_ATTRIBUTES]
        if len(given) != 1:
            return Static(None, 0, f"a Constant with {len(given)} values")
        attribute = given[0]
        if attribute.ref:
            return Static(None, 0, "a Constant set by the caller of the function")
        if attribute.name == b"value" and len(attribute.tensors) == 1:
            return self._stored(attribute.tensors[0], "Constant")
        if attribute.name == b"sparse_value" and len(attribute.sparse) == 1:
            return self._stored(attribute.sparse[0], "Constant")
        if attribute.name == b"value_int" and attribute.i is not None:
            return Static((attribute.i,), 7, "Constant")
        if attribute.name == b"value_ints" and len(attribute.ints) < INTS_READ:
            return Static(attribute.ints, 7, "Constant")
        return Static(None, 0, "a Constant that is not of integers")

    def _stored(self, tensor: Tensor | SparseTensor, source: str) -> Static:
        if isinstance(tensor, SparseTensor):
            if tensor.values is None or tensor.dims != (1,):
                return Static(None, 0, "a sparse tensor of more than one element")
            if not tensor.values.elements:
                return Static((0,), tensor.values.dtype, source)
            tensor = tensor.values
        count = tensor.elements
        if tensor.dtype not in _INTEGERS:
            return Static(None, tensor.dtype, f"{source} of {dtype_name(tensor.dtype)}")
        if tensor.is_external:
            return Static(None, tensor.dtype, f"{source} with its values in another file")
        if not 0 <= count <= INTS_READ:
            return Static(None, tensor.dtype, f"{source} of too many elements")
        self.read.add(tensor.start)
        if len(tensor.data) > 1:
            return Static(None, tensor.dtype, f"{source} whose values are given twice")
        values = read_integers(self._model, tensor)
        if len(values) != count:
            return Static(None, tensor.dtype, f"{source} with {len(values)} values for {count}")
        return Static(tuple(values), tensor.dtype, source)


CONSTANT_ATTRIBUTES = frozenset(
    b"value sparse_value value_float value_floats value_int value_ints value_string "
    b"value_strings".split()
)


def read_integers(model: Model, tensor: Tensor, limit: int = INTS_READ + 1) -> list[int]:
    """Decode up to ``limit`` integers of a tensor that holds one data segment or none."""
    values: list[int] = []
    width = _INTEGERS.get(tensor.dtype, 0)
    for data in tensor.data:
        if data.field == 9 and width:
            raw = model.data[data.start : min(data.end, data.start + width * limit)]
            values += [
                int.from_bytes(raw[at : at + width], "little", signed=tensor.dtype in _SIGNED)
                for at in range(0, len(raw) - width + 1, width)
            ]
        elif data.field in (5, 7, 11):
            room = limit - len(values)
            read = varints(model.data, data.start, data.end, data.packed, room)
            values += [_as_dtype(value, tensor.dtype, data.field) for value in read]
    return values


def _as_dtype(value: int, dtype: int, field: int) -> int:
    """A number of a typed field as its dtype holds it: int32_data and narrow dtypes drop bits."""
    if field == 5:
        value = signed(value, 32)
    bits = 8 * _INTEGERS.get(dtype, 8)
    return signed(value, bits) if dtype in _SIGNED else value & (1 << bits) - 1


def read_floats(model: Model, tensor: Tensor, limit: int = INTS_READ) -> list[float]:
    """Decode up to ``limit`` floats of a tensor that holds one data segment."""
    if len(tensor.data) != 1 or tensor.dtype not in _FLOATS:
        return []
    data, (code, width) = tensor.data[0], _FLOATS[tensor.dtype]
    if data.field != 9 and not (data.packed and data.field in (4, 10)):
        return []
    raw = model.data[data.start : min(data.end, data.start + width * limit)]
    return [value for (value,) in struct.iter_unpack(code, raw[: len(raw) // width * width])]


def data_count(model: Model, data: Data, dtype: int) -> int | None:
    """How many elements a data segment holds; None where it can't be said (raw strings)."""
    length = data.end - data.start
    if data.field == 9:
        bits = DTYPES.get(dtype, ("", 0))[1]
        return length * 8 // bits if bits else None
    if not data.packed:
        return data.count
    width = {4: 4, 10: 8}.get(data.field)
    return length // width if width else count_varints(model.data, data.start, data.end)


def _fold(op_type: str, left: Static, right: Static) -> Static:
    if left.values is None or right.values is None:
        return left if left.values is None else right
    a, b = left.values, right.values
    if len(a) != len(b):
        if 1 not in (len(a), len(b)):
            return Static(None, 0, f"{op_type} of shapes that do not match")
        a, b = (a * len(b), b) if len(a) == 1 else (a, b * len(a))
    pairs = zip(a, b, strict=True)
    if op_type == "Add":
        values = [x + y for x, y in pairs]
    elif op_type == "Sub":
        values = [x - y for x, y in pairs]
    else:
        values = [x * y for x, y in pairs]
    return Static(tuple(signed(v) for v in values), left.dtype, f"{op_type} of constants")
