"""The tensors that follow from a model's inputs and constants, each and all at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from math import inf, prod
from typing import NamedTuple

from onnxguard.base.budget import check as check_time
from onnxguard.model.constants import CONSTANT
from onnxguard.model.graph import Graph
from onnxguard.model.shapes.dims import is_sum, least, most_at_one, shape_text, text
from onnxguard.model.shapes.known import OMITTED, Known
from onnxguard.model.shapes.trial import Trial
from onnxguard.model.shapes.visits import Shapes, Visit
from onnxguard.model.survey import Survey
from onnxguard.policy.allowlist import DEFAULT_LIMITS, Allowlist
from onnxguard.rules.collector import Found

OF_A_SEQUENCE = 64
"""Elements that each tensor of a sequence counts for beside its own: it is an object by itself."""

WIDEST = 16
"""Bytes of an element of the widest dtype."""

PER_ELEMENT = 32
"""Bytes that a run may hold for each element of its inputs, where that is more than the default."""

FEW = DEFAULT_LIMITS["activation_bytes"] // WIDEST
"""Elements of all values together that a run may hold, whichever of them are alive."""

RANKS = range(1, 6)
"""What a value may have of which none is known, as images and texts do."""

Reported = set[tuple[int, int]]
"""Nodes that are judged already, by ``id`` of their graph and index."""


def check(survey: Survey, policy: Allowlist, found: Found, reported: Reported) -> None:
    """Compare what comes out of each node, and what is alive at once, with the list's limits."""
    shapes = survey.scopes.shapes(policy.sizes)
    _check(survey, policy, found, reported, shapes, "")
    pending = _trials(shapes, policy.limit("tensor_elements"))
    while pending and not reported:
        trial = pending.pop(0)
        tried = survey.scopes.tried_shapes(policy.sizes, trial)
        where = (
            f" where each size that is not known is {trial.size}, and each number {trial.number}"
        )
        _check(survey, policy, found, reported, tried, where)
        if tried.taken and trial.number:
            pending.append(trial._replace(number=0))


def _check(
    survey: Survey,
    policy: Allowlist,
    found: Found,
    reported: Reported,
    shapes: Shapes,
    where: str,
) -> None:
    limit = policy.limit("tensor_elements")
    if shapes.given_up and limit is not None:
        message = "sizes are not known: calls and rounds differ in more ways than are followed"
        hint = "inline the functions, or unroll the loops before the export"
        found.add("OG301", message, survey.model.place, hint=hint)
    # What is read for its elements has few.
    sizes = {id(known): elements(known) for known in shapes.kept if known.stored is None}
    large = limit is not None and max(sizes.values(), default=0) > limit
    judge = _Judge(policy, found, reported, sizes, limit or 0, set(), where)
    for visit in _visits(shapes) if limit is not None else ():
        if large or visit.workspaces:
            judge.outputs(visit)
            judge.workspaces(visit)
    if not reported:
        _at_once(survey, policy, found, shapes, sizes, where)


def _trials(shapes: Shapes, limit: int | None) -> list[Trial]:
    """What to take for what is not known; nothing where all is known, or small for small names."""
    opened = [known for known in shapes.kept if not _is_settled(known)]
    rooms = [size for visit in _visits(shapes) for size in visit.workspaces.values()]
    most = max([*map(_most, opened), *[most_at_one(size) or 0 for size in rooms]], default=0)
    values = sum([len(visit.known) for visit in _visits(shapes)]) + len(rooms)
    if not shapes.taken and (not opened or most * values <= min(limit or FEW, FEW)):
        return []
    ranks = RANKS if any(known.shape is None for known in opened) else RANKS[:1]
    return [Trial(size=1, number=1, rank=rank) for rank in ranks]


def _is_settled(known: Known) -> bool:
    """Whether a bound says how large a value is where each name stands for 1."""
    if known.shape is None:
        return known == OMITTED
    for dim in known.shape:
        if not isinstance(dim, int) and not is_sum(dim):
            return False
    return known.length is None or isinstance(known.length, int)


def _most(known: Known) -> float:
    """No fewer than the elements of a value where each name stands for 1; infinite where open."""
    if known.shape is None or not (known.length is None or isinstance(known.length, int)):
        return inf
    dims = [dim if type(dim) is int else most_at_one(dim) for dim in known.shape]
    return inf if None in dims else prod([dim for dim in dims if dim is not None])


