"""The cache of decoded pairs: exactly Pillow's pixels, or none; and nothing unchecked is used."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnxguard.students import store as stores_module
from onnxguard.students.decoding import Mask, Pixels
from onnxguard.students.pairs import (
    BadPair,
    Data,
    FolderData,
    GeneratedData,
    data_sha256,
    find_pairs,
)
from onnxguard.students.store import Store, open_store, resized_size
from PIL import Image
from support.patience import until

from onnxguard.base.cache_folder import cache_folder
from onnxguard.base.errors import OnnxguardError

SIDE = 20
SIZES = [(30, 44), (44, 30), (25, 25), (20, 31), (61, 47)]


def make(folder: Path, count: int = 5) -> FolderData:
    random = np.random.Generator(np.random.PCG64(1))
    for number in range(count):
        height, width = SIZES[number % len(SIZES)]
        image = random.integers(0, 256, (height // 3, width // 3, 3), np.uint8)
        mask = random.integers(0, 2, (height, width), np.uint8) * np.uint8(255)
        for part in ("images", "masks"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        photo = Image.fromarray(image).resize((width, height))
        photo.save(folder / "images" / f"{number:03}.jpg", quality=95)
        Image.fromarray(mask).save(folder / "masks" / f"{number:03}.png")
    return find_pairs(str(folder))


@pytest.fixture
def data(tmp_path: Path) -> FolderData:
    return make(tmp_path / "data")


@pytest.fixture
def cache(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


def opened(data: Data, cache: str, side: int = SIDE, jobs: int = 1, **others: Any) -> Store:
    digests = data_sha256(data)[1]
    return open_store(data, digests, range(len(digests)), side, cache, jobs, **others)


def same(one: Store, other: Store) -> bool:
    arrays = zip(one[:4], other[:4], strict=True)
    return all(np.array_equal(a, b) for a, b in arrays) and one[4:] == other[4:]


def bytes_of(store: Store, number: int) -> Pixels:
    height, width = int(store.heights[number]), int(store.widths[number])
    first = int(store.offsets[number])
    pixels = np.asarray(store.pixels[first : first + height * width])
    return pixels.view(np.uint8).reshape(height, width, 4)


class Unreadable(GeneratedData):
    """Made-up pairs that must not be looked at again."""

    def size(self, index: int) -> tuple[int, int]:
        raise AssertionError(index)

    read = size  # type: ignore[assignment]


class Lean(GeneratedData):
    """Made-up pairs of a process that has no use for PyTorch."""

    def read(self, index: int) -> tuple[Pixels, Mask]:
        assert "torch" not in sys.modules
        assert os.getpid() != self.seed
        return super().read(index)


class Deadly(GeneratedData):
    """Made-up pairs one of which takes too much memory."""

    def read(self, index: int) -> tuple[Pixels, Mask]:
        if index == 70:
            os._exit(9)
        return super().read(index)


# -- What it holds ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "side", "resized"),
    [
        ((300, 400), 288, (288, 384)),
        ((400, 300), 288, (384, 288)),
        ((288, 288), 288, (288, 288)),
        ((300, 401), 288, (288, 385)),
        ((267, 400), 288, (288, 431)),
        ((100, 7), 8, (114, 8)),
        ((200, 5), 2, (80, 2)),
        ((300, 400), 0, (300, 400)),
    ],
)
def test_resized_size(size: tuple[int, int], side: int, resized: tuple[int, int]) -> None:
    assert resized_size(*size, side) == resized


@pytest.mark.parametrize("side", [0, SIDE, 50])
def test_a_store_is_what_pillow_makes_of_the_files(side: int, data: FolderData, cache: str) -> None:
    store = opened(data, cache, side)
    dtypes = [array.dtype for array in store[:4]]
    assert dtypes == [np.int32, np.int64, np.int32, np.int32]
    assert (store.names, store.bad) == (("000", "001", "002", "003", "004"), ())
    assert not store.pixels.flags.writeable
    assert len(store.pixels) == int((store.heights.astype(int) * store.widths).sum())
    for number, pair in enumerate(data.pairs):
        image, mask = Image.open(pair.image).convert("RGB"), Image.open(pair.mask).convert("L")
        if side:
            short, long = sorted(image.size)
            other = round(long * (side / short))
            size = (side, other) if image.width < image.height else (other, side)
            image = image.resize(size, Image.Resampling.BILINEAR)
            mask = mask.resize(size, Image.Resampling.NEAREST)
        found = bytes_of(store, number)
        assert np.array_equal(found[..., :3], np.asarray(image))
        assert np.array_equal(found[..., 3], np.where(np.asarray(mask) >= 128, 255, 0))


def test_pairs_are_in_the_order_that_is_asked_for(data: FolderData, cache: str) -> None:
    whole = opened(data, cache)
    digests = data_sha256(data)[1]
    some = open_store(data, digests, [3, 0], SIDE, cache, 1)
    assert some.names == ("003", "000")
    assert np.array_equal(bytes_of(some, 0), bytes_of(whole, 3))
    assert np.array_equal(bytes_of(some, 1), bytes_of(whole, 0))
    assert open_store(data, digests, [], SIDE, cache, 1).names == ()


def test_bad_pairs_are_left_out_and_told(data: FolderData, cache: str) -> None:
    good = opened(data, cache)
    Path(data.pairs[0].mask).unlink()
    photo = Path(data.pairs[2].image)
    photo.write_bytes(photo.read_bytes()[:-300])  # its header is there, so it has a place
    Image.new("L", (31, 20)).save(data.pairs[3].mask)
    for store in (opened(data, cache), opened(data, cache)):
        assert store.names == ("001", "004")
        assert [name for name, _ in store.bad] == ["000", "002", "003"]
        reasons = ["cannot be read: No such file", "the image is damaged", "the mask is empty"]
        assert all(said in bad.reason for said, bad in zip(reasons, store.bad, strict=True))
        assert np.array_equal(bytes_of(store, 0), bytes_of(good, 1))
        assert np.array_equal(bytes_of(store, 1), bytes_of(good, 4))
    for pair in data.pairs:
        Path(pair.image).unlink()
    store = opened(data, cache)
    assert (store.names, len(store.pixels), len(store.bad)) == ((), 0, 5)


def test_an_image_that_would_grow_too_large_is_a_bad_pair(cache: str, tmp_path: Path) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
        Image.new("L", (200_000, 1), 255).save(tmp_path / part / "a.png")
    store = opened(find_pairs(str(tmp_path)), cache)
    assert store.bad == (BadPair("a", "resized it would be 4000000 x 20 pixels"),)


# -- When it is built ------------------------------------------------------------------------------


def test_a_second_opening_reads_the_cache_alone(data: FolderData, cache: str) -> None:
    first, digests = opened(data, cache), data_sha256(data)[1]
    shutil.rmtree(os.path.dirname(os.path.dirname(data.pairs[0].image)))
    assert same(open_store(data, digests, range(5), SIDE, cache), first)
    made_up = opened(GeneratedData(3), cache)
    assert same(opened(Unreadable(3), cache), made_up)
    assert sorted(len(name) for name in os.listdir(cache)) == [32, 32]


def test_the_key_is_all_that_pixels_depend_on(data: FolderData, cache: str) -> None:
    digests = data_sha256(data)[1]
    calls: list[tuple[list[str], list[int], int]] = [
        (digests, [0, 1], SIDE),
        (digests, [1, 0], SIDE),
        (digests, [0], SIDE),
        (digests, [0, 1], SIDE + 1),
    ]
    for number, (known, indices, side) in enumerate(calls):
        for _ in range(2):
            open_store(data, known, indices, side, cache, 1)
        assert len(os.listdir(cache)) == number + 1
    with Path(data.pairs[0].image).open("ab") as stream:
        stream.write(b"\0")
    open_store(data, data_sha256(data)[1], [0, 1], SIDE, cache, 1)
    assert len(os.listdir(cache)) == 5
    renamed = FolderData("x", (data.pairs[1]._replace(name="z"), *data.pairs[1:]), ())
    assert open_store(renamed, digests, [1], SIDE, cache, 1).names == ("001",)
    assert open_store(renamed, digests[1:2], [0], SIDE, cache, 1).names == ("z",)
    assert len(os.listdir(cache)) == 7


def test_steps_are_told(data: FolderData, cache: str) -> None:
    told: list[tuple[str, int, int]] = []
    opened(data, cache, step=lambda *step: told.append(step))
    assert told == [(what, done, 5) for what in ("sizes", "images") for done in range(6)]
    told.clear()
    opened(data, cache, step=lambda *step: told.append(step))
    assert told == []


def test_a_pair_that_changes_meanwhile_is_an_error(data: FolderData, cache: str) -> None:
    digests = data_sha256(data)[1]
    Path(data.pairs[1].image).write_bytes(Path(data.pairs[0].image).read_bytes())
    with pytest.raises(OnnxguardError, match='"001" changed while it was read; try again'):
        open_store(data, digests, range(5), SIDE, cache, 1)
    Path(data.pairs[1].image).unlink()
    with pytest.raises(OnnxguardError, match='"001" changed while it was read; try again'):
        open_store(data, digests, range(5), SIDE, cache, 1)
    assert os.listdir(cache) == []


# -- Damage ----------------------------------------------------------------------------------------

Damage = Callable[[Path], object]


def edited(**values: Any) -> Damage:
    def damage(entry: Path) -> None:
        index = json.loads((entry / "index.json").read_text())
        (entry / "index.json").write_text(json.dumps(index | values))

    return damage


def flipped(entry: Path) -> None:
    content = bytearray((entry / "pixels.bin").read_bytes())
    content[1000] ^= 1
    (entry / "pixels.bin").write_bytes(content)


def other_kind(name: str, make: Callable[[Path], object]) -> Damage:
    def damage(entry: Path) -> None:
        (entry / name).unlink()
        make(entry / name)

    return damage


def replaced(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.write_text("a file")


def swapped(entry: Path) -> None:
    index = json.loads((entry / "index.json").read_text())
    index["names"][:2] = index["names"][1::-1]
    (entry / "index.json").write_text(json.dumps(index))


SQUARE = [[20, 20]] * 5
DAMAGES: dict[str, Damage] = {
    "a bit": flipped,
    "cut off": lambda e: os.truncate(e / "pixels.bin", 999),
    "longer": lambda e: os.truncate(e / "pixels.bin", 1 << 30),
    "no pixels": lambda e: (e / "pixels.bin").unlink(),
    "no index": lambda e: (e / "index.json").unlink(),
    "empty folder": lambda e: [path.unlink() for path in e.iterdir()],
    "a file in its place": replaced,
    "pixels are a folder": other_kind("pixels.bin", Path.mkdir),
    "pixels are a pipe": other_kind("pixels.bin", os.mkfifo),
    "index is a pipe": other_kind("index.json", os.mkfifo),
    "index is a loop": other_kind("index.json", lambda path: path.symlink_to(path)),
    "no JSON": lambda e: (e / "index.json").write_text("{"),
    "no text": lambda e: (e / "index.json").write_bytes(b"\xff\xfe\x00"),
    "empty index": lambda e: (e / "index.json").write_text(""),
    "deep": lambda e: (e / "index.json").write_text("[" * 9000),
    "large": lambda e: os.truncate(e / "index.json", 1 << 40),
    "a list": lambda e: (e / "index.json").write_text("[]"),
    "long number": lambda e: (e / "index.json").write_text("9" * 9000),
    "swapped": swapped,
    "format": edited(format="onnxguard/store/0"),
    "key": edited(key="0"),
    "sha256": edited(sha256="0" * 64),
    "bytes": edited(bytes=0),
    "sha256 is none": edited(sha256=None),
    "no names": edited(names=[], sizes=[], bad=[]),
    "names are a text": edited(names="01234"),
    "names are numbers": edited(names=[0, 1, 2, 3, 4]),
    "names are lists": edited(names=[[]] * 5),
    "too many": edited(names=["000"] * 6, sizes=[[20, 20]] * 6),
    "sizes are none": edited(sizes=None),
    "sizes are others": edited(sizes=SQUARE),
    "sizes are negative": edited(sizes=[[-20, -20], *SQUARE[1:]]),
    "sizes are zero": edited(sizes=[[0, 20], *SQUARE[1:]]),
    "sizes are huge": edited(sizes=[[1 << 40, 1 << 40], *SQUARE[1:]]),
    "sizes are wide": edited(sizes=[[1, 1 << 31], *SQUARE[1:]]),
    "sizes are floats": edited(sizes=[[20.0, 20.0], *SQUARE[1:]]),
    "sizes are truths": edited(sizes=[[True, True], *SQUARE[1:]]),
    "sizes are not pairs": edited(sizes=[[20], *SQUARE[1:]]),
    "sizes are infinite": edited(sizes=[[float("inf"), float("nan")], *SQUARE[1:]]),
    "bad is no pair": edited(bad=["xy"]),
}


def test_a_bit_in_any_part_is_noticed(
    data: FolderData, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onnxguard.students.store._PART", 1024)
    monkeypatch.setattr("onnxguard.students.store._PIECE", 256)
    good = opened(data, cache)
    good = good._replace(pixels=good.pixels.copy())
    (entry,) = Path(cache).iterdir()
    content = (entry / "pixels.bin").read_bytes()
    assert len(content) > 3 * 1024
    for place in (0, 1023, 1024, 2000, len(content) - 1):
        damaged = bytearray(content)
        damaged[place] ^= 1
        (entry / "pixels.bin").write_bytes(damaged)
        assert same(opened(data, cache), good)
        assert (entry / "pixels.bin").read_bytes() == content
    swapped_parts = content[1024:2048] + content[:1024] + content[2048:]
    (entry / "pixels.bin").write_bytes(swapped_parts)
    assert same(opened(data, cache), good)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_built_anew(damage: str, data: FolderData, cache: str) -> None:
    first = opened(data, cache)
    copy = first._replace(pixels=first.pixels.copy())
    del first
    (name,) = os.listdir(cache)
    DAMAGES[damage](Path(cache, name))
    assert same(opened(data, cache), copy)
    assert os.listdir(cache) == [name]
    told: list[str] = []
    assert same(opened(data, cache, step=lambda what, *_: told.append(what)), copy)
    assert told == []


def test_reasons_in_the_cache_are_not_trusted(data: FolderData, cache: str) -> None:
    Path(data.pairs[0].mask).unlink()
    first = opened(data, cache)
    (name,) = os.listdir(cache)
    edited(bad=[["000", "\x1b[31mred"]])(Path(cache, name))
    assert opened(data, cache).bad == first.bad


# -- Processes -------------------------------------------------------------------------------------


def test_processes_make_the_same_and_import_no_torch(tmp_path: Path) -> None:
    assert "torch" in sys.modules or __import__("torch")
    alone = opened(GeneratedData(70, os.getpid(), 40), str(tmp_path / "1"), 32)
    together = opened(Lean(70, os.getpid(), 40), str(tmp_path / "2"), 32, jobs=2)
    assert same(alone, together)
    assert os.listdir(tmp_path / "1") == os.listdir(tmp_path / "2")
    files = [next((tmp_path / cache).iterdir()) / "pixels.bin" for cache in "12"]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_worker_that_dies_is_an_error(cache: str) -> None:
    with pytest.raises(OnnxguardError, match="a process that decodes images died"):
        opened(Deadly(80, side=16), cache, jobs=2)
    assert os.listdir(cache) == []


def test_several_builders_at_once_use_one_entry(data: FolderData, cache: str) -> None:
    stores: list[Store] = []
    build = threading.Barrier(4)

    def run() -> None:
        build.wait()
        stores.append(opened(data, cache, step=lambda *_: time.sleep(0.005)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores) == 4
    assert all(same(store, stores[0]) for store in stores)
    assert len(os.listdir(cache)) == 1


BUILD = """
import sys, time
from onnxguard.students.pairs import data_sha256, find_pairs
from onnxguard.students.store import open_store

