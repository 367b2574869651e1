"""``[tool.onnxguard]`` in pyproject.toml: defaults for ``onnxguard scan``."""

from __future__ import annotations

import importlib
import json
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support import protobuf as pb
from support.command import run
from support.protobuf import attribute, graph, node
from support.repositories import make_git, write_manifest

from onnxguard.cli.config import KEYS
from onnxguard.many.judge_all import judge_all

CLEAN = pb.model(graph(node("Relu")))
WARNED = pb.model(
    graph(
        node("Resize", "x _ s", attribute=attribute("mode", s="cubic")),
        input=[pb.value("x"), pb.value("s", dims=(4,))],
    )
)
BAD = pb.model(graph(node("Einsum", attribute=attribute("equation", s="abcd"))))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, data in {"clean": CLEAN, "warned": WARNED, "bad": BAD}.items():
        (tmp_path / f"{name}.onnx").write_bytes(data)
    return tmp_path


def configure(table: str, folder: Path = Path()) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.onnxguard]\n{table}\n", encoding="utf-8")


def failing() -> tuple[str, str]:
    """Standard output and error of a scan that cannot start."""
    code, out, err = run("scan", "clean.onnx")
    assert code == 2
    return out, err


# -- what each key does ----------------------------------------------------------------------------


def test_allowlist() -> None:
    configure('allowlist = "pre-adr-0258"')
    assert run("scan", "warned.onnx")[0] == 1
    assert run("scan", "warned.onnx", "--allowlist", "adr-0258")[0] == 0


@pytest.mark.parametrize("path", ["lists/mine.yaml", "./mine.yaml", "mine.yaml"])
@pytest.mark.parametrize("below", ["", "sub/deep"])
def test_path_of_an_allowlist_is_relative_to_the_file(
    path: str, below: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "lists").mkdir()
    (folder / path).write_text("schema: 1\nid: mine\noperators: [{name: Einsum}]\n")
    configure(f'allowlist = "{path}"', folder)
    make_git(folder, "folder")
    (folder / below).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder / below)
    code, out, err = run("scan", str(folder / "bad.onnx"))
    assert (code, err) == (0, ""), out


def test_absolute_path_of_an_allowlist(folder: Path) -> None:
    (folder / "mine.yaml").write_text("schema: 1\nid: mine\noperators: [{name: Einsum}]\n")
    configure(f'allowlist = "{folder / "mine.yaml"}"')
    assert run("scan", "bad.onnx")[0] == 0


def test_format() -> None:
    configure('format = "json"')
    assert json.loads(run("scan", "clean.onnx")[1])["models"]
    assert run("scan", "clean.onnx", "--format", "text")[1].startswith("PASS")


def test_select() -> None:
    configure('select = ["OG2", "OG302"]')
    assert run("scan", "bad.onnx")[0] == 0
    assert run("scan", "bad.onnx", "--select", "OG1")[0] == 1


def test_ignore() -> None:
    configure('ignore = ["OG101"]')
    assert run("scan", "bad.onnx")[0] == 0
    assert run("scan", "bad.onnx", "--ignore", "OG2")[0] == 1


def test_strict() -> None:
    configure("strict = true")
    assert run("scan", "warned.onnx")[0] == 1
    configure("strict = false")
    assert run("scan", "warned.onnx")[0] == 0


def test_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    command = importlib.import_module("onnxguard.cli.scale_options")
    asked: list[int] = []

    def spy(tasks: Any, judge: Any, lost: Any, jobs: int, *more: Any, **named: Any) -> Any:
        asked.append(jobs)
        return judge_all(tasks, judge, lost, jobs, *more, **named)

    monkeypatch.setattr(command, "judge_all", spy)
    configure("jobs = 2")
    assert run("scan", ".")[0] == 1
    assert run("scan", ".", "--jobs", "1")[0] == 1
    configure("jobs = 0")
    assert run("scan", ".")[0] == 1
    assert asked == [2, 1, os.cpu_count()]


def test_full_check() -> None:
    wrong = pb.model(graph(node("Relu"), output=pb.value("y", 1, [1, 2])))
    Path("clean.onnx").write_bytes(wrong)
    allowed = "ignore = ['OG185']"
    configure(allowed)
    assert run("scan", "clean.onnx")[0] == 0
    configure(f"full-check = true\n{allowed}")
    code, out, _ = run("scan", "clean.onnx")
    assert code == 1
    assert "OG901" in out


# -- which file ------------------------------------------------------------------------------------


def test_nearest_file_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure('ignore = ["OG101"]', folder)
    make_git(folder, "folder")
    inner = folder / "a/b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert run("scan", str(folder / "bad.onnx"))[0] == 0
    configure("strict = true", folder / "a")
    assert run("scan", str(folder / "bad.onnx"))[0] == 1


