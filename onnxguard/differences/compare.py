"""Read two models, compare them, and judge both by every list."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from onnxguard.base.errors import ModelError, WireError
from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.catalogue import RULES
from onnxguard.differences.contents import FactsDifference, Pair, compare_facts, paired
from onnxguard.differences.structure import Structure, compare_structure, same_bytes
from onnxguard.differences.values import Tree
from onnxguard.model.facts import Facts
from onnxguard.model.reading import STEPS, malformed, read_model
from onnxguard.model.survey import survey
from onnxguard.model.wire import Buffer
from onnxguard.policy.allowlist import Allowlist
from onnxguard.policy.registry import DEFAULT_ALLOWLIST, load_allowlist
from onnxguard.scanning.report import Report, Verdict
from onnxguard.scanning.scan import STEPS_PER_NODE, scan, scan_bytes
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
    """

    path: Pair[str]
    identical: bool | None
    structure: Structure | None
    facts: FactsDifference | None
    judged: tuple[Judged, ...]
    seconds: float = 0.0

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
    old: str, new: str, allowlists: Sequence[str | Allowlist] = (DEFAULT_ALLOWLIST,)
) -> Difference:
    """Compare two models and judge both by every list.

    Args:
        old: a file, an address, or ``-`` for standard input, which only one of the two may be.
        new: the same.
        allowlists: ids of the registry, paths to YAML files, or loaded lists.

    Raises:
        AllowlistError: a list could not be loaded.
        ModelError: a file changed while it was read.
    """
    policies = [p if isinstance(p, Allowlist) else load_allowlist(p) for p in allowlists]
    started = time.perf_counter()
    with ExitStack() as stack:
        sides = Pair(_opened(old, stack), _opened(new, stack))
        reports = [(_judge(old, sides.old, p), _judge(new, sides.new, p)) for p in policies]
        judged = tuple(_judged(*both) for both in reports)
        path = Pair(shown(old), shown(new))
        nothing = Difference(path, False, None, None, judged)
        if isinstance(sides.old, ModelError) or isinstance(sides.new, ModelError):
            return _timed(nothing, started)
        near = not any(isinstance(side, RemoteBytes) for side in sides)
        identical = same_bytes(sides.old, sides.new) if near else None
        nothing = nothing._replace(identical=identical)
        limits = [limit for p in policies if (limit := p.limit("nodes")) is not None]
        steps = max(STEPS, max(limits, default=0) * STEPS_PER_NODE)
        try:
            before, after = _read(sides.old, steps), _read(sides.new, steps)
            structure = compare_structure(before[0], after[0], weights=near)
            facts = compare_facts(*before, *after, structure)
        except ModelError:  # what is wrong is a finding of every list
            return _timed(nothing, started)
        return _timed(nothing._replace(structure=structure, facts=facts), started)


def _timed(difference: Difference, started: float) -> Difference:
    return difference._replace(seconds=time.perf_counter() - started)


def _opened(path: str, stack: ExitStack) -> Buffer | ModelError:
    try:
        return stack.enter_context(open_model(path))
    except ModelError as error:
        return error


def _judge(path: str, side: Buffer | ModelError, policy: Allowlist) -> Report:
    if isinstance(side, bytes) and path == "-":  # it can be read once
        return scan_bytes(side, "-", policy)
    if not isinstance(side, ModelError):
        return scan(path, policy)
    hint = side.hint or RULES[side.code].fix
    finding = Finding(side.code, Severity.ERROR, str(side), (Place("model", 0, 0),), hint=hint)
    return Report(shown(path), policy.id, Verdict.ERROR, (finding,), None)


def _read(data: Buffer, steps: int) -> tuple[Tree, Facts]:
    try:
        model = read_model(data, steps)
        return Tree(model, data), survey(model).facts
    except WireError as error:
        raise malformed(error) from None


def _judged(old: Report, new: Report) -> Judged:
    pairs, gone, added = paired(
        old.findings, new.findings, lambda f: (f.code, f.operator, f.message)
    )
    verdict = Pair(old.verdict, new.verdict)
    return Judged(new.allowlist, verdict, tuple(added), tuple(gone), tuple(pairs))
