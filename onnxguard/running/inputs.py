"""What both sides are fed: shapes that the signature allows, seeded values, a file's arrays."""

from __future__ import annotations

import hashlib
import math
import os
import zipfile
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.running.comparison import Array
from onnxguard.running.errors import ParityError
from onnxguard.running.graph_file import Declared

Shapes = dict[str, tuple[int, ...]]
"""The shape of each input."""

_SIDES = (
    (64, 96),
    (160, 64),
    (96, 128),
    (224, 192),
    (256, 320),
    (512, 384),
    (299, 331),
    (224, 224),
)
"""Heights and widths to try, never square; the first are multiples of 32 and small."""
ODD = (67, 93)
"""Tried as well: what an export froze or rounded shows where nothing halves evenly."""
_BATCHES = (1, 2, 3)
_LENGTHS = (5, 12, 31, 8, 64, 128, 1_000, 8_000)
MANY = 11
"""A batch that is tried as well: more than any small buffer holds."""
LONG = 256
"""So long an axis is tried as well, where no table of positions says how long it may be."""
_LONG_SIDES = (192, 320)
_HALVED = 4
"""So many sizes are tried, each half of the one before."""
ELEMENTS = 1 << 27
"""The most that the inputs may have together: 512 MiB of float32."""
WANTED = 3
"""How many shapes are compared where the signature allows as many."""


class Inputs(NamedTuple):
    """One set of inputs.

    Attributes:
        profile: one of ``PROFILES``, or a file's name.
        seed: what the values were drawn with, -1 for a file's.
        arrays: by the input's name.
        aside: what the graph has no input for.
    """

    profile: str
    seed: int
    arrays: dict[str, Array]
    aside: Mapping[str, Array] = {}

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
    _require_ranks(inputs)
    if not is_dynamic(inputs):
        yield {d.name: tuple(int(s) for s in d.dims or ()) for d in inputs}
        return
    proposals = (_filled(inputs, attempt, sides) for attempt, sides in enumerate(_SIDES))
    yield from (shapes for shapes in proposals if elements_of(shapes) <= ELEMENTS)


def _require_ranks(inputs: Sequence[Declared]) -> None:
    for declared in inputs:
        if declared.dims is None:
            raise UsageError(
                f'the input "{printable(declared.name)}" declares no shape: '
                f"give one with `shapes` {printable(declared.name)}=DIMS"
            )


def elements_of(shapes: Shapes) -> int:
    """How many elements all inputs have together."""
    return sum(map(math.prod, shapes.values()))


def symbol_sizes(inputs: Sequence[Declared], shapes: Shapes) -> dict[str, int]:
    """The size that each dynamic dim has in these shapes, by what the dim is called."""
    return {
        printable(dim): size
        for declared in inputs
        for dim, size in zip(declared.dims or (), shapes[declared.name], strict=False)
        if isinstance(dim, str) and dim
    }


def odd_shapes(inputs: Sequence[Declared]) -> Shapes | None:
    """Odd heights and widths, where the signature leaves both open."""
    shapes = _filled(inputs, 0, ODD)
    return shapes if any(shape[2:] == ODD for shape in shapes.values()) else None


def more_shapes(
    inputs: Sequence[Declared],
    fitting: Shapes,
    rows: int,
    affordable: Callable[[Shapes], bool] = lambda _: True,
    most: int = 4 * LONG,
    cheap: Callable[[Shapes], bool] = lambda _: True,
    counted: Container[str] = (),
    beyond: Sequence[int] = (),
) -> Iterator[tuple[str, Shapes]]:
    """Shapes for ``many``, ``long`` and ``most``; the other sizes are those of one that fits.

    Args:
        inputs: what the graph declares.
        fitting: a shape that both sides took.
        rows: of the table of positions, 0 where there is none.
        affordable: whether there is memory for a run; sizes are halved until there is.
        most: the longest axis where there is one.
        cheap: whether a run costs next to nothing: a batch is as large as an axis is long then.
        counted: dims whose places a table of positions is read at; a first axis among them is no
            batch.
        beyond: still longer axes, which a reference may well refuse.
    """
    long = min(rows, most) if rows else LONG
    batches: dict[str, int] = {}
    lengths: dict[str, int] = {}
    for declared in inputs:
        dims = declared.dims or ()
        for axis, dim in enumerate(dims):
            if isinstance(dim, int):
                continue
            name = _symbol(declared, axis)
            if axis == 0 and len(dims) > 1 and name not in counted:
                batches[name] = MANY
            elif len(dims) == 4 and axis >= 2:
                lengths.setdefault(name, _LONG_SIDES[axis - 2])
            else:
                lengths.setdefault(name, long)
    alone = {name: size for name, size in lengths.items() if name not in batches}
    first = dict.fromkeys(batches, LONG)
    longest = [name for name, size in alone.items() if size == long]
    for profile, sizes, fits, tries in (
        ("many", batches, affordable, _HALVED),
        ("long", alone, affordable, _HALVED),
        ("most", first, cheap, _HALVED),
        *(("most", dict.fromkeys(longest, size), affordable, 1) for size in beyond),
    ):
        for halved in range(tries if sizes else 0):
            shapes = {
                declared.name: tuple(
                    max(size, sizes.get(_symbol(declared, axis), size) >> halved)
                    for axis, size in enumerate(fitting[declared.name])
                )
                for declared in inputs
            }
            if shapes == fitting:
                break
            if elements_of(shapes) <= ELEMENTS and fits(shapes):
                yield profile, shapes
                break


