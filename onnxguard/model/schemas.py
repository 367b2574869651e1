"""What ONNX says of each operator at each version, and ONNX Runtime of those that it adds.

The table is schemas.json, written by tools/update_schemas.py. Of it only the lines are parsed that
a model's operators ask for: three operators cost 0.2 ms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

Default = str | int | float | tuple[str, ...] | tuple[int, ...] | tuple[float, ...] | None

OPTIONS: Final = ("single", "optional", "variadic")
UNBOUNDED: Final = 1 << 31
"""How many inputs or outputs a variadic parameter admits."""


class Formal(NamedTuple):
    """A formal input or output.

    Attributes:
        types: a name of ``Schema.constraints``, or one concrete type such as ``tensor(int64)``.
        option: ``single``, ``optional`` or ``variadic``.
        least: of a variadic one, how many values there must be.
        homogeneous: whether all values of a variadic one have one type.
    """

    name: str
    types: str
    option: str = "single"
    least: int = 0
    homogeneous: bool = True


class AttributeSchema(NamedTuple):
    """An attribute: the number of its AttributeProto.AttributeType, and its default if any.

    Floats are the exact values of their float32, as a reader of a model sees them.
    """

    type: int
    required: bool
    default: Default


class Schema(NamedTuple):
    """One version of an operator. ``domain`` of the default one is ``ai.onnx``.

    Attributes:
        since_version: the opset version that brought this definition.
        deprecated: whether the operator is gone from ``since_version`` on.
        constraints: the types that each type parameter may stand for, as ONNX writes them:
            ``tensor(float)``, ``seq(tensor(int64))``, ``optional(...)``.
    """

    domain: str
    name: str
    since_version: int
    deprecated: bool
    inputs: tuple[Formal, ...]
    outputs: tuple[Formal, ...]
    attributes: dict[str, AttributeSchema]
    constraints: dict[str, tuple[str, ...]]


def bounds(formals: tuple[Formal, ...]) -> tuple[int, int]:
    """How many values there must be at least, and how many there may be."""
    least = most = 0
    for formal in formals:
        if formal.option == "variadic":
            return most + formal.least, UNBOUNDED
        most += 1
        if formal.option == "single":
            least = most
    return least, most


@lru_cache(maxsize=4096)
def schema_at(domain: str, op_type: str, opset: int) -> Schema | None:
    """The newest definition with ``since_version <= opset``, or None where there is none.

    Args:
        domain: the default one as ``ai.onnx`` or empty; ``onnxruntime`` holds what ONNX Runtime
            alone adds to it.
        op_type: the operator's name.
        opset: the version of the domain that is imported.
    """
    found = None
    for version in _versions(domain or "ai.onnx", op_type):
        if version[0] <= opset:
            found = version
    if found is None:
        return None
    since_version, deprecated, inputs, outputs, attributes, constraints = found
    return Schema(
        domain or "ai.onnx",
        op_type,
        since_version,
        bool(deprecated),
        tuple(map(_formal, inputs)),
        tuple(map(_formal, outputs)),
        {name: _attribute(*given) for name, given in attributes.items()},
        {name: _types(number) for name, number in constraints.items()},
    )


Declared = Mapping[tuple[str, str], tuple[Schema, ...]]
"""Schemas that a list declares, by ``(domain, op_type)``, oldest first."""
NOTHING: Final[Declared] = MappingProxyType({})


def declared_at(declared: Declared, domain: str, op_type: str, opset: int) -> Schema | None:
    """As ``schema_at``, of those that a list declares."""
    found = None
    for schema in declared.get((domain, op_type), ()):
        if schema.since_version <= opset:
            found = schema
    return found


def since_versions(domain: str, op_type: str) -> tuple[int, ...]:
    """The versions of the domain that (re)defined an operator, oldest first."""
    return tuple(version[0] for version in _versions(domain or "ai.onnx", op_type))


def operator_names(domain: str) -> frozenset[str]:
    """Every operator of the domain over all its versions; empty for a domain without schemas."""
    start = f"{domain or 'ai.onnx'} "
    return frozenset(key.removeprefix(start) for key in _table()[1] if key.startswith(start))


@cache
def _table() -> tuple[str, dict[str, int]]:
    """The text of the table, and where the value of each key begins, which ends with its line."""
    text = Path(__file__).with_name("schemas.json").read_text(encoding="ascii")
    return text, {
        match[1]: match.end() for match in re.finditer(r'^"([^"]*)":', text, re.MULTILINE)
    }


def _value(key: str) -> Any:
    text, at = _table()
    return json.loads(text[at[key] : text.index("\n", at[key])].removesuffix(","))


@lru_cache(maxsize=1024)
def _versions(domain: str, op_type: str) -> tuple[list[Any], ...]:
    key = f"{domain} {op_type}"
    versions = _value(key) if key in _table()[1] else ()
    for newer, older in zip(versions[1:], versions, strict=False):
        newer[2:] = [o if n is None else n for n, o in zip(newer[2:], older[2:], strict=True)]
    return tuple(versions)


def _formal(given: list[Any]) -> Formal:
    name, types, option, least, mixed = given + [0] * (5 - len(given))
    return Formal(name, types, OPTIONS[option], least, not mixed)


def _attribute(kind: int, required: int, default: Any) -> AttributeSchema:
    value = tuple(default) if isinstance(default, list) else default
    return AttributeSchema(kind, bool(required), value)


@cache
def _types(number: int) -> tuple[str, ...]:
    return tuple(_type_names()[index] for index in _value(f"#{number}"))


@cache
def _type_names() -> list[str]:
    names: list[str] = _value("#")
    return names
