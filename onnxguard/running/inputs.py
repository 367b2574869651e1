"""What both sides are fed: shapes that the signature allows, seeded values, a file's arrays."""

from __future__ import annotations

import hashlib
import math
import os
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.running.comparison import Array
from onnxguard.running.errors import ParityError
from onnxguard.running.graph_file import Declared
from onnxguard.students.normalisation import DEVIATION, MEAN

Shapes = dict[str, tuple[int, ...]]
"""The shape of each input."""

PROFILES = ("noise", "image", "large")
"""Standard normal; smooth and textured pictures in 0..1, normalised; normal, ``LARGE`` times."""

LARGE = 8.0
_PER_CHANNEL = np.array([MEAN, DEVIATION])[:, :, None, None]

_SIDES = ((64, 96), (160, 64), (96, 128), (224, 192), (256, 320), (512, 384), (299, 331))
"""Heights and widths to try, never square; the first are multiples of 32 and small."""
ODD = (67, 93)
"""Tried as well: what an export froze or rounded shows where nothing halves evenly."""
_BATCHES = (1, 2, 3)
_LENGTHS = (5, 12, 31, 8, 64, 128, 3)
ELEMENTS = 1 << 27
"""The most that the inputs may have together: 512 MiB of float32."""
SMALL = 10
"""Integers that pick or size something unknown are drawn below this."""
LARGE_INTEGER = 20
"""Others are drawn up to this far from zero, or over all that a small type can hold."""
_PICKED = {
    **dict.fromkeys(
        ("Gather", "GatherElements", "GatherND", "Reshape", "Expand", "Tile", "Slice", "Pad"), 1
    ),
    **dict.fromkeys(("ScatterND", "ScatterElements", "Scatter", "TopK", "Resize", "Split"), 1),
    **dict.fromkeys(("ArrayFeatureExtractor", "OneHot", "CumSum", "Squeeze", "Unsqueeze"), 1),
    **dict.fromkeys(("Range", "ConstantOfShape", "Trilu", "EyeLike"), 0),
}
"""From which input on an operator picks places or sizes."""
_MOVING = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
"""What changes the place or the type of indices, and not which rows they pick."""
WANTED = 3
"""How many shapes are compared where the signature allows as many."""


