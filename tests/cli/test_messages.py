"""Lines that are no report: one each in a pipe, and as wide as a terminal on one."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import protobuf as pb
from support.command import run
from support.git import git
from support.protobuf import graph, node
from support.terminal import on_terminal


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clean.onnx").write_bytes(pb.model(graph(node("Relu"))))
    (tmp_path / "bad.onnx").write_bytes(pb.model(graph(node("Einsum"))))
    git("init", "-q")
    (tmp_path / ".gitignore").write_text("build/\n")
    for name in "abcd":
        (tmp_path / "build" / (name * 12)).mkdir(parents=True)
        (tmp_path / "build" / (name * 12) / "left_out.onnx").write_bytes(b"")
    return tmp_path


SAID = [
    "scan clean.onnx --format xml",
    "scan clean.onnx --allowlist nope",
    "scan clean.onnx --output no/folder/of/that/name/is/here/and/so/it/is/not/written.json",
    "check",
    "parity clean.onnx --torch a.b:c --provider nope",
    "diff clean.onnx",
    "allowlist list",
    "allowlist show adr-0258",
    "allowlist diff base vmafx-2026",
    "allowlist check missing.yaml",
    "targets list",
    "targets show tensorrt",
    "targets diff onnxruntime-cpu@1.31 onnxruntime-cpu@1.32",
    "targets show nope",
    "rules",
    "rules OG101",
    "init --force",
    "cache show",
]


@pytest.mark.parametrize("columns", [80, 30])
@pytest.mark.parametrize("words", SAID)
def test_what_is_said_fits_the_terminal_and_is_the_same(words: str, columns: int) -> None:
    shown = on_terminal(*words.split(), columns=columns, NO_COLOR="1")
    code, out, err = run(*words.split())
    assert shown.code == code
    for text, plain in ((shown.out, out), (shown.err, err)):
        lines = text.splitlines()
        width = max(columns, 40)
        assert not [line for line in lines if len(line) > width and len(line.split()) > 1]
        assert text.split() == plain.split()


def test_what_is_said_in_a_pipe_is_a_line() -> None:
    assert len(run("scan", "clean.onnx", "--allowlist", "nope")[2].splitlines()) == 1
    assert len(run("init")[1].splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("scan", "--no\x1b[2J"),
        ("scan", "clean.onnx", "--format", "\x1b[2J"),
        ("lock", "\x1b[2J\nonnxguard: all is well"),
        ("scan", "clean.onnx", "--jobs", "\x1b[2J"),
        ("\x1b[2J",),
        ("rules", "\x1b[2J"),
        ("targets", "show", "\x1b[2J\u202e"),
    ],
)
def test_nothing_that_does_not_print_is_said(words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert all(line.isprintable() for line in err.splitlines())
    assert r"\x1b[2J" in err
    assert not [line for line in err.splitlines() if line.startswith("onnxguard: all")]


def test_a_folder_of_any_name_is_said_harmlessly(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = folder / "odd\x1b[31m\nname"
    odd.mkdir()
    (odd / "pyproject.toml").write_text("[tool.onnxguard]\nnonsense = 1\n")
    git("init", "-q", str(odd))
    monkeypatch.chdir(odd)
    code, _, err = run("scan", "../clean.onnx")
    assert code == 2
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
