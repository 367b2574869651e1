"""Write onnxguard/model/schemas.json from the schemas of the installed onnx and ONNX Runtime.

    python tools/update_schemas.py            # rewrite the table
    python tools/update_schemas.py --check    # exit 1 if it would change

onnx gives every operator of its own domains at every version, ONNX Runtime those of com.microsoft,
and those that it alone adds to ONNX's default domain: they stand under the domain onnxruntime.
After an update, ``tests/model/test_standard.py`` says what ``LATEST_OPSET`` and ``LATEST_IR`` in
onnxguard/model/standard.py must become.

The table is one JSON object, a line a key. ``#3`` is a set of types, as numbers of the list ``#``;
``ai.onnx Abs`` holds the versions of an operator, oldest first:
``[since_version, deprecated, inputs, outputs, attributes, constraints]``, null for what the version
before says too. A parameter is ``[name, type, option, least, heterogeneous]`` without the zeros at
its end; an attribute is ``[type, required, default]``; a constraint is the number of a set.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnx
from onnx import defs
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

TARGET = Path(__file__).resolve().parent.parent / "onnxguard" / "model" / "schemas.json"
OPTIONS = {"Single": 0, "Optional": 1, "Variadic": 2}


class Types:
    """Every type and every set of types, numbered as they are met."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.sets: dict[tuple[int, ...], int] = {}

    def number(self, types: Iterable[str]) -> int:
        """The number of a set of types."""
        key = tuple(sorted(self.names.setdefault(t, len(self.names)) for t in sorted(types)))
        return self.sets.setdefault(key, len(self.sets))


def default_of(attribute: Any) -> object:
    """The default as a plain value, None where there is none."""
    if hasattr(attribute, "default_value"):
        proto = attribute.default_value
    else:
        held = attribute._default_value  # noqa: SLF001 # ONNX Runtime gives it by no other name
        proto = onnx.AttributeProto.FromString(held)
    if not proto.type:
        return None
    value = onnx.helper.get_attribute_value(proto)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [each.decode() if isinstance(each, bytes) else each for each in value]
    if isinstance(value, int | float):
        return value
    raise ValueError(f"the default of {attribute.name} has the unhandled type {proto.type}")


def parameters_of(formals: Any, least: int) -> list[list[object]]:
    """Inputs or outputs; ``least`` is how many there must be in all."""
    found: list[list[object]] = []
    for formal in formals:
        option = OPTIONS[formal.option.name]
        variadic = option == OPTIONS["Variadic"]
        homogeneous = getattr(formal, "is_homogeneous", None)
        if homogeneous is None:  # as ONNX Runtime spells it
            homogeneous = formal.isHomogeneous
        parameter = [
            formal.name,
            getattr(formal, "type_str", None) or formal.typeStr,
            option,
            max(least - len(found), 0) if variadic else 0,
            int(variadic and not homogeneous),
        ]
        while parameter[-1] == 0:
            parameter.pop()
        found.append(parameter)
    return found


def version_of(schema: Any, types: Types) -> list[object]:
    """One version of an operator."""
    kinds = onnx.AttributeProto.AttributeType
    return [
        schema.since_version,
        int(schema.deprecated),
        parameters_of(schema.inputs, schema.min_input),
        parameters_of(schema.outputs, schema.min_output),
        {
            name: [kinds.Value(attribute.type.name), int(attribute.required), default_of(attribute)]
            for name, attribute in sorted(schema.attributes.items())
        },
        {c.type_param_str: types.number(c.allowed_type_strs) for c in schema.type_constraints},
    ]


def schemas() -> dict[tuple[str, str, int], Any]:
    """Every schema by domain, name and version, in this order."""
    found = {
        (schema.domain or "ai.onnx", schema.name, schema.since_version): schema
        for schema in defs.get_all_schemas_with_history()
    }
    for schema in runtime.get_all_operator_schema():
        name, version = schema.name, schema.since_version
        if schema.domain == "com.microsoft":
            found[schema.domain, name, version] = schema
        elif not schema.domain and ("ai.onnx", name, version) not in found:
            found["onnxruntime", name, version] = schema
    return dict(sorted(found.items()))


def render() -> str:
    """The whole text of the table."""
    types = Types()
    table: dict[str, list[list[object]]] = {}
    for (domain, name, _), schema in schemas().items():
        table.setdefault(f"{domain} {name}", []).append(version_of(schema, types))
    for versions in table.values():
        for newer, older in reversed(list(zip(versions[1:], versions, strict=False))):
            newer[2:] = [
                None if new == old else new for new, old in zip(newer[2:], older[2:], strict=True)
            ]
    lines: dict[str, object] = {"": f"onnx {onnx.__version__}", "#": list(types.names)}
    lines |= {f"#{number}": key for key, number in types.sets.items()}
    lines |= dict(sorted(table.items()))
    written = [f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in lines.items()]
    return "{\n" + ",\n".join(written) + "\n}\n"


def main() -> int:
    """Write the table, or with ``--check`` say by the exit code whether it would change."""
    text = render()
    current = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    if "--check" in sys.argv[1:]:
        return int(text != current)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
