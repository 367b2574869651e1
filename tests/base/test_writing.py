"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from onnxguard.base.errors import UsageError
from onnxguard.base.writing import make_folders, write_whole


@pytest.mark.parametrize(
    ("content", "held"), [("grün\n", "grün\n".encode()), (b"\0\r\n", b"\0\r\n")]
)
def test_text_is_utf_8_and_bytes_are_bytes(
    content: str | bytes, held: bytes, tmp_path: Path
) -> None:
    target = tmp_path / "file"
    target.write_text("before")
    write_whole(str(target), content)
    assert target.read_bytes() == held
    assert list(tmp_path.iterdir()) == [target]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=r'^cannot write ".*folder": Is a directory$'):
        write_whole(str(tmp_path / "folder"), "text")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    class Interrupting(str):
        __slots__ = ()

        def encode(self, *_: object) -> bytes:  # type: ignore[override]
            raise KeyboardInterrupt

    target = tmp_path / "file"
    target.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write_whole(str(target), Interrupting("after"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert target.read_text() == "before"


def failing(code: int) -> Callable[[int], None]:
    def fsync(descriptor: int) -> None:
        del descriptor
        raise OSError(code, os.strerror(code))

    return fsync


def test_a_disk_that_fails_late_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system may find out that it is full when it is asked to write at once."""
    target = tmp_path / "file"
    target.write_text("before")
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))
    with pytest.raises(UsageError, match=r'^cannot write ".*file": No space left on device$'):
        write_whole(str(target), "after")
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_a_file_system_that_cannot_be_asked_is_none(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(code))
    make_folders(str(tmp_path / "a" / "b"))
    write_whole(str(tmp_path / "a" / "b" / "file"), "text")
    assert (tmp_path / "a" / "b" / "file").read_text() == "text"


def test_folders_are_made_as_the_system_makes_them(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    make_folders(str(tmp_path))
    with pytest.raises(NotADirectoryError):
        make_folders(str(tmp_path / "file" / "below" / "it"))
    with pytest.raises(FileExistsError):
        make_folders(str(tmp_path / "file"))
