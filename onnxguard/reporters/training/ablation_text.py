"""An ablation for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.paint import Paint, wrap
from onnxguard.reporters.scan.text import inert
from onnxguard.reporters.training import phrases
from onnxguard.reporters.training.text import aligned, skipped

if TYPE_CHECKING:
    from onnxguard.students.records import Ablation


def render(ablation: Ablation, options: RenderOptions) -> str:
    """Render a line a student, a line a seed, then whether the difference exceeds the noise."""
    paint = Paint(options.color)
    rows = phrases.students(ablation)
    lines = [
        f"{paint('ablation', 'bold')} on {ablation.data.name}, {phrases.data(ablation.data)}",
        paint(f"  pairs sha256 {ablation.data.sha256}", "dim"),
        *_facts("recipe", ablation.recipe),
        *_facts("versions", ablation.versions),
        *_facts("hardware", ablation.hardware),
    ]
    if rows:
        head, *table = _students(rows)
        lines += ["", paint(head, "dim"), *table]
        own = [row for row in rows if row.own_operators]
        for row in own:
            lines += wrap(_commas(row.own_operators), "    ", first=f"  only {row.student} has: ")
        head, *table = _runs(ablation)
        lines += ["", paint(head, "dim"), *table]
    if ablation.baselines:
        trivial = [f"{answer} {phrases.figure(iou)}" for answer, iou in ablation.baselines]
        lines += ["", *wrap(_commas(trivial), "    ", first="  IoU of trivial answers: ")]
    lines += [*skipped(ablation.data.skipped, options), ""]
    lines += wrap(phrases.SEEDS.split(" "), "  ") if rows else []
    for found in phrases.comparisons(rows):
        lines += wrap(phrases.compared(found, found.leader, found.other).split(" "), "  ")
    if len(rows) < 2:
        lines.append("  There are no two students to compare.")
    return "".join(f"{inert(line)}\n" for line in lines)


def _commas(items: Sequence[str]) -> list[str]:
    return [*(f"{item}," for item in items[:-1]), *items[-1:]]


def _facts(name: str, entries: tuple[tuple[str, str], ...]) -> list[str]:
    items = [f"{key} {value}" for key, value in entries]
    return wrap(_commas(items), "    ", first=f"  {name}: ") if items else []


def _students(rows: tuple[phrases.StudentSummary, ...]) -> list[str]:
    lists = phrases.allowlists(rows)
    head = ("student", "parameters", "seeds", "mean IoU", "deviation", "best epochs")
    table = [(*head, *lists, "mean time")]
    for row in rows:
        verdicts = dict(row.verdicts)
        table.append(
            (
                row.student,
                f"{row.parameters:,}",
                f"{len(row.ious):,}",
                phrases.figure(row.mean),
                "-" if row.deviation is None else phrases.figure(row.deviation),
                ", ".join(map(str, row.best_epochs)),
                *(verdicts.get(name, "-") for name in lists),
                phrases.clock(row.seconds),
            )
        )
    return aligned(table, (1, 2, 3, 4, len(table[0]) - 1))


def _runs(ablation: Ablation) -> list[str]:
    table = [("student", "seed", "IoU", "best epoch", "time")]
    table += [
        (
            run.student,
            str(run.seed),
            phrases.figure(run.iou),
            f"{run.best_epoch:,}",
            phrases.clock(run.seconds),
        )
        for run in ablation.runs
    ]
    return aligned(table, (1, 2, 3, 4))
