"""A crash or a hang in the child costs one call."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from support import deadly
from support.patience import HANG

from onnxguard.running.child import DiedError, RaisedError, TimedOutError, Worker
from onnxguard.running.errors import MESSAGE, one_line


@pytest.fixture(autouse=True)
def _child_finds_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))


def test_one_child_answers_many_calls() -> None:
    with Worker() as worker:
        pids = {worker.call(os.getpid, seconds=HANG) for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_a_killed_child_costs_one_call() -> None:
    with Worker() as worker:
        before = worker.call(os.getpid, seconds=HANG)
        with pytest.raises(DiedError, match="killed by SIGKILL"):
            worker.call(deadly.kill, seconds=HANG)
        assert worker.call(os.getpid, seconds=HANG) != before


def test_an_abort_and_an_exit_are_told_apart() -> None:
    with Worker() as worker:
        with pytest.raises(DiedError, match="killed by SIGABRT"):
            worker.call(os.abort, seconds=HANG)
        with pytest.raises(DiedError, match="ended with 7"):
            worker.call(os._exit, 7, seconds=HANG)


def test_a_hanging_child_is_replaced() -> None:
    with Worker() as worker:
        before = worker.call(os.getpid, seconds=HANG)
        with pytest.raises(TimedOutError, match=r"no answer within 0\.2 s"):
            worker.call(time.sleep, HANG, seconds=0.2)
        assert worker.call(os.getpid, seconds=HANG) != before


def test_what_it_raises_is_passed_on_and_the_child_lives() -> None:
    with Worker() as worker:
        before = worker.call(os.getpid, seconds=HANG)
        with pytest.raises(RaisedError, match="invalid literal") as caught:
            worker.call(int, "one\n", seconds=HANG)
        assert caught.value.kind == "ValueError"
        assert worker.call(os.getpid, seconds=HANG) == before


def test_what_a_library_prints_is_no_answer() -> None:
    with Worker() as worker:
        assert worker.call(deadly.chatter, "noise", seconds=HANG) == "noise"
        assert worker.call(abs, -1, seconds=HANG) == 1


def test_a_function_that_the_child_lacks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH")
    with Worker() as worker, pytest.raises(DiedError, match="No module named 'support'"):
        worker.call(deadly.kill, seconds=HANG)


def test_what_lies_in_the_folder_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH")
    with Worker() as worker:
        assert str(tmp_path) not in worker.call(eval, "__import__('sys').path", seconds=HANG)
        assert "" not in worker.call(eval, "__import__('sys').path", seconds=HANG)


def test_the_child_is_gone_afterwards() -> None:
    with Worker() as worker:
        pid = worker.call(os.getpid, seconds=HANG)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_long_message_keeps_its_end() -> None:
    said = one_line("a\nb " * 500 + "the reason")
    assert said.endswith("the reason")
    assert len(said) == MESSAGE + 3
    assert one_line("\x1b[31m") == "\\x1b[31m"


def test_a_message_is_the_same_from_either_side_of_the_pipe() -> None:
    said = "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : no kernel"
    assert str(RaisedError("NotImplemented", said)) == one_line(RuntimeError(said)) == "no kernel"


def test_the_interpreter_is_this_one() -> None:
    with Worker() as worker:
        assert worker.call(eval, "__import__('sys').executable", seconds=HANG) == sys.executable
