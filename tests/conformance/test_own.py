"""Cases that we generate: valid by onnx's own checker, bounded, always the same."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import defs

from onnxguard.conformance.cases import schema_version
from onnxguard.conformance.coverage import Shown, cover, exercised, required
from onnxguard.conformance.evaluators import check
from onnxguard.conformance.formulas import evaluate
from onnxguard.conformance.own.building import MOST_CASES, OwnCase, own_cases
from onnxguard.conformance.own.draft import RECIPES
from onnxguard.conformance.record import Outcome
from onnxguard.policy.registry import load_allowlist

OPSETS = (11, 13, 17, 21, 26)


def everything(dtype: str) -> bool:
    return dtype != "string"


def test_every_operator_of_the_list_has_a_recipe() -> None:
    entries = load_allowlist("adr-0258").entries
    assert {op_type for _, op_type in entries} - RECIPES.keys() == set()


def with_shapes(case: OwnCase) -> bytes:
    """The model with the shapes of its outputs, which the checker wants to be told."""
    model = onnx.load_model_from_string(case.model)
    for output, found in zip(model.graph.output, evaluate(case.model, case.feeds), strict=True):
        kind = onnx.helper.np_dtype_to_tensor_dtype(found.dtype)
        said = onnx.helper.make_tensor_value_info(output.name, kind, found.shape)
        output.CopyFrom(said)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("op_type", sorted(RECIPES))
def test_the_full_checker_takes_all_that_must_run(op_type: str) -> None:
    for opset in OPSETS:
        cases = own_cases(op_type, opset, everything)
        valid = [case for case in cases if not case.forbids]
        assert bool(valid) is (schema_version("ai.onnx", op_type, opset) is not None)
        assert len(cases) <= MOST_CASES
        for case in valid[:: max(len(valid) // 20, 1)]:
            if "sparse_value" in case.shown or "float4" in case.shown:
                continue  # there is no formula that says their shapes
            if (op_type, opset) == ("Erf", 11) and "float" not in case.shown:
                continue  # onnx infers float32 for whatever goes in
            assert check(with_shapes(case)) == "", (opset, case.name, case.shown)


@pytest.mark.parametrize("op_type", ["Conv", "Cast", "Loop", "Gemm"])
def test_cases_are_the_same_every_time(op_type: str) -> None:
    first, second = (own_cases(op_type, 17, everything) for _ in range(2))
    assert [case.model for case in first] == [case.model for case in second]
    for one, other in zip(first, second, strict=True):
        for name, value in one.feeds.items():
            np.testing.assert_array_equal(value, other.feeds[name])


@pytest.mark.parametrize("op_type", sorted(RECIPES))
def test_recipes_show_what_they_say_that_must_be_shown(op_type: str) -> None:
    """Were every case right, nothing would be missing."""
    for opset in (17, 21):
        cases = own_cases(op_type, opset, everything)
        if not cases:
            continue
        schema = defs.get_schema(op_type, opset, "")
        shown = [Shown(case.covers, Outcome.PASSED) for case in cases if not case.forbids]
        missing = [
            c.item for c in cover(required(schema, everything), shown) if c.state != "agreed"
        ]
        assert missing == [], (op_type, opset)


def test_values_are_large_enough_to_tell_dtypes_apart() -> None:
    for case in own_cases("Add", 17, everything):
        for value in case.feeds.values():
            if value.dtype == np.int64 and value.size > 2:
                assert np.abs(value).max() > 1 << 40


def test_half_of_the_cases_have_constants_as_models_do() -> None:
    models = [onnx.load_model_from_string(c.model) for c in own_cases("Conv", 17, everything)]
    assert 0.4 < np.mean([bool(model.graph.initializer) for model in models]) < 0.6


def test_what_is_refused_names_why() -> None:
    reasons = {case.forbids for case in own_cases("Gather", 17, everything)} - {""}
    assert {"an index out of range", "an axis out of range", "too few inputs"} <= reasons
    assert {"an attribute that there is not", "too many inputs"} <= reasons


def test_operators_without_a_recipe_or_a_version_have_none() -> None:
    assert own_cases("TopK", 17, everything) == ()
    assert own_cases("Gelu", 17, everything) == ()


# -- coverage -------------------------------------------------------------------------------------


def test_what_is_exercised_is_read_off_a_case() -> None:
    schema = defs.get_schema("Gemm", 17, "")
    node = onnx.helper.make_node("Gemm", ["a", "b"], ["y"], transA=1, alpha=1.0)
    a, b = np.zeros((5, 3), np.float32), np.zeros((5, 4), np.float32)
    items = exercised(schema, node, [a, b], ["float32"])
    assert {("attribute", "transA: set"), ("attribute", "transB: default")} <= items
    assert ("attribute", "alpha: default") in items
    assert {("input", "C: omitted"), ("dtype", "T float32"), ("rank", "2")} <= items


def test_what_a_list_does_not_admit_is_not_asked_for() -> None:
    schema = defs.get_schema("Relu", 17, "")
    assert ("dtype", "T float16") not in required(schema, lambda dtype: dtype == "float32")
    assert ("dtype", "T float16") in required(schema, everything)


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([Outcome.PASSED], "agreed"),
        ([Outcome.UNSUPPORTED, Outcome.PASSED], "agreed"),
        ([Outcome.UNSUPPORTED], "no kernel"),
        ([Outcome.UNSUPPORTED, Outcome.DISPUTED], "missing"),
        ([Outcome.VACUOUS], "missing"),
        ([], "missing"),
    ],
)
def test_states(outcomes: list[Outcome], state: str) -> None:
    item = ("dtype", "T float32")
    shown = [Shown(frozenset({item}), outcome) for outcome in outcomes]
    assert [covered.state for covered in cover((item,), shown)] == [state]


def test_an_empty_output_shows_that_alone() -> None:
    empty = ("feature", "a dim of 0")
    shown = [Shown(frozenset({empty, ("rank", "2")}), Outcome.VACUOUS)]
    assert [c.state for c in cover((empty, ("rank", "2")), shown)] == ["agreed", "missing"]


def test_packed_dtypes_are_cast_in_the_graph() -> None:
    cases = own_cases("Transpose", 21, lambda dtype: dtype in {"float32", "int4"})
    case = next(case for case in cases if not case.forbids and ("dtype", "T int4") in case.covers)
    graph = onnx.load_model_from_string(case.model).graph
    assert [node.op_type for node in graph.node] == ["Cast", "Transpose", "Cast"]
    assert {value.dtype.name for value in case.feeds.values()} == {"int8"}
