"""Train students that differ in one thing alike, over several seeds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from onnxguard.base.errors import TrainingError
from onnxguard.base.printable import printable
from onnxguard.base.writing import refuse_link, write_whole
from onnxguard.gating.card import recipe_rows, versions
from onnxguard.gating.evaluation import cut
from onnxguard.scanning.scan import scan_bytes
from onnxguard.students.baselines import baselines
from onnxguard.students.checkpoint import (
    has_checkpoint,
    load_checkpoint,
    remove_checkpoint,
    require_same,
)
from onnxguard.students.compute import Compute, describe
from onnxguard.students.data import Taken
from onnxguard.students.exporting import export_student
from onnxguard.students.logs import Watch
from onnxguard.students.recipe import Recipe
from onnxguard.students.records import Ablation, AblationRun
from onnxguard.students.student import Student, trainable_parameters
from onnxguard.students.training import train

ALLOWLISTS = ("pre-adr-0258", "adr-0258")
"""The lists before and after the decision that the students differ in."""


def ablate(
    students: Sequence[Student],
    seeds: Sequence[int],
    taken: Taken,
    recipe: Recipe,
    out: str,
    *,
    compute: Compute,
    watch: Callable[[str], Watch] = lambda _: Watch(),
) -> Ablation:
    """Train every student from every seed, export it, and scan it by both lists.

    Each run that is over is kept in ``out/runs`` and not done again; one that was interrupted goes
    on where it was.

    Args:
        students: in the order of the table.
        seeds: of weights and sampling; what is held out stays the same.
        taken: the data.
        recipe: how they are trained, but for its seed.
        out: folder.
        compute: on what.
        watch: makes, of a label, what is told of a training.

    Raises:
        TrainingError: a training cannot go on, or ``out`` holds an ablation of other things.
        UsageError: a folder in it is a symbolic link.
    """
    facts = {
        "data": taken.record.sha256,
        "recipe": dict(recipe_rows(recipe, without=("seed",))),
        "computing": f"{compute.device.type} {compute.precision}",
    }
    kept = os.path.join(out, "runs")
    folders = {(s, n): os.path.join(kept, f"{s.name}-{n}") for s in students for n in seeds}
    for folder in (kept, *folders.values()):
        refuse_link(folder)
    runs = []
    for student in students:
        for seed in seeds:
            folder = folders[student, seed]
            path = os.path.join(folder, "result.json")
            done = _earlier(path, facts)
            if done is None:
                label = f"{student.name}, seed {seed}"
                seeded = replace(recipe, seed=seed)
                done = _run(student, taken, seeded, folder, compute, watch(label))
                write_whole(path, json.dumps({**facts, "run": done._asdict()}, indent=1) + "\n")
                remove_checkpoint(folder)
            runs.append(done)
    store = taken.data.validation
    trivial = baselines(cut(store, number, recipe.crop) for number in range(len(store.names)))
    return Ablation(
        taken.record,
        recipe_rows(recipe, without=("seed",)),
        tuple(runs),
        trivial,
        versions(),
        describe(compute, 1),
    )


def _run(
    student: Student, taken: Taken, recipe: Recipe, folder: str, compute: Compute, watch: Watch
) -> AblationRun:
    resume = has_checkpoint(folder)
    if resume:
        _require_same(folder, student, taken, recipe)
    trained = train(
        student,
        taken.data,
        recipe,
        folder,
        compute=compute,
        resume=resume,
        watch=watch,
    )
    network = student.build(trained.weights)
    graph = export_student(student, network)
    write_whole(os.path.join(folder, f"{student.name}.onnx"), graph)
    reports = [scan_bytes(graph, student.name, allowlist) for allowlist in ALLOWLISTS]
    facts = reports[0].facts
    assert facts is not None  # noqa: S101 - it was exported a moment ago
    return AblationRun(
        student.name,
        recipe.seed,
        trainable_parameters(network),
        trained.history[trained.best_epoch - 1].iou,
        trained.best_epoch,
        tuple(sorted(use.label for use in facts.operators)),
        tuple((report.allowlist, report.verdict.value) for report in reports),
        sum(epoch.seconds for epoch in trained.history),
    )


def _require_same(folder: str, student: Student, taken: Taken, recipe: Recipe) -> None:
    """Refuse to go on with a run of other things, in words that fit this command."""
    try:
        saved = load_checkpoint(folder)
        require_same(saved, student.name, recipe, taken.data.sha256, saved.computing)
    except TrainingError:
        raise TrainingError(
            f"{printable(folder)} holds a run of other data or another recipe, or a damaged one: "
            "name another folder, or remove it"
        ) from None


def _earlier(path: str, facts: dict[str, Any]) -> AblationRun | None:
    """The run that was kept, None where there is none.

    Raises:
        TrainingError: it is one of other things, or not whole.
    """
    shown = printable(path)
    try:
        with open(path, encoding="utf-8") as stream:
            record = json.load(stream)
        if {name: record[name] for name in facts} != facts:
            raise TrainingError(
                f"{shown} is of other data, another recipe or device: name another folder"
            )
        run = record["run"]
        return AblationRun(
            str(run["student"]),
            int(run["seed"]),
            int(run["parameters"]),
            float(run["iou"]),
            int(run["best_epoch"]),
            tuple(map(str, run["operators"])),
            tuple((str(name), str(verdict)) for name, verdict in run["verdicts"]),
            float(run["seconds"]),
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrainingError(f"{shown}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise TrainingError(
            f"{shown} is not what was written: remove it, or name another folder"
        ) from None
