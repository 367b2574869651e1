"""What a model holds, as plain values that any reporter can print.

Every string here is safe to print: it went through ``printable``. Byte counts are int, dims are
int, or str for a symbolic dimension, or None for an unknown one.
"""

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
    """A graph input or output.

    Attributes:
        kind: ``tensor``, ``sequence(tensor)``, ``map(int64,tensor)``, ...
        dtype: of its elements.
        dims: None where no shape is declared, or one of more than 64 dimensions.
        default: whether an initializer stands for the input where the caller gives none.
    """

    name: str
    kind: str
    dtype: str
    dims: tuple[Dim, ...] | None
    default: bool = False


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


class OperatorCost(NamedTuple):
    """What all nodes of an operator cost."""

    operator: str
    nodes: int
    macs: int


class NodeCost(NamedTuple):
    """What one node of the main graph costs, the graphs inside it included.

    Attributes:
        position: the node's place in the graph.
        name: its name.
        output: the type and shape of its first output.
        bytes: of its outputs.
    """

    position: int
    operator: str
    name: str
    output: str
    macs: int
    bytes: int


class LargestTensor(NamedTuple):
    """A value that runs through the model, and no other is larger."""

    name: str
    type: str
    bytes: int


class UnknownOperator(NamedTuple):
    """An operator that has no function here, and how many nodes it has."""

    operator: str
    nodes: int


class Cost(NamedTuple):
    """What a model costs for one size of its inputs; numbers end at 2**63 - 1.

    Attributes:
        inputs: the type and shape of each input by name, as it was counted.
        outputs: the same of each output.
        exact: whether every size was known: otherwise the bytes are bounds from below.
        macs_exact: whether ``macs`` is none.
        macs: multiply-accumulates of all nodes that run; of an If the branch that asks for more.
        operators: by operator, those that ask for most first.
        nodes: the nodes of the main graph that ask for most.
        weight_bytes: of initializers and Constant nodes.
        activation_bytes: the peak of what is alive at once, weights left out.
        largest_tensor: the largest value that is no weight.
        unknown_nodes: nodes in all graphs, of whose outputs some dimension is unknown.
        without_rule: operators of whose outputs nothing is known.
    """

    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    exact: bool
    macs_exact: bool
    macs: int
    operators: tuple[OperatorCost, ...]
    nodes: tuple[NodeCost, ...]
    weight_bytes: int
    activation_bytes: int
    largest_tensor: LargestTensor | None
    unknown_nodes: int
    without_rule: tuple[UnknownOperator, ...]


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
        cost: what one run costs; None where nobody asked.
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
    cost: Cost | None = None
