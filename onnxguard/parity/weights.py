"""A graph's weights beside the reference's: as they are, turned, rounded, folded, or others."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import methodcaller
from typing import NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper

from onnxguard.base.printable import printable
from onnxguard.parity.report import Weights
from onnxguard.parity.rounded import Rounded, integers_read, narrow, quantised
from onnxguard.running.comparison import Array, epsilon, is_floating
from onnxguard.running.cutting import constant_value

LEAST = 16
"""Tensors of fewer elements may be equal, or nearly, by chance."""
NEAR = 0.1
"""A tensor this near to another, as a share of its norm, was meant to be that one."""
_EXACT = 2e-6
"""What folding in float32 costs, as a share of the largest value of a channel."""
_ULPS = 4
"""And what computing it once more does, in units in the last place."""
_FLOAT = epsilon(np.dtype(np.float32))
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_FLOATS = frozenset(
    {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE}
    | {onnx.TensorProto.BFLOAT16}
)


Turn = Callable[[Array], Array]


class Held(NamedTuple):
    """What a reference holds.

    Attributes:
        tensors: parameters and buffers, by name.
        norms: ``(factor, summand)`` of each batch norm, per channel.
    """

    tensors: Mapping[str, Array]
    norms: Sequence[tuple[Array, Array]] = ()


class Off(NamedTuple):
    """A weight of the graph that is not what it was meant to be.

    Attributes:
        name: in the graph.
        meant: in the reference.
        near: whether the two are nearly equal; a weight of the same name may be another altogether.
        said: how they differ, in one line safe to print.
    """

    name: str
    meant: str
    near: bool
    said: str


class WeightMatcher:
    """Finds the reference's tensor for weights of graphs."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._floating = {n: a for n, a in held.tensors.items() if is_floating(a.dtype)}
        self._digests = {_digest(array): name for name, array in self._floating.items()}
        self._by_size: dict[int, list[str]] = defaultdict(list)
        for name, array in self._floating.items():
            self._by_size[array.size].append(name)

    @property
    def holds(self) -> bool:
        """Whether there is anything to compare with."""
        return bool(self._floating)

    def compare(self, proto: onnx.ModelProto) -> tuple[Weights, frozenset[str], tuple[Off, ...]]:
        """Look at every floating weight of the main graph.

        Returns:
            The counts, the names of weights that are the reference's, and those that are off.
        """
        ways: Counter[str] = Counter()
        matched, off, count = set[str](), [], 0
        with np.errstate(all="ignore"):  # wild weights may hold anything
            for name, found in self._found(proto):
                count += 1
                if isinstance(found, Off):
                    off.append(found)
                elif found:
                    ways[found] += 1
                    matched.add(name)
        return Weights(count, len(matched), tuple(ways.items())), frozenset(matched), tuple(off)

    def _found(self, proto: onnx.ModelProto) -> Iterator[tuple[str, str | Off | None]]:
        """Of each weight: how it is the reference's, or how it is not, or nothing."""
        gates = {n: _GATES[node.op_type] for node in proto.graph.node for n in _gated(node)}
        read = [*integers_read(proto.graph)]
        steps = {name for reads in read for name in reads.steps}
        for name, array in _weights(proto):
            if name in steps:
                continue
            found: str | Off | None = self._kind(array, gates.get(name, 0))
            if not found and epsilon(array.dtype) > _FLOAT:
                found = self._rounded(narrow(name, array))
            yield name, found or self._off(name, array)
        for rounded in quantised(proto.graph, read):
            yield rounded.name, self._rounded(rounded)

    def _kind(self, array: Array, gates: int) -> str:
        """How a weight is that of the reference; empty where it is none."""
        if _digest(array) in self._digests:
            return "as they are"
        if gates and self._is_gated(array, gates):
            return "rearranged"
        for _, turned, theirs in self._candidates(array):
            if np.array_equal(turned, theirs):
                return "transposed"
            if theirs.dtype != array.dtype:
                if np.array_equal(turned, theirs.astype(array.dtype)):
                    return f"rounded to {array.dtype}"
            elif np.allclose(turned, theirs, _ULPS * _FLOAT, 0):
                return "computed anew"
        fits = self._is_folded_bias if array.ndim < 2 else self._is_folded
        folded = (fits(turned, theirs) for _, turned, theirs in self._candidates(array))
        return "folded with a norm" if any(folded) or fits(array, np.zeros_like(array)) else ""

    def _candidates(self, array: Array) -> Iterator[tuple[str, Array, Array]]:
        """``(name, the array turned as the reference's, the reference's)`` of those that fit."""
        return ((name, turn(array), theirs) for name, turn, theirs in self._fitting(array.shape))

    def _fitting(self, shape: tuple[int, ...]) -> Iterator[tuple[str, Turn, Array]]:
        """``(name, how a weight of a shape is turned, the reference's)`` of those that fit."""
        for name in self._by_size[math.prod(shape)]:
            theirs = self._floating[name]
            if shape == theirs.shape:
                yield name, np.asarray, theirs
            if len(shape) == 2 and shape == theirs.shape[::-1]:
                yield name, np.transpose, theirs
            elif len(shape) != theirs.ndim and _squeezed(shape) == _squeezed(theirs.shape):
                yield name, methodcaller("reshape", theirs.shape), theirs

    def _rounded(self, rounded: Rounded) -> str | Off | None:
        """How a weight is the reference's, rounded, or differs from that; None where it is none."""
        off: Off | None = None
        shape = rounded.stored.shape
        fitting = [*self._fitting(shape)]
        if len(shape) == 1:  # a convolution without a bias gets one from its norm
            fitting.append(("norm", np.asarray, np.zeros(shape, np.float32)))
        for name, turn, theirs in fitting:
            if theirs.dtype.kind == "c":
                continue
            turned = rounded.turned(turn)
            for number, (factor, summand) in enumerate(self._folding(theirs.shape)):
                said = turned.beside(theirs, factor, summand)
                if said == "":
                    return f"rounded to {rounded.stored.dtype}"
                # An exporter folds half floats in half floats: what that costs is no damage.
                folded = number > 0 or name == "norm"
                if said and off is None and not (folded and rounded.step is None):
                    off = Off(rounded.name, name, True, said)
        return off

    def _folding(self, shape: tuple[int, ...]) -> Iterator[tuple[Array, Array]]:
        """What a tensor is multiplied by, and what is added: nothing, or what a norm does."""
        yield np.broadcast_to(np.float32(1), shape), np.broadcast_to(np.float32(0), shape)
        for factor, summand in self._held.norms:
            for axis in range(min(len(shape), 2)):
                if shape[axis] == factor.size:
                    sized = [-1 if at == axis else 1 for at in range(len(shape))]
                    added = summand.reshape(sized) if len(shape) == 1 else np.float32(0)
                    multiplied = np.broadcast_to(factor.reshape(sized), shape)
                    yield multiplied, np.broadcast_to(added, shape)

    def _is_gated(self, array: Array, gates: int) -> bool:
        """Whether every gate's part is a part of the reference's, in whatever order."""
        parts = {
            _digest(part)
            for tensor in self._floating.values()
            if tensor.ndim in (1, 2) and tensor.shape[0] % gates == 0
            for part in np.split(tensor, gates)
        }
        halves = 1 if array.ndim == 3 else 2  # biases of input and state stand side by side
        if array.ndim < 2 or array.shape[1] % (gates * halves):
            return False
        split = (part for one in array for part in np.split(one, gates * halves))
        return all(_digest(part) in parts for part in split)

    def _is_folded(self, array: Array, theirs: Array) -> bool:
        """Whether each channel is the reference's, times what one of its norms multiplies by."""
        return any(
            np.allclose(scale, factors, _folding_error(array), 1e-12)
            for factors in _factors(array, theirs)
            for scale, _ in self._held.norms
            if scale.size == factors.size
        )

    def _nearly_folded(self, array: Array, theirs: Array) -> str:
        """What most channels, or all of them nearly, are that were folded with a norm."""
        for factors in _factors(array, theirs):
            for scale, _ in self._held.norms:
                if scale.size != factors.size:
                    continue
                off = np.abs(factors - scale) / np.maximum(np.abs(scale), 1e-12)
                wrong = int(np.count_nonzero(off > _folding_error(array)))
                if wrong <= len(off) // 2 or float(off.max()) <= NEAR:
                    return f"in {wrong:,} of {len(off):,} channels, folded with a norm"
        return ""

    def _is_folded_bias(self, array: Array, theirs: Array) -> bool:
        """Whether a bias is the reference's, as one of its norms leaves it."""
        for factor, summand in self._held.norms:
            if factor.size != array.size:
                continue
            scaled = theirs * factor
            near = _folding_error(array) * (np.abs(scaled) + np.abs(summand)) + 1e-7
            if (np.abs(array - (scaled + summand)) <= near).all():
                return True
        return False

    def _off(self, name: str, array: Array) -> Off | None:
        """What a weight was meant to be, by its name or because it is nearly that."""
        theirs = self._floating.get(name)
        if theirs is not None and theirs.size == array.size:
            turned = array.T if array.shape == theirs.shape[::-1] != theirs.shape else array
            turned = turned.reshape(theirs.shape)
            return Off(name, name, _distance(turned, theirs) <= NEAR, _said(turned, theirs))
        nearest: tuple[float, str, Array, Array] | None = None
        for other, turned, tensor in self._candidates(array):
            if array.ndim < 2 and not _varied(tensor):
                continue
            distance = _distance(turned, tensor)
            if nearest is None or distance < nearest[0]:
                nearest = distance, other, turned, tensor
        if nearest is None or nearest[0] > NEAR:
            for other, turned, tensor in self._candidates(array) if array.ndim > 1 else ():
                said = self._nearly_folded(turned, tensor)
                if said:
                    return Off(name, other, True, said)
            return None
        return Off(name, nearest[1], True, _said(nearest[2], nearest[3]))


