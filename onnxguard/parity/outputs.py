"""Which tensor of the reference each output of the graph is compared with."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.running.comparison import Named
from onnxguard.running.cutting import names_read, part_of
from onnxguard.running.graph_file import OnnxModel

SHOWN = 6
"""So many names are shown of many."""


class Wanted(NamedTuple):
    """What of the graph's outputs is compared.

    Attributes:
        names: all outputs of the graph.
        asked: those that the user named, each with the reference's tensor, empty where the user
            did not name it; no output where all are compared.
    """

    names: tuple[str, ...]
    asked: Mapping[str, str] = {}


class Selection(NamedTuple):
    """What is taken of an answer of the reference.

    Attributes:
        total: how many tensors an answer has.
        positions: of the tensors that are compared, in the order of the graph's outputs.
        left: the names of the others, safe to print.
    """

    total: int
    positions: tuple[int, ...]
    left: tuple[str, ...]

    def of(self, answer: Named) -> Named:
        """Those tensors; all, where the answer has another number of them."""
        return [answer[p] for p in self.positions] if len(answer) == self.total else answer


def narrowed(model: OnnxModel, asked: Iterable[str]) -> tuple[OnnxModel, Wanted]:
    """The model as far as the outputs are made of it that are asked for; all of it for none.

    Args:
        model: the graph; its bytes stay what they are.
        asked: ``OUTPUT``, or ``OUTPUT=TENSOR`` of the reference.

    Raises:
        UsageError: an output is not there.
    """
    names = tuple(declared.name for declared in model.outputs)
    tensors: dict[str, str] = {}
    for text in asked:
        name, equals, tensor = (text, "", "") if text in names else text.rpartition("=")
        if name not in names:
            shown = printable(name if equals else text)
            there = ", ".join(map(printable, names))
            raise UsageError(f'`outputs`: no output "{shown}"; the graph has: {there}')
        tensors[name] = tensor
    if not tensors:
        return model, Wanted(names)
    kept = [value for value in model.proto.graph.output if value.name in tensors]
    proto = part_of(model.proto, [value.name for value in kept])
    proto.graph.output.extend(kept)
    proto.producer_name = model.proto.producer_name
    proto.producer_version = model.proto.producer_version
    outputs = tuple(declared for declared in model.outputs if declared.name in tensors)
    return model._replace(proto=proto, outputs=outputs), Wanted(names, tensors)


def select(
    answer: Named, states: Container[int], actual: Named, wanted: Wanted
) -> Selection | None:
    """Find the reference's tensor for every output; None where that is not beyond doubt.

    Where there are as many, the order decides. What only carries a state from call to call, as a
    cache does, may be more than the graph gives. Outputs that the user asked for are found by
    their name, or by a shape that no other tensor has.

    Raises:
        UsageError: the user named a tensor that the reference does not give.
    """
    names = names_of(answer)
    every = range(len(names))
    plain = [at for at in every if at not in states]
    positions: Sequence[int] | None = None
    if any(wanted.asked.values()) or (wanted.asked and len(names) != len(wanted.names)):
        positions = _found(answer, names, actual, wanted.asked)
    elif len(every) == len(wanted.names):
        positions = [wanted.names.index(name) for name, _ in actual]
    elif len(plain) == len(wanted.names):
        positions = plain
    if positions is None or len(positions) != len(actual):
        return None
    left = (printable(names[at]) for at in every if at not in positions)
    return Selection(len(names), tuple(positions), tuple(left))


def names_of(answer: Named) -> list[str]:
    """What the tensors of an answer are called: by their place, where they have no name."""
    return [name or str(place) for place, (name, _) in enumerate(answer)]


def _found(
    answer: Named, names: list[str], actual: Named, asked: Mapping[str, str]
) -> list[int] | None:
    lasts = [name.rpartition(".")[2] for name in names]
    places: dict[str, int] = {}
    for output, tensor in asked.items():
        wanted = tensor or output
        if wanted in names:
            places[output] = names.index(wanted)
        elif lasts.count(wanted) == 1:
            places[output] = lasts.index(wanted)
        elif tensor:
            raise UsageError(
                f'`outputs`: the reference gives no "{printable(tensor)}"; it gives: {few(names)}'
            )
    for output, array in actual:
        alike = [
            at
            for at, (_, ours) in enumerate(answer)
            if at not in places.values() and (ours.shape, ours.dtype) == (array.shape, array.dtype)
        ]
        if output not in places and len(alike) == 1:
            places[output] = alike[0]
    return [places[output] for output, _ in actual if output in places]


def few(names: Sequence[str]) -> str:
    """The first of these names, safe to print, and how many more there are."""
    shown = ", ".join(printable(name, 60) for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (shown or "nothing") + more


def remarks_on(wanted: Wanted, selection: Selection | None) -> list[str]:
    """What was not compared, a line each for the graph's side and the reference's."""
    lines = []
    if wanted.asked:
        others = [name for name in wanted.names if name not in wanted.asked]
        rest = f"; not compared: {few(others)}" if others else ""
        lines.append(f"compared as asked: {few(list(wanted.asked))}{rest}")
    if selection is not None and selection.left:
        lines.append(f"the reference also gives, not compared: {few(selection.left)}")
    return lines


def unread(model: OnnxModel, wanted: Wanted) -> frozenset[str]:
    """Inputs of a narrowed graph that only outputs depend on that are not compared."""
    if not wanted.asked:
        return frozenset()
    graph = model.proto.graph
    read = {value.name for value in graph.output}.union(*map(names_read, graph.node))
    return frozenset(declared.name for declared in model.inputs) - read
