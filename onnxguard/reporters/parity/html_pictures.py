"""The part of the HTML page that shows image-like outputs side by side."""

from __future__ import annotations

import base64
import struct
from itertools import groupby

from onnxguard.parity.report import ParityReport, Picture
from onnxguard.reporters.kit.html_elements import Markup, code, element, section
from onnxguard.running.difference import Difference

_NAMES = {"reference": "reference", "model": "graph", "difference": "difference"}


def pictures(report: ParityReport) -> Markup:
    """The pictures of each output in a row; a ring marks the largest difference."""
    if not report.pictures:
        return Markup()
    compared = (trial for trial in report.trials if trial.differences)
    worst = max(compared, key=lambda trial: trial.largest)
    differences = {difference.output: difference for difference in worst.differences}
    rows: list[str] = []
    for output, group in groupby(report.pictures, key=lambda picture: picture.output):
        difference = differences[output]
        figures = [_figure(picture, difference) for picture in group]
        rows += [element("h4", code(output)), element("div", *figures, class_="pictures")]
        if len(difference.shape) > 2 and difference.shape[0] > 1:
            item = difference.index[0] if difference.index else 0
            said = f"Item 0 of {difference.shape[0]}; the largest difference is in item {item}."
            rows.append(element("p", said, class_="soft"))
    seed = "" if worst.seed < 0 else f", seed {worst.seed}"
    trial = f"The trial with the largest difference, {worst.profile}{seed}. "
    legend = "The ring is around the largest difference; magenta is NaN or infinite."
    return section("Pictures", element("p", trial, legend, class_="soft"), *rows)


def _figure(picture: Picture, difference: Difference) -> Markup:
    columns, rows = struct.unpack(">II", picture.png[16:24])  # a PNG says its size first
    name, heat = _NAMES[picture.shows], picture.shows == "difference"
    bright = "red, yellow, white" if heat else "white"
    scale = f"{picture.low:.4g} (black) to {picture.high:.4g} ({bright})"
    if picture.low == picture.high:
        scale = f"{picture.low:.4g} everywhere"
    height, width = difference.shape[-2:]
    side = -(-max(height, width) // max(rows, columns))
    if side > 1:
        scale += f"; a pixel is the {'largest' if heat else 'mean'} of {side}x{side} elements"
    image = element(
        "img",
        src=f"data:image/png;base64,{base64.b64encode(picture.png).decode()}",
        alt=f"{name} of {picture.output}, {scale}",
        width=str(columns),
        height=str(rows),
    )
    inside = [Markup(image.removesuffix("</img>"))]
    drawn = difference.index[:1] == (0,) or len(difference.index) == 2
    if heat and difference.largest and drawn:
        y, x = difference.index[-2:]
        place = f"left:{(x + 0.5) / width:.2%};top:{(y + 0.5) / height:.2%}"
        inside.append(element("span", class_="ring", style=place))
    frame = element("div", *inside, class_="frame")
    caption = element("figcaption", element("strong", name), f": {scale}")
    return element("figure", frame, caption)
