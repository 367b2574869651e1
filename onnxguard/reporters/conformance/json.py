"""Conformance and its changes as versioned JSON; docs/conformance.schema.json, ... describe it."""

from __future__ import annotations

from typing import Any

from onnxguard.conformance.changes import Changes
from onnxguard.conformance.record import Conformance, Evidence, OperatorRecord, Outcome
from onnxguard.reporters.kit.json import document
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.plain_values import plain

SCHEMA, CHANGES = "onnxguard/conformance/1", "onnxguard/conformance-changes/1"
RECORDS = {"inputs": ("name", "shape")}


def render(result: Conformance, options: RenderOptions) -> str:
    """Render everything that is known, ASCII only."""
    return document(
        SCHEMA,
        {
            "exit_code": result.exit_code,
            "verdict": result.conclusion.value,
            "seconds": round(result.seconds, 6),
            "kind": result.kind,
            "name": result.name,
            "sha256": result.sha256,
            "opset": result.opset,
            "provider": "CPUExecutionProvider",
            "versions": dict(result.versions),
            "inputs": result.inputs,
            "seed": result.seed,
            "min_cases": result.min_cases,
            "require_proven": result.require_proven,
            "summary": {evidence.value: result.count_of(evidence) for evidence in Evidence},
            "whole": None if result.whole is None else plain(result.whole),
            "operators": [_operator(record) for record in result.operators],
        },
        RECORDS,
    )


def changes(found: Changes, options: RenderOptions) -> str:
    """Render what changed between two runs."""
    told: dict[str, Any] = plain(found)
    return document(CHANGES, {"exit_code": found.exit_code, **told})


def _operator(record: OperatorRecord) -> dict[str, Any]:
    operator: dict[str, Any] = plain(record)
    cases, coverage = operator.pop("cases"), operator.pop("coverage")
    operator["own"] = record.own
    operator["passed"] = record.count_of(Outcome.PASSED)
    operator["known_failures"] = record.count_of(Outcome.KNOWN)
    operator["unsupported"] = record.count_of(Outcome.UNSUPPORTED)
    operator["disputed"] = record.count_of(Outcome.DISPUTED)
    operator["failed"] = record.failed
    return operator | {"coverage": coverage, "cases": cases}
