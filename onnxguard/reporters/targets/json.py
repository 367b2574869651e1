"""What targets make of models as versioned JSON; docs/targets.schema.json describes it."""

from __future__ import annotations

from onnxguard.reporters.kit.json import document
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.on_targets import Matrix

SCHEMA = "onnxguard/targets/1"


def render(matrix: Matrix, options: RenderOptions) -> str:
    """Render everything, ASCII only."""
    fields = {
        "exit_code": matrix.exit_code,
        "models": matrix.models,
        "targets": [{"id": name, "title": title} for name, title in matrix.targets],
    }
    return document(SCHEMA, fields)
