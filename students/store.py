"""Pairs decoded and resized once, and kept on disk: what a training reads every epoch.

An entry of the cache is a folder that is named by all that its pixels depend on. It is built beside
its place and renamed into it; before it is used every byte of it is checked. Source files are not
opened where there is such an entry.
"""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray
from onnxguard.students.decoding import MOST_PIXELS, Mask, PairError, Pixels, open_regular
from onnxguard.students.pairs import BadPair, Data, names_sha256

from onnxguard.base.cache_folder import BUILDING, INDEX, STORE, kept_in
from onnxguard.base.errors import OnnxguardError
from onnxguard.base.printable import printable
from onnxguard.base.processes import become_worker, cores, uninterrupted
from onnxguard.base.progress import Step, silent

_FORMAT = "onnxguard/store/4"
_PIXELS = "pixels.bin"
_BUILDING = "building-"
_DAY = 24 * 60 * 60
DAYS, BYTES = 60, 1 << 36
"""A store that was not used in so many days goes when another one is built, and so do those that
were used longest ago while all together take more bytes."""
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR)
"""What a rename says where something else is."""
_BYTES = 4  # a pixel: R, G, B, mask
_FEW = 64  # pairs, for which processes do not pay
_CHUNK = 16  # pairs that a process takes at a time
_PART, _PIECE = 1 << 26, 1 << 20  # bytes that a thread digests, and that it reads at a time
_MOST_INDEX = 4096  # bytes of the index a pair; a name in a file system takes at most 1,600

A = TypeVar("A")
B = TypeVar("B")


class Store(NamedTuple):
    """Decoded pairs, one after another.

    Attributes:
        pixels: int32 ``[P]``, the bytes of each are R, G, B and the mask, 0 or 255; read-only, and
            in a file that is mapped.
        offsets: int64 ``[N]``, where in ``pixels`` each pair begins.
        heights: int32 ``[N]``.
        widths: int32 ``[N]``.
        names: of the ``N`` pairs, as the data set has them.
        bad: pairs that are left out.
    """

    pixels: NDArray[np.int32]
    offsets: NDArray[np.int64]
    heights: NDArray[np.int32]
    widths: NDArray[np.int32]
    names: tuple[str, ...]
    bad: tuple[BadPair, ...]


