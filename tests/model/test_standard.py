"""The generated operator table says what onnx.defs says, no more and no less."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import defs

from onnxguard.model import standard
from onnxguard.model.standard_operators import OPERATORS

ROOT = Path(__file__).resolve().parent.parent.parent

Key = tuple[str, str, int]


def default_of(proto: onnx.AttributeProto) -> object:
    value = onnx.helper.get_attribute_value(proto) if proto.type else None
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return tuple(v.decode() if isinstance(v, bytes) else v for v in value)
    return value


@pytest.fixture(scope="module")
def oracle() -> dict[Key, defs.OpSchema]:
    return {
        (schema.domain or "ai.onnx", schema.name, schema.since_version): schema
        for schema in defs.get_all_schemas_with_history()
    }


def test_table_holds_exactly_the_schemas_of_onnx(oracle: dict[Key, defs.OpSchema]) -> None:
    table = [
        (domain, name, version[0])
        for domain, operators in OPERATORS.items()
        for name, versions in operators.items()
        for version in versions
    ]
    assert len(table) == len(set(table))
    assert set(table) == set(oracle)


def test_every_schema_reads_back_as_onnx_defines_it(oracle: dict[Key, defs.OpSchema]) -> None:
    for (domain, name, since_version), schema in oracle.items():
        found = standard.schema_at(domain, name, since_version)
        assert found is not None
        assert found == standard.OperatorSchema(
            name,
            domain,
            since_version,
            tuple(parameter.name for parameter in schema.inputs),
            {key: default_of(a.default_value) for key, a in schema.attributes.items()},  # type: ignore[misc]
            schema.deprecated,
        )
        for key, attribute in schema.attributes.items():
            assert type(found.attributes[key]) is type(default_of(attribute.default_value))


def test_schema_at_agrees_with_onnx_at_every_opset(oracle: dict[Key, defs.OpSchema]) -> None:
    for domain, name in {(domain, name) for domain, name, _ in oracle}:
        for opset in range(standard.LATEST_OPSET[domain] + 2):
            found = standard.schema_at(domain, name, opset)
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
    assert standard.schema_at("com.microsoft", "Gelu", 1) is None
    assert standard.schema_at("ai.onnx", "Resize", 9) is None


def test_resize_carries_its_default_mode() -> None:
    schema = standard.schema_at("ai.onnx", "Resize", 17)
    assert schema is not None
    assert schema.since_version == 13
    assert schema.inputs == ("X", "roi", "scales", "sizes")
    assert schema.attributes["mode"] == "nearest"


def test_generated_module_is_up_to_date() -> None:
    tool = ROOT / "tools" / "update_standard_operators.py"
    assert subprocess.run([sys.executable, str(tool), "--check"], check=False).returncode == 0


def test_table_is_loaded_only_when_asked_for() -> None:
    code = (
        "import sys; from onnxguard.model import standard;"
        "table = 'onnxguard.model.standard_operators';"
        "assert table not in sys.modules; standard.is_standard('ai.onnx', 'Add');"
        "assert table in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
