"""Versioned JSON; docs/report.schema.json describes it."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

from onnxguard import __version__
from onnxguard.catalogue import RULES
from onnxguard.report import Report, Run, Verdict
from onnxguard.reporters.options import RenderOptions

SCHEMA = "onnxguard/report/1"


def render(run: Run, options: RenderOptions) -> str:
    """Render everything that is known, ASCII only."""
    document = {
        "schema": SCHEMA,
        "tool": {"name": "onnxguard", "version": __version__},
        "exit_code": run.exit_code(options.exit_zero),
        "seconds": round(run.seconds, 6),
        "summary": _summary(run),
        "models": [_model(report) for report in run.reports],
    }
    return dumps(document)


def dumps(document: object) -> str:
    """Serialise with an indent of two; ``##`` opens a command in some CI logs and is escaped."""
    text = json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False)
    return text.replace("##", "#\\u0023") + "\n"


def _summary(run: Run) -> dict[str, int]:
    counts = {"models": len(run.reports)}
    for verdict in Verdict:
        counts[verdict.value] = sum(1 for report in run.reports if report.verdict is verdict)
    return counts


def _model(report: Report) -> dict[str, Any]:
    model: dict[str, Any] = plain(report)
    model["seconds"] = round(report.seconds, 6)
    model["findings"] = [
        {"code": finding.code, "name": RULES[finding.code].name, **plain(finding)}
        for finding in report.findings
    ]
    if report.facts is not None:
        model["facts"]["metadata"] = [
            {"key": key, "value": value} for key, value in report.facts.metadata
        ]
    return model


def plain(value: object) -> Any:
    """Turn named tuples into objects, tuples into arrays and enums into their values."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        fields: tuple[str, ...] | None = getattr(value, "_fields", None)
        if fields is not None:
            return {name: plain(item) for name, item in zip(fields, value, strict=True)}
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value
