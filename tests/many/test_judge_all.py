"""Each task is judged once and in order, whatever happens to the processes that do it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import deadly
from support import protobuf as pb
from support.patience import HANG, until
from support.protobuf import graph, node

from onnxguard import OnnxguardError, Verdict
from onnxguard.many import judge_all as judging
from onnxguard.many.batches import BATCH
from onnxguard.many.judge_all import died_report, judge_all

RELU = pb.model(graph(node("Relu")))


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    before = set(multiprocessing.active_children())
    yield
    assert set(multiprocessing.active_children()) == before


def write(folder: Path, count: int, special: dict[int, str]) -> list[str]:
    """Files that the judge of ``deadly`` reads."""
    paths = [folder / f"{at:03}" for at in range(count)]
    for at, path in enumerate(paths):
        path.write_text(special.get(at, "good"))
    return list(map(str, paths))


def expected(paths: list[str], gone: set[int]) -> list[str]:
    names = [os.path.basename(path) for path in paths]
    return [f"lost {name}" if at in gone else name for at, name in enumerate(names)]


DEADLY = [
    {},
    {0: "kill"},
    {99: "exit"},
    {40: "crash", 41: "kill"},
    {0: "exit", 33: "exit", 70: "exit", 98: "exit", 99: "exit"},
    dict.fromkeys((0, 50, 99), "memory"),
    {5: "memory", 50: "exit"},
]


@pytest.mark.parametrize("jobs", [2, 3])
@pytest.mark.parametrize("special", DEADLY, ids=str)
def test_a_task_that_kills_its_process_costs_itself(
    special: dict[int, str], jobs: int, tmp_path: Path
) -> None:
    paths = write(tmp_path, 100, special)
    found = list(judge_all(paths, deadly.judge, deadly.lost, jobs))
    assert found == expected(paths, special.keys() | set())


@pytest.mark.parametrize("jobs", [2, 100])
def test_when_all_are_deadly_all_are_lost(jobs: int, tmp_path: Path) -> None:
    paths = write(tmp_path, 6, dict.fromkeys(range(6), "exit"))
    assert list(judge_all(paths, deadly.judge, deadly.lost, jobs)) == expected(paths, set(range(6)))


def test_a_process_that_is_killed_from_outside_costs_nothing(tmp_path: Path) -> None:
    # The second one is handed out once the first is found: it is not tried alone at first.
    paths = write(tmp_path, 80, dict.fromkeys((3, 75), "once killed"))
    assert list(judge_all(paths, deadly.judge, deadly.lost, 2)) == expected(paths, set())


def test_out_of_memory_in_this_process_costs_the_task(tmp_path: Path) -> None:
    paths = write(tmp_path, 3, {1: "memory"})
    assert list(judge_all(paths, deadly.judge, deadly.lost)) == expected(paths, {1})


def here(task: Any) -> tuple[Any, int]:
    return task, os.getpid()


@pytest.mark.parametrize(
    ("tasks", "jobs", "is_here"),
    [
        (["a", "b"], 1, True),
        (["a"], 2, True),
        (["a", "-"], 2, True),
        ([("a", 1), ("-", 2)], 2, True),
        (["a", "b"], 2, False),
        ([("a", 1), ("b", 2)], 2, False),
    ],
)
def test_where_tasks_run(tasks: list[Any], jobs: int, is_here: bool) -> None:
    found = list(judge_all(tasks, here, here, jobs))
    assert [task for task, _ in found] == tasks
    assert {process == os.getpid() for _, process in found} == {is_here}


def test_nothing_to_do() -> None:
    assert list(judge_all([], here, here, 2)) == []


class Judge:
    """Tells which object it is."""

    def __call__(self, _: str) -> int:
        return id(self)


def test_the_judge_is_one_object_for_all_batches_of_a_worker() -> None:
    assert len(set(judge_all(["x"] * (8 * BATCH), Judge(), lambda _: 0, 2))) == 1


def test_results_come_while_others_are_under_way(tmp_path: Path) -> None:
    paths = write(tmp_path, 20 * BATCH, {20 * BATCH - 1: "hang"})
    reports = judge_all(paths, deadly.judge, deadly.lost, 2)
    assert next(reports) == "000"
    reports.close()  # does not wait for the one that hangs


IN_PART = """
import sys; from support import deadly
from pathlib import Path
from support.patience import until
from onnxguard.many.judge_all import judge_all
found = judge_all(sys.argv[1:], deadly.judge, deadly.lost, 2)
print(next(found))
Path(sys.argv[1]).with_name("go").touch()
until(lambda: Path(sys.argv[11]).read_text() == "answered in part")
found.close()
"""


def test_what_is_under_way_may_be_in_the_midst_of_an_answer(tmp_path: Path) -> None:
    """Its other half never comes once it is killed, and is not waited for."""
    paths = write(tmp_path, 20, {0: "slow", 10: "half"})
    command = [sys.executable, "-c", IN_PART, *paths]
    path = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        command, env=path, capture_output=True, text=True, timeout=HANG, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "000\n", "")


def test_results_are_told_before_their_turn(tmp_path: Path) -> None:
    paths = write(tmp_path, 8, {0: "wait"})
    early: list[str] = []

    def arrived(_: str, result: str) -> None:
        early.append(result)
        if result == "007":
            (tmp_path / "go").touch()

    assert list(judge_all(paths, deadly.judge, deadly.lost, 2, arrived=arrived)) == sorted(early)
    assert early.index("007") < early.index("000")


@pytest.mark.parametrize("jobs", [1, 2])
def test_error_of_the_judge_is_that_of_the_run(jobs: int, tmp_path: Path) -> None:
    paths = write(tmp_path, 70, dict.fromkeys(range(40, 70), "stop"))
    with pytest.raises(OnnxguardError, match=r"/040: stopped$"):
        list(judge_all(paths, deadly.judge, deadly.lost, jobs))


def dying_start(_: Any) -> None:
    os._exit(1)


def test_processes_that_cannot_start_are_no_fault_of_the_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "_start", dying_start)
    paths = write(tmp_path, 4, {})
    with pytest.raises(OnnxguardError, match="worker processes die before they have a model"):
        list(judge_all(paths, deadly.judge, deadly.lost, 2))


# -- the command -----------------------------------------------------------------------------------


def test_what_is_said_of_a_model_whose_process_died() -> None:
    report = died_report("a\x1b.onnx", "base")
    assert (report.path, report.allowlist, report.verdict) == ("a\\x1b.onnx", "base", Verdict.ERROR)
    (finding,) = report.findings
    assert finding.code == "OG006"


DEADLY_SCAN = """
import sys; from support import deadly
from importlib import import_module
from onnxguard.cli import main
command = import_module("onnxguard.cli.scan")
scan_model = command.scan_model
def scan_or_die(path, *more):
    return deadly.kill() if path.endswith("07.onnx") else scan_model(path, *more)
