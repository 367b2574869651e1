"""Reporters: goldens, the JSON Schema, and what each format must neutralise."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hostile.injection import PAYLOADS
from hypothesis import given
from hypothesis import strategies as st
from support import formats
from support.reporter_goldens import FOLDER, GOLDENS, PLAIN, Golden
from support.sample_runs import (
    CLEAN,
    HOSTILE,
    MANY,
    NASTY,
    NOTHING,
    ORIGIN,
    RESIZE,
    SINGLE,
    STUDENT,
    UNVERIFIED,
    WAIVED,
    WARNED,
    at,
)

from onnxguard.base.findings import Place, Severity
from onnxguard.base.printable import printable
from onnxguard.catalogue import RULES
from onnxguard.reporters import REPORTERS
from onnxguard.reporters.kit import markdown, paint
from onnxguard.reporters.kit.options import WIDTH
from onnxguard.reporters.scan import sarif
from onnxguard.scanning import report
from onnxguard.scanning.lean import lean
from onnxguard.scanning.report import Report, Run

ROOT = Path(__file__).resolve().parent.parent.parent
OPTIONAL = {"read", "sha256", "judged_sha256", "cost", "about"}
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
RUNS = {"single": SINGLE, "many": MANY, "nothing": NOTHING, "clean": Run((CLEAN,))}


def render(output_format: str, run: Run, **options: Any) -> str:
    return REPORTERS[output_format](run, PLAIN._replace(**options))


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.file)
def test_golden(golden: Golden) -> None:
    assert golden.render() == (FOLDER / golden.file).read_text(encoding="utf-8")


def test_every_golden_file_is_compared_and_every_format_has_one() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {golden.file for golden in GOLDENS}
    assert {golden.format for golden in GOLDENS} == set(REPORTERS)


@pytest.mark.parametrize("output_format", REPORTERS)
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("verbosity", [0, 1])
def test_every_report_is_a_whole_and_harmless_document(
    output_format: str, run: Run, verbosity: int
) -> None:
    formats.check(output_format, render(output_format, run, verbosity=verbosity))


@pytest.mark.parametrize("output_format", REPORTERS)
def test_what_was_left_out_stands_in_every_format(output_format: str) -> None:
    paths = tuple(f"{printable(text)}{number}" for number, text in enumerate(PAYLOADS.values()))
    shown = ("old/", "a.onnx")
    for excluded in (paths, (*shown, *paths), shown):
        origin = ORIGIN._replace(exclude=("old/**", *paths), excluded=excluded)
        text = render(output_format, MANY._replace(origin=origin))
        formats.check(output_format, text)
        if excluded is not paths:
            assert all(each in text for each in shown)
    assert "old/" not in render(output_format, MANY._replace(origin=ORIGIN))


def test_formats_are_imported_when_asked_for() -> None:
    code = (
        "import sys, onnxguard.reporters;"
        "found = [m for m in sys.modules if m.startswith(('xml.', 'onnxguard.reporters.scan.'))];"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


class TestText:
    def test_fits_the_terminal(self) -> None:
        lines = render("text", Run((STUDENT, CLEAN, WAIVED, UNVERIFIED)), verbosity=1).splitlines()
        assert max(map(len, lines)) <= WIDTH

    def test_colour_adds_nothing_but_colour(self) -> None:
        for run in RUNS.values():
            for verbosity in (-1, 0, 1):
                plain = render("text", run, verbosity=verbosity)
                colored = render("text", run, verbosity=verbosity, color=True)
                assert "\x1b" not in plain
                assert paint.uncolored(colored) == plain

    def test_quiet_says_nothing_about_a_model_that_passes(self) -> None:
        assert render("text", Run((CLEAN, WAIVED)), verbosity=-1) == ""

    def test_a_passing_model_among_several_is_one_line_unless_verbose(self) -> None:
        run = Run((CLEAN, CLEAN))
        assert render("text", run).count("\n") == 4
        assert "Gemm" not in render("text", run)
        assert render("text", run, verbosity=1).count("Gemm") == 2

    def test_no_line_is_a_command_however_it_wraps(self) -> None:
        for width in range(90):
            finding = RESIZE._replace(hint=f"{'x' * width} ::error::y ##[z] ::add-mask::y")
            report = STUDENT._replace(path="::error::p", findings=(finding,))
            for verbosity in (-1, 0):
                formats.check("text", render("text", Run((report,)), verbosity=verbosity))

    def test_places_are_counted_beyond_those_shown(self) -> None:
        finding = RESIZE._replace(places=tuple(map(at, range(9))), count=250)
        run = Run((STUDENT._replace(findings=(finding,)),))
        assert "... and 245 more" in render("text", run)
        assert "... and 241 more" in render("text", run, verbosity=1)

    def test_waived_findings_are_counted_and_shown_if_verbose(self) -> None:
        run = Run((WAIVED,))
        assert "PASS: 1 waived" in render("text", run)
        assert "OG101" not in render("text", run)
        assert "moves to adr-0258" in render("text", run, verbosity=1)

    @given(st.lists(st.text("ab \x1b[m1", max_size=120)), st.integers(0, 30))
    def test_wrapping_loses_nothing(self, items: list[str], indent: int) -> None:
        items = [item for item in items if item]
        text = "".join(
            line[indent:] for line in paint.Paint(False).wrap(items, " " * indent, gap="|")
        )
        assert text.replace("|", "") == "".join(items).replace("|", "")


class TestJson:
    @pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
    def test_follows_the_schema(self, run: Run) -> None:
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        jsonschema.validate(json.loads(render("json", run)), SCHEMA)

    def test_schema_refuses_anything_else(self) -> None:
        document = json.loads(render("json", SINGLE))
        document["models"][0]["facts"]["surprise"] = 1
        with pytest.raises(jsonschema.ValidationError, match="surprise"):
            jsonschema.validate(document, SCHEMA)

    def test_says_what_the_run_went_by(self) -> None:
        file = report.DecidingFile("lock", "onnxguard.lock", "0" * 64)
        origin = ORIGIN._replace(files=(file,), exclude=("old/**",), excluded=("old/",))
        document = json.loads(render("json", MANY._replace(origin=origin)))
        jsonschema.validate(document, SCHEMA)
        assert document["origin"]["files"] == [
            {"role": "lock", "path": "onnxguard.lock", "sha256": "0" * 64}
        ]
        assert document["origin"]["exclude"] == ["old/**"]
        assert document["origin"]["excluded"] == ["old/"]
        document["origin"]["files"][0]["role"] = "rumour"
        with pytest.raises(jsonschema.ValidationError, match="rumour"):
            jsonschema.validate(document, SCHEMA)

    def test_values_come_back_as_they_were(self) -> None:
        model = json.loads(render("json", MANY))["models"][-1]
        assert model["path"] == NASTY.path
        assert model["verdict"] == "fail"
        assert model["findings"][0]["name"] == "operator-not-allowed"
        assert model["findings"][0]["count"] == 12_345
        assert model["findings"][2]["waiver"] == f"because {HOSTILE}"
        assert model["facts"]["expanded_nodes"] == (1 << 63) - 1
        assert model["facts"]["metadata"][0] == {"key": HOSTILE, "value": HOSTILE}

    def test_large_report_says_the_same_in_a_line_a_model(self) -> None:
        plenty = RUNS["many"]._replace(reports=RUNS["many"].reports * 400)
        text = render("json", plenty)
        document = json.loads(text)
        alone = json.loads(render("json", RUNS["many"]))
        assert document["models"] == alone["models"] * 400
        assert document["summary"]["models"] == len(plenty.reports)
        assert {k: v for k, v in document.items() if k not in ("models", "summary")} == {
            k: v for k, v in alone.items() if k not in ("models", "summary")
        }
        lines = text.splitlines()
        assert len([line for line in lines if line.startswith('{"path":')]) == len(plenty.reports)
        assert "##" not in text
        assert text.endswith("\n")

    def test_states_the_exit_code(self) -> None:
        for run in RUNS.values():
            for exit_zero in (False, True):
                document = json.loads(render("json", run, exit_zero=exit_zero))
                assert document["exit_code"] == run.exit_code(exit_zero)

    def test_is_ascii(self) -> None:
        report = CLEAN._replace(path="modèle/模型.onnx")
        assert render("json", Run((report,))).isascii()


class TestSarif:
    @staticmethod
    def run_of(*reports: Report) -> dict[str, Any]:
        log: dict[str, Any] = json.loads(render("sarif", Run(reports)))["runs"][0]
        return log

    def test_rules_and_indices_agree(self) -> None:
        log = self.run_of(*MANY.reports)
        rules = log["tool"]["driver"]["rules"]
        assert [rule["id"] for rule in rules] == list(RULES)
        for result in log["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            location = result["locations"][0]["physicalLocation"]["artifactLocation"]
            assert log["artifacts"][location["index"]]["location"]["uri"] == location["uri"]

    def test_rules_lead_where_they_can_be_read(self) -> None:
        url = "https://git.example/onnxguard/blob/v0.1.0/docs/rules.md"
        pages = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
        log = json.loads(render("sarif", MANY, rules_url=url))["runs"][0]
        for rule in log["tool"]["driver"]["rules"]:
            address, _, anchor = rule["helpUri"].partition("#")
            assert address == url
            assert f"(#{anchor})" in pages
        assert not [r for r in self.run_of(STUDENT)["tool"]["driver"]["rules"] if "helpUri" in r]

    def test_place_is_bytes_and_route(self) -> None:
        (result,) = self.run_of(STUDENT)["results"]
        location = result["locations"][0]
        assert location["physicalLocation"]["region"] == {
            "startLine": 1,
            "startColumn": 1,
            "byteOffset": 2800,
            "byteLength": 50,
        }
        assert location["logicalLocations"][0]["fullyQualifiedName"] == RESIZE.place.route
        assert len(result["relatedLocations"]) == 2

    def test_numbers_beyond_32_bits_are_left_out(self) -> None:
        assert STUDENT.facts is not None
        large = STUDENT.facts._replace(size=1 << 31)
        finding = RESIZE._replace(places=(Place("model", 0, 1 << 31),))
        log = self.run_of(STUDENT._replace(facts=large, findings=(finding,)))
        assert "length" not in log["artifacts"][0]
        region = log["results"][0]["locations"][0]["physicalLocation"]["region"]
        assert region == {"startLine": 1, "startColumn": 1}

    def test_fingerprint_stays_when_a_named_node_moves(self) -> None:
        def fingerprints(*places: Place, path: str = STUDENT.path) -> list[str]:
            found = tuple(RESIZE._replace(places=(place,)) for place in places)
            log = self.run_of(STUDENT._replace(path=path, findings=found))
            prints = [result["partialFingerprints"] for result in log["results"]]
            assert all(len(set(one.values())) == 1 for one in prints)
            return [one["onnxguard/v1"] for one in prints]

        before = fingerprints(at(18, "/up3/Resize"))
        assert fingerprints(at(40, "/up3/Resize")) == before
        assert fingerprints(at(18, "/up2/Resize")) != before
        assert fingerprints(at(18)) != fingerprints(at(19))
        assert fingerprints(at(18, "/up3/Resize"), path="other.onnx") != before
        assert len(set(fingerprints(at(1, "a"), at(2, "a"), at(3, "a")))) == 3

    def test_waiver_becomes_a_suppression(self) -> None:
        results = self.run_of(STUDENT, WAIVED)["results"]
        assert results[0]["suppressions"] == []
        (suppression,) = results[1]["suppressions"]
        assert suppression["justification"] == "moves to adr-0258 with the next release"

    def test_unverified_model_is_a_notification(self) -> None:
        (invocation,) = self.run_of(CLEAN, UNVERIFIED)["invocations"]
        assert invocation["executionSuccessful"] is False
        assert invocation["exitCode"] == 2
        (notification,) = invocation["toolExecutionNotifications"]
        assert "Git LFS" in notification["message"]["text"]
        (invocation,) = self.run_of(STUDENT)["invocations"]
        assert invocation["executionSuccessful"] is True
        assert invocation["toolExecutionNotifications"] == []

    def test_paths_are_below_the_root_of_the_repository(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".git").mkdir()
        (tmp_path / "a b" / "c").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / "a b")
        paths = ("m.onnx", "c/m.onnx", "../m.onnx", "/srv/m.onnx", "https://h/m.onnx")
        log = self.run_of(*(STUDENT._replace(path=path) for path in paths))
        found = [artifact["location"]["uri"] for artifact in log["artifacts"]]
        assert found == [
            "a%20b/m.onnx",
            "a%20b/c/m.onnx",
            "m.onnx",
            "file:///srv/m.onnx",
            "https://h/m.onnx",
        ]
        monkeypatch.chdir(tmp_path)
        before = [result["partialFingerprints"] for result in log["results"]]
        log = self.run_of(STUDENT._replace(path="a b/m.onnx"))
        assert [result["partialFingerprints"] for result in log["results"]] == before[:1]

    def test_rules_have_a_security_severity(self) -> None:
        for rule in self.run_of(CLEAN)["tool"]["driver"]["rules"]:
            weight = float(rule["properties"]["security-severity"])
            level = rule["defaultConfiguration"]["level"]
            assert (weight >= 7) == (level == "error")
            assert (weight >= 9) == RULES[rule["id"]].unsafe
            assert "security" in rule["properties"]["tags"]

    def test_sentences_begin_with_a_capital_and_names_stay(self) -> None:
        finding = RESIZE._replace(message="the model is large", adr="", hint="run it")
        named = finding._replace(message="relu6 is no name", hint="")
        results = self.run_of(STUDENT._replace(findings=(finding, named)))["results"]
        assert [result["message"]["text"] for result in results] == [
            "The model is large. Run it.",
            "relu6 is no name.",
        ]

    def test_more_than_a_run_may_hold_is_cut_by_weight_and_said(self) -> None:
        warned = RESIZE._replace(severity=Severity.WARNING)
        findings = (*[warned] * sarif.MOST_RESULTS, RESIZE, RESIZE)
        log = self.run_of(STUDENT._replace(findings=findings))
        assert [result["level"] for result in log["results"][:3]] == ["error", "error", "warning"]
        assert len(log["results"]) == sarif.MOST_RESULTS
        (said,) = log["invocations"][0]["toolExecutionNotifications"]
        assert said["message"]["text"] == "2 findings are left out: a run holds 25,000 at most."

    @pytest.mark.parametrize(
        ("path", "uri"),
        [
            ("models/a.onnx", "models/a.onnx"),
            ("./models//a b.onnx", "models/a%20b.onnx"),
            ("../a.onnx", "../a.onnx"),
            ("a:b#c?d%e.onnx", "a%3Ab%23c%3Fd%25e.onnx"),
            ("/srv/a.onnx", "file:///srv/a.onnx"),
            ("//srv/a.onnx", "file:///srv/a.onnx"),
            (r"C:\models\a.onnx", "file:///C:/models/a.onnx"),
            ("模.onnx", "%E6%A8%A1.onnx"),
            ("-", "-"),
        ],
    )
    def test_artifact_uri(self, path: str, uri: str) -> None:
        assert sarif.artifact_uri(path) == uri

    def test_message_neither_links_nor_takes_arguments(self) -> None:
        assert sarif.message_text("{0} [a](1) [1,3]") == "{{0}} [a] (1) [1,3]"


class TestJunit:
    def test_counts_and_outcomes(self) -> None:
        root = ET.fromstring(render("junit", MANY))
        assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("6", "2", "1")
        cases = root.findall(".//testcase")
        outcomes = [{child.tag for child in case} for case in cases]
        assert outcomes == [
            set(),
            {"failure"},
            {"system-out"},
            {"system-out"},
            {"error"},
            {"failure", "system-out"},
        ]

    def test_hostile_text_comes_back_as_it_was(self) -> None:
        case = ET.fromstring(render("junit", MANY)).findall(".//testcase")[-1]
        assert case.get("name") == NASTY.path
        failure = case.find("failure")
        assert failure is not None
        assert NASTY.findings[0].message in (failure.text or "")

    def test_what_xml_cannot_hold_is_written_out(self) -> None:
        report = CLEAN._replace(path="a\0b\ud800c\ufffed\x1b")
        case = ET.fromstring(render("junit", Run((report,)))).find(".//testcase")
        assert case is not None
        assert case.get("name") == r"a\u0000b\ud800c\ufffed\u001b"


class TestGithub:
    def test_what_weighs_most_comes_first_and_every_model_before_a_second_finding(self) -> None:
        warned = RESIZE._replace(severity=Severity.WARNING)
        reports = (
            STUDENT._replace(path="a", findings=(warned, *[RESIZE] * 9)),
            STUDENT._replace(path="b", findings=(RESIZE, RESIZE, warned)),
        )
        *lines, unseen, _ = render("github", Run(reports)).splitlines()
        kinds = [re.match("::([a-z]+) file=([ab])", line) for line in lines]
        assert [match and match.groups() for match in kinds] == [
            ("error", "a"),
            ("error", "b"),
            ("error", "a"),
            ("error", "b"),
            *[("error", "a")] * 7,
            ("warning", "b"),
            ("warning", "a"),
        ]
        assert unseen == "GitHub shows 10 of a kind: 1 error more in this log alone"

    @staticmethod
    def annotations(run: Run) -> list[tuple[str, dict[str, str], str]]:
        """Read the commands as the runner does."""

        def unescape(text: str) -> str:
            for code, char in (("0D", "\r"), ("0A", "\n"), ("3A", ":"), ("2C", ","), ("25", "%")):
                text = text.replace(f"%{code}", char)
            return text

        found = []
        *lines, last = render("github", run).splitlines()
        assert not last.startswith("::")
        for line in lines:
            match = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
            assert match is not None
            pairs = (pair.split("=", 1) for pair in match[2].split(","))
            properties = {key: unescape(value) for key, value in pairs}
            found.append((match[1], properties, unescape(match[3])))
        return found

    def test_one_command_for_each_finding_that_stands(self) -> None:
        found = self.annotations(MANY)
        assert [command for command, _, _ in found] == [
            *["error"] * 4,
            "warning",
            "notice",
        ]
        assert all(set(properties) == {"file", "title"} for _, properties, _ in found)

    def test_the_runner_reads_back_what_was_meant(self) -> None:
        path = "a,b:c%d=e::f.onnx"
        finding = RESIZE._replace(message="100% of it: a, b\r\n::error::c")
        ((_, properties, message),) = self.annotations(
            Run((STUDENT._replace(path=path, findings=(finding,)),))
        )
        assert properties == {"file": path, "title": "OG101 operator-not-allowed"}
        assert message.startswith("100% of it: a, b\r\n::error::c\nat graph/node 18")


class TestMarkdown:
    @given(st.text("`|\\ <a>*_[]()@#&;", min_size=1))
    def test_a_code_span_holds_any_text(self, text: str) -> None:
        span = markdown.code(text)
        fence = re.match("`+", span)
        assert fence is not None
        inner = span[len(fence[0]) : -len(fence[0])]
        assert fence[0] not in re.findall("`+", inner)
        if inner[0] == inner[-1] == " " and inner.strip():
            inner = inner[1:-1]  # CommonMark takes one space from each end
        assert inner == text.replace("##", "#\\x23")

    @given(st.text("`|\\ab", min_size=1))
    def test_a_cell_never_ends_early(self, text: str) -> None:
        assert "|" not in markdown.cell(text)

    def test_long_lists_are_cut_and_say_so(self) -> None:
        text = render("markdown", MANY)
        assert "  - and 12,340 more" in text
        assert " and 21 more`" in text  # nodes that read a Constant
        assert NASTY.facts is not None
        plenty = NASTY.facts._replace(constants=NASTY.facts.constants * 2)
        assert "And 10 more." in render("markdown", Run((NASTY._replace(facts=plenty),)))

    def test_of_thousands_those_that_failed_are_told_and_the_others_folded(self) -> None:
        def named(report: Report, kind: str, count: int) -> list[Report]:
            return [report._replace(path=f"{kind}{number}") for number in range(count)]

        passed = named(lean(CLEAN), "clean", 1000) + named(lean(WAIVED), "waived", 10)
        failed = named(UNVERIFIED, "odd", 2) + named(lean(STUDENT), "bad", 300)
        run = Run((*passed, *failed, WARNED._replace(path="warned")))
        text = render("markdown", run)
        formats.check("markdown", text)
        assert len(text) < 400_000
        told = re.findall("^### (ERROR|FAIL|PASS): `(.*)`", text, re.MULTILINE)
        assert told == [
            ("ERROR", "odd0"),
            ("ERROR", "odd1"),
            *(("FAIL", f"bad{number}") for number in range(198)),
        ]
        assert "103 more are not told here" in text
        head, _, folded = text.partition("<details><summary>1,010 passed</summary>")
        assert "`bad299`" in head
        assert "`warned`" in head
        assert "`clean0`" not in head
        assert folded.count("| **PASS** |") == 500
        assert "And 510 more." in folded
        whole = render("markdown", run, verbosity=1)
        assert len(re.findall("^### ", whole, re.MULTILINE)) >= 303
        assert whole.count("| **PASS** |") == 1011

    def test_few_that_passed_are_not_folded_and_come_last(self) -> None:
        order = re.findall(r"^\| \*\*(\w+)\*\* ", render("markdown", MANY), re.MULTILINE)
        assert order == ["ERROR", "FAIL", "FAIL", "PASS", "PASS", "PASS"]

    def test_unverified_model_has_no_details(self) -> None:
        text = render("markdown", Run((UNVERIFIED,)))
        assert "a Git LFS pointer" in text
        assert "<details>" not in text
