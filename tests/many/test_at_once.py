"""Every command twice, all at the same time, in one folder and with one cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import run
from support.repositories import RELU, TANH, enter, weighted, write_manifest, write_models
from support.trained import ENDINGS, gate_options, recipe_options

from onnxguard.gating.publishing import _require_described

COMMANDS = ("train-and-gate", "ablate", "check", "lock")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch)


def checked(done: tuple[int, str, str]) -> dict[str, int]:
    """How many models passed and failed, by a check that ended well."""
    code, out, err = done
    assert code == 1, err
    summary: dict[str, int] = json.loads(out)["summary"]
    return summary


def test_every_pair_of_commands_at_once(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write_models(**{f"{at:02}": weighted(bytes(4 * at + 4), "Tanh") for at in range(30)})
    write_models(good=RELU, bad=TANH)
    write_manifest(more="lock: true\nexclude: [trained/**, ablation/**]\n")
    assert run("lock")[0] == 0
    lock, verdict = Path("onnxguard.lock").read_bytes(), checked(run("check", "--format", "json"))
    assert verdict["fail"] == 31
    shutil.rmtree(root.parent / "cache")
    cold = ("--cache", "images")
    arguments = {
        "train-and-gate": (*gate_options(tmp_path_factory), *cold),
        "ablate": (*recipe_options(tmp_path_factory), *cold, "--seeds", "0"),
        "check": ("--format", "json"),
        "lock": (),
    }
    started = [
        (
            command,
            subprocess.Popen(
                [sys.executable, "-m", "onnxguard", command, *arguments[command]],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ),
        )
        for command in COMMANDS
        for _ in range(2)
    ]
    ended = [(command, process.communicate(), process) for command, process in started]
    for command, (out, err), process in ended:
        if command == "check":
            assert checked((process.returncode, out, err)) == verdict
        elif process.returncode == 2 and command != "lock":
            assert " is used by process " in err, (command, err)
        else:
            assert process.returncode == 0, (command, err)
    codes = {c: [p.returncode for name, _, p in ended if name == c] for c in COMMANDS}
    assert 0 in codes["train-and-gate"], codes
    assert 0 in codes["ablate"], codes
    assert Path("onnxguard.lock").read_bytes() == lock
    assert checked(run("check", "--format", "json")) == verdict
    found = {e: Path("trained", f"saliency-v2{e}").read_bytes() for e in ENDINGS}
    _require_described(found)
    assert len(os.listdir("trained")) == len(ENDINGS)
    assert run("parity")[0] == 0
    runs = json.loads(Path("ablation/ablation.json").read_text())["runs"]
    assert sorted(entry["student"] for entry in runs) == ["saliency-v1", "saliency-v2"]
    # One entry of the cache for each part of the images, and nothing half built.
    assert sorted(map(len, os.listdir("images"))) == [32, 32]
