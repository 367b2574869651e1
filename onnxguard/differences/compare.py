"""Read two models, compare them, and judge both by every list."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from onnxguard.base.budget import limited
from onnxguard.base.errors import ModelError
from onnxguard.base.findings import Finding
from onnxguard.differences.contents import FactsDifference, compare_facts, paired
from onnxguard.differences.held_values import Outside
from onnxguard.differences.sketches import Sketch, sketch
from onnxguard.differences.structure import Structure, compare_structure, same_bytes
from onnxguard.differences.values import Pair, Tree
from onnxguard.model.describing import cost_for
from onnxguard.model.survey import Survey
from onnxguard.model.wire import Buffer
from onnxguard.policy.allowlist import Allowlist
from onnxguard.policy.registry import DEFAULT_ALLOWLIST, load_allowlist
from onnxguard.scanning.report import Report, Verdict, unverified
from onnxguard.scanning.scan import scan_open
from onnxguard.sources.files import open_model
from onnxguard.sources.remote import RemoteBytes, shown


class Judged(NamedTuple):
    """What one allowlist says of both models.

    Findings are the same where code, operator and message are; places may differ.
    """

    allowlist: str
    verdict: Pair[Verdict]
    added: tuple[Finding, ...]
    gone: tuple[Finding, ...]
    standing: tuple[Pair[Finding], ...]


class Difference(NamedTuple):
    """Everything to say about a model change.

    Attributes:
        path: the models as the user named them, safe to print; ``-`` is standard input.
        identical: whether the files are equal byte for byte; None where one lies at an address,
            of which no more is read than a scan reads.
        structure: how the graphs differ; None where a model could not be read, as ``facts`` is.
        seconds: wall clock.
        sketch: of graphs that differ, for a page that draws them; None where nobody asked.
    """

    path: Pair[str]
    identical: bool | None
    structure: Structure | None
    facts: FactsDifference | None
    judged: tuple[Judged, ...]
    seconds: float = 0.0
    sketch: Sketch | None = None

    @property
    def verdict(self) -> Verdict:
        """Of the new model under every list; error where either model was not verified."""
        if any(Verdict.ERROR in each.verdict for each in self.judged):
            return Verdict.ERROR
        failed = any(each.verdict.new is Verdict.FAIL for each in self.judged)
        return Verdict.FAIL if failed else Verdict.PASS

    @property
    def exit_code(self) -> int:
        """0 where the new model passes every list, 1 where it fails one, 2 for an error."""
        return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.ERROR: 2}[self.verdict]


def compare(
    old: str,
    new: str,
    allowlists: Sequence[str | Allowlist] = (DEFAULT_ALLOWLIST,),
    sketched: bool = False,
    names: Pair[str] | None = None,
) -> Difference:
    """Compare two models and judge both by every list.

    Args:
        old: a file, an address, or ``-`` for standard input, which only one of the two may be.
        new: the same.
        allowlists: ids of the registry, paths to YAML files, or loaded lists.
        sketched: for a page, which draws graphs that differ.
        names: what the models are called, where that is not where they lie.

    Raises:
        AllowlistError: a list could not be loaded.
        ModelError: a file changed while it was read.
    """
    policies = [p if isinstance(p, Allowlist) else load_allowlist(p) for p in allowlists]
    sizes = policies[0].sizes if policies else ()
    started = time.perf_counter()
    with ExitStack() as stack:
        called = names or Pair(old, new)
        before = read_side(old, policies, stack, called.old)
        after = read_side(new, policies, stack, called.new)
        judged = tuple(map(_judged, before.reports, after.reports))
        nothing = Difference(Pair(*map(shown, called)), False, None, None, judged)
        if before.data is None or after.data is None:
            return _timed(nothing, started)
        near = not isinstance(before.data, RemoteBytes) and not isinstance(after.data, RemoteBytes)
        identical = same_bytes(before.data, after.data) if near else None
        nothing = nothing._replace(identical=identical)
        if before.seen is None or after.seen is None:  # why is a finding of every list
            return _timed(nothing, started)
        trees = Pair(Tree(before.seen.model, before.data), Tree(after.seen.model, after.data))
        both = Pair(before.seen, after.seen)
        verified = all(Verdict.ERROR not in each.verdict for each in judged)
        try:
            with limited():
                outside = None
                if near and "-" not in (old, new):
                    outside = Pair(Outside(old, stack), Outside(new, stack))
                structure = compare_structure(*trees, near, outside)
                costs = None
                if verified:
                    costs = Pair(*(cost_for(seen, sizes) for seen in both))
                facts = compare_facts(trees, Pair(*(s.facts for s in both)), structure, costs)
        except ModelError:
            return _timed(nothing, started)
        found = nothing._replace(structure=structure, facts=facts)
        if sketched and structure.compared and not structure.same:
            found = found._replace(sketch=sketch(trees, both, sizes))
        return _timed(found, started)


def _timed(difference: Difference, started: float) -> Difference:
    return difference._replace(seconds=time.perf_counter() - started)


class Side(NamedTuple):
    """One of the models, read once: its bytes, what each list says of it, and what it holds."""

    data: Buffer | None
    reports: list[Report]
    seen: Survey | None


def read_side(path: str, policies: Sequence[Allowlist], stack: ExitStack, name: str) -> Side:
    """Read a model, which is open for as long as the stack is, and judge it under its name."""
    try:
        data = stack.enter_context(open_model(path))
    except ModelError as error:
        return Side(None, [unverified(error, name, policy.id) for policy in policies], None)
    return Side(data, *scan_open(data, name, policies, path))


def _judged(old: Report, new: Report) -> Judged:
    pairs, gone, added = paired(
        old.findings, new.findings, lambda f: (f.code, f.operator, f.message)
    )
    verdict = Pair(old.verdict, new.verdict)
    return Judged(new.allowlist, verdict, tuple(added), tuple(gone), tuple(pairs))
