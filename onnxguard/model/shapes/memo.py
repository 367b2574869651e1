"""What nodes made of the same inputs before, in this model or another.

An operator's function answers from its ``Site`` alone: from the operator, the opset of its domain,
the number of outputs, the attributes, and what is known of the inputs. All of that is in the key,
by identity where a process keeps one object for equal ones; an entry holds what its key names, so
that an identity in a key is never that of something else. What belongs to one model is not shared:
tensors and graphs, references to what a caller gives, and values that are still to be read.
"""

from __future__ import annotations

from onnxguard.model.graph import Attribute, Node
from onnxguard.model.shapes.known import OMITTED, UNKNOWN, Known, Outputs

ENTRIES = 2048
"""Entries of a full table: the next model starts with empty ones."""

LONGEST, TEXT_BYTES = 8, 256
"""The most dimensions, elements, inputs and attributes of what is shared, and bytes of a text."""

Key = tuple[object, ...]


class Memo:
    """One object for all ``Known`` that are equal, and what nodes made of such.

    ``answers`` are the outputs of nodes that call no function of the model.
    """

    def __init__(self) -> None:
        self._known = {UNKNOWN: UNKNOWN, OMITTED: OMITTED}
        self._held: list[object] = []
        self.answers: dict[Key, Outputs] = {}

    @property
    def is_full(self) -> bool:
        """Whether there is no room for more."""
        return max(len(self._known), len(self.answers)) >= ENTRIES

    def same(self, found: Known, own: dict[Known, Known]) -> Known:
        """The one object that stands for what is known: a shared one, or one of ``own``."""
        kept = None if found.stored else self._known.get(found)
        if kept is None:
            shares = len(self._known) < ENTRIES and _is_small(found)
            kept = (self._known if shares else own).setdefault(found, found)
        return kept

    def remember(self, key: Key, node: Node, inputs: Outputs, made: Outputs) -> None:
        """Keep what a node made of its inputs, if all of that is shared."""
        attributes = node.attributes
        if (
            len(self.answers) < ENTRIES
            and max(len(inputs), len(attributes), len(made)) <= LONGEST
            and all(map(self._is_shared, (*inputs, *made)))
            and all(map(_stands_alone, attributes))
        ):
            self._held.append((inputs, attributes))
            self.answers[key] = made

    def _is_shared(self, known: Known) -> bool:
        return not known.stored and self._known.get(known) is known


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
