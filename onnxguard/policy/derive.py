"""Write the allowlist that given models need, for a person to review."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date

from onnxguard.base.errors import UsageError
from onnxguard.base.yaml_tree import Mark, Scalar, retyped
from onnxguard.model.expansion import LARGEST
from onnxguard.model.facts import ConstantNode, Facts, Value
from onnxguard.model.standard import is_runtime_domain, is_standard
from onnxguard.policy.allowlist import DEFAULT_DOMAIN
from onnxguard.policy.allowlist_file import OPERATOR_NAME

NOTHING: Mapping[str, int] = {}
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")


def derive_allowlist(
    models: Iterable[tuple[str, Facts]], name: str, memory: Mapping[str, int] = NOTHING
) -> str:
    """A commented YAML list that admits exactly the operators of the models.

    Args:
        models: each model's printable path and facts.
        name: the id of the new list.
        memory: the limits on memory that the models need, where the usual ones refuse them.
    """
    uses: dict[tuple[str, str], dict[str, int]] = {}
    paths: list[str] = []
    facts_of: list[Facts] = []
    for path, facts in models:
        paths.append(path)
        facts_of.append(facts)
        functions = {(f.domain, f.name, f.overload) for f in facts.functions}
        for use in facts.operators:
            own = (use.domain, use.op_type, use.overload) in functions
            if not own or is_runtime_domain(use.domain):
                counts = uses.setdefault((use.domain, use.op_type), {})
                counts[path] = counts.get(path, 0) + use.count
    count = f"{len(paths)} model{'' if len(paths) == 1 else 's'}"
    lines = [
        f"# What {count} need{'s' if len(paths) == 1 else ''}, as of {date.today()}:",
        *(f"#   {path}" for path in paths),
        "# Review each operator, then write down who decided it and why.",
        "schema: 1",
        f"id: {quoted(name)}",
        f"title: Operators of {count}",
        "adr: ADR-0000            # the decision behind this list",
        f"date: {date.today()}",
        "reason: Derived from models; not reviewed yet.",
        "",
        "operators:" if uses else "operators: []",
    ]
    for (domain, op_type), counts in sorted(uses.items()):
        if not OPERATOR_NAME.fullmatch(op_type):
            path = next(iter(counts))
            raise UsageError(f'{path}: no list can name an operator such as "{op_type}"')
        lines.append(f"  - name: {quoted(op_type)}")
        if domain != DEFAULT_DOMAIN:
            lines.append(f"    domain: {quoted(domain)}    # not a standard operator")
        elif not is_standard(domain, op_type):
            lines.append("    # ONNX has no operator of this name")
        where = ", ".join(f"{count} in {path}" for path, count in list(counts.items())[:4])
        more = f" and {len(counts) - 4} more models" if len(counts) > 4 else ""
        lines.append(f"    # {where}{more}")
    return "\n".join([*lines, "", *_bounds(facts_of, memory), ""])


def _bounds(facts: list[Facts], memory: Mapping[str, int]) -> list[str]:
    """Limits and ranges at what the models show."""
    loops = [loop for fact in facts for loop in fact.loops]
    given = [loop.trip_count for loop in loops if loop.trip_count is not None]
    trips = [count for count in given if count < LARGEST]  # that one leaves it to the condition
    products = [loop.product for loop in loops if loop.product is not None]
    lines = ["limits:"]
    lines.append(f"  model_bytes: {max(f.size for f in facts)}    # the largest model as it is")
    lines.append(f"  nodes: {max(f.nodes for f in facts)}")
    lines.append(f"  subgraph_depth: {max(f.depth for f in facts)}")
    lines.append(f"  loop_nodes: {max(max(f.expanded_loops, len(f.loops)) for f in facts)}")
    if loops:
        lines.append(f"  loop_trip_count: {max([*trips, 0])}")
        lines.append(f"  loop_trip_product: {max([*products, 0])}")
        if len(trips) < len(loops):
            lines.append("  # some Loop has no static bound and will be refused (OG206)")
    largest = {"tensor_elements": 1 << 28, **memory}
    lines += [f"  {name}: {value}" for name, value in largest.items()]
    lines += ["  op_type_bytes: 127", ""]
    versions: dict[str, list[int]] = {}
    for fact in facts:
        inside = (opset for function in fact.functions for opset in function.opset_imports)
        for opset in (*fact.opset_imports, *inside):
            if opset.version < 0:
                raise UsageError(f"no list can name opset {opset.version} of {opset.domain}")
            versions.setdefault(opset.domain, []).append(opset.version)
    lines.append("opset:" if versions else "opset: {}")
    for domain, seen in sorted(versions.items()):
        low, high = min(seen), max(seen)
        lines.append(f"  {quoted(domain)}: {low if low == high else f'{low}..{high}'}")
    irs = [fact.ir_version for fact in facts if fact.ir_version is not None]
    if irs:
        low, high = min(irs), max(irs)
        lines.append(f"ir_version: {low if low == high else f'{low}..{high}'}")
    if not any(_holds_strings(fact) for fact in facts):
        lines += ["", "dtypes:", "  not_in: [string]"]
    lines += ["", "policy:"]
    lines.append(f"  functions: {'allow' if any(f.functions for f in facts) else 'forbid'}")
    if any(is_runtime_domain(own.domain) for f in facts for own in f.functions):
        lines.append("  runtime_functions: allow    # a runtime may run its own operators instead")
    if any(own.given_graphs for f in facts for own in f.functions):
        lines.append("  function_graphs: allow    # trip counts and nodes multiply through them")
    lines.append("  training_info: forbid")
    lines.append(f"  external_data: {'allow' if any(f.external_data for f in facts) else 'forbid'}")
    lines += ["  unknown_fields: forbid", "  constants: report"]
    return lines


def _holds_strings(facts: Facts) -> bool:
    if any("map(" in value.kind for value in (*facts.inputs, *facts.outputs)):
        return True  # a map's keys, of which the facts do not tell more
    typed: list[Value | ConstantNode] = [*facts.inputs, *facts.outputs, *facts.constants]
    return "string" in facts.initializer_bytes or any(item.dtype == "string" for item in typed)


def quoted(text: str) -> str:
    """A YAML scalar that means the text and nothing else."""
    if _PLAIN.fullmatch(text) and not retyped(Scalar(Mark("", 0, 0), text, True)):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
