"""Every node against the schema of its operator (OG158 to OG164, OG166)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from onnxguard.base.findings import Severity
from onnxguard.model.constants import CONSTANT_ATTRIBUTES
from onnxguard.model.graph import Attribute, Graph, Operator
from onnxguard.model.schemas import (
    UNBOUNDED,
    Declared,
    Formal,
    Schema,
    bounds,
    declared_at,
    schema_at,
    since_versions,
)
from onnxguard.model.standard import LATEST_OPSET
from onnxguard.model.survey import Survey
from onnxguard.policy.allowlist import DEFAULT_DOMAIN, Allowlist
from onnxguard.rules.collector import Weighed
from onnxguard.rules.opsets import versions

RUNTIME = "onnxruntime"
"""The domain under which the table has what ONNX Runtime alone adds to ONNX's own."""

RUN_GRAPHS = frozenset({"If", "Loop", "Scan", "SequenceMap"})

INTERNAL = b"__"
"""How an attribute begins that ONNX lets any node have."""

ANY_ATTRIBUTE = frozenset(
    {"BiasDropout", "BitmaskBiasDropout", "BitmaskDropout", "EPContext", "LayerNormalization"}
    | {"QOrderedLayerNormalization", "SimplifiedLayerNormalization", "Snpe"}
)
"""Operators that ONNX and ONNX Runtime let have attributes that their schemas do not name."""

_TYPES = [
    "FLOAT", "INT", "STRING", "TENSOR", "GRAPH", "FLOATS", "INTS", "STRINGS", "TENSORS", "GRAPHS",
    "SPARSE_TENSOR", "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS",
]  # fmt: skip


class Signature(NamedTuple):
    """What the nodes of one operator are held to.

    ``inputs`` and ``outputs`` are how many there may be, ``types`` is the type of each attribute by
    name, ``required`` the names that must be given, ``special`` what the schema cannot say.
    """

    schema: Schema
    inputs: Sequence[int]
    outputs: Sequence[int]
    types: dict[bytes, int]
    required: frozenset[bytes]
    special: Callable[[Graph, int, Weighed], None] | None


class Refusal(NamedTuple):
    """What is wrong with an operator as such: rule, message, hint and weight."""

    code: str
    text: str
    hint: str
    severity: Severity | None = None


NO_OPERATOR = Refusal("OG163", "ONNX has no operator {}", "export without it")
"""Of an operator that is not on the list this is not said: the list refuses it."""


def check_signatures(survey: Survey, policy: Allowlist, say: Weighed) -> None:
    """Judge each operator once an opset, then the nodes of those that have a schema."""
    model = survey.model
    functions = {function.id for function in model.functions}
    opsets = {id(function): versions(function.opsets) for function in model.functions}
    opsets[id(None)] = versions(model.opsets)
    in_functions: dict[int, dict[Operator, Signature]] = {}
    for graph in model.graphs:
        known: dict[Operator, Signature] = {}
        refused: dict[Operator, Refusal] = {}
        for operator in survey.counts[id(graph)]:
            version = opsets[id(graph.function)].get(operator.domain or DEFAULT_DOMAIN, 0)
            if operator in functions or operator.overload or not operator.op_type or not version:
                continue  # a function of the model's own, or what other rules speak of
            if (operator.domain, operator.op_type) in policy.schemas:
                signature, refusal = _declared(operator, version, policy.schemas)
            else:
                signature, refusal = _judge(operator, version)
            if signature is not None:
                known[operator] = signature
            listed = operator.domain or DEFAULT_DOMAIN, operator.op_type
            if refusal is not None and (listed in policy.entries or refusal is not NO_OPERATOR):
                refused[operator] = refusal
        if refused:
            _refuse(graph, refused, say)
        if known:
            _nodes(graph, known, say)
            _bodies(graph, known, say)
            if graph.function is not None:
                in_functions[id(graph)] = known
    if in_functions:
        _called(survey, in_functions, say)


# -- operators ------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _judge(operator: Operator, version: int) -> tuple[Signature | None, Refusal | None]:
    """The signature of an operator, None where its nodes are not to be judged by one."""
    domain, op_type = operator.domain or DEFAULT_DOMAIN, operator.op_type
    schema = schema_at(domain, op_type, version)
    if schema is not None and schema.deprecated:
        text = f"{{}} was removed at opset {schema.since_version}, here it is {version}"
        return None, Refusal("OG164", text, "use what replaced it at this opset")
    if schema is not None:
        return _signature(schema), None
    if domain not in LATEST_OPSET:
        return None, None
    if domain == DEFAULT_DOMAIN:
        schema = schema_at(RUNTIME, op_type, version)
    if schema is not None and not schema.deprecated:
        text = "{} is not in ONNX at this opset: ONNX Runtime alone has it"
        hint = "export without it if another runtime is to load the model"
        return _signature(schema), Refusal("OG163", text, hint, Severity.WARNING)
    since = since_versions(domain, op_type)
    if since:
        text = f"{{}} came with opset {since[0]}, here it is {version}"
        return None, Refusal("OG163", text, f"import opset {since[0]} or newer")
    return None, NO_OPERATOR


