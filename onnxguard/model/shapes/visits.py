"""What is known of the values of a model, whichever way its graphs are entered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Generator
from functools import reduce
from itertools import chain
from typing import NamedTuple

from onnxguard.model.graph import Graph
from onnxguard.model.shapes.dims import Dim
from onnxguard.model.shapes.known import UNKNOWN, Known, Outputs
from onnxguard.model.shapes.sequences import common
from onnxguard.model.types import Clash


class Visit(NamedTuple):
    """A graph as it was entered once.

    Attributes:
        known: what is known of the values that it defines, by name.
        outputs: what comes out of it.
        inner: by the index of a node the graphs that it enters: its bodies, or a function's.
        times: by the index of a node how often those run, where that is not once.
        macs: by the index of a node its multiply-accumulates, where they were to be counted.
        workspaces: by the index of a node the elements that it needs for itself while it runs.
    """

    graph: Graph
    known: dict[bytes, Known]
    outputs: Outputs
    inner: dict[int, tuple[Visit, ...]]
    times: dict[int, Dim]
    macs: dict[int, Dim]
    workspaces: dict[int, Dim]


Walk = Generator["Walk", Visit, Visit]
NodeWalk = Generator[Walk, Visit, Outputs]


class Shapes(NamedTuple):
    """What is known of a model's values.

    Attributes:
        roots: the main graph, and those of training.
        visits: by ``id`` of a graph each way in which it was entered.
        clashes: what cannot be right.
        missing: the operators of which nothing is known, with the number of their nodes.
        counted: whether multiply-accumulates were counted.
        rounds: graphs as single rounds of a Loop or Scan enter them, where its values change.
        kept: all that is known of any value; values that are known alike share one object.
        given_up: whether a graph was entered in so many ways that others were not followed.
        taken: whether something counts that does not follow: a shape that the file declares, or
            in a trial a number.
    """

    roots: list[Visit]
    visits: dict[int, list[Visit]]
    clashes: list[Clash]
    missing: Counter[str]
    counted: bool
    rounds: list[Visit]
    kept: Collection[Known]
    given_up: bool
    taken: bool

    def of(self, graph: Graph, name: bytes) -> Known:
        """What is known of a value in sight of ``graph`` whichever way that is entered."""
        scope: Graph | None = graph
        while scope is not None:
            found = [v.known[name] for v in self.visits.get(id(scope), ()) if name in v.known]
            if found:
                shapes = [known.shape for known in found]
                return found[0] if len(found) == 1 else Known(reduce(common, shapes))
            scope = scope.parent
        return UNKNOWN

    def hidden(self) -> frozenset[tuple[int, bytes]]:
        """The values that are hidden in one of the ways a graph is entered, by its ``id``."""
        return frozenset(
            (id(visit.graph), name)
            for visit in chain(self.rounds, *self.visits.values())
            for name, known in visit.known.items()
            if known.hidden
        )


def unseen(graph: Graph, outputs: int) -> Visit:
    """A graph of whose values nothing is known, with so many outputs."""
    return Visit(graph, {}, (UNKNOWN,) * outputs, {}, {}, {}, {})
