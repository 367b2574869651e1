"""Find what defines a value, and read it where it is a constant.

Names are looked up as ONNX does: in the graph itself, then in the graphs around it; a function's
body sees nothing around it. What a function's attributes and inputs stand for is the caller's word:
``Scopes.enter`` looks at a function as one call of it does. Calls that give the same get the same
answer, so that a model is looked at once a difference and not once a call.
"""

from __future__ import annotations

import struct
from functools import cached_property
from math import isfinite
from typing import NamedTuple

from onnxguard.base.budget import check
from onnxguard.base.errors import ModelError
from onnxguard.model.graph import (
    Attribute,
    Data,
    Function,
    Graph,
    Model,
    Node,
    Operator,
    SparseTensor,
    Tensor,
    Value,
)
from onnxguard.model.messages import DTYPES, dtype_name
from onnxguard.model.types import Types, infer_types
from onnxguard.model.wire import count_varints, signed, varints

VISITS = 500_000
"""Nodes looked at over all calls that differ; the registry's lists allow fewer once inlined."""

CALL_COST = 40
"""What a call that differs from all before costs beside its nodes."""

INTS_READ = 64
"""A constant of more elements than this is not read: no shape and no trip count is longer."""

_INTEGERS = {2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 12: 4, 13: 8}
"""Integer dtypes and their bytes an element."""
FLOAT16 = 10
_FLOATS = {1: ("<f", 4), 11: ("<d", 8), FLOAT16: ("<e", 2)}
_FLOAT_FIELDS = {1: 4, 11: 10}
"""dtype -> the typed field of floats that holds it."""
_SIGNED = frozenset({3, 5, 6, 7})
_KEEPS_VALUES = frozenset({"Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten"})
_FOLDS = frozenset({"Add", "Sub", "Mul"})
CONSTANT = Operator("", "Constant")
INLINED = b"_inlfunc_"
"""How ONNX Runtime begins the names inside a function that it inlines; the function's follows."""


class Definition(NamedTuple):
    """What defines a name: a node's output, an initializer or an input of ``graph``.

    ``value`` is what the graph declares of an input.
    """

    graph: Graph
    node: Node | None = None
    initializer: Tensor | SparseTensor | None = None
    input: bool = False
    value: Value | None = None


class Static(NamedTuple):
    """A constant: its numbers and dtype, or None and the reason why it is not one."""

    values: tuple[float, ...] | None
    dtype: int
    source: str


class Given(NamedTuple):
    """What a call gives for an input of a function: its value where known, and what defines it."""

    static: Static
    definitions: tuple[Definition, ...]


UNKNOWN = Static(None, 0, "an input of the graph")
OMITTED = Static(None, 0, "omitted")


class _Index(NamedTuple):
    """What one graph defines by name; ``doubled`` holds the names that it defines repeatedly."""

    nodes: dict[bytes, Node]
    initializers: dict[bytes, Tensor | SparseTensor]
    inputs: dict[bytes, Value | None]
    doubled: dict[bytes, list[Definition]]

    def has(self, name: bytes) -> bool:
        """Whether the graph defines a name."""
        return name in self.nodes or name in self.initializers or name in self.inputs


