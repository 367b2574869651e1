"""The HTML page: whole, harmless, and it holds the report's data."""

from __future__ import annotations

import re

import numpy as np
import pytest
from support import formats
from support.pages import Page
from support.parity_reports import (
    ALL,
    BOTH_REFUSE,
    CLOSE,
    FAILING,
    NASTY,
    NOTHING,
    PASSING,
    PROVED,
    SUSPECTS,
    UNLOADED,
    UNPROVED,
    VACUOUS,
    trial,
)
from support.sample_runs import HOSTILE

from onnxguard.catalogue import PARITY_RULES
from onnxguard.parity.pictures import PIXELS, png
from onnxguard.parity.report import ParityReport, Picture
from onnxguard.reporters import PARITY_REPORTERS, RenderOptions
from onnxguard.running.difference import Difference


def drawn(output: str, rows: int = 64, columns: int = 96) -> tuple[Picture, ...]:
    """The pictures of an output, as small files that are PNG all the same."""
    image = png(np.zeros((rows, columns, 1), np.uint8), np.zeros((255, 3), np.int64))
    shown = ("reference", 0.25, 0.5), ("model", 0.25, 0.5), ("difference", 0.0, 0.75)
    return tuple(Picture(output, shows, image, low, high) for shows, low, high in shown)


def show(*reports: ParityReport) -> str:
    """Render reports, their pictures real ones."""
    whole = (
        report._replace(pictures=drawn(report.trials[0].differences[0].output))
        if report.trials and report.trials[0].differences
        else report._replace(pictures=())
        for report in reports
    )
    return PARITY_REPORTERS["html"](tuple(whole), RenderOptions())


def without_pictures(*reports: ParityReport) -> str:
    bare = tuple(report._replace(pictures=()) for report in reports)
    return PARITY_REPORTERS["html"](bare, RenderOptions())


def page_of(*reports: ParityReport) -> Page:
    return Page(show(*reports))


def check_html(text: str) -> Page:
    """Assert that a page is whole and harmless."""
    formats.check_document("html", text)
    return Page(text)


@pytest.mark.parametrize("report", ALL, ids=lambda report: report.path[:30])
def test_every_page_is_whole_and_harmless(report: ParityReport) -> None:
    page = check_html(show(report))
    assert f"onnxguard parity: {report.verdict.value.upper()}" in page.text
    for finding in report.findings[:2]:
        rule = PARITY_RULES[finding.code]
        assert f"{finding.severity} {rule.title}" in page.text
        assert finding.message in page.text
        assert rule.why in page.text
        assert finding.hint in page.text
    for remark in report.remarks:
        assert remark in page.text


def test_all_reports_on_one_page() -> None:
    page = check_html(show(*ALL))
    assert "onnxguard parity: ERROR" in page.text
    assert len(page.all("a")) == len(page.all("article")) == len(ALL)


def test_no_report_at_all() -> None:
    page = check_html(show(*NOTHING))
    assert "onnxguard parity: ERROR" in page.text
    assert "Nothing was checked." in page.text


def test_names_are_shown_as_they_are() -> None:
    page = check_html(show(NASTY))
    assert page.text.count(HOSTILE) > 60
    assert any(HOSTILE in image["alt"] for image in page.all("img"))


def test_markup_in_names_is_text() -> None:
    name = '</code><script>alert(1)</script><img src=x onerror="f()">&lt;##vso[x]\'{'
    output = CLOSE._replace(output=name, message=name, expected=name, actual=name)
    report = PASSING._replace(path=name, reference=name, remarks=(name,))
    report = report._replace(trials=(trial(name, 64, output),))
    page = check_html(show(report))
    assert page.text.count(name) >= 6


def test_the_verdict_comes_first_and_in_words() -> None:
    text = page_of(FAILING).text
    said = "models/scaled.onnxDiffers from student:saliency-v2 by up to 0.0016 where 1e-05 is"
    assert said in text
    assert text.index(said) < text.index("Findings") < text.index("3 trials, output")


