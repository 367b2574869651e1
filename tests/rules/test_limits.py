"""Every limit and policy of a list: what is at it passes, what is one over does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
from onnxguard.policy.allowlist import LIMITS, POLICIES
from onnxguard.policy.derive import derive_allowlist
from onnxguard.scanning.scan import facts_of

RELU = node("Relu")
LOCAL = opset_import("local", 1)
SCALAR = {"input": value("x", dims=[]), "output": value("y", dims=[])}


def scan(folder: Path, rules: str, data: bytes) -> tuple[Finding, ...]:
    return onnxguard.scan_bytes(data, "m.onnx", str(write_list(folder, rules))).findings


def of_nodes(count: int) -> bytes:
    return pb.model(graph(*[RELU] * count))


def of_bytes(size: int) -> bytes:
    """A model of so many bytes: the names of its one node make up what is missing."""
    made = pb.model(graph(node("Relu", name="")))
    return pb.model(graph(node("Relu", name="n" * (size - len(made)))))


def of_expanded_nodes(count: int) -> bytes:
    made = function("F", *[RELU] * count)
    return pb.model(graph(node("F", domain="local")), opset_import=LOCAL, functions=made)


def of_depth(depth: int) -> bytes:
    inner = body(RELU)
    for _ in range(depth - 1):
        inner = body(node("If", "c", attribute=attribute("then_branch", g=inner)))
    return pb.model(graph(RELU if not depth else node("If", attribute=attribute("a", g=inner))))


def of_loops(*counts: int, nested: bool = False) -> bytes:
    inner = body(RELU)
    nodes: list[bytes] = []
    for count in reversed(counts):
        trips = constant(f"m{count}", value_int={"i": count})
        loop = node("Loop", f"m{count} _ x", attribute=attribute("body", g=inner))
        nodes = [trips, loop, *nodes]
        if nested:
            inner, nodes = body(*nodes), [trips, loop]
    return pb.model(graph(RELU, *nodes))


def of_elements(count: int) -> bytes:
    held = tensor(1, [count], "w", raw_data=bytes(4 * count))
    return pb.model(graph(RELU, initializer=held, **SCALAR))


def of_constants(count: int) -> bytes:
    made = [
        constant("s", value_ints={"ints": [1]}),
        constant("t", value_ints={"ints": [count - 1]}),
    ]
    return pb.model(graph(*made, *[node("ConstantOfShape", name) for name in "st"]))


def of_rank(rank: int) -> bytes:
    held = tensor(1, [1] * rank, "w", raw_data=bytes(4))
    return pb.model(graph(RELU, initializer=held, **SCALAR))


def of_op_type(size: int) -> bytes:
    return pb.model(graph(node("R" * size)))


def of_macs(count: int) -> bytes:
    inputs = [value("x", dims=[1, count]), value("w", dims=[count, 1])]
    return pb.model(graph(node("MatMul", "x w"), input=inputs, output=value("y", dims=None)))


def of_activations(size: int) -> bytes:
    """The input, and a copy of it: bytes, half of them each."""
    half = [size // 2]
    return pb.model(graph(RELU, input=value("x", 2, half), output=value("y", 2, half)))


def of_largest(size: int) -> bytes:
    return pb.model(graph(RELU, input=value("x", 2, [size]), output=value("y", 2, [size])))


SIZES: dict[str, tuple[Callable[[int], bytes], int, str]] = {
    "model_bytes": (of_bytes, 120, "OG201"),
    "nodes": (of_nodes, 5, "OG202"),
    "expanded_nodes": (of_expanded_nodes, 5, "OG208"),
    "subgraph_depth": (of_depth, 3, "OG203"),
    "loop_nodes": (lambda count: of_loops(*[1] * count), 3, "OG204"),
    "loop_trip_count": (of_loops, 10, "OG205"),
    "loop_trip_product": (lambda count: of_loops(count, 1, nested=True), 10, "OG207"),
    "tensor_elements": (of_elements, 10, "OG301"),
    "constant_elements": (of_constants, 10, "OG301"),
    "tensor_rank": (of_rank, 4, "OG302"),
    "op_type_bytes": (of_op_type, 6, "OG106"),
    "macs": (of_macs, 12, "OG209"),
    "activation_bytes": (of_activations, 11, "OG210"),
    "largest_tensor": (of_largest, 6, "OG211"),
}
NAMES = "operators: [{names: [RRRRRR, RRRRRRR, ConstantOfShape, MatMul]}]\n"


def test_every_limit_is_tried() -> None:
    assert SIZES.keys() | {"seconds"} == LIMITS.keys()  # tests/scanning/test_budget.py


@pytest.mark.parametrize("name", SIZES)
def test_limit(name: str, tmp_path: Path) -> None:
    make, limit, code = SIZES[name]
    bounded = "loop_trip_count: 100, " if name == "loop_trip_product" else ""
    rules = f"{NAMES}limits: {{{bounded}{name}: {limit}}}\n"
    assert scan(tmp_path, rules, make(limit)) == ()
    assert {f.code for f in scan(tmp_path, rules, make(limit + 1))} == {code}
    unlimited = NAMES + "limits: {op_type_bytes: 1000}\n"
    assert scan(tmp_path, unlimited, make(limit + 1)) == ()


@pytest.mark.parametrize("name", ["subgraph_depth", "loop_nodes", "loop_trip_count"])
def test_limit_of_nothing(name: str, tmp_path: Path) -> None:
    make, _, code = SIZES[name]
    rules = f"limits: {{{name}: 0}}\n"
    assert scan(tmp_path, rules, make(0)) == ()
    assert [finding.code for finding in scan(tmp_path, rules, make(1))] == [code]


@pytest.mark.parametrize(
    ("count", "codes"), [(10, []), (11, ["OG207"]), (100, ["OG207"]), (101, ["OG205"])]
)
def test_loop_within_no_other_is_one_finding(count: int, codes: list[str], tmp_path: Path) -> None:
    rules = "limits: {loop_trip_count: 100, loop_trip_product: 10}\n"
    assert [f.code for f in scan(tmp_path, rules, of_loops(count))] == codes


def test_limit_says_who_set_it(tmp_path: Path) -> None:
    rules = "limits: {nodes: {max: 1, adr: ADR-7, date: 2026-03-04, reason: small}}\n"
    (finding,) = scan(tmp_path, rules, of_nodes(2))
    assert finding.adr == "ADR-7"
    (finding,) = scan(tmp_path, rules.replace("adr: ADR-7, ", ""), of_nodes(2))
    assert finding.adr == "2026-03-04"


def test_large_numbers_are_short(tmp_path: Path) -> None:
    calls = [
        function(
            f"F{n}",
            *[node(f"F{n + 1}", domain="local")] * 2,
            opset_import=[opset_import("", 17), LOCAL],
        )
        for n in range(70)
    ]
    data = pb.model(
        graph(node("F0", domain="local")),
        opset_import=LOCAL,
        functions=[*calls, function("F70", RELU)],
    )
    (finding,) = scan(tmp_path, "limits: {expanded_nodes: 9}\n", data)
    assert finding.message == "the model has about 2**70 nodes after inlining, 9 are allowed"


def sparse(count: int, name: str = "") -> bytes:
    one = tensor(1, [1], name, raw_data=bytes(4))
    return pb.message("SparseTensorProto", values=one, indices=pb.ints(0), dims=[count])


def given(count: int, **more: bytes) -> bytes:
    """A function that makes a Constant of what a call, or its default, gives."""
    value_of = attribute("sparse_value", ref_attr_name="t", type=11)
    made = function("F", node("Constant", "", "y", attribute=value_of), input=[], **more)
    calls = [node("F", "", f"y{n}", domain="local", attribute=tensor_of(count)) for n in range(2)]
    calls = [node("F", "", f"y{n}", domain="local") for n in range(2)] if more else calls
    return pb.model(graph(*calls), opset_import=LOCAL, functions=made)


def tensor_of(count: int, name: str = "t") -> bytes:
    return attribute(name, sparse_tensor=sparse(count))


SPARSE: dict[str, Callable[[int], bytes]] = {
    "initializers": lambda count: pb.model(
        graph(RELU, sparse_initializer=[sparse(count, "v"), sparse(count, "w")])
    ),
    "of a branch": lambda count: pb.model(
        graph(
            node(
                "If",
                attribute=[
                    attribute(f"{n}_branch", g=body(RELU, sparse_initializer=sparse(count, n)))
                    for n in ("then", "else")
                ],
            )
        )
    ),
    "Constants": lambda count: pb.model(
        graph(
            *[node("Constant", "", n, attribute=tensor_of(count, "sparse_value")) for n in "vw"]
        )
    ),
    "given to a function": given,
    "default of a function": lambda count: given(count, attribute_proto=tensor_of(count)),
    "beside others": lambda count: pb.model(
        graph(constant("s", value_ints={"ints": [count]}), node("ConstantOfShape", "s"),
              sparse_initializer=sparse(count, "v"))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_tensors_count_as_the_dense_ones_that_runtimes_make(
    name: str, tmp_path: Path
) -> None:
    rules = NAMES + "limits: {constant_elements: 20}\n"
    assert "OG301" not in {f.code for f in scan(tmp_path, rules, SPARSE[name](10))}
    found = [f for f in scan(tmp_path, rules, SPARSE[name](11)) if f.code == "OG301"]
    assert [f.message for f in found] == ["constants call for 22 elements in all, 20 are allowed"]


# -- opset and IR ranges ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("versions", "opset", "passes"),
    [
        ("7..18", 6, False),
        ("7..18", 7, True),
        ("7..18", 18, True),
        ("7..18", 19, False),
        ("17", 17, True),
        ("17", 16, False),
        ("7..", 999, True),
        ("7..", 0, False),
        ("7..", -1, False),
    ],
)
def test_opset_range(versions: str, opset: int, passes: bool, tmp_path: Path) -> None:
    findings = scan(
        tmp_path, f"opset: {{ai.onnx: {versions}}}\n", pb.model(graph(RELU), opset=opset)
    )
    assert [f.code for f in findings] == ([] if passes else ["OG502"])


def test_opset_range_of_the_default_domain_by_its_other_name(tmp_path: Path) -> None:
    data = pb.model(graph(RELU), opset=None, opset_import=opset_import("ai.onnx", 6))
    assert [f.code for f in scan(tmp_path, 'opset: {"": 7..}\n', data)] == ["OG502"]


def test_opset_range_binds_functions(tmp_path: Path) -> None:
    made = function("F", RELU, opset_import=opset_import("", 19))
    data = pb.model(
        graph(node("F", domain="local")), opset=None, opset_import=LOCAL, functions=made
    )
    (finding,) = scan(tmp_path, "", data)
    assert finding.code == "OG502"
    assert finding.message.startswith("the function local::F imports opset 19 of ai.onnx")
    assert finding.place.route == "function local::F/opset_import"


@pytest.mark.parametrize(("version", "passes"), [(2, False), (3, True), (10, True), (11, False)])
def test_ir_range(version: int, passes: bool, tmp_path: Path) -> None:
    findings = scan(tmp_path, "", pb.model(graph(RELU), ir=version))
    assert [f.code for f in findings] == ([] if passes else ["OG503"])


def test_list_without_ranges_takes_any_version(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("schema: 1\nid: any\noperators: [{name: Relu}]\n")
    for ir, opset in ((1, 1), (99, 999)):
        report = onnxguard.scan_bytes(pb.model(graph(RELU), ir=ir, opset=opset), "m", str(path))
        assert report.findings == ()


# -- policies --------------------------------------------------------------------------------------

EXTERNAL = tensor(1, [1], "w", data_location=1, external_data=pb.entry("location", "w.bin"))
TRAINED = pb.message("TrainingInfoProto", algorithm=graph(RELU))
OF_RUNTIME = pb.model(graph(RELU), functions=function("Relu", RELU, domain="com.microsoft"))
GIVEN_GRAPH = pb.model(
    graph(node("F", domain="local", attribute=attribute("b", g=body(RELU)))),
    opset_import=LOCAL,
    functions=function("F", RELU, attribute=["b"]),
)
HELD: dict[str, tuple[bytes, str]] = {
    "functions": (of_expanded_nodes(1), "OG505"),
    "runtime_functions": (OF_RUNTIME, "OG512"),
    "function_graphs": (GIVEN_GRAPH, "OG514"),
    "training_info": (pb.model(graph(RELU), training_info=TRAINED), "OG504"),
    "external_data": (pb.model(graph(RELU, initializer=EXTERNAL)), "OG401"),
    "unknown_fields": (pb.model(graph(RELU)) + pb.number_field(99, 1), "OG601"),
}


def test_every_policy_is_tried() -> None:
    assert HELD.keys() | {"external_data_links"} == set(POLICIES)  # rule_cases/external.py


@pytest.mark.parametrize("action", ["allow", "warn", "forbid", ""])
@pytest.mark.parametrize("name", HELD)
def test_policy(name: str, action: str, tmp_path: Path) -> None:
    data, code = HELD[name]
    path = tmp_path / "list.yaml"
    text = "schema: 1\nid: mine\noperators: [{name: Relu}]\n"
    others = "functions: allow, " if name in ("runtime_functions", "function_graphs") else ""
    given = f"{name}: {action}" if action else ""
    path.write_text(f"{text}policy: {{{others}{given}}}\n")
    (tmp_path / "w.bin").write_bytes(bytes(4))
    model = tmp_path / "m.onnx"
    model.write_bytes(data)
    findings = onnxguard.scan(model, str(path)).findings
    wanted = {
        "allow": [],
        "warn": [(code, Severity.WARNING)],
        "forbid": [(code, Severity.ERROR)],
        "": [(code, Severity.ERROR)],
    }[action]
    assert [(finding.code, finding.severity) for finding in findings] == wanted


def test_external_data_that_is_allowed_is_still_looked_at(tmp_path: Path) -> None:
    model = tmp_path / "m.onnx"
    model.write_bytes(HELD["external_data"][0])
    policy = str(write_list(tmp_path, "policy: {external_data: allow}\n"))
    assert [f.code for f in onnxguard.scan(model, policy).findings] == ["OG404"]
    (tmp_path / "w.bin").write_bytes(bytes(4))
    assert onnxguard.scan(model, policy).findings == ()
    (in_memory,) = onnxguard.scan_bytes(model.read_bytes(), "m.onnx", policy).findings
    assert in_memory.code == "OG404"
    assert "came without a folder" in in_memory.message


@pytest.mark.parametrize(
    ("policy", "codes"),
    [
        ("report", []),
        ("forbid", ["OG701"]),
        ("{max_bytes: 16}", []),
        ("{max_bytes: 15}", ["OG702"]),
        ("{max_bytes: 0}", ["OG702"]),
    ],
)
def test_constants(policy: str, codes: list[str], tmp_path: Path) -> None:
    scales = constant("s", value_floats={"floats": [1.0, 1.0, 2.0, 2.0]})
    data = pb.model(graph(scales, RELU))
    findings = scan(tmp_path, f"policy: {{constants: {policy}}}\n", data)
    assert [f.code for f in findings] == codes


CONSTANTS: dict[str, tuple[bytes, int]] = {
    "value": (constant("c", value={"t": tensor(7, [3], raw_data=bytes(24))}), 24),
    "value of half bytes": (constant("c", value={"t": tensor(22, [3], raw_data=bytes(2))}), 2),
    "value longer than it says": (
        constant("c", value={"t": tensor(7, [1], raw_data=bytes(64))}),
        64,
    ),
    "value_int": (constant("c", value_int={"i": 1}), 8),
    "value_ints": (constant("c", value_ints={"ints": [1, 2]}), 16),
    "value_float": (constant("c", value_float={"f": 1.0}), 4),
    "value_floats": (constant("c", value_floats={"floats": [1.0, 2.0]}), 8),
    "value_string": (constant("c", value_string={"s": "abc"}), 3),
    "value_strings": (constant("c", value_strings={"strings": ["abc", "de"]}), 5),
    "value_ints of many": (constant("c", value_ints={"ints": [1] * 100}), 800),
    "value_floats of many": (constant("c", value_floats={"floats": [1.0] * 100}), 400),
    "value_string of many": (constant("c", value_string={"s": "a" * 10_000}), 10_000),
    "value_strings of many": (constant("c", value_strings={"strings": ["ab"] * 100}), 200),
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_bytes_of_a_constant(name: str, tmp_path: Path) -> None:
    made, size = CONSTANTS[name]
    data = pb.model(graph(made, RELU))
    for limit, codes in ((size, set[str]()), (size - 1, {"OG702"})):
        rules = f"policy: {{constants: {{max_bytes: {limit}}}}}\n"
        found = {f.code for f in scan(tmp_path, rules, data)} - {"OG303"}
        assert found == codes


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 1000])
@pytest.mark.parametrize("name", ["ints", "floats", "strings"])
def test_shape_of_a_list_constant(name: str, count: int) -> None:
    items: list[object] = [{"ints": 1, "floats": 1.0, "strings": "a"}[name]] * count
    kind = {"ints": 7, "floats": 6, "strings": 8}[name]
    made = constant("c", **{f"value_{name}": {name: items, "type": kind}})
    (found,) = facts_of(pb.model(graph(made))).constants
    assert found.shape == (count,)


@pytest.mark.parametrize(
    ("rule", "dtype", "passes"),
    [
        ("in: [float32]", 1, True),
        ("in: [float32]", 10, False),
        ("not_in: [float64]", 11, False),
        ("not_in: [float64]", 1, True),
        ("in: [int8, uint8], not_in: [uint8]", 3, True),
        ("in: [int8, uint8], not_in: [uint8]", 2, False),
    ],
)
def test_dtypes_of_the_list(rule: str, dtype: int, passes: bool, tmp_path: Path) -> None:
    data = pb.model(graph(RELU, input=value("x", dtype), output=value("y", dtype)))
    findings = scan(tmp_path, f"dtypes: {{{rule}}}\n", data)
    assert [finding.code for finding in findings] == ([] if passes else ["OG306"])


def of_map(keys: int, around: str = "") -> bytes:
    """A model that is given a map to float32, or a sequence of them."""
    of_float = pb.message("TypeProto", tensor_type=pb.message("TypeProto.Tensor", elem_type=1))
    kind = pb.message("TypeProto.Map", key_type=keys, value_type=of_float)
    made = pb.message("TypeProto", map_type=kind)
    if around:
        made = pb.message("TypeProto", **{around: pb.bytes_field(1, made)})
    given = pb.message("ValueInfoProto", name="m", type=made)
    return pb.model(graph(RELU, input=[value("x"), given]))


@pytest.mark.parametrize("around", ["", "sequence_type", "optional_type"])
@pytest.mark.parametrize(("keys", "passes"), [(8, False), (7, True)])
def test_keys_of_a_map_are_values_too(keys: int, passes: bool, around: str, tmp_path: Path) -> None:
    data = of_map(keys, around)
    found = [f.message for f in scan(tmp_path, "dtypes: {not_in: [string]}\n", data)]
    assert found == ([] if passes else ["string values, allowed is anything but string"])
    (tmp_path / "m.onnx").write_bytes(data)
    derived = tmp_path / "derived.yaml"
    derived.write_text(derive_allowlist([("m.onnx", facts_of(data))], "derived"))
    assert onnxguard.scan(tmp_path / "m.onnx", str(derived)).findings == ()


def test_list_constant_counts_the_values_of_its_own_field() -> None:
    """The attribute is odd (OG111), but what it is read as is what onnx reads."""
    odd = attribute("value_strings", type=8, strings=["a"], ints=[98])
    (constant,) = facts_of(pb.model(graph(node("Constant", "", "w", attribute=odd)))).constants
    assert (constant.dtype, constant.shape) == ("string", (1,))
