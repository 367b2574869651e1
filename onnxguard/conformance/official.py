"""``conform --allowlist``: ONNX's official cases, at the schema versions of one opset."""

from __future__ import annotations

import time
from typing import NamedTuple

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.conformance.attempt import CASE_SECONDS, Progress, attempt, start
from onnxguard.conformance.cases import (
    LATEST_OPSET,
    Case,
    domain_versions,
    node_cases,
    restamp,
    schema_version,
)
from onnxguard.conformance.comparison import compare, fixed
from onnxguard.conformance.evaluators import check, run
from onnxguard.conformance.known_deviations import KNOWN_FAILURES, MEANING_CHANGED
from onnxguard.conformance.record import (
    CaseResult,
    Conformance,
    Evidence,
    OperatorRecord,
    Outcome,
    weigh,
)
from onnxguard.policy.allowlist import Allowlist
from onnxguard.policy.registry import load_allowlist
from onnxguard.running.child import DiedError, TimedOutError, Worker

OPSET = 17
"""The opset that is asked about unless another is named."""


class _Plan(NamedTuple):
    """An operator, the cases to run, and how many were refused."""

    domain: str
    op_type: str
    version: int | None
    cases: list[tuple[Case, bytes, bool]]
    refused: int


def conform_allowlist(
    allowlist: str | Allowlist,
    opset: int = OPSET,
    *,
    min_cases: int = 1,
    case_seconds: float = CASE_SECONDS,
    progress: Progress | None = None,
) -> Conformance:
    """Gather evidence on every operator that a list allows at an opset.

    A case counts where its schema version of the operator is the one that the opset uses: as it
    is, or moved to the opset if the full checker accepts that.

    Args:
        allowlist: an id, a path, or a list that was loaded.
        opset: of the default domain; other domains are taken as they were released with it.
        min_cases: how many cases must pass for ``proven``.
        case_seconds: how long one case may take.
        progress: is told after each case how many are done, and of how many.

    Raises:
        UsageError: the installed onnx has no such opset.
        AllowlistError: the list cannot be used.
        OnnxguardError: ONNX Runtime does not start.
    """
    policy = allowlist if isinstance(allowlist, Allowlist) else load_allowlist(allowlist)
    if not 1 <= opset <= LATEST_OPSET:
        raise UsageError(
            f"`opset` {opset}: the installed onnx knows the opsets 1 to {LATEST_OPSET}"
        )
    started = time.perf_counter()
    with Worker() as worker:
        versions = start(worker)
        plans = [
            _planned(key[0], key[1], opset, worker, case_seconds)
            for key in sorted(policy.entries)
            if _allows(policy, key, opset)
        ]
        total, done = sum(len(plan.cases) for plan in plans), 0
        records = []
        for plan in plans:
            results = []
            for case, model, restamped in plan.cases:
                results.append(_run(worker, case, model, restamped, case_seconds))
                done += 1
                if progress is not None:
                    progress(done, total)
            records.append(_record(plan, tuple(results), opset, min_cases))
    return Conformance(
        "allowlist",
        printable(policy.id),
        "",
        opset,
        tuple(records),
        versions,
        min_cases=min_cases,
        seconds=time.perf_counter() - started,
    )


def _allows(policy: Allowlist, key: tuple[str, str], opset: int) -> bool:
    version = domain_versions(opset).get(key[0])
    return version is None or any(version in entry.opset for entry in policy.entries[key])


def _planned(domain: str, op_type: str, opset: int, worker: Worker, seconds: float) -> _Plan:
    own = domain_versions(opset).get(domain)
    wanted = None if own is None else schema_version(domain, op_type, own)
    chosen: list[tuple[Case, bytes, bool]] = []
    refused = 0
    for case in node_cases():
        if (case.domain, case.op_type) != (domain, op_type):
            continue
        if wanted is None:
            refused += 1
        elif schema_version(domain, op_type, case.opset) == wanted:
            chosen.append((case, case.model.SerializeToString(), False))
        else:
            moved = restamp(case.model, opset).SerializeToString()
            if _same_meaning(case, wanted) and _accepts(worker, moved, seconds):
                chosen.append((case, moved, True))
            else:
                refused += 1
    return _Plan(domain, op_type, wanted, chosen, refused)


def _same_meaning(case: Case, wanted: int) -> bool:
    changed = MEANING_CHANGED.get(case.op_type, 0) if case.domain == "ai.onnx" else 0
    own = schema_version(case.domain, case.op_type, case.opset) or 0
    return (own >= changed) == (wanted >= changed)


def _accepts(worker: Worker, model: bytes, seconds: float) -> bool:
    try:
        return not worker.call(check, model, seconds=seconds)
    except (DiedError, TimedOutError):
        return False


def _run(worker: Worker, case: Case, model: bytes, restamped: bool, seconds: float) -> CaseResult:
    outputs, outcome, reason = attempt(worker, run, model, case.feeds, seconds)
    if outcome is not Outcome.PASSED:
        return CaseResult(case.name, restamped, outcome, None, reason)
    compared = compare(outputs, case.outputs, fixed(case.rtol, case.atol))
    if not compared.problem:
        return CaseResult(case.name, restamped, Outcome.PASSED, compared.difference)
    if case.name in KNOWN_FAILURES:
        outcome, reason = Outcome.KNOWN, KNOWN_FAILURES[case.name]
    else:
        outcome, reason = Outcome.FAILED, compared.problem
    return CaseResult(case.name, restamped, outcome, compared.difference, reason)


def _record(
    plan: _Plan, cases: tuple[CaseResult, ...], opset: int, min_cases: int
) -> OperatorRecord:
    passed = [case.difference for case in cases if case.outcome is Outcome.PASSED]
    moved = sum(case.restamped for case in cases)
    evidence, reason = weigh(cases, min_cases)
    if plan.version is None:
        evidence, reason = Evidence.UNPROVEN, f"ONNX defines no such operator at opset {opset}"
    elif not cases:
        reason = f"no official case of schema version {plan.version}"
        reason += f"; the checker refuses {plan.refused} of other versions" if plan.refused else ""
    return OperatorRecord(
        plan.domain,
        plan.op_type,
        plan.version,
        "",
        0,
        len(cases) - moved,
        moved,
        plan.refused,
        evidence,
        reason,
        max((value for value in passed if value is not None), default=None),
        cases,
    )
