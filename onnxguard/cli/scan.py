"""``onnxguard scan``."""

from __future__ import annotations

import sys
import time
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.base.yaml_tree import near
from onnxguard.catalogue import RULES
from onnxguard.cli.baseline_options import Baseline, baseline_options
from onnxguard.cli.config import config_option
from onnxguard.cli.examples import examples
from onnxguard.cli.full_check_options import FullCheckAsked, full_check_options
from onnxguard.cli.kinds import CODE, LIST, FilePath
from onnxguard.cli.left_out import ignored_option, say_left_out
from onnxguard.cli.numbers import FiniteRange
from onnxguard.cli.origin import configuration, digests_option, hashed, origin_of, say_files
from onnxguard.cli.output import (
    Reports,
    is_filed,
    keep_gate,
    report_options,
    rules_url_option,
    write_reports,
)
from onnxguard.cli.scale_options import Scale, judge_models, scale_options
from onnxguard.cli.shape_option import shape_option
from onnxguard.cli.target_options import TargetsAsked, target_options, targeted, with_targets_told
from onnxguard.many.judge_all import died_report
from onnxguard.model.wanted import EMPTY, EVERYTHING, Wanted
from onnxguard.policy.allowlist import Allowlist
from onnxguard.policy.registry import DEFAULT_ALLOWLIST, list_files, load_allowlist
from onnxguard.reporters import REPORTERS, STREAMED
from onnxguard.scanning.lean import CONSTANTS_SHOWN, FORMATS, lean
from onnxguard.scanning.report import Report, Run, verdict_of
from onnxguard.scanning.scan import scan as scan_model
from onnxguard.sources.discover import find_models
from onnxguard.sources.remote import DEFAULT_ACCESS, Access

if TYPE_CHECKING:
    from onnxguard.policy.sizes import Sizes

HASHED_ALONE, LARGEST = 1 << 24, sys.maxsize
"""Bytes of a file whose SHA-256 is stated: of one that is scanned alone, and if it is asked for."""


