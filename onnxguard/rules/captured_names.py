"""Names that mean something else once functions are inlined (OG513).

ONNX Runtime names what is inside a function ``_inlfunc_NAME_value`` (and ``_inlfunc_NAME_token_1_``
where the graph holds such names already), and looks a name up in the innermost graph that has it.
What it inlines may so come between a reader and the value that the file shows it. It also renames
the graphs that a call gives by the names of the function that places them.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import chain

from onnxguard.base import budget
from onnxguard.base.printable import printable
from onnxguard.model.expansion import View
from onnxguard.model.graph import Function, Graph
from onnxguard.model.scopes import INLINED
from onnxguard.model.survey import Survey
from onnxguard.rules.collector import Found, PlaceOf
from onnxguard.rules.names import given, stored

_TOKEN = re.compile(rb"_token_\d+")
MANY = 200
"""From so many functions on, each is taken to reach every other."""


def check(survey: Survey, found: Found) -> None:
    """Find the names that ONNX Runtime binds otherwise than the file reads."""
    _formals(survey, found)
    _placed(survey, found)
    nested = [view for view in survey.inlining.views if view.graph.parent is not None]
    if nested:
        _Inlined(survey).check(nested, found)


def _add(view: View, index: int, name: bytes, found: Found) -> None:
    message = f'"{printable(name)}" is another value once the functions are inlined'
    hint = "ONNX Runtime takes the value of that name inside the function: rename one of them"
    place = partial(view.graph.node_place, index)
    found.add("OG513", message, place, hint=hint, once=(id(view.graph), index))


# -- inputs of functions ---------------------------------------------------------------------------


def _formals(survey: Survey, found: Found) -> None:
    """Find what has the name of an input of the function that it stands in.

    ONNX Runtime gives both the name of what a call gives for the input. Where that is given for
    another input, too, a reader of the other one gets the value inside.
    """
    names: dict[int, set[bytes]] = {}
    for graph in survey.model.graphs:
        function = graph.function
        if function is None:
            continue
        budget.check()
        formals = names.setdefault(id(function), set(filter(None, function.inputs)))
        for index, node in enumerate(graph.nodes if formals else ()):
            for name in formals.intersection(node.outputs):
                _add_formal(function, name, partial(graph.node_place, index), found)
        if graph.parent is not None and formals:
            place = partial(graph.parent.node_place, graph.owner)
            if graph.owner < 0:  # a default of the function itself
                place = partial(graph.place, "default", *graph.spans[0])
            for name in sorted(formals.intersection(chain(given(graph), stored(graph)))):
                _add_formal(function, name, place, found)


def _add_formal(function: Function, name: bytes, place: PlaceOf, found: Found) -> None:
    label = function.id.label
    message = f'"{printable(name)}" is an input of {label} and another value inside it'
    hint = "ONNX Runtime gives both one name, and what reads another input may read this: "
    found.add("OG513", message, place, hint=hint + "rename the value inside", operator=label)


# -- graphs that a call gives ----------------------------------------------------------------------


def _placed(survey: Survey, found: Found) -> None:
    seen: set[tuple[int, int, int, int]] = set()
    names: dict[int, list[bytes]] = {}
    for view, index, home, inner in survey.inlining.placed:
        key = id(view.scopes), id(view.graph), id(home), id(inner)
        if key in seen or inner.parent is None:
            continue
        seen.add(key)
        budget.check()
        if id(inner) not in names:
            names[id(inner)] = _read_outside(view, inner)
        for name in names[id(inner)]:
            final = home.final(inner.parent, name)
            if view.scopes.home_of(view.graph, final) is None:
                continue
            if view.scopes.final(view.graph, final) != final:
                _add(view, index, name, found)


def _read_outside(view: View, root: Graph) -> list[bytes]:
    """The names that a graph, or one inside it, reads of what is around it."""
    found: dict[bytes, None] = {}
    pending = [root]
    while pending:
        graph = pending.pop()
        pending += graph.subgraphs
        read = [name for node in graph.nodes for name in node.inputs]
        for name in (*read, *(value.name for value in graph.outputs)):
            if name and name not in found:
                home = view.scopes.home_of(graph, name)
                if home is None or home.depth < root.depth:
                    found[name] = None
    return list(found)


# -- names that inlining makes ---------------------------------------------------------------------


class _Inlined:
    """What calls inside of nested graphs may put between a reader and its value."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self._functions = {f.id: f for f in survey.model.functions}
        self._names: dict[bytes, list[tuple[int, set[bytes]]]] = {}
        self._around: dict[int, frozenset[bytes]] = {}
        self._made: dict[int, frozenset[bytes]] = {}
        for graph in survey.model.graphs if self._functions else ():
            if graph.function is not None:
                self._collect(graph)

    def _collect(self, graph: Graph) -> None:
        """Note the names that a graph of a function defines."""
        function = graph.function
        op_type = _bytes(function.id.op_type) if function else b""
        known = self._names.setdefault(op_type, [])
        if not known or known[-1][0] != id(function):
            mine = next((names for key, names in known if key == id(function)), None)
            if mine is None:
                known.append((id(function), set()))
        names = next(names for key, names in known if key == id(function))
        names.update(name for node in graph.nodes for name in node.outputs)
        names.update(tensor.name for tensor in graph.initializers)
        names.update(value.name for value in graph.inputs)

    def check(self, nested: list[View], found: Found) -> None:
        """Look at every name that a nested graph reads of what is around it."""
        for view in nested:
            budget.check()
            literal = view.graph.function is None and not self._functions
            for index, node in enumerate(view.graph.nodes):
                for name in node.inputs:
                    if not name or (literal and not name.startswith(INLINED)):
                        continue
                    if self._captured(view, name):
                        _add(view, index, name, found)

    def _captured(self, view: View, name: bytes) -> bool:
        home = view.scopes.home_of(view.graph, name)
        if home is None or home is view.graph:
            return False
        final = view.scopes.final(home, name)
        if not final.startswith(INLINED):
            return False
        made = self._inlined_in(view)
        rest = _TOKEN.sub(b"", final)[len(INLINED) :]
        at = rest.find(b"_")
        while at >= 0:
            op_type, inner = rest[:at], rest[at + 1 :]
            if op_type in made:
                of_functions = self._names.get(op_type)
                if of_functions is None:
                    return final == name
                own = id(view.scopes.function)
                if any(key != own and inner in names for key, names in of_functions):
                    return True
            at = rest.find(b"_", at + 1)
        return False

    def _inlined_in(self, view: View) -> frozenset[bytes]:
        """The op_types of all that may be inlined into the nested graphs around a reader."""
        graph: Graph | None = view.graph
        path: list[Graph] = []
        while graph is not None and graph.parent is not None and id(graph) not in self._around:
            path.append(graph)
            graph = graph.parent
        made = frozenset[bytes]()
        if graph is not None and graph.parent is not None:
            made = self._around[id(graph)]
        for graph in reversed(path):
            here = self.survey.counts[id(graph)]
            made = made | {_bytes(operator.op_type) for operator in here}
            for operator in here.keys() & self._functions.keys():
                made = made | self._reached(id(self._functions[operator]))
            self._around[id(graph)] = made
        if view.unit.parent is not None:  # given to a call: it runs where the function puts it
            made = made | self._names.keys()
        return made

    def _reached(self, function: int) -> frozenset[bytes]:
        """The op_types of a function's body and of the functions that it calls."""
        if not self._made:
            bodies: dict[int, set[bytes]] = {}
            calls: dict[int, set[int]] = {}
            for graph in self.survey.model.graphs:
                if graph.function is not None:
                    here = self.survey.counts[id(graph)]
                    types = {_bytes(operator.op_type) for operator in here}
                    bodies.setdefault(id(graph.function), set()).update(types)
                    called = here.keys() & self._functions.keys()
                    calls.setdefault(id(graph.function), set()).update(
                        id(self._functions[operator]) for operator in called
                    )
            everything = frozenset().union(*bodies.values())
            for key in bodies:
                reached, pending = set[int](), [key]
                while pending and len(bodies) < MANY:
                    each = pending.pop()
                    if each not in reached:
                        reached.add(each)
                        pending += calls[each]
                parts = [bodies[each] for each in reached]
                self._made[key] = frozenset().union(*parts) if reached else everything
        return self._made.get(function, frozenset())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
