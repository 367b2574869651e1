"""Which tensor of the reference a node's output should be: hints, values, and doubt."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from onnxguard.parity.mapping import Counterparts
from onnxguard.parity.trace import Recorded


def record(kind: str, value: list[Any], module: str = "", *sources: int) -> Recorded:
    scope = f"/{module}" if module else ""
    return Recorded(kind, module, scope, np.array(value, np.float32), sources)


def graph_of(*nodes: onnx.NodeProto, weights: tuple[str, ...] = ()) -> onnx.GraphProto:
    constants = [numpy_helper.from_array(np.zeros(1, np.float32), name) for name in weights]
    return helper.make_graph(nodes, "g", [], [], constants)


RELUS = [record("relu", [1.0, 2.0], "a"), record("relu", [3.0, 4.0], "b")]
CONV = [record("convolution", [1.0, 2.0], "c"), record("batch_norm", [5.0, 6.0], "n", 0)]
NEAR = np.array([1.0, 2.5], np.float32)

HINTS: list[tuple[str, list[Recorded], onnx.GraphProto, list[float] | None]] = [
    (
        "a scope in the node's name",
        RELUS,
        graph_of(helper.make_node("Relu", ["x"], ["y"], "/b/Relu")),
        [3.0, 4.0],
    ),
    (
        "order, where there are as many",
        RELUS,
        graph_of(helper.make_node("Relu", ["x"], ["w"]), helper.make_node("Relu", ["w"], ["y"])),
        [3.0, 4.0],
    ),
    (
        "no order, where there are not",
        RELUS,
        graph_of(helper.make_node("Relu", ["x"], ["y"])),
        None,
    ),
    (
        "a weight's name",
        [*CONV, record("convolution", [7.0, 8.0], "d")],
        graph_of(helper.make_node("Conv", ["x", "d.weight"], ["y"]), weights=("d.weight",)),
        [7.0, 8.0],
    ),
    (
        "a norm that was folded",
        CONV,
        graph_of(helper.make_node("Conv", ["x", "w"], ["y"])),
        [5.0, 6.0],
    ),
    (
        "a norm that was not",
        CONV,
        graph_of(
            helper.make_node("Conv", ["x", "w"], ["y"]),
            helper.make_node("BatchNormalization", ["y", "s", "b", "m", "v"], ["z"]),
        ),
        [1.0, 2.0],
    ),
    (
        "a module that computes one tensor, whatever the operator",
        RELUS,
        graph_of(helper.make_node("Identity", ["x"], ["y"], "/a/Relu")),
        [1.0, 2.0],
    ),
    (
        "arithmetic has no order",
        [record("add", [1.0, 2.0])],
        graph_of(helper.make_node("Add", ["x", "x"], ["y"])),
        None,
    ),
    (
        "an operator of another domain is another operator",
        [record("relu", [1.0, 2.0])],
        graph_of(helper.make_node("Relu", ["x"], ["y"], domain="other")),
        None,
    ),
    (
        "a matrix product of another width",
        [record("mm", [[1.0], [2.0]])],
        graph_of(helper.make_node("MatMul", ["x", "w"], ["y"])),
        None,
    ),
]


@pytest.mark.parametrize(
    ("records", "graph", "meant"), [row[1:] for row in HINTS], ids=[row[0] for row in HINTS]
)
def test_hints_say_what_a_wrong_node_should_give(
    records: list[Recorded], graph: onnx.GraphProto, meant: list[float] | None
) -> None:
    counterparts = Counterparts(records)
    expected = counterparts.expected(graph).get("y", ())
    found = counterparts.find(expected, NEAR, 1e-5)
    assert (None if found is None else found.value.tolist()) == meant


def test_values_say_what_a_right_node_gave_against_any_hint() -> None:
    counterparts = Counterparts(RELUS)
    found = counterparts.find((RELUS[0],), np.array([3.0, 4.000001], np.float32), 1e-5)
    assert found is not None
    assert found.record is RELUS[1]


def test_what_a_node_was_fed_is_not_what_it_should_give() -> None:
    counterparts = Counterparts(RELUS)
    fed = RELUS[1].value
    found = counterparts.find((RELUS[0],), fed.copy(), 1e-5, [fed])
    assert found is not None
    assert found.record is RELUS[0]


def test_the_nearest_of_several_equal_values_is_taken() -> None:
    near, same = record("a", [1.0, 2.000005]), record("b", [1.0, 2.0])
    found = Counterparts([near, same]).find((), np.array([1.0, 2.0], np.float32), 1e-5)
    assert found is not None
    assert found.record is same


@pytest.mark.parametrize(
    "value",
    [
        np.array([1, 2], np.int64),
        np.zeros((0,), np.float32),
        np.array([np.nan, 2.0], np.float32),
        np.array([[1.0, 2.0]], np.float32),
        np.array([1.0, 2.1], np.float32),
    ],
)
def test_nothing_near_is_not_near_enough(value: np.ndarray) -> None:
    assert Counterparts(RELUS).find((), value, 1e-5) is None


def test_products_of_flattened_dims_are_compared_in_the_nodes_shape() -> None:
    product = record("mm", [[1.0, 2.0], [3.0, 4.0]])
    found = Counterparts([product]).find((product,), np.zeros((1, 2, 2), np.float32), 1e-5)
    assert found is not None
    assert found.value.tolist() == [[[1.0, 2.0], [3.0, 4.0]]]
    across = np.zeros((2, 2, 1), np.float32)
    assert Counterparts([product]).find((product,), across, 1e-5) is None


@pytest.mark.parametrize(
    "scopes", ["", "[", "3", "['']", "['', 3, 'x']", "(" * 10_000, "['', 'missing', 'relu']"]
)
def test_metadata_that_says_nothing_is_no_hint(scopes: str) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    helper.set_metadata_props(node, {"pkg.torch.onnx.name_scopes": scopes})
    assert Counterparts(RELUS).expected(graph_of(node)) == {}


def test_metadata_names_the_module_and_the_call() -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    helper.set_metadata_props(node, {"pkg.torch.onnx.name_scopes": "['', 'b@1', 'relu_1']"})
    assert Counterparts(RELUS).expected(graph_of(node)) == {"y": (RELUS[1],)}
