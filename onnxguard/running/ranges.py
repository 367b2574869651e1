"""What a graph says of the values that its inputs may have: rows of tables, masks, thresholds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.running.cutting import constant_value
from onnxguard.running.graph_file import Declared

SMALL = 10
"""Integers that pick or size something unknown are drawn below this."""
FAR = 1 << 26
"""And up to this where a remainder of them does. float32 does not keep all of these, and as a size
they take little memory."""
_PICKED = {
    **dict.fromkeys(
        ("Gather", "GatherElements", "GatherND", "Reshape", "Expand", "Tile", "Slice", "Pad"), 1
    ),
    **dict.fromkeys(("ScatterND", "ScatterElements", "Scatter", "TopK", "Resize", "Split"), 1),
    **dict.fromkeys(("ArrayFeatureExtractor", "OneHot", "CumSum", "Squeeze", "Unsqueeze"), 1),
    **dict.fromkeys(("Range", "ConstantOfShape", "Trilu", "EyeLike"), 0),
}
"""From which input on an operator picks places or sizes."""
_AMONG = {"Gather": 0, "GatherElements": 0, "GatherND": 0, "ScatterElements": 0, "ScatterND": 0}
"""What picks among the values of its first input, and along which axis unless it says so."""
_GUESS = "a guess"
_MOVING = frozenset(
    {"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze", "Expand"}
    | {"Slice", "Concat"}
)
"""What changes the place or the type of values, and not the values."""
_CONVERTING = frozenset({"Cast", "DequantizeLinear", "Identity", "QuantizeLinear"})
"""What keeps the rows of a table."""
CLASSES = 100
"""More columns are not looked at: a larger tensor may have no values here."""
THRESHOLDS = 24
"""So many constants are met, small ones first."""
_COMPARING = frozenset({"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"})
_INTEGERS = frozenset(range(2, 8)) | {12, 13}
"""Element types that are integers."""
_BOOL = 9


class Range(NamedTuple):
    """The values that an integer input may have.

    Attributes:
        low: the least.
        high: the largest.
        why: where that is from, in a few words, safe to print.
        rows: of the smallest table whose rows it picks, 0 where it picks none or is wrapped.
        mask: whether it says what counts, by 0 and 1.
        choices: the only values, where the user named them.
        asked: whether the user named it; it may then be of a floating input too.
        dims: the symbols of dims of the inputs as large as which ``high`` is at most: it picks
            among so many.
    """

    low: float
    high: float
    why: str
    rows: int = 0
    mask: bool = False
    choices: tuple[float, ...] = ()
    asked: bool = False
    dims: tuple[str, ...] = ()

    def within(self, sizes: Mapping[str, int]) -> Range:
        """The same, where the dims have these sizes."""
        least = min((sizes[dim] for dim in self.dims if dim in sizes), default=0)
        return self._replace(high=max(self.low, least - 1)) if least else self


class Table(NamedTuple):
    """Constant rows, some of which a node picks.

    Attributes:
        name: of the initializer, or of the output of a Constant.
        rows: how many.
        picks: the name of the tensor that picks.
        axis: of the rows.
    """

    name: str
    rows: int
    picks: str
    axis: int


class Origin(NamedTuple):
    """How a value comes from an input: ``input + offset``, or wrapped into ``low`` to ``high``."""

    name: str
    offset: float = 0.0
    wrapped: tuple[float, float] | None = None


class Ranges:
    """Reads the main graph of a model once.

    Args:
        proto: the model.
        symbol: tells for a value and an axis which dim of an input is as large, "" for none.

    Attributes:
        integers: what is known of integer inputs, by name.
        tables: every table of the main graph.
        thresholds: constants that values are compared with or clipped at, sorted.
        by_input: those that an input itself meets.
        positions: the tables whose rows no input picks, but places that are computed, or of which
            a computed number is taken.
    """

    def __init__(
        self, proto: onnx.ModelProto, symbol: Callable[[str, int], str] = lambda _, __: ""
    ) -> None:
        graph = proto.graph
        self._symbol = symbol
        self._made = {name: node for node in graph.node for name in node.output if name}
        self._stored = {tensor.name: tensor for tensor in graph.initializer}
        self._origins = {value.name: Origin(value.name) for value in graph.input}
        kinds = {value.name: value.type.tensor_type.elem_type for value in graph.input}
        self.integers: dict[str, Range] = {}
        self.tables: list[Table] = []
        self.by_input: dict[str, set[float]] = {}
        self.positions: list[Table] = []
        thresholds: set[float] = set()
        behind: dict[str, frozenset[str]] = {
            name: frozenset([name]) for name, kind in kinds.items() if kind in _INTEGERS
        }
        wrapped: dict[str, frozenset[str]] = {}
        for node in graph.node:
            if node.domain in ("", "ai.onnx"):
                self._follow(node)
                thresholds.update(self._meets(node))
            none: frozenset[str] = frozenset()
            read = node.input if inner_graphs(node) else node.input[_PICKED.get(node.op_type, 99) :]
            for way, far in ((behind, SMALL - 1), (wrapped, FAR)):
                sources = none.union(*(way.get(name, none) for name in node.input))
                way.update(dict.fromkeys(node.output, sources))
                self._guess(node, none.union(*(way.get(name, none) for name in read)), far)
            if self._wraps(node):
                wrapped[node.output[0]] |= behind[node.output[0]]
                behind[node.output[0]] = none
        for name, kind in kinds.items():
            known = self.integers.get(name)
            if kind in _INTEGERS and "mask" in name.lower() and not (known and known.rows):
                self.integers[name] = Range(0, 1, "a mask, by its name", mask=True)
        self.thresholds = tuple(sorted(thresholds))

    def _wraps(self, node: onnx.NodeProto) -> bool:
        """Whether a value picks nothing outside whatever it is of: a remainder, never negative."""
        plain = node.op_type == "Mod" and not any(a.name == "fmod" and a.i for a in node.attribute)
        return plain and (self._scalar(list(node.input[1:])) or 0) > 0

    def _guess(self, node: onnx.NodeProto, sources: frozenset[str], far: int) -> None:
        """Bound what picks or sizes something: by a dim of the inputs, or at a venture."""
        axis = _AMONG.get(node.op_type)
        for name in sources:
            known = self.integers.get(name)
            if known is None or (known.why == _GUESS and known.high > far):
                known = self.integers[name] = Range(0, far, _GUESS)
            if axis is not None and known.why == _GUESS:
                dim = self._symbol(node.input[0], _axis(node, axis))
                if dim and dim not in known.dims:
                    self.integers[name] = known._replace(dims=(*known.dims, dim))

    def keep(self, graph: onnx.GraphProto) -> None:
        """Keep those tables alone that a part of the graph reads."""
        read = {name for node in graph.node for name in node.input}
        self.tables = [table for table in self.tables if table.picks in read]

    def _follow(self, node: onnx.NodeProto) -> None:
        """Take note of what a node makes of an input."""
        if node.op_type == "Gather" and len(node.input) == 2:
            self._table(node)
        elif node.op_type == "Slice" and len(node.input) > 3:
            self._sliced(node)
        elif node.op_type in ("OneHot", "Equal"):
            self._classes(node)
        source, constant = self._operands(node)
        if source is None or not node.output:
            return
        if node.op_type in _MOVING or node.op_type in ("Abs", "Neg"):
            if node.op_type == "Cast" and _to(node) == _BOOL:
                self._mask(source)
            self._origins[node.output[0]] = source
        elif node.op_type == "Clip":
            low, high = (self._scalar(node.input[i : i + 1]) for i in (1, 2))
            low = source.offset if low is None else low
            wrapped = (low, max(low, SMALL) if high is None else high)
            self._origins[node.output[0]] = source._replace(wrapped=source.wrapped or wrapped)
        elif constant is None:
            return
        elif node.op_type in ("Add", "Sub"):
            if node.op_type == "Sub" and node.input[0] not in self._origins:
                if constant == 1:  # what is masked is 1 - mask
                    self._mask(source)
                return
            shift = constant if node.op_type == "Add" else -constant
            if source.wrapped is None:
                self._origins[node.output[0]] = source._replace(offset=source.offset + shift)
        elif node.op_type == "Mod" and constant:
            self._origins[node.output[0]] = source._replace(wrapped=(0.0, abs(constant) - 1))
        elif node.op_type == "Equal" and constant in (0, 1):
            self._mask(source)

    def _table(self, node: onnx.NodeProto) -> None:
        name = node.input[0]
        while name in self._made and self._made[name].op_type in _CONVERTING:
            name = self._made[name].input[0]
        tensor = self._constant(name)
        axis = _axis(node, 0)
        if tensor is None or not -len(tensor.dims) <= axis < len(tensor.dims):
            return
        rows = int(tensor.dims[axis])
        self.tables.append(Table(name, rows, node.input[1], axis))
        origin = self._origins.get(node.input[1])
        if origin is None:
            if tensor.data_type not in _INTEGERS and self._constant(node.input[1]) is None:
                self.positions.append(self.tables[-1])
            return
        shown = printable(name, 40)
        if origin.wrapped is not None:
            span = int(origin.wrapped[1] - origin.wrapped[0]) + 1
            low, high = int(origin.wrapped[0]) - span, int(origin.wrapped[1]) + span
            self._narrow(origin.name, Range(low, high, f"wrapped before the rows of {shown}"))
            return
        shift = int(origin.offset)
        known = Range(-shift, rows - 1 - shift, f"{rows:,} rows of {shown}", rows)
        self._narrow(origin.name, known)

    def _sliced(self, node: onnx.NodeProto) -> None:
        """A table whose first rows are taken, as many as a size says."""
        name, axis = node.input[0], self._scalar([node.input[3]])
        while name in self._made and self._made[name].op_type in _CONVERTING | {"Slice"}:
            name = self._made[name].input[0]
        tensor = self._constant(name)
        if tensor is None or axis is None or self._constant(node.input[2]) is not None:
            return
        if -len(tensor.dims) <= axis < len(tensor.dims):
            rows = int(tensor.dims[int(axis)])
            self.positions.append(Table(name, rows, node.output[0], int(axis)))

    def _classes(self, node: onnx.NodeProto) -> None:
        """One column for each class: OneHot, or equal to 0, 1, 2 and so on."""
        origin, depth = self._origins.get(node.input[0]), self._scalar(list(node.input[1:2]))
        tensor = self._constant(node.input[1]) if node.op_type == "Equal" else None
        if tensor is not None:
            count = math.prod(tensor.dims)
            counted = 1 < count <= CLASSES and numpy_helper.to_array(tensor).ravel()
            depth = count if np.array_equal(counted, range(count)) else None
        if depth is not None and origin is not None and origin.wrapped is None:
            low, high = -origin.offset, depth - 1 - origin.offset
            known = Range(low, high, f"{depth:.0f} classes", int(depth))
            self._narrow(origin.name, known)

    def _narrow(self, name: str, known: Range) -> None:
        before = self.integers.get(name)
        if before is None or before.why == _GUESS or before.mask:
            self.integers[name] = known
        elif max(before.low, known.low) <= min(before.high, known.high):
            smaller = known if known.high <= before.high else before
            low = max(before.low, known.low)
            self.integers[name] = smaller._replace(low=low)

    def _mask(self, origin: Origin) -> None:
        if origin.offset == 0 and origin.wrapped is None:
            self.integers.setdefault(origin.name, Range(0, 1, "a mask, by its use", mask=True))

    def _meets(self, node: onnx.NodeProto) -> Iterator[float]:
        """The constants that a node compares with, clips at or wraps around."""
        if node.op_type in _COMPARING or node.op_type in ("Mod", "Min", "Max", "Clip"):
            source, _ = self._operands(node)
            for name in node.input:
                value = self._scalar([name])
                if value is None or not abs(value) < 1e6:
                    continue
                yield value
                if source is not None and source.wrapped is None:
                    self.by_input.setdefault(source.name, set()).add(value - source.offset)

    def _operands(self, node: onnx.NodeProto) -> tuple[Origin | None, float | None]:
        """The one input that comes from the graph's, and the one that is a constant number."""
        origins = [self._origins[name] for name in node.input if name in self._origins]
        numbers = (self._scalar([name]) for name in node.input if name not in self._origins)
        constants = [number for number in numbers if number is not None]
        return origins[0] if len(origins) == 1 else None, constants[0] if constants else None

    def _scalar(self, names: list[str]) -> float | None:
        """The value of a constant of one element."""
        tensor = self._constant(names[0]) if names else None
        if tensor is None or any(dim != 1 for dim in tensor.dims):
            return None
        value = numpy_helper.to_array(tensor)
        return float(value.ravel()[0]) if value.dtype.kind in "biuf" and value.size else None

    def _constant(self, name: str) -> onnx.TensorProto | None:
        for _ in range(8):  # a few moves at most
            if name in self._stored:
                stored: onnx.TensorProto = self._stored[name]
                return stored
            node = self._made.get(name)
            if node is None:
                return None
            if node.op_type == "Constant":
                return constant_value(node)
            if node.op_type not in ("Cast", "Identity", "Unsqueeze", "Squeeze"):
                return None
            name = node.input[0]
        return None


