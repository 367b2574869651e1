"""The part of the HTML page that counts elements by the decade of their difference."""

from __future__ import annotations

import math
from collections import Counter

from onnxguard.parity.report import ParityReport
from onnxguard.reporters.kit.html_elements import Markup, element, section

BELOW = 6
ABOVE = 8
"""So many decades around the tolerance are shown one by one."""


def errors(report: ParityReport) -> Markup:
    """All floating elements of all trials; nothing where there are none."""
    # What is not floating has no percentiles, and what is not finite no distance.
    differences = [d for trial in report.trials for d in trial.differences if d.percentiles]
    counted = [pair for difference in differences for pair in difference.decades]
    exact = sum(difference.exact for difference in differences)
    if report.atol > 0:
        middle = math.floor(math.log10(report.atol))
    else:
        middle = min((exponent for exponent, _ in counted), default=0)
    lowest, highest = middle - BELOW, middle + ABOVE
    decades: Counter[int] = Counter()
    for exponent, elements in counted:
        decades[min(max(exponent, lowest), highest)] += elements
    total = exact + decades.total()
    if not total:
        return Markup()
    # A tolerance of 2e-5 lies within a decade, one of 1e-5 between two.
    between = not report.atol or math.isclose(report.atol, 10.0**middle)
    longest = math.log10(1 + max([exact, *decades.values(), 1]))
    rows = [_row("equal", exact, longest, above=False)]
    for exponent in range(min([*decades, middle]), max([*decades, middle]) + 1):
        if exponent == middle and between:
            rows.append(_mark(f"tolerance {report.atol:g}"))
        above = exponent > middle or (exponent == middle and between)
        label = f"1e{exponent} to 1e{exponent + 1}"
        if exponent == lowest:
            label = f"below 1e{exponent + 1}"
        elif exponent == highest:
            label = f"1e{exponent} and more"
        rows.append(_row(label, decades[exponent], longest, above))
        if exponent == middle and not between:
            rows.append(_mark(f"tolerance {report.atol:g}, within the decade above this line"))
    heads = (("Difference", "text"), ("Elements", "number"), ("Logarithmic", "text"))
    top = [element("th", text, scope="col", class_=kind) for text, kind in heads]
    return section(
        "Differences by decade",
        element(
            "table",
            element("caption", f"{total:,} floating elements, all trials together"),
            element("thead", element("tr", *top)),
            element("tbody", *rows),
            class_="errors",
        ),
    )


def _row(label: str, elements: int, longest: float, above: bool) -> Markup:
    share = math.log10(1 + elements) / longest
    bar = element("span", class_="bar", style=f"width:{share:.1%}") if elements else ""
    return element(
        "tr",
        element("th", label, scope="row"),
        element("td", f"{elements:,}", class_="number"),
        element("td", bar),
        class_="above" if above else "within",
    )


def _mark(text: str) -> Markup:
    return element("tr", element("th", text, scope="row", colspan="3"), class_="tolerance")
