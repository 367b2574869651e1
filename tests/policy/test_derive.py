"""``allowlist derive``: the list that models need loads, and the models pass it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from make_models import FOLDER
from support import protobuf as pb
from support.command import run
from support.protobuf import (
    attribute,
    body,
    constant,
    function,
    graph,
    node,
    opset_import,
    tensor,
    value,
)

import onnxguard

RELU = node("Relu")
LOCAL = opset_import("local", 1)
ROUND = body(
    node("Relu", "v", "w"),
    input=[value("i", 7, []), value("go", 9, []), value("v")],
    output=[value("go", 9, []), value("w")],
)
LOOP = node("Loop", "m _ x", attribute=attribute("body", g=ROUND))
TURN = body(
    constant("n", value_int={"i": 16}),
    node("Loop", "n _ s", "t", attribute=attribute("body", g=ROUND)),
    input=[value("j", 7, []), value("on", 9, []), value("s")],
    output=[value("on", 9, []), value("t")],
)
BRANCH = body(node("Relu", "x", "t"), output=value("t"))
M = value("m", 7, [])


def trips(count: int) -> bytes:
    return constant("m", value_int={"i": count})


def calling(made: bytes, calls: int = 1) -> bytes:
    nodes = [node("F", domain="local", outputs=f"y{n}" if n else "y") for n in range(calls)]
    return pb.model(graph(*nodes), opset_import=LOCAL, functions=made)


EXTERNAL = tensor(1, [1], "w", data_location=1, external_data=pb.entry("location", "w.bin"))
STRING = 8
MODELS = {
    "one operator": pb.model(graph(RELU)),
    "branch": pb.model(
        graph(
            node(
                "If",
                "c",
                attribute=[attribute(f"{name}_branch", g=BRANCH) for name in ("then", "else")],
            ),
            input=[value("x"), value("c", 9, [])],
        )
    ),
    "loop": pb.model(graph(trips(5), LOOP)),
    "loop as often as 18 digits say": pb.model(graph(trips(10**18 + 1), LOOP)),
    "loop in a loop, to the largest number": pb.model(
        graph(
            trips(1 << 61),
            node("Loop", "m _ x", attribute=attribute("body", g=TURN)),
        )
    ),
    "opset of ten digits": pb.model(graph(RELU), opset_import=opset_import("a.b", 10**12)),
    "loop that never runs": pb.model(graph(trips(0), LOOP)),
    "function": calling(function("F", RELU)),
    "function with a loop": calling(function("F", trips(3), LOOP)),
    "function with a loop that is called twice": calling(function("F", trips(3), LOOP), 2),
    "function in a domain of runtimes": pb.model(
        graph(
            node("Relu", "x", "t", domain="com.microsoft"),
            node("Relu", "t", domain="com.microsoft", overload="v2"),
        ),
        opset_import=opset_import("com.microsoft", 1),
        functions=[
            function("Relu", node("Tanh"), domain="com.microsoft"),
            function("Relu", node("Tanh"), domain="com.microsoft", overload="v2"),
        ],
    ),
    "function at an older opset, as skl2onnx writes it": calling(
        function("F", RELU, opset_import=[opset_import("", 16)])
    ),
    "function that is given a graph": pb.model(
        graph(node("F", domain="local", attribute=attribute("b", g=body(RELU)))),
        opset_import=opset_import("local", 1),
        functions=function("F", RELU, attribute=["b"]),
    ),
    "function with a graph as a default": calling(
        function("F", RELU, attribute_proto=attribute("b", g=BRANCH))
    ),
    "function that nothing calls": pb.model(graph(RELU), functions=function("F", node("Tanh"))),
    "foreign operator": pb.model(
        graph(node("FusedConv", "x x", domain="com.microsoft"), output=value("y", dims=None)),
        opset_import=opset_import("com.microsoft", 1),
    ),
    "foreign domain of an unusual name": pb.model(
        graph(node("A", domain="1.5")), opset_import=opset_import("1.5", 1)
    ),
    "words that YAML takes for others": pb.model(
        graph(*[node(name, "x", name, domain="null") for name in ("No", "Null", "y", "On")]),
        opset_import=opset_import("null", 1),
    ),
    "external data": pb.model(graph(RELU, initializer=EXTERNAL)),
    "strings": pb.model(
        graph(node("Identity"), input=value("x", STRING), output=value("y", STRING))
    ),
    "large tensor": pb.model(
        graph(RELU, input=value("x", dims=[1 << 15, 1 << 15]), output=value("y", dims=None))
    ),
    "a large tensor between small ones": pb.model(
        graph(
            constant("shape", value_ints={"ints": [1 << 10, 1 << 20]}),
            node("ConstantOfShape", "shape", "t"),
            node("ReduceMax", "t"),
            output=value("y", dims=None),
        )
    ),
    "much memory in many tensors": pb.model(
        graph(
            constant("shape", value_ints={"ints": [1 << 14, 1 << 14]}),
            *[node("ConstantOfShape", "shape", f"t{n}") for n in range(6)],
            node("Sum", " ".join(f"t{n}" for n in range(6)), "s"),
            node("ReduceMax", "s"),
            output=value("y", dims=None),
        )
    ),
    "newest opset": pb.model(graph(RELU), opset=28, ir=14),
    "opset of the future": pb.model(graph(RELU), opset=999_999_999, ir=99),
    "opset of another age": pb.model(graph(RELU), opset=1, ir=1),
    "both names of the default domain in one list": pb.model(
        graph(RELU), opset=None, opset_import=opset_import("ai.onnx", 17)
    ),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.bin").write_bytes(bytes(4))
    return tmp_path


def derive(*arguments: str) -> str:
    code, out, err = run("allowlist", "derive", *arguments)
    assert (code, err) == (0, "")
    return out


@pytest.mark.parametrize("name", MODELS)
def test_model_passes_the_list_that_was_derived_from_it(name: str) -> None:
    Path("model.onnx").write_bytes(MODELS[name])
    Path("list.yaml").write_text(derive("model.onnx"))
    report = onnxguard.scan("model.onnx", "list.yaml")
    assert report.findings == ()
    assert report.passed


def test_operator_that_onnx_does_not_have_is_listed_and_still_a_finding() -> None:
    Path("model.onnx").write_bytes(pb.model(graph(node("Conv_v2"))))
    Path("list.yaml").write_text(derive("model.onnx"))
    (finding,) = onnxguard.scan("model.onnx", "list.yaml").findings
    assert (finding.code, finding.message) == ("OG163", "ONNX has no operator Conv_v2")


def test_committed_models_pass_the_list_that_was_derived_from_them() -> None:
    Path("list.yaml").write_text(derive(str(FOLDER)))
    code, out, err = run("scan", str(FOLDER), "--allowlist", "list.yaml", "--config", "none")
    assert (code, err) == (0, ""), out
    assert run("allowlist", "check", "list.yaml")[0] == 0


@pytest.mark.parametrize(
    "name", ["one operator", "loop", "function", "words that YAML takes for others"]
)
def test_another_model_does_not_pass(name: str) -> None:
    Path("model.onnx").write_bytes(MODELS[name])
    Path("list.yaml").write_text(derive("model.onnx"))
    tanh = pb.model(graph(RELU, node("Tanh")))
    found = {f.code for f in onnxguard.scan_bytes(tanh, "m.onnx", "list.yaml").findings}
    assert "OG101" in found


def test_bounds_are_at_what_the_models_show() -> None:
    Path("a.onnx").write_bytes(pb.model(graph(trips(5), LOOP), opset=15, ir=7))
    Path("b.onnx").write_bytes(pb.model(graph(RELU), opset=17, ir=9))
    Path("list.yaml").write_text(derive("a.onnx", "b.onnx"))
    policy = onnxguard.load_allowlist("list.yaml")
    assert policy.limit("loop_trip_count") == 5
    assert policy.limit("loop_nodes") == 1
    assert policy.limit("subgraph_depth") == 1
    assert policy.limit("nodes") == 3
    assert policy.limit("model_bytes") == Path("a.onnx").stat().st_size
    assert {domain: str(versions) for domain, versions in policy.opsets.items()} == {
        "ai.onnx": "15..17"
    }
    assert str(policy.ir_version) == "7..9"
    assert policy.policies == dict.fromkeys(
        ["functions", "training_info", "external_data", "unknown_fields"], "forbid"
    )
    more = pb.model(graph(trips(6), LOOP), opset=15, ir=7)
    assert "OG205" in {f.code for f in onnxguard.scan_bytes(more, "m.onnx", policy).findings}


def test_limits_on_memory_are_those_that_the_models_need() -> None:
    models = ["one operator", "a large tensor between small ones", "much memory in many tensors"]
    for number, name in enumerate(models):
        Path(f"{number}.onnx").write_bytes(MODELS[name])
    lines = derive("0.onnx").splitlines()
    assert "  tensor_elements: 268435456" in lines
    assert not any("activation_bytes" in line for line in lines)
    Path("list.yaml").write_text(derive("0.onnx", "1.onnx", "2.onnx"))
    policy = onnxguard.load_allowlist("list.yaml")
    assert policy.limit("tensor_elements") == 1 << 30
    assert policy.limit("constant_elements") == 1 << 31
    assert policy.limit("activation_bytes") == 7 << 30  # six tensors of 1 GiB, and their sum
    more = Path("1.onnx").read_bytes().replace(pb.varint(1 << 20), pb.varint((1 << 20) + 1))
    found = {f.code for f in onnxguard.scan_bytes(more, "m.onnx", policy).findings}
    assert "OG301" in found


def test_negative_trip_count_makes_no_list_that_cannot_be_read() -> None:
    Path("model.onnx").write_bytes(pb.model(graph(trips(-1), LOOP)))
    Path("list.yaml").write_text(derive("model.onnx"))
    report = onnxguard.scan("model.onnx", "list.yaml")
    assert [finding.code for finding in report.findings] == ["OG205"]


def test_loop_without_a_bound_is_refused_as_the_list_says() -> None:
    Path("model.onnx").write_bytes(pb.model(graph(LOOP, input=[value("x"), M])))
    text = derive("model.onnx")
    assert "# some Loop has no static bound and will be refused (OG206)" in text
    Path("list.yaml").write_text(text)
    report = onnxguard.scan("model.onnx", "list.yaml")
    assert [finding.code for finding in report.findings] == ["OG206"]


def test_every_operator_has_a_comment_with_its_models() -> None:
    Path("a.onnx").write_bytes(pb.model(graph(RELU, RELU, node("Tanh"))))
    Path("b.onnx").write_bytes(pb.model(graph(RELU, node("Conv_v2"))))
    text = derive("a.onnx", "b.onnx", "a.onnx")
    assert "  - name: Relu\n    # 2 in a.onnx, 1 in b.onnx\n" in text
    assert "  - name: Tanh\n    # 1 in a.onnx\n" in text
    assert "# ONNX has no operator of this name" in text
    assert text.startswith("# What 2 models need")


def test_many_models_are_counted_not_all_named() -> None:
    for number in range(7):
        Path(f"{number}.onnx").write_bytes(pb.model(graph(RELU)))
    assert "1 in 3.onnx and 3 more models" in derive(".").replace("./", "")


@pytest.mark.parametrize(
    "name", ["a#b.onnx", "a: b.onnx", "a\nb.onnx", "a\x1b[2Jb.onnx", "'a\".onnx", "\u202ea.onnx"]
)
def test_names_of_models_stay_in_the_comments(name: str) -> None:
    Path(name).write_bytes(MODELS["one operator"])
    text = derive(name)
    assert all(char.isprintable() or char == "\n" for char in text)
    Path("list.yaml").write_text(text)
    assert onnxguard.scan(name, "list.yaml").passed
    assert yaml.safe_load(text)["operators"] == [{"name": "Relu"}]


@pytest.mark.parametrize(
    "name", ["mine", "a-b.c_d", "1.10", "true", "null", "2026-01-02", "12", "1e3"]
)
def test_id_of_the_list(name: str) -> None:
    Path("model.onnx").write_bytes(MODELS["one operator"])
    Path("list.yaml").write_text(derive("model.onnx", "--id", name))
    assert onnxguard.load_allowlist("list.yaml").id == name


@pytest.mark.parametrize("name", ["base", "8a5e", "Adr-0258", "adr-O258.", "adr-02S8", "adr-0Z5B"])
def test_id_of_another_list(name: str) -> None:
    Path("model.onnx").write_bytes(MODELS["one operator"])
    code, out, err = run("allowlist", "derive", "model.onnx", "--id", name)
    assert (code, out) == (2, "")
    assert f"--id {name} is that of a list in the registry: choose another" in err


@pytest.mark.parametrize("name", ["", "a b", "-a", "a/b", "x" * 65, "a\nb"])
def test_id_that_is_none(name: str) -> None:
    Path("model.onnx").write_bytes(MODELS["one operator"])
    code, out, err = run("allowlist", "derive", "model.onnx", f"--id={name}")
    assert (code, out) == (2, "")
    assert err == "onnxguard: error: --id is letters, digits, dots, dashes and underscores\n"


def test_operator_that_no_list_can_name_is_said() -> None:
    Path("model.onnx").write_bytes(pb.model(graph(node("Relu\0evil"))))
    code, out, err = run("allowlist", "derive", "model.onnx")
    assert (code, out) == (2, "")
    assert "Relu\\x00evil" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.onnx"], "none.onnx: cannot be read: No such file or directory"),
        (["empty.onnx"], "empty.onnx: an empty file"),
        (["model.onnx", "empty.onnx"], "empty.onnx: an empty file"),
        (["model.onnx", "--output", "x.onnx"], '--output "x.onnx" is a model'),
        (["model.onnx", "--output", "none/list.yaml"], '--output "none/list.yaml": not a file'),
    ],
    ids=" ".join,
)
def test_call_that_cannot_work(arguments: list[str], words: str) -> None:
    Path("model.onnx").write_bytes(MODELS["one operator"])
    Path("empty.onnx").write_bytes(b"")
    code, out, err = run("allowlist", "derive", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"onnxguard: error: {words}")


def test_output() -> None:
    Path("model.onnx").write_bytes(MODELS["one operator"])
    printed = derive("model.onnx")
    assert derive("model.onnx", "--output", "list.yaml") == "wrote list.yaml: the list derived\n"
    assert Path("list.yaml").read_text() == printed
    assert re.search(r"^id: derived$", printed, re.MULTILINE)


@pytest.mark.parametrize("calls", [0, 1])
def test_loop_that_its_condition_ends_is_one_finding(calls: int) -> None:
    """As exporters write a while loop: the largest trip count and a condition."""
    while_loop = trips((1 << 63) - 1), LOOP
    data = pb.model(graph(*while_loop))
    if calls:
        data = calling(function("F", *while_loop), calls)
    Path("model.onnx").write_bytes(data)
    Path("list.yaml").write_text(derive("model.onnx", "--id", "mine"))
    for policy in ("list.yaml", "adr-0171"):
        (finding,) = onnxguard.scan("model.onnx", policy).findings
        assert finding.code == "OG206"
        assert "leaves the end to its condition" in finding.message
        assert "a waiver, or a list without limits.loop_trip_count, admits it" in finding.hint


def test_opset_that_no_list_can_name() -> None:
    Path("model.onnx").write_bytes(pb.model(graph(RELU), opset_import=opset_import("a.b", -1)))
    code, out, err = run("allowlist", "derive", "model.onnx")
    assert (code, out) == (2, "")
    assert "no list can name opset -1 of a.b" in err
