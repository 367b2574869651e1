"""Words and numbers that several formats share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache

from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.base.printable import plural as plural  # noqa: PLC0414 - words come from here
from onnxguard.catalogue import PARITY_RULES, RULES
from onnxguard.model.facts import Dim
from onnxguard.reporters.kit.words import Marked, listed
from onnxguard.scanning.report import Report, Run, Verdict

LEFT_OUT_SHOWN = 5
"""Paths that are named of those that were left out for one reason."""

IGNORED = "left out because Git ignores them (--include-ignored)"


@cache
def marked(verdict: StrEnum) -> Marked:
    """``PASS``, in the style of the verdict."""
    return Marked(verdict.value.upper(), verdict.value)


def title(code: str) -> str:
    """``OG101 operator-not-allowed``."""
    return (RULES.get(code) or PARITY_RULES[code]).title


def byte_size(count: int) -> str:
    """``16 B``, ``489.6 KiB``, ``1.5 GiB``."""
    if count < 1024:
        return f"{count} B"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"


def duration(seconds: float) -> str:
    """``13 ms``, ``1.8 s``, ``2 min 5 s``, ``1 h 2 min``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min"


def span(place: Place) -> str:
    """The bytes of a place, ``[120..164)``."""
    return f"[{place.start}..{place.end})"


def dims(shape: Sequence[Dim] | None) -> str:
    """``[1,3,H,?]``; ``[?]`` is an unknown size and ``[...]`` an unknown rank."""
    if shape is None:
        return "[...]"
    return f"[{','.join('?' if dim is None else str(dim) for dim in shape)}]"


def standing(report: Report) -> list[Finding]:
    """The findings that no waiver covers."""
    return [finding for finding in report.findings if not finding.waiver]


def waived(report: Report) -> list[Finding]:
    """The findings that a waiver covers."""
    return [finding for finding in report.findings if finding.waiver]


def marked_operators(report: Report) -> dict[str, Severity]:
    """The operators that a standing finding is about, with the worst severity, by label."""
    order = list(Severity)
    marks: dict[str, Severity] = {}
    for finding in standing(report):
        if finding.operator:
            known = marks.get(finding.operator, finding.severity)
            marks[finding.operator] = min(known, finding.severity, key=order.index)
    return marks


def overall(run: Run) -> Verdict:
    """The run's verdict: error where anything was not verified or there is nothing at all."""
    verdicts = {report.verdict for report in run.reports}
    if Verdict.ERROR in verdicts or not verdicts:
        return Verdict.ERROR
    return Verdict.FAIL if Verdict.FAIL in verdicts else Verdict.PASS


def finding_counts(reports: Iterable[Report]) -> str:
    """``2 errors, 1 warning, 1 waived``; ``no findings`` where there is nothing to count."""
    found = ["" if f.waiver else f.severity for report in reports for f in report.findings]
    if not found:
        return "no findings"
    parts = [plural(found.count(each), each.value) for each in Severity if each in found]
    return ", ".join([*parts, *([f"{found.count(''):,} waived"] if "" in found else [])])


def model_counts(run: Run) -> str:
    """``2 of 4 models passed, 1 failed, 1 not verified, the lock failed``."""
    counts = Counter(report.verdict for report in run.reports if report.about is None)
    text = f"{counts[Verdict.PASS]:,} of {plural(counts.total(), 'model')} passed"
    if counts[Verdict.FAIL]:
        text += f", {counts[Verdict.FAIL]:,} failed"
    if counts[Verdict.ERROR]:
        text += f", {counts[Verdict.ERROR]:,} not verified"
    others = (r.about for r in run.reports if r.about and r.verdict is Verdict.FAIL)
    return text + "".join(f", the {about} failed" for about in others)


def left_out(run: Run) -> list[str]:
    """``left out by 'exclude': old/, a.onnx and 3 more``: a line for each reason that there is."""
    if run.origin is None:
        return []
    out = ("left out by 'exclude'", run.origin.excluded), (IGNORED, run.origin.ignored)
    return [f"{why}: {named(paths)}" for why, paths in out if paths]


def named(paths: Iterable[str]) -> str:
    """The first of the paths, and how many more there are."""
    return listed(paths, LEFT_OUT_SHOWN)


def counts(run: Run) -> str:
    """``2 of 4 models passed, 2 failed; 3 errors, 1 waived``."""
    return f"{model_counts(run)}; {finding_counts(run.reports)}"


def summary(run: Run) -> str:
    """The verdict, the counts, and by what the run was narrowed."""
    return "; ".join([f"{marked(overall(run))}: {counts(run)}", *settings(run)])


def settings(run: Run) -> list[str]:
    """``narrowed by --select OG2 (pyproject.toml)``, for each option to be told; and what else."""
    if run.origin is None:
        return []
    folders = run.origin.not_entered
    skipped = [f"not entered: {named(folders)}"] if folders else []
    return [*map(str, run.origin.settings), *skipped]


def filing(run: Run) -> list[tuple[str, str]]:
    """What a report is filed by: the command, the date, the lists; a name and a text each."""
    if run.origin is None:
        return []
    lists = [(f"allowlist {name}", f"sha256 {sha}") for name, sha in run.origin.allowlists]
    command = " ".join(run.origin.command)
    return [("command", command), ("date", run.origin.date), *lists]
