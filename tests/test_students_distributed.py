"""Several processes are one: by torchrun, as it is called, and compared with one process."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from onnxguard.students.checkpoint import Checkpoint, load_checkpoint
from training_data import TINY, recipe_options, write_pairs

TORCHRUN = str(Path(sys.executable).with_name("torchrun"))
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "ONNXGUARD_TRACEBACK": ""}
SECONDS = 120

# -- The pieces, in two processes that also do the whole alone -------------------------------------

PIECES = """
import json, sys
sys.path.insert(0, sys.argv[2])
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
import numpy as np
import torch
from torch import nn
from onnxguard.students.compute import Compute
from onnxguard.students.distributed import Group, described_group, joined, synchronise_norms
from onnxguard.students.logs import Watch
from onnxguard.students.loss import saliency_loss
from onnxguard.students.sampling import batches, images_and_targets, on_device, plan_epoch
from onnxguard.students.training import Stop, _Loop
from onnxguard.students.untrained import untrained_network
from training_data import TINY, V1, V2, tiny_data

folder, alone = Path(sys.argv[1]), Group()
RECIPE = replace(TINY, validation_least=11)  # three batches of 4, 4 and 3

def far(one, other):
    return float((one.detach() - other.detach()).abs().max())

def norms(group):
    torch.manual_seed(0)
    whole = 3 + 5 * torch.randn(6, 5, 4, 3, dtype=torch.float64)
    weights = torch.randn_like(whole)
    norm = nn.BatchNorm2d(5, momentum=0.3).double()
    with torch.no_grad():
        for tensor in (norm.weight, norm.bias, norm.running_mean):
            tensor.normal_()
        norm.running_var.uniform_(0.5, 2)
    plain, ours = nn.Sequential(norm), nn.Sequential(deepcopy(norm))
    synchronise_norms(ours, group)
    half = slice(3 * group.rank, 3 * group.rank + 3)
    found = {"replaced": type(ours[0]).__name__}
    for turn in (1, 2):
        whole.grad = None
        given, share = whole.clone().requires_grad_(), whole[half].clone().requires_grad_()
        expected, answer = plain(given), ours(share)
        (expected * weights).sum().backward()
        (answer * weights[half]).sum().backward()
        extra = group.average_gradients(ours, torch.full((2,), 1.0 + group.rank).double())
        found[f"extra {turn}"] = extra.tolist()
        found |= {
            f"outputs {turn}": far(expected[half], answer),
            f"input's gradient {turn}": far(given.grad[half], share.grad),
            f"weight's gradient {turn}": far(plain[0].weight.grad / 2, ours[0].weight.grad),
            f"bias's gradient {turn}": far(plain[0].bias.grad / 2, ours[0].bias.grad),
            f"mean {turn}": far(plain[0].running_mean, ours[0].running_mean),
            f"variance {turn}": far(plain[0].running_var, ours[0].running_var),
            f"batches {turn}": far(plain[0].num_batches_tracked, ours[0].num_batches_tracked),
        }
        plain.zero_grad()
        ours.zero_grad()
    found["evaluation"] = far(plain.eval()(whole[half]), ours.eval()(whole[half]))
    found["names"] = list(ours.state_dict()) == list(plain.state_dict())
    return found

def network_of(student, seed=0):
    network = untrained_network(student, seed)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 0.1  # as a fresh one
    return network.double()

def trained(group, student, data, steps=3):
    network = network_of(student).train()
    synchronise_norms(network, group)
    optimiser = torch.optim.Adam(network.parameters(), 4e-3)
    store = data.training
    held = on_device(store.pixels, store.offsets, store.widths, torch.device("cpu"))
    plan = plan_epoch(store.heights, store.widths, RECIPE.crop, 0.5, 42, 0)
    tops, lefts, flips = (torch.from_numpy(part) for part in plan[1:])
    losses = []
    for which in batches(plan.order, RECIPE.batch, group.rank, group.size)[:steps]:
        which = torch.from_numpy(which)
        cut = held.crops(which, tops[which], lefts[which], flips[which], RECIPE.crop)
        images, targets = (part.double() for part in images_and_targets(cut))
        loss = saliency_loss(network.logits(images), targets, 1.0, 1.0)
        optimiser.zero_grad()
        loss.backward()
        told = group.average_gradients(network, loss.detach()[None])
        losses.append(float(told) / group.size)
        optimiser.step()
    return network, losses

def steps(group, student, data):
    before = network_of(student).state_dict()
    together, losses = trained(group, student, data)
    lonely, its = trained(alone, student, data)
    state, other = together.state_dict(), lonely.state_dict()
    return {
        "away": max(far(state[name], other[name]) for name in state),
        "moved": max(far(state[name], before[name]) for name in state),
        "losses": max(abs(one - two) for one, two in zip(losses, its)),
        "names": list(state) == list(other),
    }

def iou(group, student, data, seed):
    def of(group):
        compute = Compute(torch.device("cpu"))
        loop = _Loop(student, data, RECIPE, "", compute, group, Watch(), Stop(), "")
        state = untrained_network(student, seed).state_dict()
        loop._network.load_state_dict(state)
        return loop._validate().hex()
    return [of(group), of(alone)]

group = described_group()
with joined(group, torch.device("cpu")):
    data = tiny_data(folder / f"data-{group.rank}", RECIPE)
    result = {
        "group": list(group),
        "share": group.share(["what", "the first", 1] if group.leads else None),
        "norms": norms(group),
        "steps": {student.name: steps(group, student, data) for student in (V1, V2)},
        "ious": [iou(group, student, data, seed) for student in (V1, V2) for seed in range(4)],
    }
    (folder / f"result-{group.rank}.json").write_text(json.dumps(result))