def meeting(
    ranges: Ranges, inputs: Sequence[str], others: Sequence[float]
) -> dict[str, list[float]]:
    """The numbers that each input may meet: its own, and those of the whole of both sides."""
    everywhere = sorted({*ranges.thresholds, *others} - {0.0}, key=abs)[:THRESHOLDS]
    return {name: sorted({*ranges.by_input.get(name, ()), *everywhere}) for name in inputs}


def index_bounds(proto: onnx.ModelProto) -> dict[str, Range]:
    """What integer inputs may reach: those that pick rows, say sizes, or are masks, by name."""
    return Ranges(proto).integers


def inner_graphs(node: onnx.NodeProto) -> bool:
    """Whether a node computes with graphs inside it, or may be a function."""
    inside = any(a.HasField("g") or a.graphs for a in node.attribute)
    return inside or node.domain not in ("", "ai.onnx")


def _axis(node: onnx.NodeProto, default: int) -> int:
    return next((a.i for a in node.attribute if a.name == "axis"), default)


def _to(node: onnx.NodeProto) -> int:
    return next((a.i for a in node.attribute if a.name == "to"), 0)


def parse_values(texts: Sequence[str], inputs: Sequence[Declared]) -> dict[str, Range]:
    """Read ``name=LOW..HIGH``, both included, and ``name=A,B,C``.

    Raises:
        UsageError: it cannot be read, or names no input, or one of no numbers.
    """
    known = {declared.name: declared for declared in inputs}
    asked: dict[str, Range] = {}
    for text in texts:
        name, equals, values = text.rpartition("=")
        shown = printable(text)
        if not equals or name not in known:
            names = ", ".join(map(printable, known))
            raise UsageError(f'`values` "{shown}": write INPUT=VALUES, INPUT being one of: {names}')
        low, dots, high = values.partition("..")
        try:
            numbers = [float(n) for n in ((low, high) if dots else values.split(","))]
        except ValueError:
            numbers = []
        if (
            not numbers
            or not all(map(math.isfinite, numbers))
            or (dots and numbers[0] > numbers[1])
        ):
            raise UsageError(f'`values` "{shown}": write LOW..HIGH, or A,B,C')
        choices = () if dots else tuple(numbers)
        asked[name] = Range(min(numbers), max(numbers), "as asked", choices=choices, asked=True)
    return asked
