"""Read a model's structure from its bytes: every graph, function, node and tensor header.

The walk keeps a list of graphs still to read, so that nothing recurses however deep a model nests.
"""

from __future__ import annotations

from collections import Counter

from onnxguard.base.errors import ModelError, WireError
from onnxguard.base.findings import Place
from onnxguard.base.printable import printable
from onnxguard.model import messages as m
from onnxguard.model.graph import Function, Graph, Model, Operator, Opset
from onnxguard.model.reading.careful import HEADER, Where
from onnxguard.model.reading.nodes import INLINE_NODE, OVERRIDDEN_KEPT, NodeReader
from onnxguard.model.reading.plain import TENSOR_HEAD, plain_length, plain_tensor
from onnxguard.model.wire import LEN, Buffer, Field, chunk_at, fields, read_length, signed

STEPS = 4_000_000
"""Default bound on the work of one read. A step is about a quarter of a microsecond.

A node as exporters write it costs twelve steps and one for each of its fields.
"""


def read_model(data: Buffer, steps: int = STEPS) -> Model:
    """Read the structure of a serialized ModelProto.

    Args:
        data: the whole file; only the parts that are not tensor data are touched.
        steps: how much work is allowed before the read is given up.

    Raises:
        ModelError: OG003 for bytes that are not a protobuf message, OG004 where no graph is, OG005
            where the work runs out.
    """
    try:
        return ModelReader(data, steps).read()
    except WireError as error:
        raise malformed(error) from None


def malformed(error: WireError) -> ModelError:
    """What to say of bytes that are not a protobuf message."""
    return ModelError(
        "OG003",
        f"malformed protobuf at byte {error.offset}: {error}",
        "the file is damaged, cut off or not an ONNX model: export or fetch it again",
        error.offset,
    )