class _Shared:
    """What all the scopes of one model share."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.functions: dict[Operator, Function] = {}
        self.indexes: dict[int, _Index] = {}
        self.declared: dict[int, dict[bytes, int]] = {}
        self.read: set[int] = set()
        self.constants: dict[_Key, Static] = {}
        self.joined: dict[int, Static] = {}
        self.entered: dict[object, Scopes] = {}
        self.named = False
        self.visits = VISITS
        self.lookups = 0


_Key = tuple[int, int, bytes]


class _Named(NamedTuple):
    """A name as it is read in a graph, as one call sees it."""

    scopes: Scopes
    graph: Graph
    name: bytes

    @property
    def key(self) -> _Key:
        return id(self.scopes), id(self.graph), self.name


class _Call(NamedTuple):
    """What one call gives a function."""

    shared: _Shared
    function: Function
    attributes: dict[bytes, tuple[Attribute, Scopes]]
    inputs: dict[bytes, Given]
    names: dict[bytes, bytes]


class Scopes:
    """Looks names up in a model; the index of a graph is built when it is first asked for.

    The first one of a model looks at its text: a function's inputs and attributes stand for
    nothing. ``enter`` makes the others. ``read`` holds the offsets of the tensors whose values were
    looked at.
    """

    def __init__(self, model: Model, call: _Call | None = None) -> None:
        self.function = call.function if call else None
        self._shared = call.shared if call else _Shared(model)
        self._attributes = call.attributes if call else None
        self._inputs: dict[bytes, Given] = call.inputs if call else {}
        self._omitted = frozenset(n for n, v in self._inputs.items() if v.static is OMITTED)
        self._names: dict[bytes, bytes] = call.names if call else {}

    @property
    def read(self) -> set[int]:
        """The offsets of the tensors whose values were looked at."""
        return self._shared.read

    # -- calls ------------------------------------------------------------------------------------

    def follow(self, functions: dict[Operator, Function], named: bool) -> None:
        """Follow calls of these functions, none of which may call itself.

        ``named`` tells calls apart by the names of what they give, too.
        """
        self._shared.functions = functions
        self._shared.named = named

    def visit(self, nodes: int) -> None:
        """Take nodes of one more call from what may be looked at.

        Raises:
            ModelError: OG005 where nothing is left.
        """
        self._shared.visits -= nodes
        if self._shared.visits < 0:
            raise ModelError(
                "OG005",
                "functions are called in more different ways than can be looked at",
                "inline the functions: onnx.inliner.inline_local_functions",
            )

    def given(self, node: Node) -> list[tuple[Attribute, Scopes]]:
        """The attributes of a node and where their graphs are at home: none is a reference."""
        if self._attributes is None:
            return [(attribute, self) for attribute in node.attributes]
        found: list[tuple[Attribute, Scopes]] = []
        for attribute in node.attributes:
            if not attribute.ref:
                found.append((attribute, self))
            elif attribute.ref in self._attributes:
                value, home = self._attributes[attribute.ref]
                found.append((value._replace(name=attribute.name), home))
        return found

    def bound(self, node: Node) -> Node:
        """The node with what the caller gives in place of references and omitted inputs."""
        if self._attributes is None:
            return node
        if any(attribute.ref for attribute in node.attributes):
            node = node._replace(attributes=[attribute for attribute, _ in self.given(node)])
        if not self._omitted.isdisjoint(node.inputs):
            names = [b"" if name in self._omitted else name for name in node.inputs]
            node = node._replace(inputs=names)
        return node

    def enter(self, graph: Graph, node: Node) -> Scopes | None:
        """The function that a node of ``graph`` calls, as this call sees it; None for no call."""
        shared = self._shared
        function = shared.functions.get(node.operator)
        if function is None:
            return None
        node = self.bound(node) if self._omitted else node
        attributes = {attribute.name: (attribute, home) for attribute, home in self.given(node)}
        inputs: dict[bytes, Given] = {}
        names: dict[bytes, bytes] = {}
        for formals, actuals in (
            (function.outputs, node.outputs),
            (function.inputs, node.inputs),
        ):
            for position, formal in enumerate(formals):
                actual = actuals[position] if position < len(actuals) else b""
                if formals is function.inputs:
                    inputs[formal] = self._give(graph, actual)
                if shared.named and actual:
                    names[formal] = self.final(graph, actual)
        own = [
            (*item, id(home) if item[1].graphs else 0)
            for item, home in (((name, a), home) for name, (a, home) in attributes.items())
        ]
        key = (
            id(function),
            frozenset(own),
            tuple([_key(value) for value in inputs.values()]),
            tuple(names.values()),
        )
        entered = shared.entered.get(key)
        if entered is None:
            self.visit(CALL_COST + len(function.body.nodes) + len(inputs))
            call = _Call(shared, function, attributes, inputs, names)
            entered = shared.entered[key] = Scopes(shared.model, call)
            for default in function.defaults:
                attributes.setdefault(default.name, (default, entered))
        return entered

    def _give(self, graph: Graph, name: bytes) -> Given:
        if not name:
            return Given(OMITTED, ())
        static = self.static(graph, name, fold=True)
        found = self.define(graph, name)
        if len(found) == 1 and (
            found[0].initializer is not None
            or found[0].value is not None
            or (found[0].node is not None and found[0].node.operator == CONSTANT)
        ):
            return Given(static, tuple(found))
        return Given(static if static.values is not None else UNKNOWN, ())

    def final(self, graph: Graph, name: bytes) -> bytes:
        """The name that ONNX Runtime gives to a value once all functions are inlined."""
        if self._attributes is None or self.function is None:
            return name
        scope: Graph | None = graph
        while scope is not None and scope.parent is not None:
            if self._index(scope).has(name):
                break
            scope = scope.parent
        else:
            if name in self._names:
                return self._names[name]
        return INLINED + self.function.id.op_type.encode("utf-8", "surrogateescape") + b"_" + name

    def home_of(self, graph: Graph, name: bytes) -> Graph | None:
        """The innermost graph around a reader that defines a name."""
        scope: Graph | None = graph
        while scope is not None and not self._index(scope).has(name):
            scope = scope.parent
        return scope

    def declared(self, graph: Graph) -> dict[bytes, int]:
        """The dtypes that a graph declares, by name."""
        found = self._shared.declared.get(id(graph))
        if found is None:
            values = [*graph.values, *graph.inputs, *graph.outputs]
            found = {value.name: value.type.dtype for value in reversed(values) if value.type.dtype}
            self._shared.declared[id(graph)] = found
        return found

    # -- definitions ------------------------------------------------------------------------------

    @cached_property
    def types(self) -> Types:
        """The type of every value, and what cannot be right; found when first asked for."""
        return infer_types(self._shared.model)

    def define(self, graph: Graph, name: bytes) -> list[Definition]:
        """Everything that defines ``name`` in the innermost scope that does; ``b""`` is nothing."""
        self._shared.lookups += 1
        if not self._shared.lookups & 255:
            check()
        scope: Graph | None = graph
        while scope is not None and name:
            index = self._index(scope)
            if index.has(name):
                return self._definitions(scope, name, index)
            scope = scope.parent
        return []

    def _definitions(self, scope: Graph, name: bytes, index: _Index) -> list[Definition]:
        found: list[Definition] = []
        if name in index.inputs:
            given = self._inputs.get(name) if scope.parent is None else None
            if given is not None and given.definitions:
                found += given.definitions
            else:
                found.append(Definition(scope, input=True, value=index.inputs[name]))
        if name in index.doubled:
            return found + index.doubled[name]
        if name in index.initializers:
            found.append(Definition(scope, initializer=index.initializers[name]))
        if name in index.nodes:
            found.append(Definition(scope, self.bound(index.nodes[name])))
        return found

    def _index(self, graph: Graph) -> _Index:
        index = self._shared.indexes.get(id(graph))
        if index is None:
            index = self._shared.indexes[id(graph)] = _index_of(graph)
        return index

    # -- constants --------------------------------------------------------------------------------

    def static(self, graph: Graph, name: bytes, fold: bool = False) -> Static:
        """The integers of a Constant node or initializer, or what a call gives for them.

        With ``fold`` floats as well, and simple arithmetic and calls are followed.
        """
        if fold:
            return self._folded(graph, name)
        leaf = self._leaf(graph, name)
        if isinstance(leaf, Static):
            return leaf
        return Static(None, 0, f"the output of {leaf[1].operator.label}")

    def _leaf(self, graph: Graph, name: bytes, floats: bool = False) -> Static | tuple[Graph, Node]:
        """A constant or why there is none; the graph and node where one computes it."""
        if not name:
            return OMITTED
        found = self.define(graph, name)
        if not found:
            return Static(None, 0, "undefined")
        if len(found) == 1 and self._inputs and name in self._inputs:
            home = self.home_of(graph, name)
            if home is not None and home.parent is None:
                return self._inputs[name].static
        if any(definition.input for definition in found):
            if len(found) > 1:
                return Static(None, 0, "an initializer that is an input: the caller may replace it")
            return UNKNOWN
        if len(found) > 1:
            return Static(None, 0, f"defined {len(found)} times")
        definition = found[0]
        if definition.node is None:
            if definition.initializer is None:
                return Static(None, 0, "undefined")
            return self._stored(definition.initializer, "initializer", floats)
        if definition.node.operator == CONSTANT:
            return self.constant(definition.node, floats)
        return definition.graph, definition.node

    def _folded(self, graph: Graph, name: bytes) -> Static:
        """Compute a constant, what it is made of first: no step recurses, each value once."""
        known = self._shared.constants
        key = id(self), id(graph), name
        if key in known:
            return known[key]
        leaf = self._leaf(graph, name, floats=True)
        if isinstance(leaf, Static):
            known[key] = leaf
            return leaf
        pending = [_Named(self, graph, name)]
        open_: set[_Key] = set()
        while pending:
            check()
            named = pending[-1]
            if named.key in known:
                pending.pop()
                open_.discard(named.key)
                continue
            value, missing = named.scopes.resolve(named.graph, named.name)
            if any(part.key in open_ for part in missing):
                value = Static(None, 0, "defined by itself")
            if value is not None:
                known[named.key] = value
                continue
            open_.add(named.key)
            pending += missing
        return known[key]

    def resolve(self, graph: Graph, name: bytes) -> tuple[Static | None, list[_Named]]:
        """A value, or the values that have to be known before."""
        leaf = self._leaf(graph, name, floats=True)
        if isinstance(leaf, Static):
            return leaf, []
        known = self._shared.constants
        parts = self._parts(*leaf)
        missing = [part for part in parts if part.key not in known]
        if missing:
            return None, missing
        made = self._made(*leaf, name)
        if made is None:
            return _computed(leaf[1], [known[part.key] for part in parts]), []
        return (known[made.key], []) if made.key in known else (None, [made])

    def _parts(self, graph: Graph, node: Node) -> list[_Named]:
        """The values that a node's output is made of, where that is looked into."""
        operator, count = node.operator, 0
        if operator in self._shared.functions:
            count = len(node.inputs)
        elif not operator.domain and not operator.overload:
            if operator.op_type in _KEEPS_VALUES:
                count = 1
            elif operator.op_type in _FOLDS:
                count = 2
            elif operator.op_type == "Concat" and len(node.inputs) <= INTS_READ:
                count = len(node.inputs)
        return [_Named(self, graph, name) for name in node.inputs[:count]]

    def _made(self, graph: Graph, node: Node, name: bytes) -> _Named | None:
        """Where a call's output is made: in the function, as this call sees it."""
        callee = self.enter(graph, node)
        if callee is None or callee.function is None:
            return None
        position = list(node.outputs).index(name)
        outputs = callee.function.outputs
        formal = outputs[position] if position < len(outputs) else b""
        return _Named(callee, callee.function.body, formal)

    def constant(self, node: Node, floats: bool = False) -> Static:
        """The integers of a Constant node, in whichever attribute they stand; or its floats."""
        given = [a for a in node.attributes if a.name in CONSTANT_ATTRIBUTES]
        if len(given) != 1:
            return Static(None, 0, f"a Constant with {len(given)} values")
        attribute = given[0]
        if attribute.ref:
            return Static(None, 0, "a Constant set by the caller of the function")
        if attribute.name == b"value" and len(attribute.tensors) == 1:
            return self._stored(attribute.tensors[0], "Constant", floats)
        if attribute.name == b"sparse_value" and len(attribute.sparse) == 1:
            return self._stored(attribute.sparse[0], "Constant", floats)
        if attribute.name in (b"value_int", b"value_ints"):  # runtimes take either's field
            if attribute.i is not None:
                return Static((attribute.i,), 7, "Constant")
            if len(attribute.ints) < INTS_READ:
                return Static(attribute.ints, 7, "Constant")
        if floats and attribute.name == b"value_float" and attribute.f is not None:
            return Static((attribute.f,), 1, "Constant")
        if floats and attribute.name == b"value_floats" and len(attribute.floats) < INTS_READ:
            return Static(attribute.floats, 1, "Constant")
        return Static(None, 0, "a Constant that is not of integers")

    def floats(self, graph: Graph, name: bytes) -> tuple[float, ...]:
        """The values of a small float constant; empty for anything else."""
        found = self._folded(graph, name)
        return found.values or () if found.dtype in _FLOATS else ()

    def _stored(self, tensor: Tensor | SparseTensor, source: str, floats: bool) -> Static:
        if isinstance(tensor, SparseTensor):
            return self._dense(tensor, source, floats)
        count = tensor.elements
        of_floats = floats and tensor.dtype in _FLOATS
        if tensor.dtype not in _INTEGERS and not of_floats:
            return Static(None, tensor.dtype, f"{source} of {dtype_name(tensor.dtype)}")
        if tensor.is_external:
            return Static(None, tensor.dtype, f"{source} with its values in another file")
        if not 0 <= count <= INTS_READ:
            return Static(None, tensor.dtype, f"{source} of too many elements")
        self.read.add(tensor.start)
        if len(tensor.data) == 1:
            return self._decoded(tensor, source, of_floats)
        kept = self._shared.joined
        if tensor.start not in kept:  # a hostile one is of millions of segments
            kept[tensor.start] = self._decoded(tensor, source, tensor.dtype in _FLOATS)
        return kept[tensor.start]

    def _dense(self, sparse: SparseTensor, source: str, floats: bool) -> Static:
        """A sparse tensor of one dimension, as runtimes make it dense."""
        unknown = Static(None, 0, "a sparse tensor that is not a short list")
        values, indices, dims = sparse.values, sparse.indices, sparse.dims
        if values is None or len(dims) != 1 or not 0 <= dims[0] <= INTS_READ:
            return unknown
        held = self._stored(values, source, floats)
        if held.values is None:
            return held
        places: tuple[float, ...] | None = ()
        if held.values:
            places = self._stored(indices, source, False).values if indices else None
        if places is None or len(places) != len(held.values) or len(set(places)) != len(places):
            return unknown
        dense: list[float] = [0] * dims[0]
        for place, value in zip(places, held.values, strict=True):
            if not 0 <= place < len(dense):
                return unknown
            dense[int(place)] = value
        return Static(tuple(dense), held.dtype, source)

    def _decoded(self, tensor: Tensor, source: str, of_floats: bool) -> Static:
        if len({data.field for data in tensor.data}) > 1:
            return Static(None, tensor.dtype, f"{source} whose values are given twice")
        model, count = self._shared.model, tensor.elements
        values: list[int] | list[float] = (
            read_floats(model, tensor) if of_floats else read_integers(model, tensor)
        )
        if len(values) != count:
            return Static(None, tensor.dtype, f"{source} with {len(values)} values for {count}")
        return Static(tuple(values), tensor.dtype, source)


