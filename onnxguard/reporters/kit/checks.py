"""What the formats that only show findings have to know about the check that made them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from onnxguard.base.findings import Place
from onnxguard.catalogue import PARITY_RULES, RULES, Rule
from onnxguard.reporters.kit import phrases


class Check(NamedTuple):
    """A kind of check.

    Attributes:
        name: what it is called in a sentence.
        rules: those that it can break, by code.
        judge: what a model is judged by, whose name stands in ``Report.allowlist``.
        tag: what its rules are about, for filters.
        spans: whether the bytes of a place say more than its route.
    """

    name: str
    rules: Mapping[str, Rule]
    judge: str
    tag: str
    spans: bool

    def cells(self, place: Place) -> tuple[str, ...]:
        """The place's route, and its bytes where they say more."""
        return (place.route, phrases.span(place)) if self.spans else (place.route,)

    def where(self, place: Place) -> str:
        """The same in one line."""
        return " ".join(self.cells(place))


SCAN = Check("scan", RULES, "allowlist", "security", spans=True)
PARITY = Check("parity check", PARITY_RULES, "reference", "correctness", spans=False)
