"""Seeded damage to serialized models: to their bytes, and to the fields that the bytes spell."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

from hostile import CASES
from make_models import FOLDER

from support import protobuf as pb

LARGEST_SEED = 4096
"""Bytes; a larger model is damaged in its weights most of the time."""

INTERESTING = [0, 1, 2, 7, 127, 128, 255, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1]


class Item:
    """A field: its number and wire type, and its bytes or, for a known message, its fields.

    ``padding`` is how many bytes its tag and its length have beyond what they need.
    """

    __slots__ = ("items", "message", "number", "padding", "payload", "wire_type")

    def __init__(self, number: int, wire_type: int, payload: bytes, message: Any) -> None:
        self.number = number
        self.wire_type = wire_type
        self.payload = payload
        self.items: list[Item] | None = None
        self.message = message
        self.padding = 0, 0
        if wire_type == pb.LEN and message is not None:
            self.items = parse(payload, message)

    def write(self) -> bytes:
        payload = self.payload if self.items is None else write(self.items)
        head = pb.tag(self.number, self.wire_type)
        length = pb.varint(len(payload)) if self.wire_type == pb.LEN else b""
        if self.padding != (0, 0):
            of_tag, of_length = self.padding
            head, length = padded(head, of_tag), length and padded(length, of_length)
        return head + length + payload


def padded(varint: bytes, extra: int) -> bytes:
    """The same number in so many bytes more."""
    if not extra:
        return varint
    return varint[:-1] + bytes([varint[-1] | 0x80]) + b"\x80" * (extra - 1) + b"\0"


class Raw(Item):
    """Bytes that are written as they are."""

    __slots__ = ()

    def write(self) -> bytes:
        return self.payload


def write(items: list[Item]) -> bytes:
    """The bytes of a message."""
    return b"".join(item.write() for item in items)


@cache
def inner_messages(descriptor: Any) -> dict[int, Any]:
    """The descriptors of the messages that a message's fields hold, by the fields' numbers."""
    return {f.number: f.message_type for f in descriptor.fields if f.message_type is not None}


def parse(data: bytes, descriptor: Any) -> list[Item] | None:
    """The fields of a message; None where the bytes are not one. A group is one field."""
    items: list[Item] = []
    inner = inner_messages(descriptor)
    pos, size = 0, len(data)
    try:
        while pos < size:
            begin = pos
            key, pos = varint_at(data, pos)
            number, wire_type = key >> 3, key & 7
            of_tag, of_length = pos - begin - len(pb.varint(key)), 0
            start = pos
            if wire_type == pb.VARINT:
                pos = varint_at(data, pos)[1]
            elif wire_type == pb.LEN:
                length, start = varint_at(data, pos)
                of_length = start - pos - len(pb.varint(length))
                pos = start + length
            elif wire_type == pb.SGROUP:
                pos = group_end(data, pos)
            elif wire_type in (pb.I32, pb.I64):
                pos += 4 if wire_type == pb.I32 else 8
            else:
                return None
            if pos > size:
                return None
            item = Item(number, wire_type, data[start:pos], inner.get(number))
            if of_tag or of_length:
                item.padding = of_tag, of_length
            items.append(item)
    except IndexError:
        return None
    return items


def group_end(data: bytes, pos: int) -> int:
    """The position after the end tag of a group whose start tag was read."""
    depth = 1
    while depth:
        key, pos = varint_at(data, pos)
        wire_type = key & 7
        if wire_type == pb.VARINT:
            pos = varint_at(data, pos)[1]
        elif wire_type == pb.LEN:
            length, pos = varint_at(data, pos)
            pos += length
        elif wire_type in (pb.I32, pb.I64):
            pos += 4 if wire_type == pb.I32 else 8
        elif wire_type in (pb.SGROUP, pb.EGROUP):
            depth += 1 if wire_type == pb.SGROUP else -1
        else:
            raise IndexError(pos)
    return pos


def varint_at(data: bytes, pos: int) -> tuple[int, int]:
    if data[pos] < 0x80:
        return data[pos], pos + 1
    value = shift = 0
    while True:
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, pos


def seeds() -> list[bytes]:
    """Small models to start from: the committed ones, and the hostile ones that onnx can parse."""
    found = [path.read_bytes() for path in sorted(FOLDER.glob("*.onnx"))]
    found += [
        case.content() for case in CASES.values() if case.content is not None and not case.heavy
    ]
    small = [data for data in dict.fromkeys(found) if 0 < len(data) <= LARGEST_SEED]
    return [data for data in small if pb.parse_model(data) is not None] + 30 * contexts()


def contexts() -> list[bytes]:
    """Models whose parts mean something else in another place: references, types that nest."""
    reference = pb.node("LeakyRelu", attribute=pb.attribute("alpha", ref_attr_name="alpha", type=1))
    function = pb.function("F", reference, attribute="alpha")
    plain = pb.attribute("alpha", f=0.5)
    nested = pb.message("TypeProto", tensor_type=pb.message("TypeProto.Tensor", elem_type=1))
    for _ in range(3):
        inner = pb.message("TypeProto.Sequence", elem_type=nested)
        nested = pb.message("TypeProto", sequence_type=inner)
    typed = pb.message("AttributeProto", name="t", type=13, tp=nested)
    values = {"input": pb.value("x"), "output": pb.value("y")}
    return [
        pb.model(pb.graph(pb.node("LeakyRelu", attribute=plain), **values), functions=function),
        pb.model(pb.graph(pb.node("Optional", attribute=typed), **values)),
    ]


# -- damage to bytes ------------------------------------------------------------------------------


def flip_bits(random: Random, data: bytes, _: bytes) -> bytes:
    out = bytearray(data)
    for _bit in range(random.randint(1, 8)):
        out[random.randrange(len(out))] ^= 1 << random.randrange(8)
    return bytes(out)


def set_bytes(random: Random, data: bytes, _: bytes) -> bytes:
    at = random.randrange(len(data))
    new = bytes(random.choice((0, 1, 0x7F, 0x80, 0xFF)) for _byte in range(random.randint(1, 4)))
    return data[:at] + new + data[at + len(new) :]


def truncate(random: Random, data: bytes, _: bytes) -> bytes:
    return data[: random.randrange(len(data))]


def splice(random: Random, data: bytes, other: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other)) :]


def duplicate(random: Random, data: bytes, _: bytes) -> bytes:
    start = random.randrange(len(data))
    end = min(len(data), start + random.randint(1, 64))
    return data[:end] + data[start:]


def remove(random: Random, data: bytes, _: bytes) -> bytes:
    start = random.randrange(len(data))
    return data[:start] + data[start + random.randint(1, 32) :]


def insert(random: Random, data: bytes, _: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + field_of(random) + data[at:]


def field_of(random: Random) -> bytes:
    """A field of some number: mostly small ones, mostly well formed."""
    number = random.choice((random.randint(1, 30), random.randint(0, 1 << 29)))
    kind = random.randrange(6)
    if kind == pb.VARINT:
        return pb.number_field(number, random.choice(INTERESTING))
    if kind == pb.LEN:
        return pb.bytes_field(number, random.randbytes(random.randint(0, 12)))
    if kind == pb.SGROUP:
        return pb.group_field(number, random.choice((b"", b"\x08\x01", b"\x0a\x01a")))
    if kind in (pb.I32, pb.I64):
        return pb.tag(number, kind) + random.randbytes(4 if kind == pb.I32 else 8)
    return pb.tag(number, kind)


# -- damage to fields, the lengths around them kept right -----------------------------------------


def messages(items: list[Item]) -> list[tuple[str, list[Item]]]:
    """Every message of a tree that has fields, the outermost first, with the name of its type."""
    found, pending = [], [("ModelProto", items)]
    while pending:
        name, message = pending.pop()
        if message:
            found.append((name, message))
        pending += [(item.message.name, item.items) for item in message if item.items is not None]
    return found


def repeat_field(random: Random, message: list[Item], _: list[Item]) -> None:
    item = random.choice(message)
    message.insert(random.randrange(len(message) + 1), item)


def drop_field(random: Random, message: list[Item], _: list[Item]) -> None:
    message.pop(random.randrange(len(message)))


def shuffle_fields(random: Random, message: list[Item], _: list[Item]) -> None:
    random.shuffle(message)


def graft_field(random: Random, message: list[Item], other: list[Item]) -> None:
    message.insert(random.randrange(len(message) + 1), random.choice(other))


def renumber_field(random: Random, message: list[Item], _: list[Item]) -> None:
    old = random.choice(message)
    new = Item(random.randint(1, 26), old.wire_type, old.payload, None)
    new.items, new.padding = old.items, old.padding
    message[message.index(old)] = new


def replace_value(random: Random, message: list[Item], _: list[Item]) -> None:
    old = random.choice(message)
    payload = random.randbytes(random.choice((0, 1, 4, 8, 20)))
    if old.wire_type == pb.VARINT:
        payload = pb.varint(random.choice(INTERESTING))
    elif old.wire_type in (pb.I32, pb.I64):
        payload = random.randbytes(4 if old.wire_type == pb.I32 else 8)
    message[message.index(old)] = Item(old.number, old.wire_type, payload, None)


def add_field(random: Random, message: list[Item], _: list[Item]) -> None:
    message.insert(random.randrange(len(message) + 1), Raw(0, pb.VARINT, field_of(random), None))


def pack_numbers(random: Random, message: list[Item], _: list[Item]) -> None:
    """Write one number as a packed list of itself."""
    numbers = [item for item in message if item.wire_type == pb.VARINT]
    if numbers:
        old = random.choice(numbers)
        message[message.index(old)] = Item(old.number, pb.LEN, old.payload, None)


def unpack_numbers(random: Random, message: list[Item], _: list[Item]) -> None:
    """Write some of a packed list's numbers, or what may be one, as fields of their own."""
    packed = [item for item in message if item.wire_type == pb.LEN and item.items is None]
    if not packed:
        return
    old = random.choice(packed)
    pos, values = 0, []
    try:
        while pos < len(old.payload) and len(values) < 8:
            start, pos = pos, varint_at(old.payload, pos)[1]
            values.append(Item(old.number, pb.VARINT, old.payload[start:pos], None))
    except IndexError:
        return
    at = message.index(old)
    message[at : at + random.randint(0, 1)] = values


