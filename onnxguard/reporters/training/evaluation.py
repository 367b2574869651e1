"""What a graph makes of a data set: the measures, and trivial answers beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.document import Block, Document, Pairs, Paragraph, Part, Section, Table
from onnxguard.reporters.kit.words import Code
from onnxguard.reporters.training import phrases
from onnxguard.reporters.training.blocks import answers, skipped

if TYPE_CHECKING:
    from onnxguard.students.records import Evaluation


def document(evaluation: Evaluation) -> Document:
    """The whole report."""
    iou, margin = phrases.figure(evaluation.measures.iou), phrases.margin(evaluation)
    blocks: list[Block] = [Paragraph(f"Images: {phrases.preparation(evaluation)}.")]
    beside = answers(evaluation.baselines, evaluation.measures.iou)
    blocks += [
        Section("Answers", [beside]),
        Section("Measures", [Table(("Measure", "Value>"), phrases.measures(evaluation.measures))]),
        *skipped(evaluation.skipped),
    ]
    digests = ("graph", Code(evaluation.sha256)), ("pairs", Code(evaluation.data_sha256))
    blocks.append(Section("SHA-256", [Pairs(digests)]))
    said = " on ", Code(evaluation.data), f", {phrases.counts(evaluation)}"
    part = Part(None, Code(evaluation.model), said, (), blocks)
    summary = f"IoU {iou}{f', {margin}' if margin else ''}"
    return Document("evaluate", None, summary, evaluation.seconds, (part,))
