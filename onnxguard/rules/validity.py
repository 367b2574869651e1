"""Whether the graph is what ONNX calls valid (OG150 to OG168): its names and its operators' use."""

from __future__ import annotations

from onnxguard.catalogue.validity import VALIDITY
from onnxguard.model.survey import Survey
from onnxguard.policy.allowlist import Allowlist
from onnxguard.rules.collector import Found, Weighed
from onnxguard.rules.names import check_names
from onnxguard.rules.signatures import check_signatures


def check(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Check every graph, unless the list allows whatever it may find."""
    if any(policy.validity(rule) for rule in VALIDITY):
        say = Weighed(policy, found)
        check_names(survey.model, say)
        check_signatures(survey, policy, say)
