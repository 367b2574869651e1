"""Shapes of ONNX Runtime's own operators, beside those that come out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from onnxruntime import InferenceSession

from onnxguard.model.reading import read_model
from onnxguard.model.shapes.infer import infer_shapes


def ones(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.ones(shape, dtype)


SCALED = [ones(), np.array(0, "uint8")]
CASES: dict[str, tuple[str, list[np.ndarray], dict[str, Any]]] = {
    "CDist": ("CDist", [ones(3, 2), ones(5, 2)], {"metric": "euclidean"}),
    "GatherND": ("GatherND", [ones(3, 4, 5), np.array([[0], [1]])], {}),
    "QLinearWhere": (
        "QLinearWhere",
        [
            ones(3, 1, dtype="bool"),
            ones(1, 4, dtype="uint8"),
            *SCALED,
            ones(2, 1, 1, dtype="uint8"),
            *SCALED,
            *SCALED,
        ],
        {},
    ),
    "UnfoldTensor": ("UnfoldTensor", [ones(2, 9, 3)], {"dim": 1, "size": 4, "step": 2}),
    "UnfoldTensor of the last axis": ("UnfoldTensor", [ones(2, 9)], {"size": 9}),
}


@pytest.mark.parametrize("case", CASES)
def test_shape_is_what_comes_out(case: str) -> None:
    op_type, arrays, attributes = CASES[case]
    feeds = {f"i{at}": array for at, array in enumerate(arrays)}
    node = helper.make_node(op_type, list(feeds), ["y"], domain="com.microsoft", **attributes)
    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in feeds.items()
    ]
    graph = helper.make_graph([node], "g", inputs, [onnx.ValueInfoProto(name="y")])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    data = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    (made,) = InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, feeds)
    assert infer_shapes(read_model(data)).roots[0].known[b"y"].shape == made.shape
