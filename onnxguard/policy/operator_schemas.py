"""The schemas of a team's own operators, as an allowlist file declares them."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

from onnxguard.base.printable import printable
from onnxguard.base.yaml_tree import Mapping, Tree, near
from onnxguard.model.schemas import OPTIONS, AttributeSchema, Default, Formal, Schema
from onnxguard.model.schemas import since_versions as versions_of
from onnxguard.model.standard import LATEST_OPSET
from onnxguard.model.type_names import UNKNOWN, read_type
from onnxguard.policy.yaml_values import (
    NUMBERS,
    boolean,
    integer,
    list_items,
    mapping,
    text,
    words,
)

KINDS = (
    "float", "int", "string", "tensor", "graph", "floats", "ints", "strings", "tensors", "graphs",
    "sparse_tensor", "sparse_tensors", "type_proto", "type_protos",
)  # fmt: skip
"""Kinds of attributes, by the number of their AttributeProto.AttributeType, which counts from 1."""

_SCHEMA = ("name", "domain", "since_version", "inputs", "outputs", "attributes", "types")
_FORMAL = ("name", "type", "optional", "variadic", "at_least", "mixed")
_ATTRIBUTE = ("type", "required", "default")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,126}")


def read_schema(tree: Tree) -> Schema:
    """Read one schema.

    Raises:
        AllowlistError: ``file:line:column`` and what is wrong there.
    """
    item = mapping(tree, "a schema")
    item.only(_SCHEMA, "a schema")
    for key in ("name", "domain"):
        if key not in item.items:
            item.mark.fail(f"a schema needs '{key}'")
    name, domain = _name(item.items["name"], "name"), _name(item.items["domain"], "domain")
    if domain in LATEST_OPSET:
        item.items["domain"].mark.fail(f"the schemas of {domain} are ONNX's own")
    if versions_of(domain, name):
        item.items["name"].mark.fail(f"the schema of {domain}::{name} is known: leave it out")
    since = item.items.get("since_version")
    version = integer(since, "since_version") if since is not None else 1
    if since is not None and version < 1:
        since.mark.fail("since_version is 1 or more")
    constraints = _constraints(item.items.get("types"))
    inputs, outputs = (_formals(item, key, constraints) for key in ("inputs", "outputs"))
    used = {formal.types for formal in (*inputs, *outputs)}
    for unused in constraints.keys() - used:
        mapping(item.items["types"], "types").keys[unused].fail(f'no input or output is "{unused}"')
    return Schema(domain, name, version, False, inputs, outputs, _attributes(item), constraints)


def by_operator(schemas: Iterable[Schema]) -> dict[tuple[str, str], tuple[Schema, ...]]:
    """Schemas by ``(domain, op_type)``, oldest first; of one version the last counts."""
    found: dict[tuple[str, str], dict[int, Schema]] = {}
    for schema in schemas:
        found.setdefault((schema.domain, schema.name), {})[schema.since_version] = schema
    return {key: tuple(each[v] for v in sorted(each)) for key, each in found.items()}


def _name(tree: Tree, what: str) -> str:
    name = text(tree, what)
    if not _NAME.fullmatch(name):
        tree.mark.fail(f'"{printable(name)}" is no {what} of an operator')
    return name


def _constraints(tree: Tree | None) -> dict[str, tuple[str, ...]]:
    if tree is None:
        return {}
    item = mapping(tree, "types")
    found = {}
    for name, value in item.items.items():
        if read_type(name):
            item.keys[name].fail(f'"{name}" is a type: give the variable another name')
        types = words(item, name)
        if not types:
            value.mark.fail(f'"{printable(name)}" stands for no type')
        found[name] = tuple(_type(each) for each in types)
    return found


def _type(tree: Tree) -> str:
    given = text(tree, "a type")
    read = read_type(given)
    if read == UNKNOWN:
        tree.mark.fail(
            f'"{printable(given)}" is no type: write float32, sequence(int64), optional(string) or '
            "map(string, float32)"
        )
    return read


def _formals(
    schema: Mapping, key: str, constraints: dict[str, tuple[str, ...]]
) -> tuple[Formal, ...]:
    found: list[Formal] = []
    for tree in list_items(schema, key):
        item = mapping(tree, f"one of {key}")
        item.only(_FORMAL, f"one of {key}")
        for needed in ("name", "type"):
            if needed not in item.items:
                item.mark.fail(f"one of {key} needs '{needed}'")
        if found and found[-1].option == "variadic":
            item.mark.fail("what is variadic comes last")
        name = _name(item.items["name"], "name")
        if any(name == other.name for other in found):
            item.items["name"].mark.fail(f'two {key} have the name "{name}"')
        kind = text(item.items["type"], "type")
        kind = kind if kind in constraints else _type(item.items["type"])
        optional, variadic, mixed = (
            word in item.items and boolean(item.items[word])
            for word in ("optional", "variadic", "mixed")
        )
        if optional and variadic:
            item.mark.fail("what is variadic may be left out unless at_least says otherwise")
        for word in ("at_least", "mixed"):
            if word in item.items and not variadic:
                item.keys[word].fail(f"{word} is said of what is variadic")
        least = integer(item.items["at_least"], "at_least") if "at_least" in item.items else 0
        option = OPTIONS[1 if optional else 2 if variadic else 0]
        found.append(Formal(name, kind, option, least, not mixed))
    return tuple(found)


def _attributes(schema: Mapping) -> dict[str, AttributeSchema]:
    tree = schema.items.get("attributes")
    found: dict[str, AttributeSchema] = {}
    for name, value in mapping(tree, "attributes").items.items() if tree is not None else ():
        item = mapping(value, "an attribute")
        item.only(_ATTRIBUTE, "an attribute")
        if "type" not in item.items:
            item.mark.fail("an attribute needs 'type'")
        kind = text(item.items["type"], "type")
        if kind not in KINDS:
            known = near(kind, KINDS)
            item.items["type"].mark.fail(f'"{printable(kind)}" is no type of attribute{known}')
        required = "required" in item.items and boolean(item.items["required"])
        given = item.items.get("default")
        if required and given is not None:
            given.mark.fail("what is required has no default")
        default = None if given is None else _default(given, kind)
        found[name] = AttributeSchema(KINDS.index(kind) + 1, required, default)
    return found


def _default(tree: Tree, kind: str) -> Default:
    """A default as a reader of a model sees it: a float has 32 bits."""
    written = text(tree, "default", NUMBERS)
    if kind == "string":
        return written
    if kind not in ("int", "float"):
        tree.mark.fail(f"a default is said of a float, an int or a string, not of {kind}")
    try:
        if kind == "int":
            return int(written)
        rounded: float = struct.unpack("<f", struct.pack("<f", float(written)))[0]
    except (OverflowError, ValueError, struct.error):
        tree.mark.fail(f'"{printable(written)}" is no {kind}')
    return rounded
