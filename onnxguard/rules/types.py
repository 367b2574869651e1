"""The types of values, as they follow from ONNX's schemas (OG176 to OG182)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from onnxguard.base.findings import Severity
from onnxguard.base.printable import printable
from onnxguard.catalogue import RULES
from onnxguard.catalogue.types import TYPES
from onnxguard.model.graph import Operator
from onnxguard.model.survey import Survey
from onnxguard.model.types import Clash
from onnxguard.policy.allowlist import Allowlist
from onnxguard.rules.collector import Found

_HINTS = {
    "OG176": "insert a Cast before the node, or export at an opset that takes the type",
    "OG177": "insert a Cast before the input that differs",
    "OG178": "choose a type that the operator gives, or export at a newer opset",
    "OG179": "remove the declaration, or correct it",
    "OG180": "insert a Cast in the body that differs",
    "OG181": "leave one of the two inputs out",
    "OG182": "declare it whole, or export the model again",
}


_RESIZE = Operator("", "Resize")


def check(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Say where types cannot be right, unless the list allows that."""
    if not any(policy.validity(rule) for rule in TYPES):
        return
    _resized_twice(survey, policy.validity(RULES["OG181"]), found)
    tell(survey.scopes.types.clashes, _HINTS, policy, found)


def tell(
    clashes: Iterable[Clash], hints: Mapping[str, str], policy: Allowlist, found: Found
) -> None:
    """Say what cannot be right, unless the list allows that; ``hints`` are by a rule's code."""
    for clash in clashes:
        severity = policy.validity(RULES[clash.code])
        if severity is None:
            continue
        graph, value, operator = clash.graph, clash.value, ""
        if value is None:
            place = partial(graph.node_place, clash.node)
            operator = graph.nodes[clash.node].operator.label
        else:
            item = f'value "{printable(value.name)}"'
            place = partial(graph.place, item, value.start, value.end)
        hint = hints[clash.code]
        found.add(clash.code, clash.message, place, hint=hint, operator=operator, severity=severity)


def _resized_twice(survey: Survey, severity: Severity | None, found: Found) -> None:
    """Say where constants give both of the inputs of which a Resize takes one.

    One of no elements counts as left out: so exporters write it before opset 13.
    """
    if severity is None or _RESIZE not in survey.operators:
        return
    scopes = survey.scopes
    for graph in survey.model.graphs:
        for index, node in enumerate(graph.nodes) if _RESIZE in survey.counts[id(graph)] else ():
            if node.operator == _RESIZE and len(node.inputs) > 3:
                scales, sizes = node.inputs[2:4]
                if scopes.floats(graph, scales) and scopes.static(graph, sizes).values:
                    message = "Resize: both scales and sizes are given, ONNX takes one"
                    place = partial(graph.node_place, index)
                    hint = _HINTS["OG181"]
                    found.add(
                        "OG181", message, place, hint=hint, operator="Resize", severity=severity
                    )
