"""Scan damaged models by the million, each by both paths of the reader and beside onnx.

    python benchmarks/fuzz.py --inputs 1000000

Every input has a number that makes it again: ``--only NUMBER`` runs one, ``--write FILE`` keeps it.
A crash, a hang or a reading that differs from onnx's, or between the reader's plain path and its
careful one, is printed with its number, and the exit code is 1. The plain path reads each input
twice, with what it remembers of the inputs before it in the batch and with what it remembers of the
input itself. In seven batches of eight Loops in Loops are followed less far than in a scan: a few
inputs of many would take three quarters of the time, and it is the reader that is tried. Needs the
extra ``dev``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import resource
import signal
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import onnx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support import mutations, oracle
from support.reading_paths import careful_path, compare_plain, outcome

from onnxguard import __version__, load_allowlist
from onnxguard.model.reading import memo
from onnxguard.model.shapes import infer

BATCH = 500
HANG = 10.0
"""Seconds of processor time after which one input counts as a hang."""

VISITS = infer.VISITS_AT_LEAST
"""How many nodes a scan may look at, those of bodies in every round."""

ALLOWLIST = "adr-0258"


class Outcome(NamedTuple):
    """What came of a batch; ``slowest`` is (seconds of processor time, number)."""

    inputs: int
    size: int
    outcomes: Counter[str]
    slowest: tuple[float, int]
    failures: list[tuple[int, str]]
    megabytes: float


class HangError(Exception):
    """One input took longer than ``HANG``."""


def stop(*_: object) -> None:
    """Handle the timer's signal."""
    raise HangError(f"over {HANG:g} s")


class Fuzzer:
    """Holds what every input of a process shares."""

    def __init__(self) -> None:
        self.seeds = mutations.seeds()
        self.policy = load_allowlist(ALLOWLIST)
        signal.signal(signal.SIGPROF, stop)

    def run(self, first: int, count: int) -> Outcome:
        """Scan the inputs of these numbers."""
        outcomes: Counter[str] = Counter()
        failures: list[tuple[int, str]] = []
        slowest = (0.0, first)
        inputs = [mutations.mutate(number, self.seeds) for number in range(first, first + count)]
        size = sum(map(len, inputs))
        memo.forget()
        for number, (data, read) in enumerate(
            zip(inputs, self.careful(inputs), strict=True), first
        ):
            signal.setitimer(signal.ITIMER_PROF, HANG)
            started = time.process_time()
            try:
                compare_plain(data, self.policy, read)
                outcomes[oracle.compare(data, self.policy)] += 1
            except Exception as error:  # noqa: BLE001 - a failure is what is looked for
                failures.append((number, f"{type(error).__name__}: {error}"))
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            slowest = max(slowest, (time.process_time() - started, number))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return Outcome(count, size, outcomes, slowest, failures, peak)

    def careful(self, inputs: list[bytes]) -> list[tuple[object, ...]]:
        """What the careful path reads of each, or why it does not."""
        read: list[tuple[object, ...]] = []
        with careful_path():
            for data in inputs:
                signal.setitimer(signal.ITIMER_PROF, HANG)
                try:
                    read.append(outcome(data, self.policy))
                except Exception as error:  # noqa: BLE001 - it differs from whatever is expected
                    read.append((type(error).__name__, str(error)))
                finally:
                    signal.setitimer(signal.ITIMER_PROF, 0)
        return read


@cache
def fuzzer() -> Fuzzer:
    """Return the one of this process."""
    return Fuzzer()


def run_batch(batch: tuple[int, int]) -> Outcome:
    """Run a batch in a worker."""
    infer.VISITS_AT_LEAST = 1000 if batch[0] // BATCH % 8 else VISITS
    return fuzzer().run(*batch)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=20_000, help="how many (default: 20000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: 0)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="run this one")
    parser.add_argument("--write", type=Path, metavar="FILE", help="with --only: keep the input")
    return parser.parse_args()


def main() -> int:
    """Run the inputs and print what came of them."""
    options = arguments()
    if options.only is not None:
        if options.write:
            options.write.write_bytes(mutations.mutate(options.only, fuzzer().seeds))
        outcome = fuzzer().run(options.only, 1)
        print(dict(outcome.outcomes) or outcome.failures[0][1])
        return 1 if outcome.failures else 0
    end = options.first + options.inputs
    batches = [(at, min(BATCH, end - at)) for at in range(options.first, end, BATCH)]
    started = time.perf_counter()
    done: list[Outcome] = []
    with multiprocessing.Pool(options.jobs) as pool:
        for outcome in pool.imap_unordered(run_batch, batches):
            done.append(outcome)
            for number, message in outcome.failures:
                print(f"input {number}: {message[:300]}", flush=True)
            progress(sum(each.inputs for each in done), options.inputs, started)
    return report(done, time.perf_counter() - started, options)


def progress(inputs: int, total: int, started: float) -> None:
    """Keep a line on a terminal up to date."""
    if sys.stderr.isatty():
        rate = inputs / (time.perf_counter() - started)
        print(f"\r{inputs:,} of {total:,}, {rate:,.0f}/s ", end="", file=sys.stderr, flush=True)


def report(done: list[Outcome], seconds: float, options: argparse.Namespace) -> int:
    """Print the totals; 1 where any input failed."""
    outcomes: Counter[str] = Counter()
    for each in done:
        outcomes.update(each.outcomes)
    inputs = sum(each.inputs for each in done)
    failures = sum(len(each.failures) for each in done)
    slowest, number = max((each.slowest for each in done), default=(0.0, 0))
    peak = max((each.megabytes for each in done), default=0.0)
    print(
        f"onnxguard {__version__}, onnx {onnx.__version__}, Python {platform.python_version()}, "
        f"{platform.machine()}, {options.jobs} processes, {ALLOWLIST}"
    )
    print(f"inputs       {inputs:>12,}  from number {options.first}")
    print(f"bytes        {sum(each.size for each in done):>12,}")
    print(f"seconds      {seconds:>12,.1f}  {inputs / seconds:,.0f} inputs a second")
    print(f"slowest      {slowest * 1000:>12,.1f}  ms of processor time with onnx, input {number}")
    print(f"peak memory  {peak:>12,.0f}  MiB a process")
    for name, count in outcomes.most_common():
        print(f"{count:>25,}  {name}")
    print(f"failures     {failures:>12,}")
    return 1 if failures or inputs != options.inputs else 0


if __name__ == "__main__":
    sys.exit(main())
