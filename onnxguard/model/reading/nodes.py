"""Read nodes and their attributes; the graphs in them are put on a list, not descended into."""

from __future__ import annotations

import struct
from collections import Counter, deque
from collections.abc import Sequence
from itertools import product
from typing import cast

from onnxguard.base.errors import ModelError
from onnxguard.base.printable import printable
from onnxguard.model import messages as m
from onnxguard.model.graph import Attribute, Graph, Node, Operator, SparseTensor, Tensor, Type
from onnxguard.model.reading import memo
from onnxguard.model.reading.careful import HEADER, KEPT, Where
from onnxguard.model.reading.plain import (
    CONSTANT,
    STRING_KEPT,
    VALUES_KEPT,
    Head,
    plain_attribute,
    plain_constant,
    plain_head,
    plain_node,
)
from onnxguard.model.reading.tensors import TensorReader
from onnxguard.model.wire import DEEPEST, LEN, Buffer, Field, count_varints, signed, varints

SPELLED = b"ai.onnx"
"""The default domain by its long name; the empty one is usual."""

INLINE_NODE = 4096
"""A node or attribute of at most this many bytes is copied out and read at once."""

SHORT_NODE = 192
"""Bytes of a node whose names are not weighed."""

MAX_DEPTH = 4000
"""How deep graphs may nest to be read; no protobuf reader takes more than 100 messages."""

OVERRIDDEN_KEPT = 4
"""Values of a repeated field that are judged beside the last one."""

Rest = tuple[Operator, tuple[Attribute, ...], int]
"""What follows a node's name: operator, attributes, and the bytes of domain and overload."""

_new = tuple.__new__  # as Node(...) does, without a call of Python's in between

_VALUE_FIELDS = {1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7, 7: 8, 8: 9, 9: 10, 10: 11, 11: 22, 12: 23}
_VALUE_FIELDS |= {13: 14, 14: 15}
"""AttributeProto.AttributeType -> the field that holds such a value."""

_MUST_HOLD = frozenset({4, 5, 11, 13})
"""Types whose value cannot be left out as a zero or an empty list can."""

_HOLDS_VALUE = frozenset(_VALUE_FIELDS.values())
_TYPE_NAMES = [
    "UNDEFINED",
    "FLOAT",
    "INT",
    "STRING",
    "TENSOR",
    "GRAPH",
    "FLOATS",
    "INTS",
    "STRINGS",
    "TENSORS",
    "GRAPHS",
    "SPARSE_TENSOR",
    "SPARSE_TENSORS",
    "TYPE_PROTO",
    "TYPE_PROTOS",
]


