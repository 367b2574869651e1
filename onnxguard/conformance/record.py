"""What a conformance run found: plain values that any reporter can print."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import NamedTuple

from onnxguard.base.findings import operator_label


class Outcome(StrEnum):
    """What became of one case."""

    PASSED = "passed"
    KNOWN = "known failure"
    UNSUPPORTED = "unsupported"
    DISPUTED = "the referees disagree"
    UNJUDGED = "not judged"
    VACUOUS = "vacuous"
    FAILED = "failed"
    CRASHED = "crashed"
    TIMED_OUT = "timed out"

    @property
    def is_unexplained(self) -> bool:
        """Whether it fails the operator."""
        return self in {Outcome.FAILED, Outcome.CRASHED, Outcome.TIMED_OUT}


class Evidence(StrEnum):
    """What the cases of one operator amount to."""

    PROVEN = "proven"
    PARTIAL = "partial"
    UNPROVEN = "unproven"
    FAILED = "failed"


class Conclusion(StrEnum):
    """The verdict of a run; ``vacuous`` is one in which no case gave an answer."""

    PASS = "pass"
    FAIL = "fail"
    VACUOUS = "vacuous"


class Covered(NamedTuple):
    """Something of an operator that must be exercised before it is proven.

    Attributes:
        kind: attribute, dtype, input, rank, feature or refusal.
        item: what of it, such as ``mode: linear`` or ``T float16``.
        state: ``agreed``, ``no kernel`` where the runtime refuses it, or ``missing``.
    """

    kind: str
    item: str
    state: str


class Source(StrEnum):
    """Where a case comes from."""

    OFFICIAL = "official"
    OWN = "own"
    MODEL = "model"


class CaseResult(NamedTuple):
    """One case that was run.

    Attributes:
        name: the official or the generated case, or the route of a model's node; safe to print.
        restamped: whether the case was moved to another opset before it ran.
        outcome: what became of it.
        difference: the largest absolute difference of floating elements, in float64; None where
            none were compared.
        reason: why it did not pass, one line, safe to print.
        source: where it comes from.
    """

    name: str
    restamped: bool
    outcome: Outcome
    difference: float | None = None
    reason: str = ""
    source: Source = Source.OFFICIAL


class OperatorRecord(NamedTuple):
    """The evidence on one operator, or on one way in which a model uses it.

    Attributes:
        domain: ``ai.onnx`` for the default domain.
        version: of the schema that the opset uses; None where it defines no such operator.
        variant: a model's attributes, input dtypes, ranks, constants and number of outputs; ""
            for a list.
        nodes: how many nodes of the model are of this variant; 0 for a list.
        exact: official cases run that are of this schema version as they are.
        restamped: official cases run that are of it after they were moved to the opset.
        refused: official cases of other schema versions that could not be moved to the opset.
        evidence: proven, partial, unproven or failed.
        reason: why it is not proven, one line.
        worst: the largest ``difference`` of the cases that passed.
        cases: the cases run.
        coverage: what must be exercised for ``proven``, and whether it was; empty for a model.
    """

    domain: str
    op_type: str
    version: int | None
    variant: str
    nodes: int
    exact: int
    restamped: int
    refused: int
    evidence: Evidence
    reason: str
    worst: float | None
    cases: tuple[CaseResult, ...]
    coverage: tuple[Covered, ...] = ()

    @property
    def label(self) -> str:
        """``Resize`` or ``com.microsoft::Gelu``."""
        return operator_label(self.domain, self.op_type)

    @property
    def own(self) -> int:
        """How many cases were generated."""
        return sum(case.source is Source.OWN for case in self.cases)

    def count_of(self, outcome: Outcome) -> int:
        """How many cases ended so."""
        return sum(case.outcome is outcome for case in self.cases)

    def share(self, kind: str) -> tuple[int, int, int]:
        """Of a kind of coverage: how much agreed, has no kernel, and must be exercised."""
        states = Counter(covered.state for covered in self.coverage if covered.kind == kind)
        return states["agreed"], states["no kernel"], states.total()

    @property
    def failed(self) -> int:
        """How many cases failed without a reason that is known."""
        return sum(case.outcome.is_unexplained for case in self.cases)


class WholeGraph(NamedTuple):
    """A whole model, optimised as in production, against its nodes one by one.

    Attributes:
        outcome: passed, failed, or why nothing is known.
        difference: the largest absolute difference of the outputs, in float64.
        noise: how far the outputs move where the inputs move by their last bits.
        reason: why it did not pass, one line.
    """

    outcome: Outcome
    difference: float | None = None
    noise: float | None = None
    reason: str = ""


class Conformance(NamedTuple):
    """The evidence on every operator of a model or of a list.

    Attributes:
        kind: ``model`` or ``allowlist``.
        name: the model's path or the list's id, safe to print.
        sha256: of the model's bytes; "" for a list.
        opset: of the default domain.
        operators: sorted by domain and name.
        versions: ``(package, version)`` of what ran.
        inputs: ``(input, shape)`` that the model was run on; empty for a list.
        seed: of those inputs; None where they came from a file, or of a list.
        min_cases: how many cases must pass for ``proven``.
        require_proven: whether an unproven operator fails the run.
        seconds: wall clock.
        whole: of a model: the whole graph; None for a list.
    """

    kind: str
    name: str
    sha256: str
    opset: int
    operators: tuple[OperatorRecord, ...]
    versions: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[str, tuple[int, ...]], ...] = ()
    seed: int | None = None
    min_cases: int = 1
    require_proven: bool = False
    seconds: float = 0.0
    whole: WholeGraph | None = None

    @property
    def ran(self) -> int:
        """How many cases gave an answer: they passed, or failed."""
        return sum(case.outcome in _ANSWERS for record in self.operators for case in record.cases)

    def count_of(self, evidence: Evidence) -> int:
        """How many operators have this evidence."""
        return sum(record.evidence is evidence for record in self.operators)

    @property
    def conclusion(self) -> Conclusion:
        """Fail where an operator failed, or is unproven and must not be."""
        if not self.ran:
            return Conclusion.VACUOUS
        bad = self.count_of(Evidence.FAILED)
        bad += self.whole is not None and self.whole.outcome.is_unexplained
        if self.require_proven:
            bad += self.count_of(Evidence.UNPROVEN)
        return Conclusion.FAIL if bad else Conclusion.PASS

    @property
    def exit_code(self) -> int:
        """0 for pass, 1 for fail and vacuous."""
        return 0 if self.conclusion is Conclusion.PASS else 1


_ANSWERS = {
    Outcome.PASSED,
    Outcome.KNOWN,
    Outcome.DISPUTED,
    Outcome.FAILED,
    Outcome.CRASHED,
    Outcome.TIMED_OUT,
}
_OPEN = (Outcome.KNOWN, Outcome.DISPUTED, Outcome.UNJUDGED)
_SHOWN = 4
"""Items that a reason names."""


def weigh(
    cases: tuple[CaseResult, ...],
    min_cases: int = 1,
    coverage: tuple[Covered, ...] = (),
) -> tuple[Evidence, str]:
    """Say what cases of one schema version amount to, and why it is no proof.

    Args:
        cases: those that were run; none is unproven.
        min_cases: how many must have passed for ``proven``.
        coverage: what must have been exercised.
    """
    counts = Counter(case.outcome for case in cases)
    if any(outcome.is_unexplained for outcome in counts):
        first = next(case for case in cases if case.outcome.is_unexplained)
        return Evidence.FAILED, f"{first.name}: {first.reason}"
    passed = counts.pop(Outcome.PASSED, 0)
    if not passed:
        others = ", ".join(f"{count} {outcome.value}" for outcome, count in sorted(counts.items()))
        first_reason = next((f": {case.reason}" for case in cases if case.reason), "")
        return (
            Evidence.UNPROVEN,
            f"no case passed: {others}{first_reason}" if others else "no case ran",
        )
    for outcome in _OPEN:
        if counts[outcome]:
            first = next(case for case in cases if case.outcome is outcome)
            return Evidence.PARTIAL, f"{counts[outcome]} {outcome.value}: {first.reason}"
    missing = [
        f"{covered.kind} {covered.item}" for covered in coverage if covered.state == "missing"
    ]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        return Evidence.PARTIAL, f"not exercised: {', '.join(missing[:_SHOWN])}{more}"
    if passed < min_cases:
        return Evidence.PARTIAL, f"{passed} passed, fewer than {min_cases}"
    return Evidence.PROVEN, ""
