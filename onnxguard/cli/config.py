"""``[tool.onnxguard]`` of a pyproject.toml: defaults for the scan's options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from onnxguard.base.errors import ConfigError
from onnxguard.base.printable import printable
from onnxguard.base.searched_folders import searched_folders
from onnxguard.base.yaml_tree import near
from onnxguard.policy.registry import is_path

KEYS: dict[str, type] = {
    "allowlist": str,
    "format": str,
    "select": list,
    "ignore": list,
    "jobs": int,
    "strict": bool,
    "full-check": bool,
}
"""What the table may hold, each as the option of that name takes it."""

MAX_BYTES = 1 << 24

_KINDS = {str: "text", list: "a list of texts", int: "a whole number", bool: "true or false"}


class Config(NamedTuple):
    """What pyproject.toml says.

    Attributes:
        values: by parameter name (``full_check``); empty where there is no table.
        path: the file with the table, None where there is none.
        sha256: of that file, hexadecimal.
    """

    values: dict[str, Any]
    path: Path | None = None
    sha256: str = ""


def read_config(start: Path) -> Config:
    """Read the table of the nearest pyproject.toml that has one, of the folders that are searched.

    Raises:
        ConfigError: an unknown key, a value of the wrong type, or a file that is not TOML.
    """
    for folder in searched_folders(start):
        path = folder / "pyproject.toml"
        if not os.path.isfile(path):  # False, too, in a folder that may not be searched
            continue
        try:
            with path.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
        if len(content) > MAX_BYTES:
            raise ConfigError(f"{path}: longer than {MAX_BYTES:,} bytes: is this a configuration?")
        table = _table(path, content) if b"onnxguard" in content else None
        if table is not None:
            import hashlib

            return Config(_values(path, table), path, hashlib.sha256(content).hexdigest())
    return Config({})


def _table(path: Path, content: bytes) -> dict[str, Any] | None:
    import tomllib

    try:
        table = tomllib.loads(content.decode()).get("tool", {}).get("onnxguard")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except AttributeError:
        table = ()
    if table is None or isinstance(table, dict):
        return table
    raise ConfigError(f"{path}: [tool.onnxguard] is a table")


def _values(path: Path, table: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in table.items():
        wanted = KEYS.get(key)
        if wanted is None:
            raise ConfigError(
                f'{path}: unknown key "{printable(key)}" in [tool.onnxguard]{near(key, KEYS)}'
            )
        texts = all(isinstance(item, str) for item in value) if isinstance(value, list) else True
        if type(value) is not wanted or not texts:
            raise ConfigError(f"{path}: {key} in [tool.onnxguard] is {_KINDS[wanted]}")
        values[key.replace("-", "_")] = value
    if "allowlist" in values and is_path(values["allowlist"]):
        values["allowlist"] = str(path.parent / values["allowlist"])
    return values
