"""The whole sentence: open a model, read the facts, load the list, run the rules, report."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache, partial
from typing import NamedTuple

from onnxguard.base.budget import SECONDS, limited
from onnxguard.base.errors import ModelError, WireError
from onnxguard.base.findings import Finding, Place
from onnxguard.model.describing import describe
from onnxguard.model.facts import Facts
from onnxguard.model.reading import STEPS, malformed, read_model
from onnxguard.model.survey import Survey, survey
from onnxguard.model.wanted import EVERYTHING, Wanted
from onnxguard.model.wire import Buffer
from onnxguard.policy.allowlist import Allowlist
from onnxguard.policy.registry import DEFAULT_ALLOWLIST, load_allowlist
from onnxguard.rules import judge
from onnxguard.rules.memory import memory_limits
from onnxguard.rules.waivers import waive
from onnxguard.scanning.report import Read, Report, unverified, verdict_of
from onnxguard.scanning.same_graph import Spans, Twin, find_twin, remember, twin_of
from onnxguard.sources.files import open_model, sniffed
from onnxguard.sources.remote import DEFAULT_ACCESS, Access, RemoteBytes, is_remote, shown

SecondOpinion = Callable[[str, Place], tuple[Finding, ...]]
"""What else judges a model: given its path and the place that is the whole file."""

WHOLE_BYTES = 1 << 26
"""A model of at most this size whose structure was too large to remember is digested whole."""

DIGESTED = 1 << 20
"""Bytes of a file that are held while its SHA-256 is computed."""

STEPS_PER_NODE = 40
"""Work allowed for each node that a list's limit allows; a usual node costs fifteen to twenty."""


def scan(
    path: str | os.PathLike[str],
    allowlist: str | Allowlist = DEFAULT_ALLOWLIST,
    full_check: SecondOpinion | None = None,
    access: Access = DEFAULT_ACCESS,
    sha256_up_to: int = 0,
    wanted: Wanted = EVERYTHING,
) -> Report:
    """Judge one model by one allowlist.

    Args:
        path: a file, an address (``https://host/m.onnx``), or ``-`` for standard input.
        allowlist: an id of the registry, a path to a YAML file, or a loaded list.
        full_check: judges it too, as ``running.full_check.FullCheck`` does by the ONNX checker.
        access: how long a model at an address may take, and whether it may be downloaded whole.
        sha256_up_to: state the SHA-256 of a file of at most so many bytes; an address has none.
        wanted: the facts that somebody will look at.

    Returns:
        The report; its verdict is ``error`` where the model could not be verified.

    Raises:
        AllowlistError: the list could not be loaded.
    """
    policy = _loaded(allowlist)
    text = os.fspath(path)
    started = time.perf_counter()
    try:
        with open_model(text, access) as data:
            place = None if text == "-" else text
            report, twin = _report(data, text, policy, place, started, wanted, full_check)
            if len(data) <= sha256_up_to and not isinstance(data, RemoteBytes):
                report = report._replace(sha256=_sha256(data))
    except ModelError as error:
        return unverified(error, text, policy.id, time.perf_counter() - started)
    remember(twin)
    if isinstance(data, RemoteBytes):
        source = data.source
        report = report._replace(read=Read(source.fetched, source.requests, source.version))
    return report


def scan_bytes(
    data: bytes,
    name: str = "-",
    allowlist: str | Allowlist = DEFAULT_ALLOWLIST,
    path: str | None = None,
) -> Report:
    """Judge a model that is in memory.

    Its external data is looked for beside ``path``; without one it is refused.
    """
    policy = _loaded(allowlist)
    started = time.perf_counter()
    try:
        report, twin = _report(sniffed(data), name, policy, path, started)
    except ModelError as error:
        return unverified(error, name, policy.id, time.perf_counter() - started)
    remember(twin)
    return report


def scan_open(
    data: Buffer, name: str, policies: Sequence[Allowlist], path: str = ""
) -> tuple[list[Report], Survey | None]:
    """Judge a model that is open by several lists, in their order.

    It is read once for all lists that allow as much work and time.

    Args:
        data: its bytes.
        name: a file, an address, or ``-`` for standard input.
        policies: the lists.
        path: where the file lies, if not under its name.

    Returns:
        The reports, and what was read with the most work; None where it could not be.
    """
    lies = path or (None if name == "-" else name)
    read = cache(partial(_survey_or_error, data))
    reports = []
    with uncollected():
        for policy in policies:
            started = time.perf_counter()
            try:
                with limited(_seconds(policy)):
                    seen = read(_steps(policy), _seconds(policy))
                    if isinstance(seen, ModelError):
                        raise seen
                    findings = tuple(judge(seen, policy, lies))
                reports.append(_reported(seen.facts, findings, name, policy, started))
            except ModelError as error:
                seconds = time.perf_counter() - started
                reports.append(unverified(error, name, policy.id, seconds))
        with limited():
            most = read(max((STEPS, *map(_steps, policies))), SECONDS)
    return reports, None if isinstance(most, ModelError) else most


