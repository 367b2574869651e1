"""One function per output format: a result becomes a string, which the caller writes.

No reporter prints, none decides the exit code, and each ends its text with a newline unless there
is nothing to say. A format's module is imported when the format is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

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


def _reporter(module: str) -> Callable[[Any, RenderOptions], str]:
    def render(result: Any, options: RenderOptions) -> str:
        reporter: Callable[[Any, RenderOptions], str]
        reporter = import_module(f"onnxguard.reporters.{module}").render
        return reporter(result, options)

    return render


REPORTERS: dict[str, Reporter] = {
    "text": _reporter("scan.text"),
    "json": _reporter("scan.json"),
    "sarif": _reporter("scan.sarif"),
    "junit": _reporter("scan.junit"),
    "github": _reporter("scan.github"),
    "markdown": _reporter("scan.markdown"),
    "html": _reporter("scan.html"),
}
"""The reporters of a scan by the name that ``--format`` takes."""

DIFFERENCE_REPORTERS: dict[str, DifferenceReporter] = {
    "text": _reporter("diff.text"),
    "json": _reporter("diff.json"),
    "markdown": _reporter("diff.markdown"),
}
"""Those of a comparison of two models."""

PARITY_REPORTERS: dict[str, ParityReporter] = {
    "text": _reporter("parity.text"),
    "json": _reporter("parity.json"),
    "sarif": _reporter("parity.sarif"),
    "junit": _reporter("parity.junit"),
    "github": _reporter("parity.github"),
    "markdown": _reporter("parity.markdown"),
    "html": _reporter("parity.html"),
}
"""Those of a parity check."""

CONFORMANCE_REPORTERS: dict[str, ConformanceReporter] = {
    "text": _reporter("conformance.text"),
    "json": _reporter("conformance.json"),
    "markdown": _reporter("conformance.markdown"),
}
"""Those of a conformance run."""

CARD_REPORTERS: dict[str, CardReporter] = {
    "text": _reporter("training.card_text"),
    "markdown": _reporter("training.card_markdown"),
    "json": _reporter("training.card_json"),
}
"""Those of a trained student's model card."""

EVALUATION_REPORTERS: dict[str, EvaluationReporter] = {
    "text": _reporter("training.evaluation_text"),
    "json": _reporter("training.evaluation_json"),
    "markdown": _reporter("training.evaluation_markdown"),
}
"""Those of an evaluation on a data set."""

ABLATION_REPORTERS: dict[str, AblationReporter] = {
    "text": _reporter("training.ablation_text"),
    "json": _reporter("training.ablation_json"),
    "markdown": _reporter("training.ablation_markdown"),
}
"""Those of an ablation."""
