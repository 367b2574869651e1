"""Data and recipes so small that an epoch takes a tenth of a second, and who watches them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from onnxguard.students.data import take_training
from onnxguard.students.generated import generate
from onnxguard.students.history import Epoch
from onnxguard.students.logs import Watch
from onnxguard.students.pairs import GeneratedData
from onnxguard.students.recipe import Recipe, option_of
from onnxguard.students.saliency import Saliency, transposed
from onnxguard.students.student import STUDENTS, Student
from onnxguard.students.training import TrainingData
from PIL import Image
from torch import Tensor

from onnxguard.base.progress import silent

TINY = Recipe(
    train_side=24,
    validation_side=24,
    crop=16,
    batch=4,
    epochs=3,
    learning_rate=4e-3,
    validation_least=6,
)
IMAGES = 26
"""Of them 20 are trained on: five steps an epoch."""
V1, V2 = STUDENTS["saliency-v1"], STUDENTS["saliency-v2"]


def tiny_data(folder: Path, recipe: Recipe = TINY, images: int = IMAGES) -> TrainingData:
    """Made-up images, a little larger than they are used, with the cache in a folder."""
    data = GeneratedData(images, side=max(recipe.train_side, recipe.validation_side) + 4)
    return take_training(data, recipe, str(folder / "cache"), 1, "refuse", silent).data


def write_pairs(folder: Path, count: int, side: int = 24) -> Path:
    """The same in files, as the command line takes them; no mask is empty."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number, (image, mask) in enumerate(generate(count, side, side + 4, seed=0)):
        mask[0, 0] = True
        Image.fromarray(image).save(folder / "images" / f"{number:03}.png")
        pixels = mask.astype(np.uint8) * np.uint8(255)
        Image.fromarray(pixels).save(folder / "masks" / f"{number:03}.png")
    return folder


def recipe_options(recipe: Recipe) -> list[str]:
    """The options of the command line that describe a recipe."""
    names = ("train_side", "validation_side", "crop", "batch", "epochs", "learning_rate")
    return [
        word
        for name in (*names, "validation_least", "seed")
        for word in (option_of(name), str(getattr(recipe, name)))
    ]


class Recorder(Watch):
    """Remembers all that it is told, and does something after a step of one's choice."""

    def __init__(
        self, at: tuple[int, int] | None = None, act: Callable[[], object] = lambda: None
    ) -> None:
        self.steps: list[tuple[int, int, int]] = []
        self.losses: list[float] = []
        self.rates: list[float] = []
        self.epochs: list[tuple[tuple[Epoch, ...], int]] = []
        self.closed = 0
        self._at, self._act = at, act

    def step(self, epoch: int, step: int, steps: int, loss: float, rate: float) -> None:
        self.steps.append((epoch, step, steps))
        self.losses.append(loss)
        self.rates.append(rate)
        if (epoch, step) == self._at:
            self._act()

    def epoch(self, history: Sequence[Epoch], best_epoch: int) -> None:
        self.epochs.append((tuple(history), best_epoch))

    def close(self) -> None:
        self.closed += 1


SIDES: list[tuple[bool, int, int]] = []
"""What ``Seen`` was given: whether in training, height, width."""


class Seen(Saliency):
    """A student that remembers how large its images were."""

    def logits(self, x: Tensor) -> Tensor:
        SIDES.append((self.training, x.shape[2], x.shape[3]))
        return super().logits(x)


class Exploding(Saliency):
    """A student whose answers become NaN in its eighth step: the third of the second epoch."""

    def __init__(self) -> None:
        super().__init__(transposed)
        self.left = 7

    def logits(self, x: Tensor) -> Tensor:
        self.left -= self.training
        return super().logits(x) * (1.0 if self.left >= 0 else float("nan"))


def seen() -> Seen:
    return Seen(transposed)


def student_of(factory: str) -> Student:
    return V1._replace(name=factory, factory=f"support.training_data:{factory}")


def exploding() -> Exploding:
    return Exploding()
