"""The generated table of operators says what onnx and ONNX Runtime say, no more and no less."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import defs
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from onnxguard.model import schemas, standard

ROOT = Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "onnxguard" / "model" / "schemas.json"

Key = tuple[str, str, int]


def default_of(attribute: Any) -> object:
    if hasattr(attribute, "default_value"):
        proto = attribute.default_value
    else:
        proto = onnx.AttributeProto.FromString(attribute._default_value)
    value = onnx.helper.get_attribute_value(proto) if proto.type else None
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return tuple(v.decode() if isinstance(v, bytes) else v for v in value)
    return value


def formals(of_onnx: Sequence[Any]) -> list[tuple[object, ...]]:
    return [
        (
            f.name,
            f.type_str if hasattr(f, "type_str") else f.typeStr,
            f.option.name.lower(),
            f.option.name != "Variadic"
            or (f.is_homogeneous if hasattr(f, "is_homogeneous") else f.isHomogeneous),
        )
        for f in of_onnx
    ]


@pytest.fixture(scope="module")
def oracle() -> dict[Key, Any]:
    own = {
        (schema.domain or "ai.onnx", schema.name, schema.since_version): schema
        for schema in defs.get_all_schemas_with_history()
    }
    added = {
        (s.domain or "onnxruntime", s.name, s.since_version): s
        for s in runtime.get_all_operator_schema()
        if s.domain == "com.microsoft"
        or (not s.domain and ("ai.onnx", s.name, s.since_version) not in own)
    }
    assert ("onnxruntime", "SimplifiedLayerNormalization", 1) in added
    return own | added


def test_the_table_is_json_a_line_a_key_and_small() -> None:
    text = TABLE.read_text(encoding="utf-8")
    assert len(json.loads(text)) == text.count("\n") - 2
    assert len(text) < 300_000


def test_table_holds_exactly_the_schemas_of_onnx(oracle: dict[Key, Any]) -> None:
    domains = {domain for domain, _, _ in oracle}
    assert {
        (domain, name, since_version)
        for domain in domains
        for name in schemas.operator_names(domain)
        for since_version in schemas.since_versions(domain, name)
    } == set(oracle)


def test_every_schema_reads_back_as_onnx_defines_it(oracle: dict[Key, Any]) -> None:
    for (domain, name, since_version), schema in oracle.items():
        found = schemas.schema_at(domain, name, since_version)
        assert found is not None
        assert found[:4] == (domain, name, since_version, schema.deprecated)
        for ours, theirs in ((found.inputs, schema.inputs), (found.outputs, schema.outputs)):
            assert [(*formal[:3], formal.homogeneous) for formal in ours] == formals(theirs)
        assert schemas.bounds(found.inputs)[0] == schema.min_input
        assert schemas.bounds(found.outputs)[0] == schema.min_output
        assert min(schemas.bounds(found.inputs)[1], 2**31 - 1) == schema.max_input
        assert min(schemas.bounds(found.outputs)[1], 2**31 - 1) == schema.max_output
        kinds = onnx.AttributeProto.AttributeType
        assert found.attributes == {
            key: (kinds.Value(a.type.name), a.required, default_of(a))
            for key, a in schema.attributes.items()
        }
        for key, attribute in schema.attributes.items():
            assert type(found.attributes[key].default) is type(default_of(attribute))
        assert {key: set(types) for key, types in found.constraints.items()} == {
            c.type_param_str: set(c.allowed_type_strs) for c in schema.type_constraints
        }


def test_schema_at_agrees_with_onnx_at_every_opset(oracle: dict[Key, Any]) -> None:
    for domain, name in {(domain, name) for domain, name, _ in oracle}:
        for opset in range(standard.LATEST_OPSET.get(domain, 10) + 2):
            found = schemas.schema_at(domain, name, opset)
            versions = [v for d, n, v in oracle if (d, n) == (domain, name) and v <= opset]
            assert (found.since_version if found else None) == max(versions, default=None)


def test_latest_versions_are_those_of_onnx() -> None:
    by_domain = {
        (domain or "ai.onnx"): newest for domain, (_, newest) in defs.C.schema_version_map().items()
    }
    assert by_domain == standard.LATEST_OPSET
    assert onnx.IR_VERSION == standard.LATEST_IR


def test_names_and_foreign_domains() -> None:
    assert standard.operator_names("ai.onnx") == {
        s.name for s in defs.get_all_schemas_with_history() if s.domain == ""
    }
    assert standard.operator_names("com.microsoft") == frozenset()
    assert standard.operator_names("") == frozenset()
    assert standard.is_standard("ai.onnx", "Resize")
    assert not standard.is_standard("ai.onnx", "resize")
    assert not standard.is_standard("ai.onnx.ml", "Resize")
    assert not standard.is_standard("com.microsoft", "Gelu")
    assert schemas.schema_at("com.microsoft", "Gelu", 1) is not None
    assert schemas.schema_at("ai.onnx", "Resize", 9) is None
    assert schemas.schema_at("", "Resize", 10) == schemas.schema_at("ai.onnx", "Resize", 10)


@pytest.mark.parametrize(
    ("domain", "op_type"),
    [
        ("", ""),
        ("", 'Abs":[[1,0,null'),
        ("", "A.s"),
        ("", "Abs\n"),
        ("#", "3"),
        ("ai.onnx Abs", ""),
        ("ai", "onnx Abs"),
        ("", "Å"),
        ("local", "Abs"),
    ],
)
def test_no_name_of_a_model_finds_what_is_not_there(domain: str, op_type: str) -> None:
    assert schemas.schema_at(domain, op_type, 20) is None
    assert not schemas.since_versions(domain, op_type)
    assert not schemas.operator_names("#")


def test_resize_carries_its_default_mode() -> None:
    schema = schemas.schema_at("ai.onnx", "Resize", 17)
    assert schema is not None
    assert schema.since_version == 13
    assert [formal.name for formal in schema.inputs] == ["X", "roi", "scales", "sizes"]
    assert schema.attributes["mode"].default == "nearest"


def test_generated_table_is_up_to_date() -> None:
    tool = ROOT / "tools" / "update_schemas.py"
    assert subprocess.run([sys.executable, str(tool), "--check"], check=False).returncode == 0


def test_only_the_lines_that_are_asked_for_are_parsed() -> None:
    code = (
        "import json; parsed = []; loads = json.loads;"
        "json.loads = lambda text: parsed.append(len(text)) or loads(text);"
        "from onnxguard.model import schemas; assert not parsed;"
        "schemas.schema_at('', 'Add', 14); assert sum(parsed) < 8000, parsed"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
