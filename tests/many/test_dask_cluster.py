"""A real Dask cluster of two worker processes: one is killed, one model kills them all."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import pytest
from support import deadly
from support import protobuf as pb
from support.command import run
from support.patience import HANG, until, with_a_limit
from support.protobuf import graph, node

from onnxguard import OnnxguardError, Verdict
from onnxguard.base.errors import UsageError
from onnxguard.many import dask_cluster
from onnxguard.many.batches import BATCH
from onnxguard.many.judge_all import judge_all

distributed = pytest.importorskip("distributed")

CLEAN = pb.model(graph(node("Relu")))
BAD = pb.model(graph(node("Einsum")))
SETTINGS = {
    "distributed.scheduler.allowed-failures": 1,  # a worker takes a second to start again
    "distributed.worker.multiprocessing-method": "spawn",
    # A cluster here gives up a worker that is not back in 15 seconds, as on a busy machine.
    "distributed.deploy.lost-worker-timeout": f"{HANG} s",
    "distributed.comm.timeouts.connect": f"{HANG} s",
    "distributed.comm.timeouts.tcp": f"{HANG} s",
}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "SECONDS_TO_CONNECT", HANG)
    monkeypatch.setattr(dask_cluster, "SECONDS_WITHOUT_WORKERS", HANG)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with (
        dask.config.set(SETTINGS),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as made,
    ):
        yield made


@pytest.fixture
def address(cluster: Any) -> str:
    until(lambda: sorted(answering(cluster).values()) == sorted(pids(cluster)))
    return str(cluster.scheduler_address)


def answering(cluster: Any) -> dict[str, int]:
    """The process of each worker by its address, as the workers themselves say: what a nanny knows
    is late where an earlier test killed its worker."""
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        return dict(client.run(os.getpid, on_error="ignore"))


def pids(cluster: Any) -> list[int]:
    return [nanny.pid for nanny in cluster.workers.values() if nanny.pid]


def write(folder: Path, count: int, special: dict[int, str]) -> list[str]:
    for at in range(count):
        (folder / f"{at:03}").write_text(special.get(at, "good"))
    return [str(folder / f"{at:03}") for at in range(count)]


def expected(count: int, gone: set[int]) -> list[str]:
    return [f"lost {at:03}" if at in gone else f"{at:03}" for at in range(count)]


# -- workers that die ------------------------------------------------------------------------------


def test_a_model_that_kills_every_worker_costs_itself(address: str, tmp_path: Path) -> None:
    paths = write(tmp_path, 40, {3: "memory", 21: "kill"})
    found = list(judge_all(paths, deadly.judge, deadly.lost, scheduler=address))
    assert found == expected(40, {3, 21})


def test_a_worker_that_is_killed_in_mid_run_costs_nothing(
    cluster: Any, address: str, tmp_path: Path
) -> None:
    for at in range(120):
        (tmp_path / f"{at:03}.onnx").write_bytes(BAD if at % 4 == 1 else CLEAN)
    paths = sorted(map(str, tmp_path.iterdir()))
    before = pids(cluster)
    reports = judge_all(paths, deadly.judge_slowly, deadly.report_lost, scheduler=address)
    found = [next(reports)]
    os.kill(before[0], signal.SIGKILL)
    found += reports
    assert [report.path for report in found] == paths
    assert [report.verdict for report in found] == [
        Verdict.FAIL if at % 4 == 1 else Verdict.PASS for at in range(120)
    ]
    assert not (Path(f"/proc/{before[0]}")).exists()


# -- workers that freeze ---------------------------------------------------------------------------


@contextmanager
def frozen(cluster: Any) -> Iterator[tuple[Callable[[], None], str]]:
    """What freezes one of the workers, and its address."""
    worker, pid = next(iter(answering(cluster).items()))
    try:
        yield lambda: os.kill(pid, signal.SIGSTOP), worker
    finally:
        os.kill(pid, signal.SIGCONT)


def test_what_a_frozen_worker_had_goes_to_another_one(
    cluster: Any, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "SECONDS_FOR_A_BATCH", 2)
    monkeypatch.setattr(dask_cluster, "SECONDS_BETWEEN_LOOKS", 0.1)
    paths = write(tmp_path, 400, dict.fromkeys(range(400), "slow"))
    told: list[str] = []
    with frozen(cluster) as (freeze, worker):
        found = judge_all(paths, deadly.judge, deadly.lost, scheduler=address, tell=told.append)
        first = next(found)
        freeze()
        assert [first, *found] == expected(400, set())
    assert f"worker {worker} has finished nothing for 2 s: what it has goes to others" in told


def test_a_worker_that_is_frozen_from_the_start_is_named(
    cluster: Any, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write(tmp_path, 40, {})

    def attempt(seconds: int) -> list[str]:
        monkeypatch.setattr(dask_cluster, "SECONDS_TO_CONNECT", seconds)
        told: list[str] = []
        found = judge_all(paths, deadly.judge, deadly.lost, scheduler=address, tell=told.append)
        assert list(found) == expected(40, set())
        return told

    with frozen(cluster) as (freeze, worker):
        freeze()
        seconds, told = with_a_limit(attempt, lambda told: len(told) == 1)
    assert told == [f"worker {worker} does not answer within {seconds} s: it gets nothing to do"]


def test_no_worker_that_answers(
    cluster: Any, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "SECONDS_TO_CONNECT", 2)
    try:
        for pid in pids(cluster):
            os.kill(pid, signal.SIGSTOP)
        assert "no worker answers within 2 s, such as tcp://" in refusal(address, "a", "b")
    finally:
        for pid in pids(cluster):
            os.kill(pid, signal.SIGCONT)


def test_a_model_that_takes_longer_than_any_other_is_waited_for(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All workers are given it, and the answer that comes is taken."""
    monkeypatch.setattr(dask_cluster, "SECONDS_FOR_A_BATCH", 0.2)
    monkeypatch.setattr(dask_cluster, "SECONDS_BETWEEN_LOOKS", 0.1)
    paths = write(tmp_path, 8, {0: "wait"})

    def tell(text: str) -> None:
        told.append(text)
        if "no other one" in text:
            (tmp_path / "go").touch()

    told: list[str] = []
    found = list(judge_all(paths, deadly.judge, deadly.lost, scheduler=address, tell=tell))
    assert found == expected(8, set())
    assert len({text.split()[1] for text in told}) == 2


