"""Measure the students on a GPU, in steps that go on where an earlier call stopped.

``benchmarks/gpu.sh [OPTION...] quick|all|table|STEP[:ITEM]...`` from anywhere. Each step runs in
processes of its own (gpu_steps.py), which are ended at the step's limit; every result is on disk
before the next one is begun. A rehearsal: ``benchmarks/gpu.sh --device cpu --small all``.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.gpu_table import table

ROOT = Path(__file__).resolve().parent.parent
IMAGES, CROP, EPOCHS = 10_553, 256, 50
"""DUTS-TR's images, and what the recipe ``source`` does with them."""
SMALL = 160, 64, 2
_RESERVE = 4
"""Seconds of the budget that are kept to end processes and to write the table."""
_MOST_COPIED = 8 << 20
"""Bytes of a file that are copied to ``$OUT``, its last ones."""
_CUT = "stopped because the budget was used up,"
_STUDENTS = ("saliency-v2", "saliency-v1")
_WAYS = ("bf16 CUDA graph", "bf16 eager", "fp32 eager", "fp32 CUDA graph")
_NO_GPU = "finds no GPU"


class Step(NamedTuple):
    """A part of the measurement.

    Attributes:
        name: as the command line takes it.
        items: what is measured, one after another, each with a result of its own.
        limit: seconds that an item may take.
        least: seconds of the budget without which none is begun.
        alone: every item has a process of its own.
        needs_data: reads the images.
    """

    name: str
    items: tuple[str, ...]
    limit: int
    least: int
    alone: bool = False
    needs_data: bool = True


STEPS = (
    Step("card", ("card",), 120, 0, needs_data=False),
    Step("data", ("images", "store"), 180, 0, needs_data=False),
    Step("tests", ("cuda",), 150, 10, needs_data=False),
    Step(
        "curves",
        (*_WAYS, *(f"{way} {how}" for way in _WAYS[::2] for how in ("again", "resumed"))),
        60,
        10,
    ),
    Step("whole", _STUDENTS, 240, 30, alone=True),
    Step("steps", tuple(f"{s} {way}" for s in _STUDENTS for way in _WAYS), 60, 10),
    Step("profile", tuple(f"saliency-v2 {way}" for way in _WAYS[:3]), 90, 15),
    Step("parity", _STUDENTS, 60, 10),
    Step("compiled", tuple(f"{s} {t}" for s in _STUDENTS for t in ("cold", "warm")), 240, 30, True),
    Step("seeds", tuple(f"{s} {seed}" for seed in (1, 2) for s in _STUDENTS), 240, 30, True),
)
"""In the order of their worth."""
QUICK = ("card", "data", "tests", "whole:saliency-v2", "parity:saliency-v2")
_ON_A_CPU = {"curves", "steps", "profile"}
"""Of these a CPU has ``fp32 eager`` alone."""


class Job(NamedTuple):
    """An item of a step that was asked for."""

    step: Step
    item: str

    @property
    def name(self) -> str:
        """As the command line takes it."""
        return f"{self.step.name}:{self.item}"


# -- what was measured -----------------------------------------------------------------------------


class Results:
    """A folder: results.jsonl with a line an item, summary.md, log.txt, curves and weights.

    Args:
        folder: kept between calls.
        copies: where all of it is copied as soon as it changes, or None.
        scale: what is measured; lines of another scale stay, and are not looked at.
    """

    def __init__(self, folder: Path, copies: Path | None, scale: str) -> None:
        self.folder, self._copies, self._scale = folder, copies, scale
        folder.mkdir(parents=True, exist_ok=True)
        self._lines = folder / "results.jsonl"
        self.log = folder / "log.txt"
        self._copied: dict[str, tuple[int, int]] = {}
        self.records = list(self._read())

    def _read(self) -> Iterator[dict[str, Any]]:
        if not self._lines.exists():
            return
        for line in self._lines.read_text("utf-8", "replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:  # the end of a process that was killed
                continue
            if isinstance(record, dict) and record.get("scale") == self._scale:
                yield record

    def add(self, job: Job, seconds: float, result: Any, error: str | None) -> None:
        """Write an item's result, or why there is none, and both where there are both."""
        record = {
            "scale": self._scale,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "step": job.step.name,
            "item": job.item,
            "seconds": round(seconds, 3),
            "result": result,
            "error": error,
        }
        self.records.append(record)
        text = json.dumps(record) + "\n"
        with self._lines.open("ab+") as stream:
            if stream.tell():
                stream.seek(-1, os.SEEK_END)
                if stream.read() != b"\n":
                    stream.write(b"\n")
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())

    def last(self, job: Job) -> dict[str, Any] | None:
        """The newest record of an item."""
        of = (
            r for r in reversed(self.records) if (r["step"], r["item"]) == (job.step.name, job.item)
        )
        return next(of, None)

    def summarise(self, left: list[str]) -> str:
        """Write the table and give it."""
        try:
            text = table(self.records, left)
        except Exception as error:  # noqa: BLE001 - a fault in the table must cost no measurement
            text = f"no table: {type(error).__name__}: {error}; all is in {self._lines.name}\n"
        (self.folder / "summary.md").write_text(text, encoding="utf-8")
        self.copy()
        return text

    def copy(self) -> None:
        """Copy what changed; what cannot be copied is tried again, and costs no measurement."""
        if self._copies is None:
            return
        for path in self.folder.glob("[!.]*"):  # a dot: on its way to its name, or gone by now
            with suppress(OSError):
                self._copy(path, self._copies)

    def _copy(self, path: Path, folder: Path) -> None:
        status = path.stat()
        state = status.st_size, status.st_mtime_ns
        if path.is_file() and self._copied.get(path.name) != state:
            folder.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as stream:
                stream.seek(max(0, status.st_size - _MOST_COPIED))
                (folder / path.name).write_bytes(stream.read(_MOST_COPIED))
            self._copied[path.name] = state

    def end_of_log(self, start: int) -> str:
        """The last line that was logged after a place in the log, in short."""
        with self.log.open("rb") as stream:
            stream.seek(start)
            lines = stream.read()[-4000:].decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return said[-1][:300] if said else "it said nothing"


