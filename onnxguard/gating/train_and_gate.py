"""The whole sentence: take the data, train, export, judge, describe, and only then put in place."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import nullcontext
from typing import NamedTuple

from onnxguard.base.errors import TrainingError
from onnxguard.base.printable import printable
from onnxguard.base.progress import Step, silent
from onnxguard.base.writing import make_folders, write_whole
from onnxguard.gating.candidate import write_candidate
from onnxguard.gating.card import make_card
from onnxguard.gating.gates import Judged, Limits, judge
from onnxguard.gating.pictures import contact_sheet, training_curve
from onnxguard.gating.publishing import (
    CARD,
    GRAPH,
    WEIGHTS,
    forget_candidate,
    held,
    publish,
    run_folder,
)
from onnxguard.reporters import CARD_REPORTERS, RenderOptions
from onnxguard.reporters.training.phrases import file_name
from onnxguard.students.checkpoint import has_checkpoint, remove_checkpoint
from onnxguard.students.compute import Compute, describe
from onnxguard.students.data import Taken
from onnxguard.students.distributed import Group
from onnxguard.students.logs import Watch
from onnxguard.students.recipe import Recipe
from onnxguard.students.records import Card
from onnxguard.students.student import Student, trainable_parameters
from onnxguard.students.training import Trained, train

PICTURES = CURVE, SHEET = ".curve.png", ".sheet.png"


class Outcome(NamedTuple):
    """What became of a student.

    Attributes:
        card: everything that is known about it.
        path: its graph, in place where it passed, else where the candidate is kept.
        pictures: PNG files beside it, by name.
    """

    card: Card
    path: str
    pictures: Mapping[str, bytes]


def train_and_gate(
    student: Student,
    taken: Taken,
    recipe: Recipe,
    out: str,
    *,
    compute: Compute,
    group: Group,
    limits: Limits,
    resume: bool = False,
    restart: bool = False,
    watch: Watch | None = None,
    step: Step = silent,
) -> Outcome | None:
    """Train a student and put it into ``out``, if it passes every gate.

    What stood there before is replaced by renames at the very end, or not at all. Until then
    everything lies in ``out/NAME.run``, which no other run can use meanwhile: the checkpoint, the
    candidate, the evidence.

    Args:
        student: which one.
        taken: the data.
        recipe: how it is trained.
        out: the folder for the student's files.
        compute: on what.
        group: the processes that train it together; the first one judges.
        limits: what the gates ask for.
        resume: there must be an earlier training. With one and without ``restart`` it goes on, or
            is judged anew if it was over.
        restart: forget an earlier training.
        watch: is told of the training.
        step: is told of the rest.

    Returns:
        What became of it; None in all processes but the first.

    Raises:
        TrainingError: there is an earlier training, and neither ``resume`` nor ``restart``; the
            training was interrupted or cannot go on; a file cannot be written.
        UsageError: another run is at it.
    """
    began = time.perf_counter()
    with held(out, student.name) if group.leads else nullcontext():
        trained = _trained(student, taken, recipe, out, compute, group, resume, restart, watch)
        if not group.leads:
            return None
        return _gated(student, taken, recipe, out, compute, group, limits, trained, step, began)


def _trained(
    student: Student,
    taken: Taken,
    recipe: Recipe,
    out: str,
    compute: Compute,
    group: Group,
    resume: bool,
    restart: bool,
    watch: Watch | None,
) -> Trained:
    folder = run_folder(out, student.name)
    try:
        if group.leads:
            _settle_earlier(folder, resume, restart)
        group.wait()
        return train(
            student,
            taken.data,
            recipe,
            folder,
            compute=compute,
            group=group,
            resume=has_checkpoint(folder),
            watch=watch,
        )
    finally:
        if group.leads and not has_checkpoint(folder):
            forget_candidate(folder, student.name)


def _gated(
    student: Student,
    taken: Taken,
    recipe: Recipe,
    out: str,
    compute: Compute,
    group: Group,
    limits: Limits,
    trained: Trained,
    step: Step,
    began: float,
) -> Outcome:
    folder = run_folder(out, student.name)
    forget_candidate(folder, student.name)
    make_folders(folder)
    exporting = time.perf_counter()
    network = student.build(trained.weights)
    parameters = trainable_parameters(network)
    candidate = write_candidate(folder, student, network)
    judging = time.perf_counter()
    judged = judge(
        candidate,
        student,
        parameters,
        taken.data.validation,
        recipe.crop,
        limits,
        step,
        trained.history[trained.best_epoch - 1].iou,
    )
    seconds = {
        "data": taken.seconds,
        "training": sum(epoch.train_seconds for epoch in trained.history),
        "validation": sum(epoch.seconds - epoch.train_seconds for epoch in trained.history),
        "export": judging - exporting,
        "gates": time.perf_counter() - judging,
        "whole": taken.seconds + time.perf_counter() - began,
    }
    hardware = describe(compute, group.size)
    card = make_card(
        student, parameters, judged, trained, taken.record, recipe, candidate, hardware, seconds
    )
    files = {
        GRAPH: candidate.graph_data,
        WEIGHTS: candidate.weights_data,
        **_described(card, judged),
    }
    for ending in files.keys() - {GRAPH, WEIGHTS}:
        write_whole(os.path.join(folder, student.name + ending), files[ending])
    pictures = {file_name(student.name, e): data for e, data in files.items() if e in PICTURES}
    if not card.passed:
        return Outcome(card, candidate.graph, pictures)
    path = publish(files, out, student.name)
    remove_checkpoint(folder)
    forget_candidate(folder, student.name)
    return Outcome(card, path, pictures)


def _described(card: Card, judged: Judged) -> dict[str, bytes]:
    """The files that are made of a card and of what was measured, by their endings."""
    title = f"{card.student} on {card.data.name}"
    files = {CURVE: training_curve(card.epochs, card.best_epoch, card.baselines, title)}
    if judged.measured:
        files[SHEET] = contact_sheet(judged.measured.samples)
    for ending, name in ((".md", "markdown"), (CARD, "json")):
        files[ending] = CARD_REPORTERS[name](card, RenderOptions()).encode()
    return files


def _settle_earlier(folder: str, resume: bool, restart: bool) -> None:
    if not has_checkpoint(folder):
        if resume:
            raise TrainingError(f"`resume`: no training was begun in {printable(folder)}")
        return
    if restart:
        remove_checkpoint(folder)
