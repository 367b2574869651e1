"""``onnxguard ablate``."""

from __future__ import annotations

import os

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.exclusive import exclusive
from onnxguard.base.printable import printable
from onnxguard.base.writing import make_folders, refuse_link, write_whole
from onnxguard.cli.examples import examples
from onnxguard.cli.kinds import FilePath
from onnxguard.cli.output import Reports, is_one_of, report_options, write_reports
from onnxguard.cli.progress import progress_bars
from onnxguard.cli.training_options import (
    ComputeAsked,
    DataAsked,
    RecipeAsked,
    compute_options,
    data_options,
    recipe_options,
    require_packages,
    training_watch,
)
from onnxguard.reporters import ABLATION_REPORTERS, RenderOptions
from onnxguard.students.student import STUDENTS


@click.command(epilog=examples("ablate --seeds 0,1,2,3,4 --data DUTS/"))
@click.option(
    "--seeds",
    default="0,1,2",
    show_default=True,
    metavar="N,...",
    help="Of weights and sampling; each student is trained from each.",
)
@data_options
@click.option(
    "--out",
    type=FilePath("DIR"),
    default="ablation",
    show_default=True,
    help="Where tables, plot and graphs go; what is there already is not trained again.",
)
@recipe_options(without=("seed",))
@compute_options
@report_options(ABLATION_REPORTERS)
def ablate(
    seeds: str,
    images: DataAsked,
    out: str,
    recipe: RecipeAsked,
    compute: ComputeAsked,
    reports: Reports,
) -> int:
    """Train all students from several seeds, and compare them.

    The table is written as ablation.md and ablation.json too, with a plot. An ablation that was
    interrupted goes on where it was.

    Exit code: 0 it is done, 2 it is not.
    """
    numbers = _seeds(seeds)
    chosen = recipe.chosen(images)
    targets = reports.targets(keep=lambda file: _keep_own(file, out))
    require_packages("ablate")
    from onnxguard.gating.ablation import ablate as whole
    from onnxguard.gating.pictures import ablation_plot
    from onnxguard.students.compute import choose_compute
    from onnxguard.students.data import find_data, take_training
    from onnxguard.students.distributed import described_group

    for path in (
        out,
        *(os.path.join(out, f"ablation.{ending}") for ending in ("png", "md", "json")),
    ):
        refuse_link(path)
    try:
        make_folders(out)
    except OSError as error:
        raise UsageError(f'--out "{printable(out)}": {error.strerror}') from None
    if described_group().size > 1:
        raise UsageError("ablate trains in one process: start it without torchrun")
    computing = choose_compute(*compute)
    data = find_data(images.data)
    with progress_bars() as step:
        taken = take_training(data, chosen, *images.decoding(), step)
    with exclusive(os.path.join(out, "ablation.lock"), printable(out)):
        result = whole(
            tuple(STUDENTS.values()),
            numbers,
            taken,
            chosen,
            out,
            compute=computing,
            watch=lambda label: training_watch(chosen.epochs, label),
        )
        plot = ablation_plot(result.runs)
        write_whole(os.path.join(out, "ablation.png"), plot)
        for name, ending in (("markdown", "md"), ("json", "json")):
            text = ABLATION_REPORTERS[name](result, RenderOptions())
            write_whole(os.path.join(out, f"ablation.{ending}"), text)
    write_reports(ABLATION_REPORTERS, result, targets, pictures={"ablation.png": plot})
    return 0


def _keep_own(path: str, out: str) -> None:
    """Refuse to write the report over a table that is read again, or over a run."""
    own = [os.path.join(out, f"ablation.{ending}") for ending in ("json", "lock", "md", "png")]
    runs = os.path.join(os.path.realpath(os.path.join(out, "runs")), "")
    if is_one_of(path, own) or os.path.realpath(path).startswith(runs):
        raise UsageError(
            f'"{printable(path)}" is one of the ablation\'s own files: name another file'
        )


def _seeds(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise UsageError(
            f'--seeds "{printable(text, 60)}": whole numbers with commas between them, of at most '
            "18 digits"
        )
    seeds = [int(part) for part in parts]
    if len(set(seeds)) < len(seeds):
        raise UsageError(f'--seeds "{printable(text)}": one of them is there twice')
    return seeds
