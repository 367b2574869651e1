"""``--shape``: for which inputs a run's cost counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from onnxguard.base.errors import UsageError

if TYPE_CHECKING:
    from onnxguard.policy.sizes import Sizes

F = TypeVar("F", bound=Callable[..., Any])


def _read(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> Sizes:
    if not given:
        return ()
    from onnxguard.policy.sizes import parse_sizes

    try:
        return parse_sizes(given)
    except ValueError as error:
        raise UsageError(f"--shape {error}") from None


def shape_option(command: F) -> F:
    """Give a command ``--shape``, whose parameter is ``sizes``."""
    return click.option(
        "--shape",
        "sizes",
        multiple=True,
        metavar="INPUT=DIMS",
        callback=_read,
        help="Count what a run costs for this shape, as image=1x3x256x256; repeat for others.",
    )(command)
