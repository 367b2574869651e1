"""``onnxguard conform``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from click.core import ParameterSource

from onnxguard.base.errors import ModelError, UsageError
from onnxguard.base.extras import require_extra
from onnxguard.base.printable import printable
from onnxguard.cli.config import config_option
from onnxguard.cli.examples import examples
from onnxguard.cli.kinds import LIST, FilePath
from onnxguard.cli.numbers import FiniteRange
from onnxguard.cli.output import Reports, check_output, report_options, write_reports
from onnxguard.cli.progress import on_terminal, progress_bar
from onnxguard.reporters import CONFORMANCE_DIFF_REPORTERS, CONFORMANCE_REPORTERS

_EXTRAS = ("numpy", "onnx", "onnxruntime")
_OF_LIST = ("opset", "min_cases", "operators", "results", "resume")
_OF_MODEL = ("seed", "shapes", "inputs")


@click.command(
    epilog=examples(
        "conform --allowlist adr-0258 --operator Conv",
        "conform net.onnx --shape image=1x3x64x64",
        "conform diff before.json after.json",
    )
)
@click.argument("paths", type=FilePath("MODEL"), metavar="[MODEL | diff A.json B.json]", nargs=-1)
@config_option
@click.option("--allowlist", type=LIST, help="The list whose operators are looked at.")
@click.option(
    "--opset",
    type=int,
    default=17,
    show_default=True,
    metavar="N",
    help="The opset of the list's operators.",
)
@click.option(
    "--min-cases",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Cases of a list's operator that must pass to prove it.",
)
@click.option(
    "--operator",
    "operators",
    metavar="NAME",
    multiple=True,
    help="Look at this operator of the list alone; repeat for others.",
)
@click.option(
    "--results",
    type=FilePath("FILE.jsonl"),
    help="Write each operator's record of a list there as soon as it is known.",
)
@click.option("--resume", is_flag=True, help="Go on with the records there.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of a model's inputs."
)
@click.option(
    "--shape",
    "shapes",
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
def conform(
    paths: tuple[str, ...],
    allowlist: str | None,
    opset: int,
    min_cases: int,
    operators: tuple[str, ...],
    results: str | None,
    resume: bool,
    seed: int,
    shapes: tuple[str, ...],
    inputs: str | None,
    require_proven: bool,
    case_seconds: float,
    reports: Reports,
) -> int:
    """Gather evidence that ONNX Runtime does what the standard says, operator by operator.

    For a MODEL each kind of node is cut out and compared with two referees on what flows through
    it, then the whole graph with its nodes one by one; for an --allowlist ONNX's node tests are
    run, and generated ones. `diff` says what changed between two reports in JSON.

    Exit code: 0 no operator failed, 1 one failed or nothing ran, 2 the call is wrong. Of `diff`: 1
    where something is worse.
    """
    if paths[:1] == ("diff",) and len(paths) > 1:
        return _diff(paths[1:], reports)
    if len(paths) > 1:
        raise UsageError("conform looks at one model: the others are not known")
    model = paths[0] if paths else None
    if (model is None) == (allowlist is None):
        raise UsageError("name a model or an --allowlist, and not both")
    if resume and results is None:
        raise UsageError("--resume goes on with a file of results: name it with --results")
    if model is None:
        _refuse("--allowlist", _OF_MODEL)
    else:
        _refuse("a model", _OF_LIST)
    require_extra("onnxguard conform", "parity", _EXTRAS)
    targets = reports.targets([] if model is None else [model])
    check_output(results, [], "--results")
    with _progress() as progress:
        if allowlist is not None:
            from onnxguard.conformance.listing import conform_allowlist

            result: Any = conform_allowlist(
                allowlist,
                opset,
                operators=operators,
                results=results,
                resume=resume,
                min_cases=min_cases,
                case_seconds=case_seconds,
                progress=progress,
            )
        elif model is None or model == "-":
            raise UsageError("conform reads the file itself: name a file, not -")
        else:
            from onnxguard.conformance.model import conform_model

            try:
                result = conform_model(
                    model,
                    seed,
                    shapes=shapes,
                    inputs=inputs,
                    case_seconds=case_seconds,
                    progress=progress,
                )
            except ModelError as error:
                raise UsageError(f"{printable(model)}: {error}") from None
    result = result._replace(require_proven=require_proven)
    write_reports(CONFORMANCE_REPORTERS, result, targets)
    return int(result.exit_code)


def _diff(paths: tuple[str, ...], reports: Reports) -> int:
    """``conform diff A.json B.json``."""
    if len(paths) != 2:
        raise UsageError("conform diff takes two reports in JSON")
    _refuse("diff", ("allowlist", "require_proven", "case_seconds", *_OF_LIST, *_OF_MODEL))
    from onnxguard.conformance.changes import compare_reports

    targets = reports.targets(paths)
    changes = compare_reports(*paths)
    write_reports(CONFORMANCE_DIFF_REPORTERS, changes, targets)
    return changes.exit_code


def _refuse(given: str, names: Iterable[str]) -> None:
    """Options that were said on the command line; a configuration says them for all runs."""
    context = click.get_current_context()
    options = {option.name: option.opts[0] for option in context.command.params}
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(f"{options[name]} does not go with {given}")


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