class NodeReader(TensorReader):
    """Reads NodeProto and AttributeProto. ``pending`` are the graphs still to read.

    ``attributes`` and ``operators`` are those that this model was charged for, ``rests`` what
    followed the names of nodes in it.
    """

    def __init__(self, data: Buffer, steps: int) -> None:
        super().__init__(data, steps)
        self.pending: deque[tuple[Graph, int, int]] = deque()
        self.attributes: dict[bytes, Attribute] = {}
        self.operators: dict[tuple[bytes, bytes, bytes], Operator] = {}
        self.rests: dict[bytes, Rest] = {}

    def enter(self, graph: Graph, start: int, end: int) -> None:
        """Put a graph on the list; one that is given twice is read as one, as protobuf does."""
        self.spend(4 * HEADER)
        if graph.depth > MAX_DEPTH:
            raise ModelError(
                "OG005",
                f"graphs nest deeper than {MAX_DEPTH}: reading stopped",
                "no protobuf reader takes more than 100 nested messages",
            )
        if not graph.spans:
            self.model.graphs.append(graph)
            if graph.level + 1 > DEEPEST:  # its nodes are messages, too
                self.note(
                    "OG607",
                    f"a graph makes messages nest deeper than {DEEPEST}",
                    Where(graph.parent, ""),
                    start,
                    end,
                )
        graph.spans.append((start, end))
        self.pending.append((graph, start, end))

    def node(self, graph: Graph, start: int, end: int) -> None:
        """Read a NodeProto of any size into the graph."""
        if end - start <= INLINE_NODE:
            self.inline_node(graph, self.data[start:end], start)
        else:
            graph.nodes.append(self.odd_node(graph, start, end))

    def inline_node(self, graph: Graph, raw: bytes, start: int) -> None:
        """Read a NodeProto from a copy of its bytes into the graph."""
        head = plain_head(raw)
        if head is None:
            self.whole_node(graph, raw, start)
            return
        inputs, outputs, name, middle = head
        rest = raw[middle:]
        known = self.rests.get(rest) or self.known_rest(rest)
        if known is None and rest.startswith(CONSTANT):
            known = self.constant(graph, rest, start + middle)
        if known is None:
            self.whole_node(graph, raw, start, head)
            return
        operator, attributes, texts = known
        self.steps -= 12 + len(inputs) + len(outputs) + len(attributes)
        if len(raw) > SHORT_NODE:
            self.steps -= (sum(map(len, (*inputs, *outputs))) + len(name or b"") + texts) // KEPT
        if self.steps < self.checkpoint:
            self.spend(0)
        node = operator, name or b"", inputs, outputs, attributes, start, start + len(raw)
        graph.nodes.append(_new(Node, node))

    def whole_node(self, graph: Graph, raw: bytes, start: int, head: Head | None = None) -> None:
        """As ``inline_node``, where no memo knows what follows the ``head``."""
        end = start + len(raw)
        fields = plain_node(raw, self.attributes)
        if fields is None:
            graph.nodes.append(self.odd_node(graph, start, end))
            return
        inputs, outputs, found, held, fresh, name, op_type, domain, overload = fields
        op_type, domain, overload = op_type or b"", domain or b"", overload or b""
        operator = self.operator(op_type, domain, overload)
        attributes = cast(list[Attribute], found)  # the fresh ones are filled in here
        for index, body in fresh:
            found[index] = self.known_attribute(held[index]) or self.fresh_attribute(
                held[index], start + body, graph, len(graph.nodes)
            )
        self.steps -= 12 + len(inputs) + len(outputs) + len(attributes)
        if len(raw) > SHORT_NODE:
            texts = *inputs, *outputs, name or b"", domain, overload
            self.steps -= sum(map(len, texts)) // KEPT
        if self.steps < self.checkpoint:
            self.spend(0)
        notes = self.notes
        if domain == SPELLED:
            self.spelling(graph, start, end)
            head = None  # what it means depends on where it stands
        if len(attributes) > 1:
            self.attribute_names(graph, attributes, start, end)
        if head is not None and head[:3] == (inputs, outputs, name) and notes == self.notes:
            self.remember_rest(raw[head[3] :], (op_type, domain, overload, held), attributes)
        graph.nodes.append(Node(operator, name or b"", inputs, outputs, attributes, start, end))

    def constant(self, graph: Graph, rest: bytes, start: int) -> Rest | None:
        """What follows the name of a Constant whose tensor is written as usual."""
        attribute = plain_constant(rest, start)
        if attribute is None:
            return None
        self.steps -= 8
        graph.attribute_tensors.append((len(graph.nodes), attribute.name, attribute.tensors[0]))
        return self.operator(b"Constant", b"", b""), (attribute,), 0

    def known_rest(self, raw: bytes) -> Rest | None:
        """What follows a node's name, if it was read before; its first use in a model costs."""
        held = memo.rests.get(raw)
        if held is None:
            return None
        found = [self.known_attribute(each) for each in held[3]]
        attributes = tuple([each for each in found if each is not None])
        return self.remember_rest(raw, held, attributes)

    def remember_rest(
        self,
        raw: bytes,
        held: tuple[bytes, bytes, bytes, list[bytes]],
        attributes: Sequence[Attribute],
    ) -> Rest | None:
        """Keep what follows a node's name where all attributes in it are kept, too."""
        *texts, parts = held
        rest = self.operator(*texts), tuple(attributes), len(texts[1]) + len(texts[2])
        if all(part in self.attributes for part in parts):
            memo.remember(self.rests, raw, rest)
        if raw not in memo.rests and all(part in memo.attributes for part in parts):
            memo.remember(memo.rests, raw, held)
        return rest

    def odd_node(self, graph: Graph, start: int, end: int) -> Node:
        """Read any node. The last of a repeated field counts; the others are overridden."""
        index = len(graph.nodes)
        where = Where(graph, f"node {index}")
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
            elif name == "doc_string":
                self.prose(field, "a node's doc_string", where)
            elif name == "metadata_props":
                self.check(m.ENTRY, field.start, field.end, where)
            elif name == "device_configurations":
                self.check(m.NODE_DEVICE_CONFIGURATION, field.start, field.end, where)
        self.spend(40)
        choices = [values[-OVERRIDDEN_KEPT:] or [b""] for values in identity.values()]
        operators = [self.operator(op, domain, over) for domain, op, over in product(*choices)]
        graph.overridden += [(index, op) for op in operators[:-1] if op != operators[-1]]
        if choices[0][-1] == SPELLED:
            self.spelling(graph, start, end)
        self.attribute_names(graph, attributes, start, end)
        return Node(operators[-1], name_bytes, inputs, outputs, attributes, start, end)

    def operator(self, op_type: bytes, domain: bytes, overload: bytes) -> Operator:
        """The operator of these names; a new one costs what it takes to judge and print it."""
        key = op_type, domain, overload
        operator = self.operators.get(key)
        if operator is None:
            self.spend(2 * HEADER)
            operator = self.operators[key] = _operator(op_type, domain, overload)
        return operator

    def spelling(self, graph: Graph, start: int, end: int) -> None:
        """Note the default domain spelled out where only its empty name is understood."""
        if graph.parent is not None or graph.function is not None:
            message = 'a node inside another or a function spells its domain "ai.onnx"'
            self.note("OG167", message, Where(graph, f"node {len(graph.nodes)}"), start, end)

    def attribute_names(
        self, graph: Graph, attributes: list[Attribute], start: int, end: int
    ) -> None:
        """Note attributes that are given more than once."""
        if len({attribute.name for attribute in attributes}) == len(attributes):
            return
        where = Where(graph, f"node {len(graph.nodes)}")
        times = Counter(attribute.name for attribute in attributes)
        for name in [name for name in times if times[name] > 1][:OVERRIDDEN_KEPT]:
            what = f'attribute "{printable(name)}" is given more than once'
            self.note("OG112", what, where, start, end)

    # -- an attribute -------------------------------------------------------------------------

    def attribute(self, start: int, end: int, graph: Graph, owner: int) -> Attribute:
        """Read an AttributeProto; ``owner`` is its node's index, -1 for a function's default."""
        if end - start > INLINE_NODE:
            self.spend(8)
            return self.odd_attribute(start, end, graph, owner)
        raw = self.data[start:end]
        known = memo.attributes.get(raw)
        if known is None:
            return self.fresh_attribute(raw, start, graph, owner)
        attribute, cost = known
        self.spend(cost)
        if len(self.attributes) < memo.ENTRIES:
            self.attributes[raw] = attribute
        return attribute

    def known_attribute(self, raw: bytes) -> Attribute | None:
        """The attribute of these bytes, if one was read before; its first use in a model costs."""
        attribute = self.attributes.get(raw)
        if attribute is None and raw in memo.attributes:
            attribute, cost = memo.attributes[raw]
            self.spend(cost)
            if len(self.attributes) < memo.ENTRIES:
                self.attributes[raw] = attribute
        return attribute

    def fresh_attribute(self, raw: bytes, start: int, graph: Graph, owner: int) -> Attribute:
        """Read an AttributeProto that no memo knows from a copy of its bytes."""
        steps, notes = self.steps, self.notes
        self.spend(8)
        plain = plain_attribute(raw, start)
        if plain is not None:
            self.spend(len(plain.ints) + plain.size // KEPT)
            if plain.tensors:
                graph.attribute_tensors.append((owner, plain.name, plain.tensors[0]))
        attribute = plain or self.odd_attribute(start, start + len(raw), graph, owner)
        if notes == self.notes and _stands_alone(attribute):
            memo.remember(memo.attributes, raw, (attribute, steps - self.steps))
            memo.remember(self.attributes, raw, attribute)
        return attribute

    def odd_attribute(self, start: int, end: int, graph: Graph, owner: int) -> Attribute:
        """Read an attribute by the careful path."""
        self.spend(20)
        data = self.data
        where = Where(graph, f"node {owner}" if owner >= 0 else "attribute default")
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
        types: list[Type] = []
        graphs: list[tuple[str, Field]] = []
        filled: set[int] = set()
        counts = {"ints": 0, "floats": 0, "strings": 0}
        size = 0
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
                size += field.end - field.start
                scalar_s = data[field.start : min(field.end, field.start + STRING_KEPT)]
                self.spend(len(scalar_s) // KEPT)
            elif key == "ints":
                packed = field.wire_type == LEN
                counts[key] += (
                    count_varints(data, field.start, field.end) if packed else field.count
                )
                room = VALUES_KEPT - len(ints)
                ints += varints(data, field.start, field.end, packed, room)
            elif key == "floats":
                packed = field.wire_type == LEN
                counts[key] += (field.end - field.start) // 4 if packed else field.count
                floats += self.floats(field, VALUES_KEPT - len(floats))
            elif key == "strings":
                counts[key] += 1
                size += field.end - field.start
                if len(strings) < VALUES_KEPT:
                    strings.append(data[field.start : min(field.end, field.start + STRING_KEPT)])
                self.spend(len(strings[-1]) // KEPT)
            elif key in ("t", "tensors"):
                tensors.append(self.tensor(field.start, field.end, where))
            elif key in ("g", "graphs"):
                graphs.append((key, field))
            elif key in ("sparse_tensor", "sparse_tensors"):
                sparse.append(self.sparse(field.start, field.end, where))
            elif key in ("tp", "type_protos"):
                types.append(self.type(field.start, field.end, where, around=2))
            elif key == "ref_attr_name":
                ref = self.text(field, "ref_attr_name", where)
        for tensor in tensors:
            graph.attribute_tensors.append((owner, name, tensor))
        for item in sparse:
            for part in (item.values, item.indices):
                if part is not None:
                    graph.attribute_tensors.append((owner, name, part))
        self.attribute_type(name, kind, ref, filled, where, start, end)
        self.spend(len(ints) + len(floats))
        return Attribute(
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
            (counts["ints"], counts["floats"], counts["strings"]),
            size,
            tuple(types),
        )

    def floats(self, field: Field, limit: int) -> list[float]:
        """Decode up to ``limit`` float32 values, packed or a run of fields."""
        step = 4 if field.wire_type == LEN else 5
        stop = min(field.end, field.start + step * max(limit, 0))
        raw = self.data[field.start : stop]
        return [struct.unpack_from("<f", raw, at)[0] for at in range(0, len(raw) - 3, step)]

    def attribute_type(
        self,
        name: bytes,
        kind: int,
        ref: bytes,
        filled: set[int],
        where: Where,
        start: int,
        end: int,
    ) -> None:
        """Note an attribute that fills another field than its type declares."""
        expected = _VALUE_FIELDS.get(kind)
        if expected is None and not (kind == 0 and not filled and ref):
            declared = "no type" if kind == 0 else f"the unknown type {kind}"
        elif ref and filled:
            declared = "a reference to a function's attribute"
        elif ref and where.graph is not None and where.graph.function is None:
            declared = "a reference to a function's attribute, outside of any function,"
        elif filled == {expected} or (not filled and (ref or kind not in _MUST_HOLD)):
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


def _operator(op_type: bytes, domain: bytes, overload: bytes) -> Operator:
    if domain == SPELLED:
        domain = b""
    if not domain and not overload and op_type in memo.operators:
        return memo.operators[op_type]
    names = [part.decode("utf-8", "surrogateescape") for part in (domain, op_type, overload)]
    operator = Operator(*names)
    if not domain and not overload:
        memo.remember(memo.operators, op_type, operator)
    return operator


def _stands_alone(attribute: Attribute) -> bool:
    """Whether an attribute without oddities means the same wherever its bytes stand.

    A reference belongs into a function; tensors, graphs and types have places, or costs, that
    depend on the model.
    """
    held = attribute.ref or attribute.tensors or attribute.sparse or attribute.graphs
    return not held and attribute.type not in (13, 14)


def _float(bits: int) -> float:
    value: float = struct.unpack("<f", bits.to_bytes(4, "little"))[0]
    return value
