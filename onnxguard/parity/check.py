"""The whole sentence: load both sides, run them, compare, doubt, look at each node, report."""

from __future__ import annotations

import functools
import itertools
import os
import time
from collections.abc import Mapping
from typing import Any

import onnx

from onnxguard.base.errors import UsageError
from onnxguard.base.findings import Finding
from onnxguard.base.memory import trim
from onnxguard.base.printable import printable
from onnxguard.base.yaml_tree import near
from onnxguard.catalogue import PARITY_RULES
from onnxguard.parity.arbiter import BUT, Arbiter
from onnxguard.parity.collector import Found
from onnxguard.parity.contract import check_contract, check_output_names
from onnxguard.parity.coverage import cover
from onnxguard.parity.empty_rows import judge_empty
from onnxguard.parity.evidence import require_folder, save_evidence
from onnxguard.parity.fidelity import precision_of
from onnxguard.parity.files_read import files_read
from onnxguard.parity.identity import identify
from onnxguard.parity.judging import (
    judge_cases,
    judge_nodes,
    judge_proof,
    judge_weights,
    told_apart,
)
from onnxguard.parity.loading import Sides, loaded_sides, open_session
from onnxguard.parity.node_pass import Evidence, NodePasser, NodeResults
from onnxguard.parity.outputs import narrowed, remarks_on
from onnxguard.parity.pictures import draw_pictures
from onnxguard.parity.proving import Gate, prove
from onnxguard.parity.report import (
    NodePass,
    Outcome,
    ParityReport,
    ParityVerdict,
    Proof,
    Trial,
    Tried,
    Weights,
)
from onnxguard.parity.settings import Settings
from onnxguard.parity.soundness import (
    doubt_answers,
    doubt_branches,
    doubt_computation,
    doubt_dropped,
    doubt_repeatability,
)
from onnxguard.parity.torch_reference import TorchReference
from onnxguard.parity.trials import (
    Case,
    Known,
    generated_inputs,
    is_moot,
    lightened,
    run_case,
    worst_case,
)
from onnxguard.parity.weights import WeightMatcher
from onnxguard.running.comparison import Array
from onnxguard.running.cutting import has_steps
from onnxguard.running.errors import ParityError, RefusedError, TimeLimitError
from onnxguard.running.graph_file import (
    OnnxModel,
    external_files,
    file_sha256,
    parse_onnx,
    read_onnx,
)
from onnxguard.running.inputs import Inputs, parse_shapes, read_inputs, sizes_left_open
from onnxguard.running.profiles import EASED
from onnxguard.running.ranges import meeting
from onnxguard.running.session import Session

LED_ACROSS = 0.01
"""At most this share of an output rounding leads across a step."""


