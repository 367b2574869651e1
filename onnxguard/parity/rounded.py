"""Weights that were rounded, to integers or to narrow floats, beside what they may be made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper

from onnxguard.running.comparison import Array, epsilon
from onnxguard.running.cutting import constant_value

_FITS = 0.6
"""Rounding to the nearest is off by up to half a step; the rest is float32's."""
_FAR = 8.0
"""Training with the rounding moves few weights so far, and leaves no channels as they were."""
_WHOLE = 8
"""A channel of so many elements is wrong as a whole where half of them are off."""
_FEW = 8
"""One of so many channels may be wrong, or two; where more are, they were changed on purpose."""
_BITS = 64.0
"""So much must be known from the channels that fit: zeros fit whatever is small."""
_HALF = 2.0**-8
"""Nor need it be made of float32: what bfloat16 cost before is no damage."""
_FOLDING = 1e-6
"""What folding in float32 costs, as a share of the value."""
_GLANCE, _PIECE = 512, 1 << 20
"""Elements that are looked at first, and together."""
_TINY, _LARGE = 2.5e-7, 1e4
"""ONNX Runtime's conversion to float16 makes 1e-7 of what is smaller, and 1e4 of what is larger."""
_RANGE = 8
"""Nothing is clipped to fewer steps."""
_LEAST = 4
"""Tensors of fewer elements tell nothing."""

_SLOTS = {
    "DequantizeLinear": (0, 1, 2),
    "QLinearConv": (3, 4, 5),
    "QLinearMatMul": (3, 4, 5),
    "QGemm": (3, 4, 5),
    "DynamicQuantizeMatMul": (1, 2, 3),
    "MatMulIntegerToFloat": (1, 3, 5),
    "ConvInteger": (1, -1, 3),
    "MatMulInteger": (1, -1, 3),
}
"""Where operators read a weight, its steps (-1: where they multiply the product) and its zeros."""
_BIASES = {"QLinearConv": 8, "QGemm": 6}
"""And a bias, whose steps are the weight's times those of the first input."""
_INTEGERS = frozenset(
    {onnx.TensorProto.INT4, onnx.TensorProto.INT8, onnx.TensorProto.INT16, onnx.TensorProto.INT32}
    | {onnx.TensorProto.UINT4, onnx.TensorProto.UINT8, onnx.TensorProto.UINT16}
)


_Nodes = Mapping[str, onnx.NodeProto]


