"""The protobuf wire format, read with bounds and without recursion.

Source: the Protocol Buffers encoding guide (varint, LEN, I32, I64, groups). A buffer is anything
whose index gives an int and whose slice gives bytes: ``bytes``, or a reader of ranges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol, cast, overload

from onnxguard.base.errors import WireError

VARINT, I64, LEN, SGROUP, EGROUP, I32 = range(6)
VARINT_BYTES = 10
SHORT_VARINT_BYTES = 5
"""Of a tag and of a length: protobuf refuses longer ones, padded or not."""
_CONTINUED = bytes(range(0x80, 0x100))
LARGEST_MESSAGE = (1 << 31) - 1
"""Bytes of the largest message that protobuf reads or writes."""

DEEPEST = 100
"""protobuf refuses messages nested deeper than this, groups included."""


class Buffer(Protocol):
    """Bytes that are read in place."""

    def __len__(self) -> int: ...

    @overload
    def __getitem__(self, index: int, /) -> int: ...
    @overload
    def __getitem__(self, index: slice, /) -> bytes: ...


class Chunked(Buffer, Protocol):
    """Bytes of which a part is held in memory at a time."""

    def chunk(self, pos: int) -> bytes:
        """The bytes from ``pos`` on that are held, at least one."""


def chunk_at(data: Buffer, pos: int) -> tuple[bytes, int]:
    """Some of the bytes from ``pos`` on to read in a tight loop, and where they start."""
    if isinstance(data, bytes):
        return data, 0
    return cast(Chunked, data).chunk(pos), pos


class Field(NamedTuple):
    """One field of a message.

    ``value`` is the integer of a VARINT (unsigned 64 bit), I32 or I64 (raw bits, little-endian), 0
    otherwise. ``start`` and ``end`` span the payload; for LEN without its length prefix.

    Scalars of one field that follow each other are one ``Field``: ``count`` of them, the last one's
    ``value``, and a span from the first payload to the end of the last, tags between them included.
    """

    number: int
    wire_type: int
    value: int
    start: int
    end: int
    count: int = 1  # type: ignore[assignment] # hides tuple.count, which nothing calls


def read_varint(data: Buffer, pos: int, end: int) -> tuple[int, int]:
    """Read an unsigned 64-bit varint; return it and the position after it."""
    value = shift = 0
    first = pos
    while pos < end:
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, pos
        shift += 7
        if pos - first == VARINT_BYTES:
            raise WireError("a varint runs over 10 bytes", first)
    raise WireError("a varint is cut off", first)


def read_tag(data: Buffer, pos: int, end: int) -> tuple[int, int]:
    """Read a field's number and wire type; return them as one number, and the position after."""
    tag, after = read_varint(data, pos, end)
    if after - pos > SHORT_VARINT_BYTES:
        raise WireError(f"a tag over {SHORT_VARINT_BYTES} bytes", pos)
    if tag > 0xFFFFFFFF:
        raise WireError("a field number over 29 bits", pos)
    return tag, after


def read_length(data: Buffer, pos: int, end: int) -> tuple[int, int]:
    """Read a length prefix; return the payload's start and end, which lies within ``end``."""
    length, start = read_varint(data, pos, end)
    if start - pos > SHORT_VARINT_BYTES:
        raise WireError(f"a length over {SHORT_VARINT_BYTES} bytes", pos)
    if length > end - start:
        raise WireError(f"a length of {length} bytes runs past the {end - start} left", pos)
    return start, start + length


