"""An evaluation as versioned JSON; docs/evaluation.schema.json describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters import training_json
from onnxguard.reporters.options import RenderOptions

if TYPE_CHECKING:
    from onnxguard.students.records import Evaluation

SCHEMA = "onnxguard/evaluation/1"


def render(evaluation: Evaluation, options: RenderOptions) -> str:
    """Render everything that is known, ASCII only."""
    return training_json.document(SCHEMA, evaluation, training_json.RECORDS)
