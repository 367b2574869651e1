"""A protobuf writer that writes what it is told, for bytes that the onnx package refuses to write.

Source: the Protocol Buffers encoding guide. Field numbers and types come from onnx's descriptors.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

VARINT, I64, LEN, SGROUP, EGROUP, I32 = range(6)

_SHORT = [bytes([value]) for value in range(0x80)]


def varint(value: int) -> bytes:
    """A base-128 varint; a negative value is written as its 64-bit two's complement."""
    value &= (1 << 64) - 1
    if value < 0x80:
        return _SHORT[value]
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@lru_cache(1024)
def tag(number: int, wire_type: int) -> bytes:
    """The key that precedes a field."""
    return varint(number << 3 | wire_type)


def number_field(number: int, value: int) -> bytes:
    """A VARINT field."""
    return tag(number, VARINT) + varint(value)


def bytes_field(number: int, payload: bytes) -> bytes:
    """A LEN field: bytes, a string, a message or packed numbers."""
    return tag(number, LEN) + varint(len(payload)) + payload


def group_field(number: int, payload: bytes = b"") -> bytes:
    """A group: ``payload`` between a start tag and an end tag."""
    return tag(number, SGROUP) + payload + tag(number, EGROUP)


def packed(number: int, values: Iterable[int]) -> bytes:
    """Repeated varints in one LEN field."""
    return bytes_field(number, b"".join(map(varint, values)))


@cache
def descriptor(message_name: str) -> Any:
    """The descriptor of ``TensorProto`` or, nested, ``TensorShapeProto.Dimension``."""
    found: Any = onnx
    for part in message_name.split("."):
        found = getattr(found, part)
    return found.DESCRIPTOR


@cache
def writer(message_name: str, field_name: str) -> Callable[[Any], bytes]:
    """What writes values of a field by name."""
    known = descriptor(message_name).fields_by_name[field_name]
    kinds = {known.TYPE_FLOAT: (I32, "<f"), known.TYPE_DOUBLE: (I64, "<d")}
    wire_type, code = kinds.get(known.type, (VARINT, ""))
    key, key_of_bytes = tag(known.number, wire_type), tag(known.number, LEN)

    def write(value: Any) -> bytes:
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, bytes):
            return key_of_bytes + varint(len(value)) + value
        if isinstance(value, list | tuple):
            return b"".join(map(write, value))
        return key + (struct.pack(code, value) if code else varint(value))

    return write


def field(message_name: str, field_name: str, value: Any) -> bytes:
    """One field by name: a list is written once per item, also where the field is not repeated."""
    return writer(message_name, field_name)(value)


def message(message_name: str, /, *parts: bytes, **values: Any) -> bytes:
    """A message: its named fields in the order given, then ``parts`` as they are."""
    named = [writer(message_name, name)(value) for name, value in values.items()]
    return b"".join([*named, *parts])


def model(
    graph: bytes = b"", *parts: bytes, opset: int | None = 17, ir: int = 8, **more: Any
) -> bytes:
    """A ModelProto; ``opset`` None leaves the import of the default domain out."""
    header = message("ModelProto", ir_version=ir)
    if opset is not None:
        header += field("ModelProto", "opset_import", opset_import("", opset))
    return header + message("ModelProto", *parts, **more) + field("ModelProto", "graph", graph)


def opset_import(domain: str, version: int) -> bytes:
    """An OperatorSetIdProto."""
    return message("OperatorSetIdProto", domain=domain, version=version)


def graph(*nodes: bytes, **more: Any) -> bytes:
    """A GraphProto; unless given, its input is x and its output y, float32 [1,3,8,8]."""
    values = {"name": "g", "input": value("x"), "output": value("y"), **more}
    return message("GraphProto", node=list(nodes), **values)


def body(*nodes: bytes, **more: Any) -> bytes:
    """A GraphProto without inputs, as a branch of an If has it."""
    return graph(*nodes, **{"input": [], "output": [], **more})


def node(op_type: Any, inputs: str = "x", outputs: str = "y", *parts: bytes, **more: Any) -> bytes:
    """A NodeProto; names are split at spaces, ``_`` is the empty name."""
    return message(
        "NodeProto",
        *parts,
        input=["" if name == "_" else name for name in inputs.split()],
        output=["" if name == "_" else name for name in outputs.split()],
        op_type=op_type,
        **more,
    )


def attribute(name: str, /, **values: Any) -> bytes:
    """An AttributeProto whose declared type is that of the first field given; or set ``type``."""
    kinds = {
        "f": 1, "i": 2, "s": 3, "t": 4, "g": 5, "floats": 6, "ints": 7, "strings": 8,
        "tensors": 9, "graphs": 10, "sparse_tensor": 11, "sparse_tensors": 12, "tp": 13,
        "type_protos": 14,
    }  # fmt: skip
    if "type" not in values:
        values["type"] = next(kinds[key] for key in values if key in kinds)
    return message("AttributeProto", name=name, **values)


def constant(output: str, **values: dict[str, Any]) -> bytes:
    """A Constant node; each keyword is an attribute: ``value_int={"i": 7}``."""
    attributes = [attribute(name, **each) for name, each in values.items()]
    return node("Constant", "", output, attribute=attributes)


def function(name: str, *nodes: bytes, domain: str = "local", **more: Any) -> bytes:
    """A FunctionProto; unless given, its input is x, its output y and its opset 17."""
    values = {"input": ["x"], "output": ["y"], "opset_import": opset_import("", 17), **more}
    return message("FunctionProto", name=name, domain=domain, node=list(nodes), **values)


def tensor(dtype: int, dims: Iterable[int], name: str = "", **data: Any) -> bytes:
    """A TensorProto."""
    return message("TensorProto", dims=list(dims), data_type=dtype, name=name, **data)


def ints(*values: int, name: str = "") -> bytes:
    """An int64 tensor of rank 1 in ``raw_data``."""
    raw = struct.pack(f"<{len(values)}q", *values)
    return tensor(7, [len(values)], name, raw_data=raw)


def scalar(value: int, name: str = "") -> bytes:
    """An int64 tensor of rank 0 in ``raw_data``."""
    return tensor(7, [], name, raw_data=struct.pack("<q", value))


def value(name: str, dtype: int = 1, dims: Iterable[int | str] | None = (1, 3, 8, 8)) -> bytes:
    """A ValueInfoProto of a tensor; ``dims`` None declares no shape."""
    shape = b""
    if dims is not None:
        kinds = [("dim_param" if isinstance(d, str) else "dim_value", d) for d in dims]
        each = [message("TensorShapeProto.Dimension", **{key: d}) for key, d in kinds]
        shape = field("TypeProto.Tensor", "shape", message("TensorShapeProto", dim=each))
    of_tensor = message("TypeProto.Tensor", shape, elem_type=dtype)
    return message("ValueInfoProto", name=name, type=message("TypeProto", tensor_type=of_tensor))


def entry(key: str, text: str) -> bytes:
    """A StringStringEntryProto."""
    return message("StringStringEntryProto", key=key, value=text)


def parse_model(data: bytes) -> onnx.ModelProto | None:
    """The model as onnx parses it, or None where onnx refuses the bytes."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        return None
    return model
