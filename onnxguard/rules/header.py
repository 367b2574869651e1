"""What the model declares of itself: opsets, IR version, training (OG501 to OG504, OG511)."""

from __future__ import annotations

from collections import Counter

from onnxguard.base.findings import Place, Severity
from onnxguard.base.printable import identifier
from onnxguard.model.graph import Function, Opset
from onnxguard.model.survey import Survey
from onnxguard.policy.allowlist import DEFAULT_DOMAIN, Allowlist
from onnxguard.rules.collector import Found
from onnxguard.rules.opsets import versions

_ADMITTED = "where it is meant, a waiver in the list admits it"


def check(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Check the header and that every graph that should be there is."""
    model = survey.model
    imports(model.opsets, "the model", model.place, policy, found)
    for function, domains in domains_used(survey).items():
        opsets = model.opsets if function is None else function.opsets
        owner = "the model" if function is None else f"the function {function.id.label}"
        place = model.place if function is None else function.place
        for domain in sorted(domains - versions(opsets).keys()):
            message = f"{owner} uses operators of {identifier(domain)} and does not import it"
            found.add("OG501", message, place, hint="add the opset_import or export again")
    if policy.ir_version is not None and model.ir_version not in policy.ir_version:
        given = "no IR version" if model.ir_version is None else f"IR version {model.ir_version}"
        message = f"the model declares {given}, allowed is {policy.ir_version}"
        found.add("OG503", message, model.place, hint="export with a released version of onnx")
    if not model.graph.nodes:
        hint = f"the export failed or the file was cut: there is nothing to verify; {_ADMITTED}"
        found.add("OG511", "the main graph has no nodes", model.place, hint=hint)
    if not model.graph.outputs:
        hint = f"a graph without outputs computes nothing: export it again; {_ADMITTED}"
        found.add("OG511", "the main graph has no outputs", model.place, hint=hint)
    action = policy.policy("training_info")
    for place in model.training_places if action != "allow" else ():
        message = "the model holds training_info"
        severity = severity_of(action)
        found.add("OG504", message, place, hint="export for inference", severity=severity)


def severity_of(action: str) -> Severity:
    """The severity of a policy that says ``warn`` or ``forbid``."""
    return Severity.WARNING if action == "warn" else Severity.ERROR


def imports(opsets: list[Opset], owner: str, place: Place, policy: Allowlist, found: Found) -> None:
    """Check a list of opset imports for doubles and ranges."""
    if not opsets:
        hint = "no operator has a meaning without it: export again"
        found.add("OG501", f"{owner} imports no opset", place, hint=hint)
    counts = Counter(opset.domain or DEFAULT_DOMAIN for opset in opsets)
    spelled = Counter(opset.domain for opset in opsets)
    alike = Counter((opset.domain, opset.version) for opset in opsets)
    for opset in opsets:
        domain = opset.domain or DEFAULT_DOMAIN
        where = Place(f"{place.route}/opset_import", opset.start, opset.end)
        if counts[domain] == alike[opset.domain, opset.version] > 1:  # as skl2onnx writes it
            message = f"{owner} imports {identifier(domain)} {counts[domain]} times alike"
            hint = "one import says the same"
            found.add("OG501", message, where, hint=hint, severity=Severity.NOTE)
        elif counts[domain] > 1:
            both = ' as "" and as "ai.onnx"' if spelled[opset.domain] < counts[domain] else ""
            message = f"{owner} imports {identifier(domain)} {counts[domain]} times{both}"
            hint = "runtimes differ in which one they take: keep one"
            found.add("OG501", message, where, hint=hint)
        allowed = policy.opsets.get(domain)
        if allowed is not None and opset.version not in allowed:
            message = f"{owner} imports opset {opset.version} of {identifier(domain)}"
            message += f", allowed is {allowed}"
            hint = f"export at an opset in {allowed}"
            found.add("OG502", message, where, hint=hint)


def domains_used(survey: Survey) -> dict[Function | None, set[str]]:
    """The domains of the operators and calls in each function; None is what is outside of all."""
    used: dict[Function | None, set[str]] = {}
    for graph in survey.model.graphs:
        used.setdefault(graph.function, set()).update(
            operator.domain or DEFAULT_DOMAIN
            for operator in survey.counts[id(graph)]
            if operator.op_type
        )
    return used