def _folding_error(array: Array) -> float:
    """How far off what a norm multiplies by may be, in relation: it was rounded with the weight."""
    return max(1e-4, 8 * epsilon(array.dtype))


def _factors(array: Array, theirs: Array) -> Iterator[Array]:
    """What channels of the reference's tensor are multiplied by, for each axis of channels."""
    if array.ndim < 2 or array.shape != theirs.shape:
        return
    exact = max(_EXACT, epsilon(array.dtype))
    array, theirs = (x.astype(np.float32, copy=False) for x in (array, theirs))
    for axis in (0, 1):
        a, b = (np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1) for x in (array, theirs))
        with np.errstate(divide="ignore", invalid="ignore"):
            factors = np.einsum("ij,ij->i", a, b) / np.einsum("ij,ij->i", b, b)
        gaps = np.abs(a - factors[:, None] * b).max(1)
        if np.isfinite(factors).all() and (gaps <= exact * np.abs(a).max(1) + 1e-30).all():
            yield factors


def _squeezed(shape: tuple[int, ...]) -> list[int]:
    return [dim for dim in shape if dim != 1]


def _weights(proto: onnx.ModelProto) -> Iterator[tuple[str, Array]]:
    for tensor in proto.graph.initializer:
        if tensor.data_type in _FLOATS and math.prod(tensor.dims) >= LEAST:
            yield tensor.name, numpy_helper.to_array(tensor)
    for node in proto.graph.node:
        value = constant_value(node)
        if value is not None and value.data_type in _FLOATS and math.prod(value.dims) >= LEAST:
            yield node.output[0], numpy_helper.to_array(value)


