"""A model that takes too long is not verified: OG005, exit 2, and nothing is kept of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support import protobuf as pb
from support.command import run
from support.lists import write_list
from support.protobuf import body, constant, graph, node

import onnxguard
from onnxguard.base import budget
from onnxguard.base.budget import limited

SHAPE = constant("s", value_ints={"ints": [1]})
MANY = pb.model(graph(SHAPE, *[node("Expand", f"t{n} s", f"t{n + 1}") for n in range(300)]))


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every look at the clock is an hour later than the one before."""
    looks: list[int] = []

    def clock() -> float:
        looks.append(1)
        return 3600.0 * len(looks)

    monkeypatch.setattr(time, "thread_time", clock)
    return looks


def policy(folder: Path, rules: str = "limits: {seconds: 7}\n") -> str:
    return str(write_list(folder, rules))


@pytest.mark.usefixtures("spent")
def test_model_that_takes_too_long_is_not_verified(tmp_path: Path) -> None:
    report = onnxguard.scan_bytes(MANY, "m.onnx", policy(tmp_path))
    (finding,) = report.findings
    assert (finding.code, report.verdict, report.facts) == ("OG005", onnxguard.Verdict.ERROR, None)
    assert "takes more than 7 s of CPU time" in finding.message
    assert "limits.seconds" in finding.hint


@pytest.mark.usefixtures("spent")
@pytest.mark.parametrize("arguments", [["scan"], ["scan", "--exit-zero"], ["allowlist", "derive"]])
def test_every_command_stops(arguments: list[str], tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(MANY)
    code, out, err = run(*arguments, str(path))
    assert code == 2
    assert "more than 10 s of CPU time" in out + err


def test_what_was_given_up_is_judged_again(tmp_path: Path, spent: list[int]) -> None:
    rules = policy(tmp_path, "operators: [{name: Expand}]\n")
    assert onnxguard.scan_bytes(MANY, "m.onnx", rules).verdict is onnxguard.Verdict.ERROR
    spent.clear()
    with pytest.MonkeyPatch.context() as real:
        real.setattr(time, "thread_time", lambda: 0.0)
        assert onnxguard.scan_bytes(MANY, "m.onnx", rules).verdict is onnxguard.Verdict.PASS


def test_outer_bound_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "thread_time", lambda: now[0])
    with limited(5):
        with limited(50):
            now[0] = 4.0
            budget.check()
            now[0] = 6.0
            with pytest.raises(onnxguard.ModelError, match="more than 5 s"):
                budget.check()
        with pytest.raises(onnxguard.ModelError):
            budget.check()
    budget.check()


def test_deep_lookups_end(tmp_path: Path) -> None:
    """Names of the outermost graph, read 10,000 times in one that lies 3,900 deep."""
    inner = body(*[node("Expand", f"t{n} s{n}", "z") for n in range(10_000)])
    for _ in range(3900):
        inner = body(node("If", "c", "y", attribute=pb.attribute("then_branch", g=inner)))
    shapes = [constant(f"s{n}", value_ints={"ints": [1]}) for n in range(10_000)]
    data = pb.model(graph(*shapes, node("If", "c", attribute=pb.attribute("b", g=inner))))
    started = time.process_time()
    report = onnxguard.scan_bytes(data, "m.onnx", policy(tmp_path, "limits: {seconds: 1}\n"))
    assert [finding.code for finding in report.findings] == ["OG005"]
    assert time.process_time() - started < 10
