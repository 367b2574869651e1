"""Run Python, or ``onnxguard ARGUMENTS`` as a user would, and say what it took.

Another process starts the measured one: a process inherits the peak memory of the one
that starts it, so a large test process cannot measure a small one.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from support.patience import HANG

_START = f"import sys; sys.path.insert(0, {str(Path(__file__).parent.parent)!r})\n"
_START += "from support.measure import main; main(int(sys.argv[1]), sys.argv[2:])"

PROCESSOR = 10
"""Seconds of processor time after which the kernel ends a run, however busy the machine is."""


class Usage(NamedTuple):
    """A finished process: seconds of wall clock and of processor, peak resident memory in MiB."""

    exit: int
    out: str
    err: str
    seconds: float
    processor: float
    megabytes: float


def measure(*arguments: str) -> Usage:
    """Run the command line in a process of its own."""
    return measure_python("-m", "onnxguard", *arguments)


def measure_python(*arguments: str, processor: int = PROCESSOR) -> Usage:
    """Run ``python ARGUMENTS`` in a process of its own, for so many seconds of processor time."""
    command = [sys.executable, "-c", _START, str(processor), *arguments]
    done = subprocess.run(command, capture_output=True, timeout=2 * HANG, check=True)
    return Usage(*json.loads(done.stdout))


def main(limit: int, arguments: list[str]) -> None:
    """Start the command, wait for it and print its ``Usage`` as JSON."""
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))  # the command inherits it
    start = time.perf_counter()
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            out, err = process.communicate(timeout=HANG)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    processor = used.ru_utime + used.ru_stime
    texts = out.decode(), err.decode()
    print(json.dumps([process.returncode, *texts, seconds, processor, peak]))
