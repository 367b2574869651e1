"""``--prove``: the share of damaged graphs that the check notices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import onnx

from onnxguard.base.progress import Step
from onnxguard.parity.arbiter import Arbiter
from onnxguard.parity.mutants import mutants
from onnxguard.parity.node_pass import NodePasser
from onnxguard.parity.report import Proof, Survivor
from onnxguard.parity.settings import Settings
from onnxguard.parity.trials import Case, compare_outputs
from onnxguard.running.errors import ParityError, RefusedError
from onnxguard.running.graph_file import OnnxModel
from onnxguard.running.profiles import EASED
from onnxguard.running.session import Session


class Gate:
    """The check as it was run on the original, ready to be run on others.

    Args:
        model: the original.
        cases: what was compared, with the reference's answers.
        passer: the node-local pass, None where it was not run.
        open_session: loads a graph as the original was loaded.
        settings: the tolerances.
        arbiter: gives the second opinion on what differs.
    """

    def __init__(
        self,
        model: OnnxModel,
        cases: Sequence[Case],
        passer: NodePasser | None,
        open_session: Callable[[bytes], Session],
        settings: Settings,
        arbiter: Arbiter,
    ) -> None:
        self._model = model
        self._cases = [case for case in cases if case.expected is not None]
        self._passer = passer
        self._open = open_session
        self._settings = settings
        self._arbiter = arbiter

    def passes(self, proto: onnx.ModelProto) -> bool | None:
        """Whether a graph would have passed in the original's place; None: it does not load."""
        try:
            if self._passer is not None and self._passer.run(proto).summary.wrong:
                return False
            session = self._open(proto.SerializeToString())
            return all(self._agrees(session, case) for case in self._cases)
        except ParityError:
            return None
        except RefusedError:
            return False

    def _agrees(self, session: Session, case: Case) -> bool:
        assert case.expected is not None  # noqa: S101 - the others were left out
        actual = session.run(case.inputs.arrays)
        differences = tuple(compare_outputs(case.expected, actual, self._model, self._settings))
        trial = case.trial._replace(differences=differences)
        judged = self._arbiter.settle(case._replace(actual=actual, trial=trial)).trial
        rounding = self._settings.tolerance == "rounding" or case.inputs.profile in EASED
        accepted = ("", "OP208") if rounding else ("",)
        return all(difference.problem in accepted for difference in judged.differences)


def prove(
    gate: Gate,
    proto: onnx.ModelProto,
    wanted: int,
    required: float,
    seed: int,
    step: Step,
) -> Proof:
    """Run the check on mutants of a graph that passed it."""
    made: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    survivors = []
    for number, mutant in enumerate(mutants(proto, wanted, seed), 1):
        step("mutants", number, wanted)
        passed = gate.passes(mutant.proto)
        if passed is None:
            continue  # whoever notices that notices nothing
        made[mutant.mutation] += 1
        if passed:
            survivors.append(Survivor(mutant.mutation, mutant.node))
        else:
            killed[mutant.mutation] += 1
    kinds = tuple((kind, made[kind], killed[kind]) for kind in sorted(made))
    return Proof(made.total(), killed.total(), required, kinds, tuple(survivors))
