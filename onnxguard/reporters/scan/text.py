"""Text for people: what is wrong, where, and what to do, in under a hundred columns."""

from __future__ import annotations

from onnxguard.base.findings import Finding
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.checks import SCAN, Check
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.paint import (
    SEVERITY_STYLES,
    VERDICT_STYLES,
    Paint,
    columns,
    uncolored,
    wrap,
)
from onnxguard.reporters.scan.text_facts import facts_lines
from onnxguard.scanning.report import Report, Run, Verdict

PLACES_SHOWN = 5


def render(run: Run, options: RenderOptions) -> str:
    """Render the run; ``verbosity`` -1 leaves a line per finding of a failing model."""
    paint = Paint(options.color)
    if options.verbosity < 0:
        lines = [line for report in run.reports for line in _quiet(report, paint)]
        lines += [str(s) for s in (run.origin.settings if run.origin else ()) if s.narrows]
    else:
        lines = _full(run, paint, verbose=options.verbosity > 0)
    return "".join(f"{inert(line)}\n" for line in lines)


def inert(line: str) -> str:
    """Break what a CI log takes for a command: ``::`` at the start of a line, ``##`` anywhere."""
    if uncolored(line).lstrip().startswith("::"):
        line = line.replace("::", ":\\x3a", 1)
    return line.replace("##", "#\\x23")


def _full(run: Run, paint: Paint, verbose: bool) -> list[str]:
    alone = len(run.reports) == 1
    blocks = [alone or verbose or bool(phrases.standing(report)) for report in run.reports]
    one_line = [report for report, block in zip(run.reports, blocks, strict=True) if not block]
    width = min(60, max((len(report.path) for report in one_line), default=0))
    lines: list[str] = []
    after_block = False
    for report, block in zip(run.reports, blocks, strict=True):
        if lines and (block or after_block):
            lines.append("")
        lines += _block(report, paint, verbose) if block else [_line(report, paint, width)]
        after_block = block
    if lines:
        lines.append("")
    if verbose:
        lines += [f"{name}: {text}" for name, text in phrases.filing(run)]
    lines += [paint(line, VERDICT_STYLES[Verdict.ERROR]) for line in phrases.settings(run)]
    lines += filter(None, (phrases.left_out(run), _summary(run, paint)))
    return lines


def _quiet(report: Report, paint: Paint) -> list[str]:
    if report.verdict is Verdict.PASS:
        return []
    lines = []
    for finding in phrases.standing(report):
        severity = paint(finding.severity.value, SEVERITY_STYLES[finding.severity])
        places = f" ({finding.count:,} places)" if finding.count > 1 else ""
        lines.append(f"{report.path}: {finding.code} {severity} {finding.message}{places}")
    return lines


def _verdict(report: Report, paint: Paint) -> str:
    word = phrases.VERDICTS[report.verdict]
    return paint(word, VERDICT_STYLES[report.verdict]) + " " * (6 - len(word))


def _line(report: Report, paint: Paint, width: int) -> str:
    line = f"{_verdict(report, paint)}{report.path.ljust(width)}"
    if report.facts is not None:
        facts = report.facts
        held = f"{phrases.byte_size(facts.size)}, {phrases.versions(facts)}"
        line += "  " + paint(f"{held}, {phrases.plural(facts.nodes, 'node')}", "dim")
    return line.rstrip()


def _block(report: Report, paint: Paint, verbose: bool) -> list[str]:
    lines = [f"{_verdict(report, paint)}{paint(report.path, 'bold')}"]
    if report.facts is not None:
        lines += facts_lines(report, report.facts, paint, verbose)
    if verbose:
        digests = ("sha256", report.sha256), ("judged bytes' sha256", report.judged_sha256)
        lines += [f"  {name} {digest}" for name, digest in digests if digest]
    shown = phrases.standing(report) + (phrases.waived(report) if verbose else [])
    for finding in shown:
        lines += ["", *finding_lines(finding, paint, verbose, SCAN)]
    return lines


def finding_lines(finding: Finding, paint: Paint, verbose: bool, check: Check) -> list[str]:
    """Return what a finding says, where it is, and what to do."""
    if finding.waiver:
        head = f"  {finding.code} waived: "
    else:
        style = SEVERITY_STYLES[finding.severity]
        head = f"  {paint(f'{finding.code} {finding.severity.value}', style)}: "
    name = phrases.title(finding.code).removeprefix(f"{finding.code} ")
    body = wrap(f"{finding.message} ({name})".split(" "), "    ", first=head)
    places = finding.places if verbose else finding.places[:PLACES_SHOWN]
    cells = [check.cells(place) for place in places if check.spans or place.route != "model"]
    rows = [("at " if i == 0 else "", *row) for i, row in enumerate(cells)]
    body += columns(rows, "    ", widest=64)
    hidden = finding.count - len(places)
    if hidden > 0:
        body.append(f"         ... and {hidden:,} more")
    for label, text in (("see", finding.adr), ("fix", finding.hint), ("why", finding.waiver)):
        if text:
            body += wrap(text.split(" "), " " * 9, first=f"    {label:<5}")
    return [paint(line, "dim") for line in body] if finding.waiver else body


def _summary(run: Run, paint: Paint) -> str:
    overall = phrases.overall(run)
    word = paint(phrases.VERDICTS[overall], VERDICT_STYLES[overall])
    counts = phrases.finding_counts(run.reports)
    if len(run.reports) != 1:
        counts = f"{phrases.model_counts(run)}; {counts}"
    return f"{word}: {counts}, {duration(run.seconds)}"


def duration(seconds: float) -> str:
    """``13 ms``, ``1.8 s``."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
