"""Judge one model of a repository, in whichever process: what workers run."""

from __future__ import annotations

import os

from onnxguard.base.findings import Finding, Place
from onnxguard.model.wanted import EVERYTHING
from onnxguard.policy.allowlist import Allowlist
from onnxguard.repository.cache import SLIM, slim
from onnxguard.repository.file_states import Examined, Task
from onnxguard.repository.manifest import FullCheckLimits
from onnxguard.scanning.scan import examine
from onnxguard.sources.remote import shown


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
        report = report._replace(path=shown(task.path))
        return Examined(report if self._whole else slim(report), digest, spans, second)