@pytest.mark.parametrize("nearer", ["[project]\nname = 'onnxguard'\n", "[tool.x]\n", ""])
def test_a_nearer_file_without_the_table_does_not_count(
    nearer: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("strict = true", folder)
    make_git(folder, "file")
    (folder / "a").mkdir()
    (folder / "a/pyproject.toml").write_text(nearer, encoding="utf-8")
    monkeypatch.chdir(folder / "a")
    assert run("scan", str(folder / "warned.onnx"))[0] == 1


@pytest.mark.parametrize("kind", ["folder", "file", "link", "none"])
def test_a_file_above_the_repository_is_not_read(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parent's, or one in a shared temporary folder."""
    configure('ignore = ["OG101"]', folder)
    inner = folder / "inner"
    inner.mkdir()
    make_git(inner, kind)
    monkeypatch.chdir(inner)
    assert run("scan", str(folder / "bad.onnx"))[0] == 1
    configure('ignore = ["OG101"]', inner)
    assert run("scan", str(folder / "bad.onnx"))[0] == 0


def test_config_none_reads_no_file() -> None:
    configure('ignore = ["OG101"]')
    assert run("scan", "bad.onnx", "--config", "none")[0] == 1
    assert run("scan", "--config", "auto", "bad.onnx")[0] == 0
    configure("nonsense = 1")
    assert run("scan", "clean.onnx", "--config", "none")[0] == 0


def test_config_is_auto_or_none() -> None:
    code, out, err = run("scan", "clean.onnx", "--config", "pyproject.toml")
    assert (code, out) == (2, "")
    assert "'--config'" in err


@pytest.mark.parametrize(
    "text",
    ["", "[project]\nname = 'onnxguard'\n", "[tool.other]\nonnxguard = 1\n", "[tool.onnxguard]\n"],
    ids=["empty", "another table", "another tool", "empty table"],
)
def test_file_without_the_table_changes_nothing(text: str) -> None:
    Path("pyproject.toml").write_text(text)
    assert run("scan", "clean.onnx")[0] == 0
    assert run("scan", "bad.onnx")[0] == 1


# -- the other commands ----------------------------------------------------------------------------


def set_for(command: str, table: str) -> None:
    Path("pyproject.toml").write_text(f"[tool.onnxguard.{command}]\n{table}\n", "utf-8")


def test_check_takes_its_own_table_and_says_so(folder: Path) -> None:
    (folder / "bad.onnx").unlink()
    write_manifest("  - {paths: ['*.onnx'], allowlist: adr-0258}\n")
    assert run("check")[0] == 0
    configure("strict = true")  # the scan's
    assert run("check")[0] == 0
    set_for("check", "strict = true")
    assert run("check", "--config", "none")[0] == 0
    code, out, _ = run("check", "--format", "json")
    assert code == 1
    (said,) = [
        file for file in json.loads(out)["origin"]["files"] if file["role"] == "configuration"
    ]
    assert said["path"] == "pyproject.toml"


def test_a_baseline_is_told() -> None:
    assert run("scan", "bad.onnx", "--baseline", "known.json", "--update-baseline")[0] == 0
    configure('baseline = "known.json"')
    code, out, _ = run("scan", "bad.onnx")
    assert code == 0
    assert "narrowed by --baseline known.json (pyproject.toml)" in out


def test_diff_says_what_it_took_from_the_file() -> None:
    set_for("diff", 'format = "json"')
    code, out, err = run("diff", "clean.onnx", "clean.onnx")
    assert (code, err) == (0, "defaults from pyproject.toml: format\n")
    json.loads(out)
    assert run("diff", "clean.onnx", "clean.onnx", "--config", "none")[2] == ""


@pytest.mark.parametrize(
    ("command", "table", "said"),
    [
        ("diff", "strict = true", 'unknown key "strict" in [tool.onnxguard.diff] (known: '),
        ("parity", 'torch = "net:trained"', 'unknown key "torch" in [tool.onnxguard.parity] (kn'),
        ("parity", 'atol = "x"', "atol in [tool.onnxguard.parity] is a number"),
        ("check", "exit-zero = true", 'unknown key "exit-zero" in [tool.onnxguard.check] (kno'),
        ("lock", "jobs = 1.5", "jobs in [tool.onnxguard.lock] is a whole number"),
        ("init", "allowlist = 258", "allowlist in [tool.onnxguard.init] is text"),
        ("conform", "seed = true", "seed in [tool.onnxguard.conform] is a whole number"),
    ],
)
def test_what_is_wrong_in_a_table_is_told_by_its_command(
    command: str, table: str, said: str, folder: Path
) -> None:
    set_for(command, table)
    code, out, err = run(command)
    assert (code, out) == (2, "")
    assert err.startswith(f"onnxguard: error: {folder / 'pyproject.toml'}: {said}")
    assert run("scan", "clean.onnx")[0] == 0


@pytest.mark.parametrize(
    "command", ["scan clean.onnx", "check", "diff clean.onnx bad.onnx", "parity", "conform"]
)
def test_no_table_has_a_report_written_to_a_file(command: str, folder: Path) -> None:
    """Who brings a repository along would choose what is overwritten."""
    (folder / "kept").write_text("mine")
    name, *arguments = command.split()
    (configure if name == "scan" else partial(set_for, name))('format = "json:kept"')
    code, _, err = run(name, *arguments)
    assert code == 2
    assert "is a format alone: only a command line names a file" in err
    assert (folder / "kept").read_text() == "mine"


def test_a_table_of_no_command_is_told_by_any() -> None:
    set_for("chek", "strict = true")
    for command in (("scan", "clean.onnx"), ("check",)):
        code, _, err = run(*command)
        assert code == 2
        assert 'unknown table "chek" in [tool.onnxguard] (did you mean check?)' in err


@pytest.mark.parametrize("command", KEYS)
def test_what_a_table_may_set_is_an_option_of_the_command(command: str) -> None:
    known = {option for option in run(command, "--help")[1].split() if option.startswith("--")}
    assert {f"--{key}" for key in KEYS[command].split()} <= known


def test_other_commands_read_no_file() -> None:
    configure("nonsense = 1")
    assert run("rules", "OG101")[0] == 0
    assert run("allowlist", "list")[0] == 0


# -- what is wrong with it -------------------------------------------------------------------------

ERRORS = {
    'allowlst = "base"': 'unknown key "allowlst" in [tool.onnxguard] (did you mean allowlist?)',
    "full_check = true": 'unknown key "full_check" in [tool.onnxguard] (did you mean full-check?)',
    "exit-zero = true": 'unknown key "exit-zero" in [tool.onnxguard] (known: allowlist, '
    "baseline, format, full-check, ignore, include-ignored, jobs, rules-url, select, strict)",
    '"\\u001b[2J" = 1': 'unknown key "\\x1b[2J" in [tool.onnxguard] (known: ',
    "allowlist = 258": "allowlist in [tool.onnxguard] is text",
    "format = []": "format in [tool.onnxguard] is text",
    'select = "OG1"': "select in [tool.onnxguard] is a list of texts",
    "ignore = [101]": "ignore in [tool.onnxguard] is a list of texts",
    'jobs = "2"': "jobs in [tool.onnxguard] is a whole number",
    "jobs = 2.0": "jobs in [tool.onnxguard] is a whole number",
    "jobs = true": "jobs in [tool.onnxguard] is a whole number",
    "strict = 1": "strict in [tool.onnxguard] is true or false",
    'full-check = "yes"': "full-check in [tool.onnxguard] is true or false",
    "select = 'OG1": "not TOML: ",
    "strict = true\nstrict = true": "not TOML: ",
}


@pytest.mark.parametrize("table", ERRORS)
def test_error_names_the_file_and_the_key(table: str, folder: Path) -> None:
    configure(table)
    out, err = failing()
    assert out == ""
    assert err.startswith(f"onnxguard: error: {folder / 'pyproject.toml'}: {ERRORS[table]}")
    assert err.count("\n") == 1
    assert err[:-1].isprintable()


@pytest.mark.parametrize("text", ["[tool]\nonnxguard = 1\n", "tool = 'onnxguard'\n"])
def test_table_that_is_none(text: str, folder: Path) -> None:
    Path("pyproject.toml").write_text(text)
    _, err = failing()
    assert err == f"onnxguard: error: {folder / 'pyproject.toml'}: [tool.onnxguard] is a table\n"


def test_file_without_end(folder: Path) -> None:
    with open("pyproject.toml", "wb") as file:
        file.write(b"[tool.onnxguard]\n")
        file.truncate(1 << 40)
    _, err = failing()
    assert err.startswith(f"onnxguard: error: {folder / 'pyproject.toml'}: longer than ")


def test_file_that_is_not_text(folder: Path) -> None:
    Path("pyproject.toml").write_bytes(b"[tool.onnxguard]\nformat = '\xff'\n")
    _, err = failing()
    assert err.startswith(f"onnxguard: error: {folder / 'pyproject.toml'}: not TOML: ")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('allowlist = "adr-0285"', "adr-0258"),
        ('format = "yaml"', "'yaml' is not one of"),
        ("jobs = -1", "-1 is not in the range"),
        ('select = ["OG999"]', 'no rule "OG999"'),
        ('ignore = ["OG0"]', "cannot be passed over"),
        ('allowlist = "none.yaml"', "cannot be read: No such file or directory"),
    ],
)
def test_value_that_no_option_takes(table: str, words: str) -> None:
    configure(table)
    out, err = failing()
    assert out == ""
    assert words in err
    if "'" in words or "range" in words:
        assert err.startswith("onnxguard: error: pyproject.toml: invalid value for '--")
        _, _, err = run("scan", "clean.onnx", "--config", "none", "--format", "yaml")
        assert err.startswith("onnxguard: error: invalid value for '--format': ")


def test_file_that_cannot_be_read_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        monkeypatch.chdir(name)
        configure("strict = true")
        Path("clean.onnx").write_bytes(CLEAN)
        Path("pyproject.toml").chmod(0)
        user = os.geteuid()
        if user == 0:  # root may read anything
            os.seteuid(65534)
        try:
            out, err = failing()
        finally:
            os.seteuid(user)
        monkeypatch.undo()
    assert out == ""
    assert "internal error" not in err
    assert "pyproject.toml" in err