def test_results_are_told_before_their_turn(address: str, tmp_path: Path) -> None:
    paths = write(tmp_path, 8, {0: "wait"})
    early: list[str] = []

    def arrived(path: str, result: str) -> None:
        assert Path(path).name == result
        early.append(result)
        if result == "007":
            (tmp_path / "go").touch()

    found = judge_all(paths, deadly.judge, deadly.lost, scheduler=address, arrived=arrived)
    assert list(found) == expected(8, set())
    assert sorted(early) == expected(8, set())
    assert early.index("007") < early.index("000")


# -- the command -----------------------------------------------------------------------------------


def test_scan_is_the_same_as_here(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths are relative to the folder of who asks, which is not that of the workers."""
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    for at in range(BATCH):
        Path(f"models/{at:02}.onnx").write_bytes([CLEAN, BAD, b"", CLEAN[:-1]][at % 4])
    arguments = ["scan", "--config", "none", "models", "--format", "json"]
    code, out, err = run(*arguments, "--scheduler", address, "--results", "r.jsonl")
    alone = run(*arguments)
    assert (code, err) == (alone[0], alone[2]) == (2, "")
    here, there = json.loads(alone[1]), json.loads(out)
    for model in (*here["models"], *there["models"]):
        del model["seconds"]
    assert there["models"] == here["models"]
    assert len(Path("r.jsonl").read_text().splitlines()) == BATCH + 1


def test_standard_input_is_read_here(address: str) -> None:
    code, out, _ = run("scan", "-q", "-", "--scheduler", address, stdin=BAD)
    assert (code, out.count("OG101")) == (1, 1)


def test_ctrl_c_leaves_nothing_on_the_cluster(cluster: Any, address: str, tmp_path: Path) -> None:
    paths = write(tmp_path, 400, dict.fromkeys(range(400), "slow"))
    program = (
        "import sys, time; from support import deadly\n"
        "from onnxguard.many.judge_all import judge_all\n"
        "found = judge_all(sys.argv[2:], deadly.judge, deadly.lost, scheduler=sys.argv[1])\n"
        "print(next(found), flush=True)\n"
        f"time.sleep({HANG})"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, address, *paths],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "000\n"
        assert cluster.scheduler.tasks
        process.send_signal(signal.SIGINT)
        assert process.communicate()[1].count("KeyboardInterrupt") == 1
    until(lambda: not cluster.scheduler.tasks)


def test_a_scheduler_that_is_killed_is_one_line(tmp_path: Path) -> None:
    """Answers are under way when the connection ends, of which Dask itself tells at length."""
    (tmp_path / "models").mkdir()
    for at in range(4000):
        (tmp_path / f"models/{at:04}.onnx").write_bytes(CLEAN)
    program = (
        "import sys, dask, distributed\n"
        f"if __name__ == '__main__':\n    dask.config.set({SETTINGS!r})\n"
        "    made = distributed.LocalCluster(n_workers=2, threads_per_worker=1,"
        " dashboard_address='127.0.0.1:0', silence_logs=50)\n"
        "    print(made.scheduler_address, flush=True)\n"
        "    sys.stdin.read()"
    )
    (tmp_path / "cluster.py").write_text(program)
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, tmp_path / "cluster.py"], **pipes) as made:
        assert made.stdout is not None
        address = made.stdout.readline().strip()
        results = tmp_path / "r.jsonl"
        with subprocess.Popen(
            [
                *(sys.executable, "-m", "onnxguard", "scan", "-q", "--config", "none", "models"),
                *("--scheduler", address, "--results", results.name),
            ],
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        ) as scan:
            until(lambda: results.exists() and len(results.read_bytes().splitlines()) > 100)
            made.kill()
            _, said = scan.communicate()
    assert (scan.returncode, said) == (2, f"onnxguard: error: the scheduler {address} went away\n")


# -- what is refused -------------------------------------------------------------------------------


def refusal(address: str, *tasks: str) -> str:
    with pytest.raises(UsageError) as caught:
        list(judge_all(tasks, deadly.judge, deadly.lost, scheduler=address))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_worker_of_another_version(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    version = dask_cluster.__version__
    monkeypatch.setattr(dask_cluster, "__version__", "9.9")
    said = refusal(address, "a", "b")
    assert f"holds onnxguard {version}, this machine 9.9: install the same version" in said


def test_a_worker_that_joined_later() -> None:
    with pytest.raises(OnnxguardError, match=r"holds onnxguard .*, this machine 9\.9: install"):
        dask_cluster._judge_in_worker("9.9", b"", ".", [])


def test_a_worker_that_does_not_see_the_models(address: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("good")
    descriptor = os.open(tmp_path / "a", os.O_RDONLY)
    try:
        os.dup2(descriptor, 987)
        said = refusal(address, "/proc/self/fd/987", "b")
    finally:
        os.close(descriptor)
        os.close(987)
    assert 'does not see "/proc/self/fd/987": the models must lie at the same paths' in said


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "127.0.0.1:1", "nowhere", "", "ftp://x:1", "tcp://\x1b:1"]
)
def test_nobody_there(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "SECONDS_TO_CONNECT", 0.2)
    said = refusal(address, "a", "b")
    assert "no Dask scheduler answers there within" in said
    assert "\x1b" not in said
    # One that is collected while another is made waits forever.
    assert not [
        each for each in gc.get_objects() if type(each) is distributed.Client and is_open(each)
    ]


def is_open(client: Any) -> bool:
    return bool(client.status not in ("closed", "newly-created"))


def test_nobody_there_is_one_line_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "SECONDS_TO_CONNECT", 0.2)
    (tmp_path / "a.onnx").write_bytes(CLEAN)
    code, out, err = run("scan", str(tmp_path), "--scheduler", "tcp://127.0.0.1:1")
    assert (code, out) == (2, "")
    assert err.startswith("onnxguard: error: --scheduler tcp://127.0.0.1:1: no Dask scheduler")


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install '.[fleet]' -c constraints.txt" in refusal("tcp://127.0.0.1:1", "a", "b")


@pytest.fixture
def small() -> Iterator[Any]:
    """A cluster of its own, with one worker."""
    with (
        dask.config.set(SETTINGS),
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as made,
    ):
        yield made


def test_a_cluster_without_workers(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def connected(*given: Any) -> Any:
        client = connect(*given)
        # From here on it is for workers.
        monkeypatch.setattr(dask_cluster, "SECONDS_TO_CONNECT", 0.2)
        return client

    connect = dask_cluster.Fleet._connected
    monkeypatch.setattr(dask_cluster.Fleet, "_connected", connected)
    small.scale(0)
    until(lambda: not small.scheduler.workers)
    assert "it has no workers; start some with dask worker" in refusal(
        small.scheduler_address, "a", "b"
    )


@pytest.mark.parametrize("what", ["scheduler", "workers"])
def test_a_cluster_that_goes_away(
    what: str, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "SECONDS_WITHOUT_WORKERS", 0.2)
    monkeypatch.setattr(dask_cluster, "SECONDS_BETWEEN_LOOKS", 0.1)
    paths = write(tmp_path, 400, dict.fromkeys(range(400), "slow"))
    found = judge_all(paths, deadly.judge, deadly.lost, scheduler=small.scheduler_address)
    assert next(found) == "000"
    if what == "scheduler":
        small.close()
    else:
        small.scale(0)
    with pytest.raises(OnnxguardError, match=r"went away|has had no worker for|does not answer"):
        list(found)