"""


def torchrun(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [TORCHRUN, "--standalone", "--nproc-per-node", "2", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of the two found."""
    folder = tmp_path_factory.mktemp("pieces")
    script = folder / "pieces.py"
    script.write_text(PIECES)
    with torchrun(str(script), str(folder), str(Path(__file__).parent)) as process:
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    return [json.loads((folder / f"result-{rank}.json").read_text()) for rank in (0, 1)]


def test_torchrun_makes_a_group(pieces: list[dict[str, Any]]) -> None:
    assert [found["group"] for found in pieces] == [[0, 2, 0], [1, 2, 1]]
    assert [found["share"] for found in pieces] == [["what", "the first", 1]] * 2


def test_a_norm_over_two_halves_is_pytorchs_over_the_whole(pieces: list[dict[str, Any]]) -> None:
    for found in (piece["norms"] for piece in pieces):
        assert (found.pop("replaced"), found.pop("names")) == ("_SynchronisedNorm", True)
        assert [found.pop(f"extra {turn}") for turn in (1, 2)] == [[3, 3], [3, 3]]
        assert len(found) == 15
        assert {name: away for name, away in found.items() if not away < 1e-12} == {}


@pytest.mark.parametrize("student", ["saliency-v1", "saliency-v2"])
def test_steps_of_two_processes_are_those_of_one(
    student: str, pieces: list[dict[str, Any]]
) -> None:
    for found in (piece["steps"][student] for piece in pieces):
        assert found["moved"] > 1e-3
        assert found["away"] < 1e-10
        assert found["losses"] < 1e-12
        assert found["names"]


def test_the_validation_iou_does_not_depend_on_the_processes(pieces: list[dict[str, Any]]) -> None:
    one, other = (piece["ious"] for piece in pieces)
    assert one == other
    assert all(together == alone for together, alone in one)
    assert len({together for together, _ in one}) > 4


# -- The command -----------------------------------------------------------------------------------

RECIPE = replace(TINY, epochs=2)
PAIRS = 46
"""Of them 40 are trained on: ten steps an epoch, time enough to be interrupted in."""


class Ended(NamedTuple):
    """A command that ended.

    Attributes:
        code: torchrun's.
        out: of all processes.
        err: lines of all processes that are onnxguard's own.
        folder: where it put things.
        saved: its checkpoint, if there still is one.
    """

    code: int
    out: str
    err: list[str]
    folder: Path
    saved: Checkpoint | None

    def weights(self) -> str:
        (path,) = self.folder.rglob("saliency-v2.safetensors")
        return hashlib.sha256(path.read_bytes()).hexdigest()


def command(folder: Path, name: str, *more: str, terminate: bool = False) -> Ended:
    options = [
        *("--data", str(folder / "pairs"), "--cache", str(folder / "cache")),
        *("--out", str(folder / name), "--min-iou", "0", "--mutants", "0", "--jobs", "1"),
        *("--device", "cpu", *recipe_options(RECIPE), *more),
    ]
    said = ""
    with torchrun("-m", "onnxguard", "train-and-gate", *options) as process:
        assert process.stderr is not None
        if terminate:
            while not said.splitlines()[-1:] or not said.splitlines()[-1].startswith("epoch 1/"):
                line = process.stderr.readline()
                assert line, said
                said += line
            time.sleep(0.03)  # a step or two
            process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=SECONDS)
    run = folder / name / "saliency-v2.run"
    saved = load_checkpoint(str(run)) if run.exists() else None
    lines = [
        line
        for line in (said + err).splitlines()
        if line.startswith(("epoch ", "goes on ", "onnxguard: ")) or "internal error" in line
    ]
    return Ended(process.returncode, out, lines, folder / name, saved)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command")
    write_pairs(folder / "pairs", PAIRS)
    return folder


@pytest.fixture(scope="module")
def alone(folder: Path) -> Ended:
    """Nothing happened to it."""
    return command(folder, "alone")


def test_two_processes_put_a_student_in_place_and_one_of_them_speaks(alone: Ended) -> None:
    assert (alone.code, alone.saved) == (0, None)
    names = {"json", "md", "onnx", "safetensors", "curve.png", "sheet.png"}
    assert set(os.listdir(alone.folder)) == {f"saliency-v2.{name}" for name in names}
    assert alone.out.count("PASS: ") == 1
    assert alone.out.endswith(f"in place: {alone.folder / 'saliency-v2.onnx'}\n")
    assert [line.split(":")[0] for line in alone.err] == [f"epoch {n}/2" for n in (1, 2)]
    card = (alone.folder / "saliency-v2.json").read_text()
    assert {"what": "processes", "which": "2"} in json.loads(card)["hardware"]


def test_a_terminated_torchrun_saves_and_goes_on_to_the_same_bits(
    alone: Ended, folder: Path
) -> None:
    stopped = command(folder, "stopped", terminate=True)
    assert stopped.code != 0
    assert stopped.out == ""
    assert stopped.saved is not None
    progress = stopped.saved.progress
    assert progress.epoch == 1
    assert progress.step > 0
    errors = [line for line in stopped.err if line.startswith("onnxguard: error: ")]
    assert errors
    assert all(
        line.startswith(f"onnxguard: error: interrupted in epoch {progress.epoch + 1} after step ")
        and line.endswith(" --resume goes on from there")
        for line in errors
    )
    # By a list that refuses the graph, which is then not run: that saves time.
    resumed = command(folder, "stopped", "--resume", "--allowlist", "pre-adr-0258")
    assert resumed.code == 1
    assert resumed.out.count("FAIL: ") == 1
    first, second = resumed.err
    assert first.startswith("goes on after epoch 1/2; ")
    assert second.startswith("epoch 2/2: ")
    assert resumed.weights() == alone.weights()
