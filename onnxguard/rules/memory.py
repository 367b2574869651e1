"""The limits on memory under which a model passes that the usual ones refuse."""

from __future__ import annotations

from collections import Counter
from functools import partial

from onnxguard.model.describing import cost_for
from onnxguard.model.survey import Survey
from onnxguard.policy.allowlist import DEFAULT_LIMITS, Allowlist, Decision, Limit
from onnxguard.rules import tensors
from onnxguard.rules.collector import Found

USUAL = {"tensor_elements": 1 << 28, "constant_elements": DEFAULT_LIMITS["constant_elements"]}
"""What a list that is derived allows at least."""

MOST = (1 << 63) - 1


def memory_limits(survey: Survey, policy: Allowlist) -> dict[str, int]:
    """The limits that must be raised, by name: of elements to the next power of two.

    ``policy`` says all that is no limit.
    """
    judged = partial(_findings, survey, policy)
    limits = dict(USUAL)
    at_most = judged(dict.fromkeys(USUAL, MOST))
    if judged(USUAL)["OG301"] != at_most["OG301"]:
        for name, usual in USUAL.items():
            low, high = usual.bit_length() - 1, 63
            while low < high:
                middle = (low + high) // 2
                tried = dict.fromkeys(USUAL, MOST) | {name: 1 << middle}
                if judged(tried)["OG301"] == at_most["OG301"]:
                    high = middle
                else:
                    low = middle + 1
            limits[name] = min(1 << low, MOST)
    if "OG210" in at_most:
        limits["activation_bytes"] = cost_for(survey, ()).activation_bytes
    return {name: value for name, value in limits.items() if value != USUAL.get(name)}


def _findings(survey: Survey, policy: Allowlist, limits: dict[str, int]) -> Counter[str]:
    """How many findings on tensors there are under some limits, by code."""
    decided = {name: Limit(value, Decision()) for name, value in limits.items()}
    found = Found()
    tensors.check(survey, policy._replace(limits=decided), found)
    counts: Counter[str] = Counter()
    for finding in found.results():
        counts[finding.code] += finding.count
    return counts
