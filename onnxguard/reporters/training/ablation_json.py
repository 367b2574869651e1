"""An ablation as versioned JSON; docs/ablation.schema.json describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.json import document
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.training.json import RECORDS as SHARED
from onnxguard.scanning.plain_values import plain
from onnxguard.students.ablation import comparisons, students

if TYPE_CHECKING:
    from onnxguard.students.records import Ablation

SCHEMA = "onnxguard/ablation/1"

RECORDS = {**SHARED, "verdicts": ("allowlist", "verdict")}
"""Fields that hold plain tuples, and what their items are called."""


def render(ablation: Ablation, options: RenderOptions) -> str:
    """Render everything that is known, then what the seeds came to, ASCII only.

    ``deviation`` and ``interval`` are null where there is a single seed.
    """
    rows = students(ablation)
    summed = {
        "students": [plain(r) | {"mean": r.mean, "deviation": r.deviation} for r in rows],
        "comparisons": comparisons(rows),
    }
    return document(SCHEMA, {**summed, **ablation._asdict()}, RECORDS)
