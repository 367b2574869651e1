"""The node-local pass: every node alone, on the tensors that the reference had at its place.

An error of one node then shows at that node, undiminished by what follows, and nowhere else.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from onnxguard.base.printable import printable
from onnxguard.parity.mapping import Counterparts, Meant
from onnxguard.parity.report import NodeCheck, NodePass
from onnxguard.parity.settings import Settings
from onnxguard.parity.trace import Trace
from onnxguard.running.comparison import Array, compare, epsilon, is_floating, same_extremes
from onnxguard.running.cutting import (
    computed_names,
    initializers_of,
    names_read,
    one_node_model,
    with_outputs,
)
from onnxguard.running.difference import Difference
from onnxguard.running.errors import ParityError, RefusedError
from onnxguard.running.session import Session
from onnxguard.running.ties import holds_places, ties

NODES = 5_000
"""Of a larger graph so many nodes are run, the first, unless told otherwise: about 2 ms each."""

RANKED = 5
"""So many of the worst nodes are kept."""

FAR_APART = 4.0
"""A number that stands more than once, and is so many times the next, is what a mask is filled
with."""
FILLING = 1e30
"""And so is one beyond this, once."""

_ROUNDING = 32
"""Rounding of one node: so many times the dtype's epsilon and the largest value.

Measured: up to 12 between oneDNN (Winograd) and ONNX Runtime."""


class Evidence(NamedTuple):
    """What is needed to replay one node: its model, inputs, and what both sides gave."""

    data: bytes
    fed: dict[str, Array]
    expected: Array
    actual: Array


class NodeResults(NamedTuple):
    """What the pass over one graph gave.

    Attributes:
        summary: the pass, as reported.
        values: of every tensor that depends on the inputs: the reference's where it was compared.
        compared: the tensors that were compared.
        evidence: of the first wrong node.
        left: the tensors of nodes that were not run.
    """

    summary: NodePass
    values: Mapping[str, Array] = {}
    compared: frozenset[str] = frozenset()
    evidence: Evidence | None = None
    left: frozenset[str] = frozenset()


class Made(NamedTuple):
    """An output that a node of an operator made of what it was fed."""

    name: str
    operator: str
    value: Array
    fed: dict[str, Array]
    node: onnx.NodeProto


class Judgement(NamedTuple):
    """An output of a node, compared with its counterpart, which is of the module."""

    expected: Array
    module: str
    difference: Difference


class NodePasser:
    """Runs the pass over graphs that share a reference: an original, then damaged ones.

    What came of the original's nodes is remembered: the same bytes on the very same arrays give
    the same again.

    Args:
        trace: the reference's run.
        feeds: the inputs that it ran on.
        settings: of the check; ``atol`` is the tolerance of outputs, that of a node grows with its
            values.
    """

    def __init__(self, trace: Trace, feeds: dict[str, Array], settings: Settings) -> None:
        self.trace = trace
        self.feeds = feeds
        self.counterparts = Counterparts(trace.records)
        self._atol = settings.atol
        self._budget = settings.budget
        self._allowed = settings.allowed
        self.most = sys.maxsize if settings.local else NODES
        # One node is soon done; threads that start and end with every session would take longer.
        self._session = functools.partial(Session, settings=settings, threads=1)
        # Keyed by the identity of arrays, all of which live as long as these do.
        self._made: dict[tuple[bytes, tuple[int, ...]], dict[str, Array]] = {}
        self._judged: dict[tuple[str, int, tuple[int, ...]], Judgement | None] = {}
        self._learning = self._remembering = settings.mutants > 0

    def run(self, proto: onnx.ModelProto) -> NodeResults:
        """Pass one graph."""
        try:
            return _Walk(self, proto).result()
        except (RefusedError, ParityError) as error:
            return NodeResults(NodePass(ran=False, reason=f"a node cannot be run alone: {error}"))
        finally:
            self._learning = False

    def make(self, data: bytes, fed: dict[str, Array]) -> dict[str, Array]:
        """Run a one-node model.

        Raises:
            ParityError: it does not load.
            RefusedError: it does not take its inputs.
        """
        if not self._remembering:
            return dict(self._session(data).run(fed))
        key = hashlib.sha256(data).digest(), tuple(map(id, fed.values()))
        made = self._made.get(key)
        if made is None:
            made = dict(self._session(data).run(fed))
            if self._learning:
                self._made[key] = made
        return made

    def own_values(self, proto: onnx.ModelProto) -> dict[str, Array]:
        """What a graph as a whole computes on the way, as far as it can be read."""
        try:
            exposed = with_outputs(proto, computed_names(proto.graph))
            return self._session(exposed).readable(self.feeds)
        except (RefusedError, ParityError):
            return {}

    def judge(
        self,
        made: Made,
        meant: Meant,
        output: Array | None,
    ) -> Judgement | None:
        """Compare what a node made with its counterpart; None where there is none.

        Args:
            made: by the node.
            meant: what it should be one of.
            output: what it must be, because it is an output of the graph.
        """
        key = made.name, id(made.value), (id(output), *map(id, meant))
        if key in self._judged:
            return self._judged[key]
        judgement = self._compared(made, meant, output)
        if self._learning:
            self._judged[key] = judgement
        return judgement

    def _tolerance(self, expected: Array, operator: str) -> float:
        tolerance = tolerance_of(expected, self._atol, operator)
        if self._budget is None or not expected.size or not is_floating(expected.dtype):
            return tolerance
        finite = expected[np.isfinite(expected)].astype(np.float64)
        return max(tolerance, self._budget.largest * float(np.ptp(finite)) if finite.size else 0.0)

    def _compared(self, made: Made, meant: Meant, output: Array | None) -> Judgement | None:
        expected, module = output, "the output"
        if expected is None:
            tolerance = self._tolerance(made.value, made.operator)
            found = self.counterparts.find(meant, made.value, tolerance, made.fed.values())
            if found is None:
                return None
            expected = found.value
            module = printable(found.record.module or found.record.kind)
        tolerance, value = self._tolerance(expected, made.operator), made.value
        # What a mask is filled with rounds as well, and does not count as a tensor's largest.
        relative = _ROUNDING * epsilon(expected.dtype) if is_floating(expected.dtype) else 0.0
        if output is not None:
            absolute, asked = self._allowed(made.name)
            tolerance, relative = max(tolerance, absolute), max(relative, asked)
        lower = output is None or self._budget is not None
        if lower and value.dtype != expected.dtype:  # of another precision
            value = value.astype(expected.dtype)
        settled = self._settled(made, expected, value, tolerance)
        difference = compare(made.name, expected, value, tolerance, relative, settled)
        if lower:
            with np.errstate(over="ignore"):
                expected = expected.astype(made.value.dtype, copy=False)
        return Judgement(expected, module, difference)

    def _settled(
        self, made: Made, expected: Array, value: Array, tolerance: float
    ) -> npt.NDArray[np.bool_] | None:
        """Where a node agrees although numbers do not say so: on infinity, NaN, among equals."""
        if expected.shape != value.shape or expected.dtype != value.dtype:
            return None
        if is_floating(value.dtype):
            return same_extremes(expected, value)
        name = made.node.input[0]
        data = made.fed.get(name) if holds_places(made.node, made.name) else None
        if data is not None and name not in self.feeds and self._budget is None:
            data = self.counterparts.behind(data)
        return None if data is None else ties(made.node, data, expected, value, tolerance)


def tolerance_of(expected: Array, atol: float, operator: str = "") -> float:
    """What one node may differ by: ``atol``, or rounding where the values are large.

    Resize computes with positions, whose rounding grows with the image, and with the difference of
    two values.
    """
    if not expected.size or not is_floating(expected.dtype):
        return atol
    largest = _largest(expected[np.isfinite(expected.astype(np.float64, copy=False))])
    steps = max(_ROUNDING, 2 * max(expected.shape)) if operator == "Resize" else _ROUNDING
    rounding = steps * epsilon(expected.dtype) * largest
    return max(atol, rounding) if np.isfinite(rounding) else atol


def _largest(finite: Array) -> float:
    """The largest absolute value, what a mask is filled with left out.

    Rounding of 1e9 would hide whatever is wrong with the rest.
    """
    left = np.abs(finite.astype(np.float64, copy=False)).ravel()
    while True:
        largest = float(left.max(initial=0.0))
        if largest <= FILLING and np.count_nonzero(left == largest) < 2:
            return largest
        rest = left[left < largest]
        if not rest.size or rest.max() * FAR_APART >= largest:
            return largest
        left = rest


class _Walk:
    """One pass over one graph."""

    def __init__(self, passer: NodePasser, proto: onnx.ModelProto) -> None:
        self._passer = passer
        self._proto = proto
        self._constants = initializers_of(proto.graph)
        self._meant = passer.counterparts.expected(proto.graph)
        self._values: dict[str, Array] = dict(passer.feeds)
        self._suspects: dict[str, frozenset[int]] = {}
        names = [value.name for value in proto.graph.output]
        # Not strict: a reference may give another number of outputs, which is a finding elsewhere.
        self._outputs = dict(zip(names, (v for _, v in passer.trace.outputs), strict=False))
        self._checked: set[int] = set()
        self._covered: set[int] = set()
        self._checks: list[NodeCheck] = []
        self._compared: set[str] = set()
        self._unknown: set[str] = set()
        self._own: dict[str, Array] | None = None
        self._evidence: Evidence | None = None

    def result(self) -> NodeResults:
        nodes = self._proto.graph.node
        dynamic: set[int] = set()
        left = list[int]()
        for index, node in enumerate(nodes):
            if len(dynamic) >= self._passer.most:
                left.append(index)
            elif self._node(index, node):
                dynamic.add(index)
        unchecked = sorted(dynamic - self._checked - self._covered) + left
        reason = f"the first {len(dynamic):,} nodes were run alone, {len(left):,} were not"
        summary = NodePass(
            ran=True,
            reason=f"{reason}: --local runs all" if left else "",
            nodes=len(dynamic) + len(left),
            checked=len(self._checked & dynamic),
            covered=len((self._covered & dynamic) - self._checked),
            unchecked=tuple(name_of(nodes[i], i) for i in unchecked),
            worst=max(self._checks, key=_relation, default=None),
            wrong=tuple(check for check in self._checks if not check.difference.passed),
            ranked=tuple(sorted(self._checks, key=_relation, reverse=True)[:RANKED]),
        )
        unrun = frozenset(name for i in left for name in nodes[i].output)
        compared = frozenset(self._compared)
        return NodeResults(summary, self._values, compared, self._evidence, unrun)

    def _node(self, index: int, node: onnx.NodeProto) -> bool:
        """Run one node; tell whether it depends on the inputs."""
        reads = names_read(node)
        fed = {name: self._values[name] for name in reads if name in self._values}
        before = frozenset[int]().union(*(self._suspects.get(name, ()) for name in fed))
        try:
            if self._unknown.intersection(reads):
                raise RefusedError("a value that it reads cannot be held here")
            held = [self._constants[name] for name in reads if name in self._constants]
            data = one_node_model(self._proto, node, fed, held)
            made = self._passer.make(data, fed)
        except (RefusedError, ParityError):
            self._take_over(index, node, before)
            return bool(fed) or bool(self._unknown.intersection(reads))
        if not fed:
            for name, value in made.items():
                self._constants[name] = numpy_helper.from_array(value, name)
            return False
        for name, value in made.items():
            self._judge(index, Made(name, node.op_type, value, fed, node), before, data)
        return True

    def _take_over(self, index: int, node: onnx.NodeProto, before: frozenset[int]) -> None:
        """Go on with what the graph itself computes, where a node cannot be run alone."""
        if self._own is None:
            self._own = self._passer.own_values(self._proto)
        for name in filter(None, node.output):
            if name in self._own:
                self._values[name] = self._own[name]
                self._suspects[name] = before | {index}
            else:
                self._unknown.add(name)

    def _judge(self, index: int, made: Made, before: frozenset[int], data: bytes) -> None:
        name = made.name
        judgement = self._passer.judge(made, self._meant.get(name, ()), self._outputs.get(name))
        if judgement is None:
            self._values[name] = made.value
            self._suspects[name] = before | {index}
            return
        nodes = self._proto.graph.node
        check = NodeCheck(
            name_of(nodes[index], index),
            printable(made.operator),
            judgement.module,
            tuple(name_of(nodes[i], i) for i in sorted(before | {index})),
            judgement.difference,
        )
        self._checks.append(check)
        self._checked.add(index)
        self._covered |= before
        self._values[name] = judgement.expected
        self._compared.add(name)
        if not judgement.difference.passed and self._evidence is None:
            self._evidence = Evidence(data, made.fed, judgement.expected, made.value)


def _relation(check: NodeCheck) -> float:
    return check.difference.largest / check.difference.tolerance


def name_of(node: onnx.NodeProto, index: int) -> str:
    """A node's name, or its operator and place where it has none."""
    return printable(node.name) if node.name else f"node {index} ({printable(node.op_type)})"
