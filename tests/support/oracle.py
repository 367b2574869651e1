"""The same outline of a model from two sides: onnx's protobuf objects, and the facts of a scan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import onnx
from onnx import TensorProto

from onnxguard import Allowlist, scan_bytes
from onnxguard.base.printable import identifier, printable
from onnxguard.model.constant_nodes import DIMS_SHOWN
from onnxguard.model.describing import RANK_SHOWN
from onnxguard.model.facts import Facts
from support.protobuf import parse_model

LARGEST = (1 << 63) - 1

MERGED = ("inputs", "outputs", "constants", "initializer_bytes")

CONSTANT_FIELDS = {
    "value": ("t", ""),
    "sparse_value": ("sparse_tensor", ""),
    "value_int": ("i", "int64"),
    "value_ints": ("ints", "int64"),
    "value_float": ("f", "float32"),
    "value_floats": ("floats", "float32"),
    "value_string": ("s", "string"),
    "value_strings": ("strings", "string"),
}


class Outline(NamedTuple):
    """What both sides have to agree on; names as reports print them."""

    ir_version: int | None
    opset_imports: list[tuple[str, int]]
    operators: dict[tuple[str, str, str], int]
    nodes: int
    inputs: list[tuple[object, ...]]
    outputs: list[tuple[object, ...]]
    initializers: int
    initializer_bytes: dict[str, int]
    constants: list[tuple[object, ...]]
    functions: list[tuple[object, ...]]
    metadata: list[tuple[str, str]]


def of_facts(facts: Facts) -> Outline:
    """The outline of a scan's facts."""
    return Outline(
        facts.ir_version,
        [(o.domain, o.version) for o in facts.opset_imports],
        {(use.domain, use.op_type, use.overload): use.count for use in facts.operators},
        facts.nodes,
        [tuple(value) for value in facts.inputs],
        [tuple(value) for value in facts.outputs],
        facts.initializers,
        {dtype: size for dtype, size in facts.initializer_bytes.items() if size},
        [(c.output, c.dtype, c.shape) for c in facts.constants],
        [(f.domain, f.name, f.overload, f.inputs, f.outputs, f.nodes) for f in facts.functions],
        list(facts.metadata),
    )


def of_proto(model: onnx.ModelProto) -> Outline:
    """The outline of a model as protobuf parsed it, walked recursively."""
    nodes = list(model_nodes(model))
    initializers = list(model_initializers(model))
    stored = {tensor.name for tensor in model.graph.initializer}
    stored |= {sparse.values.name for sparse in model.graph.sparse_initializer}
    stored.discard("")  # what has no name stands for nothing
    return Outline(
        model.ir_version if model.HasField("ir_version") else None,
        [(domain_name(o.domain), o.version) for o in model.opset_import],
        Counter(
            (domain_name(n.domain), shown_identifier(n.op_type), shown_identifier(n.overload))
            for n in nodes
        ),
        len(nodes),
        [(*outline_value(value), value.name in stored) for value in model.graph.input],
        [(*outline_value(value), False) for value in model.graph.output],
        sum(
            len(graph.initializer) + len(graph.sparse_initializer) for graph in model_graphs(model)
        ),
        total_bytes(initializers),
        [outline_constant(node) for node in constants(nodes)],
        [
            (
                domain_name(f.domain),
                shown_identifier(f.name),
                shown_identifier(f.overload),
                len(f.input),
                len(f.output),
                len(list(function_nodes(f))),
            )
            for f in model.functions
        ],
        [(shown(entry.key), shown(entry.value)) for entry in model.metadata_props],
    )


def text(value: str | bytes) -> str:
    """A string field; protobuf gives bytes where they are not UTF-8."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def shown(value: str | bytes) -> str:
    return printable(text(value))


def shown_identifier(value: str | bytes) -> str:
    return identifier(text(value))


def domain_name(domain: str) -> str:
    return shown_identifier(domain) or "ai.onnx"


def attribute_graphs(attribute: onnx.AttributeProto) -> Iterator[onnx.GraphProto]:
    if attribute.HasField("g"):
        yield from inner_graphs(attribute.g)
    for graph in attribute.graphs:
        yield from inner_graphs(graph)


def node_graphs(nodes: list[onnx.NodeProto]) -> Iterator[onnx.GraphProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield from attribute_graphs(attribute)


def inner_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph and all graphs inside it."""
    yield graph
    yield from node_graphs(list(graph.node))


