"""An interrupted training on disk: tensors in safetensors, the rest in JSON, never a pickle.

``checkpoint.json`` names the file with the tensors and its sha256. The tensors are written first,
under a name of their own, and the JSON is renamed into place after them, once they are on the disk
itself: at any moment, and after a power cut, there is a whole checkpoint or none.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from contextlib import suppress
from dataclasses import asdict, fields
from typing import Any, NamedTuple

import torch
from onnxguard.students.adam import Adam
from onnxguard.students.history import Epoch
from onnxguard.students.recipe import Recipe, option_of
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from onnxguard.base.errors import OnnxguardError, TrainingError
from onnxguard.base.printable import printable
from onnxguard.base.writing import make_folders, write_whole

_FORMAT = "onnxguard/checkpoint/1"
_JSON = "checkpoint.json"
_OURS = re.compile(
    r"checkpoint-\d+-\d+-[0-9a-f]{8}\.safetensors|\.checkpoint(-\d+-\d+-[0-9a-f]{8}|\.json\.).*"
)
"""Tensors, and temporary files on their way to be tensors or the JSON."""


class Progress(NamedTuple):
    """Where a training is.

    Attributes:
        epoch: the one that is under way, from 0; the recipe's ``epochs`` when it is over.
        step: how many of its steps are done.
        loss: the sum of their losses.
        seconds: what they took.
        history: of the epochs that are over.
        best_epoch: the one with the best validation IoU, from 1; 0 before there is any.
    """

    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    history: tuple[Epoch, ...] = ()
    best_epoch: int = 0


class Checkpoint(NamedTuple):
    """What a training needs to go on as if it had never stopped.

    Attributes:
        student: its name.
        recipe: how it is trained.
        data_sha256: what it is trained on.
        computing: device, precision and processes, which decide on the last digits.
        progress: where it is.
        tensors: weights, the best epoch's, the optimiser's and the random generator's.
    """

    student: str
    recipe: Recipe
    data_sha256: str
    computing: str
    progress: Progress
    tensors: dict[str, Tensor]


def has_checkpoint(folder: str) -> bool:
    """Whether a training was begun in a folder, and is not put in place yet."""
    return os.path.exists(os.path.join(folder, _JSON))


def save_checkpoint(folder: str, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the one before stays until this one is whole.

    Raises:
        TrainingError: it cannot be written; the one before is still there.
    """
    progress = checkpoint.progress
    tensors = save({n: t.detach().cpu().contiguous() for n, t in checkpoint.tensors.items()})
    digest = hashlib.sha256(tensors).hexdigest()
    name = f"checkpoint-{progress.epoch}-{progress.step}-{digest[:8]}.safetensors"
    record = {
        "format": _FORMAT,
        "student": checkpoint.student,
        "recipe": asdict(checkpoint.recipe),
        "data_sha256": checkpoint.data_sha256,
        "computing": checkpoint.computing,
        **progress._asdict(),
        "history": [epoch._asdict() for epoch in progress.history],
        "tensors": name,
        "sha256": digest,
    }
    path = os.path.join(folder, name)
    held = os.path.exists(path)
    try:
        make_folders(folder)
        write_whole(path, tensors)
        write_whole(os.path.join(folder, _JSON), json.dumps(record, indent=1) + "\n")
    except (OSError, OnnxguardError) as error:
        if not held:  # else the JSON names it
            with suppress(OSError):
                os.unlink(path)
        said = error.strerror if isinstance(error, OSError) else error
        kept = ", the one before is kept" if has_checkpoint(folder) else ""
        raise TrainingError(f"no checkpoint could be saved{kept}: {said}") from None
    _remove(folder, keep=name)


def remove_checkpoint(folder: str) -> None:
    """Forget a training; what else lies in the folder stays.

    Raises:
        TrainingError: it cannot be removed.
    """
    path = os.path.join(folder, _JSON)
    try:
        if os.path.exists(path):
            os.unlink(path)
    except OSError as error:
        raise TrainingError(f"{printable(path)} cannot be removed: {error.strerror}") from None
    _remove(folder)


def _remove(folder: str, keep: str = "") -> None:
    """Remove tensors that no JSON names any more, and what a killed process left half written."""
    with suppress(OSError):  # it costs space and nothing else
        for name in os.listdir(folder):
            if name != keep and _OURS.fullmatch(name):
                os.unlink(os.path.join(folder, name))


