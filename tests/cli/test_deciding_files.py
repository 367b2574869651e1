"""Which files decided on a run: each is named with the SHA-256 of what it holds."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.command import run
from support.repositories import RELU, TANH, enter, write_manifest, write_models

BASELINE = ("--baseline", "accepted.json")
CONFIGURATION = '[tool.onnxguard]\nallowlist = "./mine.yaml"\n'


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = enter(tmp_path, monkeypatch)
    write_models(a=RELU, b=TANH)
    return root


def named(*paths: tuple[str, str]) -> list[dict[str, str]]:
    return [
        {"role": role, "path": path, "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}
        for role, path in paths
    ]


def decided(*arguments: str) -> dict[str, Any]:
    """What the JSON says, and that --digests says the same."""
    _, out, err = run(*arguments, "--format", "json", "--digests")
    origin = json.loads(out)["origin"]
    found = {name: origin[name] for name in ("files", "exclude", "excluded")}
    said = "".join(
        f"decided by {file['role']} {file['path']} sha256:{file['sha256']}\n"
        for file in found["files"]
    )
    assert err.startswith(said)
    assert run(*arguments, "-v")[2].startswith(said)
    assert "decided by" not in run(*arguments)[2]
    return found


def test_a_scan_by_the_tool_alone() -> None:
    assert decided("scan", "a.onnx") == {"files": [], "exclude": [], "excluded": []}


def test_a_scan_by_files_of_its_own() -> None:
    Path("pyproject.toml").write_text(CONFIGURATION, encoding="utf-8")
    run("scan", ".", "--update-baseline", *BASELINE)
    files = (
        ("configuration", "pyproject.toml"),
        ("allowlist", "mine.yaml"),
        ("allowlist", "small.yaml"),
        ("baseline", "accepted.json"),
    )
    assert decided("scan", ".", *BASELINE)["files"] == named(*files)
    assert decided("scan", ".", "--config=none")["files"] == []
    assert decided("scan", ".", "--allowlist=base")["files"] == named(files[0])


def test_a_list_comes_with_those_that_it_extends() -> None:
    Path("lists").mkdir()
    for name, parent in {"outer": "./inner.yaml", "inner": "base"}.items():
        text = f"schema: 1\nid: {name}\nextends: {parent}\n"
        Path(f"lists/{name}.yaml").write_text(text, encoding="utf-8")
    files = ("allowlist", "lists/outer.yaml"), ("allowlist", "lists/inner.yaml")
    assert decided("scan", "a.onnx", "--allowlist", "lists/outer.yaml")["files"] == named(*files)


def test_a_check(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_manifest(
        "  - {paths: ['a*'], allowlist: ./mine.yaml}\n"
        "  - {paths: ['*.onnx'], allowlist: ./mine.yaml}\n"
        "  - {paths: ['c*']}\n",
        more="exclude: ['old/**', 'b*', 'none*']\n",
    )
    Path("old").mkdir()
    run("lock")
    run("check", "--update-baseline", *BASELINE)
    files = (
        ("manifest", "onnxguard.yaml"),
        ("lock", "onnxguard.lock"),
        ("allowlist", "mine.yaml"),
        ("allowlist", "small.yaml"),
        ("baseline", "accepted.json"),
    )
    assert decided("check", *BASELINE) == {
        "files": named(*files),
        "exclude": ["old/**", "b*", "none*"],
        "excluded": ["b.onnx", "old/"],
    }
    os.unlink("onnxguard.lock")
    (root / "below").mkdir()
    monkeypatch.chdir("below")
    above = (
        ("manifest", "../onnxguard.yaml"),
        *(("allowlist", f"../{name}.yaml") for name in ("mine", "small")),
    )
    assert decided("check")["files"] == named(*above)


def test_a_name_that_would_be_a_command() -> None:
    Path("a\n::error::b.yaml").write_text("schema: 1\nid: mine\nextends: base\n")
    _, _, err = run("scan", "a.onnx", "--digests", "--allowlist", "a\n::error::b.yaml")
    assert err.startswith("decided by allowlist a\\n::error::b.yaml sha256:")
    assert err.count("\n") == 1
