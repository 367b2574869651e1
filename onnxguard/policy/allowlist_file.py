"""Read an allowlist file: schema version 1, documented in docs/write-an-allowlist.md."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import NamedTuple

from onnxguard.base.findings import Severity
from onnxguard.base.printable import printable
from onnxguard.base.yaml_tree import Mapping, Mark, Scalar, Tree, near
from onnxguard.catalogue import RULES
from onnxguard.catalogue.shapes import SHAPES
from onnxguard.catalogue.types import TYPES
from onnxguard.catalogue.validity import VALIDITY as VALIDITY_RULES
from onnxguard.model.messages import DTYPES
from onnxguard.model.schemas import Schema
from onnxguard.policy.allowlist import (
    DEFAULT_DOMAIN,
    LIMITS,
    POLICIES,
    VALIDITY,
    Decision,
    Denial,
    DtypeRule,
    Entry,
    Limit,
    Range,
    ValueRule,
    Waiver,
)
from onnxguard.policy.operator_schemas import read_schema
from onnxguard.policy.yaml_values import (
    NUMBERS,
    boolean,
    choice,
    day,
    domain_name,
    integer,
    list_items,
    mapping,
    number,
    opset_ranges,
    optional_text,
    text,
    version_range,
    words,
)

SCHEMA = 1
_TOP: tuple[str, ...] = ("schema", "id", "title", "extends", "adr", "date", "reason")
_TOP += ("operators", "deny", "schemas", "limits", "opset", "ir_version", "policy", "dtypes")
_TOP += ("waivers", "targets")
_DECISION = ("adr", "date", "reason")
_ENTRY = ("name", "names", "domain", "opset", "attributes", "dtypes", "constant_inputs", *_DECISION)
_DENY = ("name", "names", "domain", "instead", *_DECISION)
_VALUE = ("in", "not_in", "min", "max", "default", "required", "severity", *_DECISION)
_WAIVER = ("model", "code", "operator", "reason", "expires")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
OPERATOR_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,126}")
WAIVABLE = frozenset(code for code, rule in RULES.items() if rule.waivable)
"""What says that a model was not verified, or speaks of waivers, cannot be waived."""
_CONSTANTS = ("report", "forbid")
_VALIDITY = ("error", "warn", "allow")
_DTYPE_NAMES = frozenset(name for name, _ in DTYPES.values())


class AllowlistFile(NamedTuple):
    """One file as written, before what it extends is folded in; ``folder`` is where it lies."""

    id: str
    title: str
    extends: str
    extends_mark: Mark
    decision: Decision
    entries: list[Entry]
    denials: list[Denial]
    limits: dict[str, Limit]
    opsets: dict[str, Range]
    ir_version: Range | None
    policies: dict[str, str]
    constants: str | int | None
    dtypes: DtypeRule | None
    waivers: list[Waiver]
    schemas: list[Schema]
    targets: Tree | None
    folder: str = ""


def read_file(top: Mapping) -> AllowlistFile:
    """Turn a parsed YAML file into an ``AllowlistFile``.

    Raises:
        AllowlistError: ``file:line:column`` and what is wrong there.
    """
    top.only(_TOP, "an allowlist")
    schema = top.items.get("schema")
    if schema is None:
        top.mark.fail(f"'schema: {SCHEMA}' is missing")
    if integer(schema, "schema") != SCHEMA:
        schema.mark.fail(
            f"schema {integer(schema, 'schema')} is not known: this tool reads {SCHEMA}"
        )
    if "id" not in top.items:
        top.mark.fail("'id' is missing")
    name = text(top.items["id"], "id")
    if not _ID.fullmatch(name):
        top.items["id"].mark.fail("an id is letters, digits, dots, dashes and underscores")
    extends = top.items.get("extends")
    decision = _decision(top, Decision())
    policies, constants = _policy(top.items.get("policy"))
    ir_version = top.items.get("ir_version")
    return AllowlistFile(
        id=name,
        title=optional_text(top, "title"),
        extends=text(extends, "extends") if extends else "",
        extends_mark=extends.mark if extends else top.mark,
        decision=decision,
        entries=[e for item in list_items(top, "operators") for e in _entries(item, decision)],
        denials=[d for item in list_items(top, "deny") for d in _denials(item, decision)],
        limits=_limits(top.items.get("limits"), decision),
        opsets=opset_ranges(top.items.get("opset")),
        ir_version=version_range(ir_version, "ir_version") if ir_version else None,
        policies=policies,
        constants=constants,
        dtypes=_dtypes(top.items.get("dtypes")),
        waivers=[read_waiver(item) for item in list_items(top, "waivers")],
        schemas=_schemas(top),
        targets=top.items.get("targets"),
    )


def _schemas(top: Mapping) -> list[Schema]:
    found: dict[tuple[str, str, int], Schema] = {}
    for item in list_items(top, "schemas"):
        schema = read_schema(item)
        if schema[:3] in found:
            item.mark.fail(f"a second schema of {schema.domain}::{schema.name} for one version")
        found[schema[:3]] = schema
    return list(found.values())


# -- the parts of a list --------------------------------------------------------------------------


def _entries(tree: Tree, decision: Decision) -> list[Entry]:
    item = mapping(tree, "an operator")
    item.only(_ENTRY, "an operator")
    domain = _domain(item)
    opset = item.items.get("opset")
    rules = item.items.get("attributes")
    decided = _decision(item, decision)
    attributes = {}
    if rules is not None:
        for name, rule in mapping(rules, "attributes").items.items():
            attributes[name] = _value_rule(rule, decided)
    return [
        Entry(
            domain=domain,
            op_type=name.text,
            opset=version_range(opset, "opset") if opset else Range(1, None),
            attributes=attributes,
            dtypes=_dtypes(item.items.get("dtypes")),
            constant_inputs=tuple(s.text for s in words(item, "constant_inputs")),
            decision=decided,
            source=str(name.mark),
        )
        for name in _names(item)
    ]


def _denials(tree: Tree, decision: Decision) -> list[Denial]:
    item = mapping(tree, "a denied operator")
    item.only(_DENY, "a denied operator")
    if "reason" not in item.items:
        item.mark.fail("a denied operator needs 'reason'")
    decided = _decision(item, decision)
    return [
        Denial(_domain(item), name.text, optional_text(item, "instead"), decided, str(name.mark))
        for name in _names(item, wildcard=True)
    ]


def _names(item: Mapping, wildcard: bool = False) -> list[Scalar]:
    given = [key for key in ("name", "names") if key in item.items]
    if not given:
        item.mark.fail("an operator has a 'name' or 'names'")
    if len(given) > 1:
        item.keys[given[1]].fail("an operator has either 'name' or 'names'")
    if given == ["name"]:
        name = item.items["name"]
        text(name, "name")
        names = [name] if isinstance(name, Scalar) else []
    else:
        names = words(item, "names")
        if not names:
            item.items["names"].mark.fail("'names' is empty")
    for name in names:
        if not OPERATOR_NAME.fullmatch(name.text) and (name.text != "*" or not wildcard):
            name.mark.fail(f'"{printable(name.text)}" is not the name of an operator')
    return names


def _value_rule(tree: Tree, decision: Decision) -> ValueRule:
    item = mapping(tree, "an attribute's rule")
    item.only(_VALUE, "an attribute's rule")
    decided = _decision(item, decision)
    severity = Severity.ERROR
    if "severity" in item.items:
        severity = Severity(choice(item.items["severity"], [s.value for s in Severity]))
    allowed = words(item, "in") if "in" in item.items else None
    denied = words(item, "not_in")
    minimum, maximum = number(item, "min"), number(item, "max")
    if not item.items.keys() & {"in", "not_in", "min", "max", "required"}:
        item.mark.fail("an attribute's rule needs in, not_in, min, max or required")
    required = "required" in item.items and boolean(item.items["required"])
    return ValueRule(
        allowed=None if allowed is None else tuple(s.text for s in allowed),
        denied=tuple(s.text for s in denied),
        minimum=minimum,
        maximum=maximum,
        default=text(item.items["default"], "default", NUMBERS)
        if "default" in item.items
        else None,
        required=required,
        severity=severity,
        decision=decided,
    )


def _limits(tree: Tree | None, decision: Decision) -> dict[str, Limit]:
    if tree is None:
        return {}
    item = mapping(tree, "limits")
    item.only(LIMITS, "limits")
    limits = {}
    for name, value in item.items.items():
        if isinstance(value, Mapping):
            value.only(("max", *_DECISION), "a limit")
            if "max" not in value.items:
                value.mark.fail("a limit needs 'max'")
            limits[name] = Limit(integer(value.items["max"], name), _decision(value, decision))
        else:
            limits[name] = Limit(integer(value, name), decision)
    return limits


def _policy(tree: Tree | None) -> tuple[dict[str, str], str | int | None]:
    if tree is None:
        return {}, None
    item = mapping(tree, "policy")
    item.only((*POLICIES, VALIDITY, "constants"), "policy")
    constants: str | int | None = None
    policies: dict[str, str] = {}
    for name, value in item.items.items():
        if name == VALIDITY:
            policies |= _validity(value)
        elif name != "constants":
            policies[name] = choice(value, ("allow", "warn", "forbid"))
        elif isinstance(value, Mapping):
            value.only(("max_bytes",), "constants")
            if "max_bytes" not in value.items:
                value.mark.fail("constants needs 'max_bytes'")
            constants = integer(value.items["max_bytes"], "max_bytes")
        else:
            constants = choice(value, _CONSTANTS)
    return policies, constants


def _validity(tree: Tree) -> dict[str, str]:
    """One word for all rules on valid graphs, or words by a rule's name and for the ``rest``."""
    if not isinstance(tree, Mapping):
        return {VALIDITY: choice(tree, _VALIDITY)}
    tree.only((*(rule.name for rule in (*VALIDITY_RULES, *TYPES, *SHAPES)), "rest"), VALIDITY)
    return {
        VALIDITY if name == "rest" else f"{VALIDITY} {name}": choice(value, _VALIDITY)
        for name, value in tree.items.items()
    }