def pack_together(random: Random, message: list[Item], _: list[Item]) -> None:
    """Write the numbers of one field as one packed list."""
    numbers = [item for item in message if item.wire_type in (pb.VARINT, pb.I32, pb.I64)]
    if not numbers:
        return
    old = random.choice(numbers)
    alike = [n for n in numbers if (n.number, n.wire_type) == (old.number, old.wire_type)]
    at = message.index(old)
    message[at] = Item(old.number, pb.LEN, b"".join(n.payload for n in alike), None)
    message[:] = [item for item in message if item not in alike]


def pad_varint(random: Random, message: list[Item], _: list[Item]) -> None:
    """Write a tag, a length or a number in more bytes than it needs."""
    item = random.choice(message)
    extra = random.choice((1, 1, 1, 2, 3, 4, 5, 9))
    if item.wire_type == pb.VARINT and item.payload and random.random() < 0.5:
        item.payload = padded(item.payload, extra)
    elif item.wire_type == pb.LEN and random.random() < 0.75:
        item.padding = item.padding[0], extra
    else:
        item.padding = extra, item.padding[1]


def retype_field(random: Random, message: list[Item], _: list[Item]) -> None:
    """Write a field with another wire type, its bytes as they are if they can be."""
    old = random.choice(message)
    payload = old.payload if old.items is None else write(old.items)
    wire_type = random.choice((pb.VARINT, pb.I64, pb.LEN, pb.SGROUP, pb.I32))
    if wire_type == pb.VARINT:
        payload = payload if payload[-1:] < b"\x80" and len(payload) == 1 else b"\1"
    elif wire_type in (pb.I32, pb.I64):
        width = 4 if wire_type == pb.I32 else 8
        payload = payload[:width].ljust(width, b"\0")
    elif wire_type == pb.SGROUP:
        payload += pb.tag(old.number, pb.EGROUP)
    message[message.index(old)] = Item(old.number, wire_type, payload, None)


