"""What is valid and what is not, on small graphs, beside onnx's checker and ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnxguard import Report, load_allowlist, scan_bytes

ANY = """\
schema: 1
id: any
operators:
  - names: [Abs, Add, BatchNormalization, Clip, Concat, Dropout, Gelu, Identity, If, Loop, Relu]
  - names: [Constant, LayerNormalization, Scatter, Softmax, Split, Squeeze, TopK]
  - names: [Optional, OptionalHasElement]
  - {domain: com.microsoft, names: [Gelu, Unheard]}
policy: {functions: allow, training_info: allow}
"""

BOTH, CHECKER, RUNTIME, NOBODY = "both", "the checker", "ONNX Runtime", "nobody"

node = helper.make_node


def f(name: str, shape: Sequence[int] | None = (2,)) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def scalar(name: str, kind: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, [])


def weight(name: str, *values: float) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values or (1.0, 2.0), np.float32), name)


C, N, X, Y = scalar("c", TensorProto.BOOL), scalar("n", TensorProto.INT64), f("x"), f("y")


def model(
    nodes: list[Any],
    inputs: Sequence[Any] = (X,),
    outputs: Sequence[Any] = (Y,),
    weights: Sequence[Any] = (),
    opset: int = 17,
    ir: int = 8,
    functions: Sequence[Any] = (),
    more: Sequence[str] = (),
    sparse: Sequence[Any] = (),
) -> onnx.ModelProto:
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in more)]
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights, sparse_initializer=list(sparse))
    return helper.make_model(graph, opset_imports=imports, ir_version=ir, functions=list(functions))


def branch(nodes: list[Any], output: str, weights: Sequence[Any] = ()) -> onnx.GraphProto:
    return helper.make_graph(nodes, "b", [], [f(output)], weights)


PLAIN = branch([node("Relu", ["x"], ["e"])], "e")


def iff(
    inner: onnx.GraphProto,
    other: onnx.GraphProto = PLAIN,
    before: Sequence[Any] = (),
    after: Sequence[Any] = (),
    outputs: Sequence[Any] = (Y,),
) -> onnx.ModelProto:
    it = node("If", ["c"], ["y"], then_branch=inner, else_branch=other)
    return model([*before, it, *after], [X, C], outputs)


def loop(
    nodes: list[Any], inputs: Sequence[Any], outputs: Sequence[Any], weights: Sequence[str] = ()
) -> onnx.ModelProto:
    stored = [weight(name) for name in weights]
    body = helper.make_graph(nodes, "b", list(inputs), list(outputs), stored)
    return model([node("Loop", ["n", "c", "x"], ["y"], body=body)], [X, C, N])


HAS = node("OptionalHasElement", ["o"], ["y"])
ROUND, KEEP, V = scalar("i", TensorProto.INT64), scalar("ci", TensorProto.BOOL), f("v")
GO, W = scalar("co", TensorProto.BOOL), f("w")
GOING = node("Identity", ["ci"], ["co"])


def call(
    nodes: list[Any],
    inputs: Sequence[str] = ("a",),
    outputs: Sequence[str] = ("b",),
    given: Sequence[str] = ("x",),
    attributes: Sequence[str] = (),
    domain: str = "",
    **values: Any,
) -> onnx.ModelProto:
    imports = [helper.make_opsetid(domain, 17)]
    held = helper.make_function(
        "q", "Fn", list(inputs), list(outputs), nodes, imports, list(attributes)
    )
    it = node("Fn", list(given), ["y"], domain="q", **values)
    return model([it], functions=[held], more=["q"])


def concatenated() -> onnx.NodeProto:
    made = node("Concat", ["a"], ["b"])
    made.attribute.add(name="axis", type=2, ref_attr_name="q")
    return made


def declaring(*values: onnx.ValueInfoProto) -> onnx.ModelProto:
    made = model([node("Relu", ["x"], ["t"]), node("Abs", ["t"], ["y"])])
    made.graph.value_info.extend(values)
    return made


def referring(kind: int = 2) -> onnx.NodeProto:
    made = node("Softmax", ["a"], ["b"])
    attribute = made.attribute.add()
    attribute.name = attribute.ref_attr_name = "axis"
    attribute.type = kind
    return made


RELU = node("Relu", ["x"], ["y"])
SPARSE = helper.make_sparse_tensor(weight("w", 1.0), numpy_helper.from_array(np.array([0])), [2])
S1, X4, Y4 = f("s", (1,)), f("x", (1, 1, 2, 2)), f("y", (1, 1, 2, 2))


def norm(*outputs: str) -> onnx.ModelProto:
    it = node("BatchNormalization", ["x", "s", "s", "s", "s"], list(outputs))
    return model([it], [X4, S1], [Y4], opset=7)


class Fact(NamedTuple):
    """A model, the rules that speak, and who refuses it; empty where that must not be asked."""

    model: onnx.ModelProto
    codes: str
    refused: str


FACTS = {
    # what is legal
    "plain": Fact(model([RELU]), "", NOBODY),
    "output is an input": Fact(model([RELU], outputs=[Y, X]), "", NOBODY),
    "output is an initializer": Fact(
        model([RELU], outputs=[Y, f("w")], weights=[weight("w")]), "", NOBODY
    ),
    "output twice": Fact(model([RELU], outputs=[Y, Y]), "", NOBODY),
    "value that nothing reads": Fact(model([RELU, node("Abs", ["x"], ["z"])]), "", NOBODY),
    "initializer that is an input": Fact(
        model([node("Add", ["x", "w"], ["y"])], [X, f("w")], weights=[weight("w")]), "", NOBODY
    ),
    "the same at IR version 3": Fact(
        model([node("Add", ["x", "w"], ["y"])], [X, f("w")], weights=[weight("w")], ir=3),
        "",
        NOBODY,
    ),
    "optional input left out": Fact(
        model([node("Clip", ["x", "", "m"], ["y"])], [X, f("m", ())]), "", NOBODY
    ),
    "optional inputs left out at the end": Fact(
        model([node("Clip", ["x", "", ""], ["y"])]), "", NOBODY
    ),
    "optional output left out": Fact(model([node("Dropout", ["x"], ["y", ""])]), "", NOBODY),
    "one of many outputs left out": Fact(
        model([node("Split", ["x"], ["y", ""], axis=0)], outputs=[f("y", (1,))], opset=13),
        "",
        NOBODY,
    ),
    "attribute of a tool": Fact(model([node("Relu", ["x"], ["y"], __note__=1)]), "", NOBODY),
    "branches read from around": Fact(iff(branch([node("Abs", ["x"], ["t"])], "t")), "", NOBODY),
    "branches share a name": Fact(iff(branch([node("Abs", ["x"], ["e"])], "e")), "", NOBODY),
    "branch gives its own initializer": Fact(iff(branch([], "k", [weight("k")])), "", NOBODY),
    "branch names its value as the node does": Fact(
        iff(branch([node("Abs", ["x"], ["y"])], "y")), "", NOBODY
    ),
    "branch gives a name that comes later": Fact(
        iff(
            branch([node("Abs", ["x"], ["m"])], "m"),
            after=[node("Abs", ["x"], ["m"])],
            outputs=[Y, f("m")],
        ),
        "",
        NOBODY,
    ),
    "nodes of one name in two graphs": Fact(
        iff(
            branch([node("Abs", ["x"], ["t"], name="k")], "t"),
            before=[node("Abs", ["x"], ["m"], name="k")],
        ),
        "",
        NOBODY,
    ),
    "loop": Fact(loop([GOING, node("Relu", ["v"], ["w"])], [ROUND, KEEP, V], [GO, W]), "", NOBODY),
    "body gives its own input": Fact(
        loop([node("Relu", ["v"], ["w"])], [ROUND, KEEP, V], [KEEP, W]), "", NOBODY
    ),
    "function": Fact(call([node("Relu", ["a"], ["b"])]), "", NOBODY),
    "attribute of a function": Fact(call([referring()], attributes=["axis"], axis=0), "", NOBODY),
    "the same, left out": Fact(call([referring()], attributes=["axis"]), "", NOBODY),
    "call with an attribute that the function ignores": Fact(
        call([node("Relu", ["a"], ["b"])], note=1), "", NOBODY
    ),
    "statistics of an old BatchNormalization": Fact(norm("y", "a", "b", "d", "e"), "", NOBODY),
    "operator of com.microsoft": Fact(
        model([node("Gelu", ["x"], ["y"], domain="com.microsoft")], more=["com.microsoft"]),
        "",
        NOBODY,
    ),
    "constants of one name": Fact(
        model(
            [
                node("Constant", [], ["k"], name="k", value_floats=[1.0, 2.0]),
                node("Add", ["x", "k"], ["y"], name="k"),
            ]
        ),
        "",
        NOBODY,
    ),
    "operator that takes any attribute": Fact(
        model([node("LayerNormalization", ["x", "w"], ["y"], slope=1)], weights=[weight("w")]),
        "",
        NOBODY,
    ),
    # names
    "input of nothing": Fact(model([node("Relu", ["q"], ["y"])]), "OG150", BOTH),
    "branch reads nothing": Fact(iff(branch([node("Abs", ["q"], ["t"])], "t")), "OG150", BOTH),
    "function reads what is around its call": Fact(
        call([node("Relu", ["x"], ["b"])]), "OG150", BOTH
    ),
    "output of nothing": Fact(model([RELU], outputs=[f("z")]), "OG151", BOTH),
    "branch gives nothing": Fact(iff(branch([node("Abs", ["x"], ["t"])], "q")), "OG151", BOTH),
    "function gives nothing": Fact(call([node("Relu", ["a"], ["z"])]), "OG151", RUNTIME),
    "output without a name": Fact(model([RELU], outputs=[Y, f("")]), "OG151", BOTH),
    "input twice": Fact(model([RELU], [X, X]), "OG152", BOTH),
    "initializer twice": Fact(
        model([node("Add", ["x", "w"], ["y"])], weights=[weight("w"), weight("w")]),
        "OG152",
        CHECKER,
    ),
    "initializer twice, once sparse": Fact(
        model([node("Add", ["x", "w"], ["y"])], weights=[weight("w")], sparse=[SPARSE]),
        "OG152",
        CHECKER,
    ),
    "initializer and node": Fact(
        model([node("Relu", ["x"], ["w"]), node("Add", ["x", "w"], ["y"])], weights=[weight("w")]),
        "OG152",
        BOTH,
    ),
    "input and node": Fact(model([node("Abs", ["x"], ["x"]), RELU]), "OG152", BOTH),
    "two nodes": Fact(model([RELU, node("Abs", ["x"], ["y"])]), "OG152", BOTH),
    "one node twice": Fact(
        model([node("Split", ["x"], ["y", "y"], axis=0)], outputs=[f("y", (1,))], opset=13),
        "OG152",
        BOTH,
    ),
    "input of a function twice": Fact(
        call([node("Relu", ["a"], ["b"])], ["a", "a"], given=["x", "x"]), "OG152", CHECKER
    ),
    "node in a function twice": Fact(
        call([node("Relu", ["a"], ["b"]), node("Abs", ["a"], ["b"])]), "OG152", BOTH
    ),
    "node reads itself": Fact(model([node("Add", ["x", "y"], ["y"])]), "OG153", BOTH),
    "circle of three": Fact(
        model(
            [
                node("Abs", ["k"], ["m"]),
                node("Abs", ["m"], ["n"]),
                node("Add", ["n", "x"], ["k"]),
                RELU,
            ]
        ),
        "OG153",
        BOTH,
    ),
    "branch reads its own node": Fact(iff(branch([node("Abs", ["y"], ["t"])], "t")), "OG153", BOTH),
    "branch reads what its node gives to others": Fact(
        iff(
            branch([node("Abs", ["m"], ["t"])], "t"),
            after=[node("Abs", ["y"], ["m"])],
            outputs=[Y, f("m")],
        ),
        "OG153",
        BOTH,
    ),
    "out of order": Fact(
        model([node("Relu", ["m"], ["y"]), node("Abs", ["x"], ["m"])]), "OG154", CHECKER
    ),
    "branch reads what comes later": Fact(
        iff(
            branch([node("Abs", ["m"], ["t"])], "t"),
            after=[node("Abs", ["x"], ["m"])],
            outputs=[Y, f("m")],
        ),
        "OG154",
        CHECKER,
    ),
    "function out of order": Fact(
        call([node("Relu", ["m"], ["b"]), node("Abs", ["a"], ["m"])]), "OG154", BOTH
    ),
    "branch gives a name from before": Fact(
        iff(branch([node("Abs", ["x"], ["m"])], "m"), before=[node("Abs", ["x"], ["m"])]),
        "OG155",
        BOTH,
    ),
    "branch stores a name from outside": Fact(
        iff(branch([node("Abs", ["x"], ["t"])], "t", [weight("x")])), "OG155", NOBODY
    ),
    "body takes a name from outside": Fact(
        loop([GOING, node("Relu", ["x"], ["w"])], [ROUND, KEEP, f("x")], [GO, W]), "OG155", NOBODY
    ),
    "branch gives an outer input": Fact(iff(branch([], "x")), "OG156", BOTH),
    "branch gives an outer node's value": Fact(
        iff(branch([], "m"), before=[node("Abs", ["x"], ["m"])]), "OG156", BOTH
    ),
    "body gives an outer input": Fact(
        loop([node("Relu", ["v"], ["w"])], [ROUND, KEEP, V], [C, W]), "OG156", BOTH
    ),
    "nodes of one name": Fact(
        model([node("Relu", ["x"], ["m"], name="k"), node("Abs", ["m"], ["y"], name="k")]),
        "OG157",
        RUNTIME,
    ),
    "nodes of one name in a function": Fact(
        call([node("Relu", ["a"], ["m"], name="k"), node("Abs", ["m"], ["b"], name="k")]),
        "OG157",
        RUNTIME,
    ),
    # operators
    "input too many": Fact(model([node("Relu", ["x", "x"], ["y"])]), "OG158", BOTH),
    "input too many, though empty": Fact(model([node("Relu", ["x", ""], ["y"])]), "OG158", BOTH),
    "input too few": Fact(model([node("Add", ["x"], ["y"])]), "OG158", BOTH),
    "needed input left out": Fact(model([node("Add", ["x", ""], ["y"])]), "OG158", BOTH),
    "input too many, of com.microsoft": Fact(
        model([node("Gelu", ["x", "x"], ["y"], domain="com.microsoft")], more=["com.microsoft"]),
        "OG158",
        RUNTIME,
    ),
    "no output": Fact(model([RELU, node("Relu", ["x"], [])]), "OG159", BOTH),
    "needed output left out": Fact(model([RELU, node("Relu", ["x"], [""])]), "OG159", BOTH),
    "output too many": Fact(model([node("Relu", ["x"], ["y", "z"])]), "OG159", BOTH),
    "some statistics of an old BatchNormalization": Fact(norm("y", "a"), "OG159", BOTH),
    "unknown attribute": Fact(model([node("Relu", ["x"], ["y"], slope=1)]), "OG160", BOTH),
    "unknown attribute in a function": Fact(
        call([node("Relu", ["a"], ["b"], slope=1)]), "OG160", BOTH
    ),
    "unknown attribute in a branch": Fact(
        iff(branch([node("Abs", ["x"], ["t"], slope=1)], "t")), "OG160", BOTH
    ),
    "unknown attribute, of com.microsoft": Fact(
        model([node("Gelu", ["x"], ["y"], domain="com.microsoft", q=1)], more=["com.microsoft"]),
        "OG160",
        RUNTIME,
    ),
    "attribute missing": Fact(model([node("Concat", ["x"], ["y"])]), "OG161", BOTH),
    "constant of two values": Fact(
        model(
            [
                node("Constant", [], ["k"], value_int=1, value_float=1.0),
                node("Add", ["x", "k"], ["y"]),
            ]
        ),
        "OG160",
        NOBODY,
    ),
    "attribute of another type": Fact(
        model([node("Softmax", ["x"], ["y"], axis=0.5)]), "OG162", BOTH
    ),
    "reference of another type": Fact(
        call([referring(1)], attributes=["axis"], axis=0), "OG162", CHECKER
    ),
    "operator too young": Fact(model([node("Gelu", ["x"], ["y"])], opset=19), "OG163", BOTH),
    "operator too young in a function": Fact(call([node("Gelu", ["a"], ["b"])]), "OG163", BOTH),
    "operator removed": Fact(
        model(
            [node("Scatter", ["x", "i", "x"], ["y"])],
            [X, helper.make_tensor_value_info("i", 7, [2])],
            opset=11,
        ),
        "OG164",
        BOTH,
    ),
    "more outputs than parts": Fact(
        model([node("Split", ["x"], ["y", "z"], num_outputs=1)], outputs=[f("y", (2,))], opset=18),
        "OG159",
        "",
    ),
    "fewer outputs than parts": Fact(
        model([node("Split", ["x"], ["y"], num_outputs=2)], outputs=[f("y", (1,))], opset=18),
        "",
        NOBODY,
    ),
    "optional of nothing that is known": Fact(
        model([node("Optional", [], ["o"]), HAS], outputs=[scalar("y", TensorProto.BOOL)]),
        "OG161",
        RUNTIME,
    ),
    "optional that is left out": Fact(
        model(
            [node("Optional", [], ["o"], type=helper.make_tensor_type_proto(1, [])), HAS],
            outputs=[scalar("y", TensorProto.BOOL)],
        ),
        "",
        NOBODY,
    ),
    "branch with an input": Fact(
        iff(helper.make_graph([node("Abs", ["x"], ["t"])], "b", [f("q")], [f("t")])),
        "OG166",
        RUNTIME,
    ),
    "branch without the output": Fact(
        iff(helper.make_graph([node("Abs", ["x"], ["t"])], "b", [], [])), "OG166", RUNTIME
    ),
    "body without the carried value": Fact(
        loop([GOING, node("Relu", ["x"], ["w"])], [ROUND, KEEP], [GO, W]), "OG166", RUNTIME
    ),
    "body with a value too many": Fact(
        loop([GOING, node("Relu", ["v"], ["w"])], [ROUND, KEEP, V, f("u")], [GO, W]),
        "OG166",
        RUNTIME,
    ),
    "body with a value that has its own default": Fact(
        loop([GOING, node("Add", ["v", "u"], ["w"])], [ROUND, KEEP, V, f("u")], [GO, W], ["u"]),
        "",
        NOBODY,
    ),
    "body whose carried value has its own default": Fact(
        loop([GOING, node("Relu", ["v"], ["w"])], [ROUND, KEEP, V], [GO, W], ["v"]),
        "OG166",
        RUNTIME,
    ),
    "function with an input that has no name": Fact(
        call([node("Relu", ["a"], ["b"])], inputs=["a", ""], given=["x", "x"]), "OG168", RUNTIME
    ),
    "body that gives no condition": Fact(
        loop([node("Relu", ["v"], ["w"])], [ROUND, KEEP, V], [W]), "OG166", RUNTIME
    ),
    "required input that the call leaves out": Fact(
        call([node("Add", ["a", "c"], ["b"])], inputs=["a", "c"]), "OG158", RUNTIME
    ),
    "required input that the call leaves empty": Fact(
        call([node("Add", ["a", "c"], ["b"])], inputs=["a", "c"], given=["x", ""]),
        "OG158",
        RUNTIME,
    ),
    "optional input that the call leaves out": Fact(
        call([node("Clip", ["a", "c"], ["b"])], inputs=["a", "c"]), "", NOBODY
    ),
    "required attribute that the call leaves out": Fact(
        call([concatenated()], attributes=["q"]), "OG161", RUNTIME
    ),
    "required attribute that is no attribute of the function": Fact(
        call([concatenated()]), "OG161", RUNTIME
    ),
    "required attribute that the call gives": Fact(
        call([concatenated()], attributes=["q"], q=0), "", NOBODY
    ),
    "attribute that the call leaves out": Fact(
        call([referring()], attributes=["axis"]), "", NOBODY
    ),
    "sparse initializer that is no input at IR version 3": Fact(
        model([node("Add", ["x", "w"], ["y"])], sparse=[SPARSE], ir=3), "", NOBODY
    ),
    "domain spelled out in the main graph": Fact(
        model([node("Relu", ["x"], ["y"], domain="ai.onnx")]), "", CHECKER
    ),
    "domain spelled out in a branch": Fact(
        iff(branch([node("Abs", ["x"], ["t"], domain="ai.onnx")], "t")), "OG167", BOTH
    ),
    "domain spelled out in a function": Fact(
        call([node("Abs", ["a"], ["b"], domain="ai.onnx")]), "OG167", BOTH
    ),
    "domain spelled out in the import of a function": Fact(
        call([node("Abs", ["a"], ["b"])], domain="ai.onnx"), "OG167", BOTH
    ),
    "function with one output twice": Fact(
        call([node("Abs", ["a"], ["b"])], outputs=["b", "b"]), "OG509 OG168", BOTH
    ),
    "function that gives an input back": Fact(
        call([node("Abs", ["a"], ["b"])], outputs=["b", "a"]), "OG509 OG168", RUNTIME
    ),
    "value_info of an input and an output, of another type": Fact(
        declaring(scalar("x", TensorProto.INT64), scalar("y", TensorProto.INT64)), "", NOBODY
    ),
    "value_info of a value, of another type": Fact(
        declaring(helper.make_tensor_value_info("t", TensorProto.INT64, [2])), "OG179", RUNTIME
    ),
    "initializer that is no input at IR version 3": Fact(
        model([node("Add", ["x", "w"], ["y"])], weights=[weight("w")], ir=3), "OG165", CHECKER
    ),
}


@pytest.fixture(scope="module")
def any_list(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("list") / "any.yaml"
    path.write_text(ANY, encoding="utf-8")
    return path


def judged(made: onnx.ModelProto, allowlist: Path) -> Report:
    return scan_bytes(made.SerializeToString(), "m.onnx", load_allowlist(allowlist))


def refuses(made: onnx.ModelProto) -> str:
    checker = runtime = True
    try:
        onnx.checker.check_model(made)
        checker = False
    except onnx.checker.ValidationError:
        pass
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(
            made.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        runtime = False
    except Exception:  # noqa: BLE001 # whatever ONNX Runtime raises is its answer
        pass
    return {(True, True): BOTH, (True, False): CHECKER, (False, True): RUNTIME}.get(
        (checker, runtime), NOBODY
    )


@pytest.mark.parametrize("name", FACTS)
def test_rules_speak_of_what_is_wrong_alone(name: str, any_list: Path) -> None:
    made, codes, refused = FACTS[name]
    assert [finding.code for finding in judged(made, any_list).findings] == codes.split()
    if refused:  # onnx and ONNX Runtime die of the others, and this process with them
        assert refuses(made) == refused


# -- what a list says of it ------------------------------------------------------------------------

TWO_NAMES = [node("Relu", ["m"], ["y"], name="k"), node("Abs", ["x"], ["m"], name="k")]
"""Out of order, and two nodes of one name."""


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ("", {"OG154": "warning", "OG157": "error"}),
        ("validity: error", {"OG154": "warning", "OG157": "error"}),
        ("validity: warn", {"OG154": "warning", "OG157": "warning"}),
        ("validity: allow", {}),
        ("validity: {node-order: error}", {"OG154": "error", "OG157": "error"}),
        ("validity: {node-order: allow, rest: warn}", {"OG157": "warning"}),
        ("validity: {node-name-twice: warn, rest: allow}", {"OG157": "warning"}),
    ],
)
def test_a_list_weighs_all_rules_or_each(
    policy: str, found: dict[str, str], any_list: Path, tmp_path: Path
) -> None:
    text = any_list.read_text(encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("policy: {", f"policy: {{{policy}{', ' if policy else ''}"))
    report = judged(model(TWO_NAMES), path)
    assert {finding.code: finding.severity.value for finding in report.findings} == found
    assert report.passed is ("error" not in found.values())


def test_a_list_keeps_the_words_that_it_does_not_change(any_list: Path, tmp_path: Path) -> None:
    below = tmp_path / "any.yaml"
    below.write_text(
        any_list.read_text(encoding="utf-8").replace(
            "policy: {", "policy: {validity: {node-name-twice: warn, rest: error}, "
        )
    )
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "schema: 1\nid: mine\nextends: any.yaml\npolicy: {validity: {node-order: error}}\n"
    )
    report = judged(model(TWO_NAMES), mine)
    assert {f.code: f.severity.value for f in report.findings} == {
        "OG154": "error",
        "OG157": "warning",
    }


# -- where ONNX leaves room ------------------------------------------------------------------------


def test_a_function_is_judged_by_its_own_opset(any_list: Path) -> None:
    imports = [helper.make_opsetid("", 20)]
    held = helper.make_function("q", "Fn", ["a"], ["b"], [node("Gelu", ["a"], ["b"])], imports)
    made = model([node("Fn", ["x"], ["y"], domain="q")], functions=[held], more=["q"])
    assert [f.code for f in judged(made, any_list).findings] == ["OG510"]


def test_a_sequence_map_without_a_sequence(any_list: Path) -> None:
    """Shapes are not asked of what is not there; onnx dies of some such models."""
    made = model([node("SequenceMap", [], ["y"], body=branch([node("Abs", ["x"], ["t"])], "t"))])
    assert "OG158" in {finding.code for finding in judged(made, any_list).findings}


def test_a_function_stands_in_for_the_operator_of_its_name(any_list: Path) -> None:
    imports = [helper.make_opsetid("", 17)]
    held = helper.make_function(
        "com.microsoft", "Gelu", ["a", "b"], ["c"], [node("Add", ["a", "b"], ["c"])], imports
    )
    made = model(
        [node("Gelu", ["x", "x"], ["y"], domain="com.microsoft")],
        functions=[held],
        more=["com.microsoft"],
    )
    assert "OG158" not in {f.code for f in judged(made, any_list).findings}


def test_of_a_foreign_domain_the_structure_alone_is_judged(any_list: Path) -> None:
    odd = node("Unheard", ["x", "", "x"], ["", "y"], domain="com.microsoft", anything=1)
    assert judged(model([odd], more=["com.microsoft"]), any_list).findings == ()
    odd.input.append("q")
    report = judged(model([odd], more=["com.microsoft"]), any_list)
    assert [f.code for f in report.findings] == ["OG150"]


def test_training_graphs_read_the_values_of_the_model(any_list: Path) -> None:
    made = model([node("Add", ["x", "w"], ["y"])], weights=[weight("w")])
    training = made.training_info.add()
    training.algorithm.CopyFrom(
        helper.make_graph([node("Add", ["w", "y"], ["loss"])], "a", [], [f("loss")])
    )
    assert judged(made, any_list).findings == ()
    training.algorithm.node[0].input[0] = "q"
    report = judged(made, any_list)
    assert [(f.code, f.place.route) for f in report.findings] == [
        ("OG150", "training_info 0.algorithm/node 0")
    ]


def test_names_are_looked_up_through_all_graphs_around(any_list: Path) -> None:
    deep = branch([node("Abs", ["x"], ["d"])], "d")
    for level in range(3):
        it = node("If", ["c"], [f"r{level}"], then_branch=deep, else_branch=PLAIN)
        deep = branch([it], f"r{level}")
    made = iff(deep)
    assert judged(made, any_list).findings == ()
    assert refuses(made) == NOBODY
    bottom = made.graph.node[0]
    while bottom.op_type == "If":
        (inner,) = [a.g for a in bottom.attribute if a.name == "then_branch"]
        bottom = inner.node[0]
    bottom.input[0] = "y"  # what the outermost If gives
    assert [f.code for f in judged(made, any_list).findings] == ["OG153"]
