"""An evaluation as Markdown, for a page or a job summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.scan.markdown import code
from onnxguard.reporters.training import phrases
from onnxguard.reporters.training.markdown import answers, measures, skipped

if TYPE_CHECKING:
    from onnxguard.students.records import Evaluation


def render(evaluation: Evaluation, options: RenderOptions) -> str:
    """Render the IoU beside trivial answers, then every measure, then what was measured."""
    what = f"{code(evaluation.model)} on {code(evaluation.data)}, {phrases.counts(evaluation)}"
    margin = phrases.margin(evaluation)
    beside = f"; the IoU is {margin}" if margin else ""
    blocks = [
        f"## onnxguard evaluate: IoU {phrases.figure(evaluation.measures.iou)}",
        f"{what}, in {phrases.clock(evaluation.seconds)}{beside}.",
        f"Images: {phrases.preparation(evaluation)}.",
        answers(evaluation.model, evaluation.measures.iou, evaluation.baselines),
        measures(evaluation.measures),
        *skipped(evaluation.skipped),
        (
            f"SHA-256 of the graph: {code(evaluation.sha256)}, of the pairs: "
            f"{code(evaluation.data_sha256)}."
        ),
    ]
    return "\n\n".join(blocks) + "\n"