def fields(data: Buffer, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message that spans ``[start, end)``; a group is one field.

    Raises:
        WireError: bytes that no protobuf reader accepts.
    """
    pos = start
    while pos < end:
        begin = pos
        tag = data[pos]
        if tag < 0x80:
            pos += 1
        else:
            tag, pos = read_tag(data, pos, end)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise WireError("field number 0", begin)
        if kind == LEN:
            body, pos = read_length(data, pos, end)
            yield Field(number, LEN, 0, body, pos)
        elif kind == VARINT:
            body = pos
            value, pos = read_varint(data, pos, end)
            count = 1
            if tag < 0x80 and pos < end and data[pos] == tag:
                count, last, pos = _run(data, tag, pos, end)
                value = read_varint(data, last, pos)[0] if count > 1 else value
            yield Field(number, VARINT, value, body, pos, count)
        elif kind in (I32, I64):
            width = 4 if kind == I32 else 8
            body, pos = pos, pos + width
            if pos > end:
                raise WireError("a fixed-size field is cut off", begin)
            count = 1
            if tag < 0x80 and pos < end and data[pos] == tag:
                count, _, pos = _run(data, tag, pos, end)
            value = int.from_bytes(data[pos - width : pos], "little")
            yield Field(number, kind, value, body, pos, count)
        elif kind == SGROUP:
            body, pos = pos, _group_end(data, pos, end, number)
            yield Field(number, SGROUP, 0, body, pos)
        elif kind == EGROUP:
            raise WireError(f"the end of group {number} without its start", begin)
        else:
            raise WireError(f"wire type {kind}, which does not exist", begin)


_RUN_WINDOW = 1 << 16
_PAYLOADS = {
    VARINT: rb"[\x80-\xff]{0,9}+[\x00-\x7f]",
    I32: rb"[\x00-\xff]{4}",
    I64: rb"[\x00-\xff]{8}",
}


def _run(data: Buffer, tag: int, pos: int, end: int) -> tuple[int, int, int]:
    """Pass over scalars that repeat a one-byte tag, at the speed of a regular expression.

    Returns how many values there are, the one before ``pos`` included; where the last payload
    starts; and the end of the run. A varint that is cut off or too long is left for the caller.
    """
    one = re.escape(bytes([tag])) + _PAYLOADS[tag & 7]
    run = re.compile(rb"(?:" + one + rb")++")
    count, last, start = 1, pos, pos
    while pos < end:
        window = data[pos : min(pos + _RUN_WINDOW, end)]
        match = run.match(window)
        if match is None:
            break
        if tag & 7 == VARINT:  # every tag and every last byte of a varint is below 0x80
            count += len(window[: match.end()].translate(None, _CONTINUED)) // 2
            tail = window[max(match.end() - VARINT_BYTES, 0) : match.end() - 1]
            last = pos + match.end() - 1 - (len(tail) - len(tail.rstrip(_CONTINUED)))
        else:
            count += match.end() // (5 if tag & 7 == I32 else 9)
        pos += match.end()
    return (count, last, pos) if pos > start else (1, start, start)


def _group_end(data: Buffer, pos: int, end: int, number: int) -> int:
    """Skip a group whose start tag was read; return the position after its end tag."""
    open_groups = [number]
    while pos < end:
        begin = pos
        tag, pos = read_tag(data, pos, end)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise WireError("field number 0", begin)
        if kind == LEN:
            pos = read_length(data, pos, end)[1]
        elif kind == VARINT:
            pos = read_varint(data, pos, end)[1]
        elif kind in (I32, I64):
            pos += 4 if kind == I32 else 8
        elif kind == SGROUP:
            open_groups.append(number)
            if len(open_groups) > DEEPEST:
                raise WireError(f"groups nest deeper than {DEEPEST}", begin)
        elif kind == EGROUP:
            if open_groups.pop() != number:
                raise WireError(f"the end of group {number} inside another group", begin)
            if not open_groups:
                return pos
        else:
            raise WireError(f"wire type {kind}, which does not exist", begin)
    raise WireError("a group is cut off", end)


def signed(value: int, bits: int = 64) -> int:
    """Read the low ``bits`` of an unsigned integer as two's complement (int32, int64, enum)."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def varints(data: Buffer, start: int, end: int, packed: bool, limit: int) -> list[int]:
    """Decode at most ``limit`` varints, packed or a run of fields, as signed 64-bit integers."""
    values: list[int] = []
    pos = start
    while pos < end and len(values) < limit:
        value, pos = read_varint(data, pos, end)
        values.append(signed(value))
        if not packed:
            pos += 1  # a run repeats a one-byte tag
    return values


_STEP = 1 << 20
_CONTINUES = bytes(0x80) + b"\x80" * 0x80
"""A table that leaves of each byte whether a varint goes on after it."""


def check_packed(data: Buffer, start: int, end: int, wire_type: int) -> None:
    """Check that a packed field holds whole values of its wire type; memory of one step.

    Raises:
        WireError: its length is no multiple of the width, or a varint is cut off or too long.
    """
    if wire_type != VARINT:
        width = 4 if wire_type == I32 else 8
        if (end - start) % width:
            message = f"packed values of {width} bytes in a field of {end - start}"
            raise WireError(message, start)
        return
    pos = start
    while pos < end:
        piece = data[pos : min(pos + _STEP, end)]
        if not piece.isascii():
            endless = piece.translate(_CONTINUES).find(b"\x80" * VARINT_BYTES)
            if endless >= 0:
                raise WireError(f"a varint runs over {VARINT_BYTES} bytes", pos + endless)
        if pos + len(piece) == end:
            if piece[-1] >= 0x80:
                raise WireError("a varint is cut off", end - 1)
            return
        pos += len(piece) - (VARINT_BYTES - 1)  # so that none hides between two pieces


def count_varints(data: Buffer, start: int, end: int, step: int = 1 << 20) -> int:
    """Count the varints of a packed field without decoding them; memory of one step."""
    return sum(
        len(data[pos : min(pos + step, end)].translate(None, _CONTINUED))
        for pos in range(start, end, step)
    )
