"""What the JSON of cards, evaluations and ablations share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from onnxguard import __version__
from onnxguard.reporters.scan.json import dumps
from onnxguard.scanning.plain_values import plain

RECORDS: Mapping[str, tuple[str, ...]] = {
    "baselines": ("answer", "iou"),
    "hardware": ("what", "which"),
    "recipe": ("option", "value"),
    "shared": ("held_out", "trained_on"),
    "skipped": ("pair", "why"),
    "versions": ("package", "version"),
}
"""Fields that hold plain tuples in several records, and what their items are called."""


def document(
    schema: str, record: object, records: Mapping[str, tuple[str, ...]], **more: Any
) -> str:
    """Serialise a record as an object of its fields, ASCII only.

    JSON has no number for infinity and none for NaN: they are the strings ``Infinity``,
    ``-Infinity`` and ``NaN``.

    Args:
        schema: what the document calls itself.
        record: a named tuple.
        records: fields that hold plain tuples, and what their items are called.
        more: what comes before the record's own fields.
    """
    head = {"schema": schema, "tool": {"name": "onnxguard", "version": __version__}}
    return dumps(head | strict(plain(more), records) | strict(plain(record), records))


def strict(value: Any, records: Mapping[str, tuple[str, ...]], field: str = "") -> Any:
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
