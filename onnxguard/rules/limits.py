"""How much a model may hold and run (OG201 to OG208)."""

from __future__ import annotations

from math import inf

from onnxguard.model.expansion import LARGEST
from onnxguard.model.survey import Survey
from onnxguard.policy.allowlist import Allowlist
from onnxguard.rules.collector import Found

NESTED = "trip counts multiply where loops nest: flatten or bound them"


def check(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Compare sizes, nesting, loops and expansion with the limits of the list."""
    _size(survey, policy, found)
    _depth(survey, policy, found)
    _loops(survey, policy, found)


def _size(survey: Survey, policy: Allowlist, found: Found) -> None:
    model, place = survey.model, survey.model.place
    counted = [
        ("model_bytes", "OG201", model.size, "bytes", "make the model smaller, or raise the limit"),
        ("nodes", "OG202", survey.nodes, "nodes", "simplify the graph before the export"),
    ]
    if not survey.inlining.recursive:
        hint = "inline or remove functions that call each other"
        expanded = survey.inlining.largest.nodes
        counted.append(("expanded_nodes", "OG208", int(expanded), "nodes after inlining", hint))
    for name, code, value, unit, hint in counted:
        limit = policy.limits.get(name)
        if limit is not None and value > limit.value:
            message = f"the model has {_short(value)} {unit}, {limit.value:,} are allowed"
            found.add(code, message, place, hint=hint, adr=limit.decision.label)


def _depth(survey: Survey, policy: Allowlist, found: Found) -> None:
    limit = policy.limits.get("subgraph_depth")
    if limit is None or survey.inlining.largest.depth <= limit.value:
        return
    deepest = max(survey.model.graphs, key=lambda graph: graph.depth)
    start, end = deepest.spans[0]
    place = survey.model.place
    if deepest.depth > limit.value:
        place = place._replace(route=deepest.route, start=start, end=end)
    found.add(
        "OG203",
        f"graphs nest {survey.inlining.largest.depth} deep, {limit.value} are allowed",
        place,
        hint="flatten the branches and loops of the model",
        adr=limit.decision.label,
    )


def _loops(survey: Survey, policy: Allowlist, found: Found) -> None:
    most = policy.limits.get("loop_nodes")
    loops = survey.inlining.largest.loops
    if most is not None and survey.inlining.loops and most.value < loops < inf:
        place = survey.inlining.loops[min(most.value, len(survey.inlining.loops) - 1)]
        found.add(
            "OG204",
            f"the model has {_short(int(loops))} Loop nodes, {most.value} are allowed",
            place.graph.node_place(place.node),
            hint="unroll short loops or merge them",
            adr=most.decision.label,
        )
    trips = policy.limits.get("loop_trip_count")
    product = policy.limits.get("loop_trip_product")
    for loop in survey.inlining.loops:
        place_of = loop.graph.node_place(loop.node)
        source = loop.source
        if loop.trip_count == LARGEST:  # how exporters write a loop that its condition ends
            source = "2**63 - 1 leaves the end to its condition"
        endless = loop.trip_count is None or loop.trip_count == LARGEST
        if trips is not None and endless and trips.value < LARGEST:
            found.add(
                "OG206",
                f"a Loop has no static trip count: {source}",
                place_of,
                hint="give M as one int64 Constant or initializer that the caller cannot replace; "
                "a waiver, or a list without limits.loop_trip_count, admits it",
                adr=trips.decision.label,
            )
        elif (
            trips is not None
            and loop.trip_count is not None
            and not 0 <= loop.trip_count <= trips.value
        ):
            found.add(
                "OG205",
                f"a Loop runs {_short(loop.trip_count)} times, allowed is 0 to {trips.value:,}",
                place_of,
                hint="bound the loop when exporting",
                adr=trips.decision.label,
            )
        flat = loop.product == loop.trip_count  # it runs within no other: judged above, or here
        judged = trips is not None and (loop.trip_count or 0) > trips.value
        if (
            product is not None
            and loop.product is not None
            and loop.product > product.value
            and not (flat and judged)
        ):
            message = (
                f"nested Loops run {_short(loop.product)} times, {product.value:,} are allowed"
            )
            found.add("OG207", message, place_of, hint=NESTED, adr=product.decision.label)
    nested = survey.inlining.largest.trips
    nested = nested if nested == inf else min(nested, LARGEST)
    largest = max((loop.product or 0 for loop in survey.inlining.loops), default=0)
    if product is not None and max(product.value, largest, 1) < nested < inf:
        message = f"Loops nested through function calls run {_short(int(nested))} times"
        message += f", {product.value:,} are allowed"
        place_of = survey.model.place
        found.add("OG207", message, place_of, hint=NESTED, adr=product.decision.label)


def _short(value: int) -> str:
    return f"{value:,}" if abs(value) < 10**18 else f"about 2**{abs(value).bit_length() - 1}"
