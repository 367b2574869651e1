"""A graph that multiplies by a factor, and the module that it should be: right, or a little off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from onnxguard.parity.check import check_parity
from onnxguard.parity.report import ParityReport


class Times(torch.nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor


def times(factor: float, name: str = "x", output: str = "y", weight: str = "w") -> onnx.ModelProto:
    """A graph that multiplies ``[1, 3, H, 8]`` by a factor."""
    graph = helper.make_graph(
        [helper.make_node("Mul", [name, weight], [output], name="times")],
        "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "H", 8])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, 3, "H", 8])],
        [numpy_helper.from_array(np.full((1, 3, 1, 8), factor, np.float32), weight)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def save(folder: Path, factor: float, **settings: Any) -> ParityReport:
    """Compare a graph that multiplies by a factor with a module that multiplies by 2."""
    data = times(factor).SerializeToString()
    return check_parity(data, Times(2.0), save=str(folder), **settings)


def write_external(folder: Path, factor: float, location: str) -> Path:
    """Write a graph whose factor lies in another file."""
    model = times(factor)
    (tensor,) = model.graph.initializer
    (folder / location).parent.mkdir(parents=True, exist_ok=True)
    (folder / location).write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path = folder / "graph.onnx"
    path.write_bytes(model.SerializeToString())
    return path