def _dtypes(tree: Tree | None) -> DtypeRule | None:
    if tree is None:
        return None
    item = mapping(tree, "dtypes")
    item.only(("in", "not_in"), "dtypes")
    named = {key: words(item, key) for key in ("in", "not_in")}
    for word in (*named["in"], *named["not_in"]):
        if word.text not in _DTYPE_NAMES:
            word.mark.fail(f'unknown dtype "{printable(word.text)}"{near(word.text, _DTYPE_NAMES)}')
    if not named["in"] and not named["not_in"]:
        item.mark.fail("dtypes needs 'in' or 'not_in'")
    allowed = frozenset(word.text for word in named["in"]) if named["in"] else None
    return DtypeRule(allowed, frozenset(word.text for word in named["not_in"]))


def read_waiver(tree: Tree) -> Waiver:
    """Read one waiver.

    Raises:
        AllowlistError: ``file:line:column`` and what is wrong there.
    """
    item = mapping(tree, "a waiver")
    item.only(_WAIVER, "a waiver")
    for key in ("model", "code", "reason", "expires"):
        if key not in item.items:
            item.mark.fail(f"a waiver needs '{key}'")
    pattern = text(item.items["model"], "model")
    try:
        PurePath("model.onnx").match(pattern)
    except ValueError:
        item.items["model"].mark.fail(f'"{pattern}" is not a pattern of paths')
    code = text(item.items["code"], "code")
    if code not in WAIVABLE:
        hint = near(code, WAIVABLE)
        item.items["code"].mark.fail(f'"{code}" is not a rule that can be waived{hint}')
    return Waiver(
        model=pattern,
        code=code,
        operator=optional_text(item, "operator"),
        reason=text(item.items["reason"], "reason"),
        expires=day(item.items["expires"]),
        source=str(item.mark),
    )


def _decision(item: Mapping, outer: Decision) -> Decision:
    if "date" in item.items:
        day(item.items["date"])
    given = {key: text(item.items[key], key, ("a date",)) for key in _DECISION if key in item.items}
    if "date" in given and "adr" not in given:
        given["adr"] = ""  # decided on its own day, not by the decision around it
    return outer._replace(**given)


def _domain(item: Mapping) -> str:
    tree = item.items.get("domain")
    if tree is None:
        return DEFAULT_DOMAIN
    if not isinstance(tree, Scalar) or tree.text:
        text(tree, "domain")
    return domain_name(tree.text if isinstance(tree, Scalar) else "", tree.mark)
