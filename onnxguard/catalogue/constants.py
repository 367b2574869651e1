"""OG7xx: Constant nodes."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

CONSTANTS = (
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
)
