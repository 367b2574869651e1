"""Training on tiny images: it learns, it says how it goes, and no end of it loses anything."""

from __future__ import annotations

import csv
import hashlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from onnxguard.students.adam import Adam
from onnxguard.students.checkpoint import Checkpoint, load_checkpoint
from onnxguard.students.compute import Compute, choose_compute, cpu_has_bf16
from onnxguard.students.cuda_graph import copies
from onnxguard.students.distributed import Group
from onnxguard.students.history import Epoch
from onnxguard.students.logs import CsvLog, TensorBoardLog, Watch, Watches
from onnxguard.students.recipe import Recipe
from onnxguard.students.student import STUDENTS
from onnxguard.students.training import Trained, TrainingData, train
from support.command import run as run_here
from support.held import held, said_until_held
from support.patience import HANG
from support.training_data import (
    IMAGES,
    SIDES,
    TINY,
    V1,
    V2,
    Recorder,
    recipe_options,
    student_of,
    tiny_data,
    write_pairs,
)
from torch import Tensor, nn

from onnxguard.base.errors import TrainingError, UsageError

STEPS = (IMAGES - TINY.validation_least) // TINY.batch


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return tiny_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # on images so small more of them only wait for one another
    yield
    torch.set_num_threads(before)


class Run(NamedTuple):
    """A training that nothing happened to, and what it told."""

    trained: Trained
    saved: Checkpoint
    watch: Recorder


