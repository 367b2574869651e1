"""Read a model's structure from its bytes: every graph, function, node and tensor header.

Two paths read nodes and tensors. The fast one takes the form that exporters write and gives up on
anything else; the careful one, driven by the tables of ``messages``, takes whatever a protobuf
reader takes and notes what was odd. The walk keeps a list of graphs still to read, so that nothing
recurses however deep a model nests.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from itertools import product
from typing import TypeVar

from onnxguard import messages as m
from onnxguard.errors import ModelError, WireError
from onnxguard.findings import Place
from onnxguard.graph import (
    Attribute,
    Data,
    Function,
    Graph,
    Model,
    Node,
    Operator,
    Opset,
    SparseTensor,
    Tensor,
    Type,
    Value,
)
from onnxguard.messages import FieldSpec, Message
from onnxguard.printable import printable
from onnxguard.wire import (
    I32,
    LEN,
    SGROUP,
    VARINT,
    Buffer,
    Field,
    fields,
    read_length,
    read_varint,
    signed,
    varints,
)

STEPS = 4_000_000
"""Default bound on the work of one read; a node costs six steps and one for each of its fields."""

INLINE_NODE = 4096
"""A node of at most this many bytes is copied out and read at once."""

VALUES_KEPT = 64
"""Values of a list attribute that are decoded."""

TYPE_DEPTH = 64
"""protobuf refuses messages nested deeper than 100; each level of a type takes one or two."""

T = TypeVar("T")

_MEMO_SIZE = 4096
_MEMO_BYTES = 256
_operators: dict[bytes, Operator] = {}
_attributes: dict[bytes, Attribute] = {}
_nodes: dict[bytes, tuple[Operator, bytes, list[bytes], list[bytes], list[Attribute]]] = {}
_types: dict[bytes, Type] = {}

_VALUE_FIELDS = {1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7, 7: 8, 8: 9, 9: 10, 10: 11, 11: 22, 12: 23}
_VALUE_FIELDS |= {13: 14, 14: 15}
"""AttributeProto.AttributeType -> the field that holds such a value."""

_TYPE_NAMES = ["UNDEFINED", "FLOAT", "INT", "STRING", "TENSOR", "GRAPH", "FLOATS", "INTS"]
_TYPE_NAMES += ["STRINGS", "TENSORS", "GRAPHS", "SPARSE_TENSOR", "SPARSE_TENSORS", "TYPE_PROTO"]
_TYPE_NAMES += ["TYPE_PROTOS"]


def read_model(data: Buffer, steps: int = STEPS) -> Model:
    """Read the structure of a serialized ModelProto.

    Args:
        data: the whole file; only the parts that are not tensor data are touched.
        steps: how much work is allowed before the read is given up.

    Raises:
        ModelError: OG003 for bytes that are not a protobuf message, OG004 where no graph is, OG005
            where the work runs out.
    """
    try:
        return _Reader(data, steps).read()
    except WireError as error:
        raise ModelError(
            "OG003",
            f"malformed protobuf at byte {error.offset}: {error}",
            "the file is damaged, cut off or not an ONNX model: export or fetch it again",
            error.offset,
        ) from None


class _Where:
    """Where the reader is, turned into a route only when something is odd."""

    __slots__ = ("graph", "item")

    def __init__(self, graph: Graph | None, item: str) -> None:
        self.graph = graph
        self.item = item

    def place(self, start: int, end: int) -> Place:
        if self.graph is None:
            return Place(self.item, start, end)
        route = self.graph.route
        return Place(f"{route}/{self.item}" if self.item else route, start, end)


class _Reader:
    def __init__(self, data: Buffer, steps: int) -> None:
        self.data = data
        self.steps = steps
        self.model = Model(data)
        self.pending: deque[tuple[Graph, int, int]] = deque()
        self.notes = 0

    # -- what every message shares ------------------------------------------------------------

    def spend(self, steps: int) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise ModelError(
                "OG005",
                "more nodes and fields than the limits allow to read: reading stopped",
                "raise limits.nodes in the allowlist if a model of this size is meant",
            )

    def note(self, code: str, message: str, where: _Where, start: int, end: int) -> None:
        self.notes += 1
        self.model.note(code, message, where.place(start, end))

    def known(
        self, message: Message, start: int, end: int, where: _Where
    ) -> Iterator[tuple[str, Field]]:
        """Yield the fields that the message defines by name; note whatever else is there."""
        table = message.fields
        seen: set[int] = set()
        packed: dict[int, bool] = {}
        for field in fields(self.data, start, end):
            self.spend(2)
            spec = table.get(field.number)
            if spec is None or field.wire_type not in spec.wire_types:
                self.unknown(message, field, spec, where)
                continue
            if not spec.repeated:
                if field.number in seen or field.count > 1:
                    self.note(
                        "OG602",
                        f"{message.name}.{spec.name} is given more than once",
                        where,
                        field.start,
                        field.end,
                    )
                seen.add(field.number)
            elif len(spec.wire_types) > 1:
                is_packed = field.wire_type == LEN
                if packed.setdefault(field.number, is_packed) != is_packed:
                    self.note(
                        "OG604",
                        f"{message.name}.{spec.name} is given both packed and unpacked",
                        where,
                        field.start,
                        field.end,
                    )
            yield spec.name, field

    def unknown(
        self, message: Message, field: Field, spec: FieldSpec | None, where: _Where
    ) -> None:
        if field.wire_type == SGROUP:
            code, what = "OG603", f"{message.name} field {field.number} is a group"
        elif spec is None:
            code, what = "OG601", f"{message.name} has an unknown field {field.number}"
        else:
            code = "OG601"
            what = f"{message.name}.{spec.name} is written with wire type {field.wire_type}"
        self.note(code, what, where, field.start, field.end)

    def text(self, field: Field, what: str, where: _Where) -> bytes:
        """The bytes of a string field; ONNX requires UTF-8."""
        value = self.data[field.start : field.end]
        if not value.isascii() and not _is_utf8(value):
            self.note("OG605", f"{what} is not UTF-8", where, field.start, field.end)
        return value

    def entry(self, start: int, end: int, where: _Where) -> tuple[bytes, bytes]:
        key = value = b""
        for name, field in self.known(m.ENTRY, start, end, where):
            if name == "key":
                key = self.text(field, "a metadata key", where)
            else:
                value = self.text(field, "a metadata value", where)
        return key, value

    def check(self, message: Message, start: int, end: int, where: _Where) -> None:
        """Note what is odd in a message that nothing else looks at, and in those inside it."""
        pending = [(message, start, end)]
        while pending:
            outer, begin, stop = pending.pop()
            for name, field in self.known(outer, begin, stop, where):
                inner = _UNREAD.get((outer.name, name))
                if inner is not None:
                    pending.append((inner, field.start, field.end))

    # -- the model ----------------------------------------------------------------------------

    def read(self) -> Model:
        model, data = self.model, self.data
        where = _Where(None, "model")
        has_graph = False
        for name, field in self.known(m.MODEL, 0, len(data), where):
            if name == "graph":
                has_graph = True
                self.enter(model.graph, field.start, field.end)
            elif name == "ir_version":
                model.ir_version = signed(field.value)
            elif name == "opset_import":
                model.opsets.append(self.opset(field.start, field.end, where))
            elif name == "functions":
                self.function(field.start, field.end)
            elif name == "training_info":
                self.training(field.start, field.end)
            elif name == "metadata_props":
                model.metadata.append(self.entry(field.start, field.end, where))
            elif name == "model_version":
                model.model_version = signed(field.value)
            elif name == "producer_name":
                model.producer = self.text(field, "producer_name", where)
            elif name == "producer_version":
                model.producer_version = self.text(field, "producer_version", where)
            elif name == "configuration":
                self.check(m.DEVICE_CONFIGURATION, field.start, field.end, where)
        self.drain()
        if not has_graph:
            raise ModelError(
                "OG004",
                "there is no graph in this file",
                "an ONNX model holds ModelProto.graph; this may be a tensor, a data file or "
                "another protobuf",
            )
        return model

    def enter(self, graph: Graph, start: int, end: int) -> None:
        """Put a graph on the list; one that is given twice is read as one, as protobuf does."""
        if not graph.spans:
            self.model.graphs.append(graph)
        graph.spans.append((start, end))
        self.pending.append((graph, start, end))

    def drain(self) -> None:
        while self.pending:
            self.graph(*self.pending.popleft())

    def opset(self, start: int, end: int, where: _Where) -> Opset:
        domain, version = b"", 0
        for name, field in self.known(m.OPSET_IMPORT, start, end, where):
            if name == "domain":
                domain = self.text(field, "the domain of an opset_import", where)
            else:
                version = signed(field.value)
        return Opset(domain.decode("utf-8", "surrogateescape"), version, start, end)

    def training(self, start: int, end: int) -> None:
        label = f"training_info {len(self.model.training_places)}"
        self.model.training_places.append(Place(label, start, end))
        where = _Where(None, label)
        parts: dict[str, Graph] = {}
        for name, field in self.known(m.TRAINING, start, end, where):
            if name in ("initialization", "algorithm"):
                part = parts.setdefault(name, Graph(f"{label}.{name}"))
                self.enter(part, field.start, field.end)
            else:
                self.check(m.ENTRY, field.start, field.end, where)
        self.model.training += parts.values()

    def function(self, start: int, end: int) -> None:
        function = Function(start, end)
        body = function.body
        body.spans.append((start, end))
        number = len(self.model.functions)
        self.model.functions.append(function)
        self.model.graphs.append(body)
        body.label = f"function {number}"
        where = _Where(body, "")
        identity = {"domain": "", "name": "", "overload": ""}
        defaults: list[Field] = []
        nodes: list[Field] = []
        for name, field in self.known(m.FUNCTION, start, end, where):
            if name == "node":
                nodes.append(field)
            elif name in identity:
                text = self.text(field, f"FunctionProto.{name}", where)
                identity[name] = text.decode("utf-8", "surrogateescape")
            elif name == "input":
                function.inputs.append(self.text(field, "a function's input", where))
            elif name == "output":
                function.outputs.append(self.text(field, "a function's output", where))
            elif name == "attribute":
                function.attributes.append(self.text(field, "a function's attribute", where))
            elif name == "attribute_proto":
                defaults.append(field)
            elif name == "opset_import":
                function.opsets.append(self.opset(field.start, field.end, where))
            elif name == "value_info":
                body.values.append(self.value(field.start, field.end, where))
            elif name == "metadata_props":
                self.check(m.ENTRY, field.start, field.end, where)
        domain = identity["domain"]
        function.id = Operator(
            "" if domain == "ai.onnx" else domain, identity["name"], identity["overload"]
        )
        body.label = f"function {function.id.label}"
        for field in nodes:
            self.node(body, field.start, field.end)
        for field in defaults:
            function.defaults.append(self.attribute(field.start, field.end, body, -1))

    # -- a graph ------------------------------------------------------------------------------

    def graph(self, graph: Graph, start: int, end: int) -> None:
        data = self.data
        seen: set[int] = set()
        pos = start
        while pos < end:
            tag = data[pos]
            if tag == 0x0A or tag == 0x2A:  # node and initializer: nearly all of a model
                body, stop = pos + 2, 0
                if body <= end and (size := data[pos + 1]) < 0x80:
                    stop = body + size
                if not stop or stop > end:
                    body, stop = read_length(data, pos + 1, end)
                pos = stop
                if tag == 0x0A:
                    self.node(graph, body, stop)
                else:
                    where = _Where(graph, f"initializer {len(graph.initializers)}")
                    graph.initializers.append(self.tensor(body, stop, where))
                continue
            field = next(fields(data, pos, end))
            pos = field.end
            self.spend(2)
            self.graph_field(graph, field, seen)

    def graph_field(self, graph: Graph, field: Field, seen: set[int]) -> None:
        where = _Where(graph, "")
        spec = m.GRAPH.fields.get(field.number)
        if spec is None or field.wire_type != LEN:
            self.unknown(m.GRAPH, field, spec, where)
            return
        start, end, name = field.start, field.end, spec.name
        if not spec.repeated:
            if field.number in seen:
                what = f"GraphProto.{name} is given more than once"
                self.note("OG602", what, where, start, end)
            seen.add(field.number)
        if name == "value_info":
            graph.values.append(self.value(start, end, where))
        elif name == "input":
            graph.inputs.append(self.value(start, end, where))
        elif name == "output":
            graph.outputs.append(self.value(start, end, where))
        elif name == "name":
            graph.name = self.text(field, "a graph's name", where)
        elif name == "sparse_initializer":
            where.item = f"sparse_initializer {len(graph.sparse_initializers)}"
            graph.sparse_initializers.append(self.sparse(start, end, where))
        elif name == "metadata_props":
            self.check(m.ENTRY, start, end, where)
        elif name == "quantization_annotation":
            self.check(m.QUANTIZATION, start, end, where)
        elif name == "node":
            self.node(graph, start, end)
        elif name == "initializer":
            graph.initializers.append(self.tensor(start, end, where))

    # -- a node -------------------------------------------------------------------------------

    def node(self, graph: Graph, start: int, end: int) -> None:
        node = None
        if end - start <= INLINE_NODE:
            node = self.plain_node(graph, self.data[start:end], start)
        graph.nodes.append(node or self.odd_node(graph, start, end))

    def plain_node(self, graph: Graph, raw: bytes, start: int) -> Node | None:
        """Read a node written as exporters write it; None for anything else."""
        size = len(raw)
        known = _nodes.get(raw)
        if known is not None:
            self.steps -= 6
            return Node(*known, start, start + size)
        inputs: list[bytes] = []
        outputs: list[bytes] = []
        attributes: list[Attribute] = []
        fresh: list[tuple[int, int, int]] = []
        name = op_type = domain = overload = None
        pos = 0
        try:
            while pos < size:
                tag = raw[pos]
                length = raw[pos + 1]
                pos += 2
                if length > 0x7F:
                    length, pos = read_varint(raw, pos - 1, size)
                stop = pos + length
                if stop > size:
                    return None
                if tag == 0x0A:
                    inputs.append(raw[pos:stop])
                elif tag == 0x12:
                    outputs.append(raw[pos:stop])
                elif tag == 0x2A:
                    attribute = _attributes.get(raw[pos:stop])
                    if attribute is None:
                        fresh.append((len(attributes), start + pos, start + stop))
                        attribute = _NO_ATTRIBUTE
                    attributes.append(attribute)
                elif tag == 0x22 and op_type is None:
                    op_type = raw[pos:stop]
                elif tag == 0x1A and name is None:
                    name = raw[pos:stop]
                elif tag == 0x3A and domain is None:
                    domain = raw[pos:stop]
                elif tag == 0x42 and overload is None:
                    overload = raw[pos:stop]
                elif tag != 0x4A or not _is_plain_entry(raw, pos, stop):
                    return None
                pos = stop
        except (IndexError, WireError):
            return None
        if not raw.isascii():
            texts = (name or b"", op_type or b"", domain or b"", overload or b"")
            if not all(map(_is_utf8, (*inputs, *outputs, *texts))):
                return None
        operator = _operators.get(op_type or b"") if not domain and not overload else None
        if operator is None:
            self.steps -= 16
            operator = _operator(op_type or b"", domain or b"", overload or b"")
        self.steps -= 6 + len(inputs) + len(outputs) + len(attributes)
        if self.steps < 0:
            self.spend(0)
        for index, body, stop in fresh:
            attributes[index] = self.attribute(body, stop, graph, len(graph.nodes))
        notes = self.notes
        if len(attributes) > 1:
            self.attribute_names(graph, attributes, start, start + size)
        parts = operator, name or b"", inputs, outputs, attributes
        if not fresh and notes == self.notes:
            _remember(_nodes, raw, parts)
        return Node(*parts, start, start + size)

    def odd_node(self, graph: Graph, start: int, end: int) -> Node:
        """Read any node. The last of a repeated field counts; the others are overridden."""
        index = len(graph.nodes)
        where = _Where(graph, f"node {index}")
        inputs: list[bytes] = []
        outputs: list[bytes] = []
        attributes: list[Attribute] = []
        name_bytes = b""
        identity: dict[str, list[bytes]] = {"domain": [], "op_type": [], "overload": []}
        for name, field in self.known(m.NODE, start, end, where):
            if name == "input":
                inputs.append(self.text(field, "a node's input", where))
            elif name == "output":
                outputs.append(self.text(field, "a node's output", where))
            elif name == "attribute":
                attributes.append(self.attribute(field.start, field.end, graph, index))
            elif name in identity:
                identity[name].append(self.text(field, f"NodeProto.{name}", where))
            elif name == "name":
                name_bytes = self.text(field, "a node's name", where)
            elif name == "metadata_props":
                self.check(m.ENTRY, field.start, field.end, where)
            elif name == "device_configurations":
                self.check(m.NODE_DEVICE_CONFIGURATION, field.start, field.end, where)
        choices = [values[-OVERRIDDEN_KEPT:] or [b""] for values in identity.values()]
        operators = [_operator(op, domain, over) for domain, op, over in product(*choices)]
        graph.overridden += [(index, op) for op in operators[:-1] if op != operators[-1]]
        self.attribute_names(graph, attributes, start, end)
        return Node(operators[-1], name_bytes, inputs, outputs, attributes, start, end)

    def attribute_names(
        self, graph: Graph, attributes: list[Attribute], start: int, end: int
    ) -> None:
        names = [attribute.name for attribute in attributes]
        if len(set(names)) == len(names):
            return
        where = _Where(graph, f"node {len(graph.nodes)}")
        for name in sorted({name for name in names if names.count(name) > 1})[:OVERRIDDEN_KEPT]:
            what = f'attribute "{printable(name)}" is given more than once'
            self.note("OG112", what, where, start, end)

    # -- an attribute -------------------------------------------------------------------------

    def attribute(self, start: int, end: int, graph: Graph, owner: int) -> Attribute:
        """Read an AttributeProto; ``owner`` is its node's index, -1 for a function's default."""
        data, notes = self.data, self.notes
        where = _Where(graph, f"node {owner}" if owner >= 0 else "attribute default")
        name = ref = b""
        kind = 0
        scalar_i: int | None = None
        scalar_f: float | None = None
        scalar_s: bytes | None = None
        ints: list[int] = []
        floats: list[float] = []
        strings: list[bytes] = []
        tensors: list[Tensor] = []
        sparse: list[SparseTensor] = []
        graphs: list[tuple[str, Field]] = []
        filled: set[int] = set()
        for key, field in self.known(m.ATTRIBUTE, start, end, where):
            if field.number in _HOLDS_VALUE:
                filled.add(field.number)
            if key == "name":
                name = self.text(field, "an attribute's name", where)
            elif key == "type":
                kind = signed(field.value, 32)
            elif key == "i":
                scalar_i = signed(field.value)
            elif key == "f":
                scalar_f = _float(field.value)
            elif key == "s":
                scalar_s = data[field.start : min(field.end, field.start + STRING_KEPT)]
            elif key == "ints":
                packed = field.wire_type == LEN
                room = VALUES_KEPT - len(ints)
                ints += varints(data, field.start, field.end, packed, room)
            elif key == "floats":
                floats += self.floats(field, VALUES_KEPT - len(floats))
            elif key == "strings":
                if len(strings) < VALUES_KEPT:
                    strings.append(data[field.start : min(field.end, field.start + STRING_KEPT)])
            elif key in ("t", "tensors"):
                tensors.append(self.tensor(field.start, field.end, where))
            elif key in ("g", "graphs"):
                graphs.append((key, field))
            elif key in ("sparse_tensor", "sparse_tensors"):
                sparse.append(self.sparse(field.start, field.end, where))
            elif key in ("tp", "type_protos"):
                self.type(field.start, field.end, where)
            elif key == "ref_attr_name":
                ref = self.text(field, "ref_attr_name", where)
        for tensor in tensors:
            graph.attribute_tensors.append((owner, name, tensor))
        for item in sparse:
            for part in (item.values, item.indices):
                if part is not None:
                    graph.attribute_tensors.append((owner, name, part))
        self.attribute_type(name, kind, ref, filled, where, start, end)
        attribute = Attribute(
            name,
            kind,
            ref,
            scalar_i,
            scalar_f,
            scalar_s,
            tuple(ints),
            tuple(floats),
            tuple(strings),
            tuple(tensors),
            tuple(sparse),
            self.subgraphs(name, graphs, graph, owner),
        )
        if not (tensors or sparse or graphs) and notes == self.notes:
            _remember(_attributes, data[start:end], attribute)
        return attribute

    def floats(self, field: Field, limit: int) -> list[float]:
        step = 4 if field.wire_type == LEN else 5
        stop = min(field.end, field.start + step * max(limit, 0))
        raw = self.data[field.start : stop]
        return [
            struct.unpack_from("<f", raw, at)[0] for at in range(0, len(raw) - 3, step)
        ]

    def attribute_type(
        self,
        name: bytes,
        kind: int,
        ref: bytes,
        filled: set[int],
        where: _Where,
        start: int,
        end: int,
    ) -> None:
        expected = _VALUE_FIELDS.get(kind)
        if expected is None and not (kind == 0 and not filled and ref):
            declared = "no type" if kind == 0 else f"the unknown type {kind}"
        elif ref and filled:
            declared = "a reference to a function's attribute"
        elif filled <= {expected}:
            return
        else:
            declared = f"type {_TYPE_NAMES[kind]}"
        held = ", ".join(m.ATTRIBUTE.fields[number].name for number in sorted(filled))
        self.note(
            "OG111",
            f'attribute "{printable(name)}" declares {declared} but fills {held or "nothing"}',
            where,
            start,
            end,
        )

    def subgraphs(
        self, name: bytes, found: list[tuple[str, Field]], graph: Graph, owner: int
    ) -> tuple[Graph, ...]:
        """Put an attribute's graphs on the list; ``g`` given twice is one graph, as in protobuf."""
        label = printable(name, 64) if owner >= 0 else f'attribute "{printable(name, 64)}"'
        single: Graph | None = None
        graphs: list[Graph] = []
        for key, field in found:
            if key == "g" and single is not None:
                self.enter(single, field.start, field.end)
                continue
            inner = Graph(label if key == "g" else f"{label}[{len(graphs)}]", graph, owner)
            if key == "g":
                single = inner
            self.enter(inner, field.start, field.end)
            graphs.append(inner)
        graph.subgraphs += graphs
        return tuple(graphs)

    # -- tensors, values and types ------------------------------------------------------------

    def tensor(self, start: int, end: int, where: _Where) -> Tensor:
        self.spend(4)
        return self.plain_tensor(start, end) or self.odd_tensor(start, end, where)

    def plain_tensor(self, start: int, end: int) -> Tensor | None:
        """Read a tensor written as exporters write it; None for anything else."""
        head = self.data[start : min(end, start + TENSOR_HEAD)]
        size, total = len(head), end - start
        dims: list[int] = []
        segments: list[Data] = []
        name = dtype = None
        pos = 0
        try:
            while pos < total:
                tag = head[pos]
                value = head[pos + 1]
                pos += 2
                if value > 0x7F:
                    value, pos = read_varint(head, pos - 1, size)
                if tag == 0x08:
                    dims.append(value)
                    continue
                if tag == 0x10 and dtype is None:
                    dtype = value
                    continue
                stop = pos + value
                if stop > total:
                    return None
                if tag == 0x42 and name is None and stop <= size:
                    name = head[pos:stop]
                elif tag in _PACKED_DATA and not segments:
                    segments.append(Data(tag >> 3, True, start + pos, start + stop))
                else:
                    return None
                pos = stop
        except (IndexError, WireError):
            return None
        if len(dims) > PLAIN_RANK or any(dim >> 63 for dim in dims):
            return None
        if name is not None and not name.isascii() and not _is_utf8(name):
            return None
        if dtype is not None and dtype > 0x7FFFFFFF:
            return None
        data = tuple(segments)
        return Tensor(name or b"", dtype or 0, tuple(dims), data, (), False, start, end)

    def odd_tensor(self, start: int, end: int, where: _Where) -> Tensor:
        data = self.data
        name = b""
        dtype = location = 0
        dims: list[int] = []
        segments: list[Data] = []
        external: list[tuple[bytes, bytes]] = []
        for key, field in self.known(m.TENSOR, start, end, where):
            if key == "dims":
                packed = field.wire_type == LEN
                dims += varints(data, field.start, field.end, packed, DIMS_KEPT - len(dims))
            elif key == "data_type":
                dtype = signed(field.value, 32)
            elif key == "name":
                name = self.text(field, "a tensor's name", where)
            elif key == "external_data":
                self.model.has_external_data = True
                external.append(self.entry(field.start, field.end, where))
            elif key == "data_location":
                location = signed(field.value, 32)
                self.model.has_external_data |= location == 1
                if location not in (0, 1):
                    what = f"TensorProto.data_location is {location}, which does not exist"
                    self.note("OG601", what, where, field.start, field.end)
            elif key == "segment":
                self.check(m.SEGMENT, field.start, field.end, where)
            elif key == "metadata_props":
                self.check(m.ENTRY, field.start, field.end, where)
            elif field.number in _DATA_FIELDS:
                _add_data(segments, field)
        return Tensor(
            name, dtype, tuple(dims), tuple(segments), tuple(external), location == 1, start, end
        )

    def sparse(self, start: int, end: int, where: _Where) -> SparseTensor:
        parts: dict[str, Tensor] = {}
        dims: list[int] = []
        for key, field in self.known(m.SPARSE_TENSOR, start, end, where):
            if key == "dims":
                packed = field.wire_type == LEN
                room = DIMS_KEPT - len(dims)
                dims += varints(self.data, field.start, field.end, packed, room)
            else:
                parts[key] = self.tensor(field.start, field.end, where)
        return SparseTensor(parts.get("values"), parts.get("indices"), tuple(dims), start, end)

    def value(self, start: int, end: int, where: _Where) -> Value:
        name = b""
        kind = Type("undeclared", 0, None)
        where = _Where(where.graph, "value")
        for key, field in self.known(m.VALUE_INFO, start, end, where):
            if key == "name":
                name = self.text(field, "a value's name", where)
                where.item = f'value "{printable(name)}"'
            elif key == "type":
                kind = self.type(field.start, field.end, where)
            elif key == "metadata_props":
                self.check(m.ENTRY, field.start, field.end, where)
        return Value(name, kind, start, end)

    def type(self, start: int, end: int, where: _Where) -> Type:
        """Read a TypeProto down to the tensor inside its sequences, maps and optionals."""
        raw = self.data[start : min(end, start + _MEMO_BYTES)]
        known = _types.get(raw) if len(raw) == end - start else None
        if known is not None:
            return known
        notes = self.notes
        outer: list[str] = []
        inner: Type | None = None
        begin, stop = start, end
        while inner is None:
            choices = [
                (key, field)
                for key, field in self.known(m.TYPE, begin, stop, where)
                if key != "denotation"
            ]
            if len(choices) > 1:
                self.note("OG602", "TypeProto holds more than one type", where, begin, stop)
            key, field = choices[-1] if choices else ("", None)
            if field is None:
                inner = Type("undeclared", 0, None)
            elif key in ("tensor_type", "sparse_tensor_type"):
                inner = self.tensor_type(field, key == "sparse_tensor_type", where)
            elif key == "opaque_type":
                self.check(m.OPAQUE_TYPE, field.start, field.end, where)
                inner = Type("opaque", 0, None)
            else:
                message = m.MAP_TYPE if key == "map_type" else m.SEQUENCE_TYPE
                nested = [f for k, f in self.known(message, field.start, field.end, where)
                          if k != "key_type"]
                outer.append(key.removesuffix("_type"))
                if len(outer) > TYPE_DEPTH:
                    raise WireError(f"types nest deeper than {TYPE_DEPTH}", begin)
                if nested:
                    begin, stop = nested[-1].start, nested[-1].end
                else:
                    inner = Type("undeclared", 0, None)
        kind = "(".join([*outer, inner.kind]) + ")" * len(outer)
        result = Type(kind, inner.dtype, inner.dims)
        if notes == self.notes:
            _remember(_types, self.data[start:end] if end - start <= _MEMO_BYTES else raw + b"x",
                      result)
        return result

    def tensor_type(self, field: Field, sparse: bool, where: _Where) -> Type:
        dtype = 0
        dims: list[int | bytes | None] | None = None
        for key, part in self.known(m.TENSOR_TYPE, field.start, field.end, where):
            if key == "elem_type":
                dtype = signed(part.value, 32)
            else:
                dims = [] if dims is None else dims
                for _, dim in self.known(m.SHAPE, part.start, part.end, where):
                    if len(dims) < DIMS_KEPT:
                        dims.append(self.dimension(dim.start, dim.end, where))
        return Type(
            "sparse_tensor" if sparse else "tensor", dtype, None if dims is None else tuple(dims)
        )

    def dimension(self, start: int, end: int, where: _Where) -> int | bytes | None:
        given: list[int | bytes] = []
        for key, field in self.known(m.DIMENSION, start, end, where):
            if key == "dim_value":
                given.append(signed(field.value))
            elif key == "dim_param":
                given.append(self.text(field, "a dimension's name", where))
        if len(given) > 1:
            self.note("OG602", "a dimension is both a number and a name", where, start, end)
        return given[-1] if given else None


