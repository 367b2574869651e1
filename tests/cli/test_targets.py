"""``onnxguard targets``: the matrix, its formats, and what else is asked about targets."""

from __future__ import annotations

import html.parser
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from support import protobuf as pb
from support.command import run
from support.protobuf import graph, node
from support.target_goldens import FOLDER, GOLDENS, MODELS, Golden, matrix

from onnxguard.policy.target import TARGETS, load_target, target_ids
from onnxguard.reporters import TARGET_REPORTERS
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.running.kernel_target import target_of

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMA = json.loads((ROOT / "docs" / "targets.schema.json").read_text(encoding="utf-8"))
CPU = "onnxruntime-cpu@1.31.1"
INT8 = str(MODELS / "int8.onnx")


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.file)
def test_golden(golden: Golden) -> None:
    assert golden.render() == (FOLDER / golden.file).read_text(encoding="utf-8")


def test_json_is_as_its_schema_says() -> None:
    jsonschema.validate(json.loads(TARGET_REPORTERS["json"](matrix(), RenderOptions())), SCHEMA)


HOSTILE = "<script>|`*_[x](y)\x1b[31m\n## a.onnx"


@pytest.mark.parametrize("output_format", TARGET_REPORTERS)
def test_hostile_names_do_no_harm(output_format: str, tmp_path: Path) -> None:
    model = pb.model(graph(node("Sc<ript>\x1b|`", "x", "y", domain="d|`<b>")))
    (tmp_path / HOSTILE).write_bytes(model)
    _, out, _ = run("targets", str(tmp_path), "--target", "tensorrt", "--format", output_format)
    assert "\x1b" not in out
    assert "Sc" in out
    if output_format == "html":
        assert "<script" not in out
        html.parser.HTMLParser().feed(out)
    if output_format == "json":
        jsonschema.validate(json.loads(out), SCHEMA)
    if output_format == "markdown":
        assert not [line for line in out.splitlines() if line.startswith("## a")]


def test_the_matrix_names_models_targets_and_blockers() -> None:
    code, out, _ = run("targets", INT8, "--target", CPU, "--target", "tensorrt")
    assert code == 1
    assert f"  {CPU}  runs\n" in out
    assert "tensorrt@10.1 has no ConvInteger, at graph/node 2" in out
    assert "1 model, 2 targets: 1 runs, 1 refused" in out
    assert run("targets", INT8, "--target", CPU)[0] == 0
    assert run("targets", INT8, "--target", "openvino-cpu")[0] == 2
    assert run("targets", INT8, "--target", "tract")[0] == 0
    assert run("targets", str(MODELS / "external.onnx.data"), "--target", CPU)[0] == 2


def test_all_asks_the_newest_of_every_target() -> None:
    _, out, _ = run("targets", INT8, "--all", "--format", "json")
    asked = [each["id"] for each in json.loads(out)["targets"]]
    names = sorted({each.partition("@")[0] for each in target_ids()})
    assert sorted(each.partition("@")[0] for each in asked) == names
    assert "onnxruntime-cpu@1.32.0" in asked


def test_output_is_written_whole_and_never_over_a_model(tmp_path: Path) -> None:
    shutil.copy(INT8, tmp_path / "m.onnx")
    report = tmp_path / "matrix.html"
    more = ("--target", CPU, "--format", "html", "--output")
    assert run("targets", str(tmp_path / "m.onnx"), *more, str(report)) == (0, "", "")
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    code, _, err = run("targets", str(tmp_path / "m.onnx"), *more, str(tmp_path / "m.onnx"))
    assert (code, "is a model" in err) == (2, True)


def test_a_model_may_be_called_as_a_command_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(INT8, "list")
    code, out, _ = run("targets", "matrix", "--target", CPU, "list")
    assert (code, "Target                  list\n" in out) == (0, True)


