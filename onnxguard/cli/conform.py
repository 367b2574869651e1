"""``onnxguard conform``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from onnxguard.base.errors import ModelError, UsageError
from onnxguard.base.extras import require_extra
from onnxguard.base.printable import printable
from onnxguard.cli.config import config_option
from onnxguard.cli.examples import examples
from onnxguard.cli.kinds import LIST, FilePath
from onnxguard.cli.numbers import FiniteRange
from onnxguard.cli.output import report_options, targets_of, write_reports
from onnxguard.cli.progress import on_terminal, progress_bar
from onnxguard.reporters import CONFORMANCE_REPORTERS

_EXTRAS = ("numpy", "onnx", "onnxruntime")
_OF_LIST = {"opset": 17, "min_cases": 1}
_OF_MODEL = {"seed": 0, "shape": (), "inputs": None}


@click.command(
    epilog=examples("conform --allowlist adr-0258", "conform net.onnx --shape image=1x3x64x64")
)
@click.argument("model", type=FilePath("MODEL"), required=False)
@config_option
@click.option("--allowlist", type=LIST, help="The list whose operators are looked at.")
@click.option(
    "--opset",
    type=int,
    metavar="N",
    help="The opset of the list's operators.  [default: 17]",
)
@click.option(
    "--min-cases",
    type=click.IntRange(1),
    metavar="N",
    help="Cases of a list's operator that must pass to prove it.  [default: 1]",
)
@click.option("--seed", type=click.IntRange(0), help="Of a model's inputs.  [default: 0]")
@click.option(
    "--shape",
    metavar="INPUT=DIMS",
    multiple=True,
    help="A model's input is of this shape, as image=1x3x64x64; repeat for others.",
)
@click.option(
    "--inputs",
    type=FilePath("FILE.npz"),
    help="A model's inputs, instead of seeded ones.",
)
@click.option("--require-proven", is_flag=True, help="An operator that is unproven fails too.")
@click.option(
    "--case-seconds",
    type=FiniteRange(0, min_open=True),
    default=60,
    show_default=True,
    metavar="N",
    help="Time that one case, or one run of a model, may take.",
)
@report_options(CONFORMANCE_REPORTERS)
def conform(model: str | None, allowlist: str | None, **options: Any) -> int:
    """Gather evidence that ONNX Runtime does what the standard says, operator by operator.

    For a MODEL each kind of node is cut out and compared with onnx.reference on what flows through
    it; for an --allowlist the official node tests are run.

    Exit code: 0 no operator failed, 1 one failed or nothing ran, 2 the call is wrong.
    """
    if (model is None) == (allowlist is None):
        raise UsageError("name a model or an --allowlist, and not both")
    _refuse_misplaced("--allowlist" if model is None else "a model", options, model is None)
    require_extra("onnxguard conform", "parity", _EXTRAS)
    targets = targets_of(options, [] if model is None else [model])
    with _progress() as progress:
        result = _conform(model, allowlist, options, progress)
    result = result._replace(require_proven=options["require_proven"])
    write_reports(CONFORMANCE_REPORTERS, result, targets)
    return int(result.exit_code)


def _refuse_misplaced(given: str, options: dict[str, Any], of_list: bool) -> None:
    for name in _OF_MODEL if of_list else _OF_LIST:
        if options[name] not in {None, ()}:
            raise UsageError(f"--{name.replace('_', '-')} does not go with {given}")
    for name, default in (_OF_LIST | _OF_MODEL).items():
        if options[name] is None:
            options[name] = default


def _conform(
    model: str | None,
    allowlist: str | None,
    options: dict[str, Any],
    progress: Callable[[int, int], None] | None,
) -> Any:
    if allowlist is not None:
        from onnxguard.conformance.official import conform_allowlist

        return conform_allowlist(
            allowlist,
            options["opset"],
            min_cases=options["min_cases"],
            case_seconds=options["case_seconds"],
            progress=progress,
        )
    if model is None or model == "-":
        raise UsageError("conform reads the file itself: name a file, not -")
    from onnxguard.conformance.model import conform_model

    try:
        return conform_model(
            model,
            options["seed"],
            shapes=options["shape"],
            inputs=options["inputs"],
            case_seconds=options["case_seconds"],
            progress=progress,
        )
    except ModelError as error:
        raise UsageError(f"{printable(os.fspath(model))}: {error}") from None


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    if not on_terminal():
        yield None
        return
    with progress_bar("conforming", 1) as bar:

        def show(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield show