def test_trials_in_a_table() -> None:
    page = page_of(FAILING)
    assert "large, seed 0input 1x3x64x960.00160.00085846,505,6464,612 of 6,144" in page.text
    assert "noise, seed 0input 1x3x64x964.2e-072.4e-07230 of 6,144" in page.text
    said = "saliency_map is beyond, at [0, 0, 87, 110]: 0.5073251 instead of 0.50570697"
    assert f"large, seed 0, input 1x3x64x96: {said}" in page.text
    assert {"class": "fail"} in page.all("span")


def test_a_refusal_says_who_and_why() -> None:
    text = page_of(BOTH_REFUSE).text
    assert "input 1x3x100x100: both sides refuse it; the graph says: Axis 2: 25 and 24" in text
    assert "No node was run alone: nothing was compared." in text


def test_findings_of_one_rule_are_explained_once() -> None:
    text = page_of(SUSPECTS).text
    assert text.count("OP401 node-differs") == 1
    assert text.count(PARITY_RULES["OP401"].why) == 1
    assert text.count("alone: ") == 2


def histogram(*differences: Difference, atol: float = 1e-5) -> list[str]:
    """The rows of the histogram."""
    found = (difference._replace(tolerance=atol) for difference in differences)
    report = PASSING._replace(trials=(trial("noise", 64, *found),))
    text = without_pictures(report)
    table = re.search(r'<table class="errors">.*?</table>', text, re.DOTALL)
    assert table
    rows = re.findall(r"<tr class=.*?</tr>", table.group(), re.DOTALL)
    kinds = [str(re.findall(r'class="(\w+)"', row)[0]) for row in rows]
    return [f"{kind}: {Page(row).text}" for kind, row in zip(kinds, rows, strict=True)]


def test_elements_are_counted_by_decade_and_the_tolerance_stands_between() -> None:
    assert histogram(CLOSE._replace(decades=((-7, 5), (-5, 1234)))) == [
        "within: equal1,529",
        "within: 1e-07 to 1e-065",
        "within: 1e-06 to 1e-050",
        "tolerance: allowed: 1e-05",
        "above: 1e-05 to 1e-041,234",
    ]


def test_a_tolerance_within_a_decade() -> None:
    rows = histogram(CLOSE._replace(decades=((-4, 3),)), atol=2e-5)
    assert rows == [
        "within: equal1,529",
        "within: 1e-05 to 1e-040",
        "tolerance: allowed: 2e-05, within the decade above this line",
        "above: 1e-04 to 1e-033",
    ]


def test_decades_far_from_the_tolerance_are_taken_together() -> None:
    rows = histogram(CLOSE._replace(decades=((-300, 1), (-40, 2), (-11, 4), (3, 8), (300, 16))))
    assert rows[1] == "within: below 1e-107"
    assert rows[-1] == "above: 1e+03 and more24"
    assert len(rows) == 17


def test_a_tolerance_of_nothing() -> None:
    rows = histogram(CLOSE._replace(decades=((-7, 5),)), atol=0.0)
    assert rows == ["within: equal1,529", "tolerance: allowed: 0", "above: 1e-07 to 1e-065"]


def test_bars_are_logarithmic_and_every_element_shows() -> None:
    text = without_pictures(
        PASSING._replace(
            trials=(trial("noise", 64, CLOSE._replace(exact=0, decades=((-9, 1), (-8, 999999)))),)
        )
    )
    assert re.findall(r'class="bar" style="width:([\d.]+)%"', text) == ["5.0", "100.0"]


def test_no_histogram_of_what_has_no_distance() -> None:
    assert "Differences by decade" in page_of(PASSING).text
    integers = CLOSE._replace(percentiles=(), decades=(), exact=6144)
    only = PASSING._replace(trials=(trial("noise", 64, integers),))
    assert "Differences by decade" not in page_of(only).text


def test_the_referee_in_words_and_numbers() -> None:
    text = page_of(FAILING).text
    assert "is an error, not rounding" in text
    assert "large, seed 0input 1x3x64x96saliency_map2.3e-060.0016" in text


def test_nodes() -> None:
    text = page_of(SUSPECTS).text
    assert "29 of 34 nodes compared" in text
    assert "Not compared: /up1/Resize, /up2/Resize" in text
    assert "/enc3b/enc3b.0/ConvConvenc3b.10.00931e-05" in text
    assert "At fault may also be node 10 (Mul), node 11 (Sub)" in text
    assert "The one nearest to its tolerance/enc2a" not in text
    passing = page_of(PASSING).text
    assert "The one nearest to its tolerance" in passing
    assert "/enc2a/enc2a.0/ConvConv" in passing


