"""What is known of a repository's files: their states, their digests, and earlier findings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from onnxguard.base.errors import ModelError, UsageError
from onnxguard.base.findings import Finding
from onnxguard.base.progress import Step
from onnxguard.repository.cache import Cache, judge_digest
from onnxguard.repository.inventory import state_of
from onnxguard.repository.lock import checksums, sha256_of
from onnxguard.repository.manifest import Manifest
from onnxguard.scanning.report import Report
from onnxguard.scanning.same_graph import Spans, digest_at
from onnxguard.sources.files import open_model
from onnxguard.sources.remote import shown


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


class Memory:
    """Asks the cache, and tells it.

    Args:
        manifest: its root and its lists.
        cache: of that root.
        whole: all facts of every model are wanted.
    """

    def __init__(self, manifest: Manifest, cache: Cache, whole: bool) -> None:
        self._root = manifest.root
        self._cache = cache
        self._whole = whole
        policies = [entry.judging for entry in manifest.entries]  # often one list for all
        digests = {
            key: judge_digest(policy) for key, policy in {id(p): p for p in policies}.items()
        }
        self._judges = [digests[id(policy)] for policy in policies]
        self._all_judges = set(digests.values())
        self._states: dict[str, tuple[str, int]] = {}
        self._sha256: dict[str, str] = {}
        self._seen: dict[tuple[str, int], Report] = {}

    def _state(self, path: str) -> tuple[str, int]:
        """The state of a file as it was when it was first asked for: before it is read."""
        if path not in self._states:
            self._states[path] = state_of(f"{self._root}/{path}")
        return self._states[path]

    # -- findings ---------------------------------------------------------------------------------

    def recall(self, task: Task) -> Report | None:
        """What was found in a model: by the state of its file, else by its content."""
        state, changed = self._state(task.path)
        known = self._cache.known(task.path, state)
        judge = self._judges[task.policy]
        report = self._cache.report(known.digest, judge)
        if report is None and state and not known.digest:
            digest = self._content(task.path, int(state.partition(".")[0]))
            report = self._cache.report(digest, judge)
            if report is not None:
                self._cache.keep_file(task.path, known._replace(digest=digest), changed)
        if report is None or (self._whole and not report.findings):
            return None  # of a model without findings not all facts are kept
        return report._replace(path=shown(task.path))

    def _content(self, path: str, size: int) -> str:
        """The digest of a file if it is one of those whose structure the cache knows."""
        layouts = self._cache.spans(size)
        if not layouts:
            return ""
        try:
            with open_model(os.path.join(self._root, path)) as data:
                for spans in layouts:
                    digest = digest_at(data, spans)
                    if any(self._cache.report(digest, judge) for judge in self._all_judges):
                        return digest
        except ModelError:
            pass  # judging it will say so
        return ""

    def keep(self, task: Task, examined: Examined) -> Report | None:
        """Keep what was found in a model just now, and return it.

        None where the report is said to be that of another model, which did not come yet.
        """
        digest, report = examined.digest, examined.report
        if not digest:
            return report
        key = digest, task.policy
        if report is None:
            if key not in self._seen:
                return None
            report = self._seen[key]._replace(path=shown(task.path))
        elif key not in self._seen:
            self._seen[key] = report
            self._cache.keep_report(digest, examined.spans, self._judges[task.policy], report)
        state, changed = self._state(task.path)
        known = self._cache.known(task.path, state)
        self._cache.keep_file(task.path, known._replace(digest=digest), changed)
        return report

    # -- checksums --------------------------------------------------------------------------------

    def compute_checksums(self, paths: Sequence[str], jobs: int, step: Step) -> None:
        """Compute the SHA-256 of many files, several at a time, but for those that are known."""
        known = {path: self._cache.known(path, self._state(path)[0]).sha256 for path in paths}
        wanted = [path for path, digest in known.items() if not digest]
        self._sha256.update((path, digest) for path, digest in known.items() if digest)
        for path, digest in checksums(self._root, wanted, jobs, step, _digest).items():
            self._keep_checksum(path, digest)

    def sha256(self, path: str) -> str:
        """The SHA-256 of a file, hexadecimal; empty where it cannot be read."""
        if path not in self._sha256:
            known = self._cache.known(path, self._state(path)[0]).sha256
            self._keep_checksum(path, known or _digest(os.path.join(self._root, path)))
        return self._sha256[path]

    def _keep_checksum(self, path: str, digest: str) -> None:
        self._sha256[path] = digest
        state, changed = self._state(path)
        if digest:
            known = self._cache.known(path, state)
            self._cache.keep_file(path, known._replace(sha256=digest), changed)


def _digest(path: str) -> str:
    """The SHA-256 of a file; empty where it cannot be read."""
    try:
        return sha256_of(path)
    except UsageError:
        return ""
