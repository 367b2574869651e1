"""The model as a tree: graphs, nodes, attributes, tensors; names as the bytes of the file.

Nothing here holds weights: a tensor knows where its data lies. Spans are byte offsets of the file,
``[start, end)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from onnxguard.base.findings import PLACES_KEPT, Place, operator_label
from onnxguard.base.printable import identifier, printable
from onnxguard.model.wire import Buffer


class Operator(NamedTuple):
    """What a node runs. The default domain is ``""``; bytes that are not UTF-8 are surrogates."""

    domain: str
    op_type: str
    overload: str = ""

    @property
    def label(self) -> str:
        """``Resize``, ``com.microsoft::Gelu`` or ``local::Block:fp16``, safe to print."""
        return operator_label(*map(identifier, self))


class Data(NamedTuple):
    """Values of a tensor: the field that holds them, packed or not, and where they lie.

    ``count`` is how many values an unpacked run holds; 1 for packed and raw data.
    """

    field: int
    packed: bool
    start: int
    end: int
    count: int = 1  # type: ignore[assignment] # hides tuple.count, which nothing calls


class Tensor(NamedTuple):
    """A TensorProto without its values.

    ``elements`` is the product of its dims, -1 where one is negative.
    """

    name: bytes
    dtype: int
    dims: tuple[int, ...]
    elements: int
    data: tuple[Data, ...]
    external: tuple[tuple[bytes, bytes], ...]
    external_location: bool
    start: int
    end: int

    @property
    def is_external(self) -> bool:
        """Whether anything says that the values lie in another file."""
        return bool(self.external) or self.external_location


class SparseTensor(NamedTuple):
    """A SparseTensorProto; its name is that of ``values``."""

    values: Tensor | None
    indices: Tensor | None
    dims: tuple[int, ...]
    start: int
    end: int


class Type(NamedTuple):
    """A TypeProto: ``kind`` such as ``tensor`` or ``sequence(tensor)``; dims None if undeclared.

    A dimension is an int, bytes for a symbolic one, or None for an unknown one. ``keys`` are the
    dtypes of the keys of its maps, the outermost first.
    """

    kind: str
    dtype: int
    dims: tuple[int | bytes | None, ...] | None
    keys: tuple[int, ...] = ()


class Value(NamedTuple):
    """A ValueInfoProto."""

    name: bytes
    type: Type
    start: int
    end: int


class Attribute(NamedTuple):
    """An AttributeProto. ``type`` is the declared one (0: none); every filled field is kept.

    Of a list only the first values are: ``counts`` is how many ints, floats and strings there are,
    ``size`` the bytes of the strings.
    """

    name: bytes
    type: int = 0
    ref: bytes = b""
    i: int | None = None
    f: float | None = None
    s: bytes | None = None
    ints: tuple[int, ...] = ()
    floats: tuple[float, ...] = ()
    strings: tuple[bytes, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    sparse: tuple[SparseTensor, ...] = ()
    graphs: tuple[Graph, ...] = ()
    counts: tuple[int, int, int] = (0, 0, 0)
    size: int = 0
    types: tuple[Type, ...] = ()


class Node(NamedTuple):
    """A NodeProto."""

    operator: Operator
    name: bytes
    inputs: tuple[bytes, ...] | list[bytes]
    outputs: tuple[bytes, ...] | list[bytes]
    attributes: tuple[Attribute, ...] | list[Attribute]
    start: int
    end: int

    def attribute(self, name: bytes) -> Attribute | None:
        """The attribute of that name; the last one where it is given twice."""
        found = None
        for attribute in self.attributes:
            if attribute.name == name:
                found = attribute
        return found


ROUTE_START, ROUTE_END = 12, 12
"""Steps of a route that are shown at its start and its end; what lies between is counted."""


class Graph:
    """A GraphProto, or the body of a function; filled by the reader.

    ``parent`` and ``owner`` (a node's index there) are set for a graph inside an attribute.
    ``level`` counts the protobuf messages around it, the model included: in a node's attribute two
    more than the graph, in a function's default one.
    """

    __slots__ = (
        "attribute_tensors",
        "depth",
        "function",
        "head",
        "initializers",
        "inputs",
        "label",
        "level",
        "name",
        "nodes",
        "outputs",
        "overridden",
        "owner",
        "parent",
        "spans",
        "sparse_initializers",
        "subgraphs",
        "values",
    )

    def __init__(self, label: str, parent: Graph | None = None, owner: int = -1) -> None:
        self.label = label
        self.parent = parent
        self.owner = owner
        self.depth: int = parent.depth + 1 if parent else 0
        self.level: int = 1 if parent is None else parent.level + (3 if owner >= 0 else 2)
        self.function: Function | None = parent.function if parent else None
        self.head: Graph | None = None  # set for deep graphs alone: a link to itself is a cycle
        if parent is not None and self.depth >= ROUTE_START:
            self.head = parent.head or parent
        self.name = b""
        self.spans: list[tuple[int, int]] = []
        self.nodes: list[Node] = []
        self.overridden: list[tuple[int, Operator]] = []
        self.initializers: list[Tensor] = []
        self.sparse_initializers: list[SparseTensor] = []
        self.attribute_tensors: list[tuple[int, bytes, Tensor]] = []
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self.values: list[Value] = []
        self.subgraphs: list[Graph] = []

    @property
    def route(self) -> str:
        """``graph/If_3.then_branch``; the middle of a very long route is left out."""
        labels: list[str] = []
        graph: Graph | None = self
        while graph is not None and len(labels) < ROUTE_END:
            labels.append(graph.step)
            graph = graph.parent
        if graph is not None:
            if self.head is not None and graph.depth > self.head.depth:
                labels.append(f"...({graph.depth - self.head.depth} levels)...")
                graph = self.head
            labels.append(graph.route)
        return "/".join(reversed(labels))

    @property
    def step(self) -> str:
        """The last step of the route: ``If_3.then_branch``."""
        if self.parent is None or self.owner < 0:
            return self.label
        operator = self.parent.nodes[self.owner].operator
        return f"{identifier(operator.op_type[:64])}_{self.owner}.{self.label}"

    def place(self, item: str, start: int, end: int) -> Place:
        """Where something in this graph is."""
        return Place(f"{self.route}/{item}", start, end)

    def initializer_place(self, index: int) -> Place:
        """Where an initializer is: ``graph/initializer 3 "w"``."""
        tensor = self.initializers[index]
        return self.place(
            f'initializer {index} "{printable(tensor.name)}"', tensor.start, tensor.end
        )

    def node_place(self, index: int, route: str = "") -> Place:
        """Where a node is: ``graph/node 7 "name"``; ``route`` is the graph's own where known."""
        node = self.nodes[index]
        name = f' "{printable(node.name)}"' if node.name else ""
        return Place(f"{route or self.route}/node {index}{name}", node.start, node.end)


class Function:
    """A FunctionProto; ``body`` holds its nodes and every graph inside them."""

    __slots__ = (
        "attributes",
        "body",
        "defaults",
        "end",
        "id",
        "inputs",
        "opsets",
        "outputs",
        "start",
    )

    def __init__(self, start: int, end: int) -> None:
        self.id = Operator("", "")
        self.inputs: list[bytes] = []
        self.outputs: list[bytes] = []
        self.attributes: list[bytes] = []
        self.defaults: list[Attribute] = []
        self.opsets: list[Opset] = []
        self.body = Graph("function")
        self.body.function = self
        self.start = start
        self.end = end

    @property
    def place(self) -> Place:
        """Where the function is."""
        return Place(self.body.route, self.start, self.end)


class Opset(NamedTuple):
    """An OperatorSetIdProto as written: ``ai.onnx`` and ``""`` stay apart."""

    domain: str
    version: int
    start: int
    end: int


ANOMALIES_KEPT = 500
"""Different messages about odd bytes that are kept apart."""


class Anomaly:
    """Something odd in the bytes or between fields, and where it was seen.

    ``code`` is the rule that speaks of it.
    """

    __slots__ = ("code", "count", "message", "places")

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        self.places: list[Place] = []
        self.count = 0


class Model:
    """A ModelProto: everything that could run, and what was odd on the way."""

    __slots__ = (
        "anomalies",
        "data",
        "functions",
        "graph",
        "graphs",
        "has_external_data",
        "ir_version",
        "metadata",
        "model_version",
        "opsets",
        "producer",
        "producer_version",
        "size",
        "training",
        "training_places",
    )

    def __init__(self, data: Buffer) -> None:
        self.data = data
        self.size = len(data)
        self.ir_version: int | None = None
        self.model_version = 0
        self.producer = b""
        self.producer_version = b""
        self.opsets: list[Opset] = []
        self.metadata: list[tuple[bytes, bytes]] = []
        self.graph = Graph("graph")
        self.functions: list[Function] = []
        self.has_external_data = False
        self.training: list[Graph] = []
        self.training_places: list[Place] = []
        self.graphs: list[Graph] = []
        self.anomalies: dict[tuple[str, str], Anomaly] = {}

    @property
    def place(self) -> Place:
        """The file as a whole."""
        return Place("model", 0, self.size)

    def note(self, code: str, message: str, place: Callable[[], Place]) -> None:
        """Record an anomaly; equal messages share one entry, as do all beyond a bound."""
        if len(self.anomalies) >= ANOMALIES_KEPT and (code, message) not in self.anomalies:
            message = "more of the same kind"
        anomaly = self.anomalies.get((code, message))
        if anomaly is None:
            anomaly = self.anomalies[code, message] = Anomaly(code, message)
        anomaly.count += 1
        if anomaly.count <= PLACES_KEPT:
            anomaly.places.append(place())

    def tensors(
        self, wanted: Callable[[Tensor], bool]
    ) -> Iterator[tuple[Tensor, Callable[[], Place]]]:
        """The tensors of the model that are wanted, each with a function that says where it is."""
        for graph in self.graphs:
            for index, tensor in enumerate(graph.initializers):
                if wanted(tensor):
                    yield tensor, partial(graph.initializer_place, index)
            for index, sparse in enumerate(graph.sparse_initializers):
                for part in (sparse.values, sparse.indices):
                    if part is not None and wanted(part):
                        item = f"sparse_initializer {index}"
                        yield part, partial(graph.place, item, part.start, part.end)
            for owner, name, tensor in graph.attribute_tensors:
                if not wanted(tensor):
                    continue
                item = f'attribute "{printable(name)}"'
                item = f"node {owner}/{item}" if owner >= 0 else item
                yield tensor, partial(graph.place, item, tensor.start, tensor.end)
