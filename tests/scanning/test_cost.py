"""No step of a scan is quadratic: a model of twice the size takes about twice the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import protobuf as pb
from support.lists import make_list
from support.protobuf import attribute, body, constant, function, graph, node, opset_import, value

import onnxguard
from onnxguard import Allowlist

LOCAL = opset_import("local", 1)
CHAIN = {"input": value("t0"), "output": value("y")}


def expands_of_one_name(count: int) -> bytes:
    made = [node("Expand", f"t{n} s", f"t{n + 1}") for n in range(count)]
    doubled = [node("Relu", "t0", "twice"), node("Relu", "t0", "twice")]
    return pb.model(graph(constant("s", value_ints={"ints": [1, 2]}), *made, *doubled, **CHAIN))


def readers_of_a_doubled_name(count: int) -> bytes:
    shapes = [constant("s", value_ints={"ints": [1]}) for _ in range(count)]
    made = [node("Expand", f"t{n} s", f"t{n + 1}") for n in range(count)]
    return pb.model(graph(*shapes, *made, **CHAIN))


def opset_imports(count: int) -> bytes:
    imports = [opset_import(f"d{n}", 1) for n in range(count)]
    made = [node("Relu", f"t{n}", f"t{n + 1}") for n in range(count)]
    return pb.model(graph(*made, **CHAIN), opset_import=imports)


def imports_of_functions(count: int) -> bytes:
    imports = [opset_import(f"d{n}", 1) for n in range(count)]
    made = [function(f"F{n}", node("Relu")) for n in range(count)]
    calls = [node(f"F{n}", domain="local") for n in range(count)]
    return pb.model(graph(*calls), opset_import=[LOCAL, *imports], functions=made)


def declared_dtypes(count: int) -> bytes:
    made = [node("Relu", f"t{n}", f"t{n + 1}") for n in range(count)]
    values = [value(f"t{n}") for n in range(count + 1)]
    return pb.model(graph(*made, value_info=values, input=value("t0"), output=value("y")))


def inputs(count: int) -> bytes:
    shape = constant("s", value_ints={"ints": [2]})
    made = [node("Tile", f"t{n} s", f"u{n}") for n in range(count)]
    return pb.model(graph(shape, *made, input=[value(f"t{n}") for n in range(count)]))


def calls_that_differ(count: int) -> bytes:
    made = function("F", node("Relu"), attribute=["k"])
    calls = [node("F", domain="local", attribute=attribute("k", i=n)) for n in range(count)]
    return pb.model(graph(*calls), opset_import=LOCAL, functions=made)


def functions_in_a_row(count: int) -> bytes:
    imports = [opset_import("", 17), LOCAL]
    made = [
        function(f"F{n}", node(f"F{n + 1}", domain="local"), opset_import=imports)
        for n in range(count)
    ]
    last = function(f"F{count}", node("Relu"))
    return pb.model(graph(node("F0", domain="local")), opset_import=LOCAL, functions=[*made, last])


def branches(count: int) -> bytes:
    inner = body(node("Relu", "t0", "z"), output=[value("z")])
    made = [
        node("If", "c", f"t{n + 1}", attribute=attribute("then_branch", g=inner))
        for n in range(count)
    ]
    return pb.model(graph(*made, **CHAIN))


def shape_over_many_nodes(count: int) -> bytes:
    one = constant("s0", value_ints={"ints": [1]})
    adds = [node("Mul", f"s{n} s0", f"s{n + 1}") for n in range(count)]
    made = [node("Expand", f"t{n} s{n}", f"t{n + 1}") for n in range(count)]
    return pb.model(graph(one, *adds, *made, **CHAIN))


MODELS: dict[str, Callable[[int], bytes]] = {
    made.__name__: made
    for made in (
        expands_of_one_name,
        readers_of_a_doubled_name,
        opset_imports,
        imports_of_functions,
        declared_dtypes,
        inputs,
        calls_that_differ,
        functions_in_a_row,
        branches,
        shape_over_many_nodes,
    )
}
RULES = """\
operators:
  - {name: Relu, dtypes: {in: [float32]}}
  - {names: [Expand, Tile, Mul], constant_inputs: ["1"]}
"""


def seconds(data: bytes, policy: Allowlist) -> float:
    started = time.process_time()
    onnxguard.scan_bytes(data, "m.onnx", policy)
    return time.process_time() - started


@pytest.mark.parametrize("name", MODELS)
def test_cost_grows_with_the_model(name: str, tmp_path: Path) -> None:
    """Eight times the size takes 8 times as long, 64 times where a step is quadratic."""
    policy = make_list(tmp_path, RULES)
    small = min(seconds(MODELS[name](500 + n), policy) for n in range(3))
    large = min(seconds(MODELS[name](4000 + n), policy) for n in range(2))
    assert large < 32 * max(small, 0.005)
