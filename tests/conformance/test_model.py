"""``conform MODEL``: each kind of node alone, against onnx.reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import make_models
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import deadly

from onnxguard.base.errors import ModelError, OnnxguardError, UsageError
from onnxguard.conformance import (
    Conclusion,
    Conformance,
    Evidence,
    Outcome,
    bounds,
    conform_model,
    trial,
)
from onnxguard.conformance import model as conform
from onnxguard.conformance.evaluators import prepare, run_reference
from onnxguard.conformance.nodes import find_nodes, kind_of
from onnxguard.conformance.record import OperatorRecord


def operators(result: Conformance, name: str) -> list[OperatorRecord]:
    return [record for record in result.operators if record.op_type == name]


def only(result: Conformance, name: str) -> OperatorRecord:
    (record,) = operators(result, name)
    return record


def value(name: str, dtype: int = TensorProto.FLOAT, shape: Any = (2, 3)) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def save(
    folder: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[str],
    **rest: Any,
) -> str:
    """A model at opset 17 whose outputs have no declared type where that can be left out."""
    rest.setdefault("opset_imports", [helper.make_opsetid("", 17)])
    graph = helper.make_graph(
        nodes,
        "graph",
        inputs,
        [value(name, rest.pop("dtype", TensorProto.FLOAT), None) for name in outputs],
        [numpy_helper.from_array(a, n) for n, a in rest.pop("initializers", {}).items()],
    )
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, ir_version=8, **rest), path)
    return str(path)


# -- what is found --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saliency_v2() -> Conformance:
    return conform_model(make_models.FOLDER / "saliency_v2.onnx")


def test_every_kind_of_node_has_a_record(saliency_v2: Conformance) -> None:
    assert saliency_v2.conclusion is Conclusion.PASS
    assert saliency_v2.count_of(Evidence.PROVEN) == len(saliency_v2.operators) == 9
    assert sum(record.nodes for record in saliency_v2.operators) == 37
    assert len(operators(saliency_v2, "Conv")) == 3
    resize = only(saliency_v2, "Resize")
    assert (resize.version, resize.nodes, len(resize.cases), resize.exact) == (13, 3, 1, 0)
    assert "mode=linear" in resize.variant
    assert [case.name for case in resize.cases] == ['graph/node 18 "/up3/Resize"']
    assert saliency_v2.inputs == (("input", (1, 3, 64, 96)),)
    assert len(saliency_v2.sha256) == 64


def test_differences_are_those_of_float32(saliency_v2: Conformance) -> None:
    worst = [record.worst for record in operators(saliency_v2, "Conv")]
    assert all(difference is not None and difference < 1e-5 for difference in worst)
    assert any(difference for difference in worst)  # on some processors one of them is exact


@pytest.mark.parametrize("name", ["external", "int8", "looping", "saliency_v1"])
def test_the_other_models_pass(name: str) -> None:
    result = conform_model(make_models.FOLDER / f"{name}.onnx")
    assert result.conclusion is Conclusion.PASS
    assert result.count_of(Evidence.PROVEN) > 1
    unproven = {r.op_type for r in result.operators if r.evidence is not Evidence.PROVEN}
    assert unproven == ({"Identity"} if name == "looping" else set())
    assert result.whole is not None
    assert result.whole.outcome is Outcome.PASSED


def test_nodes_in_subgraphs_are_cut_where_they_can_be() -> None:
    """Where their inputs are computed there as well, inputs of that shape are generated."""
    result = conform_model(make_models.FOLDER / "looping.onnx")
    assert only(result, "Neg").evidence is Evidence.PROVEN
    assert only(result, "Loop").evidence is Evidence.PROVEN
    assert only(result, "Mul").evidence is Evidence.PROVEN  # of the loop's body
    condition = operators(result, "Identity")[0]
    assert (condition.variant, condition.evidence) == ("(bool 0d)", Evidence.UNPROVEN)
    assert "on generated inputs: its outputs are zero everywhere" in condition.reason
    assert result._replace(require_proven=True).exit_code == 1


def test_the_same_seed_gives_the_same_figures(saliency_v2: Conformance) -> None:
    path = make_models.FOLDER / "saliency_v2.onnx"
    assert conform_model(path)._replace(seconds=0) == saliency_v2._replace(seconds=0)
    other = conform_model(path, seed=1)
    assert [r.worst for r in other.operators] != [r.worst for r in saliency_v2.operators]


def test_progress_is_told(saliency_v2: Conformance) -> None:
    told: list[tuple[int, int]] = []
    path = make_models.FOLDER / "saliency_v2.onnx"
    conform_model(path, progress=lambda done, total: told.append((done, total)))
    assert told == [
        (done, 10) for done in range(1, len(saliency_v2.operators) + 2)
    ]  # and the whole


def test_functions_are_inlined(tmp_path: Path) -> None:
    body = [helper.make_node("Abs", ["a"], ["b"]), helper.make_node("Sqrt", ["b"], ["c"])]
    opset = helper.make_opsetid("", 17)
    function = helper.make_function("local", "Root", ["a"], ["c"], body, [opset])
    path = save(
        tmp_path,
        [helper.make_node("Root", ["x"], ["y"], domain="local")],
        [value("x")],
        ["y"],
        functions=[function],
        opset_imports=[opset, helper.make_opsetid("local", 1)],
    )
    result = conform_model(path)
    assert [record.op_type for record in result.operators] == ["Abs", "Sqrt"]
    assert result.count_of(Evidence.PROVEN) == 2


def test_kinds_differ_in_attributes_dtypes_and_arity(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Clip", ["x", "low"], ["a"]),
        helper.make_node("Clip", ["a", "low", "high"], ["b"]),
        helper.make_node("Clip", ["b", "", "high"], ["c"]),
        helper.make_node("Clip", ["c", "", "high"], ["d"], doc_string="the same"),
        helper.make_node("LeakyRelu", ["d"], ["e"], alpha=0.1),
        helper.make_node("LeakyRelu", ["e"], ["f"], alpha=0.2),
        helper.make_node("Cast", ["f"], ["g"], to=TensorProto.DOUBLE),
        helper.make_node("Neg", ["f"], ["h"]),
        helper.make_node("Neg", ["g"], ["i"]),
        helper.make_node("Cast", ["i"], ["j"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["h", "j"], ["y"]),
    ]
    limits = {"low": np.float32(-1), "high": np.float32(1)}
    initializers = {name: np.array(limit) for name, limit in limits.items()}
    result = conform_model(save(tmp_path, nodes, [value("x")], ["y"], initializers=initializers))
    assert result.count_of(Evidence.PROVEN) == len(result.operators)
    assert sorted(r.nodes for r in operators(result, "Clip")) == [1, 1, 2]
    assert len(operators(result, "LeakyRelu")) == 2
    assert {r.variant for r in operators(result, "Neg")} == {"(float32 2d)", "(float64 2d)"}


def test_constants_of_every_form_are_read(tmp_path: Path) -> None:
    forms: dict[str, Any] = {
        "value": numpy_helper.from_array(np.array([1, 2, 4], np.float32)),
        "value_float": 1.5,
        "value_floats": [1.0, 2.0, 3.0],
        "value_int": 1,
        "value_ints": [1, 2, 3],
    }
    nodes = [
        helper.make_node("Constant", [], [name], **{name: form}) for name, form in forms.items()
    ]
    nodes += [helper.make_node("Cast", [n], [f"{n}_f"], to=TensorProto.FLOAT) for n in forms]
    nodes.append(helper.make_node("Sum", ["x", *(f"{name}_f" for name in forms)], ["y"]))
    result = conform_model(save(tmp_path, nodes, [value("x")], ["y"]))
    assert result.count_of(Evidence.PROVEN) == len(result.operators) == 10


def test_a_subgraph_reads_what_lies_around_it(tmp_path: Path) -> None:
    def branch(node: onnx.NodeProto) -> onnx.GraphProto:
        return helper.make_graph([node], "branch", [], [value(node.output[0], shape=None)])

    nodes = [
        helper.make_node("Abs", ["x"], ["a"]),
        helper.make_node("ReduceMax", ["x"], ["peak"], keepdims=0),
        helper.make_node("Cast", ["peak"], ["any"], to=TensorProto.BOOL),
        helper.make_node(
            "If",
            ["any"],
            ["y"],
            then_branch=branch(helper.make_node("Add", ["a", "bias"], ["s"])),
            else_branch=branch(helper.make_node("Sub", ["a", "bias"], ["d"])),
        ),
    ]
    bias = {"bias": np.ones(3, np.float32)}
    result = conform_model(save(tmp_path, nodes, [value("x")], ["y"], initializers=bias))
    assert result.count_of(Evidence.PROVEN) == len(result.operators) == 6


def test_routes_are_those_of_a_scan() -> None:
    model = onnx.load(make_models.FOLDER / "looping.onnx")
    routes = {site.route for site in find_nodes(model)}
    assert 'graph/If_2.then_branch/node 0 "trips"' in routes
    assert 'graph/If_2.then_branch/Loop_1.body/node 1 "halve"' in routes


def test_a_loop_without_a_condition_is_entered() -> None:
    """onnx.reference takes an absent condition for false; the standard says true."""
    looping = onnx.load(make_models.FOLDER / "looping.onnx")
    loop = next(s.node for s in find_nodes(looping) if s.node.op_type == "Loop")
    assert loop.input[1] == ""
    result = conform_model(make_models.FOLDER / "looping.onnx")
    assert only(result, "If").evidence is Evidence.PROVEN
    assert only(result, "Loop").worst == 0


def test_a_loop_in_a_function_or_a_branch_is_entered_too() -> None:
    """As above, where no initializer of the main graph is seen."""
    int64 = TensorProto.INT64
    body = onnx.parser.parse_graph(
        "body (int64 i, bool c, int64 n) => (bool k, int64 m) { k = Identity (c) m = Add (n, i) }"
    )
    loop = helper.make_node("Loop", ["trips", "", "start"], ["z"], body=body)
    branch = helper.make_graph([loop], "branch", [], [value("z", int64, None)])
    chosen = helper.make_node("If", ["true"], ["y"], then_branch=branch, else_branch=branch)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    function = helper.make_function(
        "local", "Sum", ["true", "trips", "start"], ["y"], [chosen], opsets[:1]
    )
    main = helper.make_graph(
        [
            helper.make_node("Sum", ["true", "trips", "start"], ["inside"], domain="local"),
            helper.make_node("If", ["true"], ["direct"], then_branch=branch, else_branch=branch),
        ],
        "main",
        [value("true", TensorProto.BOOL, ()), value("trips", int64, ()), value("start", int64, ())],
        [value("inside", int64, None), value("direct", int64, None)],
    )
    proto = helper.make_model(main, opset_imports=opsets, functions=[function], ir_version=8)
    feeds = {"true": np.array(True), "trips": np.array(4), "start": np.array(10)}
    assert [int(output) for output in run_reference(proto.SerializeToString(), feeds)] == [16, 16]


@pytest.mark.parametrize(("places", "runs"), [([1, 5], True), ([1, 500], False)])
def test_a_sparse_initializer_is_a_constant(places: list[int], runs: bool, tmp_path: Path) -> None:
    path = save(tmp_path, [helper.make_node("MatMul", ["x", "w"], ["y"])], [value("x")], ["y"])
    proto = onnx.load(path)
    values = numpy_helper.from_array(np.array([1, 2], np.float32), "w")
    indices = numpy_helper.from_array(np.array(places), "places")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3, 4]))
    onnx.save(proto, path)
    if runs:
        assert only(conform_model(path), "MatMul").evidence is Evidence.PROVEN
    else:
        with pytest.raises(UsageError, match="ONNX Runtime does not run it"):
            conform_model(path)


def test_types_are_inferred_only_to_tell_kinds_apart(tmp_path: Path) -> None:
    path = save(tmp_path, [helper.make_node("Abs", ["x"], ["y"])], [value("x")], ["y"])
    proto = onnx.load_model_from_string(prepare(Path(path).read_bytes()))
    assert [kind_of(site, {}).shown for site in find_nodes(proto)] == ["(float32 2d)"]


# -- what must fail -------------------------------------------------------------------------------


def test_a_wrong_value_fails_at_its_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    monkeypatch.setattr(trial, "run", deadly.run_off_by_a_thousandth)
    result = conform_model(make_models.FOLDER / "saliency_v1.onnx")
    assert result.exit_code == 1
    sigmoid = only(result, "Sigmoid")
    assert sigmoid.evidence is Evidence.FAILED
    assert "instead of" in sigmoid.reason
    assert sigmoid.cases[0].difference == pytest.approx(1e-3, rel=0.5)
    assert sigmoid.worst is None


def test_a_crash_costs_one_kind_of_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    monkeypatch.setattr(trial, "run", deadly.run_but_die_of_abs)
    nodes = [helper.make_node("Abs", ["x"], ["a"]), helper.make_node("Sqrt", ["a"], ["y"])]
    result = conform_model(save(tmp_path, nodes, [value("x")], ["y"]))
    assert only(result, "Abs").cases[0].outcome is Outcome.CRASHED
    assert only(result, "Sqrt").evidence is Evidence.PROVEN
    assert result.exit_code == 1


def test_a_model_that_kills_the_runtime_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    monkeypatch.setattr(conform, "measure", deadly.die_with_model)
    path = save(tmp_path, [helper.make_node("Abs", ["x"], ["y"])], [value("x")], ["y"])
    with pytest.raises(OnnxguardError, match="does not run it: the process was killed by SIGKILL"):
        conform_model(path)


def test_random_operators_are_unproven(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["noise"]),
        helper.make_node("Dropout", ["x", "ratio", "yes"], ["dropped"]),
        helper.make_node("Dropout", ["x", "ratio", "no"], ["kept"], name="kept"),
        helper.make_node("Sum", ["noise", "dropped", "kept"], ["y"]),
    ]
    initializers = {
        "ratio": np.array(0.5, np.float32),
        "yes": np.array(True),
        "no": np.array(False),
    }
    path = save(tmp_path, nodes, [value("x")], ["y"], initializers=initializers)
    result = conform_model(path)
    assert only(result, "RandomNormalLike").reason == "its output is random"
    evidence = {record.reason: record.evidence for record in operators(result, "Dropout")}
    assert evidence == {"its output is random": Evidence.UNPROVEN, "": Evidence.PROVEN}
    assert only(result, "Sum").evidence is Evidence.PROVEN


def test_what_no_referee_runs_is_unproven(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    nodes = [
        helper.make_node("QuickGelu", ["x"], ["a"], domain="com.microsoft"),
        helper.make_node("Abs", ["a"], ["y"]),
    ]
    result = conform_model(save(tmp_path, nodes, [value("x")], ["y"], opset_imports=opsets))
    gelu = only(result, "QuickGelu")
    assert (gelu.label, gelu.version) == ("com.microsoft::QuickGelu", None)
    assert gelu.evidence is Evidence.UNPROVEN
    assert "not judged: no referee runs it: onnx.reference: " in gelu.reason
    assert only(result, "Abs").evidence is Evidence.PROVEN


def test_empty_outputs_prove_nothing(tmp_path: Path) -> None:
    path = save(
        tmp_path, [helper.make_node("Abs", ["x"], ["y"])], [value("x", shape=(0, 3))], ["y"]
    )
    result = conform_model(path)
    assert "1 vacuous: its outputs are empty" in only(result, "Abs").reason
    assert result.conclusion is Conclusion.VACUOUS
    assert result.exit_code == 1


# -- inputs ---------------------------------------------------------------------------------------


def test_shapes_may_be_given(tmp_path: Path) -> None:
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    shape = {"shape": np.array([7, 11])}
    path = save(tmp_path, nodes, [value("x", shape=("n", "m"))], ["y"], initializers=shape)
    with pytest.raises(UsageError, match="`shapes` INPUT=DIMS or `inputs`"):
        conform_model(path)
    result = conform_model(path, shapes=["x=11x7"])
    assert result.inputs == (("x", (11, 7)),)
    assert only(result, "Reshape").evidence is Evidence.PROVEN


def test_inputs_may_be_given(tmp_path: Path) -> None:
    nodes = [helper.make_node("Gather", ["table", "x"], ["y"])]
    table = {"table": np.arange(8, dtype=np.float32).reshape(4, 2)}
    path = save(tmp_path, nodes, [value("x", TensorProto.INT64, (3,))], ["y"], initializers=table)
    file = tmp_path / "inputs.npz"
    np.savez(file, x=np.array([0, 3, -1]))
    result = conform_model(path, inputs=str(file))
    assert (result.seed, result.inputs) == (None, (("x", (3,)),))
    assert only(result, "Gather").evidence is Evidence.PROVEN


def test_scalars_are_arrays(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["x", "s"], ["y"])]
    path = save(tmp_path, nodes, [value("x"), value("s", shape=())], ["y"])
    assert only(conform_model(path), "Add").evidence is Evidence.PROVEN


# -- models that cannot be run --------------------------------------------------------------------


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        conform_model(tmp_path / "missing.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ModelError):
        conform_model(tmp_path / "text.onnx")


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "link.bin"])
def test_external_data_outside_the_folder_is_not_read(tmp_path: Path, location: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "weights.bin").write_bytes(b"\0" * 24)
    (inside / "link.bin").symlink_to(tmp_path / "weights.bin")
    path = save(
        inside,
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [value("x")],
        ["y"],
        initializers={"w": np.zeros((2, 3), np.float32)},
    )
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    Path(path).write_bytes(model.SerializeToString())
    with pytest.raises(OnnxguardError, match="external data at"):
        conform_model(path)


def test_functions_that_call_themselves_are_refused(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    body = [helper.make_node("Again", ["a"], ["b"], domain="local")]
    path = save(
        tmp_path,
        [helper.make_node("Again", ["x"], ["y"], domain="local")],
        [value("x")],
        ["y"],
        functions=[helper.make_function("local", "Again", ["a"], ["b"], body, opsets)],
        opset_imports=opsets,
    )
    with pytest.raises(OnnxguardError, match="calls itself"):
        conform_model(path)


def test_too_many_nodes_and_elements_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path, [helper.make_node("Abs", ["x"], ["y"])], [value("x")], ["y"])
    monkeypatch.setattr("onnxguard.running.drawing.ELEMENTS", 5)
    with pytest.raises(UsageError, match="the inputs have 6 elements"):
        conform_model(path)
    monkeypatch.setattr(conform, "MOST_NODES", 0)
    with pytest.raises(UsageError, match="1 nodes are too many"):
        conform_model(path)


def test_an_operator_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = save(tmp_path, [helper.make_node("Nothing", ["x"], ["y"])], [value("x")], ["y"])
    with pytest.raises(OnnxguardError, match="No Op registered for Nothing"):
        conform_model(path)


# -- who is blamed --------------------------------------------------------------------------------


def at_opset(version: int) -> list[Any]:
    return [helper.make_opsetid("", version)]


def resized(name: str, scales: str, output: str) -> onnx.NodeProto:
    said = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    return helper.make_node("Resize", [name, "", scales], [output], **said)


SCALES = {
    "whole": np.array([1, 1, 2, 2], np.float32),
    "part": np.array([1, 1, 0.6, 0.8], np.float32),
}


@pytest.mark.parametrize(
    ("node", "shape", "opset"),
    [
        (helper.make_node("Softmax", ["x"], ["y"], axis=1), (2, 3, 4), 11),
        (helper.make_node("Hardmax", ["x"], ["y"], axis=1), (2, 3, 4), 11),
        (helper.make_node("LogSoftmax", ["x"], ["y"], axis=1), (2, 3, 4), 11),
        (helper.make_node("GlobalMaxPool", ["x"], ["y"]), (1, 4, 8), 17),
        (helper.make_node("GlobalMaxPool", ["x"], ["y"]), (1, 2, 3, 4, 5), 17),
        (helper.make_node("Dropout", ["x"], ["y", "mask"]), (2, 3), 9),
        (
            helper.make_node("BatchNormalization", ["x", "s", "s", "s", "s"], ["y"], momentum=0.5),
            (2, 3, 4),
            13,
        ),
    ],
)
def test_faults_of_the_evaluator_are_not_the_runtimes(
    node: onnx.NodeProto, shape: tuple[int, ...], opset: int, tmp_path: Path
) -> None:
    outputs = list(node.output)
    initializers = {"s": np.array([0.5, 1, 2], np.float32)} if "s" in node.input else {}
    path = save(
        tmp_path, [node], [value("x", shape=shape)], outputs,
        opset_imports=at_opset(opset), initializers=initializers,
    )  # fmt: skip
    proto = onnx.load(path)
    for output in proto.graph.output:
        output.type.tensor_type.ClearField("shape")
    onnx.save(proto, path)
    result = conform_model(path)
    assert result.exit_code == 0
    assert only(result, node.op_type).evidence is Evidence.PROVEN


@pytest.mark.parametrize("order", [("part", "whole"), ("whole", "part")])
def test_nodes_with_other_constants_are_other_kinds(order: tuple[str, ...], tmp_path: Path) -> None:
    nodes = [resized("x", scales, f"y{at}") for at, scales in enumerate(order)]
    inputs = [value("x", shape=(1, 1, 4, 4))]
    result = conform_model(save(tmp_path, nodes, inputs, ["y0", "y1"], initializers=SCALES))
    assert result.exit_code == 1
    failed = [r for r in result.operators if r.evidence is Evidence.FAILED]
    assert [record.reason.split(":")[0] for record in failed] == [
        f"graph/node {order.index('part')}"
    ]
    assert len(operators(result, "Resize")) == 2


def test_zeros_prove_nothing(tmp_path: Path) -> None:
    nodes = [helper.make_node("Mul", ["x", "zero"], ["z"]), resized("z", "part", "y")]
    zero = {"zero": np.array(0, np.float32)} | SCALES
    path = save(tmp_path, nodes, [value("x", shape=(1, 1, 4, 4))], ["y"], initializers=zero)
    result = conform_model(path)
    assert (result.conclusion, result.exit_code) == (Conclusion.VACUOUS, 1)
    assert "its outputs are zero everywhere" in only(result, "Resize").reason


def test_another_node_of_the_kind_is_run_where_one_is_fed_zeros(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Mul", ["x", "zero"], ["z"]),
        helper.make_node("Neg", ["z"], ["a"]),
        helper.make_node("Neg", ["x"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    zero = {"zero": np.array(0, np.float32)}
    result = conform_model(save(tmp_path, nodes, [value("x")], ["y"], initializers=zero))
    neg = only(result, "Neg")
    assert (neg.nodes, neg.evidence) == (2, Evidence.PROVEN)
    assert [case.name for case in neg.cases] == ["graph/node 2"]


def test_a_value_that_the_version_does_not_know_proves_nothing(tmp_path: Path) -> None:
    nodes = [helper.make_node("Pad", ["x", "p"], ["y"], mode="wrap")]
    pads = {"p": np.array([0, 1, 0, 1])}
    result = conform_model(save(tmp_path, nodes, [value("x")], ["y"], initializers=pads))
    assert only(result, "Pad").reason == "Pad 13 knows no mode wrap"
    assert result.conclusion is Conclusion.VACUOUS


def test_ranks_make_kinds(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Reshape", ["a", "flat"], ["b"]),
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    flat = {"flat": np.array([6])}
    result = conform_model(save(tmp_path, nodes, [value("x")], ["y"], initializers=flat))
    assert {r.variant for r in operators(result, "Relu")} == {"(float32 1d)", "(float32 2d)"}


def test_a_referee_that_would_need_too_much_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The formula is: it needs no matrix of all windows."""
    monkeypatch.setattr(bounds, "MOST_BYTES", 20_000)
    weights = {"w": np.ones((2, 3, 3, 3), np.float32) * np.float32(0.5)}
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    path = save(tmp_path, nodes, [value("x", shape=(1, 3, 12, 12))], ["y"], initializers=weights)
    assert only(conform_model(path), "Conv").evidence is Evidence.PROVEN
    monkeypatch.setattr(bounds, "MOST_BYTES", 10)
    reason = only(conform_model(path), "Conv").reason
    assert "not judged: no referee runs it: onnx.reference: it would need about " in reason
