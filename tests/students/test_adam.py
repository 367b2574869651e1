"""Adam is PyTorch's, without what PyTorch's brings along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from onnxguard.students.adam import Adam
from torch import Tensor, nn

ONE_TRAINING = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from onnxguard.students.training import train
from support.training_data import TINY, V1, tiny_data
folder = Path(sys.argv[1])
train(V1, tiny_data(folder / "data"), TINY, str(folder / "run"))
print("torch._dynamo" in sys.modules)
"""


def networks() -> list[nn.Sequential]:
    """Two alike; the second convolution of each never gets a gradient."""
    torch.manual_seed(0)
    made = [
        nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 4, 1)) for _ in range(2)
    ]
    made[1].load_state_dict(made[0].state_dict())
    return [each.to(memory_format=torch.channels_last) for each in made]  # type: ignore[call-overload]


def learn(network: nn.Sequential, images: Tensor) -> None:
    loss = network[1](network[0](images)).square().mean() + network[0].weight.abs().sum()
    loss.backward()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("recorded", [False, True])
def test_weights_and_moments_are_those_of_pytorch(recorded: bool) -> None:
    theirs, mine = networks()
    adam = Adam(mine.parameters(), 4e-3, recorded)
    first = torch.tensor(4e-3) if recorded else 4e-3
    other = torch.optim.Adam(theirs.parameters(), first, fused=True)
    for number in range(20):
        rate = 4e-3 / (number + 1)
        adam.set_rate(rate)
        other.param_groups[0]["lr"] = torch.tensor(rate) if recorded else rate
        images = torch.randn(2, 2, 6, 6)
        adam.forget_gradients()
        other.zero_grad()
        learn(mine, images)
        learn(theirs, images)
        adam.step()
        other.step()
        for one, its in zip(mine.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(one, its)
    for parameter, held in zip(theirs.parameters(), adam.state, strict=True):
        state = other.state.get(parameter)
        if state is None:  # no gradient, and so no step
            assert not any(tensor.any() for tensor in held.values())
            continue
        assert held.keys() == state.keys()
        for name, tensor in held.items():
            assert tensor.stride() == state[name].stride()
            assert torch.equal(tensor, state[name]), name


def test_a_training_does_not_import_the_compiler(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ONE_TRAINING, str(tmp_path), str(Path(__file__).parent.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
