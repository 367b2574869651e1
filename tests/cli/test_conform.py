"""``onnxguard conform``: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import make_models
import pytest
from support import deadly, formats
from support.checkout import ROOT
from support.checkout import run as started
from support.command import run
from support.conformance_samples import GOLDENS, samples, texts

from onnxguard.conformance import trial
from onnxguard.reporters import CONFORMANCE_REPORTERS, RenderOptions

MODELS = make_models.FOLDER
LOOPING = str(MODELS / "looping.onnx")


@pytest.mark.parametrize("name", texts())
def test_golden(name: str) -> None:
    assert (GOLDENS / name).read_text(encoding="utf-8") == texts()[name]
    assert {path.name for path in GOLDENS.iterdir()} == texts().keys()


@pytest.mark.parametrize("name", samples())
@pytest.mark.parametrize("output_format", CONFORMANCE_REPORTERS)
def test_a_report_is_whole_valid_and_harmless(output_format: str, name: str) -> None:
    text = CONFORMANCE_REPORTERS[output_format](samples()[name], RenderOptions())
    formats.check_document(output_format, text)


@pytest.mark.parametrize("name", samples())
def test_json_is_as_its_schema_says(name: str) -> None:
    schema = json.loads((ROOT / "docs" / "conformance.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(CONFORMANCE_REPORTERS["json"](samples()[name], RenderOptions()))
    jsonschema.validate(document, schema)


def test_colours_are_all_that_a_terminal_adds() -> None:
    result = samples()["list"]
    render = CONFORMANCE_REPORTERS["text"]
    assert "\x1b[" in render(result, RenderOptions(color=True))
    assert formats.raw_characters(render(result, RenderOptions())) == set()


# -- real runs ------------------------------------------------------------------------------------


def test_a_model_is_reported() -> None:
    code, out, err = run("conform", LOOPING)
    assert (code, err) == (0, "")
    assert "9 kinds of node: 8 proven, 1 unproven" in out
    code, out, err = run("conform", LOOPING, "--require-proven", "--format", "json")
    document = json.loads(out)
    schema = json.loads((ROOT / "docs" / "conformance.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    assert (code, document["exit_code"], document["verdict"]) == (1, 1, "fail")
    assert document["summary"] == {"proven": 8, "partial": 0, "unproven": 1, "failed": 0}


def small(folder: Path, *names: str) -> str:
    path = folder / "small.yaml"
    head = "schema: 1\nid: small\ntitle: t\nadr: ADR-1\ndate: 2026-01-02\nreason: r\n"
    path.write_text(f"{head}operators:\n  - names: [{', '.join(names)}]\n", encoding="utf-8")
    return str(path)


def test_a_list_is_reported_into_a_file(tmp_path: Path) -> None:
    output = tmp_path / "report.md"
    arguments = ("--allowlist", small(tmp_path, "Relu", "Max"), "--opset", "14", "--min-cases", "1")
    code, out, err = run("conform", *arguments, "--format", "markdown", "--output", str(output))
    assert (code, out, err) == (0, "", "")
    text = output.read_text(encoding="utf-8")
    assert "| `Relu` | **proven** | 14 | 1 | 0 | 31 | 5 of 8, 3 no kernel | - | 0 |" in text


def test_a_failure_exits_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    monkeypatch.setattr(trial, "run", deadly.run_but_die_of_abs)
    code, out, _ = run("conform", "--allowlist", small(tmp_path, "Abs", "Neg"))
    assert code == 1
    assert "Abs failed: test_abs: the process was killed by SIGKILL" in out
    assert "FAIL: 2 operators: 1 proven, 1 failed, " in out


def test_nothing_ran_exits_1(tmp_path: Path) -> None:
    code, out, _ = run("conform", "--allowlist", small(tmp_path, "Gelu"))
    assert code == 1
    assert out.startswith("VACUOUS")


def test_progress_is_for_terminals() -> None:
    assert run("conform", LOOPING)[2] == ""
    near, far = os.openpty()
    command = [sys.executable, "-m", "onnxguard", "conform", LOOPING]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=far, check=True)
    shown = os.read(near, 1 << 16).decode()
    os.close(near)
    os.close(far)
    assert "conforming" in shown
    assert "100%" in shown
    assert done.stdout.startswith(b"PASS")


def test_a_model_is_never_written_to(tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copy(LOOPING, model)
    code, _, err = run("conform", str(model), "--output", str(model))
    assert (code, "never written to" in err) == (2, True)
    assert model.read_bytes() == Path(LOOPING).read_bytes()


# -- calls that are wrong -------------------------------------------------------------------------

WRONG = [
    ((), "name a model or an --allowlist, and not both"),
    ((LOOPING, "--allowlist", "adr-0258"), "name a model or an --allowlist, and not both"),
    ((LOOPING, "--opset", "17"), "--opset does not go with a model"),
    ((LOOPING, "--min-cases", "2"), "--min-cases does not go with a model"),
    (("--allowlist", "base", "--seed", "1"), "--seed does not go with --allowlist"),
    (("--allowlist", "base", "--shape", "x=1"), "--shape does not go with --allowlist"),
    (("--allowlist", "base", "--inputs", "a.npz"), "--inputs does not go with --allowlist"),
    (("--allowlist", "adr-0285"), 'no allowlist "adr-0285" in the registry'),
    (("--allowlist", "base", "--opset", "0"), "--opset 0: the installed onnx knows"),
    (("--allowlist", "base", "--opset", "99"), "--opset 99: the installed onnx knows"),
    (("missing.onnx",), "missing.onnx: cannot be read"),
    ((str(ROOT / "README.md"),), "README.md: "),
    (("-",), "name a file, not -"),
    ((LOOPING, "--shape", "nothing=1x4"), "INPUT being one of: input"),
    ((LOOPING, "--shape", "input=1x4x4"), "the input has 2 dims"),
    ((LOOPING, "--inputs", "missing.npz"), "missing.npz: no such file"),
    ((LOOPING, "--output", "x.onnx"), "is a model, which is never written to"),
    ((LOOPING, "--output", "no/such/folder/x"), "not a file in a folder that exists"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_a_wrong_call_is_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run("conform", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("onnxguard: error: ")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("options", [("--seed", "x"), ("--case-seconds", "0"), ("--format", "x")])
def test_values_that_click_refuses_exit_2(options: tuple[str, ...]) -> None:
    assert run("conform", LOOPING, *options)[0] == 2


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    code, _, err = run("conform", LOOPING)
    assert code == 2
    assert "needs onnxruntime: pip install '.[parity]' -c constraints.txt" in err


def test_the_help_and_the_reporters_need_no_extra(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('numpy', 'onnx', 'onnxruntime', 'torch'): sys.modules[name] = None\n"
        "import onnxguard.reporters.conformance.document, onnxguard.reporters.kit.html\n"
        "import onnxguard.reporters.conformance.json\n"
        "from onnxguard.cli import main\n"
        "sys.exit(main(['conform', '--help']))\n"
    )
    assert "--require-proven" in started(sys.executable, "-c", code, cwd=tmp_path).stdout
