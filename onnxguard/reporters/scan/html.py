"""One HTML page that holds everything: all models in a table, and a page for each with its graph.

A link to ``#model-3`` shows the page of the run's third model. Without the script the tables are
there all the same, unsorted and whole.
"""

from __future__ import annotations

from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.html_elements import Markup, code, element, files, page, policy
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.scan.html_index import Entry, badge, index
from onnxguard.reporters.scan.html_model import model_page
from onnxguard.scanning.outlines import by_urgency, drawn
from onnxguard.scanning.report import Run
from onnxguard.version import __version__

STYLE = files("base.css", "scan.css", "graph.css", "narrow.css", "scan_phone.css")
SCRIPT = files("scan.js", "graph.js")
POLICY = policy(STYLE, SCRIPT)

PAGES = 300
"""So many models have a page of their own, those that failed first."""


def render(run: Run, options: RenderOptions) -> str:
    """Render the page; everything on it is written here, the script only sorts and filters."""
    verdict = phrases.overall(run)
    order = by_urgency(run.reports)
    paged = set(order[:PAGES])
    entries = [Entry(number + 1, run.reports[number], number in paged) for number in order]
    pictured = set(drawn(run.reports))
    pages = [
        model_page(entries, place, entry.number - 1 in pictured)
        for place, entry in enumerate(entries)
        if entry.paged
    ]
    title = f"onnxguard: {phrases.marked(verdict)}"
    said = [f"{phrases.model_counts(run)}; {phrases.finding_counts(run.reports)}."]
    said += [f"{line[0].upper()}{line[1:]}." for line in phrases.left_out(run)]
    lines = (element("p", line) for line in said)
    settings = (element("p", element("strong", setting)) for setting in phrases.settings(run))
    header = element("header", element("h1", "onnxguard ", badge(verdict)), *lines, *settings)
    main = element("main", index(entries), *pages)
    footer = element(
        "footer",
        element("p", f"Made by onnxguard {__version__}. This page loads nothing."),
        *(element("p", name, ": ", code(text)) for name, text in phrases.filing(run)),
    )
    script = Markup(f"\n<script>{SCRIPT}</script>\n")
    skip = element("a", "Skip to the models", href="#models", class_="skip")
    return page(title, POLICY, STYLE, skip, header, main, footer, script)
