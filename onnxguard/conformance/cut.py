"""Find a model's nodes, and cut one out as a model of its own with the weights that it reads."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from onnxguard.conformance.cases import long_domain
from onnxguard.parity.comparison import Array
from onnxguard.printable import printable

_ATTRIBUTES = 200
"""Characters of a node's attributes that are shown."""


class Source(NamedTuple):
    """Where a name's value comes from.

    Attributes:
        dtype: as TensorProto numbers it, 0 where it was not inferred.
        constant: the value where it is fixed.
        inner: whether it is computed inside a subgraph, where nothing can be read off.
    """

    dtype: int
    constant: TensorProto | None
    inner: bool


Scope = ChainMap[str, Source]


class Site(NamedTuple):
    """A node of a model.

    Attributes:
        route: the way to it, safe to print.
        reads: every name that it reads, those that its subgraphs read from outside included.
        variant: equal for nodes of equal operator, attributes, input dtypes and outputs.
        shown: the same for people, without the operator.
    """

    route: str
    node: onnx.NodeProto
    reads: tuple[tuple[str, Source], ...]
    variant: tuple[object, ...]
    shown: str

    @property
    def domain(self) -> str:
        """``ai.onnx`` for the default domain."""
        return long_domain(self.node.domain)

    @property
    def obstacle(self) -> str:
        """Why the node cannot be cut out; "" where it can."""
        inner = next((name for name, source in self.reads if source.inner), "")
        return f'its input "{printable(inner)}" is computed inside a subgraph' if inner else ""

    @property
    def computed(self) -> tuple[str, ...]:
        """The names that it reads and whose values only a run of the model tells."""
        return tuple(name for name, source in self.reads if source.constant is None)


def find_nodes(model: onnx.ModelProto) -> Iterator[Site]:
    """Every node of the main graph and of those nested in it; functions are inlined already."""
    pending: list[tuple[onnx.GraphProto, Scope, str]] = [(model.graph, ChainMap(), "graph")]
    while pending:
        graph, outer, route = pending.pop()
        scope = outer.new_child(_defined(graph, inner=bool(outer.maps[0])))
        for index, node in enumerate(graph.node):
            yield _site(node, scope, f"{route}/node {index}")
            for attribute, nested in _subgraphs(node):
                op_type = printable(node.op_type)
                pending.append((nested, scope, f"{route}/{op_type}_{index}.{printable(attribute)}"))


def _subgraphs(node: onnx.NodeProto) -> Iterator[tuple[str, onnx.GraphProto]]:
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.name, attribute.g
        for index, graph in enumerate(attribute.graphs):
            yield f"{attribute.name}[{index}]", graph


def _defined(graph: onnx.GraphProto, inner: bool) -> dict[str, Source]:
    dtypes = {
        value.name: value.type.tensor_type.elem_type
        for values in (graph.value_info, graph.input, graph.output)
        for value in values
    }
    found = {value.name: Source(dtypes[value.name], None, inner) for value in graph.input}
    for node in graph.node:
        constant = _constant(node) if node.op_type == "Constant" else None
        for name in node.output:
            dtype = dtypes.get(name, 0) if constant is None else constant.data_type
            found[name] = Source(dtype, constant, inner and constant is None)
    for tensor in graph.initializer:
        found[tensor.name] = Source(tensor.data_type, tensor, False)
    for sparse in graph.sparse_initializer:  # no output can be made of one: it cannot be read off
        found[sparse.values.name] = Source(sparse.values.data_type, None, True)
    return found


def _constant(node: onnx.NodeProto) -> TensorProto | None:
    """The value of a Constant node; None for a sparse one."""
    dtypes = {"value_float": "f4", "value_floats": "f4", "value_int": "i8", "value_ints": "i8"}
    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        if attribute.name == "value":
            tensor: TensorProto = attribute.t
            return tensor
        if attribute.name in dtypes:
            return numpy_helper.from_array(np.array(value, dtypes[attribute.name]))
        if attribute.name in {"value_string", "value_strings"}:
            return numpy_helper.from_array(np.array(value, object))
    return None


