"""One rule from both sides: a model that breaks it, and the nearest one that does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from onnxguard.base.findings import Severity

Build = bytes | Callable[[Path], bytes]
"""A model's bytes, or a function that puts files beside the model and returns its bytes."""


class Case(NamedTuple):
    """A rule at work.

    Attributes:
        code: the rule.
        name: what is wrong, in words.
        bad: the model that breaks the rule.
        good: its neighbour, on which the same list finds nothing that stands.
        rules: YAML that the list adds to ``lists.BASE``.
        good_rules: that of the neighbour's list, where the lists differ and not the models.
        message: part of the message.
        route: the route of the first place.
        at: the bytes of the first place; None where the case doesn't say.
        hint: part of the hint.
        operator: the finding's operator.
        adr: the decision that the finding names.
        severity: of the finding.
        also: codes of other rules that the model cannot but break as well.
    """

    code: str
    name: str
    bad: Build
    good: Build
    rules: str = ""
    good_rules: str | None = None
    message: str = ""
    route: str = "model"
    at: bytes | None = None
    hint: str = ""
    operator: str = ""
    adr: str = ""
    severity: Severity = Severity.ERROR
    also: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """``OG101 unknown operator``."""
        return f"{self.code} {self.name}"


def beside(name: str, data: bytes, model: bytes) -> Build:
    """The model, and a file of that name beside it."""

    def build(folder: Path) -> bytes:
        (folder / name).write_bytes(data)
        return model

    return build
