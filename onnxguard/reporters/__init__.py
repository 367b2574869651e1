"""One function per output format: a result becomes a string, which the caller writes.

No reporter prints, none decides the exit code, and each ends its text with a newline unless there
is nothing to say. A format's module is imported when the format is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from onnxguard.reporters import conformance, conformance_changes, diff, parity, scan, training
from onnxguard.reporters.kit.formats import Reporter
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.report import Run

__all__ = [
    "ABLATION_REPORTERS",
    "CARD_REPORTERS",
    "CONFORMANCE_DIFF_REPORTERS",
    "CONFORMANCE_REPORTERS",
    "DIFFERENCE_REPORTERS",
    "EVALUATION_REPORTERS",
    "PARITY_REPORTERS",
    "REPORTERS",
    "REVIEW_REPORTERS",
    "STREAMED",
    "RenderOptions",
    "Reporter",
]

REPORTERS = scan.REPORTERS
"""The reporters of a scan by the name that ``--format`` takes; the others are of other results."""

DIFFERENCE_REPORTERS = diff.REPORTERS
REVIEW_REPORTERS = diff.REVIEW_REPORTERS
PARITY_REPORTERS = parity.REPORTERS
CONFORMANCE_DIFF_REPORTERS = conformance_changes.REPORTERS
CONFORMANCE_REPORTERS = conformance.REPORTERS
CARD_REPORTERS = training.CARD_REPORTERS
EVALUATION_REPORTERS = training.EVALUATION_REPORTERS
ABLATION_REPORTERS = training.ABLATION_REPORTERS


def _json_pieces(run: Run, options: RenderOptions) -> Iterable[str]:
    from onnxguard.reporters.scan.json import pieces

    return pieces(run, options)


STREAMED: dict[str, Callable[[Run, RenderOptions], str | Iterable[str]]] = {
    **REPORTERS,
    "json": _json_pieces,
}
"""Those of a scan, in pieces where a report may be too long for memory."""
