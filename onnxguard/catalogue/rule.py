"""The shape of a rule's description."""

from __future__ import annotations

from typing import NamedTuple

from onnxguard.base.findings import Severity


class Rule(NamedTuple):
    """What a rule's code stands for.

    Attributes:
        code: stable for ever, ``OG101``; the hundreds digit is the group.
        name: stable as well, words joined by hyphens.
        severity: what a finding weighs unless the allowlist says otherwise.
        summary: one sentence, what is the matter.
        why: a short paragraph, what goes wrong where nobody looks.
        fix: what to do about it.
        unverified: it says that nothing could be verified, so that the verdict is an error.
        waivable: an allowlist's waiver may cover it.
        ignorable: ``--ignore`` may pass it over.
        baselinable: a baseline may accept it.
        unsafe: a model that has it is not run, not even to look at it.
        vacuous: it says that a comparison shows too little, not that something differs.
        preview: it is new, and warns until it is stable, whatever its severity.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    why: str
    fix: str
    unverified: bool = False
    waivable: bool = True
    ignorable: bool = True
    baselinable: bool = True
    unsafe: bool = False
    vacuous: bool = False
    preview: bool = False

    @property
    def weight(self) -> Severity:
        """The severity of a finding, unless the allowlist says otherwise."""
        return self.weighed(self.severity)

    def weighed(self, severity: Severity) -> Severity:
        """The severity of a finding that a check or a list gives another one."""
        fails = severity is Severity.ERROR
        return Severity.WARNING if self.preview and fails else severity

    @property
    def title(self) -> str:
        """``OG101 operator-not-allowed``."""
        return f"{self.code} {self.name}"
