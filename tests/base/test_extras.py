"""What is said where packages are missing, or lie on each other."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import pytest
from support import protobuf as pb
from support.command import run

from onnxguard.base.errors import UsageError
from onnxguard.base.extras import how_to_install, require_extra

ROOT = Path(__file__).resolve().parents[2]


def test_what_is_missing_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UsageError) as caught:
        require_extra("onnxguard parity", "parity", ["numpy", "onnx", "nowhere_at_all"])
    assert str(caught.value) == (
        "onnxguard parity needs onnx, nowhere_at_all: "
        "pip install '.[parity]' -c constraints.txt, in a clone of onnxguard"
    )


def test_the_command_is_that_of_the_readme() -> None:
    said = how_to_install("train").partition(",")[0]
    assert f".venv/bin/{said} " in (ROOT / "README.md").read_text("utf-8")


def test_none_is_fetched_from_an_index_where_another_may_have_taken_the_name() -> None:
    for path in (ROOT / "onnxguard").rglob("*.py"):
        assert "pip install 'onnxguard" not in path.read_text("utf-8"), path


@pytest.mark.parametrize(
    ("words", "extra", "hidden"),
    [
        ("targets clean.onnx --confirm", "parity", "onnxruntime"),
        ("targets from-runtime --output own.yaml", "parity", "onnxruntime"),
        ("scan clean.onnx --full-check", "onnx", "onnx"),
        ("conform --allowlist base", "parity", "onnx"),
        ("evaluate clean.onnx", "train", "Pillow"),
    ],
)
def test_each_command_names_the_extra_that_it_lacks(
    words: str, extra: str, hidden: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, {"Pillow": "PIL"}.get(hidden, hidden), None)
    Path("clean.onnx").write_bytes(pb.model(pb.graph(pb.node("Relu"))))
    code, out, err = run(*words.split())
    assert (code, out) == (2, "")
    assert err.endswith(f" needs {hidden}: {how_to_install(extra)}\n")
    assert os.listdir() == ["clean.onnx"]


def test_two_builds_of_the_runtime_over_each_other_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_extra("onnxguard parity", "parity", ["onnxruntime"])  # one is right
    for build in ("onnxruntime", "onnxruntime_directml"):
        folder = tmp_path / f"{build}-1.31.1.dist-info"
        folder.mkdir()
        name = build.replace("_", "-")
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.31.1\n"
        (folder / "METADATA").write_text(text, "utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.raises(UsageError, match="are installed over each other: pip uninstall -y onnxrun"):
        require_extra("onnxguard parity", "parity", ["onnxruntime"])
    require_extra("onnxguard parity", "parity", ["numpy"])


def test_the_small_build_is_all_that_the_extras_for_a_cpu_change() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]

    def without_runtime(extra: str) -> set[str]:
        return {line for line in extras[extra] if not line.startswith("onnxruntime")}

    assert without_runtime("parity") == without_runtime("parity-cpu")
    assert [line for line in extras["parity-cpu"] if "onnxruntime" in line] == ["onnxruntime>=1.20"]
    assert {line.replace("parity", "parity-cpu") for line in extras["train"]} == set(
        extras["train-cpu"]
    )
