"""What a parity check says: plain values, so that a reporter needs neither NumPy nor PyTorch."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from onnxguard.base.errors import UsageError
from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.catalogue import Rule
from onnxguard.running.difference import Difference


class ParityVerdict(StrEnum):
    """What became of a comparison; ``vacuous`` is a pass that would mean nothing."""

    PASS = "pass"
    FAIL = "fail"
    VACUOUS = "vacuous"
    ERROR = "error"

    @property
    def exit_code(self) -> int:
        """0 where the graph may go on, 1 where it may not, 2 where nothing was compared."""
        return {"pass": 0, "fail": 1, "vacuous": 1, "error": 2}[self.value]


class Outcome(StrEnum):
    """What became of one trial."""

    COMPARED = "compared"
    BOTH_REFUSED = "both-refused"
    MODEL_REFUSED = "model-refused"
    REFERENCE_REFUSED = "reference-refused"
    NO_EVIDENCE = "no-evidence"


class Identity(NamedTuple):
    """What exactly was compared with what, so that a report cannot be about another file.

    Attributes:
        model_sha256: of the very bytes that were run.
        model_bytes: how many they are.
        external: ``(location, sha256)`` of each external data file.
        reference: the reference as the user named it.
        reference_sha256: of its file, empty where it is a callable.
        weights: the weights' file as the user named it, may be empty.
        weights_sha256: of that file.
        inputs: ``(path, sha256)`` of each file of inputs.
        opset: the version of the default domain, 0 where none is imported.
        ir_version: the model's.
        producer: the model's.
        provider: the provider that was asked for.
        providers: those that were active, in order.
        optimization_level: of ONNX Runtime's graph optimisations.
        placement: ``(provider, nodes that it ran)`` where it was measured.
        versions: ``(package, version)``.
        platform: operating system, machine and Python.
    """

    model_sha256: str
    model_bytes: int
    external: tuple[tuple[str, str], ...]
    reference: str
    reference_sha256: str
    weights: str
    weights_sha256: str
    inputs: tuple[tuple[str, str], ...]
    opset: int
    ir_version: int
    producer: str
    provider: str
    providers: tuple[str, ...]
    optimization_level: str
    placement: tuple[tuple[str, int], ...]
    versions: tuple[tuple[str, str], ...]
    platform: str


class Referee(NamedTuple):
    """What the reference in float64 says of one output: how much of a difference is noise.

    Attributes:
        output: its name.
        reference_error: the largest ``|reference in float32 - reference in float64|``.
        model_error: the largest ``|model - reference in float64|``.
    """

    output: str
    reference_error: float
    model_error: float


class Trial(NamedTuple):
    """One set of inputs and what both sides made of it.

    Attributes:
        profile: how the inputs were made: noise, image, large, or the name of a file.
        seed: of the inputs, -1 for a file's.
        shapes: ``(input, shape)``.
        inputs_sha256: of all inputs together.
        outcome: compared, or which side refused, or that float32 itself fails on these inputs.
        model_said: the model's refusal in one line.
        reference_said: the reference's.
        differences: of each output, in the model's order.
        referees: of each floating output, where it was asked.
    """

    profile: str
    seed: int
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    inputs_sha256: str
    outcome: Outcome
    model_said: str = ""
    reference_said: str = ""
    differences: tuple[Difference, ...] = ()
    referees: tuple[Referee, ...] = ()

    @property
    def largest(self) -> float:
        """The largest difference of any output, those aside that pass as rounding."""
        return max((d.largest for d in self.differences if not d.eased), default=0.0)

    @property
    def shape_text(self) -> str:
        """``input 1x3x64x96, flag scalar``, much as ``--shape`` takes it."""
        return shapes_text(self.shapes)


def shapes_text(shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> str:
    """``input 1x3x64x96, flag scalar``."""
    return ", ".join(f"{name} {'x'.join(map(str, shape)) or 'scalar'}" for name, shape in shapes)


class NodeCheck(NamedTuple):
    """One node, run alone on the reference's tensors.

    Attributes:
        node: its name, or its place where it has none.
        operator: its operator.
        module: the part of the reference that it was compared with.
        suspects: the nodes that may be at fault: this one, and those before it that had no
            counterpart and whose values it was fed.
        difference: from the reference's tensor.
    """

    node: str
    operator: str
    module: str
    suspects: tuple[str, ...]
    difference: Difference


class NodePass(NamedTuple):
    """The node-local pass.

    Attributes:
        ran: whether it was done.
        reason: in one line why not, or not for all nodes; may be empty.
        nodes: nodes of the main graph that compute something from the inputs.
        checked: those that were compared with a tensor of the reference.
        covered: those without a counterpart whose values went into one that was compared.
        unchecked: the names of the others.
        worst: the check with the largest difference in relation to its tolerance.
        wrong: every check beyond its tolerance, in the graph's order.
        ranked: the checks with the largest differences in relation to their tolerances.
    """

    ran: bool
    reason: str = ""
    nodes: int = 0
    checked: int = 0
    covered: int = 0
    unchecked: tuple[str, ...] = ()
    worst: NodeCheck | None = None
    wrong: tuple[NodeCheck, ...] = ()
    ranked: tuple[NodeCheck, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether all nodes that can be compared were, and are right."""
        return self.ran and not self.wrong and not self.reason


