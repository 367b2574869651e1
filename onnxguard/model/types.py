"""The type of every value: what follows from the schemas, through bodies and functions' calls.

Reads like the standard: an output of type variable T has the type of the inputs that are bound to
T; ``output_types`` knows the operators whose attributes say more, and here stand those whose graphs
do. A function's body is typed once for each way in which it is called: other types or attributes
mean other bodies. What cannot be known stays unknown, and nothing follows from what is wrong.

Iterative: a graph is a generator that yields the graphs inside it to ``walking.run``.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import NamedTuple

from onnxguard.base.printable import printable
from onnxguard.model.graph import Attribute, Function, Graph, Model, Node, Operator, Opset, Value
from onnxguard.model.output_types import CHECKED, RULES, Typed, UnresolvedError, also_wrong
from onnxguard.model.schemas import NOTHING, Declared, Schema, declared_at, schema_at
from onnxguard.model.standard import LATEST_OPSET
from onnxguard.model.type_binding import Outcome, Problem, admitted, apply, bind, formal_at, listed
from onnxguard.model.type_names import (
    BOOL,
    INT64,
    UNKNOWN,
    declared,
    inside,
    lacking,
    sequence_of,
    shown,
    tensor_of,
)
from onnxguard.model.walking import (
    attributes_of,
    captured,
    defined_names,
    file_order,
    in_order,
    run,
    weight_of,
)

Kinds = tuple[str, ...]
Walk = Generator["Walk", Kinds, Kinds]
"""Types a graph: yields the graphs inside it, is sent the types of their outputs, returns its own.
"""
NodeWalk = Generator[Walk, Kinds, Outcome]

VISITS = 2
VISITS_AT_LEAST = 200_000
"""Functions' bodies are typed until that many things in them were looked at: nodes, their inputs
and outputs, and what is declared; or ``VISITS`` times all that there are, if this is more."""

_BODIES = frozenset({"If", "Loop", "Scan", "SequenceMap"})
_NO_OUTPUTS: Kinds = ()


class Clash(NamedTuple):
    """Something wrong with types: at a node, or at a value where ``node`` is -1.

    ``code`` is the rule that speaks of it.
    """

    code: str
    message: str
    graph: Graph
    node: int = -1
    value: Value | None = None


class Types(NamedTuple):
    """What is known of a model's values.

    Attributes:
        tables: by ``id`` of a graph the types of the values that it defines by name, one table for
            each way in which the graph is entered; an unknown type is the empty text.
        clashes: what cannot be right.
        asked: what was answered by ``of``: a function may be called in thousands of ways.
    """

    tables: dict[int, list[dict[bytes, str]]]
    clashes: list[Clash]
    asked: dict[tuple[int, bytes], set[str]]

    def of(self, graph: Graph, name: bytes) -> set[str]:
        """The types of a value in sight of ``graph``, one for each way in which it is entered."""
        tables = self.tables.get(id(graph), ())
        if len(tables) == 1 and name in tables[0]:
            return {tables[0][name]}
        key = id(graph), name
        if key not in self.asked:
            scope: Graph | None = graph
            kinds: set[str] = set()
            while scope is not None and not kinds:
                kinds = {table[name] for table in self.tables.get(id(scope), ()) if name in table}
                scope = scope.parent
            self.asked[key] = kinds
        return self.asked[key]


class _Scope(NamedTuple):
    """What one root and the graphs inside it share.

    Attributes:
        types: of the names in sight.
        attributes: what the caller gives a function; None outside of functions.
        versions: imported version by domain, the default one as ``""``.
        single: the type of the only output by operator and types of the inputs.
        several: those of nodes with more outputs, or none, by their number too.
        judged: the same by the attributes too, where they matter or something is wrong.
    """

    types: dict[bytes, str]
    attributes: Mapping[bytes, Attribute] | None
    versions: dict[str, int]
    single: dict[tuple[object, ...], str]
    several: dict[tuple[object, ...], Kinds]
    judged: dict[tuple[object, ...], Outcome]

    def remember(self, operator: Operator, inputs: Kinds, outputs: Kinds) -> None:
        """Keep what comes out of every node of an operator with such inputs."""
        if len(outputs) == 1:
            self.single[operator, *inputs] = outputs[0]
        else:
            self.several[len(outputs), operator, *inputs] = outputs


def infer_types(model: Model, declared: Declared = NOTHING) -> Types:
    """Type every value of a model that can be typed; ``declared`` are a list's own schemas."""
    return _Inference(model, declared).types()


