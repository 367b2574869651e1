"""Second opinions on what differs: PyTorch in float64, and the values behind places."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnx

from onnxguard.base.printable import printable
from onnxguard.parity.mapping import Counterparts
from onnxguard.parity.pieces import Pieces, unlike
from onnxguard.parity.report import Outcome, Referee
from onnxguard.parity.torch_reference import TorchReference
from onnxguard.parity.trials import Case, Reference
from onnxguard.running.comparison import Array, Named, compare, is_floating, same_extremes
from onnxguard.running.cutting import ancestors, sliced
from onnxguard.running.difference import Difference
from onnxguard.running.errors import ParityError, RefusedError
from onnxguard.running.graph_file import OnnxModel
from onnxguard.running.inputs import Inputs
from onnxguard.running.profiles import EASED, FAR, PROBES
from onnxguard.running.session import Session
from onnxguard.running.ties import (
    ORDERING,
    ROWS,
    picker,
    picks_among_equals,
    same_rows,
    ties,
)

ROUNDING = 8.0
"""Up to this many times as far from float64 as PyTorch's own float32, the graph rounds.

Measured: up to 6.2 where batch norms were folded in float32 (MobileNetV3)."""
MOST = 90.0
"""Percent of the elements are most of them."""
ULPS = 4.0
"""And so many units in the last place of the largest value."""
ERROR = 32.0
"""From this many times on a difference is no accident of a trial in which float32 fails."""
GROSS = 1e-4
"""A probe finds errors of this share of the largest value: cancellation far out costs digits."""
BUT = ", by rounding alone"
"""What is added to the message of a difference that rounding explains."""
_PIECE = 1 << 20
"""Elements of large outputs that are looked at together."""
KEPT = 16 << 20
"""Outputs in float64 of more bytes are computed again where they are asked for again."""
USELESS = 1e-3
"""A trial in which float32 itself is off by this share of an output's spread says nothing."""


class _Distances(NamedTuple):
    """How far both sides are from float64 at most, elements that are settled left out.

    The root of the mean square is what is usual. ``most`` are within another distance: a few
    elements that rounding leads across a step say nothing of these.
    """

    reference: float
    model: float
    usual_reference: float
    usual_model: float
    most_reference: float
    most_model: float
    spread: float
    scale: float
    ulp: float

    @property
    def by_rounding(self) -> bool:
        """Whether the graph is as near to float64 as the reference, at worst and on the whole."""
        most = ROUNDING * self.most_reference + ULPS * self.ulp
        worst = ROUNDING * self.reference + ULPS * self.ulp
        usual = ROUNDING * self.usual_reference + self.ulp
        within = self.model <= worst and self.usual_model <= usual
        return within and self.most_model <= most

    @property
    def slight(self) -> bool:
        """Whether the graph is that near at worst, or next to nothing off in relation."""
        return self.model <= max(ROUNDING * self.reference, GROSS * self.scale)

    def explains(self, slightly: bool) -> bool:
        """Whether what differs is no error; far out, what differs ``slightly`` is none."""
        return self.by_rounding or (slightly and self.slight)

    @property
    def useless(self) -> bool:
        """Whether float32 cannot compute the output at all here, and the graph does no worse."""
        noise = self.reference
        return noise > USELESS * self.spread and self.model <= ERROR * noise


