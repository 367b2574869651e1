"""What runs graphs leaves nothing of ONNX Runtime's telemetry behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.checkout import run
from support.parity_cases import graph
from support.trained import gate_options

XDG = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
GRAPH = graph("(float[2, 4] x) => (float[2, 4] y) { y = Tanh(x) }")
ALONE = """
import numpy, onnxruntime
session = onnxruntime.InferenceSession("m.onnx", providers=["CPUExecutionProvider"])
session.run(None, {"x": numpy.ones((2, 4), numpy.float32)})
"""
NETS = """
import onnxruntime
import torch

assert onnxruntime.__version__


class Net(torch.nn.Module):
    def forward(self, x):
        return torch.tanh(x)
"""
MANIFEST = "schema: 1\nmodels: [{paths: ['*.onnx'], parity: {torch: 'nets:Net'}}]\n"
ONNXGUARD = ("-m", "onnxguard")
CI_RUNNERS = ("CI", "GITHUB_ACTIONS", "TF_BUILD")
"""Where these say so, ONNX Runtime leaves its telemetry off by itself, and nothing is shown."""
CALLS = {
    "parity": ("parity", "m.onnx", "--torch", "nets:Net"),
    "conform, in a child process": ("conform", "m.onnx"),
    "check": ("check", ".", "--no-cache"),
}


class Place:
    """A folder to work in, and an empty home beside it."""

    def __init__(self, folder: Path) -> None:
        self.work, self.home, self.xdg = folder / "work", folder / "home", folder / "xdg"
        for each in (self.work, self.home, self.xdg):
            each.mkdir()
        (self.work / "m.onnx").write_bytes(GRAPH)
        (self.work / "nets.py").write_text(NETS, encoding="utf-8")
        (self.work / "onnxguard.yaml").write_text(MANIFEST, encoding="utf-8")

    def python(self, *arguments: str) -> None:
        """Run Python where the environment asks for telemetry; it must exit with 0."""
        environment = {"HOME": str(self.home), **{name: str(self.xdg / name) for name in XDG}}
        environment |= {"ORT_DISABLE_TELEMETRY": "0", **dict.fromkeys(CI_RUNNERS, "")}
        run(sys.executable, *arguments, cwd=self.work, **environment)

    def left(self) -> list[Path]:
        """What there is of ONNX Runtime."""
        paths = [path for place in (self.home, self.xdg) for path in place.rglob("*")]
        return [path for path in paths if "onnxruntime" in path.name.lower()]


@pytest.fixture(scope="module", autouse=True)
def _telemetry_there_is(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without onnxguard something is left: else these tests would show nothing."""
    place = Place(tmp_path_factory.mktemp("alone"))
    place.python("-c", ALONE)
    if not place.left():
        pytest.skip("this build of ONNX Runtime has no telemetry")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("call", CALLS)
def test_a_command_leaves_nothing(call: str, place: Place) -> None:
    place.python(*ONNXGUARD, *CALLS[call])
    assert place.left() == []


def test_a_training_leaves_nothing(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    place.python(*ONNXGUARD, "train-and-gate", *gate_options(tmp_path_factory))
    assert place.left() == []


def test_a_replay_leaves_nothing(place: Place) -> None:
    place.python(*ONNXGUARD, *CALLS["parity"], "--save", "evidence")
    place.python("-I", "evidence/replay.py")
    assert place.left() == []


@pytest.mark.parametrize(
    "module",
    ["running.session", "running.ort_values", "conformance.evaluators", "students.exporting"],
)
def test_a_program_that_imports_a_module_leaves_nothing(module: str, place: Place) -> None:
    place.python("-c", f"import onnxguard.{module}\n{ALONE}")
    assert place.left() == []