# -- running ---------------------------------------------------------------------------------------


class Runner:
    """Runs jobs in child processes until the budget is used up."""

    def __init__(self, results: Results, settings: dict[str, Any], deadline: float) -> None:
        self._results, self._settings, self._deadline = results, settings, deadline

    def left(self) -> float:
        """Seconds of the budget."""
        return self._deadline - time.monotonic()

    def run(self, step: Step, jobs: list[Job]) -> None:
        """Run a step's jobs; one that fails or takes too long does not stop the others."""
        while jobs and self.left() > max(step.least, 1):
            together = jobs[:1] if step.alone else jobs
            done = self._child(step, together)
            jobs = jobs[done:]

    def _child(self, step: Step, jobs: list[Job]) -> int:
        """Run some in one process; how many of them are settled, at least one."""
        command = [
            sys.executable,
            "-c",  # not -m: processes that decode would import that module
            "import sys; from benchmarks.gpu_steps import main; sys.exit(main())",
            step.name,
            json.dumps(self._settings),
            *(job.item for job in jobs),
        ]
        # Children import what this process does, from wherever gpu.sh found it.
        path = os.pathsep.join(os.path.abspath(place) for place in sys.path)
        environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": path}
        environment["PYTHONSAFEPATH"] = "1"
        with self._results.log.open("ab") as log:
            place = log.seek(0, os.SEEK_END)
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,  # its end tells the child that this process ended
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        settled, began, failed = 0, time.monotonic(), False
        try:
            for line in self._lines(process, step.limit):
                said, now = json.loads(line), time.monotonic()
                failed = said["error"] is not None
                self._settle(jobs[settled], now - began, said["result"], said["error"])
                settled, began = settled + 1, now
        finally:
            _end(process)
        # A child ends itself after an item that failed: what is left of it is not to be trusted.
        if settled < len(jobs) and not failed:
            took = time.monotonic() - began
            self._settle(jobs[settled], took, None, self._why(process, took, step.limit, place))
            settled += 1
        return settled

    def _lines(self, process: subprocess.Popen[bytes], limit: float) -> Iterator[bytes]:
        """What a child says, line by line, until it ends or is out of time."""
        assert process.stdout is not None  # noqa: S101 - a pipe
        rest, began = b"", time.monotonic()
        while True:
            *lines, rest = rest.split(b"\n")
            for line in lines:
                yield line
                began = time.monotonic()
            if min(began + limit - time.monotonic(), self.left()) < 0:
                return
            ready, _, _ = select.select([process.stdout], [], [], 1)
            self._results.copy()
            if ready:
                read = os.read(process.stdout.fileno(), 1 << 16)
                if not read:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(10)
                    return
                rest += read

    def _why(self, process: subprocess.Popen[bytes], took: float, limit: int, place: int) -> str:
        if self.left() < 0:
            return f"{_CUT} after {took:.0f} s"
        if took > limit:
            return f"stopped at its limit of {limit} s"
        return f"exit status {process.returncode}: {self._results.end_of_log(place)}"

    def _settle(self, job: Job, seconds: float, result: Any, error: str | None) -> None:
        self._results.add(job, seconds, result, error)
        print(f"{job.name}: {error or 'done'}, {seconds:.1f} s", flush=True)
        self._results.summarise([])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a child and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()


# -- the command line ------------------------------------------------------------------------------