class Arbiter:
    """Judges what failed in a trial once more.

    Args:
        reference: what vouches for the graph.
        model: the graph.
        open_session: loads what ``sliced`` gives as the graph was loaded.
        whole: gives the graph with the values of all weights.

    Attributes:
        pieces: of the graph's outputs.
        settled: ``what was settled``, with the outputs named, and in how many trials.
    """

    def __init__(
        self,
        reference: Reference,
        model: OnnxModel,
        open_session: Callable[[bytes, Mapping[str, Array]], Session],
        whole: Callable[[], onnx.ModelProto],
    ) -> None:
        self._reference = reference
        self._model = model
        self._open = open_session
        self._whole = whole
        self.pieces = Pieces(model.proto, whole, open_session)
        self._truths: dict[str, Named | None] = {}
        self.settled: dict[str, int] = {}

    def truth(self, inputs: Inputs) -> Named | None:
        """The reference's outputs in float64; None where it cannot say."""
        key = inputs.sha256
        if key in self._truths:
            return self._truths[key]
        truth = self._computed(inputs)
        if sum(array.nbytes for _, array in truth or ()) <= KEPT:
            self._truths[key] = truth
        return truth

    def _computed(self, inputs: Inputs) -> Named | None:
        if not isinstance(self._reference, TorchReference):
            return None
        feeds = {
            name: array.astype(np.float64) if is_floating(array.dtype) else array
            for name, array in inputs.arrays.items()
        }
        try:
            return self._reference.exactly(feeds)
        except (RefusedError, ParityError):
            return None

    def settle(self, case: Case) -> Case:
        """The same case, its failing differences judged again.

        What agrees after all passes; what rounding alone explains fails as OP208; a trial of our
        own making in which float32 says nothing is no evidence.
        """
        if all(d.passed for d in case.trial.differences) or case.expected is None:
            return case
        if any(d.problem in {"OP202", "OP209"} for d in case.trial.differences):
            return case
        assert case.actual is not None  # noqa: S101 - differences have two sides
        if len(case.trial.differences) != len(case.expected):
            return case
        truth = self.truth(case.inputs)
        if truth is not None and len(truth) != len(case.expected):
            truth = None
        differences, useless = [], False
        answers = self._reordered(case)
        for position, found in enumerate(case.trial.differences):
            exact = None if truth is None else truth[position][1]
            ours, theirs, difference = case.expected[position][1], answers[position], found
            if theirs is not case.actual[position][1]:
                difference = compare(found.output, ours, theirs, found.tolerance, found.relative)
            if difference.passed or ours.shape != theirs.shape or ours.dtype != theirs.dtype:
                differences.append(difference)
                continue
            exact = None if exact is None or exact.shape != ours.shape else exact
            if is_floating(ours.dtype) and ours.dtype.kind != "c":
                name, inputs = self._model.outputs[position].name, case.inputs
                numbers = partial(self.pieces.of, name, inputs)
                profile = case.inputs.profile
                judged, says_nothing = self._floating(
                    difference, exact, ours, theirs, profile, numbers
                )
                useless = useless or says_nothing
            else:
                judged = self._discrete(case.inputs, position, difference, exact, ours, theirs)
            differences.append(judged)
        trial = case.trial._replace(differences=tuple(differences))
        if useless and case.inputs.seed >= 0:
            trial = trial._replace(outcome=Outcome.NO_EVIDENCE, differences=())
        return case._replace(trial=trial)

    def _reordered(self, case: Case) -> list[Array]:
        """The graph's outputs; rows in the reference's order where they differ among equals."""
        assert case.expected is not None  # noqa: S101 - settle has seen both
        assert case.actual is not None  # noqa: S101
        answers = [array for _, array in case.actual]
        pairs = [(a, b) for (_, a), b in zip(case.expected, answers, strict=True)]
        whole = [is_floating(a.dtype) and a.ndim > 0 and a.shape == b.shape for a, b in pairs]
        judged = case.trial.differences
        keys = [
            n
            for n, (a, _) in enumerate(pairs)
            if judged[n].passed and whole[n] and a.size == len(a) <= ROWS
        ]
        ordered = any(node.op_type in ORDERING for node in self._model.proto.graph.node)
        for key in keys if ordered else ():
            rows = len(pairs[key][0])
            beside = [
                n
                for n, (a, b) in enumerate(pairs)
                if n != key and a.shape == b.shape and a.shape[:1] == (rows,) and _is_real(a)
            ]
            off = [n for n in beside if not judged[n].passed and answers[n] is pairs[n][1]]
            order = same_rows(pairs[key], [pairs[n] for n in beside], judged[key].tolerance)
            if off and order is not None and (order != np.arange(rows)).any():
                for n in beside:  # a row is one thing in all outputs
                    answers[n] = answers[n][order]
                names = ", ".join(judged[n].output for n in off)
                self._say(f"rows of {names} change places among equal {judged[key].output}")
        return answers

    def _floating(
        self,
        difference: Difference,
        exact: Array | None,
        ours: Array,
        theirs: Array,
        profile: str,
        numbers: Callable[[], Array | None],
    ) -> tuple[Difference, bool]:
        slightly = profile in (PROBES if exact is None else FAR)
        if exact is None and slightly and difference.problem == "OP201":
            exact = ours  # nobody is asked in float64: that what differs is slight will do
        if exact is None or not is_floating(exact.dtype):
            return difference, False
        exact = exact.astype(np.float64, copy=False)  # a module may cast what it gives
        settled = same_extremes(ours, theirs) & same_extremes(ours, exact) & ~np.isnan(exact)
        if settled.any():
            tolerance, relative = difference.tolerance, difference.relative
            difference = compare(difference.output, ours, theirs, tolerance, relative, settled)
            if difference.problem != "OP205":
                self._say(f"infinities of {difference.output} are equal, and so in float64")
        measured = _measured(exact, ours, theirs, settled)
        if measured is None:
            return difference, False
        if not difference.passed and measured.useless:
            return difference, True
        if difference.problem != "OP201":
            return difference, False
        if measured.explains(slightly):
            for piece in unlike(numbers(), ours):
                others = settled | ~piece
                part = _measured(exact, ours, theirs, others)
                if part is None or part.useless or part.explains(slightly):
                    continue
                tolerance, relative = difference.tolerance, difference.relative
                apart = compare(difference.output, ours, theirs, tolerance, relative, others)
                if not apart.passed:
                    return apart, False
            message = (
                f"{difference.message}{BUT}: PyTorch's own float32 is off by "
                f"{measured.reference:.2g} from float64, ONNX Runtime by {measured.model:.2g}"
            )
            difference = difference._replace(problem="OP208", message=message)
        return difference, False

    def _discrete(
        self,
        inputs: Inputs,
        position: int,
        difference: Difference,
        exact: Array | None,
        ours: Array,
        theirs: Array,
    ) -> Difference:
        if ours.dtype.kind not in "iu":
            return difference
        settled = self._ties(inputs, position, difference, ours, theirs)
        if not (settled | (ours == theirs)).all() and exact is not None:
            # In float64 it is not as the reference says in float32: these it cannot vouch for.
            settled |= (exact != ours) & ((exact == theirs) | settled)
        judged = compare(difference.output, ours, theirs, difference.tolerance, settled=settled)
        if not judged.passed and inputs.profile in EASED and self._among_equals(inputs, position):
            judged = judged._replace(problem="", message="", eased=True)
        if judged.passed:
            self._say(f"places in {difference.output} differ among equal values alone")
        return judged if judged.passed else difference

    def _among_equals(self, inputs: Inputs, position: int) -> bool:
        """Whether an output is computed of places that TopK picks among equals of the reference."""
        nodes = ancestors(self._model.proto.graph, [self._model.outputs[position].name])
        pickers = [node for node in nodes if node.op_type == "TopK"]
        read = {name for node in pickers for name in (node.input[0], node.output[0])}
        names = sorted(filter(None, read - inputs.arrays.keys()))
        if not names:
            return False
        try:
            found = dict(self._open(*sliced(self._whole(), names)).run(inputs.arrays))
            behind = Counterparts(self._reference.trace(inputs.arrays).records).behind
        except (ParityError, RefusedError):
            return False
        for node in pickers:
            name, picked = node.input[0], found.get(node.output[0])
            data = inputs.arrays[name] if name in inputs.arrays else behind(found[name])
            if data is not None and picked is not None and picks_among_equals(node, data, picked):
                return True
        return False

    def _ties(
        self, inputs: Inputs, position: int, difference: Difference, ours: Array, theirs: Array
    ) -> npt.NDArray[np.bool_]:
        node = picker(self._model.proto.graph, self._model.outputs[position].name)
        if node is None:
            return np.zeros(ours.shape, bool)
        name = node.input[0]
        try:
            data = inputs.arrays.get(name)
            if data is None:
                session = self._open(*sliced(self._whole(), [name]))
                data = dict(session.run(inputs.arrays))[name]
        except (ParityError, RefusedError):
            return np.zeros(ours.shape, bool)
        alike = ties(node, data, ours, theirs, 2 * difference.tolerance)
        if not alike.any() or name in inputs.arrays:
            return alike
        # A graph that picks from something else has equals of its own: the reference's count.
        try:
            data = Counterparts(self._reference.trace(inputs.arrays).records).behind(data)
        except (ParityError, RefusedError):
            data = None
        if data is None:
            return np.zeros(ours.shape, bool)
        return ties(node, data, ours, theirs, 2 * difference.tolerance)

    def _say(self, what: str) -> None:
        self.settled[what] = self.settled.get(what, 0) + 1

    def referees(self, case: Case) -> tuple[Referee, ...]:
        """How far each side is from float64, for every output of which it can be said."""
        truth = self.truth(case.inputs)
        if case.expected is None or case.actual is None or truth is None:
            return ()
        if not len(truth) == len(case.actual) == len(case.expected):
            return ()
        verdicts = []
        for (_, exact), (_, ours), (name, theirs) in zip(
            truth, case.expected, case.actual, strict=True
        ):
            if exact.dtype != np.float64 or not exact.shape == ours.shape == theirs.shape:
                continue
            settled = same_extremes(ours, theirs) & same_extremes(ours, exact) & ~np.isnan(exact)
            measured = _measured(exact, ours, theirs, settled)
            noise, error = (measured.reference, measured.model) if measured else (0.0, 0.0)
            if settled.all() or (measured and max(noise, error) < np.finfo(np.float64).max):
                verdicts.append(Referee(printable(name), noise, error))
        return tuple(verdicts)


