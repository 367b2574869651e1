"""An evaluation as versioned JSON; docs/evaluation.schema.json describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.json import document
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.training.json import RECORDS as SHARED

if TYPE_CHECKING:
    from onnxguard.students.records import Evaluation

SCHEMA = "onnxguard/evaluation/1"


def render(evaluation: Evaluation, options: RenderOptions) -> str:
    """Render everything that is known, ASCII only."""
    return document(SCHEMA, evaluation._asdict(), SHARED)
