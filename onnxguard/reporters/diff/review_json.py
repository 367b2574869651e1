"""What commits do to models, as versioned JSON; docs/review.schema.json describes it."""

from __future__ import annotations

from typing import Any

from onnxguard.differences.review import Review, Reviewed
from onnxguard.reporters.diff.json import fields_of, finding_of
from onnxguard.reporters.kit.json import document
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.plain_values import plain
from onnxguard.scanning.report import Report

SCHEMA = "onnxguard/review/1"


def render(review: Review, options: RenderOptions) -> str:
    """Render every model that differs, ASCII only."""
    (base, old), (head, new) = review.base, review.head
    fields = {
        "exit_code": review.exit_code,
        "seconds": round(review.seconds, 6),
        "verdict": review.verdict,
        "base": {"revision": base, "commit": old},
        "head": {"revision": head, "commit": new},
        "models": [plain(_model(model)) for model in review.models],
    }
    return document(SCHEMA, fields)


def _model(model: Reviewed) -> dict[str, Any]:
    return {
        "what": model.what,
        "path": model.path,
        "verdict": model.verdict,
        "difference": None if model.difference is None else fields_of(model.difference),
        "data": model.data,
        "judged": list(map(_judged, model.reports)),
    }


def _judged(report: Report) -> dict[str, Any]:
    return {
        "allowlist": report.allowlist,
        "verdict": report.verdict,
        "findings": list(map(finding_of, report.findings)),
    }
