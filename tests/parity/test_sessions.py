"""The time that a run may take holds for the module and every session that a check opens."""

from __future__ import annotations

import gc
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.parity_cases import LINEAR, Network, graph, weighted

from onnxguard.cli import main
from onnxguard.parity.check import check_parity
from onnxguard.parity.onnx_reference import OnnxReference
from onnxguard.parity.settings import Settings
from onnxguard.running.errors import ParityError, RefusedError
from onnxguard.running.graph_file import OnnxModel, parse_onnx
from onnxguard.running.session import Session

LAYERS = graph(
    "(float[n, 4] x) => (float[n, 5] y) { a = MatMul(x, w) b = Tanh(a) c = Greater(b, zero)"
    " y = Where(c, b, a) }",
    zero=np.float32(0),
)
OTHERWISE = graph(
    "(float[n, 4] x) => (float[n, 5] y) { a = MatMul(x, w) b = Tanh(a) c = Greater(b, zero)"
    " z = Where(c, b, a) y = Identity(z) }",
    zero=np.float32(0),
)
SHORT = graph("(float[n, 4] x) => (float[n, 4] y) { y = Identity(x) }")
LONG = graph(
    "(float[n, 4] x) => (float[n, 4] y) { y = Loop<body = b (int64 i, bool c, float[n, 4] v) =>"
    " (bool d, float[n, 4] u) { d = Identity(c) u = Identity(v) }>(most, true, x) }",
    most=np.int64(1 << 20),
    true=np.array(True),
)


def layers(x: Any) -> Any:
    a = weighted(x)
    b = a.tanh()
    return b.where(b > 0, a)


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long a run of each session that is opened may take."""
    found: list[float] = []
    real = Session.__init__

    def opened(self: Session, *arguments: Any, **more: Any) -> None:
        real(self, *arguments, **more)
        found.append(self._seconds)

    monkeypatch.setattr(Session, "__init__", opened)
    return found


@pytest.mark.parametrize("reference", ["module", "graph"])
def test_every_session_knows_how_long_a_run_may_take(
    reference: str, seconds: list[float], tmp_path: Path
) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(OTHERWISE)
    against = (None, other) if reference == "graph" else (Network(layers), None)
    report = check_parity(
        LAYERS, against[0], reference=against[1], run_seconds=77.5, mutants=8, kill_rate=0
    )
    assert report.nodes.ran
    assert report.proof is not None
    assert len(seconds) > 12  # the graph, its nodes one by one, and each that was damaged
    assert set(seconds) == {77.5}


def test_a_reference_that_takes_too_long_is_stopped_once(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(LONG)
    with pytest.raises(ParityError, match=SAYS) as caught:
        check_parity(SHORT, reference=other, run_seconds=0.2)
    assert caught.value.code == "OP006"


SAYS = r"the reference was not done within 0.2 s on x 1x4 \(noise\): allow more with `run_seconds`"


def test_a_module_that_takes_too_long_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def sleeps(x: torch.Tensor) -> torch.Tensor:
        time.sleep(3)
        return x

    with pytest.raises(ParityError, match=SAYS):
        check_parity(SHORT, Network(sleeps), run_seconds=0.2)
    (tmp_path / "sleeping_net.py").write_text(
        "import time, torch\nclass Net(torch.nn.Module):\n"
        "    def forward(self, x): time.sleep(3); return x\n"
    )
    (tmp_path / "m.onnx").write_bytes(SHORT)
    monkeypatch.chdir(tmp_path)
    command = ["parity", "m.onnx", "--torch", "sleeping_net:Net", "--run-seconds", "0.2"]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "within 0.2 s on x 1x4 (noise): allow more with --run-seconds" in error
    assert main([*command, "--format", "json"]) == 2
    assert '"OP006"' in capsys.readouterr().out


def test_a_graph_that_takes_too_long_is_no_difference() -> None:
    with pytest.raises(ParityError, match=r"the graph was not done within 0\.2 s") as caught:
        check_parity(LONG, Network(lambda x: x), run_seconds=0.2)
    assert caught.value.code == "OP006"


def test_what_a_module_raises_is_no_time_limit() -> None:
    def raises(_: torch.Tensor) -> torch.Tensor:
        raise TimeoutError("a server did not answer")

    report = check_parity(SHORT, Network(raises))
    assert "a server did not answer" in report.trials[0].reference_said


def test_a_reference_runs_on_the_cpu_without_optimisations() -> None:
    reference = OnnxReference(parse_onnx(SHORT, "-"), Settings(provider="cuda"))
    options = reference._session._session.get_session_options()
    assert options.graph_optimization_level.name == "ORT_DISABLE_ALL"
    assert reference._session.providers == ("CPUExecutionProvider",)


def test_a_session_that_is_closed_is_gone_although_a_run_failed() -> None:
    session = Session(LINEAR, Settings())
    held = weakref.ref(session._session)
    gc.disable()  # by chance it would be gone already
    try:
        with pytest.raises(RefusedError):
            session.run({"x": np.zeros((1, 3), np.float32)})
        session.close()
    finally:
        gc.enable()
    assert held() is None


def test_conditions_are_watched_without_a_second_copy_of_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = np.random.default_rng(0).standard_normal((600, 600)).astype(np.float32) / 25
    text = (
        "(float[n, 600] x) => (float[n, 600] y) { a = MatMul(x, table) b = Tanh(a)"
        " c = Greater(b, zero) y = Where(c, b, a) }"
    )

    def forward(x: torch.Tensor) -> torch.Tensor:
        a = weighted(x, table)
        return a.tanh().where(a > 0, a)

    (tmp_path / "m.onnx").write_bytes(graph(text, table=table, zero=np.float32(0)))
    path, init = str(tmp_path / "m.onnx"), Session.__init__
    opened: list[tuple[int, list[str], int]] = []

    def watched(self: Session, data: bytes, *arguments: Any, **more: Any) -> None:
        if more.get("beside"):
            models = [o for o in gc.get_objects() if type(o) is OnnxModel and o.path == path]
            opened.append((len(data), list(more["beside"]), sum(not o.bare for o in models)))
        init(self, data, *arguments, **more)

    monkeypatch.setattr(Session, "__init__", watched)
    assert check_parity(path, Network(forward)).verdict == "pass"
    ((size, names, whole),) = opened
    assert size < 4096
    assert names == ["table"]
    assert whole == 0
