"""What the verdicts of this tool depend on besides the model and the list: its own source and data.

An edit of it makes remembered results void, an edit of what only prints them does not.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from onnxguard.version import __version__

JUDGES = ("onnxguard.scanning.scan", "onnxguard.running.full_check")
"""The modules that reach a verdict."""

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(onnxguard[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)"
    rb"|import[ \t]+(onnxguard[\w.]*))",
    re.MULTILINE,
)


def modules(judges: tuple[str, ...] = JUDGES) -> dict[str, Path]:
    """The modules that the judges are made of, by name: all that they import, wherever they do."""
    found: dict[str, Path] = {}
    waiting = list(judges)
    while waiting:
        name = waiting.pop()
        if name in found or not (path := _path(name)):
            continue
        found[name] = path
        package = name.rpartition(".")[0]
        if not package:  # the root only offers what others do
            continue
        waiting.append(package)
        for module, names, plain in _IMPORT.findall(path.read_bytes()):
            imported = (module or plain).decode()
            waiting.append(imported)
            if _is_package(imported):
                parts = re.findall(r"(\w+)(?: as \w+)?", names.decode())
                waiting += [f"{imported}.{part}" for part in parts]
    return found


@cache
def _path(name: str) -> Path | None:
    """Where a module lies; None for a name in a package that is no module."""
    spec = find_spec(name)
    return Path(spec.origin) if spec and spec.origin else None


def _is_package(name: str) -> bool:
    path = _path(name)
    return path is not None and path.name == "__init__.py"


def files(judges: tuple[str, ...] = JUDGES) -> dict[str, Path]:
    """Those modules' files, and the data beside the packages among them, by a name that is kept."""
    found = {}
    for name, path in modules(judges).items():
        found[name] = path
        if path.name == "__init__.py":
            found |= {
                f"{name}/{data.name}": data
                for data in path.parent.iterdir()
                if data.is_file() and data.suffix in {".yaml", ".json", ".tsv"}
            }
    return dict(sorted(found.items()))


@cache
def tool_digest(judges: tuple[str, ...] = JUDGES) -> str:
    """SHA-256, hexadecimal, of the version and of all files that the judges' verdicts depend on."""
    digest = hashlib.sha256(__version__.encode())
    for name, path in files(judges).items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
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
