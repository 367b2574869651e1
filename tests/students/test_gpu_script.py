"""benchmarks/gpu.sh as far as a CPU goes: it goes on where it stopped, and names what it lacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
CALL = [str(ROOT / "benchmarks" / "gpu.sh"), "--device", "cpu", "--small"]

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux")


def call(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CALL, "--results", str(folder / "results"), "--work", str(folder), *words],
        env=os.environ | {"PYTHON": sys.executable, "OUT": str(folder / "out")} | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def records(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "results" / "results.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


def test_what_is_there_is_not_measured_again(tmp_path: Path) -> None:
    first = call(tmp_path, "card")
    assert (first.returncode, first.stderr) == (0, "")
    assert "none, a CPU" in first.stdout
    assert {"results.jsonl", "summary.md", "log.txt"} <= {
        p.name for p in (tmp_path / "out").iterdir()
    }
    with (tmp_path / "results" / "results.jsonl").open("a") as stream:
        stream.write('{"scale": "cpu, 1')  # as a process that was killed leaves it
    second = call(tmp_path, "card")
    assert second.returncode == 0
    assert "card:card" not in second.stdout
    assert len(records(tmp_path)) == 1
    assert call(tmp_path, "--again", "card").returncode == 0
    assert [record["error"] for record in records(tmp_path)] == [None, None]


def test_what_the_budget_does_not_reach_is_named(tmp_path: Path) -> None:
    done = call(tmp_path, "--budget", "1", "card", "tests")
    assert done.returncode == 3
    assert "- not reached: card:card\n- not reached: tests:cuda\n" in done.stdout


def every_item_is_measured(folder: Path, steps: list[str], **variables: str) -> str:
    """What the script says on stderr."""
    done = call(folder, *steps, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    found = records(folder)
    assert {record["step"] for record in found} == {*steps, "card", "data"}
    assert [record["error"] for record in found] == [None] * len(found)
    return done.stderr


def test_trainings_are_measured(tmp_path: Path) -> None:
    plugin = tmp_path / "packages" / "broken-1.dist-info"  # of pytest: a machine may have any
    plugin.mkdir(parents=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (plugin / "entry_points.txt").write_text("[pytest11]\nbroken = broken\n")
    (plugin.parent / "broken.py").write_text("raise RuntimeError")
    steps = ["tests", "curves", "steps", "profile"]
    assert not every_item_is_measured(tmp_path, steps, PYTHONPATH=str(plugin.parent))
    once, again, resumed = (r["result"] for r in records(tmp_path) if r["step"] == "curves")
    assert once["losses"] == again["losses"] == resumed["losses"]
    assert once["resumed_at"] == again["resumed_at"] == 0 < resumed["resumed_at"]


def test_a_folder_that_pip_cannot_install_is_linked(tmp_path: Path) -> None:
    """As on a machine whose environment is read-only or whose setuptools is old."""
    (tmp_path / "pip.py").write_text("raise SystemExit(1)")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = tmp_path / "venv" / "lib" / version / "site-packages"
    (packages / "others.pth").write_text("\n".join(p for p in sys.path if "-packages" in p))
    said = every_item_is_measured(
        tmp_path,
        ["whole", "parity"],
        PYTHON=str(tmp_path / "venv" / "bin" / "python"),
        PYTHONPATH=str(tmp_path),
        TMPDIR=str(tmp_path),
    )
    assert said.endswith("it is linked instead\n")


@pytest.mark.parametrize("words", [["nonsense"], ["steps:saliency-v2 bf16 CUDA graph"], []])
def test_a_wrong_call_is_one(words: list[str], tmp_path: Path) -> None:
    done = call(tmp_path, *words)
    assert done.returncode == 2
    assert "error: " in done.stderr


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import gpu

    return gpu


def test_what_cannot_be_copied_stops_nothing(gpu: Any, tmp_path: Path) -> None:
    folder, out = tmp_path / "results", tmp_path / "out"
    results = gpu.Results(folder, out, "scale")
    (folder / ".curve.csv.x1y2").write_text("half of it")
    (folder / "gone.csv").symlink_to(tmp_path / "nowhere")
    (folder / "curve.csv").write_text("all of it")
    results.copy()
    assert [path.name for path in out.iterdir()] == ["curve.csv"]
    gpu.Results(folder, folder / "curve.csv" / "out", "scale").copy()


def test_kernels_are_told_apart(gpu: Any) -> None:
    common = "void at::native::elementwise_kernel<128, 4, at::native::gpu_kernel_impl_nocast<"
    rows = [
        {"name": f"{common}at::native::{name}(at::TensorIter", "milliseconds": 1.0, "calls": 2.0}
        for name in ("direct_copy_kernel_cuda", "sigmoid_kernel_cuda")
    ]
    kernels = {"milliseconds": 2.0, "rows": rows}
    record = {"step": "profile", "item": "saliency-v2 bf16 eager", "error": None, "at": "2026"}
    record |= {"scale": "cuda", "result": {"kernels": kernels, "operators": kernels}}
    shown = gpu.table([record], [])
    assert "direct_copy_kernel_cuda" in shown
    assert "sigmoid_kernel_cuda" in shown


@pytest.mark.usefixtures("gpu")
def test_opening_the_images_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    from onnxguard.students.history import Epoch

    from benchmarks import gpu_steps

    def trained(*given: Any) -> list[Epoch]:
        clock = given[-1]
        for step in (1, 2):
            clock.step(1, step, 2, 1.0, 1.0)
        return [Epoch(1, 1.0, 0.5, 1e-3, 64, 0.0, 0.0)]

    data, done = SimpleNamespace(data=()), list[str]()
    clock = SimpleNamespace(perf_counter=lambda: float(done.append("timed") or len(done)))
    monkeypatch.setattr(gpu_steps, "time", clock)
    monkeypatch.setattr(gpu_steps, "window", lambda _: done.append("opened") or 1)
    monkeypatch.setattr(gpu_steps, "train_once", trained)
    monkeypatch.setattr(gpu_steps, "taken_data", lambda _: data)
    settings = gpu_steps.Settings("cpu", 160, 64, 2, "", "")
    gpu_steps.measure_steps(settings, "saliency-v2 fp32 eager")
    assert done[0] == "opened"
    assert "timed" in done


def run(gpu: Any, folder: Path, name: str, items: tuple[str, ...], limit: int) -> list[str]:
    results = gpu.Results(folder / "results", None, "scale")
    settings = {"device": "cpu", "images": 160, "crop": 64, "epochs": 2}
    settings |= {"work": str(folder), "results": str(results.folder)}
    step = gpu.Step(name, items, limit, 0)
    jobs = [gpu.Job(step, item) for item in items]
    gpu.Runner(results, settings, time.monotonic() + 200).run(step, jobs)
    assert [record["item"] for record in results.records] == list(items)
    return [record["error"] for record in results.records]


def test_an_item_that_fails_stops_no_other(gpu: Any, tmp_path: Path) -> None:
    errors = run(gpu, tmp_path, "parity", ("saliency-v2", "saliency-v1"), 100)
    assert errors == [
        f"there is no {name}.safetensors: train it first, by whole:{name}"
        for name in ("saliency-v2", "saliency-v1")
    ]


def test_an_item_ends_at_its_limit(gpu: Any, tmp_path: Path) -> None:
    errors = run(gpu, tmp_path, "card", ("card", "again"), 0)
    assert errors == ["stopped at its limit of 0 s"] * 2
    assert not of(tmp_path)


def test_a_process_that_dies_is_said(gpu: Any, tmp_path: Path) -> None:
    (error,) = run(gpu, tmp_path, "no such step", ("item",), 100)
    assert error == "KeyError: 'no such step'"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", "/bin/false")
        (error,) = run(gpu, tmp_path / "dead", "card", ("card",), 100)
    assert error == "exit status 1: it said nothing"


def of(folder: Path) -> list[str]:
    """The command lines of processes that work for a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    log = tmp_path / "results" / "log.txt"
    words = ["--results", str(tmp_path / "results"), "--work", str(tmp_path)]
    words += ["--images", "50000", "data"]  # minutes of work
    with subprocess.Popen(
        CALL + words, env=os.environ | {"PYTHON": sys.executable}, stdout=subprocess.DEVNULL
    ) as process:
        while not (log.exists() and "== data:images" in log.read_text()):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    for _ in range(500):
        if not of(tmp_path):
            return
        time.sleep(0.02)
    raise AssertionError(of(tmp_path))