def _survey_or_error(data: Buffer, steps: int, _: int) -> Survey | ModelError:
    try:
        return surveyed(data, steps)
    except ModelError as error:
        return error


class Examination(NamedTuple):
    """What was found in a model, and what that depends on.

    Attributes:
        report: the report, waivers not applied.
        spans: which bytes of the file the findings depend on; empty where they depend on other
            files too, and where the model could not be read or is too large.
        digest: of those bytes, the same for two models whose findings must be the same; or empty.
    """

    report: Report
    spans: Spans = ()
    digest: str = ""


def examine(path: str, policy: Allowlist, wanted: Wanted = EVERYTHING) -> Examination:
    """Judge one file as ``scan`` does, but apply no waivers."""
    started = time.perf_counter()
    try:
        with open_model(path) as data, uncollected():
            facts, findings, twin = _examined(data, policy, path, wanted, WHOLE_BYTES)
    except ModelError as error:
        seconds = time.perf_counter() - started
        return Examination(unverified(error, path, policy.id, seconds))
    remember(twin)
    seconds = time.perf_counter() - started
    report = Report(shown(path), policy.id, verdict_of(findings), findings, facts, seconds)
    if twin is None:
        return Examination(report)
    report = report._replace(judged_sha256=twin.digest or None)
    return Examination(report, twin.spans, twin.digest)


def read_facts(path: str | os.PathLike[str]) -> Facts:
    """Read what a model holds, judging nothing.

    Raises:
        ModelError: the file could not be read as a model.
    """
    with open_model(os.fspath(path)) as data:
        return facts_of(data)


def read_needs(path: str | os.PathLike[str]) -> tuple[Facts, dict[str, int]]:
    """As ``read_facts``, and the limits on memory that must be raised for the model, by name.

    Raises:
        ModelError: the file could not be read as a model.
    """
    with open_model(os.fspath(path)) as data, uncollected(), limited():
        seen = surveyed(data, STEPS)
        return seen.facts, memory_limits(seen, load_allowlist(DEFAULT_ALLOWLIST))


def facts_of(data: Buffer) -> Facts:
    """As ``read_facts``, of bytes in memory."""
    with uncollected(), limited():
        return surveyed(data, STEPS).facts


def _loaded(allowlist: str | Allowlist) -> Allowlist:
    return allowlist if isinstance(allowlist, Allowlist) else load_allowlist(allowlist)


def _report(
    data: Buffer,
    name: str,
    policy: Allowlist,
    path: str | None,
    started: float,
    wanted: Wanted = EVERYTHING,
    full_check: SecondOpinion | None = None,
) -> tuple[Report, Twin | None]:
    with uncollected():
        facts, findings, twin = _examined(data, policy, path, wanted)
        if full_check is not None:
            findings += full_check(name, Place("model", 0, facts.size))
        report = _reported(facts, findings, name, policy, started)
        return report._replace(judged_sha256=(twin.digest or None) if twin else None), twin


def _reported(
    facts: Facts, findings: tuple[Finding, ...], name: str, policy: Allowlist, started: float
) -> Report:
    """The report on what was found, once the list's waivers are applied."""
    if policy.waivers:
        called = shown(name).partition("?")[0] if is_remote(name) else name
        whole = Place("model", 0, facts.size)
        findings = waive(findings, policy.waivers, called, whole, date.today())
    seconds = time.perf_counter() - started
    return Report(shown(name), policy.id, verdict_of(findings), findings, facts, seconds)


def _sha256(data: Buffer) -> str:
    import hashlib

    digest = hashlib.sha256()
    for start in range(0, len(data), DIGESTED):
        digest.update(data[start : min(start + DIGESTED, len(data))])
    return digest.hexdigest()


def _examined(
    data: Buffer, policy: Allowlist, path: str | None, wanted: Wanted, whole: int = 0
) -> tuple[Facts, tuple[Finding, ...], Twin | None]:
    twin = find_twin(data, (policy, wanted))
    if twin is not None:
        return twin.facts, twin.findings, twin
    with limited(_seconds(policy)):
        seen = surveyed(data, _steps(policy))
        if wanted.costs is not None:
            seen.scopes.will_count()
        findings = tuple(judge(seen, policy, path))
        facts = describe(seen, wanted, not findings)
    return facts, findings, twin_of(data, seen, (policy, wanted), facts, findings, whole)


def _steps(policy: Allowlist) -> int:
    """The work that a list allows to read a model."""
    nodes = policy.limit("nodes")
    return STEPS if nodes is None else max(STEPS, nodes * STEPS_PER_NODE)


def _seconds(policy: Allowlist) -> int:
    """CPU seconds that a model may take."""
    seconds = policy.limit("seconds")
    return SECONDS if seconds is None else seconds


def surveyed(data: Buffer, steps: int) -> Survey:
    """Read a model with so much work and look at it from all sides.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        return survey(read_model(data, steps))
    except WireError as error:  # values are decoded only where something asks for them
        raise malformed(error) from None


@contextmanager
def uncollected() -> Iterator[None]:
    """A model is many small objects that live until its report: collecting them is in vain."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
