"""Collects findings while a check runs."""

from __future__ import annotations

from collections.abc import Callable

from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.catalogue import PARITY_RULES

_ORDER = list(Severity)


class Found:
    """The findings about one graph of ``size`` bytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._findings: dict[tuple[str, str, str], Finding] = {}

    def add(self, code: str, message: str, route: str = "model", operator: str = "") -> None:
        """Add one finding, its route and message safe to print; an equal one adds a place."""
        rule = PARITY_RULES[code]
        place = Place(route, 0, self._size)
        key = code, message, operator
        if key in self._findings:
            before = self._findings[key]
            places = before.places if place in before.places else (*before.places, place)
            self._findings[key] = before._replace(places=places, count=before.count + 1)
            return
        self._findings[key] = Finding(
            code, rule.weight, message, (place,), hint=rule.fix, operator=operator
        )

    def fails(self, ignored: Callable[[Finding], bool] = lambda _: False) -> bool:
        """Whether any of them that is not ignored fails the graph."""
        return any(finding.fails and not ignored(finding) for finding in self._findings.values())

    def findings(self) -> tuple[Finding, ...]:
        """All of them, errors first, in the order of the codes."""
        return tuple(
            sorted(self._findings.values(), key=lambda f: (_ORDER.index(f.severity), f.code))
        )
