"""``--prove``: the share of damaged graphs that the check notices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import onnx

from onnxguard.base.progress import Step
from onnxguard.parity.mutants import mutants
from onnxguard.parity.node_pass import NodePasser
from onnxguard.parity.report import Proof, Survivor
from onnxguard.parity.trials import Case, compare_outputs
from onnxguard.running.errors import ParityError, RefusedError
from onnxguard.running.graph_file import OnnxModel
from onnxguard.running.session import Session


class Gate:
    """The check as it was run on the original, ready to be run on others.

    Args:
        model: the original.
        cases: what was compared, with the reference's answers.
        passer: the node-local pass, None where it was not run.
        open_session: loads a graph as the original was loaded.
        atol: the tolerance.
    """

    def __init__(
        self,
        model: OnnxModel,
        cases: Sequence[Case],
        passer: NodePasser | None,
        open_session: Callable[[bytes], Session],
        atol: float,
    ) -> None:
        self._model = model
        self._cases = [case for case in cases if case.expected is not None]
        self._passer = passer
        self._open = open_session
        self._atol = atol

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
        differences = compare_outputs(case.expected, actual, self._model, self._atol)
        return all(difference.passed for difference in differences)


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
