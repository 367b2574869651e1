"""The rules: each looks at a surveyed model and an allowlist and says what it finds."""

from __future__ import annotations

from pathlib import Path

from onnxguard.allowlist import Allowlist
from onnxguard.findings import Finding
from onnxguard.gather import Survey
from onnxguard.rules import bounds, constants, external_data, functions, header, operators
from onnxguard.rules import tensors, wire_format
from onnxguard.rules.found import Found

CHECKS = (
    operators.check,
    bounds.check,
    tensors.check,
    header.check,
    functions.check,
    wire_format.check,
    constants.check,
)


def judge(survey: Survey, policy: Allowlist, folder: Path | None) -> list[Finding]:
    """Run every rule; ``folder`` is where the model's external data must lie."""
    found = Found()
    for check in CHECKS:
        check(survey, policy, found)
    external_data.check(survey, policy, found, folder)
    return found.results()
