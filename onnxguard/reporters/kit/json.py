"""JSON of every kind: versioned, ASCII only, and nothing in it that a CI log acts on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from onnxguard import __version__
from onnxguard.scanning.plain_values import plain

Records = Mapping[str, tuple[str, ...]]
"""Fields that hold plain tuples, and what their items are called."""


def document(schema: str, fields: Mapping[str, Any], records: Records | None = None) -> str:
    """Serialise fields, which may be named tuples.

    JSON has no number for infinity and none for NaN: they are the strings ``Infinity``,
    ``-Infinity`` and ``NaN``.
    """
    return dumps(headed(schema) | strict(plain(dict(fields)), records or {}))


def headed(schema: str) -> dict[str, Any]:
    """What a document of a schema begins with."""
    return {"schema": schema, "tool": {"name": "onnxguard", "version": __version__}}


def dumps(document: object) -> str:
    """Serialise with an indent of two."""
    return escaped(json.dumps(document, indent=2, allow_nan=False)) + "\n"


def escaped(text: str) -> str:
    """Break the ``##`` that opens a command in some CI logs."""
    return text.replace("##", "#\\u0023")


def strict(value: Any, records: Records, field: str = "") -> Any:
    """Name the parts of plain tuples, and write out the numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: strict(item, records, name) for name, item in value.items()}
    if isinstance(value, list):
        if field in records:
            value = [dict(zip(records[field], item, strict=True)) for item in value]
        return [strict(item, records) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
