"""What is minimised, and what is counted."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

IOU_EPSILON = 1e-6


def saliency_loss(
    logits: Tensor, targets: Tensor, dice_weight: float, dice_epsilon: float
) -> Tensor:
    """Binary cross-entropy, the mean over all pixels, plus Dice, the mean over the images.

    Dice of an image is 1 - (2 sum(p t) + e) / (sum(p) + sum(t) + e) (Milletari et al., V-Net, 3DV
    2016, without the squares, as the source of the recipe has it).

    Args:
        logits: float32 ``[n, 1, H, W]``; p is their sigmoid.
        targets: float32 ``[n, 1, H, W]`` in 0..1.
        dice_weight: what Dice is multiplied with.
        dice_epsilon: e, in pixels.

    Returns:
        float32 scalar.
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, targets)
    found = torch.sigmoid(logits)
    shared = (found * targets).sum((1, 2, 3))
    both = found.sum((1, 2, 3)) + targets.sum((1, 2, 3))
    dice = 1 - (2 * shared + dice_epsilon) / (both + dice_epsilon)
    return entropy + dice_weight * dice.mean()


def iou_counts(saliency: Tensor, targets: Tensor) -> Tensor:
    """Pixels in the intersection and in the union of mask and prediction, at 0.5.

    Args:
        saliency: float ``[n, 1, H, W]`` in 0..1; found is what lies over 0.5.
        targets: float ``[n, 1, H, W]``, 0 or 1.

    Returns:
        int64 ``[n, 2]``.
    """
    found, salient = saliency > 0.5, targets > 0.5
    shared = (found & salient).sum((1, 2, 3))
    either = (found | salient).sum((1, 2, 3))
    return torch.stack([shared, either], 1)


def mean_iou(counts: Tensor) -> float:
    """The mean of (I + 1e-6) / (U + 1e-6) over the images, whatever their order.

    Args:
        counts: int64 ``[images, 2]``.
    """
    ious = [(i + IOU_EPSILON) / (u + IOU_EPSILON) for i, u in counts.tolist()]
    return math.fsum(ious) / len(ious)
