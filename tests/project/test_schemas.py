"""The JSON Schemas are what the types say, and let nothing else through."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMAS = sorted((ROOT / "docs").glob("*.schema.json"))


def objects(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in a schema, and where it stands."""
    if isinstance(schema, dict):
        yield path, schema
        for key, value in schema.items():
            yield from objects(value, f"{path}/{key}")
    if isinstance(schema, list):
        for value in schema:
            yield from objects(value, path)


def test_they_are_what_the_tool_writes() -> None:
    command = [sys.executable, str(ROOT / "tools" / "update_json_schemas.py"), "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_every_object_is_closed_and_every_record_described(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    kind, _, number = schema["title"].removeprefix("onnxguard ").partition(", version ")
    assert schema["properties"]["schema"] == {"const": f"onnxguard/{kind}/{number}"}
    assert path.name == f"{kind}.schema.json"
    for where, found in objects(schema):
        if "properties" in found and "type" in found:
            assert found["additionalProperties"] is False, where
            assert set(found["required"]) <= found["properties"].keys(), where
    for name, definition in schema["$defs"].items():
        assert definition["description"], name
        assert "``" not in json.dumps(definition)
        assert "None" not in json.dumps(definition)


@pytest.mark.parametrize(
    ("path", "bounds"),
    [
        ("report/facts/nodes", {"minimum": 0}),
        ("report/facts/expanded_nodes", {"minimum": -1}),
        ("report/facts/ir_version", {}),
        ("report/external_data/offset", {}),
        ("report/finding/count", {"minimum": 1}),
        ("report/finding/places", {"minItems": 1}),
        ("report/model/seconds", {"minimum": 0}),
        ("difference/structure/weights", {"minimum": 0}),
        ("parity/trial/seed", {}),
        ("parity/proof/required", {"minimum": 0, "maximum": 1}),
        ("card/measures/iou", {"minimum": 0, "maximum": 1}),
        ("card/epoch/loss", {}),
    ],
)
def test_numbers_have_the_bounds_that_they_keep(path: str, bounds: dict[str, int]) -> None:
    kind, record, field = path.split("/")
    schema = json.loads((ROOT / "docs" / f"{kind}.schema.json").read_text(encoding="utf-8"))
    found = schema["$defs"][record]["properties"][field]
    assert {key: found[key] for key in ("minimum", "maximum", "minItems") if key in found} == bounds
