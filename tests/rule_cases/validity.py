"""OG150 to OG168: graphs that ONNX does not call valid."""

from __future__ import annotations

from typing import Any

from support import protobuf as pb
from support.protobuf import attribute, body, function, graph, node, value

from onnxguard.base.findings import Severity
from rule_cases.case import Case

STRICT = """\
operators:
  - names: [Abs, Add, Clip, Concat, Gelu, LeakyRelu, SimplifiedLayerNormalization, TopK, Upsample]
policy: {validity: error, training_info: allow}
"""
RELU = node("Relu")
FIRST, SECOND = node("Relu", "x", "m"), node("Abs", "m", "y")
COND = value("c", 9, ())
LOCAL = pb.opset_import("local", 1)


def model(*nodes: bytes, opset: int = 17, ir: int = 8, **more: object) -> bytes:
    return pb.model(graph(*nodes, **more), opset=opset, ir=ir)


def branching(*nodes: bytes, output: str = "t", outputs: list[bytes] | None = None) -> bytes:
    """An If whose first branch holds the nodes."""
    inner = body(*nodes, output=outputs or value(output))
    other = body(node("Abs", "x", "e"), output=value("e"))
    branches = [attribute("then_branch", g=inner), attribute("else_branch", g=other)]
    return model(node("If", "c", "y", attribute=branches), input=[value("x"), COND])


def calling(*nodes: bytes) -> bytes:
    """A model whose function holds the nodes."""
    held = function("F", *nodes)
    return pb.model(graph(node("F", domain="local")), opset_import=LOCAL, functions=held)


def importing(domain: str) -> bytes:
    """A model whose function imports the default domain by that name."""
    held = function("F", node("Relu"), opset_import=pb.opset_import(domain, 17))
    return pb.model(graph(node("F", domain="local")), opset_import=LOCAL, functions=held)


def giving(*outputs: str) -> bytes:
    """A model whose function has these outputs."""
    held = function("F", node("Relu", "x", "z"), node("Abs", "x", "u"), output=list(outputs))
    call = node("F", "x", "y v", domain="local")
    return pb.model(graph(call), opset_import=LOCAL, functions=held)


def training(*nodes: bytes) -> bytes:
    """A model whose training graph holds the nodes; it sees x and y."""
    held = pb.message("TrainingInfoProto", algorithm=body(*nodes))
    return pb.model(graph(RELU), training_info=held)


def taking(*inputs: str) -> bytes:
    """A model whose function has these inputs."""
    held = function("F", node("Relu"), input=list(inputs))
    return pb.model(graph(node("F", "x x", domain="local")), opset_import=LOCAL, functions=held)


def case(
    code: str, name: str, bad: bytes, good: bytes, message: str, route: str, **more: Any
) -> Case:
    return Case(code, name, bad, good, rules=STRICT, message=message, route=route, **more)


WEIGHT = pb.tensor(1, [1], "w", raw_data=bytes(4))
OTHER = pb.tensor(1, [1], "w", raw_data=b"\0\0\x80?")
ADD = node("Add", "x w")
ADD_TWICE = model(ADD, initializer=[WEIGHT, OTHER])

