"""What differs inside the graphs: definitions, nodes and initializers, a section each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from onnxguard.differences import Structure
from onnxguard.differences.nodes import At, NodeChange, NodeChanges
from onnxguard.differences.weights import Range, WeightChange
from onnxguard.reporters.diff.sections import ROWS_SHOWN, SIGNS
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.document import Block, Section, Table
from onnxguard.reporters.kit.words import Code, Linked, Words, plain

Row = tuple[Words, ...]


class Link(NamedTuple):
    """Where the rows of a node lead, what leads to the first, and the node, as of ``Linked``."""

    href: str
    anchor: str
    node: str


def structure_sections(
    structure: Structure, links: Sequence[Link | None] = ()
) -> Iterator[Section]:
    """The sections of what differs; kinds that are the same are left out.

    ``links`` are for the nodes, in the order of ``node_rows``.
    """
    if structure.definitions:
        rows: list[Row] = [
            (
                Code(each.operator),
                f"{each.nodes:,}",
                f"{each.versions.old or '?'} -> {each.versions.new or '?'}",
                Code(", ".join(each.what)),
            )
            for each in structure.definitions
        ]
        table = Table(("Operator", "Nodes>", "Since", "Differs in"), rows, shown=ROWS_SHOWN)
        yield Section("Defined otherwise at the new opset", [table])
    yield from _nodes(structure, links)
    found = structure.initializers
    if found:
        heads = ("", "Initializer", "Type", "Old values", "New values", "Largest step")
        sides = [(each.new, each.old) for each in found]
        weights = [float(each.largest or 0) for each in found]
        table = Table(heads, list(map(_weight, found)), shown=ROWS_SHOWN, weights=weights)
        yield Section(f"Weights: {_counted(*_kinds(sides))}", [table], folded=True)


def _kinds(sides: Sequence[tuple[object, object]]) -> tuple[int, int, int]:
    """How many are in both, in the new model alone, in the old one alone."""
    added = sum(old is None for _, old in sides)
    removed = sum(new is None for new, _ in sides)
    return len(sides) - added - removed, added, removed


def _counted(changed: int, added: int, removed: int) -> str:
    counts = (added, "added"), (removed, "removed"), (changed, "changed")
    return ", ".join(f"{count:,} {word}" for count, word in counts if count)


def _nodes(structure: Structure, links: Sequence[Link | None]) -> Iterator[Section]:
    nodes = structure.nodes
    counted = _counted(*map(len, (nodes.changed, nodes.added, nodes.removed)))
    blocks: list[Block] = []
    if counted:
        heads = ("Operator", "Old>", "New>", "Changed>", "Added>", "Removed>")
        counts: list[Row] = [
            (Code(each.operator), *(f"{n:,}" if n else "" for n in (*each.nodes, *each[2:])))
            for each in nodes.counts
        ]
        blocks.append(Table(heads, counts, shown=ROWS_SHOWN))
        groups = zip_longest(node_rows(nodes), links)
        rows = [row for group, link in groups for row in _linked(group, link)]
        heads = ("", "Node", "Operator", "What", "Old", "New")
        blocks.append(Table(heads, rows, shown=ROWS_SHOWN))
    if nodes.renamed:
        said = f"{phrases.plural(nodes.renamed, 'value')} between nodes only called otherwise"
        counted = ", ".join(filter(None, (counted, said)))
    if counted:
        yield Section(f"Nodes: {counted}", blocks, folded=True)


def node_rows(nodes: NodeChanges) -> Iterator[list[Row]]:
    """The rows of each node that differs: those of both models, of the new, of the old one."""
    yield from (list(_changed(change)) for change in nodes.changed)
    yield from ([_alone("+", at)] for at in nodes.added)
    yield from ([_alone("-", at)] for at in nodes.removed)


def _linked(rows: list[Row], link: Link | None) -> Iterator[Row]:
    for place, (sign, at, *rest) in enumerate(rows):
        if link is None:
            yield sign, at, *rest
        else:
            anchor = "" if place else link.anchor
            yield sign, Linked(plain(at), link.href, anchor, link.node), *rest


def _alone(sign: str, at: At) -> Row:
    return SIGNS[sign], Code(at.route), Code(at.operator), "", "", ""


def differs(change: NodeChange) -> Iterator[tuple[Words, object, object]]:
    """In what a node differs, and what that is in each model."""
    old, new = change.node
    if old.operator != new.operator:
        yield "operator", old.operator, new.operator
    for what, slots in (("input", change.inputs), ("output", change.outputs)):
        yield from ((f"{what} {slot.index}", slot.old, slot.new) for slot in slots)
    yield from ((Code(each.name), each.old, each.new) for each in change.attributes)


def _changed(change: NodeChange) -> Iterator[Row]:
    """A line for each thing in which the node differs."""
    for name, *both in differs(change):
        before, after = ("none" if side is None else str(side) or '""' for side in both)
        more = "" if before != after else " (it differs further on)"
        place = Code(change.node.new.route), Code(change.node.new.operator)
        yield SIGNS["~"], *place, name, Code(before), (Code(after), more)


def _weight(change: WeightChange) -> Row:
    old, new = change.old, change.new
    types = list(dict.fromkeys(side.type for side in (old, new) if side is not None))
    largest = "" if change.largest is None else _short(change.largest)
    sign = SIGNS["+" if old is None else "-" if new is None else "~"]
    where = "" if change.graph == "graph" else f" in {change.graph}"
    shown = Code(f"{change.name}{where}"), Code(" -> ".join(types))
    return sign, *shown, *map(_range, (old, new)), Code(largest)


def _range(side: Range | None) -> Words:
    if side is None or side.least is None or side.greatest is None:
        return ""
    nans = f", {side.nans:,} NaN" if side.nans else ""
    return Code(f"{_short(side.least)} to {_short(side.greatest)}{nans}")


def _short(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
