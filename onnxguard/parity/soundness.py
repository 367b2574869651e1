"""What a comparison that passed may still hide: chance, side effects, outputs that say nothing."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

import numpy as np
import onnx

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.parity import vacuity
from onnxguard.parity.collector import Found
from onnxguard.parity.loading import Sides, open_session
from onnxguard.parity.node_pass import NodeResults, name_of
from onnxguard.parity.outputs import few, unread
from onnxguard.parity.report import Tried
from onnxguard.parity.settings import Settings
from onnxguard.parity.torch_reference import OTHERS, TorchReference
from onnxguard.parity.trials import Case, Feeds
from onnxguard.parity.vacuity import Shape
from onnxguard.running.comparison import Array, Named, distances, is_floating
from onnxguard.running.cutting import (
    depends_on_values,
    graphs_of,
    initializers_of,
    sliced,
)
from onnxguard.running.drawing import draw
from onnxguard.running.errors import ParityError, RefusedError
from onnxguard.running.graph_file import OnnxModel
from onnxguard.running.inputs import Inputs, Shapes
from onnxguard.running.profiles import OUTSIDE, PROBES

_ANEW = 1_000_003
"""Added to a seed where inputs are drawn only to see whether anything changes."""
_CONDITIONS = {"If": 1, "Loop": 2, "Where": 1, "Cast": 1}
"""How many first inputs say what is computed: a Loop's are its trip count and whether to start. A
Cast of booleans is a selection where its result is multiplied."""
_MOVING = frozenset(
    {"_local_scalar_dense", "_to_copy", "alias", "clone", "copy_", "detach", "empty", "empty_like"}
    | {"lift_fresh", "view"}
)
"""Operators of ATen that take a tensor from one place to another."""
_GUARDS = frozenset({"IsInf", "IsNaN"})
"""Operators that ask for what no computation should give."""
_STILL_BAD = frozenset({"Abs", "Cast", "Identity"})
"""What keeps NaN and infinity where they are."""
_RESHAPING = frozenset(
    {"Cast", "Concat", "Constant", "Flatten", "Gather", "Identity", "Reshape", "Shape", "Slice"}
    | {"Squeeze", "Transpose", "Unsqueeze"}
)
"""Operators of ONNX that do no more."""
SIZES_SHOWN = 6
_REPEATS = 12
"""How often a side is run again that does not give the same to the last bit."""
_REPEATS_ALIKE = 2
"""And how often one that does."""
_ATTEMPTS = 8
"""How often an input is drawn anew before it counts as ignored: a flag may be drawn alike."""


def doubt_dropped(sides: Sides, case: Case, atol: float, found: Found) -> None:
    """An input that the exporter dropped must change nothing in the reference."""
    reference = sides.reference
    if not isinstance(reference, TorchReference):
        return
    for name in (*reference.aside, *reference.made_up):
        shown = printable(name)
        how = "; it was given what the first input has" if name in reference.made_up else ""
        if not _changes(reference, name, case, atol):
            found.add("OP312", f"the graph has no input {shown}, which forward takes{how}", shown)
        else:
            message = f"the graph has no input {shown}, which changes what forward gives"
            found.add("OP114", message, shown)


def _changes(reference: TorchReference, name: str, case: Case, atol: float) -> bool:
    """Whether another value of an input that the graph lacks changes the reference's outputs.

    So does one of which every other value is refused.
    """
    refused = 0
    for attempt in range(OTHERS):
        try:
            with reference.another(name, attempt):
                answer = reference.run(case.inputs.arrays)
        except RefusedError:
            refused += 1
            continue
        if not _apart(case.expected or (), answer) <= atol:
            return True
    return refused == OTHERS


def doubt_repeatability(sides: Sides, case: Case, atol: float, found: Found) -> None:
    """Run both sides again on the same inputs; the reference must leave them alone as well."""
    assert case.expected is not None  # noqa: S101 - a compared case has both
    assert case.actual is not None  # noqa: S101
    feeds = case.inputs.arrays
    for code, who, before, run in (
        ("OP107", "the reference", case.expected, sides.reference.run),
        ("OP108", "the graph", case.actual, sides.session.run),
    ):
        try:
            apart = _farthest(before, run, feeds, atol)
        except RefusedError as error:
            found.add(code, f"{who} refuses inputs that it took before: {error}")
            continue
        if not apart <= atol:
            found.add(code, f"{who} differs from itself by {apart:.3g} on the same inputs")
    if isinstance(sides.reference, TorchReference):
        with suppress(RefusedError):  # OP107 says so
            for name in map(printable, sides.reference.changes_inputs(feeds)):
                found.add("OP109", f"the reference changes its input {name}", name)


def _farthest(before: Named, run: Callable[[Feeds], Named], feeds: Feeds, atol: float) -> float:
    """How far runs on the same inputs are from the first, at most.

    Two runs of something random may agree by chance. What differs at all is run more often.
    """
    farthest = 0.0
    for number in range(_REPEATS):
        farthest = max(farthest, _apart(before, run(feeds)))
        if farthest > atol or (farthest == 0 and number + 1 == _REPEATS_ALIKE):
            break
    return farthest


def _apart(first: Named, second: Named) -> float:
    if len(first) != len(second):
        return math.inf
    largest = 0.0
    for (_, a), (_, b) in zip(first, second, strict=True):
        if a.shape != b.shape or a.dtype != b.dtype:
            return math.inf
        if not is_floating(a.dtype):
            largest = largest if np.array_equal(a, b) else math.inf
        elif a.size:
            both = np.isfinite(a) & np.isfinite(b)
            largest = max(largest, float(distances(a[both], b[both]).max(initial=0.0)))
    return largest


def doubt_answers(
    sides: Sides, cases: list[Case], results: NodeResults, settings: Settings, found: Found
) -> None:
    """Look for outputs that say nothing, inputs that do nothing, and numbers out of sight."""
    paired = [case for case in cases if len(case.expected or ()) == len(case.actual or ())]
    usual = [case for case in paired if case.inputs.profile not in (*PROBES, *OUTSIDE)] or paired
    runs = [(case.inputs.shapes, _renamed(case)) for case in usual]
    shapes, again = [shapes for shapes, _ in runs], None
    if runs and all(shapes.count(one) == 1 for one in shapes):
        again = _anew(sides, cases[0], settings)
        if again is not None and len(again[1]) != len(runs[0][1]):
            again = None
    proto = sides.model.proto

    def hides(position: int) -> bool:
        return vacuity.hides_numbers(proto.graph.output[position].name, proto, results)

    allowed = [settings.allowed(output.name) for output in sides.model.outputs]
    if runs:
        vacuity.check_answers(runs, hides, allowed, found, again)
    for name in _ignored(sides, cases, settings):
        found.add("OP306", f"no output depends on the input {name}", name)
    for pair in _alike(cases):
        a, b = map(printable, pair)
        found.add("OP309", f"the inputs {a} and {b} have the same values in every trial", a)


def _renamed(case: Case) -> Named:
    """The reference's answer under the names that the graph's outputs have."""
    pairs = zip(case.actual or (), case.expected or (), strict=True)
    return [(name, ours) for (name, _), (_, ours) in pairs]


def _alike(cases: list[Case]) -> Iterator[tuple[str, str]]:
    for a, b in itertools.combinations(cases[0].inputs.arrays, 2):
        pairs = [(case.inputs.arrays[a], case.inputs.arrays[b]) for case in cases]
        if all(x.size and np.array_equal(x, y) for x, y in pairs):
            yield a, b


def _anew(sides: Sides, case: Case, settings: Settings) -> tuple[Shape, Named] | None:
    """The reference's answer to other inputs of the same shapes."""
    try:
        inputs = _drawn(sides, case, settings.seed + _ANEW)
        return inputs.shapes, sides.reference.run(inputs.arrays)
    except (RefusedError, UsageError, ParityError):
        return None


