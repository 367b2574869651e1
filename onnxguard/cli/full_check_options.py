"""``--full-check`` and its limits, which several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from onnxguard.base.budget import FULL_CHECK_MEBIBYTES, FULL_CHECK_SECONDS

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
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


def full_check_options(command: F) -> F:
    """Add the three options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def limits_of(options: dict[str, Any]) -> tuple[int, int] | None:
    """Seconds and mebibytes for one model; None where no full check is asked for."""
    if not options["full_check"]:
        return None
    return options["full_check_seconds"], options["full_check_mebibytes"]
