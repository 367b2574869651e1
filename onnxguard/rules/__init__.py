"""The rules: each looks at a surveyed model and an allowlist and says what it finds.

Who makes a node's input is asked of ``survey.scopes`` (model/scopes.py), of what type it is of
``survey.scopes.types`` (model/types.py).
"""

from __future__ import annotations

from onnxguard.base import budget
from onnxguard.base.findings import Finding
from onnxguard.model.survey import Survey
from onnxguard.policy.allowlist import Allowlist
from onnxguard.rules import (
    allowed_operators,
    constants,
    header,
    limits,
    shapes,
    tensors,
    types,
    validity,
    wire_format,
)
from onnxguard.rules.collector import Found

CHECKS = (
    allowed_operators.check,
    validity.check,
    limits.check,
    tensors.check,
    types.check,
    shapes.check,
    header.check,
    wire_format.check,
    constants.check,
)


def judge(survey: Survey, policy: Allowlist, path: str | None) -> list[Finding]:
    """Run every rule; ``path`` is the model's own, beside which external data must lie."""
    found = Found()
    survey.scopes.declare(policy.schemas)
    for check in CHECKS:
        budget.check()
        check(survey, policy, found)
    # Imported here: most models have neither.
    if len(survey.model.graphs) > 1:
        from onnxguard.rules import functions

        functions.check(survey, policy, found)
    if survey.model.has_external_data:
        from onnxguard.rules import external_data

        external_data.check(survey, policy, found, path)
    if policy.targets:
        from onnxguard.rules import targets

        targets.check(survey, policy, found)
    return found.results()
