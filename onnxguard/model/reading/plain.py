"""The fast path: read what is written as exporters write it, and give up on anything else.

Each function returns None where a field is unknown, repeated, out of bounds or otherwise unusual;
the careful path then reads the same bytes and notes what is odd. Nothing here has side effects
but for the memos.
"""

from __future__ import annotations

import re
import struct
from math import prod

from onnxguard.base.errors import WireError
from onnxguard.model.graph import Attribute, Data, Tensor
from onnxguard.model.reading import memo
from onnxguard.model.reading.careful import is_utf8
from onnxguard.model.wire import SHORT_VARINT_BYTES, read_length, read_varint, signed

TENSOR_HEAD = 512
"""Bytes of a tensor within which all but its values lie, usually."""

PLAIN_RANK = 32
VALUES_KEPT = 64
"""Values of a list attribute that are decoded."""

STRING_KEPT = 4096
"""Bytes of a string attribute that are kept."""

LONGEST_HEAD = 1 + SHORT_VARINT_BYTES
"""Bytes of a one-byte tag and the longest length."""

_PACKED_DATA = {0x22: 4, 0x2A: 0, 0x3A: 0, 0x4A: 1, 0x52: 8, 0x5A: 0}
"""The tags of a tensor's data and the bytes of a value; 0 for varints, 1 for raw data."""

_VARINTS = re.compile(rb"(?:[\x80-\xff]{0,9}+[\x00-\x7f])*+")
_SHAPE = rb"((?:\x08[\x80-\xff]{0,9}+[\x00-\x7f])*+)\x10([\x00-\x7f])"
_TENSOR = re.compile(_SHAPE + rb"\x42([\x00-\x7f])")
"""A tensor's dims, its dtype and the length of its name, in the order of their field numbers."""

CONSTANT = b'"\x08Constant*'
"""What follows the name of a Constant: its op_type, and then an attribute."""
_CONSTANT = re.compile(
    re.escape(CONSTANT)
    + rb"([\x00-\x7f])\x0a\x05value\x2a([\x00-\x7f])"
    + _SHAPE
    + rb"(?:\x42\x00)?\x4a([\x00-\x7f])"
)
"""Up to the values of a short tensor that has no name, with the three lengths around them."""

_new = tuple.__new__  # as a named tuple does, without a call of Python's in between


def plain_length(chunk: bytes, at: int) -> tuple[int, int]:
    """A length prefix and the position after it; a length beyond any file where it is not one."""
    length = shift = 0
    for byte in chunk[at : at + 5]:
        length |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return length, at
        shift += 7
    return 1 << 62, at


Head = tuple[list[bytes], list[bytes], bytes | None, int]
"""Inputs, outputs and name of a node, and where what follows them starts."""

NodeFields = tuple[
    list[bytes],
    list[bytes],
    list[Attribute | None],
    list[bytes],
    list[tuple[int, int]],
    bytes | None,
    bytes | None,
    bytes | None,
    bytes | None,
]
"""Inputs, outputs, attributes, their bytes, fresh, name, op_type, domain and overload of a node.

``fresh`` are attributes still to read: index and start in the node; None stands where one of them
belongs, and for a text that is not there.
"""


def plain_head(raw: bytes) -> Head | None:
    """Read the beginning of a NodeProto: inputs, then outputs, then a name if there is one.

    None where one is longer than 127 bytes or not ASCII, or nothing follows.
    """
    inputs: list[bytes] = []
    outputs: list[bytes] = []
    name = None
    pos = 0
    try:
        tag = raw[0]
        while tag == 0x0A:
            start = pos + 2
            pos = start + raw[start - 1]
            inputs.append(raw[start:pos])
            tag = raw[pos]
        while tag == 0x12:
            start = pos + 2
            pos = start + raw[start - 1]
            outputs.append(raw[start:pos])
            tag = raw[pos]
        if tag == 0x1A:
            start = pos + 2
            pos = start + raw[start - 1]
            name = raw[start:pos]
            raw[pos]
    except IndexError:
        return None
    if not raw.isascii() and not raw[:pos].isascii():
        return None
    return inputs, outputs, name, pos


