"""Write an allowlist, or what models need of it, for other programs."""

from __future__ import annotations

from collections.abc import Iterable

from onnxguard.base.errors import UsageError
from onnxguard.model.facts import Facts
from onnxguard.model.standard import is_runtime_domain
from onnxguard.policy.allowlist import Allowlist


def to_c(policy: Allowlist) -> str:
    """A C table of the list's operator names, in ``strcmp`` order, ended by NULL.

    Entries of other domains are written as ``domain::op_type``; conditions have no place in it.
    """
    kept = sorted(entries[0].label for entries in policy.entries.values())
    title = policy.title.replace("*", "").replace("/", "")
    symbol = "".join(char if char.isalnum() else "_" for char in policy.id)
    lines = [
        f"/* The operators of the allowlist {policy.id}: {title}.",
        " * Names only: attribute rules, limits and the scan of functions are not expressed here.",
        " * Compare whole strings, and the domain too. */",
        "#include <stddef.h>",
        "",
        f"static const char *const onnxguard_{symbol}[] = {{",
        *(f'    "{_c_string(name)}",' for name in kept),
        "    NULL,",
        "};",
        "",
        f"enum {{ onnxguard_{symbol}_count = {len(kept)} }};",
        "",
    ]
    return "\n".join(lines)


def _c_string(text: str) -> str:
    return "".join(c if c.isalnum() or c in "_:.-" else f"\\{ord(c):03o}" for c in text)


def to_ort_config(policy: Allowlist, models: Iterable[tuple[str, Facts]]) -> str:
    """ONNX Runtime's ``required_operators.config`` for the models, the list's operators only.

    A line is ``domain;opset;op1,op2``. Source: ONNX Runtime's documentation of reduced operator
    builds.

    Raises:
        UsageError: no model, or one that needs an operator which is not on the list.
    """
    needed: dict[tuple[str, int], set[str]] = {}
    any_model = False
    for path, facts in models:
        any_model = True
        versions = {opset.domain: opset.version for opset in facts.opset_imports}
        functions = {(f.domain, f.name, f.overload) for f in facts.functions}
        for function in facts.functions:
            for opset in function.opset_imports:
                versions.setdefault(opset.domain, opset.version)
        for use in facts.operators:
            own = (use.domain, use.op_type, use.overload) in functions
            if own and not is_runtime_domain(use.domain):
                continue
            if (use.domain, use.op_type) not in policy.entries:
                raise UsageError(f"{path}: {use.label} is not on the allowlist {policy.id}")
            key = use.domain, versions.get(use.domain, 0)
            needed.setdefault(key, set()).add(use.op_type)
    if not any_model:
        raise UsageError("ort-config needs the models whose opsets it is for: add their paths")
    lines = [f"# required_operators.config for the allowlist {policy.id}"]
    lines += [
        f"{domain};{opset};{','.join(sorted(ops))}"
        for (domain, opset), ops in sorted(needed.items())
    ]
    return "\n".join([*lines, ""])
