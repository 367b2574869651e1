"""Training on a GPU: a recorded step is the step, and what it touches to be recorded comes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from onnxguard.students.adam import Adam
from onnxguard.students.compute import Compute, choose_compute
from onnxguard.students.cuda_graph import recorded
from onnxguard.students.loss import saliency_loss
from onnxguard.students.training import TrainingData, train
from support.training_data import SIDES, TINY, V1, Recorder, student_of, tiny_data
from torch import Tensor

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.filterwarnings("ignore:Please use the new API settings to control TF32"),
]
STEPS = 5
GPU = "cuda:0"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return tiny_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def deterministic() -> Iterator[None]:
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32 = True, False
    yield
    torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32 = before


class Side:
    """A network, its optimiser and a step that takes images by their numbers."""

    def __init__(self, images: Tensor, targets: Tensor) -> None:
        torch.manual_seed(0)
        self.network = V1.build().to(GPU).train()
        self.optimiser = Adam(self.network.parameters(), 4e-3, recorded=True)
        self._images, self._targets = images, targets

    def step(self, which: Tensor, *rest: Tensor) -> Tensor:
        network: Any = self.network
        logits = network.logits(self._images[which])
        loss = saliency_loss(logits, self._targets[which], 1.0, 1.0)
        self.optimiser.forget_gradients()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return torch.stack([loss.detach(), rest[-1]])

    def record(self) -> Any:
        return recorded(self.step, self.network, self.optimiser, 4, torch.device(GPU))

    def tensors(self) -> list[Tensor]:
        moments = [tensor for held in self.optimiser.state for tensor in held.values()]
        return [t.detach().clone() for t in (*self.network.state_dict().values(), *moments)]


def arguments(number: int) -> tuple[Tensor, ...]:
    which = (torch.arange(4, device=GPU) + 3 * number) % 12
    zeros = torch.zeros_like(which)
    return which, zeros, zeros, zeros.bool(), torch.tensor(float(number), device=GPU)


@pytest.fixture
def sides() -> tuple[Side, Side]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(12, 3, 16, 16, generator=generator).to(GPU)
    targets = (torch.rand(12, 1, 16, 16, generator=generator) < 0.3).float().to(GPU)
    return Side(images, targets), Side(images, targets)


@pytest.mark.parametrize("before", [0, 3])
def test_recorded_steps_are_the_steps(before: int, sides: tuple[Side, Side]) -> None:
    eager, graphed = sides
    for number in range(before):  # as in a training that goes on
        for side in sides:
            side.step(*arguments(number))
    held = graphed.tensors()
    replay = graphed.record()
    kept = graphed.tensors()
    assert all(torch.equal(a, b) for a, b in zip(held, kept, strict=True))
    for number in range(before, before + STEPS):
        expected, found = eager.step(*arguments(number)), replay(*arguments(number))
        assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-4)
        assert found[1] == number
    for one, other in zip(eager.tensors(), graphed.tensors(), strict=True):
        assert torch.allclose(one.float(), other.float(), rtol=1e-3, atol=2e-3)


def test_a_recorded_step_reads_the_learning_rate_anew(sides: tuple[Side, Side]) -> None:
    graphed, _ = sides
    replay = graphed.record()
    replay(*arguments(0))
    graphed.optimiser.set_rate(0)
    before = [p.detach().clone() for p in graphed.network.parameters()]
    replay(*arguments(1))
    after = list(graphed.network.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("bf16", [False, True])
def test_training_with_a_graph_is_training_without(
    bf16: bool, data: TrainingData, tmp_path: Path
) -> None:
    recipe = replace(TINY, half_size=0.5, epochs=4)
    eager, graphed = (
        train(
            V1,
            data,
            recipe,
            str(tmp_path / str(graph)),
            compute=Compute(torch.device(GPU), bf16, graphed=graph),
        )
        for graph in (False, True)
    )
    assert {tensor.device.type for tensor in graphed.weights.values()} == {"cpu"}
    for one, other in zip(eager.history, graphed.history, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=0.05)
        assert other.learning_rate == one.learning_rate
    first = pytest.approx(eager.history[0].loss, rel=1e-2 if bf16 else 1e-3)
    assert graphed.history[0].loss == first


@pytest.mark.parametrize("graph", [False, True])
def test_training_goes_on_where_it_stopped(graph: bool, data: TrainingData, tmp_path: Path) -> None:
    import signal

    from onnxguard.base.errors import TrainingError

    compute = Compute(torch.device(GPU), graphed=graph)
    recipe = replace(TINY, batch=2, epochs=2)  # ten steps an epoch
    whole = train(V1, data, recipe, str(tmp_path / "whole"), compute=compute)

    class Interrupt(Recorder):
        def epoch(self, history: Any, best_epoch: int) -> None:
            super().epoch(history, best_epoch)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(TrainingError, match="the same command"):
        train(V1, data, recipe, str(tmp_path / "run"), compute=compute, watch=Interrupt())
    rest = train(V1, data, recipe, str(tmp_path / "run"), compute=compute, resume=True)
    for one, other in zip(whole.history, rest.history, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=0.05)


def test_what_is_open_is_settled_for_a_gpu() -> None:
    assert choose_compute() == Compute(torch.device(GPU), bf16=True, graphed=True)
    assert choose_compute(alone=False) == Compute(torch.device(GPU), bf16=True)
    assert choose_compute(compiled=True) == Compute(torch.device(GPU), bf16=True, compiled=True)
    assert choose_compute("cuda", "fp32") == Compute(torch.device(GPU), graphed=True)


def test_a_graph_is_recorded_for_each_size(data: TrainingData, tmp_path: Path) -> None:
    SIDES.clear()
    recipe = replace(TINY, half_size=0.5, epochs=4)
    compute = Compute(torch.device(GPU), graphed=True)
    train(student_of("seen"), data, recipe, str(tmp_path), compute=compute)
    # Three times to warm up and once to record, and from then on Python is not asked.
    assert [side for side in SIDES if side[0]] == [(True, 8, 8)] * 4 + [(True, 16, 16)] * 4
