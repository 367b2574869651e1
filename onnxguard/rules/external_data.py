"""Values in other files (OG401 to OG406). The target is looked at, never opened."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from pathlib import Path

from onnxguard.base.findings import Place
from onnxguard.base.printable import printable
from onnxguard.model.graph import Tensor
from onnxguard.model.survey import Survey, parse_offset, tensor_bytes
from onnxguard.policy.allowlist import Allowlist
from onnxguard.rules.collector import Found
from onnxguard.rules.header import severity_of
from onnxguard.sources.remote import RemoteBytes
from onnxguard.sources.remote.faults import RemoteError

KNOWN_KEYS = frozenset({b"location", b"offset", b"length", b"checksum"})
"""Source: onnx/docs/ExternalData.md."""

MEMORY_MARKER = "*/_ORT_MEM_ADDR_/*"
"""ONNX Runtime reads a location of this text as an address in its own memory."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def check(survey: Survey, policy: Allowlist, found: Found, path: str | None) -> None:
    """Check every external tensor of the model at ``path``, None where it has no folder."""
    if not survey.facts.external_data:
        return
    action = policy.policy("external_data")
    data = survey.model.data
    remote = data if isinstance(data, RemoteBytes) else None
    folder = None if path is None or remote else Path(os.path.realpath(path)).parent
    files: dict[bytes, tuple[str, str, int]] = {}
    for tensor, place_of in survey.model.tensors(lambda tensor: tensor.is_external):
        place = place_of()
        if action != "allow":
            hint = "save the model with its weights inside: onnx.save without external data"
            message = "a tensor keeps its values in another file"
            found.add("OG401", message, place, hint=hint, severity=severity_of(action))
        _keys(tensor, place, found)
        location = dict(tensor.external).get(b"location", b"")
        if location not in files:
            files[location] = _target(location, folder, remote)
        code, message, size = files[location]
        if code:
            found.add(code, message, place, hint=_HINTS[code])
        else:
            _range(tensor, size, printable(location), place, found)


_HINTS = {
    "OG402": "a location is a file name in the model's own folder",
    "OG403": "copy the data into a plain file beside the model",
    "OG404": "ship the data file with the model, in the same folder",
}


def _keys(tensor: Tensor, place: Place, found: Found) -> None:
    keys = [key for key, _ in tensor.external]
    problems = [f'the unknown key "{printable(k)}"' for k in sorted(set(keys) - KNOWN_KEYS)[:8]]
    twice = sorted(key for key, times in Counter(keys).items() if times > 1)
    problems += [f'the key "{printable(key)}" twice' for key in twice[:8]]
    if not tensor.external_location:
        problems.append("no data_location, so that runtimes differ in whether they read it")
    for problem in problems:
        hint = "keep one location, offset and length"
        found.add("OG406", f"external data with {problem}", place, hint=hint)


def _target(
    location: bytes, folder: Path | None, remote: RemoteBytes | None
) -> tuple[str, str, int]:
    """Judge a location: a code and message, or "", "" and the file's size in bytes."""
    shown = f'"{printable(location)}"'
    reason = _escape(location)
    if reason:
        return "OG402", f"external data at {shown}: {reason}", 0
    if remote is not None:
        return _remote_target(location.decode(), shown, remote)
    if folder is None:
        return (
            "OG404",
            f"external data at {shown} cannot be checked: the model came without a folder",
            0,
        )
    path = folder
    status = None
    for part in location.decode().split("/"):
        if part in ("", "."):
            continue
        path /= part
        try:
            status = path.lstat()
        except (OSError, ValueError) as error:
            why = "is missing" if isinstance(error, FileNotFoundError) else "cannot be looked at"
            return "OG404", f"external data at {shown} {why}", 0
        if stat.S_ISLNK(status.st_mode):
            return "OG403", f"external data at {shown} goes through a symbolic link", 0
    if status is None or not stat.S_ISREG(status.st_mode):
        return "OG403", f"external data at {shown} is not a regular file", 0
    if status.st_nlink > 1:
        return "OG403", f"external data at {shown} is a hard link to a file of another name", 0
    if not os.access(path, os.R_OK):
        return "OG404", f"external data at {shown} cannot be read", 0
    return "", "", status.st_size


def _remote_target(location: str, shown: str, remote: RemoteBytes) -> tuple[str, str, int]:
    """As ``_target``, of a file beside a model at an address."""
    try:
        return "", "", remote.source.size_beside(location)
    except RemoteError as error:
        if error.late:
            raise
        why = "is missing" if error.missing else str(error)
        return "OG404", f"external data at {shown} {why}", 0


def _escape(location: bytes) -> str:
    """Why a location is not a plain relative path below the model's folder; "" if it is one."""
    try:
        text = location.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
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
    if ".." in text.split("/"):
        return "leaves the model's folder"
    return ""


def _range(tensor: Tensor, size: int, location: str, place: Place, found: Found) -> None:
    keys = dict(tensor.external)
    offset, length = (parse_offset(keys.get(key)) for key in (b"offset", b"length"))
    for key, value in ((b"offset", offset), (b"length", length)):
        if key in keys and value is None:
            message = f'the {key.decode()} "{printable(keys[key], 40)}" is not a whole number'
            found.add("OG405", message, place, hint="save the model again")
            return
    start = offset or 0
    wanted = tensor_bytes(tensor)
    end = start + (wanted if length is None else length)
    hint = "the data file is not the one that the model was saved with"
    if length is not None and length != wanted:
        message = f"a tensor of {wanted:,} bytes says its data has {length:,}"
        found.add("OG405", message, place, hint=hint)
    if end > size:
        message = f'bytes {start:,} to {end:,} of "{location}", which has {size:,}'
        found.add("OG405", message, place, hint=hint)
