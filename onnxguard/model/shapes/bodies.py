"""If, Loop, Scan and SequenceMap: what their graphs get, and what comes out of the node.

A generator yields each graph with what its inputs get, and is sent what comes out. A value that
goes round is entered as what it is in every round: dimensions that change are unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from onnxguard.model.graph import Graph
from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim
from onnxguard.model.shapes.known import (
    BOOL,
    INT64,
    UNKNOWN,
    Known,
    MismatchError,
    Outputs,
    Site,
    UnknownError,
    axis_of,
    held,
)
from onnxguard.model.shapes.sequences import common


class Entered(NamedTuple):
    """A graph to enter, what is known of its inputs, and how often it runs.

    ``single`` says that it is one round alone, and not what holds for all.
    """

    graph: Graph
    inputs: Outputs
    times: Dim = 1
    single: bool = False


Rounds = Generator[Entered, Outputs, Outputs]

TRUE = Known((), (1,), BOOL)
ENDLESS = (1 << 63) - 1
"""The trip count that leaves the end of a Loop to its condition."""
ROUNDS, FEWEST = 64, 8
"""So many are entered one by one; then what has grown goes on as it did in the second half."""


TRIED = 32
"""So many rounds of a Loop of no known end: what doubles in each is seen."""


def enter(site: Site, most: int, trial: bool = False) -> Rounds:
    """The rounds of a node of ``table.BODIES``; single ones of as many as ``most`` nodes.

    In a trial a Loop of no known end has ``TRIED``, and rounds that are not entered one by one are
    tried as well.
    """
    op_type = site.node.operator.op_type
    if op_type == "Loop":
        return _loop(site, most, trial)
    return (
        _scan(site, most) if op_type == "Scan" else {"If": _if, "SequenceMap": _map}[op_type](site)
    )


def body_of(site: Site, name: bytes) -> Graph:
    """The graph of an attribute.

    Raises:
        UnknownError: there is none.
    """
    attribute = site.attribute(name)
    if attribute is None or not attribute.graphs:
        raise UnknownError
    return attribute.graphs[-1]


def _if(site: Site) -> Rounds:
    branches = [body_of(site, name) for name in (b"else_branch", b"then_branch")]
    values = site.input(0).values
    if values and len(values) == 1 and isinstance(values[0], (int, float)):
        return (yield Entered(branches[bool(values[0])], ()))
    no = yield Entered(branches[0], ())
    yes = yield Entered(branches[1], ())
    pairs = zip(map(site.full, yes), map(site.full, no), strict=False)
    return tuple([_one_of(a, b) for a, b in pairs])


def _one_of(a: Known, b: Known) -> Known:
    """As ``_either``, with the bounds of what differs."""
    made = _either(a, b)
    if made.shape is not None and None in made.shape and a.shape and b.shape:
        sizes = [d.either(x, y) for x, y in zip(a.shape, b.shape, strict=True)]
        bounded = [size if d.least(size) > 1 else None for size in sizes]
        pairs = zip(made.shape, bounded, strict=True)
        made = made._replace(shape=tuple([y if x is None else x for x, y in pairs]))
    if made.shape is None or None in made.shape or not a.values or not b.values:
        return made
    if a.dtype != b.dtype or len(a.values) != len(b.values):
        return made
    values = tuple(
        [x if x == y else d.either(x, y) for x, y in zip(a.values, b.values, strict=True)]
    )
    return held(made.shape, values, a.dtype)


def _either(a: Known, b: Known) -> Known:
    """What is known of a value that is one or the other."""
    if a == b:
        return a
    length = a.length if a.length == b.length else None
    shape = common(a.shape, b.shape)
    if a.values is None or b.values is None or len(a.values) != len(b.values):
        return Known(shape, length=length)
    if a.dtype != b.dtype or shape is None or None in shape:
        return Known(shape, length=length)
    values = tuple([x if x == y else None for x, y in zip(a.values, b.values, strict=True)])
    return Known(shape, values, a.dtype) if set(values) != {None} else Known(shape)


def _loop(site: Site, most: int, trial: bool) -> Rounds:
    body = body_of(site, b"body")
    first = carried = tuple(site.inputs[2:])
    condition = site.input(1)
    goes_on = not site.has(1) or condition.values == (1,)
    start = TRUE if goes_on else Known(())
    count = site.input(0).values
    times = max(count[0], 0) if count and isinstance(count[0], int) else None
    times = None if times and times >= ENDLESS else times
    times = TRIED if times is None and trial else times
    while True:
        made = yield Entered(body, (Known(()), start, *carried), times)
        after = made[1 : 1 + len(carried)]
        kept = tuple([_either(a, b) for a, b in zip(carried, after, strict=False)])
        kept += carried[len(after) :]
        if kept == carried:
            break
        # A round that changes a value leaves only what is common to it and the rounds before.
        carried = tuple([_changed(a, b) for a, b in zip(carried, kept, strict=True)])
    trips: Dim = None
    if goes_on and made and made[0].values == (1,):
        trips = times
    scanned = made[1 + len(carried) :]
    settled = carried == first and not any(map(_is_open, first))
    if times and not (settled and _is_unread(body, 0)):

        def given(number: Known, carried: Outputs) -> Outputs:
            return number, start, *carried

        last, exact = yield from _each(body, given, first, (times, most, trial), 1)
        if exact and trips is not None:
            carried = last
        else:
            carried = tuple([_at_least(a, b) for a, b in zip(carried, last, strict=True)])
    return (*carried, *[_stacked(known, trips, 0) for known in scanned])


def _each(
    body: Graph,
    given: Callable[[Known, Outputs], Outputs],
    carried: Outputs,
    counts: tuple[int, int, bool],
    skip: int,
) -> Generator[Entered, Outputs, tuple[Outputs, bool]]:
    """Enter the rounds of a body one by one.

    Args:
        body: the graph.
        given: its inputs, by the number of the round and what is carried.
        carried: what the first round gets.
        counts: how many rounds there are, how many nodes may be looked at, whether it is a trial.
        skip: outputs before those that are carried.

    Returns:
        What the last round leaves, and whether it is that, or growth that went on as before.
    """
    times, most, trial = counts
    most //= 1 + _nodes(body)
    between = min(most // 4, TRIED) if trial else 0
    most = min(max(most, FEWEST), ROUNDS)
    carried = tuple([k._replace(shape=k.shape and tuple(map(d.sized, k.shape))) for k in carried])
    seen, settled = [carried], False
    for index in range(min(times - 1, most)):
        made = yield Entered(body, given(_number(index), carried), single=True)
        carried = _after(made[skip:], carried)
        seen.append(carried)
        if carried == seen[-2]:  # unless the number of the round makes a difference
            made = yield Entered(body, given(Known(()), carried), single=True)
            settled = _after(made[skip:], carried) == carried
            if settled:
                break
    left, apart = times - len(seen), (len(seen) - 1) // 4
    exact = settled or not left
    if not exact:  # what no round is known to do
        yield from _between(body, given, carried, (min(left, between), skip))
    if not exact:
        points = zip(seen[-1 - 2 * apart], seen[-1 - apart], carried, strict=True)
        carried = tuple([_grown(each, apart, left) for each in points])
    made = yield Entered(body, given(_number(times - 1), carried), single=True)
    return _after(made[skip:], carried), exact


def _between(
    body: Graph,
    given: Callable[[Known, Outputs], Outputs],
    carried: Outputs,
    counts: tuple[int, int],
) -> Generator[Entered, Outputs, None]:
    """Enter rounds of which neither the number nor any element is known."""
    rounds, skip = counts
    for _ in range(rounds):
        before = tuple([Known(known.shape, length=known.length) for known in carried])
        made = yield Entered(body, given(Known(()), before), single=True)
        carried = _after(made[skip:], before)
        if [known.shape for known in carried] == [known.shape for known in before]:
            break


def _nodes(body: Graph) -> int:
    count, pending = 0, [body]
    while pending:
        graph = pending.pop()
        count += len(graph.nodes)
        pending += graph.subgraphs
    return count


def _is_open(known: Known) -> bool:
    """Whether a size is unknown, so that it is not seen to change."""
    return known.shape is None or None in known.shape


def _is_unread(body: Graph, index: int) -> bool:
    """Whether no node in a body reads one of its inputs."""
    name = body.inputs[index].name if index < len(body.inputs) else b""
    if not name:
        return True
    pending = [body]
    while pending:
        graph = pending.pop()
        if any(name in node.inputs for node in graph.nodes):
            return False
        if any(value.name == name for value in graph.outputs):
            return False
        pending += graph.subgraphs
    return True


def _number(index: int) -> Known:
    return Known((), (index,), INT64)


def _after(made: Outputs, carried: Outputs) -> Outputs:
    return made[: len(carried)] + carried[len(made) :]


def _grown(points: tuple[Known, Known, Known], apart: int, left: int) -> Known:
    """A value at three points of some rounds, after those that are left: it grows on as it did."""
    shapes, now = [known.shape for known in points], points[-1]
    if now.shape is None or any(s is None or len(s) != len(now.shape) for s in shapes):
        return now
    columns = zip(*[shape or () for shape in shapes], strict=True)
    shape = tuple([_later(column, apart, left) for column in columns])
    length = _later(tuple([known.length for known in points]), apart, left)
    values = [known.values for known in points]
    if now.values is None or None in values or shape != now.shape:
        return Known(shape, length=length)
    numbers = zip(*[each or () for each in values], strict=True)
    return now._replace(values=tuple([_later(each, apart, left) for each in numbers]))


def _later(points: tuple[Any, ...], apart: int, left: int) -> Any:
    """A number that grows by as much in every round, or by one factor."""
    if any(value is None or isinstance(value, float) for value in points):
        return points[-1]
    if any(isinstance(value, d.Span) for value in points):
        return d.Span(_later(tuple(map(d.least, points)), apart, left))
    a, b, c = points
    factor = d.floor_div(c, b)
    if isinstance(factor, int) and factor > 1 and d.mul(b, b) == d.mul(a, c):
        return d.mul(c, factor ** min(left // apart, 64))
    each = d.floor_div(d.sub(c, a), 2 * apart)
    return c if not each or d.least(each) < 0 else d.add(c, d.mul(each, left))


def _at_least(known: Known, last: Known) -> Known:
    """What is known in every round, and that the sizes get to those of the last one."""
    if last.shape is None or (known.shape is not None and len(known.shape) != len(last.shape)):
        return known
    shape = known.shape or (None,) * len(last.shape)
    pairs = zip(shape, last.shape, strict=True)
    shape = tuple([d.Span(d.least(b)) if a is None and d.least(b) > 1 else a for a, b in pairs])
    length = known.length
    if length is None and last.length is not None:
        length = d.Span(d.least(last.length))
    return known._replace(shape=shape, length=length)


def _changed(before: Known, kept: Known) -> Known:
    return before if before == kept else Known(kept.shape, length=kept.length)


def _stacked(known: Known, count: Dim, axis: int) -> Known:
    if known.shape is None:
        return UNKNOWN
    axis = axis_of(axis, len(known.shape) + 1)
    return Known((*known.shape[:axis], count, *known.shape[axis:]))


def _scan(site: Site, most: int) -> Rounds:
    body = body_of(site, b"body")
    old = site.version < 9
    inputs = site.inputs[1:] if old else site.inputs
    scans = site.integer(b"num_scan_inputs", 0)
    if not 0 < scans <= len(inputs):
        raise MismatchError(f"num_scan_inputs is {scans}, there are {len(inputs)} inputs")
    states, scanned = inputs[: len(inputs) - scans], inputs[len(inputs) - scans :]
    batch: Dim = None
    if old:  # every value has a batch axis before all others
        shapes = [known.shape for known in inputs]
        batch = next((shape[0] for shape in shapes if shape), None)
        states = tuple([Known(k.shape[1:] if k.shape else None) for k in states])
        scanned = tuple([Known(k.shape[1:] if k.shape else None) for k in scanned])
    axes = (site.integers(b"scan_input_axes") if not old else None) or (0,) * scans
    length: Dim = None
    slices: list[Known] = []
    for known, axis in zip(scanned, axes, strict=False):
        if known.shape is None:
            slices.append(UNKNOWN)
            continue
        at = axis_of(axis, len(known.shape), "scan_input_axes")
        if d.differ(length, known.shape[at]):
            raise MismatchError(
                f"an input is scanned {d.text(known.shape[at])} times, another {d.text(length)}"
            )
        length = d.merged(length, known.shape[at])
        shape = (*known.shape[:at], *known.shape[at + 1 :])
        slices.append(Known(shape, hidden=known.is_constant))
    first = states
    while True:
        made = yield Entered(body, (*states, *slices), length)
        kept = tuple([_either(a, b) for a, b in zip(states, made, strict=False)])
        kept += states[len(made) :]
        if kept == states:
            break
        states = tuple([_changed(a, b) for a, b in zip(states, kept, strict=True)])
    outputs = made[len(states) :]
    settled = states == first and not any(map(_is_open, first))
    if isinstance(length, int) and length > 0 and not settled:

        def given(_: Known, states: Outputs) -> Outputs:
            return *states, *slices

        last, exact = yield from _each(body, given, first, (length, most, False), 0)
        states = last if exact else tuple(map(_at_least, states, last))
    placed = (site.integers(b"scan_output_axes") if not old else None) or (0,) * len(outputs)
    if len(placed) < len(outputs):
        raise UnknownError
    whole = [_stacked(k, length, axis) for k, axis in zip(outputs, placed, strict=False)]
    if not old:
        return (*[Known(k.shape, hidden=k.is_constant) for k in states], *whole)
    every = (*states, *whole)
    return tuple([Known(None if k.shape is None else (batch, *k.shape)) for k in every])


def _map(site: Site) -> Rounds:
    """SequenceMap: an element of each sequence at a time."""
    given = tuple([Known(known.shape) for known in site.inputs])
    length = site.inputs[0].length if site.inputs else None
    made = yield Entered(body_of(site, b"body"), given, length)
    return tuple([Known(known.shape, length=length) for known in made])
