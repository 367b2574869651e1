"""What the tables of runtimes do not say, or say wrongly: allowlists/targets/exceptions.yaml."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from onnxguard.base.yaml_tree import Mapping, Tree, parse
from onnxguard.policy.allowlist import Range
from onnxguard.policy.target import TARGETS, Row, type_of
from onnxguard.policy.yaml_values import NUMBERS, boolean, list_items, mapping, text, words

EXCEPTIONS = TARGETS / "exceptions.yaml"


class Exceptions(NamedTuple):
    """A correction of some operators of some targets.

    Attributes:
        targets: their names, without versions; ``*`` for all.
        operators: names of the default domain.
        attributes: what they may have, as in ``Row``; its values parted by ``|``.
        types: the types that all their values may have; none where nothing is said.
        folded: whether the operators are computed before the model runs, whatever the table says.
        named: the standard's name of operators that the table calls otherwise.
        left_out: whether what the table calls so is no operator of ONNX.
        reason: why, and where that is known from.
    """

    targets: tuple[str, ...]
    operators: tuple[str, ...]
    attributes: dict[str, tuple[str, ...]]
    types: tuple[str, ...]
    folded: bool
    named: dict[str, str]
    left_out: bool
    reason: str

    @property
    def restricts(self) -> bool:
        """Whether it says all that the table's note does, so that the note is judged."""
        return bool(self.attributes or self.types)


@lru_cache(maxsize=1)
def exceptions() -> tuple[Exceptions, ...]:
    """The registry's exceptions.

    Raises:
        AllowlistError: the file holds something else.
    """
    top = parse(EXCEPTIONS.read_bytes(), EXCEPTIONS.name, "exceptions of targets")
    top.only(("exceptions",), "exceptions of targets")
    items = list_items(top, "exceptions")
    return tuple(_exception(mapping(each, "an exception")) for each in items)


def _exception(item: Mapping) -> Exceptions:
    item.only(Exceptions._fields, "an exception")
    attributes = _texts(item.items.get("attributes"), "attributes")
    return Exceptions(
        targets=tuple(word.text for word in words(item, "targets")),
        operators=tuple(word.text for word in words(item, "operators")),
        attributes={name: tuple(filter(None, v.split("|"))) for name, v in attributes.items()},
        types=tuple(word.text for word in words(item, "types")),
        folded="folded" in item.items and boolean(item.items["folded"]),
        named=_texts(item.items.get("named"), "named"),
        left_out="left_out" in item.items and boolean(item.items["left_out"]),
        reason=text(item.items["reason"], "reason"),
    )


def _texts(tree: Tree | None, what: str) -> dict[str, str]:
    items = {} if tree is None else mapping(tree, what).items
    return {name: text(value, name, NUMBERS) for name, value in items.items()}


def with_exceptions(name: str, rows: list[tuple[str, str, Row]]) -> list[tuple[str, str, Row]]:
    """The rows of a target as its exceptions correct them.

    Args:
        name: of the target, without a version.
        rows: domain, operator and row of each.
    """
    own = [each for each in exceptions() if name in each.targets or "*" in each.targets]
    named = {old: new for each in own for old, new in each.named.items()}
    left_out = {operator for each in own if each.left_out for operator in each.operators}
    folded = {operator for each in own if each.folded for operator in each.operators}
    found = [("ai.onnx", each, Row(Range(1, None), {}, "folded", {})) for each in sorted(folded)]
    for domain, table_name, row in rows:
        op_type, types, attributes = named.get(table_name, table_name), row.types, row.attributes
        for each in own if domain == "ai.onnx" else ():
            if op_type in each.operators:
                attributes = attributes | each.attributes
                types = types | ({"": frozenset(map(type_of, each.types))} if each.types else {})
        if table_name not in left_out and (domain, op_type) not in {("ai.onnx", f) for f in folded}:
            found.append((domain, op_type, row._replace(types=types, attributes=attributes)))
    return found
