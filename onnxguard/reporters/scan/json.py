"""Versioned JSON; docs/report.schema.json describes it."""

from __future__ import annotations

import json
from typing import Any

from onnxguard import __version__
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.plain_values import plain, record_of
from onnxguard.scanning.report import Origin, Report, Run, Verdict

SCHEMA = "onnxguard/report/1"


def render(run: Run, options: RenderOptions) -> str:
    """Render everything that is known, ASCII only."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": {"name": "onnxguard", "version": __version__},
        "exit_code": run.exit_code(options.exit_zero),
        "seconds": round(run.seconds, 6),
        **({} if run.origin is None else {"origin": _origin(run.origin)}),
        "summary": _summary(run),
        "models": [_model(report) for report in run.reports],
    }
    return dumps(document)


def _origin(origin: Origin) -> dict[str, Any]:
    lists = [{"id": name, "sha256": digest} for name, digest in origin.allowlists]
    return {**plain(origin), "allowlists": lists}


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
    return record_of(report) | {"seconds": round(report.seconds, 6)}
