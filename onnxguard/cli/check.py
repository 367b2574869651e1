"""``onnxguard check``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import date

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import plural, printable
from onnxguard.cli.baseline_options import Baseline, baseline_options
from onnxguard.cli.config import config_option
from onnxguard.cli.examples import examples
from onnxguard.cli.full_check_options import FullCheckAsked, full_check_options
from onnxguard.cli.kinds import FilePath
from onnxguard.cli.left_out import ignored_option, say_left_out
from onnxguard.cli.messages import note
from onnxguard.cli.origin import configuration, digests_option, hashed, origin_of, say_files
from onnxguard.cli.output import (
    Reports,
    files_of,
    is_filed,
    keep_gate,
    report_options,
    rules_url_option,
    write_reports,
)
from onnxguard.cli.progress import progress_bars
from onnxguard.cli.scale_options import Scale, scale_options, tell
from onnxguard.cli.target_options import TargetsAsked, target_options, targeted, with_targets_told
from onnxguard.many.fingerprint import digest_of
from onnxguard.many.results_file import Results
from onnxguard.policy.registry import list_files
from onnxguard.reporters import REPORTERS, STREAMED
from onnxguard.reporters.kit.phrases import named
from onnxguard.repository.check import Checked, Options
from onnxguard.repository.check import check as check_repository
from onnxguard.repository.lock import LOCK, read_lock
from onnxguard.repository.manifest import FullCheckLimits, Manifest
from onnxguard.repository.manifest_file import nearest_manifest
from onnxguard.scanning.lean import FORMATS, lean
from onnxguard.scanning.report import DecidingFile, Origin


@click.command(epilog=examples("check", "check models/detector.onnx --strict"))
@click.argument("paths", nargs=-1, type=FilePath("PATH"))
@config_option
@click.option(
    "--manifest",
    type=FilePath("FILE"),
    help="The manifest.  [default: the nearest one]",
)
@report_options(REPORTERS)
@rules_url_option
@click.option("--strict", is_flag=True, help="Warnings fail a model too.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 in spite of findings.")
@click.option("--no-cache", is_flag=True, help="Judge every model anew, and keep nothing.")
@click.option("--no-parity", is_flag=True, help="Leave out the parity checks of the manifest.")
@full_check_options
@click.option("--no-full-check", is_flag=True, help="Leave out those that the manifest asks for.")
@ignored_option
@target_options
@baseline_options
@scale_options
@digests_option
@click.option("--quiet", "-q", is_flag=True, help="Only failing models, one line a finding.")
@click.option("--verbose", "-v", is_flag=True, help="Everything about every model.")
def check(
    paths: tuple[str, ...],
    manifest: str | None,
    include_ignored: bool,
    reports: Reports,
    rules_url: str,
    strict: bool,
    exit_zero: bool,
    no_cache: bool,
    no_parity: bool,
    full_check: FullCheckAsked,
    no_full_check: bool,
    targets: TargetsAsked,
    baseline: Baseline,
    scale: Scale,
    digests: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Check every model of a repository by its manifest, onnxguard.yaml.

    It fails on a model that no entry covers, that breaks its allowlist or its contract, that
    does not compute what its reference does, or that changed without onnxguard.lock.
    With PATH, only these models and folders are looked at.

    Exit code: 0 no findings, 1 findings, 2 a model could not be verified or the call is wrong.
    """
    found = _fully_checked(nearest_manifest(manifest), full_check.limits, no_full_check)
    if include_ignored:
        found = found._replace(include_ignored=True)
    if any(targets):
        asked = {id(e.policy): targeted(e.policy, targets) for e in found.entries}
        entries = [e._replace(policy=asked[id(e.policy)]) for e in found.entries]
        found = found._replace(entries=tuple(entries))
    verbosity = verbose - quiet
    written = reports.targets()
    gate = [found.path, os.path.join(found.root, LOCK), baseline.baseline, *_lists(found)]
    for file in files_of(written):
        keep_gate("--output", file, gate)
    keep_gate("--results", scale.results, gate)
    chosen = tuple(_relative(path, found) for path in paths)
    chosen = () if "." in chosen else chosen  # that is all of it
    baseline.check(partial=bool(chosen))
    scale = scale.checked(reports, ())
    whole = not reports.forms <= FORMATS or verbose
    accepting = baseline.baseline is not None

    def results(models: Iterable[str]) -> AbstractContextManager[Results | None]:
        if scale.results is None:
            return nullcontext()
        settings = _settings(found, strict, no_parity, accepting)
        return Results(scale.results, settings, models, scale.resume, None if whole else lean)

    with progress_bars() as step:
        checked = check_repository(
            found,
            Options(
                jobs=scale.jobs,
                scheduler=scale.scheduler,
                caching=not no_cache,
                parity=not no_parity,
                whole=whole,
                strict=strict,
                accepting=accepting,
                results=results,
                step=step,
                tell=tell,
            ),
            chosen,
        )
    policies = {id(entry.policy): entry.policy for entry in found.entries}
    judging = policies.values() if is_filed(reports, verbosity) else ()
    origin = origin_of(
        judging, ("paths", "no_parity", "no_full_check", "baseline", "exit_zero", "allow_unknown")
    )
    origin = with_targets_told(origin, list(policies.values()))
    run = baseline.judged(
        checked.run,
        strict,
        partial=bool(chosen),
        located=lambda path: path if path == found.path else os.path.join(found.root, path),
    )
    run = run._replace(origin=_origin(origin, found, checked, baseline.baseline))
    say_files(run, digests or verbose)
    if "html" in reports.forms:
        from onnxguard.scanning.outlines import outlined

        run = outlined(run, checked.models)
    write_reports(STREAMED, run, written, verbosity, exit_zero, rules_url)
    say_left_out(run, written, verbosity)
    _remark(checked)
    return run.exit_code(exit_zero)


