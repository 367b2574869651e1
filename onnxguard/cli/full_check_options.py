"""``--full-check`` and its limits, which several commands share."""

from __future__ import annotations

from typing import NamedTuple

import click

from onnxguard.base.budget import FULL_CHECK_MEBIBYTES, FULL_CHECK_SECONDS
from onnxguard.base.errors import UsageError
from onnxguard.cli.grouped import grouped


class FullCheckAsked(NamedTuple):
    """What the options say."""

    full_check: bool
    full_check_seconds: int
    full_check_mebibytes: int

    @property
    def limits(self) -> tuple[int, int] | None:
        """Seconds and mebibytes for one model; None where no full check is asked for.

        Raises:
            UsageError: limits of a check that is not asked for.
        """
        if not self.full_check and self[1:] != (FULL_CHECK_SECONDS, FULL_CHECK_MEBIBYTES):
            raise UsageError(
                "--full-check-seconds and --full-check-mebibytes limit --full-check: add it"
            )
        return self[1:] if self.full_check else None


full_check_options = grouped(
    "full_check",
    FullCheckAsked._fields,
    FullCheckAsked,
    click.option(
        "--full-check",
        is_flag=True,
        help="Run the ONNX checker and strict shape inference too (extra: onnx).",
    ),
    click.option(
        "--full-check-seconds",
        type=click.IntRange(1, 1 << 20),
        default=FULL_CHECK_SECONDS,
        show_default=True,
        metavar="N",
        help="CPU time that the full check of one model may take.",
    ),
    click.option(
        "--full-check-mebibytes",
        type=click.IntRange(256, 1 << 30),
        default=FULL_CHECK_MEBIBYTES,
        show_default=True,
        metavar="N",
        help="Memory that the full check of one model may take.",
    ),
)
