"""A model card as versioned JSON; docs/card.schema.json describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.training import json as training_json

if TYPE_CHECKING:
    from onnxguard.students.records import Card

SCHEMA = "onnxguard/card/1"

RECORDS = {
    **training_json.RECORDS,
    "constants": ("output", "dtype", "shape", "value"),
    "inputs": ("name", "dtype", "dims"),
    "operators": ("operator", "count"),
    "outputs": ("name", "dtype", "dims"),
    "seconds": ("phase", "seconds"),
}
"""Fields that hold plain tuples, and what their items are called."""


def render(card: Card, options: RenderOptions) -> str:
    """Render everything that is known, ASCII only."""
    return training_json.document(SCHEMA, card, RECORDS, passed=card.passed)
