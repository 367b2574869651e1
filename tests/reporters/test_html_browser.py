"""The HTML page in a real browser: by mouse, by keyboard, on a phone, in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support import html_samples as samples
from support import protobuf as pb
from support.browser import PHONE, chromium, contrast, luminance, opened
from support.conformance_samples import samples as conformances
from support.diff_samples import PAIRS, sample
from support.parity_reports import ALL
from support.patience import until
from support.protobuf import graph, node
from support.target_goldens import matrix
from support.training_records import ABLATIONS, CARDS, EVALUATIONS

from onnxguard import reporters
from onnxguard.reporters import REPORTERS, RenderOptions
from onnxguard.scanning.outlines import outlined
from onnxguard.scanning.report import Run
from onnxguard.scanning.scan import scan

NAMES = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "javascript:document.title='owned'",
    "\N{RIGHT-TO-LEFT OVERRIDE}xnno.",
    "A" * 10_000,
    "模型/卷积层/输出",
)
NARROW = {"viewport": PHONE, "has_touch": True}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def write(folder: Path, *paths: Path) -> Path:
    """The page about some models, judged by the stricter list."""
    names = [str(path) for path in paths]
    reports = tuple(scan(name, "pre-adr-0258") for name in names)
    run = outlined(Run(reports), names)
    shown = [report._replace(path=Path(report.path).name) for report in run.reports]
    file = folder / "report.html"
    file.write_text(REPORTERS["html"](Run(tuple(shown)), RenderOptions()), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about models that pass, fail, nest graphs, call functions and are none."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "pointer.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    (folder / "nested.onnx").write_bytes(samples.nested(3))
    (folder / "functions.onnx").write_bytes(samples.with_functions())
    models = ("int8", "looping", "saliency_v1", "saliency_v2")
    more = [folder / f"{name}.onnx" for name in ("pointer", "nested", "functions")]
    return write(folder, *(samples.MODELS / f"{name}.onnx" for name in models), *more)


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about a model whose every name is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    nodes = [
        node(name, "x" if index == 0 else f"t{index - 1}", f"t{index}", name=name)
        for index, name in enumerate(NAMES)
    ]
    inputs = [pb.value("x"), *(pb.value(name) for name in NAMES)]
    metadata = [pb.entry(name, name) for name in NAMES]
    path = folder / "<b onmouseover=alert(1)>.onnx"
    path.write_bytes(pb.model(graph(*nodes, input=inputs), metadata_props=metadata))
    return write(folder, path)


def shown(page: Page) -> list[str]:
    """The models in the table that can be seen, in order."""
    rows = page.locator("#model-table tbody tr:visible th")
    return [text.removeprefix("Model: ") for text in rows.all_inner_texts()]


def test_sorted_by_a_click_and_by_a_key(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        urgent = ["pointer", "int8", "saliency_v2", "nested", "functions", "looping", "saliency_v1"]
        assert shown(page) == [f"{name}.onnx" for name in urgent]
        page.get_by_role("button", name="Nodes").click()
        assert shown(page)[:3] == ["saliency_v2.onnx", "saliency_v1.onnx", "nested.onnx"]
        head = page.get_by_role("columnheader", name="Nodes")
        expect(head).to_have_attribute("aria-sort", "descending")
        page.keyboard.press("Enter")
        assert shown(page)[-1] == "saliency_v2.onnx"
        expect(head).to_have_attribute("aria-sort", "ascending")
        page.get_by_role("button", name="Model", exact=True).focus()
        page.keyboard.press("Space")
        assert shown(page) == sorted(shown(page))
        assert page.locator("[aria-sort]").count() == 1


def test_filtered_by_text_and_by_verdict(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        status = page.get_by_role("status")
        expect(status).to_have_text("7 of 7 shown")
        page.get_by_role("searchbox", name="Show models with").fill("SALIENCY onnx")
        assert shown(page) == ["saliency_v2.onnx", "saliency_v1.onnx"]
        expect(status).to_have_text("2 of 7 shown")
        page.get_by_role("button", name="Passed 2").click()
        assert shown(page) == ["saliency_v1.onnx"]
        page.get_by_role("searchbox").fill("")
        assert shown(page) == ["looping.onnx", "saliency_v1.onnx"]
        pressed = page.locator("button[aria-pressed=true]")
        expect(pressed).to_have_text("Passed 2")
        page.get_by_role("button", name="All 7").click()
        assert len(shown(page)) == 7


def test_of_many_models_those_that_passed_are_hidden_first(
    browser: Browser, tmp_path: Path
) -> None:
    models = [samples.MODELS / f"{name}.onnx" for name in ("saliency_v1", "int8")]
    passed, failed = (scan(str(path), "pre-adr-0258") for path in models)
    many = [passed._replace(path=f"m{number}.onnx") for number in range(200)]
    file = tmp_path / "many.html"
    for count, first in ((201, ["bad.onnx"]), (200, ["bad.onnx", *(m.path for m in many[:199])])):
        run = Run((*many[: count - 1], failed._replace(path="bad.onnx")))
        file.write_text(REPORTERS["html"](run, RenderOptions()), encoding="utf-8")
        with opened(browser, file) as page:
            assert shown(page) == first
            expect(page.get_by_role("status")).to_have_text(f"{len(first)} of {count} shown")
            page.get_by_role("button", name=f"All {count}").click()
            assert len(shown(page)) == count


def test_the_filter_filters_findings_and_operators_too(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        findings = page.locator("section", has=page.get_by_role("heading", name="Findings"))
        operators = page.get_by_role("region", name="Operators by model").locator(
            "tbody tr:visible"
        )
        resize = page.locator("tr", has_text="Resize is not on the allowlist").first
        search = page.get_by_role("searchbox")
        expect(operators).to_have_count(6)  # one model could not be read
        search.fill("saliency")
        expect(operators).to_have_count(2)
        expect(resize).to_be_visible()
        assert findings.first.locator("tbody tr:visible").count() == 1
        search.fill("int8")
        expect(resize).to_be_hidden()
        assert findings.first.locator("tbody tr:visible").count() == 2
        search.fill("looping")
        expect(findings.first).to_be_hidden()
        expect(operators).to_have_count(1)
        search.fill("")
        expect(resize).to_be_visible()
        expect(operators).to_have_count(6)


def test_a_rules_code_leads_to_what_it_means(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        page.get_by_role("link", name="error OG101 operator-not-allowed").first.click()
        expect(page.locator("#rule-og101")).to_be_in_viewport()
        expect(page.locator("#models")).to_be_visible()


def test_a_model_is_opened_by_keyboard_and_left_again(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        expect(page.locator("article:visible")).to_have_count(0)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the models")).to_be_focused()
        page.get_by_role("link", name="saliency_v2.onnx").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("article:visible")).to_have_attribute("id", "model-4")
        expect(page.locator("#models")).to_be_hidden()
        page.keyboard.press("Tab")  # from here on
        expect(page.get_by_role("link", name="All models").locator("visible=true")).to_be_focused()
        page.go_back()
        expect(page.locator("#models")).to_be_visible()
        expect(page.locator("article:visible")).to_have_count(0)
        page.go_forward()
        page.locator("article:visible").get_by_role("link", name="Next").click()
        expect(page.locator("article:visible")).to_have_attribute("id", "model-6")
        page.locator("article:visible").get_by_role("link", name="All models").click()
        expect(page.locator("#models")).to_be_visible()


def test_from_a_finding_to_its_node_and_back(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, "#model-4") as page:
        article = page.locator("#model-4")
        article.get_by_role("link", name='graph/node 30 "/up1/Resize"', exact=True).click()
        box = article.locator("svg .box:target")
        expect(box).to_contain_text("Resize")
        expect(box).to_be_in_viewport()
        expect(article).to_be_visible()
        box.click()
        expect(page.locator(".finding:target h4")).to_have_text("error OG101 operator-not-allowed")
        expect(page.locator(".finding:target")).to_be_in_viewport()


def test_every_box_can_have_the_focus_and_then_tells_about_itself(
    browser: Browser, page_file: Path
) -> None:
    with opened(browser, page_file, "#model-2") as page:
        count = page.locator("#model-2 .drawing svg .box").count()
        assert count == 18
        page.locator("#model-2 .drawing").focus()
        seen = []
        for _ in range(count):
            page.keyboard.press("Tab")
            seen.append(page.evaluate("document.activeElement.querySelector('title').textContent"))
        assert len(set(seen)) == count
        loop = next(text for text in seen if text.startswith("Loop"))
        page.locator("#model-2 .drawing svg .box").nth(seen.index(loop)).focus()
        assert page.locator("#model-2 .status").inner_text() == loop
        assert 'at graph/If_2.then_branch/node 1 "loop"' in loop


def test_nested_graphs_lie_inside_their_nodes_on_the_screen(
    browser: Browser, page_file: Path
) -> None:
    with opened(browser, page_file, "#model-2") as page:
        svg = page.locator("#model-2 .drawing svg")

        def rect(name: str, text: str) -> dict[str, float]:
            found = svg.locator(f".{name}", has=page.locator(f"text={text}")).first.bounding_box()
            assert found
            return dict(found)

        outer = [rect("node", "choose"), rect("node", "halve")]
        around, inside = outer
        assert around["x"] < inside["x"]
        assert inside["x"] + inside["width"] < around["x"] + around["width"]
        assert around["y"] < inside["y"]
        assert inside["y"] + inside["height"] < around["y"] + around["height"]


def test_text_fits_its_box(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, "#model-4") as page:
        wide = page.evaluate(
            """() => [...document.querySelectorAll("#model-4 .drawing .box")].filter((box) => {
              const rect = box.querySelector("rect").getBoundingClientRect();
              return [...box.querySelectorAll("text")].some((text) => {
                const own = text.getBoundingClientRect();
                return own.left < rect.left || own.right > rect.right || own.bottom > rect.bottom;
              });
            }).map((box) => box.textContent)"""
        )
        assert wide == []


FITS = "document.documentElement.scrollWidth <= window.innerWidth"


@pytest.mark.parametrize("fragment", ["", "#model-2", "#model-4", "#model-5", "#model-7"])
def test_no_screen_needs_scrolling_sideways(
    browser: Browser, page_file: Path, fragment: str
) -> None:
    with opened(browser, page_file, fragment) as page:
        assert page.evaluate(FITS)
    with opened(browser, page_file, fragment, **NARROW) as page:
        assert page.evaluate(FITS)
        small = page.evaluate(
            """() => [...document.querySelectorAll("p, li, td, th, code")]
              .filter((e) => e.checkVisibility() && !e.closest("svg, .skip, .matrix, .status"))
              .filter((e) => parseFloat(getComputedStyle(e).fontSize) < 12)
              .map((e) => e.textContent)"""
        )
        assert small == []


def test_a_phone_sorts_and_filters_too(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, **NARROW) as page:
        page.get_by_role("button", name="Size").tap()
        assert shown(page)[0] == "saliency_v2.onnx"
        page.get_by_role("button", name="Failed 4").tap()
        assert len(shown(page)) == 4
        assert page.evaluate(FITS)


def test_hostile_names_do_nothing_and_are_shown(browser: Browser, hostile_file: Path) -> None:
    for width in ({}, NARROW):
        with opened(browser, hostile_file, **width) as page:
            assert page.title() == "onnxguard: FAIL"
            expect(page.get_by_text("<b onmouseover=alert(1)>.onnx").first).to_be_visible()
            page.locator("#model-table a").first.click()
            assert page.evaluate(FITS)
            text = page.locator("#model-1").inner_text()
            for name in (NAMES[0], NAMES[1], NAMES[2], r"\u202exnno.", "A" * 200, NAMES[5]):
                assert name in text
            for box in page.locator("#model-1 .drawing .box").all()[:4]:
                box.hover()
            assert page.locator("img, b, script:not(body > script)").count() == 0
            assert page.title() == "onnxguard: FAIL"


def test_without_scripts_everything_can_be_read(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, java_script_enabled=False) as page:
        assert len(shown(page)) == 7
        expect(page.get_by_role("button")).to_have_count(0)
        expect(page.get_by_role("searchbox")).to_have_count(0)
        page.get_by_role("link", name="saliency_v2.onnx").first.click()
        expect(page.locator("article:visible")).to_have_attribute("id", "model-4")
        expect(page.locator("#models")).to_be_hidden()
        article = page.locator("#model-4")
        expect(article.get_by_text("Resize is not on the allowlist pre-adr-0258")).to_be_visible()
        drawing = article.locator(".drawing")
        drawing.hover()
        page.mouse.wheel(0, 200)  # without the script it scrolls by itself
        until(lambda: page.evaluate("document.querySelector('#model-4 .drawing').scrollTop > 0"))


WHOLE = "e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight"
SCROLLED = "e => [e.scrollLeft, e.scrollTop]"


def test_a_graph_is_fitted_and_zoomed_by_buttons_and_keys(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "fan.onnx").write_bytes(samples.fan(60))
    with opened(browser, write(tmp_path, tmp_path / "fan.onnx"), "#model-1") as page:
        drawing = page.locator("#model-1 .drawing")
        assert not drawing.evaluate(WHOLE)
        left, first = drawing.bounding_box(), drawing.locator(".box").first.bounding_box()
        assert left
        assert first
        assert abs(first["x"] + first["width"] / 2 - left["x"] - left["width"] / 2) < 40
        page.get_by_role("button", name="Show the whole graph").click()
        assert drawing.evaluate(WHOLE)
        width = "e => e.querySelector('svg').getBoundingClientRect().width"
        fitted = drawing.evaluate(width)
        page.get_by_role("button", name="Zoom in").click()
        assert drawing.evaluate(width) == pytest.approx(1.25 * fitted)
        drawing.focus()
        page.keyboard.press("-")
        assert drawing.evaluate(width) == pytest.approx(fitted)
        page.keyboard.press("1")
        assert not drawing.evaluate(WHOLE)
        page.keyboard.press("0")
        assert drawing.evaluate(WHOLE)


def test_a_graph_is_moved_by_mouse_and_arrows_and_the_wheel_scrolls_the_page(
    browser: Browser, page_file: Path
) -> None:
    with opened(browser, page_file, "#model-4") as page:
        drawing = page.locator("#model-4 .drawing")
        drawing.focus()
        page.keyboard.press("ArrowDown")
        assert drawing.evaluate(SCROLLED)[1] == 60
        box = drawing.bounding_box()
        assert box
        page.mouse.move(box["x"] + 300, box["y"] + 300)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, box["y"] + 200)
        page.mouse.up()
        assert drawing.evaluate(SCROLLED)[1] == 160
        expect(page.locator("#model-4")).to_be_visible()  # no link was followed
        before = page.evaluate("scrollY")
        page.mouse.wheel(0, 120)
        until(lambda: page.evaluate(f"scrollY === {before + 120}"))
        assert drawing.evaluate(SCROLLED)[1] == 160
        page.keyboard.down("Control")
        page.mouse.wheel(0, 120)
        page.keyboard.up("Control")
        svg = "document.querySelector('#model-4 .drawing svg')"
        until(lambda: page.evaluate(f"{svg}.height.baseVal.value < {svg}.viewBox.baseVal.height"))
        assert page.evaluate("scrollY") == before + 120


def test_what_has_the_focus_is_not_hidden(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, "#model-4") as page:
        boxes = page.locator("#model-4 .drawing svg .box")
        page.locator("#model-4 .drawing").focus()
        for number in range(boxes.count()):
            page.keyboard.press("Tab")
            hidden = page.evaluate(
                """() => {
                  const box = document.activeElement.querySelector("rect").getBoundingClientRect();
                  const top = document.elementFromPoint(box.x + 4, box.bottom - 4);
                  return top?.closest(".box") !== document.activeElement;
                }"""
            )
            assert not hidden, number


def test_a_models_row_on_a_phone_takes_two_lines(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, **NARROW) as page:
        row = page.locator("#model-table tbody tr", has_text="saliency_v2.onnx")
        assert row.evaluate("row => row.getBoundingClientRect().height < 80")  # three take 88
        assert row.locator("[data-unit]").evaluate_all("all => all.map(e => e.dataset.unit)") == [
            "error",
            "warnings",
            "nodes",
        ]


def documents() -> Iterator[tuple[str, str]]:
    """A page of every kind of report but a scan's."""
    kinds = {
        "parity": (reporters.PARITY_REPORTERS, [(one._replace(pictures=()),) for one in ALL]),
        "difference": (reporters.DIFFERENCE_REPORTERS, [sample(name) for name in PAIRS]),
        "conformance": (reporters.CONFORMANCE_REPORTERS, conformances().values()),
        "card": (reporters.CARD_REPORTERS, CARDS.values()),
        "evaluation": (reporters.EVALUATION_REPORTERS, EVALUATIONS.values()),
        "ablation": (reporters.ABLATION_REPORTERS, ABLATIONS.values()),
        "targets": (reporters.TARGET_REPORTERS, [matrix()]),
    }
    for kind, (found, results) in kinds.items():
        for number, result in enumerate(results):
            yield f"{kind} {number}", found["html"](result, RenderOptions())


