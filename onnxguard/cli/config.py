"""``[tool.onnxguard]`` of the nearest pyproject.toml: defaults for the scan's options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from onnxguard.base.errors import ConfigError
from onnxguard.base.printable import printable
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


_KINDS = {str: "text", list: "a list of texts", int: "a whole number", bool: "true or false"}


def find_config(start: Path) -> Path | None:
    """The pyproject.toml in ``start`` or the nearest folder above it."""
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if os.path.isfile(path):  # False, too, in a folder that may not be searched
            return path
    return None


def read_config(start: Path) -> dict[str, Any]:
    """Read the table; keys become parameter names (``full_check``). Empty where there is none.

    Raises:
        ConfigError: an unknown key, a value of the wrong type, or a file that is not TOML.
    """
    path = find_config(start)
    if path is None:
        return {}
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if b"onnxguard" not in text:
        return {}
    import tomllib

    try:
        table = tomllib.loads(text.decode()).get("tool", {}).get("onnxguard", {})
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except AttributeError:
        table = None
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: [tool.onnxguard] is a table")
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
