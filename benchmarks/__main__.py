"""Compare onnxguard with ``onnx.load`` plus a walk, side by side in one run.

``python -m benchmarks [--folder DIR] [--rounds N] [CASE...]`` from the root of the repository, with
the ``dev`` extra installed. The models take 7 GB for all cases.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import onnx

import onnxguard
from benchmarks import models

WALK = [sys.executable, str(Path(__file__).parent / "walk.py")]
SCAN = [sys.executable, "-m", "onnxguard", "scan", "--config", "none", "--exit-zero"]
_LAUNCHER = """
import json, os, resource, sys, time
start = time.perf_counter()
quiet = [(os.POSIX_SPAWN_DUP2, os.open(os.devnull, os.O_WRONLY), 1)]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, used = os.wait4(pid, 0)
code = os.waitstatus_to_exitcode(status)
seconds = time.perf_counter() - start
print(json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, code]))
"""


class Took(NamedTuple):
    """Seconds of wall clock and of processors, and peak resident memory in MiB (0 in process).

    Processors' are those of the command and of the processes that it waited for.
    """

    seconds: float
    processors: float
    mebibytes: float


def command(arguments: list[str]) -> Took:
    """Run a command from a small parent: a child inherits the peak memory of a large one."""
    launcher = [sys.executable, "-S", "-c", _LAUNCHER, *arguments]
    done = subprocess.run(launcher, capture_output=True, check=True)
    seconds, processors, mebibytes, code = json.loads(done.stdout)
    if code:
        raise SystemExit(f"exit {code} from {' '.join(arguments)}: {done.stderr.decode()}")
    return Took(seconds, processors, mebibytes)


def first_call(prepare: str, call: str, path: str) -> Took:
    """Time one call in a fresh interpreter, after its imports: nothing is remembered."""
    root = Path(__file__).parent.parent
    code = f"import time, sys; path = sys.argv[1]; {prepare}; "
    code += "start, used = time.perf_counter(), time.process_time(); "
    code += f"result = {call}; print(time.perf_counter() - start, time.process_time() - used)"
    command_line = [sys.executable, "-c", code, path]
    done = subprocess.run(command_line, capture_output=True, check=True, cwd=root)
    return Took(*map(float, done.stdout.split()), 0.0)


def compare(title: str, ours: Callable[[], Took], theirs: Callable[[], Took], rounds: int) -> None:
    """Run both in turn and print the medians, the spread and the ratio of each pair."""
    ours(), theirs()  # warm the page cache and the byte code
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    print(f"\n{title}")
    for name, runs in zip(("onnxguard", "instead"), zip(*pairs, strict=True), strict=True):
        peak = max(run.mebibytes for run in runs)
        memory = f"  peak {peak:7.1f} MiB" if peak else ""
        wall, used = (sorted(each) for each in list(zip(*runs, strict=True))[:2])
        print(f"  {name:<10} processors {_spread(used)}  wall clock {_spread(wall)}{memory}")
    used = statistics.median(b.processors / a.processors for a, b in pairs)
    wall = statistics.median(b.seconds / a.seconds for a, b in pairs)
    print(
        f"  ratio: {used:.2f} of processors', {wall:.2f} of the wall clock, of {rounds} pairs",
        flush=True,
    )


def _spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.4f} s ({seconds[0]:.4f} to {seconds[-1]:.4f})"


def run_large(folder: Path, rounds: int) -> None:
    """A 1.6 GB model, in process and as a command."""
    path = str(models.large(folder))
    ours = "from onnxguard import load_allowlist, scan; policy = load_allowlist('adr-0258')"
    theirs = "from benchmarks.walk import load_and_walk"
    compare(
        "1.6 GB model, in process, first call: scan() against onnx.load plus a walk",
        lambda: first_call(ours, "scan(path, policy)", path),
        lambda: first_call(theirs, "load_and_walk(path)", path),
        rounds,
    )
    compare(
        "1.6 GB model, whole command",
        lambda: command([*SCAN, path]),
        lambda: command([*WALK, path]),
        rounds,
    )


def run_nodes(folder: Path, rounds: int) -> None:
    """Graphs of 100,000 nodes, as a command: all facts, and the verdict alone."""
    for what, path in (
        ("100,000 nodes", models.many_nodes(folder)),
        ("100,000 nodes, 25,000 of them Constants", models.constants(folder)),
    ):
        for asked, options in (("every fact as JSON", ["--format", "json"]), ("verdict", ["-q"])):
            compare(
                f"{what}, whole command, {asked}",
                lambda path=path, options=options: command([*SCAN, *options, str(path)]),
                lambda path=path: command([*WALK, str(path)]),
                rounds,
            )


def run_start(folder: Path, rounds: int) -> None:
    """One student: the whole command against the mere import of onnx."""
    path = str(models.student(folder))
    compare(
        "one student (37 nodes, 0.5 MB), whole command against python -c 'import onnx'",
        lambda: command([*SCAN, path]),
        lambda: command([sys.executable, "-c", "import onnx"]),
        max(rounds, 15),
    )


OPTIONS = argparse.Namespace(count=10_000)
ARCHITECTURES = {"one architecture": 1, "100 architectures": 100, "no two alike": 10_000}
"""How many architectures the models of each zoo are of."""


def _zoo(folder: Path, architectures: int) -> Path:
    return models.zoo(folder, OPTIONS.count, min(architectures, OPTIONS.count))


def run_zoo(folder: Path, rounds: int) -> None:
    """Students with --jobs 2."""
    for what, architectures in ARCHITECTURES.items():
        path = str(_zoo(folder, architectures))
        compare(
            f"scan of {OPTIONS.count:,} students, {what}, --jobs 2",
            lambda path=path: command([*SCAN, "--jobs", "2", path]),
            lambda path=path: command([*WALK, path]),
            rounds,
        )


def run_real(folder: Path, rounds: int) -> None:
    """Models as exporters wrote them, 50 copies each, by a manifest of an entry a model."""
    path = models.copies(folder, 50)
    for state, options in (("cold", ["--jobs", "2"]), ("warm", [])):
        compare(
            f"check of 50 copies each of real models, {state} {' '.join(options)}",
            lambda cold=state == "cold", options=options: check(path, cold, options, each=True),
            lambda: command([*WALK, str(path)]),
            rounds,
        )


def run_check(folder: Path, rounds: int) -> None:
    """A repository of students: cold, warm, through Dask, and the memory of it."""
    for what, architectures in ARCHITECTURES.items():
        path = _zoo(folder, architectures)
        walk = [*WALK, str(path)]
        for state, options in (("cold", ["--jobs", "2"]), ("warm", [])):
            compare(
                f"check of {OPTIONS.count:,} students, {what}, {state} {' '.join(options)}",
                lambda path=path, cold=state == "cold", options=options: check(path, cold, options),
                lambda walk=walk: command(walk),
                rounds,
            )
    took = check(models.zoo(folder, 1_000, 1_000), True, ["--jobs", "2"])
    print(f"\n1,000 students, no two alike, cold: peak {took.mebibytes:.1f} MiB")


def run_fleet(folder: Path, rounds: int) -> None:
    """The same over two Dask workers."""
    from distributed import LocalCluster

    with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster:
        for what, architectures in ARCHITECTURES.items():
            path = _zoo(folder, architectures)
            compare(
                f"check of {OPTIONS.count:,} students, {what}, cold, over two Dask workers",
                lambda path=path: check(path, True, ["--scheduler", cluster.scheduler_address]),
                lambda path=path: command([*WALK, str(path)]),
                rounds,
            )


def check(folder: Path, cold: bool, options: list[str], each: bool = False) -> Took:
    """Check a folder by a manifest, with an empty cache or with a full one.

    The manifest has one entry with a contract, or one for each model that bounds its size.
    """
    manifest = folder / "onnxguard.yaml"
    entry = "{paths: ['*.onnx'], contract: {opset: 17, inputs: {input: 'float32[1,3,H,W]'}}}"
    names = [path.name for path in sorted(folder.glob("*.onnx"))] if each else []
    entries = [f"{{paths: [{name}], contract: {{max_bytes: 10000000}}}}" for name in names]
    lines = "".join(f"- {text}\n" for text in entries or [entry])
    manifest.write_text(f"schema: 1\nmodels:\n{lines}")
    cache = folder.parent / "cache"
    if cold:
        shutil.rmtree(cache, ignore_errors=True)
    os.environ["ONNXGUARD_CACHE"] = str(cache)
    arguments = ["check", "--manifest", str(manifest), "--exit-zero", *options]
    return command([sys.executable, "-m", "onnxguard", *arguments])


CASES = {
    "start": run_start,
    "nodes": run_nodes,
    "large": run_large,
    "zoo": run_zoo,
    "real": run_real,
    "check": run_check,
    "fleet": run_fleet,
}


def main() -> None:
    """Run the cases that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--folder", type=Path, help="where the models are kept")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=OPTIONS.count, help="models of a zoo")
    parser.add_argument("--zoo", choices=ARCHITECTURES, action="append", help="only these zoos")
    options = parser.parse_args(namespace=OPTIONS)
    for name in ARCHITECTURES.keys() - set(options.zoo or ARCHITECTURES):
        del ARCHITECTURES[name]
    unknown = set(options.cases) - CASES.keys()
    if unknown:
        parser.error(f"no case {', '.join(unknown)}: there are {', '.join(CASES)}")
    folder = options.folder or Path(tempfile.gettempdir()) / "onnxguard-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, ",
        end="",
    )
    print(f"onnx {onnx.__version__}, onnxguard {onnxguard.__version__}")
    for case in options.cases or CASES:
        CASES[case](folder, options.rounds)


if __name__ == "__main__":
    main()