def _drawn(sides: Sides, case: Case, seed: int) -> Inputs:
    shapes: Shapes = {name: array.shape for name, array in case.inputs.arrays.items()}
    return draw(sides.model.inputs, shapes, "noise", seed, sides.bounds)


def _ignored(sides: Sides, cases: list[Case], settings: Settings) -> list[str]:
    """The inputs that changed no output, whatever else was fed."""
    ignored = list(cases[0].inputs.arrays)
    if len(ignored) < 2:
        return []
    aside = unread(sides.model, sides.wanted)
    ignored = [name for name in ignored if name not in aside]
    for attempt, case in enumerate(itertools.islice(itertools.cycle(cases), _ATTEMPTS)):
        try:
            fresh = _drawn(sides, case, settings.seed + _ANEW + attempt)
        except UsageError:  # no values can be made up
            return []
        ignored = [name for name in ignored if not _matters(name, sides, case, fresh, settings)]
        if not ignored:
            break
    return list(map(printable, ignored))


def _matters(name: str, sides: Sides, case: Case, fresh: Inputs, settings: Settings) -> bool:
    try:
        answer = sides.reference.run({**case.inputs.arrays, name: fresh.arrays[name]})
    except RefusedError:  # it matters enough to be refused
        return True
    return not _apart(case.expected or (), answer) <= settings.atol


