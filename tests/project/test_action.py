"""The GitHub action: its own script, run as the runner runs it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.checkout import ROOT, run

STEPS = ("Install onnxguard", "Scan")


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A runner whose first step put the environment that runs these tests in place."""
    programs = tmp_path / "temp/onnxguard/bin"
    programs.mkdir(parents=True)
    (programs / "onnxguard").symlink_to(Path(sys.executable).with_name("onnxguard"))
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def scan(action: dict[str, Any], workspace: Path, rc: int, **inputs: str) -> str:
    """Run the second step with these inputs, the others at their defaults."""
    step = action["runs"]["steps"][1]
    given = {name: value["default"] for name, value in action["inputs"].items()} | inputs
    environment = {
        name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")]
        for name, value in step["env"].items()
    }
    environment["RUNNER_TEMP"] = str(workspace.parent / "temp")
    command = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"])
    return run(*command, cwd=workspace, rc=rc, **environment).stdout


def test_scripts_read_no_expression(action: dict[str, Any]) -> None:
    steps = action["runs"]["steps"]
    assert tuple(step["name"] for step in steps) == STEPS
    assert not [step["name"] for step in steps if "${{" in step["run"]]


def test_findings_fail_the_step(action: dict[str, Any], workspace: Path) -> None:
    for model in ("saliency_v1.onnx", "saliency_v2.onnx"):
        shutil.copy(ROOT / "tests/models" / model, workspace)
    assert "::error" not in scan(action, workspace, rc=0)
    assert "::error" in scan(action, workspace, rc=1, allowlist="pre-adr-0258")
    assert "::error" not in scan(
        action, workspace, rc=0, allowlist="pre-adr-0258", paths="saliency_v1.onnx"
    )


def test_lines_are_arguments(action: dict[str, Any], workspace: Path) -> None:
    shutil.copy(ROOT / "tests/models/saliency_v1.onnx", workspace / "a model.onnx")
    shutil.copy(ROOT / "tests/models/saliency_v2.onnx", workspace / "-v2.onnx")
    output = scan(
        action,
        workspace,
        rc=1,
        paths="a model.onnx\n\n-v2.onnx\n",
        allowlist="pre-adr-0258",
        format="text",
        args="--jobs=2\n-v\n",
    )
    assert "a model.onnx" in output
    assert "-v2.onnx" in output


def test_an_input_is_never_run(action: dict[str, Any], workspace: Path) -> None:
    for name in ("paths", "allowlist", "format", "args"):
        scan(action, workspace, rc=2, **{name: "$(touch run)`touch run`'; touch run; #"})
        assert not list(workspace.iterdir())


def test_a_repository_is_checked_by_its_manifest(action: dict[str, Any], workspace: Path) -> None:
    shutil.copy(ROOT / "tests/models/saliency_v2.onnx", workspace)
    manifest = workspace / "onnxguard.yaml"
    manifest.write_text("schema: 1\nmodels: [{paths: ['*.onnx']}]\n", encoding="utf-8")
    assert "::error" not in scan(action, workspace, rc=0, command="check", args="--no-cache")
    shutil.copy(ROOT / "tests/models/saliency_v1.onnx", workspace / "other")
    manifest.write_text("schema: 1\nmodels: [{paths: [other]}]\n", encoding="utf-8")
    output = scan(action, workspace, rc=1, command="check", args="--no-cache")
    assert "OG811" in output


def test_another_command_is_refused(action: dict[str, Any], workspace: Path) -> None:
    assert "scan or check" in scan(action, workspace, rc=2, command="rm")
