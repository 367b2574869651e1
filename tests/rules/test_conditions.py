"""The conditions of an entry: attribute values, dtypes, and inputs that must be constant."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from support import protobuf as pb
from support.lists import write_list
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
from onnxguard import Finding, Severity

FLOAT, INT8, INT64, DOUBLE = 1, 3, 7, 11
LOCAL = opset_import("local", 1)


def scan(folder: Path, rules: str, data: bytes) -> tuple[Finding, ...]:
    return onnxguard.scan_bytes(data, "m.onnx", str(write_list(folder, rules))).findings


# -- attribute values ------------------------------------------------------------------------------


class Judged(NamedTuple):
    """A node's attributes, the rule on one of them, and the message; "" where it passes."""

    op_type: str
    rule: str
    attributes: tuple[bytes, ...]
    problem: str = ""
    opset: int = 17


def floats(number: float) -> tuple[bytes, ...]:
    return (attribute("alpha", f=number),)


def group(number: int) -> tuple[bytes, ...]:
    return (attribute("group", i=number),)


def mode(text: str) -> tuple[bytes, ...]:
    return (attribute("mode", s=text),)


def dilations(*numbers: int) -> tuple[bytes, ...]:
    return (
        attribute("dilations", ints=list(numbers)) if numbers else attribute("dilations", type=7),
    )


