"""The conditions of an allowlist entry on one node (OG107 to OG110)."""

from __future__ import annotations

import struct

from onnxguard.base.findings import Severity
from onnxguard.base.printable import printable
from onnxguard.model.constant_nodes import constant_value
from onnxguard.model.expansion import View
from onnxguard.model.graph import Attribute, Graph, Node, SparseTensor
from onnxguard.model.messages import dtype_name
from onnxguard.model.reading.plain import VALUES_KEPT
from onnxguard.model.schemas import Schema
from onnxguard.model.scopes import Scopes
from onnxguard.model.survey import Survey
from onnxguard.model.type_names import elements_of
from onnxguard.policy.allowlist import DtypeRule, Entry, ValueRule
from onnxguard.rules.collector import Found

FLOAT32_MAX = 3.4028234663852886e38


def judge_node(
    survey: Survey, view: View, index: int, entry: Entry, schema: Schema | None, found: Found
) -> None:
    """Judge one node by its entry; ``schema`` is its operator's at the opset, if it is known."""
    graph = view.graph
    node = view.scopes.bound(graph.nodes[index])
    for name, rule in entry.attributes.items():
        problem = _attribute(node, name, rule, schema)
        if problem:
            found.add(
                "OG107",
                f"{entry.label}: {problem}",
                graph.node_place(index),
                hint=rule.decision.reason,
                operator=entry.label,
                adr=rule.decision.label,
                severity=rule.severity,
                once=view.node(index),
            )
    if entry.dtypes is not None:
        _dtypes(survey, view, index, node, entry, entry.dtypes, found)
    for name in entry.constant_inputs:
        _constant_input(view, index, node, name, entry, schema, found)


# -- attributes -----------------------------------------------------------------------------------


def _attribute(node: Node, name: str, rule: ValueRule, schema: Schema | None) -> str:
    given = [a for a in node.attributes if a.name == name.encode()]
    if not given and rule.required:
        return f"{name} must be given"
    if not given:
        default = rule.default
        if default is None:
            known = schema.attributes.get(name) if schema else None
            value = known.default if known else None
            values: list[object] = list(value) if isinstance(value, tuple) else [value]
        else:
            values = [default]
        if values == [None]:
            return ""
        return _outside(name, values, rule, " by default")
    for attribute in given:
        if attribute.ref:
            return f"{name} is set by the caller of a function and cannot be judged"
        values = values_of(attribute)
        if not values and not _is_empty_list(attribute):
            return f"{name} holds no number or text that could be judged"
        if len(values) >= VALUES_KEPT:
            return f"{name} holds {VALUES_KEPT} values or more, too many to judge"
        problem = _outside(name, values, rule, "")
        if problem:
            return problem
    return ""


def values_of(attribute: Attribute) -> list[object]:
    """The numbers and texts that an attribute holds."""
    scalars = (attribute.i, attribute.f, attribute.s)
    values: list[object] = [value for value in scalars if value is not None]
    values += [*attribute.ints, *attribute.floats, *attribute.strings]
    return [
        value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
        for value in values
    ]


def _is_empty_list(attribute: Attribute) -> bool:
    return attribute.type in (6, 7, 8)


def _outside(name: str, values: list[object], rule: ValueRule, how: str) -> str:
    for value in values:
        shown = f"{value:.7g}" if isinstance(value, float) else printable(str(value))
        if rule.allowed is not None and not any(_same(value, text) for text in rule.allowed):
            return f"{name} is {shown}{how}, allowed is {', '.join(rule.allowed)}"
        if any(_same(value, text) for text in rule.denied):
            return f"{name} is {shown}{how}, which is refused"
        number = _number(value)
        low, high = (_bound(bound, value) for bound in (rule.minimum, rule.maximum))
        if low is not None and (number is None or not number >= low):
            return f"{name} is {shown}{how}, the least allowed is {rule.minimum:g}"
        if high is not None and (number is None or not number <= high):
            return f"{name} is {shown}{how}, the most allowed is {rule.maximum:g}"
    return ""


def _same(value: object, text: str) -> bool:
    if isinstance(value, str):
        return value == text
    if isinstance(value, int) and text.lstrip("+-").isdigit():
        return value == int(text)
    return _number(value) == _bound(_number(text), value)