def plain_node(raw: bytes, known: dict[bytes, Attribute]) -> NodeFields | None:
    """Split a NodeProto into its fields; ``known`` attributes need not be read again."""
    inputs: list[bytes] = []
    outputs: list[bytes] = []
    attributes: list[Attribute | None] = []
    held: list[bytes] = []
    fresh: list[tuple[int, int]] = []
    name = op_type = domain = overload = doc = None
    size = len(raw)
    pos = 0
    try:
        while pos < size:
            tag = raw[pos]
            length = raw[pos + 1]
            if length > 0x7F:
                pos, stop = read_length(raw, pos + 1, size)
            else:
                pos += 2
                stop = pos + length
                if stop > size:
                    return None
            if tag == 0x0A:
                inputs.append(raw[pos:stop])
            elif tag == 0x12:
                outputs.append(raw[pos:stop])
            elif tag == 0x2A:
                held.append(raw[pos:stop])
                attribute = known.get(held[-1])
                if attribute is None:
                    fresh.append((len(attributes), pos))
                attributes.append(attribute)
            elif tag == 0x22 and op_type is None:
                op_type = raw[pos:stop]
            elif tag == 0x1A and name is None:
                name = raw[pos:stop]
            elif tag == 0x3A and domain is None:
                domain = raw[pos:stop]
            elif tag == 0x42 and overload is None:
                overload = raw[pos:stop]
            elif tag == 0x32 and doc is None:
                doc = raw[pos:stop]
            elif tag != 0x4A or not _is_plain_entry(raw, pos, stop):
                return None
            pos = stop
    except (IndexError, WireError):
        return None
    names = name, op_type, domain, overload
    if not raw.isascii():  # the length of a long field, or a name
        texts = (*inputs, *outputs, *filter(None, (*names, doc)))
        if not b"".join(texts).isascii() and not all(map(is_utf8, texts)):
            return None
    return (inputs, outputs, attributes, held, fresh, *names)


def _is_plain_entry(raw: bytes, start: int, end: int) -> bool:
    """Whether a metadata entry is a key, then a value, and nothing else."""
    if end - start < 4 or raw[start] != 0x0A:
        return False
    key = start + 2 + raw[start + 1]
    if raw[start + 1] > 0x7F or key + 2 > end or raw[key] != 0x12:
        return False
    return read_length(raw, key + 1, end)[1] == end


def plain_attribute(raw: bytes, start: int) -> Attribute | None:
    """Read an attribute of one value, declared by its type; ``start`` is its place in the file."""
    name = kind = i = f = s = tensor = None
    ints: list[int] = []
    size, pos = len(raw), 0
    try:
        while pos < size:
            tag = raw[pos]
            value, stop = raw[pos + 1], pos + 2
            if tag == 0xA0 and value == 0x01 and kind is None:
                kind = raw[stop]
                pos = stop + 1
                continue
            if tag == 0x15 and f is None and pos + 5 <= size:
                f = struct.unpack_from("<f", raw, pos + 1)[0]
                pos += 5
                continue
            if value > 0x7F:
                value, stop = read_varint(raw, pos + 1, size)
            if tag == 0x40 and len(ints) < VALUES_KEPT:
                ints.append(signed(value))
            elif tag == 0x18 and i is None:
                i = signed(value)
            else:
                body, stop = stop, stop + value
                if stop > size or body - pos > LONGEST_HEAD:
                    return None
                if tag == 0x0A and name is None:
                    name = raw[body:stop]
                elif tag == 0x22 and s is None and value <= STRING_KEPT:
                    s = raw[body:stop]
                elif tag == 0x2A and tensor is None:
                    tensor = plain_tensor(raw[body:stop], start + body, start + stop)
                    if tensor is None:
                        return None
                else:
                    return None
            pos = stop
    except (IndexError, WireError):
        return None
    held = (None, f, i, s, tensor, None, None, ints or None)
    filled = sum(value is not None for value in held)
    if name is None or not name.isascii() or kind is None or kind > 7 or filled != 1:
        return None
    if held[kind] is None:
        return None
    tensors = () if tensor is None else (tensor,)
    size = 0 if s is None else len(s)
    return Attribute(
        name, kind, b"", i, f, s, tuple(ints), (), (), tensors, (), (), (len(ints), 0, 0), size
    )


