"""Markdown that cards, evaluations and ablations share.

As in a scan's, every string that may come from a file stands in a code span.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from onnxguard.reporters.kit.phrases import plural
from onnxguard.reporters.scan.markdown import cell, code
from onnxguard.reporters.training import phrases

if TYPE_CHECKING:
    from onnxguard.students.measures import Measures
    from onnxguard.students.records import DataFacts


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Set rows of finished cells; a head that begins with ``>`` aligns its column to the right."""
    rules = ["--:" if head.startswith(">") else "---" for head in heads]
    lines = [f"| {' | '.join(head.removeprefix('>') for head in heads)} |", f"|{'|'.join(rules)}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def details(summary: str, *blocks: str) -> str:
    """Blocks that unfold."""
    # The blank line after the opening tags lets Markdown in again.
    return "\n\n".join([f"<details><summary>{summary}</summary>", *blocks, "</details>"])


def listed(heads: tuple[str, str], entries: Iterable[tuple[str, str]]) -> str:
    """A table of names and values."""
    return table(heads, ([cell(name), cell(value)] for name, value in entries))


def answers(name: str, iou: float, baselines: Iterable[tuple[str, float]]) -> str:
    """The IoU of a graph, and of trivial answers beside it."""
    rows = [[f"**{cell(name)}**", f"**{phrases.figure(iou)}**"]]
    rows += [[f"trivial: {cell(answer)}", phrases.figure(value)] for answer, value in baselines]
    return table(("Answer", ">IoU"), rows)


def measures(found: Measures) -> str:
    """A table of every measure."""
    return table(("Measure", ">Value"), phrases.measures(found))


def skipped(entries: Sequence[tuple[str, str]], what: str = "skipped") -> list[str]:
    """The pairs that were left out, and why; nothing where there are none."""
    if not entries:
        return []
    lines = [f"- {code(pair)}: {code(why)}" for pair, why in entries[: phrases.SKIPPED_SHOWN]]
    hidden = len(entries) - phrases.SKIPPED_SHOWN
    if hidden > 0:
        lines.append(f"- and {hidden:,} more")
    return [details(f"{plural(len(entries), 'pair')} {what}", "\n".join(lines))]


def data(found: DataFacts) -> list[str]:
    """What was trained on."""
    sentence = f"{code(found.name)}, {phrases.data(found)}. SHA-256 of the pairs:"
    blocks = [f"{sentence} {code(found.sha256)}.", *skipped(found.skipped)]
    blocks += skipped(phrases.shared(found), "held out and trained on too")
    if found.held_out:
        blocks.append(details("What is held out", ", ".join(map(code, found.held_out))))
    return blocks
