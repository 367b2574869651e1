"""What nodes made of the same inputs before, in this model or another.

An operator's function answers from its ``Site`` alone: from the operator, the opset of its domain,
the number of outputs, the attributes, and what is known of the inputs. All of that is in the key,
by identity where a process keeps one object for equal ones; an entry holds what its key names, so
that an identity in a key is never that of something else. What belongs to one model is not shared:
graphs, references to what a caller gives, and the tensors of attributes. Of a tensor that is an
input the shape is in the key, and the entry says which elements were read and what they were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onnxguard.model.graph import Attribute, Node, Tensor
from onnxguard.model.shapes.dims import Shape, Span
from onnxguard.model.shapes.elements import Reads
from onnxguard.model.shapes.known import OMITTED, UNKNOWN, Known, Outputs

ENTRIES = 2048
"""Entries of a full table: the next model starts with empty ones."""

FEW, RESTING = 100, 1000
"""A memo that fewer models fill is of no use: so many models go without one."""

LONGEST, TEXT_BYTES = 8, 256
"""The most dimensions, elements, inputs and attributes of what is shared, and bytes of a text."""

READINGS = 4
"""What is kept of nodes that are alike but for the elements that they read."""

Key = tuple[object, ...]

_ANY = Tensor(b"", 0, (), 0, (), (), False, 0, 0)
"""Stands for a tensor of which an operator's function gets no more than the shape."""


class Memo:
    """One object for all ``Known`` that are equal, and what nodes made of such.

    ``answers`` are the outputs of nodes that call no function of the model. ``_shared`` are the
    identities of what is kept here.
    """

    def __init__(self, room: int = ENTRIES) -> None:
        self.room = room
        self._known = {UNKNOWN: UNKNOWN, OMITTED: OMITTED}
        self._shared = {id(UNKNOWN), id(OMITTED)}
        self._attributes: dict[int, Attribute] = {}
        self._stand_ins: dict[Shape | None, Known] = {}
        self._by_elements: dict[Key, list[tuple[Reads, Outputs]]] = {}
        self.answers: dict[Key, Outputs] = {}

    @property
    def is_full(self) -> bool:
        """Whether there is no room for more."""
        tables = self._known, self.answers, self._by_elements, self._stand_ins, self._attributes
        return any(len(table) >= self.room for table in tables)

    def same(self, found: Known, own: dict[Known, Known]) -> Known:
        """The one object that stands for what is known: a shared one, or one of ``own``."""
        kept = None if found.stored else self._known.get(found)
        if kept is None:
            if len(self._known) < self.room and _is_small(found):
                kept = self._known.setdefault(found, found)
                self._shared.add(id(kept))
            else:
                kept = own.setdefault(found, found)
        return kept

    def recall(self, key: Key, inputs: Outputs, full: Callable[[Known], Known]) -> Outputs | None:
        """What a node made before of tensors with these shapes, and these elements where it read.

        An equal function reads the same before the first element that differs, and no more is read.
        """
        standing = [self._stand_ins.get(each.shape) if each.stored else each for each in inputs]
        for reads, made in self._by_elements.get(_in_place(key, standing), ()):
            if all(full(inputs[at]) == found for at, found in reads):
                return made
        return None

    def remember(self, key: Key, node: Node, inputs: Outputs, made: Outputs, reads: Reads) -> None:
        """Keep what a node made of its inputs and of the elements that it read of them.

        Only if all of that is shared, and short.
        """
        if len(self.answers) >= self.room or len(inputs) > LONGEST:
            return
        standing = inputs
        if any(each.stored for each in inputs):
            standing = tuple([self._stand_in(each) if each.stored else each for each in inputs])
        if (
            not self._shared.issuperset(map(id, standing))
            or not self._shared.issuperset(map(id, made))
            or not all(map(self._stands_alone, node.attributes))
        ):
            return
        if standing is inputs:
            self.answers[key] = made
        elif all(_is_small(found) for _, found in reads):
            kept = self._by_elements.setdefault(_in_place(key, standing), [])
            if len(kept) < READINGS:
                kept.append((reads, made))

    def _stand_in(self, known: Known) -> Known:
        """What stands for a tensor of this shape whose elements are to be read."""
        kept = self._stand_ins.get(known.shape)
        if kept is None:
            kept = Known(known.shape, stored=_ANY)
            if len(self._stand_ins) < self.room and len(known.shape or ()) <= LONGEST:
                self._stand_ins[known.shape] = kept
                self._shared.add(id(kept))
        return kept

    def _stands_alone(self, attribute: Attribute) -> bool:
        """Whether an attribute means the same in every model and function, and is kept."""
        if id(attribute) in self._attributes:
            return True
        held = attribute.ref or attribute.tensors or attribute.sparse or attribute.graphs
        if held or attribute.types or attribute.size > TEXT_BYTES:
            return False
        if len(self._attributes) < self.room:
            self._attributes[id(attribute)] = attribute
        return id(attribute) in self._attributes


def _in_place(key: Key, inputs: Sequence[Known | None]) -> Key:
    """The key of a node with other inputs."""
    return *key[: len(key) - len(inputs)], *map(id, inputs)


def _is_small(known: Known) -> bool:
    """Whether it is short, and of one model as of another; a bound may be a float as well."""
    shape, values = known.shape or (), known.values or ()
    if known.stored or known.tensors or max(len(shape), len(values)) > LONGEST:
        return False
    return Span not in map(type, (*shape, *values, known.length))


class _Process:
    """The memo of this process, and how many models began with it."""

    memo, models = Memo(), 0


def shared() -> Memo:
    """The memo for one more model: one that is full goes with the last model that has it.

    Where few models fill it they have little in common, and remembering would cost more than it
    saves: for a while nothing is remembered then.
    """
    held = _Process
    if held.memo.is_full and (held.memo.room or held.models >= RESTING):
        resting = held.memo.room > 0 and held.models < FEW
        held.memo, held.models = Memo(0 if resting else ENTRIES), 0
    held.models += 1
    return held.memo


def forget() -> None:
    """Start with an empty one."""
    _Process.memo, _Process.models = Memo(ENTRIES), 0