def check_parity(
    model: str | os.PathLike[str] | bytes,
    torch: Any = None,
    *,
    reference: str | os.PathLike[str] | None = None,
    weights: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> ParityReport:
    """Compare an exported graph with the PyTorch module that it came from.

    Args:
        model: the graph: a file, or its bytes.
        torch: the module, a callable that makes it, or a text: ``package.module:callable``, a
            ``.pt2`` file, ``student:NAME``. It is your own code, and it is run.
        reference: another graph to compare with instead.
        weights: for ``torch``: a safetensors file, or a state dict.
        **settings: the fields of ``Settings``: ``atol``, ``shapes``, ``inputs`` and so on.

    Returns:
        The report.

    Raises:
        ParityError: one side could not be loaded, the inputs could not be read, or a run took too
            long.
        UsageError: the call is wrong.
        EvidenceError: the evidence could not be written; it holds the report.
    """
    started = time.perf_counter()
    unknown = settings.keys() - set(Settings._fields)
    if unknown:
        name = min(unknown)
        raise UsageError(f'check_parity has no setting "{name}"{near(name, Settings._fields)}')
    chosen = Settings(**settings)
    chosen.check()
    if (torch is None) == (reference is None):
        raise UsageError("compare with one thing: a PyTorch module or another graph")
    if weights is not None and reference is not None:
        raise UsageError("`weights` are of a PyTorch module; a graph has its own")
    if chosen.save is not None:
        require_folder(chosen.save)
    path = "" if isinstance(model, bytes) else os.fspath(model)
    graph = parse_onnx(model, "-") if isinstance(model, bytes) else read_onnx(path)
    size, loading = graph.size, loaded_sides(graph, torch, reference, weights, chosen)
    kept = None if chosen.save is None else graph
    del graph  # its bytes are soon not needed any more
    try:
        with files_read(size) as read, loading as sides:
            report, worst, evidence = _examine(sides, chosen, path, read)
    except TimeLimitError as error:
        raise ParityError("OP006", str(error)) from None
    report = report._replace(seconds=time.perf_counter() - started)
    if chosen.save is not None and kept is not None:
        save_evidence(chosen.save, report, kept, worst, evidence)
    return report


def _examine(
    sides: Sides, settings: Settings, path: str, read: list[str]
) -> tuple[ParityReport, Case | None, Evidence | None]:
    graph, remarks = sides.model, list[str]()
    found = Found(graph.size)
    if sides.name.endswith(".pt2"):
        remarks.append(f"{sides.name} is code: loading it evaluated expressions in it")
    check_contract(sides, settings, found)
    files = _files(sides, settings)
    precision = precision_of(graph.proto)
    if precision and settings.budget is None:
        remarks.append(f"a copy in {precision}: the tolerance {precision} compares it by budgets")

    def whole() -> onnx.ModelProto:
        return _restored(sides, settings, read).model.proto

    def opened(data: bytes, beside: Mapping[str, Array]) -> Session:
        return open_session(graph, data, settings, beside=beside)

    arbiter = Arbiter(sides.reference, graph, opened, whole)
    cases = _run_cases(sides, files, settings, arbiter, remarks)
    remarks += remarks_on(sides.wanted, sides.reference.selection)
    answered = [case for case in cases if case.expected and case.actual]
    if answered:
        doubt_dropped(sides, answered[0], settings.atol, found)
        doubt_repeatability(sides, answered[0], settings.atol, found)
    placement = sides.session.placement()
    if not settings.mutants:
        sides.session.close()  # what follows needs memory for the weights themselves
    try:
        full = _restored(sides, settings, read)
    except ParityError:
        full = sides._replace(model=graph._replace(whole=False))
    cases = judge_empty(cases, sides.reference, found)
    compared = [case for case in cases if case.trial.differences]
    results, passer = _pass_nodes(full, compared, settings)
    trim()
    if results.summary.clean:
        cases = [_grown(case, full, settings) for case in cases]
    cases = told_apart(cases, results.summary)
    compared = [case for case in cases if case.trial.differences]
    kept = [case for case in compared if case.expected]
    judge_cases(cases, placement, settings, found, remarks)
    remarks += [f"{what}, in {n} of {len(compared)} trials" for what, n in arbiter.settled.items()]
    judge_nodes(results.summary, found, remarks, settings.budget)
    weights, vouched = _compare_weights(full, found)
    coverage: list[Tried] = []
    if kept:
        check_output_names(graph, kept[0].expected or (), found)
        coverage += cover(full, compared, vouched, settings, found)
    del full
    trim()
    if kept:
        coverage += doubt_branches(sides, compared, settings, found, remarks, whole)
        doubt_computation(sides, compared, found, remarks)
        doubt_answers(sides, kept, results, settings, found)
    trim()
    if not sides.same and any(_is_still(file, graph) for file in tuple(read)):
        found.add("OP102", "the reference reads the graph that it is to vouch for")
    proof = _prove(sides, kept, passer, settings, arbiter, found, remarks)
    judge_proof(proof, found, remarks)
    if path and not (_is_still(path, graph) and external_files(graph) == graph.external):
        found.add("OP110", "the file is no longer the one that was compared")
    findings = tuple(f for f in found.findings() if not settings.ignores(f))
    if len(findings) < len(found.findings()):
        remarks.append(f"ignored as asked: {', '.join(sorted(settings.ignore))}")
    worst = worst_case(compared)
    report = ParityReport(
        graph.path,
        sides.name,
        settings.atol,
        verdict_of(findings),
        findings,
        identify(sides, settings, files, placement),
        _refereed(arbiter, cases),
        results.summary,
        proof,
        tuple(remarks),
        draw_pictures(worst) if settings.pictures else (),
        tolerance=settings.tolerance,
        weights=weights,
        coverage=tuple(coverage),
        outputs=tuple(map(printable, sides.wanted.asked)),
    )
    return report, worst, results.evidence


def _restored(sides: Sides, settings: Settings, read: list[str]) -> Sides:
    """Both sides, the graph with the values of its weights again.

    Raises:
        ParityError: OP005, the file is another by now.
    """
    if not sides.model.bare:
        return sides
    before = len(read)
    try:
        return sides._replace(model=narrowed(sides.model.restored(), settings.outputs)[0])
    finally:
        del read[before:]  # it is not the reference that reads it


def _files(sides: Sides, settings: Settings) -> list[Inputs]:
    """The user's inputs; those that the exporter dropped go to the module alone, or are made up."""
    declared = sides.model.inputs
    if not isinstance(sides.reference, TorchReference):
        return [read_inputs(file, declared) for file in settings.inputs]
    unfed = sides.reference.unfed([d.name for d in declared])
    files = [read_inputs(file, declared, unfed) for file in settings.inputs]
    for inputs in files:
        sides.reference.aside.update(inputs.aside)
    aside = sides.reference.aside
    sides.reference.made_up = {n: 0 for n, needed in unfed.items() if needed and n not in aside}
    return files


def _is_still(path: str, graph: OnnxModel) -> bool:
    try:
        return file_sha256(path) == graph.sha256
    except OSError:
        return False


def verdict_of(findings: tuple[Finding, ...]) -> ParityVerdict:
    """Fail where an error stands; vacuous where every error says that too little was compared."""
    failing = [finding for finding in findings if finding.fails]
    if not failing:
        return ParityVerdict.PASS
    vacuous = all(PARITY_RULES[finding.code].vacuous for finding in failing)
    return ParityVerdict.VACUOUS if vacuous else ParityVerdict.FAIL


def _run_cases(
    sides: Sides, files: list[Inputs], settings: Settings, arbiter: Arbiter, remarks: list[str]
) -> list[Case]:
    """Run all trials; large answers of those far out that passed are not kept, unless asked for."""
    keeping = bool(settings.mutants or settings.save or settings.pictures)
    shapes = parse_shapes(settings.shapes, sides.model.inputs)
    remarks += sizes_left_open(sides.model.inputs, settings.shapes, shapes)
    cases: list[Case] = []

    def refused() -> bool:
        return cases[-1].trial.outcome is Outcome.BOTH_REFUSED

    @functools.cache  # the reference is asked once
    def edges() -> dict[str, list[float]]:
        feeds = next((c.inputs.arrays for c in cases if c.expected), None)
        met = sides.reference.thresholds(feeds) if feeds else ()
        return meeting(sides.ranges, [d.name for d in sides.model.inputs], met)

    known = Known(sides.ranges, sides.bounds, edges, sides.sizes, remarks.append)
    generated = generated_inputs(sides.model, shapes, settings, known, refused)
    for inputs in itertools.chain(files, generated if shapes or not files else ()):
        model, wanted = sides.model, sides.wanted
        reference, session, pieces = sides.reference, sides.session, arbiter.pieces
        case = run_case(inputs, reference, session, model, settings, wanted, pieces)
        case = arbiter.settle(case)
        cases.append(case if keeping else lightened(case))
        settings.step("trials", len(cases), 0)
    if isinstance(sides.reference, TorchReference) and sides.reference.made_up:
        first = printable(next(iter(sides.reference.made_up)))
        if all(case.expected is None for case in cases):
            raise UsageError(
                f'forward wants "{first}", and the graph has no such input: an exporter drops what '
                "no output depends on; give it in a file with `inputs`"
            )
    return [case for case in cases if not is_moot(case)]


def _pass_nodes(
    sides: Sides, compared: list[Case], settings: Settings
) -> tuple[NodeResults, NodePasser | None]:
    reason = ""
    if settings.local is False:
        reason = "switched off"
    elif not compared:
        reason = "nothing was compared"
    elif not sides.model.whole and sides.model.bare:
        reason = "the file is no longer the one that was compared"
    elif not sides.model.whole:
        reason = "the external data is too large to be loaded"
    if reason:
        return NodeResults(NodePass(ran=False, reason=reason)), None
    return _pass_on(min(compared, key=_as_evidence), sides, settings)


def _as_evidence(case: Case) -> tuple[bool, int]:
    """How little a trial is worth for the nodes: one with empty rows less, then a large one."""
    eased = any(difference.eased for difference in case.trial.differences)
    return eased, sum(array.size for array in case.inputs.arrays.values())


def _pass_on(case: Case, sides: Sides, settings: Settings) -> tuple[NodeResults, NodePasser | None]:
    try:
        trace = sides.reference.trace(case.inputs.arrays)
    except (RefusedError, ParityError) as error:
        reason = f"the reference cannot be watched: {error}"
        return NodeResults(NodePass(ran=False, reason=reason)), None
    passer = NodePasser(trace, case.inputs.arrays, settings)
    results = passer.run(sides.model.proto)
    return results, passer if settings.mutants else None


def _grown(case: Case, sides: Sides, settings: Settings) -> Case:
    """A trial judged again by its nodes, on its very own tensors.

    Far out, what is wrong is wrong in one of them; where all are right, rounding grew. So it did
    elsewhere if few elements differ, and the graph has a step that rounding may lead across.
    """
    failing = [d for d in case.trial.differences if not d.passed]
    if not {"OP201"} <= {d.problem for d in failing} <= {"OP201", "OP208"}:
        return case
    if case.inputs.profile not in EASED:
        few = all(d.over <= LED_ACROSS * d.elements for d in failing)
        if not few or not has_steps(sides.model.proto.graph):
            return case
    nodes = _pass_on(case, sides, settings)[0].summary
    if not nodes.clean or nodes.unchecked:
        return case
    said = f"{BUT}: every node alone is right there, and one of them rounds or compares"
    differences = tuple(
        d._replace(problem="OP208", message=d.message + said) if d.problem == "OP201" else d
        for d in case.trial.differences
    )
    return case._replace(trial=case.trial._replace(differences=differences))


def _compare_weights(sides: Sides, found: Found) -> tuple[Weights | None, frozenset[str]]:
    """What was found of the graph's weights, and the names of those that are the reference's."""
    if not sides.model.whole:
        return None, frozenset()
    matcher = WeightMatcher(sides.reference.held())
    if not matcher.holds:
        return None, frozenset()
    weights, vouched, off = matcher.compare(sides.model.proto)
    judge_weights(weights, off, found)
    return weights, vouched


def _prove(
    sides: Sides,
    compared: list[Case],
    passer: NodePasser | None,
    settings: Settings,
    arbiter: Arbiter,
    found: Found,
    remarks: list[str],
) -> Proof | None:
    if not settings.mutants:
        return None
    if not compared or not sides.model.whole or found.fails(settings.ignores):
        remarks.append("no damaged graph was tried: the graph itself did not pass")
        return None
    matcher = WeightMatcher(sides.reference.held())
    gate = Gate(sides, compared, passer, matcher, settings, arbiter)
    proto = sides.model.proto
    return prove(gate, proto, settings.mutants, settings.kill_rate, settings.seed, settings.step)


def _refereed(arbiter: Arbiter, cases: list[Case]) -> tuple[Trial, ...]:
    """The trials; the first that was compared and the worst one asked in float64 too."""
    trials = [case.trial for case in cases]
    worst = worst_case(cases)
    if worst is None:
        return tuple(trials)
    first = next(i for i, t in enumerate(trials) if t.outcome is Outcome.COMPARED)
    for index in {first, trials.index(worst.trial)}:
        trials[index] = trials[index]._replace(referees=arbiter.referees(cases[index]))
    return tuple(trials)