def elements(known: Known) -> int:
    """The least elements of a value, of a sequence those of all its tensors; 0 of what is unknown.

    Names of dimensions stand for 1 or more, as does what is unknown.
    """
    shape = known.shape
    if known.tensors is not None:
        return sum([elements(Known(each)) + OF_A_SEQUENCE for each in known.tensors])
    sizes = (
        ()
        if shape is None
        else [d if type(d) is int and d >= 0 else max(least(d), 0) for d in shape]
    )
    count = 0 if shape is None else prod(sizes)
    if known.length is None:
        return count
    return max(least(known.length), 0) * (count + OF_A_SEQUENCE)


def _visits(shapes: Shapes) -> Iterator[Visit]:
    return chain(shapes.rounds, *shapes.visits.values())


class _Judge(NamedTuple):
    """Finds the nodes that need too much.

    Attributes:
        sizes: the elements of all that is known of a value, by its ``id``.
        within: the graphs that hold such a node, or enter one that does.
        where: for which inputs that holds, to be said of them; empty for all.
    """

    policy: Allowlist
    found: Found
    reported: Reported
    sizes: dict[int, int]
    limit: int
    within: set[int]
    where: str

    def outputs(self, visit: Visit) -> None:
        """Nodes that make more of less: what passes a large tensor on is not the cause."""
        check_time()
        known, sizes = visit.known, self.sizes
        large = {name for name, each in known.items() if sizes.get(id(each), 0) > self.limit}
        for index, node in enumerate(visit.graph.nodes if large else ()):
            made = large.intersection(node.outputs)
            if made and large.isdisjoint(node.inputs) and node.operator != CONSTANT:
                each = max([known[name] for name in made], key=lambda each: sizes[id(each)])
                count = sizes[id(each)]
                if each.length is None:
                    exact = all(isinstance(dim, int) for dim in each.shape or ())
                    what = f"gives {shape_text(each.shape)}: {_counted(count, exact)} elements"
                else:
                    what = f"gives {text(each.length)} tensors of {shape_text(each.shape)}: "
                    what += f"they count for {_counted(count, False)} elements"
                self._add(visit, index, what)

    def workspaces(self, visit: Visit) -> None:
        """Nodes that need more for themselves while they run."""
        for index, size in visit.workspaces.items():
            if least(size) > self.limit:
                count = _counted(least(size), isinstance(size, int))
                self._add(visit, index, f"needs room for {count} elements while it runs")

    def _add(self, visit: Visit, index: int, what: str) -> None:
        graph: Graph | None = visit.graph
        while graph is not None:
            self.within.add(id(graph))
            graph = graph.parent
        graph = visit.graph
        if (id(graph), index) in self.reported:
            return
        if any(id(inner.graph) in self.within for inner in visit.inner.get(index, ())):
            return
        self.reported.add((id(graph), index))
        decided, label = self.policy.limits["tensor_elements"], graph.nodes[index].operator.label
        self.found.add(
            "OG301",
            f"{label} {what}{self.where}, {self.limit:,} are allowed",
            partial(graph.node_place, index),
            hint="a small file must not ask for a large tensor: look at the sizes before the node",
            operator=label,
            adr=decided.decision.label,
        )


def _counted(count: int, exact: bool) -> str:
    if count >= 1 << 63:
        return "more than 2**63"
    return f"{count:,}" if exact else f"at least {count:,}"


def _at_once(
    survey: Survey,
    policy: Allowlist,
    found: Found,
    shapes: Shapes,
    sizes: dict[int, int],
    where: str,
) -> None:
    """Compare what is alive at once with what is allowed where the list does not say."""
    most = DEFAULT_LIMITS["activation_bytes"]
    if "activation_bytes" in policy.limits:  # judged with the other costs
        return
    values = sum([len(visit.known) for visit in _visits(shapes)])
    if values * max(sizes.values(), default=0) * WIDEST <= most:
        return
    total = 0
    for visit in _visits(shapes):
        check_time()
        for node in visit.graph.nodes:
            total += sum([sizes.get(id(visit.known.get(name)), 0) for name in node.outputs])
    if total * WIDEST <= most:
        return
    from onnxguard.model.shapes.cost import cost_of

    cost, known = cost_of(survey.model, shapes, survey.scopes.types), shapes.roots[0].known
    inputs = {value.name for value in survey.model.graph.inputs}
    read = sum([elements(known[name]) for name in inputs if name in known])
    allowed = max(most, PER_ELEMENT * read)
    if cost.activation_bytes > allowed:
        message = f"a run holds {'' if cost.exact else 'at least '}{cost.activation_bytes:,} bytes "
        message += f"at once{where}, {allowed:,} are allowed where no list says"
        hint = "a small file must not ask for much memory: raise limits.activation_bytes if it is "
        found.add("OG210", message, survey.model.place, hint=f"{hint}meant")
