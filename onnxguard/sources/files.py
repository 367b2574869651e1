"""Open a model: a regular file, standard input or an address. Nothing else is opened."""

from __future__ import annotations

import codecs
import glob
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import overload

from onnxguard.base.errors import ModelError
from onnxguard.model.wire import LARGEST_MESSAGE, Buffer
from onnxguard.sources.pointers import HEAD_BYTES, pointer_of
from onnxguard.sources.remote import DEFAULT_ACCESS, Access, is_remote

COPIED = 1 << 14
"""A file of at most this many bytes is read at once."""

FIRST_BLOCK, LAST_BLOCK = 1 << 12, 1 << 18
"""Bytes that are read after a jump, and the most that are read ahead."""

IN_MEMORY = 1 << 24
"""Bytes of standard input that are held; more go into a temporary file."""

_KINDS = (
    (stat.S_ISDIR, "a folder without *.onnx files"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)

_LINK = (
    "a link to a folder that is not looked at, or that has no models",
    "name the folder that it leads to, too; of a repository, leave the link out by 'exclude'",
)


@contextmanager
def open_model(path: str, access: Access = DEFAULT_ACCESS) -> Iterator[Buffer]:
    """Give the bytes of a model, ``-`` for standard input.

    Args:
        path: a file, ``-``, or an address (https://host/m.onnx), which gives ``RemoteBytes``.
        access: how long an address may take, and whether it may be downloaded whole.

    Raises:
        ModelError: OG001 where nothing can be read, OG002 where it is something else than a model.
    """
    if path == "-":
        with _stdin() as data:
            yield sniffed(data)
        return
    if is_remote(path):
        from onnxguard.sources.remote.opening import opened

        with opened(path, access) as remote:
            yield sniffed(remote)
        return
    try:
        descriptor = _open(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        if glob.has_magic(path) and isinstance(error, FileNotFoundError):
            reason = "the pattern matches no file"
        if isinstance(error, FileNotFoundError) and os.path.islink(path):
            pointer = pointer_of(os.fsencode(os.readlink(path)))  # as git-annex leaves it
            if pointer is not None:
                raise ModelError("OG002", *pointer.instead_of("model")) from None
        raise ModelError("OG001", f"cannot be read: {reason}") from None
    try:
        with _opened(descriptor) as data:
            yield sniffed(data)
    finally:
        os.close(descriptor)


@contextmanager
def open_bytes(path: str) -> Iterator[Buffer]:
    """Give the bytes of a regular file, whatever it holds.

    Raises:
        ModelError: OG001 where it cannot be read, or changes meanwhile.
    """
    try:
        descriptor = _open(path)
    except (OSError, ValueError) as error:
        raise ModelError("OG001", f"cannot be read: {error}") from None
    try:
        with _opened(descriptor) as data:
            yield data
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode) and os.path.islink(path):
        raise ModelError("OG001", *_LINK)
    _regular(mode)  # opening a FIFO or a device has effects: look first
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        _regular(os.fstat(descriptor).st_mode)
    except ModelError:
        os.close(descriptor)
        raise
    return descriptor


def _regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _KINDS if test(mode)), "a special file")
        raise ModelError("OG001", f"not a regular file: it is {kind}")