def plain_tensor(head: bytes, start: int, end: int) -> Tensor | None:
    """Read a TensorProto that spans ``[start, end)`` of the file; ``head`` is how it begins."""
    match = _TENSOR.match(head)
    if match is not None:
        dims, dtype, name_size = match.groups()
        middle = match.end() + name_size[0]
        if head[middle : middle + 1] == b"\x4a":
            try:
                length, body = read_varint(head, middle + 1, len(head))
            except WireError:
                return None
            if body - middle > LONGEST_HEAD:
                return None
            name = head[match.end() : middle]
            shape = memo.shapes.get(dims) or _shape(dims)
            if start + body + length == end and shape and (name.isascii() or is_utf8(name)):
                data = (_new(Data, (9, True, start + body, end, 1)),)
                held = name, dtype[0], *shape, data, (), False, start, end
                return _new(Tensor, held)
    return _plain_tensor(head, start, end)


def plain_constant(rest: bytes, start: int) -> Attribute | None:
    """Read the ``value`` of a Constant; ``rest`` follows its name, at ``start`` of the file."""
    match = _CONSTANT.match(rest)
    if match is None:
        return None
    outer, inner, dims, dtype, held = match.groups()
    first, begin, end = len(CONSTANT) + 1, match.start(3), len(rest) - 3
    shape = memo.shapes.get(dims) or _shape(dims)
    if (
        first + outer[0] != len(rest)
        or begin + inner[0] != end
        or match.end() + held[0] != end
        or rest[end:] != b"\xa0\x01\x04"
        or shape is None
    ):
        return None
    data = (_new(Data, (9, True, start + match.end(), start + end, 1)),)
    tensor = _new(Tensor, (b"", dtype[0], *shape, data, (), False, start + begin, start + end))
    return _new(
        Attribute,
        (b"value", 4, b"", None, None, None, (), (), (), (tensor,), (), (), (0, 0, 0), 0, ()),
    )


def _shape(raw: bytes) -> tuple[tuple[int, ...], int] | None:
    """The dims of a run of fields and their product."""
    dims: list[int] = []
    pos = 0
    while pos < len(raw):
        dim, pos = read_varint(raw, pos + 1, len(raw))
        dims.append(dim)
    if len(dims) > PLAIN_RANK or any(dim >> 63 for dim in dims):
        return None
    shape = tuple(dims), prod(dims)
    memo.remember(memo.shapes, raw, shape)
    return shape


def _plain_tensor(head: bytes, start: int, end: int) -> Tensor | None:
    """As ``plain_tensor``, with the fields in any order and values in any one field."""
    size, total = len(head), end - start
    dims: list[int] = []
    segments: list[Data] = []
    name = dtype = None
    pos = 0
    try:
        while pos < total:
            begin, tag = pos, head[pos]
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
            if stop > total or pos - begin > LONGEST_HEAD:
                return None
            if tag == 0x42 and name is None and stop <= size:
                name = head[pos:stop]
            elif tag in _PACKED_DATA and not segments and _is_whole(tag, head, pos, stop):
                segments.append(Data(tag >> 3, True, start + pos, start + stop))
            else:
                return None
            pos = stop
    except (IndexError, WireError):
        return None
    if len(dims) > PLAIN_RANK or any(dim >> 63 for dim in dims):
        return None
    if (name is not None and not is_utf8(name)) or (dtype is not None and dtype > 0x7FFFFFFF):
        return None
    data = tuple(segments)
    shape = tuple(dims)
    return Tensor(name or b"", dtype or 0, shape, prod(shape), data, (), False, start, end)


def _is_whole(tag: int, head: bytes, start: int, end: int) -> bool:
    """Whether raw data, or packed values that can be looked at here, end where a value does."""
    width = _PACKED_DATA[tag]
    if width:
        return (end - start) % width == 0
    return end <= len(head) and _VARINTS.fullmatch(head, start, end) is not None


def plain_value(raw: bytes) -> tuple[bytes, int] | None:
    """Split a ValueInfoProto that is a name and a type: the name, and where the type starts."""
    size = len(raw)
    if size < 4 or raw[0] != 0x0A or raw[1] > 0x7F:
        return None
    middle = 2 + raw[1]
    body = middle + 2
    if body <= size and raw[middle] == 0x12 and raw[middle + 1] == size - body < 0x80:
        name = raw[2:middle]
        if name.isascii():
            return name, body
    return None
