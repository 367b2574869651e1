"""The gates: what an exported student must be before anybody can use it."""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

from onnxguard.base.errors import OnnxguardError, TrainingError, UsageError
from onnxguard.base.progress import Step
from onnxguard.gating.candidate import Candidate
from onnxguard.gating.evaluation import Measured, measure, open_bytes
from onnxguard.gating.publishing import EVIDENCE
from onnxguard.model.facts import Facts, Value
from onnxguard.parity.check import check_parity
from onnxguard.parity.report import Outcome, ParityReport
from onnxguard.parity.settings import ATOL
from onnxguard.scanning.report import Report
from onnxguard.scanning.scan import scan_bytes
from onnxguard.students.records import Gate
from onnxguard.students.store import Store
from onnxguard.students.student import Student

IOU_APART = 0.01
"""How far the IoU of the graph may be from the training's, which saw the same images in PyTorch."""
SAMPLES = 12
"""Images of the contact sheet."""


class Limits(NamedTuple):
    """What the gates ask for.

    Attributes:
        allowlist: the id of a list or a path to one, None for the student's own.
        atol: the largest difference from PyTorch.
        mutants: damaged graphs that the parity check is tried on, 0 for none.
        kill_rate: the share of them that it must notice, 0 to 1.
        min_iou: the least validation IoU; None: more than any trivial answer's.
    """

    allowlist: str | None = None
    atol: float = ATOL
    mutants: int = 60
    kill_rate: float = 0.9
    min_iou: float | None = None


class Judged(NamedTuple):
    """What the gates found.

    Attributes:
        gates: in order.
        scan: the scan's report.
        parity: the parity check's, None where it was not reached.
        measured: on the validation images, None where the graph was not run.
    """

    gates: tuple[Gate, ...]
    scan: Report
    parity: ParityReport | None
    measured: Measured | None


def judge(
    candidate: Candidate,
    student: Student,
    parameters: int,
    validation: Store,
    crop: int,
    limits: Limits,
    step: Step,
    trained_iou: float | None = None,
) -> Judged:
    """Try a candidate on every gate; a graph that fails the scan or the contract is not run.

    Args:
        candidate: what is judged are its bytes; evidence is left beside its graph.
        student: what it must be.
        parameters: trainable ones that the network has.
        validation: held-out images.
        crop: the side of their centre crop.
        limits: what is asked for.
        step: told of progress.
        trained_iou: of the best epoch, as the training's history has it; None where there is none.
    """
    allowlist = limits.allowlist or student.allowlist
    path = candidate.graph
    report = scan_bytes(candidate.graph_data, path, allowlist, path)
    gates = [_scan_gate(report), _contract_gate(report.facts, student, parameters)]
    if not all(gate.passed for gate in gates):
        said = "not run: the graph did not pass the gates before"
        gates += [Gate("parity", None, said), Gate("iou", None, said)]
        return Judged(tuple(gates), report, None, None)
    measured: Measured | None
    parity = _parity(candidate, student, limits, step)
    gates.append(_parity_gate(parity))
    try:
        opened = open_bytes(candidate.graph_data, path, allowlist)
        measured = measure(opened, validation, crop, samples=SAMPLES, step=step)
        gates.append(_iou_gate(measured, limits.min_iou, trained_iou))
    except UsageError as error:
        measured = None
        gates.append(Gate("iou", False, "nothing could be measured", (str(error),)))
    return Judged(
        tuple(gates), report, parity if isinstance(parity, ParityReport) else None, measured
    )


def _scan_gate(report: Report) -> Gate:
    problems = tuple(f"{f.code} {f.message}" for f in report.findings if f.fails)
    nodes = report.facts.nodes if report.facts else 0
    said = f"{nodes} nodes, judged by {report.allowlist}: {report.verdict.value}"
    return Gate("scan", report.passed, said, problems)


