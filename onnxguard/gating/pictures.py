"""The pictures beside a model card: a training curve, a contact sheet and an ablation's plot.

All are PNG files, the same bytes for the same input with the same versions of matplotlib and
Pillow. None needs a display, and the user's own matplotlibrc changes none. Colours are those of
Okabe and Ito, which colour-blind people tell apart.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageDraw, ImageFont

from onnxguard.reporters.kit.phrases import plural
from onnxguard.students.history import Epoch
from onnxguard.students.records import AblationRun

if TYPE_CHECKING:
    from onnxguard.gating.evaluation import Answer

CELL = 160
"""The longer side of a picture in a contact sheet, in pixels."""
MARGIN, HEAD, GAP, NAME, BETWEEN = 16, 26, 8, 24, 28
"""Around a contact sheet; above and below its cells; between cells; below a row; between groups."""
HEADS = "image", "mask", "prediction", "errors at 0.5"

_BLUE, _VERMILION, _GREY = "#0072B2", "#D55E00", "#595959"
_DPI = 120
_TITLE = 60
_LABEL = 24
"""Characters that are drawn of a title and of a name."""
_NARROWEST = 0.05
"""The enlarged half of an ablation's plot shows this much of the IoU at least."""

_PAPER, _INK, _EDGE = (255, 255, 255), (34, 34, 34), (150, 150, 150)
_MISSED, _EXTRA = (0, 114, 178), (213, 94, 0)
"""Blue and vermilion again, as Pillow has them."""
_GROUND = (214, 220, 228)
_FONT_SIZE = 15
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


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
    right half is enlarged. With one seed for each student there is nothing to enlarge: the left
    half stands alone.

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
        size = (11, 2.2 + 0.85 * len(groups))
        figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(wspace=0.06))
        sizes = [ious.size for ious in groups.values()]
        most = max(sizes)
        seeds = f"{'' if min(sizes) == most else 'up to '}{plural(most, 'seed')}"
        figure.suptitle(f"Validation IoU by student, {seeds} each")
        whole, *enlarged = figure.subplots(1, 1 if most == 1 else 2, sharey=True, squeeze=False)[0]
        for axes in (whole, *enlarged):
            for place, ious in enumerate(groups.values()):
                _seeds(axes, place, ious, first=place == 0)
            axes.grid(axis="x", alpha=0.3)
        whole.set_xlim(0, 1)
        whole.set_xlabel("validation IoU (0 to 1)")
        whole.set_ylim(len(groups) - 0.4, -0.5)
        whole.set_yticks(range(len(groups)), names)
        low, high = _close_range(list(groups.values())) if enlarged else (0.0, 1.0)
        for axes in enlarged:
            axes.set_xlim(low, high)
            axes.set_xlabel(f"enlarged: validation IoU, {low:.2f} to {high:.2f}")
            axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        for place, ious in enumerate(groups.values()):
            _say((whole, *enlarged)[-1], place, ious, (float(ious.mean()) - low) / (high - low))
        _legend(figure, whole)
        return _png(figure)


def _spread(ious: npt.NDArray[np.float64]) -> float | None:
    return float(ious.std(ddof=1)) if ious.size > 1 else None


def _seeds(axes: Axes, place: int, ious: npt.NDArray[np.float64], first: bool) -> None:
    # Apart, so that equal seeds do not hide one another.
    offsets = np.linspace(-0.2, 0.0, ious.size) if ious.size > 1 else np.zeros(1)
    label = "one seed" if first else None
    axes.scatter(ious, place + offsets, s=36, color=_BLUE, alpha=0.8, linewidths=0, label=label)
    if ious.size == 1:
        return
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
    at = (float(ious.mean()), place + (0.0 if spread is None else 0.18))
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


def contact_sheet(rows: Sequence[Answer]) -> bytes:
    """Draw images, masks, predictions and errors side by side, each with its name and IoU.

    Pictures keep their proportions: the longer side becomes ``CELL`` pixels. Small ones are
    enlarged pixel by pixel. Errors lie over the image in grey, at the threshold of the IoU.

    Args:
        rows: at least one.

    Returns:
        A PNG file. With one row there is one group of four pictures beside one another, up to
        twelve rows two groups, and three groups beyond.

    Raises:
        ValueError: there is no row.
    """
    if not rows:
        raise ValueError("a contact sheet needs a row")
    found = [_pictures(row) for row in rows]
    width = max(picture.width for pictures in found for picture in pictures)
    height = max(picture.height for pictures in found for picture in pictures)
    across = 1 if len(rows) == 1 else 2 if len(rows) <= 12 else 3
    group = len(HEADS) * (width + GAP) - GAP
    down = math.ceil(len(rows) / across)
    size = (
        2 * MARGIN + across * group + (across - 1) * BETWEEN,
        2 * MARGIN + 2 * HEAD + down * (height + NAME),
    )
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_FONT_SIZE)
    for column in range(across):
        left = MARGIN + column * (group + BETWEEN)
        for place, head in enumerate(HEADS):
            middle = left + place * (width + GAP) + width // 2
            draw.text((middle, MARGIN + HEAD // 2 - 2), head, _INK, font, anchor="mm")
    for number, (pictures, row) in enumerate(zip(found, rows, strict=True)):
        left = MARGIN + number % across * (group + BETWEEN)
        top = MARGIN + HEAD + number // across * (height + NAME)
        for place, picture in enumerate(pictures):
            at = left + place * (width + GAP)
            draw.rectangle((at - 1, top - 1, at + width, top + height), _GROUND, _EDGE)
            inside = (at + (width - picture.width) // 2, top + (height - picture.height) // 2)
            sheet.paste(picture, inside)
        below = top + height + NAME // 2 - 1
        name = _drawable(row.name, _LABEL).replace(r"\$", "$")
        draw.text((left, below), name, _INK, font, anchor="lm")
        draw.text((left + group, below), f"IoU {row.iou:.3f}", _INK, font, anchor="rm")
    _say_colours(draw, font, size[1] - MARGIN - HEAD // 2)
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _say_colours(draw: ImageDraw.ImageDraw, font: Font, middle: int) -> None:
    """What the colours of the errors mean, in a line."""
    left = MARGIN
    for colour, text in ((_MISSED, "salient and missed"), (_EXTRA, "found and not salient")):
        draw.rectangle((left, middle - 6, left + 12, middle + 6), colour)
        draw.text((left + 19, middle), text, _INK, font, anchor="lm")
        left += 19 + round(draw.textlength(text, font)) + 24


def _pictures(row: Answer) -> tuple[Image.Image, ...]:
    grey = np.rint(np.clip(row.saliency, 0, 1) * 255).astype(np.uint8)
    errors = np.asarray(Image.fromarray(row.image).convert("L").convert("RGB")).copy()
    found = row.saliency > 0.5
    errors[row.mask & ~found] = _MISSED
    errors[found & ~row.mask] = _EXTRA
    pictures = row.image, row.mask.astype(np.uint8) * np.uint8(255), grey, errors
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
