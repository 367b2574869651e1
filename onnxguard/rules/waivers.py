"""Findings that the list accepts for some models (OG801, OG802)."""

from __future__ import annotations

from datetime import date
from pathlib import PurePath

from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.base.printable import printable
from onnxguard.policy.allowlist import Waiver


def waive(
    findings: tuple[Finding, ...],
    given: tuple[Waiver, ...],
    path: str,
    place: Place,
    today: date,
) -> tuple[Finding, ...]:
    """Mark what a waiver covers; add a finding for each waiver that is expired or covers nothing.

    A waiver's ``model`` is a glob that is matched from the right, as ``PurePath.match`` does.
    """
    waivers = [w for w in given if PurePath(path).match(w.model)]
    if not waivers:
        return findings
    waived = list(findings)
    extra: list[Finding] = []
    for waiver in waivers:
        covered = [i for i, finding in enumerate(waived) if _covers(waiver, finding)]
        name = f"{waiver.code} {waiver.operator}".strip()
        if waiver.expires < today:
            message = f"the waiver of {printable(name)} expired on {waiver.expires}"
            hint = f"fix the model, or renew the waiver at {waiver.source}"
            extra.append(Finding("OG801", Severity.ERROR, message, (place,), hint=hint))
            continue
        if not covered:
            message = f"the waiver of {printable(name)} covers nothing in this model"
            hint = f"remove the waiver at {waiver.source}"
            extra.append(Finding("OG802", Severity.ERROR, message, (place,), hint=hint))
        for index in covered:
            waived[index] = waived[index]._replace(waiver=waiver.reason)
    return (*waived, *extra)


def _covers(waiver: Waiver, finding: Finding) -> bool:
    return finding.code == waiver.code and waiver.operator in ("", finding.operator)
