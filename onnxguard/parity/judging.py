"""Turn what was measured into findings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from onnxguard.base.printable import plural, printable
from onnxguard.parity.arbiter import BUT
from onnxguard.parity.budgets import Budget
from onnxguard.parity.collector import Found
from onnxguard.parity.report import NodePass, Outcome, Proof, Trial, Weights
from onnxguard.parity.settings import Settings
from onnxguard.parity.trials import Case
from onnxguard.parity.weights import Off, describe
from onnxguard.running.difference import Difference
from onnxguard.running.profiles import EASED, PROBES
from onnxguard.running.providers import PROVIDER_NAMES

_SIDES = {
    Outcome.MODEL_REFUSED: "the graph refuses what the reference takes",
    Outcome.REFERENCE_REFUSED: "the reference refuses what the graph takes",
}


_REFUSING = {
    Outcome.MODEL_REFUSED: "the graph refuses",
    Outcome.REFERENCE_REFUSED: "the reference refuses",
    Outcome.BOTH_REFUSED: "both sides refuse",
}
_OUTSIDE = re.compile(r"(?i)ind(ex|ices)\b.*\bout of |\bout of (data )?bounds|class values must be")


def told_apart(cases: list[Case], nodes: NodePass) -> list[Case]:
    """The cases, in which rounding stands only where every node alone is right.

    It is no failure then on inputs that nobody asked for, and on those far out it never is.
    """
    clean = nodes.clean
    judged = []
    for case in cases:
        profile = case.inputs.profile
        eased = profile in (EASED if clean else PROBES)
        differences = tuple(_told(d, eased, clean) for d in case.trial.differences)
        judged.append(case._replace(trial=case.trial._replace(differences=differences)))
    return judged


def _told(difference: Difference, eased: bool, clean: bool) -> Difference:
    if difference.problem != "OP208":
        return difference
    if eased:
        return passing(difference)
    if clean:
        return difference
    return difference._replace(problem="OP201", message=difference.message.partition(BUT)[0])


def passing(difference: Difference) -> Difference:
    """The same, as one that passes all the same."""
    return difference._replace(problem="", message="", eased=True)


def judge_cases(
    cases: list[Case],
    placement: tuple[tuple[str, int], ...],
    settings: Settings,
    found: Found,
    remarks: list[str],
) -> None:
    """Find what differs, once for each output and kind, with the worst place of all trials."""
    trials = [case.trial for case in cases]
    worst: dict[tuple[str, str], tuple[Difference, Case]] = {}
    times: dict[tuple[str, str], int] = {}
    _judge_refusals(cases, found, remarks)
    for case in cases:
        trial = case.trial
        if trial.outcome is Outcome.NO_EVIDENCE:
            said = f"{trial.profile} inputs, {trial.shape_text}"
            remarks.append(f"{said}: no evidence, PyTorch's own float32 is off there by too much")
        for difference in trial.differences:
            if not difference.passed:
                key = difference.output, difference.problem
                times[key] = times.get(key, 0) + 1
                if key not in worst or difference.largest > worst[key][0].largest:
                    worst[key] = difference, case
    compared = sum(trial.outcome is Outcome.COMPARED for trial in trials)
    if settings.budget is not None:
        remarks += _budgets(trials)
    for key, (difference, case) in worst.items():
        trial = case.trial
        where = f"{trial.profile} inputs, {trial.shape_text}; {times[key]} of {compared} trials"
        unusual = _unusual(case, alone=times[key] == 1)
        if unusual:
            where += f"; {unusual}, unless --values INPUT=LOW..HIGH says what is legal"
        if difference.problem == "OP208" and settings.tolerance == "rounding":
            remarks.append(f"accepted as asked: {difference.message} ({where})")
            continue
        found.add(difference.problem, f"{difference.message} ({where})", difference.output)
    wanted = PROVIDER_NAMES[settings.provider]
    if settings.provider != "cpu" and compared and wanted not in dict(placement):
        found.add("OP111", f"no node ran on the provider {settings.provider}")


def _unusual(case: Case, alone: bool) -> str:
    """What a user may not have thought of in made-up integers; empty for nothing."""
    if case.inputs.profile == "negative":
        return "indices from the end"
    integers = (a for a in case.inputs.arrays.values() if a.dtype.kind in "iu" and a.size)
    far = alone and case.inputs.profile == "edges" and any(int(a.max()) > 1 << 24 for a in integers)
    return "integers that float32 does not keep" if far else ""


def _judge_refusals(cases: list[Case], found: Found, remarks: list[str]) -> None:
    """Find what only one side takes; where all that was tried is refused, one finding says so."""
    trials = [case.trial for case in cases]
    alike = len({trial.outcome for trial in trials}) == 1 and len(trials) > 1
    for case in cases:
        outcome, said = case.trial.outcome, _refusal(case)
        both = outcome is Outcome.BOTH_REFUSED
        if alike and outcome in _REFUSING:
            message = f"{_REFUSING[outcome]} all {len(trials)} inputs, the first {said}"
            if both:
                found.add("OP301", f"no trial was compared: {message}")
            else:
                found.add("OP207", message)
            return
        if outcome in _SIDES:
            found.add("OP207", f"{_SIDES[outcome]}: {said}")
        elif both:
            remarks.append(f"both sides refuse {said}")
    if not {Outcome.COMPARED, *_SIDES} & {trial.outcome for trial in trials}:
        found.add("OP301", "no trial was compared")


def _refusal(case: Case) -> str:
    """What was refused, why, and what may help."""
    trial = case.trial
    said = trial.model_said if trial.outcome is Outcome.MODEL_REFUSED else trial.reference_said
    advice = ""
    if _OUTSIDE.search(said):
        names = [
            n
            for n, array in case.inputs.arrays.items()
            if array.dtype.kind in "iu" and "mask" not in n
        ]
        values = " ".join(f"--values {printable(name)}=LOW..HIGH" for name in names[:3])
        advice = "; an index lies outside what it picks from"
        advice += f": name its values with {values}" if values else ""
    elif "required positional argument" in said:
        advice = "; an argument is missing in the module itself"
    return f"{trial.shape_text}: {said}{advice}"


def _budgets(trials: list[Trial]) -> list[str]:
    """What each output of a copy costs, in the trial in which it costs most."""
    worst: dict[str, Difference] = {}
    for difference in (d for trial in trials for d in trial.differences if d.tolerance):
        before = worst.setdefault(difference.output, difference)
        if difference.largest / difference.tolerance > before.largest / before.tolerance:
            worst[difference.output] = difference
    return [difference.message for difference in worst.values() if difference.message]


def judge_nodes(
    nodes: NodePass, found: Found, remarks: list[str], budget: Budget | None = None
) -> None:
    """Find nodes that differ, and remark on what could not be looked at."""
    if budget is not None and nodes.ranked:
        shares = (
            f"{c.operator} {c.node} {c.difference.largest / c.difference.tolerance:.0%}"
            for c in nodes.ranked
        )
        remarks.append(f"the worst nodes alone, in shares of their budget: {', '.join(shares)}")
    for check in nodes.wrong:
        others = [name for name in check.suspects if name != check.node]
        blame = f" (or one before it: {', '.join(others[:8])})" if others else ""
        message = f"{check.operator} alone{blame}: {check.difference.message}"
        found.add("OP401", message, check.node, check.operator)
    if nodes.reason:
        remarks.append(nodes.reason if nodes.ran else f"no node was run alone: {nodes.reason}")
    if nodes.ran and nodes.unchecked:
        few = ", ".join(nodes.unchecked[:8])
        more = f" and {len(nodes.unchecked) - 8} more" if len(nodes.unchecked) > 8 else ""
        count = len(nodes.unchecked)
        were = f"{plural(count, 'node')} {'was' if count == 1 else 'were'} not compared alone"
        found.add("OP402", f"{were}: {few}{more}")


def judge_weights(weights: Weights, off: Sequence[Off], found: Found) -> None:
    """Find weights that are not the reference's; most of them are one finding."""
    others = [one for one in off if not one.near]
    if len(others) > max(1, weights.matched):
        names = ", ".join(printable(one.name, 40) for one in others[:4])
        message = f"{len(others)} of {weights.weights} weights are others: {names}"
        found.add("OP113", f"{message}{' and so on' if len(others) > 4 else ''}; --weights?")
        off = [one for one in off if one.near]
    for one in off:
        found.add("OP112", describe(one), printable(one.name))


def judge_proof(proof: Proof | None, found: Found, remarks: list[str]) -> None:
    """A check that lets damaged graphs pass proves nothing."""
    if proof is None:
        return
    if not proof.mutants:
        remarks.append("the graph has nothing that could be damaged: nothing is proved")
    elif proof.rate < proof.required:
        found.add(
            "OP501",
            f"{proof.killed} of {proof.mutants} damaged graphs were noticed "
            f"({proof.rate:.1%}), fewer than {proof.required:.0%}",
        )
