"""Cards, evaluations and ablations: goldens, the JSON Schema, and what each format must say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnxguard.students import records
from onnxguard.students.ablation import (
    allowlists,
    comparisons,
    students,
)
from onnxguard.students.measures import Measures
from PIL import Image
from support import formats
from support import training_records as samples
from support.checkout import ROOT
from support.training_goldens import FOLDER, GOLDENS, KINDS, PLAIN, Golden

from onnxguard.reporters.kit.phrases import duration
from onnxguard.reporters.kit.words import plain
from onnxguard.reporters.training import json as training_json
from onnxguard.reporters.training import phrases


def schema(name: str) -> Any:
    return json.loads((ROOT / "docs" / f"{name}.schema.json").read_text(encoding="utf-8"))


SCHEMA, EVALUATION_SCHEMA, ABLATION_SCHEMA = map(schema, ("card", "evaluation", "ablation"))
EVERY = [
    (kind, name, output_format)
    for kind, (reporters, found) in KINDS.items()
    for name in found
    for output_format in reporters
]


def render(kind: str, result: Any, output_format: str, **options: Any) -> str:
    reporters, _ = KINDS[kind]
    return reporters[output_format](result, PLAIN._replace(**options))


def document(kind: str, result: Any) -> Any:
    return formats.load_json(render(kind, result, "json"))


def sentences(ablation: records.Ablation) -> list[str]:
    return [plain(phrases.compared(one)) for one in comparisons(students(ablation))]


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.file)
def test_golden(golden: Golden) -> None:
    assert golden.render() == (FOLDER / golden.file).read_text(encoding="utf-8")


def test_every_golden_file_is_compared() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {golden.file for golden in GOLDENS}


@pytest.mark.parametrize(("kind", "name", "output_format"), EVERY)
@pytest.mark.parametrize("verbosity", [0, 1])
def test_every_result_is_a_whole_and_harmless_document(
    kind: str, name: str, output_format: str, verbosity: int
) -> None:
    text = render(kind, KINDS[kind][1][name], output_format, verbosity=verbosity)
    # The pictures are the only links there are; their addresses have nothing that ends one.
    formats.check_document(output_format, re.sub(r"(?m)^!\[[A-Za-z, ]+\]\([\w%.~-]+\)$", "", text))


def test_reporters_need_no_more_than_a_scan_does() -> None:
    code = (
        "import sys\n"
        "from importlib import import_module\n"
        "import onnxguard.reporters\n"
        "for name in ('card', 'evaluation', 'ablation', 'json'):\n"
        "    import_module(f'onnxguard.reporters.training.{name}')\n"
        "heavy = {'numpy', 'onnx', 'torch', 'matplotlib', 'PIL', 'onnxguard.gating'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_every_measure_has_a_name_and_is_shown() -> None:
    assert {"images", *phrases.MEASURES} == set(Measures._fields)
    values = Measures(7, *(0.1 + place / 1000 for place in range(10)))
    for kind, result in (
        ("card", samples.PASSING._replace(measures=values)),
        ("evaluation", samples.EVALUATION._replace(measures=values)),
    ):
        text = render(kind, result, "markdown")
        for value in values[1:]:
            assert f" {value:.4f} |" in text
        assert "7 held-out images" in text or "7 images" in text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "0 ms"),
        (0.0126, "13 ms"),
        (1.84, "1.8 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (90_000.0, "25 h 0 min"),
    ],
)
def test_times_are_in_units_that_are_read(seconds: float, said: str) -> None:
    assert duration(seconds) == said


class TestCardJson:
    @pytest.mark.parametrize("name", samples.CARDS)
    def test_follows_the_schema(self, name: str) -> None:
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        # A hash that is none is what the hostile one tests elsewhere.
        card = samples.CARDS[name]
        digest = samples.sha("0")
        data = card.data._replace(sha256=digest)
        card = card._replace(sha256=digest, weights_sha256=digest, data=data)
        jsonschema.validate(document("card", card), SCHEMA)

    def test_schema_refuses_anything_else(self) -> None:
        card = document("card", samples.PASSING)
        card["epochs"][0]["surprise"] = 1
        with pytest.raises(jsonschema.ValidationError, match="surprise"):
            jsonschema.validate(card, SCHEMA)

    def test_values_come_back_as_they_were(self) -> None:
        card = document("card", samples.PASSING)
        assert card["passed"] is True
        assert card["measures"] == samples.MEASURES._asdict()
        assert card["epochs"] == [epoch._asdict() for epoch in samples.EPOCHS]
        assert card["inputs"] == [{"name": "input", "dtype": "float32", "dims": "1x3xHxW"}]
        assert card["seconds"][0] == {"phase": "training", "seconds": 4013.0}
        assert card["data"]["skipped"][1] == {"pair": "0012", "why": "empty"}
        assert document("card", samples.NASTY)["student"] == samples.HOSTILE

    def test_what_was_not_reached_or_run_is_null(self) -> None:
        card = document("card", samples.REFUSED)
        assert [gate["passed"] for gate in card["gates"]] == [False, True, None, None]
        assert (card["passed"], card["measures"], card["parity"]) == (False, None, None)

    def test_what_json_has_no_number_for_is_a_string(self) -> None:
        card = document("card", samples.DIVERGED)
        assert card["epochs"][0]["loss"] == "NaN"
        assert card["parity"]["largest"] == "Infinity"


class TestCardMarkdown:
    def test_the_verdict_comes_first(self) -> None:
        _, passed, *_ = render("card", samples.PASSING, "markdown").split("\n\n")
        assert passed.startswith("**PASS**: every gate was passed: `scan`, `contract`, `parity`")
        _, refused, *_ = render("card", samples.REFUSED, "markdown").split("\n\n")
        assert refused.startswith(
            "**FAIL**: `scan` failed; `parity`, `iou` not reached; `contract`"
        )

    def test_a_gate_that_was_not_reached_is_no_pass(self) -> None:
        gates = (*samples.GATES[:3], records.Gate("iou", None, "not run"))
        text = render("card", samples.PASSING._replace(gates=gates), "markdown")
        assert "**FAIL**" in text
        assert "do not use it" in text

    def test_only_pictures_that_there_are_are_shown(self) -> None:
        text = render("card", samples.PASSING, "markdown")
        assert "![training curve](saliency-v2.curve.png)" in text
        assert "![image, mask, prediction, errors](saliency-v2.sheet.png)" in text
        refused = render("card", samples.REFUSED, "markdown")
        assert "saliency-v2.sheet.png" not in refused
        untrained = samples.PASSING._replace(epochs=())
        assert "curve.png" not in render("card", untrained, "markdown")

    def test_the_epoch_that_was_exported_stands_out(self) -> None:
        lines = render("card", samples.PASSING, "markdown").splitlines()
        assert [line for line in lines if line.startswith("| **2** | **0.4481** |")]
        assert "3 epochs; epoch 2 was the best" in "\n".join(lines)

    def test_drawn_images_are_no_photographs(self) -> None:
        assert "never seen a photograph" in render("card", samples.PASSING, "markdown")
        assert "photograph" not in render("card", samples.REFUSED, "markdown")

    def test_long_lists_are_cut_and_say_so(self) -> None:
        text = render("card", samples.NASTY, "markdown")
        assert "23 Constant nodes" in text
        text = render("card", samples.NASTY, "text")
        assert "... and 3 more (-v shows all)" in text

    def test_the_example_runs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        shape = ["N", 3, "H", "W"]
        graph = helper.make_graph(
            [helper.make_node("ReduceMean", ["input"], ["saliency_map"], axes=[1], keepdims=1)],
            "mean",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("saliency_map", TensorProto.FLOAT, ["N", 1, "H", "W"])],
        )
        opset = helper.make_opsetid("", 17)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
        onnx.save(model, "saliency-v2.onnx")
        Image.new("RGB", (83, 50), (255, 0, 51)).save("image.png")
        block = re.search(
            "~~~python\n(.*?)~~~", render("card", samples.PASSING, "markdown"), re.DOTALL
        )
        assert block is not None
        names: dict[str, Any] = {}
        exec(block[1], names)
        assert names["saliency"].shape == (48, 80)
        red, green, blue = (1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225
        assert np.allclose(names["saliency"], (red + green + blue) / 3, atol=1e-5)


class TestEvaluation:
    def test_says_its_schema(self) -> None:
        found = document("evaluation", samples.EVALUATION)
        assert found["schema"] == training_json.EVALUATION == "onnxguard/evaluation/1"
        assert set(found) == {"schema", "tool", *records.Evaluation._fields}
        assert found["baselines"][1] == {"answer": "centre disc", "iou": 0.3312}

    @pytest.mark.parametrize("name", samples.EVALUATIONS)
    def test_follows_the_schema(self, name: str) -> None:
        jsonschema.Draft202012Validator.check_schema(EVALUATION_SCHEMA)
        digest = samples.sha("0")
        result = samples.EVALUATIONS[name]._replace(sha256=digest, data_sha256=digest)
        jsonschema.validate(document("evaluation", result), EVALUATION_SCHEMA)

    @pytest.mark.parametrize(
        ("iou", "said"),
        [
            (0.5312, "0.2000 above the best trivial answer's"),
            (0.3012, "0.0300 below the best trivial answer's"),
            (0.3312, "the same as the best trivial answer's"),
        ],
    )
    @pytest.mark.parametrize("output_format", ["text", "markdown"])
    def test_stands_beside_the_best_trivial_answer(
        self, iou: float, said: str, output_format: str
    ) -> None:
        measures = samples.MEASURES._replace(iou=iou)
        result = samples.EVALUATION._replace(measures=measures)
        assert said in render("evaluation", result, output_format)

    def test_all_skipped_pairs_are_listed_where_it_is_asked_for(self) -> None:
        skipped = tuple((f"pair {number}", "no mask") for number in range(40))
        result = samples.EVALUATION._replace(skipped=skipped)
        assert "... and 30 more" in render("evaluation", result, "text")
        assert "pair 39: no mask" in render("evaluation", result, "text", verbosity=1)


class TestAblation:
    def test_says_its_schema(self) -> None:
        found = document("ablation", samples.ABLATION)
        assert found["schema"] == training_json.ABLATION == "onnxguard/ablation/1"
        more = {"schema", "tool", "students", "comparisons"}
        assert set(found) == {*more, *records.Ablation._fields}

    @pytest.mark.parametrize("name", samples.ABLATIONS)
    def test_follows_the_schema(self, name: str) -> None:
        jsonschema.Draft202012Validator.check_schema(ABLATION_SCHEMA)
        result = samples.ABLATIONS[name]
        result = result._replace(data=result.data._replace(sha256=samples.sha("0")))
        jsonschema.validate(document("ablation", result), ABLATION_SCHEMA)

    def test_schema_refuses_anything_else(self) -> None:
        found = document("ablation", samples.ABLATION)
        found["students"][0]["surprise"] = 1
        with pytest.raises(jsonschema.ValidationError, match="surprise"):
            jsonschema.validate(found, ABLATION_SCHEMA)

    def test_the_mean_and_the_sample_deviation(self) -> None:
        first, second = document("ablation", samples.ABLATION)["students"]
        assert first["mean"] == pytest.approx(np.mean([0.7210, 0.7277, 0.7310]))
        assert first["deviation"] == pytest.approx(np.std([0.7210, 0.7277, 0.7310], ddof=1))
        assert second["deviation"] == pytest.approx(np.std([0.7360, 0.7420, 0.7391], ddof=1))

    def test_operators_that_only_one_student_has(self) -> None:
        first, second = students(samples.ABLATION)
        assert first.own_operators == ("ConvTranspose",)
        assert second.own_operators == ("Constant", "Resize")
        (alone,) = students(samples.ABLATIONS["one-student"])
        assert alone.own_operators == ()

    def test_the_older_list_comes_first(self) -> None:
        rows = students(samples.ABLATION)
        assert allowlists(rows) == ("pre-adr-0258", "adr-0258")
        text = render("ablation", samples.ABLATION, "text")
        assert text.index("pre-adr-0258  adr-0258") > 0

    def test_seeds_that_are_judged_differently_show_it(self) -> None:
        good, bad = samples.runs("saliency-v2", 0.7, 0.8)
        bad = bad._replace(verdicts=(("pre-adr-0258", "fail"), ("adr-0258", "error")))
        (row,) = students(samples.ABLATION._replace(runs=(good, bad)))
        assert row.verdicts == (("pre-adr-0258", "fail"), ("adr-0258", "pass/error"))

    def test_a_difference_beyond_the_noise(self) -> None:
        (said,) = sentences(samples.ABLATION)
        assert said.startswith("saliency-v2 is ahead of saliency-v1 by 0.0125 in mean IoU;")
        assert "the seeds' own deviation is 0.0042 (pooled)" in said
        assert said.endswith("lies above 0: the seeds alone do not explain it")

    def test_a_difference_within_the_noise(self) -> None:
        # scipy.stats.ttest_ind(..., equal_var=False).confidence_interval(0.95) says so, too.
        (said,) = sentences(samples.ABLATIONS["noise"])
        assert "-0.1293 to 0.1593, holds 0: the seeds alone may explain it" in said

    def test_a_single_seed_has_no_deviation(self) -> None:
        (said,) = sentences(samples.ABLATIONS["one-seed"])
        assert "with a single seed no deviation can be known" in said
        found = document("ablation", samples.ABLATIONS["one-seed"])
        assert found["students"][0]["deviation"] is None
        assert found["comparisons"][0]["interval"] is None

    def test_seeds_that_agree_to_the_last_bit(self) -> None:
        runs = (*samples.runs("saliency-v1", 0.5, 0.5), *samples.runs("saliency-v2", 0.5, 0.5))
        (said,) = sentences(samples.ABLATION._replace(runs=runs))
        assert said.startswith("saliency-v1 and saliency-v2 have the same mean IoU;")
        assert "0.0000 to 0.0000, holds 0" in said

    def test_the_best_is_compared_with_every_other(self) -> None:
        third = tuple(run._replace(student="x") for run in samples.runs("saliency-v2", 0.1, 0.2))
        said = sentences(samples.ABLATION._replace(runs=(*third, *samples.ABLATION.runs)))
        assert ["saliency-v2 is ahead of x" in one for one in said] == [True, False]
