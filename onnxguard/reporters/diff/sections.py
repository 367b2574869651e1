"""What differs between two models, a section a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from onnxguard.differences import FactsDifference, Group
from onnxguard.model.facts import ConstantNode, Function, Loop, Value
from onnxguard.reporters.diff.phrases import versions
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.document import Section, Table
from onnxguard.reporters.kit.words import Code, Marked

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
        _section(
            "Constant nodes",
            ("Output", "Type", "Bytes", "Value", "Read by"),
            facts.constants,
            _constant,
        ),
        _section("Inputs", ("Input", "Type"), facts.inputs, _value),
        _section("Outputs", ("Output", "Type"), facts.outputs, _value),
        _section(
            "Functions",
            ("Function", "Nodes", "Calls", "Inputs", "Outputs", "Opsets"),
            facts.functions,
            _function,
        ),
        _section(
            "Initializers",
            ("Dtype", "Bytes"),
            facts.initializers,
            lambda w: (w.dtype, phrases.byte_size(w.bytes)),
        ),
        _section(
            "Tensors in other files",
            ("Tensor", "File", "Offset", "Length"),
            facts.external_data,
            lambda d: (d.tensor, d.location, _optional(d.offset), _optional(d.length)),
        ),
        _section("Loops", ("Loop", "Rounds", "In all", "Bound"), facts.loops, _loop),
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
    rows = [("+", cells(item), "") for item in group.added]
    rows += [("-", cells(item), "") for item in group.removed]
    for pair in group.changed:
        old, new = cells(pair.old), cells(pair.new)
        both = tuple(_arrow(*each) for each in zip(old, new, strict=True))
        rows.append(("~", both, _UNSEEN.get(title, "") if old == new else ""))
    signs = [sign for sign, _, _ in rows]
    counts = [f"{signs.count(sign):,} {word}" for sign, word in SIGNS.items() if sign in signs]
    if group.moved:
        counts.append("in another order")
    if not counts:
        return None
    noted = any(note for _, _, note in rows)
    shown = [
        (SIGNS[sign], *map(Code, texts), *([note] if noted else [])) for sign, texts, note in rows
    ]
    table = Table(("", *head, *([""] if noted else [])), shown, shown=ROWS_SHOWN)
    blocks = (table,) if rows else ()
    return Section(f"{title}: {', '.join(counts)}", blocks, folded=True)


def _constant(constant: ConstantNode) -> tuple[str, ...]:
    readers = ", ".join(constant.readers[:3]) or "nothing"
    hidden = len(constant.readers) - 3
    return (
        constant.output,
        phrases.constant_type(constant),
        f"{constant.bytes:,}",
        constant.value,
        f"{readers} and {hidden:,} more" if hidden > 0 else readers,
    )


def _value(value: Value) -> tuple[str, ...]:
    kind = "" if value.kind == "tensor" else f" {value.kind}"
    return value.name, f"{value.dtype}{phrases.dims(value.dims)}{kind}"


def _function(function: Function) -> tuple[str, ...]:
    counts = (function.nodes, function.calls, function.inputs, function.outputs)
    return (
        function.label,
        *(f"{count:,}" for count in counts),
        versions(function.opset_imports),
    )


def _loop(loop: Loop) -> tuple[str, ...]:
    rounds = "no bound" if loop.trip_count is None else f"{loop.trip_count:,}"
    return loop.place.route, rounds, _optional(loop.product), loop.source


def _optional(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
