"""Checkpoints: exact, whole at any moment, and never more than numbers."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from onnxguard.students.adam import Adam
from onnxguard.students.checkpoint import (
    Checkpoint,
    Progress,
    has_checkpoint,
    load_checkpoint,
    network_tensors,
    optimiser_tensors,
    remove_checkpoint,
    require_same,
    restore,
    save_checkpoint,
)
from onnxguard.students.history import Epoch
from onnxguard.students.recipe import Recipe
from safetensors.torch import save
from torch import Tensor, nn

from onnxguard.base.errors import TrainingError

HISTORY = (
    Epoch(1, 1.1, 0.1 + 0.2, 1e-3, 32, 0.1, 1 / 3),
    Epoch(2, 0.9999999999999999, 5e-324, 9.990133642141358e-04, 32, 1e300, 2.5),
)
RECIPE = replace(Recipe(), learning_rate=0.1 + 0.2, schedule="constant", epochs=3)
PROGRESS = Progress(2, 3, 2 / 3, 1.7976931348623157e308, HISTORY, 1)
TENSORS = {
    "network.wide": torch.tensor([[0.1, -0.0, 1e-45], [float("inf"), -3e38, 7.0]]),
    "network.turned": torch.arange(24.0).reshape(1, 4, 3, 2).to(memory_format=torch.channels_last),
    "network.number": torch.tensor(9_007_199_254_740_993),
    "best.double": torch.tensor([0.1], dtype=torch.float64),
    "best.brain": torch.tensor([0.1, 3e38], dtype=torch.bfloat16),
    "optimiser.0.truth": torch.tensor([True, False]),
    "optimiser.0.nothing": torch.zeros(0, 3),
    "random": torch.arange(256).to(torch.uint8),
}
WHOLE = Checkpoint("saliency-v2", RECIPE, "ab" * 32, "cpu, fp32, 1 process", PROGRESS, TENSORS)


def bits(tensors: dict[str, Tensor]) -> dict[str, tuple[torch.dtype, tuple[int, ...], bytes]]:
    return {
        name: (t.dtype, tuple(t.shape), bytes(t.contiguous().flatten().view(torch.uint8).tolist()))
        for name, t in tensors.items()
    }


def exact(one: Checkpoint, other: Checkpoint) -> bool:
    return one[:-1] == other[:-1] and bits(one.tensors) == bits(other.tensors)


def at(epoch: int, step: int) -> Checkpoint:
    """Another checkpoint."""
    progress = Progress(epoch, step, 1.0, 1.0, HISTORY[:epoch], min(epoch, 1))
    tensors = {"random": torch.full((99,), epoch * 16 + step, dtype=torch.uint8)}
    return WHOLE._replace(progress=progress, tensors=tensors)


# -- What is written -------------------------------------------------------------------------------


def test_what_is_saved_is_loaded_to_the_last_bit(tmp_path: Path) -> None:
    folder = str(tmp_path / "deep" / "run")
    assert not has_checkpoint(folder)
    save_checkpoint(folder, WHOLE)
    assert has_checkpoint(folder)
    assert exact(load_checkpoint(folder), WHOLE)


def test_the_latest_one_is_kept_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine.safetensors").write_text("not a checkpoint's")
    for saved in (at(0, 1), at(0, 2), at(1, 0), WHOLE):
        save_checkpoint(str(tmp_path), saved)
        assert exact(load_checkpoint(str(tmp_path)), saved)
        assert len(os.listdir(tmp_path)) == 3
    remove_checkpoint(str(tmp_path))
    assert os.listdir(tmp_path) == ["mine.safetensors"]
    remove_checkpoint(str(tmp_path))
    remove_checkpoint(str(tmp_path / "nowhere"))


def test_only_safetensors_and_json_are_on_the_disk(tmp_path: Path) -> None:
    save_checkpoint(str(tmp_path), WHOLE)
    record = json.loads((tmp_path / "checkpoint.json").read_text())
    assert sorted(os.listdir(tmp_path)) == [record["tensors"], "checkpoint.json"]
    data = (tmp_path / record["tensors"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == record["sha256"]
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    assert set(header) - {"__metadata__"} == set(TENSORS)


# -- What is read ----------------------------------------------------------------------------------


class Bomb:
    """What runs when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.target),)