def resized_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width once the shorter of them is ``side``; 0 leaves them as they are."""
    if not side:
        return height, width
    longer = max(1, round(max(height, width) * (side / min(height, width))))
    return (longer, side) if width < height else (side, longer)


def open_store(
    data: Data,
    digests: Sequence[str],
    indices: Sequence[int],
    side: int,
    cache: str,
    jobs: int = 0,
    step: Step = silent,
) -> Store:
    """Give some pairs of a data set decoded: from the cache, where they are put if need be.

    Args:
        data: the data set.
        digests: of all its pairs (``data_sha256``).
        indices: which pairs, in which order.
        side: the shorter side in pixels (``resized_size``); images are resized bilinearly, masks
            to the nearest pixel. 0 resizes nothing.
        cache: folder.
        jobs: processes that decode, 0 for one a core.
        step: is told ``(what, done, total)`` while the store is built.

    Raises:
        OnnxguardError: the cache cannot be written, a pair changed after it was hashed, or a
            process died. Nothing half done is left.
    """
    names = data.names
    build = _Build(data, tuple(digests), tuple(indices), side, "")
    wanted = tuple(names[index] for index in indices)
    named = zip(wanted, (digests[index] for index in indices), strict=True)
    key = names_sha256(named, f"{_FORMAT}, side {side}, Pillow {_pillow()}\n")
    entry = os.path.join(cache, key[:32])
    store = _load(entry, key, wanted)
    if store is not None:
        with suppress(OSError):  # a folder that may only be read
            os.utime(os.path.join(entry, INDEX))
        return store
    building = os.path.join(cache, f"{_BUILDING}{secrets.token_hex(8)}")
    build = build._replace(path=os.path.join(building, _PIXELS))
    try:
        os.makedirs(cache, exist_ok=True)
        _sweep(cache)
        os.mkdir(building)
        try:
            _fill(build, key, wanted, jobs or cores(), step)
            return _put(building, entry, key, wanted)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise OnnxguardError(
            f'the cache "{printable(cache)}" cannot be written: {error.strerror or error}; make '
            "room, or name another folder in ONNXGUARD_CACHE"
        ) from None
    except MemoryError:
        raise OnnxguardError("decoding takes more memory than there is; use fewer jobs") from None


def _pillow() -> str:
    from PIL import __version__

    return __version__


# -- Using an entry --------------------------------------------------------------------------------


def _load(entry: str, key: str, wanted: Sequence[str], checked: bool = False) -> Store | None:
    """Map an entry, or None where there is no whole one.

    Args:
        entry: folder.
        key: that it must have.
        wanted: the names of the pairs that it must know, in order.
        checked: its pixels are known to be right.
    """
    try:
        most = _MOST_INDEX * (len(wanted) + 1)
        with open_regular(os.path.join(entry, INDEX)) as stream:
            text = stream.read(most + 1)
        index = json.loads(text) if len(text) <= most else None
        with open_regular(os.path.join(entry, _PIXELS)) as stream:
            length = os.fstat(stream.fileno()).st_size
            if not _is_sane(index, key, wanted, length):
                return None
            if not checked and _sha256(stream) != index.get("sha256"):
                return None
            return _mapped(index, stream)
    except (OSError, ValueError, RecursionError):
        return None


def _is_sane(index: Any, key: str, wanted: Sequence[str], length: int) -> TypeGuard[dict[str, Any]]:
    """Whether an index can be of these pairs and of a file of that length; it may be anything."""
    if not isinstance(index, dict) or index.get("format") != _FORMAT or index.get("key") != key:
        return False
    names, sizes, bad = index.get("names"), index.get("sizes"), index.get("bad")
    if not (isinstance(names, list) and isinstance(sizes, list) and isinstance(bad, list)):
        return False
    if len(names) != len(sizes) or len(names) + len(bad) != len(wanted):
        return False
    if not all(_are(size, int) and min(size) > 0 for size in sizes):
        return False
    if not all(_are(pair, str) and "".join(pair).isprintable() for pair in bad):
        return False
    left = iter(wanted)
    if not all(name in left for name in names):  # in the same order
        return False
    pixels = [height * width for height, width in sizes]
    if max(pixels, default=0) > MOST_PIXELS:
        return False
    return bool(sum(pixels) * _BYTES == index.get("bytes") == length)


def _are(values: Any, kind: type) -> bool:
    return isinstance(values, list) and len(values) == 2 and all(type(v) is kind for v in values)


def _mapped(index: dict[str, Any], stream: BufferedReader) -> Store:
    sizes = np.array(index["sizes"], np.int32).reshape(-1, 2)
    heights, widths = sizes[:, 0].copy(), sizes[:, 1].copy()
    ends = np.cumsum(heights.astype(np.int64) * widths)
    pixels: NDArray[np.int32] = np.zeros(0, "<i4")
    if len(ends):  # nothing cannot be mapped
        pixels = np.memmap(stream, "<i4", "r", shape=(int(ends[-1]),))
    offsets = ends - heights.astype(np.int64) * widths
    bad = tuple(BadPair(name, reason) for name, reason in index["bad"])
    return Store(pixels, offsets, heights, widths, tuple(index["names"]), bad)


def _sha256(stream: BufferedReader | BufferedRandom) -> str:
    """The sha256, in hex, of the digests of a file's parts: every core takes some of them."""
    from concurrent.futures import ThreadPoolExecutor

    descriptor = stream.fileno()

    def digest(start: int) -> bytes:
        found = hashlib.sha256()
        for at in range(start, start + _PART, _PIECE):
            found.update(os.pread(descriptor, _PIECE, at))
        return found.digest()

    starts = range(0, os.fstat(descriptor).st_size, _PART)
    with ThreadPoolExecutor(cores()) as pool:
        return hashlib.sha256(b"".join(pool.map(digest, starts))).hexdigest()


