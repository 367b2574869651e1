"""Parity reports as annotations for GitHub Actions, then a line per model and a summary."""

from __future__ import annotations

from onnxguard.parity.report import ParityReport
from onnxguard.reporters.kit.checks import PARITY
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.paint import inert
from onnxguard.reporters.parity import phrases as parity_phrases
from onnxguard.reporters.parity.claims import headline
from onnxguard.reporters.scan import github


def render(reports: tuple[ParityReport, ...], options: RenderOptions) -> str:
    """Render every finding as a workflow command."""
    lines = github.commands(parity_phrases.as_run(reports), PARITY)
    for report in reports:
        lines.append(inert(f"{report.verdict.value.upper()} {headline(report)}"))
    verdict = parity_phrases.overall(reports).value.upper()
    lines.append(f"onnxguard parity {verdict}: {parity_phrases.summary(reports)}")
    return "".join(f"{line}\n" for line in lines)
