"""Take a graph apart: the graphs in it, what a node reads, one node as a model of its own."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnxguard.running.comparison import Array

Graph = onnx.GraphProto | onnx.FunctionProto
"""What holds nodes."""

RANDOM_OPERATORS = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform"}
    | {"RandomUniformLike"}
)
"""Operators whose outputs are drawn."""

_STEPS = frozenset(
    {"ArgMax", "ArgMin", "Ceil", "DynamicQuantizeLinear", "Equal", "Floor", "Greater"}
    | {"GreaterOrEqual", "Less", "LessOrEqual", "Mod", "NonMaxSuppression", "NonZero"}
    | {"QuantizeLinear", "Round", "Sign", "TopK"}
)
"""Operators that turn slightly other numbers into altogether other ones, now and then."""
_FLOATS = frozenset(
    {onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT}
    | {onnx.TensorProto.FLOAT16}
)


LARGE = 1 << 20
"""Weights of so many bytes may go to a session beside its model, which would hold them twice."""
_BESIDE = frozenset(
    {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.INT8}
    | {onnx.TensorProto.UINT8}
)


def graphs_of(proto: onnx.ModelProto) -> Iterator[Graph]:
    """Every graph: the main one first, those inside nodes, the bodies of functions."""
    pending: list[Graph] = [proto.graph, *proto.functions]
    while pending:
        graph = pending.pop(0)
        yield graph
        pending.extend(nested for node in graph.node for _, nested in subgraphs_of(node))


def subgraphs_of(node: onnx.NodeProto) -> Iterator[tuple[str, onnx.GraphProto]]:
    """``(attribute, graph)`` of the graphs right inside a node; those of a list are numbered."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.name, attribute.g
        for index, graph in enumerate(attribute.graphs):
            yield f"{attribute.name}[{index}]", graph


def names_read(node: onnx.NodeProto) -> tuple[str, ...]:
    """The names that a node reads, its subgraphs' outer names included, each once."""
    read = dict.fromkeys(name for name in node.input if name)
    nothing: ChainMap[str, None] = ChainMap()
    pending = [(graph, nothing) for _, graph in subgraphs_of(node)]
    while pending:
        graph, around = pending.pop(0)
        known = around.new_child(dict.fromkeys(_defined(graph)))
        for inner in graph.node:
            read.update((name, None) for name in inner.input if name and name not in known)
            pending.extend((nested, known) for _, nested in subgraphs_of(inner))
        read.update((value.name, None) for value in graph.output if value.name not in known)
    return tuple(read)


def _defined(graph: onnx.GraphProto) -> Iterator[str]:
    yield from (value.name for value in graph.input)
    yield from (tensor.name for tensor in graph.initializer)
    yield from (sparse.values.name for sparse in graph.sparse_initializer)
    yield from (name for node in graph.node for name in node.output)