class Weights(NamedTuple):
    """The graph's weights of some size, floats and integers, beside the reference's tensors.

    Attributes:
        weights: how many there are.
        matched: those that are the reference's.
        ways: ``(how, weights)``: as they are, transposed, rounded, folded with a norm, rearranged.
    """

    weights: int = 0
    matched: int = 0
    ways: tuple[tuple[str, int], ...] = ()


class Tried(NamedTuple):
    """What the trials reached of something that has an extent.

    Attributes:
        what: ``values``, ``defaults``, ``sizes``, ``rows`` or ``branches``.
        name: of the input, the dim, the table or the node, safe to print.
        reached: how many of them, as the trials show.
        extent: how many there are, 0 where that is not known.
        said: which, in a few words.
    """

    what: str
    name: str
    reached: int
    extent: int
    said: str


class Survivor(NamedTuple):
    """A mutant that the check did not notice.

    Attributes:
        mutation: what was done to it.
        node: where.
    """

    mutation: str
    node: str


class Proof(NamedTuple):
    """What the check made of graphs that were damaged on purpose.

    Attributes:
        mutants: how many there were.
        killed: how many of them did not pass.
        required: the least share that must be killed, in 0..1.
        kinds: ``(mutation, mutants, killed)``.
        survivors: those that passed.
        equal: others, which load not or give what the original gives on all inputs: not counted.
    """

    mutants: int
    killed: int
    required: float
    kinds: tuple[tuple[str, int, int], ...]
    survivors: tuple[Survivor, ...]
    equal: int = 0

    @property
    def rate(self) -> float:
        """The share that was killed, 0 to 1."""
        return self.killed / self.mutants if self.mutants else 0.0


class Picture(NamedTuple):
    """One image-like output, drawn.

    Attributes:
        output: its name.
        shows: reference, model or difference.
        png: the file.
        low: the value that is drawn black.
        high: the value that is drawn white.
    """

    output: str
    shows: str
    png: bytes
    low: float
    high: float


class ParityReport(NamedTuple):
    """Everything that a parity check has to say about one graph and its reference.

    Attributes:
        path: the model as the user named it, safe to print.
        reference: the reference as the user named it, safe to print.
        atol: the largest absolute difference that passes, where no output has its own.
        verdict: pass, fail, vacuous or error.
        findings: every finding, errors first.
        identity: what was compared, None where it could not be loaded.
        trials: in the order in which they ran.
        nodes: the node-local pass.
        proof: the mutants, None unless they were asked for.
        remarks: what a reader should know, one line each.
        pictures: of the trial with the largest difference, where they were asked for.
        seconds: wall clock, imports not counted.
        tolerance: what may differ: ``exact``, or ``rounding`` beyond that.
        weights: of the graph beside the reference's; None where it holds none.
        coverage: what the trials reached.
        outputs: those that were compared, where not all were to be.
    """

    path: str
    reference: str
    atol: float
    verdict: ParityVerdict
    findings: tuple[Finding, ...]
    identity: Identity | None = None
    trials: tuple[Trial, ...] = ()
    nodes: NodePass = NodePass(ran=False)
    proof: Proof | None = None
    remarks: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    seconds: float = 0.0
    tolerance: str = "exact"
    weights: Weights | None = None
    coverage: tuple[Tried, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the graph may go on."""
        return self.verdict is ParityVerdict.PASS

    @property
    def largest(self) -> float:
        """The largest difference of any output in any trial, where rounding is not let pass."""
        return max((t.largest for t in self.trials), default=0.0)


def unusable(path: str, reference: str, atol: float, rule: Rule, message: str) -> ParityReport:
    """The report about a pair of which one side could not be loaded."""
    finding = Finding(rule.code, Severity.ERROR, message, (Place("model", 0, 0),), hint=rule.fix)
    return ParityReport(path, reference, atol, ParityVerdict.ERROR, (finding,))


def exit_code(reports: tuple[ParityReport, ...]) -> int:
    """The worst of all reports; 2 where there is none."""
    return max((report.verdict.exit_code for report in reports), default=2)


class EvidenceError(UsageError):
    """The evidence could not be written; the report that it belongs to is whole."""

    def __init__(self, message: str, report: ParityReport) -> None:
        super().__init__(message)
        self.report = report
