"""``onnxguard cache``: what is ours is shown and removed, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from support.command import run

STORE, BUILD = "0123456789abcdef" * 2, "building-0123456789abcdef"
OURS = ("check-2.sqlite", "check-2.sqlite-journal", STORE)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ONNXGUARD_CACHE", str(folder))
    return folder


def fill(folder: Path) -> None:
    for name in (STORE, BUILD, "f" * 32, "photos"):
        (folder / name).mkdir(parents=True)
        (folder / name / "pixels.bin").write_bytes(bytes(3000))
    (folder / STORE / "index.json").write_text("{}")
    for name in (*OURS[:2], "check-2.sqlite.bak", "notes.txt"):
        (folder / name).write_bytes(bytes(500))
    (folder / "check-9.sqlite").symlink_to("notes.txt")
    (folder / ("a" * 32)).symlink_to(STORE)


def age(path: Path, days: float) -> None:
    for file in path.rglob("*") if path.is_dir() else [path]:
        os.utime(file, (time.time() - days * 86400,) * 2)


def test_a_folder_that_is_not_there_holds_nothing(cache: Path) -> None:
    assert run("cache", "show") == (0, f"0 entries, 0 B, in {cache}\n", "")
    assert run("cache", "clean") == (0, "0 entries, 0 B, removed\n", "")
    assert not cache.exists()


def test_what_is_ours_is_shown_oldest_first(cache: Path) -> None:
    fill(cache)
    age(cache / STORE, 3.5)
    age(cache / "check-2.sqlite", 1.2)
    age(cache / BUILD, 0.5)
    code, out, err = run("cache", "show")
    assert (code, err) == (0, "")
    assert [line.split(maxsplit=2) for line in out.splitlines()] == [
        ["2.9", "KiB", f"3 days ago   decoded images       {STORE}"],
        ["500", "B", "1 day ago    verdicts of check    check-2.sqlite"],
        ["2.9", "KiB", f"today        an unfinished build  {BUILD}"],
        ["500", "B", "today        verdicts of check    check-2.sqlite-journal"],
        ["4", "entries,", f"6.8 KiB, in {cache}"],
    ]
    assert all(len(line) <= 80 for line in out.splitlines()[:-1])


def test_only_what_is_ours_and_not_being_made_is_removed(cache: Path) -> None:
    fill(cache)
    before = set(os.listdir(cache))
    assert run("cache", "clean") == (0, "3 entries, 3.9 KiB, removed\n", "")
    assert set(os.listdir(cache)) == before - set(OURS)
    age(cache / BUILD, 2)
    assert run("cache", "clean") == (0, "1 entry, 2.9 KiB, removed\n", "")
    assert (cache / "notes.txt").read_bytes() == bytes(500)


def test_what_was_used_lately_stays_where_that_is_asked(cache: Path) -> None:
    fill(cache)
    age(cache / STORE, 31)
    assert run("cache", "clean", "--older-than", "30") == (0, "1 entry, 2.9 KiB, removed\n", "")
    assert (cache / "check-2.sqlite").exists()


@pytest.mark.parametrize("command", ["show", "clean"])
def test_a_cache_that_is_a_file_is_an_error(command: str, cache: Path) -> None:
    cache.write_bytes(b"")
    code, out, _ = run("cache", command)
    assert (code, out.startswith("0 entries")) == (0, True)
    assert cache.exists()