def initializers_of(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """The constants that a graph stores, by name: sparse ones dense, malformed ones left out."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for sparse in graph.sparse_initializer:
        name = sparse.values.name
        with suppress(IndexError, TypeError, ValueError):  # ONNX Runtime says what is wrong with it
            stored[name] = numpy_helper.from_array(_dense(sparse), name)
    return stored


def constant_value(node: onnx.NodeProto) -> onnx.TensorProto | None:
    """The value of a Constant node; None where it is sparse or a function's attribute."""
    if node.op_type != "Constant":
        return None
    dtypes = {"value_float": "f4", "value_floats": "f4", "value_int": "i8", "value_ints": "i8"}
    for attribute in node.attribute:
        if attribute.ref_attr_name:
            continue
        if attribute.name == "value":
            tensor: onnx.TensorProto = attribute.t
            return tensor
        if attribute.name in dtypes:
            value = helper.get_attribute_value(attribute)
            return numpy_helper.from_array(np.array(value, dtypes[attribute.name]))
        if attribute.name in {"value_string", "value_strings"}:
            value = helper.get_attribute_value(attribute)
            return numpy_helper.from_array(np.array(value, object))
    return None


def with_outputs(proto: onnx.ModelProto, names: Iterable[str]) -> bytes:
    """The model with these tensors of its main graph for outputs, of any type."""
    exposed = onnx.ModelProto()
    exposed.CopyFrom(proto)
    del exposed.graph.output[:]
    exposed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    data: bytes = exposed.SerializeToString()
    return data


def ancestors(graph: onnx.GraphProto, names: Iterable[str]) -> list[onnx.NodeProto]:
    """The nodes that these tensors are made of, in the graph's order."""
    made = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    kept: set[int] = set()
    pending = list(names)
    while pending:
        index = made.get(pending.pop())
        if index is not None and index not in kept:
            kept.add(index)
            pending.extend(names_read(graph.node[index]))
    return [graph.node[index] for index in sorted(kept)]


def part_of(
    proto: onnx.ModelProto, names: Iterable[str], beside: dict[str, Array] | None = None
) -> onnx.ModelProto:
    """The model with those nodes and weights alone that these tensors are made of, no outputs.

    Args:
        proto: the model.
        names: of tensors of its main graph.
        beside: takes the values of large weights, which the part lacks then.
    """
    graph, wanted = proto.graph, list(names)
    nodes = ancestors(graph, wanted)
    read = set(wanted).union(*map(names_read, nodes))
    part = _begun(proto, nodes)
    part.graph.input.extend(graph.input)
    for tensor in graph.initializer:
        if tensor.name not in read:
            continue
        if beside is not None and tensor.data_type in _BESIDE and tensor.ByteSize() >= LARGE:
            beside[tensor.name] = numpy_helper.to_array(tensor)
            part.graph.initializer.append(_without_value(tensor))
        else:
            part.graph.initializer.append(tensor)
    part.graph.sparse_initializer.extend(
        tensor for tensor in graph.sparse_initializer if tensor.values.name in read
    )
    return part


def _without_value(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """The same tensor as one whose values lie in another file, which is not there."""
    bare = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    bare.data_location = onnx.TensorProto.EXTERNAL
    bare.external_data.add(key="location", value="beside")
    return bare


def sliced(proto: onnx.ModelProto, names: Iterable[str]) -> tuple[bytes, dict[str, Array]]:
    """As ``with_outputs``, with those nodes and weights alone that these tensors are made of.

    Returns:
        The part, and what ``Session`` needs beside it: the values of large weights.
    """
    wanted, beside = list(names), dict[str, Array]()
    part = part_of(proto, wanted, beside)
    part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    return part.SerializeToString(), beside


def _begun(proto: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> onnx.ModelProto:
    """A model of some nodes, with the opsets and functions of another, to be filled in place."""
    part = onnx.ModelProto(ir_version=proto.ir_version)
    part.opset_import.extend(proto.opset_import)
    part.functions.extend(proto.functions)
    part.graph.name = "part"
    part.graph.node.extend(nodes)
    return part


def depends_on_values(graph: onnx.GraphProto, names: Iterable[str]) -> bool:
    """Whether tensors depend on the values of the graph's inputs, and not on their sizes alone."""
    made = {name: node for node in graph.node for name in node.output if name}
    inputs = {value.name for value in graph.input}
    pending, seen = list(names), set[str]()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in inputs:
            return True
        node = made.get(name)
        if node is not None and node.op_type not in ("Shape", "Size"):
            pending.extend(names_read(node))
    return False


def has_steps(graph: onnx.GraphProto) -> bool:
    """Whether numbers that depend on the inputs' values are rounded, compared or picked."""
    return any(
        (node.op_type in _STEPS or (node.op_type == "Cast" and _to(node) not in _FLOATS))
        and depends_on_values(graph, node.input)
        for node in graph.node
    )


def _to(node: onnx.NodeProto) -> int:
    return next((a.i for a in node.attribute if a.name == "to"), 0)


def computed_names(graph: onnx.GraphProto) -> list[str]:
    """The outputs of all nodes of a graph, in order."""
    return [name for node in graph.node for name in node.output if name]


def one_node_model(
    proto: onnx.ModelProto,
    node: onnx.NodeProto,
    fed: Mapping[str, Array],
    constants: Iterable[onnx.TensorProto],
) -> bytes:
    """A node as a model: ``fed`` become its inputs, ``constants`` its initializers.

    Args:
        proto: the model that it is from, whose opsets and functions it keeps.
        node: the node.
        fed: by name; the arrays give dtypes and shapes.
        constants: named as the node reads them.
    """
    model = _begun(proto, [node])
    model.graph.input.extend(
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in fed.items()
    )
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in node.output if name)
    model.graph.initializer.extend(constants)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _dense(sparse: onnx.SparseTensorProto) -> Array:
    """All elements of a sparse tensor; its indices are flat, or one row for each value."""
    values, indices = (numpy_helper.to_array(part) for part in (sparse.values, sparse.indices))
    dense = np.zeros(tuple(sparse.dims), values.dtype)
    places = indices if indices.ndim == 1 else np.ravel_multi_index(tuple(indices.T), dense.shape)
    dense.reshape(-1)[places] = values
    return dense
