"""What differs between two models, a section a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from onnxguard.differences import FactsDifference, Group
from onnxguard.reporters.kit import phrases, rows
from onnxguard.reporters.kit.document import Section, Table
from onnxguard.reporters.kit.words import Code, Marked, head_name

T = TypeVar("T")


SIGNS = {
    "+": Marked("added", "pass", "+"),
    "-": Marked("removed", "fail", "-"),
    "~": Marked("changed", "warning", "~"),
}
ROWS_SHOWN = 12


def sections(facts: FactsDifference) -> Iterator[Section]:
    """What differs, a section a kind; kinds that are the same are left out."""
    made = (
        _section(
            "Opset imports",
            ("Domain", "Version"),
            facts.opset_imports,
            lambda o: (o.domain, f"{o.version}"),
        ),
        _section(
            "Operators", ("Operator", "Nodes"), facts.operators, lambda u: (u.label, f"{u.count:,}")
        ),
        _section("Constant nodes", rows.CONSTANT, facts.constants, rows.constant),
        _section("Inputs", ("Input", "Type"), facts.inputs, lambda v: (v.name, rows.type_of(v))),
        _section("Outputs", ("Output", "Type"), facts.outputs, lambda v: (v.name, rows.type_of(v))),
        _section("Functions", rows.FUNCTION, facts.functions, rows.function),
        _section(
            "Initializers",
            ("Dtype", "Bytes"),
            facts.initializers,
            lambda w: (w.dtype, phrases.byte_size(w.bytes)),
        ),
        _section("Tensors in other files", rows.EXTERNAL, facts.external_data, rows.external),
        _section("Loops", rows.LOOP, facts.loops, rows.loop),
        _section(
            "Cost of a run",
            ("Figure", "Value"),
            facts.costs,
            lambda f: (f.name, f"{'' if f.exact else 'at least '}{f.value:,}"),
        ),
        _section("Metadata", ("Key", "Value"), facts.metadata, lambda p: (p.key, p.value)),
    )
    return filter(None, made)


_UNSEEN = {"Functions": "another body", "Constant nodes": "another value"}


def _arrow(old: str, new: str) -> str:
    return old if old == new else f"{old or 'none'} -> {new or 'none'}"


def _section(
    title: str, head: tuple[str, ...], group: Group[T], cells: Callable[[T], tuple[str, ...]]
) -> Section | None:
    found = [("+", cells(item), "") for item in group.added]
    found += [("-", cells(item), "") for item in group.removed]
    for pair in group.changed:
        old, new = cells(pair.old), cells(pair.new)
        both = tuple(_arrow(*each) for each in zip(old, new, strict=True))
        found.append(("~", both, _UNSEEN.get(title, "") if old == new else ""))
    signs = [sign for sign, _, _ in found]
    counts = [f"{signs.count(sign):,} {word}" for sign, word in SIGNS.items() if sign in signs]
    if group.moved:
        counts.append("in another order")
    if not counts:
        return None
    noted = any(note for _, _, note in found)
    shown = [
        (SIGNS[sign], *map(Code, texts), *([note] if noted else [])) for sign, texts, note in found
    ]
    heads = ("", *map(head_name, head), *([""] if noted else []))
    blocks = (Table(heads, shown, shown=ROWS_SHOWN),) if found else ()
    return Section(f"{title}: {', '.join(counts)}", blocks, folded=True)
