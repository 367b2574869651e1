"""The pictures beside a model card: a training curve, a contact sheet and an ablation's plot.

All are PNG files, the same bytes for the same input with the same versions of matplotlib and
Pillow. None needs a display, and the user's own matplotlibrc changes none. Colours are those of
Okabe and Ito, which colour-blind people tell apart.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Literal

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageDraw, ImageFont

from onnxguard.students.history import Epoch
from onnxguard.students.records import AblationRun

Row = tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_], npt.NDArray[np.float32], float]
"""An image uint8 ``[H, W, 3]``, its mask bool ``[H, W]``, the prediction float32 ``[H, W]`` in
0..1, and the prediction's IoU."""

CELL = 160
"""The longer side of a picture in a contact sheet, in pixels."""
MARGIN, HEAD, GAP, FIGURE, BETWEEN = 16, 26, 8, 64, 20
"""Around a contact sheet; above its cells; between cells; right of them; between groups."""

_BLUE, _VERMILION, _GREY = "#0072B2", "#D55E00", "#595959"
_DPI = 120
_TITLE = 60
_LABEL = 24
"""Characters that are drawn of a title and of a name."""
_NARROWEST = 0.05
"""The enlarged half of an ablation's plot shows this much of the IoU at least."""

_PAPER, _INK, _EDGE = (255, 255, 255), (34, 34, 34), (150, 150, 150)
_GROUND = (214, 220, 228)
_FONT_SIZE = 15


def training_curve(
    epochs: Sequence[Epoch], best_epoch: int, baselines: Sequence[tuple[str, float]], title: str
) -> bytes:
    """Draw loss and IoU against the epochs, with the exported epoch marked.

    Args:
        epochs: at least one.
        best_epoch: the number of the one that was exported.
        baselines: ``(answer, IoU)``; the best one is drawn as a dashed line.
        title: what was trained.

    Returns:
        A PNG file.

    Raises:
        ValueError: there is no epoch.
    """
    if not epochs:
        raise ValueError("a training curve needs an epoch")
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(8, 6), layout="constrained")
        figure.suptitle(_drawable(title, _TITLE))
        upper, lower = figure.subplots(2, 1, sharex=True)
        numbers = [epoch.number for epoch in epochs]
        losses = [epoch.loss for epoch in epochs]
        _curve(upper, numbers, losses, best_epoch)
        upper.set_ylabel("training loss")
        upper.set_ylim(0, 1.08 * max(filter(math.isfinite, losses), default=0) or 1)
        _curve(lower, numbers, [epoch.iou for epoch in epochs], best_epoch)
        lower.set_ylabel("validation IoU (0 to 1)")
        lower.set_ylim(0, 1)
        lower.set_xlabel("epoch")
        room = max(0.5, 0.02 * len(epochs))
        lower.set_xlim(min(numbers) - room, max(numbers) + room)
        lower.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
        if baselines:
            answer, iou = max(baselines, key=lambda entry: entry[1])
            label = f"best trivial answer: {_drawable(answer, _LABEL)}, {iou:.4f}"
            lower.axhline(iou, color=_GREY, linestyle="--", linewidth=1.5, label=label)
        _legend(figure, lower)
        return _png(figure)


def _curve(axes: Axes, numbers: list[int], values: list[float], best_epoch: int) -> None:
    few = len(numbers) <= 40
    axes.plot(numbers, values, color=_BLUE, marker="." if few else None, label="each epoch")
    if best_epoch in numbers:
        value = values[numbers.index(best_epoch)]
        label = f"exported: epoch {best_epoch}, IoU {value:.4f}"
        axes.axvline(best_epoch, color=_VERMILION, linewidth=1, alpha=0.6)
        axes.plot([best_epoch], [value], "D", color=_VERMILION, label=label, clip_on=False)
    axes.grid(alpha=0.3)


def ablation_plot(runs: Sequence[AblationRun]) -> bytes:
    """Draw each seed's IoU as a dot, beside each student's mean and sample standard deviation.

    The left half shows all of 0..1, so that nobody takes a small difference for a large one; the
    right half is enlarged.

    Args:
        runs: at least one.

    Returns:
        A PNG file.

    Raises:
        ValueError: there is no run.
    """
    if not runs:
        raise ValueError("an ablation's plot needs a run")
    groups = {
        name: np.array([run.iou for run in runs if run.student == name])
        for name in dict.fromkeys(run.student for run in runs)
    }
    names = [_drawable(name, _LABEL) for name in groups]
    with matplotlib.style.context("default"):
        size = (11, 1.9 + 0.85 * len(groups))
        figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(wspace=0.06))
        whole, enlarged = figure.subplots(1, 2, sharey=True)
        for axes in (whole, enlarged):
            for place, ious in enumerate(groups.values()):
                _seeds(axes, place, ious, first=place == 0)
            axes.grid(axis="x", alpha=0.3)
        whole.set_xlim(0, 1)
        whole.set_xlabel("validation IoU (0 to 1)")
        whole.set_ylim(len(groups) - 0.4, -0.5)
        whole.set_yticks(range(len(groups)), names)
        low, high = _close_range(list(groups.values()))
        enlarged.set_xlim(low, high)
        enlarged.set_xlabel(f"enlarged: validation IoU, {low:.2f} to {high:.2f}")
        enlarged.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        for place, ious in enumerate(groups.values()):
            _say(enlarged, place, ious, (float(ious.mean()) - low) / (high - low))
        _legend(figure, whole)
        return _png(figure)


