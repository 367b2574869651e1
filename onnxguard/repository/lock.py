"""onnxguard.lock: the SHA-256 of every model and of its external data."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from onnxguard.base.errors import ManifestError, UsageError
from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.base.printable import printable
from onnxguard.base.progress import Step
from onnxguard.base.reading import read_regular
from onnxguard.base.writing import write_whole
from onnxguard.sources.remote import shown

LOCK = "onnxguard.lock"
SCHEMA = "onnxguard/lock/1"
MAX_BYTES = 1 << 28


Lock = dict[str, str]
"""SHA-256, hexadecimal, by path relative to the lock's folder."""


def read_lock(root: str) -> Lock | None:
    """Read the lock of a folder, None where there is none.

    Raises:
        ManifestError: it cannot be read or is none.
    """
    path = os.path.join(root, LOCK)
    try:
        content = read_regular(path, MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ManifestError(f"{LOCK}: cannot be read: {error.strerror}") from None
    files = _files(content)
    if files is None:
        raise ManifestError(f"{LOCK}: not a lock ({SCHEMA}): onnxguard lock writes it anew")
    return files


def _files(content: bytes) -> Lock | None:
    try:
        document: Any = json.loads(content, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return None
    files = document.get("files")
    if not isinstance(files, dict):
        return None
    return files if all(map(_is_digest, files.values())) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key that stands there twice would hide one of its values from the reader."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def write_lock(root: str, files: Lock) -> None:
    """Write the lock, a line a file, so that changes of two branches merge.

    Raises:
        UsageError: it cannot be written; the old one stays.
    """
    document = {"schema": SCHEMA, "files": dict(sorted(files.items()))}
    write_whole(os.path.join(root, LOCK), json.dumps(document, indent=2) + "\n")


def sha256_of(path: str) -> str:
    """SHA-256 of a regular file, hexadecimal.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        if not os.path.isfile(path):  # opening a FIFO would block
            raise FileNotFoundError(2, "no such file")
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f'"{printable(path)}" cannot be read: {reason}') from None


def checksums(
    root: str, paths: Sequence[str], jobs: int, step: Step, digest: Callable[[str], str] = sha256_of
) -> dict[str, str]:
    """The SHA-256 of many files, several at a time, by their paths relative to the root.

    Args:
        root: an absolute path.
        paths: relative to it.
        jobs: files that are read at a time.
        step: told of progress.
        digest: of a file.

    Raises:
        UsageError: what ``digest`` raises: a file cannot be read.
    """
    if not paths:
        return {}
    from concurrent.futures import ThreadPoolExecutor  # imported here: often all is known

    found: dict[str, str] = {}
    with ThreadPoolExecutor(max(1, jobs)) as pool:  # hashlib lets other threads run
        absolute = (os.path.join(root, path) for path in paths)
        for path, value in zip(paths, pool.map(digest, absolute), strict=True):
            found[path] = value
            step("computing checksums", len(found), len(paths))
    return found


def check_lock(lock: Lock, path: str, digest: str, size: int) -> Finding | None:
    """What the lock says against one file.

    Args:
        lock: the lock.
        path: the file's, relative to the lock's folder.
        digest: its SHA-256, empty where it could not be read.
        size: bytes of the model that it belongs to.
    """
    wanted = lock.get(path)
    if wanted == digest:
        return None
    place = (Place("model", 0, size),)
    if wanted is None:
        message = f"{shown(path)} is not in {LOCK}"
        return Finding("OG822", Severity.ERROR, message, place, hint="run onnxguard lock")
    has = f"has the SHA-256 {digest[:12]}" if digest else "cannot be read"
    message = f"{shown(path)} {has}, and {LOCK} says {wanted[:12]}"
    hint = "review the change (onnxguard diff), then run onnxguard lock, or restore the file"
    return Finding("OG821", Severity.ERROR, message, place, hint=hint)


def missing_files(lock: Lock, present: Iterable[str]) -> list[Finding]:
    """A finding for each file that the lock names and that is not among those ``present``."""
    gone = sorted(lock.keys() - set(present))
    hint = "restore the file, or run onnxguard lock"
    return [
        Finding(
            "OG823",
            Severity.ERROR,
            f"{shown(path)} is not among the models and their data",
            (Place("model", 0, 0),),
            hint=hint,
        )
        for path in gone
    ]
