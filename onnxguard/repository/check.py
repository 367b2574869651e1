"""The check of a repository: every model, by its entry in the manifest, its lock and its parity."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from typing import NamedTuple

from onnxguard.base.errors import ManifestError, UsageError
from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.base.globs import literal, pattern
from onnxguard.base.printable import printable
from onnxguard.base.progress import Step, silent
from onnxguard.many.judge_all import died_report, judge_all
from onnxguard.many.results_file import Results
from onnxguard.model.facts import Facts
from onnxguard.repository.cache import Cache, opened_cache
from onnxguard.repository.contract import check_contract
from onnxguard.repository.file_states import Examined, Memory, Task
from onnxguard.repository.inventory import Inventory, but_ignored, data_files, take_inventory
from onnxguard.repository.lock import LOCK, Lock, check_lock, missing_files, read_lock
from onnxguard.repository.manifest import Contract, Entry, Manifest
from onnxguard.repository.parity_check import check_parity_of
from onnxguard.scanning.lean import lean
from onnxguard.scanning.report import Report, Run, Verdict, verdict_of
from onnxguard.sources.remote import shown


def _no_results(_: Iterable[str]) -> AbstractContextManager[None]:
    return nullcontext()


class Options(NamedTuple):
    """How to check.

    Attributes:
        jobs: processes.
        scheduler: of a Dask cluster, None for none.
        caching: use what earlier checks found, and keep what this one does.
        parity: make the parity checks that the manifest asks for.
        whole: keep all facts of every model in its report.
        strict: warnings fail a model too.
        accepting: findings may be accepted afterwards: parity is checked where there are some, too.
        results: opens the file where reports are written as they come, and which holds those of
            an earlier run; given the models' paths relative to the working folder.
        step: told of progress.
        tell: told in a line of text of a worker that does nothing.
    """

    jobs: int = 1
    scheduler: str | None = None
    caching: bool = True
    parity: bool = True
    whole: bool = False
    strict: bool = False
    accepting: bool = False
    results: Callable[[Iterable[str]], AbstractContextManager[Results | None]] = _no_results
    step: Step = silent
    tell: Callable[[str], None] = lambda _: None


class Checked(NamedTuple):
    """What a check found.

    Attributes:
        run: a report for each model, then those on the manifest and the lock.
        models: the models' files, in the order of their reports.
        excluded: files and folders that the manifest leaves out.
        links: links to folders, which are not followed.
        skipped: folders of Git's own.
        ignored: models that Git ignores, left out.
        cached: models whose findings were known.
        unproven: models whose parity check was left out.
    """

    run: Run
    models: tuple[str, ...]
    excluded: tuple[str, ...]
    links: tuple[str, ...]
    skipped: tuple[str, ...]
    ignored: tuple[str, ...]
    cached: int
    unproven: int


def check(manifest: Manifest, options: Options, paths: tuple[str, ...] = ()) -> Checked:
    """Check the models of a repository.

    Args:
        manifest: what they must be.
        options: how to check.
        paths: only models that are one of these or lie below one, relative to the root; all if
            none is given, and then the manifest's entries and the lock are checked too.

    Raises:
        ManifestError: the lock is unreadable, or missing although it is asked for.
        UsageError: there are no models, or a path leads to none.
    """
    started = time.perf_counter()
    inventory = _chosen(take_inventory(manifest, paths), paths, manifest)
    lock = read_lock(manifest.root)
    if lock is None and manifest.lock:
        raise ManifestError(
            f"{manifest.path} asks for {LOCK}, which is missing: run onnxguard lock"
        )
    if len(inventory.models) == 1:  # of a single model everything is shown
        options = options._replace(whole=True)
    # What parity said is not taken from an earlier run: the reference may be another one now.
    again = {at for at, entry in enumerate(manifest.entries) if entry.parity and options.parity}
    kept = (_shown(manifest, path) for path, at in inventory.models if at not in again)
    with opened_cache(manifest.root, options.caching) as cache, options.results(kept) as results:
        checking = _Checking(manifest, inventory, lock, cache, results, options)
        reports = list(checking.reports())
        if not paths:
            reports += _unused(manifest, inventory)
            if lock is not None:
                reports += _missing(lock, checking.files)
    run = Run(tuple(reports), time.perf_counter() - started)
    files = tuple(os.path.join(manifest.root, path) for path, _ in inventory.models)
    left_out = inventory.excluded, inventory.links, inventory.skipped, inventory.ignored
    return Checked(run, files, *left_out, checking.cached, checking.unproven)


class _Checking:
    """One check under way."""

    def __init__(
        self,
        manifest: Manifest,
        inventory: Inventory,
        lock: Lock | None,
        cache: Cache,
        results: Results | None,
        options: Options,
    ) -> None:
        self._manifest = manifest
        self._models = inventory.models
        self._lock = lock
        self._results = results
        self._options = options
        self._whole = options.whole or results is not None  # a file of results leaves nothing out
        self._memory = Memory(manifest, cache, self._whole)
        self._policies = tuple(entry.judging for entry in manifest.entries)
        self._today = date.today()
        self._second: dict[str, tuple[Finding, ...]] = {}
        self._compared: dict[tuple[int, int], tuple[Facts, tuple[Finding, ...]]] = {}
        self.files: set[str] = set()
        self.cached = 0
        self.unproven = 0

    def reports(self) -> Iterator[Report]:
        """A report for each model, in order."""
        step, models = self._options.step, self._models
        if self._lock is not None:
            self._memory.compute_checksums([path for path, _ in models], self._options.jobs, step)
        done = self._done()
        known: dict[str, Report] = {}
        tasks: list[Task] = []
        for path, entry in models:
            if entry is None or path in done:
                continue
            # What ONNX's checker said is not kept: it reads weights that the rules do not.
            fully = self._manifest.entries[entry].full_check is not None
            recalled = None if fully else self._memory.recall(Task(path, entry))
            if recalled is None:
                tasks.append(Task(path, entry))
            else:
                known[path] = recalled
        self.cached = len(known)
        examined = self._examined(tasks)
        for number, (path, entry) in enumerate(models, 1):
            if path in done:
                report = done[path]
            elif entry is None:
                report = _uncovered(path, self._manifest, self._changes([path], 0))
            else:
                report = self._finished(Task(path, entry), known.get(path) or next(examined))
            self.files.update((path, *data_files(self._manifest.root, path, report.facts)))
            if self._results is not None and path not in done:
                self._results.add(_shown(self._manifest, path), report)
            step("checking models", number, len(models))
            yield lean(report) if report.findings and not self._options.whole else report
        next(examined, None)  # there are no more: the workers may go

    def _done(self) -> dict[str, Report]:
        """What an earlier run of this check wrote into its file of results."""
        if self._results is None:
            return {}
        keys = {path: _shown(self._manifest, path) for path, _ in self._models}
        held = self._results.done
        return {path: held[key] for path, key in keys.items() if key in held}

    def _examined(self, tasks: list[Task]) -> Iterator[Report]:
        """Judge what is not known, and keep what is found."""
        if not tasks:
            return
        # Imported here, before workers are made of this process: what all is known nobody judges.
        from onnxguard.repository.model_check import Examiner

        options = self._options
        limits = tuple(entry.full_check for entry in self._manifest.entries)
        examiner = Examiner(self._manifest.root, self._policies, self._whole, limits)
        found = judge_all(
            tasks, examiner, self._lost, options.jobs, options.scheduler, tell=options.tell
        )
        for task, examined in zip(tasks, found, strict=True):
            self._second[task.path] = examined.second
            # Workers of a cluster may answer out of order: then a twin comes before its report.
            yield self._memory.keep(task, examined) or self._examine(task)

    def _examine(self, task: Task) -> Report:
        """Judge a model here and now; all its facts are kept."""
        from onnxguard.scanning.scan import examine

        report = examine(self._absolute(task.path), self._policies[task.policy]).report
        return report._replace(path=shown(task.path))

    def _lost(self, task: Task) -> Examined:
        return Examined(died_report(task.path, self._policies[task.policy].id))

    def _finished(self, task: Task, report: Report) -> Report:
        """The report with all that the manifest and the lock add."""
        entry, facts = self._manifest.entries[task.policy], report.facts
        findings = self._judged(task.path, entry, report)
        verdict = verdict_of(findings, self._options.strict)
        proceeds = verdict is Verdict.PASS or (
            self._options.accepting and verdict is not Verdict.ERROR
        )
        if entry.parity is not None and proceeds:
            if self._options.parity:
                size = facts.size if facts is not None else 0
                root = self._manifest.root
                findings += tuple(check_parity_of(task.path, entry.parity, root, size))
                verdict = verdict_of(findings, self._options.strict)
            else:
                self.unproven += 1
        if findings and not report.findings and not self._whole:
            # Its list found nothing, so that not all facts were kept; now they are shown.
            facts = self._examine(task).facts or facts
        if findings is report.findings and verdict is report.verdict:
            return report
        return report._replace(findings=findings, verdict=verdict, facts=facts)

    def _judged(self, path: str, entry: Entry, report: Report) -> tuple[Finding, ...]:
        facts, findings = report.facts, report.findings + self._second.pop(path, ())
        size = facts.size if facts is not None else 0
        data = data_files(self._manifest.root, path, facts)
        if facts is not None and entry.contract is not None:
            foreign = any(finding.code in ("OG402", "OG403") for finding in findings)
            total = None if foreign else _total([self._absolute(file) for file in data])
            findings += self._breaches(entry, entry.contract, facts, total)
        waivers = (*entry.policy.waivers, *entry.waivers)
        if waivers:
            from onnxguard.rules.waivers import waive  # imported here: few entries have any

            findings = waive(findings, waivers, path, Place("model", 0, size), self._today)
        return findings + self._changes([path, *data], size)

    def _breaches(
        self, entry: Entry, contract: Contract, facts: Facts, total: int | None
    ) -> tuple[Finding, ...]:
        """What the contract says; of models that share their facts it is asked once.

        ``total`` counts the bytes of external data; None where they are not known.
        """
        key = id(entry), id(facts)
        if total != 0 or key not in self._compared:
            found = tuple(check_contract(facts, contract, total, entry.place))
            self._compared[key] = facts, found  # with the facts, so that none other has their id
        return self._compared[key][1]

    def _changes(self, files: list[str], size: int) -> tuple[Finding, ...]:
        """What the lock says against a model of so many bytes and its data, if there is a lock."""
        if self._lock is None:
            return ()
        found = (check_lock(self._lock, file, self._memory.sha256(file), size) for file in files)
        return tuple(finding for finding in found if finding is not None)

    def _absolute(self, path: str) -> str:
        return os.path.join(self._manifest.root, path)


def _shown(manifest: Manifest, path: str) -> str:
    """A model's path relative to the working folder."""
    return os.path.relpath(os.path.join(manifest.root, path))


