"""Options that the commands about students share."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.extras import require_extra
from onnxguard.base.printable import printable
from onnxguard.cli.grouped import Command, grouped
from onnxguard.cli.kinds import FilePath
from onnxguard.cli.messages import note
from onnxguard.cli.output import is_one_of
from onnxguard.cli.progress import on_terminal, progress_bar
from onnxguard.gating.publishing import ENDINGS, lock_of, run_folder
from onnxguard.students.history import Epoch
from onnxguard.students.logs import Watch
from onnxguard.students.recipe import RECIPES, SCHEDULES, Recipe, option_of
from onnxguard.students.student import STUDENTS

_PACKAGES = ("matplotlib", "numpy", "onnx", "onnxruntime", "PIL", "safetensors", "torch")
_AUTO = ("source", "generated")
_KINDS = {"int": int, "float": float}


class DataAsked(NamedTuple):
    """Which images, and how they are decoded."""

    data: str | None
    on_bad_pair: str
    cache: str | None
    jobs: int

    def decoding(self) -> tuple[str, int, str]:
        """Where decoded images are kept, by how many processes, and what becomes of bad pairs."""
        from onnxguard.base.cache_folder import cache_folder

        return self.cache or str(cache_folder()), self.jobs, self.on_bad_pair


data_options = grouped(
    "images",
    DataAsked._fields,
    DataAsked,
    click.option(
        "--data",
        type=FilePath("DIR"),
        help="Images and masks: DUTS-TR, DUTS-TE, ECSSD, PASCAL-S, or two plain folders.  "
        "[default: made-up ones]",
    ),
    click.option(
        "--on-bad-pair",
        type=click.Choice(["refuse", "skip"]),
        default="refuse",
        show_default=True,
        help="What becomes of unpaired, unreadable, mis-sized images and empty masks.",
    ),
    click.option(
        "--cache",
        type=FilePath("DIR"),
        help="Where decoded images are kept.  [default: ~/.cache/onnxguard]",
    ),
    click.option(
        "--jobs",
        "-j",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="Processes to decode with; 0: one for each core.",
    ),
)


class RecipeAsked:
    """A recipe's name, and values of its fields where they were given."""

    def __init__(self, recipe: str | None, **given: float | str | None) -> None:
        self.name = recipe
        self.given: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None
        }

    def chosen(self, images: DataAsked) -> Recipe:
        """The whole recipe, for these images.

        Raises:
            UsageError: a value makes no sense.
        """
        name = self.name or ("generated" if images.data is None else "source")
        recipe = replace(RECIPES[name], **self.given)
        recipe.check()
        return recipe


def recipe_options(without: Sequence[str] = ()) -> Callable[[Command], Command]:
    """``--recipe``, and an option for each field of a recipe; they reach the command as one."""
    options = [
        click.option(
            "--recipe",
            type=click.Choice(list(RECIPES)),
            help="The values that are not given.  [default: source; made-up images: generated]",
        )
    ]
    choices = [choice for choice in fields(Recipe) if choice.name not in without]
    for choice in choices:
        values = [getattr(RECIPES[name], choice.name) for name in _AUTO]
        shown = str(values[0])
        if values[1] != values[0]:
            shown += f"; made-up images: {values[1]}"
        text = f"{choice.metadata['help']}  [default: {shown}]"
        kind: Any = _KINDS.get(str(choice.type)) or click.Choice(SCHEDULES)
        options.append(click.option(option_of(choice.name), choice.name, type=kind, help=text))
    names = ("recipe", *(choice.name for choice in choices))
    return grouped("recipe", names, RecipeAsked, *options)


class ComputeAsked(NamedTuple):
    """Where and how it is trained."""

    device: str
    precision: str
    compiled: bool
    cuda_graph: bool | None


