"""Parity reports as versioned JSON; docs/parity.schema.json describes it."""

from __future__ import annotations

from typing import Any

from onnxguard.catalogue import PARITY_RULES
from onnxguard.parity.report import ParityReport, ParityVerdict, exit_code
from onnxguard.reporters.kit.json import document
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.parity import phrases as parity_phrases
from onnxguard.scanning.plain_values import plain

SCHEMA = "onnxguard/parity/1"

RECORDS = {
    "decades": ("exponent", "elements"),
    "external": ("location", "sha256"),
    "inputs": ("path", "sha256"),
    "kinds": ("mutation", "mutants", "killed"),
    "percentiles": ("percent", "difference"),
    "placement": ("provider", "nodes"),
    "shapes": ("input", "shape"),
    "ways": ("way", "weights"),
    "versions": ("package", "version"),
}
"""Fields that hold plain tuples, and what their items are called."""


def render(reports: tuple[ParityReport, ...], options: RenderOptions) -> str:
    """Render everything that is known but pictures."""
    return document(
        SCHEMA,
        {
            "exit_code": exit_code(reports),
            "verdict": parity_phrases.overall(reports).value,
            "seconds": round(parity_phrases.seconds(reports), 6),
            "summary": _summary(reports),
            "models": [_model(report) for report in reports],
        },
        RECORDS,
    )


def _summary(reports: tuple[ParityReport, ...]) -> dict[str, int]:
    verdicts = [report.verdict for report in reports]
    return {"models": len(reports)} | {v.value: verdicts.count(v) for v in ParityVerdict}


def _model(report: ParityReport) -> dict[str, Any]:
    model: dict[str, Any] = plain(report._replace(pictures=()))
    del model["pictures"]
    model["seconds"] = round(report.seconds, 6)
    model["largest"] = report.largest
    for finding in model["findings"]:
        finding["name"] = PARITY_RULES[finding["code"]].name
    return model
