"""Run both sides on the same inputs and compare what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch

from onnxguard.base.printable import printable
from onnxguard.parity.report import Outcome, Referee, Trial
from onnxguard.parity.torch_reference import TorchReference
from onnxguard.parity.trace import Trace
from onnxguard.running.comparison import Named, compare, is_floating
from onnxguard.running.difference import Difference
from onnxguard.running.errors import RefusedError
from onnxguard.running.graph_file import OnnxModel
from onnxguard.running.inputs import (
    PROFILES,
    WANTED,
    Inputs,
    Shapes,
    draw,
    index_bounds,
    is_dynamic,
    odd_shapes,
    propose_shapes,
)
from onnxguard.running.session import Session

Feeds = dict[str, np.ndarray]


class Reference(Protocol):
    """What vouches for a graph: a PyTorch module or another graph."""

    @property
    def timed_out(self) -> bool:
        """Whether a run took too long and was stopped."""

    def run(self, feeds: Feeds) -> Named:
        """Give the outputs.

        Raises:
            RefusedError: it does not take these inputs.
            ParityError: OP001 or OP003, it cannot be a reference at all.
        """

    def trace(self, feeds: Feeds) -> Trace:
        """Give the outputs and every tensor on the way; it raises what ``run`` does."""


class Case(NamedTuple):
    """One set of inputs with what both sides answered; an answer is None where it was refused."""

    inputs: Inputs
    expected: Named | None
    actual: Named | None
    trial: Trial


def run_case(
    inputs: Inputs, reference: Reference, session: Session, model: OnnxModel, atol: float
) -> Case:
    """Run both sides once and compare."""
    expected, reference_said = _answer(reference.run, inputs)
    actual, model_said = _answer(session.run, inputs)
    outcome = Outcome.COMPARED
    differences: tuple[Difference, ...] = ()
    if expected is None and actual is None:
        outcome = Outcome.BOTH_REFUSED
    elif actual is None:
        outcome = Outcome.MODEL_REFUSED
    elif expected is None:
        outcome = Outcome.REFERENCE_REFUSED
    else:
        differences = tuple(compare_outputs(expected, actual, model, atol))
    trial = Trial(
        inputs.profile,
        inputs.seed,
        inputs.shapes,
        inputs.sha256,
        outcome,
        model_said,
        reference_said,
        differences,
    )
    return Case(inputs, expected, actual, trial)


def compare_outputs(
    expected: Named, actual: Named, model: OnnxModel, atol: float
) -> Iterator[Difference]:
    """Compare all outputs, by position; one too many or too few is a difference as well."""
    if len(expected) != len(actual):
        names = [printable(name) for name, _ in actual]
        message = f"the graph has {len(actual)} outputs, the reference gives {len(expected)}"
        yield Difference(", ".join(names), "", (), atol, "OP202", message, largest=float("inf"))
        return
    for declared, (_, ours), (_, theirs) in zip(model.outputs, expected, actual, strict=True):
        yield compare(declared.name, ours, theirs, atol)


def _answer(run: Callable[[Feeds], Named], inputs: Inputs) -> tuple[Named | None, str]:
    try:
        return run(inputs.arrays), ""
    except RefusedError as error:
        return None, str(error)


def generated_inputs(
    model: OnnxModel,
    shapes: Sequence[Shapes],
    trials: int,
    seed: int,
    refused: Callable[[], bool],
) -> Iterator[Inputs]:
    """Make profiles x shapes x seeds.

    Args:
        model: the graph.
        shapes: those to run; where there are none, the signature proposes some, one that both
            sides refuse is replaced by the next, and an odd one is tried as well.
        trials: how many seeds each shape and profile get.
        seed: the first.
        refused: whether both sides refused the inputs that were given last.
    """
    bounds = index_bounds(model.proto)
    wanted = len(shapes) or (WANTED if is_dynamic(model.inputs) else 1)
    compared = 0
    for sizes in shapes or propose_shapes(model.inputs):
        yield draw(model.inputs, sizes, PROFILES[0], seed, bounds)
        if not refused():
            compared += 1
            for profile in profiles(model):
                for number in range(trials):
                    if (profile, number) != (PROFILES[0], 0):
                        yield draw(model.inputs, sizes, profile, seed + number, bounds)
        if compared == wanted and not shapes:
            break
    odd = None if shapes else odd_shapes(model.inputs)
    if odd is not None:
        yield draw(model.inputs, odd, PROFILES[0], seed, bounds)


def profiles(model: OnnxModel) -> tuple[str, ...]:
    """All, or the first where no input is floating: integers are drawn alike in each."""
    floating = any(d.dtype.startswith(("float", "bfloat", "complex")) for d in model.inputs)
    return PROFILES if floating else PROFILES[:1]


def referee(case: Case, double: TorchReference) -> tuple[Referee, ...]:
    """Ask the reference in float64 how far each side is from it; nothing where it cannot say."""
    feeds = {
        name: array.astype(np.float64) if is_floating(array.dtype) else array
        for name, array in case.inputs.arrays.items()
    }
    try:
        truth = double.run(feeds, torch.float64)
    except RefusedError:
        return ()
    if case.expected is None or case.actual is None or len(truth) != len(case.actual):
        return ()
    verdicts = []
    for (_, exact), (_, ours), (name, theirs) in zip(
        truth, case.expected, case.actual, strict=True
    ):
        if exact.dtype != np.float64 or exact.shape != ours.shape or exact.shape != theirs.shape:
            continue
        if not all(np.isfinite(side).all() for side in (exact, ours, theirs)):
            continue
        noise, error = (
            float(np.abs(side.astype(np.float64) - exact).max(initial=0.0))
            for side in (ours, theirs)
        )
        verdicts.append(Referee(printable(name), noise, error))
    return tuple(verdicts)


def worst_case(cases: Sequence[Case]) -> Case | None:
    """The first case that both sides answered with the largest difference of all."""
    answered = [case for case in cases if case.expected is not None and case.actual is not None]
    return max(answered, key=lambda case: case.trial.largest, default=None)