def _filled(
    inputs: Sequence[Declared],
    attempt: int,
    sides: tuple[int, int],
    known: Mapping[str, int] = {},
) -> Shapes:
    sizes = dict(known)
    shapes: Shapes = {}
    for declared in inputs:
        shape = []
        for axis, dim in enumerate(declared.dims or ()):
            size = _size(axis, len(declared.dims or ()), attempt, sides)
            symbol = _symbol(declared, axis)
            shape.append(dim if isinstance(dim, int) else sizes.setdefault(symbol, size))
        shapes[declared.name] = tuple(shape)
    return shapes


def _symbol(declared: Declared, axis: int) -> str:
    """What a dynamic dim is called; one without a name is on its own, and a fixed one is none."""
    dim = (declared.dims or ())[axis]
    return "" if isinstance(dim, int) else dim or f"{declared.name}\0{axis}"


def _size(axis: int, rank: int, attempt: int, sides: tuple[int, int]) -> int:
    if axis == 0 and rank > 1:
        return _BATCHES[attempt % len(_BATCHES)]
    if rank == 4 and axis >= 2:
        return sides[axis - 2]
    return _LENGTHS[attempt]


def parse_shapes(texts: Sequence[str], inputs: Sequence[Declared]) -> list[Shapes]:
    """Read ``name=1x3x64x64``; the n-th shape of each input makes the n-th set.

    An input without any gets sizes of the same name, and for others those that are proposed.

    Raises:
        UsageError: a shape cannot be read, or names no input, or inputs have other numbers of them.
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
    for name, shapes in given.items():
        if len(shapes) not in (1, sets):
            raise UsageError(
                f'`shapes`: the input "{printable(name)}" has {len(shapes)} shapes where '
                f"another has {sets}"
            )
    return [
        _completed(inputs, {name: shapes[at % len(shapes)] for name, shapes in given.items()}, at)
        for at in range(sets)
    ]


def _completed(inputs: Sequence[Declared], given: Shapes, attempt: int) -> Shapes:
    """The shapes, with inputs that have none: a size of the same name is shared."""
    _require_ranks([declared for declared in inputs if declared.name not in given])
    sizes = _shared(inputs, given)
    proposal = (attempt + 2) % len(_SIDES)  # the smallest leave indices little to pick twice
    rest = _filled(inputs, proposal, _SIDES[proposal], sizes)
    return {declared.name: given.get(declared.name, rest[declared.name]) for declared in inputs}


def _shared(inputs: Sequence[Declared], given: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """The sizes of dims that have a name, where a shape was given."""
    return {
        dim: size
        for declared in inputs
        for dim, size in zip(declared.dims or (), given.get(declared.name, ()), strict=False)
        if isinstance(dim, str) and dim
    }


def sizes_left_open(
    inputs: Sequence[Declared], texts: Sequence[str], shapes: Sequence[Shapes]
) -> list[str]:
    """What was run for inputs that no ``--shape`` names, where no size of the same name says it."""
    named = {text.rpartition("=")[0] for text in texts}
    if not named:
        return []
    shared = {dim for d in inputs if d.name in named for dim in d.dims or () if dim}
    lines = []
    for declared in inputs:
        loose = any(d not in shared for d in declared.dims or () if isinstance(d, str))
        if declared.name not in named and loose:
            name = printable(declared.name)
            run = ", ".join("x".join(map(str, sizes[declared.name])) for sizes in shapes)
            first = "x".join(map(str, shapes[0][declared.name]))
            choice = f"choose with --shape {name}={first}"
            lines.append(f"no --shape names {name}: run as {run}; {choice}")
    return lines


def read_inputs(path: str, inputs: Sequence[Declared], others: Container[str] = ()) -> Inputs:
    """Read a ``.npz`` that names every input, in the declared dtypes, and nothing but ``others``.

    Raises:
        ParityError: OP003.
    """
    shown = printable(path)
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # opening a FIFO would block
            raise OSError("not a regular file")
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
    aside = {n: arrays.pop(n) for n in list(arrays) if n in others and n not in known}
    for words, names in (("lacks", known.keys() - arrays), ("knows no", arrays.keys() - known)):
        if names:
            wanted = ", ".join(printable(n) for n in known)
            first = printable(min(names))
            which = f'{words} the input "{first}"' if words == "lacks" else f'holds "{first}"'
            raise ParityError("OP003", f"{shown}: {which}; the graph's inputs are: {wanted}")
    for name, array in arrays.items():
        _fits(shown, known[name], array)
    ordered = {name: arrays[name] for name in known}
    return Inputs(printable(os.path.basename(path)), -1, ordered, aside)


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
