"""Compare what passes with what ONNX Runtime runs, on many drawn models.

    python benchmarks/inlining.py --models 20000

Each model has a number that makes it again (``--first NUMBER --models 1``). What passes and runs an
operator that was not judged, or more rounds or nodes than the scan said, is printed with its
number, and the exit code is 1. Needs the extra ``dev``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.inlining_oracle import Outcome, compare

BATCH = 250


def batch(seeds: range) -> Outcome:
    """Compare some models in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        return compare(seeds, Path(folder))


def main() -> int:
    """Draw, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    started = time.perf_counter()
    end = options.first + options.models
    batches = [range(n, min(n + BATCH, end)) for n in range(options.first, end, BATCH)]
    loaded = passed = 0
    features: Counter[str] = Counter()
    failures: list[tuple[int, str]] = []
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for outcome in pool.imap_unordered(batch, batches):
            loaded, passed = loaded + outcome.loaded, passed + outcome.passed
            features.update(outcome.features)
            failures += outcome.failures
            for seed, wrong in outcome.failures:
                print(f"model {seed}: {wrong}", flush=True)
    print(f"{options.models} models in {time.perf_counter() - started:.0f} s")
    print(f"{loaded} load, {passed} of them pass, {len(failures)} differences")
    for feature, count in sorted(features.items()):
        print(f"{count:7d} with: {feature}")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
