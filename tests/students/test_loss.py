"""The loss and the IoU against numbers that were worked out by hand."""

from __future__ import annotations

import random
from math import exp, log

import pytest
import torch
from onnxguard.students.loss import iou_counts, mean_iou, saliency_loss
from torch import Tensor


def maps(*images: list[list[float]], dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(images, dtype=dtype).unsqueeze(1)


def loss(logits: Tensor, targets: Tensor, weight: float = 1.0, epsilon: float = 1.0) -> float:
    return float(saliency_loss(logits, targets, weight, epsilon))


# -- What is minimised -----------------------------------------------------------------------------

FLAT, CORNER = [[0.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]
THREE = log(3.0)
"""Its sigmoid is 1 / (1 + 1/3) = 3/4."""
SURE = [[THREE, -THREE], [-THREE, -THREE]]


def test_cross_entropy_by_hand() -> None:
    # p is 1/2 everywhere: -ln(1/2) at each pixel
    assert loss(maps(FLAT), maps(CORNER), 0) == pytest.approx(log(2), abs=1e-12)
    # p is 3/4 where the mask is and 1/4 elsewhere: -ln(3/4) at each pixel
    assert loss(maps(SURE), maps(CORNER), 0) == pytest.approx(log(4 / 3), abs=1e-12)
    # p is 3/4, 1/4, 1/4, 1/4 and nothing is salient: (-ln(1/4) - 3 ln(3/4)) / 4
    expected = (log(4) + 3 * log(4 / 3)) / 4
    assert loss(maps(SURE), maps(FLAT), 0) == pytest.approx(expected, abs=1e-12)


def dice(logits: Tensor, targets: Tensor, epsilon: float) -> float:
    return loss(logits, targets, 1, epsilon) - loss(logits, targets, 0, epsilon)


@pytest.mark.parametrize(
    ("logits", "mask", "epsilon", "expected"),
    [
        # sum(p t) = 1/2, sum(p) = 2, sum(t) = 1: 1 - (2/2 + 1) / (3 + 1)
        (FLAT, CORNER, 1, 1 - 2 / 4),
        # the same without epsilon: 1 - 1 / 3
        (FLAT, CORNER, 0, 2 / 3),
        # sum(p t) = 3/4, sum(p) = 3/4 + 3/4, sum(t) = 1: 1 - (3/2 + 1) / (5/2 + 1)
        (SURE, CORNER, 1, 1 - 2.5 / 3.5),
        # sum(p t) = 0, sum(p) = 3/2, sum(t) = 0: 1 - 1 / (3/2 + 1)
        (SURE, FLAT, 1, 1 - 1 / 2.5),
        (SURE, FLAT, 0, 1),
    ],
)
def test_dice_by_hand(
    logits: list[list[float]], mask: list[list[float]], epsilon: float, expected: float
) -> None:
    assert dice(maps(logits), maps(mask), epsilon) == pytest.approx(expected, abs=1e-12)


def test_dice_is_the_mean_over_images_and_not_over_pixels() -> None:
    # 1 - 2/4 and 1 - 1/(2 + 1); over all pixels at once it would be 1 - 2/(4 + 1 + 1)
    both = dice(maps(FLAT, FLAT), maps(CORNER, FLAT), 1)
    assert both == pytest.approx((1 / 2 + 2 / 3) / 2, abs=1e-12)


def test_the_weight_multiplies_dice_alone() -> None:
    for weight in (0.0, 0.5, 2.0):
        expected = log(2) + weight / 2
        assert loss(maps(FLAT), maps(CORNER), weight) == pytest.approx(expected, abs=1e-12)


def test_targets_between_0_and_1_are_taken() -> None:
    quarter = [[0.25, 0.25], [0.25, 0.25]]
    # -(1/4) ln(3/4) - (3/4) ln(1/4) at logits of ln 3; sum(p t) = 3/4, sum(p) = 3, sum(t) = 1
    entropy = (log(4 / 3) + 3 * log(4)) / 4
    logits = maps([[THREE, THREE], [THREE, THREE]])
    assert loss(logits, maps(quarter)) == pytest.approx(entropy + 1 - 2.5 / 5, abs=1e-12)


def test_logits_of_a_hundred_are_finite_and_so_is_what_flows_back() -> None:
    logits = maps([[100, -100], [100, -100]], dtype=torch.float32).requires_grad_()
    targets = maps([[1, 1], [0, 0]], dtype=torch.float32)
    worst = saliency_loss(logits, targets, 1.0, 1.0)
    # two of four pixels are wrong by 100: 50; dice 1 - (2 + 1) / (2 + 2 + 1)
    assert float(worst.detach()) == pytest.approx(50 + 2 / 5, abs=1e-5)
    worst.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    # of the cross-entropy (p - t) / 4, of Dice nothing: the sigmoid is flat there
    assert logits.grad.flatten().tolist() == pytest.approx([0, -0.25, 0.25, 0], abs=1e-6)


def test_a_perfect_answer_costs_nothing() -> None:
    logits = maps([[100, -100], [-100, -100]], dtype=torch.float32)
    assert loss(logits, maps(CORNER, dtype=torch.float32)) == pytest.approx(0, abs=1e-6)
    nothing = torch.full((1, 1, 2, 2), -100.0)
    assert loss(nothing, torch.zeros(1, 1, 2, 2)) == pytest.approx(0, abs=1e-6)


def test_the_gradient_is_the_slope() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(0, 2, (2, 1, 3, 3)).double()
    assert torch.autograd.gradcheck(lambda x: saliency_loss(x, targets, 0.7, 1.3), (logits,))


# -- What is counted -------------------------------------------------------------------------------


def test_iou_counts_by_hand() -> None:
    saliency = maps(
        [[0.9, 0.6, 0.4], [0.1, 0.51, 0.2]],
        [[0.9, 0.9, 0.9], [0.9, 0.9, 0.9]],
        [[0.1, 0.1, 0.1], [0.1, 0.1, 0.1]],
    )
    targets = maps([[1, 0, 1], [0, 1, 0]], [[0, 0, 0], [0, 0, 1]], [[0, 0, 0], [0, 0, 0]])
    counts = iou_counts(saliency, targets)
    assert counts.dtype == torch.int64
    assert counts.tolist() == [[2, 4], [1, 6], [0, 0]]
    # (2 + e) / (4 + e), (1 + e) / (6 + e), e / e with e = 1e-6
    expected = (2.000001 / 4.000001 + 1.000001 / 6.000001 + 1) / 3
    assert mean_iou(counts) == pytest.approx(expected, abs=1e-15)


def test_exactly_a_half_is_not_found() -> None:
    half = torch.full((1, 1, 1, 3), 0.5)
    assert iou_counts(half, torch.tensor([[[[1.0, 0.0, 0.0]]]])).tolist() == [[0, 1]]
    assert iou_counts(torch.sigmoid(torch.zeros(1, 1, 1, 1)), torch.ones(1, 1, 1, 1)).tolist() == [
        [0, 1]
    ]
    more = torch.nextafter(half, torch.ones(()))
    assert iou_counts(more, torch.ones(1, 1, 1, 3)).tolist() == [[3, 3]]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([[0, 0]], 1.0),
        ([[7, 7]], 1.0),
        ([[0, 7]], 1e-6 / 7.000001),
        ([[0, 0], [1, 2]], (1 + 1.000001 / 2.000001) / 2),
        ([[1 << 40, 1 << 41]], 0.5),
    ],
)
def test_mean_iou_by_hand(counts: list[list[int]], expected: float) -> None:
    assert mean_iou(torch.tensor(counts)) == pytest.approx(expected, abs=1e-12)


def test_mean_iou_does_not_depend_on_the_order_to_the_last_bit() -> None:
    draw = random.Random(0)
    counts = [[draw.randint(0, unions), unions] for unions in draw.choices(range(1, 9999), k=999)]
    expected = mean_iou(torch.tensor(counts))
    naive = set()
    for _ in range(20):
        draw.shuffle(counts)
        assert mean_iou(torch.tensor(counts)) == expected
        naive.add(sum((i + 1e-6) / (u + 1e-6) for i, u in counts))
    assert len(naive) > 1  # a plain sum does depend on it


def test_a_map_of_nan_finds_nothing() -> None:
    assert iou_counts(torch.full((1, 1, 2, 2), exp(1) * float("nan")), maps(CORNER)).tolist() == [
        [0, 1]
    ]
