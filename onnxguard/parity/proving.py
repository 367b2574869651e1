"""``--prove``: the share of damaged graphs that the check notices."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

import numpy as np
import onnx

from onnxguard.base.errors import UsageError
from onnxguard.base.progress import Step
from onnxguard.parity.arbiter import Arbiter
from onnxguard.parity.collector import Found
from onnxguard.parity.judging import judge_weights
from onnxguard.parity.loading import Sides, open_session
from onnxguard.parity.mutants import DAMAGED, mutants
from onnxguard.parity.node_pass import NodePasser
from onnxguard.parity.report import Proof, Survivor
from onnxguard.parity.settings import Settings
from onnxguard.parity.trials import MEMORY, Case, compare_outputs
from onnxguard.parity.weights import WeightMatcher
from onnxguard.running.comparison import Named, distances, is_floating
from onnxguard.running.drawing import draw
from onnxguard.running.errors import ParityError, RefusedError, TimeLimitError
from onnxguard.running.inputs import Inputs, Shapes, elements_of, more_shapes
from onnxguard.running.profiles import EASED, NAMES
from onnxguard.running.ranges import meeting
from onnxguard.running.session import Session

_ANEW = 2_000_003
"""Added to a seed where inputs are drawn to see whether damage can matter at all."""
_SHAPES = 3
_LONGEST = 4096
_SLIGHT = 1e-6
"""What two runs of one graph may differ by, of the largest value."""


class Gate:
    """The check as it was run on the original, ready to be run on others.

    Args:
        sides: the original, and what vouches for it.
        cases: what was compared, with the reference's answers.
        passer: the node-local pass, None where it was not run.
        matcher: the comparison of weights.
        settings: the tolerances.
        arbiter: gives the second opinion on what differs.
    """

    def __init__(
        self,
        sides: Sides,
        cases: Sequence[Case],
        passer: NodePasser | None,
        matcher: WeightMatcher,
        settings: Settings,
        arbiter: Arbiter,
    ) -> None:
        self._sides = sides
        self._cases = [case for case in cases if case.expected is not None]
        self._passer = passer
        self._matcher = matcher
        self._settings = settings
        self._arbiter = arbiter
        # Where rounding grew far out, every graph would be noticed, the original too.
        self._telling = [c for c in self._cases if self._agrees(c.actual or (), c)]
        self._fresh: list[tuple[Inputs, Named | None]] = []
        self._pending = _fresh_inputs(sides, self._cases, settings)

    def passes(self, proto: onnx.ModelProto) -> bool | None:
        """Whether a graph would have passed in the original's place; None: it does not load."""
        try:
            if self._passer is not None and self._passer.run(proto).summary.wrong:
                return False
            if self._names_weights(proto):
                return False
            session = self._open(proto)
            runs = ((session.run(case.inputs.arrays), case) for case in self._telling)
            return all(self._agrees(actual, case) for actual, case in runs)
        except ParityError:
            return None
        except (RefusedError, TimeLimitError):
            return False

    def _open(self, proto: onnx.ModelProto) -> Session:
        return open_session(self._sides.model, proto.SerializeToString(), self._settings)

    def _names_weights(self, proto: onnx.ModelProto) -> bool:
        """Whether the comparison of weights finds those that were damaged."""
        part, found = onnx.ModelProto(), Found(0)
        # A weight of integers is known with its steps, which may stand behind a Cast in a Mul.
        hurt = [
            n
            for n in proto.graph.node
            if n.op_type in ("Cast", "Mul") or any(map(_is_damaged, n.input))
        ]
        beside = {name for node in hurt for name in node.input}
        hidden = {name.removesuffix(DAMAGED) for name in beside if _is_damaged(name)}
        part.graph.initializer.extend(
            t for t in proto.graph.initializer if t.name in beside - hidden
        )
        part.graph.node.extend(hurt)
        for tensor in part.graph.initializer:
            tensor.name = tensor.name.removesuffix(DAMAGED)
        for node in part.graph.node:
            node.input[:] = [name.removesuffix(DAMAGED) for name in node.input]
        weights, _, off = self._matcher.compare(part)
        judge_weights(weights, off, found)
        return found.fails(self._settings.ignores)

    def differs(self, proto: onnx.ModelProto) -> bool:
        """Whether a graph gives something else than the original on any input that may be."""
        session = self._open(proto)
        pairs = [(case.inputs, case.actual) for case in self._cases]
        for inputs, before in (*pairs, *self._others()):
            try:
                after = session.run(inputs.arrays)
            except RefusedError:
                if before is not None:
                    return True
                continue
            if before is None or not _alike(before, after):
                return True
        return False

    def _others(self) -> Iterator[tuple[Inputs, Named | None]]:
        """More inputs, and what the original gives; they are run once."""
        for place in itertools.count():
            if place == len(self._fresh):
                inputs = next(self._pending, None)
                if inputs is None:
                    return
                answer: Named | None = None
                with suppress(RefusedError):
                    answer = self._sides.session.run(inputs.arrays)
                self._fresh.append((inputs, answer))
            yield self._fresh[place]

    def _agrees(self, actual: Named, case: Case) -> bool:
        assert case.expected is not None  # noqa: S101 - the others were left out
        numbers = partial(self._arbiter.pieces.of, inputs=case.inputs)
        model, settings = self._sides.model, self._settings
        differences = tuple(compare_outputs(case.expected, actual, model, settings, numbers))
        trial = case.trial._replace(differences=differences)
        judged = self._arbiter.settle(case._replace(actual=actual, trial=trial)).trial
        rounding = self._settings.tolerance == "rounding" or case.inputs.profile in EASED
        accepted = ("", "OP208") if rounding else ("",)
        return all(difference.problem in accepted for difference in judged.differences)