def _gated(node: onnx.NodeProto) -> Sequence[str]:
    return list(node.input[1:4]) if node.op_type in _GATES else ()


def _digest(array: Array) -> bytes:
    digest = hashlib.blake2b(f"{array.dtype} {array.size} ".encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.digest()


def _distance(array: Array, theirs: Array) -> float:
    """How far off, as a share of the reference's norm; 0 to 0.1 also where most is equal."""
    a, b = array.astype(np.float32, copy=False), theirs.astype(np.float32, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        equal = float(np.mean(a == b))
        norm = float(np.linalg.norm(b))
        apart = float(np.linalg.norm(a - b)) / norm if norm else math.inf
    return min(apart, NEAR * (1 - equal)) if equal >= 0.5 else apart


def _varied(array: Array) -> bool:
    """Whether a vector holds numbers of its own, and is not all zeros or ones."""
    return len(np.unique(array)) > array.size // 2


def _said(array: Array, theirs: Array) -> str:
    """How one tensor differs from another of its shape, row by row."""
    if array.ndim < 2:
        over = int(np.count_nonzero(array != theirs))
        return f"in {over:,} of {array.size:,} values"
    rows = (array != theirs).reshape(len(array), -1).any(1)
    count = int(np.count_nonzero(rows))
    empty = rows & ~array.reshape(len(array), -1).any(1)
    zero = int(np.count_nonzero(empty))
    first, last = int(np.argmax(rows)), int(len(rows) - 1 - np.argmax(rows[::-1]))
    where = f"in {count:,} of {len(rows):,} rows, {first} to {last}"
    if zero:
        return f"{where}; {zero:,} of them are zero"
    apart = float(np.max(np.abs(array.astype(np.float64) - theirs.astype(np.float64))))
    return f"{where}, by up to {apart:.3g}"


def describe(off: Off) -> str:
    """One line about a weight that is off."""
    name, meant = printable(off.name, 60), printable(off.meant, 60)
    which = "the reference's" if name == meant else f"the reference's {meant}"
    return f"{name} {'nearly equals' if off.near else 'is not'} {which}: it differs {off.said}"
