"""Models and targets: what each target makes of each model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from onnxguard.base.budget import limited
from onnxguard.base.errors import ModelError
from onnxguard.base.printable import printable
from onnxguard.model.reading import STEPS
from onnxguard.policy.target import Target
from onnxguard.rules.targets import Answer, Blocker, Prediction, predict
from onnxguard.scanning.scan import surveyed, uncollected
from onnxguard.sources.files import open_model
from onnxguard.sources.remote import DEFAULT_ACCESS, Access, shown


class Reason(NamedTuple):
    """Why a target does not run a model as it is; safe to print.

    Attributes:
        answer: what becomes of the nodes.
        code: the rule.
        why: one sentence.
        fix: what to do.
        operator: of the nodes; empty where it is the model as a whole.
        place: the first of them.
        nodes: how many there are.
    """

    answer: Answer
    code: str
    why: str
    fix: str
    operator: str
    place: str
    nodes: int


class Provider(NamedTuple):
    """A provider of the runtime, and how many nodes it takes, as the runtime has made them."""

    name: str
    nodes: int


class Confirmed(NamedTuple):
    """What the runtime itself says.

    Attributes:
        loads: whether it loads the model.
        said: why not, safe to print.
        providers: who takes how many nodes; none where the runtime does not tell.
    """

    loads: bool
    said: str
    providers: tuple[Provider, ...]


class Asked(NamedTuple):
    """What one target makes of a model.

    Attributes:
        target: its id.
        answer: of the whole model.
        nodes: that were asked about.
        left: of them to another provider.
        pieces: in how many runs of neighbouring nodes.
        reasons: the gravest first, then in the order of the graph.
        confirmed: what the runtime says; None where it was not asked.
    """

    target: str
    answer: Answer
    nodes: int
    left: int
    pieces: int
    reasons: tuple[Reason, ...]
    confirmed: Confirmed | None = None


class OnTargets(NamedTuple):
    """A model, and what every target makes of it.

    Attributes:
        path: safe to print.
        asked: an answer a target; none where the model could not be read.
        error: why it could not.
    """

    path: str
    asked: tuple[Asked, ...]
    error: str = ""


class Matrix(NamedTuple):
    """Models and targets.

    Attributes:
        targets: the id and title of each.
        models: in order.
    """

    targets: tuple[tuple[str, str], ...]
    models: tuple[OnTargets, ...]

    @property
    def exit_code(self) -> int:
        """1 where a target refuses a model, else 2 where something is not known, else 0."""
        answers = {asked.answer for model in self.models for asked in model.asked}
        if Answer.REFUSED in answers:
            return 1
        return 2 if Answer.UNKNOWN in answers or any(m.error for m in self.models) else 0


def ask_targets(path: str, targets: Sequence[Target], access: Access = DEFAULT_ACCESS) -> OnTargets:
    """Ask targets about a model.

    Args:
        path: a file, an address, or ``-`` for standard input.
        targets: which ones.
        access: how long a model at an address may take.
    """
    try:
        with open_model(path, access) as data, uncollected(), limited():
            seen = surveyed(data, STEPS)
            predictions = [predict(seen, target) for target in targets]
            asked = tuple(map(_asked, predictions))
    except ModelError as error:
        return OnTargets(shown(path), (), f"{error.code} {error}")
    return OnTargets(shown(path), asked)


def _asked(prediction: Prediction) -> Asked:
    grouped: dict[tuple[str, str], list[Blocker]] = {}
    for blocker in prediction.blockers:
        key = blocker.said.why or prediction.target.rest, blocker.operator
        grouped.setdefault(key, []).append(blocker)
    order = list(Answer)
    reasons = sorted(
        (_reason(each, prediction.target) for each in grouped.values()),
        key=lambda reason: -order.index(reason.answer),
    )
    counts = prediction.nodes, prediction.left, prediction.pieces
    return Asked(prediction.target.id, prediction.answer, *counts, tuple(reasons))


def _reason(blockers: list[Blocker], target: Target) -> Reason:
    said, graph, index, operator = blockers[0]
    where = "model" if index < 0 else str(graph.node_place(index).route)
    why = said.why
    if said.answer is Answer.FALLS_BACK:
        why = f"{operator} is left to {target.rest}: {why}"
    return Reason(said.answer, said.code, why, said.fix, operator, printable(where), len(blockers))
