"""OG184 and OG185: shapes that do not fit, and declarations that they contradict."""

from __future__ import annotations

from support import protobuf as pb
from support.protobuf import attribute, body, constant, function, graph, node, value

from rule_cases.case import Case

JUDGED = """\
operators: [{names: [MatMul, Split, Reshape, Conv, If]}]
opset: {ai.onnx: 7..26}
policy: {validity: error}
"""
UNDECLARED = value("y", dims=None)


def multiplied(rows: int) -> bytes:
    inputs = [value("x", dims=["N", 3]), value("w", dims=[rows, 5])]
    return pb.model(graph(node("MatMul", "x w"), input=inputs, output=UNDECLARED))


def split(size: int) -> bytes:
    outputs = [value(name, dims=None) for name in "yz"]
    cut = node("Split", "x", "y z", attribute=attribute("axis", i=1))
    return pb.model(graph(cut, input=value("x", dims=[2, size]), output=outputs))


def reshaped_in_a_branch(size: int) -> bytes:
    shape = constant("s", value_ints={"ints": [-1, size]})
    branch = body(shape, node("Reshape", "x s", "t"), output=value("t", dims=None))
    other = body(node("Identity", "x", "e"), output=value("e", dims=None))
    made = [attribute("then_branch", g=branch), attribute("else_branch", g=other)]
    inputs = [value("x", dims=[2, 6]), value("c", 9, [])]
    return pb.model(graph(node("If", "c", "y", attribute=made), input=inputs, output=UNDECLARED))


def called(channels: int) -> bytes:
    made = function("F", node("Conv", "x w"), input=["x", "w"])
    inputs = [value("x", dims=[1, 4, 8, 8]), value("w", dims=[6, channels, 3, 3])]
    call = node("F", "x w", domain="local")
    imports = pb.opset_import("local", 1)
    return pb.model(
        graph(call, input=inputs, output=UNDECLARED), opset_import=imports, functions=made
    )


def declared(dims: list[int | str], between: list[int | str]) -> bytes:
    nodes = node("Relu", "x", "t"), node("Relu", "t")
    more = {"value_info": value("t", dims=between), "output": value("y", dims=dims)}
    return pb.model(graph(*nodes, input=value("x", dims=["N", 3]), **more))


CASES = (
    Case(
        "OG184",
        "product that does not fit",
        multiplied(4),
        multiplied(3),
        JUDGED,
        message="MatMul: [N, 3] and [4, 5] cannot be multiplied: 3 columns, 4 rows",
        hint="correct the sizes",
        route="graph/node 0",
        operator="MatMul",
    ),
    Case(
        "OG184",
        "axis that does not divide",
        split(3),
        split(4),
        JUDGED,
        message="Split: an axis of 3 does not divide into 2 equal parts",
        route="graph/node 0",
        operator="Split",
    ),
    Case(
        "OG184",
        "shape that does not fit in a branch",
        reshaped_in_a_branch(5),
        reshaped_in_a_branch(4),
        JUDGED,
        message="Reshape: [2, 6] cannot become [?, 5]: 12 elements do not divide by 5",
        route="graph/If_0.then_branch/node 1",
        operator="Reshape",
    ),
    Case(
        "OG184",
        "weights that do not fit in a function",
        called(3),
        called(4),
        JUDGED,
        message="weights [6, 3, 3, 3] in 1 group take 3 channels",
        operator="Conv",
        route="function local::F/node 0",
    ),
    Case(
        "OG185",
        "output of another rank",
        declared([3], ["N", 3]),
        declared(["M", 3], ["N", 3]),
        JUDGED,
        message='value "y" is declared as [3], it is [N, 3]',
        hint="remove the declaration",
        route='graph/value "y"',
    ),
    Case(
        "OG185",
        "value of another size",
        declared(["N", 3], [1, 4]),
        declared(["N", 3], [1, 3]),
        JUDGED,
        message='value "t" is declared as [1, 4], it is [N, 3]',
        route='graph/value "t"',
    ),
    Case(
        "OG185",
        "list that allows it",
        declared([3], ["N", 3]),
        declared([3], ["N", 3]),
        JUDGED,
        good_rules=JUDGED.replace("error", "{declared-shape-differs: allow}"),
        message='value "y" is declared as [3], it is [N, 3]',
        route='graph/value "y"',
    ),
)