def _declared(
    operator: Operator, version: int, schemas: Declared
) -> tuple[Signature | None, Refusal | None]:
    """As ``_judge``, of an operator that the list declares."""
    schema = declared_at(schemas, operator.domain, operator.op_type, version)
    if schema is not None:
        return _signature(schema), None
    since = schemas[operator.domain, operator.op_type][0].since_version
    text = f"{{}} came with version {since} of its domain, here it is {version}"
    return None, Refusal("OG163", text, f"import version {since} or newer")


def _signature(schema: Schema) -> Signature:
    types = {name.encode(): attribute.type for name, attribute in schema.attributes.items()}
    required = {name.encode() for name, known in schema.attributes.items() if known.required}
    outputs: Sequence[int] = _counts(schema.outputs)
    if schema.name == "BatchNormalization":  # the one operator whose outputs come all or one
        outputs = (1, len(schema.outputs))
    special = {"Constant": _one_value, "Optional": _element, "Split": _parts}.get(schema.name)
    return Signature(schema, _counts(schema.inputs), outputs, types, frozenset(required), special)


def _counts(formals: tuple[Formal, ...]) -> range:
    least, most = bounds(formals)
    return range(least, most + 1)


def _refuse(graph: Graph, refused: dict[Operator, Refusal], say: Weighed) -> None:
    for index, node in enumerate(graph.nodes):
        refusal = refused.get(node.operator)
        if refusal is not None:
            code, text, hint, severity = refusal
            place = partial(graph.node_place, index)
            say(code, text, (), place, hint, node.operator, severity)


# -- nodes ----------------------------------------------------------------------------------------


def _nodes(graph: Graph, known: dict[Operator, Signature], say: Weighed) -> None:
    """Compare each node with its operator's signature; the usual node agrees.

    Nodes whose attributes are written alike share them: of such only the first is compared.
    """
    agree: set[tuple[Operator, int, int, int]] = set()
    for index, (operator, _, inputs, outputs, attributes, _, _) in enumerate(graph.nodes):
        key = operator, id(attributes), len(inputs), len(outputs)
        if key in agree and b"" not in inputs and b"" not in outputs:
            continue
        signature = known.get(operator)
        # One attribute is looked at as soon as it is looked up: most Constants have their own.
        if (signature is None or _node(graph, index, signature, say)) and len(attributes) != 1:
            agree.add(key)


def _node(graph: Graph, index: int, signature: Signature, say: Weighed) -> bool:
    """Compare one node with its operator's signature; whether it agrees."""
    node = graph.nodes[index]
    _, inputs, outputs, types, required, special = signature
    before = say.added
    if len(node.inputs) not in inputs or b"" in node.inputs:
        _count(graph, index, signature, "OG158", say)
    if len(node.outputs) not in outputs or b"" in node.outputs:
        _count(graph, index, signature, "OG159", say)
    for attribute in node.attributes:
        if types.get(attribute.name) != attribute.type:
            _attribute(graph, index, attribute, signature, say)
    if special is not None:
        special(graph, index, say)
    if required and not required.issubset([a.name for a in node.attributes]):
        for name in sorted(required.difference([a.name for a in node.attributes])):
            place = partial(graph.node_place, index)
            text = '{} lacks the attribute "{}", which it requires'
            say("OG161", text, (name,), place, "give the attribute", node.operator)
    return say.added == before


def _called(survey: Survey, known: dict[int, dict[Operator, Signature]], say: Weighed) -> None:
    """Find what the nodes of a function require and a call of it leaves out."""
    said: set[tuple[int, int, bytes]] = set()
    for view in survey.inlining.views:
        signatures = known.get(id(view.graph), {})
        for index, node in enumerate(view.graph.nodes if signatures else ()):
            bound = view.scopes.bound(node)
            signature = None if bound is node else signatures.get(node.operator)
            if signature is None:
                continue
            written = {attribute.name for attribute in node.attributes}
            given = {attribute.name for attribute in bound.attributes}
            lacks = [
                ("OG161", '{} requires the attribute "{}", which a call of its function', name)
                for name in sorted(signature.required & written - given)
            ]
            formals = signature.schema.inputs
            omitted = _omitted(bound.inputs, formals)
            if omitted and not _omitted(node.inputs, formals):
                text = '{} requires its input "{}", which a call of its function'
                lacks.append(("OG158", text, omitted.encode()))
            for code, text, name in lacks:
                if (id(view.graph), index, name) not in said:
                    said.add((id(view.graph), index, name))
                    place = partial(view.graph.node_place, index)
                    hint = "give it in the call"
                    say(code, f"{text} leaves out", (name,), place, hint, node.operator)


