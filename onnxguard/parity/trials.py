"""Run both sides on the same inputs and compare what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from onnxguard.base.memory import trim
from onnxguard.base.printable import plural, printable
from onnxguard.parity.fidelity import within_budget
from onnxguard.parity.outputs import Selection, Wanted, few, names_of, select
from onnxguard.parity.pieces import Pieces, one_piece
from onnxguard.parity.report import Outcome, Trial, shapes_text
from onnxguard.parity.settings import Settings
from onnxguard.parity.trace import Trace
from onnxguard.parity.weights import Held
from onnxguard.running.comparison import Array, Named, compare, is_floating
from onnxguard.running.difference import Difference
from onnxguard.running.drawing import draw
from onnxguard.running.errors import RefusedError, TimeLimitError
from onnxguard.running.graph_file import OnnxModel
from onnxguard.running.inputs import (
    LONG,
    WANTED,
    Inputs,
    Shapes,
    elements_of,
    is_dynamic,
    more_shapes,
    odd_shapes,
    propose_shapes,
    symbol_sizes,
)
from onnxguard.running.profiles import NAMES, OUTSIDE, PROBES, PROFILES
from onnxguard.running.ranges import Range, Ranges
from onnxguard.running.session import Session
from onnxguard.running.sizes import Sizes

FEW = 4096
"""So many elements cost nothing: of several shapes the largest meets most edges."""

MEMORY = 64 << 20
"""Long axes and many rows may add so many bytes, or a quarter of what the model takes, to what it
makes at any size, such as a transposed table."""

CHEAP = 8 << 20
"""And a batch as long as another axis, which no signature asks for, for so many."""

LARGE_ANSWER = 4 << 20
"""Outputs of so many bytes are not kept for their own sake."""

Feeds = dict[str, np.ndarray]


class Reference(Protocol):
    """What vouches for a graph: a PyTorch module or another graph."""

    selection: Selection | None
    """What is taken of its answers; None for all of them, as long as it is not known."""
    states: frozenset[int]
    """The places of tensors in its last answer that only carry a state, as caches do."""

    def run(self, feeds: Feeds) -> Named:
        """Give the outputs.

        Raises:
            RefusedError: it does not take these inputs.
            ParityError: OP001 or OP003, it cannot be a reference at all.
        """

    def trace(self, feeds: Feeds) -> Trace:
        """Give the outputs and every tensor on the way; it raises what ``run`` does."""

    def held(self) -> Held:
        """Give its weights."""

    def thresholds(self, feeds: Feeds) -> tuple[float, ...]:
        """The constants that it compares numbers with or clips them at on these inputs."""


class Known(NamedTuple):
    """What is known of the values that inputs may have.

    Attributes:
        ranges: what the graph says.
        bounds: of each input: what the user said, or else the graph.
        edges: asks both sides for the constants that each input may meet.
        sizes: what follows from the sizes of inputs.
        say: takes what was left out.
    """

    ranges: Ranges
    bounds: Mapping[str, Range]
    edges: Callable[[], Mapping[str, Sequence[float]]]
    sizes: Sizes
    say: Callable[[str], None]


class Case(NamedTuple):
    """One set of inputs with what both sides answered; an answer is None where it was refused."""

    inputs: Inputs
    expected: Named | None
    actual: Named | None
    trial: Trial


def run_case(
    inputs: Inputs,
    reference: Reference,
    session: Session,
    model: OnnxModel,
    settings: Settings,
    wanted: Wanted,
    pieces: Pieces,
) -> Case:
    """Run both sides once and compare; the first answers tell which tensors belong together."""
    expected, reference_said = _answer("the reference", reference.run, inputs)
    trim()
    actual, model_said = _answer("the graph", session.run, inputs)
    trim()
    outcome = Outcome.COMPARED
    differences: tuple[Difference, ...] = ()
    if expected is None and actual is None:
        outcome = Outcome.BOTH_REFUSED
    elif actual is None:
        outcome = Outcome.MODEL_REFUSED
    elif expected is None:
        outcome = Outcome.REFERENCE_REFUSED
    else:
        if reference.selection is None:
            reference.selection = select(expected, reference.states, actual, wanted)
            expected = expected if reference.selection is None else reference.selection.of(expected)
        numbers = partial(pieces.of, inputs=inputs)
        differences = tuple(compare_outputs(expected, actual, model, settings, numbers))
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


def lightened(case: Case) -> Case:
    """The same without its answers, which are empty then, where they are large and say no more."""
    size = sum(array.nbytes for _, array in case.expected or ())
    passed = bool(case.trial.differences) and all(d.passed for d in case.trial.differences)
    if size < LARGE_ANSWER or not passed or case.inputs.profile not in PROBES:
        return case
    return case._replace(expected=(), actual=())


def compare_outputs(
    expected: Named,
    actual: Named,
    model: OnnxModel,
    settings: Settings,
    numbers: Callable[[str], Array | None] = one_piece,
) -> Iterator[Difference]:
    """Compare all outputs, by position; one too many or too few is a difference as well.

    ``numbers`` are those of ``Pieces.of``.
    """
    if len(expected) != len(actual):
        names = [printable(name) for name, _ in actual]
        given, wanted = few([name for name, _ in actual]), few(names_of(expected))
        has = f"the graph has {plural(len(actual), 'output')} ({given})"
        message = f"{has}, the reference gives {len(expected)} ({wanted})"
        blank = Difference(", ".join(names), "", (), settings.atol, "OP202", message)
        yield blank._replace(largest=float("inf"))
        return
    if settings.budget is not None:
        yield from within_budget(expected, actual, model.outputs, settings.budget, numbers)
        return
    for declared, (_, ours), (_, theirs) in zip(model.outputs, expected, actual, strict=True):
        yield compare(declared.name, ours, theirs, *settings.allowed(declared.name))


def _answer(who: str, run: Callable[[Feeds], Named], inputs: Inputs) -> tuple[Named | None, str]:
    try:
        return run(inputs.arrays), ""
    except TimeLimitError as error:
        where = f" on {shapes_text(inputs.shapes)} ({inputs.profile})"
        raise TimeLimitError(error.seconds, who, where) from None
    except RefusedError as error:
        return None, str(error)


def generated_inputs(
    model: OnnxModel,
    shapes: Sequence[Shapes],
    settings: Settings,
    known: Known,
    refused: Callable[[], bool],
) -> Iterator[Inputs]:
    """Make profiles x shapes x seeds, then what lies farther out.

    Args:
        model: the graph.
        shapes: those to run; where there are none, the signature proposes some, one that both
            sides refuse is replaced by the next, and odd, long and many ones are tried as well.
        settings: profiles, seeds.
        known: the values that inputs may have.
        refused: whether both sides refused the inputs that were given last.
    """

    def drawn(sizes: Shapes, profile: str, number: int = 0) -> Inputs:
        edges = known.edges() if profile == "edges" else None
        return draw(model.inputs, sizes, profile, settings.seed + number, known.bounds, edges)

    chosen = tuple(NAMES[name] for name in settings.profiles) or profiles(model)
    if settings.budget is not None and not settings.profiles:
        chosen = tuple(p for p in chosen if p != "large")  # which no calibration has seen
    wanted = len(shapes) or (WANTED if is_dynamic(model.inputs) else 1)
    fitting: list[Shapes] = []
    for sizes in shapes or propose_shapes(model.inputs):
        yield drawn(sizes, chosen[0])
        if not refused():
            fitting.append(sizes)
            for profile in chosen:
                for number in range(settings.trials):
                    if (profile, number) != (chosen[0], 0):
                        yield drawn(sizes, profile, number)
        if len(fitting) == wanted and not shapes:
            break
    if not shapes:
        odd = odd_shapes(model.inputs)
        rows = min((table.rows for table in known.ranges.positions), default=0)
        most = max(MEMORY, model.size // 4)
        left: list[str] = []

        def affordable(sizes: Shapes) -> bool:
            fits = known.sizes.memory(sizes) - known.sizes.memory(fitting[0]) <= most
            if not fits:
                left.append(shapes_text(tuple((printable(n), dims) for n, dims in sizes.items())))
            return fits

        def cheap(sizes: Shapes) -> bool:
            return max(known.sizes.memory(sizes), 4 * elements_of(sizes)) <= CHEAP

        counted = {known.sizes.symbol(table.picks, -1) for table in known.ranges.positions}
        fits = affordable, 4 * LONG, cheap, counted, _beyond_lengths(rows, known) if fitting else ()
        more = more_shapes(model.inputs, fitting[0], rows, *fits) if fitting else ()
        if odd is not None:
            yield drawn(odd, chosen[0])
        for profile, sizes in more:
            yield drawn(sizes, chosen[0] if settings.profiles else profile)
            if profile == "many" and elements_of(sizes) <= FEW and not refused():
                fitting.insert(0, sizes)
        if left:
            known.say(f"not run, to save memory: {'; '.join(left)}; --shape runs one")
    if fitting and not settings.profiles and settings.budget is None:
        smallest = min(fitting, key=elements_of)
        few = [sizes for sizes in fitting if elements_of(sizes) <= FEW]
        yield drawn(smallest, "extreme")
        yield drawn(max(few, key=elements_of, default=smallest), "edges")
        masks = [d.name for d in model.inputs if d.dtype == "bool" and d.name not in known.bounds]
        masks += [n for n, bound in known.bounds.items() if bound.mask and not bound.asked]
        if masks:
            yield _emptied(drawn(max(few, key=elements_of, default=smallest), chosen[0]), masks)
        for name, found in known.bounds.items():
            if found.rows and not found.asked:
                yield _beyond(drawn(smallest, chosen[0]), name, int(found.high) + 1)
            if (found.rows or found.dims) and not found.asked:
                reached = found.within(symbol_sizes(model.inputs, smallest)).high
                among = found.rows or int(reached) + 1
                yield from _from_the_end(drawn(smallest, chosen[0]), name, among)


def _beyond_lengths(rows: int, known: Known) -> list[int]:
    """Lengths at which a table of positions may prove too short, or no limit at all.

    So may a constant that either side compares places with, such as the width of a window.
    """
    edges = {int(edge) for met in known.edges().values() for edge in met if edge > LONG // 2}
    lengths = {edge + edge // 4 for edge in edges} | ({rows + 1, 2 * rows, LONG} if rows else set())
    return sorted(n for n in lengths if (rows or LONG) < n <= 4 * LONG)


def _beyond(inputs: Inputs, name: str, value: int) -> Inputs:
    """The same, with one index behind the last row: a graph that lost a wrap refuses it."""
    arrays = dict(inputs.arrays)
    if name in arrays and arrays[name].size and value <= np.iinfo(arrays[name].dtype).max:
        arrays[name] = arrays[name].copy()
        arrays[name].flat[0] = value
    return inputs._replace(profile="beyond", arrays=arrays)


def _emptied(inputs: Inputs, masks: Sequence[str]) -> Inputs:
    """The same, with a row of each mask in which nothing counts, whichever value says so."""
    arrays = dict(inputs.arrays)
    for name in masks:
        if arrays[name].ndim > 1 and arrays[name].size:
            arrays[name] = arrays[name].copy()
            arrays[name][0], arrays[name][-1] = 1, 0
    return inputs._replace(profile="empty", arrays=arrays)


def _from_the_end(inputs: Inputs, name: str, rows: int) -> Iterator[Inputs]:
    """The same, with every other index counted from the end, as PyTorch's own indexing allows."""
    arrays = dict(inputs.arrays)
    if name in arrays and np.iinfo(arrays[name].dtype).min <= -rows:
        arrays[name] = arrays[name].copy()
        arrays[name].flat[::2] -= rows
        yield inputs._replace(profile="negative", arrays=arrays)


def is_moot(case: Case) -> bool:
    """Whether the reference refuses what is outside, as it may, or finds no number there."""
    refused = (Outcome.BOTH_REFUSED, Outcome.REFERENCE_REFUSED)
    if case.inputs.profile == "empty" and any(
        is_floating(ours.dtype) and not np.isfinite(ours.astype(np.complex128)).all()
        for _, ours in case.expected or ()
    ):
        return True
    return case.inputs.profile in OUTSIDE and case.trial.outcome in refused


def profiles(model: OnnxModel) -> tuple[str, ...]:
    """All, or the first where no input is floating: integers are drawn alike in each."""
    floating = any(d.dtype.startswith(("float", "bfloat", "complex")) for d in model.inputs)
    return PROFILES if floating else PROFILES[:1]


def worst_case(cases: Sequence[Case]) -> Case | None:
    """The first case that both sides answered with the largest difference of all."""
    answered = [case for case in cases if case.trial.outcome is Outcome.COMPARED]
    return max(answered, key=lambda case: case.trial.largest, default=None)
