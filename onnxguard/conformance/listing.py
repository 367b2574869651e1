"""``conform --allowlist``: official cases and our own, at the schema versions of one opset."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from onnx import defs

from onnxguard.base.errors import UsageError
from onnxguard.base.findings import operator_label
from onnxguard.base.printable import printable
from onnxguard.conformance.attempt import CASE_SECONDS, Progress, attempt, start
from onnxguard.conformance.cases import (
    LATEST_OPSET,
    domain_versions,
    schema_version,
    short_domain,
)
from onnxguard.conformance.comparison import fixed
from onnxguard.conformance.coverage import Shown, cover, exercised, required
from onnxguard.conformance.evaluators import check, run
from onnxguard.conformance.known import RANDOM_CASES
from onnxguard.conformance.official import Chosen, choose
from onnxguard.conformance.own.building import OwnCase, own_cases
from onnxguard.conformance.own.draft import RECIPES
from onnxguard.conformance.record import (
    CaseResult,
    Conformance,
    Covered,
    Evidence,
    OperatorRecord,
    Outcome,
    Source,
    weigh,
)
from onnxguard.conformance.referees import OFFICIAL, Answer, Judged, use_of
from onnxguard.conformance.saved import Saved
from onnxguard.conformance.trial import deviation, trial
from onnxguard.policy.allowlist import Allowlist
from onnxguard.policy.registry import load_allowlist
from onnxguard.running.child import DiedError, TimedOutError, Worker

OPSET = 17
"""The opset that is asked about unless another is named."""


class _Plan(NamedTuple):
    """An operator and the cases to run; how many official ones were refused."""

    domain: str
    op_type: str
    schema: defs.OpSchema | None
    official: list[Chosen]
    own: tuple[OwnCase, ...]
    refused: int
    admits: Callable[[str], bool]

    @property
    def size(self) -> int:
        """How many cases there are."""
        return len(self.official) + len(self.own)


def conform_allowlist(
    allowlist: str | Allowlist,
    opset: int = OPSET,
    *,
    operators: Iterable[str] = (),
    min_cases: int = 1,
    case_seconds: float = CASE_SECONDS,
    results: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Conformance:
    """Gather evidence on every operator that a list allows at an opset.

    Args:
        allowlist: an id, a path, or a list that was loaded.
        opset: of the default domain; other domains are taken as they were released with it.
        operators: the labels of those to look at; all of the list where there are none.
        min_cases: how many cases must pass for ``proven``.
        case_seconds: how long one case may take.
        results: a file that each operator's record is written to as soon as there is one.
        resume: whether records that ``results`` holds are taken from there.
        progress: is told after each case how many are done, and of how many.

    Raises:
        UsageError: the installed onnx has no such opset, the list no such operator, or the results
            are of another run.
        AllowlistError: the list cannot be used.
        OnnxguardError: ONNX Runtime does not start.
    """
    policy = allowlist if isinstance(allowlist, Allowlist) else load_allowlist(allowlist)
    if not 1 <= opset <= LATEST_OPSET:
        raise UsageError(
            f"`opset` {opset}: the installed onnx knows the opsets 1 to {LATEST_OPSET}"
        )
    chosen = _chosen(policy, opset, tuple(operators))
    started = time.perf_counter()
    with Worker() as worker:
        versions = start(worker)
        settings = {"list": policy.id, "opset": opset, "versions": dict(versions),
                    "dtypes": str(policy.dtypes), "min_cases": min_cases,
                    "case_seconds": case_seconds}  # fmt: skip
        with Saved(results, settings, resume) as saved:
            pending = [key for key in chosen if operator_label(*key) not in saved.records]
            plans = [_planned(policy, key, opset, worker, case_seconds) for key in pending]
            total, done = sum(plan.size for plan in plans), 0
            for plan in plans:
                shown = []
                for result, items in _results(worker, plan, case_seconds):
                    shown.append((result, items))
                    done += 1
                    if progress is not None:
                        progress(done, total)
                saved.add(_record(plan, shown, opset, min_cases))
            records = tuple(saved.records[operator_label(*key)] for key in chosen)
    return Conformance(
        "allowlist",
        printable(policy.id),
        "",
        opset,
        records,
        versions,
        min_cases=min_cases,
        seconds=time.perf_counter() - started,
    )


def _chosen(policy: Allowlist, opset: int, labels: tuple[str, ...]) -> list[tuple[str, str]]:
    keys = [key for key in sorted(policy.entries) if _allows(policy, key, opset)]
    known = {operator_label(*key): key for key in keys}
    for label in labels:
        if label not in known:
            raise UsageError(
                f"`operators` {printable(label)}: {printable(policy.id)} allows none of that name "
                f"at opset {opset}"
            )
    return [known[label] for label in sorted(set(labels))] if labels else keys


def _allows(policy: Allowlist, key: tuple[str, str], opset: int) -> bool:
    version = domain_versions(opset).get(key[0])
    return version is None or any(version in entry.opset for entry in policy.entries[key])


def _planned(
    policy: Allowlist, key: tuple[str, str], opset: int, worker: Worker, seconds: float
) -> _Plan:
    domain, op_type = key
    own_opset = domain_versions(opset).get(domain)
    version = None if own_opset is None else schema_version(domain, op_type, own_opset)
    admits = partial(_admits, policy, key)
    if own_opset is None or version is None:
        return _Plan(domain, op_type, None, [], (), 0, admits)
    schema = defs.get_schema(op_type, own_opset, short_domain(domain))
    official, refused = choose(schema, domain, opset, partial(_accepts, worker, seconds))
    own = own_cases(op_type, opset, admits) if domain == "ai.onnx" else ()
    return _Plan(domain, op_type, schema, official, own, refused, admits)


def _admits(policy: Allowlist, key: tuple[str, str], dtype: str) -> bool:
    """Whether a list lets an operator work on a dtype."""
    rules = [policy.dtypes, *(entry.dtypes for entry in policy.entries[key])]
    return all(rule is None or rule.admits(dtype) for rule in rules)


def _accepts(worker: Worker, seconds: float, model: bytes) -> bool:
    try:
        return not worker.call(check, model, seconds=seconds)
    except (DiedError, TimedOutError):
        return False


Result = tuple[CaseResult, Shown]


def _results(worker: Worker, plan: _Plan, seconds: float) -> Iterable[Result]:
    for chosen in plan.official:
        yield _official(worker, plan, chosen, seconds)
    for case in plan.own:
        yield _own(worker, plan, case, seconds)


def _official(worker: Worker, plan: _Plan, chosen: Chosen, seconds: float) -> Result:
    assert plan.schema is not None  # noqa: S101 - a plan without a schema has no cases
    case = chosen.case
    use = use_of(plan.op_type, int(plan.schema.since_version), chosen.model, case.feeds)
    said = Answer(OFFICIAL, case.outputs)
    if case.name in RANDOM_CASES:
        judged = Judged(Outcome.VACUOUS, None, "its expected outputs are drawn at random")
    else:
        judged = trial(
            worker, chosen.model, case.feeds, use, seconds,
            official=said, allowed=fixed(case.rtol, case.atol), domain=plan.domain,
        )  # fmt: skip
    judged = deviation(judged, use)
    node = case.model.graph.node[0]
    fed = iter(case.inputs)
    inputs = [next(fed, None) if name else None for name in node.input]
    outputs = [str(getattr(getattr(value, "dtype", None), "name", "")) for value in case.outputs]
    items = exercised(plan.schema, node, inputs, outputs)
    result = CaseResult(
        case.name, chosen.restamped, judged.outcome, judged.difference, judged.reason
    )
    return result, Shown(items, judged.outcome)


def _own(worker: Worker, plan: _Plan, case: OwnCase, seconds: float) -> Result:
    assert plan.schema is not None  # noqa: S101 - a plan without a schema has no cases
    use = use_of(plan.op_type, int(plan.schema.since_version), case.model, case.feeds)
    if case.forbids:
        judged = _must_refuse(worker, case, seconds)
    else:
        judged = trial(worker, case.model, case.feeds, use, seconds)
    if judged.reason and judged.outcome is not Outcome.UNSUPPORTED:
        judged = judged._replace(reason=f"{case.shown}: {judged.reason}")
    judged = deviation(judged, use)
    result = CaseResult(
        case.name, False, judged.outcome, judged.difference, judged.reason, Source.OWN
    )
    return result, Shown(case.covers, judged.outcome)


def _must_refuse(worker: Worker, case: OwnCase, seconds: float) -> Judged:
    _, outcome, reason = attempt(worker, run, case.model, case.feeds, seconds)
    if outcome in {Outcome.FAILED, Outcome.UNSUPPORTED}:
        return Judged(Outcome.PASSED, None, "")
    if outcome is Outcome.PASSED:
        return Judged(Outcome.FAILED, None, f"ONNX Runtime takes {case.forbids}")
    return Judged(outcome, None, reason)


def _record(plan: _Plan, results: list[Result], opset: int, min_cases: int) -> OperatorRecord:
    cases = tuple(result for result, _ in results)
    coverage: tuple[Covered, ...] = ()
    if plan.schema is not None:
        wanted = required(plan.schema, plan.admits)
        wanted += tuple(
            dict.fromkeys(("refusal", case.forbids) for case in plan.own if case.forbids)
        )
        coverage = cover(wanted, [shown for _, shown in results])
    passed = [case.difference for case in cases if case.outcome is Outcome.PASSED]
    moved = sum(case.restamped for case in cases)
    evidence, reason = weigh(cases, min_cases, coverage)
    if plan.schema is None:
        reason = f"ONNX defines no such operator at opset {opset}"
    elif not cases:
        reason = f"no case of schema version {plan.schema.since_version}"
        reason += f"; the checker refuses {plan.refused} of other versions" if plan.refused else ""
    elif evidence is Evidence.PROVEN and plan.op_type not in RECIPES:
        evidence, reason = Evidence.PARTIAL, "there are official cases alone"
    return OperatorRecord(
        plan.domain,
        plan.op_type,
        None if plan.schema is None else int(plan.schema.since_version),
        "",
        0,
        len(plan.official) - moved,
        moved,
        plan.refused,
        evidence,
        reason,
        max((value for value in passed if value is not None), default=None),
        cases,
        coverage,
    )