def test_proof() -> None:
    text = page_of(PROVED).text
    assert "Of 60 graphs damaged on purpose, 58 were noticed (96.7%; at least 90% must be)." in text
    assert "weight rounded to float162830" in text
    assert "weight rounded to float16, at /enc1a/enc1a.0/Conv" in text
    assert text.count("weight rounded to float16") == 3
    assert page_of(UNPROVED).text.count("kernel flipped") == 31
    assert "Is damage noticed?" not in page_of(PASSING).text


def test_identity() -> None:
    text = page_of(PROVED).text
    for fact in (
        "a" * 64,
        "External data, SHA-256" + "e" * 64,
        "Inputs, SHA-256" + "f" * 64,
        "CUDAExecutionProvider, CPUExecutionProvider",
        "CUDAExecutionProvider 30, CPUExecutionProvider 4",
        "onnxruntime 1.31.1",
        "8, 17",
        "Linux x86_64, Python 3.11.7",
    ):
        assert fact in text
    assert "What was compared" not in page_of(UNLOADED).text


def test_pictures_side_by_side() -> None:
    page = page_of(FAILING)
    assert [image["alt"] for image in page.all("img")] == [
        "reference of saliency_map, 0.25 (black) to 0.5 (white)",
        "graph of saliency_map, 0.25 (black) to 0.5 (white)",
        "difference of saliency_map, 0 (black) to 0.75 (red, yellow, white)",
    ]
    assert {(image["width"], image["height"]) for image in page.all("img")} == {("96", "64")}
    assert "The trial with the largest difference, large, seed 0." in page.text
    assert "elements" not in "".join(image["alt"] for image in page.all("img"))


def test_a_ring_around_the_largest_difference() -> None:
    far = CLOSE._replace(index=(0, 0, 16, 24))
    (ring,) = (
        span
        for span in page_of(PASSING._replace(trials=(trial("noise", 64, far),))).all("span")
        if span.get("class") == "ring"
    )
    assert ring["style"] == "left:25.52%;top:25.78%"


def test_no_ring_where_the_largest_difference_is_not_in_the_picture() -> None:
    for other in (
        CLOSE._replace(shape=(2, 1, 64, 96), index=(1, 0, 16, 24)),
        CLOSE._replace(largest=0.0, index=(0, 0, 0, 0)),
    ):
        page = page_of(PASSING._replace(trials=(trial("noise", 64, other),)))
        assert not any(span.get("class") == "ring" for span in page.all("span"))
    first = CLOSE._replace(shape=(2, 1, 64, 96), index=(1, 0, 16, 24))
    text = page_of(PASSING._replace(trials=(trial("noise", 64, first),))).text
    assert "Item 0 of 2; the largest difference is in item 1." in text


def test_a_pixel_that_stands_for_many_elements_says_so() -> None:
    large = CLOSE._replace(shape=(1, 1, 2 * PIXELS, 3 * PIXELS - 1), index=(0, 0, 1, 1))
    report = PASSING._replace(
        trials=(trial("noise", 64, large),),
        pictures=drawn("saliency_map", 683, PIXELS),
    )
    text = PARITY_REPORTERS["html"]((report,), RenderOptions())
    alts = [image["alt"] for image in check_html(text).all("img")]
    assert [alt.rpartition("; ")[2] for alt in alts] == [
        "a pixel is the mean of 3x3 elements",
        "a pixel is the mean of 3x3 elements",
        "a pixel is the largest of 3x3 elements",
    ]


def test_a_picture_of_one_value() -> None:
    flat = tuple(picture._replace(low=1.0, high=1.0) for picture in drawn("saliency_map"))
    text = PARITY_REPORTERS["html"]((VACUOUS._replace(pictures=flat),), RenderOptions())
    assert "reference: 1 everywhere" in Page(text).text


def test_no_control_is_dead() -> None:
    text = show(*ALL)
    for tag in ("button", "input", "select", "details", "form", "script"):
        assert f"<{tag}" not in text
