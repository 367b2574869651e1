"""``onnxguard diff`` as it is called: by hand, by git and in a workflow."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import make_models
import pytest
import yaml
from support import formats
from support import protobuf as pb
from support.checkout import ENVIRONMENT, ROOT
from support.checkout import run as run_program
from support.command import run
from support.protobuf import attribute, graph, node
from support.servers import WebServer, running, web, write_sparse_model
from support.terminal import on_terminal

from onnxguard.differences import compare
from onnxguard.scanning.report import Verdict
from onnxguard.scanning.scan import scan

__all__ = ["running", "web"]

CLEAN = pb.model(graph(node("Relu")))
OTHER = pb.model(graph(node("Exp")))
BAD = pb.model(graph(node("Einsum", attribute=attribute("equation", s="abcd"))))
LONG = pb.model(
    graph(node("Abs"), *[node("Abs", "x", f"y{n}") for n in range(49)])
)  # git takes it for no renamed one
LISTS = ["adr-0258", "base", "pre-adr-0258"]
PAGE = (ROOT / "docs" / "compare-models.md").read_text(encoding="utf-8")
PATH = f"{Path(sys.executable).parent}:{ENVIRONMENT['PATH']}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, data in (("clean", CLEAN), ("other", OTHER), ("bad", BAD), ("page", b"<html>")):
        (tmp_path / f"{name}.onnx").write_bytes(data)
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("clean", "other", 0),
        ("clean", "clean", 0),
        ("bad", "clean", 0),
        ("clean", "bad", 1),
        ("page", "clean", 2),
        ("clean", "page", 2),
        ("clean", "none", 2),
    ],
)
@pytest.mark.parametrize("output_format", ["text", "json", "markdown"])
def test_exit_code(old: str, new: str, code: int, output_format: str) -> None:
    found, out, err = run("diff", f"{old}.onnx", f"{new}.onnx", "--format", output_format)
    assert (found, err) == (code, "")
    formats.check(output_format, out)
    if output_format == "json":
        assert json.loads(out)["exit_code"] == code


@pytest.mark.parametrize("dash", ["old", "new"])
def test_one_of_the_two_may_be_standard_input(dash: str) -> None:
    paths = ["-", "bad.onnx"] if dash == "old" else ["clean.onnx", "-"]
    lists = ["--allowlist", "adr-0258", "--allowlist", "base"]
    piped = CLEAN if dash == "old" else BAD
    code, out, err = run("diff", *paths, *lists, "--format", "json", stdin=piped)
    assert (code, err) == (1, "")
    document = json.loads(out)
    assert document["path"] == dict(zip(("old", "new"), paths, strict=True))
    assert document["structure"]["difference"] == "graph/node 0: Relu became Einsum"
    assert [j["verdict"] for j in document["judged"]] == [{"old": "pass", "new": "fail"}] * 2


@pytest.mark.parametrize("piped", [b"", b"version https://git-lfs.github.com/spec/v1\n"])
def test_standard_input_that_is_no_model_is_not_verified(piped: bytes) -> None:
    code, out, err = run("diff", "-", "clean.onnx", stdin=piped)
    assert (code, err) == (2, "")
    assert "- OG002 error" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-", "-"], "standard input holds one model: give a file for OLD or for NEW"),
        (
            ["clean.onnx"],
            "name two models, OLD and NEW, or two revisions, --git BASE..HEAD: 1 model given",
        ),
        ([".", "clean.onnx"], '"." is a folder: diff compares two files'),
        (["clean.onnx", "bad.onnx", "--allowlist", "bse"], "did you mean base?"),
        (["clean.onnx", "bad.onnx", "--output", "bad.onnx"], "which is never written to"),
        (["clean.onnx", "bad.onnx", "--output", "no/where"], "not a file in a folder that exists"),
        (["clean.onnx", "bad.onnx", "--format", "sarif"], "'sarif'"),
    ],
)
def test_call_that_is_wrong(arguments: list[str], words: str) -> None:
    code, out, err = run("diff", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


def test_output_goes_to_a_file_and_a_list_given_twice_judges_once() -> None:
    lists = ["--allowlist", "base", "--allowlist", "base"]
    code, out, err = run("diff", "clean.onnx", "bad.onnx", *lists, "--output", "report")
    assert (code, out, err) == (1, "", "")
    assert Path("report").read_text().count("base: PASS -> FAIL") == 1


def test_help_states_the_exit_codes() -> None:
    code, out, _ = run("diff", "--help")
    assert code == 0
    said = " ".join(out.split())
    assert "Exit code: 0 NEW passes every list, however it differs; 1 NEW fails a list; 2" in said


def test_text_is_coloured_on_a_terminal() -> None:
    seen = on_terminal("diff", "clean.onnx", "bad.onnx")
    assert seen.code == 1
    assert "\x1b[1;31mFAIL" in seen.out


# -- addresses ------------------------------------------------------------------------------------


def test_a_model_at_an_address_costs_its_structure_alone(folder: Path, web: WebServer) -> None:
    write_sparse_model(folder / "large.onnx", 4, 1 << 20)
    web.files["/large.onnx"] = folder / "large.onnx"
    address = web.url("/large.onnx?token=secret")
    code, out, err = run("diff", address, "large.onnx", "--allowlist", "base", "--format", "json")
    document = json.loads(out)
    assert (document["identical"], document["structure"]["elsewhere"]) == (None, 4)
    assert document["structure"]["difference"] == ""
    assert web.sent < (folder / "large.onnx").stat().st_size / 10
    assert "secret" not in out + err
    assert code in (0, 1)
    web.always = "404"
    code, out, err = run("diff", "clean.onnx", address)
    assert code == 2
    assert "secret" not in out + err


# -- git ------------------------------------------------------------------------------------------


def shell(script: str, folder: Path, rc: int | None = 0, **environment: str) -> str:
    """What a script prints, run as a workflow runs it."""
    return run_program(
        "bash", "-e", "-c", script, cwd=folder, rc=rc, PATH=PATH, **environment
    ).stdout


@pytest.fixture
def repository(folder: Path) -> Path:
    """A repository with three models, of which one changed, one is new and one is gone."""
    shell("git init -q -b main . && git add . && git commit -q -m models", folder)
    os.replace("bad.onnx", "clean.onnx")
    (folder / "fresh model.onnx").write_bytes(LONG)
    return folder


def test_git_diff_compares_models_by_the_command_of_the_page(repository: Path) -> None:
    (setup,) = re.findall(r"^\$ (git config diff\.onnx\.command .*)$", PAGE, re.MULTILINE)
    shell(
        f"echo '*.onnx diff=onnx' > .gitattributes\n{setup}\ngit add --intent-to-add fresh*",
        repository,
    )
    said = shell("git diff", repository)
    assert "graph/node 0: Relu became Einsum" in " ".join(said.split())
    assert "FAIL: the new model fails adr-0258" in said
    assert "bad.onnx\nremoved\n" in said
    assert "fresh model.onnx\n" in said
    shell("git add . && git commit -q -m changed", repository)
    said = shell("git show --ext-diff", repository)
    assert "graph/node 0: Relu became Einsum" in " ".join(said.split())
    assert "PASS  " in said  # the new model, scanned


@pytest.mark.parametrize("model", [OTHER, BAD], ids=["clean", "bad"])
def test_the_workflow_of_the_page_writes_a_summary(model: bytes, folder: Path) -> None:
    (snippet,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    script = yaml.safe_load(snippet)["jobs"]["diff"]["steps"][-1]["run"]
    (folder / "a b.onnx").write_bytes(CLEAN)
    shell("git init -q -b main . && git add . && git commit -q -m models", folder)
    base = shell("git rev-parse HEAD", folder).strip()
    (folder / "a b.onnx").write_bytes(model)
    (folder / "other.onnx").write_bytes(CLEAN)
    (folder / "fresh.onnx").write_bytes(OTHER)
    shell("git add . && git commit -q -m changed", folder)
    summary = folder / "summary.md"
    temporary = folder / "temporary"
    temporary.mkdir()
    places = {"GITHUB_STEP_SUMMARY": str(summary), "RUNNER_TEMP": str(temporary), "BASE": base}
    said = shell(script, folder, rc=1 if model == BAD else 0, **places)
    assert said == ""
    text = summary.read_text(encoding="utf-8")
    assert text.count("## onnxguard diff: ") == 1
    assert "`a b.onnx`" in text
    assert "| `fresh.onnx` | added |" in text
    assert ("Relu became Einsum" in text) is (model == BAD)


COUNTING = """
import sys
opened, read = [], []
sys.addaudithook(lambda event, given: opened.append(given[0]) if event == "open" else None)
from onnxguard.cli import main
import onnxguard.scanning.scan
scanning = sys.modules["onnxguard.scanning.scan"]  # the package's own name is a function
survey = scanning.survey
scanning.survey = lambda model: (read.append(model), survey(model))[1]
main(sys.argv[1:])
print(*sorted(p for p in map(str, opened) if p.endswith(".onnx")), len(read))
"""


def test_two_models_are_read_once_for_any_number_of_lists(folder: Path) -> None:
    lists = [part for name in LISTS for part in ("--allowlist", name)]
    call = (sys.executable, "-c", COUNTING, "diff", "clean.onnx", "bad.onnx", *lists)
    out = run_program(*call, cwd=folder).stdout
    assert out.splitlines()[-1] == "bad.onnx clean.onnx 2"


@pytest.mark.parametrize("model", sorted(path.name for path in make_models.FOLDER.glob("*.onnx")))
def test_a_list_says_in_a_difference_what_it_says_in_a_scan(model: str) -> None:
    path = str(make_models.FOLDER / model)
    found = compare(path, path, LISTS)
    for said, name in zip(found.judged, LISTS, strict=True):
        alone = scan(path, name)
        assert said.verdict == (alone.verdict, alone.verdict)
        assert [pair.new for pair in said.standing] == list(alone.findings)


def test_a_list_that_allows_less_work_reads_less(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["onnxguard.scanning.scan"], "STEPS", 1000)
    (folder / "long.onnx").write_bytes(LONG)
    verdicts = []
    for name, nodes in (("small", 10), ("large", 300)):
        limits = f"schema: 1\nid: {name}\ntitle: t\nextends: base\nlimits: {{nodes: {nodes}}}\n"
        (folder / f"{name}.yaml").write_text(limits, encoding="utf-8")
        verdicts.append(scan("long.onnx", f"./{name}.yaml").verdict)
    assert verdicts == [Verdict.ERROR, Verdict.PASS]
    found = compare("long.onnx", "long.onnx", ["./small.yaml", "./large.yaml"])
    assert [said.verdict.new for said in found.judged] == verdicts


def test_what_a_change_costs_is_said_for_a_shape() -> None:
    paths = [str(make_models.FOLDER / f"saliency_{name}.onnx") for name in ("v1", "v2")]
    code, out, _ = run("diff", *paths, "--shape", "input=1x3x64x64")
    assert code == 0
    assert re.search(r"multiply-accumulates +1,285,376 -> 1,531,136\n", out)
    assert re.search(r"bytes of weights +7,580 -> 8,348\n", out)
    _, out, _ = run("diff", *paths, "--format", "json")
    costs = json.loads(out)["facts"]["costs"]
    old = [pair["old"] for pair in costs["changed"]]
    assert [each["exact"] for each in old if each["name"].startswith("multiply")] == [False]
    assert run("diff", *paths, "--shape", "z=1")[0] == 2
