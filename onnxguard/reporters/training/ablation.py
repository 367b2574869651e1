"""Students that were trained alike: whether they differ by more than their seeds do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.blocks import Image, Items
from onnxguard.reporters.kit.document import Block, Document, Paragraph, Part, Section, Table
from onnxguard.reporters.kit.phrases import duration
from onnxguard.reporters.kit.words import Code, Words, joined
from onnxguard.reporters.training import phrases
from onnxguard.reporters.training.blocks import answers, data, facts
from onnxguard.students.ablation import StudentSummary, allowlists, comparisons, students

if TYPE_CHECKING:
    from onnxguard.students.records import Ablation

PLOT = "ablation.png"
"""The plot beside the report."""


def document(ablation: Ablation) -> Document:
    """The whole report; what the students' difference means comes first and last."""
    rows = students(ablation)
    summary = joined(map(phrases.compared, comparisons(rows)), between=". ")
    if len(rows) < 2:
        summary = "there are no two students to compare"
    blocks: list[Block] = []
    if rows:
        blocks.append(Image(PLOT, "validation IoU of each seed"))
        own = [
            (Code(row.student), " alone has: ", *joined(map(Code, row.own_operators)))
            for row in rows
            if row.own_operators
        ]
        inside: list[Block] = [_students(rows), Paragraph(phrases.SEEDS, "soft")]
        inside += [Items(own)] if own else []
        blocks.append(Section("Students", inside))
        blocks.append(Section("Seeds", [_runs(ablation)]))
    if ablation.baselines:
        blocks.append(Section("Trivial answers", [answers(ablation.baselines)]))
    blocks += [
        Section("Trained alike", list(data(ablation.data))),
        facts("Recipe", ablation.recipe, ("Option", "Value")),
        facts("Versions", ablation.versions, ("Package", "Version")),
        facts("Hardware", ablation.hardware, ("What", "Which")),
    ]
    names = joined(Code(row.student) for row in rows) or "no students"
    said = " on ", Code(ablation.data.name), f", {phrases.data(ablation.data)}"
    return Document("ablate", None, summary, None, (Part(None, names, said, (), blocks),))


def _students(rows: tuple[StudentSummary, ...]) -> Table:
    lists = allowlists(rows)
    heads = ("Student", "Parameters>", "Seeds>", "Mean IoU>", "Deviation>", "Best epochs")
    every = (*heads, *map(Code, lists), "Mean time>")
    return Table(every, [_student(row, lists) for row in rows])


def _student(row: StudentSummary, lists: tuple[str, ...]) -> tuple[Words, ...]:
    verdicts = dict(row.verdicts)
    return (
        Code(row.student),
        f"{row.parameters:,}",
        f"{len(row.ious):,}",
        phrases.figure(row.mean),
        "-" if row.deviation is None else phrases.figure(row.deviation),
        ", ".join(map(str, row.best_epochs)),
        *(Code(verdicts.get(name, "-")) for name in lists),
        duration(row.seconds),
    )


def _runs(ablation: Ablation) -> Table:
    rows = [
        (
            Code(run.student),
            f"{run.seed}",
            phrases.figure(run.iou),
            f"{run.best_epoch:,}",
            duration(run.seconds),
        )
        for run in ablation.runs
    ]
    return Table(("Student", "Seed>", "IoU>", "Best epoch>", "Time>"), rows)