CONSTANT_ATTRIBUTES = frozenset(
    b"value sparse_value value_float value_floats value_int value_ints value_string "
    b"value_strings".split()
)


def read_integers(model: Model, tensor: Tensor, limit: int = INTS_READ + 1) -> list[int]:
    """Decode up to ``limit`` integers of a tensor's data, of which each segment adds its own."""
    values: list[int] = []
    width = _INTEGERS.get(tensor.dtype, 0)
    for data in _segments(tensor):
        room = limit - len(values)
        if room <= 0:
            break
        if data.field == 9 and width:
            raw = model.data[data.start : min(data.end, data.start + width * room)]
            values += [
                int.from_bytes(raw[at : at + width], "little", signed=tensor.dtype in _SIGNED)
                for at in range(0, len(raw) - width + 1, width)
            ]
        elif data.field in (5, 7, 11):
            read = varints(model.data, data.start, data.end, data.packed, room)
            values += [_as_dtype(value, tensor.dtype, data.field) for value in read]
    return values


def _segments(tensor: Tensor) -> tuple[Data, ...]:
    """What protobuf reads of a tensor's data: repeated fields are joined, of raw ones the last."""
    raw = bool(tensor.data) and tensor.data[-1].field == 9
    return tensor.data[-1:] if raw else tensor.data


