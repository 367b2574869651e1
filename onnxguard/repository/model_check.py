"""Judge one model of a repository, in whichever process: what workers run."""

from __future__ import annotations

import os
from typing import NamedTuple

from onnxguard.base.findings import Finding, Place
from onnxguard.base.printable import printable
from onnxguard.model.describing import EVERYTHING
from onnxguard.policy.allowlist import Allowlist
from onnxguard.repository.cache import SLIM, slim
from onnxguard.repository.manifest import FullCheckLimits
from onnxguard.scanning.report import Report
from onnxguard.scanning.same_graph import Spans
from onnxguard.scanning.scan import examine


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
        second: what ONNX's checker says; it is of this model alone.
    """

    report: Report | None
    digest: str = ""
    spans: Spans = ()
    second: tuple[Finding, ...] = ()


class Examiner:
    """Judges the models below a root.

    Args:
        root: an absolute path.
        policies: the lists that a task may name.
        whole: keep all facts of every model, not only what a line about it tells.
        limits: of the full check by the number of a list, None where none is asked for.
    """

    def __init__(
        self,
        root: str,
        policies: tuple[Allowlist, ...],
        whole: bool,
        limits: tuple[FullCheckLimits | None, ...],
    ) -> None:
        self._root = root
        self._limits = limits
        self._policies = policies
        self._whole = whole
        self._given: set[tuple[str, int]] = set()  # models of one architecture share their findings

    def __call__(self, task: Task) -> Examined:
        """Judge a model."""
        path = os.path.join(self._root, task.path)
        wanted = EVERYTHING if self._whole else SLIM
        report, spans, digest = examine(path, self._policies[task.policy], wanted)
        second: tuple[Finding, ...] = ()
        limits = self._limits[task.policy]
        if limits is not None and report.facts is not None:
            from onnxguard.running.full_check import FullCheck

            second = FullCheck(*limits)(path, Place("model", 0, report.facts.size))
        if digest and not self._whole:
            if (digest, task.policy) in self._given:
                return Examined(None, digest, (), second)
            self._given.add((digest, task.policy))
        report = report._replace(path=printable(task.path))
        return Examined(report if self._whole else slim(report), digest, spans, second)
