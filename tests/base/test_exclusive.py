"""One run at a time: who holds a file is told, and whoever is dead holds none."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from onnxguard.base import exclusive as module
from onnxguard.base.errors import UsageError
from onnxguard.base.exclusive import exclusive

HOLD = """
import sys, time
from onnxguard.base.exclusive import exclusive
with exclusive(sys.argv[1], "it"):
    print("held", flush=True)
    time.sleep(600)
"""
ROUNDS = """
import os, sys
from onnxguard.base.exclusive import exclusive
for _ in range(200):
    with exclusive("lock", "it"):
        os.close(os.open("inside", os.O_CREAT | os.O_EXCL))
        os.unlink("inside")
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "lock_file", lambda stream: LOCK_FILE(stream, 0.1))


LOCK_FILE = module.lock_file


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that holds a file until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = holder(path)
    try:
        with (
            pytest.raises(UsageError, match=rf"^it is used by process {process.pid} on .+: wait "),
            exclusive(str(path), "it"),
        ):
            pass
        assert path.exists()
    finally:
        killed(process)


def test_what_a_killed_process_left_is_taken_over_and_goes(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    killed(holder(path))
    assert path.exists()
    with exclusive(str(path), "it"):
        assert path.read_text().startswith(f"process {os.getpid()} on ")
    assert not path.exists()


def test_it_is_free_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(KeyboardInterrupt), exclusive(str(path), "it"):
        raise KeyboardInterrupt
    with exclusive(str(path), "it"):
        pass


def test_never_two_at_once_where_each_removes_the_file(tmp_path: Path) -> None:
    """A file that was removed while another waited for it is no lock any more."""
    script = [sys.executable, "-c", ROUNDS]
    processes = [
        subprocess.Popen(script, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    ends = [process.communicate() for process in processes]
    assert [
        (process.returncode, err) for process, (_, err) in zip(processes, ends, strict=True)
    ] == [(0, "")] * 3


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the file itself is the lock, and what was left is named."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = tmp_path / "lock"
    with (
        exclusive(str(path), "it"),
        pytest.raises(UsageError, match=r'; if it is over, remove ".*lock"$'),
        exclusive(str(path), "it"),
    ):
        pass
    with exclusive(str(path), "it"):
        pass


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("kept")
    (tmp_path / "lock").symlink_to(target)
    with (
        pytest.raises(UsageError, match=r'^cannot write ".*lock": '),
        exclusive(str(tmp_path / "lock"), "it"),
    ):
        pass
    assert target.read_text() == "kept"


def test_what_another_wrote_there_is_shown_harmless(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with open(path, "wb") as stream:
        stream.write(b"\x1b[31m\xff\n" * 100)
        stream.flush()
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(UsageError) as refused, exclusive(str(path), "it"):
            pass
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match=r"^cannot write .*: No such file or directory$"),
        exclusive(str(tmp_path / "no" / "lock"), "it"),
    ):
        pass
