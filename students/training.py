"""The training loop, from the first weights to the best ones."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np
import torch
from onnxguard.students.adam import Adam
from onnxguard.students.checkpoint import (
    Checkpoint,
    Progress,
    load_checkpoint,
    network_tensors,
    optimiser_tensors,
    require_same,
    restore,
    save_checkpoint,
)
from onnxguard.students.compute import Compute, prepare
from onnxguard.students.distributed import Group, synchronise_norms
from onnxguard.students.history import Epoch
from onnxguard.students.logs import Watch
from onnxguard.students.loss import iou_counts, mean_iou, saliency_loss
from onnxguard.students.recipe import Recipe
from onnxguard.students.sampling import (
    batches,
    images_and_targets,
    on_device,
    plan_centre,
    plan_epoch,
)
from onnxguard.students.student import Student
from torch import Tensor

from onnxguard.base.errors import TrainingError
from onnxguard.base.printable import plural, printable

if TYPE_CHECKING:
    from onnxguard.students.store import Store

Step = Callable[..., Tensor]
_ONE_CALL = 1.0
"""Seconds within which signals are one: a scheduler may signal both torchrun and its processes."""
LOOK_EVERY = 50
"""On a GPU, after so many steps the loss is looked at: each look waits for it."""


class TrainingData(NamedTuple):
    """What is trained on, and what is held out.

    Attributes:
        training: shorter side as the recipe has it.
        validation: the same.
        sha256: of the data set.
    """

    training: Store
    validation: Store
    sha256: str


class Trained(NamedTuple):
    """What a training leaves.

    Attributes:
        weights: the state dict of the best epoch, float32 on the CPU.
        history: of all epochs.
        best_epoch: the first with the best validation IoU, from 1.
    """

    weights: dict[str, Tensor]
    history: tuple[Epoch, ...]
    best_epoch: int


class Stop:
    """Whether somebody asked to stop; asking again later means at once."""

    def __init__(self) -> None:
        self.asked = False
        self._at = 0.0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Be a signal's handler."""
        del number, frame
        now = time.monotonic()
        if not self.asked:
            self.asked, self._at = True, now
        elif now - self._at > _ONE_CALL:
            raise KeyboardInterrupt


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """SIGINT and SIGTERM ask the loop to finish its step and save."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def train(
    student: Student,
    data: TrainingData,
    recipe: Recipe,
    folder: str,
    *,
    compute: Compute | None = None,
    group: Group | None = None,
    resume: bool = False,
    watch: Watch | None = None,
) -> Trained:
    """Train a student.

    Args:
        student: which one.
        data: what on.
        recipe: how.
        folder: where checkpoints are kept, one after every epoch.
        compute: on what; the CPU in float32 unless told otherwise.
        group: the processes that train it together.
        resume: go on from the checkpoint in ``folder``.
        watch: is told how it goes.

    Raises:
        TrainingError: it was interrupted, the loss is not finite, a checkpoint could not be
            written or read, the device failed, or there are too few images.
    """
    compute, group = compute or Compute(torch.device("cpu")), group or Group()
    recipe.check()
    if recipe.batch % group.size:
        raise TrainingError(f"--batch {recipe.batch} cannot be shared by {group.size} processes")
    count = len(data.training.names)
    if count < recipe.batch:
        raise TrainingError(
            f"{plural(count, 'image')} to train on, fewer than one --batch of {recipe.batch}"
        )
    watch = watch or Watch()
    loop = None
    with stop_on_signals() as stop, torch.random.fork_rng(devices=[]):
        try:
            prepare(compute)
            loop = _Loop(student, data, recipe, folder, compute, group, watch, stop)
            if resume:
                loop.resume()
            return loop.run()
        except RuntimeError as error:
            if compute.device.type == "cpu" and group.size == 1 and "alloc" not in str(error):
                raise
            said = printable(" ".join(str(error).split()), 200)
            kept = loop.kept() if loop else "nothing was saved yet"
            raise TrainingError(f"the device or another process failed: {said}; {kept}") from error
        finally:
            watch.close()


class _Loop:
    """A training that is under way."""

    def __init__(
        self,
        student: Student,
        data: TrainingData,
        recipe: Recipe,
        folder: str,
        compute: Compute,
        group: Group,
        watch: Watch,
        stop: Stop,
    ) -> None:
        self._student, self._data, self._recipe, self._folder = student, data, recipe, folder
        self._compute, self._group, self._watch, self._stop = compute, group, watch, stop
        device, self._on_gpu = compute.device, compute.device.type == "cuda"
        torch.manual_seed(recipe.seed)
        network = student.build().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        synchronise_norms(network, group)
        self._network = network.train()
        self._logits = torch.compile(network.logits) if compute.compiled else network.logits
        self._optimiser = Adam(network.parameters(), recipe.learning_rate, compute.graphed)
        training, validation = data.training, data.validation
        self._training = on_device(training.pixels, training.offsets, training.widths, device)
        self._validation = on_device(
            validation.pixels, validation.offsets, validation.widths, device
        )
        self._progress = Progress()
        self._saved: Progress | None = None
        self._stopping = False
        self._best: dict[str, Tensor] = {}
        self._graphs: dict[int, Step] = {}

    def resume(self) -> None:
        # The others may be on machines that do not have the folder.
        saved: Checkpoint = self._group.share(
            load_checkpoint(self._folder) if self._group.leads else None
        )
        computing = self._computing()
        require_same(saved, self._student.name, self._recipe, self._data.sha256, computing)
        if saved.progress.step >= len(self._data.training.names) // self._recipe.batch:
            raise TrainingError("the checkpoint is of a step that no epoch has; use --restart")
        self._best = restore(saved, self._network, self._optimiser)
        self._progress = self._saved = saved.progress
        if saved.progress.history:
            self._watch.resumed(saved.progress.history, saved.progress.best_epoch)

    def run(self) -> Trained:
        for epoch in range(self._progress.epoch, self._recipe.epochs):
            loss, images = self._train_epoch(epoch)
            trained, started = self._progress.seconds, time.perf_counter()
            iou = self._validate()
            seconds = trained + time.perf_counter() - started
            rate = self._recipe.learning_rate_at(epoch)
            self._finish_epoch(Epoch(epoch + 1, loss, iou, rate, images, trained, seconds))
        best = self._progress.best_epoch
        weights = {name: tensor.cpu() for name, tensor in self._best.items()}
        return Trained(weights, self._progress.history, best)

    def _train_epoch(self, epoch: int) -> tuple[float, int]:
        """Run the steps that an epoch still has; the mean loss of all, and their images."""
        recipe, group, progress = self._recipe, self._group, self._progress
        store, device = self._data.training, self._compute.device
        plan = plan_epoch(store.heights, store.widths, recipe.crop, recipe.flip, recipe.seed, epoch)
        tops, lefts, flips = (
            torch.from_numpy(array).to(device) for array in (plan.tops, plan.lefts, plan.flips)
        )
        shares = batches(plan.order, recipe.batch, group.rank, group.size)
        # Once an epoch: a copy to a GPU waits for all that it still has to do.
        steps = torch.from_numpy(np.stack(shares)).to(device)
        vote = torch.zeros((), device=device)
        self._network.train()  # before a step is recorded, which records the mode as well
        step = self._step_for(recipe.shrink_at(epoch))
        self._optimiser.set_rate(recipe.learning_rate_at(epoch))
        started, first = time.perf_counter(), progress.step
        # The loss of all steps so far, and how many processes were asked to stop.
        sums = torch.tensor([progress.loss * group.size, 0.0], dtype=torch.float64, device=device)
        for number in range(first, len(steps)):
            which = steps[number]
            if self._stop.asked:
                vote.fill_(1)
            sums += step(which, tops[which], lefts[which], flips[which], vote)
            done = number + 1
            stopping = self._stop.asked and group.size == 1  # else all have to hear of it first
            last = done == len(steps)
            if self._on_gpu and done % LOOK_EVERY and not last and not stopping:
                continue
            total, votes = sums.tolist()
            self._stopping = stopping or bool(votes)  # the same in every process
            loss, seconds = total / group.size, time.perf_counter() - started
            self._require_finite(loss, epoch, done)
            self._progress = progress._replace(
                step=done, loss=loss, seconds=progress.seconds + seconds
            )
            rate = (done - first) * recipe.batch / seconds
            self._watch.step(epoch + 1, done, len(steps), loss / done, rate)
            if self._stopping and not last:
                self._save()
                self._end(f"in epoch {epoch + 1} after step {done} of {len(steps)}")
        return self._progress.loss / len(steps), recipe.batch * len(steps)

    def _step_for(self, shrink: int) -> Step:
        def step(which: Tensor, tops: Tensor, lefts: Tensor, flips: Tensor, vote: Tensor) -> Tensor:
            recipe = self._recipe
            crops = self._training.crops(which, tops, lefts, flips, recipe.crop)
            images, targets = images_and_targets(crops, shrink)
            kind, bf16 = self._compute.device.type, self._compute.bf16
            with torch.autocast(kind, torch.bfloat16, enabled=bf16):
                logits = self._logits(images)
            loss = saliency_loss(logits.float(), targets, recipe.dice_weight, recipe.dice_epsilon)
            self._optimiser.forget_gradients()
            loss.backward()  # type: ignore[no-untyped-call]
            told = torch.stack([loss.detach(), vote])
            told = self._group.average_gradients(self._network, told)
            self._optimiser.step()
            return told

        if not self._compute.graphed:
            return step
        if shrink not in self._graphs:
            from onnxguard.students.cuda_graph import recorded

            self._graphs[shrink] = recorded(
                step, self._network, self._optimiser, self._recipe.batch, self._compute.device
            )
        return self._graphs[shrink]

    @torch.no_grad()
    def _validate(self) -> float:
        """The mean IoU on the validation images, whatever the number of processes.

        A batch is always made of the same images, so that each image's answer is the same whoever
        computes it: on a CPU to the last bit, on GPUs as far as they choose the same kernels.
        """
        group, store, batch = self._group, self._data.validation, self._recipe.batch
        device, crop = self._compute.device, self._recipe.crop
        plan = plan_centre(store.heights, store.widths, crop)
        order, tops, lefts, flips = (torch.from_numpy(array).to(device) for array in plan)
        counts = torch.zeros(len(order), 2, dtype=torch.int64, device=device)
        self._network.eval()
        for number, first in enumerate(range(0, len(order), batch)):
            if number % group.size == group.rank:
                which = order[first : first + batch]
                crops = self._validation.crops(which, tops[which], lefts[which], flips[which], crop)
                images, targets = images_and_targets(crops)
                counts[which] = iou_counts(self._network(images), targets)
        group.add(counts)
        return mean_iou(counts)

    def _finish_epoch(self, done: Epoch) -> None:
        before = self._progress
        ious = [epoch.iou for epoch in before.history]
        if not ious or done.iou > max(ious):
            best = done.number
            state = self._network.state_dict()
            self._best = {name: tensor.detach().clone() for name, tensor in state.items()}
        else:
            best = before.best_epoch
        self._progress = Progress(done.number, history=(*before.history, done), best_epoch=best)
        self._save()
        self._watch.epoch(self._progress.history, best)
        if self._stopping or (self._stop.asked and self._group.size == 1):
            self._end(f"after epoch {done.number}")

    def _end(self, where: str) -> NoReturn:
        self._group.wait()  # torchrun ends the others as soon as one has ended
        raise TrainingError(f"interrupted {where}, and saved: the same command goes on from there")

    def _require_finite(self, loss: float, epoch: int, step: int) -> None:
        if not math.isfinite(loss):
            again = ", but from there it would become so again" if self._saved else ""
            raise TrainingError(
                f"the loss became {loss} in epoch {epoch + 1}, step {step}; {self.kept()}{again}: "
                "begin anew with a lower --learning-rate"
            )

    def kept(self) -> str:
        """What an end leaves, in words."""
        if self._saved is None:
            return "nothing was saved yet"
        epoch, step = self._saved.epoch, self._saved.step
        place = f"of epoch {epoch + 1}, step {step}," if step else f"after epoch {epoch}"
        return f"the checkpoint {place} is kept"

    def _computing(self) -> str:
        compute, size = self._compute, self._group.size
        return f"{compute.device.type}, {compute.precision}, {size} process{'es' * (size > 1)}"

    def _save(self) -> None:
        self._saved = self._progress
        if not self._group.leads:
            return
        tensors = {
            **network_tensors("network.", self._network.state_dict()),
            **network_tensors("best.", self._best),
            **optimiser_tensors(self._optimiser),
            "random": torch.get_rng_state(),
        }
        name = self._student.name
        save_checkpoint(
            self._folder,
            Checkpoint(
                name, self._recipe, self._data.sha256, self._computing(), self._progress, tensors
            ),
        )
