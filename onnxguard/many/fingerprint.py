"""What the verdicts of this tool depend on besides the model and the list: its own source and data.

An edit of it makes remembered results void, an edit of what only prints them does not.
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import date
from functools import cache
from typing import Any

from onnxguard.policy.registry import FOLDER
from onnxguard.version import __version__

APART = frozenset(
    {"cli", "conformance", "differences", "gating", "parity", "reporters", "students"}
)
"""Folders of the package that no verdict comes from that is remembered: parity's are not."""


def files() -> dict[str, str]:
    """All other files of the package, sources and data, by a name that stays where it is moved."""
    package = os.path.dirname(os.path.dirname(__file__))
    found = _below(package, APART | {FOLDER.name})
    found |= {FOLDER.name + name: path for name, path in _below(str(FOLDER)).items()}
    return dict(sorted(found.items()))


def _below(root: str, left_out: frozenset[str] = frozenset()) -> dict[str, str]:
    found: dict[str, str] = {}
    for folder, folders, names in os.walk(root):
        inner = folder[len(root) :].replace(os.sep, "/")
        folders[:] = set(folders) - {"__pycache__"} - (frozenset() if inner else left_out)
        found |= {f"{inner}/{name}": os.path.join(folder, name) for name in names}
    return found


@cache
def tool_digest() -> str:
    """SHA-256, hexadecimal, of the version and of all files that verdicts depend on."""
    digest = hashlib.sha256(__version__.encode())
    for name, path in files().items():
        with open(path, "rb", buffering=0) as stream:
            content = stream.read()
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()


def digest_of(*settings: object) -> str:
    """SHA-256, hexadecimal, of what decides a verdict: this tool, and lists and options.

    Raises:
        TypeError: a value whose text may differ between two processes.
    """
    return hashlib.sha256(json.dumps([tool_digest(), _canonical(settings)]).encode()).hexdigest()


def _canonical(value: object) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple | list):
        return [type(value).__name__, *map(_canonical, value)]
    if isinstance(value, frozenset | set):
        return ["set", *sorted(map(_canonical, value), key=json.dumps)]
    if isinstance(value, dict):
        pairs = [[_canonical(key), _canonical(item)] for key, item in value.items()]
        return ["dict", *sorted(pairs, key=json.dumps)]
    if isinstance(value, date):
        return ["date", value.isoformat()]
    raise TypeError(f"{type(value).__name__} cannot be part of a digest")