@click.command(
    epilog=examples(
        "scan model.onnx --allowlist adr-0258", "scan models/ --format sarif --output report.sarif"
    )
)
@click.argument("paths", nargs=-1, type=FilePath("PATH"), required=True)
@config_option
@click.option(
    "--allowlist",
    type=LIST,
    default=DEFAULT_ALLOWLIST,
    show_default=True,
    help="The list to judge by: an id of the registry or a YAML file.",
)
@report_options(REPORTERS)
@rules_url_option
@click.option("--select", type=CODE, multiple=True, help="Only these codes (OG1: a group).")
@click.option("--ignore", type=CODE, multiple=True, help="All but these codes.")
@click.option("--strict", is_flag=True, help="Warnings fail a model too.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 in spite of findings.")
@ignored_option
@target_options
@baseline_options
@scale_options
@digests_option
@shape_option
@full_check_options
@click.option(
    "--timeout",
    type=FiniteRange(0, min_open=True),
    default=DEFAULT_ACCESS.timeout,
    show_default=True,
    metavar="SECONDS",
    help="Time that a model at an address may take, retries included.",
)
@click.option(
    "--allow-full-download",
    is_flag=True,
    help="Download a model whole where its server sends no ranges.",
)
@click.option(
    "--sha256",
    is_flag=True,
    help="State the SHA-256 of every file. Without it: of one that is scanned alone, up to 16 MiB.",
)
@click.option("--quiet", "-q", is_flag=True, help="Only failing models, one line a finding.")
@click.option("--verbose", "-v", is_flag=True, help="Everything about every model.")
def scan(
    paths: tuple[str, ...],
    allowlist: str,
    include_ignored: bool,
    reports: Reports,
    rules_url: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    strict: bool,
    exit_zero: bool,
    targets: TargetsAsked,
    baseline: Baseline,
    scale: Scale,
    digests: bool,
    sizes: Sizes,
    full_check: FullCheckAsked,
    timeout: float,
    allow_full_download: bool,
    sha256: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Judge models by an allowlist.

    PATH is a file, a folder (scanned for *.onnx, recursively, without what Git ignores), a glob, or
    - for standard input.
    It may be an address, too: http(s)://, s3://, gs:// or hf:// (extra: remote).

    Exit code: 0 no findings, 1 findings, 2 a model could not be verified or the call is wrong.
    """
    codes = _codes("select", select), _codes("ignore", ignore)
    policy = targeted(load_allowlist(allowlist)._replace(sizes=sizes), targets)
    access = Access(timeout, allow_full_download)
    verbosity = verbose - quiet
    passed_over: list[str] = []
    ignored: list[str] = []
    telling = None if include_ignored else ignored.append
    models = find_models(paths, access, passed_over.append, telling)
    lists = list_files(allowlist)
    gate = [*map(str, lists), baseline.baseline]
    written = reports.targets(models, lambda file: keep_gate("--output", file, gate))
    keep_gate("--results", scale.results, gate)
    baseline.check()
    scale = scale.checked(reports, models)
    brief = reports.forms <= FORMATS and verbosity <= 0
    filed = is_filed(reports, verbosity)
    if scale.results is not None or not brief:  # a file of results leaves nothing out
        wanted = EVERYTHING._replace(costs=sizes)
    else:
        unwanted = frozenset(EMPTY if len(models) > 1 or verbosity < 0 else ())
        wanted = Wanted(CONSTANTS_SHOWN, unwanted, filed, sizes or None)
    hashed_alone = HASHED_ALONE if len(models) == 1 and wanted.digest else 0
    judge = partial(
        _judge,
        policy=policy,
        codes=codes,
        strict=strict,
        access=access,
        sha256_up_to=LARGEST if sha256 else hashed_alone,
        wanted=wanted,
    )
    limits = full_check.limits
    if limits is not None:
        from onnxguard.running.full_check import FullCheck, require_onnx

        require_onnx()
        judge = partial(judge, full_check=FullCheck(*limits))
    keep = partial(lean, costs=bool(sizes)) if len(models) > 1 and brief else None
    settings = "" if scale.results is None else _settings(policy, codes, strict, sha256, limits)
    lost = partial(died_report, policy_id=policy.id)
    started = time.perf_counter()
    judged = judge_models(models, judge, lost, scale, settings, keep, access)
    narrowing = "select", "ignore", "baseline", "exit_zero", "allow_unknown"
    origin = origin_of([policy] if filed else [], narrowing, ("allowlist",))
    run = baseline.judged(Run(tuple(judged), time.perf_counter() - started), strict)
    files = [*configuration(), *hashed("allowlist", lists)]
    files += hashed("baseline", filter(None, [baseline.baseline]))
    origin = with_targets_told(origin, [policy])._replace(
        files=tuple(files),
        not_entered=tuple(map(printable, passed_over)),
        ignored=tuple(map(printable, ignored)),
    )
    run = run._replace(origin=origin)
    say_files(run, digests or verbose)
    if "html" in reports.forms:
        from onnxguard.scanning.outlines import outlined

        run = outlined(run, models, access, sizes)
    write_reports(STREAMED, run, written, verbosity, exit_zero, rules_url)
    say_left_out(run, written, verbosity)
    return run.exit_code(exit_zero)


def _judge(
    path: str,
    policy: Allowlist,
    codes: tuple[tuple[str, ...], tuple[str, ...]],
    strict: bool,
    full_check: Any = None,
    access: Access = DEFAULT_ACCESS,
    sha256_up_to: int = 0,
    wanted: Wanted = EVERYTHING,
) -> Report:
    report = scan_model(path, policy, full_check, access, sha256_up_to, wanted)
    select, ignore = codes
    findings = report.findings
    if select or ignore:
        findings = tuple(
            finding
            for finding in findings
            if not RULES[finding.code].ignorable
            or (
                (not select or finding.code.startswith(select))
                and not finding.code.startswith(ignore or ("-",))
            )
        )
    return report._replace(findings=findings, verdict=verdict_of(findings, strict))


def _settings(
    policy: Allowlist,
    codes: tuple[tuple[str, ...], ...],
    strict: bool,
    sha256: bool,
    limits: tuple[int, int] | None,
) -> str:
    """What decides the verdicts: the list and which of its waivers hold today, and the options."""
    from onnxguard.many.fingerprint import digest_of

    checked: tuple[object, ...] = ()
    if limits is not None:
        from importlib.metadata import version

        checked = version("onnx"), limits
    held = tuple(date.today() <= waiver.expires for waiver in policy.waivers)
    return digest_of("scan", policy, held, codes, strict, sha256, checked)


def _codes(option: str, given: tuple[str, ...]) -> tuple[str, ...]:
    codes = [code.strip().upper() for text in given for code in text.split(",")]
    for code in codes:
        if not code or not any(known.startswith(code) for known in RULES):
            shown = printable(code)
            raise UsageError(
                f'--{option}: no rule "{shown}"{near(code, RULES)}; see onnxguard rules'
            )
        if option == "ignore" and not all(
            rule.ignorable for rule in RULES.values() if rule.code.startswith(code)
        ):
            raise UsageError(
                f"--ignore {code}: a model that was not verified cannot be passed over"
            )
    return tuple(codes)