def _total(paths: list[str]) -> int | None:
    """Bytes of these files, None where one cannot be looked at."""
    try:
        return sum(os.stat(path).st_size for path in paths)
    except OSError:
        return None


def _chosen(inventory: Inventory, paths: tuple[str, ...], manifest: Manifest) -> Inventory:
    if not inventory.models:
        raise UsageError(
            f"no models below {printable(manifest.root)}{but_ignored(inventory)}: "
            "nothing was verified"
        )
    if not paths:
        return inventory
    bad = [p for p in paths if not any(_below(model, p) for model, _ in inventory.models)]
    if bad:
        named = ", ".join(f'"{printable(path)}"' for path in bad)
        are = "is not a model" if len(bad) == 1 else "are not models"
        raise UsageError(f"{named} {are} of {manifest.path}, nor a folder with one")
    return inventory._replace(
        models=tuple(m for m in inventory.models if any(_below(m[0], path) for path in paths))
    )


def _below(model: str, path: str) -> bool:
    return path == model or model.startswith(f"{path.rstrip('/')}/")


def _uncovered(path: str, manifest: Manifest, changes: tuple[Finding, ...]) -> Report:
    """The report on a model that nothing judged; of its changes since the lock, too."""
    finding = Finding(
        "OG811",
        Severity.ERROR,
        f"no entry of {manifest.path} covers the model",
        (Place("model", 0, 0),),
        hint="add its path to an entry, or to 'exclude'",
    )
    return Report(shown(path), "none", Verdict.FAIL, (finding, *changes), None)


