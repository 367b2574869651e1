"""What was odd in the bytes (OG111, OG112, OG601 to OG607): the reader noted most of it."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue import RULES
from onnxguard.catalogue.validity import VALIDITY
from onnxguard.model.survey import Survey
from onnxguard.model.wire import LARGEST_MESSAGE
from onnxguard.policy.allowlist import Allowlist
from onnxguard.rules.collector import Found
from onnxguard.rules.header import severity_of

VALIDITY_CODES = frozenset(rule.code for rule in VALIDITY)


def check(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Turn the reader's notes into findings; unknown fields follow the list's policy."""
    if survey.model.size > LARGEST_MESSAGE:
        message = f"the model has {survey.model.size:,} bytes; a protobuf message has at most "
        message += f"{LARGEST_MESSAGE:,}"
        found.add("OG606", message, survey.model.place, hint=RULES["OG606"].fix)
    action = policy.policy("unknown_fields")
    for anomaly in survey.model.anomalies.values():
        severity: Severity | None = None
        if anomaly.code == "OG601":
            if action == "allow":
                continue
            severity = severity_of(action)
        if anomaly.code in VALIDITY_CODES:
            severity = policy.validity(RULES[anomaly.code])
            if severity is None:
                continue
        more = anomaly.count - len(anomaly.places)
        hint = RULES[anomaly.code].fix
        for place in anomaly.places:
            found.add(anomaly.code, anomaly.message, place, hint=hint, severity=severity)
        if more:
            place = anomaly.places[0]
            found.add(anomaly.code, anomaly.message, place, count=more, severity=severity)
