"""OG9xx: what ONNX's own checker says."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

FULL_CHECK = (
    Rule(
        "OG901",
        "full-check-rejected",
        Severity.ERROR,
        "The ONNX checker or its strict shape inference rejects the model.",
        "The operators are allowed, but the graph breaks ONNX's own rules: types or shapes do not "
        "fit, inputs are missing, names repeat. Runtimes fail on it when it is loaded, or later.",
        "Follow the checker's message, which is quoted, and export again.",
    ),
    Rule(
        "OG902",
        "full-check-stopped",
        Severity.ERROR,
        "The ONNX checker did not finish within its time and memory limits, or crashed.",
        "The check ran in a process of its own, which was stopped. Whether the model is valid is "
        "not known, and a model that brings down a checker may bring down a loader.",
        "Raise the limits if the model is large and trusted; otherwise treat it as hostile.",
    ),
)
