"""Every model that differs between two revisions of a Git repository, for its review."""

from __future__ import annotations

import posixpath
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from onnxguard.base.errors import ModelError, UsageError
from onnxguard.differences.compare import Difference, compare, read_side
from onnxguard.differences.values import Pair
from onnxguard.policy.allowlist import Allowlist
from onnxguard.policy.registry import DEFAULT_ALLOWLIST, load_allowlist
from onnxguard.scanning.outlines import DRAWN_MODELS, DRAWN_NODES
from onnxguard.scanning.report import Report, Verdict
from onnxguard.scanning.scan import read_facts
from onnxguard.sources.discover import SUFFIX
from onnxguard.sources.remote import shown
from onnxguard.sources.revisions import Change, Repository, parted

_SHORT = 12


class Reviewed(NamedTuple):
    """A model that differs.

    Attributes:
        path: before and after, safe to print; None where there is none.
        difference: of a model that is there before and after.
        data: files of its external data that are there before and after, and differ.
        reports: what each list says of one that is new.
    """

    path: Pair[str | None]
    difference: Difference | None = None
    data: tuple[str, ...] = ()
    reports: tuple[Report, ...] = ()

    @property
    def what(self) -> str:
        """``added``, ``removed``, ``renamed`` or ``changed``."""
        if self.path.old is None:
            return "added"
        if self.path.new is None:
            return "removed"
        return "changed" if self.path.old == self.path.new else "renamed"

    @property
    def verdict(self) -> Verdict:
        """Of the model as it is after; one that is gone passes."""
        if self.difference is not None:
            return self.difference.verdict
        return _worst(report.verdict for report in self.reports)


class Review(NamedTuple):
    """What a range of commits does to models.

    Attributes:
        base: the commit before, and how it was called; safe to print.
        head: the commit after.
        models: those that differ, themselves or in their external data, by path.
        seconds: wall clock.
    """

    base: tuple[str, str]
    head: tuple[str, str]
    models: tuple[Reviewed, ...]
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """The worst of them; PASS where there are none."""
        return _worst(model.verdict for model in self.models)

    @property
    def exit_code(self) -> int:
        """0 where every model passes every list, 1 where one fails, 2 for an error."""
        return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.ERROR: 2}[self.verdict]


def review(
    span: str,
    paths: Sequence[str] = (),
    allowlists: Sequence[str | Allowlist] = (DEFAULT_ALLOWLIST,),
    folder: str = ".",
    sketched: bool = False,
) -> Review:
    """Compare all models between two revisions, with their external data as of each.

    Args:
        span: ``BASE..HEAD``; ``BASE...HEAD`` begins where the two parted; ``BASE`` ends at HEAD.
        paths: look at these files and folders alone.
        allowlists: ids of the registry, paths to YAML files, or loaded lists.
        folder: in the repository.
        sketched: for a page, which draws graphs that differ, those of models that fail first.

    Raises:
        UsageError: no repository, or no such revision or path.
        AllowlistError: a list could not be loaded.
    """
    started = time.perf_counter()
    policies = [p if isinstance(p, Allowlist) else load_allowlist(p) for p in allowlists]
    repository = Repository(folder)
    names = tuple(parted(span))
    base, head = map(repository.commit, names)
    if "..." in span:
        base = repository.base(base, head)
    inside = {path: repository.inside(path) for path in paths}
    with tempfile.TemporaryDirectory(prefix="onnxguard-") as scratch:
        before = _Tree(repository, base, Path(scratch, "old"))
        after = _Tree(repository, head, Path(scratch, "new"))
        differing = repository.changes(base, head)
        for path, name in inside.items():
            there = before.has(name) or after.has(name)
            if not there and not any(_below(change)(name) for change in differing):  # a link
                raise UsageError(f'"{shown(path)}" is in neither revision')
        changes = _of_models(differing, before, after)
        found: list[Reviewed] = []
        for change in changes:
            if not inside or any(map(_below(change), inside.values())):
                found.append(_reviewed(change, before, after, policies, sketched))
                _make_room(found)
    old, new = (shown(names[0]), base[:_SHORT]), (shown(names[1]), head[:_SHORT])
    return Review(old, new, tuple(found), time.perf_counter() - started)


