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
from onnxguard.cli.numbers import FiniteRange
from onnxguard.cli.output import (
    check_output,
    files_of,
    is_one_of,
    report_options,
    targets_of,
    write_reports,
)
from onnxguard.cli.progress import progress_bars
from onnxguard.cli.training_options import (
    chosen_recipe,
    compute_options,
    data_options,
    keep_students,
    recipe_options,
    require_packages,
    training_watch,
)
from onnxguard.parity.settings import ATOL, MUTANTS
from onnxguard.reporters import CARD_REPORTERS
from onnxguard.students.recipe import Recipe
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
def train_and_gate(**options: Any) -> int:
    """Train a student, judge its graph, and put it in place only if it passes.

    Under torchrun several processes, on one machine or more, train one student.

    Exit code: 0 it is in place, 1 a gate refused it and nothing was replaced, 2 it was not trained
    to the end, or not judged.
    """
    student = find_student(options["student"])
    recipe = chosen_recipe(options)
    if options["resume"] and options["restart"]:
        raise UsageError("--resume goes on, --restart begins anew: name one of them")
    out, csv = options["out"], options["csv"]
    targets = targets_of(options, keep=lambda file: keep_students(file, out))
    keep_students(csv, options["out"], "--csv")
    check_output(csv, option="--csv")
    if csv is not None and is_one_of(csv, files_of(targets)):
        raise UsageError("--output and --csv: two files, not one")
    if options["tensorboard"] is not None:
        refuse_link(options["tensorboard"])
    require_packages("train-and-gate")
    if options["tensorboard"] is not None:
        require_extra("--tensorboard", "tensorboard", ["tensorboard"])
    card, path = _trained(student, recipe, options)
    if card is None:
        return 0
    write_reports(CARD_REPORTERS, card, targets, int(options["verbose"]))
    if Target("text") not in targets:
        return int(not card.passed)
    place = "in place" if card.passed else "not in place, kept in"
    click.echo(f"{place}: {printable(path)}")
    return int(not card.passed)


def _trained(student: Any, recipe: Recipe, options: dict[str, Any]) -> tuple[Any, str]:
    from onnxguard.base.cache_folder import cache_folder
    from onnxguard.gating.gates import Limits
    from onnxguard.gating.train_and_gate import train_and_gate as whole
    from onnxguard.policy.registry import load_allowlist
    from onnxguard.students.compute import choose_compute
    from onnxguard.students.data import GENERATED_IOU, find_data, take_training
    from onnxguard.students.distributed import described_group, joined
    from onnxguard.students.logs import CsvLog, TensorBoardLog, Watch, Watches

    load_allowlist(options["allowlist"] or student.allowlist)  # a wrong one is told before the work
    floor = options["min_iou"]
    if floor is None and options["data"] is None:
        floor = GENERATED_IOU
    limits = Limits(
        options["allowlist"], options["atol"], options["mutants"], options["kill_rate"], floor
    )
    data = find_data(options["data"])
    group = described_group()
    compute = choose_compute(
        options["device"],
        options["precision"],
        options["compiled"],
        options["cuda_graph"],
        group.local_rank,
        group.size == 1,
    )

    def watch() -> Watch:
        if not group.leads:
            return Watch()
        watches = [training_watch(recipe.epochs)]
        if options["csv"]:
            watches.append(CsvLog(options["csv"]))
        if options["tensorboard"]:
            watches.append(TensorBoardLog(options["tensorboard"]))
        return Watches(*watches)

    with joined(group, compute.device), _bars(group.leads) as step:
        cache, jobs = options["cache"] or str(cache_folder()), options["jobs"]
        taken = take_training(data, recipe, cache, jobs, options["on_bad_pair"], step, group)
        outcome = whole(
            student,
            taken,
            recipe,
            options["out"],
            compute=compute,
            group=group,
            limits=limits,
            resume=options["resume"],
            restart=options["restart"],
            watch=watch(),
            step=step,
        )
    return (None, "") if outcome is None else outcome


def _bars(leads: bool) -> Any:
    from contextlib import nullcontext

    return progress_bars() if leads else nullcontext(silent)
