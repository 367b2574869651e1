"""A whole graph, optimised as in production, against its nodes one by one.

Nodes that ONNX Runtime fuses are never run alone in production: what it makes of them is seen in
the outputs of the graph alone. Without optimisations it runs node after node.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from onnxguard.base.printable import printable
from onnxguard.conformance.attempt import attempt
from onnxguard.conformance.comparison import Value, compare
from onnxguard.conformance.evaluators import run, trace
from onnxguard.conformance.record import Outcome, WholeGraph
from onnxguard.conformance.referees import tolerance
from onnxguard.running.child import Worker
from onnxguard.running.comparison import Array, is_floating
from onnxguard.running.cutting import RANDOM_OPERATORS, graphs_of

SLACK = 10.0
"""How much further than one node's outputs those of a whole graph may be apart."""
OF_NOISE = 30.0
"""Likewise, times what they move by where the inputs move by their last bits."""


def check_whole(
    worker: Worker, proto: onnx.ModelProto, feeds: dict[str, Array], seconds: float
) -> WholeGraph:
    """Run a model with all optimisations and with none, and compare the outputs.

    Where they are further apart than rounding explains, the graph may still be one that tells
    apart what rounding cannot: it runs again on inputs of which the last bits differ, and the
    optimisations are blamed only for more than that changes.

    Args:
        worker: that runs everything.
        proto: its functions inlined; all its data inside.
        feeds: by the names of its inputs.
        seconds: how long each run may take.
    """
    if any(_draws(node) for graph in graphs_of(proto) for node in graph.node):
        return WholeGraph(Outcome.UNJUDGED, reason="it draws at random")
    data = proto.SerializeToString()
    plain, outcome, reason = attempt(worker, trace, data, feeds, seconds)
    if outcome is not Outcome.PASSED:
        return WholeGraph(outcome, reason=f"node by node: {reason}")
    fused, outcome, reason = attempt(worker, run, data, feeds, seconds)
    if outcome is not Outcome.PASSED:
        return WholeGraph(outcome, reason=f"optimised: {reason}")
    read = [at for at, value in enumerate(plain) if value is not None]
    if not read:
        return WholeGraph(Outcome.UNJUDGED, reason="none of its outputs can be read")
    plain, fused = [plain[at] for at in read], [fused[at] for at in read]
    compared = compare(fused, plain, _allowed)
    if not compared.problem:
        return WholeGraph(Outcome.PASSED, compared.difference)
    moved, outcome, _ = attempt(worker, trace, data, _stirred(feeds), seconds)
    moved = [moved[at] for at in read] if outcome is Outcome.PASSED else plain
    noise = [_distance(a, b) for a, b in zip(plain, moved, strict=True)]
    for at, (got, want, far) in enumerate(zip(fused, plain, noise, strict=True)):
        found = _beyond(got, want, far)
        if found:
            name = printable(proto.graph.output[read[at]].name)
            reason = f'output "{name}": {found.removeprefix("output 0: ")}'
            return WholeGraph(Outcome.FAILED, compared.difference, far, reason)
    reason = "its outputs move as far where its inputs move by their last bits"
    return WholeGraph(Outcome.DISPUTED, compared.difference, max(noise), reason)


def _draws(node: onnx.NodeProto) -> bool:
    training = node.op_type == "Dropout" and len(node.input) > 2 and bool(node.input[2])
    return training or node.op_type in RANDOM_OPERATORS


def _allowed(expected: Array) -> tuple[float, float]:
    relative, absolute = tolerance(expected)
    return relative, SLACK * absolute


def _beyond(got: Value, want: Array, noise: float) -> str:
    """What is wrong with an output, noise left aside; "" where nothing is."""
    if not is_floating(want.dtype):
        same_kind = isinstance(got, np.ndarray) and got.shape == want.shape
        return "" if noise and same_kind else compare([got], [want], _allowed).problem
    return compare([got], [want], lambda e: (0.0, max(_allowed(e)[1], OF_NOISE * noise))).problem


def _distance(a: Array, b: Value) -> float:
    """The largest difference of two outputs; of others than floats, 1 where they differ at all."""
    if not isinstance(b, np.ndarray) or a.shape != b.shape:
        return 0.0
    if not is_floating(a.dtype):
        return float(np.any(a != b))
    return compare([a], [b], _allowed).difference or 0.0


def _stirred(feeds: dict[str, Array]) -> dict[str, Array]:
    """Inputs of which every float is moved by its last bit, up or down."""
    random = np.random.default_rng(0)
    found: dict[str, Any] = {}
    for name, value in feeds.items():
        if value.dtype.kind == "f":
            towards = np.where(random.random(value.shape) < 0.5, -np.inf, np.inf)
            found[name] = np.asarray(np.nextafter(value, towards.astype(value.dtype)))
        else:
            found[name] = value
    return found
