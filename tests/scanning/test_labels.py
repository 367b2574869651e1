"""An operator, and a function, has one name in all that is written of a model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from onnx import ModelProto, TensorProto, helper
from support.command import run

from onnxguard.conformance.record import Evidence, OperatorRecord
from onnxguard.model.graph import Operator
from onnxguard.policy.allowlist import Decision, Denial
from onnxguard.reporters import DIFFERENCE_REPORTERS, REPORTERS
from onnxguard.scanning.scan import read_facts, scan

CALLED = {
    "MyRelu": ("", "MyRelu", ""),
    "MyTanh:fp16": ("ai.onnx", "MyTanh", "fp16"),
    "local::MyBlock": ("local", "MyBlock", ""),
    "local::MyBlock:fp16": ("local", "MyBlock", "fp16"),
}
OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]


def model(last: str = "Relu", definitions: int = 1) -> ModelProto:
    """A graph that calls a function of every kind of name, one after the other."""
    nodes, functions = [], []
    for number, (domain, name, overload) in enumerate(CALLED.values()):
        puts = [f"v{number}"], [f"v{number + 1}"]
        nodes.append(helper.make_node(name, *puts, domain=domain, overload=overload))
        body = [helper.make_node("Relu", ["x"], ["y"])]
        function = helper.make_function(domain, name, ["x"], ["y"], body, OPSETS[:1])
        function.overload = overload
        functions.append(function)
    nodes.append(helper.make_node(last, [f"v{len(CALLED)}"], ["out"]))
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in ("v0", "out")]
    graph = helper.make_graph(nodes, "graph", ends[:1], ends[1:])
    return helper.make_model(
        graph, functions=functions * definitions, opset_imports=OPSETS, ir_version=10
    )


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("m.onnx").write_bytes(model().SerializeToString())
    Path("twice.onnx").write_bytes(model(definitions=2).SerializeToString())
    Path("none.onnx").write_bytes(model("", definitions=0).SerializeToString())
    return "m.onnx"


def names_in(text: str) -> set[str]:
    """What a text calls them, with all that stands around the name."""
    return set(re.findall(r"[\w.:]*(?:MyRelu|MyTanh|MyBlock)(?::\w+)?", text))


@pytest.mark.parametrize("output_format", REPORTERS)
def test_a_scan_has_one_name_for_each(output_format: str, path: str) -> None:
    _, text, err = run("scan", path, "twice.onnx", "--format", output_format, "-v")
    assert not err
    if output_format == "github":  # a command, and what it says
        text = re.sub(r"^::\w+ [^:]*::", "", text, flags=re.MULTILINE)
    names = names_in(text)
    if output_format == "json":  # domain, name and overload are fields of their own there too
        names -= {name for _, name, _ in CALLED.values()} - CALLED.keys()
    assert names == CALLED.keys()


@pytest.mark.parametrize("output_format", DIFFERENCE_REPORTERS)
def test_a_difference_has_one_name_for_each(output_format: str, path: str) -> None:
    _, text, err = run("diff", path, "none.onnx", "--format", output_format, "-v")
    assert not err
    names = names_in(text)
    if output_format == "json":
        names -= {name for _, name, _ in CALLED.values()} - CALLED.keys()
    assert names == CALLED.keys()


def test_a_function_is_called_as_the_operator_that_calls_it(path: str) -> None:
    facts = read_facts(path)
    assert {function.label for function in facts.functions} == CALLED.keys()
    assert CALLED.keys() < {use.label for use in facts.operators}
    graphs = {Operator("" if d == "ai.onnx" else d, n, o).label for d, n, o in CALLED.values()}
    assert graphs == CALLED.keys()


@pytest.mark.usefixtures("path")
def test_no_name_is_a_name_too() -> None:
    report = scan("none.onnx")
    assert report.facts is not None
    used = {use.label for use in report.facts.operators}
    said = {finding.operator for finding in report.findings if finding.code == "OG104"}
    assert said == {"(no op_type)"}
    assert said <= used


def test_lists_and_evidence_use_the_same_names() -> None:
    given = ("com.microsoft", "Gelu"), ("ai.onnx", "Relu")
    labels = ["com.microsoft::Gelu", "Relu"]
    decision = Decision("", "", "")
    assert [Denial(*name, "", decision, "").label for name in given] == labels
    rest = None, "", 0, 0, 0, 0, Evidence.PROVEN, "", None, ()
    assert [OperatorRecord(*name, *rest).label for name in given] == labels
