"""``onnxguard scan``."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from onnxguard.allowlist import Allowlist
from onnxguard.catalogue import RULES
from onnxguard.cli.output import check_output, emit, wants_color
from onnxguard.config import read_config
from onnxguard.discover import find_models
from onnxguard.errors import UsageError
from onnxguard.printable import printable
from onnxguard.registry import DEFAULT_ALLOWLIST, load_allowlist
from onnxguard.report import Report, Run
from onnxguard.reporters import REPORTERS
from onnxguard.reporters.options import RenderOptions
from onnxguard.scan import UNVERIFIED, verdict_of
from onnxguard.scan import scan as scan_model
from onnxguard.workers import scan_all
from onnxguard.yaml_tree import near


def _configured(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """Feed ``[tool.onnxguard]`` to click's default_map before the options are read."""
    if value != "none":
        try:
            folder = Path.cwd()
        except OSError:  # it was removed
            return value
        ctx.default_map = read_config(folder)
    return value


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...", required=True)
@click.option(
    "--config",
    type=click.Choice(["auto", "none"]),
    default="auto",
    is_eager=True,
    expose_value=False,
    callback=_configured,
    help="Read [tool.onnxguard] of the nearest pyproject.toml (auto), or not.",
)
@click.option(
    "--allowlist",
    metavar="ID|FILE",
    default=DEFAULT_ALLOWLIST,
    show_default=True,
    help="The list to judge by: an id of the registry or a YAML file.",
)
@click.option(
    "--format",
    type=click.Choice(sorted(REPORTERS)),
    default="text",
    show_default=True,
    help="How to write the report.",
)
@click.option("--output", metavar="FILE", help="Write the report there instead of to stdout.")
@click.option("--select", metavar="CODE", multiple=True, help="Only these codes (OG1: a group).")
@click.option("--ignore", metavar="CODE", multiple=True, help="All but these codes.")
@click.option("--strict", is_flag=True, help="Warnings fail a model too.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 in spite of findings.")
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Processes to scan with; 0: one for each core.",
)
@click.option(
    "--full-check",
    is_flag=True,
    help="Run the ONNX checker and strict shape inference too (extra: onnx).",
)
@click.option(
    "--full-check-seconds",
    type=click.IntRange(1),
    default=60,
    show_default=True,
    metavar="N",
    help="Time that the full check of one model may take.",
)
@click.option(
    "--full-check-mebibytes",
    type=click.IntRange(256),
    default=8192,
    show_default=True,
    metavar="N",
    help="Memory that the full check of one model may take.",
)
@click.option("--quiet", "-q", is_flag=True, help="Only failing models, one line a finding.")
@click.option("--verbose", "-v", is_flag=True, help="Everything about every model.")
def scan(paths: tuple[str, ...], **options: Any) -> int:
    """Judge models by an allowlist.

    PATH is a file, a folder (scanned for *.onnx, recursively), a glob, or - for standard input.

    Exit code: 0 no findings, 1 findings, 2 a model could not be verified or the call is wrong.
    """
    codes = _codes("select", options["select"]), _codes("ignore", options["ignore"])
    policy = load_allowlist(options["allowlist"])
    models = find_models(paths)
    output = options["output"]
    check_output(output, models)
    judge = partial(_judge, codes=codes, strict=options["strict"])
    if options["full_check"]:
        from onnxguard.full_check import FullCheck

        limits = FullCheck(options["full_check_seconds"], options["full_check_mebibytes"])
        limits.require()
        judge = partial(judge, full_check=limits)
    jobs = options["jobs"] or os.cpu_count() or 1
    started = time.perf_counter()
    reports = _collect(models, policy, jobs, judge)
    run = Run(tuple(reports), time.perf_counter() - started)
    verbosity = options["verbose"] - options["quiet"]
    color = wants_color(output)
    text = REPORTERS[options["format"]](run, RenderOptions(color, verbosity, options["exit_zero"]))
    emit(text, output, color)
    return run.exit_code(options["exit_zero"])


def _judge(
    path: str,
    policy: Allowlist,
    codes: tuple[tuple[str, ...], tuple[str, ...]],
    strict: bool,
    full_check: Any = None,
) -> Report:
    report = scan_model(path, policy, full_check)
    select, ignore = codes
    findings = report.findings
    if select or ignore:
        findings = tuple(
            finding
            for finding in findings
            if finding.code in UNVERIFIED
            or (
                (not select or finding.code.startswith(select))
                and not finding.code.startswith(ignore or ("-",))
            )
        )
    return report._replace(findings=findings, verdict=verdict_of(findings, strict))


def _collect(models: list[str], policy: Allowlist, jobs: int, judge: Any) -> list[Report]:
    reports = scan_all(models, policy, jobs, judge)
    if len(models) < 2 or sys.stderr is None or not sys.stderr.isatty():
        return list(reports)
    with click.progressbar(reports, len(models), label="scanning", file=sys.stderr) as progress:
        return list(progress)


def _codes(option: str, given: tuple[str, ...]) -> tuple[str, ...]:
    codes = [code.strip().upper() for text in given for code in text.split(",")]
    for code in codes:
        if not code or not any(known.startswith(code) for known in RULES):
            shown = printable(code)
            raise UsageError(
                f'--{option}: no rule "{shown}"{near(code, RULES)}; see onnxguard rules'
            )
        if option == "ignore" and (code in UNVERIFIED or "OG0".startswith(code)):
            raise UsageError(
                f"--ignore {code}: a model that was not verified cannot be passed over"
            )
    return tuple(codes)