def _spread(ious: npt.NDArray[np.float64]) -> float | None:
    return float(ious.std(ddof=1)) if ious.size > 1 else None


def _seeds(axes: Axes, place: int, ious: npt.NDArray[np.float64], first: bool) -> None:
    # Apart, so that equal seeds do not hide one another.
    offsets = np.linspace(-0.2, 0.0, ious.size) if ious.size > 1 else np.full(1, -0.1)
    label = "one seed" if first else None
    axes.scatter(ious, place + offsets, s=36, color=_BLUE, alpha=0.8, linewidths=0, label=label)
    axes.errorbar(
        float(ious.mean()),
        place + 0.18,
        xerr=_spread(ious),
        fmt="D",
        color=_VERMILION,
        capsize=5,
        label="mean and sample standard deviation of the seeds" if first else None,
    )


def _say(axes: Axes, place: int, ious: npt.NDArray[np.float64], share: float) -> None:
    """Write mean and deviation below them, ``share`` of the way from the left, inside the axes."""
    spread = _spread(ious)
    said = f"{ious.mean():.4f}" + ("" if spread is None else f" ± {spread:.4f}")
    at = (float(ious.mean()), place + 0.18)
    side: Literal["left", "center", "right"]
    side = "left" if share < 0.15 else "right" if share > 0.85 else "center"
    text = axes.annotate(said, at, (0, -9), textcoords="offset points", ha=side, va="top")
    text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})


def _close_range(groups: Sequence[npt.NDArray[np.float64]]) -> tuple[float, float]:
    """Hundredths around all seeds and deviations, with room for what is written there."""
    edges = [
        edge
        for ious in groups
        for reach in (_spread(ious) or 0.0,)
        for edge in (ious.min(), ious.max(), ious.mean() - reach, ious.mean() + reach)
    ]
    middle, half = (min(edges) + max(edges)) / 2, (max(edges) - min(edges)) / 2
    half = max(1.4 * half, _NARROWEST / 2)
    low, high = math.floor((middle - half) * 100) / 100, math.ceil((middle + half) * 100) / 100
    return max(low, 0.0), min(high, 1.0)


def contact_sheet(rows: Sequence[Row]) -> bytes:
    """Draw images, their masks and the predictions side by side, each with its IoU.

    Pictures keep their proportions: the longer side becomes ``CELL`` pixels. Small ones are
    enlarged pixel by pixel.

    Args:
        rows: at least one.

    Returns:
        A PNG file. With one row there is one group of three pictures beside another, up to
        twelve rows two groups, and three groups beyond.

    Raises:
        ValueError: there is no row.
    """
    if not rows:
        raise ValueError("a contact sheet needs a row")
    triples = [_triple(row) for row in rows]
    width = max(picture.width for triple in triples for picture in triple)
    height = max(picture.height for triple in triples for picture in triple)
    across = 1 if len(rows) == 1 else 2 if len(rows) <= 12 else 3
    group = 3 * (width + GAP) + FIGURE
    down = math.ceil(len(rows) / across)
    size = (
        2 * MARGIN + across * group + (across - 1) * BETWEEN,
        2 * MARGIN + HEAD + down * (height + GAP) - GAP,
    )
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_FONT_SIZE)
    for column in range(across):
        left = MARGIN + column * (group + BETWEEN)
        for place, head in enumerate(("image", "mask", "prediction")):
            middle = left + place * (width + GAP) + width // 2
            draw.text((middle, MARGIN + HEAD // 2 - 2), head, _INK, font, anchor="mm")
        draw.text((left + group - FIGURE, MARGIN + HEAD // 2 - 2), "IoU", _INK, font, anchor="lm")
    for number, (triple, row) in enumerate(zip(triples, rows, strict=True)):
        left = MARGIN + number % across * (group + BETWEEN)
        top = MARGIN + HEAD + number // across * (height + GAP)
        for place, picture in enumerate(triple):
            at = left + place * (width + GAP)
            draw.rectangle((at - 1, top - 1, at + width, top + height), _GROUND, _EDGE)
            inside = (at + (width - picture.width) // 2, top + (height - picture.height) // 2)
            sheet.paste(picture, inside)
        beside = (left + group - FIGURE, top + height // 2)
        draw.text(beside, f"{row[3]:.3f}", _INK, font, anchor="lm")
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _triple(row: Row) -> tuple[Image.Image, ...]:
    image, mask, prediction, _ = row
    grey = np.rint(np.clip(prediction, 0, 1) * 255).astype(np.uint8)
    pictures = (image, mask.astype(np.uint8) * np.uint8(255), grey)
    return tuple(_fitted(Image.fromarray(pixels).convert("RGB")) for pixels in pictures)


def _fitted(picture: Image.Image) -> Image.Image:
    scale = CELL / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    # Shrinking by BILINEAR averages; enlarging by NEAREST invents nothing.
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR
    return picture.resize((width, height), how)


def _drawable(text: str, shown: int) -> str:
    """The text as the font has it, cut, with no dollar that opens a formula."""
    plain = text.encode("ascii", "backslashreplace").decode()
    cut = plain if len(plain) <= shown else f"{plain[: shown - 3]}..."
    return cut.replace("$", r"\$")


def _legend(figure: Figure, axes: Axes) -> None:
    """One line below both axes, where it hides nothing."""
    entries = axes.get_legend_handles_labels()
    figure.legend(*entries, loc="outside lower center", ncols=3, fontsize=9, columnspacing=1.2)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()