class Inputs(NamedTuple):
    """One set of inputs.

    Attributes:
        profile: one of ``PROFILES``, or a file's name.
        seed: what the values were drawn with, -1 for a file's.
        arrays: by the input's name.
    """

    profile: str
    seed: int
    arrays: dict[str, Array]

    @property
    def shapes(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """``(input, shape)``, names safe to print."""
        return tuple((printable(name), a.shape) for name, a in self.arrays.items())

    @property
    def sha256(self) -> str:
        """Of names, dtypes, shapes and values."""
        digest = hashlib.sha256()
        for name, array in sorted(self.arrays.items()):
            head = f"{name}\0{array.dtype}\0{array.shape}\0"
            digest.update(head.encode("utf-8", "surrogateescape"))
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def is_dynamic(inputs: Sequence[Declared]) -> bool:
    """Whether any dim of any input may vary."""
    return any(d.dims is None or any(isinstance(s, str) for s in d.dims) for d in inputs)


def propose_shapes(inputs: Sequence[Declared]) -> Iterator[Shapes]:
    """Give shapes that the signature allows, the likeliest first; a dim's symbol has one size.

    Raises:
        UsageError: an input does not declare its rank.
    """
    for declared in inputs:
        if declared.dims is None:
            raise UsageError(
                f'the input "{printable(declared.name)}" declares no shape: '
                f"give one with `shapes` {printable(declared.name)}=DIMS"
            )
    if not is_dynamic(inputs):
        yield {d.name: tuple(int(s) for s in d.dims or ()) for d in inputs}
        return
    proposals = (_filled(inputs, attempt, sides) for attempt, sides in enumerate(_SIDES))
    yield from (shapes for shapes in proposals if _elements(shapes) <= ELEMENTS)


def _elements(shapes: Shapes) -> int:
    return sum(map(math.prod, shapes.values()))


def odd_shapes(inputs: Sequence[Declared]) -> Shapes | None:
    """Odd heights and widths, where the signature leaves both open."""
    shapes = _filled(inputs, 0, ODD)
    return shapes if any(shape[2:] == ODD for shape in shapes.values()) else None


def _filled(inputs: Sequence[Declared], attempt: int, sides: tuple[int, int]) -> Shapes:
    sizes: dict[str, int] = {}
    shapes: Shapes = {}
    for declared in inputs:
        shape = []
        for axis, dim in enumerate(declared.dims or ()):
            size = _size(axis, len(declared.dims or ()), attempt, sides)
            open_dim = dim or f"{declared.name}\0{axis}"
            shape.append(dim if isinstance(dim, int) else sizes.setdefault(str(open_dim), size))
        shapes[declared.name] = tuple(shape)
    return shapes


def _size(axis: int, rank: int, attempt: int, sides: tuple[int, int]) -> int:
    if axis == 0 and rank > 1:
        return _BATCHES[attempt % len(_BATCHES)]
    if rank == 4 and axis >= 2:
        return sides[axis - 2]
    return _LENGTHS[attempt]


def parse_shapes(texts: Sequence[str], inputs: Sequence[Declared]) -> list[Shapes]:
    """Read ``name=1x3x64x64``; the n-th shape of each input makes the n-th set.

    Raises:
        UsageError: a shape cannot be read, or names no input, or an input has none.
    """
    known = {declared.name: declared for declared in inputs}
    given: dict[str, list[tuple[int, ...]]] = {}
    for text in texts:
        name, equals, dims = text.rpartition("=")
        shown = printable(text)
        if not equals or name not in known:
            names = ", ".join(printable(n) for n in known)
            raise UsageError(f'`shapes` "{shown}": write INPUT=DIMS, INPUT being one of: {names}')
        sizes = dims.replace(",", "x").split("x") if dims else []
        if not all(size.isascii() and size.isdigit() for size in sizes):
            raise UsageError(f'`shapes` "{shown}": dims are whole numbers, as 1x3x64x64')
        shape = tuple(map(int, sizes))
        if math.prod(shape) > ELEMENTS or max(shape, default=0) > ELEMENTS:
            raise UsageError(f'`shapes` "{shown}": more than {ELEMENTS:,} elements')
        declared = known[name].dims
        if declared is not None and len(declared) != len(shape):
            raise UsageError(f'`shapes` "{shown}": the input has {len(declared)} dims')
        given.setdefault(name, []).append(shape)
    if not given:
        return []
    sets = max(map(len, given.values()))
    for declared_input in inputs:
        name = declared_input.name
        if name not in given and not is_dynamic([declared_input]):
            given[name] = [tuple(int(s) for s in declared_input.dims or ())]
        shapes = given.setdefault(name, [])
        if len(shapes) not in (1, sets):
            raise UsageError(
                f'`shapes`: the input "{printable(name)}" has {len(shapes)} shapes where '
                f"another has {sets}"
            )
        given[name] = shapes * sets if len(shapes) == 1 else shapes
    return [{name: shapes[i] for name, shapes in given.items()} for i in range(sets)]


def draw(
    inputs: Sequence[Declared], shapes: Shapes, profile: str, seed: int, bounds: dict[str, int]
) -> Inputs:
    """Make inputs of given shapes; the values depend on nothing but the arguments.

    Args:
        inputs: what the graph declares.
        shapes: of each input.
        profile: one of ``PROFILES``; integers and booleans are uniform in each.
        seed: of the values; every input draws its own.
        bounds: for integers that pick or size something, how far they may reach.

    Raises:
        UsageError: too many elements, or a dtype for which no values can be made up.
    """
    elements = _elements(shapes)
    if elements > ELEMENTS:
        raise UsageError(f"the inputs have {elements:,} elements; up to {ELEMENTS:,} can be run")
    arrays = {}
    for declared in inputs:
        entropy = [
            seed,
            PROFILES.index(profile),
            int.from_bytes(
                hashlib.sha256(declared.name.encode("utf-8", "surrogateescape")).digest()
            ),
        ]
        random = np.random.Generator(np.random.PCG64(entropy))
        shape = shapes[declared.name]
        # NumPy draws scalars, not arrays, for a shape of ().
        arrays[declared.name] = np.asarray(_values(declared, shape, profile, random, bounds))
    return Inputs(profile, seed, arrays)


def _values(
    declared: Declared,
    shape: tuple[int, ...],
    profile: str,
    random: np.random.Generator,
    bounds: dict[str, int],
) -> Array:
    dtype = _dtype(declared)
    if dtype.kind == "b":
        return random.random(shape) < 0.5
    if dtype.kind in "iu":
        return _integers(dtype, shape, random, bounds.get(declared.name))
    if dtype.kind == "c":
        return (random.standard_normal(shape) + 1j * random.standard_normal(shape)).astype(dtype)
    if profile == "image":
        return _picture(shape, random).astype(dtype)
    wide = np.float64 if dtype == np.float64 else np.float32
    values = random.standard_normal(shape, wide)
    return (values * wide(LARGE if profile == "large" else 1.0)).astype(dtype, copy=False)


def _integers(
    dtype: np.dtype[Any], shape: tuple[int, ...], random: np.random.Generator, bound: int | None
) -> Array:
    kind = np.iinfo(dtype)
    low, high = int(kind.min), int(kind.max)
    if bound is not None:
        low, high = 0, min(bound - 1, high)
    elif dtype.itemsize > 2:
        low, high = max(low, -LARGE_INTEGER), min(high, LARGE_INTEGER)
    return random.integers(low, high, shape, endpoint=True).astype(dtype)


def _dtype(declared: Declared) -> np.dtype[Any]:
    if declared.dtype == "str" or not hasattr(np, declared.dtype):
        if declared.dtype == "bfloat16":
            import ml_dtypes

            bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
            return bfloat16
        raise UsageError(
            f'no values can be made up for the input "{printable(declared.name)}" of '
            f"{declared.dtype}: give them with `inputs` FILE.npz"
        )
    return np.dtype(declared.dtype)


def _picture(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Smooth shading with texture, 0..1; three channels are normalised as ImageNet's are."""
    smooth = random.random(shape)
    for axis in range(max(len(shape) - 2, 0), len(shape)):
        smooth = _smoothed(smooth, axis)
    spread = np.ptp(smooth) if smooth.size else 0.0
    unit = (smooth - smooth.min()) / spread if spread else smooth
    unit = np.clip(0.85 * unit + 0.15 * random.random(shape), 0.0, 1.0)
    if len(shape) == 4 and shape[1] == 3:
        unit = (unit - _PER_CHANNEL[0]) / _PER_CHANNEL[1]
    return np.asarray(unit)


def _smoothed(values: Array, axis: int) -> Array:
    """A running mean along an axis that wraps around, an eighth of it wide."""
    size = values.shape[axis]
    width = max(size // 8, 1)
    total = np.zeros_like(values)
    for shift in range(width):
        total += np.roll(values, shift, axis)
    mean: Array = total / width
    return mean


def read_inputs(path: str, inputs: Sequence[Declared]) -> Inputs:
    """Read a ``.npz`` that names every input, nothing else, in the declared dtypes.

    Raises:
        ParityError: OP003.
    """
    shown = printable(path)
    try:
        with open(path, "rb") as stream, zipfile.ZipFile(stream):
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as archive:
                arrays = {name: np.asarray(archive[name]) for name in archive.files}
    except FileNotFoundError:
        raise ParityError("OP003", f"{shown}: no such file") from None
    except Exception as error:
        reason = printable(" ".join(str(error).split()) or type(error).__name__, 120)
        raise ParityError("OP003", f"{shown}: not a .npz of plain arrays: {reason}") from None
    arrays = {name: a.astype(a.dtype.newbyteorder("="), copy=False) for name, a in arrays.items()}
    known = {declared.name: declared for declared in inputs}
    for words, names in (("lacks", known.keys() - arrays), ("knows no", arrays.keys() - known)):
        if names:
            wanted = ", ".join(printable(n) for n in known)
            first = printable(min(names))
            which = f'{words} the input "{first}"' if words == "lacks" else f'holds "{first}"'
            raise ParityError("OP003", f"{shown}: {which}; the graph's inputs are: {wanted}")
    for name, array in arrays.items():
        _fits(shown, known[name], array)
    ordered = {name: arrays[name] for name in known}
    return Inputs(printable(os.path.basename(path)), -1, ordered)


def _fits(path: str, declared: Declared, array: Array) -> None:
    name = printable(declared.name)
    dtype = "str" if array.dtype.kind in "UO" else array.dtype.name
    if dtype != declared.dtype:
        said = f'"{name}" is {dtype}, the graph wants {declared.dtype}'
        raise ParityError("OP003", f"{path}: {said}")
    dims = declared.dims
    if dims is None:
        return
    fixed = zip(dims, array.shape, strict=False)
    if len(dims) != array.ndim or any(d != size for d, size in fixed if isinstance(d, int)):
        wanted = "x".join(printable(str(dim)) or "?" for dim in dims)
        given = "x".join(map(str, array.shape)) or "a scalar"
        raise ParityError("OP003", f'{path}: "{name}" is {given}, the graph wants {wanted}')


def index_bounds(proto: onnx.ModelProto) -> dict[str, int]:
    """What integer inputs may reach: the names of those that pick rows, or say sizes, and how far.

    An input whose table is constant may reach its last row; of the others that pick or size
    something, anywhere behind them, ``SMALL`` is a guess.
    """
    tables = {tensor.name: tensor.dims for tensor in proto.graph.initializer}
    origins: dict[str, str] = {}
    behind: dict[str, set[str]] = {value.name: {value.name} for value in proto.graph.input}
    bounds: dict[str, int] = {}
    for node in proto.graph.node:
        sources = set[str]().union(*(behind.get(name, ()) for name in node.input))
        for name in node.output:
            behind[name] = sources
        if node.op_type in _MOVING and node.input and node.output:
            origins[node.output[0]] = origins.get(node.input[0], node.input[0])
        deciding = node.input if inner_graphs(node) else node.input[_PICKED.get(node.op_type, 99) :]
        for name in set[str]().union(*(behind.get(name, ()) for name in deciding)):
            bounds.setdefault(name, SMALL)
        if node.op_type != "Gather" or len(node.input) != 2 or node.input[0] not in tables:
            continue
        axis = next((helper.get_attribute_value(a) for a in node.attribute if a.name == "axis"), 0)
        dims, index = tables[node.input[0]], origins.get(node.input[1], node.input[1])
        if -len(dims) <= axis < len(dims):
            before = bounds.get(index, SMALL)
            bounds[index] = int(dims[axis]) if before == SMALL else min(int(dims[axis]), before)
    return bounds


def inner_graphs(node: onnx.NodeProto) -> bool:
    """Whether a node computes with graphs inside it, or may be a function."""
    inside = any(a.HasField("g") or a.graphs for a in node.attribute)
    return inside or node.domain not in ("", "ai.onnx")