VALUES = {
    "in, first": Judged("Resize", "mode: {in: [nearest, linear]}", mode("nearest")),
    "in, last": Judged("Resize", "mode: {in: [nearest, linear]}", mode("linear")),
    "in, another": Judged(
        "Resize",
        "mode: {in: [nearest, linear]}",
        mode("cubic"),
        "mode is cubic, allowed is nearest, linear",
    ),
    "in, another case": Judged("Resize", "mode: {in: [linear]}", mode("Linear"), "mode is Linear"),
    "in, quoted word": Judged("Resize", "mode: {in: ['no']}", mode("no")),
    "in, text that is a number": Judged("Resize", "mode: {in: [1]}", mode("1")),
    "in, number for a text": Judged(
        "Resize", "mode: {in: [linear]}", (attribute("mode", i=1),), "mode is 1, allowed is linear"
    ),
    "in, nothing at all": Judged("Resize", "mode: {in: []}", mode("linear"), "mode is linear"),
    "in, whole number": Judged("Conv", "group: {in: [1, 2]}", group(2)),
    "in, another whole number": Judged("Conv", "group: {in: [1, 2]}", group(3), "group is 3"),
    "in, each of a list": Judged("Conv", "dilations: {in: [1, 2]}", dilations(1, 2, 2)),
    "in, one of a list": Judged(
        "Conv", "dilations: {in: [1, 2]}", dilations(1, 3, 2), "dilations is 3"
    ),
    "in, empty list": Judged("Conv", "dilations: {in: [1, 2]}", dilations()),
    "in, float": Judged("LeakyRelu", "alpha: {in: [0.25]}", floats(0.25)),
    "in, float that binary cannot hold": Judged("LeakyRelu", "alpha: {in: [0.01]}", floats(0.01)),
    "in, float next to it": Judged(
        "LeakyRelu", "alpha: {in: [0.01]}", floats(0.010001), "alpha is 0.010"
    ),
    "in, exponent": Judged("LeakyRelu", "alpha: {in: [1e-2]}", floats(0.01)),
    "in, not a number": Judged(
        "LeakyRelu", "alpha: {in: [0.25]}", floats(float("nan")), "alpha is nan"
    ),
    "not_in, text": Judged(
        "Resize", "mode: {not_in: [cubic]}", mode("cubic"), "mode is cubic, which is refused"
    ),
    "not_in, another text": Judged("Resize", "mode: {not_in: [cubic]}", mode("linear")),
    "not_in, number": Judged("Conv", "group: {not_in: [0]}", group(0), "group is 0"),
    "not_in, another number": Judged("Conv", "group: {not_in: [0]}", group(1)),
    "not_in, float that binary cannot hold": Judged(
        "LeakyRelu", "alpha: {not_in: [0.1]}", floats(0.1), "which is refused"
    ),
    "in and not_in": Judged(
        "Conv", "group: {in: [1, 2], not_in: [2]}", group(2), "group is 2, which is refused"
    ),
    "min, at it": Judged("Conv", "group: {min: 2}", group(2)),
    "min, below it": Judged(
        "Conv", "group: {min: 2}", group(1), "group is 1, the least allowed is 2"
    ),
    "min, float at it": Judged("LeakyRelu", "alpha: {min: 0.01}", floats(0.01)),
    "min, negative": Judged("Conv", "group: {min: -2}", group(-3), "group is -3"),
    "min, not a number": Judged(
        "LeakyRelu", "alpha: {min: 0}", floats(float("nan")), "alpha is nan, the least"
    ),
    "min, text": Judged("Resize", "mode: {min: 0}", mode("linear"), "mode is linear, the least"),
    "max, at it": Judged("Conv", "group: {max: 2}", group(2)),
    "max, above it": Judged(
        "Conv", "group: {max: 2}", group(3), "group is 3, the most allowed is 2"
    ),
    "max, float at it": Judged("LeakyRelu", "alpha: {max: 0.1}", floats(0.1)),
    "max, infinite": Judged("LeakyRelu", "alpha: {max: 1}", floats(float("inf")), "alpha is inf"),
    "max, one of a list": Judged("Conv", "dilations: {max: 2}", dilations(2, 3), "dilations is 3"),
    "max, list of 63": Judged("Conv", "dilations: {max: 2}", dilations(*[1] * 63)),
    "max, list longer than what is read": Judged(
        "Conv", "dilations: {max: 2}", dilations(*[1] * 64, 9), "too many to judge"
    ),
    "schema's default, allowed": Judged("Conv", "group: {in: [1]}", ()),
    "schema's default, refused": Judged(
        "Conv", "group: {in: [2]}", (), "group is 1 by default, allowed is 2"
    ),
    "schema's default, text": Judged("Resize", "mode: {in: [linear]}", (), "nearest by default"),
    "schema's default, float": Judged("LeakyRelu", "alpha: {in: [0.01]}", ()),
    "schema's default of the opset, old": Judged("Softmax", "axis: {in: [1]}", (), "", 12),
    "schema's default of the opset, new": Judged(
        "Softmax", "axis: {in: [1]}", (), "axis is -1 by default", 13
    ),
    "schema without a default": Judged("Conv", "dilations: {max: 2}", ()),
    "list's default, allowed": Judged("Conv", "dilations: {max: 2, default: 1}", ()),
    "list's default, refused": Judged(
        "Conv", "dilations: {max: 2, default: 3}", (), "dilations is 3 by default"
    ),
    "list's default before the schema's": Judged("Conv", "group: {in: [2], default: 2}", ()),
    "required, given": Judged("Conv", "dilations: {required: true}", dilations(1, 1)),
    "required, absent": Judged(
        "Conv", "dilations: {required: true}", (), "dilations must be given"
    ),
    "required, absent with a default": Judged(
        "Resize", "mode: {required: true, in: [nearest]}", (), "mode must be given"
    ),
    "required, and of a value": Judged(
        "Conv", "dilations: {required: true, max: 1}", dilations(2, 2), "dilations is 2"
    ),
    "not required, absent": Judged("Conv", "dilations: {required: false, max: 2}", ()),
    "another attribute": Judged("Conv", "group: {in: [1]}", dilations(9, 9)),
    "tensor": Judged(
        "Resize",
        "mode: {in: [linear]}",
        (attribute("mode", t=tensor(FLOAT, [1], raw_data=bytes(4))),),
        "mode holds no number or text that could be judged",
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_value_of_an_attribute(name: str, tmp_path: Path) -> None:
    judged = VALUES[name]
    rules = f"operators: [{{name: {judged.op_type}, attributes: {{{judged.rule}}}}}]\n"
    made = node(judged.op_type, attribute=list(judged.attributes))
    findings = scan(tmp_path, rules, pb.model(graph(made), opset=judged.opset))
    if not judged.problem:
        assert findings == ()
        return
    # A list that is cut is also one whose size is not known.
    (finding,) = [finding for finding in findings if finding.code != "OG301"]
    assert finding.code == "OG107"
    assert finding.message.startswith(f"{judged.op_type}: ")
    assert judged.problem in finding.message


@pytest.mark.parametrize("numbers", [(1, 9), (9, 1)])
def test_both_of_an_attribute_given_twice_are_judged(
    numbers: tuple[int, int], tmp_path: Path
) -> None:
    made = node("Conv", attribute=[*group(numbers[0]), *group(numbers[1])])
    rules = "operators: [{name: Conv, attributes: {group: {in: [1]}}}]\n"
    findings = scan(tmp_path, rules, pb.model(graph(made)))
    assert sorted(finding.code for finding in findings) == ["OG107", "OG112"]


SET_BY_CALLER = "group is set by the caller of a function and cannot be judged"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([1], ""),
        ([2], "group is 2, allowed is 1"),
        ([1, 2, 1], "group is 2, allowed is 1"),
        ([None], ""),  # nothing is handed on: the default, which is 1
        ([], SET_BY_CALLER),
    ],
)
def test_value_that_a_function_hands_on_is_judged_as_calls_give_it(
    given: list[int | None], problem: str, tmp_path: Path
) -> None:
    handed = node("Conv", attribute=attribute("group", type=2, ref_attr_name="g"))
    made = function("F", handed, attribute=["g"])
    calls = [
        node("F", domain="local", attribute=[] if i is None else attribute("g", i=i)) for i in given
    ]
    data = pb.model(graph(node("Relu"), *calls), opset_import=LOCAL, functions=made)
    rules = "operators: [{name: Conv, attributes: {group: {in: [1]}}}]\n"
    findings = scan(tmp_path, rules, data)
    assert [finding.message for finding in findings] == [f"Conv: {problem}"] * bool(problem)
    assert all(finding.place.route == "function local::F/node 0" for finding in findings)
    assert all(finding.count == 1 for finding in findings)


