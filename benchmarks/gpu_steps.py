"""The measurements of gpu.py: this process does some items of one step.

It says a line of JSON an item, ``{"result": ..., "error": ...}``, and ends after the first error.
PyTorch is imported where it is needed: processes that draw and decode do without.
"""

from __future__ import annotations

import csv
import functools
import gc
import io
import json
import os
import platform
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
from onnxguard.students.generated import draw_scene
from onnxguard.students.logs import Watch
from onnxguard.students.recipe import RECIPES, Recipe
from onnxguard.students.student import STUDENTS
from PIL import Image

from onnxguard.base.progress import silent

if TYPE_CHECKING:
    import torch
    from onnxguard.students.compute import Compute
    from onnxguard.students.data import Taken

ROOT = Path(__file__).resolve().parent.parent
HEIGHT, WIDTH = 300, 400
"""Of most of DUTS-TR's images, either way round."""
COPIED = 1 << 31
"""Bytes of the tensor whose copying shows what the memory can do; on a CPU a 64th of it."""
COPIES = 5
"""In a row, so that starting them does not count."""
COMPARED = 64
"""Held-out images on which a student is compared with its graph."""
SHOWN = 25
"""Rows of a profile."""
PACKAGES = ("torch", "triton", "onnx", "onnxruntime", "onnxruntime-gpu", "numpy", "pillow")


@dataclass(frozen=True)
class Settings:
    """What all steps know.

    Attributes:
        device: cpu or cuda.
        images: how many are drawn.
        crop: side in pixels.
        epochs: of a whole training.
        work: folder for images, decoded images, trainings and compiled kernels.
        results: folder that is kept.
    """

    device: str
    images: int
    crop: int
    epochs: int
    work: str
    results: str

    @property
    def drawn(self) -> Path:
        """Where the images are."""
        return Path(self.work) / f"duts-{self.images}"

    @property
    def recipe(self) -> Recipe:
        """The source's; smaller where that was asked for."""
        crop = self.crop
        return replace(
            RECIPES["source"], train_side=crop * 9 // 8, validation_side=crop, crop=crop, epochs=1
        )


class FailedError(Exception):
    """A measurement that says no; ``result`` is what it found all the same."""

    def __init__(self, reason: str, result: Any = None) -> None:
        super().__init__(reason)
        self.result = result


# -- card ------------------------------------------------------------------------------------------


