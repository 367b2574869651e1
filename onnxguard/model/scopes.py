"""Find what a name stands for: what defines it, what a call gives for it, what its value is.

Names are looked up as ONNX does: in the graph itself, then in the graphs around it; a function's
body sees nothing around it. What a function's attributes and inputs stand for is the caller's word:
``Scopes.enter`` looks at a function as one call of it does. Calls that give the same get the same
answer, so that a model is looked at once a difference and not once a call.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from onnxguard.base.budget import check
from onnxguard.base.errors import ModelError
from onnxguard.model.constants import CONSTANT, FLOATS, OMITTED, Constants, Static
from onnxguard.model.definitions import Definition, Index, index_of
from onnxguard.model.folding import Key, folded
from onnxguard.model.graph import Attribute, Function, Graph, Model, Node, Operator, Tensor
from onnxguard.model.schemas import NOTHING, Declared
from onnxguard.model.types import Types, infer_types
from onnxguard.model.wanted import Size

if TYPE_CHECKING:
    from onnxguard.model.shapes.trial import Trial
    from onnxguard.model.shapes.visits import Shapes

VISITS = 500_000
"""Nodes looked at over all calls that differ; the registry's lists allow fewer once inlined."""

CALL_COST = 40
"""What a call that differs from all before costs beside its nodes."""

INLINED = b"_inlfunc_"
"""How ONNX Runtime begins the names inside a function that it inlines; the function's follows."""


class Given(NamedTuple):
    """What a call gives for an input of a function: its value where known, and what defines it."""

    static: Static
    definitions: tuple[Definition, ...]


UNKNOWN = Static(None, 0, "an input of the graph")
REPLACEABLE = "an initializer that is an input: the caller may replace it"


