"""What copies of lower precision may cost beside their float32 original."""

from __future__ import annotations

from typing import NamedTuple


class Budget(NamedTuple):
    """What a copy may cost; errors are shares of the spread of the reference's output.

    Attributes:
        largest: the largest error.
        mean: the mean error.
        cosine: the least cosine of both outputs.
        psnr: the least ratio of the spread to the root of the mean square error, dB.
        top1: of rows of scores whose first two are farther apart than ``largest``: the least
            share of which both outputs put the same first.
    """

    largest: float
    mean: float
    cosine: float
    psnr: float
    top1: float


BUDGETS = {
    "fp16": Budget(0.02, 0.002, 0.9999, 50.0, 1.0),
    "int8": Budget(0.25, 0.03, 0.98, 25.0, 0.98),
}
"""float16 keeps 11 bits of every number, and int8 256 steps of a range."""
