"""How a student is trained: every choice that is not the network itself, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from onnxguard.students.student import MULTIPLE

from onnxguard.base.errors import UsageError

SCHEDULES = ("cosine", "constant")
_MOST_SEED = (1 << 64) - 1  # of PyTorch's generators


def _choice(default: Any, text: str, low: float = 0, high: float = float("inf")) -> Any:
    return field(default=default, metadata={"help": text, "low": low, "high": high})


@dataclass(frozen=True)
class Recipe:
    """The defaults are those of the source, which trained on DUTS-TR.

    Source: the saliency students of a fork of Netflix VMAF (github lusoris/vmaf,
    BSD-3-Clause-Plus-Patent). Sizes are in pixels.
    """

    train_side: int = _choice(288, "Shorter side of training images before they are cropped.", 8)
    validation_side: int = _choice(256, "Shorter side of validation images.", 8)
    crop: int = _choice(256, "Side of the crop: random in training, central in validation.", 8)
    flip: float = _choice(0.5, "Share of the training crops that are mirrored.", 0, 1)
    half_size: float = _choice(
        0.0, "Share of the epochs, the first ones, whose crops are halved to train faster.", 0, 1
    )
    batch: int = _choice(
        32, "Images in a step, over all processes; an incomplete last step is left out.", 1
    )
    epochs: int = _choice(50, "How often every image is trained on.", 1)
    learning_rate: float = _choice(1e-3, "Adam's, at the beginning.", 1e-12)
    schedule: str = _choice("cosine", "How it falls, epoch by epoch: to zero, or not at all.")
    dice_weight: float = _choice(1.0, "Weight of the Dice loss beside the cross-entropy.")
    dice_epsilon: float = _choice(1.0, "Added to both sides of the Dice quotient, in pixels.")
    validation_share: float = _choice(0.05, "Share of the images that is held out.", 0, 1)
    validation_least: int = _choice(64, "Images that are held out at least.", 1)
    split_seed: int = _choice(42, "Seed of what is held out.")
    seed: int = _choice(
        42, "Seed of the weights, the order, the crops and the flips.", 0, _MOST_SEED
    )

    def learning_rate_at(self, epoch: int) -> float:
        """The learning rate of an epoch, which counts from 0."""
        from math import cos, pi

        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * (1 + cos(pi * epoch / self.epochs)) / 2

    def shrink_at(self, epoch: int) -> int:
        """By how much the crops of an epoch, which counts from 0, are shrunk: 2 or 1."""
        return 2 if epoch < round(self.half_size * self.epochs) else 1

    def check(self) -> None:
        """Look at every value.

        Raises:
            UsageError: one makes no sense, or two contradict one another.
        """
        for choice in fields(self):
            value, limits = getattr(self, choice.name), choice.metadata
            option = option_of(choice.name)
            if choice.name == "schedule":
                if value not in SCHEDULES:
                    raise UsageError(f"{option}: one of {', '.join(SCHEDULES)}")
            elif not (limits["low"] <= value <= limits["high"] and value < float("inf")):
                upper = "" if limits["high"] == float("inf") else f" to {limits['high']}"
                raise UsageError(f"{option}: {limits['low']}{upper or ' or more'}, not {value}")
        for name in ("train_side", "validation_side"):
            if getattr(self, name) < self.crop:
                raise UsageError(f"{option_of(name)}: at least the crop's {self.crop} pixels")
        multiple = MULTIPLE * self.shrink_at(0)
        if self.crop % multiple:
            raise UsageError(f"--crop: a multiple of {multiple} pixels, not {self.crop}")
        if self.batch == 1 and self.crop == multiple:
            raise UsageError(
                f"--batch: 2 or more with a --crop of {self.crop}: batch norm takes no single value"
            )


def option_of(name: str) -> str:
    """``--train-side`` for ``train_side``."""
    return "--" + name.replace("_", "-")


RECIPES = {
    "source": Recipe(),
    "fast": replace(Recipe(), half_size=0.8),
    "generated": replace(
        Recipe(),
        train_side=88,
        validation_side=88,
        crop=80,
        batch=8,
        epochs=16,
        learning_rate=4e-3,
    ),
}
"""The recipes by name; ``generated`` suits the made-up images, and two CPU cores."""
