"""Collect findings: equal ones share their places, and no rule can flood a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache

from onnxguard.base.budget import check
from onnxguard.base.findings import PLACES_KEPT, Finding, Place, Severity
from onnxguard.base.printable import printable
from onnxguard.catalogue import RULES
from onnxguard.model.graph import Operator
from onnxguard.policy.allowlist import Allowlist

PlaceOf = Place | Callable[[], Place]
"""A place, or a function that makes it: many findings share theirs and keep only some."""

KINDS_KEPT = 200
"""Different findings of one rule that are kept; the rest are counted in one more."""


class Found:
    """The findings of one model while its rules run."""

    def __init__(self) -> None:
        self._findings: dict[tuple[str, str], Finding] = {}
        self._places: dict[tuple[str, str], list[Place]] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._kinds: Counter[str] = Counter()
        self._dropped: dict[str, Place] = {}
        self._once: set[object] = set()
        self._added = 0

    def add(
        self,
        code: str,
        message: str,
        place: PlaceOf,
        *,
        hint: str = "",
        operator: str = "",
        adr: str = "",
        severity: Severity | None = None,
        count: int = 1,
        once: object = None,
    ) -> None:
        """Add a finding, or one more place of it; ``place`` is only made where it is kept.

        What is given as ``once`` gets the finding once: a node that several calls run is one place.
        """
        self._added += 1
        if not self._added & 255:
            check()
        key = code, message
        if once is not None:
            if (key, once) in self._once:
                return
            self._once.add((key, once))
        if key not in self._findings:
            self._kinds[code] += 1
            if self._kinds[code] > KINDS_KEPT:
                if code not in self._dropped:
                    self._dropped[code] = place if isinstance(place, Place) else place()
                return
            rule = RULES[code]
            weight = rule.weighed(severity or rule.severity)
            self._findings[key] = Finding(code, weight, message, (), 0, hint, operator, adr)
            self._places[key] = []
        self._counts[key] += count
        places = self._places[key]
        if len(places) < PLACES_KEPT:
            places.append(place if isinstance(place, Place) else place())

    def results(self) -> list[Finding]:
        """Every finding, errors first, then by byte offset."""
        findings = [
            finding._replace(places=tuple(self._places[key]), count=self._counts[key])
            for key, finding in self._findings.items()
        ]
        for code, place in self._dropped.items():
            more = self._kinds[code] - KINDS_KEPT
            message = f"{more} more findings of this rule are left out"
            findings.append(Finding(code, RULES[code].weight, message, (place,), more))
        order = list(Severity)
        return sorted(findings, key=lambda f: (order.index(f.severity), f.place.start, f.code))


class Weighed:
    """Adds findings about valid graphs at the weight that a list gives their rules.

    A hostile graph may have millions, all different: the message is made of the first ones alone.
    ``added`` counts what was to be added, whatever it weighs.
    """

    def __init__(self, policy: Allowlist, found: Found) -> None:
        self._found = found
        self.added = 0
        self._added: Counter[str] = Counter()

        @cache
        def weight(code: str, severity: Severity | None) -> Severity | None:
            rule = RULES[code]
            return policy.validity(rule if severity is None else rule._replace(severity=severity))

        self._weight = weight

    def __call__(
        self,
        code: str,
        text: str,
        names: tuple[bytes, ...],
        place: PlaceOf,
        hint: str,
        operator: Operator | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Add a finding.

        Args:
            code: the rule.
            text: the message, with ``{}`` for the operator, if there is one, and for each name.
            names: as the model gives them.
            place: where it is.
            hint: what to do about it.
            operator: the operator that it is about.
            severity: stands in for the rule's own.
        """
        self.added += 1
        weight = self._weight(code, severity)
        if weight is None:
            return
        label, message = "", "more of the same kind"
        self._added[code] += 1
        if self._added[code] <= 2 * KINDS_KEPT:
            label = operator.label if operator else ""
            message = text.format(*([label] if operator else []), *map(printable, names))
        self._found.add(code, message, place, hint=hint, operator=label, severity=weight)
