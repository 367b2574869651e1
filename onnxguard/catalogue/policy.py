"""OG7xx, OG8xx and OG9xx: Constant nodes, waivers and the full check."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

POLICY = (
    Rule(
        "OG701",
        "constant-forbidden",
        Severity.ERROR,
        "The model has Constant nodes, and the allowlist forbids them.",
        "Some targets read weights from initializers only; a value in a node escapes their "
        "quantisation, their encryption or their accounting.",
        "Fold Constant nodes into initializers on export, or with an ONNX optimiser.",
    ),
    Rule(
        "OG702",
        "constant-too-large",
        Severity.ERROR,
        "A Constant node holds more bytes than the allowlist permits.",
        "A Constant node is for a scale, an axis or a shape. One with megabytes keeps weights "
        "where tools that list, compress or compare initializers do not look.",
        "Turn it into an initializer.",
    ),
    Rule(
        "OG801",
        "waiver-expired",
        Severity.ERROR,
        "A waiver covers this model but has run out.",
        "A waiver is an exception with a date because somebody promised to come back to it. Past "
        "its date it covers nothing.",
        "Fix what it excuses and delete it, or renew it in review with a new date and reason.",
    ),
    Rule(
        "OG802",
        "waiver-unused",
        Severity.ERROR,
        "A waiver excused nothing.",
        "The problem is gone, or the pattern never matched. Left in place, the waiver will one day "
        "excuse something that nobody reviewed.",
        "Delete the waiver, or correct its pattern or codes.",
    ),
)

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