NAMES = (
    case(
        "OG150",
        "input that nothing gives",
        model(node("Relu", "nowhere")),
        model(RELU),
        'Relu reads "nowhere", which nothing gives',
        "graph/node 0",
        at=node("Relu", "nowhere"),
        operator="Relu",
    ),
    case(
        "OG150",
        "function that reads what is around its call",
        calling(node("Abs", "x", "m"), node("Add", "m z", "y")),
        calling(node("Abs", "x", "m"), node("Add", "m x", "y")),
        'Add reads "z"',
        "function local::F/node 1",
        operator="Add",
    ),
    case(
        "OG151",
        "output that nothing gives",
        model(RELU, output=value("z")),
        model(RELU, output=[value("y"), value("x")]),
        'the output "z" is given by nothing',
        'graph/output 0 "z"',
        at=value("z"),
    ),
    case(
        "OG151",
        "output of a function that nothing gives",
        calling(node("Abs", "x", "m")),
        calling(node("Abs", "x", "y")),
        'the output "y" is given by nothing',
        "function local::F",
    ),
    case(
        "OG152",
        "two nodes of one output",
        model(RELU, node("Abs")),
        model(RELU, node("Abs", "x", "z")),
        'Abs gives "y", and so does another node',
        "graph/node 1",
        at=node("Abs"),
        operator="Abs",
    ),
    case(
        "OG152",
        "two nodes of one output in a training graph that sees as many other names",
        training(*3 * [node("Relu", "x", "z")]),
        training(*[node("Relu", "x", name) for name in "zvw"]),
        'Relu gives "z", and so does another node',
        "training_info 0.algorithm/node 1",
        operator="Relu",
    ),
    case(
        "OG152",
        "two initializers of one name",
        ADD_TWICE,
        model(ADD, initializer=WEIGHT, input=[value("x"), value("w", dims=(1,))]),
        'two initializers have the name "w"',
        'graph/initializer 1 "w"',
        at=OTHER,
    ),
    case(
        "OG152",
        "two inputs of one name",
        model(RELU, input=[value("x"), value("x")]),
        model(RELU, input=[value("x"), value("z")]),
        'two inputs have the name "x"',
        'graph/input 1 "x"',
    ),
    case(
        "OG153",
        "circle of two",
        model(node("Add", "x n", "m"), node("Abs", "m", "n"), RELU),
        model(node("Add", "x x", "m"), node("Abs", "m", "n"), RELU),
        "nodes read each other in a circle: Abs_1, Add_0",
        "graph/node 1",
    ),
    case(
        "OG153",
        "circle through a branch",
        branching(node("Abs", "y", "t")),
        branching(node("Abs", "x", "t")),
        "nodes read each other in a circle: If_0",
        "graph/node 0",
    ),
    case(
        "OG154",
        "node before the one that it reads",
        model(SECOND, FIRST),
        model(FIRST, SECOND),
        "a node stands before one that it reads",
        "graph/node 0",
        at=SECOND,
        severity=Severity.WARNING,
    ),
    case(
        "OG154",
        "function out of order",
        calling(SECOND, FIRST),
        calling(FIRST, SECOND),
        "a node stands before one that it reads",
        "function local::F/node 0",
        at=SECOND,
    ),
    case(
        "OG155",
        "value of a branch that is given outside, too",
        branching(node("Abs", "x", "c"), output="c"),
        branching(node("Abs", "x", "y"), output="y"),
        '"c" is also the name of a value around this graph',
        "graph/If_0.then_branch/node 0",
    ),
    case(
        "OG156",
        "branch that gives an outer value",
        branching(output="x"),
        branching(node("Identity", "x", "t")),
        'declares the output "x", which is a value around it',
        'graph/If_0.then_branch/output 0 "x"',
        at=value("x"),
    ),
    case(
        "OG157",
        "two nodes of one name",
        model(node("Relu", "x", "m", name="n"), node("Abs", "m", "y", name="n")),
        model(node("Relu", "x", "m", name=""), node("Abs", "m", "y", name="")),
        'two nodes have the name "n"',
        'graph/node 1 "n"',
    ),
    case(
        "OG165",
        "initializer that is no input, at IR version 3",
        model(ADD, initializer=WEIGHT, ir=3),
        model(ADD, initializer=WEIGHT, ir=4),
        "an initializer is not an input of its graph",
        'graph/initializer 0 "w"',
        at=WEIGHT,
    ),
)

K = pb.ints(1, name="k")
OPEN = value("y", dims=None)
SCALES = pb.tensor(1, [4], "s", raw_data=bytes(16))
TYPED = node("LeakyRelu", attribute=attribute("alpha", i=1))
MS = pb.opset_import("com.microsoft", 1)


def microsoft(**more: object) -> bytes:
    return pb.model(graph(node("Gelu", domain="com.microsoft", **more)), opset_import=MS)


