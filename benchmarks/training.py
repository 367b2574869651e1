"""Compare ``train`` with a plain loop of the kind that the students' source has.

``python -m benchmarks.training [--seeds N] [--epochs N] [--crop N]`` from the root of the
repository, with the extra ``dev`` installed. Both train one student on the same images, drawn and
saved as JPEG and PNG, with the same split, batch, learning rate and epochs, on the CPU. The plain
loop decodes with Pillow in a DataLoader and computes in float32 as PyTorch does by default;
``train`` uses its recipe ``fast``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from onnxguard.students import STUDENTS, normalisation
from onnxguard.students.data import find_data, take_training
from onnxguard.students.generated import generate
from onnxguard.students.recipe import RECIPES, Recipe
from onnxguard.students.sampling import split
from onnxguard.students.student import Student
from onnxguard.students.training import train
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from onnxguard.base.progress import silent

MEAN, DEVIATION = np.array([normalisation.MEAN, normalisation.DEVIATION], np.float32)


class Result(NamedTuple):
    """One training.

    Attributes:
        iou: the best on the validation images.
        images_per_second: trained on, with their loading, without the validation.
        seconds: of all of it: decoding, training, validation.
    """

    iou: float
    images_per_second: float
    seconds: float


def write_images(folder: Path, count: int, side: int) -> None:
    """Draw images and save them in the layout of DUTS-TR."""
    images, masks = folder / "DUTS-TR-Image", folder / "DUTS-TR-Mask"
    if masks.is_dir() and len(list(masks.iterdir())) == count:
        return
    for each in (images, masks):
        each.mkdir(parents=True, exist_ok=True)
    for number, (image, mask) in enumerate(generate(count, side, side * 4 // 3, seed=0)):
        Image.fromarray(image).save(images / f"{number:05}.jpg", quality=90)
        Image.fromarray(mask).save(masks / f"{number:05}.png")


class Plain(Dataset[tuple[Tensor, Tensor]]):
    """Decodes, resizes, crops, flips and normalises one image at a time."""

    def __init__(self, folder: Path, names: Sequence[str], recipe: Recipe, training: bool) -> None:
        self._folder, self._names, self._recipe, self._training = folder, names, recipe, training

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        recipe, name, crop = self._recipe, self._names[index], self._recipe.crop
        with Image.open(self._folder / "DUTS-TR-Image" / f"{name}.jpg") as file:
            image = file.convert("RGB")
        with Image.open(self._folder / "DUTS-TR-Mask" / f"{name}.png") as file:
            mask = file.convert("L")
        side = recipe.train_side if self._training else recipe.validation_side
        scale = side / min(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        image = image.resize(size, Image.Resampling.BILINEAR)
        mask = mask.resize(size, Image.Resampling.NEAREST)
        left, top = (size[0] - crop) // 2, (size[1] - crop) // 2
        if self._training:
            left, top = random.randint(0, size[0] - crop), random.randint(0, size[1] - crop)
        box = (left, top, left + crop, top + crop)
        image, mask = image.crop(box), mask.crop(box)
        if self._training and random.random() < recipe.flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            mask = mask.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = (np.asarray(image, np.float32) / 255 - MEAN) / DEVIATION
        salient = (np.asarray(mask, np.float32) / 255 > 0.5).astype(np.float32)
        return (
            torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))),
            torch.from_numpy(salient)[None],
        )


def plain_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy and Dice of what the network answers."""
    shared = (found * wanted).sum((1, 2, 3))
    both = found.sum((1, 2, 3)) + wanted.sum((1, 2, 3))
    dice = 1 - (2 * shared + 1) / (both + 1)
    return functional.binary_cross_entropy(found, wanted) + dice.mean()


def plain_iou(network: nn.Module, loader: DataLoader[tuple[Tensor, Tensor]]) -> float:
    """The mean IoU over the images."""
    ious: list[float] = []
    network.eval()
    with torch.no_grad():
        for images, wanted in loader:
            found = network(images) > 0.5
            salient = wanted > 0.5
            shared = (found & salient).sum((1, 2, 3)).double()
            either = (found | salient).sum((1, 2, 3)).double()
            ious += ((shared + 1e-6) / (either + 1e-6)).tolist()
    return statistics.mean(ious)