def load_checkpoint(folder: str) -> Checkpoint:
    """Read a checkpoint back.

    Raises:
        TrainingError: there is none, or it is not whole.
    """
    path = os.path.join(folder, _JSON)
    shown = printable(path)
    try:
        with open(path, encoding="utf-8") as stream:
            record = json.load(stream)
        if record["format"] != _FORMAT:
            raise TrainingError(f"{shown}: of another version; begin anew with --restart")
        name = record["tensors"]
        if os.path.basename(name) != name or not name.endswith(".safetensors"):
            raise TrainingError(f"{shown}: names no file beside it; begin anew with --restart")
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != record["sha256"]:
            raise TrainingError(f"{printable(name)}: not what was saved; begin anew with --restart")
        history = tuple(Epoch(**epoch) for epoch in record["history"])
        values = {name: record[name] for name in Progress._fields} | {"history": history}
        recipe = Recipe(**record["recipe"])
        return Checkpoint(
            str(record["student"]),
            recipe,
            str(record["data_sha256"]),
            str(record["computing"]),
            _sane(Progress(**values), recipe),
            load(data),
        )
    except FileNotFoundError as error:
        missing = printable(str(error.filename))
        raise TrainingError(f"nothing to go on from: {missing} is not there") from None
    except OSError as error:
        raise TrainingError(f"{shown}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError):
        raise TrainingError(f"{shown}: not a checkpoint; begin anew with --restart") from None


def _sane(progress: Progress, recipe: Recipe) -> Progress:
    """The progress, if it can be; JSON may hold anything."""
    whole = (
        progress.epoch,
        progress.step,
        progress.best_epoch,
        *(e.number for e in progress.history),
    )
    if any(type(value) is not int or value < 0 for value in whole):
        raise ValueError("a number that is none")
    floats = (progress.loss, progress.seconds, *(v for e in progress.history for v in e[1:]))
    if any(type(value) not in {int, float} or not math.isfinite(value) for value in floats):
        raise ValueError("a number that is none")
    if progress.best_epoch > len(progress.history) or progress.epoch > recipe.epochs:
        raise ValueError("an epoch that is none")
    if len(progress.history) != progress.epoch:
        raise ValueError("epochs are missing")
    if progress.loss < 0 or progress.seconds < 0:
        raise ValueError("less than nothing")
    _require_possible(progress.history, progress.best_epoch)
    return progress


def _require_possible(history: tuple[Epoch, ...], best_epoch: int) -> None:
    """Refuse epochs that no training has: a card would show them."""
    if [epoch.number for epoch in history] != list(range(1, len(history) + 1)):
        raise ValueError("epochs in another order")
    for epoch in history:
        if not 0 <= epoch.iou <= 1 or type(epoch.images) is not int or epoch.images < 1:
            raise ValueError("an IoU or images that are none")
        if min(epoch.loss, epoch.learning_rate, epoch.train_seconds, epoch.seconds) < 0:
            raise ValueError("less than nothing")
    ious = [epoch.iou for epoch in history]
    if best_epoch != (ious.index(max(ious)) + 1 if ious else 0):
        raise ValueError("another epoch is the best")


def require_same(
    saved: Checkpoint, student: str, recipe: Recipe, data: str, computing: str
) -> None:
    """Refuse to go on with something else than was begun.

    Raises:
        TrainingError: it names the first difference.
    """
    if saved.student != student:
        raise TrainingError(f"the earlier training is of {printable(saved.student)}")
    for choice in fields(Recipe):
        before, now = getattr(saved.recipe, choice.name), getattr(recipe, choice.name)
        if before != now:
            option = option_of(choice.name)
            raise TrainingError(
                f"the earlier training was begun with {option} {printable(str(before))}, not {now};"
                " go on with that, or begin anew with --restart"
            )
    if saved.data_sha256 != data:
        raise TrainingError(
            "the earlier training was begun with other data; begin anew with --restart"
        )
    if saved.computing != computing:
        raise TrainingError(
            f"the earlier training was begun with {printable(saved.computing)}, not {computing}; "
            "go on with that, or begin anew with --restart"
        )


def network_tensors(prefix: str, state: dict[str, Any]) -> dict[str, Tensor]:
    """A state dict's tensors with a prefix before their names."""
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def optimiser_tensors(optimiser: Adam) -> dict[str, Tensor]:
    """An optimiser's tensors by the place of their parameter: ``optimiser.3.exp_avg``."""
    return {
        f"optimiser.{place}.{name}": tensor
        for place, state in enumerate(optimiser.state)
        for name, tensor in state.items()
    }


def restore(checkpoint: Checkpoint, network: torch.nn.Module, optimiser: Adam) -> dict[str, Tensor]:
    """Put a checkpoint's weights and the optimiser's tensors where they were.

    Returns:
        The best epoch's weights, empty before there is any.

    Raises:
        TrainingError: they are those of another network.
    """
    tensors = checkpoint.tensors
    try:
        network.load_state_dict(_below(tensors, "network."))
        for place, state in enumerate(optimiser.state):
            held = _below(tensors, f"optimiser.{place}.")
            if {n: t.shape for n, t in held.items()} != {n: t.shape for n, t in state.items()}:
                raise KeyError(place)
            for name, tensor in held.items():
                state[name].copy_(tensor)
        torch.set_rng_state(tensors["random"])
        best = _below(tensors, "best.")
        if bool(best) != bool(checkpoint.progress.best_epoch):
            raise KeyError("best.")
        if best:
            network.load_state_dict(best)
            network.load_state_dict(_below(tensors, "network."))
    except (RuntimeError, KeyError, TypeError):
        raise TrainingError("the checkpoint is not of this student; use --restart") from None
    return best


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
