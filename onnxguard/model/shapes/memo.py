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
from onnxguard.model.shapes.dims import Shape
from onnxguard.model.shapes.elements import Reads
from onnxguard.model.shapes.known import OMITTED, UNKNOWN, Known, Outputs

ENTRIES = 2048
"""Entries of a full table: the next model starts with empty ones."""

LONGEST, TEXT_BYTES = 8, 256
"""The most dimensions, elements, inputs and attributes of what is shared, and bytes of a text."""

READINGS = 4
"""What is kept of nodes that are alike but for the elements that they read."""

Key = tuple[object, ...]

_ANY = Tensor(b"", 0, (), 0, (), (), False, 0, 0)
"""Stands for a tensor of which an operator's function gets no more than the shape."""


class Memo:
    """One object for all ``Known`` that are equal, and what nodes made of such.

    ``answers`` are the outputs of nodes that call no function of the model.
    """

    def __init__(self) -> None:
        self._known = {UNKNOWN: UNKNOWN, OMITTED: OMITTED}
        self._held: list[object] = []
        self._stand_ins: dict[Shape | None, Known] = {}
        self._by_elements: dict[Key, list[tuple[Reads, Outputs]]] = {}
        self.answers: dict[Key, Outputs] = {}

    @property
    def is_full(self) -> bool:
        """Whether there is no room for more."""
        tables = self._known, self.answers, self._by_elements, self._stand_ins
        return any(len(table) >= ENTRIES for table in tables)

    def same(self, found: Known, own: dict[Known, Known]) -> Known:
        """The one object that stands for what is known: a shared one, or one of ``own``."""
        kept = None if found.stored else self._known.get(found)
        if kept is None:
            shares = len(self._known) < ENTRIES and _is_small(found)
            kept = (self._known if shares else own).setdefault(found, found)
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
        attributes = node.attributes
        if (
            self.is_full
            or max(len(inputs), len(attributes), len(made)) > LONGEST
            or not all(map(_stands_alone, attributes))
            or not all(_is_small(found) for _, found in reads)
            or not all(map(self._is_shared, made))
            or not all(self._is_shared(each) or self._stands_in(each) for each in inputs)
        ):
            return
        standing = [self._stand_ins[each.shape] if each.stored else each for each in inputs]
        if standing == list(inputs):
            self.answers[key] = made
        else:
            key = _in_place(key, standing)
            kept = self._by_elements.setdefault(key, [])
            if len(kept) == READINGS:
                return
            kept.append((reads, made))
        self._held.append((standing, attributes))

    def _is_shared(self, known: Known) -> bool:
        return not known.stored and self._known.get(known) is known

    def _stands_in(self, known: Known) -> bool:
        """Whether something stands for a tensor of this shape whose elements are to be read."""
        shape = known.shape
        if not known.stored or shape is None or len(shape) > LONGEST:
            return False
        self._stand_ins.setdefault(shape, Known(shape, stored=_ANY))
        return True


def _in_place(key: Key, inputs: Sequence[Known | None]) -> Key:
    """The key of a node with other inputs."""
    return *key[: len(key) - len(inputs)], *map(id, inputs)


def _is_small(known: Known) -> bool:
    size = max(len(known.shape or ()), len(known.values or ()))
    return size <= LONGEST and known.stored is None


def _stands_alone(attribute: Attribute) -> bool:
    """Whether an attribute means the same in every model and function, and is short."""
    held = attribute.ref or attribute.tensors or attribute.sparse or attribute.graphs
    return not held and not attribute.types and attribute.size <= TEXT_BYTES


_of_process = [Memo()]


def shared() -> Memo:
    """The memo for one more model: one that is full goes with the last model that has it."""
    if _of_process[0].is_full:
        _of_process[0] = Memo()
    return _of_process[0]


def forget() -> None:
    """Start with an empty one."""
    _of_process[0] = Memo()