@pytest.fixture(scope="module")
def run(data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder, watch = str(tmp_path_factory.mktemp("run")), Recorder()
    trained = train(V1, data, TINY, folder, watch=watch)
    return Run(trained, load_checkpoint(folder), watch)


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def figures(history: Sequence[Epoch]) -> list[tuple[float, ...]]:
    """What does not depend on the clock."""
    return [epoch[:5] for epoch in history]


def finite(tensors: dict[str, Tensor]) -> bool:
    return all(bool(torch.isfinite(t).all()) for t in tensors.values() if t.is_floating_point())


def number_of(name: str) -> int:
    return sum(p.numel() for p in STUDENTS[name].build().parameters() if p.requires_grad)


# -- What it comes to ------------------------------------------------------------------------------


def test_the_students_have_as_many_parameters_as_published() -> None:
    assert {name: number_of(name) for name in STUDENTS} == {
        "saliency-v1": 112_841,
        "saliency-v2": 123_721,
    }


def test_training_learns(tmp_path: Path) -> None:
    recipe = replace(TINY, epochs=6, crop=24, validation_least=10)
    data = tiny_data(tmp_path, recipe, 70)
    trained = train(V1, data, recipe, str(tmp_path / "run"))
    history = trained.history
    ious = [epoch.iou for epoch in history]
    assert max(ious) > ious[0] + 0.1
    assert history[-1].loss < 0.85 * history[0].loss
    assert ious[trained.best_epoch - 1] == max(ious)
    assert ious.index(max(ious)) + 1 == trained.best_epoch
    assert [epoch.number for epoch in history] == [1, 2, 3, 4, 5, 6]
    assert [epoch.learning_rate for epoch in history] == [
        recipe.learning_rate_at(n) for n in range(6)
    ]
    assert {epoch.images for epoch in history} == {60}
    assert all(0 < epoch.train_seconds < epoch.seconds for epoch in history)


def test_the_weights_are_those_of_the_best_epoch(run: Run, data: TrainingData) -> None:
    from onnxguard.students.loss import iou_counts, mean_iou
    from onnxguard.students.sampling import images_and_targets, on_device, plan_centre

    network = V1.build()
    network.load_state_dict(run.trained.weights)
    store, crop, batch = data.validation, TINY.crop, TINY.batch
    plan = plan_centre(store.heights, store.widths, crop)
    held = on_device(store.pixels, store.offsets, store.widths, torch.device("cpu"))
    counts = []
    for first in range(0, len(store.names), batch):
        which, *how = (torch.from_numpy(part[first : first + batch]) for part in plan)
        images, targets = images_and_targets(held.crops(which, *how, crop))
        with torch.no_grad():
            counts.append(iou_counts(network(images), targets))
    assert mean_iou(torch.cat(counts)) == run.trained.history[run.trained.best_epoch - 1].iou


def test_the_same_seed_gives_the_same_bits(run: Run, data: TrainingData, tmp_path: Path) -> None:
    torch.manual_seed(99)  # what others drew does not matter
    drawn = torch.get_rng_state()
    again = train(V1, data, TINY, str(tmp_path / "again"))
    assert torch.equal(torch.get_rng_state(), drawn)  # and they do not see that it drew
    assert same(again.weights, run.trained.weights)
    assert figures(again.history) == figures(run.trained.history)
    assert same(load_checkpoint(str(tmp_path / "again")).tensors, run.saved.tensors)
    other = train(V1, data, replace(TINY, seed=1, epochs=1), str(tmp_path / "other"))
    assert figures(other.history) != figures(run.trained.history[:1])


def test_a_training_that_is_over_is_loaded_and_not_repeated(
    run: Run, data: TrainingData, tmp_path: Path
) -> None:
    folder, watch = str(tmp_path), Recorder()
    first = train(V1, data, replace(TINY, epochs=1), folder)
    again = train(V1, data, replace(TINY, epochs=1), folder, resume=True, watch=watch)
    assert same(first.weights, again.weights)
    assert (watch.steps, len(watch.epochs), watch.closed) == ([], 1, 1)
    del run


# -- What it tells ---------------------------------------------------------------------------------


def test_the_watch_is_told_of_every_step_and_every_epoch(run: Run) -> None:
    watch, history = run.watch, run.trained.history
    steps = [(e, s, STEPS) for e in range(1, TINY.epochs + 1) for s in range(1, STEPS + 1)]
    assert watch.steps == steps
    assert [len(told) for told, _ in watch.epochs] == [1, 2, 3]
    assert watch.epochs[-1] == (history, run.trained.best_epoch)
    for number, (told, best) in enumerate(watch.epochs, 1):
        assert told == history[:number]
        ious = [epoch.iou for epoch in told]
        assert best == ious.index(max(ious)) + 1
    # The loss is the mean over the steps so far: at an epoch's end it is the epoch's.
    assert watch.losses[STEPS - 1 :: STEPS] == [epoch.loss for epoch in history]
    assert all(rate > 0 for rate in watch.rates)
    assert watch.closed == 1


def test_the_csv_file_is_whole_after_every_epoch_and_once_resumed(
    data: TrainingData, tmp_path: Path
) -> None:
    path = tmp_path / "log.csv"
    lengths = []

    class Reader(Watch):
        def epoch(self, history: Sequence[Epoch], best_epoch: int) -> None:
            rows = list(csv.reader(path.read_text().splitlines()))
            assert tuple(rows[0]) == Epoch._fields
            values = [tuple(map(float, row)) for row in rows[1:]]
            assert values == [tuple(epoch) for epoch in history]
            assert 1 <= best_epoch <= len(history)
            lengths.append(len(values))

    def watch(*more: Watch) -> Watch:
        return Watches(CsvLog(str(path)), Reader(), *more)

    interrupt = Recorder((2, 2), lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(TrainingError):
        train(V1, data, TINY, str(tmp_path / "run"), watch=watch(interrupt))
    path.unlink()
    train(V1, data, TINY, str(tmp_path / "run"), watch=watch(), resume=True)
    assert lengths == [1, 1, 2, 3]


def test_a_csv_file_that_cannot_be_written_ends_the_training_in_one_line(
    data: TrainingData, tmp_path: Path
) -> None:
    watch = CsvLog(str(tmp_path / "nowhere" / "log.csv"))
    with pytest.raises(UsageError, match=r"^cannot write \".*log.csv\": No such file"):
        train(V1, data, TINY, str(tmp_path / "run"), watch=watch)
    assert load_checkpoint(str(tmp_path / "run")).progress.epoch == 1


def test_what_tensorboard_is_told_can_be_read_back(data: TrainingData, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = tmp_path / "events"
    interrupt = Recorder((2, 3), lambda: signal.raise_signal(signal.SIGTERM))
    watch: Watch = Watches(TensorBoardLog(str(folder)), interrupt)
    with pytest.raises(TrainingError):
        train(V1, data, TINY, str(tmp_path / "run"), watch=watch)
    watch = TensorBoardLog(str(folder))
    history = train(V1, data, TINY, str(tmp_path / "run"), watch=watch, resume=True).history
    events = EventAccumulator(str(folder))
    events.Reload()
    expected = {
        "loss/training": [epoch.loss for epoch in history],
        "iou/validation": [epoch.iou for epoch in history],
        "learning rate": [epoch.learning_rate for epoch in history],
        "images a second": [epoch.images_per_second for epoch in history],
    }
    assert set(events.Tags()["scalars"]) == set(expected)
    for name, values in expected.items():
        told = {event.step: event.value for event in events.Scalars(name)}
        assert list(told) == [1, 2, 3]
        assert list(told.values()) == pytest.approx(values, rel=1e-6)


def test_a_folder_that_tensorboard_cannot_use_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"^--tensorboard "):
        TensorBoardLog(str(tmp_path / "file"))


# -- How it is computed ----------------------------------------------------------------------------


def test_the_first_share_of_the_epochs_is_trained_at_half_the_side(
    data: TrainingData, tmp_path: Path
) -> None:
    SIDES.clear()
    recipe = replace(TINY, half_size=0.6, epochs=3)  # 1.8 epochs are two
    train(student_of("seen"), data, recipe, str(tmp_path))
    assert [side for side in SIDES if side[0]] == (
        [(True, 8, 8)] * 2 * STEPS + [(True, 16, 16)] * STEPS
    )
    assert {side for side in SIDES if not side[0]} == {(False, 16, 16)}  # as it is judged


@pytest.mark.skipif(cpu_has_bf16(), reason="this processor has the instructions")
def test_bf16_is_refused_where_it_would_be_slow() -> None:
    with pytest.raises(UsageError, match=r"^--precision bf16: this processor has no .* fp32$"):
        choose_compute("cpu", "bf16")


def test_what_is_not_here_is_refused_and_what_is_open_is_settled() -> None:
    assert choose_compute("cpu") == Compute(torch.device("cpu"))
    with pytest.raises(UsageError, match=r"^--cuda-graph: "):
        choose_compute("cpu", graphed=True)
    if not torch.cuda.is_available():
        assert choose_compute() == Compute(torch.device("cpu"))
        with pytest.raises(UsageError, match=r"^--device cuda: .*; use --device cpu$"):
            choose_compute("cuda")


@pytest.mark.parametrize(
    ("recipe", "processes", "said"),
    [
        (replace(TINY, batch=21), 1, "20 images to train on, fewer than one --batch of 21"),
        (replace(TINY, batch=5), 2, "--batch 5 cannot be shared by 2 processes"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    recipe: Recipe, processes: int, said: str, data: TrainingData, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=f"^{said}$"):
        train(V1, data, recipe, str(tmp_path), group=Group(0, processes))
    assert os.listdir(tmp_path) == []


def test_one_batch_of_all_images_is_enough(data: TrainingData, tmp_path: Path) -> None:
    trained = train(V1, data, replace(TINY, batch=20, epochs=1), str(tmp_path))
    assert trained.history[0].images == 20


# -- How it ends -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", [(1, 1), (2, 3)])
def test_a_signal_saves_in_the_middle_of_an_epoch_and_it_goes_on_to_the_same_bits(
    number: signal.Signals, at: tuple[int, int], run: Run, data: TrainingData, tmp_path: Path
) -> None:
    folder, handlers = str(tmp_path), [signal.getsignal(n) for n in (number, signal.SIGINT)]
    watch = Recorder(at, lambda: signal.raise_signal(number))
    epoch, step = at
    said = f"^interrupted in epoch {epoch} after step {step + 1} of {STEPS}, and saved: .*the same"
    with pytest.raises(TrainingError, match=said):
        train(V1, data, TINY, folder, watch=watch)
    assert watch.closed == 1
    assert [signal.getsignal(n) for n in (number, signal.SIGINT)] == handlers
    progress = load_checkpoint(folder).progress
    assert (progress.epoch, progress.step) == (epoch - 1, step + 1)
    rest = Recorder()
    resumed = train(V1, data, TINY, folder, watch=rest, resume=True)
    assert watch.steps + rest.steps == run.watch.steps
    assert rest.losses == run.watch.losses[len(watch.losses) :]
    assert [len(told) for told, _ in rest.epochs][-3:] == [1, 2, 3][-3 if epoch == 2 else 0 :]
    assert same(resumed.weights, run.trained.weights)
    assert figures(resumed.history) == figures(run.trained.history)
    assert same(load_checkpoint(folder).tensors, run.saved.tensors)


def test_it_may_stop_wherever_it_is(run: Run, data: TrainingData, tmp_path: Path) -> None:
    told: list[tuple[int, int, int]] = []
    for _ in range(STEPS * TINY.epochs):
        epoch, step, _ = run.watch.steps[len(told)]
        watch = Recorder((epoch, step), lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(TrainingError, match="interrupted"):
            train(V1, data, TINY, str(tmp_path), watch=watch, resume=bool(told))
        told += watch.steps
        if len(told) == len(run.watch.steps):
            break
    assert told == run.watch.steps
    trained = train(V1, data, TINY, str(tmp_path), resume=True)
    assert same(trained.weights, run.trained.weights)


def test_a_signal_in_the_last_step_of_an_epoch_saves_after_it(
    run: Run, data: TrainingData, tmp_path: Path
) -> None:
    interrupt = Recorder((1, STEPS), lambda: signal.raise_signal(signal.SIGTERM))
    said = r"^interrupted after epoch 1, and saved: .* goes on from there$"
    with pytest.raises(TrainingError, match=said):
        train(V1, data, TINY, str(tmp_path), watch=interrupt)
    progress = load_checkpoint(str(tmp_path)).progress
    assert (progress.epoch, progress.step) == (1, 0)
    assert figures(progress.history) == figures(run.trained.history[:1])


def test_a_signal_in_the_last_step_of_all_loses_nothing(
    run: Run, data: TrainingData, tmp_path: Path
) -> None:
    late = Recorder((TINY.epochs, STEPS), lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(TrainingError, match=f"interrupted after epoch {TINY.epochs}, and saved"):
        train(V1, data, TINY, str(tmp_path), watch=late)
    trained = train(V1, data, TINY, str(tmp_path), resume=True)
    assert same(trained.weights, run.trained.weights)


def test_a_step_is_recorded_in_training_mode_after_a_validation_too(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a GPU records is its mode as well; here nothing is recorded, and the mode is noted."""
    modes = []

    def noted(step: Any, network: nn.Module, *_: object) -> Any:
        modes.append(network.training)
        return step

    monkeypatch.setattr("onnxguard.students.cuda_graph.recorded", noted)
    recipe = replace(TINY, epochs=2, half_size=0.5)
    graphed = Compute(torch.device("cpu"), graphed=True)
    with suppress(RuntimeError):  # PyTorch may want a GPU for a learning rate in a tensor
        train(V1, data, recipe, str(tmp_path), compute=graphed)
    assert modes == [True, True]


def test_a_second_signal_ends_at_once(data: TrainingData, tmp_path: Path) -> None:
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        time.sleep(1.1)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second one was not heard")

    watch = Recorder((2, 2), twice)
    with pytest.raises(KeyboardInterrupt):
        train(V1, data, TINY, str(tmp_path), watch=watch)
    progress = load_checkpoint(str(tmp_path)).progress
    assert (progress.epoch, progress.step) == (1, 0)
    assert watch.closed == 1


def test_signals_at_the_same_moment_are_one(data: TrainingData, tmp_path: Path) -> None:
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(TrainingError, match="interrupted in epoch 2 after step 3"):
        train(V1, data, TINY, str(tmp_path), watch=Recorder((2, 2), twice))
    progress = load_checkpoint(str(tmp_path)).progress
    assert (progress.epoch, progress.step) == (1, 3)


def test_a_loss_that_is_not_finite_stops_and_the_checkpoint_before_is_whole(
    data: TrainingData, tmp_path: Path
) -> None:
    watch = Recorder()
    with pytest.raises(TrainingError) as stopped:
        train(student_of("exploding"), data, TINY, str(tmp_path), watch=watch)
    assert str(stopped.value) == (
        "the loss became nan in epoch 2, step 3; the checkpoint after epoch 1 is kept, but from "
        "there it would become so again: begin anew with a lower --learning-rate"
    )
    assert watch.steps[-1] == (2, 2, STEPS)
    saved = load_checkpoint(str(tmp_path))
    assert (saved.progress.epoch, saved.progress.step) == (1, 0)
    assert finite(saved.tensors)
    assert all(math.isfinite(value) for value in saved.progress.history[0])


def test_a_learning_rate_that_is_far_too_high_is_one_line(
    data: TrainingData, tmp_path: Path
) -> None:
    recipe = replace(TINY, learning_rate=1e38)
    said = r"^the loss became (nan|inf) in epoch 1, step \d; nothing was saved yet: .*rate$"
    with pytest.raises(TrainingError, match=said):
        train(V1, data, recipe, str(tmp_path))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": 4}, "--epochs 3, not 4"),
        ({"batch": 5}, "--batch 4, not 5"),
        ({"seed": 7}, "--seed 42, not 7"),
    ],
    ids=str,
)
def test_it_goes_on_with_nothing_else_than_it_was_begun_with(
    change: dict[str, Any], said: str, data: TrainingData, tmp_path: Path
) -> None:
    interrupt = Recorder((1, 1), lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(TrainingError, match=r"^interrupted"):
        train(V1, data, TINY, str(tmp_path), watch=interrupt)
    with pytest.raises(TrainingError, match=f"^the earlier training was begun with {said}"):
        train(V1, data, replace(TINY, **change), str(tmp_path), resume=True)
    with pytest.raises(TrainingError, match=r"^the earlier training is of saliency-v1$"):
        train(V2, data, TINY, str(tmp_path), resume=True)
    other = data._replace(sha256="0" * 64)
    with pytest.raises(TrainingError, match=r"^the earlier training was begun with other data"):
        train(V1, other, TINY, str(tmp_path), resume=True)


def test_a_step_that_the_epoch_does_not_have_is_not_gone_on_from(
    data: TrainingData, tmp_path: Path
) -> None:
    interrupt = Recorder((1, 1), lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(TrainingError, match=r"^interrupted"):
        train(V1, data, TINY, str(tmp_path), watch=interrupt)
    path = tmp_path / "checkpoint.json"
    path.write_text(path.read_text().replace('"step": 2', '"step": 99'))
    with pytest.raises(TrainingError, match="--restart"):
        train(V1, data, TINY, str(tmp_path), resume=True)


# -- The command, as a process ---------------------------------------------------------------------

LONG = replace(TINY, epochs=4)
PAIRS = 70
"""Of them 64 are trained on: sixteen steps an epoch, time enough to be interrupted in."""


Running = subprocess.Popen[str]


class Command:
    """``onnxguard train-and-gate`` on tiny images, by a list that refuses the graph in the end.

    So no graph is run, which saves time, and the checkpoint stays where it can be looked at.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.out, self.run = folder / name, folder / name / "saliency-v2.run"
        self.arguments = [
            *("train-and-gate", "--data", str(folder / "pairs"), "--cache", str(folder / "cache")),
            *("--out", str(self.out), "--allowlist", "pre-adr-0258", "--device", "cpu"),
            *("--jobs", "1", *recipe_options(LONG)),
        ]

    def start(self, *more: str, program: Sequence[str] = ("-m", "onnxguard")) -> Running:
        return subprocess.Popen(
            [sys.executable, *program, *self.arguments, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "ONNXGUARD_TRACEBACK": ""},
        )

    def end(self, number: signal.Signals, epoch: int, step: int, *more: str) -> tuple[int, str]:
        """Send a signal after a step; the code, and what is said from then on."""
        with self.start(*more, program=held(1, epoch, step)) as process:
            said, *_ = said_until_held(process)
            assert said.startswith(("epoch 1/", "goes on after epoch ")), said
            process.send_signal(number)
            out, err = process.communicate(timeout=HANG)
        assert out == ""
        return process.returncode, err

    def weights(self) -> str:
        return hashlib.sha256((self.run / "saliency-v2.safetensors").read_bytes()).hexdigest()

    def saved(self) -> Checkpoint:
        return load_checkpoint(str(self.run))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command")
    write_pairs(folder / "pairs", PAIRS)
    return folder


def test_a_command_that_was_killed_and_interrupted_ends_as_one_that_was_left_alone(
    folder: Path,
) -> None:
    alone, ended = Command(folder, "alone"), Command(folder, "ended")
    assert run_here(*alone.arguments)[0] == 1
    assert ended.end(signal.SIGKILL, 2, 3) == (-signal.SIGKILL, "")
    progress = ended.saved().progress
    assert (progress.epoch, progress.step) == (1, 0)
    for number, epoch, step in ((signal.SIGINT, 2, 5), (signal.SIGTERM, 3, 2)):
        code, err = ended.end(number, epoch, step, "--resume")
        assert code == 2
        assert err == (
            f"onnxguard: error: interrupted in epoch {epoch} after step {step + 1} of 16, and "
            "saved: the same command goes on from there\n"
        )
        progress = ended.saved().progress
        assert (progress.epoch, progress.step) == (epoch - 1, step + 1)
    with ended.start("--resume") as process:
        out, err = process.communicate(timeout=HANG)
    assert process.returncode == 1, err
    assert out.splitlines()[0].startswith("FAIL")
    first, *epochs = err.splitlines()
    assert first.startswith(f"goes on after epoch {progress.epoch}/4; the best is epoch ")
    numbers = [line.split(":")[0] for line in epochs]
    assert numbers == [f"epoch {n}/4" for n in range(progress.epoch + 1, 5)]
    assert ended.weights() == alone.weights()
    assert same(ended.saved().tensors, alone.saved().tensors)
    histories = [figures(command.saved().progress.history) for command in (ended, alone)]
    assert histories[0] == histories[1]


def test_what_a_recording_puts_back_binds_no_gradient_to_a_stream() -> None:
    network = V2.build().train()
    optimiser = Adam(network.parameters(), 1e-3)
    kept = copies(network, optimiser)
    network(torch.randn(2, 3, 16, 16)).sum().backward()
    optimiser.step()
    assert not any(tensor.requires_grad for tensor in kept)
    first = next(iter(network.parameters()))
    assert not torch.equal(kept[0], first)  # a copy, not what changes
    names = len(list(network.parameters())), len(list(network.buffers()))
    assert len(kept) == 4 * names[0] + names[1]  # with the three of the optimiser