def test_no_report_scrolls_sideways_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    for name, text in documents():
        file.write_text(text, encoding="utf-8")
        with opened(browser, file, **NARROW) as page:
            assert page.evaluate(FITS), name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_contrast_enough(browser: Browser, page_file: Path, scheme: str) -> None:
    pairs = """() => {
      const all = "body, a:not(.box), code, .badge, .hint, button, h4, dt, td.error, .box text";
      const seen = [...document.querySelectorAll(all)].filter((e) => e.checkVisibility());
      return seen.map((e) => {
        const style = getComputedStyle(e);
        const rect = e.closest(".box")?.querySelector("rect");
        if (rect) return [style.fill, getComputedStyle(rect).fill, e.textContent];
        let behind = e;
        while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)")
          behind = behind.parentElement;
        return [style.color, getComputedStyle(behind).backgroundColor, e.textContent];
      });
    }"""
    for fragment in ("", "#model-4"):
        with opened(browser, page_file, fragment, color_scheme=scheme) as page:
            found = page.evaluate(pairs)
            assert len(found) > 40
            for color, behind, text in found:
                assert contrast(color, behind) >= 4.5, (color, behind, text)
            dark = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor")) < 0.1
            assert dark == (scheme == "dark")


def test_printed_without_controls(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, "#model-4", color_scheme="dark") as page:
        page.emulate_media(media="print")
        assert luminance(page.locator("h2").first.evaluate("e => getComputedStyle(e).color")) < 0.1
        expect(page.locator("#model-4 .crumbs")).to_be_hidden()
        expect(page.locator("#model-4 .drawing svg")).to_be_visible()
        assert page.locator("#model-4 .drawing").evaluate("e => e.scrollHeight === e.clientHeight")
