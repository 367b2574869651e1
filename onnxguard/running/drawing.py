"""Values for made-up inputs: seeded, of a profile, within what the graph allows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.running.comparison import Array
from onnxguard.running.graph_file import Declared
from onnxguard.running.inputs import ELEMENTS, Inputs, Shapes, elements_of, symbol_sizes
from onnxguard.running.profiles import EXTREME, KINDS, LARGE, TINY
from onnxguard.running.ranges import FAR, Range
from onnxguard.students.normalisation import DEVIATION, MEAN

LARGE_INTEGER = 20
"""Integers of which nothing is known are drawn up to this far from zero, or over all that a small
type can hold."""
FAR_INTEGER = 2_000
"""And so far in the profile ``extreme``; in ``edges`` some are up to ``FAR``."""
_PER_CHANNEL = np.array([MEAN, DEVIATION])[:, :, None, None]


def draw(
    inputs: Sequence[Declared],
    shapes: Shapes,
    profile: str,
    seed: int,
    bounds: Mapping[str, Range],
    edges: Mapping[str, Sequence[float]] | None = None,
) -> Inputs:
    """Make inputs of given shapes; the values depend on nothing but the arguments.

    Args:
        inputs: what the graph declares.
        shapes: of each input.
        profile: one of ``KINDS``; integers and booleans are uniform in most.
        seed: of the values; every input draws its own.
        bounds: what is known of the values of an input.
        edges: for the profile ``edges``: numbers on and around which each input lies.

    Raises:
        UsageError: too many elements, or a dtype for which no values can be made up.
    """
    elements = elements_of(shapes)
    if elements > ELEMENTS:
        raise UsageError(f"the inputs have {elements:,} elements; up to {ELEMENTS:,} can be run")
    arrays, sizes = {}, symbol_sizes(inputs, shapes)
    for declared in inputs:
        entropy = [
            seed,
            KINDS.index(profile),
            int.from_bytes(
                hashlib.sha256(declared.name.encode("utf-8", "surrogateescape")).digest()
            ),
        ]
        random = np.random.Generator(np.random.PCG64(entropy))
        shape, known = shapes[declared.name], bounds.get(declared.name)
        known = None if known is None else known.within(sizes)
        dtype = _dtype(declared)
        if known is not None and known.asked and (known.choices or dtype.kind not in "iu"):
            values = _asked(known, shape, random)
        elif dtype.kind == "b":
            values = _mask(shape, random)
        elif dtype.kind in "iu":
            values = _integers(dtype, shape, random, known, profile)
        else:
            values = _floats(dtype, shape, profile, random)
        values = np.asarray(values)  # NumPy draws scalars, not arrays, for a shape of ()
        if profile == "edges" and (known is None or not (known.asked or known.mask)):
            values = _edged(values, (edges or {}).get(declared.name, ()), known, dtype, random)
            values = _with_a_tiny_row(values, random) if dtype.kind == "f" else values
        arrays[declared.name] = values.astype(dtype, copy=False)
    return Inputs(profile, seed, arrays)


def _floats(
    dtype: np.dtype[Any], shape: tuple[int, ...], profile: str, random: np.random.Generator
) -> Array:
    if dtype.kind == "c":
        return random.standard_normal(shape) + 1j * random.standard_normal(shape)
    if profile == "image":
        return _picture(shape, random)
    if profile == "uniform":
        return random.random(shape)
    wide = np.float64 if dtype == np.float64 else np.float32
    values: Array = random.standard_normal(shape, wide)
    factors = {"large": LARGE, "extreme": EXTREME, "edges": LARGE}
    return values * wide(factors.get(profile, 1.0))


def _asked(known: Range, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    if known.choices:
        return random.choice(np.array(known.choices), shape)
    return random.uniform(known.low, known.high, shape)


def _mask(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Half of it true; in a row of the last axis that has room, both values occur."""
    values = np.asarray(random.random(shape) < 0.5)
    if shape and shape[-1] > 1:
        alike = values.all(-1) | ~values.any(-1)
        values[..., 0] ^= alike
    return values


def _integers(
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    random: np.random.Generator,
    known: Range | None,
    profile: str,
) -> Array:
    kind = np.iinfo(dtype)
    low, high = int(kind.min), int(kind.max)
    if known is not None and known.mask:
        return _padding(shape, random)
    if known is not None:
        low, high = max(low, int(known.low)), min(int(known.high), high)
        if known.rows and not known.asked:
            return _spread(low, high, shape, random)
    elif dtype.itemsize > 2:
        far = FAR_INTEGER if profile == "extreme" else LARGE_INTEGER
        if profile == "edges" and shape:
            reach = np.where(random.random(shape) < 0.5, far, FAR)
            least, most = np.clip((-reach, reach), max(low, -FAR), min(high, FAR))
            return random.integers(least, most, shape, endpoint=True)
        low, high = max(low, -far), min(high, far)
    return random.integers(low, max(low, high), shape, endpoint=True)


def _padding(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """What counts, by 1 and 0: every other row from its start on, the others here and there."""
    if not shape:
        return np.ones(shape, np.int64)
    size = shape[-1]
    rows = int(np.prod(shape[:-1]))
    ends = random.integers(1, size + 1, (rows, 1)) if size else np.ones((rows, 1), np.int64)
    values = np.arange(size)[None] < ends
    values[1::2] |= random.random((rows // 2, size)) < 0.5
    return values.reshape(shape).astype(np.int64)


def _spread(low: int, high: int, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Rows of a table: the first and the last among them, none twice before all were picked."""
    size, rows = int(np.prod(shape)), max(high - low + 1, 1)
    if rows > 1 << 22 or not size:
        return random.integers(low, high, shape, endpoint=True)
    order = np.concatenate([random.permutation(rows) for _ in range(-(-size // rows))])[:size]
    if size > 4:
        order[random.choice(size, 2, replace=False)] = 0, rows - 1
    return (order + low).reshape(shape)


def _edged(
    values: Array,
    edges: Sequence[float],
    known: Range | None,
    dtype: np.dtype[Any],
    random: np.random.Generator,
) -> Array:
    """Values on and around the edges, and on quarters: where a rounding turns."""
    if dtype.kind in "iu":
        around = [edge + step for edge in map(int, edges) for step in (-1, 0, 1)]
        around += [2 * int(edge) for edge in edges]
        kind = np.iinfo(dtype)
        low, high = (kind.min, kind.max) if known is None else (known.low, known.high)
        low, high = max(low, kind.min), min(high, kind.max)
        picked = np.array([edge for edge in around if low <= edge <= high])
    elif dtype.kind == "f":
        values = np.round(values * 4) / 4
        steps = ((1, 0), (1, 0.5), (1.5, 1), (-1, 0))
        picked = np.array([factor * edge + step for edge in edges for factor, step in steps])
    else:
        return values
    if not picked.size:
        return values
    chosen = random.random(values.shape) < 0.5
    return np.where(chosen, random.choice(picked, values.shape), values)


def _with_a_tiny_row(values: Array, random: np.random.Generator) -> Array:
    """The last row near zero, where a guard against dividing by it shows."""
    if values.ndim > 1 and len(values) > 1:
        values[-1] = random.standard_normal(values.shape[1:]) * TINY
    return values


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
