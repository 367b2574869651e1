"""``onnxguard parity``."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.extras import require_extra
from onnxguard.base.printable import printable
from onnxguard.catalogue import PARITY_RULES
from onnxguard.cli.config import config_option
from onnxguard.cli.examples import examples
from onnxguard.cli.flags import as_flags
from onnxguard.cli.kinds import CODE, FilePath
from onnxguard.cli.messages import note
from onnxguard.cli.numbers import FiniteRange
from onnxguard.cli.output import Reports, report_options, write_reports
from onnxguard.cli.progress import progress_bars
from onnxguard.cli.training_options import keep_students
from onnxguard.parity.report import EvidenceError, ParityReport, exit_code, unusable
from onnxguard.parity.settings import MUTANTS, TOLERANCES, Settings
from onnxguard.reporters import PARITY_REPORTERS
from onnxguard.running.errors import ParityError
from onnxguard.running.profiles import NAMES
from onnxguard.running.providers import LEVELS, PROVIDERS
from onnxguard.students import STUDENTS
from onnxguard.students.student import TRAINED

_PACKAGES = ("numpy", "onnx", "onnxruntime", "torch")
_UNTRAINED = "saliency-v2"
_DEFAULTS = Settings()


class _Tolerance(click.ParamType[tuple[str, float]]):
    """A number for all outputs, or ``OUTPUT=NUMBER`` for one: ``(output, number)``."""

    name = "float"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        name, _, number = str(value).rpartition("=")
        try:
            found = float(number)
        except ValueError:
            self.fail(
                f'"{printable(str(value))}" is neither a number nor OUTPUT=NUMBER', param, ctx
            )
        if not math.isfinite(found) or found < 0:
            self.fail("a difference that passes is finite and not negative", param, ctx)
        return name, found


@click.command(
    epilog=examples(
        "parity net.onnx --torch net:trained",
        "parity net.onnx --torch net:Net --weights net.safetensors",
    )
)
@click.argument("model", type=FilePath("MODEL"), required=False)
@config_option
@click.option(
    "--torch",
    metavar="SPEC",
    help="The reference: package.module:callable, FILE.pt2 or student:NAME. It is code and is run; "
    "so is a .pt2 file, as soon as it is loaded.",
)
@click.option("--weights", type=FilePath("FILE"), help="Its weights: safetensors or a state dict.")
@click.option("--reference", type=FilePath("OTHER.onnx"), help="Compare with this graph instead.")
@click.option(
    "--atol",
    metavar="[OUTPUT=]X",
    type=_Tolerance(),
    multiple=True,
    help=f"The largest absolute difference that passes.  [default: {_DEFAULTS.atol:g}]",
)
@click.option(
    "--rtol",
    metavar="[OUTPUT=]X",
    type=_Tolerance(),
    multiple=True,
    help="What passes beyond that, for every 1 of the reference's value.  [default: 0]",
)
@click.option(
    "--tolerance",
    type=click.Choice(TOLERANCES),
    default=_DEFAULTS.tolerance,
    show_default=True,
    help="rounding: what float32's rounding alone explains passes too; fp16, int8: budgets for "
    "copies of that precision.",
)
@click.option(
    "--shape",
    "shapes",
    metavar="INPUT=DIMS",
    multiple=True,
    help="Run this shape, as input=1x3x64x96; repeat for others.",
)
@click.option(
    "--values",
    metavar="INPUT=VALUES",
    multiple=True,
    help="Draw an input from these, as ids=0..30521 or mask=0,1.",
)
@click.option(
    "--profile",
    "profiles",
    type=click.Choice(tuple(NAMES)),
    multiple=True,
    help="Draw floating inputs so, and none from farther out; repeat for several.",
)
@click.option(
    "--inputs",
    type=FilePath("FILE.npz"),
    multiple=True,
    help="Run these inputs, bound by name.",
)
@click.option(
    "--outputs",
    metavar="OUTPUT[=TENSOR],...",
    multiple=True,
    help="Compare these outputs of the graph alone; TENSOR is what the reference calls it.",
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=_DEFAULTS.trials,
    show_default=True,
    help="Seeds for each shape and profile.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=_DEFAULTS.seed,
    show_default=True,
    help="The first.",
)
@click.option(
    "--provider",
    type=click.Choice(PROVIDERS),
    default=_DEFAULTS.provider,
    show_default=True,
    help="Where ONNX Runtime runs; one that is not active is an error.",
)
@click.option(
    "--optimization-level",
    type=click.Choice(LEVELS),
    default=_DEFAULTS.optimization_level,
    show_default=True,
    help="Graph optimisations of ONNX Runtime: production's.",
)
@click.option(
    "--local/--no-local",
    default=None,
    help="Run every node alone on the reference's tensors.  [default: the first 5,000]",
)
@click.option("--prove", is_flag=True, help="Damage the graph on purpose: is it noticed?")
@click.option(
    "--mutants",
    type=click.IntRange(1),
    metavar="N",
    help=f"Damaged graphs, with --prove.  [default: {MUTANTS}]",
)
@click.option(
    "--kill-rate",
    type=FiniteRange(0, 1),
    metavar="SHARE",
    help=f"The share of them that must be noticed, with --prove.  [default: {_DEFAULTS.kill_rate}]",
)
@click.option(
    "--opset", type=click.IntRange(1), metavar="N", help="The opset that the export was to have."
)
@click.option(
    "--bind",
    "bindings",
    metavar="INPUT=PARAMETER",
    multiple=True,
    help="The parameter of forward that an input of another name stands for.",
)
@click.option(
    "--ignore",
    type=CODE,
    multiple=True,
    help="Accept a finding everywhere, or at one place as CODE:PLACE. Findings that nobody can "
    "accept are refused.",
)
@click.option(
    "--run-seconds",
    type=FiniteRange(0, min_open=True),
    default=_DEFAULTS.run_seconds,
    show_default=True,
    metavar="N",
    help="Time that one run of either side may take.",
)
@click.option(
    "--save",
    type=FilePath("DIR"),
    help="Keep inputs, both outputs, the wrong node, a script to replay.",
)
@report_options(PARITY_REPORTERS)
@click.option("--quiet", "-q", is_flag=True, help="Only what did not pass.")
@click.option("--verbose", "-v", is_flag=True, help="Every trial, histogram, version and digest.")
def parity(
    model: str | None,
    torch: str | None,
    weights: str | None,
    reference: str | None,
    atol: tuple[tuple[str, float], ...],
    rtol: tuple[tuple[str, float], ...],
    prove: bool,
    mutants: int | None,
    kill_rate: float | None,
    bindings: tuple[str, ...],
    ignore: tuple[str, ...],
    outputs: tuple[str, ...],
    reports: Reports,
    quiet: bool,
    verbose: bool,
    **others: Any,
) -> int:
    """Compare an exported graph with the PyTorch module that it came from.

    Without MODEL: the students that were trained into ./trained, or else an untrained one.

    Exit code: 0 it agrees, 1 it differs or the comparison says nothing, 2 nothing was compared.
    """
    if torch is not None and reference is not None:
        raise UsageError("--torch and --reference: compare with one thing")
    settings = Settings(
        **_tolerances("atol", atol),
        **_tolerances("rtol", rtol),
        **_proof(prove, mutants, kill_rate),
        bindings=dict(map(_binding, bindings)),
        ignore=tuple(_ignored(code) for text in ignore for code in text.split(",")),
        outputs=tuple(name for text in outputs for name in text.split(",")),
        pictures="html" in reports.forms,
        **others,
    )
    for option, value in (("torch", torch), ("weights", weights), ("reference", reference)):
        if model is None and value is not None:
            raise UsageError(f"--{option} is for a MODEL, and none is named")
    given = (model, reference, weights, *settings.inputs)
    trained = os.path.dirname(model) if model else TRAINED
    models = [path for path in given if path]
    targets = reports.targets(models, lambda file: keep_students(file, trained))
    require_extra("onnxguard parity", "parity", _PACKAGES)
    failure: EvidenceError | None = None
    with progress_bars() as step:
        settings = settings._replace(step=step)
        check = partial(_checked, texts_alone=reports.forms == {"text"})
        try:
            if model is None:
                found = tuple(_students(settings, check))
            else:
                found = (check(settings, model, torch, reference, weights),)
        except EvidenceError as error:
            failure, found = error, (error.report,)
    write_reports(PARITY_REPORTERS, found, targets, verbose - quiet)
    if failure is not None:
        raise failure
    return exit_code(found)


def _tolerances(kind: str, given: tuple[tuple[str, float], ...]) -> dict[str, Any]:
    """That for all outputs, and those of single ones."""
    single = dict(given)
    return {kind: single.pop("", getattr(_DEFAULTS, kind)), f"{kind}s": single}


def _ignored(text: str) -> str:
    code, colon, place = text.strip().partition(":")
    return code.upper() + colon + place


def _proof(prove: bool, mutants: int | None, kill_rate: float | None) -> dict[str, Any]:
    for option, value in (("--mutants", mutants), ("--kill-rate", kill_rate)):
        if value is not None and not prove:
            raise UsageError(f"{option} goes with --prove")
    least = _DEFAULTS.kill_rate if kill_rate is None else kill_rate
    return {"mutants": mutants or MUTANTS, "kill_rate": least} if prove else {}


def _binding(text: str) -> tuple[str, str]:
    name, equals, parameter = text.rpartition("=")
    if not equals or not name or not parameter.isidentifier():
        raise UsageError(f'--bind "{printable(text)}": write INPUT=PARAMETER')
    return name, parameter


def _checked(
    settings: Settings,
    model: str | bytes,
    torch: Any,
    reference: str | None = None,
    weights: str | None = None,
    *,
    texts_alone: bool,
) -> ParityReport:
    if torch is None and reference is None:
        raise UsageError(
            "compare with what? --torch package.module:callable, or --reference OTHER.onnx"
        )
    from onnxguard.parity.check import check_parity

    others = settings._asdict()
    try:
        return check_parity(model, torch, reference=reference, weights=weights, **others)
    except ParityError as error:
        if texts_alone:
            raise
        path = printable(model if isinstance(model, str) else "-")
        against = printable(str(reference or torch))
        rule = PARITY_RULES[error.code]
        return unusable(path, against, settings.atol, rule, as_flags(str(error)))


def _students(settings: Settings, check: Callable[..., ParityReport]) -> Iterator[ParityReport]:
    trained = []
    for student in STUDENTS.values():
        _settle(student.name)
        path = os.path.join(TRAINED, f"{student.name}.onnx")
        if os.path.exists(path):
            trained.append((student, path))
    for student, path in trained:
        save = None if settings.save is None else os.path.join(settings.save, student.name)
        own = settings._replace(opset=student.opset, save=save)
        weights = path.removesuffix(".onnx") + ".safetensors"
        yield check(own, path, f"student:{student.name}", weights=weights)
    if not trained:
        yield _untrained(settings, check)


def _untrained(settings: Settings, check: Callable[..., ParityReport]) -> ParityReport:
    from onnxguard.students.exporting import export_student
    from onnxguard.students.untrained import untrained_network

    student = STUDENTS[_UNTRAINED]
    note(
        f"no trained student in {TRAINED}/: checking a {student.name} that was exported just now, "
        f"untrained, seed {settings.seed}"
    )
    network = untrained_network(student, settings.seed)
    graph = export_student(student, network)
    report = check(settings._replace(opset=student.opset), graph, network)
    return report._replace(path=f"untrained {student.name}", reference=f"student:{student.name}")


def _settle(student: str) -> None:
    """Undo a publishing that was killed: without a graph in place, nothing would be compared."""
    from onnxguard.gating.publishing import held, is_half_published

    if is_half_published(TRAINED, student):
        with held(TRAINED, student):
            pass
