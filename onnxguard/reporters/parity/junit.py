"""Parity reports as JUnit XML: a test case for each model; a vacuous one is a failure."""

from __future__ import annotations

from onnxguard.parity.report import ParityReport
from onnxguard.reporters.kit.checks import PARITY
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.parity.phrases import as_run
from onnxguard.reporters.scan import junit


def render(reports: tuple[ParityReport, ...], options: RenderOptions) -> str:
    """Render the reports."""
    return junit.document(as_run(reports), PARITY)