def _as_dtype(value: int, dtype: int, field: int) -> int:
    """A number of a typed field as its dtype holds it: int32_data and narrow dtypes drop bits."""
    if field == 5:
        value = signed(value, 32)
    bits = 8 * _INTEGERS.get(dtype, 8)
    return signed(value, bits) if dtype in _SIGNED else value & (1 << bits) - 1


def read_floats(model: Model, tensor: Tensor, limit: int = INTS_READ) -> list[float]:
    """Decode up to ``limit`` floats of a tensor's data, of which each segment adds its own."""
    values: list[float] = []
    if tensor.dtype not in _FLOATS:
        return values
    code, width = _FLOATS[tensor.dtype]
    for data in _segments(tensor):
        room = limit - len(values)
        if room <= 0:
            break
        if data.field == 5 and tensor.dtype == FLOAT16:
            read = varints(model.data, data.start, data.end, data.packed, room)
            raw = b"".join([(value & 0xFFFF).to_bytes(2, "little") for value in read])
        elif data.field in (9, _FLOAT_FIELDS.get(tensor.dtype)):
            step = width if data.packed or data.field == 9 else width + 1  # a run repeats its tag
            held = model.data[data.start : min(data.end, data.start + step * room)]
            raw = b"".join([held[at : at + width] for at in range(0, len(held), step)])
        else:
            return []
        whole = raw[: len(raw) // width * width]
        values += [value for (value,) in struct.iter_unpack(code, whole)]
    return values


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


def _index_of(graph: Graph) -> _Index:
    inputs: dict[bytes, Value | None] = {value.name: value for value in graph.inputs}
    if graph.function is not None and graph.parent is None:
        inputs |= dict.fromkeys(graph.function.inputs)
    initializers: dict[bytes, Tensor | SparseTensor] = {t.name: t for t in graph.initializers}
    initializers |= {s.values.name: s for s in graph.sparse_initializers if s.values}
    nodes = {name: node for node in graph.nodes for name in node.outputs}
    stored = len(graph.initializers) + len(graph.sparse_initializers)
    made = sum([len(node.outputs) for node in graph.nodes])
    doubled: dict[bytes, list[Definition]] = {}
    if len(nodes) != made or len(initializers) != stored:
        doubled = _doubled(graph)
    return _Index(nodes, initializers, inputs, doubled)


def _doubled(graph: Graph) -> dict[bytes, list[Definition]]:
    """The names that nodes and initializers define more than once, with all that define them."""
    found: dict[bytes, list[Definition]] = {}
    for tensor in graph.initializers:
        found.setdefault(tensor.name, []).append(Definition(graph, initializer=tensor))
    for sparse in graph.sparse_initializers:
        if sparse.values is not None:
            found.setdefault(sparse.values.name, []).append(Definition(graph, initializer=sparse))
    for node in graph.nodes:
        for name in node.outputs:
            found.setdefault(name, []).append(Definition(graph, node))
    return {name: each for name, each in found.items() if len(each) > 1}


def _key(given: Given) -> object:
    """What tells two values apart that a call may give; weights of one dtype and shape do not."""
    (found,) = given.definitions or (None,)
    what: object = None
    if found is not None:
        stored = found.initializer
        if isinstance(stored, Tensor):
            what = stored.dtype, stored.dims
        elif found.value is not None:
            what = found.value.type
        else:
            what = stored.start if stored else found.node.start if found.node else None
    return given.static.values, given.static.dtype, given.static.source, what


def _computed(node: Node, known: list[Static]) -> Static:
    """What simple arithmetic makes of constants."""
    op_type, unknown = node.operator.op_type, f"the output of {node.operator.label}"
    if not known or node.operator.domain or node.operator.overload:
        return Static(None, 0, unknown)
    if op_type == "Cast":
        to = node.attribute(b"to")
        return _cast(known[0], to.i if to is not None else None, unknown)
    if op_type in _KEEPS_VALUES:
        return known[0]
    if op_type in _FOLDS:
        return _fold(op_type, *known) if len(known) == 2 else Static(None, 0, unknown)
    if op_type == "Concat" and all(part.values is not None for part in known):
        joined = tuple([v for part in known for v in part.values or ()])
        return Static(joined[:INTS_READ], known[0].dtype, "Concat of constants")
    return Static(None, 0, unknown)


def _cast(value: Static, to: int | None, unknown: str) -> Static:
    if value.values is None or to is None or not (to in _INTEGERS or to in _FLOATS):
        return Static(None, 0, value.source if value.values is None else unknown)
    if to in _FLOATS:
        return Static(tuple([float(v) for v in value.values]), to, value.source)
    if not all(isfinite(v) for v in value.values):
        return Static(None, 0, unknown)
    if to == 9:
        return Static(tuple([int(v != 0) for v in value.values]), to, value.source)
    bits = 8 * _INTEGERS[to]
    whole = [int(v) & ((1 << bits) - 1) for v in value.values]
    if to in _SIGNED:
        whole = [signed(v, bits) for v in whole]
    return Static(tuple(whole), to, value.source)


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
    wrapped = [signed(v) if isinstance(v, int) else v for v in values]
    return Static(tuple(wrapped), left.dtype, f"{op_type} of constants")
