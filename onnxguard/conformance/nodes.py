"""Find a model's nodes, and cut one out as a model of its own with the weights that it reads."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import onnx
from onnx import TensorProto, helper

from onnxguard.base.printable import printable
from onnxguard.conformance.cases import long_domain
from onnxguard.running.comparison import Array
from onnxguard.running.cutting import (
    constant_value,
    initializers_of,
    names_read,
    one_node_model,
    subgraphs_of,
)

_ATTRIBUTES = 200
"""Characters of a node's attributes that are shown."""


# Parity walks the main graph in order and knows its constants from having run what makes them.
# Here nodes of nested graphs are cut as well, none was run before, and equal ones are cut once:
# so each name that a node reads is looked up in the graphs around it.
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
            for attribute, nested in subgraphs_of(node):
                op_type = printable(node.op_type)
                pending.append((nested, scope, f"{route}/{op_type}_{index}.{printable(attribute)}"))


def _defined(graph: onnx.GraphProto, inner: bool) -> dict[str, Source]:
    dtypes = {
        value.name: value.type.tensor_type.elem_type
        for values in (graph.value_info, graph.input, graph.output)
        for value in values
    }
    found = {value.name: Source(dtypes[value.name], None, inner) for value in graph.input}
    for node in graph.node:
        constant = constant_value(node)
        for name in node.output:
            dtype = dtypes.get(name, 0) if constant is None else constant.data_type
            found[name] = Source(dtype, constant, inner and constant is None)
    for name, tensor in initializers_of(graph).items():
        found[name] = Source(tensor.data_type, tensor, False)
    return found


def _site(node: onnx.NodeProto, scope: Scope, route: str) -> Site:
    unknown = Source(0, None, True)
    reads = tuple((name, scope.get(name, unknown)) for name in names_read(node))
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


def cut(model: onnx.ModelProto, site: Site, values: Mapping[str, Array]) -> bytes:
    """One node as a model: ``values`` are its inputs, the constants that it reads initializers."""
    fed = {name: values[name] for name in site.computed}
    return one_node_model(model, site.node, fed, _named(site))


def _named(site: Site) -> Iterator[TensorProto]:
    for name, source in site.reads:
        if source.constant is not None:
            tensor = TensorProto()
            tensor.CopyFrom(source.constant)
            tensor.name = name
            yield tensor