def _unused(manifest: Manifest, inventory: Inventory) -> list[Report]:
    used = {entry for _, entry in inventory.models}
    paths = [path for path, _ in inventory.models]
    known = frozenset(paths)
    findings = []
    for index, entry in enumerate(manifest.entries):
        if index not in used:
            what = f"the entry of {printable(entry.paths[0])} covers no model"
            findings.append(_unmatched(what, f"correct its paths at {entry.place}, or delete it"))
            continue
        for glob in entry.paths:
            if glob not in known and (
                literal(glob) or not any(map(pattern(glob).fullmatch, paths))
            ):
                what = f"the path {printable(glob)} matches no model"
                findings.append(_unmatched(what, f"correct it at {entry.place}, or delete it"))
    return (
        [Report(manifest.path, "none", Verdict.FAIL, tuple(findings), None, about="manifest")]
        if findings
        else []
    )


def _unmatched(what: str, hint: str) -> Finding:
    return Finding("OG812", Severity.ERROR, what, (Place("model", 0, 0),), hint=hint)


def _missing(lock: Lock, present: set[str]) -> list[Report]:
    findings = missing_files(lock, present)
    return (
        [Report(LOCK, "none", Verdict.FAIL, tuple(findings), None, about="lock")]
        if findings
        else []
    )
