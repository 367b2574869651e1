"""Cases of operators that hold graphs, and of constants."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from onnxguard.conformance.own.draft import Draft, Drafts, Task, recipe
from onnxguard.conformance.own.moving import I8, ints


@recipe("Constant", ranks=())
def constant(task: Task) -> Drafts:
    """A value in each form that holds numbers."""
    for dtype in task.dtypes():
        for dims in ((2, 3), (), (0,)) if dtype.name == "float32" else ((2, 3),):
            yield Draft([], {"value": numpy_helper.from_array(task.draw(dims, dtype, 1))})
    forms = {"value_float": 1.5, "value_floats": [1.5, -2.0], "value_int": 7, "value_ints": [7, -8]}
    for name, value in forms.items():
        if task.has(name):
            yield Draft([], {name: value})
    if task.has("sparse_value"):
        values = numpy_helper.from_array(np.array([1.5, 2.5], np.float32), "v")
        places = numpy_helper.from_array(np.array([1, 4], I8), "i")
        yield Draft([], {"sparse_value": helper.make_sparse_tensor(values, places, [2, 3])})


@recipe("ConstantOfShape", ranks=(1,), features=("a dim of 0",))
def constant_of_shape(task: Task) -> Drafts:
    """Every dtype, shapes of every rank, and nothing."""
    for dtype in task.dtypes("T2"):
        value = numpy_helper.from_array(np.asarray(task.draw((1,), dtype, 1)))
        yield Draft([ints(2, 3)], {"value": value})
    for dims in ((), (1,), (3,), (2, 3), (2, 1, 3), (0, 3), (1, 2, 3, 2, 3)):
        shows = ("a dim of 0",) if 0 in dims else ()
        yield Draft([np.array(dims, I8)], shows=shows)
    two = numpy_helper.from_array(np.array([1, 2], np.float32))
    yield Draft([ints(2)], {"value": two}, forbids="a value of two elements")
    yield Draft([ints(2, -1)], forbids="a negative dim")


@recipe(
    "If",
    features=(
        "both branches",
        "a nested branch",
    ),
)
def if_(task: Task) -> Drafts:
    """Either branch, which read what lies around them; one inside another."""
    for dtype in task.dtypes("V"):
        a, b = task.distinct((2, 3), dtype), task.distinct((4,), dtype)
        kind = helper.np_dtype_to_tensor_dtype(dtype)
        for taken in (True, False):
            branches = {
                "then_branch": _graph("then", ["Identity a y"], [("y", kind)]),
                "else_branch": _graph("else", ["Identity b z"], [("z", kind)]),
            }
            around = {"a": a, "b": b}
            yield Draft([np.array(taken)], branches, 1, around, shows=("both branches",))
    x = {"a": task.draw((2, 3), "f4"), "b": task.draw((3,), "f4"), "c": np.array(False)}
    for taken, inner in itertools.product((True, False), repeat=2):
        nested = helper.make_node(
            "If",
            ["c"],
            ["y"],
            then_branch=_graph("t", ["Mul a b p"], [("p", TensorProto.FLOAT)]),
            else_branch=_graph("e", ["Sub a b q"], [("q", TensorProto.FLOAT)]),
        )
        branches = {
            "then_branch": _graph("then", [nested, "Neg a w"], [("y", 1), ("w", 1)]),
            "else_branch": _graph("else", ["Add a b y2", "Abs a w2"], [("y2", 1), ("w2", 1)]),
        }
        around = {**x, "c": np.array(inner)}
        yield Draft([np.array(taken)], branches, 2, around, shows=("a nested branch",))
    pair = {
        "then_branch": _graph("then", ["Identity a y"], [("y", 1)]),
        "else_branch": _graph("else", ["Identity a z", "Neg a w"], [("z", 1), ("w", 1)]),
    }
    around = {"a": x["a"]}
    yield Draft([np.array(True)], pair, 1, around, forbids="branches of one and of two outputs")
    one = {"then_branch": pair["then_branch"]}
    yield Draft([np.array(True)], one, 1, around, forbids="no else branch")


@recipe(
    "Loop",
    features=(
        "no trips",
        "ended by its condition",
        "scanned outputs",
        "several carried",
    ),
)
def loop(task: Task) -> Drafts:
    """By a count, by a condition, by both; what is carried, and what each step puts out."""
    for dtype in task.dtypes("V"):
        kind = helper.np_dtype_to_tensor_dtype(dtype)
        body = _body(["Identity v w", "Identity v s"], [("v", kind)], [("w", kind), ("s", kind)])
        carried = np.arange(6).reshape(2, 3) % 2 == 0
        x = carried if dtype.kind == "b" else task.distinct((2, 3), dtype)
        inputs = [np.array(3, I8), np.array(True), x]
        yield Draft(inputs, {"body": body}, 2, shows=("scanned outputs",))
    step = ["Mul v h w", "Add w i32 u", "Sub u a s"]
    for trips, going in ((4, True), (1, None), (0, True), (3, False), (5, True)):
        cast = helper.make_node("Cast", ["i"], ["i32"], to=TensorProto.FLOAT)
        never = not trips or going is False  # what is scanned then has no shape
        nodes = ["Mul v h w"] if never else [cast, *step]
        body = _body(nodes, [("v", 1)], [("w", 1)] + [("s", 1)] * (not never))
        around = {"h": np.array(0.5, np.float32)}
        around |= {} if never else {"a": task.draw((2, 3), "f4")}
        inputs = [
            np.array(trips, I8),
            None if going is None else np.array(going),
            task.draw((2, 3), "f4"),
        ]
        shows = ("no trips",) if never else ("scanned outputs",)
        yield Draft(inputs, {"body": body}, 1 if never else 2, around, shows=shows)
    both = ("ended by its condition", "several carried")
    for most in (None, np.array(9, I8), np.array(2, I8)):
        nodes = ["Add v one w", "Mul n v m", "Less w limit more"]
        body = _body(
            nodes, [("v", TensorProto.INT64), ("n", TensorProto.INT64)],
            [("w", TensorProto.INT64), ("m", TensorProto.INT64), ("w", TensorProto.INT64)],
            "more",
        )  # fmt: skip
        around = {"one": np.array(1, I8), "limit": np.array(6, I8)}
        inputs = [most, np.array(True), np.array(2, I8), np.array(3, I8)]
        yield Draft(inputs, {"body": body}, 3, around, shows=both)
    body = _body(["Identity v w"], [("v", 1)], [("w", 1)])
    yield Draft(
        [np.array(2, I8), np.array(True)], {"body": body}, forbids="nothing for a carried value"
    )
    yield Draft([np.array(2, I8), np.array(True), task.draw((2,), "f4")], {}, forbids="no body")


def _graph(name: str, nodes: list[Any], outputs: list[tuple[str, int]]) -> Any:
    """A graph of nodes, each written ``Type input... output``."""
    made = []
    for node in nodes:
        if not isinstance(node, str):
            made.append(node)
            continue
        op_type, *inputs, output = node.split(" ")
        made.append(helper.make_node(op_type, inputs, [output]))
    values = [helper.make_tensor_value_info(o, kind, None) for o, kind in outputs]
    return helper.make_graph(made, name, [], values)


def _body(
    nodes: list[Any],
    carried: list[tuple[str, int]],
    outputs: list[tuple[str, int]],
    condition: str = "",
) -> Any:
    body = _graph("body", [*([] if condition else ["Identity c going"]), *nodes], outputs)
    given = [("i", TensorProto.INT64), ("c", TensorProto.BOOL), *carried]
    body.input.extend(
        helper.make_tensor_value_info(name, kind, [] if at < 2 else None)
        for at, (name, kind) in enumerate(given)
    )
    first = helper.make_tensor_value_info(condition or "going", TensorProto.BOOL, [])
    rest = list(body.output)
    del body.output[:]
    body.output.extend([first, *rest])
    return body