class _Shared:
    """What all the scopes of one model share."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.values = Constants(model)
        self.functions: dict[Operator, Function] = {}
        self.indexes: dict[int, Index] = {}
        self.declared: dict[int, dict[bytes, int]] = {}
        self.known: dict[Key, Static] = {}
        self.entered: dict[object, Scopes] = {}
        self.named = False
        self.visits = VISITS
        self.lookups = 0
        self.shapes: dict[tuple[Size, ...], Shapes] = {}
        self.certain: dict[tuple[Size, ...], Shapes] = {}
        self.counts = False


class _Call(NamedTuple):
    """What one call gives a function."""

    shared: _Shared
    function: Function
    attributes: dict[bytes, tuple[Attribute, Scopes]]
    inputs: dict[bytes, Given]
    names: dict[bytes, bytes]


class Scopes:
    """Looks names up in a model; the index of a graph is built when it is first asked for.

    The first one of a model looks at its text: a function's inputs and attributes stand for
    nothing. ``enter`` makes the others. ``read`` holds the offsets of the tensors whose values were
    looked at.
    """

    def __init__(self, model: Model, call: _Call | None = None) -> None:
        self.function = call.function if call else None
        self._shared = call.shared if call else _Shared(model)
        self._attributes = call.attributes if call else None
        self._inputs: dict[bytes, Given] = call.inputs if call else {}
        self._omitted = frozenset(n for n, v in self._inputs.items() if v.static is OMITTED)
        self._names: dict[bytes, bytes] = call.names if call else {}
        self._schemas = NOTHING

    @property
    def model(self) -> Model:
        """The model that all this is said of."""
        return self._shared.model

    @property
    def read(self) -> set[int]:
        """The offsets of the tensors whose values were looked at."""
        return self._shared.values.read

    # -- calls ------------------------------------------------------------------------------------

    def follow(self, functions: dict[Operator, Function], named: bool) -> None:
        """Follow calls of these functions, none of which may call itself.

        ``named`` tells calls apart by the names of what they give, too.
        """
        self._shared.functions = functions
        self._shared.named = named

    def visit(self, nodes: int) -> None:
        """Take nodes of one more call from what may be looked at.

        Raises:
            ModelError: OG005 where nothing is left.
        """
        self._shared.visits -= nodes
        if self._shared.visits < 0:
            raise ModelError(
                "OG005",
                "functions are called in more different ways than can be looked at",
                "inline the functions: onnx.inliner.inline_local_functions",
            )

    def given(self, node: Node) -> list[tuple[Attribute, Scopes]]:
        """The attributes of a node and where their graphs are at home: none is a reference."""
        if self._attributes is None:
            return [(attribute, self) for attribute in node.attributes]
        found: list[tuple[Attribute, Scopes]] = []
        for attribute in node.attributes:
            if not attribute.ref:
                found.append((attribute, self))
            elif attribute.ref in self._attributes:
                value, home = self._attributes[attribute.ref]
                found.append((value._replace(name=attribute.name), home))
        return found

    def bound(self, node: Node) -> Node:
        """The node with what the caller gives in place of references and omitted inputs."""
        if self._attributes is None:
            return node
        if any(attribute.ref for attribute in node.attributes):
            node = node._replace(attributes=[attribute for attribute, _ in self.given(node)])
        if not self._omitted.isdisjoint(node.inputs):
            names = [b"" if name in self._omitted else name for name in node.inputs]
            node = node._replace(inputs=names)
        return node

    def enter(self, graph: Graph, node: Node) -> Scopes | None:
        """The function that a node of ``graph`` calls, as this call sees it; None for no call."""
        shared = self._shared
        function = shared.functions.get(node.operator)
        if function is None:
            return None
        node = self.bound(node) if self._omitted else node
        attributes = {attribute.name: (attribute, home) for attribute, home in self.given(node)}
        inputs: dict[bytes, Given] = {}
        names: dict[bytes, bytes] = {}
        for formals, actuals in (
            (function.outputs, node.outputs),
            (function.inputs, node.inputs),
        ):
            for position, formal in enumerate(formals):
                actual = actuals[position] if position < len(actuals) else b""
                if formals is function.inputs:
                    inputs[formal] = self._give(graph, actual)
                if shared.named and actual:
                    names[formal] = self.final(graph, actual)
        own = [
            (*item, id(home) if item[1].graphs else 0)
            for item, home in (((name, a), home) for name, (a, home) in attributes.items())
        ]
        key = (
            id(function),
            frozenset(own),
            tuple([_key(value) for value in inputs.values()]),
            tuple(names.values()),
        )
        entered = shared.entered.get(key)
        if entered is None:
            self.visit(CALL_COST + len(function.body.nodes) + len(inputs))
            call = _Call(shared, function, attributes, inputs, names)
            entered = shared.entered[key] = Scopes(shared.model, call)
            for default in function.defaults:
                attributes.setdefault(default.name, (default, entered))
        return entered

    def _give(self, graph: Graph, name: bytes) -> Given:
        if not name:
            return Given(OMITTED, ())
        static = self.static(graph, name, fold=True)
        found = self.define(graph, name)
        if len(found) == 1 and (
            found[0].initializer is not None
            or found[0].value is not None
            or (found[0].node is not None and found[0].node.operator == CONSTANT)
        ):
            return Given(static, tuple(found))
        return Given(static if static.is_constant else UNKNOWN, ())

    def final(self, graph: Graph, name: bytes) -> bytes:
        """The name that ONNX Runtime gives to a value once all functions are inlined."""
        if self._attributes is None or self.function is None:
            return name
        scope: Graph | None = graph
        while scope is not None and scope.parent is not None:
            if self._index(scope).has(name):
                break
            scope = scope.parent
        else:
            if name in self._names:
                return self._names[name]
        return INLINED + self.function.id.op_type.encode("utf-8", "surrogateescape") + b"_" + name

    def home_of(self, graph: Graph, name: bytes) -> Graph | None:
        """The innermost graph around a reader that defines a name."""
        scope: Graph | None = graph
        while scope is not None and not self._index(scope).has(name):
            scope = scope.parent
        return scope

    def declared(self, graph: Graph) -> dict[bytes, int]:
        """The dtypes that a graph declares, by name."""
        found = self._shared.declared.get(id(graph))
        if found is None:
            values = [*graph.values, *graph.inputs, *graph.outputs]
            found = {value.name: value.type.dtype for value in reversed(values) if value.type.dtype}
            self._shared.declared[id(graph)] = found
        return found

    # -- definitions ------------------------------------------------------------------------------

    @cached_property
    def types(self) -> Types:
        """The type of every value, and what cannot be right; found when first asked for."""
        return infer_types(self._shared.model, self._schemas)

    def declare(self, schemas: Declared) -> None:
        """Take these schemas for those of operators that nothing else defines."""
        if schemas != self._schemas:
            self._schemas = schemas
            self.__dict__.pop("types", None)

    def will_count(self) -> None:
        """Costs will be asked for: count what they are made of where shapes are inferred anyway."""
        self._shared.counts = True

    def shapes(self, sizes: tuple[Size, ...] = (), count: bool = False) -> Shapes:
        """The shape of every value, and what cannot be right; found when first asked for.

        Args:
            sizes: of inputs, in place of what the model declares.
            count: count multiply-accumulates, too.
        """
        count = count or self._shared.counts
        known = self._shared.shapes.get(sizes)
        if known is None or (count and not known.counted):
            known = self._shared.shapes[sizes] = self._inferred(sizes, count)
        return known

    def tried_shapes(self, sizes: tuple[Size, ...], trial: Trial) -> Shapes:
        """The shapes where ``trial`` stands for what is not known; found each time."""
        return self._inferred(sizes, self._shared.counts, (trial, self.types))

    def certain_shapes(self, sizes: tuple[Size, ...]) -> Shapes:
        """The shapes that follow whatever the file declares of other values than its inputs."""
        certain = self._shared.certain.get(sizes)
        if certain is None:
            certain = self.shapes(sizes)
            if certain.taken:
                certain = self._inferred(sizes, False, trusting=False)
            self._shared.certain[sizes] = certain
        return certain

    def _inferred(
        self,
        sizes: tuple[Size, ...],
        count: bool,
        trial: tuple[Trial, Types] | None = None,
        trusting: bool = True,
    ) -> Shapes:
        from onnxguard.model.shapes.infer import infer_shapes

        given = {name.encode("utf-8", "surrogateescape"): shape for name, shape in sizes}
        shared = self._shared
        return infer_shapes(shared.model, given, shared.values, count, trial, trusting)

    def define(self, graph: Graph, name: bytes) -> list[Definition]:
        """Everything that defines ``name`` in the innermost scope that does; ``b""`` is nothing."""
        self._shared.lookups += 1
        if not self._shared.lookups & 255:
            check()
        scope: Graph | None = graph
        while scope is not None and name:
            index = self._index(scope)
            if index.has(name):
                return self._definitions(scope, name, index)
            scope = scope.parent
        return []

    def _definitions(self, scope: Graph, name: bytes, index: Index) -> list[Definition]:
        found: list[Definition] = []
        if name in index.inputs:
            given = self._inputs.get(name) if scope.parent is None else None
            if given is not None and given.definitions:
                found += given.definitions
            else:
                found.append(Definition(scope, input=True, value=index.inputs[name]))
        if name in index.doubled:
            return found + index.doubled[name]
        if name in index.initializers:
            found.append(Definition(scope, initializer=index.initializers[name]))
        if name in index.nodes:
            found.append(Definition(scope, self.bound(index.nodes[name])))
        return found

    def _index(self, graph: Graph) -> Index:
        index = self._shared.indexes.get(id(graph))
        if index is None:
            index = self._shared.indexes[id(graph)] = index_of(graph)
        return index

    # -- constants --------------------------------------------------------------------------------

    def static(self, graph: Graph, name: bytes, fold: bool = False) -> Static:
        """The integers of a Constant node or initializer, or what a call gives for them.

        With ``fold`` floats as well, and what the caller of the model may replace; and simple
        arithmetic and calls are followed.
        """
        if fold:
            return folded(self, graph, name, self._shared.values, self._shared.known)
        leaf = self.leaf(graph, name)
        if isinstance(leaf, Static):
            return leaf
        return Static(None, 0, f"the output of {leaf[1].operator.label}")

    def leaf(self, graph: Graph, name: bytes, fold: bool = False) -> Static | tuple[Graph, Node]:
        """A constant or why there is none; the graph and node where one computes it."""
        if not name:
            return OMITTED
        found = self.define(graph, name)
        if not found:
            return Static(None, 0, "undefined")
        if len(found) == 1 and self._inputs and name in self._inputs:
            home = self.home_of(graph, name)
            if home is not None and home.parent is None:
                static = self._inputs[name].static
                return static if fold or not static.loose else Static(None, 0, REPLACEABLE)
        if any(definition.input for definition in found):
            stored = [d.initializer for d in found if d.initializer is not None]
            if len(found) == 1:
                return UNKNOWN
            if len(found) == 2 and stored and fold:
                default = self._shared.values.of_tensor(stored[0], "initializer", fold)
                return default._replace(loose=True)
            return Static(None, 0, REPLACEABLE)
        if len(found) > 1:
            return Static(None, 0, f"defined {len(found)} times")
        definition = found[0]
        if definition.node is None:
            if definition.initializer is None:
                return Static(None, 0, "undefined")
            return self._shared.values.of_tensor(definition.initializer, "initializer", fold)
        if definition.node.operator == CONSTANT:
            return self._shared.values.of_node(definition.node, fold)
        return definition.graph, definition.node

    def floats(self, graph: Graph, name: bytes) -> tuple[float, ...]:
        """The values of a small float constant; empty for anything else."""
        found = self.static(graph, name, fold=True)
        return found.values or () if found.dtype in FLOATS else ()


def _key(given: Given) -> object:
    """What tells two values apart that a call may give; weights of one dtype and shape do not."""
    (found,) = given.definitions or (None,)
    what: object = None
    if found is not None:
        stored = found.initializer
        if isinstance(stored, Tensor):
            what = stored.dtype, stored.dims
        elif found.value is not None:
            what = found.value.type
        else:
            what = stored.start if stored else found.node.start if found.node else None
    return given.static, what
