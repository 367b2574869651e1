"""A whole graph, optimised, against its nodes one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import deadly

from onnxguard.conformance import Outcome, whole
from onnxguard.conformance.whole import check_whole
from onnxguard.running.child import Worker


def graph(nodes: list[onnx.NodeProto], outputs: dict[str, int], **constants: Any) -> Any:
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (4, 8))]
    values = [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()]
    stored = [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()]
    made = helper.make_graph(nodes, "graph", inputs, values, stored)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


X = {"x": np.random.default_rng(3).standard_normal((4, 8)).astype(np.float32)}
WEIGHTS = np.random.default_rng(4).standard_normal((8, 8)).astype(np.float32)
FUSED = [
    helper.make_node("MatMul", ["x", "w"], ["a"]),
    helper.make_node("Add", ["a", "b"], ["c"]),
    helper.make_node("Relu", ["c"], ["y"]),
]


def checked(model: Any, feeds: dict[str, Any] = X) -> Any:
    with Worker() as worker:
        return check_whole(worker, model, feeds, 60)


def test_a_graph_that_is_fused_passes() -> None:
    result = checked(graph(FUSED, {"y": TensorProto.FLOAT}, w=WEIGHTS, b=WEIGHTS[0]))
    assert result.outcome is Outcome.PASSED
    assert result.difference is not None
    assert result.difference < 1e-4


def test_an_optimisation_that_changes_values_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    monkeypatch.setattr(whole, "run", deadly.run_off_by_a_thousandth)
    result = checked(graph(FUSED, {"y": TensorProto.FLOAT}, w=WEIGHTS, b=WEIGHTS[0]))
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith('output "y": ')
    assert result.noise < 1e-5 < result.difference


def test_what_rounding_decides_is_nobodys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers a bit apart, one more than the other, and their difference blown up."""
    nodes = [
        helper.make_node("Mul", ["x", "huge"], ["a"]),
        helper.make_node("Floor", ["a"], ["b"]),
        helper.make_node("Sub", ["a", "b"], ["y"]),
    ]
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    monkeypatch.setattr(whole, "run", deadly.run_off_by_a_thousandth)
    model = graph(nodes, {"y": TensorProto.FLOAT}, huge=np.float32(1e5))
    result = checked(model)
    assert result.outcome is Outcome.DISPUTED
    assert result.noise > 1e-3


def test_what_is_drawn_is_not_judged() -> None:
    result = checked(graph([helper.make_node("RandomNormalLike", ["x"], ["y"])], {"y": 1}))
    assert (result.outcome, result.reason) == (Outcome.UNJUDGED, "it draws at random")


def test_integers_must_be_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    monkeypatch.setattr(whole, "run", deadly.run_and_add_one)
    result = checked(graph([helper.make_node("Shape", ["x"], ["y"])], {"y": TensorProto.INT64}))
    assert result.outcome is Outcome.FAILED