def replace_fields(_: Random, message: list[Item], other: list[Item]) -> None:
    """Put the fields of another message in the place of a message's own."""
    message[:] = other


def hide_rest(random: Random, message: list[Item], _: list[Item]) -> None:
    """Put all but the first field into a text, where a reader finds it that takes the first byte
    of a long length for the length itself.
    """
    first, rest = message[0], write(message[1:])
    if first.wire_type != pb.LEN or first.items is not None or len(rest) > 127:
        return
    hidden = Item(first.number, pb.LEN, first.payload[: random.choice((1, 1, 4))], None)
    hidden.padding = 0, 1
    size = len(hidden.payload)
    left = 2 + (0x80 | size) - (3 + size) - 2  # up to the text that holds the rest
    number = random.choice((3, 3, 6, 10, 13, 4))
    fillings = [Item(number, pb.LEN, b"a" * (left - left // 2 - 2), None)]
    fillings.append(Item(number, pb.LEN, b"a" * (left // 2 - 2), None))
    carrier = Item(number, pb.LEN, rest, None)
    message[:] = [hidden, *fillings, carrier, *random.choice(([], message[1:]))]


ON_BYTES: list[Callable[[Random, bytes, bytes], bytes]] = [
    flip_bits,
    set_bytes,
    truncate,
    splice,
    duplicate,
    remove,
    insert,
]
ON_FIELDS: list[Callable[[Random, list[Item], list[Item]], None]] = [
    repeat_field,
    drop_field,
    shuffle_fields,
    graft_field,
    renumber_field,
    replace_value,
    add_field,
    pack_numbers,
    pack_together,
    unpack_numbers,
    pad_varint,
    pad_varint,
    retype_field,
    hide_rest,
    replace_fields,
]


def mutate(number: int, models: list[bytes]) -> bytes:
    """The ``number``-th damaged model: the same bytes for the same number and models."""
    random = Random(number)
    data, other = random.choice(models), random.choice(models)
    if random.random() < 0.3:
        other = data
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        if random.random() < 0.15:
            data = random.choice(ON_BYTES)(random, data, other) or b"\0"
        else:
            data = mutate_fields(random, data, other) or b"\0"
    return data


@cache
def donated(model: bytes) -> list[tuple[str, list[Item]]]:
    """The messages of a seed, to take fields from; nothing changes them."""
    items = parse(model, pb.descriptor("ModelProto"))
    return messages(items) if items else []


def mutate_fields(random: Random, data: bytes, other: bytes) -> bytes:
    """Damage one message somewhere in the model; bytes that are no model are damaged as bytes."""
    items = parse(data, pb.descriptor("ModelProto"))
    if not items:
        return flip_bits(random, data, other)
    name, message = random.choice(messages(items))
    donors = donated(other) or [(name, message)]
    alike = [donor for donor in donors if donor[0] == name]
    if alike and random.random() < 0.7:
        donors = alike
    random.choice(ON_FIELDS)(random, message, random.choice(donors)[1])
    return write(items)
