"""Which images, crops and mirrors: compared with plain statements of the same, pixel by pixel."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import torch
from onnxguard.students.sampling import (
    Plan,
    batches,
    images_and_targets,
    on_device,
    plan_centre,
    plan_epoch,
    split,
)

from onnxguard.base.errors import TrainingError

CPU = torch.device("cpu")
Bytes = npt.NDArray[np.uint8]


class Ragged(NamedTuple):
    """Images of different sizes, one by one and as a store holds them."""

    images: list[Bytes]
    pixels: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    heights: npt.NDArray[np.int32]
    widths: npt.NDArray[np.int32]


def ragged() -> Ragged:
    draw = np.random.Generator(np.random.PCG64(0))
    sizes = [(8, 8), (8, 13), (21, 8), (17, 30), (30, 17), (9, 9)]
    images = [draw.integers(0, 256, (*size, 4), np.uint8) for size in sizes]
    for image in images:
        image[..., 3] = np.where(image[..., 3] > 127, 255, 0)
    heights, widths = np.array(sizes, np.int32).T
    lengths = [height * width for height, width in sizes]
    offsets = np.cumsum([0, *lengths[:-1]], dtype=np.int64)
    pixels = np.concatenate([image.reshape(-1).view("<i4") for image in images])
    pixels.flags.writeable = False
    return Ragged(images, pixels, offsets, heights, widths)


def sizes_of(*sizes: tuple[int, int]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    heights, widths = np.array(sizes, np.int32).T
    return heights, widths


def same(one: Plan, other: Plan) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


# -- What is held out ------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [65, 100, 448, 1280, 1300, 1310, 1330, 10553])
def test_the_split_is_the_plain_statement(count: int) -> None:
    names = sorted(f"{number:05}" for number in range(count))
    shuffled = list(names)
    random.Random(42).shuffle(shuffled)
    held = max(64, round(0.05 * count))
    training, validation = split(count, 0.05, 64, 42)
    assert [names[n] for n in validation] == shuffled[:held]
    assert [names[n] for n in training] == shuffled[held:]


@pytest.mark.parametrize(
    ("count", "share", "least", "held"),
    [(1280, 0.05, 64, 64), (1300, 0.05, 64, 65), (10553, 0.05, 64, 528), (10, 0, 3, 3)],
)
def test_how_many_are_held_out(count: int, share: float, least: int, held: int) -> None:
    training, validation = split(count, share, least, 1)
    assert (len(training), len(validation)) == (count - held, held)
    assert sorted(training + validation) == list(range(count))


def test_another_seed_holds_others_out() -> None:
    assert split(200, 0.05, 64, 42) == split(200, 0.05, 64, 42)
    assert split(200, 0.05, 64, 42)[1] != split(200, 0.05, 64, 43)[1]


@pytest.mark.parametrize(
    ("count", "share", "least"), [(64, 0.05, 64), (1, 0.05, 64), (0, 0.05, 1), (10, 1.0, 1)]
)
def test_a_split_that_leaves_nothing_to_train_on_is_refused(
    count: int, share: float, least: int
) -> None:
    with pytest.raises(TrainingError, match=rf"^{count} pairs?, .* --validation-least$"):
        split(count, share, least, 42)


# -- What an epoch does with them ------------------------------------------------------------------


def test_a_plan_is_a_function_of_seed_and_epoch_alone() -> None:
    sizes = sizes_of(*[(30, 40), (40, 30)] * 50)
    plan = plan_epoch(*sizes, 24, 0.5, 7, 3)
    for seed in (0, 1):
        random.seed(seed)
        torch.manual_seed(seed)
        plan_epoch(*sizes, 24, 0.5, 7, 2)
        assert same(plan_epoch(*sizes, 24, 0.5, 7, 3), plan)
    for seed, epoch in ((7, 2), (7, 4), (3, 7), (8, 3)):
        other = plan_epoch(*sizes, 24, 0.5, seed, epoch)
        for part in Plan._fields:
            assert not np.array_equal(getattr(plan, part), getattr(other, part))


def test_a_plan_takes_every_image_once() -> None:
    plan = plan_epoch(*sizes_of(*[(24, 24)] * 101), 24, 0.5, 42, 0)
    assert sorted(plan.order.tolist()) == list(range(101))
    assert plan.order.tolist() != list(range(101))
    assert [array.dtype for array in plan] == [np.int64, np.int64, np.int64, np.bool_]


def test_the_crop_of_an_image_does_not_depend_on_the_others_sizes() -> None:
    one = plan_epoch(*sizes_of((30, 40), (50, 60)), 24, 0.5, 1, 1)
    other = plan_epoch(*sizes_of((30, 40), (90, 24)), 24, 0.5, 1, 1)
    assert (one.tops[0], one.lefts[0]) == (other.tops[0], other.lefts[0])


def test_crops_stay_inside_reach_both_ends_and_are_uniform() -> None:
    height, width, crop, count = 29, 26, 24, 6000
    plan = plan_epoch(*sizes_of(*[(height, width)] * count), crop, 0.5, 42, 0)
    for starts, size in ((plan.tops, height), (plan.lefts, width)):
        found = np.bincount(starts)
        assert len(found) == size - crop + 1  # 0 to size - crop, all of them
        expected = count / len(found)
        # Six deviations of a binomial.
        assert np.abs(found - expected).max() < 6 * np.sqrt(expected)
    together = np.bincount(plan.tops * 3 + plan.lefts)
    assert np.abs(together - count / 18).max() < 6 * np.sqrt(count / 18)


def test_an_image_of_the_crops_size_is_taken_whole() -> None:
    plan = plan_epoch(*sizes_of(*[(24, 24)] * 500), 24, 0.5, 42, 0)
    assert not plan.tops.any()
    assert not plan.lefts.any()


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_so_many_are_mirrored(share: float) -> None:
    plan = plan_epoch(*sizes_of(*[(24, 24)] * 4000), 24, share, 42, 0)
    mirrored = plan.flips.mean()
    if share in {0, 1}:
        assert mirrored == share
    assert mirrored == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("crop", [8, 16, 24])
def test_the_centre_is_the_plain_statement(crop: int) -> None:
    sizes = [(24, 24), (25, 24), (24, 25), (31, 40), (288, 432)]
    plan = plan_centre(*sizes_of(*sizes), crop)
    assert plan.order.tolist() == [0, 1, 2, 3, 4]
    assert plan.tops.tolist() == [(height - crop) // 2 for height, _ in sizes]
    assert plan.lefts.tolist() == [(width - crop) // 2 for _, width in sizes]
    assert not plan.flips.any()


# -- Pixels ----------------------------------------------------------------------------------------


def crops(store: Ragged, which: list[int], plan: Plan, crop: int) -> Bytes:
    images = on_device(store.pixels, store.offsets, store.widths, CPU)
    chosen = torch.tensor(which)
    arguments: list[Any] = [torch.from_numpy(array)[chosen] for array in plan[1:]]
    return images.crops(chosen, *arguments, crop).numpy()


@pytest.mark.parametrize("crop", [1, 3, 8])
def test_crops_are_plain_slices_pixel_by_pixel(crop: int) -> None:
    store = ragged()
    for epoch in range(12):
        plan = plan_epoch(store.heights, store.widths, crop, 0.5, 0, epoch)
        which = [*plan.order.tolist(), 2, 2]
        found = crops(store, which, plan, crop)
        assert found.shape == (len(which), crop, crop, 4)
        for cut, number in zip(found, which, strict=True):
            top, left = int(plan.tops[number]), int(plan.lefts[number])
            expected = store.images[number][top : top + crop, left : left + crop]
            if plan.flips[number]:
                expected = expected[:, ::-1]
            assert np.array_equal(cut, expected)


@pytest.mark.parametrize("flip", [False, True])
def test_crops_reach_the_first_and_the_last_pixel_of_every_image(flip: bool) -> None:
    store, crop = ragged(), 8
    for last in (False, True):
        ends = (np.zeros(6, np.int64), np.zeros(6, np.int64))
        if last:
            ends = tuple((s - crop).astype(np.int64) for s in (store.heights, store.widths))  # type: ignore[assignment]
        plan = Plan(np.arange(6), *ends, np.full(6, flip))
        for cut, image in zip(crops(store, list(range(6)), plan, crop), store.images, strict=True):
            expected = image[-crop:, -crop:] if last else image[:crop, :crop]
            assert np.array_equal(cut, expected[:, ::-1] if flip else expected)


MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_images_and_targets_are_the_plain_statement() -> None:
    store = ragged()
    plan = plan_centre(store.heights, store.widths, 8)
    cut = crops(store, list(range(6)), plan, 8)
    images, targets = images_and_targets(torch.from_numpy(cut))
    wide = cut.astype(np.float64)
    expected = np.stack([(wide[..., n] / 255 - MEAN[n]) / DEVIATION[n] for n in range(3)], axis=1)
    assert (images.dtype, images.shape) == (torch.float32, (6, 3, 8, 8))
    assert np.abs(images.numpy() - expected).max() < 1e-6
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert (targets.dtype, targets.shape) == (torch.float32, (6, 1, 8, 8))
    assert targets.is_contiguous()
    assert np.array_equal(targets[:, 0].numpy(), (cut[..., 3] == 255).astype(np.float32))
    assert set(targets.unique().tolist()) == {0, 1}


def test_shrinking_takes_the_means_of_blocks() -> None:
    store = ragged()
    plan = plan_centre(store.heights, store.widths, 8)
    cut = torch.from_numpy(crops(store, list(range(6)), plan, 8))
    whole, small = images_and_targets(cut), images_and_targets(cut, 2)
    for large, halved in zip(whole, small, strict=True):
        wide = large.double().numpy()
        corners = [wide[:, :, y::2, x::2] for y in (0, 1) for x in (0, 1)]
        assert halved.dtype == torch.float32
        assert np.abs(halved.numpy() - sum(corners) / 4).max() < 1e-6
    assert small[0].is_contiguous(memory_format=torch.channels_last)
    assert set(small[1].unique().tolist()) <= {0, 0.25, 0.5, 0.75, 1}


def test_black_and_white_become_what_imagenets_numbers_say() -> None:
    cut = torch.zeros(1, 2, 2, 4, dtype=torch.uint8)
    cut[0, 0, 0] = 255
    images, targets = images_and_targets(cut)
    # (1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225; and the same of 0
    assert images[0, :, 0, 0].tolist() == pytest.approx([2.248908, 2.428571, 2.64], abs=1e-6)
    assert images[0, :, 1, 1].tolist() == pytest.approx([-2.117904, -2.035714, -1.804444], abs=1e-6)
    assert targets.tolist() == [[[[1, 0], [0, 0]]]]


# -- Steps -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "batch", "ranks"), [(12, 4, 1), (14, 4, 2), (15, 4, 4), (33, 6, 3), (3, 4, 2)]
)
def test_processes_share_every_step_and_the_rest_is_dropped(
    count: int, batch: int, ranks: int
) -> None:
    order = np.random.Generator(np.random.PCG64(1)).permutation(count)
    alone = batches(order, batch, 0, 1)
    whole = [order[n : n + batch].tolist() for n in range(0, count - batch + 1, batch)]
    assert [step.tolist() for step in alone] == whole
    shares = [batches(order, batch, rank, ranks) for rank in range(ranks)]
    assert {len(share) for share in shares} == {count // batch}
    for number, step in enumerate(whole):
        parts = [share[number].tolist() for share in shares]
        assert [image for part in parts for image in part] == step
        assert {len(part) for part in parts} == {batch // ranks}
