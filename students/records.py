"""What training, gating and evaluating have to say: plain values that any reporter can print.

Every string is safe to print. IoU and the other measures lie in 0..1; times are seconds of wall
clock.
"""

from __future__ import annotations

from typing import NamedTuple

from onnxguard.students.history import Epoch
from onnxguard.students.measures import Measures


class Gate(NamedTuple):
    """One thing that a candidate has to be before it is put in place.

    Attributes:
        name: scan, contract, parity or iou.
        passed: None where it was not reached, because an earlier gate forbids to run the graph.
        summary: one line: what was found.
        problems: why it did not pass, one line each.
    """

    name: str
    passed: bool | None
    summary: str
    problems: tuple[str, ...] = ()


class DataFacts(NamedTuple):
    """The data set that a student was trained on.

    Attributes:
        name: its layout, such as DUTS-TR, or generated.
        sha256: of the names and contents of all its pairs.
        pairs: how many there are, bad ones included.
        training: how many were trained on.
        validation: how many were held out.
        split_seed: what shuffled them.
        skipped: ``(pair, why)``.
        held_out: the names of those that were held out.
        shared: ``(held out, trained on)``: pairs whose images have the same bytes.
    """

    name: str
    sha256: str
    pairs: int
    training: int
    validation: int
    split_seed: int
    skipped: tuple[tuple[str, str], ...] = ()
    held_out: tuple[str, ...] = ()
    shared: tuple[tuple[str, str], ...] = ()


class ParityFigures(NamedTuple):
    """What the parity check of a candidate showed.

    Attributes:
        verdict: pass, fail, vacuous or error.
        atol: the largest absolute difference that passes.
        largest: the largest that there was.
        trials: sets of inputs that were compared.
        nodes: nodes that were run alone.
        mutants: damaged graphs that were tried, 0 where none was.
        killed: those that were noticed.
    """

    verdict: str
    atol: float
    largest: float
    trials: int
    nodes: int
    mutants: int
    killed: int


class Card(NamedTuple):
    """Everything that is known about a candidate: the model card.

    Attributes:
        student: its name.
        parameters: trainable ones.
        made: the day, ISO 8601.
        gates: in the order in which they were tried.
        data: what it was trained on.
        recipe: ``(option, value)``.
        epochs: the training's history.
        best_epoch: the one that was exported, from 1.
        measures: of the graph in ONNX Runtime on the validation images; None where it was not run.
        baselines: ``(answer, IoU)`` of trivial answers on the same images.
        size: bytes of the graph's file.
        sha256: of the graph's file.
        weights_sha256: of the safetensors file.
        opset: of the graph.
        ir_version: of the graph.
        inputs: ``(name, dtype, dims)``, dims as ``1x3xHxW``.
        outputs: the same.
        multiple: H and W must be multiples of it.
        operators: ``(operator, count)``.
        constants: ``(output, dtype, shape, value)`` of each Constant node.
        allowlist: the id of the list that it was judged by.
        scan_verdict: pass, fail or error.
        parity: None where it was not run.
        versions: ``(package, version)``.
        hardware: ``(what, which)``, such as device, processor, cores.
        seconds: ``(phase, seconds)``.
    """

    student: str
    parameters: int
    made: str
    gates: tuple[Gate, ...]
    data: DataFacts
    recipe: tuple[tuple[str, str], ...]
    epochs: tuple[Epoch, ...]
    best_epoch: int
    measures: Measures | None
    baselines: tuple[tuple[str, float], ...]
    size: int
    sha256: str
    weights_sha256: str
    opset: int
    ir_version: int
    inputs: tuple[tuple[str, str, str], ...]
    outputs: tuple[tuple[str, str, str], ...]
    multiple: int
    operators: tuple[tuple[str, int], ...]
    constants: tuple[tuple[str, str, str, str], ...]
    allowlist: str
    scan_verdict: str
    parity: ParityFigures | None
    versions: tuple[tuple[str, str], ...]
    hardware: tuple[tuple[str, str], ...]
    seconds: tuple[tuple[str, float], ...]

    @property
    def passed(self) -> bool:
        """Whether every gate was reached and passed."""
        return all(gate.passed for gate in self.gates)


class Evaluation(NamedTuple):
    """What a graph makes of a data set.

    Attributes:
        model: the path as the user named it, safe to print.
        sha256: of its file.
        data: the data set's layout.
        data_sha256: of the names and contents of the pairs that were measured.
        side: the shorter side that images were resized to, 0 where they were not.
        crop: the side of the centre crop, 0 for whole images cut to multiples of 8.
        stretched: whether every prediction was stretched to fill 0..1 first.
        skipped: ``(pair, why)``.
        measures: over all images.
        baselines: ``(answer, IoU)`` of trivial answers on the same images.
        seconds: of the whole evaluation.
    """

    model: str
    sha256: str
    data: str
    data_sha256: str
    side: int
    crop: int
    stretched: bool
    skipped: tuple[tuple[str, str], ...]
    measures: Measures
    baselines: tuple[tuple[str, float], ...]
    seconds: float


class AblationRun(NamedTuple):
    """One student, trained from one seed.

    Attributes:
        student: its name.
        seed: of the weights and the sampling.
        parameters: trainable ones.
        iou: the best epoch's on the validation images, in PyTorch.
        best_epoch: from 1.
        operators: of its graph, sorted.
        verdicts: ``(allowlist, pass | fail | error)``, the older list first.
        seconds: of its training.
    """

    student: str
    seed: int
    parameters: int
    iou: float
    best_epoch: int
    operators: tuple[str, ...]
    verdicts: tuple[tuple[str, str], ...]
    seconds: float


class Ablation(NamedTuple):
    """Students that differ in one thing, trained alike.

    Attributes:
        data: what all of them were trained on.
        recipe: ``(option, value)``, without the seed.
        runs: every student with every seed, students in order.
        baselines: ``(answer, IoU)`` of trivial answers on the validation images.
        versions: ``(package, version)``.
        hardware: ``(what, which)``.
    """

    data: DataFacts
    recipe: tuple[tuple[str, str], ...]
    runs: tuple[AblationRun, ...]
    baselines: tuple[tuple[str, float], ...]
    versions: tuple[tuple[str, str], ...]
    hardware: tuple[tuple[str, str], ...]