command.scan_model = scan_or_die
sys.exit(main(["scan", "--config", "none", "--jobs", "2", sys.argv[1]]))
"""


def test_scan_reports_it_and_all_the_others(tmp_path: Path) -> None:
    for at in range(12):
        (tmp_path / f"{at:02}.onnx").write_bytes(RELU)
    done = subprocess.run(
        [sys.executable, "-c", DEADLY_SCAN, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    out = done.stdout
    assert (done.returncode, done.stderr) == (2, "")
    assert out.count("OG006") == 1
    assert "07.onnx: 1 error," in out
    assert "\n\n  OG006 error: the process that read the model was killed" in out
    assert "11 of 12 models passed, 1 not verified" in out


SLOW = """
import sys; from support import deadly
from onnxguard.many.judge_all import judge_all
paths = sys.argv[1:]
print("begun", flush=True)
for found in judge_all(paths, deadly.judge, deadly.lost, 2):
    print(found, flush=True)
"""


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    paths = write(tmp_path, 8, {0: "good", 5: "hang", 6: "hang"})
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *paths],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = [process.stdout.readline() for _ in range(3)]
        assert said == ["begun\n", "000\n", "001\n"]
        ours = children(process.pid)
        assert len(ours) == 2
        if number == signal.SIGKILL:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.stderr.read().count("KeyboardInterrupt") == (number == signal.SIGINT)
    until(lambda: not any(map(runs, ours)))


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