def _make_room(models: list[Reviewed]) -> None:
    """Forget the sketches that a page has no room for; those of models that fail stay longest."""
    drawn = [
        (model.verdict is Verdict.PASS, at, model.difference, model.difference.sketch.nodes)
        for at, model in enumerate(models)
        if model.difference is not None and model.difference.sketch is not None
    ]
    nodes = 0
    for count, (_, at, difference, more) in enumerate(sorted(drawn, key=lambda each: each[:2])):
        nodes += more
        if nodes > DRAWN_NODES or count >= DRAWN_MODELS:
            forgotten = difference._replace(sketch=None)
            models[at] = models[at]._replace(difference=forgotten)


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    order = (Verdict.PASS, Verdict.FAIL, Verdict.ERROR)
    return max(verdicts, key=order.index, default=Verdict.PASS)


def _below(change: Change) -> Callable[[str], bool]:
    places = [path for path in change if path is not None]
    return lambda folder: (
        folder == "." or any(path == folder or path.startswith(f"{folder}/") for path in places)
    )


class _Tree:
    """The files of a commit, of which those that are asked for are written to a folder."""

    def __init__(self, repository: Repository, commit: str, folder: Path) -> None:
        self._repository, self._folder = repository, folder
        self.files = repository.files(commit)

    def has(self, path: str) -> bool:
        """Whether there is such a file, or a folder with one."""
        return (
            path == "."
            or path in self.files
            or any(file.startswith(f"{path}/") for file in self.files)
        )

    def model(self, path: str) -> str:
        """The file of a model, its external data beside it."""
        target = self._write(path)
        for name in self.data(path):
            if name in self.files:
                self._write(name)
        return str(target)

    def data(self, path: str) -> list[str]:
        """The paths of a model's external data, wherever they lead."""
        try:
            facts = read_facts(self._write(path))
        except ModelError:
            return []
        below = path.rpartition("/")[0]
        locations = {item.location for item in facts.external_data}
        return sorted(posixpath.normpath(posixpath.join(below, each)) for each in locations)

    def _write(self, path: str) -> Path:
        target = self._folder / path
        if not target.exists():
            if path not in self.files:
                raise UsageError(f'"{shown(path)}" is a link or a submodule, which is not followed')
            self._repository.write(self.files[path], target)
        return target


def _as_model(change: Change) -> Change | None:
    """The change as one of a model: renamed to something else, it is gone."""
    if change.new is not None and change.new.lower().endswith(SUFFIX):
        return change
    if change.old is not None and change.old.lower().endswith(SUFFIX):
        return Change(change.old, None)
    return None


def _of_models(changes: Sequence[Change], before: _Tree, after: _Tree) -> list[Change]:
    """The changes of models, and models of which the data alone changed."""
    models = [c for c in map(_as_model, changes) if c is not None]
    named = {change.new for change in models}
    others = {path for change in changes for path in change if path is not None} - {
        path for change in models for path in change
    }
    folders = {path[:at] for path in others for at, char in enumerate(path) if char == "/"} | {""}
    models += [
        Change(path, path)
        for path in (after.files.keys() & before.files.keys() if others else ())
        if path.lower().endswith(SUFFIX)
        and path not in named
        and path.rpartition("/")[0] in folders
        and not others.isdisjoint({*before.data(path), *after.data(path)})
    ]
    return sorted(models, key=lambda change: change.new or change.old or "")


def _reviewed(
    change: Change, before: _Tree, after: _Tree, policies: Sequence[Allowlist], sketched: bool
) -> Reviewed:
    old, new = (None if path is None else shown(path) for path in change)
    path = Pair(old, new)
    if change.new is None:
        return Reviewed(path)
    if change.old is None:
        with ExitStack() as stack:
            side = read_side(after.model(change.new), policies, stack, change.new)
        return Reviewed(path, reports=tuple(side.reports))
    names = Pair(change.old, change.new)  # those of waivers, not where the blobs lie
    files = before.model(change.old), after.model(change.new)
    difference = compare(*files, policies, sketched, names)
    held = [name for name in after.data(change.new) if name in before.files]
    data = tuple(shown(name) for name in held if after.files.get(name) != before.files[name])
    return Reviewed(path, difference, data)
