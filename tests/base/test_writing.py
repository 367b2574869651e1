"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from onnxguard.base.errors import UsageError
from onnxguard.base.writing import write_whole


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