def _fully_checked(manifest: Manifest, given: tuple[int, int] | None, none: bool) -> Manifest:
    """The manifest with the full checks that the options ask for, or with none."""
    if none:
        source = click.get_current_context().get_parameter_source("full_check")
        if given is not None and source is click.core.ParameterSource.COMMANDLINE:
            raise UsageError("--full-check and --no-full-check contradict each other")
        entries = tuple(entry._replace(full_check=None) for entry in manifest.entries)
        return manifest._replace(entries=entries)
    if given is not None:
        limits = FullCheckLimits(*given)
        entries = tuple(e._replace(full_check=e.full_check or limits) for e in manifest.entries)
        manifest = manifest._replace(entries=entries)
    if any(entry.full_check for entry in manifest.entries):
        from onnxguard.running.full_check import require_onnx

        require_onnx()
    return manifest


def _relative(path: str, manifest: Manifest) -> str:
    """The path as the manifest names it."""
    target = os.path.realpath(path)
    if not os.path.isdir(path):  # a link to a model is a model of its own
        folder, name = os.path.split(path)
        target = os.path.join(os.path.realpath(folder), name)
    relative = os.path.relpath(target, os.path.realpath(manifest.root))
    if relative == ".." or relative.startswith(os.path.join("..", "")):
        raise UsageError(f'"{printable(path)}" lies outside the folder of {manifest.path}')
    return relative.replace(os.sep, "/")


def _lists(manifest: Manifest) -> list[str]:
    """The files of the allowlists that the manifest names, and of those that they extend."""
    return [str(path) for name in manifest.lists for path in list_files(name)]


def _settings(manifest: Manifest, *flags: bool) -> str:
    """All that decides on the verdicts, for a run that is resumed."""
    lock = read_lock(manifest.root)
    policies = tuple({id(entry.policy): entry.policy for entry in manifest.entries}.values())
    waivers = [waiver for policy in policies for waiver in policy.waivers]
    waivers += [waiver for entry in manifest.entries for waiver in entry.waivers]
    held = tuple(date.today() <= waiver.expires for waiver in waivers)
    checked: tuple[object, ...] = tuple(entry.full_check for entry in manifest.entries)
    if any(checked):
        from importlib.metadata import version

        checked += (version("onnx"),)
    return digest_of(manifest.digest, policies, held, lock, flags, checked)


def _origin(origin: Origin, manifest: Manifest, checked: Checked, baseline: str | None) -> Origin:
    """Add which files decided on the check, and what it did not look at."""
    lock = os.path.join(manifest.root, LOCK)
    files = [*configuration(), DecidingFile("manifest", manifest.path, manifest.digest)]
    files += hashed("lock", [lock] if os.path.lexists(lock) else [])
    files += hashed("allowlist", _lists(manifest))
    files += hashed("baseline", [baseline] if baseline else [])
    return origin._replace(
        files=tuple(files),
        exclude=tuple(map(printable, manifest.exclude)),
        excluded=tuple(map(printable, checked.excluded)),
        not_entered=tuple(map(printable, (*checked.links, *checked.skipped))),
        ignored=tuple(map(printable, checked.ignored)),
    )


def _remark(checked: Checked) -> None:
    """Say on stderr what was not looked at."""
    if links := checked.links:
        note(f"not followed: a link to a folder: {named(map(printable, links))}")
    if checked.unproven:
        left = plural(checked.unproven, "model")
        note(f"parity was not checked for {left}")