def _put(building: str, entry: str, key: str, wanted: Sequence[str]) -> Store:
    """Rename a new entry into its place, unless another process was first."""
    for _ in range(5):
        try:
            os.rename(building, entry)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        else:
            store = _load(entry, key, wanted, checked=True)
            if store is not None:
                return store
        store = _load(entry, key, wanted)
        if store is not None:
            return store
        # What is there is damaged. Who has it mapped goes on with it.
        aside = os.path.join(os.path.dirname(entry), f"{_BUILDING}{secrets.token_hex(8)}")
        with suppress(FileNotFoundError):  # another process did it
            os.rename(entry, aside)
            _remove(aside)
    raise OnnxguardError(f'"{printable(entry)}": damaged again and again; remove it')


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        os.unlink(path)


def _sweep(cache: str) -> None:
    """Remove what killed builds left more than a day ago, and stores that nobody uses."""
    entries = kept_in(Path(cache))
    total = sum(entry.size for entry in entries if entry.kind == STORE)
    for entry in entries:
        idle = time.time() - entry.used
        if entry.kind == STORE and (idle > DAYS * _DAY or total > BYTES):
            total -= entry.size
        elif entry.kind != BUILDING or idle < _DAY:
            continue
        with suppress(OSError):
            entry.remove()


# -- Building one ----------------------------------------------------------------------------------


class _Build(NamedTuple):
    """What every process of a build knows.

    Attributes:
        data: the data set.
        digests: of all its pairs.
        indices: of the pairs that are wanted.
        side: the shorter side, or 0.
        path: of the pixels.
    """

    data: Data
    digests: tuple[str, ...]
    indices: tuple[int, ...]
    side: int
    path: str


class _Slot(NamedTuple):
    """Where a pair's pixels go.

    Attributes:
        position: in ``indices``.
        offset: in pixels.
        height: once resized.
        width: once resized.
    """

    position: int
    offset: int
    height: int
    width: int


def _fill(build: _Build, key: str, wanted: Sequence[str], jobs: int, step: Step) -> None:
    """Write the two files of an entry."""
    count = len(wanted)
    reasons = [""] * count
    slots: list[_Slot] = []
    with open(build.path, "xb"), _shared(build, jobs if count >= _FEW else 1) as each:
        offset = 0
        for position, size in enumerate(_told(each(_measure, range(count)), "sizes", count, step)):
            if isinstance(size, str):
                reasons[position] = size
            else:
                slots.append(_Slot(position, offset, *size))
                offset += size[0] * size[1]
        written = _told(each(_write, slots), "images", len(slots), step)
        for slot, reason in zip(slots, written, strict=True):
            reasons[slot.position] = reason
    good = [slot for slot in slots if not reasons[slot.position]]
    with open(build.path, "r+b") as stream:
        length = _close_gaps(stream, good)
        stream.flush()
        digest = _sha256(stream)
    index = {
        "format": _FORMAT,
        "key": key,
        "bytes": length,
        "sha256": digest,
        "names": [wanted[slot.position] for slot in good],
        "sizes": [(slot.height, slot.width) for slot in good],
        "bad": [
            BadPair(printable(name), reason)
            for name, reason in zip(wanted, reasons, strict=True)
            if reason
        ],
    }
    with open(os.path.join(os.path.dirname(build.path), INDEX), "x", encoding="ascii") as text:
        json.dump(index, text)


def _told(answers: Iterable[A], what: str, total: int, step: Step) -> Iterator[A]:
    for done, answer in enumerate(answers):
        step(what, done, total)
        yield answer
    step(what, total, total)