def slow(what, done, total):
    if (what, done) == ("images", 40):
        print("building", flush=True)
        time.sleep(600)

if __name__ == "__main__":
    data = find_pairs(sys.argv[1])
    digests = data_sha256(data)[1]
    open_store(data, digests, range(len(digests)), 20, sys.argv[2], int(sys.argv[3]), slow)
"""


def children(pid: int) -> set[int]:
    """The processes that a process started."""
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def runs(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_is_stopped_leaves_nothing_that_is_used(
    number: signal.Signals, jobs: str, cache: str, tmp_path: Path
) -> None:
    data = make(tmp_path / "many", 66)
    script = tmp_path / "build.py"
    script.write_text(BUILD)
    command = [sys.executable, str(script), str(tmp_path / "many"), cache, jobs]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "building\n"
        workers = children(process.pid)
        assert len(workers) == (0 if jobs == "1" else 3)  # two, and the tracker of their locks
        if number == signal.SIGKILL:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        said = process.stderr.read()
    left = os.listdir(cache)
    if number == signal.SIGINT:
        assert left == []
        assert said.count("KeyboardInterrupt") == 1
    else:
        assert len(left) == 1
        assert left[0].startswith("building-")
    until(lambda: not any(map(runs, workers)))
    store = opened(data, cache)
    assert same(store, opened(data, str(tmp_path / "other")))
    assert len(os.listdir(cache)) == len(left) + 1
    for path in [os.path.join(cache, name) for name in left]:
        for old in (os.path.join(path, "pixels.bin"), path):
            os.utime(old, (0, time.time() - 25 * 60 * 60))
    opened(data, cache, side=21)
    assert len(os.listdir(cache)) == 2  # and what was left is gone


# -- Disks -----------------------------------------------------------------------------------------


def test_a_cache_that_cannot_be_written_is_an_error(data: FolderData, tmp_path: Path) -> None:
    file = tmp_path / "file\x1b[31m"
    file.write_text("no folder")
    for cache in (file, file / "below"):
        with pytest.raises(OnnxguardError, match=r'cache ".*file\\x1b\[31m.*" cannot be written: '):
            opened(data, str(cache))
    assert file.read_text() == "no folder"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_full_disk_is_an_error_that_leaves_nothing(jobs: str, cache: str, tmp_path: Path) -> None:
    """The kernel refuses to let a file grow, as it does where the disk is full."""
    make(tmp_path / "many", 66)
    script = tmp_path / "build.py"
    limited = BUILD.replace("    data =", "    resource.setrlimit(limit, (9999, 9999))\n    data =")
    script.write_text("import resource; limit = resource.RLIMIT_FSIZE\n" + limited)
    command = [sys.executable, "-B", str(script), str(tmp_path / "many"), cache, jobs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        f'onnxguard.base.errors.OnnxguardError: the cache "{cache}" cannot be written: '
        "File too large; make room, or name another folder in ONNXGUARD_CACHE"
    )
    assert os.listdir(cache) == []


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nowhere/me")
    for name in ("ONNXGUARD_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert str(cache_folder()) == "/nowhere/me/.cache/onnxguard"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert str(cache_folder()) == "/nowhere/me/.cache/onnxguard"
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert str(cache_folder()) == "/xdg/onnxguard"
    monkeypatch.setenv("ONNXGUARD_CACHE", "/mine")
    assert str(cache_folder()) == "/mine"


def test_a_build_with_another_pillow_is_not_used(
    data: FolderData, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(data, cache)
    monkeypatch.setattr("PIL.__version__", "1.0")
    opened(data, cache)
    assert len(os.listdir(cache)) == 2


def test_a_folder_that_is_only_called_like_a_build_stays(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for name in ("building-photos", "building-0123456789abcdef"):
        (cache / name).mkdir(parents=True)
        (cache / name / "mine.jpg").touch()
        os.utime(cache / name / "mine.jpg", (0, 0))
    data = GeneratedData(2, side=16)
    open_store(data, data_sha256(data)[1], [0, 1], 0, str(cache), 1)
    assert (cache / "building-photos" / "mine.jpg").exists()
    assert not (cache / "building-0123456789abcdef").exists()


def test_stores_that_nobody_used_for_long_go_when_another_one_is_built(
    data: FolderData, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def age(name: str, days: float) -> None:
        for file in Path(cache, name).iterdir():
            os.utime(file, (time.time() - days * 86400,) * 2)

    def stores() -> set[str]:
        return set(os.listdir(cache))

    opened(data, cache, 16)
    (first,) = stores()
    age(first, stores_module.DAYS + 1)
    opened(data, cache, 16)  # is used again
    opened(data, cache, 17)
    (second,) = stores() - {first}
    age(first, stores_module.DAYS - 1)
    age(second, stores_module.DAYS + 1)
    opened(data, cache, 18)
    assert first in stores()
    assert second not in stores()
    monkeypatch.setattr(stores_module, "BYTES", 1)
    opened(data, cache, 19)
    assert len(stores()) == 1
