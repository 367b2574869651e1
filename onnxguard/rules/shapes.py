"""The shapes of values, and what they cost (OG184, OG185, OG209 to OG211)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.base.errors import ModelError
from onnxguard.base.printable import printable
from onnxguard.catalogue import RULES
from onnxguard.catalogue.shapes import SHAPES
from onnxguard.model.survey import Survey
from onnxguard.policy.allowlist import COST_LIMITS, Allowlist
from onnxguard.rules.collector import Found
from onnxguard.rules.types import tell

if TYPE_CHECKING:
    from onnxguard.model.facts import Cost

_HINTS = {
    "OG184": "correct the sizes or attributes of the node, or of what makes its inputs",
    "OG185": "remove the declaration, or correct it",
}


def check(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Say where shapes cannot be right, and which limits on costs are passed."""
    _sizes_fit(survey, policy)
    if any(name in policy.limits for name in COST_LIMITS):
        from onnxguard.model.describing import cost_for

        _costs(cost_for(survey, policy.sizes), survey, policy, found)
    if any(policy.validity(rule) for rule in SHAPES):
        tell(survey.scopes.shapes(policy.sizes).clashes, _HINTS, policy, found)


def _costs(cost: Cost, survey: Survey, policy: Allowlist, found: Found) -> None:
    least = "" if cost.exact else "at least "
    macs = f"a run takes {'' if cost.macs_exact else 'at least '}{cost.macs:,}"
    messages = {
        "macs": ("OG209", cost.macs, f"{macs} multiply-accumulates"),
        "activation_bytes": (
            "OG210",
            cost.activation_bytes,
            f"a run holds {least}{cost.activation_bytes:,} bytes at once",
        ),
    }
    largest = cost.largest_tensor
    if largest is not None:
        said = f'"{largest.name}" is {largest.type}: {least}{largest.bytes:,} bytes'
        messages["largest_tensor"] = "OG211", largest.bytes, said
    for name, (code, value, said) in messages.items():
        limit = policy.limits.get(name)
        if limit is not None and value > limit.value:
            message = f"{said}, {limit.value:,} are allowed"
            adr = limit.decision.label
            found.add(code, message, survey.model.place, hint=RULES[code].fix, adr=adr)


def _sizes_fit(survey: Survey, policy: Allowlist) -> None:
    """See that the sizes that are given for inputs are possible for the model.

    Raises:
        ModelError: OG008 where they are not.
    """
    values = survey.model.graph.inputs if policy.sizes else ()
    inputs = {v.name.decode("utf-8", "surrogateescape"): v.type.dims for v in values}
    for name, shape in policy.sizes:
        said = f'the shape {"x".join(map(str, shape)) or "scalar"} for "{printable(name)}"'
        if name not in inputs:
            names = ", ".join(map(printable, list(inputs)[:8])) or "none"
            raise ModelError("OG008", f"{said}: there is no such input, the inputs are {names}")
        dims = inputs[name]
        if dims is None:
            continue
        fixed = [d if isinstance(d, int) and d >= 0 else None for d in dims]
        if len(dims) != len(shape) or any(
            d not in (None, size) for d, size in zip(fixed, shape, strict=True)
        ):
            declared = ", ".join(["?" if d is None else str(d) for d in fixed])
            raise ModelError("OG008", f"{said}: it is declared as [{declared}]")