def planted(folder: Path, data: bytes) -> None:
    """Put bytes in the place of the tensors, with the digest that they have."""
    path = folder / "checkpoint.json"
    record = json.loads(path.read_text())
    (folder / record["tensors"]).write_bytes(data)
    record["sha256"] = hashlib.sha256(data).hexdigest()
    path.write_text(json.dumps(record))


@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_a_pickle_is_refused_and_does_not_run(how: str, tmp_path: Path) -> None:
    folder, target = tmp_path / "run", tmp_path / "exploded"
    save_checkpoint(str(folder), WHOLE)
    if how == "pickle":
        data = pickle.dumps(Bomb(target))
    else:
        torch.save({"network.wide": Bomb(target)}, tmp_path / "bomb.pt")
        data = (tmp_path / "bomb.pt").read_bytes()
    planted(folder, data)
    with pytest.raises(TrainingError, match=r"not a checkpoint; begin anew with --restart$"):
        load_checkpoint(str(folder))
    assert not target.exists()
    if how == "pickle":
        pickle.loads(data)
        assert target.exists()  # so it was alive


def edited(**changes: Any) -> Callable[[Path], object]:
    """Change some of the JSON."""

    def edit(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return edit


def without(name: str) -> Callable[[Path], object]:
    def edit(path: Path) -> None:
        record = json.loads(path.read_text())
        del record[name]
        path.write_text(json.dumps(record))

    return edit


def rewritten(text: str | bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(text.encode() if isinstance(text, str) else text)


def tensors(change: Callable[[Path], object]) -> Callable[[Path], object]:
    """Change the other file."""
    return lambda path: change(path.parent / json.loads(path.read_text())["tensors"])


def epochs(place: int = 0, **changes: Any) -> Callable[[Path], object]:
    """Change one of the epochs in the history."""
    history = [epoch._asdict() for epoch in HISTORY]
    history[place] |= changes
    return edited(history=history)


FIELDS = (*Checkpoint._fields[:4], *Progress._fields, "format", "tensors", "sha256")
DEEP = "[" * 100_000 + "]" * 100_000
DAMAGES: dict[str, Callable[[Path], object]] = {
    **{f"no {name}": without(name) for name in FIELDS},
    "empty": rewritten(""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "no UTF-8": rewritten(b"\xff\xfe{}"),
    "a list": rewritten("[]"),
    "a number": rewritten("7"),
    "a text": rewritten('"format"'),
    "null": rewritten("null"),
    "deep": rewritten(DEEP),
    "deep inside": lambda path: path.write_text(
        path.read_text().replace('"ab', f'{DEEP}, "x": "ab', 1)
    ),
    "a number without end": lambda path: path.write_text(
        path.read_text().replace('"epoch": 2', '"epoch": ' + "2" * 9999)
    ),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "another format": edited(format="onnxguard/checkpoint/0"),
    "format is none": edited(format=None),
    "tensors is a number": edited(tensors=7),
    "tensors is a list": edited(tensors=["a.safetensors"]),
    "tensors is empty": edited(tensors=""),
    "tensors is the folder": edited(tensors="."),
    "tensors is above": edited(tensors="../outside.safetensors"),
    "tensors is elsewhere": edited(tensors="/etc/outside.safetensors"),
    "tensors is below": edited(tensors="below/outside.safetensors"),
    "tensors is the JSON": edited(tensors="checkpoint.json"),
    "tensors is a pickle": edited(tensors="checkpoint.pt"),
    "tensors has a zero": edited(tensors="a\0.safetensors"),
    "tensors is no text": edited(tensors="\ud800.safetensors"),
    "tensors is not there": edited(tensors="gone\x1b[31m.safetensors"),
    "tensors is too long": edited(tensors="a" * 5000 + ".safetensors"),
    "tensors were removed": tensors(lambda path: path.unlink()),
    "tensors were cut off": tensors(lambda path: path.write_bytes(path.read_bytes()[:-1])),
    "tensors were changed": tensors(lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x")),
    "tensors are a folder": tensors(lambda path: (path.unlink(), path.mkdir())),
    "sha256 is none": edited(sha256=None),
    "sha256 is another": edited(sha256="0" * 64),
    "epoch is negative": edited(epoch=-1),
    "epoch is a float": edited(epoch=2.0),
    "epoch is true": edited(epoch=True),
    "epoch is a text": edited(epoch="2"),
    "epoch is none": edited(epoch=None),
    "epoch is beyond the recipe": edited(
        epoch=4, history=[e._asdict() for e in (HISTORY + HISTORY)]
    ),
    "epoch is beyond the history": edited(epoch=3),
    "epoch is before the history's end": edited(epoch=1),
    "step is negative": edited(step=-1),
    "step is a float": edited(step=1.5),
    "step is true": edited(step=True),
    "loss is a text": edited(loss="1"),
    "loss is true": edited(loss=True),
    "loss is NaN": edited(loss=float("nan")),
    "loss is infinite": edited(loss=float("inf")),
    "loss is too large": rewritten(""),
    "seconds is none": edited(seconds=None),
    "seconds is NaN": edited(seconds=float("nan")),
    "best epoch is negative": edited(best_epoch=-1),
    "best epoch is to come": edited(best_epoch=3),
    "best epoch is a float": edited(best_epoch=1.0),
    "history is none": edited(history=None),
    "history is a number": edited(history=2),
    "history is a text": edited(history="ab"),
    "history is empty": edited(history=[]),
    "history holds lists": edited(history=[list(epoch) for epoch in HISTORY]),
    "history holds nothing": edited(history=[{}, {}]),
    "history holds more": epochs(more=1),
    "history is numbered by texts": epochs(number="1"),
    "history's IoU is a text": epochs(iou="0.5"),
    "history's IoU is NaN": epochs(iou=float("nan")),
    "history's loss is NaN": epochs(1, loss=float("nan")),
    "history's loss is infinite": epochs(loss=float("-inf")),
    "history's images are none": epochs(images=None),
    "history's IoU is 5": epochs(iou=5.0),
    "history's IoU is negative": epochs(1, iou=-1e-9),
    "history's loss is negative": epochs(loss=-0.1),
    "history's learning rate is negative": epochs(learning_rate=-1e-3),
    "history's images are half": epochs(images=1.5),
    "history has no images": epochs(images=0),
    "history's seconds are negative": epochs(seconds=-1.0),
    "history's training took less than nothing": epochs(1, train_seconds=-1.0),
    "history is reversed": edited(history=[e._asdict() for e in reversed(HISTORY)]),
    "history has an epoch twice": epochs(1, number=1),
    "history begins late": epochs(number=0),
    "another epoch is the best": edited(best_epoch=2),
    "no epoch is the best": edited(best_epoch=0),
    "the best of equals is the later": lambda path: (
        epochs(1, iou=HISTORY[0].iou)(path),
        edited(best_epoch=2)(path),
    ),
    "loss is negative": edited(loss=-1.0),
    "seconds are negative": edited(seconds=-1.0),
    "recipe is none": edited(recipe=None),
    "recipe is a list": edited(recipe=[1, 2]),
    "recipe holds more": edited(recipe={"more": 1}),
    "recipe's epochs are a text": edited(recipe={"epochs": "50"}),
    "recipe's epochs are none": edited(recipe={"epochs": None}),
}
DAMAGES["loss is too large"] = lambda path: path.write_text(
    path.read_text().replace('"loss": 0.6666666666666666', '"loss": 1e999')
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_one_line(damage: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save_checkpoint(str(folder), WHOLE)
    for outside in (tmp_path, folder / "below"):
        outside.mkdir(exist_ok=True)
        (outside / "outside.safetensors").write_bytes(save({"random": torch.zeros(1)}))
    before = (folder / "checkpoint.json").read_bytes()
    DAMAGES[damage](folder / "checkpoint.json")
    if (folder / "checkpoint.json").is_file() and not damage.startswith("tensors "):
        assert (folder / "checkpoint.json").read_bytes() != before
    with pytest.raises(TrainingError) as refused:
        load_checkpoint(str(folder))
    said = str(refused.value)
    assert said.isprintable()
    assert len(said) < 1000


def test_tensors_that_are_damaged_under_a_digest_that_is_right_are_one_line(
    tmp_path: Path,
) -> None:
    """Every byte of the header, changed in several ways."""
    small = WHOLE._replace(tensors={"random": torch.zeros(2)})
    save_checkpoint(str(tmp_path), small)
    (name,) = (path for path in tmp_path.iterdir() if path.suffix == ".safetensors")
    data = name.read_bytes()
    for place in range(len(data) - 8):
        for other in (0, 0x22, 0x39, 0x7D, 0xFF):
            planted(tmp_path, data[:place] + bytes([other]) + data[place + 1 :])
            with suppress(TrainingError):
                load_checkpoint(str(tmp_path))


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}},
        {"a": {"dtype": "F8_E8M0", "shape": [8], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [1 << 40, 1 << 40], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 1 << 60]}},
        {"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "C64", "shape": [1], "data_offsets": [0, 8]}},
        {"a": None},
        {},
        [],
    ],
    ids=str,
)
def test_tensors_that_are_of_no_kind_are_one_line_or_are_no_harm(
    header: Any, tmp_path: Path
) -> None:
    save_checkpoint(str(tmp_path), WHOLE)
    text = json.dumps(header).encode()
    planted(tmp_path, len(text).to_bytes(8, "little") + text + bytes(8))
    network = nn.Linear(2, 2)
    before = bits(network.state_dict())
    with pytest.raises(TrainingError):
        restore(load_checkpoint(str(tmp_path)), network, Adam(network.parameters(), 1e-3))
    assert bits(network.state_dict()) == before


def test_nothing_to_go_on_from_is_one_line(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(TrainingError, match=r"^nothing to go on from: .*checkpoint.json is no"):
            load_checkpoint(str(folder))


# -- What is put back ------------------------------------------------------------------------------


def trained(seed: int, steps: int) -> tuple[nn.Module, Adam]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = Adam(network.parameters(), 1e-3)
        for _ in range(steps):
            optimiser.forget_gradients()
            network(torch.randn(2, 2, 5, 5)).square().sum().backward()
            optimiser.step()
    return network, optimiser


def of(network: nn.Module, optimiser: Adam, best: bool = True) -> Checkpoint:
    state = network.state_dict()
    held = {**network_tensors("network.", state), **optimiser_tensors(optimiser)}
    if best:
        held |= network_tensors("best.", {name: value.clone() for name, value in state.items()})
    return WHOLE._replace(tensors=held | {"random": torch.get_rng_state()})


def test_a_network_and_its_optimiser_are_put_back_exactly(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        network, optimiser = trained(1, 3)
        saved = of(network, optimiser)
        save_checkpoint(str(tmp_path), saved)
        expected = torch.rand(3)
        other, its = trained(2, 0)
        best = restore(load_checkpoint(str(tmp_path)), other, its)
        assert torch.equal(torch.rand(3), expected)
    assert bits(other.state_dict()) == bits(network.state_dict()) == bits(best)
    assert bits(optimiser_tensors(its)) == bits(optimiser_tensors(optimiser))
    layouts = [
        {name: t.stride() for name, t in optimiser_tensors(one).items()} for one in (its, optimiser)
    ]
    assert layouts[0] == layouts[1]
    for one in (network, other):  # and they go on alike
        one.zero_grad()
        one(torch.ones(2, 2, 5, 5)).square().sum().backward()
    optimiser.step()
    its.step()
    assert bits(other.state_dict()) == bits(network.state_dict())


def changed(name: str, value: Tensor | None) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    def change(held: dict[str, Tensor]) -> dict[str, Tensor]:
        rest = {key: tensor for key, tensor in held.items() if key != name}
        return rest if value is None else rest | {name: value}

    return change


@pytest.mark.parametrize(
    "change",
    [
        changed("network.0.weight", None),
        changed("network.0.weight", torch.zeros(3, 2, 3, 4)),
        changed("network.0.more", torch.zeros(1)),
        changed("best.0.weight", None),
        changed("best.0.bias", torch.zeros(4)),
        changed("random", None),
        changed("random", torch.zeros(5056)),
        changed("random", torch.zeros(3, dtype=torch.uint8)),
        changed("optimiser.0.exp_avg", torch.zeros(7)),
        changed("optimiser.0.exp_avg", None),
        changed("optimiser.0.step", None),
    ],
)
def test_tensors_of_another_student_are_one_line(
    change: Callable[[dict[str, Tensor]], dict[str, Tensor]],
) -> None:
    network, optimiser = trained(1, 3)
    saved = of(network, optimiser)
    other, its = trained(2, 0)
    with pytest.raises(TrainingError, match="not of this student; use --restart"):
        restore(saved._replace(tensors=change(saved.tensors)), other, its)


def test_a_checkpoint_without_the_best_weights_that_it_speaks_of_is_one_line() -> None:
    network, optimiser = trained(1, 3)
    with pytest.raises(TrainingError, match="use --restart"):
        restore(of(network, optimiser, best=False), *trained(2, 0))


# -- What it must be of ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"student": "saliency-v1\x1b"}, r"is of saliency-v1\\x1b"),
        (
            {"recipe": replace(RECIPE, crop=128, batch=4)},
            "was begun with --crop 128, not 256; go on with that, or begin anew with --restart",
        ),
        ({"recipe": replace(RECIPE, seed=1)}, "was begun with --seed 1, not 42; "),
        ({"recipe": replace(RECIPE, schedule="a\nb")}, r"--schedule a\\nb, not constant; "),
        ({"data_sha256": "cd" * 32}, "was begun with other data; begin anew with --restart"),
        (
            {"computing": "cuda, bf16, 2 processes"},
            "was begun with cuda, bf16, 2 processes, not cpu, fp32, 1 process; go on with that",
        ),
        # the first of several
        ({"recipe": replace(RECIPE, seed=1), "data_sha256": "", "computing": ""}, "--seed 1, "),
        ({"data_sha256": "", "computing": ""}, "other data"),
    ],
    ids=str,
)
def test_what_goes_on_must_be_what_was_begun(change: dict[str, Any], said: str) -> None:
    own = (WHOLE.student, WHOLE.recipe, WHOLE.data_sha256, WHOLE.computing)
    require_same(WHOLE, *own)
    with pytest.raises(TrainingError, match=f"^the earlier training .*{said}") as refused:
        require_same(WHOLE._replace(**change), *own)
    assert str(refused.value).isprintable()


# -- Disks and kills -------------------------------------------------------------------------------

CHILDREN = """
import json, os, random, resource, signal, sys, time
sys.path[:0] = [sys.argv[2], sys.argv[2] + "/students"]
from test_checkpoint import at, bits, exact
from onnxguard.base.errors import OnnxguardError
from onnxguard.students.checkpoint import load_checkpoint, save_checkpoint
from pathlib import Path

root = Path(sys.argv[1])

def child(work):
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(0)
    return pid

def full():
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        save_checkpoint(str(root / "full"), at(2, 1))
    except OnnxguardError as error:
        (root / "said").write_text("")
        os.write(2, f"{error}\\n".encode())

def forever():
    n = len(loaded)
    while True:
        n += 1
        save_checkpoint(str(root / "killed"), at(n % 3, n % 16))
        os.write(told, b".")

save_checkpoint(str(root / "full"), at(1, 7))
left = []
for limit in (0, 40, 300):
    os.waitpid(child(full), 0)
    left.append(sorted(os.listdir(root / "full")))
whole = exact(load_checkpoint(str(root / "full")), at(1, 7))

draw, loaded, dirty = random.Random(0), [], 0
save_checkpoint(str(root / "killed"), at(0, 0))
for _ in range(25):
    hearing, told = os.pipe()
    pid = child(forever)
    os.close(told)
    os.read(hearing, 1)  # it has saved; then it may be anywhere
    time.sleep(draw.uniform(0, 0.1))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(hearing)
    dirty += len(os.listdir(root / "killed")) != 2
    found = load_checkpoint(str(root / "killed"))
    loaded.append((found.progress.epoch, found.progress.step))
    assert exact(found, at(*loaded[-1])), loaded
save_checkpoint(str(root / "killed"), at(1, 1))
after = sorted(os.listdir(root / "killed"))
print(json.dumps({"left": left, "whole": whole, "loaded": loaded, "dirty": dirty, "after": after}))
"""


@pytest.fixture(scope="module")
def children(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of processes that a file's size was limited for, and of killed ones."""
    folder = tmp_path_factory.mktemp("children")
    script = folder / "children.py"
    script.write_text(CHILDREN)
    command = [sys.executable, "-B", str(script), str(folder), str(Path(__file__).parent.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result | {"said": done.stderr.splitlines()}


def test_a_full_disk_keeps_the_one_before_and_leaves_nothing(children: dict[str, Any]) -> None:
    """The kernel refuses to let a file grow, as it does where the disk is full."""
    assert children["whole"]
    assert len(children["said"]) == 3
    for said in children["said"]:
        assert said.startswith("no checkpoint could be saved, the one before is kept: ")
        assert said.endswith(": File too large")
    first, *others = children["left"]
    assert len(first) == 2
    assert all(left == first for left in others)


def test_a_writer_that_is_killed_leaves_a_whole_checkpoint(children: dict[str, Any]) -> None:
    assert len(children["loaded"]) == 25
    assert len({tuple(pair) for pair in children["loaded"]}) > 5  # it was in the middle of it
    assert len(children["after"]) == 2  # and what it left half written is gone with the next save


def test_a_folder_that_became_a_file_keeps_the_one_before(tmp_path: Path) -> None:
    folder, aside = tmp_path / "run", tmp_path / "aside"
    save_checkpoint(str(folder), at(1, 1))
    folder.rename(aside)
    folder.write_text("a file")
    with pytest.raises(TrainingError, match=r"^no checkpoint could be saved: "):
        save_checkpoint(str(folder), at(1, 2))
    assert folder.read_text() == "a file"
    assert sorted(os.listdir(tmp_path)) == ["aside", "run"]
    assert exact(load_checkpoint(str(aside)), at(1, 1))


def test_a_json_that_cannot_be_replaced_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.json").mkdir()
    with pytest.raises(TrainingError, match=r"^no checkpoint could be saved, ") as refused:
        save_checkpoint(str(tmp_path), at(1, 2))
    assert str(refused.value).isprintable()
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
def test_the_optimiser_goes_to_the_device_of_its_parameters() -> None:
    """As on a GPU, whose fused Adam takes no tensor that lies elsewhere."""
    network = nn.Conv2d(1, 2, 3)
    optimiser = Adam(network.parameters(), 1e-3)
    network(torch.ones(1, 1, 3, 3)).sum().backward()
    optimiser.step()
    tensors = {
        **network_tensors("network.", network.state_dict()),
        **optimiser_tensors(optimiser),
        "random": torch.get_rng_state(),
    }
    elsewhere = nn.Conv2d(1, 2, 3, device="meta")
    its = Adam(elsewhere.parameters(), 1e-3)
    restore(WHOLE._replace(progress=Progress(), tensors=tensors), elsewhere, its)
    held = [tensor for state in its.state for tensor in state.values()]
    assert len(held) == 6
    assert {tensor.device.type for tensor in held} == {"meta"}


def test_files_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-best.safetensors").touch()
    (tmp_path / ".checkpoint-notes").touch()
    (tmp_path / ".checkpoint-1-2-01234567.safetensors.k2j3").touch()
    save_checkpoint(str(tmp_path), WHOLE)
    remove_checkpoint(str(tmp_path))
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".checkpoint-notes", "checkpoint-best.safetensors"]