class _Inference:
    def __init__(self, model: Model, schemas: Declared) -> None:
        self._model = model
        self._schemas = schemas
        self._functions = {function.id: function for function in model.functions}
        self._defaults = {id(f): {a.name: a for a in f.defaults} for f in model.functions}
        self._weights = {id(f): weight_of(f) for f in model.functions}
        self._captured = captured(model.graphs)
        self._calls: dict[object, Kinds] = {}
        self._entered: set[int] = set()
        self._budget = max(VISITS_AT_LEAST, VISITS * sum(self._weights.values()))
        self._tables: dict[int, list[dict[bytes, str]]] = {}
        self._clashes: dict[tuple[object, ...], Clash] = {}

    def types(self) -> Types:
        model = self._model
        for root in (model.graph, *model.training):
            run(self._graph(root, _scope(model.opsets, None), _NO_OUTPUTS))
        for function in model.functions:
            if id(function) not in self._entered:
                unknown = {name: Attribute(name, ref=name) for name in function.attributes}
                run(self._body(function, _NO_OUTPUTS, unknown))
        return Types(self._tables, list(self._clashes.values()), {})

    # -- graphs -------------------------------------------------------------------------------

    def _graph(self, graph: Graph, scope: _Scope, given: Kinds) -> Walk:
        """Type a graph whose inputs get values of the types ``given``."""
        types = scope.types
        own: set[bytes] = set()
        outer: dict[bytes, str] = {}
        if graph.parent is not None:
            own = defined_names(graph)
            outer = {name: types.pop(name) for name in own if name in types}
        stated = [(value, declared(value.type)) for value in graph.outputs]
        ends = {value.name for value, kind in stated if kind}
        ends.update([value.name for value in graph.inputs])
        # What an input or output declares of itself counts: nobody reads a value_info of it.
        values = [value for value in graph.values if value.name not in ends]
        stated = [*((value, declared(value.type)) for value in values), *stated]
        fallback = {value.name: kind for value, kind in stated if kind}
        self._inputs(graph, types, given)
        left = yield from self._nodes(
            graph, scope, fallback, file_order(graph, self._captured), False
        )
        if left:
            order = in_order(graph, left, self._captured)
            yield from self._nodes(graph, scope, fallback, order, True)
        for value, kind in stated:
            known = types.get(value.name)
            if known and kind and known != kind:
                self._declared(graph, value, kind, known)
            if not kind and known is not None:
                self._incomplete(graph, value)
        outputs = tuple([types.get(v.name) or fallback.get(v.name, UNKNOWN) for v in graph.outputs])
        table = {name: types.get(name, UNKNOWN) for name in own} if graph.parent else types
        self._tables.setdefault(id(graph), []).append(table)
        for name in own:
            types.pop(name, None)
        types.update(outer)
        return outputs

    def _inputs(self, graph: Graph, types: dict[bytes, str], given: Kinds) -> None:
        for index, value in enumerate(graph.inputs):
            kind = declared(value.type)
            known = given[index] if index < len(given) else UNKNOWN
            if kind and known and kind != known:
                self._declared(graph, value, kind, known)
            types[value.name] = known or kind
            if not kind:
                self._incomplete(graph, value)
        stored = {tensor.name: tensor_of(tensor.dtype) for tensor in graph.initializers}
        for value in graph.inputs if stored else ():
            kind, known = types[value.name], stored.get(value.name, UNKNOWN)
            if kind and known and kind != known:
                self._declared(graph, value, kind, known)
        types.update(stored)
        if graph is self._model.graph:
            self._untyped(graph, [value for value in graph.inputs if value.name not in stored])
        for sparse in graph.sparse_initializers:
            if sparse.values is not None:  # runtimes make it dense, the standard calls it sparse
                types[sparse.values.name] = UNKNOWN
        types[b""] = UNKNOWN

    def _nodes(
        self,
        graph: Graph,
        scope: _Scope,
        fallback: dict[bytes, str],
        order: Sequence[int],
        last: bool,
    ) -> Generator[Walk, Kinds, Sequence[int]]:
        """Type nodes in an order; unless ``last``, stop where a name is read that is not known yet.

        Returns what is left.
        """
        types, nodes, single, several = scope.types, graph.nodes, scope.single, scope.several
        judged = scope.judged
        get = types.get
        for at, index in enumerate(order):
            operator, _, inputs, outputs, attributes, _, _ = nodes[index]
            key: tuple[object, ...]
            if len(inputs) == 1:  # most nodes have one or two
                key = operator, get(inputs[0])
            elif len(inputs) == 2:
                key = operator, get(inputs[0]), get(inputs[1])
            elif inputs:
                key = (operator, *map(get, inputs))
            else:  # a Constant, of which thousands are of one type
                key = (operator, *map(_mark, attributes))
            if len(outputs) == 1:
                one = single.get(key)
                if one is not None and outputs[0]:
                    types[outputs[0]] = one or fallback.get(outputs[0], UNKNOWN)
                    continue
            kinds = several.get((len(outputs), *key))
            if kinds is None:
                if not last and None in key:
                    return order[at:]
                given = tuple([get(name) or UNKNOWN for name in inputs])
                own = (*map(_mark, attributes), operator, len(outputs), *given)
                outcome = judged.get(own) or (
                    yield from self._node(graph, index, scope, given, own)
                )
                for problem in outcome.problems:
                    self._clash(Clash(*problem, graph, index))
                kinds = outcome.outputs
                alone = not inputs and len(outputs) == len(kinds) == 1
                if alone and own in judged and not outcome.problems:
                    single[key] = kinds[0]
            for name, kind in zip(outputs, kinds):  # noqa: B905 # a call may have more of either
                if name:
                    types[name] = kind or fallback.get(name, UNKNOWN)
        return ()

    def _declared(self, graph: Graph, value: Value, kind: str, known: str) -> None:
        message = f'value "{printable(value.name)}" is declared as {shown(kind)}, it is '
        self._clash(Clash("OG179", message + shown(known), graph, -1, value))

    def _incomplete(self, graph: Graph, value: Value) -> None:
        """Say where a type leaves out what it holds; nobody reads those of a function's body."""
        lacks = lacking(value.type)
        if lacks and (graph.parent is not None or graph.function is None):
            shape = value.type.kind.replace("(undeclared)", "")
            message = f'value "{printable(value.name)}" is declared as {shape} without {lacks}'
            self._clash(Clash("OG182", message, graph, -1, value))

    def _untyped(self, graph: Graph, inputs: Iterable[Value]) -> None:
        """Say which inputs that get no type from elsewhere declare none."""
        for value in inputs:
            if value.type.kind == "undeclared":
                message = f'input "{printable(value.name)}" has no type'
                self._clash(Clash("OG182", message, graph, -1, value))

    def _clash(self, clash: Clash) -> None:
        place = clash.node if clash.value is None else clash.value.start
        self._clashes.setdefault((clash.code, clash.message, id(clash.graph), place), clash)

    # -- nodes --------------------------------------------------------------------------------

    def _node(
        self, graph: Graph, index: int, scope: _Scope, inputs: Kinds, own: tuple[object, ...]
    ) -> NodeWalk:
        """The types of a node's outputs.

        Remembered where the types of its inputs decide, or as ``own`` where its attributes do, too.
        """
        node = graph.nodes[index]
        operator, count = node.operator, len(node.outputs)
        function = self._functions.get(operator)
        if function is not None:
            return Outcome((yield from self._call(function, node, scope, inputs)))
        version = scope.versions.get(operator.domain, 0)
        schema = _schema(operator, version, self._schemas)
        if schema is None:
            yield from self._insides(node, scope)
            outcome = Outcome((UNKNOWN,) * count)
            if not any(attribute.graphs for attribute in node.attributes):
                scope.remember(operator, inputs, outcome.outputs)
            return outcome
        known_by_name = (operator.domain, operator.op_type) not in self._schemas
        outcome = (apply if known_by_name else bind)(schema, version, inputs, count)
        typed = Typed(node, inputs, attributes_of(node, scope.attributes))
        if not operator.domain and operator.op_type in _BODIES:
            found = yield from self._bodies(typed, scope, version)
        else:
            rule = RULES.get(operator.domain, {}).get(operator.op_type)
            if rule is None and operator.op_type not in CHECKED:
                if any(attribute.graphs for attribute in node.attributes):
                    yield from self._insides(node, scope)
                    return outcome
                if outcome.problems:
                    scope.judged[own] = outcome
                else:
                    scope.remember(operator, inputs, outcome.outputs)
                return outcome
            found = _by_rule(typed, outcome)
            merged = scope.judged[own] = _merged(schema, version, outcome, found)
            return merged
        return _merged(schema, version, outcome, found)

    def _insides(self, node: Node, scope: _Scope) -> Generator[Walk, Kinds, None]:
        """Type the graphs of a node of which nothing is known."""
        for attribute in node.attributes:
            for body in attribute.graphs:
                yield self._graph(body, scope, _NO_OUTPUTS)

    def _call(self, function: Function, node: Node, scope: _Scope, inputs: Kinds) -> Walk:
        """The outputs of a function for these types and attributes; of a recursive one none."""
        attributes = attributes_of(node, scope.attributes)
        key = id(function), inputs, tuple(attributes.items())
        if key not in self._calls:
            self._calls[key] = _NO_OUTPUTS
            if self._budget > 0:
                self._calls[key] = yield self._body(function, inputs, attributes)
        return self._calls[key]

    def _body(self, function: Function, inputs: Kinds, attributes: dict[bytes, Attribute]) -> Walk:
        self._entered.add(id(function))
        self._budget -= self._weights[id(function)]
        scope = _scope(function.opsets, ChainMap(attributes, self._defaults[id(function)]))
        scope.types.update(dict.fromkeys(function.inputs, UNKNOWN))
        scope.types.update(zip(function.inputs, inputs, strict=False))
        yield self._graph(function.body, scope, _NO_OUTPUTS)
        return tuple([scope.types.get(name, UNKNOWN) for name in function.outputs])

    # -- nodes whose graphs say what comes out ------------------------------------------------

    def _bodies(self, typed: Typed, scope: _Scope, version: int) -> NodeWalk:
        op_type = typed.node.operator.op_type
        try:
            if op_type == "If":
                return (yield from self._if(typed, scope))
            body, number = _graph_of(typed, b"body"), typed.attribute(b"num_scan_inputs")
        except UnresolvedError:
            return Outcome(_NO_OUTPUTS)
        if body is None:
            return Outcome(_NO_OUTPUTS)
        inputs = typed.inputs
        if op_type == "Loop":
            if not any(typed.node.inputs[1:2]):  # ONNX Runtime types the condition as the node does
                self._untyped(body, body.inputs[1:2])
            outputs = yield self._graph(body, scope, (INT64, BOOL, *inputs[2:]))
            return _carried(typed, inputs[2:], outputs[1:])
        if op_type == "Scan":
            inputs = inputs[1:] if version < 9 else inputs
            outputs = yield self._graph(body, scope, inputs)
            scanned = len(inputs) if number is None or number.i is None else number.i
            return _carried(typed, inputs[: max(len(inputs) - scanned, 0)], outputs)
        given = tuple([inside(kind, "seq") or kind for kind in inputs])
        outputs = yield self._graph(body, scope, given)
        return Outcome(tuple(map(sequence_of, outputs)))

    def _if(self, typed: Typed, scope: _Scope) -> NodeWalk:
        branches: list[Kinds] = []
        for name in (b"then_branch", b"else_branch"):
            body = _graph_of(typed, name)
            branches.append(_NO_OUTPUTS if body is None else (yield self._graph(body, scope, ())))
        problems: list[Problem] = []
        outputs: list[str] = []
        for index, (one, other) in enumerate(zip(*branches, strict=False)):
            if one and other and one != other:
                message = f"If: output {index} is {shown(one)} in then_branch and {shown(other)} in"
                problems.append(Problem("OG180", f"{message} else_branch"))
                outputs.append(UNKNOWN)
            else:
                outputs.append(one or other)
        return Outcome(tuple(outputs), tuple(problems))