class FileBytes:
    """The bytes of an open file, read where they are asked for.

    A block is held at a time. It doubles while the reads follow each other and starts small after
    a jump, so that weights cost neither time nor memory. Mapping the file costs both: the kernel
    maps whole large pages around each touch, 2 MiB for every tensor of a large model.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._block = b""
        self._base = 0
        self._next = FIRST_BLOCK

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int, /) -> int: ...
    @overload
    def __getitem__(self, index: slice, /) -> bytes: ...
    def __getitem__(self, index: int | slice, /) -> int | bytes:
        if isinstance(index, int):
            at = index - self._base
            if not 0 <= at < len(self._block):
                self.chunk(index)
                at = 0
            return self._block[at]
        start, stop = index.start or 0, min(index.stop, self._size)
        at, end = start - self._base, stop - self._base
        if at >= 0 and end <= len(self._block):
            return self._block[at:end]
        if stop - start > LAST_BLOCK:
            return self._read(start, stop - start)
        self.chunk(start, stop - start)
        return self._block[: stop - start]

    def chunk(self, pos: int, least: int = 1) -> bytes:
        """Hold, and return, the bytes from ``pos`` on: at least ``least`` of them."""
        follows = 0 <= pos - self._base <= len(self._block)
        self._next = min(2 * self._next, LAST_BLOCK) if follows else FIRST_BLOCK
        self._block = self._read(pos, min(max(self._next, least), self._size - pos))
        self._base = pos
        return self._block

    def _read(self, pos: int, count: int) -> bytes:
        data = _pread(self._descriptor, count, pos)
        if len(data) != count:
            raise ModelError("OG001", "the file became shorter while it was read")
        return data


def _pread(descriptor: int, count: int, pos: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, count, pos)
    os.lseek(descriptor, pos, os.SEEK_SET)
    return os.read(descriptor, count)


@contextmanager
def _opened(descriptor: int) -> Iterator[Buffer]:
    before = os.fstat(descriptor)
    if before.st_size <= COPIED:
        yield _pread(descriptor, before.st_size, 0)
    else:
        yield FileBytes(descriptor, before.st_size)
    after = os.fstat(descriptor)
    # The time of a change cannot be set back, unlike that of the last write.
    times = "st_size", "st_mtime_ns", "st_ctime_ns"
    if any(getattr(after, name) != getattr(before, name) for name in times):
        raise ModelError("OG001", "the file changed while it was read", "scan it again")


@contextmanager
def _stdin() -> Iterator[Buffer]:
    if sys.stdin is None:
        raise ModelError("OG001", "standard input is closed: pipe a model in")
    stream = sys.stdin.buffer
    if stream.isatty():
        raise ModelError("OG001", "standard input is a terminal: pipe a model in")
    piece = stream.read(IN_MEMORY + 1)
    if len(piece) <= IN_MEMORY:
        yield piece
        return
    from tempfile import TemporaryFile

    with TemporaryFile(prefix="onnxguard-") as kept:
        size = 0
        while piece:
            size += len(piece)
            if size > LARGEST_MESSAGE:
                raise ModelError("OG001", f"more than {LARGEST_MESSAGE:,} bytes on standard input")
            try:
                kept.write(piece)
            except OSError as error:
                reason = f"standard input cannot be kept: {error.strerror}"
                raise ModelError("OG001", reason, "make room for temporary files") from None
            piece = stream.read(LAST_BLOCK)
        kept.flush()
        yield FileBytes(kept.fileno(), size)


def sniffed(data: Buffer) -> Buffer:
    """Refuse by name what often stands where a model should."""
    if not len(data):
        raise ModelError("OG002", "an empty file", "export or fetch the model again")
    found = stand_in(data[:HEAD_BYTES])
    if found is not None:
        raise ModelError("OG002", *found)
    return data


def stand_in(head: bytes) -> tuple[str, str] | None:
    """What a file is that begins like this and is no model, and what to do; None for the others.

    Some of these bytes could begin a model too. No exporter writes one so, and whoever loads an
    ORT-format model from memory takes it for that, whatever its name.
    """
    for place, magics in _MAGICS.items():
        if head.startswith(tuple(magics), place):
            kind = next(kind for magic, kind in magics.items() if head.startswith(magic, place))
            return f"{kind}, not a model", "give the ONNX file itself"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32:
        return "a safetensors file, not a model", "give the graph: such a file holds weights alone"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "text in UTF-16, not a model", _FETCH
    if head[0] == IR_VERSION:  # a control character, with which nearly every model begins
        return None
    pointer = pointer_of(head)
    if pointer is not None:
        return pointer.instead_of("model")
    if _matches(_WEB_PAGE, head):
        return "a web page, not a model", "download the file itself, not the page about it"
    if not head.strip(b"\0"):
        return "nothing but zeros, not a model", "a copy was cut: fetch the model again"
    if not _is_text(head):
        return None
    for pattern, what, hint in _TEXTS:
        if _matches(pattern, head):
            return what, hint
    return "plain text, not a model", _FETCH


def _is_text(head: bytes) -> bool:
    """Whether nothing but text stands here; a model holds control characters, lengths mostly."""
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head.rstrip(b"\0"))
    except UnicodeDecodeError:
        return False
    return text.translate(_BLANK).isprintable()


IR_VERSION = 0x08
"""The tag of a model's first field."""

_BLANK = dict.fromkeys(b"\t\n\r\f")
_FETCH = "look into the file: an error message often stands where a download failed; fetch it again"


def _matches(pattern: str, head: bytes) -> bool:
    """Whether text begins so; compiled here, since what begins as a model does needs none."""
    form = rb"(?:\xef\xbb\xbf)?\s*" + pattern.encode()
    return re.match(form, head, re.IGNORECASE | re.DOTALL) is not None


_WEB_PAGE = r"<(!doctype|html|\?xml|head|body|error)"
_PROTO = (
    r"(#[^\n]*\n\s*)*<?\s*(ir_version|producer_name|producer_version|domain|model_version|"
    r"doc_string|graph|opset_import|metadata_props|functions|node)\s*[:{]"
)
_TEXTS = (
    (
        _PROTO,
        "a model written as text, not a model file",
        "parse it and save it as protobuf: onnx.load(path, format=...), onnx.save",
    ),
    (r"[\[{]\s*[\"\[{\]}\d-]", "JSON, not a model", _FETCH),
)
"""What text is called: a page whatever follows, the others where all is text."""

_MAGICS = {
    4: {b"ORTM": "a model in ORT format", b"TFL3": "a TensorFlow Lite model"},
    0: {
        b"PK\x03\x04": "a ZIP archive or PyTorch checkpoint",
        b"PK\x05\x06": "an empty ZIP archive",
        b"\x1f\x8b": "a gzip file",
        b"BZh": "a bzip2 file",
        b"\xfd7zXZ\0": "an xz file",
        b"\x28\xb5\x2f\xfd": "a Zstandard file",
        b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
        b"\x80\x02": "a Python pickle",
        b"\x80\x04": "a Python pickle",
        b"\x89HDF\r\n": "an HDF5 file",
        b"\x89PNG\r\n": "a PNG picture",
        b"%PDF-": "a PDF file",
        b"\x7fELF": "a program",
    },
}
