"""The HTML page of a scan: whole, harmless, and it holds what the run holds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import formats
from support import html_samples as samples
from support.command import run
from support.pages import Page
from support.sample_runs import (
    CLEAN,
    HOSTILE,
    NOTHING,
    RESIZE,
    SINGLE,
    STUDENT,
    UNVERIFIED,
    WARNED,
    at,
)

from onnxguard.catalogue import RULES
from onnxguard.model.outline import Outline
from onnxguard.reporters import REPORTERS, RenderOptions
from onnxguard.reporters.kit.html_marks import marks
from onnxguard.reporters.scan import (
    html as scan_html,
)
from onnxguard.reporters.scan import (
    html_index as scan_html_index,
)
from onnxguard.reporters.scan import (
    html_matrix as scan_html_matrix,
)
from onnxguard.scanning import outlines
from onnxguard.scanning.report import Report, Run, Verdict
from onnxguard.scanning.scan import scan


def render(*reports: Report) -> str:
    return REPORTERS["html"](Run(reports), RenderOptions())


def page_of(*reports: Report) -> Page:
    text = render(*reports)
    formats.check("html", text)
    return Page(text)


def scanned(folder: Path, **models: bytes) -> Run:
    """Scan models by name, and outline them as the command does."""
    paths = []
    for name, data in models.items():
        paths.append(str(folder / f"{name}.onnx"))
        Path(paths[-1]).write_bytes(data)
    return outlines.outlined(Run(tuple(scan(path) for path in paths)), paths)


def part(text: str, anchor: str) -> str:
    """The page of one model."""
    found = re.search(rf'<article class="page" id="{anchor}">.*?</article>', text, re.DOTALL)
    assert found
    return found.group()


def test_verdict_counts_and_findings_come_first() -> None:
    text = page_of(*samples.DRAWN.reports).text
    assert "onnxguard ERROR3 of 5 models passed, 1 failed, 1 not verified; " in text
    assert text.index("Models") < text.index("Findings") < text.index("Operators by model")


def test_a_row_for_each_model_the_urgent_ones_first() -> None:
    page = page_of(*samples.DRAWN.reports)
    rows = [row["data-verdict"] for row in page.all("tr") if "data-verdict" in row]
    assert rows == ["error", "fail", "pass", "pass", "pass"]
    assert "models/student v2.onnxFAILpre-adr-02581037489.6 KiB17" in page.text
    links = [a["href"] for a in page.all("a") if a["href"].startswith("#model-")]
    assert links[:5] == ["#model-5", "#model-2", "#model-3", "#model-4", "#model-1"]


def test_each_finding_once_with_the_models_that_have_it() -> None:
    other = STUDENT._replace(path="models/second.onnx")
    text = page_of(STUDENT, other, WARNED).text
    row = "error OG101 operator-not-allowedResize is not on the allowlist pre-adr-02582"
    assert text.count(row) == 1
    assert f"{row}models/student v2.onnx, models/second.onnx" in text


def test_a_page_for_each_model() -> None:
    page = Page(part(render(*samples.DRAWN.reports), "model-2"))
    for said in (
        "1 error, judged by pre-adr-0258",
        "489.6 KiB",
        "IR8Opset17Nodes37Exported bypytorch 2.11.0Multiply-accumulates1,097,596,928",
        "error OG101 operator-not-allowed",
        RESIZE.message,
        'graph/node 18 "/up3/Resize" bytes [2800..2850)',
        RULES["OG101"].why,
        f"Fix: {RESIZE.hint}",
        "Decision: ADR-0258",
        'graph/node 17 "/up3/Constant"float32[4]16[1, 1, 2, 2]Resize_18',
        "inputfloat32[1,3,height,width]",
        "7 operatorsResize 3 (error), Concat 3,",
    ):
        assert said in page.text
    waived = Page(part(render(*samples.DRAWN.reports), "model-4")).text
    assert "waived OG101" in waived
    assert "Waived because: moves to adr-0258 with the next release" in waived


def test_a_rule_is_explained_once_a_model() -> None:
    findings = tuple(RESIZE._replace(message=f"message {n}") for n in range(3))
    text = Page(part(render(STUDENT._replace(findings=findings)), "model-1")).text
    assert text.count(RULES["OG101"].why) == 1
    assert all(f"message {n}" in text for n in range(3))


def test_a_model_that_was_not_read_has_a_page_without_a_graph() -> None:
    text = Page(part(render(UNVERIFIED), "model-1")).text
    assert "run git lfs pull" in text
    assert "Graph" not in text


def test_operators_by_model_with_what_is_marked() -> None:
    page = page_of(STUDENT, CLEAN)
    text = page.text[page.text.index("Operators by model") :]
    assert "models/student v2.onnx3314310" in text
    assert "3\N{NO-BREAK SPACE}\u2717" in text
    assert {"class": "error", "title": "error"} in page.all("td")


def test_heads_of_one_rank_and_captions_that_begin_large() -> None:
    text = render(*samples.DRAWN.reports)
    index = text[text.index('id="models"') : text.index("<article")]
    titles = re.findall(r"<h(\d)>(.*?)</h\d>", index)
    names = ["Models", "Findings", "Operators by model", "Rules"]
    assert titles == [("2", name) for name in names]
    captions = re.findall(r"<caption>(.)", text)
    assert len(captions) > 3
    assert all(letter.isupper() for letter in captions)


def test_every_rule_that_found_something_is_explained_and_linked() -> None:
    page = page_of(STUDENT, UNVERIFIED)
    for code in ("OG101", "OG002"):
        assert {"id": f"rule-{code.lower()}"} in page.all("div")
        assert f"#rule-{code.lower()}" in [a["href"] for a in page.all("a")]
        assert RULES[code].why in page.text
    assert "Rules" not in page_of(CLEAN).text


def test_legends_show_what_there_is() -> None:
    page = page_of(*samples.DRAWN.reports).text
    assert "node with an error" in page
    assert "with a warning" not in page
    assert "A dashed line" not in page
    assert "are about" not in page_of(CLEAN).text
    evil = page_of(*samples.HARMFUL.reports).text
    assert "A dashed line is read by a graph inside the node." in evil
    plain = page_of(CLEAN._replace(outline=samples.SMALL)).text
    assert "Constant node" in plain
    assert "node with an error" not in plain
    assert "A sign and a colour" not in plain


def test_nothing_was_scanned() -> None:
    page = page_of(*NOTHING.reports)
    assert "Nothing was scanned." in page.text
    assert page.all("table") == []


def test_names_are_text_wherever_they_stand() -> None:
    text = render(*samples.HARMFUL.reports)
    formats.check("html", text)
    page = Page(text)
    assert page.text.count(HOSTILE) > 60
    assert text.count("<script>") == 1
    for attribute in ("href", "id", "class", "for", "d"):
        values = [attributes.get(attribute, "") for _, attributes in page.elements]
        assert not any("script" in value or "x1b" in value for value in values)


# -- drawings -------------------------------------------------------------------------------------


def boxes(text: str, style: str) -> list[str]:
    """The titles of the boxes of a class, in order."""
    found = re.findall(
        r'<(a|g)(?= [^>]*class="box ([a-z ]+)")[^>]*><title>(.*?)</title>', text, re.DOTALL
    )
    return [title.split("\n")[0] for _, names, title in found if style in names.split()]


def test_nodes_are_coloured_by_their_findings_and_constants_marked() -> None:
    text = part(render(*samples.DRAWN.reports), "model-2")
    assert boxes(text, "error") == ["Resize"]
    assert boxes(text, "constant") == ["Constant"]
    assert boxes(text, "port") == ["input of the graph: input", "output of the graph: saliency_map"]
    assert "error: OG101</text>" in text
    assert ">[1, 1, 2, 2]</text>" in text
    assert "Left out: 34 nodes." in text


def test_a_finding_and_its_node_lead_to_each_other() -> None:
    page = Page(part(render(*samples.DRAWN.reports), "model-2"))
    (box,) = [a for a in page.all("a") if "error" in a.get("class", "")]
    assert box["href"] == "#model-2-finding-1"
    assert {"href": f"#{box['id']}"} in page.all("a")


def test_boxes_can_have_the_focus_and_say_what_they_are() -> None:
    text = part(render(*samples.DRAWN.reports), "model-2")
    (conv,) = re.findall(r"<g [^>]*><title>Conv\n.*?</title>", text, re.DOTALL)
    assert 'tabindex="0"' in conv
    assert "at graph/node 19 &quot;/head/Conv&quot;\nreads x\nwrites y" in conv


def marked(outline: Outline, *findings: object) -> list[tuple[str, list[int]]]:
    report = STUDENT._replace(findings=findings, outline=outline)  # type: ignore[arg-type]
    found = marks(report, outline).boxes.items()
    return sorted((outline.graphs[g].boxes[b].label, numbers) for (g, b), numbers in found)


def test_a_finding_marks_the_innermost_node_that_is_drawn() -> None:
    outline = samples.outline(samples.nested(9))
    inner, deepest = outline.graphs[-2].boxes[0], outline.graphs[-1].boxes[0]
    place = at(0)._replace(start=inner.start + 1, end=inner.end - 1)
    whole = at(0)._replace(route="model", start=0, end=9_999)
    finding = RESIZE._replace(places=(place, whole))
    assert marked(outline, finding) == [(inner.label, [0])]
    below = at(0)._replace(start=deepest.start, end=deepest.end)
    assert marked(outline, RESIZE._replace(places=(below,))) == [(deepest.label, [0])]


def test_more_places_than_were_kept_mark_the_operator() -> None:
    outline = samples.SMALL
    lost = RESIZE._replace(places=(at(900),), count=2)
    assert marked(outline, lost) == [("Resize", [0])]
    assert marked(outline, lost._replace(count=1)) == []
    assert marked(outline, lost._replace(waiver="because")) == []


def test_the_worst_finding_of_a_node_comes_first() -> None:
    note = WARNED.findings[1]._replace(places=(at(18),))
    assert marked(samples.SMALL, note, RESIZE) == [("Resize", [1, 0])]


def test_subgraphs_and_functions_are_drawn(tmp_path: Path) -> None:
    nested = samples.nested(3)
    report = scanned(tmp_path, nested=nested, functions=samples.with_functions())
    text = REPORTERS["html"](report, RenderOptions())
    formats.check("html", text)
    ifs, calls = part(text, "model-1"), part(text, "model-2")
    assert ifs.count('class="drawing"') == 1
    assert boxes(ifs, "error") == ["Einsum"] * 3
    assert ifs.count('class="frame"') == 8
    assert calls.count('class="drawing"') == 3
    assert "function local::Other" in calls
    links = [a["href"] for a in Page(calls).all("a") if "call" in a.get("class", "").split()]
    assert links == ["#model-2-graph-2", "#model-2-graph-3", "#model-2-graph-2"]


def test_what_is_too_deep_is_said(tmp_path: Path) -> None:
    text = REPORTERS["html"](scanned(tmp_path, nested=samples.nested(9)), RenderOptions())
    assert "Left out: 8 nodes, 8 graphs." in text
    assert "2 graphs not drawn</text>" in text


# -- bounds of the page ---------------------------------------------------------------------------


def test_the_urgent_models_are_drawn_first() -> None:
    reports = (CLEAN, STUDENT, WARNED, UNVERIFIED)
    assert outlines.by_urgency(reports) == [3, 1, 2, 0]
    assert list(outlines.drawn(reports)) == [1, 2, 0]


def test_beyond_a_bound_models_have_no_picture_and_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlines, "DRAWN_MODELS", 2)
    monkeypatch.setattr(scan_html, "PAGES", 3)
    drawn = STUDENT._replace(outline=samples.SMALL)
    passed = drawn._replace(verdict=Verdict.PASS, findings=())
    text = render(passed, drawn, drawn, drawn)
    formats.check("html", text)
    assert [('class="drawing"' in part(text, f"model-{n}")) for n in (2, 3, 4)] == [
        True,
        True,
        False,
    ]
    assert "this page has no room left" in part(text, "model-4")
    assert 'id="model-1"' not in text
    assert "The 3 models that come first here have pages of their own" in text


def test_many_models_and_operators_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_html_matrix, "MODELS", 3)
    monkeypatch.setattr(scan_html_matrix, "OPERATORS", 4)
    monkeypatch.setattr(scan_html_index, "ROWS", 6)
    page = page_of(*[STUDENT] * 2, *[CLEAN] * 8)
    table = page.text.partition("Operators by model")[2].partition("All models")[0]
    assert table.count("models/") == 3
    assert "Left out: 7 models and 4 operators; those with findings come first." in table
    assert "ResizeSigmoid" not in table  # the marked one stays, then the most used
    assert len([row for row in page.all("tr") if "data-verdict" in row]) == 6
    assert "4 more models have no row: they come last." in page.text


def test_findings_without_end_are_counted() -> None:
    findings = tuple(RESIZE._replace(message=f"message {n}") for n in range(500))
    page = page_of(STUDENT._replace(findings=findings))
    assert "300 more different findings are on the models' pages." in page.text
    assert "And 450 more." in page.text


# -- the command ----------------------------------------------------------------------------------


def test_scan_draws_what_it_judged() -> None:
    path = str(samples.MODELS / "saliency_v2.onnx")
    code, out, err = run("scan", path, "--allowlist", "pre-adr-0258", "--format", "html")
    assert (code, err) == (1, "")
    formats.check("html", out)
    assert boxes(out, "error") == ["Resize"] * 3
    assert boxes(out, "constant") == ["Constant"] * 3


def test_standard_input_is_judged_and_not_drawn() -> None:
    data = (samples.MODELS / "saliency_v2.onnx").read_bytes()
    code, out, _ = run("scan", "-", "--format", "html", stdin=data)
    assert code == 0
    formats.check("html", out)
    assert "It is not drawn: it came on standard input." in out


def test_a_model_that_went_away_is_not_drawn(tmp_path: Path) -> None:
    assert outlines.outlined(SINGLE, [str(tmp_path / "gone.onnx")]) == SINGLE


def test_the_page_is_the_same_each_time(tmp_path: Path) -> None:
    report = scanned(tmp_path, nested=samples.nested(3))
    assert REPORTERS["html"](report, RenderOptions()) == REPORTERS["html"](report, RenderOptions())


def test_other_formats_import_nothing_of_it() -> None:
    code = (
        "import sys; from support.command import run\n"
        f"run('scan', {str(samples.MODELS / 'looping.onnx')!r}, '--format', 'json')\n"
        "print([m for m in sys.modules if 'html' in m or m == 'onnxguard.scanning.outlines'])"
    )
    folder = Path(__file__).parent.parent
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); {code}"  # a run here may forbid cwd
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