def _bound(bound: float | None, value: object) -> float | None:
    """A number of the list as an attribute can hold it: a float attribute has 32 bits."""
    if bound is None or not isinstance(value, float) or abs(bound) > FLOAT32_MAX:
        return bound
    rounded: float = struct.unpack("<f", struct.pack("<f", bound))[0]
    return rounded


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


# -- dtypes and constants -------------------------------------------------------------------------


def _dtypes(
    survey: Survey,
    view: View,
    index: int,
    node: Node,
    entry: Entry,
    rule: DtypeRule,
    found: Found,
) -> None:
    graph = view.graph
    names = [(name, f"input {i}") for i, name in enumerate(node.inputs)]
    names += [(name, f"output {i}") for i, name in enumerate(node.outputs)]
    for name, role in names:
        if not name:
            continue
        for dtype in sorted(_dtypes_of(survey, view.scopes, graph, name)):
            if not dtype and role.startswith("input"):
                found.add(
                    "OG110",
                    f"{entry.label}: the dtype of {role} is unknown",
                    graph.node_place(index),
                    hint="declare it: run onnx.shape_inference.infer_shapes and save its result",
                    operator=entry.label,
                    adr=entry.decision.label,
                    once=view.node(index),
                )
            elif dtype and not rule.admits(dtype):
                found.add(
                    "OG108",
                    f"{entry.label}: {role} is {dtype}, allowed is {rule}",
                    graph.node_place(index),
                    hint=entry.decision.reason,
                    operator=entry.label,
                    adr=entry.decision.label,
                    severity=Severity.ERROR,
                    once=view.node(index),
                )


def _dtypes_of(survey: Survey, scopes: Scopes, graph: Graph, name: bytes) -> set[str]:
    """What a value's elements are; several where a function is called in several ways.

    As it follows from the graph's inputs and constants; where nothing follows, as declared, or ""
    where that is nothing either.
    """
    dtypes = {elements_of(kind) for kind in survey.scopes.types.of(graph, name)}
    if not dtypes or "" in dtypes:
        dtypes = dtypes - {""} | {_dtype(survey, scopes, graph, name)}
    return dtypes


def _dtype(survey: Survey, scopes: Scopes, graph: Graph, name: bytes) -> str:
    """The declared dtype of a value in the innermost scope that declares one; "" for none."""
    scope: Graph | None = graph
    while scope is not None:
        for definition in scopes.define(scope, name)[:1]:
            stored = definition.initializer
            if isinstance(stored, SparseTensor):
                stored = stored.values
            if stored is not None:
                return dtype_name(stored.dtype)
            if definition.node is not None and definition.node.operator.label == "Constant":
                return constant_value(survey.model, definition.node)[0]
            if definition.value is not None and definition.value.type.dtype:
                return dtype_name(definition.value.type.dtype)
        declared = scopes.declared(scope).get(name, 0)
        if declared:
            return dtype_name(declared)
        scope = scope.parent
    return ""


def _constant_input(
    view: View,
    index: int,
    node: Node,
    name: str,
    entry: Entry,
    schema: Schema | None,
    found: Found,
) -> None:
    graph = view.graph
    position = _position(name, schema)
    value = node.inputs[position] if position is not None and position < len(node.inputs) else b""
    if position is not None and not value:
        return  # an optional input that is not there has no value to choose
    definitions = view.scopes.define(graph, value)
    constant = len(definitions) == 1 and (
        definitions[0].initializer is not None
        or (definitions[0].node is not None and definitions[0].node.operator.label == "Constant")
    )
    if not constant or position is None:
        what = "has no such input" if position is None else "must be a constant and is not"
        found.add(
            "OG109",
            f"{entry.label}: {name} {what}",
            graph.node_place(index),
            hint="export with this value fixed: an initializer or a Constant node",
            operator=entry.label,
            adr=entry.decision.label,
            once=view.node(index),
        )


def _position(name: str, schema: Schema | None) -> int | None:
    if name.isdigit():
        return int(name)
    names = [formal.name for formal in schema.inputs] if schema else []
    return names.index(name) if name in names else None
