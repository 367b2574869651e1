"""Text that evaluations and ablations share."""

from __future__ import annotations

from collections.abc import Sequence

from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.phrases import plural
from onnxguard.reporters.training import phrases


def skipped(
    entries: Sequence[tuple[str, str]], options: RenderOptions, what: str = "skipped"
) -> list[str]:
    """The pairs that were left out, and why: the first ones, or all where it is asked for."""
    if not entries:
        return []
    shown = len(entries) if options.verbosity > 0 else phrases.SKIPPED_SHOWN
    lines = ["", f"  {plural(len(entries), 'pair')} {what}"]
    lines += [f"    {pair}: {why}" for pair, why in entries[:shown]]
    if len(entries) > shown:
        lines.append(f"    and {len(entries) - shown:,} more")
    return lines


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int]) -> list[str]:
    """Align the cells of rows, those of the columns ``right`` to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
