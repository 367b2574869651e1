"""Measure trainings of DUTS-TR's size, each in a process of its own.

``python -m benchmarks.gpu steps|whole [--device cpu]`` from the root of the repository, with the
extra ``dev`` installed. ``steps`` runs a few epochs in each way of computing; ``whole`` runs all of
them and the gates, for several seeds. Both train by the recipe ``source`` on images that are drawn
once, as many and as large as DUTS-TR's, and saved as JPEG and PNG.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from onnxguard.students import STUDENTS
from onnxguard.students.compute import choose_compute, describe
from onnxguard.students.data import Taken, find_data, take_training
from onnxguard.students.distributed import Group
from onnxguard.students.generated import draw_scene
from onnxguard.students.history import Epoch
from onnxguard.students.recipe import RECIPES, Recipe
from onnxguard.students.sampling import on_device
from onnxguard.students.training import train
from PIL import Image

from onnxguard.base.progress import silent
from onnxguard.gating.gates import Limits
from onnxguard.gating.train_and_gate import train_and_gate

IMAGES, HEIGHT, WIDTH = 10_553, 300, 400
"""DUTS-TR's, most of whose images have these sides, either way round."""
COPIED = 1 << 31
"""Bytes of the tensor whose copying shows what the memory can do."""
TRAFFIC = {
    ("saliency-v1", "fp32"): 14.4e9,
    ("saliency-v1", "bf16"): 7.4e9,
    ("saliency-v2", "fp32"): 15.5e9,
    ("saliency-v2", "bf16"): 8.0e9,
}
"""Bytes that a step moves, 32 crops of 256x256: the sum over its operators, none of them fused."""


class Way(NamedTuple):
    """A way of computing."""

    precision: str
    graphed: bool = False
    compiled: bool = False

    @property
    def name(self) -> str:
        """As the table has it."""
        if self.compiled:
            return f"{self.precision} compiled"
        return f"{self.precision} {'CUDA graph' if self.graphed else 'eager'}"


WAYS = (
    Way("fp32"),
    Way("bf16"),
    Way("fp32", graphed=True),
    Way("bf16", graphed=True),
    Way("bf16", compiled=True),
)


# -- images ----------------------------------------------------------------------------------------


