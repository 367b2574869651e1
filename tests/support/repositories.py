"""Small repositories of models, written as files that a person would write."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hostile import CASES
from hostile.injection import PAYLOADS, poisoned

from onnxguard.base.errors import ModelError
from onnxguard.repository import cache
from onnxguard.scanning.scan import facts_of
from support import protobuf as pb
from support.command import run
from support.lists import write_list
from support.protobuf import graph, node, tensor

RELU = pb.model(graph(node("Relu")))
"""A model that ``mine.yaml`` accepts."""
TANH = pb.model(graph(node("Tanh")))
"""A model that it does not: OG101."""
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"

CODES = frozenset({"OG007", "OG811", "OG812", "OG813", "OG814", "OG821", "OG822", "OG823", "OG831"})
"""What a check of a repository finds besides what a list does; test_check.py and test_baseline.py
have a case of each."""

EVERY = "  - {paths: ['**/*.onnx'], allowlist: ./mine.yaml}\n"


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go into an empty repository with a list, and keep the user's cache out of it."""
    root = folder / "repository"
    (root / ".git").mkdir(parents=True)
    write_list(root)
    monkeypatch.chdir(root)
    monkeypatch.setenv("ONNXGUARD_CACHE", str(folder / "cache"))
    for name in (*cache.CI, cache.KEY):
        monkeypatch.delenv(name, raising=False)
    return root


def make_git(folder: Path, kind: str) -> None:
    """Make a folder the root of a repository: Git's folder, or a file as in a worktree."""
    match kind:
        case "folder":
            (folder / ".git").mkdir()
        case "file":
            (folder / ".git").write_text("gitdir: elsewhere\n", encoding="utf-8")
        case "link":
            (folder / ".git").symlink_to("elsewhere")


def write_manifest(*entries: str, more: str = "", folder: str = ".") -> Path:
    """Write onnxguard.yaml; without an entry it has one for every model."""
    path = Path(folder) / "onnxguard.yaml"
    text = f"schema: 1\n{more}models:\n{''.join(entries) or EVERY}"
    path.write_text(text, encoding="utf-8")
    return path


def write_models(**models: bytes) -> None:
    """Write ``NAME.onnx`` for each."""
    for name, data in models.items():
        Path(f"{name}.onnx").write_bytes(data)


def weighted(weight: bytes, op_type: str = "Relu") -> bytes:
    """A model with float32 weights that no rule looks at, four bytes each."""
    held = tensor(1, [len(weight) // 4], "w", raw_data=weight)
    return pb.model(graph(node(op_type), initializer=held))


def external(location: str, count: int = 4) -> bytes:
    """A model whose float32 weights lie in a file beside it."""
    place = [pb.entry("location", location)]
    held = tensor(1, [count], "w", data_location=1, external_data=place)
    return pb.model(graph(node("Relu"), initializer=held))


def reports(*arguments: str) -> list[dict[str, Any]]:
    """What ``onnxguard check`` says, as JSON."""
    _, out, err = run("check", "--format", "json", *arguments)
    assert out, err
    models: list[dict[str, Any]] = json.loads(out)["models"]
    return models


def codes(*arguments: str) -> dict[str, list[str]]:
    """The codes that stand against each model that has any, by its path."""
    return {
        report["path"]: [f["code"] for f in report["findings"] if not f["waiver"]]
        for report in reports(*arguments)
        if any(not f["waiver"] for f in report["findings"])
    }


def told(code: str, *arguments: str) -> list[str]:
    """The messages of all findings of a code."""
    return [
        finding["message"]
        for report in reports(*arguments)
        for finding in report["findings"]
        if finding["code"] == code
    ]


def status(*arguments: str) -> int:
    """The exit code of ``onnxguard check``."""
    return run("check", *arguments)[0]


def refused(*command: str) -> str:
    """The one line on stderr of a command that does nothing and exits 2."""
    code, out, err = run(*command)
    assert (code, out) == (2, ""), (code, out, err)
    assert err.startswith("onnxguard: error: ")
    assert err.count("\n") == 1, err
    assert err[:-1].isprintable()
    assert "internal error" not in err
    return err[len("onnxguard: error: ") : -1]


def rewrite(path: str, data: bytes) -> None:
    """Put other bytes in a file's place, and its old times back."""
    before = os.stat(path)
    with open(path, "r+b") as stream:
        stream.write(data)
        stream.truncate()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def hostile_models() -> dict[str, bytes]:
    """Generated hostile models that are small and can be read."""
    found = {name: poisoned(text) for name, text in PAYLOADS.items() if name != "long"}
    for case in list(CASES.values())[::4]:
        data = case.content() if case.content is not None and not case.heavy else b""
        if 0 < len(data) < 20_000:
            found[case.name] = data
    readable = {}
    for name, data in found.items():
        try:
            facts_of(data)
        except ModelError:
            continue
        readable[name] = data
    return readable
