"""What is computed of constants is what ONNX Runtime computes, in every dtype."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions

from onnxguard.model.reading import read_model
from onnxguard.model.scopes import Scopes

DTYPES = {6: "int32", 7: "int64", 13: "uint64", 1: "float32", 11: "float64"}
"""In which ONNX Runtime adds and multiplies."""
CASTS = {**DTYPES, 2: "uint8", 3: "int8", 5: "int16", 9: "bool", 10: "float16", 12: "uint32"}
EDGES = [0, 1, 2, 3, 127, 255, 46_341, (1 << 24) + 1, (1 << 31) - 1, 1 << 32, (1 << 53) + 1]
NUMBERS = st.sampled_from([sign * edge for edge in EDGES for sign in (1, -1)])
STEPS = st.lists(st.tuples(st.sampled_from(["Add", "Sub", "Mul"]), NUMBERS) | st.sampled_from(
    sorted(CASTS)), min_size=1, max_size=6)  # fmt: skip


def chain(start: list[int], dtype: int, steps: list[tuple[str, int] | int]) -> onnx.ModelProto:
    """A model that casts and computes with a constant; what it cannot compute with, it casts."""
    nodes, held = [], [numpy_helper.from_array(cut(start, dtype), "v0")]
    for at, step in enumerate(steps):
        source, made = f"v{at}", f"v{at + 1}"
        if isinstance(step, int):
            dtype = step
            nodes.append(helper.make_node("Cast", [source], [made], to=dtype))
        elif dtype in DTYPES:
            held.append(numpy_helper.from_array(cut([step[1]], dtype), f"k{at}"))
            nodes.append(helper.make_node(step[0], [source, f"k{at}"], [made]))
        else:
            nodes.append(helper.make_node("Identity", [source], [made]))
    result = helper.make_tensor_value_info(f"v{len(steps)}", dtype, [len(start)])
    graph = helper.make_graph(nodes, "g", [], [result], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def cut(numbers: list[int], dtype: int) -> np.ndarray:
    wide = np.array(numbers, "int64")
    return wide.astype(CASTS[dtype])


@given(st.lists(NUMBERS, min_size=1, max_size=3), st.sampled_from(sorted(DTYPES)), STEPS)
def test_numbers_are_those_that_onnx_runtime_computes(
    start: list[int], dtype: int, steps: list[tuple[str, int] | int]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = chain(start, dtype, steps)
    model = read_model(made.SerializeToString())
    found = Scopes(model).static(model.graph, f"v{len(steps)}".encode(), fold=True)
    if found.values is None:
        assert found.hidden
        assert "beyond what its dtype holds" in found.source
        return
    options = SessionOptions()
    options.log_severity_level = 4
    session = InferenceSession(made.SerializeToString(), options, ["CPUExecutionProvider"])
    (wanted,) = session.run(None, {})
    assert np.array_equal(np.array(found.values, wanted.dtype), wanted, equal_nan=True)
    assert all(
        type(value) is (float if wanted.dtype.kind == "f" else int) for value in found.values
    )


def statics(nodes: list[onnx.NodeProto], **held: np.ndarray) -> Scopes:
    x = helper.make_tensor_value_info("x", 7, [1])
    stored = [numpy_helper.from_array(value, name) for name, value in held.items()]
    graph = helper.make_graph(nodes, "g", [x], [x], stored)
    return Scopes(read_model(helper.make_model(graph).SerializeToString()))


TWO = np.array([2], "int64")
THEN = helper.make_graph(
    [helper.make_node("Identity", ["x"], ["t"])],
    "t",
    [],
    [helper.make_tensor_value_info("t", 7, [1])],
)
ELSE = helper.make_graph(
    [helper.make_node("Identity", ["two"], ["e"])],
    "e",
    [],
    [helper.make_tensor_value_info("e", 7, [1])],
)
HIDDEN = {
    "not followed": ([helper.make_node("Pow", ["two", "two"], ["v"])], "the output of Pow"),
    "further on": (
        [
            helper.make_node("Pow", ["two", "two"], ["p"]),
            helper.make_node("Add", ["p", "two"], ["v"]),
        ],
        "the output of Pow",
    ),
    "no inputs": (
        [helper.make_node("RandomNormal", [], ["v"], shape=[1])],
        "the output of RandomNormal",
    ),
    "another dtype": (
        [helper.make_node("Cast", ["two"], ["v"], to=TensorProto.BFLOAT16)],
        "the output of Cast",
    ),
    "many": ([helper.make_node("Concat", ["two"] * 65, ["v"], axis=0)], "more than 64 numbers"),
    "a list": ([helper.make_node("Constant", [], ["v"], value_ints=[1] * 65)], "more than 64"),
    "a branch": (
        [helper.make_node("If", ["yes"], ["v"], then_branch=ELSE, else_branch=ELSE)],
        "the output of If",
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_constant_that_is_not_followed_is_one_all_the_same(name: str) -> None:
    nodes, why = HIDDEN[name]
    scopes = statics(nodes, two=TWO, yes=np.array([True]))
    found = scopes.static(scopes.model.graph, b"v", fold=True)
    assert (found.values, found.hidden) == (None, True)
    assert why in found.source


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("Pow", ["two", "x"], ["v"]),
        helper.make_node("If", ["yes"], ["v"], then_branch=THEN, else_branch=ELSE),
    ],
)
def test_what_an_input_has_a_say_in_is_no_constant(node: onnx.NodeProto) -> None:
    scopes = statics([node], two=TWO, yes=np.array([True]))
    assert not scopes.static(scopes.model.graph, b"v", fold=True).is_constant


def test_number_in_the_dtype_of_an_input_is_the_same_number() -> None:
    for number, wanted in ((2, (2,)), (1 << 31, None)):
        node = helper.make_node("CastLike", ["two", "x"], ["v"])
        scopes = statics([node], two=np.array([number], "int64"))
        found = scopes.static(scopes.model.graph, b"v", fold=True)
        assert (found.values, found.hidden) == (wanted, wanted is None)


def test_default_of_an_input_is_a_size_but_no_trip_count() -> None:
    scopes = statics([helper.make_node("Add", ["x", "x"], ["v"])], x=TWO)
    graph = scopes.model.graph
    assert scopes.static(graph, b"x").values is None
    found = scopes.static(graph, b"v", fold=True)
    assert (found.values, found.loose) == ((4,), True)


class Programs:
    """Draws chains of operators that move small constants about, each with what it reads."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.nodes: list[onnx.NodeProto] = []
        self.held: dict[str, np.ndarray] = {}

    def stored(self, value: list[int] | np.ndarray, dtype: str = "int64") -> str:
        name = f"c{len(self.held)}"
        self.held[name] = np.asarray(value, dtype)
        return name

    def small(self) -> int:
        return self.draw(st.integers(-2, 3))

    def value(self) -> str:
        """A value that is there already, or a new one."""
        made = [node.output[0] for node in self.nodes]
        if made and self.draw(st.booleans()):
            return self.draw(st.sampled_from(made))
        dims = self.draw(st.sampled_from([(), (1,), (2,), (3,), (2, 3), (1, 2), (2, 1, 3), (0,)]))
        size = int(np.prod(dims))
        numbers = self.draw(st.lists(st.integers(-3, 4), min_size=size, max_size=size))
        return self.stored(np.reshape(numbers, dims))

    def condition(self) -> str:
        made = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node("Equal", [self.value(), self.value()], [made]))
        return made

    def step(self) -> None:
        op_type = self.draw(st.sampled_from(sorted(FOLLOWED)))
        inputs, attributes = FOLLOWED[op_type](self)
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [name], **attributes))


