"""Operators that a list declares are judged as ONNX's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import protobuf as pb
from support.command import run
from support.protobuf import attribute, graph, node, opset_import, value

from onnxguard import Allowlist, load_allowlist, scan_bytes
from onnxguard.model.schemas import AttributeSchema, Formal
from onnxguard.model.type_names import CODES, read_type, shown
from onnxguard.policy.registry import list_sha256
from onnxguard.repository.cache import judge_digest

OURS = """\
schema: 1
id: ours
extends: adr-0258
operators:
  - {name: F, domain: ours, attributes: {epsilon: {max: 0.1}}, constant_inputs: [scale]}
  - {name: G, domain: ours, dtypes: {in: [float32]}}
opset: {ours: 1..9}
policy: {functions: allow}
schemas:
  - name: F
    domain: ours
    since_version: 2
    inputs:
      - {name: x, type: T}
      - {name: scale, type: T}
      - {name: rest, type: S, variadic: true, at_least: 1, mixed: true}
    outputs:
      - {name: y, type: T}
      - {name: n, type: int64, optional: true}
    attributes:
      axis: {type: int, required: true}
      epsilon: {type: float, default: 1.5}
      mode: {type: string, default: fast}
    types:
      T: [float32, float16]
      S: [int8, "sequence(float32)", "optional(string)", "map(string, float32)", float32]
