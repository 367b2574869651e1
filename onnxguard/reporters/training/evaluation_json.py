"""An evaluation as versioned JSON; docs/evaluation.schema.json describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.training import json as training_json

if TYPE_CHECKING:
    from onnxguard.students.records import Evaluation

SCHEMA = "onnxguard/evaluation/1"


def render(evaluation: Evaluation, options: RenderOptions) -> str:
    """Render everything that is known, ASCII only."""
    return training_json.document(SCHEMA, evaluation, training_json.RECORDS)
