"""One function per output format: a result becomes a string, which the caller writes.

No reporter prints, none decides the exit code, and each ends its text with a newline unless there
is nothing to say. A format's module is imported when the format is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from onnxguard.reporters import conformance, diff, parity, scan, training
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.report import Run

if TYPE_CHECKING:
    from onnxguard.conformance.record import Conformance
    from onnxguard.differences import Difference
    from onnxguard.parity.report import ParityReport
    from onnxguard.students.records import Ablation, Card, Evaluation

__all__ = [
    "ABLATION_REPORTERS",
    "CARD_REPORTERS",
    "CONFORMANCE_REPORTERS",
    "DIFFERENCE_REPORTERS",
    "EVALUATION_REPORTERS",
    "PARITY_REPORTERS",
    "REPORTERS",
    "STREAMED",
    "AblationReporter",
    "CardReporter",
    "ConformanceReporter",
    "DifferenceReporter",
    "EvaluationReporter",
    "ParityReporter",
    "RenderOptions",
    "Reporter",
]

Reporter = Callable[[Run, RenderOptions], str]
DifferenceReporter = Callable[["Difference", RenderOptions], str]
ParityReporter = Callable[["tuple[ParityReport, ...]", RenderOptions], str]
ConformanceReporter = Callable[["Conformance", RenderOptions], str]
CardReporter = Callable[["Card", RenderOptions], str]
EvaluationReporter = Callable[["Evaluation", RenderOptions], str]
AblationReporter = Callable[["Ablation", RenderOptions], str]

REPORTERS: dict[str, Reporter] = scan.REPORTERS
"""The reporters of a scan by the name that ``--format`` takes."""


def _json_pieces(run: Run, options: RenderOptions) -> Iterable[str]:
    from onnxguard.reporters.scan.json import pieces

    return pieces(run, options)


STREAMED: dict[str, Callable[[Run, RenderOptions], str | Iterable[str]]] = {
    **REPORTERS,
    "json": _json_pieces,
}
"""The same, in pieces where a report may be too long for memory."""


DIFFERENCE_REPORTERS: dict[str, DifferenceReporter] = diff.REPORTERS
"""Those of a comparison of two models."""

PARITY_REPORTERS: dict[str, ParityReporter] = parity.REPORTERS
"""Those of a parity check."""

CONFORMANCE_REPORTERS: dict[str, ConformanceReporter] = conformance.REPORTERS
"""Those of a conformance run."""

CARD_REPORTERS: dict[str, CardReporter] = training.CARD_REPORTERS
"""Those of a trained student's model card."""

EVALUATION_REPORTERS: dict[str, EvaluationReporter] = training.EVALUATION_REPORTERS
"""Those of an evaluation on a data set."""

ABLATION_REPORTERS: dict[str, AblationReporter] = training.ABLATION_REPORTERS
"""Those of an ablation."""
