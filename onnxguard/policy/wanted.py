"""Which targets must run a model: ``targets:`` of a list or manifest, and the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable

from onnxguard.base.errors import AllowlistError, UsageError
from onnxguard.base.yaml_tree import Mapping, Scalar, Sequence, Tree
from onnxguard.policy.allowlist import Allowlist, Wanted
from onnxguard.policy.registry import is_path
from onnxguard.policy.target import load_target
from onnxguard.policy.yaml_values import NUMBERS, text

FORBID = "forbid"


def want(name: str, allow_unknown: bool = False, fallback: int | None = None) -> Wanted:
    """A target by its id, name or path, as it stands today.

    Raises:
        AllowlistError: there is none.
        UsageError: it knows names alone, which is too little to judge by.
    """
    target = load_target(name)
    if target.names_alone:
        raise UsageError(
            f"{target.id} knows names of operators alone and can gate nothing: "
            "onnxguard targets MODEL shows what it names"
        )
    given = name if is_path(name) else target.id
    return Wanted(given, target.sha256, allow_unknown, fallback)


def fallback_of(given: str) -> int | None:
    """How many nodes may be left to another provider: ``forbid``, or a number.

    Raises:
        ValueError: it is neither.
    """
    if given == FORBID:
        return 0
    if not given.isdecimal() or len(given) > 9:
        raise ValueError(f"fallback is {FORBID} or a whole number")
    return int(given)


def read_wanted(tree: Tree, folder: str) -> tuple[Wanted, ...]:
    """Read ``targets:``; a path is relative to ``folder``.

    Raises:
        AllowlistError: ``file:line:column`` and what is wrong there.
    """
    if not isinstance(tree, Sequence):
        tree.mark.fail("targets is a list: names, or mappings with name, fallback and unknown")
    found = []
    for each in tree.items:
        item = each if isinstance(each, Mapping) else None
        if item is not None:
            item.only(("name", "fallback", "unknown"), "a target")
            if "name" not in item.items:
                item.mark.fail("a target needs its 'name'")
        name = item.items["name"] if item is not None else each
        given = name.text if isinstance(name, Scalar) else text(name, "a target")
        path = os.path.normpath(os.path.join(folder, given)) if is_path(given) else given
        try:
            found.append(want(path, *_conditions(item)))
        except (AllowlistError, UsageError) as error:
            each.mark.fail(str(error))
    return tuple(found)


def _conditions(item: Mapping | None) -> tuple[bool, int | None]:
    items = {} if item is None else item.items
    unknown, fallback = items.get("unknown"), items.get("fallback")
    if unknown is not None and text(unknown, "unknown") not in ("allow", "refuse"):
        unknown.mark.fail("unknown is allow or refuse")
    most = None
    if fallback is not None:
        try:
            most = fallback_of(text(fallback, "fallback", NUMBERS))
        except ValueError as error:
            fallback.mark.fail(str(error))
    return unknown is not None and text(unknown, "unknown") == "allow", most


def with_targets(policy: Allowlist, wanted: Iterable[Wanted]) -> Allowlist:
    """A list that asks for more targets; of one that it names already, the later word counts."""
    own = {each.target: each for each in (*policy.targets, *wanted)}
    return policy._replace(targets=tuple(own.values())) if own else policy
