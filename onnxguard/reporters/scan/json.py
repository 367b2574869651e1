"""Versioned JSON; docs/report.schema.json describes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from onnxguard.reporters.kit.json import dumps, escaped, headed
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.plain_values import plain, record_of
from onnxguard.scanning.report import Origin, Report, Run, Verdict

SCHEMA = "onnxguard/report/1"


LARGE = 1000
"""From so many models, Constants and findings on, a model is one line without spaces."""


def render(run: Run, options: RenderOptions) -> str:
    """Render everything that is known, ASCII only."""
    return "".join(pieces(run, options))


def pieces(run: Run, options: RenderOptions) -> Iterator[str]:
    """As ``render``, a large report in pieces: one model is in memory as text at a time."""
    document: dict[str, Any] = {
        **headed(SCHEMA),
        "exit_code": run.exit_code(options.exit_zero),
        "seconds": round(run.seconds, 6),
        **({} if run.origin is None else {"origin": _origin(run.origin)}),
        "summary": _summary(run),
    }
    if sum(map(_items, run.reports)) < LARGE:
        yield dumps(document | {"models": list(map(_model, run.reports))})
        return
    opened = dumps(document | {"models": []}).rpartition("]")
    yield opened[0]
    before = "\n"
    for report in run.reports:
        yield before + escaped(json.dumps(_model(report), separators=(",", ":"), allow_nan=False))
        before = ",\n"
    yield "\n  " + opened[1] + opened[2]


def _items(report: Report) -> int:
    constants = () if report.facts is None else report.facts.constants
    return 1 + len(constants) + len(report.findings)


def _origin(origin: Origin) -> dict[str, Any]:
    lists = [{"id": name, "sha256": digest} for name, digest in origin.allowlists]
    return {**plain(origin), "allowlists": lists}


def _summary(run: Run) -> dict[str, int]:
    models = [report for report in run.reports if report.about is None]
    counts = {"models": len(models)}
    for verdict in Verdict:
        counts[verdict.value] = sum(1 for report in models if report.verdict is verdict)
    return counts


def _model(report: Report) -> dict[str, Any]:
    return record_of(report) | {"seconds": round(report.seconds, 6)}
