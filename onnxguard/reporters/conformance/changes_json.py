"""Changes of conformance as versioned JSON; docs/conformance-changes.schema.json describes it."""

from __future__ import annotations

from typing import Any

from onnxguard.conformance.changes import Changes
from onnxguard.reporters.kit.json import document
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.plain_values import plain

SCHEMA = "onnxguard/conformance-changes/1"


def render(changes: Changes, options: RenderOptions) -> str:
    """Render everything that is known, ASCII only."""
    told: dict[str, Any] = plain(changes)
    return document(SCHEMA, {"exit_code": changes.exit_code, **told})
