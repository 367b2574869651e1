"""Find a model's nodes, and cut one out as a model of its own with the weights that it reads."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

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
_STEERING = 16
"""Elements of a constant whose values may tell kinds apart: scales, axes, pads, limits."""
_STEERED = frozenset(
    {"Clip", "DequantizeLinear", "Dropout", "OneHot", "Pad", "Pow", "QuantizeLinear", "Range"}
    | {"Resize", "RoiAlign", "Upsample"}
)
"""Operators that floats steer; for others they are weights."""
_LEARNED = frozenset(
    {"ConvInteger", "DequantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul"}
)
"""Operators whose integers are weights."""


# Parity walks the main graph in order and knows its constants from having run what makes them.
# Here nodes of nested graphs are cut as well, none was run before, and equal ones are cut once:
# so each name that a node reads is looked up in the graphs around it.
class Source(NamedTuple):
    """Where a name's value comes from.

    Attributes:
        dtype: as TensorProto numbers it, 0 where it was not inferred.
        constant: the value where it is fixed.
        inner: whether it is computed inside a subgraph, where nothing can be read off.
        shape: as it was inferred, None for a dim that is open; None where the rank is not known.
    """

    dtype: int
    constant: TensorProto | None
    inner: bool
    shape: tuple[int | None, ...] | None = None


Scope = ChainMap[str, Source]


class Site(NamedTuple):
    """A node of a model.

    Attributes:
        route: the way to it, safe to print.
        reads: every name that it reads, those that its subgraphs read from outside included.
    """

    route: str
    node: onnx.NodeProto
    reads: tuple[tuple[str, Source], ...]

    @property
    def domain(self) -> str:
        """``ai.onnx`` for the default domain."""
        return long_domain(self.node.domain)

    @property
    def unread(self) -> tuple[tuple[str, Source], ...]:
        """What it reads that is computed inside a subgraph, where nothing can be read off."""
        return tuple((name, source) for name, source in self.reads if source.inner)

    @property
    def computed(self) -> tuple[str, ...]:
        """The names that it reads and whose values only a run of the model tells."""
        return tuple(name for name, source in self.reads if source.constant is None)


class Kind(NamedTuple):
    """What nodes have in common that one of them is run for.

    Attributes:
        key: equal for nodes of equal operator, attributes, dtypes, ranks, constant inputs that
            steer it, and outputs.
        shown: the same for people, without the operator.
    """

    key: tuple[object, ...]
    shown: str


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
    types = {
        value.name: value.type.tensor_type
        for values in (graph.value_info, graph.input, graph.output)
        for value in values
    }
    dtypes = {name: kind.elem_type for name, kind in types.items()}
    shapes = {name: _shape(kind) for name, kind in types.items()}
    found = {
        value.name: Source(dtypes[value.name], None, inner, shapes[value.name])
        for value in graph.input
    }
    for node in graph.node:
        constant = constant_value(node)
        for name in node.output:
            dtype = dtypes.get(name, 0) if constant is None else constant.data_type
            shape = shapes.get(name) if constant is None else tuple(constant.dims)
            found[name] = Source(dtype, constant, inner and constant is None, shape)
    for name, tensor in initializers_of(graph).items():
        found[name] = Source(tensor.data_type, tensor, False, tuple(tensor.dims))
    return found


def _shape(kind: onnx.TypeProto.Tensor) -> tuple[int | None, ...] | None:
    if not kind.HasField("shape"):
        return None
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim)


def _site(node: onnx.NodeProto, scope: Scope, route: str) -> Site:
    unknown = Source(0, None, True)
    reads = tuple((name, scope.get(name, unknown)) for name in names_read(node))
    name = f' "{printable(node.name)}"' if node.name else ""
    return Site(route + name, node, reads)


def kind_of(site: Site, measured: Mapping[str, tuple[str, tuple[int, ...]]]) -> Kind:
    """The kind of a node, by what its inputs really are.

    Args:
        site: the node.
        measured: dtype and shape of the tensors that a run of the model shows.
    """
    sources = dict(site.reads)
    parts = [_input(site, name, sources, measured) for name in site.node.input]
    outputs = tuple(bool(name) for name in site.node.output)
    attributes = tuple(sorted(_bare(attribute) for attribute in site.node.attribute))
    # What the graphs inside it read is computed with there: its dtype and rank tell kinds apart.
    around = [
        _input(site, name, sources, measured) for name in sources if name not in site.node.input
    ]
    said = sorted(f"{a.name}={_attribute(a)}" for a in site.node.attribute)
    shown = printable(f"({', '.join(parts)}) {' '.join(said)}".rstrip(), _ATTRIBUTES)
    key = (site.domain, site.node.op_type, attributes, tuple(parts), tuple(around), outputs)
    return Kind(key, shown)


def _input(
    site: Site,
    name: str,
    sources: Mapping[str, Source],
    measured: Mapping[str, tuple[str, tuple[int, ...]]],
) -> str:
    """``float32 4d`` or ``int64 1d [1,1]``; ``-`` for what is left out."""
    if not name:
        return "-"
    source = sources[name]
    if source.constant is not None:
        tensor = source.constant
        text = f"{_dtype_name(tensor.data_type)} {len(tensor.dims)}d"
        if math.prod(tensor.dims) > _STEERING or not _steers(site, tensor):
            return text
        value = numpy_helper.to_array(tensor).reshape(-1).tolist()
        return f"{text} {_list(value)}"
    if name in measured:
        dtype, shape = measured[name]
        return f"{dtype} {len(shape)}d"
    rank = "?" if source.shape is None else str(len(source.shape))
    return f"{_dtype_name(source.dtype)} {rank}d"


def _steers(site: Site, tensor: TensorProto) -> bool:
    """Whether what is computed hangs on a constant as on an attribute: no weight does that."""
    floating = tensor.data_type in {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16,
                                    TensorProto.BFLOAT16}  # fmt: skip
    return site.node.op_type in _STEERED if floating else site.node.op_type not in _LEARNED


def _bare(attribute: onnx.AttributeProto) -> bytes:
    copy = onnx.AttributeProto()
    copy.CopyFrom(attribute)
    copy.ClearField("doc_string")
    return bytes(copy.SerializeToString(deterministic=True))


def _dtype_name(dtype: int) -> str:
    """``float32``, as the arrays of a run are called; ``?`` where it is not known."""
    if not dtype:
        return "?"
    return str(np.dtype(helper.tensor_dtype_to_np_dtype(dtype)).name).replace("object", "string")


def _list(values: list[Any]) -> str:
    return str([float(f"{v:g}") if isinstance(v, float) else v for v in values]).replace(" ", "")


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
        return _list(value)
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
