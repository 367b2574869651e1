"""What a glob stands for: all that a folder would give, whatever else lies there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onnxguard.sources.discover import find_models


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(b"")


@pytest.mark.parametrize(
    ("pattern", "own", "bad"),
    [
        ("*.onnx", "*.onnx", "bad.onnx"),
        ("m/*.onnx", "m/*.onnx/a.onnx", "m/bad.onnx"),
        ("**/*.onnx", "**/*.onnx", "m/bad.onnx"),
        ("m/a[0-9].onnx", "m/a[0-9].onnx", "m/a1.onnx"),
    ],
)
def test_a_file_or_folder_of_the_very_name_does_not_end_a_glob(
    pattern: str, own: str, bad: str
) -> None:
    write(own, bad)
    assert {own, bad} <= set(find_models([pattern]))


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("m/*.onnx", "m/.hidden.onnx"),
        ("m/*.onnx", "m/LOUD.ONNX"),
        ("**/*.onnx", "m/.h/a.onnx"),
        ("m/*", "m/.hidden.onnx"),
    ],
)
def test_a_glob_finds_what_a_folder_gives(pattern: str, name: str) -> None:
    write("m/a.onnx", name, ".git/x.onnx")
    found = find_models([pattern])
    assert name in found
    assert set(found) <= set(map(os.path.normpath, find_models(["."])))


def test_a_glob_that_matches_nothing_is_kept_as_it_is() -> None:
    assert find_models(["m/*.onnx"]) == ["m/*.onnx"]
