"""Model-local functions (OG505 to OG510, OG512 to OG515)."""

from __future__ import annotations

from collections import Counter
from functools import partial

from onnxguard.base.findings import Severity
from onnxguard.base.printable import identifier
from onnxguard.catalogue import RULES
from onnxguard.model.graph import Function, Operator
from onnxguard.model.schemas import schema_at
from onnxguard.model.standard import LATEST_OPSET, is_runtime_domain, is_standard
from onnxguard.model.survey import Survey, given_graphs
from onnxguard.policy.allowlist import DEFAULT_DOMAIN, Allowlist
from onnxguard.rules import captured_names
from onnxguard.rules.collector import Found
from onnxguard.rules.header import imports, severity_of
from onnxguard.rules.opsets import versions


def check(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Check the functions themselves; what their bodies hold is judged like any graph."""
    captured_names.check(survey, found)
    functions = survey.model.functions
    if not functions:
        return
    action, of_runtime = policy.policy("functions"), policy.policy("runtime_functions")
    counts = Counter(function.id for function in functions)
    spelled = Counter(map(_spelled, counts))
    of_model = versions(survey.model.opsets)
    recursive = {id(function) for function in survey.inlining.recursive}
    used: dict[int, set[Operator]] = {id(function): set() for function in functions}
    for graph in survey.model.graphs:
        if graph.function is not None:
            used[id(graph.function)].update(survey.counts[id(graph)])
    for function in functions:
        label, place = function.id.label, function.place
        if action != "allow":
            hint = "inline the functions: onnx.inliner.inline_local_functions"
            message = f"the model defines the function {label}"
            found.add("OG505", message, place, hint=hint, severity=severity_of(action))
        if is_runtime_domain(function.id.domain):
            if of_runtime != "allow":
                domain = identifier(function.id.domain) or DEFAULT_DOMAIN
                message = f"the function {label} stands in {domain}, which runtimes fill themselves"
                hint = "where a runtime has an operator of that name, the body shown here does not "
                hint += "run: rename its domain, or inline it"
                severity = severity_of(of_runtime)
                found.add("OG512", message, place, hint=hint, operator=label, severity=severity)
        elif is_standard(DEFAULT_DOMAIN, function.id.op_type):
            message = f"the function {label} has the name of the standard {function.id.op_type}"
            hint = "a reader that ignores domains takes it for the standard operator: rename it"
            found.add("OG506", message, place, hint=hint, operator=label)
        if counts[function.id] > 1:
            message = f"the function {label} is defined {counts[function.id]} times"
            hint = "runtimes differ in which one they take: keep one"
            found.add("OG507", message, place, hint=hint, operator=label)
        elif spelled[_spelled(function.id)] > 1:
            message = f"the function {label} and another one are one to ONNX Runtime"
            hint = "it joins domain, name and overload by colons: use none in them"
            found.add("OG507", message, place, hint=hint, operator=label)
        if id(function) in recursive:
            message = f"the function {label} calls itself, directly or through others"
            found.add("OG508", message, place, hint="no runtime can inline it", operator=label)
        _opsets(of_model, function, used[id(function)], policy, found)
        _spelled_import(function, used[id(function)], policy, found)
    by_id = {function.id: function for function in functions}
    _calls(survey, by_id, found)
    if policy.policy("function_graphs") != "allow":
        _graphs(survey, severity_of(policy.policy("function_graphs")), found)


def _spelled_import(
    function: Function, used: set[Operator], policy: Allowlist, found: Found
) -> None:
    """Find a function that imports the default domain by its long name alone."""
    severity = policy.validity(RULES["OG167"])
    domains = {opset.domain for opset in function.opsets}
    if severity is None or "" in domains or DEFAULT_DOMAIN not in domains:
        return
    if any(not operator.domain for operator in used):
        message = f'the function {function.id.label} imports "ai.onnx" and not ""'
        hint, label = RULES["OG167"].fix, function.id.label
        found.add("OG167", message, function.place, hint=hint, operator=label, severity=severity)


def _spelled(function: Operator) -> str:
    """What ONNX Runtime finds a function by."""
    domain, name, overload = function
    return f"{domain}:{name}:{overload}" if overload else f"{domain}:{name}"


def _opsets(
    of_model: dict[str, int],
    function: Function,
    used: set[Operator],
    policy: Allowlist,
    found: Found,
) -> None:
    owner = f"the function {function.id.label}"
    place = function.place
    imports(function.opsets, owner, place, policy, found)
    for domain, version in versions(function.opsets).items():
        outside = of_model.get(domain, version)
        if outside != version and not _mean_alike(used, domain, version, outside):
            message = f"{owner} means {identifier(domain)} {version}"
            message += f", the model means {outside}"
            hint = "the same operator would mean two things: export all at one opset"
            found.add("OG510", message, place, hint=hint)


def _mean_alike(used: set[Operator], domain: str, one: int, other: int) -> bool:
    """Whether both versions define the standard operators of a body alike, as onnx's checker asks.

    skl2onnx writes functions at an older opset than their model.
    """
    if max(one, other) > LATEST_OPSET.get(domain, 0):  # what is newer is not known
        return False
    names = {op.op_type for op in used if (op.domain or DEFAULT_DOMAIN) == domain}
    schemas = [[schema_at(domain, name, version) for version in (one, other)] for name in names]
    return all(inside is not None and inside == outside for inside, outside in schemas)


def _graphs(survey: Survey, severity: Severity, found: Found) -> None:
    for function, graph in given_graphs(survey.model):
        place = partial(graph.place, "default", *graph.spans[0])
        if graph.parent is not None and graph.owner >= 0:
            place = partial(graph.parent.node_place, graph.owner)
        message = f"the function {function.id.label} is given a graph"
        hint = "write the graph into the function or inline it; policy.function_graphs admits it"
        label = function.id.label
        found.add("OG514", message, place, hint=hint, operator=label, severity=severity)


def _calls(survey: Survey, functions: dict[Operator, Function], found: Found) -> None:
    called = functions.keys() & survey.operators.keys()
    for graph in survey.model.graphs if called else []:
        if called.isdisjoint(survey.counts[id(graph)]):
            continue
        for index, node in enumerate(graph.nodes):
            function = functions.get(node.operator)
            if function is None:
                continue
            label = function.id.label
            inside = graph.function if graph.parent is None else None
            if inside is not None and function.id.overload:
                found.add(
                    "OG515",
                    f"the function {inside.id.label} calls {label} by its overload",
                    graph.node_place(index),
                    hint="ONNX Runtime leaves the overload away in a function's body: give the "
                    "function that is called a name of its own",
                    operator=label,
                )
            for what, given, declared in (
                ("inputs", len(node.inputs), len(function.inputs)),
                ("outputs", len(node.outputs), len(function.outputs)),
            ):
                if given > declared or (what == "outputs" and given < declared):
                    found.add(
                        "OG509",
                        f"{label} is called with {given} {what}, it declares {declared}",
                        graph.node_place(index),
                        hint="inputs may be left out at the end; write an output as an empty name",
                        operator=label,
                    )
