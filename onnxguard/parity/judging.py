"""Turn what was measured into findings."""

from __future__ import annotations

from onnxguard.parity.collector import Found
from onnxguard.parity.report import NodePass, Outcome, Proof, Trial
from onnxguard.parity.settings import Settings
from onnxguard.parity.trials import Case
from onnxguard.running.difference import Difference
from onnxguard.running.providers import PROVIDER_NAMES

_SIDES = {
    Outcome.MODEL_REFUSED: "the graph refuses what the reference takes",
    Outcome.REFERENCE_REFUSED: "the reference refuses what the graph takes",
}


def judge_cases(
    cases: list[Case],
    placement: tuple[tuple[str, int], ...],
    settings: Settings,
    found: Found,
    remarks: list[str],
) -> None:
    """Find what differs, once for each output and kind, with the worst place of all trials."""
    trials = [case.trial for case in cases]
    worst: dict[tuple[str, str], tuple[Difference, Trial]] = {}
    times: dict[tuple[str, str], int] = {}
    for trial in trials:
        if trial.outcome in _SIDES:
            said = trial.model_said or trial.reference_said
            found.add("OP207", f"{_SIDES[trial.outcome]}: {trial.shape_text}: {said}")
        elif trial.outcome is Outcome.BOTH_REFUSED:
            remarks.append(f"both sides refuse {trial.shape_text}: {trial.reference_said}")
        for difference in trial.differences:
            if not difference.passed:
                key = difference.output, difference.problem
                times[key] = times.get(key, 0) + 1
                if key not in worst or difference.largest > worst[key][0].largest:
                    worst[key] = difference, trial
    compared = sum(trial.outcome is Outcome.COMPARED for trial in trials)
    for key, (difference, trial) in worst.items():
        where = f"{trial.profile} inputs, {trial.shape_text}; {times[key]} of {compared} trials"
        found.add(difference.problem, f"{difference.message} ({where})", difference.output)
    if not compared and all(trial.outcome is Outcome.BOTH_REFUSED for trial in trials):
        found.add("OP301", "no trial was compared")
    wanted = PROVIDER_NAMES[settings.provider]
    if settings.provider != "cpu" and compared and wanted not in dict(placement):
        found.add("OP111", f"no node ran on the provider {settings.provider}")


def judge_nodes(nodes: NodePass, found: Found, remarks: list[str]) -> None:
    """Find nodes that differ, and remark on what could not be looked at."""
    for check in nodes.wrong:
        others = [name for name in check.suspects if name != check.node]
        blame = f" (or one before it: {', '.join(others[:8])})" if others else ""
        message = f"{check.operator} alone{blame}: {check.difference.message}"
        found.add("OP401", message, check.node, check.operator)
    if not nodes.ran and nodes.reason:
        remarks.append(f"no node was run alone: {nodes.reason}")
    elif nodes.unchecked:
        few = ", ".join(nodes.unchecked[:8])
        more = f" and {len(nodes.unchecked) - 8} more" if len(nodes.unchecked) > 8 else ""
        found.add("OP402", f"{len(nodes.unchecked)} nodes were not compared alone: {few}{more}")


def judge_proof(proof: Proof | None, found: Found, remarks: list[str]) -> None:
    """A check that lets damaged graphs pass proves nothing."""
    if proof is None:
        return
    if not proof.mutants:
        remarks.append("the graph has nothing that could be damaged: nothing is proved")
    if proof.rate < proof.required:
        found.add(
            "OP501",
            f"{proof.killed} of {proof.mutants} damaged graphs were noticed "
            f"({proof.rate:.1%}), fewer than {proof.required:.0%}",
        )
