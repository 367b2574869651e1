"""Several processes are one: by torchrun, as it is called, and compared with one process.

There are two launches, because each takes seconds before it does anything: one is terminated, the
other goes on with what that saved, and then does all else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from onnxguard.students.checkpoint import Checkpoint, load_checkpoint
from support.held import held, said_until_held
from support.patience import HANG
from support.training_data import TINY, recipe_options, write_pairs

TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "ONNXGUARD_TRACEBACK": ""}

# -- The command, in two processes -----------------------------------------------------------------

RECIPE = replace(TINY, epochs=2)
PAIRS = 46
"""Of them 40 are trained on: ten steps an epoch, time enough to be interrupted in."""


def torchrun(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*TORCHRUN, "--standalone", "--nproc-per-node", "2", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def rest_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it still says; one that hangs is ended, with its processes."""
    try:
        return process.communicate(timeout=HANG)
    except subprocess.TimeoutExpired:
        process.terminate()
        raise


class Ended(NamedTuple):
    """A command that ended.

    Attributes:
        code: torchrun's, or the first process's.
        out: of all processes.
        err: lines of all processes that are onnxguard's own.
    """

    code: int
    out: str
    err: list[str]


def arguments(folder: Path, name: str, *more: str) -> list[str]:
    return [
        *("train-and-gate", "--data", str(folder / "pairs"), "--cache", str(folder / "cache")),
        *("--out", str(folder / name), "--min-iou", "0", "--mutants", "0", "--jobs", "1"),
        *("--device", "cpu", *recipe_options(RECIPE), *more),
    ]


def own(said: str) -> list[str]:
    return [
        line
        for line in said.splitlines()
        if line.startswith(("epoch ", "goes on ", "onnxguard: ")) or "internal error" in line
    ]


def weights(folder: Path) -> str:
    (path,) = folder.rglob("saliency-v2.safetensors")
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Terminated(NamedTuple):
    """A training that SIGTERM to ``torchrun`` ended, and where it had come to."""

    ended: Ended
    saved: Checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command")
    write_pairs(folder / "pairs", PAIRS)
    return folder


@pytest.fixture(scope="module")
def terminated(folder: Path) -> Terminated:
    with torchrun(*held(1, 2, 2), *arguments(folder, "stopped")) as process:
        said = "".join(said_until_held(process, processes=2))
        process.send_signal(signal.SIGTERM)
        out, err = rest_of(process)
    saved = load_checkpoint(str(folder / "stopped" / "saliency-v2.run"))
    return Terminated(Ended(process.returncode, out, own(said + err)), saved)


# -- The pieces, in two processes that also do the whole alone -------------------------------------

PIECES = """
import json, os, sys
sys.path.insert(0, sys.argv[2])
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
import numpy as np
import torch
from torch import nn
from onnxguard.students.adam import Adam
from onnxguard.students.compute import Compute
from onnxguard.students.distributed import Group, described_group, joined, synchronise_norms
from onnxguard.students.logs import Watch
from onnxguard.students.loss import saliency_loss
from onnxguard.students.sampling import batches, images_and_targets, on_device, plan_epoch
from onnxguard.students.training import Stop, _Loop
from onnxguard.students.untrained import untrained_network
from support.command import run
from support.patience import HANG
from support.training_data import TINY, V1, V2, tiny_data

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
    optimiser = Adam(network.parameters(), 4e-3)
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
        optimiser.forget_gradients()
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
        loop = _Loop(student, data, RECIPE, "", compute, group, Watch(), Stop())
        state = untrained_network(student, seed).state_dict()
        loop._network.load_state_dict(state)
        return loop._validate().hex()
    return [of(group), of(alone)]

def another_group(port):
    # torchrun's own store still holds what the group before wrote.
    os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "False", "MASTER_PORT": port}

resume, undisturbed = json.loads((folder / "commands.json").read_text())
told = [run(*resume)]
another_group(sys.argv[3])
told.append(run(*undisturbed))
another_group(sys.argv[4])

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
    (folder / f"result-{group.rank}.json").write_text(json.dumps(result | {"told": told}))
    group.wait()
sys.exit(told[0][0])
"""


class Group(NamedTuple):
    """What two processes came to that went on, then trained undisturbed, then did the pieces."""

    code: int
    results: list[dict[str, Any]]

    def told(self, number: int) -> Ended:
        """Of one of their commands."""
        (code, *_), _ = both = [result["told"][number] for result in self.results]
        out, err = ("".join(told[stream] for told in both) for stream in (1, 2))
        return Ended(code, out, own(err))


def free_ports(number: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("localhost", 0))
        return [str(each.getsockname()[1]) for each in sockets]


@pytest.fixture(scope="module")
def group(folder: Path, terminated: Terminated) -> Group:
    del terminated  # it comes first
    commands = [
        # By a list that refuses the graph, which is then not run: that saves time.
        arguments(folder, "stopped", "--resume", "--allowlist", "pre-adr-0258"),
        arguments(folder, "alone"),
    ]
    (folder / "commands.json").write_text(json.dumps(commands))
    script = folder / "pieces.py"
    script.write_text(PIECES)
    ports = free_ports(2)
    with torchrun(str(script), str(folder), str(Path(__file__).parent.parent), *ports) as process:
        _, err = rest_of(process)
    paths = [folder / f"result-{rank}.json" for rank in (0, 1)]
    assert all(path.exists() for path in paths), err
    return Group(process.returncode, [json.loads(path.read_text()) for path in paths])


@pytest.fixture(scope="module")
def pieces(group: Group) -> list[dict[str, Any]]:
    """What each of the two found."""
    return group.results


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


def test_two_processes_put_a_student_in_place_and_one_of_them_speaks(
    group: Group, folder: Path
) -> None:
    alone, out = group.told(1), folder / "alone"
    assert alone.code == 0
    names = {"json", "md", "onnx", "safetensors", "curve.png", "sheet.png"}
    assert set(os.listdir(out)) == {f"saliency-v2.{name}" for name in names}
    assert alone.out.count("PASS: ") == 1
    assert alone.out.endswith(f"in place: {out / 'saliency-v2.onnx'}\n")
    assert [line.split(":")[0] for line in alone.err] == [f"epoch {n}/2" for n in (1, 2)]
    card = (out / "saliency-v2.json").read_text()
    assert {"what": "processes", "which": "2"} in json.loads(card)["hardware"]


def test_a_terminated_torchrun_saves(terminated: Terminated) -> None:
    ended, progress = terminated.ended, terminated.saved.progress
    assert ended.code != 0
    assert ended.out == ""
    assert (progress.epoch, progress.step) == (1, 3)
    errors = [line for line in ended.err if line.startswith("onnxguard: error: ")]
    assert errors
    assert all(
        line.startswith(f"onnxguard: error: interrupted in epoch {progress.epoch + 1} after step ")
        and line.endswith(" goes on from there")
        for line in errors
    )


def test_a_terminated_torchrun_goes_on_to_the_same_bits(group: Group, folder: Path) -> None:
    resumed = group.told(0)
    assert (group.code, resumed.code) == (1, 1)
    assert resumed.out.count("FAIL: ") == 1
    first, second = resumed.err
    assert first.startswith("goes on after epoch 1/2; ")
    assert second.startswith("epoch 2/2: ")
    assert weights(folder / "stopped") == weights(folder / "alone")