def model_graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """Every GraphProto of the model."""
    yield from inner_graphs(model.graph)
    for training in model.training_info:
        yield from inner_graphs(training.initialization)
        yield from inner_graphs(training.algorithm)
    for function in model.functions:
        yield from function_graphs(function)


def function_graphs(function: onnx.FunctionProto) -> Iterator[onnx.GraphProto]:
    yield from node_graphs(list(function.node))
    for default in function.attribute_proto:
        yield from attribute_graphs(default)


def model_nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Every node of the model."""
    for graph in model_graphs(model):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def function_nodes(function: onnx.FunctionProto) -> Iterator[onnx.NodeProto]:
    """A function's nodes and those of every graph inside it, attribute defaults included."""
    yield from function.node
    for graph in function_graphs(function):
        yield from graph.node


def model_initializers(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    for graph in model_graphs(model):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (part for part in (sparse.values, sparse.indices) if part.ByteSize())


def dtype_name(code: int) -> str:
    if code not in TensorProto.DataType.values():
        return f"dtype {code}"
    name: str = TensorProto.DataType.Name(code).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


BITS = {
    "float32": 32, "uint8": 8, "int8": 8, "uint16": 16, "int16": 16, "int32": 32, "int64": 64,
    "bool": 8, "float16": 16, "float64": 64, "uint32": 32, "uint64": 64, "complex64": 64,
    "complex128": 128, "bfloat16": 16, "float8e4m3fn": 8, "float8e4m3fnuz": 8, "float8e5m2": 8,
    "float8e5m2fnuz": 8, "uint4": 4, "int4": 4, "float4e2m1": 4, "float8e8m0": 8, "uint2": 2,
    "int2": 2, "float6e2m3": 6, "float6e3m2": 6,
}  # fmt: skip


def total_bytes(tensors: list[onnx.TensorProto]) -> dict[str, int]:
    """Bytes by dtype as dims and dtype say; a negative dim counts nothing."""
    total: Counter[str] = Counter()
    for tensor in tensors:
        elements = 1
        for dim in tensor.dims:
            elements *= dim
        name = dtype_name(tensor.data_type)
        if all(dim >= 0 for dim in tensor.dims):
            total[name] += (elements * BITS.get(name, 0) + 7) // 8
    return {name: min(size, LARGEST) for name, size in total.items() if size}


def outline_value(value: onnx.ValueInfoProto) -> tuple[object, ...]:
    return (shown(value.name), *outline_type(value.type))


def outline_type(
    proto: onnx.TypeProto,
) -> tuple[str, str, tuple[int | str | None, ...] | None]:
    """Kind, dtype and dims of the tensor inside all sequences, maps and optionals."""
    kind = proto.WhichOneof("value")
    if kind in ("tensor_type", "sparse_tensor_type"):
        tensor = getattr(proto, kind)
        dims = None
        if tensor.HasField("shape"):
            dims = tuple(dimension(d) for d in tensor.shape.dim)
            dims = dims if len(dims) <= RANK_SHOWN else None
        return kind.removesuffix("_type"), dtype_name(tensor.elem_type), dims
    if kind in ("sequence_type", "optional_type", "map_type"):
        holder = getattr(proto, kind)
        inner = holder.value_type if kind == "map_type" else holder.elem_type
        name, dtype, dims = outline_type(inner)
        key = f"{dtype_name(holder.key_type)}," if kind == "map_type" else ""
        return f"{kind.removesuffix('_type')}({key}{name})", dtype, dims
    return kind.removesuffix("_type") if kind else "undeclared", "undefined", None


def dimension(dim: onnx.TensorShapeProto.Dimension) -> int | str | None:
    kind = dim.WhichOneof("value")
    if kind is None:
        return None
    return int(dim.dim_value) if kind == "dim_value" else shown(dim.dim_param)


def constants(nodes: Iterable[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The Constant nodes of ONNX itself."""
    return [
        node
        for node in nodes
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx") and not node.overload
    ]


def is_plain(node: onnx.NodeProto) -> bool:
    """Whether a Constant has one attribute, and that its value where its name says."""
    if len(node.attribute) != 1 or node.attribute[0].name not in CONSTANT_FIELDS:
        return False
    attribute = node.attribute[0]
    field = CONSTANT_FIELDS[attribute.name][0]
    return not attribute.ref_attr_name and (
        attribute.name.endswith("s") or attribute.HasField(field)
    )


def outline_constant(node: onnx.NodeProto) -> tuple[object, ...]:
    """A Constant's output, dtype and shape; the value of one that is not plain is in doubt."""
    output = shown(node.output[0]) if node.output else ""
    if not is_plain(node):
        return output, None, None
    attribute = node.attribute[0]
    field, dtype = CONSTANT_FIELDS[attribute.name]
    if field == "t":
        return output, dtype_name(attribute.t.data_type), tuple(attribute.t.dims[:DIMS_SHOWN])
    if field == "sparse_tensor":
        sparse = attribute.sparse_tensor
        return output, dtype_name(sparse.values.data_type), tuple(sparse.dims[:DIMS_SHOWN])
    shape = (len(getattr(attribute, field)),) if attribute.name.endswith("s") else ()
    return output, dtype, shape


def same_constants(ours: list[tuple[object, ...]], theirs: list[tuple[object, ...]]) -> bool:
    """Whether two lists of Constants are equal but for the values in doubt."""
    if any(dtype is None for _, dtype, _ in theirs):
        return sorted(str(each[0]) for each in ours) == sorted(str(each[0]) for each in theirs)
    return sorted(ours) == sorted(theirs)


def refused_in_cpp(data: bytes) -> bool:
    """Whether the parser that ONNX Runtime uses refuses it: Python's skips field 0 in a group."""
    try:
        onnx.checker.check_model(data)
    except ValueError as error:
        return "parse" in str(error).lower()
    except onnx.checker.ValidationError:
        pass
    return False


class DisagreementError(AssertionError):
    """The scan and onnx read the same bytes in two ways."""


def compare(data: bytes, allowlist: Allowlist) -> str:
    """Scan any bytes beside onnx and say what came of it.

    Whatever onnx parses and holds a graph must be read, and read alike; what onnx refuses must be
    refused, or fail as nested too deep. Where a field is given twice, which the scan reports, the
    values may differ: protobuf merges two types or tensors, the scan shows the last.

    Raises:
        DisagreementError: the outlines differ, or only one of them refuses.
    """
    report = scan_bytes(data, "model.onnx", allowlist)
    codes = {finding.code for finding in report.findings}
    proto = parse_model(data)
    if proto is None:
        if report.facts is None or "OG607" in codes:
            return "refused by both"
        raise DisagreementError("only onnx refuses")
    if report.facts is None:
        if not proto.HasField("graph") or codes == {"OG002"}:
            return "no graph"
        if not refused_in_cpp(data):
            raise DisagreementError(f"only the scan refuses: {report.findings[0]}")
        return "refused by the scan and by protobuf in C++"
    expected, found = of_proto(proto), of_facts(report.facts)
    if same_constants(found.constants, expected.constants):
        expected = expected._replace(constants=found.constants)
    if "OG602" in codes:
        expected = expected._replace(**{name: getattr(found, name) for name in MERGED})
    for name, ours, theirs in zip(Outline._fields, found, expected, strict=True):
        if ours != theirs:
            raise DisagreementError(f"{name}: the scan says {ours}, onnx says {theirs}")
    return f"alike: {report.verdict.value}{', a field twice' if 'OG602' in codes else ''}"
