"""The shape of every value: what follows from the graph's inputs and constants, node by node.

As ``types`` does, through the graphs inside nodes and through functions' calls; the operators'
functions stand in ``table``. What cannot be known stays unknown: a wrong shape is worse than none.
What a file declares of a value counts where nothing follows for it. Names of dimensions stand for
sizes of 1 or more, one size each.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Generator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from onnxguard.base.budget import check
from onnxguard.base.printable import printable
from onnxguard.model.constants import CONSTANT, Constants
from onnxguard.model.graph import (
    Attribute,
    Function,
    Graph,
    Model,
    Node,
    Operator,
    Opset,
    Value,
)
from onnxguard.model.shapes.bodies import enter
from onnxguard.model.shapes.counting import COUNTED, WORKSPACES, macs_of, workspace_of
from onnxguard.model.shapes.declared import (
    bound_names,
    contradicts,
    declared_shape,
    filled_in,
    without_ones,
)
from onnxguard.model.shapes.dims import Dim, Shape, shape_text
from onnxguard.model.shapes.elements import Elements, Reads, Watched
from onnxguard.model.shapes.known import (
    OMITTED,
    UNKNOWN,
    Known,
    MismatchError,
    Outputs,
    Site,
    UnknownError,
)
from onnxguard.model.shapes.memo import shared
from onnxguard.model.shapes.table import BODIES, FUNCTIONS
from onnxguard.model.shapes.trial import Trial
from onnxguard.model.shapes.visits import NodeWalk, Shapes, Visit, Walk, unseen
from onnxguard.model.types import Clash, Types
from onnxguard.model.walking import (
    attributes_of,
    captured,
    defined_names,
    file_order,
    in_order,
    run,
    weight_of,
)

VISITS = 4
VISITS_AT_LEAST = 50_000
"""Graphs are looked at again, for another call or round, until that much was looked at."""

PART = 8
"""The single rounds of one loop take no more than this part of what is left."""

NO_FIT, DECLARED = "OG184", "OG185"


_Declared = dict[bytes, tuple[Shape, Value]]


class _Scope(NamedTuple):
    """What one root and the graphs inside it share.

    Attributes:
        known: of the names in sight.
        attributes: what the caller gives a function; None outside of functions.
        versions: imported version by domain, the default one as ``""``.
        memo: the outputs of nodes by operator, attributes and what is known of their inputs.
        costs: the multiply-accumulates and the workspace, by that and what is known of the outputs.
    """

    known: dict[bytes, Known]
    attributes: Mapping[bytes, Attribute] | None
    versions: dict[str, int]
    memo: dict[tuple[object, ...], Outputs]
    costs: dict[tuple[object, ...], tuple[Dim, Dim]]


def infer_shapes(
    model: Model,
    given: Mapping[bytes, tuple[int, ...]] | None = None,
    constants: Constants | None = None,
    count: bool = False,
    trial: tuple[Trial, Types] | None = None,
    trusting: bool = True,
) -> Shapes:
    """Infer the shapes of a model's values.

    Args:
        model: as it was read.
        given: sizes of inputs of the main graph, in place of the declared ones.
        constants: reads the values of tensors, and remembers which it read.
        count: count multiply-accumulates, too.
        trial: what is taken for what is not known, and the types of values.
        trusting: what the file declares of a value counts where nothing else is known. Else, and
            in a trial, it counts for the inputs of the main graph alone.
    """
    constants = constants or Constants(model)
    return _Inference(model, given or {}, constants, count, trial, trusting).shapes()


class _Inference:
    def __init__(
        self,
        model: Model,
        given: Mapping[bytes, tuple[int, ...]],
        constants: Constants,
        count: bool,
        trial: tuple[Trial, Types] | None,
        trusting: bool,
    ) -> None:
        self._model, self._given, self._count, self._trial = model, given, count, trial
        self._trusting = trusting and trial is None
        self._taken = False
        self._elements = Elements(constants)
        self._functions = {function.id: function for function in model.functions}
        self._defaults = {id(f): {a.name: a for a in f.defaults} for f in model.functions}
        self._weights = {id(f): weight_of(f) for f in model.functions}
        self._budget = max(VISITS_AT_LEAST, VISITS * sum([len(g.nodes) for g in model.graphs]))
        self._names = bound_names(model.graph, given)
        self._captured = captured(model.graphs)
        self._calls: dict[object, Visit] = {}
        self._memo = shared()
        self._own: dict[Known, Known] = {}
        self._visits: dict[int, list[Visit]] = {}
        self._clashes: dict[tuple[object, ...], Clash] = {}
        self._missing: dict[int, str] = {}
        self._free: set[Operator] = set()
        self._decided: set[tuple[int, int]] = set()
        self._behind: dict[int, set[bytes]] = {}
        self._rounds: list[Visit] = []
        self._inside = 0

    def shapes(self) -> Shapes:
        model = self._model
        roots = [
            run(self._graph(root, _scope(model.opsets, None), ()))
            for root in (model.graph, *model.training)
        ]
        for function in model.functions:
            if id(function.body) not in self._visits:
                unknown = {name: Attribute(name, ref=name) for name in function.attributes}
                run(self._body(function, (), unknown))
        missing = Counter(self._missing.values())
        clashes = [clash for clash in self._clashes.values() if not self._is_behind(clash)]
        visits = chain(self._rounds, *self._visits.values())
        kept = {id(known): known for visit in visits for known in visit.known.values()}.values()
        given_up = self._budget < 0
        return Shapes(
            roots,
            self._visits,
            clashes,
            missing,
            self._count,
            self._rounds,
            kept,
            given_up,
            self._taken,
        )

    # -- graphs -----------------------------------------------------------------------------------

    def _graph(self, graph: Graph, scope: _Scope, given: Outputs) -> Walk:
        """Infer a graph whose inputs get ``given``."""
        if id(graph) in self._visits:
            declared = len(graph.values) + len(graph.inputs) + len(graph.outputs)
            self._budget -= 1 + len(graph.nodes) + declared + len(graph.initializers)
            if self._budget < 0:
                return unseen(graph, len(graph.outputs))
        known, own = scope.known, set()
        outer: dict[bytes, Known] = {}
        if graph.parent is not None:
            own = defined_names(graph)
            outer = {name: known.pop(name) for name in own if name in known}
        stated = [
            (value, declared_shape(value.type, self._names))
            for value in (*graph.values, *graph.outputs)
        ]
        fallback = {value.name: (shape, value) for value, shape in stated if shape is not None}
        if not self._trusting:
            fallback.clear()
        self._inputs(graph, scope, given)
        visit = unseen(graph, 0)
        left = yield from self._nodes(
            visit, scope, fallback, file_order(graph, self._captured), False
        )
        if left:
            yield from self._nodes(
                visit, scope, fallback, in_order(graph, left, self._captured), True
            )
        visit = visit._replace(
            outputs=tuple([known.get(value.name, UNKNOWN) for value in graph.outputs]),
            known={name: known[name] for name in own if name in known} if graph.parent else known,
        )
        if self._inside and id(graph) in self._visits:
            self._rounds.append(visit)
        else:
            self._visits.setdefault(id(graph), []).append(visit)
        for name in own:
            known.pop(name, None)
        known.update(outer)
        return visit

    def _inputs(self, graph: Graph, scope: _Scope, given: Outputs) -> None:
        known = scope.known
        main = graph is self._model.graph
        for index, value in enumerate(graph.inputs):
            shape = declared_shape(value.type, self._names)
            if main and value.name in self._given:
                shape = self._given[value.name]
            got = given[index] if index < len(given) else UNKNOWN
            if main:
                filled = self._tried(graph, value.name, Known(shape))
            else:
                filled = filled_in(got, shape) if self._trusting else got
                self._taken |= filled != got
            known[value.name] = self._kept(filled)
        # Until IR version 3 every initializer was an input; since, such an input has a default.
        replaced = {value.name for value in graph.inputs} if graph.initializers else set()
        if (self._model.ir_version or 0) < 4 or self._trial:
            replaced.clear()
        for tensor in graph.initializers:
            found = self._elements.of(tensor)
            if tensor.name in replaced:
                stated = known[tensor.name].shape
                found = Known(found.shape if stated is None else stated)
            known[tensor.name] = self._kept(found)
        for sparse in graph.sparse_initializers:
            if sparse.values is not None:
                known[sparse.values.name] = self._kept(Known(sparse.dims, hidden=True))
        known[b""] = OMITTED

    def _nodes(
        self,
        visit: Visit,
        scope: _Scope,
        fallback: _Declared,
        order: Sequence[int],
        last: bool,
    ) -> Generator[Walk, Visit, Sequence[int]]:
        """Infer nodes in an order; unless ``last``, stop where a name is read that is not known.

        Returns what is left.
        """
        known, nodes, memo = scope.known, visit.graph.nodes, scope.memo
        functions, answers, versions = self._functions, self._memo.answers, scope.versions
        free = self._free
        for at, index in enumerate(order):
            if not at & 255:
                check()
            operator, _, names, outputs, attributes, _, _ = nodes[index]
            made = None if names else self._constant(nodes[index])
            if made is None:
                given = tuple([known.get(name) for name in names])
                version = versions.get(operator.domain, 0)
                key = (operator, version, len(outputs), *map(id, attributes), None, *map(id, given))
                made = memo.get(key)
                if made is None:
                    if None in given and not last:
                        return order[at:]
                    inputs = tuple([UNKNOWN if each is None else each for each in given])
                    if operator not in functions:
                        made = answers.get(key)
                        if made is None and any(each.stored for each in inputs):
                            made = self._memo.recall(key, inputs, self._elements.full)
                            if made is not None:
                                memo[key] = made
                    if made is None:
                        made = yield from self._node(visit, index, scope, inputs, key)
            for place, name in enumerate(outputs):
                found = made[place] if place < len(made) else UNKNOWN
                stated = fallback.get(name) if fallback else None
                if stated is not None and stated[0] != found.shape:
                    found = self._stated(visit.graph, found, *stated, operator)
                if self._trial:
                    found = self._kept(self._tried(visit.graph, name, found))
                if name:
                    known[name] = found
            if operator not in free:
                self._cost(visit, index, scope)
        return ()

    def _cost(self, visit: Visit, index: int, scope: _Scope) -> None:
        """Count what a node costs; it is the same for all that get and give the same."""
        node = visit.graph.nodes[index]
        operator = node.operator
        counted = self._count and operator.op_type in COUNTED.get(operator.domain, ())
        roomy = operator.op_type in WORKSPACES.get(operator.domain, ())
        if not (counted or roomy):
            self._free.add(operator)
            return
        inputs = tuple([scope.known.get(name, UNKNOWN) for name in node.inputs])
        made = tuple([scope.known.get(name, UNKNOWN) for name in node.outputs])
        key = (operator, *map(id, node.attributes), None, *map(id, inputs), None, *map(id, made))
        costs = scope.costs.get(key)
        if costs is None:
            site = self._site(node, scope, inputs)
            costs = scope.costs[key] = macs_of(site, made), workspace_of(site, made)
        if counted:
            visit.macs[index] = costs[0]
        if roomy:
            visit.workspaces[index] = costs[1]

    def _stated(
        self, graph: Graph, found: Known, stated: Shape, value: Value, made_by: Operator
    ) -> Known:
        """What is known of a value of which the file declares another shape."""
        shape = found.shape
        if shape is not None and contradicts(shape, stated):
            if made_by.domain == "ai.onnx.ml" and not contradicts(
                without_ones(shape), without_ones(stated)
            ):
                return found  # CatBoost declares the [N, 1] of a regressor as [N]
            message = f'value "{printable(value.name)}" is declared as {shape_text(stated)}, it is '
            self._clash(Clash(DECLARED, message + shape_text(shape), graph, -1, value))
            return found
        filled = filled_in(found, stated)
        self._taken |= filled != found
        return self._kept(filled)

    def _tried(self, graph: Graph, name: bytes, found: Known) -> Known:
        """What is known of a value, and in a trial what is taken for the rest."""
        if self._trial is None:
            return found
        trial, types = self._trial
        kinds = types.of(graph, name)
        made = trial.known(found, next(iter(kinds)) if len(kinds) == 1 else "")
        self._taken |= made.values is not None and made.values != found.values
        return made

    def _kept(self, found: Known) -> Known:
        """The one object that stands for what is known: equal ones are told apart by none."""
        return self._memo.same(found, self._own)

    def _clash(self, clash: Clash) -> None:
        place = clash.node if clash.value is None else clash.value.start
        self._clashes.setdefault((clash.code, clash.message, id(clash.graph), place), clash)

    def _is_behind(self, clash: Clash) -> bool:
        """Whether a declared value comes of an If of which one branch alone can run.

        Exporters and onnx take both for possible, and declare what is true of the other one.
        """
        if clash.value is None or not self._decided:
            return False
        for graph in () if self._behind else self._model.graphs:  # outer ones before inner ones
            names = self._behind.setdefault(id(graph.function), {b""})
            for index, node in enumerate(graph.nodes):
                decided = (id(graph), index) in self._decided
                if decided or any(name in names for name in node.inputs if name):
                    names.update(node.outputs)
        return clash.value.name in self._behind[id(clash.graph.function)]

    # -- nodes ------------------------------------------------------------------------------------

    def _site(self, node: Node, scope: _Scope, inputs: Outputs) -> Site:
        version = scope.versions.get(node.operator.domain, 0)
        attributes = attributes_of(node, scope.attributes)
        return Site(
            node, version, inputs, attributes, self._elements.of_attribute, self._elements.full
        )

    def _node(
        self,
        visit: Visit,
        index: int,
        scope: _Scope,
        inputs: Outputs,
        key: tuple[object, ...],
    ) -> NodeWalk:
        """What is known of a node's outputs; remembered where its inputs alone decide."""
        node = visit.graph.nodes[index]
        operator = node.operator
        function = self._functions.get(operator)
        if function is not None:
            called = yield from self._call(function, node, scope, inputs)
            visit.inner[index] = (called,)
            return called.outputs
        site = self._site(node, scope, inputs)
        if not operator.domain and operator.op_type in BODIES:
            return (yield from self._bodies(visit, index, site, scope))
        rule = FUNCTIONS.get(operator.domain, {}).get(operator.op_type)
        if rule is None or operator.overload:
            self._missing[node.start] = operator.label
            visits = []
            for attribute in node.attributes:
                for body in attribute.graphs:
                    visits += [(yield self._graph(body, scope, ()))]
            if visits:
                visit.inner[index] = tuple(visits)
            return self._hidden(node, (), inputs)
        reads: Reads = []
        if any(known.stored for known in inputs):
            watched = Watched(self._elements, inputs)
            site, reads = site._replace(full=watched.full), watched.reads
        try:
            made = tuple(map(self._kept, rule(site)))
        except UnknownError:
            made = ()
        except MismatchError as error:
            self._clash(Clash(NO_FIT, f"{operator.label}: {error}", visit.graph, index))
            return ()
        made = self._hidden(node, made, inputs)
        if inputs:  # a Constant is like no other
            scope.memo[key] = made
            self._memo.remember(key, node, inputs, made, reads)
        return made

    def _hidden(self, node: Node, made: Outputs, inputs: Outputs) -> Outputs:
        """What comes out of a node; of constants alone it is hidden where it is not known."""
        for known in inputs:
            if not known.is_constant:
                return made
        made += (UNKNOWN,) * (len(node.outputs) - len(made))
        return tuple([k if k.is_constant else self._kept(k._replace(hidden=True)) for k in made])

    def _constant(self, node: Node) -> Outputs | None:
        """What is known of a Constant that is written as most are: there may be thousands."""
        if node.operator != CONSTANT or CONSTANT in self._functions or len(node.attributes) != 1:
            return None
        (attribute,) = node.attributes
        if attribute.ref or attribute.name != b"value" or not attribute.tensors:
            return None
        made = self._kept(self._elements.of_attribute(attribute.tensors[-1]))
        return self._hidden(node, (made,), ())

    def _bodies(self, visit: Visit, index: int, site: Site, scope: _Scope) -> NodeWalk:
        """What comes out of a node by its graphs, which are entered until nothing changes."""
        rounds = enter(site, self._budget // PART, self._trial is not None)
        visits: dict[int, Visit] = {}
        made: Outputs = ()
        sent: Outputs | None = None
        try:
            while True:
                entered = next(rounds) if sent is None else rounds.send(sent)
                given = tuple(map(self._kept, entered.inputs))
                if entered.single:
                    sent = (yield from self._single(entered.graph, scope, given)).outputs
                    continue
                inside = yield self._graph(entered.graph, scope, given)
                visits[id(entered.graph)] = inside
                if entered.times != 1:
                    visit.times[index] = entered.times
                sent = inside.outputs
        except StopIteration as done:
            made = done.value
        except UnknownError:
            pass
        except MismatchError as error:
            message = f"{site.node.operator.label}: {error}"
            self._clash(Clash(NO_FIT, message, visit.graph, index))
        visit.inner[index] = tuple(visits.values())
        if site.node.operator.op_type == "If" and len(visits) == 1:
            self._decided.add((id(visit.graph), index))
        return tuple(map(self._kept, made))

    def _single(self, graph: Graph, scope: _Scope, given: Outputs) -> Generator[Walk, Visit, Visit]:
        """One round of many. What does not fit in it may never run: it was told of all rounds."""
        clashes = dict(self._clashes)
        self._inside += 1
        inside = yield self._graph(graph, scope, given)
        self._inside -= 1
        self._clashes = clashes
        return inside

    def _call(
        self, function: Function, node: Node, scope: _Scope, inputs: Outputs
    ) -> Generator[Walk, Visit, Visit]:
        """A function as one call enters it; of one that calls itself nothing is known."""
        attributes = attributes_of(node, scope.attributes)
        # A round's mismatches are dropped: what is called in one is not known outside of it.
        inside = self._inside > 0
        key = id(function), inside, tuple(map(id, inputs)), tuple(attributes.items())
        if key not in self._calls:
            self._calls[key] = unseen(function.body, len(function.outputs))
            if id(function.body) in self._visits:
                self._budget -= self._weights[id(function)]
            if self._budget >= 0:
                self._calls[key] = yield self._body(function, inputs, attributes)
        return self._calls[key]

    def _body(
        self, function: Function, inputs: Outputs, attributes: dict[bytes, Attribute]
    ) -> Walk:
        given = ChainMap(attributes, self._defaults[id(function)])
        scope = _scope(function.opsets, given)
        scope.known.update(dict.fromkeys(function.inputs, OMITTED if inputs else UNKNOWN))
        scope.known.update(zip(function.inputs, inputs, strict=False))
        visit = yield self._graph(function.body, scope, ())
        outputs = tuple([scope.known.get(name, UNKNOWN) for name in function.outputs])
        entered = visit._replace(outputs=outputs)
        kept = self._visits[id(function.body)]
        if kept[-1] is visit:
            kept[-1] = entered
        return entered


def _scope(opsets: list[Opset], attributes: Mapping[bytes, Attribute] | None) -> _Scope:
    versions = {"" if o.domain == "ai.onnx" else o.domain: o.version for o in opsets}
    return _Scope({b"": OMITTED}, attributes, versions, {}, {})