def _contract_gate(facts: Facts | None, student: Student, parameters: int) -> Gate:
    if facts is None:
        return Gate("contract", False, "the graph could not be read")
    problems = []
    operators = tuple(sorted(use.label for use in facts.operators))
    opsets = [(entry.domain, entry.version) for entry in facts.opset_imports]
    for what, found, wanted in (
        ("parameters", f"{parameters:,}", f"{student.parameters:,}"),
        ("operators", " ".join(operators), " ".join(student.operators)),
        ("opset", str(opsets), str([("ai.onnx", student.opset)])),
        ("inputs", _values(facts.inputs), f"{student.input_name} float32 1x3xHxW"),
        ("outputs", _values(facts.outputs), f"{student.output_name} float32 1x1xHxW"),
        ("files of external data", str(len(facts.external_data)), "0"),
        ("functions", str(len(facts.functions)), "0"),
    ):
        if found != wanted:
            problems.append(f"{what}: {found} instead of {wanted}")
    said = (
        f"opset {student.opset}, {parameters:,} parameters, {_values(facts.inputs)} to "
        f"{_values(facts.outputs)}"
    )
    return Gate("contract", not problems, said, tuple(problems))


def _values(values: tuple[Value, ...]) -> str:
    return ", ".join(f"{v.name} {v.dtype} {dims_of(v)}" for v in values) or "none"


def dims_of(value: Value) -> str:
    """``1x3xHxW``."""
    return "x".join("?" if dim is None else str(dim) for dim in value.dims or ())


def _parity(
    candidate: Candidate, student: Student, limits: Limits, step: Step
) -> ParityReport | OnnxguardError:
    evidence = os.path.join(os.path.dirname(candidate.graph), EVIDENCE)
    try:
        report = check_parity(
            candidate.graph,
            f"student:{student.name}",
            weights=candidate.weights,
            opset=student.opset,
            atol=limits.atol,
            mutants=limits.mutants,
            kill_rate=limits.kill_rate,
            save=evidence,
            step=step,
        )
    except OnnxguardError as error:
        return error
    read = report.identity
    if read is None or (read.model_sha256, read.weights_sha256) != candidate.digests:
        return TrainingError("the candidate's files changed meanwhile: another process writes them")
    if report.passed:
        shutil.rmtree(evidence)
    return report


def _parity_gate(parity: ParityReport | OnnxguardError) -> Gate:
    if isinstance(parity, OnnxguardError):
        return Gate("parity", False, "nothing could be compared", (str(parity),))
    proof = parity.proof
    proved = f", {proof.killed} of {proof.mutants} damaged graphs noticed" if proof else ""
    said = (
        f"largest difference {parity.largest:.1e} where {parity.atol:g} is allowed, "
        f"{compared(parity)} trials, {parity.nodes.checked} nodes alone{proved}"
    )
    problems = tuple(f"{f.code} {f.message}" for f in parity.findings if f.fails)
    return Gate("parity", parity.passed, said, problems)


def compared(parity: ParityReport) -> int:
    """How many sets of inputs both sides took."""
    return sum(trial.outcome is Outcome.COMPARED for trial in parity.trials)


def _iou_gate(measured: Measured, floor: float | None, trained: float | None) -> Gate:
    iou = measured.measures.iou
    best, trivial = max(measured.baselines, key=lambda baseline: baseline[1])
    if floor is None:
        wanted, passed = f"more than {trivial:.4f} of the trivial answer {best}", iou > trivial
    else:
        wanted, passed = f"at least {floor:.4f}", iou >= floor
    said = f"validation IoU {iou:.4f} on {measured.measures.images} images, {wanted} is asked for"
    problems = [] if passed else [f"IoU {iou:.4f} is not {wanted}"]
    if trained is not None and not abs(iou - trained) <= IOU_APART:
        problems.append(
            f"IoU {iou:.4f} is not the {trained:.4f} of the epoch that was exported: the history "
            "is not that of these weights; train it anew"
        )
    return Gate("iou", not problems, said, tuple(problems))
