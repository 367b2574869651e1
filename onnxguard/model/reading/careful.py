"""Read a message by the tables of ``messages``, noting everything that does not belong."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator

from onnxguard.base import budget
from onnxguard.base.errors import ModelError
from onnxguard.base.findings import Place
from onnxguard.model import messages as m
from onnxguard.model.graph import Graph, Model
from onnxguard.model.messages import FieldSpec, Message
from onnxguard.model.wire import LEN, SGROUP, Buffer, Field, check_packed, fields

CAREFUL = 16
"""Steps for a field that is read by the tables of ``messages``."""

PACKED = 128
"""Bytes of packed numbers, or of a long text, that a step checks."""

KEPT = 32
"""Bytes that a step keeps: what is read in all stays well below 200 MB."""

LONGEST_NAME = 1 << 20
"""Bytes of a name; a longer one is not read."""

PIECE, PROSE_KEPT = 1 << 16, 1 << 12
"""Bytes of a long text that are looked at at a time, and those that are kept."""

HEADER = 60
"""Steps for what becomes an item of the report: an input, an opset import, a graph."""

_NOTHING_PENDING = (b"", 0)
"""The state of a decoder between two characters."""

_UNREAD = {
    (m.NODE_DEVICE_CONFIGURATION.name, "sharding_spec"): m.SHARDING_SPEC,
    (m.SHARDING_SPEC.name, "index_to_device_group_map"): m.DEVICE_GROUPS,
    (m.SHARDING_SPEC.name, "sharded_dim"): m.SHARDED_DIM,
    (m.SHARDED_DIM.name, "simple_sharding"): m.SIMPLE_SHARDING,
    (m.QUANTIZATION.name, "quant_parameter_tensor_names"): m.ENTRY,
    (m.SEQUENCE_TYPE.name, "elem_type"): m.TYPE,
    (m.MAP_TYPE.name, "value_type"): m.TYPE,
    (m.TENSOR_TYPE.name, "shape"): m.SHAPE,
    (m.SHAPE.name, "dim"): m.DIMENSION,
}
_UNREAD |= {(m.TYPE.name, name): message for name, message in m.TYPES.items()}
"""The messages inside those that nothing but ``check`` reads."""


class Where:
    """Where the reader is, turned into a route only when something is odd."""

    __slots__ = ("graph", "item")

    def __init__(self, graph: Graph | None, item: str) -> None:
        self.graph = graph
        self.item = item

    def place(self, start: int, end: int) -> Place:
        """The place of the bytes ``[start, end)`` here."""
        if self.graph is None:
            return Place(self.item, start, end)
        route = self.graph.route
        return Place(f"{route}/{self.item}" if self.item else route, start, end)


CHECKED = 1 << 16
"""Steps after which the time is looked at again."""


class CarefulReader:
    """Reads messages with bounded work. ``steps`` is the work left, ``notes`` counts oddities."""

    def __init__(self, data: Buffer, steps: int) -> None:
        self.data = data
        self.steps = steps
        self.checkpoint = max(steps - CHECKED, 0)
        self.model = Model(data)
        self.notes = 0

    def spend(self, steps: int) -> None:
        """Pay for work before it is done; OG005 where it cannot be paid for."""
        self.steps -= steps
        if self.steps >= self.checkpoint:
            return
        self.checkpoint = max(self.steps - CHECKED, 0)
        budget.check()
        if self.steps < 0:
            raise ModelError(
                "OG005",
                "more nodes and fields than the limits allow to read: reading stopped",
                "raise limits.nodes in the allowlist if a model of this size is meant",
            )

    def note(self, code: str, message: str, where: Where, start: int, end: int) -> None:
        """Record something odd."""
        self.notes += 1
        self.model.note(code, message, lambda: where.place(start, end))

    def known(
        self, message: Message, start: int, end: int, where: Where
    ) -> Iterator[tuple[str, Field]]:
        """Yield the fields that the message defines by name; note whatever else is there."""
        table = message.fields
        seen: set[int] = set()
        packed: dict[int, bool] = {}
        for field in fields(self.data, start, end):
            self.spend(CAREFUL)
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
                if is_packed:
                    self.spend((field.end - field.start) // PACKED)
                    check_packed(self.data, field.start, field.end, spec.wire_types[0])
            yield spec.name, field

    def unknown(self, message: Message, field: Field, spec: FieldSpec | None, where: Where) -> None:
        """Note a field that the message does not define, or not like this."""
        if field.wire_type == SGROUP:
            code, what = "OG603", f"{message.name} field {field.number} is a group"
        elif spec is None:
            code, what = "OG601", f"{message.name} has an unknown field {field.number}"
        else:
            code = "OG601"
            what = f"{message.name}.{spec.name} is written with wire type {field.wire_type}"
        self.note(code, what, where, field.start, field.end)

    def text(self, field: Field, what: str, where: Where) -> bytes:
        """The bytes of a string field that names something; ONNX requires UTF-8."""
        size = field.end - field.start
        if size > LONGEST_NAME:
            raise ModelError(
                "OG005",
                f"{what} has {size:,} bytes: reading stopped",
                f"a name of more than {LONGEST_NAME:,} bytes is not read",
                field.start,
            )
        self.spend(size // KEPT)
        value = self.data[field.start : field.end]
        if not value.isascii() and not is_utf8(value):
            self.note("OG605", f"{what} is not UTF-8", where, field.start, field.end)
        return value

    def prose(self, field: Field, what: str, where: Where) -> bytes:
        """The beginning of a string field that names nothing; all of it is checked."""
        self.spend((field.end - field.start) // PACKED)
        decoder = getincrementaldecoder("utf-8")()
        try:
            for pos in range(field.start, field.end, PIECE):
                piece = self.data[pos : min(pos + PIECE, field.end)]
                if not (piece.isascii() and decoder.getstate() == _NOTHING_PENDING):
                    decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self.note("OG605", f"{what} is not UTF-8", where, field.start, field.end)
        return self.data[field.start : min(field.end, field.start + PROSE_KEPT)]

    def entry(self, start: int, end: int, where: Where) -> tuple[bytes, bytes]:
        """Read a StringStringEntryProto: key and value."""
        key = value = b""
        for name, field in self.known(m.ENTRY, start, end, where):
            if name == "key":
                key = self.text(field, "a metadata key", where)
            else:
                value = self.prose(field, "a metadata value", where)
        return key, value

    def check(self, message: Message, start: int, end: int, where: Where) -> None:
        """Note what is odd in a message that nothing else looks at, and in those inside it."""
        pending = [(message, start, end)]
        while pending:
            outer, begin, stop = pending.pop()
            for name, field in self.known(outer, begin, stop, where):
                inner = _UNREAD.get((outer.name, name))
                if inner is not None:
                    pending.append((inner, field.start, field.end))


def is_utf8(value: bytes) -> bool:
    """Whether bytes decode as UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
