"""An ablation as versioned JSON; docs/ablation.schema.json describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.training import json as training_json
from onnxguard.scanning.plain_values import plain
from onnxguard.students.ablation import comparisons, students

if TYPE_CHECKING:
    from onnxguard.students.records import Ablation

SCHEMA = "onnxguard/ablation/1"

RECORDS = {**training_json.RECORDS, "verdicts": ("allowlist", "verdict")}
"""Fields that hold plain tuples, and what their items are called."""


def render(ablation: Ablation, options: RenderOptions) -> str:
    """Render everything that is known, then what the seeds came to, ASCII only.

    ``deviation`` and ``interval`` are null where there is a single seed.
    """
    rows = students(ablation)
    return training_json.document(
        SCHEMA,
        ablation,
        RECORDS,
        students=[plain(row) | {"mean": row.mean, "deviation": row.deviation} for row in rows],
        comparisons=[plain(found) for found in comparisons(rows)],
    )