def _scope(opsets: list[Opset], attributes: Mapping[bytes, Attribute] | None) -> _Scope:
    versions = {"" if o.domain == "ai.onnx" else o.domain: o.version for o in opsets}
    return _Scope({b"": UNKNOWN}, attributes, versions, {}, {}, {})


def _schema(operator: Operator, version: int, declared: Declared) -> Schema | None:
    """What is known of an operator at an opset; nothing of one that is younger than the table."""
    domain, op_type = operator.domain or "ai.onnx", operator.op_type
    if operator.overload or version > LATEST_OPSET.get(domain, version):
        return None
    found = declared_at(declared, domain, op_type, version) or schema_at(domain, op_type, version)
    return found if found or operator.domain else schema_at("onnxruntime", op_type, version)


def _mark(attribute: Attribute) -> object:
    """What of an attribute decides on types: of a tensor its dtype, and no value."""
    if attribute.tensors and attribute[2:9] == _BEFORE and attribute[10:] == _BEHIND:
        return attribute.name, attribute.type, attribute.tensors[-1].dtype
    return id(attribute)


_BEFORE, _BEHIND = Attribute(b"")[2:9], Attribute(b"")[10:]
"""What an attribute holds beside its tensors where it holds nothing else."""


def _graph_of(typed: Typed, name: bytes) -> Graph | None:
    attribute = typed.attribute(name)
    return attribute.graphs[-1] if attribute is not None and attribute.graphs else None