class ModelReader(NodeReader):
    """Reads ModelProto, GraphProto, FunctionProto and TrainingInfoProto."""

    def read(self) -> Model:
        """Read the whole model."""
        model, data = self.model, self.data
        where = Where(None, "model")
        has_graph = False
        for name, field in self.known(m.MODEL, 0, len(data), where):
            if name == "graph":
                has_graph = True
                self.enter(model.graph, field.start, field.end)
            elif name == "ir_version":
                model.ir_version = signed(field.value)
            elif name == "opset_import":
                self.spend(HEADER)
                model.opsets.append(self.opset(field.start, field.end, where))
            elif name == "functions":
                self.function(field.start, field.end)
            elif name == "training_info":
                self.training(field.start, field.end)
            elif name == "metadata_props":
                self.spend(HEADER)
                model.metadata.append(self.entry(field.start, field.end, where))
            elif name == "model_version":
                model.model_version = signed(field.value)
            elif name == "producer_name":
                model.producer = self.text(field, "producer_name", where)
            elif name == "producer_version":
                model.producer_version = self.text(field, "producer_version", where)
            elif name in ("domain", "doc_string"):
                self.prose(field, name, where)
            elif name == "configuration":
                self.check(m.DEVICE_CONFIGURATION, field.start, field.end, where)
        self.drain()
        if not has_graph:
            raise ModelError(
                "OG004",
                "there is no graph in this file",
                "an ONNX model holds ModelProto.graph; this may be a tensor, a data file or "
                "another protobuf",
            )
        return model

    def drain(self) -> None:
        """Read the graphs on the list until none is left."""
        while self.pending:
            self.graph(*self.pending.popleft())

    def opset(self, start: int, end: int, where: Where) -> Opset:
        """Read an OperatorSetIdProto."""
        domain, version = b"", 0
        for name, field in self.known(m.OPSET_IMPORT, start, end, where):
            if name == "domain":
                domain = self.text(field, "the domain of an opset_import", where)
            else:
                version = signed(field.value)
        return Opset(domain.decode("utf-8", "surrogateescape"), version, start, end)

    def training(self, start: int, end: int) -> None:
        """Read a TrainingInfoProto; its graphs are put on the list."""
        label = f"training_info {len(self.model.training_places)}"
        self.model.training_places.append(Place(label, start, end))
        where = Where(None, label)
        parts: dict[str, Graph] = {}
        for name, field in self.known(m.TRAINING, start, end, where):
            if name in ("initialization", "algorithm"):
                part = parts.setdefault(name, Graph(f"{label}.{name}"))
                part.level = 2
                self.enter(part, field.start, field.end)
            else:
                self.check(m.ENTRY, field.start, field.end, where)
        self.model.training += parts.values()

    def function(self, start: int, end: int) -> None:
        """Read a FunctionProto: identity first, then the nodes, which stand before it."""
        self.spend(10 * HEADER)
        function = Function(start, end)
        body = function.body
        body.spans.append((start, end))
        number = len(self.model.functions)
        self.model.functions.append(function)
        self.model.graphs.append(body)
        body.label = f"function {number}"
        where = Where(body, "")
        identity = {"domain": "", "name": "", "overload": ""}
        defaults: list[Field] = []
        nodes: list[Field] = []
        for name, field in self.known(m.FUNCTION, start, end, where):
            if name == "node":
                nodes.append(field)
            elif name in identity:
                text = self.text(field, f"FunctionProto.{name}", where)
                identity[name] = text.decode("utf-8", "surrogateescape")
            elif name == "input":
                function.inputs.append(self.text(field, "a function's input", where))
            elif name == "output":
                function.outputs.append(self.text(field, "a function's output", where))
            elif name == "attribute":
                function.attributes.append(self.text(field, "a function's attribute", where))
            elif name == "attribute_proto":
                defaults.append(field)
            elif name == "opset_import":
                function.opsets.append(self.opset(field.start, field.end, where))
            elif name == "value_info":
                body.values.append(self.value(field.start, field.end, where))
            elif name == "metadata_props":
                self.check(m.ENTRY, field.start, field.end, where)
        domain = identity["domain"]
        function.id = Operator(
            "" if domain == "ai.onnx" else domain, identity["name"], identity["overload"]
        )
        body.label = f"function {function.id.label}"
        for field in nodes:
            self.node(body, field.start, field.end)
        for field in defaults:
            function.defaults.append(self.attribute(field.start, field.end, body, -1))
        self.function_attributes(function, where)

    def function_attributes(self, function: Function, where: Where) -> None:
        """Note attributes that a function declares twice, and defaults that refer to another."""
        for names in (function.attributes, [default.name for default in function.defaults]):
            twice = [name for name, times in Counter(names).items() if times > 1]
            for name in twice[:OVERRIDDEN_KEPT]:
                what = f'attribute "{printable(name)}" is declared more than once'
                self.note("OG112", what, where, function.start, function.end)
        for name in [default.name for default in function.defaults if default.ref]:
            what = f'the default of attribute "{printable(name)}" is a reference, not a value'
            self.note("OG111", what, where, function.start, function.end)

    def graph(self, graph: Graph, start: int, end: int) -> None:
        """Read a GraphProto: nodes and initializers in a tight loop, the rest field by field."""
        data = self.data
        chunk, base = chunk_at(data, start)
        near = base + len(chunk) - 12  # a tag and a length fit in what follows
        last = base + len(chunk) == len(data)
        seen: set[int] = set()
        pos = start
        while pos < end:
            if pos < base or (pos > near and not last):
                chunk, base = chunk_at(data, pos)
                near = base + len(chunk) - 12
                last = base + len(chunk) == len(data)
            at = pos - base
            tag = chunk[at]
            if tag not in (0x0A, 0x2A):  # node, initializer
                field = next(fields(data, pos, end))
                pos = field.end
                self.graph_field(graph, field, seen)
                continue
            if pos + 3 < end and chunk[at + 2] < 0x80 <= chunk[at + 1]:  # two bytes, as most have
                body, stop = pos + 3, pos + 3 + (chunk[at + 1] & 0x7F) + (chunk[at + 2] << 7)
            else:
                length, past = plain_length(chunk, at + 1)
                body = base + past
                stop = body + length
            if stop > end:
                body, stop = read_length(data, pos + 1, end)  # says what is wrong
            pos = stop
            if tag == 0x2A:  # an initializer
                head = chunk[body - base : min(stop - base, body - base + TENSOR_HEAD)]
                if len(head) < min(stop - body, TENSOR_HEAD):
                    head = data[body : min(stop, body + TENSOR_HEAD)]
                tensor = plain_tensor(head, body, stop)
                if tensor is None:
                    where = Where(graph, f"initializer {len(graph.initializers)}")
                    tensor = self.odd_tensor(body, stop, where)
                else:
                    self.pay_for(tensor)
                graph.initializers.append(tensor)
            elif stop - base <= len(chunk) and stop - body <= INLINE_NODE:
                self.inline_node(graph, chunk[body - base : stop - base], body)
            else:
                self.node(graph, body, stop)

    def graph_field(self, graph: Graph, field: Field, seen: set[int]) -> None:
        """Read one field of a GraphProto; ``seen`` are the numbers that came before."""
        self.spend(HEADER if field.number in (11, 12) else 6)
        where = Where(graph, "")
        spec = m.GRAPH.fields.get(field.number)
        if spec is None or field.wire_type != LEN:
            self.unknown(m.GRAPH, field, spec, where)
            return
        start, end, name = field.start, field.end, spec.name
        if not spec.repeated:
            if field.number in seen:
                what = f"GraphProto.{name} is given more than once"
                self.note("OG602", what, where, start, end)
            seen.add(field.number)
        if name == "value_info":
            graph.values.append(self.value(start, end, where))
        elif name == "input":
            graph.inputs.append(self.value(start, end, where))
        elif name == "output":
            graph.outputs.append(self.value(start, end, where))
        elif name == "name":
            graph.name = self.text(field, "a graph's name", where)
        elif name == "doc_string":
            self.prose(field, "a graph's doc_string", where)
        elif name == "sparse_initializer":
            where.item = f"sparse_initializer {len(graph.sparse_initializers)}"
            graph.sparse_initializers.append(self.sparse(start, end, where))
        elif name == "metadata_props":
            self.check(m.ENTRY, start, end, where)
        elif name == "quantization_annotation":
            self.check(m.QUANTIZATION, start, end, where)
        elif name == "node":
            self.node(graph, start, end)
        elif name == "initializer":
            where.item = f"initializer {len(graph.initializers)}"
            graph.initializers.append(self.tensor(start, end, where))
