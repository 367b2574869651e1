"""One function per output format: a result becomes a string, which the caller writes.

No reporter prints, none decides the exit code, and each ends its text with a newline unless there
is nothing to say. A format's module is imported when the format is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from onnxguard.reporters.kit.options import RenderOptions as RenderOptions
from onnxguard.scanning.report import Run

Reporter = Callable[[Any, RenderOptions], str]
DOCUMENT = "text", "markdown", "html"
"""The formats of a document."""


def _reporters(document: str, modules: str, *own: str) -> dict[str, Reporter]:
    """The formats of a kind by name, in the order in which they are offered.

    Args:
        document: the module whose ``document`` makes one of a result.
        modules: how the names of modules begin whose ``render`` writes a format.
        own: those formats; of a document's, the ones that it is not set in.
    """
    made = {name: _setter(document, name) for name in DOCUMENT}
    return made | {name: _reporter(modules + name) for name in own}


def _reporter(module: str) -> Reporter:
    def render(result: Any, options: RenderOptions) -> str:
        reporter: Reporter = import_module(f"{__name__}.{module}").render
        return reporter(result, options)

    return render


def _setter(module: str, name: str) -> Reporter:
    def render(result: Any, options: RenderOptions) -> str:
        document = import_module(f"{__name__}.{module}").document(result)
        reporter: Reporter = import_module(f"{__name__}.kit.{name}").render
        return reporter(document, options)

    return render


PROGRAMS = "json", "sarif", "junit", "github"
REPORTERS = _reporters("scan.document", "scan.", *PROGRAMS, "html")
"""The reporters of a scan by the name that ``--format`` takes; the others are of other results."""
PARITY_REPORTERS = _reporters("parity.document", "parity.", *PROGRAMS)
DIFFERENCE_REPORTERS = _reporters("diff.document", "diff.", "json")
REVIEW_REPORTERS = _reporters("diff.review", "diff.review_", "json", "markdown")
TARGET_REPORTERS = _reporters("targets.document", "targets.", "json")
CONFORMANCE_REPORTERS = _reporters("conformance.document", "conformance.", "json")
CONFORMANCE_DIFF_REPORTERS = _reporters("conformance.changes", "conformance.changes_", "json")
CARD_REPORTERS = _reporters("training.card", "training.card_", "json")
EVALUATION_REPORTERS = _reporters("training.evaluation", "training.evaluation_", "json")
ABLATION_REPORTERS = _reporters("training.ablation", "training.ablation_", "json")


def _json_pieces(run: Run, options: RenderOptions) -> Iterable[str]:
    from onnxguard.reporters.scan.json import pieces

    return pieces(run, options)


STREAMED: dict[str, Callable[[Run, RenderOptions], str | Iterable[str]]] = {
    **REPORTERS,
    "json": _json_pieces,
}
"""Those of a scan, in pieces where a report may be too long for memory."""
