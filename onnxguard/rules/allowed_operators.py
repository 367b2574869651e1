"""Which operators may stand in a graph, and under which conditions (OG101 to OG106)."""

from __future__ import annotations

from functools import cache, partial

from onnxguard.base.yaml_tree import near
from onnxguard.model.expansion import View
from onnxguard.model.graph import Graph, Operator
from onnxguard.model.standard import is_runtime_domain, is_standard, operator_names
from onnxguard.model.survey import Survey
from onnxguard.policy.allowlist import DEFAULT_DOMAIN, Allowlist, Entry
from onnxguard.policy.registry import allowlist_ids, load_allowlist
from onnxguard.rules.collector import Found
from onnxguard.rules.opsets import Opsets

HINTED = 16
"""Refused operators of one model whose names are compared with all that ONNX has."""

Verdict = tuple[str, str, str, str]
"""Code, message, hint and ADR."""


def check(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Judge every operator once, then the nodes of those that are refused or have conditions."""
    functions = {function.id for function in survey.model.functions}
    refused: dict[Operator, list[Verdict]] = {}
    conditional: dict[Operator, tuple[Entry, ...]] = {}
    overridden = {op for graph in survey.model.graphs for _, op in graph.overridden}
    for operator in (*survey.operators, *(overridden - survey.operators.keys())):
        spelling = _spelling(operator, policy)
        if spelling:
            refused[operator] = spelling
        if not operator.op_type:
            continue
        of_runtime = operator in functions and is_runtime_domain(operator.domain)
        if operator in functions and not of_runtime:
            continue
        key = operator.domain or DEFAULT_DOMAIN, operator.op_type
        entries = policy.entries.get(key, ())
        denial = policy.denials.get(key) or policy.denials.get((key[0], "*"))
        if denial is not None and not entries:
            instead = f"use {denial.instead}" if denial.instead else "remove it from the model"
            reason = f": {denial.decision.reason}" if denial.decision.reason else ""
            message = f"{operator.label} is denied by {policy.id}{reason}"
            verdict = "OG102", message, instead, denial.decision.label
            refused.setdefault(operator, []).append(verdict)
        elif not entries or (operator.overload and not of_runtime):
            hinted = len(refused) < HINTED
            refused.setdefault(operator, []).append(
                _not_allowed(operator, policy, hinted, of_runtime)
            )
        elif operator not in refused and any(entry.is_conditional for entry in entries):
            conditional[operator] = entries
    for graph in survey.model.graphs if refused else ():
        _refused(graph, refused, found)
    opsets = Opsets(survey.model)
    for view in survey.inlining.views if conditional else ():
        if not conditional.keys().isdisjoint(survey.counts[id(view.graph)]):
            _conditional(survey, policy, view, opsets, conditional, found)
    for graph in survey.model.graphs if conditional else ():
        for index, operator in graph.overridden:
            if operator in conditional:
                view = View(survey.scopes, graph, graph)
                version = opsets.version(graph, operator.domain)
                _judge(survey, policy, view, index, version, conditional[operator], found)


def _refused(graph: Graph, refused: dict[Operator, list[Verdict]], found: Found) -> None:
    for index, operator in [
        *((i, n.operator) for i, n in enumerate(graph.nodes)),
        *graph.overridden,
    ]:
        for code, message, hint, adr in refused.get(operator, ()):
            found.add(
                code,
                message,
                lambda index=index: graph.node_place(index),  # type: ignore[misc]
                hint=hint,
                operator=operator.label,
                adr=adr,
            )


def _conditional(
    survey: Survey,
    policy: Allowlist,
    view: View,
    opsets: Opsets,
    conditional: dict[Operator, tuple[Entry, ...]],
    found: Found,
) -> None:
    for index, node in enumerate(view.graph.nodes):
        if node.operator in conditional:
            version = opsets.version(view.graph, node.operator.domain)
            _judge(survey, policy, view, index, version, conditional[node.operator], found)


def _judge(
    survey: Survey,
    policy: Allowlist,
    view: View,
    index: int,
    version: int,
    entries: tuple[Entry, ...],
    found: Found,
) -> None:
    entry = next((e for e in entries if version in e.opset), None)
    if entry is not None:
        from onnxguard.rules.conditions import judge_node  # few lists have conditions

        schema = policy.schema_at(entry.domain, entry.op_type, version)
        judge_node(survey, view, index, entry, schema, found)
        return
    ranges = ", ".join(str(e.opset) for e in entries)
    label = entries[0].label
    found.add(
        "OG103",
        f"{label} is allowed at opset {ranges}, here it is {version}",
        partial(view.graph.node_place, index),
        hint=f"export at opset {ranges}",
        operator=label,
        adr=entries[0].decision.label,
        once=view.node(index),
    )


def _spelling(operator: Operator, policy: Allowlist) -> list[Verdict]:
    verdicts: list[Verdict] = []
    limit = policy.limits.get("op_type_bytes")
    length = len(operator.op_type.encode("utf-8", "surrogateescape"))
    if not operator.op_type:
        fix = "the file was edited or written by a broken tool: export it again"
        verdicts.append(("OG104", "a node has no op_type", fix, ""))
    if limit is not None and length > limit.value:
        message = f"an op_type of {length} bytes, {limit.value} are allowed: {operator.label}"
        adr = limit.decision.label
        verdicts.append(("OG106", message, "no ONNX operator has a name like it", adr))
    text = "".join(operator)
    plain = text.isascii() and text.isprintable() and " " not in text
    if not plain or ":" in operator.op_type + operator.overload:  # it parts them in a label
        message = f"{operator.label} holds characters that no operator's name has"
        fix = "a name like this passes for another one: find out where the file comes from"
        verdicts.append(("OG105", message, fix, ""))
    return verdicts


def _not_allowed(operator: Operator, policy: Allowlist, hinted: bool, of_runtime: bool) -> Verdict:
    message = f"{operator.label} is not on the allowlist {policy.id}"
    domain, name = operator.domain or DEFAULT_DOMAIN, operator.op_type
    if operator.overload and not of_runtime:
        return "OG101", message, "an overload belongs to a function that the model defines", ""
    for other in _registry():
        entries = other.entries.get((domain, name))
        # Another project's list is no advice; what builds on the list that judges may be.
        if entries and policy.id in other.lineage:
            decision = entries[0].decision
            when = f" ({decision.date})" if decision.date else ""
            hint = f"{decision.adr} admits it{when}: use the allowlist {other.id} if the runtime "
            if not decision.adr:
                hint = f"the allowlist {other.id} admits it{when}: use it if the runtime "
            hint += "is of that date, or export without it"
            return "OG101", message, hint, decision.adr
    hint = "rewrite the model without it, or have it reviewed and added to the list"
    if domain != DEFAULT_DOMAIN and (DEFAULT_DOMAIN, name) in policy.entries:
        hint = f"the standard {name} is allowed: export without the extension of {operator.label}"
    elif domain == DEFAULT_DOMAIN and not is_standard(domain, name):
        close = near(name, operator_names(domain)) if hinted else ""
        hint = f"ONNX has no such operator{close}"
    return "OG101", message, hint, ""


@cache
def _registry() -> list[Allowlist]:
    """The lists of the registry, from the first to the last."""
    return sorted(map(load_allowlist, allowlist_ids()), key=lambda policy: len(policy.lineage))
