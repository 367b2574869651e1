"""Which images, which part of them and which way round: functions of the seed and the epoch alone.

Nothing here has a state, so that training may stop after any step and go on as if it had not.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from functools import cache, reduce
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from onnxguard.students.normalisation import DEVIATION, MEAN
from torch import Tensor

from onnxguard.base.errors import TrainingError

Integers = NDArray[np.int64]


def split(count: int, share: float, least: int, seed: int) -> tuple[list[int], list[int]]:
    """Share the pairs out: for training, and held out for validation.

    Args:
        count: pairs, sorted by name.
        share: of them that is held out, 0 to 1, rounded to whole pairs.
        least: pairs that are held out at least.
        seed: of Python's ``random``, which shuffles them; the first ones are held out.

    Raises:
        TrainingError: nothing is left to train on.
    """
    order = list(range(count))
    random.Random(seed).shuffle(order)  # noqa: S311 - the source's split
    held = max(least, round(share * count))
    if held >= count:
        raise TrainingError(
            f"{count} {'pair' if count == 1 else 'pairs'}, of which {held} are to be held out for "
            "validation: none is left to train on; add pairs or lower --validation-least"
        )
    return order[held:], order[:held]


class Plan(NamedTuple):
    """What an epoch does with the images; every array is of one number an image.

    Attributes:
        order: int64, the images in the order in which they are taken.
        tops: int64, the first row of each image's crop.
        lefts: int64, its first column.
        flips: bool, whether it is mirrored.
    """

    order: Integers
    tops: Integers
    lefts: Integers
    flips: NDArray[np.bool_]


def plan_epoch(
    heights: NDArray[np.integer],
    widths: NDArray[np.integer],
    crop: int,
    flip: float,
    seed: int,
    epoch: int,
) -> Plan:
    """Decide on an epoch: a permutation, and for each image a crop and a side, all uniform."""
    generator = np.random.Generator(np.random.PCG64([seed, epoch]))
    count = len(heights)
    order = generator.permutation(count)
    down, across, mirrored = generator.random((3, count))
    tops = np.floor(down * (heights - crop + 1)).astype(np.int64)
    lefts = np.floor(across * (widths - crop + 1)).astype(np.int64)
    return Plan(order, tops, lefts, mirrored < flip)


def plan_centre(heights: NDArray[np.integer], widths: NDArray[np.integer], crop: int) -> Plan:
    """Take every image once, in order, the middle of it, as it is."""
    count = len(heights)
    return Plan(
        np.arange(count),
        ((heights - crop) // 2).astype(np.int64),
        ((widths - crop) // 2).astype(np.int64),
        np.zeros(count, np.bool_),
    )


class Images(NamedTuple):
    """Decoded images on a device.

    Attributes:
        pixels: int32 ``[pixels]``, the bytes of each are R, G, B and the mask, 0 or 255.
        offsets: int64 ``[images]``, where each begins.
        widths: int64 ``[images]``.
    """

    pixels: Tensor
    offsets: Tensor
    widths: Tensor

    def crops(self, which: Tensor, tops: Tensor, lefts: Tensor, flips: Tensor, crop: int) -> Tensor:
        """Cut crops out, one gather for all.

        Args:
            which: int64 ``[n]``, the images.
            tops: int64 ``[n]``, first rows.
            lefts: int64 ``[n]``, first columns.
            flips: bool ``[n]``, whether to mirror.
            crop: the side in pixels.

        Returns:
            uint8 ``[n, crop, crop, 4]``: R, G, B, mask.
        """
        steps = torch.arange(crop, device=which.device)
        rows = tops[:, None] + steps
        columns = lefts[:, None] + torch.where(flips[:, None], crop - 1 - steps, steps)
        starts = self.offsets[which, None] + rows * self.widths[which, None]
        packed = self.pixels[starts[:, :, None] + columns[:, None, :]]
        return packed.view(torch.uint8).view(len(which), crop, crop, 4)


def on_device(
    pixels: NDArray[np.int32], offsets: Integers, widths: NDArray[np.integer], device: torch.device
) -> Images:
    """Put a store's arrays on a device; on the CPU its pixels stay in the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # read-only, and nothing writes to it
        held = torch.from_numpy(pixels)
    return Images(
        held.to(device),
        torch.from_numpy(offsets).to(device),
        torch.from_numpy(widths.astype(np.int64)).to(device),
    )


def images_and_targets(crops: Tensor, shrink: int = 1) -> tuple[Tensor, Tensor]:
    """Make of crops what a network takes and what it is to answer.

    Args:
        crops: uint8 ``[n, side, side, 4]``.
        shrink: average blocks of so many by so many pixels, at most 11.

    Returns:
        float32 ``[n, 3, side, side]``, normalised, channels last; float32 ``[n, 1, side, side]`` in
        0..1, which where nothing is shrunk is 0 or 1.
    """
    pixels = crops
    if shrink > 1:  # in integers, which are summed exactly and four times as fast
        pixels = crops.to(torch.int16)
        pixels = reduce(torch.add, [pixels[:, place::shrink] for place in range(shrink)])
        pixels = reduce(torch.add, [pixels[:, :, place::shrink] for place in range(shrink)])
    white = 255 * shrink * shrink
    mean, deviation = _channels(crops.device, white)
    images = ((pixels[..., :3] - mean) / deviation).permute(0, 3, 1, 2)
    targets = (pixels[..., 3] / white).unsqueeze(1)
    return images.contiguous(memory_format=torch.channels_last), targets.contiguous()


@cache
def _channels(device: torch.device, white: int) -> tuple[Tensor, Tensor]:
    """Mean and deviation in 0..white, float32 ``[3]``; kept: a copy to a GPU waits for it."""
    mean, deviation = torch.tensor(MEAN), torch.tensor(DEVIATION)
    return (white * mean).to(device), (white * deviation).to(device)


def batches(order: Sequence[int] | Integers, batch: int, rank: int, ranks: int) -> list[Integers]:
    """The images of each step for one of several processes; an incomplete last step is dropped.

    Args:
        order: all images.
        batch: images of a step over all processes, a multiple of ``ranks``.
        rank: this process.
        ranks: how many there are.
    """
    whole = np.asarray(order, np.int64)[: len(order) // batch * batch].reshape(-1, batch)
    return list(np.array_split(whole, ranks, axis=1)[rank])
