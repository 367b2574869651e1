"""CPU time of ``onnxguard parity`` beside that of a plain script that runs as many trials.

    python -m benchmarks.zoo_time FOLDER [NAME ...]

FOLDER is that of benchmarks.zoo. The plain script loads the module and the graph, runs both on
inputs of the shapes that the check ran, and takes the largest difference. Both are processes of
their own and take turns; printed are the least seconds of some rounds.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any

from benchmarks.zoo import check, run

NAMES = ("bert", "vit", "resnet18")


def plain(folder: Path, name: str, kind: str, trials: list[list[Any]]) -> None:
    """What people write: both sides, the same inputs, the largest difference."""
    import numpy as np
    import onnxruntime
    import torch

    from benchmarks.zoo_networks import NETWORKS

    module = NETWORKS[name].make()
    module.load_state_dict(torch.load(folder / f"{name}.pt", weights_only=True))
    session = onnxruntime.InferenceSession(folder / f"{name}.{kind}.onnx")
    random = np.random.default_rng(0)
    largest = 0.0
    for shapes in trials:
        feeds = {
            given.name: random.standard_normal(shape, np.float32)
            if given.type == "tensor(float)"
            else random.integers(0, 2, shape)
            for given, shape in zip(session.get_inputs(), shapes, strict=True)
        }
        with torch.inference_mode():
            expected = module(*(torch.from_numpy(feed) for feed in feeds.values()))
        (actual,) = session.run(None, feeds)
        largest = max(largest, float(np.abs(expected.numpy() - actual).max()))
    print(largest)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--kind", default="script")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder, kind = arguments.folder, arguments.kind
    if arguments.trials:
        warnings.simplefilter("ignore")
        plain(folder, arguments.names[0], kind, json.loads(arguments.trials))
        return 0
    print("| network | trials | onnxguard, CPU s | plain script, CPU s | 1.5 times it plus 3 s |")
    print("|---|--:|--:|--:|--:|")
    for name in arguments.names or NAMES:
        ours, theirs, trials = [], [], list[list[Any]]()
        for _ in range(arguments.rounds):
            found = check(folder, name, kind)
            ours.append(found["seconds"])
            shapes = (trial["shapes"] for trial in found["report"]["trials"])
            trials = [[given["shape"] for given in trial] for trial in shapes]
            command = ("-m", "benchmarks.zoo_time", str(folder), name, "--kind", kind)
            theirs.append(run(*command, "--trials", json.dumps(trials)).seconds)
        a, b = min(ours), min(theirs)
        print(f"| {name} | {len(trials)} | {a:.1f} | {b:.1f} | {1.5 * b + 3:.1f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