compute_options = grouped(
    "compute",
    ComputeAsked._fields,
    ComputeAsked,
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where to train; auto: on a GPU where there is one.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "fp32", "bf16"]),
        default="auto",
        show_default=True,
        help="Of forward and backward; auto: bf16 on a GPU, fp32 on a CPU.",
    ),
    click.option("--compile", "compiled", is_flag=True, help="Use torch.compile."),
    click.option(
        "--cuda-graph/--no-cuda-graph",
        default=None,
        help="Record a step as a CUDA graph.  [default: on one GPU without --compile]",
    ),
)


def keep_students(path: str | None, folder: str, option: str = "--output") -> None:
    """Refuse to write a report over what belongs to a student: weights, card, checkpoint.

    Args:
        path: of the report.
        folder: where students are.
        option: that names the report.

    Raises:
        UsageError: it is one of their files, or in the folder of a training.
    """
    if path is None:
        return
    own = [os.path.join(folder, name + ending) for name in STUDENTS for ending in ENDINGS]
    own += [lock_of(folder, name) for name in STUDENTS]
    runs = [os.path.join(os.path.realpath(run_folder(folder, name)), "") for name in STUDENTS]
    if is_one_of(path, own) or os.path.realpath(path).startswith(tuple(runs)):
        raise UsageError(
            f'{option} "{printable(path)}" is one of a student\'s own files: name another file'
        )


def require_packages(command: str) -> None:
    """Fail before the work where the extra is missing.

    Raises:
        UsageError: it names what is missing.
    """
    require_extra(f"onnxguard {command}", "train", _PACKAGES)


class TrainingLines(Watch):
    """A line an epoch, for what is no terminal."""

    def __init__(self, epochs: int, label: str = "") -> None:
        self._epochs, self._label = epochs, f"{label}: " if label else ""

    def epoch(self, history: Sequence[Epoch], best_epoch: int) -> None:
        """Say how the last epoch went."""
        done = history[-1]
        best = ", the best so far" if best_epoch == done.number else ""
        note(
            f"{self._label}epoch {done.number}/{self._epochs}: loss {done.loss:.4f}, IoU "
            f"{done.iou:.4f}{best}, {done.images_per_second:.0f} images/s, {done.seconds:.1f} s"
        )

    def resumed(self, history: Sequence[Epoch], best_epoch: int) -> None:
        """Say where it goes on."""
        best = f"the best is epoch {best_epoch}, IoU {history[best_epoch - 1].iou:.4f}"
        note(f"{self._label}goes on after epoch {len(history)}/{self._epochs}; {best}")


class TrainingBar(Watch):
    """A bar over all steps: time left, epoch, loss, the best IoU, images a second."""

    def __init__(self, epochs: int, label: str = "training") -> None:
        self._epochs = epochs
        self._now = ("", "")
        self._iou = ""
        self._bar = progress_bar(label, epochs, info=lambda _: self._iou.join(self._now))
        self._started = False

    def step(self, epoch: int, step: int, steps: int, loss: float, rate: float) -> None:
        """Move on."""
        done = (epoch - 1) * steps + step
        self._bar.length = self._epochs * steps
        if not self._started:  # a resumed training has not done the first steps in this time
            self._started, self._bar.pos = True, done - 1
        self._now = f"{epoch}/{self._epochs}, loss {loss:.3f}", f", {rate:.0f}/s"
        self._bar.update(done - self._bar.pos, self._now)

    def epoch(self, history: Sequence[Epoch], best_epoch: int) -> None:
        """Remember the best IoU."""
        self._iou = f", IoU {history[best_epoch - 1].iou:.3f}"
        if self._started:
            self._bar.render_progress()

    def close(self) -> None:
        """Take the bar away."""
        if self._started:  # else there is none on the screen
            self._bar.render_finish()


def training_watch(epochs: int, label: str = "") -> Watch:
    """A bar on a terminal, lines elsewhere."""
    if on_terminal():
        return TrainingBar(epochs, label or "training")
    return TrainingLines(epochs, label)
