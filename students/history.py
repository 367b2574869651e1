"""What an epoch of training came to."""

from __future__ import annotations

from typing import NamedTuple


class Epoch(NamedTuple):
    """One epoch.

    Attributes:
        number: from 1.
        loss: the mean over its steps.
        iou: on the validation images, in PyTorch, 0..1.
        learning_rate: that of its steps.
        images: trained on.
        train_seconds: of its steps, wall clock.
        seconds: with the validation.
    """

    number: int
    loss: float
    iou: float
    learning_rate: float
    images: int
    train_seconds: float
    seconds: float

    @property
    def images_per_second(self) -> float:
        """How many images were trained on in a second."""
        return self.images / self.train_seconds if self.train_seconds else 0.0
