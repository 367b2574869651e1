"""Parity reports as JUnit XML: a test case for each model; a vacuous one is a failure."""

from __future__ import annotations

from onnxguard.parity.report import ParityReport
from onnxguard.reporters import junit
from onnxguard.reporters.checks import PARITY
from onnxguard.reporters.options import RenderOptions
from onnxguard.reporters.parity_phrases import as_run


def render(reports: tuple[ParityReport, ...], options: RenderOptions) -> str:
    """Render the reports."""
    return junit.document(as_run(reports), PARITY)
