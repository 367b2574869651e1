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


def _reporters(document: str, **own: str) -> dict[str, Reporter]:
    """The formats of a kind by name, in the order in which they are offered.

    Args:
        document: the module whose ``document`` makes one of a result.
        own: by format the function that writes it; of a document's, those that it is not set in.
    """
    made = {name: _setter(document, name) for name in DOCUMENT}
    return made | {name: _reporter(*path.rsplit(".", 1)) for name, path in own.items()}


def _reporter(module: str, name: str) -> Reporter:
    def render(result: Any, options: RenderOptions) -> str:
        reporter: Reporter = getattr(import_module(f"{__name__}.{module}"), name)
        return reporter(result, options)

    return render


def _setter(module: str, name: str) -> Reporter:
    def render(result: Any, options: RenderOptions) -> str:
        document = import_module(f"{__name__}.{module}").document(result)
        reporter: Reporter = import_module(f"{__name__}.kit.{name}").render
        return reporter(document, options)

    return render


PROGRAMS = "json", "sarif", "junit", "github"
REPORTERS = _reporters(
    "scan.document", **{name: f"scan.{name}.render" for name in (*PROGRAMS, "html")}
)
"""The reporters of a scan by the name that ``--format`` takes; the others are of other results."""
PARITY_REPORTERS = _reporters(
    "parity.document", **{name: f"parity.{name}.render" for name in PROGRAMS}
)
DIFFERENCE_REPORTERS = _reporters("diff.document", json="diff.json.render", html="diff.html.render")
REVIEW_REPORTERS = _reporters(
    "diff.review",
    json="diff.json.review",
    markdown="diff.review_markdown.render",
    html="diff.html.render_review",
)
TARGET_REPORTERS = _reporters("targets.document", json="targets.json.render")
CONFORMANCE_REPORTERS = _reporters("conformance.document", json="conformance.json.render")
CONFORMANCE_DIFF_REPORTERS = _reporters("conformance.changes", json="conformance.json.changes")
CARD_REPORTERS = _reporters("training.card", json="training.json.card")
EVALUATION_REPORTERS = _reporters("training.evaluation", json="training.json.evaluation")
ABLATION_REPORTERS = _reporters("training.ablation", json="training.json.ablation")


def _json_pieces(run: Run, options: RenderOptions) -> Iterable[str]:
    from onnxguard.reporters.scan.json import pieces

    return pieces(run, options)


STREAMED: dict[str, Callable[[Run, RenderOptions], str | Iterable[str]]] = {
    **REPORTERS,
    "json": _json_pieces,
}
"""Those of a scan, in pieces where a report may be too long for memory."""