def _count(graph: Graph, index: int, signature: Signature, code: str, say: Weighed) -> None:
    """Say how many inputs or outputs a node has, and which it leaves out."""
    node, schema = graph.nodes[index], signature.schema
    what, values, formals, counts = (
        ("input", node.inputs, schema.inputs, signature.inputs)
        if code == "OG158"
        else ("output", node.outputs, schema.outputs, signature.outputs)
    )
    fault = f"has {_plural(len(values), what)}"
    if len(values) in counts:
        omitted = _omitted(values, formals)
        if not omitted:
            return
        fault = f'leaves out its {what} "{omitted}"'
    allowed = f"{counts[0]} to {counts[-1]}"
    if len(counts) <= 2:
        allowed = " or ".join(map(str, counts))
    elif counts[-1] == UNBOUNDED:
        allowed = f"{counts[0]} or more"
    text = f"{{}} {fault}; at opset {schema.since_version} it has {allowed}"
    hint = f"give the {what}s that the operator has at this opset, in their order"
    say(code, text, (), partial(graph.node_place, index), hint, node.operator)


def _parts(graph: Graph, index: int, say: Weighed) -> None:
    """Find a Split of more outputs than its ``num_outputs``: onnx and ONNX Runtime die of it."""
    node = graph.nodes[index]
    parts = node.attribute(b"num_outputs")
    if parts is not None and parts.i is not None and len(node.outputs) > parts.i:
        text = f"{{}} has {_plural(len(node.outputs), 'output')}, its num_outputs is {parts.i}"
        hint = "name as many outputs as num_outputs says"
        say("OG159", text, (), partial(graph.node_place, index), hint, node.operator)


def _element(graph: Graph, index: int, say: Weighed) -> None:
    """Find an Optional of which nothing says what it is an optional of."""
    node = graph.nodes[index]
    if not any(node.inputs) and node.attribute(b"type") is None:
        text = '{} has neither an input nor the attribute "type"'
        hint = "say by its type what is left out"
        say("OG161", text, (), partial(graph.node_place, index), hint, node.operator)


def _one_value(graph: Graph, index: int, say: Weighed) -> None:
    """Find a Constant of several values; another rule speaks of one without any."""
    node = graph.nodes[index]
    if len(node.attributes) < 2:
        return
    values = {attribute.name for attribute in node.attributes} & CONSTANT_ATTRIBUTES
    if len(values) > 1:
        text = f"{{}} has {len(values)} values, it must have one"
        hint = "give one of its attributes and no other"
        say("OG160", text, (), partial(graph.node_place, index), hint, node.operator)


def _bodies(graph: Graph, known: dict[Operator, Signature], say: Weighed) -> None:
    """Compare the graphs that nodes run with what the nodes give them and take."""
    for index in sorted({inner.owner for inner in graph.subgraphs if inner.owner >= 0}):
        node = graph.nodes[index]
        signature = known.get(node.operator)
        given, taken = len(node.inputs), len(node.outputs)
        if signature is None or node.operator.op_type not in RUN_GRAPHS:
            continue
        if node.operator.op_type == "If":
            given = 0
        elif node.operator.op_type == "Loop":
            taken += 1
        elif node.operator.op_type == "Scan" and signature.schema.since_version < 9:
            given -= 1  # the lengths of the sequences
        for attribute in node.attributes:
            for inner in attribute.graphs:
                stored = {tensor.name for tensor in inner.initializers}
                own = sum([value.name in stored for value in inner.inputs])
                beside = " beside those that initializers give" if own else ""
                for what, has, wants, more in (
                    ("input", len(inner.inputs) - own, given, beside),
                    ("output", len(inner.outputs), taken, ""),
                ):
                    if has != wants:
                        text = f'{{}}: "{{}}" has {_plural(has, what)}{more}, here it must have '
                        text += f"{wants}"
                        place = partial(graph.node_place, index)
                        hint = "make the node and its graph agree"
                        say("OG166", text, (attribute.name,), place, hint, node.operator)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count or 'no'} {noun}s"


def _omitted(values: tuple[bytes, ...] | list[bytes], formals: tuple[Formal, ...]) -> str:
    """The first parameter that must be given and is not."""
    for value, formal in zip(values, formals, strict=False):
        if not value and formal.option == "single":
            return formal.name
    return ""


def _attribute(
    graph: Graph, index: int, attribute: Attribute, signature: Signature, say: Weighed
) -> None:
    """Say that an attribute is unknown, or of another type than it must be."""
    node, place = graph.nodes[index], partial(graph.node_place, index)
    expected = signature.types.get(attribute.name)
    since = signature.schema.since_version
    if expected is None and attribute.name.startswith(INTERNAL):
        return
    if expected is None and signature.schema.name not in ANY_ATTRIBUTE:
        text = f'{{}} has no attribute "{{}}" at opset {since}'
        hint = "remove it, or export at the opset that has it"
        say("OG160", text, (attribute.name,), place, hint, node.operator)
    elif expected is not None and 0 < attribute.type <= len(_TYPES):
        text = f'{{}}: the attribute "{{}}" is {_TYPES[attribute.type - 1]}'
        text += f", at opset {since} it must be {_TYPES[expected - 1]}"
        hint = "write the attribute in the type of the operator's schema"
        say("OG162", text, (attribute.name,), place, hint, node.operator)
