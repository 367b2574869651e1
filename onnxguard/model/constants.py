"""What a constant holds: the numbers of an initializer or a Constant, as a runtime reads them."""

from __future__ import annotations

import struct
from typing import NamedTuple

from onnxguard.model.graph import Data, Model, Node, Operator, SparseTensor, Tensor
from onnxguard.model.messages import DTYPES, dtype_name
from onnxguard.model.wire import LEN, count_varints, fields, signed, varints

INTS_READ = 64
"""A constant of more elements than this is not read: no shape and no trip count is longer."""

LONGEST_LIST = 1_000_000

INTEGERS = {2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 12: 4, 13: 8}
"""Integer dtypes and their bytes an element."""
FLOAT16 = 10
FLOATS = {1: ("<f", 4), 11: ("<d", 8), FLOAT16: ("<e", 2)}
_FLOAT_FIELDS = {1: 4, 11: 10}
"""dtype -> the typed field of floats that holds it."""
SIGNED = frozenset({3, 5, 6, 7})
CONSTANT = Operator("", "Constant")
CONSTANT_ATTRIBUTES = frozenset(
    b"value sparse_value value_float value_floats value_int value_ints value_string "
    b"value_strings".split()
)


class Static(NamedTuple):
    """A constant: its numbers and dtype, or None and the reason why they are not known.

    ``hidden`` says that it is a constant all the same, ``loose`` that the caller of the model may
    replace it. The numbers are in row-major order; ``dims`` are None where they are not known.
    """

    values: tuple[float, ...] | None
    dtype: int
    source: str
    hidden: bool = False
    loose: bool = False
    dims: tuple[int, ...] | None = None

    @property
    def is_constant(self) -> bool:
        """Whether no input of the graph has a say in it."""
        return self.values is not None or self.hidden


OMITTED = Static(None, 0, "omitted")


def _hidden(dtype: int, source: str, dims: tuple[int, ...] | None = None) -> Static:
    return Static(None, dtype, source, hidden=True, dims=dims)


class Constants:
    """Reads the constants of a model. ``read`` holds the offsets of the tensors that were read."""

    def __init__(self, model: Model) -> None:
        self.read: set[int] = set()
        self.model = model
        self._decoded: dict[int, tuple[float, ...] | None] = {}

    def of_node(self, node: Node, floats: bool = False) -> Static:
        """The integers of a Constant node, in whichever attribute they stand; or its floats."""
        given = [a for a in node.attributes if a.name in CONSTANT_ATTRIBUTES]
        if len(given) != 1:
            return _hidden(0, f"a Constant with {len(given)} values")
        attribute = given[0]
        if attribute.ref:
            return Static(None, 0, "a Constant set by the caller of the function")
        if attribute.name == b"value" and len(attribute.tensors) == 1:
            return self.of_tensor(attribute.tensors[0], "Constant", floats)
        if attribute.name == b"sparse_value" and len(attribute.sparse) == 1:
            return self.of_tensor(attribute.sparse[0], "Constant", floats)
        if attribute.name in (b"value_int", b"value_ints"):  # runtimes take either's field
            if attribute.i is not None:
                return Static((attribute.i,), 7, "Constant", dims=())
            if attribute.counts[0] <= INTS_READ:
                return Static(attribute.ints, 7, "Constant", dims=(len(attribute.ints),))
        if floats and attribute.name == b"value_float" and attribute.f is not None:
            return Static((attribute.f,), 1, "Constant", dims=())
        if floats and attribute.name == b"value_floats" and attribute.counts[1] <= INTS_READ:
            return Static(attribute.floats, 1, "Constant", dims=(len(attribute.floats),))
        if attribute.counts[0] > INTS_READ or attribute.counts[1] > INTS_READ:
            return _hidden(0, f"a Constant of more than {INTS_READ} numbers")
        return _hidden(0, "a Constant that is not of integers")

    def of_tensor(self, tensor: Tensor | SparseTensor, source: str, floats: bool) -> Static:
        """The integers of a tensor, or its floats; ``source`` is what the reason calls it."""
        if isinstance(tensor, SparseTensor):
            return self._dense(tensor, source, floats)
        count = tensor.elements
        of_floats = floats and tensor.dtype in FLOATS
        if tensor.dtype not in INTEGERS and not of_floats:
            return _hidden(tensor.dtype, f"{source} of {dtype_name(tensor.dtype)}", tensor.dims)
        if tensor.is_external:
            reason = f"{source} with its values in another file"
            return _hidden(tensor.dtype, reason, tensor.dims)
        if not 0 <= count <= INTS_READ:
            reason = f"{source} of more than {INTS_READ} numbers"
            return _hidden(tensor.dtype, reason, tensor.dims)
        self.read.add(tensor.start)
        if tensor.start not in self._decoded:
            self._decoded[tensor.start] = _decoded(self.model, tensor)
        values = self._decoded[tensor.start]
        if values is None:
            return _hidden(tensor.dtype, f"{source} whose values are given twice")
        if len(values) != count:
            return _hidden(tensor.dtype, f"{source} with {len(values)} values for {count}")
        dims = tensor.dims if len(tensor.dims) <= INTS_READ else None
        return Static(values, tensor.dtype, source, dims=dims)

    def _dense(self, sparse: SparseTensor, source: str, floats: bool) -> Static:
        """A sparse tensor of one dimension, as runtimes make it dense."""
        unknown = _hidden(0, "a sparse tensor that is not a short list", sparse.dims)
        values, indices, dims = sparse.values, sparse.indices, sparse.dims
        if values is None or len(dims) != 1 or not 0 <= dims[0] <= INTS_READ:
            return unknown
        held = self.of_tensor(values, source, floats)
        if held.values is None:
            return held
        places: tuple[float, ...] | None = ()
        if held.values:
            places = self.of_tensor(indices, source, False).values if indices else None
        if places is None or len(places) != len(held.values) or len(set(places)) != len(places):
            return unknown
        dense: list[float] = [0] * dims[0]
        for place, value in zip(places, held.values, strict=True):
            if not 0 <= place < len(dense):
                return unknown
            dense[int(place)] = value
        return Static(tuple(dense), held.dtype, source, dims=dims)