@pytest.mark.parametrize("end", [".yaml", ".tsv"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_a_target_that_is_no_file_is_not_waited_for(
    make: Callable[[Path], None], end: str, tmp_path: Path
) -> None:
    for ending in (".yaml", ".tsv"):
        shutil.copy(TARGETS / f"{CPU}{ending}", tmp_path / f"own{ending}")
    (tmp_path / f"own{end}").unlink()
    make(tmp_path / f"own{end}")
    code, out, err = run("targets", INT8, "--target", str(tmp_path / "own.yaml"))
    assert (code, out) == (2, "")
    assert re.search(r"own\.yaml: cannot be read: (not a regular file|Is a directory)\n$", err)


def test_the_nearest_target_is_named() -> None:
    assert "(did you mean tensorrt" in run("targets", "show", "tensort")[2]
    assert "(did you mean onnxruntime-web" in run("targets", "show", "onnxruntime-webgp@1")[2]


def test_confirm_puts_the_truth_beside_the_prediction(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    brain = pb.model(graph(node("Strange", "x")))
    (tmp_path / "bad.onnx").write_bytes(brain)
    shutil.copy(INT8, tmp_path / "good.onnx")
    code, out, _ = run("targets", str(tmp_path), "--target", CPU, "--confirm", "--format", "json")
    assert code == 1
    bad, good = (model["asked"][0] for model in json.loads(out)["models"])
    assert (bad["answer"], bad["confirmed"]["loads"]) == ("refused", False)
    assert "Strange" in bad["confirmed"]["said"]
    assert (good["answer"], good["confirmed"]["loads"]) == ("runs", True)
    assert {each["name"] for each in good["confirmed"]["providers"]} <= {"CPUExecutionProvider"}


# -- the registry ----------------------------------------------------------------------------------


def test_list_names_every_target() -> None:
    _, out, _ = run("targets", "list")
    assert [line.split()[0] for line in out.splitlines()] == target_ids()
    assert "tract@2026-08-22                 179 operators  names" in out


def test_show_says_what_and_whence() -> None:
    code, out, _ = run("targets", "show", CPU, "LSTM", "com.microsoft::MatMulNBits")
    assert code == 0
    assert "source: onnxruntime 1.31.1: its own list of kernels" in out
    assert "LSTM" in out
    assert "layout 0" in out
    assert "com.microsoft::MatMulNBits" in out
    _, out, _ = run("targets", "show", "onnxruntime-cuda", "Conv")
    assert "what it does not have is left to onnxruntime-cpu@1.23.0-dev" in out
    code, _, err = run("targets", "show", CPU, "Nonsense")
    assert (code, "has no Nonsense" in err) == (2, True)


def test_diff_says_what_a_newer_runtime_admits() -> None:
    code, out, _ = run("targets", "diff", CPU, "onnxruntime-cpu@1.32")
    assert code == 0
    assert "~ ai.onnx opset: up to 26 -> up to 28" in out
    assert "~ IR version: up to 13 -> up to 14" in out
    assert "\n+ BitShift: version 28" in out
    assert run("targets", "diff", CPU, CPU)[1] == f"{CPU} and {CPU} say the same\n"


# -- of a runtime ----------------------------------------------------------------------------------

FOUND = {
    "runtime": "9.9.0",
    "kernels": [
        ["", "Relu", 6, 12, {"T": ["tensor(float)"]}],
        ["", "Relu", 13, 13, {"T": ["tensor(float)"]}],
        ["", "Relu", 14, None, {"T": ["tensor(float)"]}],
        ["", "Relu", 14, None, {"T": ["tensor(int8)"]}],
        ["", "Attention", 23, None, {"T1": ["tensor(float)"], "T2": ["tensor(float)"]}],
        ["", "Attention", 23, None, {"T1": ["tensor(double)"], "T2": ["tensor(float)"]}],
    ],
    "inlined": [["", "Mish", 18, 20, {"T": ["tensor(float)"]}]],
    "unknown": [["", "Attention", 23, 24, ["left_window_size"]]],
    "opsets": {"ai.onnx": 24},
    "ir_version": 11,
}


def test_kernels_become_a_target(tmp_path: Path) -> None:
    for ending, text in zip(("yaml", "tsv"), target_of(FOUND, "mine", "2026-01-02"), strict=True):
        (tmp_path / f"mine.{ending}").write_text(text, encoding="utf-8")
    target = load_target(str(tmp_path / "mine.yaml"))
    assert (target.id, target.opsets, target.ir_version) == ("mine@9.9.0", {"ai.onnx": 24}, 11)
    relu = {(str(row.versions), len(row.types["T"])) for row in target.rows("", "Relu")}
    assert relu == {("6..13", 1), ("14", 2)}
    first, second = sorted(target.rows("", "Attention"), key=lambda row: row.versions)
    assert first.types["T1"] == {"tensor(float)", "tensor(double)"}
    assert (str(first.versions), first.attributes) == ("23", {})
    assert (str(second.versions), second.attributes) == ("24", {"left_window_size": ()})
    assert [(row.how, str(row.versions)) for row in target.rows("", "Mish")] == [
        ("inlined", "18..20")
    ]
    assert target.rows("", "Constant")[0].how == "folded"
    code, out, _ = run("targets", INT8, "--target", str(tmp_path / "mine.yaml"))
    assert (code, "mine@9.9.0 has no ConvInteger" in out) == (1, True)


def test_from_runtime_asks_the_one_that_is_installed(tmp_path: Path) -> None:
    """The GPU package ends in a crash where CUDA is missing: that is one line."""
    pytest.importorskip("onnxruntime")
    path = tmp_path / "own.yaml"
    code, _, err = run("targets", "from-runtime", "--output", str(path))
    if code == 2:
        assert "ONNX Runtime's list of kernels cannot be read" in err
        assert not list(tmp_path.iterdir())
        return
    own = load_target(str(path))
    if own.id in target_ids():
        registered = load_target(own.id)
        assert own.operators() == registered.operators()
        for key in own.operators():
            assert set(map(str, own.rows(*key))) == set(map(str, registered.rows(*key)))


def test_from_runtime_needs_a_name_for_both_files(tmp_path: Path) -> None:
    code, _, err = run("targets", "from-runtime", "--output", str(tmp_path / "own"))
    assert (code, "--output ends in .yaml" in err) == (2, True)
    more = ("--python", str(tmp_path / "none"))
    code, _, err = run("targets", "from-runtime", "--output", str(tmp_path / "o.yaml"), *more)
    assert (code, "cannot be asked" in err) == (2, True)
