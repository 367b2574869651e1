"""Constant nodes: forbidden or capped ones (OG701, OG702), and those without a value (OG303)."""

from __future__ import annotations

from functools import partial

from onnxguard.model.constant_nodes import constant_dtype, constant_value
from onnxguard.model.constants import CONSTANT
from onnxguard.model.survey import Survey
from onnxguard.policy.allowlist import Allowlist
from onnxguard.rules.collector import Found


def check(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Judge each Constant node by ``policy.constants``; ``report`` only lists them."""
    for graph, index in survey.constants:
        if constant_dtype(graph.nodes[index]) is None:
            message, place = "a Constant node has no value", partial(graph.node_place, index)
            found.add("OG303", message, place, hint="export the model again")
    for graph, index in survey.constants if policy.constants == "forbid" else ():
        message, place = "a Constant node, which the list forbids", partial(graph.node_place, index)
        hint = "export with constants folded into initializers"
        found.add("OG701", message, place, hint=hint, operator="Constant")
    if isinstance(policy.constants, int):
        for graph, index in survey.constants:
            size = constant_value(survey.model, graph.nodes[index])[2]
            if size > policy.constants:
                message = f"a Constant node of {size:,} bytes, {policy.constants:,} are allowed"
                place = partial(graph.node_place, index)
                hint = "store large values as initializers"
                found.add("OG702", message, place, hint=hint, operator="Constant")
        _given(survey, policy.constants, found)


def _given(survey: Survey, limit: int, found: Found) -> None:
    """Judge the Constants of functions by what calls give for them."""
    for view in survey.inlining.views:
        if view.scopes is survey.scopes or CONSTANT not in survey.counts[id(view.graph)]:
            continue
        for index, node in enumerate(view.graph.nodes):
            bound = view.scopes.bound(node) if node.operator == CONSTANT else node
            size = constant_value(survey.model, bound)[2] if bound is not node else 0
            if size > limit:
                message = f"a Constant node of {size:,} bytes, {limit:,} are allowed"
                place = partial(view.graph.node_place, index)
                hint = "store large values as initializers"
                found.add(
                    "OG702", message, place, hint=hint, operator="Constant", once=view.node(index)
                )
