"""``conform MODEL``: each kind of node of a model, cut out and run on what really flows through it.

ONNX Runtime's answer is compared with that of two referees; then the whole graph, optimised, with
its nodes one by one.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import onnx
from onnx import defs

from onnxguard.base.errors import OnnxguardError, UsageError
from onnxguard.base.printable import printable
from onnxguard.conformance.attempt import CASE_SECONDS, Progress, attempt, start
from onnxguard.conformance.cases import long_domain, schema_version, short_domain, unspoken
from onnxguard.conformance.evaluators import measure, prepare, trace
from onnxguard.conformance.nodes import Kind, Site, cut, find_nodes, kind_of
from onnxguard.conformance.record import (
    CaseResult,
    Conformance,
    Evidence,
    OperatorRecord,
    Outcome,
    Source,
    weigh,
)
from onnxguard.conformance.referees import Judged, Use
from onnxguard.conformance.trial import trial
from onnxguard.conformance.whole import check_whole
from onnxguard.running.child import DiedError, RaisedError, TimedOutError, Worker
from onnxguard.running.comparison import Array
from onnxguard.running.cutting import RANDOM_OPERATORS, with_outputs
from onnxguard.running.drawing import draw
from onnxguard.running.graph_file import Declared, OnnxModel, read_onnx
from onnxguard.running.inputs import parse_shapes, propose_shapes, read_inputs
from onnxguard.running.ranges import index_bounds
from onnxguard.scanning.scan import read_facts

MOST_NODES = 100_000
"""A model of more nodes, its functions inlined, is refused."""

MOST_TRIES = 4
"""Nodes of one kind that are run until one gives an answer."""
MOST_HELD = 1 << 29
"""Bytes of tensors that are read in one run of the model; the others when they are used."""
OPEN_DIM = 3
"""The size of a dim inside a subgraph that nobody says."""

_OPTION = "`shapes` INPUT=DIMS or `inputs` FILE.npz gives it others"


def conform_model(
    path: str | os.PathLike[str],
    seed: int = 0,
    *,
    shapes: Sequence[str] = (),
    inputs: str | None = None,
    case_seconds: float = CASE_SECONDS,
    progress: Progress | None = None,
) -> Conformance:
    """Gather evidence on every operator, attributes and input dtypes that a model uses.

    Args:
        path: the model.
        seed: of the inputs, normal noise and small integers.
        shapes: ``INPUT=1x3x64x64`` for inputs whose dims are not fixed.
        inputs: a ``.npz`` that holds every input, in place of what the seed makes.
        case_seconds: how long the model, and each node, may take.
        progress: is told after each node how many are done, and of how many.

    Raises:
        OnnxguardError: the model cannot be read, or must not be run, or does not run.
    """
    started = time.perf_counter()
    nodes = read_facts(path).expanded_nodes
    if nodes < 0:
        raise UsageError(f"{printable(os.fspath(path))}: a local function calls itself")
    if nodes > MOST_NODES:
        raise UsageError(f"{printable(os.fspath(path))}: {nodes:,} nodes are too many to run alone")
    model = read_onnx(path)
    if not model.whole:
        raise UsageError(f"{model.path}: its external data is too large to cut nodes out of it")
    with Worker() as worker:
        versions = start(worker)
        proto = _prepared(worker, model, case_seconds)
        sites = list(find_nodes(proto))
        feeds = _feeds(model, proto, shapes, inputs, seed)
        fed, measured = _measured(worker, model.path, proto, sites, feeds, case_seconds)
        kinds: dict[Kind, list[Site]] = {}
        for site in sites:
            kinds.setdefault(kind_of(site, measured), []).append(site)
        run = _Run(worker, proto, fed, dict(fed), seed, case_seconds)
        first = [name for alike in kinds.values() for name in _by_reach(alike)[0].computed]
        run.held.update(run.values(_as_many(first, measured)))
        records = []
        for done, (kind, alike) in enumerate(kinds.items(), 1):
            records.append(_record(run, kind, alike))
            if progress is not None:
                progress(done, len(kinds) + 1)
        whole = check_whole(worker, proto, fed, case_seconds)
        if progress is not None:
            progress(len(kinds) + 1, len(kinds) + 1)
    return Conformance(
        "model",
        model.path,
        model.sha256,
        model.opset,
        tuple(sorted(records, key=lambda record: (record.domain, record.op_type, record.variant))),
        versions,
        tuple((printable(name), array.shape) for name, array in fed.items()),
        seed if inputs is None else None,
        seconds=time.perf_counter() - started,
        whole=whole,
    )


def _prepared(worker: Worker, model: OnnxModel, seconds: float) -> onnx.ModelProto:
    try:
        data = worker.call(prepare, model.proto.SerializeToString(), seconds=seconds)
    except (DiedError, RaisedError, TimedOutError, ValueError) as error:
        reason = printable(str(error), 300)
        raise OnnxguardError(f"{model.path}: onnx cannot inline its functions: {reason}") from None
    return onnx.load_model_from_string(data)


def _feeds(
    model: OnnxModel,
    proto: onnx.ModelProto,
    shapes: Sequence[str],
    inputs: str | None,
    seed: int,
) -> Iterator[dict[str, Array]]:
    """The inputs to try, until the model takes some."""
    if inputs is not None:
        yield read_inputs(inputs, model.inputs).arrays
        return
    bounds = index_bounds(proto)
    for proposed in parse_shapes(shapes, model.inputs) or propose_shapes(model.inputs):
        yield draw(model.inputs, proposed, "noise", seed, bounds).arrays


Measured = dict[str, tuple[str, tuple[int, ...]]]
"""Dtype and shape of tensors, by name."""


def _measured(
    worker: Worker,
    path: str,
    proto: onnx.ModelProto,
    sites: Iterable[Site],
    feeds: Iterable[dict[str, Array]],
    seconds: float,
) -> tuple[dict[str, Array], Measured]:
    """Run the model once: its inputs, and what every tensor that the nodes read is like."""
    wanted = {name for site in sites for name, source in site.reads
              if source.constant is None and not source.inner}  # fmt: skip
    reason = ""
    for fed in feeds:
        names = sorted(wanted - fed.keys()) or [value.name for value in proto.graph.output]
        read, outcome, reason = attempt(worker, measure, with_outputs(proto, names), fed, seconds)
        if outcome is Outcome.PASSED:
            found = {k: v for k, v in zip(names, read, strict=True) if v is not None}
            return fed, {**found, **{k: (v.dtype.name, v.shape) for k, v in fed.items()}}
        if outcome is not Outcome.FAILED:
            raise OnnxguardError(f"{path}: ONNX Runtime does not run it: {reason}")
    raise UsageError(f"{path}: ONNX Runtime does not run it on its inputs: {reason} ({_OPTION})")


class _Run(NamedTuple):
    """A model that is looked at, and what its tensors are like."""

    worker: Worker
    proto: onnx.ModelProto
    fed: dict[str, Array]
    held: dict[str, Array]
    seed: int
    seconds: float

    def values(self, names: Sequence[str]) -> dict[str, Array]:
        """The tensors of some names as they flow through the model, those at hand and others."""
        wanted = [name for name in names if name not in self.held]
        found = {name: self.held[name] for name in names if name in self.held}
        if wanted:
            data = with_outputs(self.proto, wanted)
            read, outcome, _ = attempt(self.worker, trace, data, self.fed, self.seconds)
            values = read if outcome is Outcome.PASSED else [None] * len(wanted)
            found |= {k: v for k, v in zip(wanted, values, strict=True) if v is not None}
        return found


def _as_many(names: Iterable[str], measured: Measured) -> list[str]:
    """Those of some tensors that may be held at the same time."""
    found: dict[str, None] = {}
    held = 0
    for name in names:
        if name in measured and name not in found:
            held += 8 * math.prod(measured[name][1])
            if held > MOST_HELD:
                break
            found[name] = None
    return list(found)


def _by_reach(alike: list[Site]) -> list[Site]:
    """Nodes of a kind, those first whose inputs a run of the model shows."""
    return sorted(alike, key=lambda site: bool(site.unread))


def _record(run: _Run, kind: Kind, alike: list[Site]) -> OperatorRecord:
    """Run nodes of a kind until one gives an answer: the first may be fed zeros."""
    ordered = _by_reach(alike)
    tried: list[CaseResult] = []
    obstacle = ""
    for site in ordered[:MOST_TRIES]:
        obstacle, judged = _tried(run, site)
        if judged is None:
            continue
        tried = [CaseResult(site.route, False, *judged, Source.MODEL)]
        if judged.outcome in {Outcome.PASSED, Outcome.FAILED, Outcome.CRASHED, Outcome.TIMED_OUT}:
            break
    cases = tuple(tried)
    evidence, reason = weigh(cases) if cases else (Evidence.UNPROVEN, obstacle)
    site = ordered[0]
    opsets = {long_domain(o.domain): o.version for o in run.proto.opset_import}
    passed = [case for case in cases if case.outcome is Outcome.PASSED]
    return OperatorRecord(
        printable(site.domain),
        printable(site.node.op_type),
        schema_version(site.domain, site.node.op_type, opsets.get(site.domain, 0)),
        kind.shown,
        len(alike),
        0,
        0,
        0,
        evidence,
        reason,
        passed[0].difference if passed else None,
        cases,
    )


def _tried(run: _Run, site: Site) -> tuple[str, Judged | None]:
    """Why a node cannot be run alone, or what became of it."""
    opsets = {long_domain(o.domain): o.version for o in run.proto.opset_import}
    opset = opsets.get(site.domain, 0)
    version = schema_version(site.domain, site.node.op_type, opset)
    if version is not None:
        schema = defs.get_schema(site.node.op_type, opset, short_domain(site.domain))
        young = unspoken(schema, site.node)
        if young:
            return young, None
    values = run.values([name for name in site.computed if name not in dict(site.unread)])
    drawn, obstacle = _drawn(run, site)
    values |= drawn
    unread = next((name for name in site.computed if name not in values), "")
    if obstacle or unread:
        return obstacle or f'its input "{printable(unread)}" is no tensor that can be read', None
    if _is_random(site, values):
        return "its output is random", None
    constants = {n: onnx.numpy_helper.to_array(s.constant) for n, s in site.reads if s.constant}
    known = {**constants, **values}
    said = {a.name: onnx.helper.get_attribute_value(a) for a in site.node.attribute}
    text = {k: str(v, "utf-8", "replace") if isinstance(v, bytes) else v for k, v in said.items()}
    inputs = [known.get(name) for name in site.node.input]
    use = Use(site.node.op_type, version or 0, text, inputs, sum(map(bool, site.node.output)))
    feeds = {name: values[name] for name in site.computed}
    data = cut(run.proto, site, values)
    judged = trial(run.worker, data, feeds, use, run.seconds, domain=site.domain)
    if drawn and judged.reason:
        judged = judged._replace(reason=f"on generated inputs: {judged.reason}")
    return "", judged


def _drawn(run: _Run, site: Site) -> tuple[dict[str, Array], str]:
    """Values for what is computed inside a subgraph, of the shape that was inferred there."""
    found: dict[str, Array] = {}
    for name, source in site.unread:
        shape = source.shape
        if not source.dtype or shape is None:
            return {}, f'its input "{printable(name)}" is computed inside a subgraph'
        dims = tuple(OPEN_DIM if dim is None else dim for dim in shape)
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(source.dtype)).name
        declared = Declared(name, dtype, dims)
        try:
            found |= draw([declared], {name: dims}, "noise", run.seed, {}).arrays
        except UsageError as error:
            return {}, str(error)
    return found, ""


def _is_random(site: Site, values: dict[str, Array]) -> bool:
    if site.domain != "ai.onnx":
        return False
    training = site.node.input[2] if len(site.node.input) > 2 else ""
    return site.node.op_type in RANDOM_OPERATORS or (
        site.node.op_type == "Dropout" and bool(training) and _holds(site, training, values)
    )


def _holds(site: Site, name: str, values: dict[str, Array]) -> bool:
    constant = dict(site.reads)[name].constant
    value = values[name] if constant is None else onnx.numpy_helper.to_array(constant)
    return bool(np.any(value))