def _by_rule(typed: Typed, outcome: Outcome) -> Outcome:
    """What the attributes of a node say of its outputs."""
    operator = typed.node.operator
    rule = RULES.get(operator.domain, {}).get(operator.op_type)
    try:
        outputs = _NO_OUTPUTS if rule is None else rule(typed)
        problem = None if outcome.problems else also_wrong(typed)
    except UnresolvedError:
        return Outcome(_NO_OUTPUTS)
    return Outcome(outputs, () if problem is None else (problem,))


def _carried(typed: Typed, given: Kinds, outputs: Kinds) -> Outcome:
    """The outputs of a Loop or Scan: what goes round must come out as it went in.

    But for an optional that a Loop fills: it goes in as ``optional(X)`` and comes out as X.
    """
    problems: list[Problem] = []
    found = list(outputs)
    label = typed.node.operator.op_type
    for index, (before, after) in enumerate(zip(given, outputs, strict=False)):
        if before and after and after not in (before, inside(before, "optional")):
            message = f"{label}: value {index} goes in as {shown(before)} and comes out as "
            problems.append(Problem("OG180", message + shown(after)))
            found[index] = UNKNOWN
        else:
            found[index] = after or before
    return Outcome(tuple(found), tuple(problems))


def _merged(schema: Schema, version: int, outcome: Outcome, found: Outcome) -> Outcome:
    """What the schema says of a node together with what its attributes or graphs do."""
    outputs = list(outcome.outputs)
    problems = [*outcome.problems, *found.problems]
    for index, kind in enumerate(found.outputs[: len(outputs)]):
        formal = formal_at(schema.outputs, index)
        if outputs[index] or not kind or formal is None:
            continue
        allowed = admitted(schema, formal)
        if kind in allowed:
            outputs[index] = kind
        else:
            name = schema.name
            message = f"{name}: output {index} is {shown(kind)}, {name} at opset {version} gives "
            problems.append(Problem("OG178", message + listed(allowed)))
    return Outcome(tuple(outputs), tuple(problems))
