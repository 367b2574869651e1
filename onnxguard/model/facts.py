"""What a model holds, as plain values that any reporter can print.

Every string here is safe to print: it went through ``printable``. Byte counts are int, dims are
int, or str for a symbolic dimension, or None for an unknown one.
"""

from __future__ import annotations

from typing import NamedTuple

from onnxguard.base.findings import Place, operator_label

Dim = int | str | None


class OpsetImport(NamedTuple):
    """One ``opset_import``; ``domain`` is ``ai.onnx`` for the default domain."""

    domain: str
    version: int


class OperatorUse(NamedTuple):
    """An operator and how often it stands in the file, function bodies counted once."""

    domain: str
    op_type: str
    overload: str
    count: int  # type: ignore[assignment] # hides tuple.count, which nothing calls
    first: Place

    @property
    def label(self) -> str:
        """``Resize``, ``com.microsoft::Gelu`` or ``local::Block:fp16``."""
        return operator_label(self.domain, self.op_type, self.overload)


class ConstantNode(NamedTuple):
    """A Constant node: its value's dtype, shape and size, and the nodes that read it."""

    place: Place
    output: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    value: str
    readers: tuple[str, ...]


class Value(NamedTuple):
    """A graph input or output; ``dims`` is None where no shape is declared."""

    name: str
    kind: str
    dtype: str
    dims: tuple[Dim, ...] | None


class Function(NamedTuple):
    """A model-local function; ``given_graphs`` counts what it and its calls give as attributes."""

    domain: str
    name: str
    overload: str
    inputs: int
    outputs: int
    nodes: int
    calls: int
    opset_imports: tuple[OpsetImport, ...]
    place: Place
    given_graphs: int = 0

    @property
    def label(self) -> str:
        """``local::Block:fp16``, as the operator that calls it is labelled."""
        return operator_label(self.domain, self.name, self.overload)


class ExternalData(NamedTuple):
    """A tensor whose values lie in another file; offset and length in bytes as written, or None."""

    tensor: str
    location: str
    offset: int | None
    length: int | None
    place: Place


class Loop(NamedTuple):
    """A Loop node; ``trip_count`` is None where it has no static bound, and ``source`` says why.

    ``product`` is the trip count times those of the Loops around it, None if any has no bound.
    """

    place: Place
    trip_count: int | None
    source: str
    product: int | None


class Facts(NamedTuple):
    """What was read from one model.

    Attributes:
        size: bytes of the file.
        nodes: nodes in the file; ``expanded_nodes`` and ``expanded_loops`` count nodes and Loops
            after inlining every function call, -1 where a function calls itself.
        graphs: graphs in the file, the main one included.
        depth: how deep graphs nest, through function calls too; 0 is a flat graph.
        initializer_bytes: bytes by dtype as the dims and dtype say, external ones included.
        metadata: ``metadata_props`` of the model.
    """

    size: int
    ir_version: int | None
    model_version: int
    producer: str
    producer_version: str
    graph_name: str
    opset_imports: tuple[OpsetImport, ...]
    operators: tuple[OperatorUse, ...]
    constants: tuple[ConstantNode, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    functions: tuple[Function, ...]
    initializers: int
    initializer_bytes: dict[str, int]
    external_data: tuple[ExternalData, ...]
    loops: tuple[Loop, ...]
    nodes: int
    expanded_nodes: int
    expanded_loops: int
    graphs: int
    depth: int
    training_graphs: int
    metadata: tuple[tuple[str, str], ...]
