"""The part of the HTML page of a scan that counts operators by model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from onnxguard.base.findings import Severity
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.html_elements import Markup, card, code, element
from onnxguard.reporters.kit.widths import clipped, clipped_left

if TYPE_CHECKING:
    from onnxguard.reporters.scan.html_index import Entry

MODELS, OPERATORS = 150, 60
"""Models and operators of the matrix."""

SIGNS = {Severity.ERROR: "\u2717", Severity.WARNING: "!", Severity.NOTE: "i"}
"""Beside the colour, for who cannot tell colours apart."""


def matrix(entries: Sequence[Entry]) -> Markup:
    """Operators by model: how often each stands in it, and the worst finding about it."""
    read = [entry for entry in entries if entry.report.facts is not None]
    if not read:
        return Markup()
    shown = read[:MODELS]
    marks = [phrases.marked_operators(entry.report) for entry in shown]
    counts = [_counts(entry) for entry in shown]
    operators, hidden = _operators(counts, marks)
    head = [element("th", "Model", scope="col")]
    head += [
        element("th", element("code", clipped(name, 32), title=name), scope="col")
        for name in operators
    ]
    rows = []
    for entry, count, mark in zip(shown, counts, marks, strict=True):
        name = code(clipped_left(entry.report.path, 60))
        if entry.paged:
            name = element("a", name, href=f"#model-{entry.number}")
        cells = [_cell(count.get(name, 0), mark.get(name)) for name in operators]
        row = [element("th", name, scope="row"), *cells]
        rows.append(Markup(f"\n{element('tr', *row, data_models=f'{entry.number}')}"))
    caption = "How often each operator stands in each model"
    whole = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *head)),
        element("tbody", *rows),
    )
    parts = [
        *_legend([severity for mark in marks for severity in mark.values()]),
        element(
            "div",
            whole,
            class_="matrix",
            role="region",
            tabindex="0",
            aria_label="Operators by model",
        ),
    ]
    left = [
        phrases.plural(count, noun)
        for count, noun in ((len(read) - len(shown), "model"), (hidden, "operator"))
        if count
    ]
    if left:
        said = f"Left out: {' and '.join(left)}; those with findings come first."
        parts.append(element("p", said, class_="hint"))
    return card(element("h2", "Operators by model"), *parts)


def _legend(marked: Sequence[Severity]) -> list[Markup]:
    named = [f"{sign} {severity.value}" for severity, sign in SIGNS.items() if severity in marked]
    if not named:
        return []
    said = f"A sign and a colour mark operators that a finding is about: {', '.join(named)}."
    return [element("p", said, class_="hint")]


def _counts(entry: Entry) -> dict[str, int]:
    facts = entry.report.facts
    return {use.label: use.count for use in facts.operators} if facts else {}


def _operators(
    counts: Sequence[dict[str, int]], marks: Sequence[dict[str, Severity]]
) -> tuple[list[str], int]:
    """The columns by name, and how many were left out: marked ones stay, then the most used."""
    models: Counter[str] = Counter()
    marked: set[str] = set()
    for count, mark in zip(counts, marks, strict=True):
        models.update(count.keys())
        marked.update(mark)
    order = sorted(models, key=lambda name: (name not in marked, -models[name], name))
    return sorted(order[:OPERATORS]), max(len(order) - OPERATORS, 0)


def _cell(count: int, severity: Severity | None) -> Markup:
    if not count:
        return element("td")
    if severity is None:
        return element("td", f"{count:,}")
    text = f"{count:,}\N{NO-BREAK SPACE}{SIGNS[severity]}"
    return element("td", text, class_=severity.value, title=severity.value)
