"""A model card as versioned JSON; docs/card.schema.json describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.json import document
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.training.json import RECORDS as SHARED

if TYPE_CHECKING:
    from onnxguard.students.records import Card

SCHEMA = "onnxguard/card/1"

RECORDS = {
    **SHARED,
    "constants": ("output", "dtype", "shape", "value"),
    "inputs": ("name", "dtype", "dims"),
    "operators": ("operator", "count"),
    "outputs": ("name", "dtype", "dims"),
    "seconds": ("phase", "seconds"),
}
"""Fields that hold plain tuples, and what their items are called."""


def render(card: Card, options: RenderOptions) -> str:
    """Render everything that is known, ASCII only."""
    return document(SCHEMA, {"passed": card.passed, **card._asdict()}, RECORDS)