def asked_jobs(names: list[str], device: str) -> list[Job]:
    """What the command line names, in the order of the steps, with the data where it is needed.

    Raises:
        ValueError: there is no such step or item.
    """
    every = [
        Job(step, item)
        for step in STEPS
        for item in step.items
        if device == "cuda" or step.name not in _ON_A_CPU or "fp32 eager" in item
    ]
    wanted = set()
    for name in names:
        among = {"all": [step.name for step in STEPS], "quick": QUICK, "table": ()}.get(
            name, [name]
        )
        found = {job for job in every if not {job.step.name, job.name}.isdisjoint(among)}
        if among and not found:
            steps = ", ".join(step.name for step in STEPS)
            raise ValueError(f'no step "{name}" on {device}; there are quick, all, table, {steps}')
        wanted |= found
    if wanted:
        wanted |= {job for job in every if job.step.name == "card"}
    if any(job.step.needs_data for job in wanted):
        wanted |= {job for job in every if job.step.name == "data"}
    return [job for job in every if job in wanted]


def main() -> int:
    """Run what was asked for; 0: all is there, 1: something failed, 3: not all was reached."""
    options = _options()
    device, work = options.device, options.work / "onnxguard-gpu"
    scale = f"{device}, {options.images} images, crop {options.crop}, {options.epochs} epochs"
    copies = Path(os.environ["OUT"]).absolute() if os.environ.get("OUT") else None
    results = Results(options.results.absolute(), copies, scale)
    settings = {
        "device": device,
        "images": options.images,
        "crop": options.crop,
        "epochs": options.epochs,
        "work": str(work.absolute()),
        "results": str(results.folder),
    }
    work.mkdir(parents=True, exist_ok=True)
    began = time.time() - float(os.environ.get("ONNXGUARD_GPU_BEGAN", time.time()))
    runner = Runner(results, settings, time.monotonic() + options.budget - began - _RESERVE)
    known = len(results.records)
    before = {job: results.last(job) for job in options.jobs}
    held = (work / f"duts-{options.images}" / "complete").exists()

    def is_done(job: Job) -> bool:
        record = before[job]
        again = options.again or (job.step.name == "data" and not held)
        return record is not None and record["error"] is None and not again

    pending = [job for job in options.jobs if not is_done(job)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

    def is_late(job: Job) -> bool:
        """Failed before: comes last, so that it cannot use up every budget."""
        record = before[job]
        needed = job.step.name in {"card", "data"}
        return record is not None and record["error"] is not None and not needed

    try:
        for late in (False, True):
            for step in STEPS:
                jobs = [job for job in pending if job.step is step and is_late(job) == late]
                runner.run(step, jobs)
                if any(_NO_GPU in str(record["error"]) for record in results.records[known:]):
                    return 2
    finally:
        failed_now, missing = _missing(results, before, pending)
        print(results.summarise(missing), flush=True)
    return 3 if missing else int(bool(failed_now))


def _missing(
    results: Results, before: dict[Job, dict[str, Any] | None], pending: list[Job]
) -> tuple[list[str], list[str]]:
    """What failed in this call, and what it did not come to."""
    failed, missing = [], []
    for job in pending:
        record = results.last(job)
        if record is before[job] or (record and str(record["error"]).startswith(_CUT)):
            missing.append(job.name)
        elif record and record["error"] is not None:
            failed.append(job.name)
    return failed, missing


def _options() -> argparse.Namespace:
    steps = "\n".join(f"  {step.name:<9} {', '.join(step.items)}" for step in STEPS)
    parser = argparse.ArgumentParser(
        prog="benchmarks/gpu.sh",
        description="Measure the students on a GPU; a later call goes on where this one stops.",
        epilog=f"steps and their items, in the order of their worth:\n{steps}\n\n"
        f"quick is {' '.join(QUICK)}; table measures nothing and shows what there is.\n"
        "Results lie in --results, and are copied to the folder $OUT where that is set.\n"
        "exit status: 0 all is there, 1 something failed, 2 a wrong call, 3 not all was reached",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("steps", nargs="+", metavar="quick|all|table|STEP[:ITEM]")
    parser.add_argument("--device", default="cuda", choices=("cpu", "cuda"))
    parser.add_argument("--budget", type=float, default=570, help="seconds in all (%(default)s)")
    parser.add_argument("--small", action="store_true", help="few small images, for a rehearsal")
    parser.add_argument("--images", type=int, help=f"how many (default: {IMAGES})")
    parser.add_argument("--crop", type=int, help=f"their side (default: {CROP})")
    parser.add_argument("--epochs", type=int, help=f"of a whole training (default: {EPOCHS})")
    parser.add_argument("--again", action="store_true", help="measure what is there already")
    parser.add_argument("--results", type=Path, default=ROOT / "gpu-results", metavar="DIR")
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()), metavar="DIR", help="for 6 GB"
    )
    options = parser.parse_args()
    defaults = SMALL if options.small else (IMAGES, CROP, EPOCHS)
    for name, default in zip(("images", "crop", "epochs"), defaults, strict=True):
        setattr(options, name, getattr(options, name) or default)
    if options.images < SMALL[0]:
        parser.error(f"--images: {SMALL[0]} or more")
    if options.crop % 8:
        parser.error("--crop: a multiple of 8")
    try:
        options.jobs = asked_jobs(options.steps, options.device)
    except ValueError as error:
        parser.error(str(error))
    return options


if __name__ == "__main__":
    sys.exit(main())