def of_list(program: Programs, length: int = 2) -> str:
    numbers = program.draw(st.lists(st.integers(-2, 3), min_size=1, max_size=length))
    return program.stored(numbers)


FOLLOWED: dict[str, Callable[[Programs], tuple[list[str], dict[str, Any]]]] = {
    **{
        name: lambda p: ([p.value(), p.value()], {})
        for name in ("Add", "Sub", "Mul", "Div", "Mod", "Min", "Max", "Expand")
    },
    **{name: lambda p: ([p.value()], {}) for name in ("Identity", "Abs", "Neg", "Shape", "Size")},
    **{
        name: lambda p: ([p.value()], {"keepdims": p.draw(st.sampled_from([0, 1]))})
        for name in ("ReduceMax", "ReduceMin", "ReduceProd")
    },
    "ReduceSum": lambda p: ([p.value(), *([p.stored([0])] * p.draw(st.booleans()))], {}),
    "Cast": lambda p: ([p.value()], {"to": 7}),
    "CastLike": lambda p: ([p.value(), p.value()], {}),
    "Concat": lambda p: ([p.value(), p.value()], {"axis": p.small()}),
    "ConstantOfShape": lambda p: (
        [p.value()],
        {"value": helper.make_tensor("v", 7, [1], [p.small()])},
    ),
    "Flatten": lambda p: ([p.value()], {"axis": p.small()}),
    "Gather": lambda p: ([p.value(), p.value()], {"axis": p.small()}),
    "Range": lambda p: ([p.stored(p.small()), p.stored(p.small()), p.stored(p.small())], {}),
    "Reshape": lambda p: ([p.value(), of_list(p)], {"allowzero": p.draw(st.sampled_from([0, 1]))}),
    "Slice": lambda p: (
        [p.value(), *(p.stored([p.small()]) for _ in range(p.draw(st.integers(2, 4))))],
        {},
    ),
    "Squeeze": lambda p: ([p.value(), *([of_list(p)] * p.draw(st.booleans()))], {}),
    "Transpose": lambda p: (
        [p.value()],
        p.draw(st.sampled_from([{}, {"perm": [1, 0]}, {"perm": [2, 0, 1]}])),
    ),
    "Unsqueeze": lambda p: ([p.value(), of_list(p)], {}),
    "Where": lambda p: ([p.condition(), p.value(), p.value()], {}),
}


@given(st.data())
def test_values_lie_where_onnx_runtime_puts_them(data: st.DataObject) -> None:
    """Node by node: those that ONNX Runtime does not run are left out."""
    program = Programs(data.draw)
    options = SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    for _ in range(data.draw(st.integers(1, 6))):
        before = len(program.nodes)
        program.step()
        stored = [numpy_helper.from_array(v, name) for name, v in program.held.items()]
        outputs = [onnx.ValueInfoProto(name=program.nodes[-1].output[0])]
        graph = helper.make_graph(program.nodes, "g", [], outputs, stored)
        opset = helper.make_opsetid("", 18)
        made = helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
        model = read_model(made)
        found = Scopes(model).static(model.graph, outputs[0].name.encode(), fold=True)
        assert found.is_constant
        try:
            (wanted,) = InferenceSession(made, options, ["CPUExecutionProvider"]).run(None, {})
        except Exception:  # noqa: BLE001 - not valid, or a division by zero
            del program.nodes[before:]
            continue
        if found.values is None:
            del program.nodes[before:]
            continue
        assert found.values == tuple(wanted.ravel().tolist())
        if found.dims is not None:
            assert found.dims == wanted.shape
