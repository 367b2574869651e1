"""What a node is besides its operator and its types: what the rows of a target may speak of.

Its attributes by name; ``#name`` is how many values a list has, ``@name`` whether an input is
``constant`` or ``computed``, ``!outputs`` how many outputs there are. All are texts.
"""

from __future__ import annotations

from onnxguard.base.printable import printable
from onnxguard.model.graph import Graph, Node
from onnxguard.model.schemas import Schema, schema_at
from onnxguard.model.survey import Survey
from onnxguard.policy.target import Row
from onnxguard.rules.conditions import values_of

OUTPUTS, COUNT, INPUT = "!outputs", "#", "@"

NodeFacts = tuple[tuple[str, tuple[str, ...] | None], ...]
"""By name the values; None of an attribute that the caller of a function sets."""


def facts_of(
    survey: Survey, graph: Graph, node: Node, opset: int, names: frozenset[str]
) -> NodeFacts:
    """Those of ``names`` that the node has; ``opset`` is the version of its operator's domain."""
    found: list[tuple[str, tuple[str, ...] | None]] = []
    for attribute in node.attributes:
        name = printable(attribute.name)
        values = None if attribute.ref else values_of(attribute)
        if name in names:
            texts = None if values is None else tuple(printable(str(value)) for value in values)
            found.append((name, texts))
        if COUNT + name in names:
            found.append((COUNT + name, None if values is None else (str(len(values)),)))
    if OUTPUTS in names:
        found.append((OUTPUTS, (str(sum(map(bool, node.outputs))),)))
    inputs = {name[1:] for name in names if name.startswith(INPUT)}
    schema = schema_at(*node.operator[:2], opset) if inputs else None
    for formal, value in zip(schema.inputs if schema else (), node.inputs, strict=False):
        if formal.name in inputs and value:
            constant = _is_constant(survey, graph, value)
            found.append((INPUT + formal.name, ("constant" if constant else "computed",)))
    return tuple(found)


def _is_constant(survey: Survey, graph: Graph, value: bytes) -> bool:
    defined = survey.scopes.define(graph, value)
    return len(defined) == 1 and (
        defined[0].initializer is not None
        or (defined[0].node is not None and defined[0].node.operator.label == "Constant")
    )


def fitting(rows: list[Row], schema: Schema | None, facts: NodeFacts) -> tuple[list[Row], str]:
    """The rows that take a node with these facts, and why another does not.

    A row of which that cannot be said comes back as ``restricted``.
    """
    given, found, why = dict(facts), [], ""
    for row in rows:
        problem, doubt = "", False
        for name, taken in row.attributes.items():
            # The number of dimensions may follow from the weights: that is not looked up.
            doubt = doubt or (name.startswith(COUNT) and given.get(name) is None)
            if name[0] in (COUNT, INPUT) and name not in given:
                continue
            problem = problem or _problem(name, taken, schema, given)
        if not problem:
            found.append(row._replace(how="restricted") if doubt else row)
        why = why or problem
    return found, why


def _problem(
    name: str,
    taken: tuple[str, ...],
    schema: Schema | None,
    given: dict[str, tuple[str, ...] | None],
) -> str:
    if name in given and not taken:
        return f"it knows no attribute {name}"
    known = schema.attributes.get(name) if schema else None
    default = () if known is None or known.default is None else (str(known.default),)
    values = given.get(name, default)
    if values is not None and set(values) <= set(taken or values):
        return ""
    told = "set by a caller" if values is None else ", ".join(values)
    return f"{called(name)} is {told}, it takes {' or '.join(taken)}"


def called(name: str) -> str:
    """How a message calls what a row speaks of."""
    if name == OUTPUTS:
        return "the number of outputs"
    if name.startswith(COUNT):
        return f"the number of values of {name[1:]}"
    return f"input {name[1:]}" if name.startswith(INPUT) else name
