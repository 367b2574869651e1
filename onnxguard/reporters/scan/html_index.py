"""The first part of the HTML page of a scan: all models, what was found, operators by model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from onnxguard.base.findings import Finding, Severity
from onnxguard.catalogue import RULES
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.html import words
from onnxguard.reporters.kit.html_elements import Markup, card, code, element, table, void
from onnxguard.reporters.kit.words import joined
from onnxguard.reporters.scan.html_matrix import matrix
from onnxguard.scanning.report import Report, Verdict

ROWS = 20_000
"""Models in the table."""

MANY = 200
"""With more models, those that passed are hidden until they are asked for."""

FINDINGS, MODELS_NAMED = 200, 5
"""Different findings that are listed, and models that are named for each."""

FILTERED = 5_000
"""A finding of more models stays, whichever of them are shown."""

ORDER = (Verdict.ERROR, Verdict.FAIL, Verdict.PASS)
UNITS = {"Errors": "error", "Warnings": "warning", "Nodes": "node"}
"""What a number counts, where a phone shows no heads."""
NAMES = {Verdict.ERROR: "Not verified", Verdict.FAIL: "Failed", Verdict.PASS: "Passed"}


class Entry(NamedTuple):
    """A report, its number in the run (from 1), and whether it has a page of its own."""

    number: int
    report: Report
    paged: bool

    @property
    def link(self) -> Markup:
        """The model's name, leading to its page where there is one."""
        name = code(self.report.path)
        return element("a", name, href=f"#model-{self.number}") if self.paged else name


def badge(verdict: Verdict) -> Markup:
    """The verdict in a frame."""
    return element("span", phrases.marked(verdict), class_=f"badge {verdict.value}")


def index(entries: Sequence[Entry]) -> Markup:
    """Everything about the run as a whole; entries come with the most urgent first."""
    if not entries:
        parts = [card(element("h2", "Models"), element("p", "Nothing was scanned."))]
    else:
        parts = [_models(entries), _findings(entries), matrix(entries), _rules(entries)]
    return element("div", *parts, class_="index", id="models")


def _models(entries: Sequence[Entry]) -> Markup:
    heads = (
        ("Model", "text"),
        ("Verdict", "text"),
        ("Allowlist", "text"),
        ("Errors", "number"),
        ("Warnings", "number"),
        ("Nodes", "number"),
        ("Size", "number"),
        ("Opset", "number"),
    )
    top = []
    for name, kind in heads:
        sorted_ = {"aria_sort": "ascending"} if name == "Verdict" else {}
        top.append(element("th", name, scope="col", class_=kind, **sorted_))
    rows = [_row(entry, [name for name, _ in heads]) for entry in entries[:ROWS]]
    whole = element(
        "table",
        element("caption", "One row for each model; those that need attention come first."),
        element("thead", element("tr", *top)),
        element("tbody", *rows),
        class_="stacked models",
        id="model-table",
    )
    parts = [_controls(entries), element("div", whole, class_="wide")]
    hidden = len(entries) - len(rows)
    if hidden:
        parts.append(_hint(f"{hidden:,} more models have no row: they come last."))
    bare = sum(1 for entry in entries[:ROWS] if not entry.paged)
    if bare:
        shown = len(entries) - bare - hidden
        parts.append(
            _hint(
                f"The {shown:,} models that come first here have pages of their own, the other "
                f"{bare:,} have none: scan one alone to see it."
            )
        )
    return card(element("h2", "Models"), *parts)


def _controls(entries: Sequence[Entry]) -> Markup:
    """What the script filters by; hidden until it runs."""
    search = void("input", type="search", id="search", autocomplete="off", spellcheck="false")
    counts = dict.fromkeys(ORDER, 0)
    for entry in entries[:ROWS]:
        counts[entry.report.verdict] += 1
    total = min(len(entries), ROWS)
    attention = total - counts[Verdict.PASS]
    folds = total > MANY and 0 < attention < total
    buttons = [_choice("All", "", total, pressed=not folds)]
    if folds:
        verdicts = f"{Verdict.ERROR.value} {Verdict.FAIL.value}"
        buttons.append(_choice("Not passed", verdicts, attention, pressed=True))
    buttons += [
        _choice(NAMES[verdict], verdict.value, count, pressed=False)
        for verdict, count in counts.items()
        if count
    ]
    inside = (
        element("label", "Show models with ", search),
        element("div", *buttons, class_="choices", role="group", aria_label="Verdict"),
        element(
            "span",
            f"{total:,} of {total:,} shown",
            role="status",
            id="shown",
            data_total=f"{total:,}",
        ),
    )
    return Markup(element("div", *inside, class_="controls", id="controls", hidden="hidden"))