def write_image(folder: Path, number: int) -> None:
    """Draw an image and its mask at half the size, and enlarge them; every fourth is upright."""
    sides = (WIDTH, HEIGHT) if number % 4 == 3 else (HEIGHT, WIDTH)
    scene = np.random.Generator(np.random.PCG64([0, number]))
    image, mask = (
        Image.fromarray(each) for each in draw_scene(sides[0] // 2, sides[1] // 2, scene)
    )
    size = sides[1], sides[0]
    image.resize(size, Image.Resampling.BICUBIC).save(
        folder / "DUTS-TR-Image" / f"{number:05}.jpg", quality=90
    )
    mask.resize(size).save(folder / "DUTS-TR-Mask" / f"{number:05}.png")


def write_images(folder: Path, count: int) -> None:
    """Draw those that are missing, on all cores."""
    for each in ("DUTS-TR-Image", "DUTS-TR-Mask"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    held = {path.stem for path in (folder / "DUTS-TR-Mask").glob("*.png")}
    missing = [number for number in range(count) if f"{number:05}" not in held]
    with ProcessPoolExecutor() as pool:
        list(pool.map(write_image, [folder] * len(missing), missing, chunksize=64))


# -- one training, in a process of its own ---------------------------------------------------------


def one(options: argparse.Namespace, way: Way, seed: int) -> dict[str, Any]:
    """Train, and say what it took."""
    compute = choose_compute(options.device, way.precision, way.compiled, way.graphed or None)
    compute = compute._replace(graphed=way.graphed)
    recipe = recipe_of(options, seed)
    cache = str(options.folder / "cache")
    taken = take_training(find_data(str(options.images_in)), recipe, cache, 0, "refuse", silent)
    found: dict[str, Any] = {"seconds": {"data": taken.seconds, "upload": upload(taken, compute)}}
    student = STUDENTS[options.student]
    with tempfile.TemporaryDirectory() as scratch:
        if options.what == "steps":
            trained = train(student, taken.data, recipe, scratch, compute=compute)
            history = trained.history
        else:
            limits = Limits(min_iou=0.0)
            done = train_and_gate(
                student, taken, recipe, scratch, compute=compute, group=Group(), limits=limits
            )
            card = done.card if done else sys.exit("trained by no process")
            history = card.epochs
            found["seconds"] |= dict(card.seconds)
            found["gates"] = {gate.name: gate.passed for gate in card.gates}
    found["hardware"] = dict(describe(compute, 1))
    found["epochs"] = [epoch._asdict() for epoch in history]
    if compute.device.type == "cuda":
        found["peak"] = torch.cuda.max_memory_allocated(compute.device)
        found["copied"] = copy_bandwidth(compute.device)
    return found


def recipe_of(options: argparse.Namespace, seed: int) -> Recipe:
    """The source's; smaller where that was asked for."""
    crop = options.crop
    return replace(
        RECIPES["source"],
        train_side=crop * 9 // 8,
        validation_side=crop,
        crop=crop,
        epochs=options.epochs,
        seed=seed,
    )


def upload(taken: Taken, compute: Any) -> float:
    """Seconds that the pixels take to get to the device."""
    if compute.device.type != "cuda":
        return 0.0
    torch.empty(1, device=compute.device)  # starts CUDA
    store = taken.data.training
    began = time.perf_counter()
    on_device(store.pixels, store.offsets, store.widths, compute.device)
    torch.cuda.synchronize()
    return time.perf_counter() - began


def copy_bandwidth(device: torch.device) -> float:
    """Bytes a second that a copy within the device's memory reads and writes, the median of 20."""
    source = torch.zeros(COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    rates = []
    for _ in range(20):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        target.copy_(source)
        end.record()
        end.synchronize()
        rates.append(2 * COPIED / (begin.elapsed_time(end) / 1000))
    return statistics.median(rates)


# -- all of them -----------------------------------------------------------------------------------


def in_process(way: Way, seed: int, kernels: str) -> dict[str, Any]:
    """One training with none of this process's memory; compiled kernels are kept in a folder."""
    # Not -m: processes that decode would import that module, and PyTorch with it.
    command = [
        sys.executable,
        "-c",
        "import sys; from benchmarks.gpu import main; sys.exit(main())",
        *sys.argv[1:],
        "--one",
        json.dumps([way, seed]),
    ]
    environment = {"TORCHINDUCTOR_CACHE_DIR": kernels, "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{way.name}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"seed": seed}


def line(student: str, way: Way, name: str, found: dict[str, Any], whole: bool) -> str:
    """What a training took, for people."""
    epochs = [Epoch(**each) for each in found["epochs"]]
    steps = epochs[0].images // RECIPES["source"].batch
    # The first one searches for kernels, records or compiles.
    later = epochs[1:] or epochs
    times = sorted(1000 * epoch.train_seconds / steps for epoch in later)
    middle = statistics.median(times)
    parts = [
        f"{name:<22} {middle:8.2f} ms a step ({times[0]:.2f} to {times[-1]:.2f})",
        f"{RECIPES['source'].batch / middle * 1000:,.0f} images/s",
        f"first epoch {epochs[0].train_seconds - steps * middle / 1000:+.1f} s",
    ]
    if "copied" in found:
        if not way.compiled:
            rate = TRAFFIC[student, way.precision] / middle / 1e6
            parts.append(f"{rate:,.0f} GB/s of {found['copied'] / 1e9:,.0f}")
        parts.append(f"peak {found['peak'] / 2**30:.2f} GiB")
    if whole:
        parts.append(f"IoU {max(epoch.iou for epoch in epochs):.4f}")
    phases = "  ".join(f"{name} {seconds:.2f}" for name, seconds in found["seconds"].items())
    return f"{', '.join(parts)}\n    seconds: {phases}"


def main() -> int:
    """Print the figures of this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("steps", "whole"))
    parser.add_argument("--student", default="saliency-v2", choices=STUDENTS)
    parser.add_argument("--device", default="cuda", choices=("cpu", "cuda"))
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--crop", type=int, default=RECIPES["source"].crop)
    parser.add_argument("--epochs", type=int, help="default: 3 for steps, 50 for whole")
    parser.add_argument("--seeds", type=int, help="default: 1 for steps, 3 for whole")
    parser.add_argument("--way", action="append", choices=[way.name for way in WAYS])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--json", type=Path, help="append everything measured, a line a training")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    whole = options.what == "whole"
    options.epochs = options.epochs or (RECIPES["source"].epochs if whole else 3)
    options.folder = options.folder / "onnxguard-benchmarks"
    options.images_in = options.folder / f"duts-{options.images}"
    if options.one:
        way, seed = json.loads(options.one)
        with contextlib.redirect_stdout(sys.stderr):
            found = one(options, Way(*way), seed)
        print(json.dumps(found))
        return 0
    began = time.perf_counter()
    write_images(options.images_in, options.images)
    print(f"{options.images} images in {time.perf_counter() - began:.1f} s", flush=True)
    asked = options.way or [way.name for way in WAYS]
    ways = [way for way in WAYS if way.name in asked]
    if options.device == "cpu":
        ways = [way for way in ways if way == Way("fp32")]
    if not ways:
        parser.error("on a CPU there is fp32 eager alone")
    for seed in range(options.seeds or (3 if whole else 1)):
        for way in ways:
            with tempfile.TemporaryDirectory() as kernels:
                # What was compiled is kept for the second turn.
                for turn in (", cold", ", warm") if way.compiled else ("",):
                    found = in_process(way, seed, kernels) | {"way": way.name + turn}
                    said = line(options.student, way, way.name + turn, found, whole)
                    print(f"seed {seed} {said}", flush=True)
                    if options.json:
                        with options.json.open("a", encoding="utf-8") as stream:
                            stream.write(json.dumps(found) + "\n")
    print(", ".join(f"{what} {which}" for what, which in found["hardware"].items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
