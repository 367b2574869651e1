"""Outputs that a graph joins of several tensors: boxes in pixels and scores, for one.

An error of a small piece hides in what a large one may be off by, so pieces of unlike sizes are
judged apart.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from onnxguard.running.comparison import Array
from onnxguard.running.cutting import part_of
from onnxguard.running.errors import ParityError, RefusedError
from onnxguard.running.inputs import Inputs
from onnxguard.running.session import Session

UNLIKE = 16.0
"""A piece whose largest value is so many times smaller than that of the whole is judged apart."""
_EVERY_OTHER = slice(0, 3, 2)
_JOINED = {
    "Concat": slice(None),
    "QLinearConcat": slice(2, None, 3),
    "ScatterElements": _EVERY_OTHER,
    "ScatterND": _EVERY_OTHER,
}
"""Which inputs an operator joins."""
_MOVED = frozenset(
    {"Compress", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "Reshape"}
    | {"Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"}
)
"""What changes the place of the values of its first input."""
_KEPT = frozenset(
    {"Abs", "Cast", "Celu", "Clip", "DequantizeLinear", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid"}
    | {"HardSwish", "LeakyRelu", "Log", "Mish", "Neg", "QuantizeLinear", "Reciprocal", "Relu"}
    | {"Round", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu"}
)
"""What makes a value of each, in its place."""
_SCALED = frozenset({"Add", "Div", "Max", "Min", "Mul", "PRelu", "Pow", "Sub"})
"""And what does so with constants."""
_NUMBER = " number of its piece"


class Pieces:
    """Tells of every element of an output which tensor it comes from.

    Args:
        proto: the model; the values of its weights are not looked at.
        whole: gives it with these.
        open_session: loads what ``sliced`` gives as the model was loaded.
    """

    def __init__(
        self,
        proto: onnx.ModelProto,
        whole: Callable[[], onnx.ModelProto],
        open_session: Callable[[bytes, Mapping[str, Array]], Session],
    ) -> None:
        self._graph = proto.graph
        self._whole = whole
        self._open = open_session
        self._sessions: dict[str, Session | None] = {}
        self._numbers: dict[tuple[str, str], Array | None] = {}

    def of(self, output: str, inputs: Inputs) -> Array | None:
        """The number of its piece for every element; None where an output is of one piece."""
        if output not in self._sessions:
            self._sessions[output] = self._opened(output)
        session = self._sessions[output]
        if session is None:
            return None
        key = output, inputs.sha256
        if key not in self._numbers:
            try:
                self._numbers[key] = session.run(inputs.arrays)[0][1].astype(np.int16)
            except (ParityError, RefusedError):
                self._numbers[key] = None
        return self._numbers[key]

    def _opened(self, output: str) -> Session | None:
        """What gives the numbers; None where there is one piece, or where it cannot be said."""
        leaves, moving = _joined(self._graph, output)
        if len(leaves) < 2:
            return None
        try:
            return self._open(*_numbering(self._whole(), output, leaves, moving))
        except ParityError:
            return None


def one_piece(_: str) -> Array | None:
    """The number of pieces of outputs of which nothing is known: none."""
    return None


def unlike(numbers: Array | None, values: Array) -> Iterator[npt.NDArray[np.bool_]]:
    """Where the pieces lie whose values are small beside those of the whole.

    Args:
        numbers: of ``Pieces.of``.
        values: floating, of that shape.
    """
    if numbers is None or numbers.shape != values.shape:
        return
    sizes = np.abs(values.astype(np.float64))
    sizes[~np.isfinite(sizes)] = 0
    whole = float(sizes.max(initial=0.0))
    for number in np.unique(numbers):
        piece = numbers == number
        if UNLIKE * float(sizes[piece].max()) < whole:
            yield piece


def _joined(graph: onnx.GraphProto, output: str) -> tuple[list[str], set[str]]:
    """The tensors that an output is joined of, and those on the way to it."""
    made = {name: node for node in graph.node for name in node.output if name}
    constants = _constants(graph)
    leaves, moving, pending = dict[str, None](), set[str](), [output]
    while pending:
        start = name = pending.pop()
        way = [name]
        sources = _sources(made.get(name), constants)
        while sources and made[name].op_type not in _JOINED:
            name = sources[0]
            way.append(name)
            sources = _sources(made.get(name), constants)
        if not sources:  # nothing is joined behind it
            leaves[start] = None
        elif name not in moving or start not in moving:
            moving.update(way)
            pending += sources
    return list(leaves), moving


def _numbering(
    proto: onnx.ModelProto, output: str, leaves: list[str], moving: set[str]
) -> tuple[bytes, dict[str, Array]]:
    """As ``sliced``: it gives the number of its piece for every element of an output."""
    constants, beside = _constants(proto.graph), dict[str, Array]()
    part = part_of(proto, [output], beside)
    nodes = list(part.graph.node)
    for number, name in enumerate(leaves):
        value = helper.make_tensor("value", onnx.TensorProto.INT32, [1], [number])
        shape, numbered = f"{name}{_NUMBER}, as large as this", f"{name}{_NUMBER}"
        part.graph.node.append(helper.make_node("Shape", [name], [shape]))
        part.graph.node.append(
            helper.make_node("ConstantOfShape", [shape], [numbered], value=value)
        )
    part.graph.node.extend(
        _numbered(node, _sources(node, constants))
        for node in nodes
        if moving.intersection(node.output)
    )
    part.graph.output.append(onnx.ValueInfoProto(name=f"{output}{_NUMBER}"))
    return part.SerializeToString(), beside


def _constants(graph: onnx.GraphProto) -> set[str]:
    made = (name for node in graph.node if node.op_type == "Constant" for name in node.output)
    return {tensor.name for tensor in graph.initializer}.union(made)


def _sources(node: onnx.NodeProto | None, constants: Container[str]) -> list[str]:
    """The inputs whose elements a node gives one by one; none where it computes with several."""
    if node is None or node.domain not in ("", "ai.onnx", "com.microsoft"):
        return []
    if node.op_type in _MOVED | _KEPT:
        return [node.input[0]]
    if node.op_type in _SCALED:
        varying = [name for name in node.input if name not in constants]
        return varying if len(varying) == 1 else []
    if any(a.name == "reduction" and a.s not in (b"", b"none") for a in node.attribute):
        return []
    return list(node.input[_JOINED[node.op_type]]) if node.op_type in _JOINED else []


def _numbered(node: onnx.NodeProto, sources: list[str]) -> onnx.NodeProto:
    """The same node, for numbers of pieces instead of values."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.ClearField("name")
    if node.op_type == "QLinearConcat":
        copy.op_type, copy.domain = "Concat", ""
    elif node.op_type in _KEPT | _SCALED:
        copy.op_type, copy.domain = "Identity", ""
        del copy.attribute[:]
    if copy.op_type != node.op_type:
        copy.input[:] = sources
    renamed = {name: f"{name}{_NUMBER}" for name in sources}
    places = range(len(copy.input))[_JOINED.get(copy.op_type, slice(1))]
    for place in places:
        copy.input[place] = renamed[copy.input[place]]
    copy.output[:] = [name and f"{name}{_NUMBER}" for name in node.output]
    return copy
