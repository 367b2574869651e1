"""A target: what one version of a runtime runs, as its own tables or kernels say.

``allowlists/targets/NAME@VERSION.yaml`` is the head, ``NAME@VERSION.tsv`` holds the operators. Of
these only the lines are parsed that a model's operators ask for.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from onnxguard.base.errors import AllowlistError
from onnxguard.base.printable import printable
from onnxguard.base.reading import read_regular
from onnxguard.base.yaml_tree import MAX_BYTES, Mapping, Scalar, near, parse
from onnxguard.policy.allowlist import Range
from onnxguard.policy.registry import FOLDER
from onnxguard.policy.yaml_values import boolean, integer, mapping, text

SCHEMA = 1
TARGETS = FOLDER / "targets"
MOST_OF_ROWS = 1 << 24
"""Bytes that a table may have."""
COLUMNS = ("domain", "operator", "versions", "types", "how", "attributes")
VERSIONS = ("since", "opset")
"""What the versions of a row are: those that (re)defined the operator, or those of the domain."""
TYPES = ("parameters", "all", "first", "none")
"""What the types of a row are of: type parameters by name, all values, or the first input."""
HOWS = ("kernel", "inlined", "folded", "restricted", "refused")
_KEYS = (
    *("schema", "target", "version", "title", "source", "date", "licence", "versions", "types"),
    *("opsets", "ir_version", "model_bytes", "external_data", "float16_as_float32", "partial"),
    *("rest", "note"),
)
_TEXTS = ("target", "version", "title", "source", "date", "licence", "note", "rest")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*@[a-z0-9][a-z0-9._+-]*")


class Row(NamedTuple):
    """Versions and types of an operator that a target has.

    Attributes:
        versions: of the kind that the target's ``versions`` says; of what is ``inlined``, opsets.
        types: by type parameter (or ``""`` where the table names none) the types that are taken, as
            ONNX writes them; of a parameter that is not here any.
        how: ``kernel``; ``inlined``, where the standard's function body is run in its place;
            ``folded``, where it is computed before the model runs; ``restricted``, where the
            table also names restrictions that are not judged; ``refused``, where it was measured
            that it does not run.
        attributes: the values that may be, by the names of rules/node_facts.py; none where there
            must not be any.
    """

    versions: Range
    types: dict[str, frozenset[str]]
    how: str
    attributes: dict[str, tuple[str, ...]]


class Target:
    """A target, its rows parsed when they are asked for.

    Attributes:
        id: ``onnxruntime-cpu@1.31``.
        name, version, title, source, date, licence, note: as the head says.
        versions, types: what the rows' versions and types are (``VERSIONS``, ``TYPES``).
        opsets: the newest version of each domain that is taken.
        ir_version: the newest one; None where the source does not say.
        model_bytes: the largest file; None where there is no limit that is known.
        external_data: whether it is read; None where the source does not say.
        partial: whether what is not there is unknown, as where cases were measured one by one.
        float16_as_float32: whether what has no kernel of float16 is run in float32.
        sha256: of all that it says.
        rest: the id of the target that gets the nodes which this one does not have; empty where
            they are refused.
    """

    def __init__(self, head: dict[str, Any], rows: str) -> None:
        self.name: str = head["target"]
        self.version: str = head["version"]
        self.id = f"{self.name}@{self.version}"
        self.title: str = head["title"]
        self.source: str = head["source"]
        self.date: str = head["date"]
        self.licence: str = head.get("licence", "")
        self.note: str = head.get("note", "")
        self.rest: str = head.get("rest", "")
        self.versions: str = head["versions"]
        self.types: str = head["types"]
        self.opsets: dict[str, int] = head.get("opsets", {})
        self.ir_version: int | None = head.get("ir_version")
        self.model_bytes: int | None = head.get("model_bytes")
        self.external_data: bool | None = head.get("external_data")
        self.partial: bool = head.get("partial", False)
        self.float16_as_float32: bool = head.get("float16_as_float32", False)
        self.sha256 = hashlib.sha256(f"{sorted(head.items())}{rows}".encode()).hexdigest()
        self._text = rows
        self._known: dict[tuple[str, str], tuple[Row, ...]] = {}

    @property
    def names_alone(self) -> bool:
        """Whether nothing but names is known, so that nothing can be refused by it."""
        return self.types == "none" and self.versions == "opset" and not self._versioned

    @cached_property
    def _versioned(self) -> bool:
        return any(line.split("\t")[2] != "1.." for line in self._text.splitlines()[1:])

    @cached_property
    def _lines(self) -> dict[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], list[str]] = {}
        for line in self._text.splitlines()[1:]:
            domain, op_type, rest = line.split("\t", 2)
            found.setdefault((domain, op_type), []).append(rest)
        return found

    def operators(self) -> list[tuple[str, str]]:
        """Domain (the default one as ``ai.onnx``) and name of each operator, sorted."""
        return sorted(self._lines)

    def rows(self, domain: str, op_type: str) -> tuple[Row, ...]:
        """What is known of an operator; nothing of one that the target does not have."""
        key = domain or "ai.onnx", op_type
        if key not in self._known:
            self._known[key] = tuple(map(_row, self._lines.get(key, ())))
        return self._known[key]


def _row(line: str) -> Row:
    versions, types, how, attributes = line.split("\t")
    low, _, high = versions.partition("..")
    return Row(
        Range(int(low), int(high) if high else (None if ".." in versions else int(low))),
        dict(_parameter(each) for each in types.split(";") if each),
        how,
        dict(map(_attribute, filter(None, attributes.split(";")))),
    )


def _attribute(given: str) -> tuple[str, tuple[str, ...]]:
    name, _, values = given.partition("=")
    return name, tuple(values.split("|")) if values else ()


@lru_cache(maxsize=4096)
def _parameter(given: str) -> tuple[str, frozenset[str]]:
    name, _, types = given.partition("=")
    return name, frozenset(map(type_of, types.split("|")))


def type_of(short: str) -> str:
    """``tensor(float)`` for ``float``; what has brackets stands for itself."""
    return short if "(" in short else f"tensor({short})"


def short_of(kind: str) -> str:
    """``float`` for ``tensor(float)``: how a row writes it."""
    return kind[7:-1] if kind.startswith("tensor(") else kind


def written_rows(rows: Iterable[tuple[str, str, Row]]) -> str:
    """The text of a TSV file: domain, operator and row of each, sorted."""
    lines = ["\t".join(COLUMNS)]
    for domain, op_type, row in sorted(rows, key=lambda each: (each[0], each[1], each[2][0])):
        types = ";".join(
            f"{name}={'|'.join(sorted(map(short_of, kinds)))}"
            for name, kinds in sorted(row.types.items())
        )
        low, high = row.versions
        versions = f"{low}" if low == high else f"{low}..{'' if high is None else high}"
        attributes = ";".join(f"{name}={'|'.join(given)}" for name, given in row.attributes.items())
        lines.append(f"{domain}\t{op_type}\t{versions}\t{types}\t{row.how}\t{attributes}")
    return "\n".join(lines) + "\n"


def written_head(head: dict[str, Any]) -> str:
    """The text of a head: YAML, whose texts JSON writes."""
    return "".join(f"{key}: {json.dumps(head[key])}\n" for key in _KEYS if key in head)


# -- the registry ----------------------------------------------------------------------------------


def target_ids() -> list[str]:
    """The ids of the registry: by name, the newest version of each last."""
    return sorted((path.stem for path in TARGETS.glob("*.yaml") if "@" in path.stem), key=_order)


def _order(target_id: str) -> tuple[str, list[tuple[int, str]]]:
    name, _, version = target_id.partition("@")
    parts = re.findall(r"\d+|[^\d.]+", version)
    return name, [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def resolve_target(given: str) -> str:
    """The id of a target: without a version the newest one of that name in the registry.

    Raises:
        AllowlistError: there is none.
    """
    ids = target_ids()
    if given in ids:
        return given
    named, _, version = given.partition("@")
    same = [
        each
        for each in ids
        if each.partition("@")[0] == named and f"{each}.".startswith(f"{given}." if version else "")
    ]
    if same:
        return same[-1]
    name = given.partition("@")[0]
    versions = [each for each in ids if each.startswith(f"{name}@")]
    names = {each.partition("@")[0] for each in ids}
    hint = f": there is {', '.join(versions)}" if versions else near(name, names)
    raise AllowlistError(
        f'no target "{printable(given)}" in the registry{hint}; see onnxguard targets list',
        "targets",
    )


def load_target(given: str) -> Target:
    """A target by its id, by its name, or by the path of its head (``.yaml``).

    Raises:
        AllowlistError: there is none, or it holds no target.
    """
    if given.endswith((".yaml", ".yml")) or "/" in given or os.sep in given:
        return _read(Path(given))
    return _registered(resolve_target(given))


@lru_cache(maxsize=64)
def _registered(target_id: str) -> Target:
    return _read(TARGETS / f"{target_id}.yaml")


def _read(path: Path) -> Target:
    source = path.name if path.parent == TARGETS else printable(os.fspath(path))
    rows = path.with_suffix(".tsv")
    try:
        head = _head(parse(read_regular(path, MAX_BYTES + 1), source, "a target"))
        table = read_regular(rows, MOST_OF_ROWS + 1).decode()
        if len(table) > MOST_OF_ROWS:
            raise ValueError(f"its table is longer than {MOST_OF_ROWS:,} bytes")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise AllowlistError(f"cannot be read: {reason}", source) from None
    first, *lines = table.splitlines() or [""]
    bad = [number for number, line in enumerate(lines, 2) if not _LINE.fullmatch(line)]
    if bad or first != "\t".join(COLUMNS):
        shown = printable(os.fspath(rows))
        raise AllowlistError(f"not a row of a target: {', '.join(COLUMNS)}", shown, (bad or [1])[0])
    return Target(head, table)


_LINE = re.compile(
    r"[\w.]+\t\w+\t\d+(?:\.\.\d*)?\t(?:\w*=[\w(),|]+(?:;\w*=[\w(),|]+)*)?\t(?:"
    + "|".join(HOWS)
    + r")\t(?:[@#!]?\w+=[^\t]*)?"
)


def _head(top: Mapping) -> dict[str, Any]:
    top.only(_KEYS, "a target")
    for key in ("schema", "target", "version", "title", "source", "date", "versions", "types"):
        if key not in top.items:
            top.mark.fail(f"'{key}' is missing")
    found: dict[str, Any] = {}
    for key, tree in top.items.items():
        if key in _TEXTS:
            found[key] = tree.text if isinstance(tree, Scalar) else text(tree, key)
        elif key in ("external_data", "float16_as_float32", "partial"):
            found[key] = boolean(tree)
        elif key == "opsets":
            opsets = mapping(tree, key).items
            found[key] = {domain: integer(value, domain) for domain, value in opsets.items()}
        elif key in ("versions", "types"):
            found[key] = text(tree, key)
            if found[key] not in (known := VERSIONS if key == "versions" else TYPES):
                tree.mark.fail(f"{key} is one of {', '.join(known)}")
        else:
            found[key] = integer(tree, key)
    if found["schema"] != SCHEMA:
        top.items["schema"].mark.fail(f"schema {found['schema']} is not known: this tool reads 1")
    if not _NAME.fullmatch(f"{found['target']}@{found['version']}"):
        top.items["target"].mark.fail("target and version are small letters, digits, . _ and -")
    return found