SIGNATURES = (
    case(
        "OG158",
        "input too many",
        model(node("Relu", "x x")),
        model(RELU),
        "Relu has 2 inputs; at opset 14 it has 1",
        "graph/node 0",
        operator="Relu",
    ),
    case(
        "OG158",
        "input too few",
        model(node("Concat", "", "y", attribute=attribute("axis", i=0))),
        model(node("Concat", "x x x", "y", attribute=attribute("axis", i=0)), output=OPEN),
        "Concat has no inputs; at opset 13 it has 1 or more",
        "graph/node 0",
        operator="Concat",
    ),
    case(
        "OG158",
        "input that is needed and left out",
        model(node("Add", "x _")),
        model(node("Clip", "x _ x")),
        'Add leaves out its input "B"; at opset 14 it has 2',
        "graph/node 0",
        operator="Add",
    ),
    case(
        "OG159",
        "output that is needed and left out",
        model(RELU, node("TopK", "x k", "_ i"), initializer=K),
        model(RELU, node("TopK", "x k", "v i"), initializer=K),
        'TopK leaves out its output "Values"; at opset 11 it has 2',
        "graph/node 1",
        operator="TopK",
    ),
    case(
        "OG160",
        "attribute of another version",
        model(node("Clip", attribute=attribute("max", f=1.0))),
        model(node("Clip", attribute=attribute("__note__", f=1.0))),
        'Clip has no attribute "max" at opset 13',
        "graph/node 0",
        operator="Clip",
    ),
    case(
        "OG161",
        "attribute that is required",
        model(node("Concat")),
        model(node("Concat", attribute=attribute("axis", i=0))),
        'Concat lacks the attribute "axis"',
        "graph/node 0",
        operator="Concat",
    ),
    case(
        "OG162",
        "integer where a float belongs",
        model(TYPED),
        model(node("LeakyRelu", attribute=attribute("alpha", f=1.0))),
        'LeakyRelu: the attribute "alpha" is INT, at opset 16 it must be FLOAT',
        "graph/node 0",
        at=TYPED,
        operator="LeakyRelu",
    ),
    case(
        "OG163",
        "operator younger than the opset",
        model(node("Gelu")),
        microsoft(),
        "Gelu came with opset 20, here it is 17",
        "graph/node 0",
        hint="import opset 20 or newer",
        operator="Gelu",
        good_rules="operators: [{name: Gelu, domain: com.microsoft}]\npolicy: {validity: error}\n",
    ),
    case(
        "OG163",
        "operator of ONNX Runtime alone",
        model(node("SimplifiedLayerNormalization", "x w"), initializer=WEIGHT),
        model(ADD, initializer=WEIGHT),
        "SimplifiedLayerNormalization is not in ONNX at this opset",
        "graph/node 0",
        operator="SimplifiedLayerNormalization",
        severity=Severity.WARNING,
    ),
    case(
        "OG164",
        "operator that was removed",
        model(node("Upsample", "x s"), opset=10, initializer=SCALES),
        model(node("Upsample", "x s"), opset=9, initializer=SCALES),
        "Upsample was removed at opset 10, here it is 10",
        "graph/node 0",
        operator="Upsample",
    ),
)

BODIES = (
    case(
        "OG166",
        "branch of two outputs for a node of one",
        branching(node("Abs", "x", "t"), outputs=[value("t"), value("t")]),
        branching(node("Abs", "x", "t"), outputs=[value("t")]),
        'If: "then_branch" has 2 outputs, here it must have 1',
        "graph/node 0",
        operator="If",
    ),
)

SPELLED = (
    case(
        "OG167",
        "domain spelled out in a branch",
        branching(node("Abs", "x", "t", domain="ai.onnx")),
        model(node("Abs", domain="ai.onnx")),
        'a node inside another or a function spells its domain "ai.onnx"',
        "graph/If_0.then_branch/node 0",
    ),
    case(
        "OG167",
        "domain spelled out in a function",
        calling(node("Abs", "x", "y", domain="ai.onnx")),
        calling(node("Abs")),
        'a node inside another or a function spells its domain "ai.onnx"',
        "function local::F/node 0",
    ),
    case(
        "OG167",
        "domain spelled out in a function's import",
        importing("ai.onnx"),
        importing(""),
        'the function local::F imports "ai.onnx" and not ""',
        "function local::F",
        operator="local::F",
    ),
)

FUNCTIONS = (
    case(
        "OG168",
        "function with one output twice",
        giving("z", "z"),
        giving("z", "u"),
        'the function has two outputs "z"',
        "function local::F",
    ),
    case(
        "OG168",
        "function that gives an input back",
        giving("z", "x"),
        giving("z", "u"),
        'the function gives its input "x" back under its own name',
        "function local::F",
    ),
    case(
        "OG168",
        "function with an input that has no name",
        taking("x", ""),
        taking("x", "v"),
        "an input of the function has no name",
        "function local::F",
    ),
)

CASES = (*NAMES, *SIGNATURES, *BODIES, *SPELLED, *FUNCTIONS)
