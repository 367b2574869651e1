"""The time that a run may take reaches every session of ONNX Runtime that a check opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.parity_cases import Network, graph, weighted

from onnxguard.parity.check import check_parity
from onnxguard.parity.onnx_reference import OnnxReference
from onnxguard.parity.settings import Settings
from onnxguard.running.graph_file import parse_onnx
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
    (trial,) = check_parity(SHORT, reference=other, run_seconds=0.2).trials
    assert trial.reference_said == "not done within 0.2 s, and stopped"


def test_a_reference_runs_on_the_cpu_without_optimisations() -> None:
    reference = OnnxReference(parse_onnx(SHORT, "-"), Settings(provider="cuda"))
    options = reference._session._session.get_session_options()
    assert options.graph_optimization_level.name == "ORT_DISABLE_ALL"
    assert reference._session.providers == ("CPUExecutionProvider",)
