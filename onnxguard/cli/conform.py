"""``onnxguard conform``."""

from __future__ import annotations

import os
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
from onnxguard.cli.output import check_output, report_options, targets_of, write_reports
from onnxguard.cli.progress import on_terminal, progress_bar
from onnxguard.reporters import CONFORMANCE_DIFF_REPORTERS, CONFORMANCE_REPORTERS

_EXTRAS = ("numpy", "onnx", "onnxruntime")
_OF_LIST = {"opset": 17, "min_cases": 1, "operator": (), "results": None, "resume": False}
_OF_MODEL = {"seed": 0, "shape": (), "inputs": None}


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
    metavar="N",
    help="The opset of the list's operators.  [default: 17]",
)
@click.option(
    "--min-cases",
    type=click.IntRange(1),
    metavar="N",
    help="Cases of a list's operator that must pass to prove it.  [default: 1]",
)
@click.option(
    "--operator",
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
def conform(paths: tuple[str, ...], allowlist: str | None, **options: Any) -> int:
    """Gather evidence that ONNX Runtime does what the standard says, operator by operator.

    For a MODEL each kind of node is cut out and compared with two referees on what flows through
    it, then the whole graph with its nodes one by one; for an --allowlist ONNX's node tests are
    run, and generated ones. `diff` says what changed between two reports in JSON.

    Exit code: 0 no operator failed, 1 one failed or nothing ran, 2 the call is wrong. Of `diff`: 1
    where something is worse.
    """
    if paths[:1] == ("diff",) and len(paths) > 1:
        return _diff(paths[1:], options)
    if len(paths) > 1:
        raise UsageError("conform looks at one model: the others are not known")
    model = paths[0] if paths else None
    if (model is None) == (allowlist is None):
        raise UsageError("name a model or an --allowlist, and not both")
    if options["resume"] and options["results"] is None:
        raise UsageError("--resume goes on with a file of results: name it with --results")
    _refuse_misplaced("--allowlist" if model is None else "a model", options, model is None)
    require_extra("onnxguard conform", "parity", _EXTRAS)
    targets = targets_of(options, [] if model is None else [model])
    check_output(options["results"], [], "--results")
    with _progress() as progress:
        result = _conform(model, allowlist, options, progress)
    result = result._replace(require_proven=options["require_proven"])
    write_reports(CONFORMANCE_REPORTERS, result, targets)
    return int(result.exit_code)


def _diff(paths: tuple[str, ...], options: dict[str, Any]) -> int:
    """``conform diff A.json B.json``."""
    if len(paths) != 2:
        raise UsageError("conform diff takes two reports in JSON")
    _refuse("diff", ("allowlist", "require_proven", "case_seconds", *_OF_LIST, *_OF_MODEL))
    from onnxguard.conformance.changes import compare_reports

    targets = targets_of(options, paths)
    changes = compare_reports(*paths)
    write_reports(CONFORMANCE_DIFF_REPORTERS, changes, targets)
    return changes.exit_code


def _refuse_misplaced(given: str, options: dict[str, Any], of_list: bool) -> None:
    _refuse(given, _OF_MODEL if of_list else _OF_LIST)
    for name, default in (_OF_LIST | _OF_MODEL).items():
        if options[name] is None:
            options[name] = default


def _refuse(given: str, names: Iterable[str]) -> None:
    """Options that were said on the command line; a configuration says them for all runs."""
    source = click.get_current_context().get_parameter_source
    for name in names:
        if source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(f"--{name.replace('_', '-')} does not go with {given}")


def _conform(
    model: str | None,
    allowlist: str | None,
    options: dict[str, Any],
    progress: Callable[[int, int], None] | None,
) -> Any:
    if allowlist is not None:
        from onnxguard.conformance.listing import conform_allowlist

        return conform_allowlist(
            allowlist,
            options["opset"],
            operators=options["operator"],
            results=options["results"],
            resume=options["resume"],
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