def prove(
    gate: Gate,
    proto: onnx.ModelProto,
    wanted: int,
    required: float,
    seed: int,
    step: Step,
) -> Proof:
    """Run the check on mutants of a graph that passed it."""
    made: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    survivors, number = [], 0
    for number, mutant in enumerate(mutants(proto, wanted, seed), 1):
        step("mutants", number, wanted)
        passed = gate.passes(mutant.proto)
        if passed is None or (passed and not gate.differs(mutant.proto)):
            continue  # whoever notices that notices nothing
        made[mutant.mutation] += 1
        if passed:
            survivors.append(Survivor(mutant.mutation, mutant.node))
        else:
            killed[mutant.mutation] += 1
    kinds = tuple((kind, made[kind], killed[kind]) for kind in sorted(made))
    count = made.total()
    return Proof(count, killed.total(), required, kinds, tuple(survivors), number - count)


def _is_damaged(name: str) -> bool:
    return name.endswith(DAMAGED)


def _alike(before: Named, after: Named) -> bool:
    for (_, a), (_, b) in zip(before, after, strict=True):
        if a.shape != b.shape or not is_floating(a.dtype):
            if not np.array_equal(a, b):
                return False
        elif a.size:
            finite = np.isfinite(a) & np.isfinite(b)
            if not np.array_equal(np.isfinite(a), np.isfinite(b)):
                return False
            x, y = a[finite], b[finite]
            scale = float(np.abs(x.astype(np.float64)).max(initial=0.0))
            if float(distances(x, y).max(initial=0.0)) > _SLIGHT * scale:
                return False
    return True


def _is_affordable(sides: Sides, sizes: Shapes) -> bool:
    return sides.sizes.memory(sizes) <= MEMORY


def _fresh_inputs(sides: Sides, cases: Sequence[Case], settings: Settings) -> Iterator[Inputs]:
    """Inputs of the shapes that were compared, and as long as any table, all values drawn anew."""
    if settings.inputs:  # what else is legal, only the user knows
        return
    inputs = sides.model.inputs
    shapes: list[Shapes] = []
    for case in cases:
        sizes = {name: array.shape for name, array in case.inputs.arrays.items()}
        if sizes not in shapes:
            shapes.append(sizes)
    shapes = sorted(shapes, key=elements_of)[:_SHAPES]
    rows = max((table.rows for table in sides.ranges.positions), default=0)
    if not settings.shapes:
        fits = partial(_is_affordable, sides)
        longer = more_shapes(inputs, shapes[0], min(rows, _LONGEST), fits, _LONGEST)
        shapes += [sizes for _, sizes in longer]
    met = sides.reference.thresholds(cases[0].inputs.arrays)
    edges = meeting(sides.ranges, [declared.name for declared in inputs], met)
    drawn = tuple(NAMES[name] for name in settings.profiles) or ("edges", "noise", "extreme")
    for number in range(2):
        for sizes in shapes:
            for profile in drawn:
                seed = settings.seed + _ANEW + number
                try:
                    yield draw(inputs, sizes, profile, seed, sides.bounds, edges)
                except UsageError:  # no values can be made up
                    return
