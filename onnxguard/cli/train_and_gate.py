"""``onnxguard train-and-gate``."""

from __future__ import annotations

import math
from typing import Any

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.extras import require_extra
from onnxguard.base.printable import printable
from onnxguard.base.progress import silent
from onnxguard.base.writing import refuse_link
from onnxguard.cli.examples import examples
from onnxguard.cli.kinds import LIST, FilePath, Target
from onnxguard.cli.messages import say
from onnxguard.cli.numbers import FiniteRange
from onnxguard.cli.output import (
    Reports,
    check_output,
    files_of,
    is_one_of,
    report_options,
    write_reports,
)
from onnxguard.cli.progress import progress_bars
from onnxguard.cli.training_options import (
    ComputeAsked,
    DataAsked,
    RecipeAsked,
    compute_options,
    data_options,
    keep_students,
    recipe_options,
    require_packages,
    training_watch,
)
from onnxguard.parity.settings import ATOL, MUTANTS
from onnxguard.reporters import CARD_REPORTERS
from onnxguard.students.logs import Watch
from onnxguard.students.student import STUDENTS, TRAINED, find_student


def _tolerance(_: click.Context, __: click.Parameter, value: float) -> float:
    if not math.isfinite(value) or value < 0:
        raise click.BadParameter("a difference that passes is finite and not negative")
    return value


@click.command(
    "train-and-gate",
    epilog=examples("train-and-gate", "train-and-gate --data DUTS/ --out trained/"),
)
@click.option(
    "--student",
    default="saliency-v2",
    show_default=True,
    metavar="NAME",
    help=f"Which one: {', '.join(STUDENTS)}.",
)
@data_options
@click.option(
    "--out",
    type=FilePath("DIR"),
    default=TRAINED,
    show_default=True,
    help="Where a student that passes is put: graph, weights, card, pictures.",
)
@click.option("--resume", is_flag=True, help="There must be a training to go on with.")
@click.option("--restart", is_flag=True, help="Forget an earlier training, and begin anew.")
@recipe_options()
@compute_options
@click.option(
    "--allowlist",
    type=LIST,
    help="Scan by this list.  [default: the student's own]",
)
@click.option(
    "--atol",
    type=float,
    default=ATOL,
    show_default=True,
    callback=_tolerance,
    help="The largest difference from PyTorch that passes.",
)
@click.option(
    "--mutants",
    type=click.IntRange(0),
    default=MUTANTS,
    show_default=True,
    help="Damaged graphs that the parity check is tried on; 0: none.",
)
@click.option(
    "--kill-rate",
    type=FiniteRange(0, 1),
    default=0.9,
    show_default=True,
    metavar="SHARE",
    help="The share of them that it must notice.",
)
@click.option(
    "--min-iou",
    type=FiniteRange(0, 1),
    metavar="IOU",
    help="The least validation IoU.  [default: more than a trivial answer's; made-up images: 0.9]",
)
@click.option(
    "--csv",
    type=FilePath("FILE"),
    help="Write a line an epoch there, whole after each.",
)
@click.option("--tensorboard", type=FilePath("DIR"), help="Write scalars for TensorBoard there.")
@report_options(CARD_REPORTERS)
@click.option("--verbose", "-v", is_flag=True, help="Every epoch, digest and version.")
def train_and_gate(
    student: str,
    images: DataAsked,
    out: str,
    resume: bool,
    restart: bool,
    recipe: RecipeAsked,
    compute: ComputeAsked,
    allowlist: str | None,
    atol: float,
    mutants: int,
    kill_rate: float,
    min_iou: float | None,
    csv: str | None,
    tensorboard: str | None,
    reports: Reports,
    verbose: bool,
) -> int:
    """Train a student, judge its graph, and put it in place only if it passes.

    Under torchrun several processes, on one machine or more, train one student.

    Exit code: 0 it is in place, 1 a gate refused it and nothing was replaced, 2 it was not trained
    to the end, or not judged.
    """
    trained = find_student(student)
    chosen = recipe.chosen(images)
    if resume and restart:
        raise UsageError("--resume goes on, --restart begins anew: name one of them")
    targets = reports.targets(keep=lambda file: keep_students(file, out))
    keep_students(csv, out, "--csv")
    check_output(csv, option="--csv")
    if csv is not None and is_one_of(csv, files_of(targets)):
        raise UsageError("--output and --csv: two files, not one")
    if tensorboard is not None:
        refuse_link(tensorboard)
    require_packages("train-and-gate")
    if tensorboard is not None:
        require_extra("--tensorboard", "tensorboard", ["tensorboard"])
    from onnxguard.gating.gates import Limits
    from onnxguard.gating.train_and_gate import train_and_gate as whole
    from onnxguard.policy.registry import load_allowlist
    from onnxguard.students.compute import choose_compute
    from onnxguard.students.data import GENERATED_IOU, find_data, take_training
    from onnxguard.students.distributed import described_group, joined

    load_allowlist(allowlist or trained.allowlist)  # a wrong one is told before the work
    if min_iou is None and images.data is None:
        min_iou = GENERATED_IOU
    data = find_data(images.data)
    group = described_group()
    computing = choose_compute(*compute, group.local_rank, group.size == 1)
    with joined(group, computing.device), _bars(group.leads) as step:
        taken = take_training(data, chosen, *images.decoding(), step, group)
        outcome = whole(
            trained,
            taken,
            chosen,
            out,
            compute=computing,
            group=group,
            limits=Limits(allowlist, atol, mutants, kill_rate, min_iou),
            resume=resume,
            restart=restart,
            watch=_watch(chosen.epochs, csv, tensorboard) if group.leads else Watch(),
            step=step,
        )
    if outcome is None:
        return 0
    card, path, pictures = outcome
    write_reports(CARD_REPORTERS, card, targets, int(verbose), pictures=pictures)
    if Target("text") in targets:
        place = "in place" if card.passed else "not in place, kept in"
        say(f"{place}: {printable(path)}")
    return int(not card.passed)


def _watch(epochs: int, csv: str | None, tensorboard: str | None) -> Watch:
    from onnxguard.students.logs import CsvLog, TensorBoardLog, Watches

    watches = [training_watch(epochs)]
    if csv:
        watches.append(CsvLog(csv))
    if tensorboard:
        watches.append(TensorBoardLog(tensorboard))
    return Watches(*watches)


def _bars(leads: bool) -> Any:
    from contextlib import nullcontext

    return progress_bars() if leads else nullcontext(silent)
