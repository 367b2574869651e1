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
    """

    code: str
    name: str
    severity: Severity
    summary: str
    why: str
    fix: str

    @property
    def title(self) -> str:
        """``OG101 operator-not-allowed``."""
        return f"{self.code} {self.name}"
