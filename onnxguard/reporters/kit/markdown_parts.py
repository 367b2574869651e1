"""What Markdown of every kind is made of.

What a model, a user or a program wrote stands in a code span: GitHub neither formats nor links what
is in one (mentions, issue numbers, addresses, HTML). Only the backtick needs care there, and the
pipe in a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from onnxguard.base.findings import Finding
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.checks import Check
from onnxguard.reporters.kit.words import Code, head_name, is_numeric

PLACES_SHOWN = 5


def code(text: str) -> str:
    """Return a code span that shows the text as it is, whatever it holds."""
    text = text.replace("##", "#\\x23") or " "
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.strip() and (text[0] in "` " or text[-1] in "` ") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def cell(text: str) -> str:
    """Return a code span for a table; a pipe would end the cell and is written in hexadecimal."""
    return code(text.replace("|", "\\x7c"))


def grid(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of finished cells; a head that ends in ``>`` is of numbers."""
    rules = ["--:" if is_numeric(head) else "---" for head in heads]
    names = [cell(h) if isinstance(h, Code) else head_name(h) for h in heads]
    lines = [f"| {' | '.join(names)} |", f"|{'|'.join(rules)}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def folded(summary: str, blocks: Sequence[str]) -> str:
    """Blocks that unfold."""
    # The blank line after the opening tags lets Markdown in again.
    return "\n\n".join([f"<details><summary>{summary}</summary>", *blocks, "</details>"])


def finding_lines(finding: Finding, check: Check) -> list[str]:
    """What a finding says, where it is and what to do, as items of a list."""
    state = "waived" if finding.waiver else finding.severity.value
    lines = [f"- **{phrases.title(finding.code)}** ({state}): {code(finding.message)}"]
    places = [p for p in finding.places if check.spans or p.route != "model"][:PLACES_SHOWN]
    for place in places:
        bytes_ = f", bytes {phrases.span(place)}" if check.spans else ""
        lines.append(f"  - {code(place.route)}{bytes_}")
    hidden = finding.count - min(len(finding.places), PLACES_SHOWN)
    lines += [f"  - and {hidden:,} more"] if hidden > 0 else []
    said = ("Decision", finding.adr), ("Fix", finding.hint), ("Waived because", finding.waiver)
    return lines + [f"  - {label}: {code(text)}" for label, text in said if text]