def doubt_branches(
    sides: Sides,
    cases: list[Case],
    settings: Settings,
    found: Found,
    remarks: list[str],
    whole: Callable[[], onnx.ModelProto],
) -> list[Tried]:
    """A branch that no input took, or a loop that none entered, was not compared.

    Neither was the other side of a selection by element; a mask can be full by nature, so that is
    a warning only. ``whole`` gives the graph with the values of all weights.

    Returns:
        The branches of each If that were taken.
    """
    tried = []
    guards: list[str] = []
    nodes = list(sides.model.proto.graph.node)
    made = {output: node for node in nodes for output in node.output}
    read = {
        index: [name for name in node.input[: _CONDITIONS[node.op_type]] if name]
        for index, node in enumerate(nodes)
        if node.op_type in _CONDITIONS
    }
    watched = sorted({name for names in read.values() for name in names})
    seen = _seen(sides, watched, cases, settings, whole)
    for index, names in read.items():
        name, kind = name_of(nodes[index], index), nodes[index].op_type
        values = [[answer[source] for source in names if source in answer] for answer in seen]
        code, message = _untaken(kind, name, values)
        if kind == "If":
            taken = {bool(np.all(array > 0)) for arrays in values for array in arrays}
            said = ", ".join("then" if one else "else" for one in sorted(taken, reverse=True))
            tried.append(Tried("branches", name, len(taken), 2, said))
        if code and not depends_on_values(sides.model.proto.graph, names):
            if code == "OP307":
                remarks.append(f"{message} at the sizes that were tried: {_sizes(cases)}")
        elif code == "OP310" and _guards(nodes[index], made) and "was false" in message:
            guards.append(name)
        elif code:
            found.add(code, message, name)
    if guards:
        remarks.append(f"nothing was NaN or infinite where nodes look for it: {few(guards)}")
    for graph in itertools.islice(graphs_of(sides.model.proto), 1, None):
        for index, node in enumerate(graph.node):
            if node.op_type == "If":
                name = name_of(node, index)
                found.add("OP307", f"{name} lies inside another graph, unwatched", name)
    return tried


def _guards(node: onnx.NodeProto, made: Mapping[str, onnx.NodeProto]) -> bool:
    """Whether a node replaces what is NaN or infinite in the very value that it passes on."""
    asks = made.get(node.input[0])
    if asks is None or asks.op_type not in _GUARDS:
        return False
    name = asks.input[0]
    for _ in range(len(made)):
        if name in node.input[1:] or name not in made or made[name].op_type not in _STILL_BAD:
            break
        name = made[name].input[0]
    return name in node.input[1:]