class Rounded(NamedTuple):
    """A weight that was rounded.

    Attributes:
        name: in the graph.
        stored: its integers or narrow floats.
        zero: the integers that stand for 0, in the same shape.
        step: what one step is, likewise; None for floats.
        ends: the least and the largest that is stored: what lies beyond was clipped.
    """

    name: str
    stored: Array
    zero: Array
    step: Array | None
    ends: tuple[float, float]

    def turned(self, turn: Callable[[Array], Array]) -> Rounded:
        """The same in another shape."""
        step = None if self.step is None else turn(self.step)
        return self._replace(stored=turn(self.stored), zero=turn(self.zero), step=step)

    def beside(self, theirs: Array, factor: Array, summand: Array) -> str | None:
        """How it differs from ``theirs * factor + summand``, all in its own shape.

        Returns:
            Empty where it is that, rounded; None where it is something else, or nobody can tell.
        """
        shape = self.stored.shape
        places = np.random.default_rng(0).integers(0, self.stored.size, _GLANCE)
        index = np.unravel_index(places, shape)
        seen = self._compared(theirs[index], factor[index], summand[index], index)
        moved = float(np.round(np.median(seen.off)))
        if max(seen.fits().mean(), seen.fits(moved).mean()) < 0.5:
            return None
        found = _Found.of(shape)
        rows = max(_PIECE * len(self.stored) // self.stored.size, 1)
        for at in range(0, len(self.stored), rows):
            part = slice(at, at + rows)
            found.add(part, self._compared(theirs[part], factor[part], summand[part], part), moved)
        return found.said(moved, self)

    def _compared(
        self, theirs: Array, factor: Array, summand: Array, index: slice | tuple[Array, ...]
    ) -> _Compared:
        stored = self.stored[index].astype(np.float32)
        meant = theirs.astype(np.float32) * factor + summand
        values: Array = stored
        if self.step is None:
            step: Array = 2 * epsilon(self.stored.dtype) * np.abs(values) + np.float32(_TINY)
        else:
            step = self.step[index]
            values = (stored - self.zero[index]) * step
        size = np.where(np.isfinite(meant), np.abs(meant), 0)
        is_bias = self.stored.ndim == 1 and self.step is not None
        # Numbers that nearly cancelled in a bias left an error of their own size.
        lost = _FOLDING * (size.max(initial=0) if is_bias else size) / np.abs(step)
        off = (meant - values) / step
        off -= np.clip(off, -lost, lost)
        off[np.isnan(off)] = np.inf
        off[meant == values] = 0
        clipped = (stored <= self.ends[0]) & (off < 0)
        clipped |= (stored >= self.ends[1]) & (off > 0)
        return _Compared(off, clipped, size / np.abs(step))


class _Compared(NamedTuple):
    """Of each element: how many steps it is off, whether it was clipped, how many steps it is."""

    off: Array
    clipped: Array
    size: Array

    def fits(self, moved: float = 0.0) -> Array:
        """Which elements are right, if all are moved by so many steps."""
        return (np.abs(self.off - moved) <= _FITS) | self.clipped


@dataclass
class _Found:
    """What a weight's pieces showed, channel by channel, for each of the first two axes.

    Attributes:
        unfit: elements that do not fit.
        bad: those that are off by more than half floats explain.
        known: bits of all elements.
        largest: by how many steps an element is off.
        far: whether one is off by more than ``_FAR``.
        moved: whether all elements are off by the same steps.
    """

    unfit: list[Array]
    bad: list[Array]
    known: list[Array]
    largest: float = 0.0
    far: bool = False
    moved: bool = True

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> _Found:
        """Before any piece."""
        unfit, bad, known = ([np.zeros(n) for n in shape[:2]] for _ in range(3))
        return cls(unfit, bad, known)

    def add(self, part: slice, seen: _Compared, moved: float) -> None:
        """Take in some rows."""
        fits, bits = seen.fits(), np.log2(np.clip(seen.size, 1, 1 << 24))
        apart = np.where(fits, 0, np.abs(seen.off))
        beyond = apart - _HALF * seen.size
        self.largest = max(self.largest, float(apart.max()))
        self.far |= bool((beyond > _FAR).any())
        self.moved &= bool(seen.fits(moved).all())
        for axis, where in enumerate([part, slice(None)][: fits.ndim]):
            others = tuple(a for a in range(fits.ndim) if a != axis)
            self.unfit[axis][where] += (~fits).sum(others)
            self.bad[axis][where] += (beyond > _FITS).sum(others)
            self.known[axis][where] += bits.sum(others)

    def said(self, moved: float, rounded: Rounded) -> str | None:
        """As ``Rounded.beside``."""
        if not self.unfit[0].any():
            return ""
        for unfit, bad, known in zip(self.unfit, self.bad, self.known, strict=True):
            right, many = unfit == 0, len(unfit)
            wrong, each = int(np.sum(~right)), rounded.stored.size // many
            few = max(1, min(2, many // 4), many // _FEW)
            clear = self.far or (each >= _WHOLE and bad.max() >= each / 2)
            if clear and wrong <= few and known[right].sum() >= _BITS:
                by = "" if rounded.step is None else f", by up to {self.largest:.3g} steps"
                return f"in {wrong:,} of {many:,} channels{by}"
        # A constant is added to biases alone.
        movable = rounded.step is not None and rounded.stored.ndim > 1
        if movable and self.moved and self.known[0].sum() >= _BITS:
            return f"everywhere, by {moved:+.0f} steps, as a zero point that is off"
        return None


def narrow(name: str, array: Array) -> Rounded:
    """A weight in float16 or bfloat16."""
    return Rounded(name, array, np.broadcast_to(0, array.shape), None, (-_LARGE, _LARGE))


class Reads(NamedTuple):
    """The constants that make a weight, and its axis of channels."""

    name: str
    zero: str
    steps: tuple[str, ...]
    axis: int


def integers_read(graph: onnx.GraphProto) -> Iterator[Reads]:
    """The constants that a graph's operators read as weights and biases of integers."""
    constants = _constants(graph)
    made = {name: node for node in graph.node for name in node.output}
    readers = {name: node for node in graph.node for name in node.input}
    reads = (one for node in graph.node for one in _reads(node, made, readers))
    for one in dict.fromkeys(reads):
        if {one.name, *one.steps} <= constants.keys() and _is_weight(constants[one.name]):
            yield one


def quantised(graph: onnx.GraphProto, read: Iterable[Reads]) -> Iterator[Rounded]:
    """The weights and biases themselves, of those that ``integers_read`` found in the graph."""
    constants = _constants(graph)
    for one in read:
        with suppress(ValueError):  # ONNX Runtime says what does not fit
            yield _read(one, constants)


def _constants(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    stored = {tensor.name: tensor for tensor in graph.initializer}
    return stored | {n.output[0]: v for n in graph.node if (v := constant_value(n)) is not None}


def _reads(node: onnx.NodeProto, made: _Nodes, readers: _Nodes) -> Iterator[Reads]:
    if node.op_type not in _SLOTS:
        return
    names, attributes = dict(enumerate(node.input)), {a.name: a.i for a in node.attribute}
    name, step, zero = (names.get(slot, "") for slot in _SLOTS[node.op_type])
    axis = 0 if "Conv" in node.op_type or attributes.get("transB") else -1
    axis = attributes.get("axis", 1) if node.op_type == "DequantizeLinear" else axis
    for factor in (step,) if step else _factors(node, made, readers):
        yield Reads(name, zero, (factor,), axis)
    if node.op_type in _BIASES:
        yield Reads(names.get(_BIASES[node.op_type], ""), "", (names.get(1, ""), step), 0)


def _factors(node: onnx.NodeProto, made: _Nodes, readers: _Nodes) -> Iterator[str]:
    """What a product of integers is multiplied by, cast to floats: one of the two is constant."""
    cast = readers.get(node.output[0])
    product = readers.get(cast.output[0]) if cast is not None else None
    for name in product.input if product is not None else ():
        if name in made and made[name].op_type == "Mul":
            yield from made[name].input


def _is_weight(tensor: onnx.TensorProto) -> bool:
    return tensor.data_type in _INTEGERS and math.prod(tensor.dims) >= _LEAST


def _read(reads: Reads, constants: Mapping[str, onnx.TensorProto]) -> Rounded:
    stored = numpy_helper.to_array(constants[reads.name])
    if stored.dtype.kind not in "iu":  # of 4 bits, in which NumPy does not compute
        stored = stored.astype(np.int8)

    def spread(name: str) -> Array:
        return _spread(numpy_helper.to_array(constants[name]), stored.shape, reads.axis)

    zero = spread(reads.zero) if reads.zero in constants else np.broadcast_to(0, stored.shape)
    step, *others = map(spread, reads.steps)
    for other in others:
        step = step * other
    ends = float(stored.min()), float(stored.max())  # a weight may be clipped at any range
    if stored.dtype.itemsize > 2 or ends[1] - ends[0] < _RANGE:
        ends = -(2.0**31), 2.0**31 - 1
    return Rounded(reads.name, stored, zero, step, ends)


def _spread(array: Array, shape: tuple[int, ...], axis: int) -> Array:
    """Steps or zeros of a whole weight, of its channels or of blocks of them, for each element."""
    array = array.astype(np.float32)
    if array.size == 1 or array.ndim != len(shape):
        array = array.reshape([-1 if at == axis % len(shape) else 1 for at in range(len(shape))])
    for at, (few, many) in enumerate(zip(array.shape, shape, strict=True)):
        if 1 < few < many:
            array = np.repeat(array, -(-many // few), at).take(range(many), at)
    return np.broadcast_to(array, shape)
