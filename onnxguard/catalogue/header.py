"""OG5xx: versions, and what else stands beside the main graph."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

HEADER = (
    Rule(
        "OG501",
        "opset-import",
        Severity.ERROR,
        "The opset imports do not say which version of each domain is meant.",
        "An operator's definition follows from its domain's version. Where that is missing, or "
        "given twice (the default domain as '' and as 'ai.onnx', for example), programs guess, and "
        "guess differently.",
        "Import every domain that is used, once, with one version. The same import twice, as "
        "skl2onnx writes it, is a note.",
    ),
    Rule(
        "OG502",
        "opset-range",
        Severity.ERROR,
        "An imported opset version is outside the allowlist's range.",
        "The runtime that ships knows some versions. Newer ones fail to load or change an "
        "operator's meaning; very old ones take conversion paths that nobody tests any more.",
        "Export at a version inside the range.",
    ),
    Rule(
        "OG503",
        "ir-version",
        Severity.ERROR,
        "The IR version is missing or outside the allowlist's range.",
        "The IR version says which fields of the file have a meaning. A loader refuses a newer "
        "one, or ignores fields that carry behaviour.",
        "Export with an ONNX release that the target's runtime supports.",
    ),
    Rule(
        "OG504",
        "training-info",
        Severity.ERROR,
        "The model carries training graphs.",
        "Inference never needs them. They hold operators of their own and assignments that "
        "overwrite the weights, and most reviews never open them.",
        "Remove training_info before the model is shipped.",
    ),
    Rule(
        "OG511",
        "graph-empty",
        Severity.ERROR,
        "The main graph has no nodes.",
        "There is nothing to run and nothing to judge, which no list can call clean. A field that "
        "was dropped on the way looks the same.",
        "Check that the export finished, and that this is the file that was meant. Where an empty "
        "graph is meant, a waiver in the list admits it.",
    ),
)
