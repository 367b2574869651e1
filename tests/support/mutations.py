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
    """A field: its number and wire type, and its bytes or, for a known message, its fields."""

    __slots__ = ("items", "number", "payload", "wire_type")

    def __init__(self, number: int, wire_type: int, payload: bytes, message: Any) -> None:
        self.number = number
        self.wire_type = wire_type
        self.payload = payload
        self.items: list[Item] | None = None
        if wire_type == pb.LEN and message is not None:
            self.items = parse(payload, message)

    def write(self) -> bytes:
        payload = self.payload if self.items is None else write(self.items)
        head = pb.tag(self.number, self.wire_type)
        return (
            head + pb.varint(len(payload)) + payload if self.wire_type == pb.LEN else head + payload
        )


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
    """The fields of a message; None where the bytes are not one, or hold groups."""
    items: list[Item] = []
    inner = inner_messages(descriptor)
    pos, size = 0, len(data)
    try:
        while pos < size:
            key, pos = varint_at(data, pos)
            number, wire_type = key >> 3, key & 7
            start = pos
            if wire_type == pb.VARINT:
                pos = varint_at(data, pos)[1]
            elif wire_type == pb.LEN:
                length, start = varint_at(data, pos)
                pos = start + length
            elif wire_type in (pb.I32, pb.I64):
                pos += 4 if wire_type == pb.I32 else 8
            else:
                return None
            if pos > size:
                return None
            items.append(Item(number, wire_type, data[start:pos], inner.get(number)))
    except IndexError:
        return None
    return items


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
    return [data for data in small if pb.parse_model(data) is not None]


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


def messages(items: list[Item]) -> list[list[Item]]:
    """Every message of a tree that has fields, the outermost first."""
    found, pending = [], [items]
    while pending:
        message = pending.pop()
        if message:
            found.append(message)
        pending += [item.items for item in message if item.items is not None]
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
    new.items = old.items
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
]


def mutate(number: int, models: list[bytes]) -> bytes:
    """The ``number``-th damaged model: the same bytes for the same number and models."""
    random = Random(number)
    data, other = random.choice(models), random.choice(models)
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        if random.random() < 0.15:
            data = random.choice(ON_BYTES)(random, data, other) or b"\0"
        else:
            data = mutate_fields(random, data, other) or b"\0"
    return data


@cache
def donated(model: bytes) -> list[list[Item]]:
    """The messages of a seed, to take fields from; nothing changes them."""
    items = parse(model, pb.descriptor("ModelProto"))
    return messages(items) if items else []


def mutate_fields(random: Random, data: bytes, other: bytes) -> bytes:
    """Damage one message somewhere in the model; bytes that are no model are damaged as bytes."""
    items = parse(data, pb.descriptor("ModelProto"))
    if not items:
        return flip_bits(random, data, other)
    message = random.choice(messages(items))
    donors = donated(other) or [message]
    random.choice(ON_FIELDS)(random, message, random.choice(donors))
    return write(items)
