"""A Loop's trip count is read from every form that ONNX allows, and from nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import protobuf as pb
from support.lists import write_list
from support.protobuf import (
    attribute,
    body,
    constant,
    field,
    function,
    graph,
    node,
    number_field,
    value,
)

import onnxguard
from onnxguard.model.expansion import LARGEST
from onnxguard.model.facts import Loop
from onnxguard.scanning.scan import facts_of

INT32, INT64, FLOAT = 6, 7, 1
KEEP = body(node("Identity", "keep", "go"))
LOCAL = pb.opset_import("local", 1)


def loop(trips: str = "m", inner: bytes = KEEP) -> bytes:
    return node("Loop", f"{trips} _ x", attribute=attribute("body", g=inner))


def branch(inner: bytes) -> bytes:
    return node("If", "c", attribute=attribute("then_branch", g=inner))


def trips(count: int, output: str = "m") -> bytes:
    return constant(output, value_int={"i": count})


def sparse(values: bytes, dims: tuple[int, ...] = (1,)) -> bytes:
    parts = {"values": values, "indices": pb.ints(0)}
    return pb.message("SparseTensorProto", dims=list(dims), **parts)


def loops(*nodes: bytes, functions: tuple[bytes, ...] = (), **more: Any) -> tuple[Loop, ...]:
    model = pb.model(graph(*nodes, **more), opset_import=LOCAL, functions=list(functions))
    return facts_of(model).loops


RAW = pb.scalar(7, "m")
ONE = pb.ints(7, name="m")
PACKED = pb.tensor(INT64, [1], "m", int64_data=pb.varint(7))
UNPACKED = pb.tensor(INT64, [1], "m") + number_field(7, 7)
CONSTANT_FORMS: dict[str, dict[str, Any]] = {
    "value, rank 0": {"value": {"t": RAW}},
    "value, rank 1": {"value": {"t": ONE}},
    "value, int64_data": {"value": {"t": PACKED}},
    "value, int64_data unpacked": {"value": {"t": UNPACKED}},
    "value_int": {"value_int": {"i": 7}},
    "value_ints": {"value_ints": {"ints": [7]}},
    "sparse_value": {"sparse_value": {"sparse_tensor": sparse(pb.ints(7))}},
}


@pytest.mark.parametrize("form", CONSTANT_FORMS)
def test_constant_node(form: str) -> None:
    (found,) = loops(constant("m", **CONSTANT_FORMS[form]), loop())
    assert (found.trip_count, found.source, found.product) == (7, "Constant", 7)
    assert found.place.route == "graph/node 1"


INITIALIZERS: dict[str, dict[str, Any]] = {
    "raw_data, rank 0": {"initializer": RAW},
    "raw_data, rank 1": {"initializer": ONE},
    "int64_data": {"initializer": PACKED},
    "int64_data unpacked": {"initializer": UNPACKED},
    "sparse": {"sparse_initializer": sparse(pb.ints(7, name="m"))},
}


@pytest.mark.parametrize("form", INITIALIZERS)
def test_initializer(form: str) -> None:
    (found,) = loops(loop(), **INITIALIZERS[form])
    assert (found.trip_count, found.source) == (7, "initializer")


def test_sparse_constant_without_values_is_zero() -> None:
    empty = sparse(pb.tensor(INT64, [0], raw_data=b""))
    (found,) = loops(constant("m", sparse_value={"sparse_tensor": empty}), loop())
    assert found.trip_count == 0


@pytest.mark.parametrize("count", [0, 1, -1, (1 << 63) - 1, -(1 << 63)])
@pytest.mark.parametrize("form", ["value_int", "value_ints", "raw", "int64_data"])
def test_whole_range_of_int64(form: str, count: int) -> None:
    made = {
        "value_int": trips(count),
        "value_ints": constant("m", value_ints={"ints": [count]}),
        "raw": constant("m", value={"t": pb.scalar(count)}),
        "int64_data": constant("m", value={"t": pb.tensor(INT64, [], int64_data=pb.varint(count))}),
    }[form]
    (found,) = loops(made, loop())
    assert found.trip_count == count
    assert found.product == max(count, 0)


SCOPES: dict[str, tuple[tuple[bytes, ...], dict[str, Any]]] = {
    "of the graph around a branch": ((trips(7), branch(body(loop()))), {}),
    "of the branch itself": ((branch(body(trips(7), loop())),), {}),
    "of the branch, which hides the outer one": (
        (trips(8), branch(body(trips(7), loop()))),
        {},
    ),
    "initializer of the branch": ((trips(8), branch(body(loop(), initializer=RAW))), {}),
    "initializer around a branch": ((branch(body(loop())),), {"initializer": RAW}),
    "two levels out": ((trips(7), branch(body(branch(body(loop()))))), {}),
    "function of its own": ((), {"functions": (function("F", trips(7), loop()),)}),
    "branch in a function": (
        (trips(8),),
        {"functions": (function("F", trips(7), branch(body(loop()))),)},
    ),
    "default of a function's attribute": (
        (),
        {"functions": (function("F", attribute_proto=attribute("a", g=body(trips(7), loop()))),)},
    ),
}


@pytest.mark.parametrize("name", SCOPES)
def test_name_is_looked_up_from_the_inside_out(name: str) -> None:
    nodes, more = SCOPES[name]
    (found,) = loops(*nodes, **more)
    assert found.trip_count == 7


def test_branch_in_a_loop_in_a_function() -> None:
    inner = body(branch(body(loop())))
    made = function("F", trips(7), trips(3, "n"), loop("n", inner))
    outer, found = loops(node("F", domain="local"), trips(8), functions=(made,))
    assert (outer.trip_count, outer.product) == (3, 3)
    assert (found.trip_count, found.product) == (7, 21)
    assert found.place.route == "function local::F/Loop_2.body/If_0.then_branch/node 0"


SMALL_M = value("m", INT64, [])
NOT_STATIC: dict[str, tuple[tuple[bytes, ...], dict[str, Any], str]] = {
    "omitted": ((trips(7), loop("_")), {}, "omitted"),
    "no inputs": (
        (trips(7), node("Loop", "", attribute=attribute("body", g=KEEP))),
        {},
        "omitted",
    ),
    "decoy with an empty name": ((trips(7, "_"), loop("_")), {}, "omitted"),
    "nothing of that name": ((trips(7, "n"), loop()), {}, "undefined"),
    "input": ((loop(),), {"input": [SMALL_M]}, "an input of the graph"),
    "initializer that is an input": (
        (loop(),),
        {"input": [SMALL_M], "initializer": RAW},
        "an initializer that is an input: the caller may replace it",
    ),
    "input of the body": (
        (trips(7), loop("m", body(loop(), input=[SMALL_M]))),
        {},
        "an input of the graph",
    ),
    "input of a function": (
        (trips(7),),
        {"functions": (function("F", loop(), input=["m"]),)},
        "an input of the graph",
    ),
    "value of the caller's graph": (
        (trips(7),),
        {"functions": (function("F", loop()),)},
        "undefined",
    ),
    "value of another branch": (
        (
            node(
                "If",
                "c",
                attribute=[
                    attribute("then_branch", g=body(trips(7))),
                    attribute("else_branch", g=body(loop())),
                ],
            ),
        ),
        {},
        "undefined",
    ),
    "computed": ((trips(7, "n"), node("Identity", "n", "m"), loop()), {}, "the output of Identity"),
    "Constant of another domain": (
        (
            node("Constant", "", "m", domain="local", attribute=attribute("value_int", i=7)),
            loop(),
        ),
        {},
        "the output of local::Constant",
    ),
    "two nodes": ((trips(7), trips(7), loop()), {}, "defined 2 times"),
    "node and initializer": ((trips(7), loop()), {"initializer": RAW}, "defined 2 times"),
    "two initializers": ((loop(),), {"initializer": [RAW, ONE]}, "defined 2 times"),
    "node with the name twice": (
        (node("Constant", "", "m m", attribute=attribute("value_int", i=7)), loop()),
        {},
        "defined 2 times",
    ),
    "two attributes": (
        (constant("m", value_int={"i": 7}, value_ints={"ints": [7]}), loop()),
        {},
        "a Constant with 2 values",
    ),
    "no attribute": ((constant("m"), loop()), {}, "a Constant with 0 values"),
    "set by the caller": (
        (),
        {
            "functions": (
                function(
                    "F",
                    node(
                        "Constant",
                        "",
                        "m",
                        attribute=attribute("value_int", type=2, ref_attr_name="a"),
                    ),
                    loop(),
                ),
            )
        },
        "a Constant set by the caller of the function",
    ),
    "float": ((constant("m", value_float={"f": 7.0}), loop()), {}, "not of integers"),
    "float tensor": (
        (loop(),),
        {"initializer": pb.tensor(FLOAT, [], "m", float_data=7.0)},
        "initializer of float32",
    ),
    "int32": (
        (loop(),),
        {"initializer": pb.tensor(INT32, [], "m", int32_data=pb.varint(7))},
        "initializer that is not one int64",
    ),
    "two numbers": ((constant("m", value_ints={"ints": [7, 7]}), loop()), {}, "not one int64"),
    "no number": ((constant("m", value_ints={"ints": []}), loop()), {}, "not one int64"),
    "values given twice": (
        (loop(),),
        {"initializer": PACKED + field("TensorProto", "raw_data", bytes(8))},
        "initializer whose values are given twice",
    ),
    "values that are missing": (
        (loop(),),
        {"initializer": pb.tensor(INT64, [], "m")},
        "initializer with 0 values for 1",
    ),
    "values in another file": (
        (loop(),),
        {"initializer": pb.tensor(INT64, [], "m", data_location=1)},
        "initializer with its values in another file",
    ),
    "too many elements": (
        (loop(),),
        {"initializer": pb.ints(*[7] * 65, name="m")},
        "initializer of more than 64 numbers",
    ),
    "sparse tensor of two elements": (
        (constant("m", sparse_value={"sparse_tensor": sparse(pb.ints(7), (2,))}), loop()),
        {},
        "Constant that is not one int64",
    ),
    "sparse tensor of two dimensions": (
        (constant("m", sparse_value={"sparse_tensor": sparse(pb.ints(7), (1, 1))}), loop()),
        {},
        "a sparse tensor that is not a short list",
    ),
}


@pytest.mark.parametrize("name", NOT_STATIC)
def test_what_is_not_static_is_refused_with_its_reason(name: str, tmp_path: Path) -> None:
    nodes, more, why = NOT_STATIC[name]
    found = loops(*nodes, **more)[-1]
    assert (found.trip_count, found.product) == (None, None)
    assert why in found.source
    functions = more.get("functions", ())
    rest = {key: item for key, item in more.items() if key != "functions"}
    model = pb.model(graph(*nodes, **rest), opset_import=LOCAL, functions=functions)
    policy = write_list(tmp_path, "limits: {loop_trip_count: 1024}\n")
    findings = onnxguard.scan_bytes(model, "m.onnx", str(policy)).findings
    (unbounded,) = [f for f in findings if f.code == "OG206"]
    assert unbounded.message == f"a Loop has no static trip count: {found.source}"
    assert unbounded.place == found.place


# -- products of counts ----------------------------------------------------------------------------


def nested(*counts: int) -> bytes:
    """Loops of these counts, the first the outermost."""
    inner = KEEP
    for count in reversed(counts[1:]):
        inner = body(trips(count), loop(inner=inner))
    return pb.model(graph(trips(counts[0]), loop(inner=inner)))


@pytest.mark.parametrize(
    ("counts", "products"),
    [
        ((3, 4, 5), (3, 12, 60)),
        ((3, 0, 5), (3, 0, 0)),
        ((3, -4), (3, 0)),
        ((1024,) * 4, (2**10, 2**20, 2**30, 2**40)),
        ((2**40, 2**40, 2), (2**40, LARGEST, LARGEST)),
    ],
)
def test_counts_multiply_where_loops_nest(
    counts: tuple[int, ...], products: tuple[int, ...]
) -> None:
    assert tuple(found.product for found in facts_of(nested(*counts)).loops) == products


def test_product_is_unknown_below_an_unbounded_loop() -> None:
    outer, inner = loops(loop("_", body(trips(5), loop())))
    assert (outer.product, inner.trip_count, inner.product) == (None, 5, None)


def test_loops_side_by_side_do_not_multiply() -> None:
    found = loops(trips(10), loop(), loop(inner=body(loop(), loop())), loop())
    assert [each.product for each in found] == [10, 10, 10, 100, 100]
