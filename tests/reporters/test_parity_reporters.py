"""Parity reporters: goldens, the JSON Schema, and what each format must say and neutralise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from support import formats
from support import parity_reports as samples
from support.parity_goldens import FOLDER, GOLDENS, Golden, render
from support.sample_runs import HOSTILE

from onnxguard.catalogue import PARITY_RULES
from onnxguard.parity.report import (
    ParityReport,
    ParityVerdict,
    exit_code,
)
from onnxguard.reporters import PARITY_REPORTERS
from onnxguard.reporters.parity import phrases as parity_phrases

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMA = json.loads((ROOT / "docs" / "parity.schema.json").read_text(encoding="utf-8"))
SETS = {
    "all": samples.ALL,
    "nothing": samples.NOTHING,
    **{sample.path[:24]: (sample,) for sample in samples.ALL},
}
FORMATS = sorted(formats.CHECKS.keys() - {"html"})  # its pages: test_parity_html.py


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.file)
def test_golden(golden: Golden) -> None:
    assert golden.render() == (FOLDER / golden.file).read_text(encoding="utf-8")


def test_every_golden_file_is_compared_and_every_format_has_one() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {golden.file for golden in GOLDENS}
    assert {golden.format for golden in GOLDENS} == set(FORMATS)
    assert {*FORMATS, "html"} == set(PARITY_REPORTERS)


@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("reports", SETS.values(), ids=SETS)
@pytest.mark.parametrize("verbosity", [0, 1])
def test_every_report_is_a_whole_and_harmless_document(
    output_format: str, reports: tuple[ParityReport, ...], verbosity: int
) -> None:
    formats.check(output_format, render(output_format, *reports, verbosity=verbosity))


@pytest.mark.parametrize("output_format", sorted(PARITY_REPORTERS))
def test_reporters_need_no_more_than_a_scan_does(output_format: str) -> None:
    code = (
        "import sys\n"
        "from onnxguard.reporters import PARITY_REPORTERS, RenderOptions\n"
        "ours = 'onnxguard.parity', 'onnxguard.reporters.parity.'\n"
        "early = [m for m in sys.modules if m.startswith(ours)]\n"
        f"PARITY_REPORTERS[{output_format!r}]((), RenderOptions())\n"
        "heavy = {'numpy', 'onnx', 'onnxruntime', 'torch'} & set(sys.modules)\n"
        "assert not early, early\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("verdicts", "code", "word"),
    [
        ((), 2, "error"),
        (("pass",), 0, "pass"),
        (("pass", "vacuous"), 1, "vacuous"),
        (("vacuous", "fail", "pass"), 1, "fail"),
        (("fail", "error", "pass"), 2, "error"),
    ],
)
def test_the_worst_verdict_decides_in_every_format(
    verdicts: tuple[str, ...], code: int, word: str
) -> None:
    reports = tuple(samples.PASSING._replace(verdict=ParityVerdict(v)) for v in verdicts)
    assert exit_code(reports) == code
    assert parity_phrases.as_run(reports).exit_code() == code
    document = json.loads(render("json", *reports))
    assert (document["exit_code"], document["verdict"]) == (code, word)
    (invocation,) = json.loads(render("sarif", *reports))["runs"][0]["invocations"]
    assert invocation["exitCode"] == code
    assert render("text", *reports).splitlines()[-1].startswith(f"{word.upper()}: ")
    assert f"onnxguard parity {word.upper()}: " in render("github", *reports)
    assert render("markdown", *reports).startswith(f"## onnxguard parity: {word.upper()}\n")


class TestJson:
    @pytest.mark.parametrize("reports", SETS.values(), ids=SETS)
    def test_follows_the_schema(self, reports: tuple[ParityReport, ...]) -> None:
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        jsonschema.validate(formats.load_json(render("json", *reports)), SCHEMA)

    def test_schema_refuses_anything_else(self) -> None:
        document = json.loads(render("json", samples.PASSING))
        document["models"][0]["trials"][0]["surprise"] = 1
        with pytest.raises(jsonschema.ValidationError, match="surprise"):
            jsonschema.validate(document, SCHEMA)

    def test_values_come_back_as_they_were(self) -> None:
        models = json.loads(render("json", *samples.ALL))["models"]
        assert [model["path"] for model in models] == [sample.path for sample in samples.ALL]
        failing = models[samples.ALL.index(samples.FAILING)]
        assert failing["largest"] == samples.FAR.largest
        assert failing["findings"][0]["name"] == "value-differs"
        difference = failing["trials"][2]["differences"][0]
        assert difference["decades"][-1] == {"exponent": -3, "elements": 1}
        assert difference["percentiles"][2] == {"percent": 99.0, "difference": 0.00085}
        assert failing["nodes"]["wrong"][0]["node"] == samples.WRONG_CONV.node
        proved = models[samples.ALL.index(samples.PROVED)]
        assert proved["proof"]["kinds"][1] == {
            "mutation": "weight rounded to float16",
            "mutants": 30,
            "killed": 28,
        }
        assert proved["identity"]["external"] == [
            {"location": "weights.bin", "sha256": samples.sha("e")}
        ]
        assert models[-1]["identity"]["platform"] == HOSTILE

    def test_what_json_has_no_number_for_is_a_string(self) -> None:
        (model,) = json.loads(render("json", samples.NOT_FINITE))["models"]
        (trial,) = model["trials"]
        assert model["largest"] == trial["differences"][0]["largest"] == "Infinity"
        assert trial["referees"][0]["reference_error"] == "NaN"
        assert trial["referees"][0]["model_error"] == "-Infinity"

    def test_is_ascii_and_holds_no_picture(self) -> None:
        sample = samples.PASSING._replace(path="modèle/模型.onnx")
        text = render("json", sample)
        assert text.isascii()
        assert "PNG" not in text


class TestSarif:
    @staticmethod
    def log_of(*reports: ParityReport) -> dict[str, Any]:
        log: dict[str, Any] = json.loads(render("sarif", *reports))["runs"][0]
        return log

    def test_rules_are_those_of_parity(self) -> None:
        log = self.log_of(*samples.ALL)
        rules = log["tool"]["driver"]["rules"]
        assert [rule["id"] for rule in rules] == list(PARITY_RULES)
        assert {tag for rule in rules for tag in rule["properties"]["tags"]} == {
            "onnx",
            "correctness",
        }
        for result in log["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]

    def test_results_say_where_in_the_graph_and_against_what(self) -> None:
        log = self.log_of(samples.FAILING)
        (_, result, _) = log["results"]
        (location,) = result["locations"]
        assert location["logicalLocations"][0]["fullyQualifiedName"] == samples.WRONG_CONV.node
        assert location["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 1}
        assert result["properties"]["reference"] == "student:saliency-v2"
        assert log["artifacts"][0]["hashes"] == {"sha-256": samples.sha("a")}

    def test_is_kept_apart_from_a_scan_of_the_same_model(self) -> None:
        assert self.log_of(samples.PASSING)["automationDetails"] == {"id": "onnxguard-parity/"}

    def test_what_was_not_compared_is_a_notification(self) -> None:
        (invocation,) = self.log_of(samples.PASSING, samples.UNLOADED)["invocations"]
        assert invocation["executionSuccessful"] is False
        (notification,) = invocation["toolExecutionNotifications"]
        assert "there is no module nowhere" in notification["message"]["text"]


class TestJunit:
    def test_vacuous_is_a_failure_and_not_compared_an_error(self) -> None:
        root = ET.fromstring(render("junit", *samples.ALL))
        assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("11", "8", "1")
        (case,) = ET.fromstring(render("junit", samples.VACUOUS)).findall(".//testcase")
        failure = case.find("failure")
        assert failure is not None
        assert failure.get("type") == "OP304"
        assert case.get("classname") == "onnxguard.student:saliency-v2"

    def test_hostile_text_comes_back_as_it_was(self) -> None:
        case = ET.fromstring(render("junit", *samples.ALL)).findall(".//testcase")[-1]
        assert case.get("name") == samples.NASTY.path
        failure = case.find("failure")
        assert failure is not None
        assert samples.NASTY.findings[0].message in (failure.text or "")


class TestGithub:
    def test_one_command_for_each_finding(self) -> None:
        lines = render("github", *samples.ALL).splitlines()
        commands = [line for line in lines if line.startswith("::")]
        assert len(commands) == sum(len(sample.findings) for sample in samples.ALL)
        assert sum(line.startswith("::warning ") for line in commands) == 1
        assert "title=OP401 node-differs::Conv alone: " in render("github", samples.FAILING)

    def test_no_bytes_where_they_say_nothing(self) -> None:
        assert "[0..500056)" not in render("github", samples.FAILING)
        assert "[0..500056)" not in render("junit", samples.FAILING)


class TestMarkdown:
    def test_long_lists_are_cut_and_say_so(self) -> None:
        text = render("markdown", samples.NASTY)
        assert "- and 2 more **OP303 output-constant**" in text
        assert "  - and 2 more\n" in text
        assert " and 25 more." in text

    def test_a_trial_that_one_side_refused_is_never_cut(self) -> None:
        compared = [samples.trial("noise", 64, samples.FAR)] * 30
        trials = (*compared, samples.ONE_REFUSES.trials[1])
        text = render("markdown", samples.ONE_REFUSES._replace(trials=trials))
        assert "the graph refuses it, the reference does not" in text

    def test_survivors_and_digests_are_listed(self) -> None:
        text = render("markdown", samples.PROVED)
        assert "- not noticed: `weight rounded to float16`, at `/head/Conv`" in text
        for digit in "abef":
            assert samples.sha(digit) in text