def _is_real(array: Array) -> bool:
    return array.dtype.kind in "biu" or (is_floating(array.dtype) and array.dtype.kind != "c")


def _measured(
    exact: Array, ours: Array, theirs: Array, settled: npt.NDArray[np.bool_]
) -> _Distances | None:
    """None where float64 itself is not finite in what is left."""
    low, high, count = math.inf, -math.inf, 0
    largest, squares = np.zeros(2), np.zeros(2)
    some: list[Array] = []
    flat = [side.ravel() for side in (exact, ours, theirs, settled)]
    for start in range(0, exact.size, _PIECE):
        truth, *sides, left = (side[start : start + _PIECE] for side in flat)
        truth = truth[~left]
        if not np.isfinite(truth).all():
            return None
        with np.errstate(invalid="ignore", over="ignore"):
            noise, error = (
                np.nan_to_num(np.abs(side[~left].astype(np.float64) - truth), nan=np.inf)
                for side in sides
            )
            error[~np.isfinite(noise)] = 0.0  # where the reference cannot say, nobody can
            for n, gaps in enumerate((noise, error)):
                largest[n] = max(largest[n], gaps.max(initial=0.0))
                squares[n] += np.square(gaps).sum()
            some.append(np.stack([noise, error])[:, :: -(-exact.size // _PIECE)])
        count += truth.size
        low, high = truth.min(initial=low), truth.max(initial=high)
    if not count:
        return None
    scale = float(max(abs(low), abs(high)))
    precision = float(np.finfo(ours.dtype).eps) if ours.dtype.kind == "f" else 2.0**-7
    usual = np.sqrt(squares / count)
    most = np.percentile(np.concatenate(some, 1), MOST, axis=1, method="higher")
    return _Distances(
        reference=float(largest[0]),
        model=float(largest[1]),
        usual_reference=float(usual[0]),
        usual_model=float(usual[1]),
        most_reference=float(most[0]),
        most_model=float(most[1]),
        spread=float(high - low) or scale,
        scale=scale,
        ulp=precision * scale,
    )