"""
W, H = pb.tensor(1, [8], "w", raw_data=bytes(32)), pb.tensor(10, [8], "w", raw_data=bytes(16))
AXIS, SMALL = attribute("axis", i=1), attribute("epsilon", f=0.01)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Allowlist:
    path = tmp_path_factory.mktemp("lists") / "ours.yaml"
    path.write_text(OURS)
    return load_allowlist(path)


def f(
    inputs: str = "x w x",
    outputs: str = "y",
    attributes: tuple[bytes, ...] = (AXIS, SMALL),
) -> bytes:
    return node("F", inputs, outputs, domain="ours", attribute=list(attributes))


def model(*nodes: bytes, version: int = 2, weight: bytes = W, output: bytes = value("y")) -> bytes:
    held = graph(*nodes, initializer=weight, output=output)
    return pb.model(held, opset_import=opset_import("ours", version))


WRONG = {
    "too few inputs": (model(f("x w")), "OG158", "has 2 inputs; at opset 2 it has 3 or more"),
    "too many outputs": (model(f(outputs="y n m")), "OG159", "has 3 outputs"),
    "unknown attribute": (
        model(f(attributes=(AXIS, SMALL, attribute("slope", i=1)))),
        "OG160",
        'no attribute "slope" at opset 2',
    ),
    "attribute left out": (model(f(attributes=(SMALL,))), "OG161", 'lacks the attribute "axis"'),
    "attribute of another type": (
        model(f(attributes=(attribute("axis", f=1.0), SMALL))),
        "OG162",
        '"axis" is FLOAT, at opset 2 it must be INT',
    ),
    "older version": (model(f(), version=1), "OG163", "came with version 2 of its domain"),
    "two types of one variable": (model(f(), weight=H), "OG177", "float32, input 1 is float16"),
    "type that it does not take": (
        model(node("Cast", "x", "b", attribute=attribute("to", i=9)), f("x w b")),
        "OG176",
        "input 2 is bool",
    ),
    "declared output": (model(f(), output=value("y", 7)), "OG179", "as int64, it is float32"),
    "output read by another": (
        model(f(outputs="t n"), node("And", "n n", "z"), node("Relu", "t", "y")),
        "OG176",
        "And: input 0 is int64",
    ),
    "default that an entry refuses": (
        model(f(attributes=(AXIS,))),
        "OG107",
        "epsilon is 1.5 by default",
    ),
    "named input that is no constant": (model(f("x x x")), "OG109", "scale must be a constant"),
    "type that reaches an entry": (
        model(f(outputs="t n"), node("G", "n", "z", domain="ours"), node("Relu", "t", "y")),
        "OG108",
        "input 0 is int64",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_node_that_breaks_a_declared_schema(name: str, ours: Allowlist) -> None:
    data, code, said = WRONG[name]
    found = {finding.code: finding for finding in scan_bytes(data, "-", ours).findings}
    assert code in found, found
    assert any(said in f.message for f in scan_bytes(data, "-", ours).findings if f.code == code)
    assert found[code].severity.value == "error"


@pytest.mark.parametrize(
    "data",
    [
        model(f()),
        model(f("x w x x")),
        model(f(outputs="y n")),
        model(f(), version=9),
        model(f(attributes=(AXIS, SMALL, attribute("mode", s=b"slow")))),
    ],
)
def test_node_that_keeps_it(data: bytes, ours: Allowlist) -> None:
    assert scan_bytes(data, "-", ours).findings == ()


def test_without_the_schema_nothing_is_known(ours: Allowlist) -> None:
    """And whatever was judged before with it leaves no trace."""
    plain = ours._replace(schemas={})
    data = WRONG["declared output"][0]
    for policy, failing in ((ours, True), (plain, False), (ours, True)):
        codes = {finding.code for finding in scan_bytes(data, "-", policy).findings}
        assert ("OG179" in codes) is failing
    assert list_sha256(plain) != list_sha256(ours)
    assert judge_digest(plain) != judge_digest(ours)


def test_a_function_of_the_model_has_no_schema(ours: Allowlist) -> None:
    body = pb.function("F", node("Relu"), domain="ours")
    held = graph(node("F", "x", "y", domain="ours"))
    data = pb.model(held, opset_import=opset_import("ours", 2), functions=[body])
    assert "OG158" not in {finding.code for finding in scan_bytes(data, "-", ours).findings}


def test_every_part_is_read(ours: Allowlist) -> None:
    schema = ours.schema_at("ours", "F", 7)
    assert schema is not None
    assert schema.inputs[2] == Formal("rest", "S", "variadic", 1, homogeneous=False)
    assert schema.outputs[1] == Formal("n", "tensor(int64)", "optional")
    assert schema.attributes["axis"] == AttributeSchema(2, required=True, default=None)
    assert schema.attributes["mode"].default == "fast"
    assert schema.constraints["S"][1:4] == (
        "seq(tensor(float))",
        "optional(tensor(string))",
        "map(string,tensor(float))",
    )
    assert ours.schema_at("ours", "F", 1) is None


def test_the_nearer_schema_of_a_version_counts(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(OURS)
    (tmp_path / "more.yaml").write_text(
        "schema: 1\nid: more\nextends: ours.yaml\nschemas:\n"
        "  - {name: F, domain: ours, since_version: 2, inputs: [{name: x, type: int8}]}\n"
        "  - {name: F, domain: ours, since_version: 4}\n"
    )
    policy = load_allowlist(tmp_path / "more.yaml")
    found = [policy.schema_at("ours", "F", version) for version in (3, 4)]
    assert [len(schema.inputs) for schema in found if schema] == [1, 0]
    code, out, _ = run(
        "allowlist", "diff", str(tmp_path / "ours.yaml"), str(tmp_path / "more.yaml")
    )
    assert code == 0
    assert "~ schema ours::F 4: none -> () -> ()" in out
    assert "-> (x int8) -> ()" in out


def test_check_knows_the_names(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(OURS.replace("{epsilon: {max", "{epsilom: {max").replace("[scale]", "[scaled]"))
    code, out, _ = run("allowlist", "check", str(path))
    assert code == 1
    assert 'ours::F has no attribute "epsilom" (did you mean epsilon?)' in out
    assert 'ours::F has no input "scaled" (did you mean scale?)' in out


@pytest.mark.parametrize(
    "kind",
    [*CODES, "seq(tensor(int64))", "optional(seq(tensor(float)))", "sparse_tensor(double)"],
)
def test_a_type_is_read_as_it_is_shown(kind: str) -> None:
    assert read_type(shown(kind)) == kind


@pytest.mark.parametrize(
    "text", ["", "float", "sequence()", "map(float32)", "int8)", "tensor(int8)"]
)
def test_what_is_no_type(text: str) -> None:
    assert read_type(text) == ""
