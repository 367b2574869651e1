"""Text for people: what is wrong, where, and what to do, in lines that fit."""

from __future__ import annotations

from onnxguard.base.findings import Finding
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.checks import SCAN
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.paint import Paint, inert
from onnxguard.reporters.scan.text_facts import facts_lines
from onnxguard.scanning.report import Report, Run, Verdict


def render(run: Run, options: RenderOptions) -> str:
    """Render the run; ``verbosity`` -1 leaves a line per finding of a failing model."""
    paint = Paint(options.color, options.width)
    if options.verbosity < 0:
        lines = [line for report in run.reports for line in _quiet(report, paint)]
        lines += [str(s) for s in (run.origin.settings if run.origin else ()) if s.narrows]
    else:
        lines = _full(run, paint, verbose=options.verbosity > 0)
    return "".join(f"{inert(line)}\n" for line in lines)


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
        lines += _block(report, paint, verbose) if block else _line(report, paint, width)
        after_block = block
    if lines:
        lines.append("")
    if verbose:
        for name, text in phrases.filing(run):
            lines += paint.wrap(text.split(" "), "  ", first=f"{name}: ")
    for said in phrases.settings(run):
        lines += [paint(line, "error") for line in paint.wrap(said.split(" "), "  ", first="")]
    for said in (*phrases.left_out(run), _summary(run, paint)):
        lines += paint.wrap(said.split(" "), "  ", first="")
    return lines


def _quiet(report: Report, paint: Paint) -> list[str]:
    if report.verdict is Verdict.PASS:
        return []
    lines = []
    for finding in phrases.standing(report):
        severity = paint(finding.severity.value, finding.severity.value)
        places = f" ({finding.count:,} places)" if finding.count > 1 else ""
        lines.append(f"{report.path}: {finding.code} {severity} {finding.message}{places}")
    return lines


def _verdict(report: Report, paint: Paint) -> str:
    word = phrases.VERDICTS[report.verdict]
    return paint(word, report.verdict.value) + " " * (6 - len(word))


def _line(report: Report, paint: Paint, width: int) -> list[str]:
    line = f"{_verdict(report, paint)}{report.path.ljust(width)}"
    if report.facts is None:
        return [line.rstrip()]
    facts = report.facts
    held = f"{phrases.byte_size(facts.size)}, {phrases.versions(facts)}"
    words = f"{held}, {phrases.plural(facts.nodes, 'node')}".split(" ")
    return paint.wrap([paint(word, "soft") for word in words], " " * 8, first=f"{line}  ")


def _block(report: Report, paint: Paint, verbose: bool) -> list[str]:
    lines = [f"{_verdict(report, paint)}{paint(report.path, 'bold')}"]
    if report.facts is not None:
        lines += facts_lines(report, report.facts, paint, verbose)
    if verbose:
        digests = ("sha256", report.sha256), ("judged bytes' sha256", report.judged_sha256)
        lines += [f"  {name} {digest}" for name, digest in digests if digest]
    shown = phrases.standing(report) + (phrases.waived(report) if verbose else [])
    return lines + (_findings(shown, paint, verbose) if shown else [])


def _findings(findings: list[Finding], paint: Paint, verbose: bool) -> list[str]:
    from onnxguard.reporters.kit.text_findings import finding_lines

    return [line for f in findings for line in ("", *finding_lines(f, paint, verbose, SCAN))]


def _summary(run: Run, paint: Paint) -> str:
    overall = phrases.overall(run)
    word = paint(phrases.VERDICTS[overall], overall.value)
    counts = phrases.finding_counts(run.reports)
    if len(run.reports) != 1:
        counts = f"{phrases.model_counts(run)}; {counts}"
    return f"{word}: {counts}, {phrases.duration(run.seconds)}"