@pytest.mark.parametrize("severity", Severity)
def test_severity_is_that_of_the_rule(severity: Severity, tmp_path: Path) -> None:
    rules = "operators: [{name: Conv, attributes: {group: {in: [1], severity: %s}}}]\n"
    data = pb.model(graph(node("Conv", attribute=list(group(2)))))
    report = onnxguard.scan_bytes(data, "m", str(write_list(tmp_path, rules % severity.value)))
    assert [finding.severity for finding in report.findings] == [severity]
    assert report.passed is (severity is not Severity.ERROR)


# -- dtypes ----------------------------------------------------------------------------------------

FLOATS = "operators: [{name: Add, dtypes: {in: [float32]}}]\n"
ADD = node("Add", "x w")
HALF = tensor(INT8, [1], "w", raw_data=bytes(1))
WHOLE = tensor(FLOAT, [1], "w", raw_data=bytes(4))

DTYPES: dict[str, tuple[bytes, str]] = {
    "initializer": (pb.model(graph(ADD, initializer=WHOLE)), ""),
    "initializer of another": (
        pb.model(graph(ADD, initializer=HALF)),
        "input 1 is int8, allowed is float32",
    ),
    "Constant": (pb.model(graph(constant("w", value_float={"f": 1.0}), ADD)), ""),
    "Constant of another": (
        pb.model(graph(constant("w", value_int={"i": 1}), ADD)),
        "input 1 is int64",
    ),
    "sparse initializer of another": (
        pb.model(
            graph(
                ADD,
                sparse_initializer=pb.message(
                    "SparseTensorProto", dims=[1], values=HALF, indices=pb.ints(0)
                ),
            )
        ),
        "input 1 is int8",
    ),
    "value of the graph around": (
        pb.model(
            graph(
                node("If", "c", attribute=attribute("then_branch", g=body(ADD))),
                input=[value("x"), value("w", DOUBLE)],
            )
        ),
        "input 1 is float64",
    ),
    "value of the branch, which hides the outer one": (
        pb.model(
            graph(
                node("If", "c", attribute=attribute("then_branch", g=body(ADD, initializer=WHOLE))),
                input=[value("x"), value("w", DOUBLE)],
            )
        ),
        "",
    ),
    "initializer that value_info calls another": (
        pb.model(graph(ADD, initializer=HALF, value_info=value("w", FLOAT, [1]))),
        "input 1 is int8",
    ),
    "empty input": (pb.model(graph(node("Add", "x _"))), ""),
}


@pytest.mark.parametrize("name", DTYPES)
def test_dtype_of_an_operator(name: str, tmp_path: Path) -> None:
    data, problem = DTYPES[name]
    findings = scan(tmp_path, FLOATS, data)
    assert [f.code for f in findings] == (["OG108"] if problem else [])
    assert all(problem in finding.message for finding in findings)


