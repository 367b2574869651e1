"""Cut one node out of a graph: a model of its own, with its constants inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnxguard.parity.comparison import Array


class Cut:
    """Cuts nodes of the main graph out of one model."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        self._proto = proto
        self.constants: dict[str, onnx.TensorProto] = {
            tensor.name: tensor for tensor in proto.graph.initializer
        }
        for sparse in proto.graph.sparse_initializer:
            self.fold(sparse.values.name, _dense(sparse))

    def fold(self, name: str, value: Array) -> None:
        """Remember a value that depends on no input."""
        self.constants[name] = numpy_helper.from_array(value, name)

    def reads(self, node: onnx.NodeProto) -> tuple[str, ...]:
        """The names that a node reads, its subgraphs' outer names included, each once."""
        names = [name for name in node.input if name] + list(_outer_names(node))
        return tuple(dict.fromkeys(names))

    def model(self, node: onnx.NodeProto, fed: Mapping[str, Array]) -> bytes:
        """The model of one node; ``fed`` become its inputs, its constants are initializers."""
        inputs = [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
            )
            for name, array in fed.items()
        ]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        held = [self.constants[n] for n in self.reads(node) if n in self.constants]
        graph = helper.make_graph([node], "node", inputs, outputs, held)
        model = helper.make_model(
            graph,
            opset_imports=self._proto.opset_import,
            ir_version=self._proto.ir_version,
            functions=list(self._proto.functions),
        )
        data: bytes = model.SerializeToString(deterministic=True)
        return data


def _outer_names(node: onnx.NodeProto) -> Iterator[str]:
    """What the graphs inside a node read from outside them."""
    for attribute in node.attribute:
        for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
            inside = {value.name for value in graph.input}
            inside |= {tensor.name for tensor in graph.initializer}
            for inner in graph.node:
                for name in (*inner.input, *_outer_names(inner)):
                    if name and name not in inside:
                        yield name
                inside.update(inner.output)
            yield from (value.name for value in graph.output if value.name not in inside)


def _dense(sparse: onnx.SparseTensorProto) -> Array:
    """All elements of a sparse tensor; its indices are flat, or one row for each value."""
    values, indices = (numpy_helper.to_array(part) for part in (sparse.values, sparse.indices))
    dense = np.zeros(tuple(sparse.dims), values.dtype)
    places = indices if indices.ndim == 1 else np.ravel_multi_index(tuple(indices.T), dense.shape)
    dense.reshape(-1)[places] = values
    return dense