OVERRIDDEN_KEPT = 4
STRING_KEPT = 4096
TENSOR_HEAD = 512
PLAIN_RANK = 32
DIMS_KEPT = 4096
_NO_ATTRIBUTE = Attribute(b"")
_HOLDS_VALUE = frozenset(_VALUE_FIELDS.values())
_DATA_FIELDS = frozenset({4, 5, 6, 7, 9, 10, 11})
_PACKED_DATA = frozenset({0x22, 0x2A, 0x3A, 0x4A, 0x52, 0x5A})
_UNREAD = {
    (m.NODE_DEVICE_CONFIGURATION.name, "sharding_spec"): m.SHARDING_SPEC,
    (m.SHARDING_SPEC.name, "index_to_device_group_map"): m.DEVICE_GROUPS,
    (m.SHARDING_SPEC.name, "sharded_dim"): m.SHARDED_DIM,
    (m.SHARDED_DIM.name, "simple_sharding"): m.SIMPLE_SHARDING,
    (m.QUANTIZATION.name, "quant_parameter_tensor_names"): m.ENTRY,
}


def _operator(op_type: bytes, domain: bytes, overload: bytes) -> Operator:
    if domain == b"ai.onnx":
        domain = b""
    operator = Operator(*(p.decode("utf-8", "surrogateescape") for p in (domain, op_type, overload)))
    if not domain and not overload:
        _remember(_operators, op_type, operator)
    return operator


def _remember(memo: dict[bytes, T], key: bytes, value: T) -> None:
    """Keep what the same bytes will mean again, here and in the next model; within bounds."""
    if len(key) <= _MEMO_BYTES and len(memo) < _MEMO_SIZE:
        memo[key] = value


def _add_data(segments: list[Data], field: Field) -> None:
    """Add values to a tensor; neighbours of one string field become one segment."""
    packed = field.wire_type == LEN and field.number not in (6, 9)
    if field.number == 6 and segments and segments[-1].field == 6:
        last = segments[-1]
        segments[-1] = Data(6, False, last.start, field.end, last.count + 1)
        return
    segments.append(Data(field.number, packed, field.start, field.end, field.count))


def _float(bits: int) -> float:
    value: float = struct.unpack("<f", bits.to_bytes(4, "little"))[0]
    return value


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_plain_entry(raw: bytes, start: int, end: int) -> bool:
    """Whether a metadata entry is a key, then a value, and nothing else."""
    if end - start < 4 or raw[start] != 0x0A:
        return False
    key = start + 2 + raw[start + 1]
    if raw[start + 1] > 0x7F or key + 2 > end or raw[key] != 0x12:
        return False
    return read_length(raw, key + 1, end)[1] == end