def test_dtype_of_each_way_in_which_a_function_is_called(tmp_path: Path) -> None:
    made = function("F", node("Add", "x x"))
    calls = [node("F", "x", "a", domain="local"), node("F", "w", "b", domain="local")]
    inputs = [value("x"), value("w", DOUBLE)]
    relu = node("Relu", "x", "y")
    data = pb.model(graph(*calls, relu, input=inputs), opset_import=LOCAL, functions=made)
    found = scan(tmp_path, FLOATS, data)
    assert sorted({finding.message for finding in found}) == [
        "Add: input 0 is float64, allowed is float32",
        "Add: input 1 is float64, allowed is float32",
        "Add: output 0 is float64, allowed is float32",
    ]


def test_dtypes_of_an_operator_do_not_bind_the_others(tmp_path: Path) -> None:
    relu = node("Relu", "x", "y")
    data = pb.model(graph(relu, input=value("x", DOUBLE), output=value("y", DOUBLE)))
    assert scan(tmp_path, FLOATS, data) == ()


def test_dtypes_that_are_refused(tmp_path: Path) -> None:
    rules = "operators: [{name: Add, dtypes: {not_in: [int8, float64]}}]\n"
    (finding,) = scan(tmp_path, rules, pb.model(graph(ADD, initializer=HALF)))
    assert finding.message == "Add: input 1 is int8, allowed is anything but float64, int8"


# -- inputs that must be constant ------------------------------------------------------------------

SHAPE = pb.ints(1, 1, name="s")
RESHAPE = node("Reshape", "x s")
SHAPE_INPUT = [value("x"), value("s", INT64, [2])]


def branch(inner: bytes) -> bytes:
    return node("If", "c", attribute=attribute("then_branch", g=inner))


def reshaped(*nodes: bytes, **more: object) -> bytes:
    return pb.model(graph(*nodes, RESHAPE, **more))


CONSTANTS: dict[str, tuple[bytes, bool]] = {
    "initializer": (reshaped(initializer=SHAPE), True),
    "Constant": (reshaped(constant("s", value_ints={"ints": [1, 1]})), True),
    "initializer around a branch": (
        pb.model(graph(branch(body(RESHAPE)), initializer=SHAPE)),
        True,
    ),
    "input of the graph": (reshaped(input=SHAPE_INPUT), False),
    "initializer that an input replaces": (reshaped(input=SHAPE_INPUT, initializer=SHAPE), False),
    "computed": (reshaped(node("Identity", "t", "s"), initializer=pb.ints(1, name="t")), False),
    "nothing of that name": (reshaped(), False),
    "two of that name": (reshaped(initializer=[SHAPE, SHAPE]), False),
    "Constant of another domain": (
        pb.model(
            graph(node("Constant", "", "s", domain="local"), RESHAPE),
            opset_import=LOCAL,
            functions=function("Constant2", node("Relu")),
        ),
        False,
    ),
    "omitted": (pb.model(graph(node("Reshape", "x"))), True),
    "empty": (pb.model(graph(node("Reshape", "x _"))), True),
}


@pytest.mark.parametrize("given", ["shape", "1"])
@pytest.mark.parametrize("name", CONSTANTS)
def test_input_by_name_and_by_number(name: str, given: str, tmp_path: Path) -> None:
    data, passes = CONSTANTS[name]
    rules = (
        f"operators: [{{name: Reshape, constant_inputs: [{given}]}}, "
        "{name: Constant, domain: local}]\n"
    )
    findings = scan(tmp_path, rules, data)
    assert [f.code for f in findings] == ([] if passes else ["OG109"])
    for finding in findings:
        assert finding.message == f"Reshape: {given} must be a constant and is not"


def test_input_is_looked_up_in_the_opset_of_the_model(tmp_path: Path) -> None:
    rules = "operators: [{name: Squeeze, constant_inputs: [axes]}]\n"
    data = {opset: pb.model(graph(node("Squeeze", "x")), opset=opset) for opset in (12, 13)}
    (finding,) = scan(tmp_path, rules, data[12])
    assert finding.message == "Squeeze: axes has no such input"
    assert scan(tmp_path, rules, data[13]) == ()


def test_inputs_of_a_foreign_operator_go_by_number(tmp_path: Path) -> None:
    rules = "operators: [{name: A, domain: local, constant_inputs: [%s]}]\n"
    data = pb.model(graph(node("A", "x s", domain="local"), initializer=SHAPE), opset_import=LOCAL)
    assert scan(tmp_path, rules % "1", data) == ()
    assert [f.code for f in scan(tmp_path, rules % "0", data)] == ["OG109"]
