"""What a model costs, in words that several formats share."""

from __future__ import annotations

from onnxguard.model.facts import Cost
from onnxguard.reporters.kit.phrases import byte_size, plural

VALUES_SHOWN = 4
RULES_SHOWN = 5


def heading(cost: Cost) -> str:
    """``cost of a run on input float32[1,3,256,256]``."""
    given = _listed(cost.inputs)
    return f"cost of a run on {given}" if given else "cost of a run"


def _listed(values: tuple[tuple[str, str], ...]) -> str:
    shown = [" ".join(item) for item in values[:VALUES_SHOWN]]
    if len(values) > VALUES_SHOWN:
        shown.append(f"{len(values) - VALUES_SHOWN:,} more")
    return ", ".join(shown)


def figures(cost: Cost) -> list[tuple[str, str]]:
    """The figures by name; those that are bounds from below say so."""
    least = "" if cost.exact else "at least "
    rows = [
        ("multiply-accumulates", macs(cost)),
        ("weights", byte_size(cost.weight_bytes)),
        ("activations at once", f"{least}{byte_size(cost.activation_bytes)}"),
    ]
    largest = cost.largest_tensor
    if largest is not None:
        said = f"{least}{byte_size(largest.bytes)}, {largest.name} {largest.type}"
        rows.append(("largest tensor", said))
    if cost.outputs:
        rows.append(("gives", _listed(cost.outputs)))
    return [*rows, *remarks(cost)]


def macs(cost: Cost) -> str:
    """``913,047,552``, or ``at least 15``."""
    return f"{'' if cost.macs_exact else 'at least '}{cost.macs:,}"


def remarks(cost: Cost) -> list[tuple[str, str]]:
    """What is not known, by name."""
    rows: list[tuple[str, str]] = []
    if cost.unknown_nodes:
        rows.append(("sizes not known", plural(cost.unknown_nodes, "node")))
    if cost.without_rule:
        named = [f"{each.operator} {each.nodes:,}" for each in cost.without_rule[:RULES_SHOWN]]
        more = len(cost.without_rule) - RULES_SHOWN
        rows.append(
            ("no shapes known of", ", ".join(named) + (f" and {more} more" if more > 0 else ""))
        )
    return rows
