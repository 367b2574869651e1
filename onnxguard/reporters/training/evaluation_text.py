"""An evaluation for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.paint import Paint, columns
from onnxguard.reporters.scan.text import inert
from onnxguard.reporters.training import phrases
from onnxguard.reporters.training.text import skipped

if TYPE_CHECKING:
    from onnxguard.students.records import Evaluation


def render(evaluation: Evaluation, options: RenderOptions) -> str:
    """Render the measures, the trivial answers beside them, then the IoU again."""
    paint = Paint(options.color)
    iou = phrases.figure(evaluation.measures.iou)
    lines = [
        f"{paint(evaluation.model, 'bold')}  on {evaluation.data}, {phrases.counts(evaluation)}",
        f"  {phrases.preparation(evaluation)}",
        paint(f"  graph sha256 {evaluation.sha256}", "dim"),
        paint(f"  pairs sha256 {evaluation.data_sha256}", "dim"),
        "",
        *columns(phrases.measures(evaluation.measures), "  "),
    ]
    if evaluation.baselines:
        rows = [(answer, phrases.figure(value)) for answer, value in evaluation.baselines]
        lines += ["", "  IoU of trivial answers", *columns(rows, "    ")]
    lines += skipped(evaluation.skipped, options)
    margin = phrases.margin(evaluation)
    close = f"IoU {iou}{f', {margin}' if margin else ''}, {phrases.clock(evaluation.seconds)}"
    lines += ["", paint(close, "bold")]
    return "".join(f"{inert(line)}\n" for line in lines)
