"""Judge one model of a repository, in whichever process: what workers run."""

from __future__ import annotations

import os
from typing import NamedTuple

from onnxguard.allowlist import Allowlist
from onnxguard.errors import ModelError
from onnxguard.printable import printable
from onnxguard.report import Report
from onnxguard.repository.cache import slim
from onnxguard.scan import examine
from onnxguard.source import open_model
from onnxguard.twins import Spans, digest_at

WHOLE_BYTES = 1 << 26
"""A model of at most this size whose structure was too large to remember is digested whole."""


class Task(NamedTuple):
    """A model's path relative to the root, and which of the lists judges it."""

    path: str
    policy: int


class Examined(NamedTuple):
    """What was found in a model, before its waivers, contract and lock.

    Attributes:
        report: the report, with its facts cut short where nobody wants them whole; None where this
            process gave the report of a model with this digest before.
        digest: of all that the findings depend on, empty where that is not known.
        spans: where in the file that lies, empty where the report is None.
    """

    report: Report | None
    digest: str = ""
    spans: Spans = ()


class Examiner:
    """Judges the models below a root.

    Args:
        root: an absolute path.
        policies: the lists that a task may name.
        whole: keep all facts of every model, not only what a line about it tells.
    """

    def __init__(self, root: str, policies: tuple[Allowlist, ...], whole: bool) -> None:
        self._root = root
        self._policies = policies
        self._whole = whole
        self._given: set[tuple[str, int]] = set()  # models of one architecture share their findings

    def __call__(self, task: Task) -> Examined:
        """Judge a model."""
        path = os.path.join(self._root, task.path)
        report, twin = examine(path, self._policies[task.policy])
        spans, digest = (twin.spans, twin.digest) if twin is not None else _content(path, report)
        if digest and not self._whole:
            if (digest, task.policy) in self._given:
                return Examined(None, digest)
            self._given.add((digest, task.policy))
        report = report._replace(path=printable(task.path))
        return Examined(report if self._whole else slim(report), digest, spans)


def _content(path: str, report: Report) -> tuple[Spans, str]:
    facts = report.facts
    if facts is None or facts.external_data or facts.size > WHOLE_BYTES:
        return (), ""
    spans = ((0, facts.size),)
    try:
        with open_model(path) as data:
            return spans, digest_at(data, spans)
    except ModelError:  # it was there a moment ago
        return (), ""
