"""Cards, evaluations and ablations as versioned JSON; docs/card.schema.json, ... describe it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.json import Records, document
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.plain_values import plain
from onnxguard.students.ablation import comparisons, students

if TYPE_CHECKING:
    from onnxguard.students.records import Ablation, Card, Evaluation

CARD, EVALUATION = "onnxguard/card/1", "onnxguard/evaluation/1"
ABLATION = "onnxguard/ablation/1"

RECORDS: Records = {
    "baselines": ("answer", "iou"),
    "hardware": ("what", "which"),
    "recipe": ("option", "value"),
    "shared": ("held_out", "trained_on"),
    "skipped": ("pair", "why"),
    "verdicts": ("allowlist", "verdict"),
    "versions": ("package", "version"),
}
"""Fields that hold plain tuples, and what their items are called."""
CARD_RECORDS: Records = {
    **RECORDS,
    "constants": ("output", "dtype", "shape", "value"),
    "inputs": ("name", "dtype", "dims"),
    "operators": ("operator", "count"),
    "outputs": ("name", "dtype", "dims"),
    "seconds": ("phase", "seconds"),
}
"""Those of a card, too."""


def card(found: Card, options: RenderOptions) -> str:
    """Render everything that is known, ASCII only, as the others."""
    return document(CARD, {"passed": found.passed, **found._asdict()}, CARD_RECORDS)


def evaluation(found: Evaluation, options: RenderOptions) -> str:
    """Render an evaluation."""
    return document(EVALUATION, found._asdict(), RECORDS)


def ablation(found: Ablation, options: RenderOptions) -> str:
    """Render an ablation after what its seeds came to.

    ``deviation`` and ``interval`` are null where there is a single seed.
    """
    rows = students(found)
    summed = {
        "students": [plain(r) | {"mean": r.mean, "deviation": r.deviation} for r in rows],
        "comparisons": comparisons(rows),
    }
    return document(ABLATION, {**summed, **found._asdict()}, RECORDS)
