"""Pictures beside a model card, with Pillow as the oracle of the format."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnxguard.students.history import Epoch
from onnxguard.students.records import AblationRun
from PIL import Image
from support import training_records as samples
from support.checkout import ROOT

from onnxguard.gating import pictures
from onnxguard.gating.evaluation import Answer
from onnxguard.gating.pictures import (
    BETWEEN,
    CELL,
    GAP,
    HEAD,
    HEADS,
    MARGIN,
    NAME,
    ablation_plot,
    contact_sheet,
    training_curve,
)

BLUE, VERMILION, GREY = (0, 114, 178), (213, 94, 0), (89, 89, 89)
RED = (200, 30, 60)
GROUP = len(HEADS) * (CELL + GAP) - GAP


def pixels(png: bytes) -> Any:
    """Decode to ``[rows, columns, 3]``; a PNG that says when or by what it was made is refused."""
    with Image.open(io.BytesIO(png)) as image:
        image.load()
        assert image.format == "PNG"
        assert not {"Software", "Creation Time", "date:create"} & set(image.info)
        return np.asarray(image.convert("RGB"))


def count(png: bytes, colour: tuple[int, int, int]) -> int:
    return int((pixels(png) == colour).all(axis=2).sum())


def row(
    height: int, width: int, iou: float = 0.5, prediction: float = 0.0, name: str = "a"
) -> Answer:
    """A red image whose left half is salient."""
    mask = np.zeros((height, width), bool)
    mask[:, : width // 2] = True
    image = np.full((height, width, 3), RED, np.uint8)
    return Answer(name, image, mask, np.full((height, width), prediction, np.float32), iou)


def cell(sheet: Any, group: int, line: int, place: int, height: int = CELL) -> Any:
    """One cell of a sheet whose cells are ``CELL`` wide."""
    left = MARGIN + group * (GROUP + BETWEEN) + place * (CELL + GAP)
    top = MARGIN + HEAD + line * (height + NAME)
    return sheet[top : top + height, left : left + CELL]


def epochs(count: int) -> tuple[Epoch, ...]:
    return tuple(
        Epoch(number, 1 / number, 1 - 1 / (number + 1), 1e-3, 64, 1.0, 2.0)
        for number in range(1, count + 1)
    )


# -- the training curve ---------------------------------------------------------------------------


def test_the_curve_shows_epochs_the_exported_one_and_the_best_trivial_answer() -> None:
    png = training_curve(epochs(9), 7, samples.BASELINES, "saliency-v2")
    assert pixels(png).shape == (720, 960, 3)
    bare = training_curve(epochs(9), 99, (), "saliency-v2")
    for colour, alone in ((BLUE, True), (VERMILION, False), (GREY, False)):
        assert count(png, colour) > 50
        assert (count(bare, colour) > 50) is alone


def test_the_iou_has_all_of_its_range() -> None:
    high, low = (
        training_curve([epochs(1)[0]._replace(iou=iou)], 1, (), "t") for iou in (0.95, 0.05)
    )
    at = [np.argwhere((pixels(png) == VERMILION).all(axis=2))[:, 0] for png in (high, low)]
    lower_half = [rows[(rows > 360) & (rows < 640)] for rows in at]
    assert np.median(lower_half[1]) - np.median(lower_half[0]) > 200


@pytest.mark.parametrize("number", [1, 2, 40, 41, 500])
def test_any_number_of_epochs_is_drawn(number: int) -> None:
    png = training_curve(epochs(number), number, samples.BASELINES, "t")
    assert count(png, VERMILION) > 50


def test_losses_that_are_not_finite_leave_a_gap() -> None:
    found = [epoch._replace(loss=float("nan")) for epoch in epochs(3)]
    assert count(training_curve(found, 3, (), "t"), BLUE) > 50
    mixed = (*found, epochs(4)[3]._replace(loss=float("inf")), *epochs(2))
    assert count(training_curve(mixed, 3, (), "t"), BLUE) > 50


def test_names_are_drawn_as_they_are_and_not_as_formulas() -> None:
    hostile = r"$\frac{$ \$ 模型 " + samples.HOSTILE * 3  # as a formula it is an error
    with_names = training_curve(epochs(2), 1, ((hostile, 0.5),), hostile)
    assert with_names != training_curve(epochs(2), 1, (("", 0.5),), "")
    runs = [run._replace(student=hostile) for run in samples.runs("saliency-v2", 0.5, 0.6)]
    assert count(ablation_plot(runs), VERMILION) > 20
    assert count(contact_sheet([row(80, 80, name=hostile)]), BLUE) > 100


# -- the contact sheet ----------------------------------------------------------------------------


def test_small_images_are_enlarged_pixel_by_pixel() -> None:
    sheet = pixels(contact_sheet([row(80, 80, prediction=0.5)]))
    assert sheet.shape == (2 * MARGIN + 2 * HEAD + CELL + NAME, 2 * MARGIN + GROUP, 3)
    image, mask, prediction = (cell(sheet, 0, 0, place) for place in range(3))
    assert (image == RED).all()
    assert (mask[:, : CELL // 2] == 255).all()
    assert (mask[:, CELL // 2 :] == 0).all()
    assert (prediction == 128).all()


def test_rows_fill_the_groups_from_left_to_right() -> None:
    found = [row(80, 80, prediction=number / 10) for number in range(5)]
    sheet = pixels(contact_sheet(found))
    width = 2 * MARGIN + 2 * GROUP + BETWEEN
    assert sheet.shape == (2 * MARGIN + 2 * HEAD + 3 * (CELL + NAME), width, 3)
    for number in range(5):
        shown = cell(sheet, number % 2, number // 2, 2)
        assert (shown == round(number * 25.5)).all()
    assert (cell(sheet, 1, 2, 2) == 255).all()
    many = pixels(contact_sheet(found * 3))
    assert many.shape[1] == 2 * MARGIN + 3 * GROUP + 2 * BETWEEN


def test_unequal_images_keep_their_proportions_in_a_common_cell() -> None:
    sheet = pixels(contact_sheet([row(300, 400), row(400, 300), row(40, 20), row(1, 500)]))
    for number, (width, height) in enumerate([(160, 120), (120, 160), (80, 160), (160, 1)]):
        shown = cell(sheet, number % 2, number // 2, 0)
        red = np.argwhere((shown == RED).all(axis=2))
        assert tuple(np.ptp(red, axis=0) + 1) == (height, width)
        ground = ~(shown == RED).all(axis=2)
        assert len({tuple(colour) for colour in shown[ground]}) <= 1


def test_cells_are_no_higher_than_the_images() -> None:
    sheet = pixels(contact_sheet([row(60, 80)] * 2))
    assert sheet.shape[0] == 2 * MARGIN + 2 * HEAD + 120 + NAME
    assert (cell(sheet, 1, 0, 0, height=120) == RED).all()


def test_a_prediction_of_nothing_is_black_and_one_of_everything_white() -> None:
    sheet = pixels(contact_sheet([row(80, 80), row(80, 80, prediction=1.0)]))
    assert (cell(sheet, 0, 0, 2) == 0).all()
    assert (cell(sheet, 1, 0, 2) == 255).all()


def test_errors_lie_over_the_image_in_grey() -> None:
    missed, extra = (pixels(contact_sheet([row(80, 80, prediction=p)])) for p in (0.0, 1.0))
    half = CELL // 2
    assert (cell(missed, 0, 0, 3)[:, :half] == BLUE).all()
    assert (cell(extra, 0, 0, 3)[:, half:] == VERMILION).all()
    for sheet, right in ((missed, True), (extra, False)):
        found = cell(sheet, 0, 0, 3)
        rest = found[:, half:] if right else found[:, :half]
        assert (np.ptp(rest.astype(int), axis=2) == 0).all()
    for sheet in (missed, extra):  # the line that says which is which
        line = sheet[-MARGIN - HEAD :].reshape(-1, 3)
        assert (line == BLUE).all(axis=1).sum() > 100
        assert (line == VERMILION).all(axis=1).sum() > 100


@pytest.mark.parametrize(("change", "left"), [({"name": "b-0007"}, True), ({"iou": 0.9}, False)])
def test_the_name_and_the_iou_stand_below_their_row(change: Any, left: bool) -> None:
    first, second = (pixels(contact_sheet([row(80, 80, **c)])) for c in ({}, change))
    changed = np.argwhere((first != second).any(axis=2))
    assert changed[:, 0].min() > MARGIN + HEAD + CELL
    assert changed[:, 0].max() < MARGIN + HEAD + CELL + NAME
    assert (changed[:, 1] < MARGIN + GROUP // 2).all() == left
    assert changed[:, 1].max() < first.shape[1] - MARGIN


# -- the ablation's plot --------------------------------------------------------------------------


def test_each_seed_is_a_dot_even_where_seeds_are_equal() -> None:
    def blue(*ious: float) -> int:
        shown = pixels(ablation_plot(samples.runs("saliency-v2", *ious))).astype(int)
        return int(((shown[..., 2] - shown[..., 0]) > 60).sum())

    # The dot of the legend is one more than those of the two halves, or of the only one.
    one = blue(0.5) / 2
    assert blue(0.5, 0.5, 0.5) == pytest.approx(7 * one, rel=0.05)


def test_the_left_half_has_all_of_the_range() -> None:
    png = ablation_plot((*samples.runs("a", 0.0, 0.0), *samples.runs("b", 1.0, 1.0)))
    shown = pixels(png)
    left = shown[: shown.shape[0] - 90, : shown.shape[1] // 2]
    columns = np.argwhere((left == VERMILION).all(axis=2))[:, 1]
    assert np.ptp(columns) > 450


def test_one_seed_a_student_is_one_panel_without_means() -> None:
    png = ablation_plot((*samples.runs("a", 0.0), *samples.runs("b", 1.0)))
    assert count(png, VERMILION) == 0
    shown = pixels(png)[:-90].astype(int)
    columns = np.argwhere(shown[..., 2] - shown[..., 0] > 60)[:, 1]
    assert np.ptp(columns) > 1000


@pytest.mark.parametrize("name", [name for name in samples.ABLATIONS if name != "empty"])
def test_every_ablation_is_drawn(name: str) -> None:
    runs = samples.ABLATIONS[name].runs
    students = len({run.student for run in runs})
    shown = pixels(ablation_plot(runs))
    assert shown.shape == (round((2.2 + 0.85 * students) * 120), 1320, 3)


def test_the_enlarged_half_stays_in_the_range_of_the_measure() -> None:
    for ious in ((0.0, 0.001), (0.999, 1.0), (0.0, 1.0), (0.5, 0.5)):
        low, high = pictures._close_range([np.array(ious)])
        assert 0 <= low <= min(ious) <= max(ious) <= high <= 1
        assert high - low >= 0.02


# -- all ------------------------------------------------------------------------------------------


def draw() -> tuple[bytes, bytes, bytes]:
    curve = training_curve(epochs(5), 4, samples.BASELINES, "saliency-v2")
    return curve, contact_sheet([row(80, 80), row(60, 90)]), ablation_plot(samples.ABLATION.runs)


def test_the_same_input_gives_the_same_bytes() -> None:
    assert draw() == draw()


def test_neither_a_display_nor_the_users_own_style_plays_a_part(tmp_path: Path) -> None:
    style = "axes.facecolor: red\nfont.size: 30\nsavefig.dpi: 30\nfigure.dpi: 30\nbackend: tkagg\n"
    (tmp_path / "matplotlibrc").write_text(style, encoding="utf-8")
    code = (
        "import hashlib, sys\n"
        f"sys.path[:0] = [{str(ROOT / 'tests')!r}, {str(ROOT / 'tests/gating')!r}]\n"
        "from test_pictures import draw\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "print(hashlib.sha256(b''.join(draw())).hexdigest())"
    )
    plain, styled = (
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for folder in (ROOT, tmp_path)
    )
    assert plain == styled


def test_nothing_to_draw_is_the_callers_mistake() -> None:
    none: tuple[AblationRun, ...] = ()
    for call in (
        lambda: training_curve((), 1, (), "t"),
        lambda: contact_sheet(()),
        lambda: ablation_plot(none),
    ):
        with pytest.raises(ValueError, match="needs a"):
            call()
