"""The page of a difference in a real browser: one node in two graphs and in a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support import html_samples as samples
from support.browser import PHONE, chromium, contrast, opened
from support.diff_samples import difference
from support.patience import until

from onnxguard.reporters import DIFFERENCE_REPORTERS, RenderOptions

NARROW = {"viewport": PHONE, "has_touch": True}
MODELS = [(samples.MODELS / f"saliency_{v}.onnx").read_bytes() for v in ("v1", "v2")]
HEIGHTS = "all => all.map(svg => Math.round(svg.getBoundingClientRect().height))"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about two students, of which one enlarges in another way."""
    file = tmp_path_factory.mktemp("difference") / "page.html"
    text = DIFFERENCE_REPORTERS["html"](difference(*MODELS), RenderOptions())
    file.write_text(text, encoding="utf-8")
    return file


def side(page: Page, name: str) -> Locator:
    return page.locator(".side", has_text=f"{name}.onnx").locator(".drawing")


def box(page: Page, name: str, shown: str) -> Locator:
    return side(page, name).locator(f'.box:has(text:text-is("{shown}"))')


def row(page: Page, name: str) -> Locator:
    return page.locator("td a", has_text=name).first


@pytest.mark.parametrize("how", [{}, NARROW], ids=["wide", "phone"])
def test_a_row_shows_its_node_in_both_graphs(
    browser: Browser, page_file: Path, how: dict[str, object]
) -> None:
    with opened(browser, page_file, **how) as page:
        row(page, "/Concat_2").click()
        chosen = page.locator("svg .chosen")
        expect(chosen).to_have_count(2)
        for name in ("old", "new"):
            expect(side(page, name).locator(".chosen > rect")).to_be_in_viewport(ratio=1)
            line = page.locator(".side", has_text=f"{name}.onnx").locator(".status")
            expect(line).to_contain_text('"/Concat_2"')
            expect(line).to_contain_text("~ changed: input 0")
        row(page, "/up2/Resize").click()
        expect(chosen).to_have_count(1)
        expect(chosen.locator("rect")).to_be_in_viewport(ratio=1)
        expect(page.locator(".side", has_text="old.onnx").locator(".status")).to_be_empty()


def test_a_node_shows_its_row_and_the_other_graph(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        box(page, "old", "/Concat_1").click()
        expect(row(page, "/Concat_1")).to_be_in_viewport(ratio=1)
        expect(page.locator("tr", has=page.locator(".chosen"))).to_have_count(1)
        expect(side(page, "new").locator(".chosen")).to_contain_text("/Concat_1")
        page.go_back()
        box(page, "new", "/head/Conv").click()
        expect(page.locator("svg .chosen")).to_have_count(2)
        expect(side(page, "old").locator(".chosen > rect")).to_be_in_viewport(ratio=1)


def test_a_page_begins_with_the_first_change_and_opens_at_any(
    browser: Browser, page_file: Path
) -> None:
    with opened(browser, page_file) as page:
        for name, first in (("old", "/up3/ConvTranspose"), ("new", "/up3/Resize")):
            side(page, name).scroll_into_view_if_needed()
            expect(box(page, name, first)).to_be_in_viewport()
        fragment = row(page, "/Concat_2").get_attribute("href")
    with opened(browser, page_file, str(fragment)) as page:
        expect(page.locator("svg .chosen > rect")).to_have_count(2)
        for rect in page.locator("svg .chosen > rect").all():
            expect(rect).to_be_in_viewport(ratio=1)


def test_both_are_zoomed_and_moved_together(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        svgs = page.locator(".drawing svg")
        full = svgs.evaluate_all(HEIGHTS)
        assert full[0] == full[1]
        page.get_by_role("button", name="Zoom in").click()
        assert svgs.evaluate_all(HEIGHTS) == pytest.approx([full[0] * 1.25] * 2, abs=2)
        page.get_by_role("button", name="Show the whole graph").click()
        for name in ("old", "new"):
            whole = "e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight"
            assert side(page, name).evaluate(whole)
        page.get_by_role("button", name="Show it in full size").click()
        assert svgs.evaluate_all(HEIGHTS) == full
        old, new = side(page, "old"), side(page, "new")
        for moved, other in ((old, new), (new, old)):
            moved.focus()
            before = moved.evaluate("e => e.scrollTop")
            page.keyboard.press("ArrowDown")
            until(lambda other=other, to=before + 60: other.evaluate("e => e.scrollTop") == to)


def test_without_scripts_rows_and_nodes_lead_to_each_other(
    browser: Browser, page_file: Path
) -> None:
    with opened(browser, page_file, java_script_enabled=False) as page:
        expect(page.get_by_role("button")).to_have_count(0)
        row(page, "/up1/Resize").click()
        target = page.locator("svg .box:target")
        expect(target).to_contain_text("+ added")
        expect(target.locator("rect")).to_be_in_viewport()
        target.click()
        expect(page.locator("td a:target")).to_contain_text("/up1/Resize")


def test_one_above_the_other_on_a_phone_and_beside_it_elsewhere(
    browser: Browser, page_file: Path
) -> None:
    for how, stacked in (({}, False), (NARROW, True), ({"viewport": PHONE | {"width": 380}}, True)):
        with opened(browser, page_file, **how) as page:
            old, new = (side(page, name).bounding_box() for name in ("old", "new"))
            assert old
            assert new
            assert (old["y"] + old["height"] <= new["y"]) == stacked
            assert (old["x"] + old["width"] <= new["x"]) == (not stacked)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_can_be_read_and_their_frames_be_told_from_what_is_around(
    browser: Browser, page_file: Path, scheme: str
) -> None:
    with opened(browser, page_file, color_scheme=scheme) as page:
        colors = page.locator(".drawing .box:is(.changed, .added, .removed)").evaluate_all(
            """all => all.map((box) => {
              const style = (part) => getComputedStyle(box.querySelector(part));
              const [rect, mark] = [style("rect"), style(".mark")];
              const around = getComputedStyle(box.closest(".drawing")).backgroundColor;
              return [mark.fill, rect.fill, rect.stroke, around];
            })"""
        )
        assert len(colors) == 18
        for mark, fill, stroke, around in colors:
            assert contrast(mark, fill) >= 4.5
            assert contrast(stroke, around) >= 3