def measure_card(settings: Settings, _: str) -> dict[str, Any]:
    """The machine, its versions, and how fast it copies."""
    import torch
    from onnxguard.students.compute import choose_compute

    choose_compute(settings.device)  # says it where there is no GPU
    versions = {"Python": platform.python_version()}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    found: dict[str, Any] = {
        "versions": versions,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if settings.device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        found |= {
            "card": properties.name,
            "memory": properties.total_memory,
            "multiprocessors": properties.multi_processor_count,
            "driver": driver(),
            "CUDA": torch.version.cuda,
            "cuDNN": torch.backends.cudnn.version(),
        }
    else:
        found["card"] = "none, a CPU"
    return found | {"copied": copy_bandwidth(settings.device)}


def driver() -> str:
    """The driver's version, as its own tool says it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip().split("\n")[0]


def copy_bandwidth(device: str) -> dict[str, float]:
    """Bytes a second that a copy within memory reads and writes: median, least and most of 20."""
    import torch

    size = COPIED if device == "cuda" else COPIED // 64
    source = torch.zeros(size, dtype=torch.uint8, device=device).random_()
    target = torch.empty_like(source)
    rates = []
    for turn in range(23):
        wait_for(device)
        began = time.perf_counter()
        for _ in range(COPIES):
            target.copy_(source)
        wait_for(device)
        if turn > 2:
            rates.append(2 * size * COPIES / (time.perf_counter() - began))
    return {"median": statistics.median(rates), "least": min(rates), "most": max(rates)}


def wait_for(device: str) -> None:
    """Let a GPU finish what it was given."""
    if device == "cuda":
        import torch

        torch.cuda.synchronize()


# -- data ------------------------------------------------------------------------------------------


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
    # Last and at once: an image with a mask is whole, whenever this process was killed.
    half = folder / "DUTS-TR-Mask" / f"{number:05}.part"
    mask.resize(size).save(half, "PNG")
    half.replace(half.with_suffix(".png"))


def prepare_data(settings: Settings, item: str) -> dict[str, Any]:
    """Draw the images that are missing, on all cores; or decode them, then open them again."""
    folder = settings.drawn
    began = time.perf_counter()
    if item == "images":
        for each in ("DUTS-TR-Image", "DUTS-TR-Mask"):
            (folder / each).mkdir(parents=True, exist_ok=True)
        held = {path.stem for path in (folder / "DUTS-TR-Mask").glob("*.png")}
        missing = [number for number in range(settings.images) if f"{number:05}" not in held]
        with ProcessPoolExecutor() as pool:
            list(pool.map(write_image, [folder] * len(missing), missing, chunksize=16))
        return {"seconds": time.perf_counter() - began, "drawn": len(missing)}
    import onnxguard.students.training  # noqa: F401 - PyTorch, whose import is not to be timed

    shutil.rmtree(Path(settings.work) / "cache", ignore_errors=True)
    cold = taken_data(settings)
    again = taken_data.__wrapped__(settings)
    (folder / "complete").touch()
    return {
        "cold": cold.seconds,
        "again": again.seconds,
        "bytes": cold.data.training.pixels.nbytes + cold.data.validation.pixels.nbytes,
        "training": cold.record.training,
        "validation": cold.record.validation,
    }


@functools.cache
def taken_data(settings: Settings) -> Taken:
    """The two stores, once a process."""
    from onnxguard.students.data import find_data, take_training

    cache = str(Path(settings.work) / "cache")
    data = find_data(str(settings.drawn))
    return take_training(data, settings.recipe, cache, 0, "refuse", silent)


# -- tests -----------------------------------------------------------------------------------------


def run_tests(settings: Settings, _: str) -> dict[str, Any]:
    """The tests that need a GPU, with pytest alone: no plug-in, and a warning stops none."""
    report = Path(settings.work) / "tests.xml"
    command = [sys.executable, "-m", "pytest", "-v", "-o", "addopts=", "-p", "no:cacheprovider"]
    command += ["-W", "default", "-ra", f"--junitxml={report}", "tests/students/test_cuda.py"]
    report.unlink(missing_ok=True)
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    status = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=sys.stderr, check=False
    ).returncode
    if not report.exists():
        raise FailedError(f"pytest: exit status {status}; see log.txt")
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - pytest's own
    outcomes: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": []}
    for case in cases:
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        outcome = "passed" if not kinds else "skipped" if kinds == {"skipped"} else "failed"
        outcomes[outcome].append(str(case.get("name")))
    wrong = outcomes["failed"] + (outcomes["skipped"] if settings.device == "cuda" else [])
    if status or wrong or not cases:
        raise FailedError(
            f"exit status {status}; not passed: {', '.join(wrong) or 'all'}", outcomes
        )
    return outcomes


# -- trainings -------------------------------------------------------------------------------------


def compute_for(settings: Settings, way: str) -> Compute:
    """``bf16 CUDA graph``, ``fp32 eager`` and the like."""
    from onnxguard.students.compute import choose_compute

    precision, how = way.split(" ", 1)
    compute = choose_compute(settings.device, precision, how == "compiled", False)
    return compute._replace(graphed=how == "CUDA graph")


def train_once(
    settings: Settings, student: str, way: str, epochs: int, watch: Watch, **rest: Any
) -> tuple[Any, ...]:
    """Train on the data of this process; the epochs."""
    from onnxguard.students.training import train

    recipe = replace(settings.recipe, epochs=epochs)
    folder = Path(settings.work) / f"run-{os.getpid()}"
    if not rest.get("resume"):
        shutil.rmtree(folder, ignore_errors=True)
    data, compute = taken_data(settings).data, compute_for(settings, way)
    trained = train(
        STUDENTS[student], data, recipe, str(folder), compute=compute, watch=watch, **rest
    )
    shutil.rmtree(folder, ignore_errors=True)
    return trained.history


class Losses(Watch):
    """Every step's own loss; asks the training to stop at one of them."""

    def __init__(self, stop_at: float | None = None) -> None:
        self.losses: dict[int, float] = {}
        self.stopped = False
        self._stop_at, self._sum = stop_at, 0.0

    def step(self, epoch: int, step: int, steps: int, loss: float, rate: float) -> None:
        """Take the difference of two sums, because ``loss`` is the mean so far."""
        del epoch, rate
        self.losses[step] = loss * step - self._sum
        self._sum = loss * step
        if self._stop_at is not None and step == int(self._stop_at * steps):
            self.stopped = True
            signal.raise_signal(signal.SIGINT)


@contextmanager
def looking_every(steps: int) -> Iterator[None]:
    """On a GPU, have trainings look at the loss after so many steps."""
    from onnxguard.students import training

    before, training.LOOK_EVERY = training.LOOK_EVERY, steps
    try:
        yield
    finally:
        training.LOOK_EVERY = before


def measure_curve(settings: Settings, item: str) -> dict[str, Any]:
    """An epoch's losses, step by step: once, again, or interrupted in the middle and resumed."""
    from onnxguard.base.errors import TrainingError

    way = item.removesuffix(" again").removesuffix(" resumed")
    student, losses = "saliency-v2", {}
    with looking_every(1):  # not as fast, but each step's loss is seen
        if item.endswith(" resumed"):
            first = Losses(stop_at=0.5)
            try:
                train_once(settings, student, way, 1, first)
            except TrainingError:
                if not first.stopped:
                    raise
            else:
                raise FailedError("the training was not interrupted")
            losses = first.losses
        watch = Losses()
        history = train_once(settings, student, way, 1, watch, resume=bool(losses))
    resumed_at = max(losses, default=0)
    after = dict(watch.losses)
    if losses and after:  # the first difference after it is that of all the steps before
        after[resumed_at + 1] -= sum(losses.values())
    losses = losses | after
    if sorted(losses) != list(range(1, len(losses) + 1)):
        raise FailedError("steps are missing", losses)
    return {
        "losses": [round(losses[step], 7) for step in sorted(losses)],
        "iou": history[-1].iou,
        "resumed_at": resumed_at,
    }


def window(settings: Settings) -> int:
    """Steps between two looks: 50 as always, or a sixth of an epoch where images are few."""
    from onnxguard.students.training import LOOK_EVERY

    count = len(taken_data(settings).data.training.names)
    return max(1, min(LOOK_EVERY, count // settings.recipe.batch // 6))


class Clock(Watch):
    """Seconds a step, one figure each time that the training looks; the first look starts it."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._last = 0, 0, 0.0

    def step(self, epoch: int, step: int, steps: int, loss: float, rate: float) -> None:
        """Stop the clock, and start it again."""
        del steps, loss, rate
        now = time.perf_counter()
        at_epoch, at_step, at = self._last
        if at_epoch == epoch:
            self.seconds.append((now - at) / (step - at_step))
        self._last = epoch, step, now


def measure_steps(settings: Settings, item: str) -> dict[str, Any]:
    """How long steps take, and how much memory."""
    import torch

    student, way = item.split(" ", 1)
    cuda = settings.device == "cuda"
    gc.collect()
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    clock, looks = Clock(), window(settings)  # opens the store, which is none of the training
    began = time.perf_counter()
    with looking_every(looks):
        history = train_once(settings, student, way, 2, clock)
    whole = time.perf_counter() - began
    middle = statistics.median(clock.seconds)
    batch = settings.recipe.batch
    steps = history[0].images // batch
    validation = history[-1].seconds - history[-1].train_seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return {
        "median": middle,
        "least": min(clock.seconds),
        "most": max(clock.seconds),
        "windows": len(clock.seconds),
        "images_per_second": batch / middle,
        "once": whole - len(history) * (steps * middle + validation),
        "validation": validation,
        "whole": whole,
        "peak": torch.cuda.max_memory_allocated() if cuda else peak,
        "reserved": torch.cuda.max_memory_reserved() if cuda else peak,
        "images": sum(store.pixels.nbytes for store in taken_data(settings).data[:2]),
    }


def measure_compiled(settings: Settings, item: str) -> dict[str, Any]:
    """The same by torch.compile: with no kernel compiled before, or all of them."""
    student, turn = item.split(" ")
    kernels = Path(settings.work) / f"kernels-{student}"
    if turn == "cold":
        shutil.rmtree(kernels, ignore_errors=True)
    elif not kernels.exists():
        raise FailedError("there are no kernels: measure it cold first")
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(kernels)
    precision = "bf16" if settings.device == "cuda" else "fp32"
    return measure_steps(settings, f"{student} {precision} compiled")


# -- whole trainings -------------------------------------------------------------------------------


def measure_whole(settings: Settings, item: str) -> dict[str, Any]:
    """``onnxguard train-and-gate``, with the way of computing that it chooses itself."""
    student, _, seed = item.partition(" ")
    recipe, kept = settings.recipe, Path(settings.results)
    out = Path(settings.work) / f"trained-{seed or recipe.seed}"
    card = Path(settings.work) / "card.json"
    curve = (Path(settings.work) if seed else kept) / f"whole-{student}.csv"
    for path in (card, curve):
        path.unlink(missing_ok=True)
    shutil.rmtree(out / f"{student}.run", ignore_errors=True)
    options = {
        "--student": student,
        "--data": settings.drawn,
        "--cache": Path(settings.work) / "cache",
        "--device": settings.device,
        "--train-side": recipe.train_side,
        "--validation-side": recipe.validation_side,
        "--crop": recipe.crop,
        "--epochs": settings.epochs,
        "--seed": seed or recipe.seed,
        "--out": out,
        "--csv": curve,
        "--format": "json",
        "--output": card,
    }
    command = [sys.executable, "-m", "onnxguard", "train-and-gate", "--recipe", "source"]
    command += [str(word) for option in options.items() for word in option]
    began = time.perf_counter()
    status = subprocess.run(command, stdout=sys.stderr, cwd=settings.work, check=False).returncode
    seconds = time.perf_counter() - began
    if not card.exists():
        raise FailedError(f"train-and-gate: exit status {status}; see log.txt", _epochs(curve))
    found = json.loads(card.read_text(encoding="utf-8"))
    place = out if (out / f"{student}.safetensors").exists() else out / f"{student}.run"
    if not seed:
        shutil.copy(place / f"{student}.safetensors", kept)
    return {"command": seconds, "exit_status": status, "card": found}


def _epochs(curve: Path) -> list[dict[str, str]]:
    """What a training that did not end wrote of itself."""
    if not curve.exists():
        return []
    return list(csv.DictReader(io.StringIO(curve.read_text(encoding="utf-8"))))


# -- profile ---------------------------------------------------------------------------------------


class Profiled(Watch):
    """Profiles from the first look to the second."""

    def __init__(self, profiler: Any) -> None:
        self.steps = 0
        self._profiler, self._began = profiler, 0

    def step(self, epoch: int, step: int, steps: int, loss: float, rate: float) -> None:
        """Start, then stop."""
        del epoch, steps, loss, rate
        if not self._began:
            self._began = step
            self._profiler.start()
        elif not self.steps:
            self._profiler.stop()
            self.steps = step - self._began


def measure_profile(settings: Settings, item: str) -> dict[str, Any]:
    """Where the time of a step goes: kernels on a GPU, operators on both."""
    from torch.profiler import ProfilerActivity, profile

    student, way = item.split(" ", 1)
    activities = [ProfilerActivity.CPU]
    if settings.device == "cuda":
        activities.append(ProfilerActivity.CUDA)
        os.environ["TEARDOWN_CUPTI"] = "0"  # else graphs that are recorded later may be lost to it
        with profile(activities=activities):  # before a graph is recorded
            wait_for("cuda")
    profiler = profile(activities=activities)
    watch = Profiled(profiler)
    with looking_every(window(settings)):
        train_once(settings, student, way, 1, watch)
    kernels, operators = [], []
    for row in profiler.key_averages():
        on_device = settings.device == "cuda"
        spent = row.self_device_time_total if on_device else row.self_cpu_time_total
        of = kernels if "CUDA" in str(row.device_type) else operators
        of.append((row.key[:400], spent / 1000 / watch.steps, row.count / watch.steps))
    found: dict[str, Any] = {"steps": watch.steps}
    for name, rows in (("kernels", kernels), ("operators", operators)):
        rows.sort(key=lambda row: -row[1])
        found[name] = {
            "milliseconds": sum(row[1] for row in rows),
            "rows": [
                {"name": name, "milliseconds": spent, "calls": calls}
                for name, spent, calls in rows[:SHOWN]
            ],
        }
    if settings.device == "cuda" and not kernels:
        raise FailedError("the profiler saw no kernel: is CUPTI there?", found)
    return found


# -- parity ----------------------------------------------------------------------------------------


def measure_parity(settings: Settings, student: str) -> dict[str, Any]:
    """The trained student in PyTorch in float32 against its graph in ONNX Runtime on the CPU."""
    weights = Path(settings.results) / f"{student}.safetensors"
    if not weights.exists():
        raise FailedError(f"there is no {weights.name}: train it first, by whole:{student}")
    import onnxruntime
    import torch
    from onnxguard.students.exporting import export_student
    from onnxguard.students.loss import iou_counts, mean_iou
    from onnxguard.students.sampling import images_and_targets, on_device, plan_centre
    from safetensors.torch import load_file

    network = STUDENTS[student].build(load_file(weights))
    graph = export_student(STUDENTS[student], network)
    store, crop = taken_data(settings).data.validation, settings.crop
    plan = plan_centre(store.heights, store.widths, crop)
    taken = [torch.from_numpy(array[:COMPARED]) for array in plan]
    cpu = torch.device("cpu")
    held = on_device(store.pixels, store.offsets, store.widths, cpu)
    images, targets = images_and_targets(held.crops(*taken, crop))
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    images = images.contiguous()
    answers = [session.run(None, {"input": image[None].numpy()})[0] for image in images]
    expected = torch.from_numpy(np.concatenate(answers))
    found: dict[str, Any] = {
        "images": len(images),
        "iou": mean_iou(iou_counts(expected, targets)),
        "against": {},
    }
    network = network.to(settings.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for name, tf32 in (("TF32 off", False), ("TF32 on", True)):
        saliency = answered(network, images, settings.device, tf32)
        gaps = (saliency.double() - expected.double()).abs().flatten()
        found["against"][name] = {
            "largest": gaps.max().item(),
            "mean": gaps.mean().item(),
            "turned": int(((saliency > 0.5) != (expected > 0.5)).sum()),
            "pixels": gaps.numel(),
            "iou": mean_iou(iou_counts(saliency, targets)),
            "finite": bool(saliency.isfinite().all()),
        }
    return found


def answered(network: Any, images: torch.Tensor, device: str, tf32: bool) -> torch.Tensor:
    """What the network says of images on a device, float32 on the CPU."""
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of PyTorch 2.9 about this very switch
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cuda.matmul.allow_tf32 = tf32
    layout = {"memory_format": torch.channels_last}
    with torch.no_grad():
        parts = [network(part.to(device, **layout)).cpu() for part in images.split(16)]
    return torch.cat(parts).contiguous()


# -- this process ----------------------------------------------------------------------------------

MEASURES: dict[str, Callable[[Settings, str], Any]] = {
    "card": measure_card,
    "data": prepare_data,
    "tests": run_tests,
    "curves": measure_curve,
    "whole": measure_whole,
    "steps": measure_steps,
    "profile": measure_profile,
    "parity": measure_parity,
    "compiled": measure_compiled,
    "seeds": measure_whole,
}


def end_with_parent() -> None:
    """End this process and all that it started once the one that started it has ended."""
    with suppress(OSError):
        os.read(0, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> int:
    """Do the items that the command line names."""
    name, settings, *items = sys.argv[1:]
    told = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what else prints goes to the log
    threading.Thread(target=end_with_parent, daemon=True).start()
    given = Settings(**json.loads(settings))
    for item in items:
        print(f"\n== {name}:{item}", file=sys.stderr, flush=True)
        try:
            result, error = MEASURES[name](given, item), None
        except Exception as failure:  # noqa: BLE001 - the next item is tried whatever it was
            import traceback

            traceback.print_exc()
            result = failure.result if isinstance(failure, FailedError) else None
            said = " ".join(str(failure).split())[:400]
            error = (
                said if isinstance(failure, FailedError) else f"{type(failure).__name__}: {said}"
            )
        print(json.dumps({"result": result, "error": error}), file=told, flush=True)
        if error is not None:
            return 1
    return 0
