"""``conform MODEL``: each kind of node of a model, cut out and run on what really flows through it.

ONNX Runtime's answer is compared with that of ``onnx.reference``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import onnx

from onnxguard.base.errors import OnnxguardError, UsageError
from onnxguard.base.printable import printable
from onnxguard.conformance.attempt import CASE_SECONDS, Progress, attempt, start
from onnxguard.conformance.cases import long_domain, schema_version
from onnxguard.conformance.comparison import compare
from onnxguard.conformance.evaluators import prepare, run, run_reference, trace
from onnxguard.conformance.nodes import Site, cut, find_nodes
from onnxguard.conformance.record import (
    CaseResult,
    Conformance,
    Evidence,
    OperatorRecord,
    Outcome,
    weigh,
)
from onnxguard.running.child import DiedError, RaisedError, TimedOutError, Worker
from onnxguard.running.comparison import Array
from onnxguard.running.cutting import RANDOM_OPERATORS, with_outputs
from onnxguard.running.graph_file import OnnxModel, read_onnx
from onnxguard.running.inputs import draw, index_bounds, parse_shapes, propose_shapes, read_inputs
from onnxguard.scanning.scan import read_facts

MOST_NODES = 100_000
"""A model of more nodes, its functions inlined, is refused."""

TOLERANCES = {"float64": 1e-10, "float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}
"""By dtype: the difference allowed, times the largest expected magnitude where that is over 1.

Both sides round in another order, and a sum is off by units in the last place of its largest
term. These are some 80 units of float32 and 4 of float16 and bfloat16. Other dtypes are exact.
"""

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
        variants: dict[tuple[object, ...], list[Site]] = {}
        for site in find_nodes(proto):
            variants.setdefault(site.variant, []).append(site)
        chosen = {
            variant: next((site for site in sites if not site.obstacle), sites[0])
            for variant, sites in variants.items()
        }
        feeds = _feeds(model, proto, shapes, inputs, seed)
        fed, values = _flowing(worker, model.path, proto, chosen.values(), feeds, case_seconds)
        records = []
        for done, (variant, site) in enumerate(chosen.items(), 1):
            records.append(
                _record(worker, proto, site, len(variants[variant]), values, case_seconds)
            )
            if progress is not None:
                progress(done, len(chosen))
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


def _flowing(
    worker: Worker,
    path: str,
    proto: onnx.ModelProto,
    sites: Iterable[Site],
    feeds: Iterable[dict[str, Array]],
    seconds: float,
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Run the model once: its inputs, and every tensor that the nodes read."""
    wanted = {name for site in sites if not site.obstacle for name in site.computed}
    reason = ""
    for fed in feeds:
        names = sorted(wanted - fed.keys()) or [value.name for value in proto.graph.output]
        read, outcome, reason = attempt(worker, trace, with_outputs(proto, names), fed, seconds)
        if outcome is Outcome.PASSED:
            found = {k: v for k, v in zip(names, read, strict=True) if v is not None}
            return fed, {**found, **fed}
        if outcome is not Outcome.FAILED:
            raise OnnxguardError(f"{path}: ONNX Runtime does not run it: {reason}")
    raise UsageError(f"{path}: ONNX Runtime does not run it on its inputs: {reason} ({_OPTION})")


def _record(
    worker: Worker,
    proto: onnx.ModelProto,
    site: Site,
    nodes: int,
    values: dict[str, Array],
    seconds: float,
) -> OperatorRecord:
    unread = next((name for name in site.computed if name not in values), "")
    obstacle = site.obstacle or (
        f'its input "{printable(unread)}" is no tensor that can be read' if unread else ""
    )
    result = None
    if not obstacle and _is_random(site, values):
        obstacle = "its output is random"
    if not obstacle:
        obstacle, result = _compared(worker, proto, site, values, seconds)
    evidence, reason = (Evidence.UNPROVEN, obstacle) if result is None else weigh((result,))
    opsets = {long_domain(o.domain): o.version for o in proto.opset_import}
    passed = result is not None and result.outcome is Outcome.PASSED
    return OperatorRecord(
        printable(site.domain),
        printable(site.node.op_type),
        schema_version(site.domain, site.node.op_type, opsets.get(site.domain, 0)),
        site.shown,
        nodes,
        int(result is not None),
        0,
        0,
        evidence,
        reason,
        result.difference if result is not None and passed else None,
        () if result is None else (result,),
    )


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


def _compared(
    worker: Worker,
    proto: onnx.ModelProto,
    site: Site,
    values: dict[str, Array],
    seconds: float,
) -> tuple[str, CaseResult | None]:
    """Why there is no evidence, or the evidence."""
    data = cut(proto, site, values)
    feeds = {name: values[name] for name in site.computed}
    expected, outcome, reason = attempt(worker, run_reference, data, feeds, seconds)
    if outcome is not Outcome.PASSED:
        return f"onnx.reference does not run it: {reason}", None
    actual, outcome, reason = attempt(worker, run, data, feeds, seconds)
    if outcome is not Outcome.PASSED:
        return "", CaseResult(site.route, False, outcome, None, reason)
    result = compare(actual, expected, _tolerance)
    if result.problem:
        failed = CaseResult(site.route, False, Outcome.FAILED, result.difference, result.problem)
        return "", failed
    if not result.elements:
        return "its outputs are empty", None
    return "", CaseResult(site.route, False, Outcome.PASSED, result.difference)


def _tolerance(expected: Array) -> tuple[float, float]:
    base = TOLERANCES.get(expected.dtype.name, 0.0)
    wide = np.abs(expected.astype(np.float64))
    largest = float(np.max(wide, initial=1.0, where=np.isfinite(wide)))
    return 0.0, base * largest
