"""JUnit XML: a test suite for the run, a test case for each model."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from onnxguard import __version__
from onnxguard.base.findings import Finding
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.checks import SCAN, Check
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.report import Report, Run, Verdict

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, escaped or not."""


def render(run: Run, options: RenderOptions) -> str:
    """Render the run: a failing model is a ``failure``, one that was not verified an ``error``."""
    return document(run, SCAN)


def document(run: Run, check: Check) -> str:
    """Return the XML of a check's run."""
    counts = {
        "tests": str(len(run.reports)),
        "failures": str(sum(report.verdict is Verdict.FAIL for report in run.reports)),
        "errors": str(sum(report.verdict is Verdict.ERROR for report in run.reports)),
        "skipped": "0",
        "time": f"{run.seconds:.3f}",
    }
    root = ET.Element("testsuites", {"name": "onnxguard", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": "onnxguard", **counts})
    properties = ET.SubElement(suite, "properties")
    judges = sorted({report.allowlist for report in run.reports})
    held = [
        ("onnxguard.version", __version__),
        (f"onnxguard.{check.judge}s", ", ".join(judges)),
        ("onnxguard.summary", phrases.summary(run)),
        *((f"onnxguard.{name}", text) for name, text in phrases.filing(run)),
    ]
    if run.origin is not None:
        out = ("excluded", run.origin.excluded), ("ignored", run.origin.ignored)
        held += [(f"onnxguard.{name}", ", ".join(paths)) for name, paths in out if paths]
    for name, value in held:
        ET.SubElement(properties, "property", {"name": name, "value": _legal(value)})
    for report in run.reports:
        suite.append(_case(report, check))
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode").replace("##", "#&#35;")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _case(report: Report, check: Check) -> ET.Element:
    case = ET.Element(
        "testcase",
        {
            "name": _legal(report.path),
            "classname": _legal(f"onnxguard.{report.allowlist}"),
            "file": _legal(report.path),
            "time": f"{report.seconds:.3f}",
        },
    )
    standing = phrases.standing(report)
    if report.verdict is not Verdict.PASS:
        failed = report.verdict is Verdict.FAIL
        problem = ET.SubElement(
            case,
            "failure" if failed else "error",
            {
                "type": standing[0].code if standing else report.verdict.value,
                "message": _legal(_headline(report, standing)),
            },
        )
        problem.text = _legal(_blocks(standing, check))
    extra = phrases.waived(report)
    if report.verdict is Verdict.PASS:
        extra = standing + extra
    if extra:
        ET.SubElement(case, "system-out").text = _legal(_blocks(extra, check))
    return case


def _headline(report: Report, standing: list[Finding]) -> str:
    if len(standing) == 1:
        return f"{phrases.title(standing[0].code)}: {standing[0].message}"
    return phrases.finding_counts([report])


def _blocks(findings: list[Finding], check: Check) -> str:
    return "\n".join(_block(finding, check) for finding in findings)


def _block(finding: Finding, check: Check) -> str:
    lines = [f"{phrases.title(finding.code)} {finding.severity.value}: {finding.message}"]
    lines += [f"  at {check.where(place)}" for place in finding.places]
    hidden = finding.count - len(finding.places)
    if hidden > 0:
        lines.append(f"  and {hidden:,} more")
    for label, text in (("see", finding.adr), ("fix", finding.hint), ("waived", finding.waiver)):
        if text:
            lines.append(f"  {label}: {text}")
    return "\n".join(lines)


def _legal(text: str) -> str:
    return _FORBIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
