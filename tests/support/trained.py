"""Trainings so small that they take a second, as the command line is asked for them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from onnxguard.students.generated import generate
from PIL import Image

from support.command import run

SIDE = 24
IMAGES = 24
HELD_OUT = 8
"""Of them; the other 16 are four steps an epoch."""
ENDINGS = (".safetensors", ".json", ".md", ".curve.png", ".sheet.png", ".onnx")


def write_images(folder: Path, count: int = IMAGES, side: int = SIDE, seed: int = 0) -> Path:
    """Pairs as data sets have them: images in JPEG, masks in PNG."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number, (image, mask) in enumerate(generate(count, side, side + 8, seed)):
        mask[side // 2, side // 2] = True  # no mask is empty
        Image.fromarray(image).save(folder / "images" / f"{number:03}.jpg", quality=95)
        pixels = mask.astype(np.uint8) * np.uint8(255)
        Image.fromarray(pixels).save(folder / "masks" / f"{number:03}.png")
    return folder


def images(factory: pytest.TempPathFactory) -> Path:
    """A folder of ``IMAGES`` pairs, the same one for all tests, which none of them changes."""
    folder = factory.getbasetemp() / "shared-pairs"
    return folder if folder.exists() else write_images(folder)


def cached(factory: pytest.TempPathFactory) -> Path:
    """The cache of all tests."""
    return factory.getbasetemp() / "shared-cache"


def recipe_options(factory: pytest.TempPathFactory, data: Path | None = None) -> list[str]:
    """Data and recipe of a tiny training; what is given again after them counts."""
    sides = ("--train-side", str(SIDE), "--validation-side", str(SIDE), "--crop", str(SIDE))
    return [
        *("--data", str(data or images(factory)), "--cache", str(cached(factory)), "--jobs", "1"),
        *sides,
        *("--batch", "4", "--epochs", "1", "--validation-least", str(HELD_OUT)),
    ]


def gate_options(factory: pytest.TempPathFactory, data: Path | None = None) -> list[str]:
    """The same, and gates that such a student passes."""
    return [*recipe_options(factory, data), "--mutants", "0", "--min-iou", "0"]


def placed(factory: pytest.TempPathFactory, student: str = "saliency-v2") -> Path:
    """A folder with a student that passed every gate, which no test changes."""
    return _trained(factory, "placed", student, "--min-iou", "0")


def earlier(factory: pytest.TempPathFactory) -> Path:
    """A folder with another saliency-v2 that passed, from another seed."""
    return _trained(factory, "earlier", "saliency-v2", "--min-iou", "0", "--seed", "7")


def kept_out(factory: pytest.TempPathFactory) -> Path:
    """A folder with a saliency-v2 that its IoU kept out; for ``copied``."""
    return _trained(factory, "kept-out", "saliency-v2", "--min-iou", "0.99")


def _trained(factory: pytest.TempPathFactory, what: str, student: str, *more: str) -> Path:
    out = factory.getbasetemp() / f"shared-{what}-{student}"
    if not out.exists():
        options = ("--student", student, "--out", str(out), *gate_options(factory), *more)
        code, _, err = run("train-and-gate", *options)
        assert code == (what == "kept-out"), err
    return out


def copied(folder: Path, to: Path) -> Path:
    """A copy of a folder that a test may change."""
    return Path(shutil.copytree(folder, to))


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refusal(*arguments: str) -> str:
    """The one line that a call is refused with; it must exit 2 and print nothing else."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, ""), (out, err)
    (line,) = err.splitlines()
    assert line.startswith("onnxguard: error: "), line
    assert "internal error" not in line
    return line
