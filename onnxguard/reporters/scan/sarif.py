"""SARIF 2.1.0, for code scanning.

A model is binary, so a region is line 1, column 1 plus byte offset and length, and the route
through the graph is a logical location.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from onnxguard import __version__
from onnxguard.base.findings import Finding, Place
from onnxguard.base.searched_folders import searched_folders
from onnxguard.catalogue import Rule
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.checks import SCAN, Check
from onnxguard.reporters.kit.json import dumps
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.report import Report, Run, Verdict
from onnxguard.sources.remote import is_remote

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_ROOT = "%SRCROOT%"
_LARGEST = (1 << 31) - 1
"""Readers built on Microsoft's SARIF SDK reject the whole file for one larger number."""
MOST_RESULTS = 25_000
"""GitHub refuses a file with more in a run."""
_LEVELS = ("error", "warning", "note", "none")
_SEVERITIES = {"unsafe": "9.0", "error": "7.0", "warning": "4.0", "note": "1.0"}
"""GitHub calls them critical, high, medium and low."""
_WORD = re.compile(
    r"(a|an|the|no|its|this|there|what|one|two|several|it|in|of|for|external|unknown|nodes|graphs|"
    r"nested|constants|opset|not|string|strict|runtimes|parity)\b"
)
"""How a message of ours may begin that does not begin with a name from the model."""
_NAMED_NODE = re.compile(r'node \d+ (?=")')


def render(run: Run, options: RenderOptions) -> str:
    """Render every finding; a waived one carries a suppression with the waiver's reason."""
    return dumps(log(run, options, SCAN))


def log(run: Run, options: RenderOptions, check: Check) -> dict[str, Any]:
    """Return the SARIF log of a check's run; of very many findings those that weigh most."""
    seen: Counter[str] = Counter()
    run = _below_root(run)
    results = [
        _result(report, index, finding, seen, check)
        for index, report in enumerate(run.reports)
        for finding in report.findings
    ]
    left_out = len(results) - MOST_RESULTS
    if left_out > 0:
        results.sort(key=lambda result: _LEVELS.index(result["level"]))
        results = results[:MOST_RESULTS]
    driver = {
        "name": "onnxguard",
        "semanticVersion": __version__,
        "version": __version__,
        "rules": [_rule(rule, check, options.rules_url) for rule in check.rules.values()],
    }
    sarif_run = {
        "tool": {"driver": driver},
        "invocations": [_invocation(run, options, left_out)],
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The repository's root, or else the folder at hand."}}
        },
        "artifacts": [_artifact(report) for report in run.reports],
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    if run.origin is not None and (run.origin.exclude or run.origin.ignored):
        sarif_run["properties"] = {
            "exclude": list(run.origin.exclude),
            "excluded": list(run.origin.excluded),
            "ignored": list(run.origin.ignored),
        }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [sarif_run]}


def _rule(rule: Rule, check: Check, url: str) -> dict[str, Any]:
    page = {"helpUri": f"{url}#{rule.code.lower()}-{rule.name}"} if url else {}
    return {
        **page,
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {
            "text": f"{rule.why}\n\nHow to fix it: {rule.fix}",
            "markdown": f"{rule.why}\n\n**How to fix it.** {rule.fix}",
        },
        "defaultConfiguration": {"level": rule.weight.value},
        "properties": {"tags": ["onnx", check.tag], **_security(rule, check)},
    }


def _security(rule: Rule, check: Check) -> dict[str, str]:
    """How GitHub's security page ranks it; one of parity is not about security."""
    if check is not SCAN:
        return {}
    return {"security-severity": _SEVERITIES["unsafe" if rule.unsafe else rule.weight.value]}


def _below_root(run: Run) -> Run:
    """The run with relative paths as they are below the repository's root, if there is one."""
    try:
        root = searched_folders(Path.cwd())[-1]
        below = Path.cwd().relative_to(root).as_posix()
    except OSError:  # the folder was removed
        return run
    return run._replace(
        reports=tuple(
            report
            if is_remote(report.path) or os.path.isabs(report.path)
            else report._replace(path=posixpath.normpath(posixpath.join(below, report.path)))
            for report in run.reports
        )
    )


