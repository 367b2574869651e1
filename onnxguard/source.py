"""Open a model for reading: a regular file, mapped, or standard input. Nothing else is opened."""

from __future__ import annotations

import glob
import mmap
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from onnxguard.errors import ModelError
from onnxguard.wire import Buffer

COPIED = 1 << 16
"""A file of at most this many bytes is read at once; mapping it costs more."""

STDIN_BYTES = 2 << 30
"""protobuf takes messages of up to 2 GiB."""

_KINDS = (
    (stat.S_ISDIR, "a folder without *.onnx files"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


@contextmanager
def open_model(path: str) -> Iterator[Buffer]:
    """Give the bytes of a model, ``-`` for standard input.

    Raises:
        ModelError: OG001 where nothing can be read, OG002 where it is something else than a model.
    """
    if path == "-":
        yield _sniffed(_stdin())
        return
    try:
        descriptor = _open(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        if glob.has_magic(path) and isinstance(error, FileNotFoundError):
            reason = "the pattern matches no file"
        raise ModelError("OG001", f"cannot be read: {reason}") from None
    try:
        with _mapped(descriptor) as data:
            yield _sniffed(data)
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    _regular(os.stat(path).st_mode)  # opening a FIFO or a device has effects: look first
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


@contextmanager
def _mapped(descriptor: int) -> Iterator[Buffer]:
    size = os.fstat(descriptor).st_size
    if size <= COPIED:
        yield os.read(descriptor, size + 1)
        return
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
        if hasattr(mmap, "MADV_RANDOM"):
            data.madvise(mmap.MADV_RANDOM)  # weights are jumped over: reading ahead is waste
        yield data


def _stdin() -> Buffer:
    stream = sys.stdin.buffer
    if stream.isatty():
        raise ModelError("OG001", "standard input is a terminal: pipe a model in")
    data = stream.read(STDIN_BYTES + 1)
    if len(data) > STDIN_BYTES:
        raise ModelError("OG001", f"more than {STDIN_BYTES:,} bytes on standard input")
    return data


def _sniffed(data: Buffer) -> Buffer:
    """Refuse by name what often stands where a model should."""
    if not len(data):
        raise ModelError("OG002", "an empty file", "export or fetch the model again")
    head = data[:512]
    text = head.lstrip().lower()
    if head.startswith(b"version https://git-lfs.github.com/"):
        raise ModelError(
            "OG002", "a Git LFS pointer, not the model itself", "fetch the model: git lfs pull"
        )
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        raise ModelError(
            "OG002", "a web page, not a model", "download the file itself, not the page about it"
        )
    for magic, kind in _MAGICS:
        if head.startswith(magic):
            raise ModelError("OG002", f"{kind}, not a model", "give the ONNX file itself")
    return data


_MAGICS = (
    (b"PK\x03\x04", "a ZIP archive or PyTorch checkpoint"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"%PDF-", "a PDF file"),
    (b"\x7fELF", "a program"),
)
