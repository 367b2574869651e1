"""Changes of models as versioned JSON; docs/difference.schema.json, ... describe it."""

from __future__ import annotations

from typing import Any

from onnxguard.base.findings import Finding
from onnxguard.catalogue import RULES
from onnxguard.differences import Difference, FactsDifference, Judged, Pair
from onnxguard.differences.review import Review, Reviewed
from onnxguard.reporters.diff.phrases import numbers
from onnxguard.reporters.kit.json import document
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.plain_values import plain
from onnxguard.scanning.report import Report

SCHEMA, REVIEW = "onnxguard/difference/2", "onnxguard/review/1"


def render(difference: Difference, options: RenderOptions) -> str:
    """Render everything that differs, ASCII only."""
    return document(SCHEMA, fields_of(difference))


def fields_of(difference: Difference) -> dict[str, Any]:
    """Everything that differs, as plain values."""
    return {
        "exit_code": difference.exit_code,
        "seconds": round(difference.seconds, 6),
        "path": difference.path,
        "verdict": difference.verdict,
        "identical": difference.identical,
        "structure": difference.structure,
        "judged": [_judged(judged) for judged in difference.judged],
        "facts": None if difference.facts is None else _facts(difference.facts),
    }


def _judged(judged: Judged) -> dict[str, Any]:
    return {
        "allowlist": judged.allowlist,
        "verdict": plain(judged.verdict),
        "added": [finding_of(finding) for finding in judged.added],
        "gone": [finding_of(finding) for finding in judged.gone],
        "standing": [plain(Pair(finding_of(a), finding_of(b))) for a, b in judged.standing],
    }


def finding_of(finding: Finding) -> dict[str, Any]:
    """A finding with its rule's name."""
    return {"code": finding.code, "name": RULES[finding.code].name, **plain(finding)}


def _facts(facts: FactsDifference) -> dict[str, Any]:
    both = {field: {"old": old, "new": new} for field, old, new in numbers(facts)}
    groups = {
        name: plain(group)
        for name, group in zip(facts._fields, facts, strict=True)
        if name not in ("old", "new")
    }
    return {"numbers": both, **groups}


def review(found: Review, options: RenderOptions) -> str:
    """Render every model that differs between two revisions."""
    (base, old), (head, new) = found.base, found.head
    fields = {
        "exit_code": found.exit_code,
        "seconds": round(found.seconds, 6),
        "verdict": found.verdict,
        "base": {"revision": base, "commit": old},
        "head": {"revision": head, "commit": new},
        "models": [plain(_model(model)) for model in found.models],
    }
    return document(REVIEW, fields)


def _model(model: Reviewed) -> dict[str, Any]:
    return {
        "what": model.what,
        "path": model.path,
        "verdict": model.verdict,
        "difference": None if model.difference is None else fields_of(model.difference),
        "data": model.data,
        "judged": list(map(_scanned, model.reports)),
    }


def _scanned(report: Report) -> dict[str, Any]:
    return {
        "allowlist": report.allowlist,
        "verdict": report.verdict,
        "findings": list(map(finding_of, report.findings)),
    }