def _choice(name: str, verdict: str, count: int, *, pressed: bool) -> Markup:
    return element(
        "button",
        f"{name} {count:,}",
        type="button",
        data_verdict=verdict,
        aria_pressed="true" if pressed else "false",
    )


def _row(entry: Entry, names: Sequence[str]) -> Markup:
    report, facts = entry.report, entry.report.facts
    errors, warnings = report.count(Severity.ERROR), report.count(Severity.WARNING)
    opset = _opset(report)
    cells: list[tuple[str | Markup, int | None]] = [
        (badge(report.verdict), ORDER.index(report.verdict)),
        (code(report.allowlist), None),
        (f"{errors:,}", errors),
        (f"{warnings:,}", warnings),
        (f"{facts.nodes:,}" if facts else "", facts.nodes if facts else -1),
        (phrases.byte_size(facts.size) if facts else "", facts.size if facts else -1),
        (f"{opset}" if opset is not None else "", -1 if opset is None else opset),
    ]
    row = [element("th", entry.link, scope="row", data_label=names[0])]
    for name, (text, value) in zip(names[1:], cells, strict=True):
        more = {} if value is None else {"data_value": str(value)}
        if name in UNITS and value is not None and value >= 0:
            more["data_unit"] = phrases.plural(value, UNITS[name]).partition(" ")[2]
        kind = "text" if name in ("Verdict", "Allowlist") else "number"
        kind += " zero" if text == "0" else ""
        row.append(element("td", text, class_=kind, data_label=name, **more))
    known = {"data_verdict": report.verdict.value, "data_model": f"{entry.number}"}
    return Markup(f"\n{element('tr', *row, **known)}")


def _opset(report: Report) -> int | None:
    """The version of the default domain."""
    imports = report.facts.opset_imports if report.facts else ()
    return next((entry.version for entry in imports if entry.domain == "ai.onnx"), None)


def _findings(entries: Sequence[Entry]) -> Markup:
    """Each different finding once, with the models that have it."""
    found: dict[tuple[Severity, bool, str, str], list[Entry]] = {}
    for entry in entries:
        for finding in entry.report.findings:
            models = found.setdefault(_key(finding), [])
            if not models or models[-1] is not entry:
                models.append(entry)
    if not found:
        return card(element("h2", "Findings"), element("p", "None."))
    order = list(Severity)
    keys = sorted(found, key=lambda key: (key[1], order.index(key[0]), -len(found[key]), key[2]))
    rows = []
    for key in keys[:FINDINGS]:
        severity, waived, rule, message = key
        state = "waived" if waived else severity.value
        style = "clean" if waived else severity.value
        rows.append(
            (
                element(
                    "a",
                    f"{state} ",
                    phrases.title(rule),
                    href=f"#rule-{rule.lower()}",
                    class_=style,
                ),
                code(message),
                _count(found[key]),
                words(joined((entry.link for entry in found[key]), MODELS_NAMED)),
            )
        )
    heads = ("Rule", "Message", "Models>", "Which")
    parts = [table("Each different finding once, those of most models first", heads, rows)]
    hidden = len(keys) - len(rows)
    if hidden:
        parts.append(_hint(f"{hidden:,} more different findings are on the models' pages."))
    return card(element("h2", "Findings"), *parts)


def _count(entries: Sequence[Entry]) -> Markup:
    """How many models there are, and which, so that the script can hide what none shown has."""
    if len(entries) > FILTERED:
        return element("span", f"{len(entries):,}")
    numbers = " ".join(f"{entry.number}" for entry in entries)
    return element("span", f"{len(entries):,}", data_models=numbers)


def _rules(entries: Sequence[Entry]) -> Markup:
    """What the rules mean that found something; codes lead there."""
    codes = {finding.code for entry in entries for finding in entry.report.findings}
    rules = [RULES[name] for name in sorted(codes & RULES.keys())]
    if not rules:
        return Markup()
    terms = [
        element(
            "div",
            element("dt", rule.title),
            element("dd", f"{rule.summary} {rule.why}"),
            id=f"rule-{rule.code.lower()}",
        )
        for rule in rules
    ]
    return card(element("h2", "Rules"), element("dl", *terms, class_="rules"))


def _key(finding: Finding) -> tuple[Severity, bool, str, str]:
    return finding.severity, bool(finding.waiver), finding.code, finding.message


def _hint(text: str) -> Markup:
    return element("p", text, class_="hint")
