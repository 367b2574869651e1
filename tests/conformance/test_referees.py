"""Who is blamed, and the tables of who is known to be wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnxguard.conformance import Outcome
from onnxguard.conformance.comparison import compare, vacuity
from onnxguard.conformance.evaluators import run, run_formula, run_reference
from onnxguard.conformance.known import DEVIATIONS, EVALUATOR_FAULTS
from onnxguard.conformance.own.building import OwnCase, own_cases
from onnxguard.conformance.record import Evidence, weigh
from onnxguard.conformance.referees import (
    EVALUATOR,
    FORMULA,
    Answer,
    Fault,
    fault_of,
    judge,
    tolerance,
    use_of,
)


def f4(*values: float) -> Any:
    return np.array(values, np.float32)


RIGHT, WRONG, OTHER = [f4(1, 2)], [f4(1, 3)], [f4(1, 4)]


@pytest.mark.parametrize(
    ("evaluator", "formula", "outcome"),
    [
        (RIGHT, RIGHT, Outcome.PASSED),
        (RIGHT, None, Outcome.PASSED),
        (None, RIGHT, Outcome.PASSED),
        (WRONG, WRONG, Outcome.FAILED),
        (WRONG, RIGHT, Outcome.DISPUTED),
        (RIGHT, WRONG, Outcome.DISPUTED),
        (WRONG, OTHER, Outcome.DISPUTED),
        (WRONG, None, Outcome.DISPUTED),
        (None, WRONG, Outcome.DISPUTED),
        (None, None, Outcome.UNJUDGED),
    ],
)
def test_only_two_who_agree_can_blame(evaluator: Any, formula: Any, outcome: Outcome) -> None:
    answers = [Answer(EVALUATOR, evaluator, "silent"), Answer(FORMULA, formula, "silent")]
    judged = judge(RIGHT, answers)
    assert judged.outcome is outcome
    assert bool(judged.reason) is (outcome is not Outcome.PASSED)


def test_a_dispute_shows_what_both_say() -> None:
    judged = judge([f4(1)], [Answer(EVALUATOR, [f4(2)]), Answer(FORMULA, [f4(3)])])
    assert "onnx.reference: output 0: 1.0 instead of 2.0" in judged.reason
    assert "the formula: output 0: 1.0 instead of 3.0" in judged.reason
    alone = judge([f4(1)], [Answer(EVALUATOR, None, "too large"), Answer(FORMULA, [f4(3)])])
    assert alone.reason.endswith("onnx.reference: too large")


def test_where_several_answers_are_right_each_element_may_be_any_of_them() -> None:
    answer = Answer(FORMULA, [f4(1, 2, 3)], "", ([f4(1, 5, 3)], [f4(1, 2, 7)]))
    assert judge([f4(1, 5, 7)], [answer]).outcome is Outcome.PASSED
    assert judge([f4(1, 7, 7)], [answer]).outcome is Outcome.DISPUTED
    assert judge([f4(1, 5)], [answer]).outcome is Outcome.DISPUTED


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ([np.zeros((0, 3))], "its outputs are empty"),
        ([f4(0, 0)], "its outputs are zero everywhere"),
        ([np.array([False, False])], "its outputs are zero everywhere"),
        ([f4(2, 2)], "its outputs are the same everywhere"),
        ([f4(float("nan"), float("nan"))], "its outputs are the same everywhere"),
        ([f4(2)], ""),
        ([f4(1, 2)], ""),
        ([f4(0, 0), f4(1, 2)], ""),
        ([np.array(["a", "a"], object)], ""),
        ([[f4(0)]], ""),
        ([], ""),
    ],
)
def test_vacuity(outputs: list[Any], reason: str) -> None:
    assert vacuity(outputs) == reason


def test_a_tolerance_is_of_the_largest_finite_element() -> None:
    assert tolerance(f4(1, 200, np.inf))[1] == pytest.approx(2e-3)
    assert tolerance(np.array([3 + 4j], np.complex64))[1] == 0.0
    assert tolerance(np.array([7]))[1] == 0.0


# -- what is known --------------------------------------------------------------------------------


def everything(dtype: str) -> bool:
    return dtype != "string"


def uses(fault: Fault, opsets: tuple[int, ...]) -> list[tuple[OwnCase, Any]]:
    """The generated cases that an entry of a table is about, at the first opset that has any."""
    for opset in opsets:
        schema = onnx.defs.get_schema(fault.op_type, opset, "")
        found = []
        for case in own_cases(fault.op_type, opset, everything):
            use = use_of(fault.op_type, int(schema.since_version), case.model, case.feeds)
            if fault_of([fault], use):
                found.append((case, use))
        if found:
            return found
    return []


def model_of(node: onnx.NodeProto, feeds: dict[str, Any], opset: int) -> bytes:
    inputs = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for n, v in feeds.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output]
    model = helper.make_model(
        helper.make_graph([node], "g", inputs, outputs),
        opset_imports=[helper.make_opsetid("", opset)], ir_version=8,
    )  # fmt: skip
    return bytes(model.SerializeToString())


def by_hand(fault: Fault) -> tuple[bytes, dict[str, Any]] | None:
    """A case where no recipe writes one."""
    x = {"x": np.arange(6, dtype=np.float32).reshape(2, 3) + 1}
    if fault.op_type in {"Hardmax", "LogSoftmax"}:
        feeds = {"x": np.random.default_rng(0).random((2, 3, 4)).astype(np.float32)}
        return model_of(helper.make_node(fault.op_type, ["x"], ["y"], axis=1), feeds, 11), feeds
    if fault.op_type == "Dropout":
        return model_of(helper.make_node("Dropout", ["x"], ["y", "m"]), x, 9), x
    if fault.op_type == "If":
        return None  # an optional: ONNX Runtime's binding alone reads it, see the official case
    return None


@pytest.mark.parametrize(
    "fault", EVALUATOR_FAULTS, ids=lambda fault: f"{fault.op_type}: {fault.what}"
)
def test_the_evaluator_is_still_wrong_there(fault: Fault) -> None:
    """Fails once it is mended: then take the entry out."""
    if fault.op_type == "If":
        pytest.skip("the official case test_if_opt shows it")
    found = by_hand(fault)
    cases = [found] if found else [
        (case.model, case.feeds) for case, _ in uses(fault, (17, 21, 13, 11, 9)) if not case.forbids
    ]  # fmt: skip
    assert cases
    wrong = 0
    for model, feeds in cases:
        expected = run_formula(model, feeds)
        if not found and compare(run(model, feeds), expected, tolerance).problem:
            continue  # a kernel is missing, or it is the runtime that is wrong
        try:
            wrong += bool(compare(run_reference(model, feeds), expected, tolerance).problem)
        except Exception:  # noqa: BLE001 - it has several, without a common class
            wrong += 1
        if wrong:
            return
    assert wrong


@pytest.mark.parametrize("fault", DEVIATIONS, ids=lambda fault: f"{fault.op_type}: {fault.what}")
def test_onnx_runtime_is_still_wrong_there(fault: Fault) -> None:
    """Fails once it is mended: then take the entry out, and its row from docs/conformance.md."""
    if fault.what.startswith("it refuses to reduce an empty"):
        feeds = {"x": np.zeros((0, 3), bool), "axes": np.array([0])}
        node = helper.make_node(fault.op_type, ["x", "axes"], ["y"])
        cases = [(model_of(node, feeds, 20), feeds, "")]
    else:
        cases = [(c.model, c.feeds, c.forbids) for c, _ in uses(fault, (17, 21))]
    assert cases
    for model, feeds, forbids in cases:
        try:
            actual = run(model, feeds)
        except Exception:  # noqa: BLE001 - ONNX Runtime's have no common class
            if not forbids:
                run_formula(model, feeds)  # a referee runs it
                return
            continue
        if forbids or compare(actual, run_formula(model, feeds), tolerance).problem:
            return
    pytest.fail("mended")


def test_what_is_known_is_known_of_those_uses_alone() -> None:
    fault = next(f for f in EVALUATOR_FAULTS if f.op_type == "Softmax")
    last = [c for c in own_cases("Softmax", 11, everything) if "axis=-1" in c.shown]
    assert last
    for case in last:
        assert not fault_of([fault], use_of("Softmax", 11, case.model, case.feeds))
    assert not fault_of([fault], use_of("Softmax", 13, last[0].model, last[0].feeds))
    assert not fault_of([fault], use_of("Softmax", 13, last[0].model, {}))


def test_use_reads_constants_and_inputs() -> None:
    w = numpy_helper.from_array(np.ones(3, np.float32), "w")
    node = helper.make_node("Clip", ["x", "", "w"], ["y"])
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [onnx.ValueInfoProto(name="y")], [w],
    )  # fmt: skip
    use = use_of("Clip", 13, helper.make_model(graph).SerializeToString(), {"x": f4(1, 2)})
    assert [value is not None for value in use.inputs] == [True, False, True]
    assert (use.rank, use.outputs, use.attributes) == (1, 1, {})


def test_no_case_at_all_is_no_proof() -> None:
    assert weigh(()) == (Evidence.UNPROVEN, "no case ran")