def _close_gaps(stream: BufferedRandom, good: list[_Slot]) -> int:
    """Move pixels to where they would be if there had been no bad pairs; the length in bytes."""
    to = 0
    for slot in good:
        length = slot.height * slot.width * _BYTES
        if slot.offset * _BYTES != to:
            stream.seek(slot.offset * _BYTES)
            content = stream.read(length)
            stream.seek(to)
            stream.write(content)
        to += length
    stream.truncate(to)
    return to


def _measure(build: _Build, position: int) -> tuple[int, int] | str:
    """A pair's size once resized, or why it is bad."""
    try:
        height, width = build.data.size(build.indices[position])
        size = resized_size(height, width, build.side)
        if size[0] * size[1] > MOST_PIXELS:
            raise PairError(f"resized it would be {size[1]} x {size[0]} pixels")
    except PairError as error:
        _require_unchanged(build, position)
        return str(error)
    return size


def _write(build: _Build, slot: _Slot) -> str:
    """Decode a pair and write it to its place; why it is bad, or nothing."""
    try:
        image, mask = build.data.read(build.indices[slot.position])
    except PairError as error:
        _require_unchanged(build, slot.position)
        return str(error)
    _require_unchanged(build, slot.position)
    height, width = mask.shape
    if resized_size(height, width, build.side) != (slot.height, slot.width):
        raise _changed(build, slot.position)
    content = _packed(image, mask, slot.height, slot.width)
    # Written and not mapped: a disk that is full is then an error, and not the end of the process.
    with open(build.path, "r+b") as stream:
        stream.seek(slot.offset * _BYTES)
        stream.write(content)
    return ""


def _packed(image: Pixels, mask: Mask, height: int, width: int) -> bytes:
    """R, G, B and mask of every pixel, resized."""
    from PIL import Image

    colours, salient = (
        Image.fromarray(image),
        Image.fromarray(mask.astype(np.uint8) * np.uint8(255)),
    )
    if mask.shape != (height, width):
        size, how = (width, height), Image.Resampling
        colours, salient = colours.resize(size, how.BILINEAR), salient.resize(size, how.NEAREST)
    colours.putalpha(salient)  # Pillow keeps four bytes a pixel in any case
    return colours.tobytes()


def _require_unchanged(build: _Build, position: int) -> None:
    index = build.indices[position]
    if build.data.digest(index) != build.digests[index]:
        raise _changed(build, position)


def _changed(build: _Build, position: int) -> OnnxguardError:
    name = printable(build.data.names[build.indices[position]])
    return OnnxguardError(f'"{name}" changed while it was read; try again')


# -- Processes -------------------------------------------------------------------------------------


@contextmanager
def _shared(
    build: _Build, jobs: int
) -> Iterator[Callable[[Callable[[_Build, A], B], Sequence[A]], Iterator[B]]]:
    """A ``map`` of a function of the build and one thing more, over as many processes."""
    if jobs == 1:

        def alone(function: Callable[[_Build, A], B], values: Sequence[A]) -> Iterator[B]:
            return map(partial(function, build), values)

        yield alone
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    # Started anew and not forked: a copy of a process with threads, or with a GPU, may hang.
    context = multiprocessing.get_context("spawn")
    jobs = min(jobs, -(-len(build.indices) // _CHUNK))
    pool = ProcessPoolExecutor(jobs, context, _start, (build,))

    def together(function: Callable[[_Build, A], B], values: Sequence[A]) -> Iterator[B]:
        with uninterrupted():
            return pool.map(partial(_in_worker, function), values, chunksize=_CHUNK)

    try:
        yield together
    except BrokenProcessPool:
        raise OnnxguardError(
            "a process that decodes images died (killed, or out of memory); use fewer jobs"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start(build: _Build) -> None:
    become_worker()
    _held.append(build)


def _in_worker(function: Callable[[_Build, A], B], value: A) -> B:
    return function(_held[0], value)


_held: list[_Build] = []
"""A worker's build: passed once, and not with every pair."""
