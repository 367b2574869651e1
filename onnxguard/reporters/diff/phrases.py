"""Words and numbers that the formats of ``diff`` share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from onnxguard.differences import Difference, FactsDifference, Group, Judged, Structure
from onnxguard.model.facts import Facts
from onnxguard.reporters.kit import phrases, rows
from onnxguard.reporters.kit.words import listed
from onnxguard.scanning.report import Verdict

Number = int | str | None


def likeness(difference: Difference) -> str:
    """One sentence: how alike the files are, and nothing that was not compared."""
    structure, facts = difference.structure, difference.facts
    if structure is None or facts is None:
        return "not compared: a model could not be read"
    if difference.identical:
        said = "the same file, byte for byte"
        if structure.changed:
            of = phrases.plural(structure.weights, "initializer")
            said += f", other weights beside it: {structure.changed:,} of {of} hold other values"
    elif not structure.compared:
        said = f"other files; the graphs were not compared: {structure.difference}"
    elif not structure.same:
        said = f"other graphs; the first difference: {structure.difference}"
    else:
        told = any(not row_group.same for row_group in groups(facts)) or _header_differs(facts)
        graph = "the same graph" if told else "the same structure"
        if structure.definitions:
            graph = f"the same nodes, some defined otherwise ({definitions(structure)})"
        if structure.changed:
            of = phrases.plural(structure.weights, "initializer")
            said = f"{graph}, other weights: {structure.changed:,} of {of} hold other values"
        elif difference.identical is None:
            said = graph
        else:
            rest = "what is listed" if told else "encoding, or in what no runtime computes by"
            weights = "" if structure.elsewhere else " and the same weights"
            said = f"{graph}{weights}; the files differ in {rest}"
    if structure.elsewhere:
        where = "in other files" if difference.identical is not None else "at an address"
        said += f"; {phrases.plural(structure.elsewhere, 'tensor')} {where} not compared"
    return said


def definitions(structure: Structure) -> str:
    """``Softmax 11 -> 13``, of each operator that is defined otherwise, cut after some."""
    versions = (
        f"{each.operator} {each.versions.old or '?'} -> {each.versions.new or '?'}"
        for each in structure.definitions
    )
    return listed(versions, rows.VERSIONS_SHOWN)


def _header_differs(facts: FactsDifference) -> bool:
    return any(old != new for name, old, new in numbers(facts) if name != "size")


def groups(facts: FactsDifference) -> Iterator[Group[Any]]:
    """Every group of the facts."""
    for field in facts:
        if isinstance(field, Group):
            yield field


def numbers(facts: FactsDifference) -> list[tuple[str, Number, Number]]:
    """Field, old and new of all that is one number or word."""
    old, new = (_numbers(each) for each in (facts.old, facts.new))
    return [(field, old[field], new[field]) for field in LABELS]


def _numbers(facts: Facts) -> dict[str, Number]:
    counted = {
        "producer": f"{facts.producer} {facts.producer_version}".strip(),
        "loops": len(facts.loops),
        "functions": len(facts.functions),
        "constant_nodes": len(facts.constants),
        "constant_bytes": sum(constant.bytes for constant in facts.constants),
        "initializer_bytes": sum(facts.initializer_bytes.values()),
        "external_tensors": len(facts.external_data),
    }
    return {**facts._asdict(), **counted}


LABELS = {
    "size": "size",
    "ir_version": "IR version",
    "model_version": "model version",
    "producer": "producer",
    "graph_name": "graph name",
    "nodes": "nodes",
    "expanded_nodes": "nodes, inlined",
    "graphs": "graphs",
    "depth": "depth",
    "training_graphs": "training graphs",
    "loops": "Loops",
    "expanded_loops": "Loops, inlined",
    "functions": "functions",
    "constant_nodes": "Constant nodes",
    "constant_bytes": "Constant bytes",
    "initializers": "initializers",
    "initializer_bytes": "initializer bytes",
    "external_tensors": "external tensors",
}
"""What is one number or word, and what it is called."""

_BYTES = frozenset({"size", "constant_bytes", "initializer_bytes"})


class NumberRow(NamedTuple):
    """A number that changed: its name, and old, new and the difference as text."""

    name: str
    old: str
    new: str
    change: str


def changed_numbers(facts: FactsDifference) -> list[NumberRow]:
    """Of the numbers and words, those that differ; inlined ones if that makes a difference."""
    changed = [row for row in numbers(facts) if row[1] != row[2]]
    plainer = {(f"expanded_{field}", old, new) for field, old, new in changed}
    return [
        NumberRow(LABELS[field], _shown(field, old), _shown(field, new), _change(field, old, new))
        for field, old, new in changed
        if (field, old, new) not in plainer
    ]


def unchanged(facts: FactsDifference) -> str:
    """``IR 8, opset 17, 31 nodes``: what a reviewer asks for first, where it is the same."""
    old, new = facts.old, facts.new
    parts = []
    if old.size == new.size:
        parts.append(phrases.byte_size(new.size))
    if old.ir_version == new.ir_version:
        parts.append("no IR version" if new.ir_version is None else f"IR {new.ir_version}")
    if facts.opset_imports.same:
        parts += [rows.versions(new.opset_imports)] if new.opset_imports else ["no opset"]
    if old.nodes == new.nodes:
        parts.append(phrases.plural(new.nodes, "node"))
    if facts.operators.same:
        parts.append(phrases.plural(len(new.operators), "operator"))
    if facts.constants.same:
        parts.append(phrases.plural(len(new.constants), "Constant node"))
    if facts.inputs.same:
        parts.append(phrases.plural(len(new.inputs), "input"))
    if facts.outputs.same:
        parts.append(phrases.plural(len(new.outputs), "output"))
    return ", ".join(parts)


def _shown(field: str, value: Number) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, str):
        return value
    if value == -1 and field.startswith("expanded"):
        return "endless"
    return phrases.byte_size(value) if field in _BYTES else f"{value:,}"


def _change(field: str, old: Number, new: Number) -> str:
    if (
        not isinstance(old, int)
        or not isinstance(new, int)
        or field == "ir_version"
        or -1 in (old, new)
    ):
        return ""
    sign = "+" if new > old else "-"
    size = abs(new - old)
    text = f"{sign}{phrases.byte_size(size) if field in _BYTES else f'{size:,}'}"
    return f"{text} ({100 * (new - old) / old:+.1f} %)" if field in _BYTES and old else text


def counts(judged: Judged) -> str:
    """``1 new finding, 2 gone, 1 standing``."""
    parts = [phrases.plural(len(judged.added), "new finding")] if judged.added else []
    parts += [f"{len(judged.gone):,} gone"] if judged.gone else []
    parts += [f"{len(judged.standing):,} standing"] if judged.standing else []
    return ", ".join(parts) or "no findings"


def outcome(difference: Difference) -> str:
    """``the new model fails adr-0169``: the last line's reason."""
    lists = [judged.allowlist for judged in difference.judged]
    failed = [j.allowlist for j in difference.judged if j.verdict.new is Verdict.FAIL]
    if difference.verdict is Verdict.ERROR:
        return "not verified"
    named = ", ".join(failed or lists)
    return f"the new model {'fails' if failed else 'passes'} {named}"
