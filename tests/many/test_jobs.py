"""``--jobs 0`` is one for each core that the process may use, which can be fewer than there are."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkout import run
from support.parity_cases import graph

from onnxguard.base.processes import cores

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2,
    reason="the process cannot be kept to fewer cores than there are",
)
GRAPH = graph("(float[2, 4] x) => (float[2, 4] y) { y = Tanh(x) }")
PINNED = """
import os, sys, threading
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
started, start = [], threading.Thread.start
threading.Thread.start = lambda thread: (started.append(thread), start(thread))
from onnxguard.cli import main
code = main(sys.argv[1:])
print(code, len(started), "concurrent.futures.process" in sys.modules)
"""
CALLS = {
    "scan": ("scan", ".", "--allowlist", "base"),
    "check": ("check", "--no-cache"),
    "lock": ("lock",),
}


@pytest.mark.parametrize("call", CALLS)
def test_no_more_workers_than_cores_that_may_be_used(call: str, tmp_path: Path) -> None:
    (tmp_path / "onnxguard.yaml").write_text("schema: 1\nmodels: [{paths: ['*.onnx']}]\n")
    for number in range(8):
        (tmp_path / f"{number}.onnx").write_bytes(GRAPH)
    out = run(sys.executable, "-c", PINNED, *CALLS[call], "--jobs", "0", cwd=tmp_path).stdout
    threads = int(call == "lock")
    assert out.splitlines()[-1] == f"0 {threads} False"


def test_cores_are_those_of_the_process() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert cores() == len(allowed)


STARTED = """
import multiprocessing, sys
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    from onnxguard.cli import main
    sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_import_nothing_of_the_folder_that_is_judged(method: str, tmp_path: Path) -> None:
    """However the system starts them: macOS and Windows run ``python -c`` in that folder."""
    folder = tmp_path / "judged"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.onnx").write_bytes(GRAPH)
    for module in ("multiprocessing", "concurrent", "pickle", "signal", "struct", "click"):
        (folder / f"{module}.py").write_text("open('ran', 'w').close()\n")
    program = tmp_path / "program.py"
    program.write_text(STARTED)
    command = [sys.executable, str(program), method, *CALLS["scan"], "--jobs", "2", "-q"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not (folder / "ran").exists()
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
