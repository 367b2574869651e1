"""What differs, as one page; where it draws graphs it has a script, and may load as little."""

from __future__ import annotations

from onnxguard.differences import Difference
from onnxguard.differences.review import Review
from onnxguard.reporters.diff import document, review
from onnxguard.reporters.kit.html import PLAIN, Look
from onnxguard.reporters.kit.html import render as set_page
from onnxguard.reporters.kit.html_elements import files, policy
from onnxguard.reporters.kit.options import RenderOptions

_STYLE = files("base.css", "document.css", "graph.css", "narrow.css")
_SCRIPT = files("graph.js")
DRAWN = Look(_STYLE, policy(_STYLE, _SCRIPT), _SCRIPT)


def render(difference: Difference, options: RenderOptions) -> str:
    """Render the page of two models."""
    return set_page(document.document(difference), options, _look(difference))


def render_review(found: Review, options: RenderOptions) -> str:
    """Render the page of every model that differs between two revisions."""
    return set_page(review.document(found), options, _look(*(m.difference for m in found.models)))


def _look(*differences: Difference | None) -> Look:
    drawn = any(each is not None and each.sketch is not None for each in differences)
    return DRAWN if drawn else PLAIN
