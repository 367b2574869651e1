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
    "text": _reporter("text"),
    "json": _reporter("json_report"),
    "sarif": _reporter("sarif"),
    "junit": _reporter("junit"),
    "github": _reporter("github"),
    "markdown": _reporter("markdown"),
    "html": _reporter("scan_html"),
}
"""The reporters of a scan by the name that ``--format`` takes."""

DIFFERENCE_REPORTERS: dict[str, DifferenceReporter] = {
    "text": _reporter("diff_text"),
    "json": _reporter("diff_json"),
    "markdown": _reporter("diff_markdown"),
}
"""Those of a comparison of two models."""

PARITY_REPORTERS: dict[str, ParityReporter] = {
    "text": _reporter("parity_text"),
    "json": _reporter("parity_json"),
    "sarif": _reporter("parity_sarif"),
    "junit": _reporter("parity_junit"),
    "github": _reporter("parity_github"),
    "markdown": _reporter("parity_markdown"),
    "html": _reporter("parity_html"),
}
"""Those of a parity check."""

CONFORMANCE_REPORTERS: dict[str, ConformanceReporter] = {
    "text": _reporter("conformance_text"),
    "json": _reporter("conformance_json"),
    "markdown": _reporter("conformance_markdown"),
}
"""Those of a conformance run."""

CARD_REPORTERS: dict[str, CardReporter] = {
    "text": _reporter("card_text"),
    "markdown": _reporter("card_markdown"),
    "json": _reporter("card_json"),
}
"""Those of a trained student's model card."""

EVALUATION_REPORTERS: dict[str, EvaluationReporter] = {
    "text": _reporter("evaluation_text"),
    "json": _reporter("evaluation_json"),
    "markdown": _reporter("evaluation_markdown"),
}
"""Those of an evaluation on a data set."""

ABLATION_REPORTERS: dict[str, AblationReporter] = {
    "text": _reporter("ablation_text"),
    "json": _reporter("ablation_json"),
    "markdown": _reporter("ablation_markdown"),
}
"""Those of an ablation."""
