"""A model's report, and the run that holds several."""

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from onnxguard.base.errors import ModelError
from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.catalogue import RULES
from onnxguard.model.facts import Facts
from onnxguard.sources.remote import shown

if TYPE_CHECKING:
    from onnxguard.model.outline import Outline
else:
    Outline = object  # few scans draw; what reads the types of fields knows the name


class Verdict(StrEnum):
    """What became of a model: judged clean, judged bad, or not verified."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"


class Read(NamedTuple):
    """Reading a model at an address.

    Attributes:
        bytes: received.
        requests: made.
        version: tells the file from one that takes its place; empty where the server tells nothing.
    """

    bytes: int
    requests: int
    version: str = ""


class Report(NamedTuple):
    """Everything a scan has to say about one model.

    Attributes:
        path: the model as the user named it, safe to print; ``-`` for standard input.
        allowlist: the id of the list that it was judged by.
        verdict: pass, fail, or error where it could not be verified.
        findings: every finding, errors first, then by byte offset.
        facts: what the model holds, or None where it could not be read.
        seconds: how long the scan took, wall clock.
        outline: its graphs, for reports that draw them; None where nobody asked.
        read: what was received of a model at an address; None of a file.
        sha256: of the whole file, where it was asked for.
        judged_sha256: of the bytes that the findings depend on, and of where they lie: all but the
            weights that no rule reads. None where the model is too large for that, or where the
            findings depend on other files.
        about: manifest, lock or baseline, where it is about that file; None of a model.
    """

    path: str
    allowlist: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    facts: Facts | None
    seconds: float = 0.0
    outline: Outline | None = None
    read: Read | None = None
    sha256: str | None = None
    judged_sha256: str | None = None
    about: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the model may go on."""
        return self.verdict is Verdict.PASS

    def count(self, severity: Severity) -> int:
        """How many findings of a severity stand (waived ones do not)."""
        return sum(1 for f in self.findings if f.severity is severity and not f.waiver)


def unverified(error: ModelError, path: str, allowlist: str, seconds: float = 0.0) -> Report:
    """The report on a model that could not be verified.

    Args:
        error: says why.
        path: the model as the user named it.
        allowlist: the id of the list that it was to be judged by.
        seconds: how long that took.
    """
    offset = max(error.offset, 0)
    hint = error.hint or RULES[error.code].fix
    place = Place("model", offset, offset)
    finding = Finding(error.code, Severity.ERROR, str(error), (place,), hint=hint)
    return Report(shown(path), allowlist, Verdict.ERROR, (finding,), None, seconds)


def verdict_of(findings: tuple[Finding, ...], strict: bool = False) -> Verdict:
    """Fail where an error stands; with ``strict`` a warning fails too."""
    for finding in findings:
        if RULES[finding.code].unverified:
            return Verdict.ERROR
    for finding in findings:
        if finding.fails or (
            strict and not finding.waiver and finding.severity is Severity.WARNING
        ):
            return Verdict.FAIL
    return Verdict.PASS


class DecidingFile(NamedTuple):
    """A file that decided on verdicts and is none of the tool's own.

    Attributes:
        role: what it is: configuration, manifest, allowlist, lock or baseline.
        path: safe to print.
        sha256: hexadecimal.
    """

    role: str
    path: str
    sha256: str


class Setting(NamedTuple):
    """An option that was set: ``--select``, its value and who set it, all safe to print.

    ``value`` is empty for a switch; ``source`` is ``the command line``, or a file. ``narrows``
    tells that less is looked for, or less fails, than without it.
    """

    option: str
    value: str
    source: str
    narrows: bool

    def __str__(self) -> str:
        word = "narrowed" if self.narrows else "decided"
        return f"{word} by {' '.join(filter(None, (self.option, self.value)))} ({self.source})"


class Origin(NamedTuple):
    """How a run was made, so that its report can be filed; every text is safe to print.

    Attributes:
        command: the words of the command, without the secrets of addresses.
        date: when it was made, UTC, ISO 8601.
        allowlists: the id and SHA-256 (``list_sha256``) of each list that judged.
        settings: the options by which less was looked for or less fails, and those that decide on
            the verdict and were set by a file.
        files: those that decided on it.
        exclude: a manifest's patterns of files that are no models to deliver.
        excluded: the files and folders that they left out.
        not_entered: folders that were passed over: links, and Git's own.
        ignored: models that were left out because Git ignores them.
    """

    command: tuple[str, ...]
    date: str
    allowlists: tuple[tuple[str, str], ...]
    settings: tuple[Setting, ...]
    files: tuple[DecidingFile, ...] = ()
    exclude: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    not_entered: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


class Run(NamedTuple):
    """The reports of one call, in the order of the paths, and how they came about."""

    reports: tuple[Report, ...]
    seconds: float = 0.0
    origin: Origin | None = None

    def exit_code(self, exit_zero: bool = False) -> int:
        """0 clean, 1 findings, 2 where any model could not be verified.

        ``exit_zero`` forgives findings; a model that was not verified is never forgiven.
        """
        verdicts = {report.verdict for report in self.reports}
        if Verdict.ERROR in verdicts or not verdicts:
            return 2
        return 1 if Verdict.FAIL in verdicts and not exit_zero else 0