def _decoded(model: Model, tensor: Tensor) -> tuple[float, ...] | None:
    """The numbers of a tensor, a few more than it should have at most; None if given twice."""
    if len({data.field for data in tensor.data}) > 1:
        return None
    read = read_floats if tensor.dtype in FLOATS else read_integers
    return tuple(read(model, tensor))


def read_integers(model: Model, tensor: Tensor, limit: int = INTS_READ + 1) -> list[int]:
    """Decode up to ``limit`` integers of a tensor's data, of which each segment adds its own."""
    values: list[int] = []
    width = INTEGERS.get(tensor.dtype, 0)
    for data in _segments(tensor):
        room = limit - len(values)
        if room <= 0:
            break
        if data.field == 9 and width:
            raw = model.data[data.start : min(data.end, data.start + width * room)]
            values += [
                int.from_bytes(raw[at : at + width], "little", signed=tensor.dtype in SIGNED)
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
    bits = 8 * INTEGERS.get(dtype, 8)
    return signed(value, bits) if dtype in SIGNED else value & (1 << bits) - 1


def read_floats(model: Model, tensor: Tensor, limit: int = INTS_READ) -> list[float]:
    """Decode up to ``limit`` floats of a tensor's data, of which each segment adds its own."""
    values: list[float] = []
    if tensor.dtype not in FLOATS:
        return values
    code, width = FLOATS[tensor.dtype]
    for data in _segments(tensor):
        room = limit - len(values)
        if room <= 0:
            break
        if data.field == 5 and tensor.dtype == FLOAT16:
            read = varints(model.data, data.start, data.end, data.packed, room)
            raw = b"".join([(value & 0xFFFF).to_bytes(2, "little") for value in read])
        elif data.field in (9, _FLOAT_FIELDS.get(tensor.dtype)):
            step = width if data.packed or data.field == 9 else width + 1  # a run repeats its tag
            raw = model.data[data.start : min(data.end, data.start + step * room)]
            if step > width:
                raw = b"".join([raw[at : at + width] for at in range(0, len(raw), step)])
        else:
            return []
        whole = raw[: len(raw) // width * width]
        values += [value for (value,) in struct.iter_unpack(code, whole)]
    return values


def all_integers(model: Model, node: Node, name: bytes, count: int) -> list[int]:
    """The integers of a list attribute, read again: of a long one the first are kept alone.

    Empty where the node does not hold so many itself, or where there are more than a million.
    """
    found: list[int] = []
    for outer in fields(model.data, node.start, node.end) if count <= LONGEST_LIST else ():
        if outer.number != 5 or outer.wire_type != LEN:
            continue
        parts = list(fields(model.data, outer.start, outer.end))
        if any(p.number == 1 and model.data[p.start : p.end] == name for p in parts):
            for part in parts:
                if part.number == 8:
                    packed = part.wire_type == LEN
                    found += varints(model.data, part.start, part.end, packed, count)
    return found if len(found) == count else []


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
