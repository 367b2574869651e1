"""If, Loop, Scan and SequenceMap: what their graphs get, and what comes out of the node.

A generator yields each graph with what its inputs get, and is sent what comes out. A value that
goes round is entered as what it is in every round: dimensions that change are unknown.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

from onnxguard.model.graph import Graph
from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim
from onnxguard.model.shapes.known import (
    BOOL,
    UNKNOWN,
    Known,
    MismatchError,
    Outputs,
    Site,
    UnknownError,
    axis_of,
)
from onnxguard.model.shapes.sequences import common


class Entered(NamedTuple):
    """A graph to enter, what is known of its inputs, and how often it runs."""

    graph: Graph
    inputs: Outputs
    times: Dim = 1


Rounds = Generator[Entered, Outputs, Outputs]

TRUE = Known((), (1,), BOOL)
ENDLESS = (1 << 63) - 1
"""The trip count that leaves the end of a Loop to its condition."""


def enter(site: Site) -> Rounds:
    """The rounds of a node of ``table.BODIES``."""
    return {"If": _if, "Loop": _loop, "Scan": _scan, "SequenceMap": _map}[
        site.node.operator.op_type
    ](site)


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
    return tuple([_either(a, b) for a, b in zip(yes, no, strict=False)])


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


def _loop(site: Site) -> Rounds:
    body = body_of(site, b"body")
    carried = tuple(site.inputs[2:])
    condition = site.input(1)
    endless = not site.has(1) or condition.values == (1,)
    start = TRUE if endless else Known(())
    count = site.input(0).values
    times = max(count[0], 0) if count and isinstance(count[0], int) else None
    times = None if times and times >= ENDLESS else times
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
    if endless and made and made[0].values == (1,):
        trips = times
    scanned = made[1 + len(carried) :]
    return (*carried, *[_stacked(known, trips, 0) for known in scanned])


def _changed(before: Known, kept: Known) -> Known:
    return before if before == kept else Known(kept.shape, length=kept.length)


def _stacked(known: Known, count: Dim, axis: int) -> Known:
    if known.shape is None:
        return UNKNOWN
    axis = axis_of(axis, len(known.shape) + 1)
    return Known((*known.shape[:axis], count, *known.shape[axis:]))


def _scan(site: Site) -> Rounds:
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
        slices.append(Known((*known.shape[:at], *known.shape[at + 1 :])))
    while True:
        made = yield Entered(body, (*states, *slices), length)
        kept = tuple([_either(a, b) for a, b in zip(states, made, strict=False)])
        kept += states[len(made) :]
        if kept == states:
            break
        states = tuple([_changed(a, b) for a, b in zip(states, kept, strict=True)])
    outputs = made[len(states) :]
    placed = (site.integers(b"scan_output_axes") if not old else None) or (0,) * len(outputs)
    if len(placed) < len(outputs):
        raise UnknownError
    whole = [_stacked(k, length, axis) for k, axis in zip(outputs, placed, strict=False)]
    if not old:
        return (*[Known(k.shape) for k in states], *whole)
    every = (*states, *whole)
    return tuple([Known(None if k.shape is None else (batch, *k.shape)) for k in every])


def _map(site: Site) -> Rounds:
    """SequenceMap: an element of each sequence at a time."""
    given = tuple([Known(known.shape) for known in site.inputs])
    length = site.inputs[0].length if site.inputs else None
    made = yield Entered(body_of(site, b"body"), given, length)
    return tuple([Known(known.shape, length=length) for known in made])