def _invocation(run: Run, options: RenderOptions, left_out: int) -> dict[str, Any]:
    notifications = [
        {
            "level": "error",
            "message": {"text": message_text(f"{report.path} was not verified. {reason}")},
            "locations": [{"physicalLocation": {"artifactLocation": _location(report, index)}}],
        }
        for index, report in enumerate(run.reports)
        if report.verdict is Verdict.ERROR
        for reason in [report.findings[0].message if report.findings else "No reason is known."]
    ]
    if left_out > 0:
        text = f"{left_out:,} findings are left out: a run holds {MOST_RESULTS:,} at most."
        notifications.append({"level": "warning", "message": {"text": text}})
    invocation: dict[str, Any] = {
        "executionSuccessful": phrases.overall(run) is not Verdict.ERROR,
        "exitCode": run.exit_code(options.exit_zero),
        "toolExecutionNotifications": notifications,
    }
    if run.origin is not None:
        invocation["commandLine"] = " ".join(run.origin.command)
        invocation["endTimeUtc"] = run.origin.date
        invocation["toolConfigurationNotifications"] = [
            {"level": "warning", "message": {"text": message_text(text)}}
            for text in phrases.settings(run)
        ]
        lists = {f"sha256 of {name}": digest for name, digest in run.origin.allowlists}
        invocation["properties"] = lists
    return invocation


def _artifact(report: Report) -> dict[str, Any]:
    artifact: dict[str, Any] = {
        "location": _location(report),
        "roles": ["analysisTarget"],
        "mimeType": "application/octet-stream",
    }
    if report.facts is not None and report.facts.size <= _LARGEST:
        artifact["length"] = report.facts.size
    if report.sha256 is not None:
        artifact["hashes"] = {"sha-256": report.sha256}
    return artifact


def _result(
    report: Report, index: int, finding: Finding, seen: Counter[str], check: Check
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": list(check.rules).index(finding.code),
        "level": finding.severity.value,
        "message": {"text": message_text(_text(finding))},
        "locations": [_place(report, index, finding.place, check)],
        "partialFingerprints": _fingerprints(report, finding, seen),
        "suppressions": [],
        "properties": _properties(report, finding, check),
    }
    if len(finding.places) > 1:
        result["relatedLocations"] = [
            {"id": number, **_place(report, index, place, check)}
            for number, place in enumerate(finding.places[1:], 1)
        ]
    if finding.waiver:
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": finding.waiver}
        ]
    return result


def _text(finding: Finding) -> str:
    adr = f"See {finding.adr}" if finding.adr else ""
    message = finding.message
    message = _capital(message) if _WORD.match(message) else message
    parts = (message, adr, _capital(finding.hint))
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts if part)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _properties(report: Report, finding: Finding, check: Check) -> dict[str, Any]:
    properties: dict[str, Any] = {check.judge: report.allowlist, "count": finding.count}
    if finding.operator:
        properties["operator"] = finding.operator
    if finding.adr:
        properties["adr"] = finding.adr
    return properties


def _place(report: Report, index: int, place: Place, check: Check) -> dict[str, Any]:
    region = {"startLine": 1, "startColumn": 1}
    if check.spans and place.end <= _LARGEST:
        region |= {"byteOffset": place.start, "byteLength": place.end - place.start}
    return {
        "physicalLocation": {"artifactLocation": _location(report, index), "region": region},
        "logicalLocations": [{"fullyQualifiedName": place.route, "kind": "element"}],
    }


def _location(report: Report, index: int | None = None) -> dict[str, Any]:
    uri = artifact_uri(report.path)
    location: dict[str, Any] = {"uri": uri}
    if "://" not in uri:
        location["uriBaseId"] = _ROOT
    if index is not None:
        location["index"] = index
    return location


def artifact_uri(path: str) -> str:
    """Return a path as a URI reference, percent-encoded, relative where the path is."""
    if is_remote(path):
        return re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", quote(path, safe=":/?&=@*+~%"))
    normal = posixpath.normpath(path)
    if normal.startswith("/"):
        return f"file:///{quote(normal.lstrip('/'))}"
    if re.match(r"[A-Za-z]:[\\/]", normal):
        return f"file:///{normal[0]}:{quote(normal[2:].replace(chr(92), '/'))}"
    return quote(normal)


def message_text(text: str) -> str:
    """Escape a plain-text message: braces open placeholders, ``](`` makes an embedded link."""
    return text.replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _fingerprints(report: Report, finding: Finding, seen: Counter[str]) -> dict[str, str]:
    """Identify a finding across edits that move it: no offsets, no index of a node with a name."""
    route = _NAMED_NODE.sub("node ", finding.place.route)
    parts = (artifact_uri(report.path), finding.code, finding.operator, route)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    seen[digest] += 1
    fingerprint = f"{digest}:{seen[digest]}"
    # GitHub reads the first name only, and would hash the binary's "line" where it is absent.
    return {"primaryLocationLineHash": fingerprint, "onnxguard/v1": fingerprint}
