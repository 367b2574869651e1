"""A document in its three renderings: what is in it is in each, and text fits every width."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import formats
from support.conformance_samples import samples as conformances
from support.diff_samples import PAIRS, sample
from support.pages import Page
from support.parity_reports import ALL
from support.sample_runs import CLEAN, STUDENT, UNVERIFIED, WAIVED
from support.training_records import ABLATIONS, CARDS, EVALUATIONS

from onnxguard import reporters
from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.reporters.kit import html, markdown, text
from onnxguard.reporters.kit.blocks import Bar, Bars, Drawn, Image, Items, Listing
from onnxguard.reporters.kit.checks import SCAN
from onnxguard.reporters.kit.document import (
    Block,
    Document,
    Findings,
    Names,
    Pairs,
    Paragraph,
    Part,
    Section,
    Table,
    kept,
)
from onnxguard.reporters.kit.html_elements import element
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.paint import Paint, uncolored
from onnxguard.reporters.kit.widths import wide
from onnxguard.reporters.kit.words import Code, Marked
from onnxguard.scanning.report import Run

RENDERINGS = {"text": text.render, "markdown": markdown.render, "html": html.render}
HOSTILE = "`a|b` <b>*x*</b> [y](z) ::error::"
FINDING = Finding("OG101", Severity.ERROR, f"finding {HOSTILE}", (Place("route 7", 3, 9),))
BLOCKS: dict[str, Block] = {
    "paragraph": Paragraph(("a word of ours, ", Code(f"paragraph {HOSTILE}"))),
    "items": Items([("item ", Code(f"items {HOSTILE}")), "another item"]),
    "names": Names("Named", [Code(f"names {HOSTILE}"), Code("second")]),
    "names alone": Names("", [Code(f"names alone {HOSTILE}"), Code("second")]),
    "pairs": Pairs([("a pair", Code(f"pairs {HOSTILE}")), ("no pair", "")]),
    "table": Table(("Head", "Number>"), [(Code(f"table {HOSTILE}"), Marked("1,234", "fail"))]),
    "findings": Findings([FINDING], SCAN),
    "bars": Bars([Bar("low", 3), Bar("high", 1, True)], Code(f"bars {HOSTILE}"), (1, "limit 7")),
    "section": Section("Inner", [Paragraph(Code(f"section {HOSTILE}"))], folded=True),
}
PLAIN = RenderOptions()


def report(*blocks: Block, **more: Any) -> Document:
    part = Part(Marked("FAIL", "fail"), Code("thing"), " said", [("figure", "5")], blocks)
    return Document("look", Marked("FAIL", "fail"), "one line", 1.5, (part,))._replace(**more)


def shown(rendering: str, document: Document, **options: Any) -> str:
    """What a reader sees of a document."""
    said = RENDERINGS[rendering](document, PLAIN._replace(**options))
    formats.check_document(rendering, said)
    return Page(said).text if rendering == "html" else said


@pytest.mark.parametrize("rendering", RENDERINGS)
@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_is_in_every_rendering_and_harmless(name: str, rendering: str) -> None:
    said = shown(rendering, report(BLOCKS[name]), width=200)
    message = "finding" if name == "findings" else name
    piped = HOSTILE.replace("|", "\\x7c")  # in a cell of a Markdown table
    assert f"{message} {HOSTILE}" in said or f"{message} {piped}" in said
    for own in ("FAIL", "thing", "aid", "igure", "5", "ne line", "1.5 s"):
        assert own in said


def test_what_one_format_alone_can_show() -> None:
    page = report(Drawn(lambda: element("p", "drawn")), Image("a.png", "a picture"))
    assert "drawn" in shown("html", page)
    assert 'href="a.png"' in html.render(page, PLAIN)
    held = html.render(
        report(Image("a.png", "a picture")), PLAIN._replace(pictures={"a.png": b"x"})
    )
    assert '<img src="data:image/png;base64,eA==" alt="a picture"' in held
    assert "a.png" not in held
    assert "![a picture](a.png)" in markdown.render(page, PLAIN)
    assert "picture" not in shown("text", page)
    program = report(Listing("x = 1\n\ny = [2]", "python"))
    assert "~~~python\nx = 1\n\ny = [2]\n~~~" in markdown.render(program, PLAIN)
    assert "<pre><code>x = 1" in html.render(program, PLAIN)
    assert "  x = 1\n\n  y = [2]\n" in shown("text", program)


def test_details_are_folded_in_markdown_and_left_out_of_text_unless_verbose() -> None:
    document = report(Section("Rare", [Paragraph("a detail")], detail=True, folded=True))
    assert "a detail" not in shown("text", document)
    assert "a detail" in shown("text", document, verbosity=1)
    assert "<summary>Rare</summary>\n\na detail" in shown("markdown", document)
    assert "Rarea detail" in shown("html", document)


def test_an_empty_section_says_its_title() -> None:
    document = report(Section("Inputs: in another order", [], folded=True))
    assert "\nInputs: in another order.\n" in shown("markdown", document)
    for rendering in RENDERINGS:
        assert "Inputs: in another order" in shown(rendering, document)


def test_what_is_cut_is_counted_and_the_heaviest_stay() -> None:
    table = Table(("Row",), [(f"row {n}",) for n in range(60)], "", 3, [n % 50 for n in range(60)])
    assert kept(table, 3) == [47, 48, 49]
    assert kept(table._replace(weights=()), 3) == [0, 1, 2]
    assert "... and 9 more (-v" in shown("text", report(Table(("Row",), [("row",)], more=9)))
    assert "And 9 more." in shown("markdown", report(Table(("Row",), [("row",)], more=9)))
    assert "And 9 more." in shown("html", report(Table(("Row",), [("row",)], more=9)))
    said = shown("text", report(table))
    assert re.findall(r"row (\d+)", said) == ["47", "48", "49"]
    assert "... and 57 more (-v shows all)" in said
    assert "more" not in shown("text", report(table), verbosity=1)
    assert "And 20 more." in shown("markdown", report(table))
    items = report(Items([f"item {n}" for n in range(60)], 10), Names("N", ["x"] * 60, 10))
    assert "... and 50 more (-v shows all)" in shown("text", items)
    assert "x and 50 more" in shown("text", items)
    assert "- and 20 more" in shown("markdown", items)
    assert "more" not in shown("html", items)


def test_several_parts_stand_under_headings_and_in_a_summary() -> None:
    (part,) = report(BLOCKS["paragraph"]).parts
    document = report(parts=(part, part._replace(name=Code("other"))))
    markdown = shown("markdown", document)
    assert "### FAIL: `other`" in markdown
    assert (
        "| Verdict | What | Found | Figure |\n|---|---|---|--:|\n| **FAIL** | `thing` |" in markdown
    )
    assert markdown.count("said") == markdown.count("| 5 |") == 2  # in the summary alone
    assert html.render(document, PLAIN).count("<article") == 2
    assert "One line, 1.5 s" in shown("html", document)
    assert "Nothing was checked." in shown("html", report(parts=()))


def test_parts_of_which_nothing_stands_open_are_a_line_or_folded() -> None:
    rare = Section("Rare", [Paragraph("a detail")], detail=True, folded=True)
    (part,) = report(rare).parts
    figures = [("first", "1"), ("second", Code("2 x")), ("third", "3")]
    clean = part._replace(verdict=Marked("PASS", "pass"), figures=figures, brief=2)
    longer = clean._replace(name=Code("thing that is longer"), blocks=())
    document = report(parts=(clean, longer, part, clean))
    assert shown("text", document).splitlines() == [
        "PASS  thing                 first 1, second 2 x",
        "PASS  thing that is longer  first 1, second 2 x",
        "",
        "FAIL  thing said",
        "      figure 5",
        "",
        "PASS  thing                 first 1, second 2 x",
        "",
        "FAIL: one line, 1.5 s",
    ]
    assert "a detail" in shown("text", document, verbosity=1)
    folds = "\n\n<details><summary>Rare</summary>\n\n`thing`\n\na detail\n\n</details>"
    assert shown("markdown", document).count(folds) == 3
    assert "###" not in shown("markdown", document)


def test_a_long_name_does_not_break_the_lines_of_others() -> None:
    (part,) = report().parts
    figures = [("size", "12.9 KiB"), ("nodes", "31")]
    names = ["a", "日本", "n" * 90, "b" * 50]
    parts = [
        part._replace(verdict=Marked("PASS", "pass"), name=Code(name), figures=figures, brief=2)
        for name in names
    ]
    lines = shown("text", report(parts=parts), width=80).splitlines()
    aligned = 80 - len("PASS    size 12.9 KiB, nodes 31")
    room = {name: " " * (aligned - wide(name) + 2) for name in names}
    assert lines[:6] == [
        f"PASS  a{room['a']}size 12.9 KiB, nodes 31",
        f"PASS  日本{room['日本']}size 12.9 KiB, nodes 31",
        f"PASS  {'n' * 90}  size",
        "        12.9 KiB, nodes 31",
        f"PASS  {'b' * 50}  size 12.9 KiB, nodes",
        "        31",
    ]


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_what_holds_for_the_whole_is_in_every_rendering(rendering: str) -> None:
    remarks = Paragraph(Code(f"less {HOSTILE}"), "error"), Paragraph("also", "soft")
    document = report(remarks=remarks, blocks=[Section("Filed", [Items(["for ever"])])])
    said = shown(rendering, document)
    for words in (f"less {HOSTILE}", "also", "Filed", "for ever"):
        assert words in said
    if rendering == "text":
        assert shown("text", document, verbosity=-1) == f"thing said\nless {HOSTILE}\n"


def test_a_title_takes_the_place_of_the_command() -> None:
    document = report(Section("Use", [Paragraph("words")]), title=Code("student"))
    said = shown("markdown", document)
    assert said.startswith("# `student`\n\n**FAIL**: one line, 1.5 s.\n")
    assert "\n## Use\n" in said


# -- width ----------------------------------------------------------------------------------------

EVERY = [
    *((reporters.DIFFERENCE_REPORTERS, sample(name)) for name in PAIRS if name != "hostile"),
    *((reporters.PARITY_REPORTERS, (one,)) for one in ALL[:-1]),
    (reporters.CONFORMANCE_REPORTERS, conformances()["list"]),
    *((reporters.CARD_REPORTERS, one) for name, one in CARDS.items() if name != "hostile"),
    *((reporters.EVALUATION_REPORTERS, o) for n, o in EVALUATIONS.items() if n != "hostile"),
    *((reporters.ABLATION_REPORTERS, o) for n, o in ABLATIONS.items() if n != "hostile"),
    (reporters.REPORTERS, Run((STUDENT, CLEAN, WAIVED, UNVERIFIED))),
]
CODE = re.compile("    (import|from|image|width|mean|pixels|session|feed|saliency)")


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("verbosity", [0, 1])
def test_text_fits_the_width_but_for_words_that_are_longer(width: int, verbosity: int) -> None:
    for found, result in EVERY:
        options = RenderOptions(width=width, verbosity=verbosity)
        for line in found["text"](result, options).splitlines():
            *_, last = line.split(" ")
            long = len(line) - len(last) < width / 2 and len(last) > width / 2
            assert len(line) <= width or long or CODE.match(line), line


words = st.text(st.sampled_from("ab模- "), max_size=12)


@given(st.lists(st.tuples(words, words, st.integers(0, 10**9)), min_size=1), st.integers(40, 120))
def test_a_table_is_never_broken(rows: list[tuple[str, str, int]], width: int) -> None:
    """Columns stand where they stand in every line, and nothing of a cell is lost."""
    cells = [[first.split(" "), second.split(" "), [str(third)]] for first, second, third in rows]
    lines = Paint(False, width).table(("First", "Second", "Number>"), cells, "  ")
    assert all(wide(line) <= width for line in lines)
    kept_letters = "".join("".join(line.split()) for line in lines)
    for cell in (cell for row in cells for cell in row):
        for word in cell:
            assert all(kept_letters.count(char) >= word.count(char) for char in word)
    if lines[0].startswith("  First"):  # where there is no room for columns, rows are lists
        numbers = [line for line in lines[1:] if line.rstrip()[-1:].isdigit()]
        assert len({wide(line) for line in numbers}) <= 1


@given(st.lists(st.lists(words, min_size=3, max_size=3), min_size=1), st.integers(40, 120))
def test_colours_do_not_move_columns(rows: list[list[str]], width: int) -> None:
    def table(color: bool) -> list[str]:
        paint = Paint(color, width)
        cells = [[[paint(w, "fail") for w in cell.split(" ")] for cell in row] for row in rows]
        return paint.table(("One", "", "Three"), cells, "    ")

    assert [uncolored(line) for line in table(True)] == table(False)


def test_a_row_that_is_far_too_long_is_a_list() -> None:
    rows = [[["a"], ["b"], ["c"]], [["first"], ["word"] * 60, ["end"]]]
    lines = Paint(False, 60).table(("One", "Two", "Three"), rows, "  ")
    assert lines[:3] == ["  One  Two  Three", "  a    b    c", f"  first: Two{' word' * 9}"]
    assert lines[-1].endswith("word, Three end")
    wide_heads = Paint(False, 40).table([f"Column{n}>" for n in range(9)], [[["1"]] * 9], "")
    assert wide_heads[0].startswith("1: Column1 1, Column2 1,")
