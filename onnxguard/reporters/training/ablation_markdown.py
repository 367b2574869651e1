"""An ablation as Markdown, for a page or a job summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.scan.markdown import cell, code
from onnxguard.reporters.training import phrases
from onnxguard.reporters.training.markdown import data, details, listed, table

if TYPE_CHECKING:
    from onnxguard.students.records import Ablation


def render(ablation: Ablation, options: RenderOptions) -> str:
    """Render a table of the students, whether they differ, then a table of the seeds."""
    rows = phrases.students(ablation)
    names = ", ".join(code(row.student) for row in rows)
    blocks = [f"## onnxguard ablation: {names or 'no students'}"]
    if rows:
        blocks += [_students(rows), phrases.SEEDS]
    blocks += [
        phrases.compared(found, code(found.leader), code(found.other))
        for found in phrases.comparisons(rows)
    ]
    if len(rows) < 2:
        blocks.append("There are no two students to compare.")
    if rows:
        blocks += ["### Seeds", _runs(ablation)]
    if ablation.baselines:
        trivial = ([cell(name), phrases.figure(iou)] for name, iou in ablation.baselines)
        blocks += ["### Trivial answers", table(("Answer", ">IoU"), trivial)]
    blocks += ["### Trained alike", *data(ablation.data)]
    for summary, heads, entries in (
        ("Recipe", ("Option", "Value"), ablation.recipe),
        ("Versions", ("Package", "Version"), ablation.versions),
        ("Hardware", ("What", "Which"), ablation.hardware),
    ):
        if entries:
            blocks.append(details(summary, listed(heads, entries)))
    return "\n\n".join(blocks) + "\n"


def _students(rows: tuple[phrases.StudentSummary, ...]) -> str:
    lists = phrases.allowlists(rows)
    heads = (
        "Student",
        ">Parameters",
        ">IoU, mean &plusmn; deviation",
        ">Seeds",
        "Best epochs",
        "Operators of its own",
    )
    table_rows = []
    for row in rows:
        verdicts = dict(row.verdicts)
        # An entity, because a console may be unable to encode the sign.
        spread = "" if row.deviation is None else f" &plusmn; {phrases.figure(row.deviation)}"
        table_rows.append(
            [
                cell(row.student),
                f"{row.parameters:,}",
                f"{phrases.figure(row.mean)}{spread}",
                f"{len(row.ious):,}",
                ", ".join(map(str, row.best_epochs)),
                ", ".join(map(cell, row.own_operators)) or "-",
                *(cell(verdicts[name]) if name in verdicts else "-" for name in lists),
                phrases.clock(row.seconds),
            ]
        )
    return table((*heads, *map(cell, lists), ">Mean time"), table_rows)


def _runs(ablation: Ablation) -> str:
    heads = ("Student", ">Seed", ">IoU", ">Best epoch", ">Time")
    rows = (
        [
            cell(run.student),
            str(run.seed),
            phrases.figure(run.iou),
            f"{run.best_epoch:,}",
            phrases.clock(run.seconds),
        ]
        for run in ablation.runs
    )
    return table(heads, rows)
