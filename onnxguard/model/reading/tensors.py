"""Read tensors, and what values declare: names, types and shapes."""

from __future__ import annotations

from math import prod

from onnxguard.base.errors import WireError
from onnxguard.base.printable import printable
from onnxguard.model import messages as m
from onnxguard.model.graph import Data, SparseTensor, Tensor, Type, Value
from onnxguard.model.reading import memo
from onnxguard.model.reading.careful import HEADER, CarefulReader, Where
from onnxguard.model.reading.plain import TENSOR_HEAD, plain_tensor, plain_value
from onnxguard.model.wire import DEEPEST, LEN, Buffer, Field, signed, varints

TENSOR = 9
"""Steps for a tensor without its dimensions."""

DIMS_KEPT = 4096
"""Dimensions that are kept of a tensor; more than any limit allows, so that it is exceeded."""

_DATA_FIELDS = frozenset({4, 5, 6, 7, 9, 10, 11})


class TensorReader(CarefulReader):
    """Reads TensorProto, SparseTensorProto, ValueInfoProto and TypeProto.

    ``types`` are those that this model was charged for.
    """

    def __init__(self, data: Buffer, steps: int) -> None:
        super().__init__(data, steps)
        self.types: dict[bytes, Type] = {}

    def tensor(self, start: int, end: int, where: Where) -> Tensor:
        """Read a tensor without its values."""
        head = self.data[start : min(end, start + TENSOR_HEAD)]
        tensor = plain_tensor(head, start, end)
        if tensor is None:
            return self.odd_tensor(start, end, where)
        self.pay_for(tensor)
        return tensor

    def pay_for(self, tensor: Tensor) -> None:
        """Pay for a tensor that was read by the plain path, and for each of its dimensions."""
        rank = len(tensor.dims)
        self.spend(TENSOR + rank if rank < 5 else TENSOR + 3 * rank)

    def odd_tensor(self, start: int, end: int, where: Where) -> Tensor:
        """Read a tensor by the careful path."""
        self.spend(TENSOR + 80)
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
                self.spend(HEADER)
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
        self.spend(len(dims))
        shape = tuple(dims)
        elements = -1 if any(dim < 0 for dim in shape) else prod(shape)
        is_external = location == 1
        held = tuple(segments), tuple(external), is_external
        return Tensor(name, dtype, shape, elements, *held, start, end)

    def sparse(self, start: int, end: int, where: Where) -> SparseTensor:
        """Read a SparseTensorProto."""
        parts: dict[str, Tensor] = {}
        dims: list[int] = []
        for key, field in self.known(m.SPARSE_TENSOR, start, end, where):
            if key == "dims":
                packed = field.wire_type == LEN
                room = DIMS_KEPT - len(dims)
                dims += varints(self.data, field.start, field.end, packed, room)
            else:
                parts[key] = self.tensor(field.start, field.end, where)
        self.spend(len(dims))
        return SparseTensor(parts.get("values"), parts.get("indices"), tuple(dims), start, end)

    def value(self, start: int, end: int, where: Where) -> Value:
        """Read a ValueInfoProto."""
        if end - start <= memo.KEY_BYTES and _is_shallow(where):
            raw = self.data[start:end]
            parts = plain_value(raw)
            if parts is not None:
                name, body = parts
                kind = self.known_type(raw[body:])
                if kind is None:
                    where = Where(where.graph, f'value "{printable(name)}"')
                    kind = self.type(start + body, end, where)
                return Value(name, kind, start, end)
        return self.odd_value(start, end, where)

    def odd_value(self, start: int, end: int, where: Where) -> Value:
        """Read a ValueInfoProto by the careful path."""
        name = b""
        kind = Type("undeclared", 0, None)
        where = Where(where.graph, "value")
        for key, field in self.known(m.VALUE_INFO, start, end, where):
            if key == "name":
                name = self.text(field, "a value's name", where)
                where.item = f'value "{printable(name)}"'
            elif key == "type":
                kind = self.type(field.start, field.end, where)
            elif key == "metadata_props":
                self.check(m.ENTRY, field.start, field.end, where)
        return Value(name, kind, start, end)

    def type(self, start: int, end: int, where: Where, around: int = 1) -> Type:
        """Read a TypeProto down to the tensor inside its sequences, maps and optionals.

        Args:
            start: where it starts.
            end: where it ends.
            where: what it is the type of.
            around: how many messages lie between its graph and itself.
        """
        if end - start > memo.KEY_BYTES or not _is_shallow(where):
            return self.odd_type(start, end, where, around)
        raw = self.data[start:end]
        kind = self.known_type(raw)
        if kind is None:
            steps, notes = self.steps, self.notes
            kind = self.odd_type(start, end, where, around)
            if notes == self.notes and "(" not in kind.kind:  # how deep it may nest is of its place
                memo.remember(memo.types, raw, (kind, steps - self.steps))
                memo.remember(self.types, raw, kind)
        return kind

    def known_type(self, raw: bytes) -> Type | None:
        """The type of these bytes, if one was read before; its first use in a model costs."""
        kind = self.types.get(raw)
        if kind is None and raw in memo.types:
            kind, cost = memo.types[raw]
            self.spend(cost)
            memo.remember(self.types, raw, kind)
        return kind

    def odd_type(self, start: int, end: int, where: Where, around: int) -> Type:
        """Read a TypeProto by the careful path."""
        depth = around + 1 + (where.graph.level if where.graph is not None else 0)
        outer: list[str] = []
        keys: list[int] = []
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
                for key, field in choices[:-1]:
                    self.check(m.TYPES[key], field.start, field.end, where)
            if not choices:
                inner = Type("undeclared", 0, None)
                break
            key, field = choices[-1]
            if key in ("tensor_type", "sparse_tensor_type"):
                inner = self.tensor_type(field, key == "sparse_tensor_type", where)
            elif key == "opaque_type":
                self.check(m.OPAQUE_TYPE, field.start, field.end, where)
                inner = Type("opaque", 0, None)
            else:
                nested: list[Field] = []
                key_type = 0
                for part, inside in self.known(m.TYPES[key], field.start, field.end, where):
                    if part == "key_type":
                        key_type = signed(inside.value, 32)
                    else:
                        nested.append(inside)
                if key == "map_type":
                    keys.append(key_type)
                for overridden in nested[:-1]:
                    self.check(m.TYPE, overridden.start, overridden.end, where)
                outer.append(key.removesuffix("_type"))
                depth += 2
                if depth > DEEPEST:
                    break
                if nested:
                    begin, stop = nested[-1].start, nested[-1].end
                else:
                    inner = Type("undeclared", 0, None)
        if inner is None or depth + _levels(inner) > DEEPEST:
            raise WireError(f"a type makes messages nest deeper than {DEEPEST}", start)
        kind = "(".join([*outer, inner.kind]) + ")" * len(outer)
        return Type(kind, inner.dtype, inner.dims, tuple(keys))

    def tensor_type(self, field: Field, sparse: bool, where: Where) -> Type:
        """Read a TypeProto.Tensor or TypeProto.SparseTensor, which are written alike."""
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

    def dimension(self, start: int, end: int, where: Where) -> int | bytes | None:
        """Read a TensorShapeProto.Dimension."""
        given: list[int | bytes] = []
        for key, field in self.known(m.DIMENSION, start, end, where):
            if key == "dim_value":
                given.append(signed(field.value))
            elif key == "dim_param":
                given.append(self.text(field, "a dimension's name", where))
        if len(given) > 1:
            self.note("OG602", "a dimension is both a number and a name", where, start, end)
        return given[-1] if given else None


def _is_shallow(where: Where) -> bool:
    """Whether no type of one tensor nests too deep here."""
    return where.graph is not None and where.graph.level < DEEPEST - 8


def _levels(inner: Type) -> int:
    """How many messages lie inside a TypeProto that holds this tensor."""
    if inner.kind == "undeclared":
        return 0
    return 1 if inner.dims is None else 3 if inner.dims else 2


def _add_data(segments: list[Data], field: Field) -> None:
    """Add values to a tensor; neighbours of one string field become one segment."""
    packed = field.wire_type == LEN and field.number != 6
    if field.number == 6 and segments and segments[-1].field == 6:
        last = segments[-1]
        segments[-1] = Data(6, False, last.start, field.end, last.count + 1)
        return
    segments.append(Data(field.number, packed, field.start, field.end, field.count))
