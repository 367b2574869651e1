"""Text for people: what is wrong, where, and what to do, in under a hundred columns."""

from __future__ import annotations

from onnxguard.findings import Finding
from onnxguard.report import Report, Run, Verdict
from onnxguard.reporters import phrases
from onnxguard.reporters.options import RenderOptions
from onnxguard.reporters.paint import SEVERITY_STYLES, VERDICT_STYLES, Paint, columns, wrap
from onnxguard.reporters.text_facts import facts_lines

PLACES_SHOWN = 5


def render(run: Run, options: RenderOptions) -> str:
    """Render the run; ``verbosity`` -1 leaves a line per finding of a failing model."""
    paint = Paint(options.color)
    if options.verbosity < 0:
        lines = [line for report in run.reports for line in _quiet(report, paint)]
    else:
        lines = _full(run, paint, verbose=options.verbosity > 0)
    # "##" opens a command in some CI logs.
    return "".join(f"{line}\n" for line in lines).replace("##", "#\\x23")


def _full(run: Run, paint: Paint, verbose: bool) -> list[str]:
    alone = len(run.reports) == 1
    width = min(60, max((len(report.path) for report in run.reports), default=0))
    lines: list[str] = []
    after_block = False
    for report in run.reports:
        block = alone or verbose or bool(phrases.standing(report))
        if lines and (block or after_block):
            lines.append("")
        lines += _block(report, paint, verbose) if block else [_line(report, paint, width)]
        after_block = block
    if lines:
        lines.append("")
    lines.append(_summary(run, paint))
    return lines


def _quiet(report: Report, paint: Paint) -> list[str]:
    if report.verdict is Verdict.PASS:
        return []
    # A line that begins with "::" is a command to GitHub Actions.
    path = f"./{report.path}" if report.path.lstrip().startswith("::") else report.path
    return [
        f"{path}: {finding.code} {paint(finding.severity.value, SEVERITY_STYLES[finding.severity])}"
        f" {finding.message}"
        for finding in phrases.standing(report)
    ]


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
    shown = phrases.standing(report) + (phrases.waived(report) if verbose else [])
    for finding in shown:
        lines += ["", *_finding(finding, paint, verbose)]
    return lines


def _finding(finding: Finding, paint: Paint, verbose: bool) -> list[str]:
    state = "waived" if finding.waiver else finding.severity.value
    style = "dim" if finding.waiver else SEVERITY_STYLES[finding.severity]
    name = phrases.title(finding.code).removeprefix(f"{finding.code} ")
    head = f"  {paint(f'{finding.code} {state}', style)}: "
    body = wrap(f"{finding.message} ({name})".split(" "), "    ", first=head)
    places = finding.places if verbose else finding.places[:PLACES_SHOWN]
    rows = [("at" if i == 0 else "", p.route, phrases.span(p)) for i, p in enumerate(places)]
    body += columns(rows, "    ", widest=64)
    hidden = finding.count - len(places)
    if hidden > 0:
        body.append(f"        ... and {hidden:,} more")
    for label, text in (("see", finding.adr), ("fix", finding.hint), ("why", finding.waiver)):
        if text:
            body += wrap(text.split(" "), " " * 9, first=f"    {label:<5}")
    return body


def _summary(run: Run, paint: Paint) -> str:
    overall = phrases.overall(run)
    word = paint(phrases.VERDICTS[overall], VERDICT_STYLES[overall])
    counts = phrases.finding_counts(run.reports)
    if len(run.reports) != 1:
        counts = f"{phrases.model_counts(run)}; {counts}"
    return f"{word}: {counts}, {_duration(run.seconds)}"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