def _site(node: onnx.NodeProto, scope: Scope, route: str) -> Site:
    names = dict.fromkeys([name for name in node.input if name] + _read_inside(node))
    unknown = Source(0, None, True)
    reads = tuple((name, scope.get(name, unknown)) for name in names)
    dtypes = tuple(scope.get(name, unknown).dtype if name else None for name in node.input)
    outputs = tuple(bool(name) for name in node.output)
    attributes = tuple(sorted(_bare(attribute) for attribute in node.attribute))
    name = f' "{printable(node.name)}"' if node.name else ""
    return Site(
        route + name,
        node,
        reads,
        (long_domain(node.domain), node.op_type, attributes, dtypes, outputs),
        _shown(node, dtypes),
    )


def _bare(attribute: onnx.AttributeProto) -> bytes:
    copy = onnx.AttributeProto()
    copy.CopyFrom(attribute)
    copy.ClearField("doc_string")
    return bytes(copy.SerializeToString(deterministic=True))


def _read_inside(node: onnx.NodeProto) -> list[str]:
    """What the graphs nested in a node read from outside of it.

    No graph may define a name again that one around it has, so that one set of names is enough.
    """
    defined: set[str] = set()
    read: list[str] = []
    pending = [graph for _, graph in _subgraphs(node)]
    while pending:
        graph = pending.pop()
        defined.update(value.name for value in graph.input)
        defined.update(tensor.name for tensor in graph.initializer)
        defined.update(sparse.values.name for sparse in graph.sparse_initializer)
        read += [value.name for value in graph.output]
        for inner in graph.node:
            defined.update(inner.output)
            read += inner.input
            pending += [nested for _, nested in _subgraphs(inner)]
    return [name for name in read if name and name not in defined]


def _shown(node: onnx.NodeProto, dtypes: tuple[int | None, ...]) -> str:
    inputs = ", ".join(map(_dtype_name, dtypes))
    said = sorted(f"{attribute.name}={_attribute(attribute)}" for attribute in node.attribute)
    return printable(f"({inputs}) {' '.join(said)}".rstrip(), _ATTRIBUTES)


def _dtype_name(dtype: int | None) -> str:
    if not dtype:
        return "-" if dtype is None else "?"
    return str(TensorProto.DataType.Name(dtype)).lower()


def _attribute(attribute: onnx.AttributeProto) -> str:
    value: Any = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return str(value, "utf-8", "replace")
    if isinstance(value, TensorProto):
        return f"{_dtype_name(value.data_type)}{list(value.dims)}"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, onnx.GraphProto):
        return f"graph of {len(value.node)}"
    if attribute.ints or attribute.floats:
        return str([float(f"{v:g}") if isinstance(v, float) else v for v in value]).replace(" ", "")
    return f"{len(value)} values" if isinstance(value, list) else "..."


def expose(model: onnx.ModelProto, names: list[str]) -> bytes:
    """The model with these names for its outputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return bytes(copy.SerializeToString())


def cut(model: onnx.ModelProto, site: Site, values: Mapping[str, Array]) -> bytes:
    """One node as a model: ``values`` are its inputs, the constants that it reads initializers."""
    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(values[name].dtype), values[name].shape
        )
        for name in site.computed
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in site.node.output if name]
    graph = helper.make_graph([site.node], "node", inputs, outputs, list(_named(site)))
    single = helper.make_model(
        graph, opset_imports=list(model.opset_import), ir_version=model.ir_version
    )
    return bytes(single.SerializeToString())


def _named(site: Site) -> Iterator[TensorProto]:
    for name, source in site.reads:
        if source.constant is not None:
            tensor = TensorProto()
            tensor.CopyFrom(source.constant)
            tensor.name = name
            yield tensor
