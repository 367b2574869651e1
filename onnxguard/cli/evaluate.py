"""``onnxguard evaluate``."""

from __future__ import annotations

import os

import click

from onnxguard.base.errors import UsageError
from onnxguard.cli.examples import examples
from onnxguard.cli.kinds import LIST, FilePath
from onnxguard.cli.output import Reports, report_options, write_reports
from onnxguard.cli.progress import progress_bars
from onnxguard.cli.training_options import (
    DataAsked,
    data_options,
    keep_students,
    require_packages,
)
from onnxguard.policy.registry import DEFAULT_ALLOWLIST
from onnxguard.reporters import EVALUATION_REPORTERS
from onnxguard.students.recipe import RECIPES
from onnxguard.students.student import MULTIPLE

_UNSEEN = 1  # the seed of made-up images that no student was trained on


@click.command(epilog=examples("evaluate trained/saliency-v2.onnx --data DUTS-TE/"))
@click.argument("model", type=FilePath("MODEL"))
@data_options
@click.option(
    "--side",
    type=click.IntRange(0),
    help="Resize images to this shorter side; 0: not at all.  [default: 256; made-up images: 88]",
)
@click.option(
    "--crop",
    type=click.IntRange(0),
    help="Cut this square out of the middle; 0: whole images, cut to multiples of 8.  "
    "[default: the side; made-up images: 80]",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The first N images alone.")
@click.option(
    "--stretch",
    is_flag=True,
    help="Stretch every answer to fill 0..1 first, as many papers' tables have it.",
)
@click.option(
    "--allowlist",
    type=LIST,
    default=DEFAULT_ALLOWLIST,
    show_default=True,
    help="The list that the graph must pass before it is run.",
)
@report_options(EVALUATION_REPORTERS)
def evaluate(
    model: str,
    images: DataAsked,
    side: int | None,
    crop: int | None,
    limit: int | None,
    stretch: bool,
    allowlist: str,
    reports: Reports,
) -> int:
    """Measure a saliency graph on images whose salient parts are known.

    MODEL has the students' signature: float32 1x3xHxW, normalised as ImageNet is, to float32
    1x1xHxW in 0..1. It is scanned before it is run.

    Exit code: 0 it was measured, 2 it was not.
    """
    recipe = RECIPES["generated" if images.data is None else "source"]
    if crop is None:
        crop = recipe.crop if side is None else side
    if side is None:
        side = recipe.validation_side
    if crop % MULTIPLE or (side and crop > side):
        raise UsageError(f"--crop: a multiple of {MULTIPLE} up to the side of {side}, not {crop}")
    if 0 < side < MULTIPLE:
        raise UsageError(f"--side: 0, or {MULTIPLE} and more, not {side}")
    if crop and not side:
        raise UsageError("--crop needs a --side: images may be smaller than it")
    trained = os.path.dirname(model)
    targets = reports.targets([model], lambda file: keep_students(file, trained))
    require_packages("evaluate")
    from onnxguard.gating.evaluation import evaluate as whole
    from onnxguard.gating.evaluation import open_graph
    from onnxguard.students.data import find_data, take_pairs

    graph = open_graph(model, allowlist)  # before the images are decoded
    data = find_data(images.data, limit, seed=_UNSEEN)
    with progress_bars() as step:
        taken = take_pairs(data, side, *images.decoding(), step)
        result = whole(graph, taken, crop, stretch, step)
    write_reports(EVALUATION_REPORTERS, result, targets)
    return 0
