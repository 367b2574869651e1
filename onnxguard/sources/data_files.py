"""The file that a runtime reads a tensor from whose values lie outside the model.

ONNX Runtime 1.31 and onnx look beside the model's path as it was given, links and all. ONNX Runtime
takes what then lies, links followed, below the folder of that path or below that of the file which
the path leads to, as in the cache of the Hugging Face Hub. onnx takes no link at all.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
import stat
from typing import NamedTuple

from onnxguard.base.printable import printable
from onnxguard.sources.pointers import HEAD_BYTES, POINTER_BYTES, pointer_of

MEMORY_MARKER = "*/_ORT_MEM_ADDR_/*"
"""ONNX Runtime reads a location of this text as an address in its own memory."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class DataFile(NamedTuple):
    """A file of external data.

    Attributes:
        code: the rule that it breaks, empty where it may be read.
        why: what is wrong with it, as a sentence that lacks its subject.
        hint: what to do about that.
        name: its path below the model's folder, parted by ``/``, without ``.`` and ``..``; empty
            where the location is no such path.
        path: where it lies, links followed; as the location says, where it was not found.
        size: bytes.
        linked: whether a symbolic link below the model's folder leads to it.
    """

    code: str = ""
    why: str = ""
    hint: str = ""
    name: str = ""
    path: str = ""
    size: int = 0
    linked: bool = False


class DataFolder:
    """Where the external data of one model is looked for: beside its path, as that was given."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._folder = os.path.dirname(model) or os.curdir
        self._real = os.path.realpath(self._folder)

    def find(self, location: str | bytes) -> DataFile:
        """Look at the file that a location means; of a small one the first bytes are read."""
        found = lexical(location)
        if found.code:
            return found
        path = os.path.join(self._folder, found.path)
        try:
            status = os.stat(path)
            real = os.path.realpath(path, strict=True)
        except (OSError, ValueError) as error:
            return _absent(found, path, error)
        linked = not _same(real, os.path.join(self._real, *found.name.split("/")))
        code, why = self._refusal(found, real, status)
        found = found._replace(path=real, size=status.st_size, linked=linked)
        if code:
            return refused(found, code, why)
        if found.size > POINTER_BYTES:
            return found
        try:
            return unless_pointer(found, _head(real))
        except OSError:
            return refused(found, "OG404", " cannot be read")

    def _refusal(self, found: DataFile, real: str, status: os.stat_result) -> tuple[str, str]:
        if not stat.S_ISREG(status.st_mode):
            return "OG403", " is not a regular file"
        if not _below(real, self._real) and not _below(real, _folder_of(self._model)):
            return "OG403", " goes through a symbolic link that leads out of the model's folder"
        # onnx takes ".." away from the text, ONNX Runtime goes where the link leads and then up.
        plain = os.path.join(self._folder, *found.name.split("/"))
        if ".." in found.path.split("/") and not _same(real, os.path.realpath(plain)):
            return "OG403", ' goes through a symbolic link and up from there by ".."'
        if status.st_nlink > 1:
            return "OG403", " is a hard link to a file of another name"
        if not os.access(real, os.R_OK):
            return "OG404", " cannot be read"
        return "", ""


def refused(found: DataFile, code: str, why: str, hint: str = "") -> DataFile:
    """The file, with the rule that it breaks and what to do about it."""
    return found._replace(code=code, why=why, hint=hint or _HINTS[code])


_HINTS = {
    "OG402": "a location is a file name in the model's own folder",
    "OG403": "copy the data into a plain file beside the model",
    "OG404": "ship the data file with the model, in the same folder",
}


def _absent(found: DataFile, path: str, error: OSError | ValueError) -> DataFile:
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return refused(found, "OG403", " goes through symbolic links that lead in a circle")
    if not isinstance(error, FileNotFoundError):
        return refused(found, "OG404", " cannot be looked at")
    if not os.path.islink(path):
        return refused(found, "OG404", " is missing")
    dangling = refused(found, "OG404", " is a symbolic link to a file that is missing")
    return unless_pointer(dangling, os.fsencode(os.readlink(path)))  # as git-annex leaves it


def unless_pointer(found: DataFile, head: bytes) -> DataFile:
    """The file, refused where its first bytes are those of a pointer to the data."""
    pointer = pointer_of(head)
    if pointer is None:
        return found
    kind, hint = pointer.instead_of("data")
    return refused(found, "OG408", f" is {kind}", hint)


def _head(path: str) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)  # it may be another one by now
        return os.read(descriptor, HEAD_BYTES) if regular else b""
    finally:
        os.close(descriptor)


def _folder_of(model: str) -> str:
    return os.path.dirname(os.path.realpath(model))


def _same(one: str, other: str) -> bool:
    return os.path.normcase(one) == os.path.normcase(other)


def _below(path: str, folder: str) -> bool:
    return os.path.normcase(path).startswith(os.path.join(os.path.normcase(folder), ""))


def lexical(location: str | bytes) -> DataFile:
    """What a location alone says: its name below the model's folder, or why it has none."""
    try:
        text = location if isinstance(location, str) else location.decode()
    except UnicodeDecodeError:
        return refused(DataFile(), "OG402", ": not UTF-8")
    why = _escape(text)
    if why:
        return refused(DataFile(), "OG402", f": {why}")
    return DataFile(name=posixpath.normpath(text), path=text)


def _escape(text: str) -> str:
    """Why a location is no plain relative path below the model's folder; "" if it is one."""
    if not text.strip():
        return "empty"
    if MEMORY_MARKER in text or text.startswith("*/"):
        return "an address in the runtime's memory"
    if not text.isprintable():
        return "holds control or invisible characters"
    if printable(text) != text and "\\" not in text:
        return "longer than 200 characters, or a command to a CI runner"
    if "\\" in text:
        return "holds a backslash, which some systems take for a folder"
    if text.startswith("/"):
        return "an absolute path"
    if _URL.match(text):
        return "a drive or a URL"
    if ":" in text:
        return "holds a colon, which some systems take for a drive or a stream"
    if posixpath.normpath(text).split("/")[0] == "..":
        return "leaves the model's folder"
    return ""