def _untaken(kind: str, name: str, values: list[list[Array]]) -> tuple[str, str]:
    """What to say of a node whose conditions had these values in each case; "" for nothing."""
    if kind in ("If", "Loop"):
        truths = [[bool(np.all(array > 0)) for array in arrays] for arrays in values]
        said = set(itertools.chain.from_iterable(truths))
        if kind == "If" and len(said) < 2:
            other = "then" if False in said else "else"
            return "OP307", f"no input took the {other} branch of {name}"
        if kind == "Loop" and said and not any(map(all, truths)):
            return "OP307", f"no input entered the body of {name}"
    else:
        arrays = [array for case in values for array in case if array.dtype == bool]
        elements = {bool(element) for array in arrays for element in np.unique(array)}
        if len(elements) == 1:
            always = "true" if True in elements else "false"
            return "OP310", f"the condition of {name} was {always} everywhere"
    return "", ""


def _seen(
    sides: Sides,
    names: Sequence[str],
    cases: list[Case],
    settings: Settings,
    whole: Callable[[], onnx.ModelProto],
) -> list[dict[str, Array]]:
    """The values of tensors inside the graph, by name, in each case; constants are left out."""
    known = initializers_of(sides.model.proto.graph)
    wanted = [name for name in names if name not in known]
    if not wanted:
        return []
    try:
        data, beside = sliced(whole(), wanted)
        session = open_session(sides.model, data, settings, beside=beside)
        answers = [dict(session.run(case.inputs.arrays)) for case in cases]
    except (ParityError, RefusedError):
        return []
    session.close()
    return answers


def doubt_computation(sides: Sides, cases: list[Case], found: Found, remarks: list[str]) -> None:
    """Look at how PyTorch computes: in full precision, and the same way for every input or not."""
    if not isinstance(sides.reference, TorchReference):
        return
    try:
        behaviours = [sides.reference.behaviour(cases[0].inputs.arrays)]
        if behaviours[0].reads:
            behaviours += [sides.reference.behaviour(c.inputs.arrays) for c in cases[1:]]
    except RefusedError:  # OP107 says so
        return
    if not _is_half(sides.model):  # then half precision is what was asked for
        for name in behaviours[0].reduced:
            found.add("OP106", "the reference computes in reduced precision", name)
    if _MOVING.issuperset(behaviours[0].operators) and _computes(sides.model.proto):
        found.add("OP102", "the reference computes nothing in PyTorch; is it the graph itself?")
    alike = len({behaviour.operators for behaviour in behaviours}) == 1
    decisions: dict[str, set[bool | None]] = defaultdict(set)
    aside = dict[str, None]()
    for behaviour in behaviours:
        for read in behaviour.reads:
            decisions[read.site].add(read.decision)
            if read.installed or not read.of_data:
                aside[read.site] = None
    for site, seen in decisions.items():
        if site in aside:
            if len(seen) == 1:
                remarks.append(f"{site} decides alike at all sizes tried: {_sizes(cases)}")
        elif len(seen) == 1 and None not in seen:
            found.add("OP307", f"the reference decides on its data at {site}: always alike", site)
        elif None in seen and alike:
            message = (
                f"the reference reads numbers out of its data at {site}: always computes alike"
            )
            found.add("OP307", message, site)


def _sizes(cases: list[Case]) -> str:
    shown = list(dict.fromkeys(case.trial.shape_text for case in cases))
    more = f" and {len(shown) - SIZES_SHOWN} more" if len(shown) > SIZES_SHOWN else ""
    return "; ".join(shown[:SIZES_SHOWN]) + more


def _is_half(model: OnnxModel) -> bool:
    """Whether the graph itself declares half precision at an input or output."""
    return any(d.dtype in ("float16", "bfloat16") for d in (*model.inputs, *model.outputs))


def _computes(proto: onnx.ModelProto) -> bool:
    return any(node.op_type not in _RESHAPING for node in proto.graph.node)
