"""Write onnxguard/model/standard_operators.py from the schemas of the installed onnx.

    python tools/update_standard_operators.py            # rewrite the module
    python tools/update_standard_operators.py --check    # exit 1 if it would change

After an update, ``tests/model/test_standard.py`` says what ``LATEST_OPSET`` and ``LATEST_IR`` in
onnxguard/model/standard.py must become.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import onnx
from onnx import defs

TARGET = Path(__file__).resolve().parent.parent / "onnxguard" / "model" / "standard_operators.py"

HEADER = '''\
"""The standard operators of ONNX. Generated; do not edit.

By tools/update_standard_operators.py from onnx {version}. For each domain and operator, its
versions, oldest first: (since_version, inputs, attributes and defaults, deprecated).
Read it through onnxguard.model.standard.
"""

# fmt: off
# ruff: noqa: E501

from __future__ import annotations

from typing import Final

Default = str | int | float | tuple[str, ...] | tuple[int, ...] | tuple[float, ...] | None
Version = tuple[int, str, tuple[tuple[str, Default], ...], bool]

OPERATORS: Final[dict[str, dict[str, tuple[Version, ...]]]] = {{
'''


def default_of(attribute: defs.OpSchema.Attribute) -> object:
    """The default as a plain value, None where there is none."""
    proto = attribute.default_value
    kinds = onnx.AttributeProto
    match proto.type:
        case kinds.UNDEFINED:
            return None
        case kinds.INT:
            return int(proto.i)
        case kinds.FLOAT:
            return float(proto.f)
        case kinds.STRING:
            return proto.s.decode("utf-8")
        case kinds.INTS:
            return tuple(proto.ints)
        case kinds.FLOATS:
            return tuple(proto.floats)
        case kinds.STRINGS:
            return tuple(value.decode("utf-8") for value in proto.strings)
    raise ValueError(f"default of {attribute.name} has the unhandled type {proto.type}")


def version_of(schema: defs.OpSchema) -> tuple[object, ...]:
    """One schema as the tuple that the module holds."""
    names = [parameter.name for parameter in schema.inputs]
    if any(" " in name or not name for name in names):
        raise ValueError(f"{schema.name}: input names do not join with spaces: {names}")
    attributes = tuple(
        (name, default_of(attribute)) for name, attribute in sorted(schema.attributes.items())
    )
    return (schema.since_version, " ".join(names), attributes, schema.deprecated)


def render(schemas: Iterable[defs.OpSchema]) -> str:
    """The whole text of the module."""
    table: dict[str, dict[str, list[tuple[object, ...]]]] = defaultdict(lambda: defaultdict(list))
    for schema in schemas:
        table[schema.domain or "ai.onnx"][schema.name].append(version_of(schema))
    lines = [HEADER.format(version=onnx.__version__)]
    for domain in sorted(table):
        lines.append(f"    {domain!r}: {{\n")
        for name, versions in sorted(table[domain].items()):
            lines.append(f"        {name!r}: (\n")
            lines.extend(f"            {version!r},\n" for version in sorted(versions))
            lines.append("        ),\n")
        lines.append("    },\n")
    lines.append("}\n")
    return "".join(lines)


def main() -> int:
    """Write the module, or with ``--check`` say by the exit code whether it would change."""
    text = render(defs.get_all_schemas_with_history())
    current = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    if "--check" in sys.argv[1:]:
        return int(text != current)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