def train_plainly(folder: Path, student: Student, recipe: Recipe) -> Result:
    """The plain loop: as many workers as there are cores."""
    random.seed(recipe.seed)
    torch.manual_seed(recipe.seed)
    names = sorted(path.stem for path in (folder / "DUTS-TR-Image").iterdir())
    share, least = recipe.validation_share, recipe.validation_least
    training, validation = split(len(names), share, least, recipe.split_seed)
    workers = os.cpu_count() or 1

    def loader(which: Sequence[int], shuffled: bool) -> DataLoader[tuple[Tensor, Tensor]]:
        return DataLoader(
            Plain(folder, [names[index] for index in which], recipe, shuffled),
            recipe.batch,
            shuffle=shuffled,
            num_workers=workers,
            drop_last=shuffled,
            persistent_workers=True,
        )

    started = time.perf_counter()
    network = student.build()
    optimiser = torch.optim.Adam(network.parameters(), recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs)
    train_loader, validation_loader = loader(training, True), loader(validation, False)
    best, images, training_seconds = 0.0, 0, 0.0
    for _ in range(recipe.epochs):
        network.train()
        began = time.perf_counter()
        for batch, wanted in train_loader:
            optimiser.zero_grad()
            loss = plain_loss(network(batch), wanted)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            loss.item()
            images += len(batch)
        schedule.step()
        training_seconds += time.perf_counter() - began
        best = max(best, plain_iou(network, validation_loader))
    return Result(best, images / training_seconds, time.perf_counter() - started)


def train_ours(folder: Path, student: Student, recipe: Recipe) -> Result:
    """``train``, with the store built anew: no cache helps it."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        data = find_data(str(folder))
        taken = take_training(data, recipe, f"{scratch}/cache", 0, "refuse", silent)
        trained = train(student, taken.data, recipe, f"{scratch}/run")
    seconds = time.perf_counter() - started
    images = sum(epoch.images for epoch in trained.history)
    training_seconds = sum(epoch.train_seconds for epoch in trained.history)
    iou = trained.history[trained.best_epoch - 1].iou
    return Result(iou, images / training_seconds, seconds)


def recipe_of(options: argparse.Namespace, seed: int) -> Recipe:
    """The source's recipe at the size that was asked for."""
    return replace(
        RECIPES["source"],
        train_side=options.crop * 9 // 8,
        validation_side=options.crop,
        crop=options.crop,
        batch=options.batch,
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        seed=seed,
    )


def in_process(side: str, seed: int, environment: dict[str, str]) -> Result:
    """One training in a process of its own, so that neither side inherits the other's memory."""
    command = [sys.executable, "-m", "benchmarks.training", *sys.argv[1:], "--one", side, str(seed)]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return Result(*json.loads(done.stdout))


def main() -> int:
    """Print the figures of this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--student", default="saliency-v2", choices=STUDENTS)
    parser.add_argument("--images", type=int, default=448)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    parser.add_argument("--half-size", type=float, default=RECIPES["fast"].half_size)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("SIDE", "SEED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    student = STUDENTS[options.student]
    folder = Path(tempfile.gettempdir()) / "onnxguard-benchmarks" / f"images-{options.images}"
    if options.one:
        side, recipe = options.one[0], recipe_of(options, int(options.one[1]))
        fast = replace(recipe, half_size=options.half_size)
        ours = side == "ours"
        run = train_ours(folder, student, fast) if ours else train_plainly(folder, student, recipe)
        print(json.dumps(run))
        return 0
    write_images(folder, options.images, 300)
    print(
        f"{student.name}, {options.images} images of 400x300, crop {options.crop}, batch "
        f"{options.batch}, {options.epochs} epochs, half size {options.half_size}; "
        f"{os.cpu_count()} cores, PyTorch {torch.__version__}, Python {platform.python_version()}"
    )
    rows: dict[str, list[Result]] = {"plain": [], "ours": []}
    for seed in range(options.seeds):
        # The command line sets what ours runs with; PyTorch's own default is the plain loop's.
        for side, environment in (("plain", {}), ("ours", {"OMP_WAIT_POLICY": "PASSIVE"})):
            result = in_process(side, seed, environment)
            rows[side].append(result)
            print(
                f"seed {seed} {side:<6} IoU {result.iou:.4f}  "
                f"{result.images_per_second:6.1f} images/s  {result.seconds:6.1f} s",
                flush=True,
            )
    for side, results in rows.items():
        ious = [result.iou for result in results]
        rates = sorted(result.images_per_second for result in results)
        spread = f" +- {statistics.stdev(ious):.4f}" if len(ious) > 1 else ""
        whole = statistics.median(result.seconds for result in results)
        print(
            f"{side:<6} IoU {statistics.mean(ious):.4f}{spread}  {statistics.median(rates):.1f} "
            f"images/s ({rates[0]:.1f} to {rates[-1]:.1f}), {whole:.1f} s in all"
        )
    pairs = list(zip(rows["plain"], rows["ours"], strict=True))
    steps = statistics.median(o.images_per_second / p.images_per_second for p, o in pairs)
    whole = statistics.median(p.seconds / o.seconds for p, o in pairs)
    print(f"ours: {steps:.2f} times the images a second, {whole:.2f} times as fast in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
