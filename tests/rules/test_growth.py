"""What constants ask of each operator that grows, beside what ONNX Runtime makes of them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnxruntime import InferenceSession, SessionOptions

import onnxguard
from onnxguard import Allowlist
from onnxguard.model.reading import read_model
from onnxguard.model.scopes import Scopes
from onnxguard.model.shapes.infer import infer_shapes
from onnxguard.policy.allowlist import Decision, Limit
from onnxguard.rules.growth import growth_of

Held = dict[str, Any]
Case = Callable[[int], tuple[onnx.NodeProto, Held]]

ML, MS = "ai.onnx.ml", "com.microsoft"


def i64(*numbers: int) -> np.ndarray:
    return np.array(numbers, "int64")


def ones(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.ones(shape, dtype)


def at(number: float, dtype: str = "int64") -> np.ndarray:
    return np.array(number, dtype)


def node(op_type: str, inputs: str, domain: str = "", **attributes: Any) -> onnx.NodeProto:
    names = ["" if name == "_" else name for name in inputs.split()]
    outputs = ["labels", "y"] if op_type.endswith("Classifier") else ["y"]
    return helper.make_node(op_type, names, outputs, domain=domain, **attributes)


TREE: dict[str, Any] = {
    **{f"nodes_{key}": [0] for key in ("falsenodeids", "featureids", "nodeids", "treeids")},
    **{f"target_{key}": [0] for key in ("ids", "nodeids", "treeids")},
    "nodes_truenodeids": [0],
    "nodes_modes": ["LEAF"],
    "nodes_missing_value_tracks_true": [0],
    "nodes_values": [0.0],
    "nodes_hitrates": [1.0],
    "target_weights": [1.0],
}
WORDS = {"max_gram_length": 1, "min_gram_length": 1, "max_skip_count": 0, "mode": "TF"}
U8 = {"x": ones(1, 1, 1, 1, dtype="uint8"), "w": ones(1, 1, 1, 1, dtype="uint8")}
SCALED = {**U8, "s": at(1, "float32"), "z": at(0, "uint8")}
X, W = ones(1, 1, 1, 1), ones(1, 1, 1, 1)
SQUARE = {"x": ones(1, 1, 2, 2), "w": W}
MEL = {"low": at(10, "float32"), "high": at(5000, "float32"), "rate": at(16000), "length": at(64)}


def stacking() -> onnx.NodeProto:
    """A Loop that keeps v of each round."""
    ins = [helper.make_tensor_value_info(*value, []) for value in (("i", 7), ("c", 9))]
    outs = [helper.make_tensor_value_info(*v) for v in (("d", 9, []), ("w", 1, None))]
    inner = [helper.make_node("Identity", [a], [b]) for a, b in (("c", "d"), ("v", "w"))]
    return node("Loop", "m _", body=helper.make_graph(inner, "b", ins, outs))


CASES: dict[str, Case] = {
    "ConstantOfShape": lambda n: (node("ConstantOfShape", "s"), {"s": i64(n, 1)}),
    "Expand": lambda n: (node("Expand", "x s"), {"x": X, "s": i64(1, 1, n, 1)}),
    "Tile": lambda n: (node("Tile", "x r"), {"x": ones(8), "r": i64(n)}),
    "Range": lambda n: (node("Range", "a n b"), {"a": at(0), "n": at(n), "b": at(1)}),
    "Range down": lambda n: (node("Range", "n a b"), {"a": at(0), "n": at(n), "b": at(-1)}),
    "OneHot": lambda n: (
        node("OneHot", "i n v"),
        {"i": np.zeros(8, "int64"), "n": at(n), "v": np.array([0, 1], "float32")},
    ),
    "Pad": lambda n: (node("Pad", "x p"), {"x": ones(2, 3), "p": i64(n, 0, 1, 0)}),
    "Pad of an axis": lambda n: (
        node("Pad", "x p _ a"),
        {"x": ones(2, 3), "p": i64(n, 0), "a": i64(-2)},
    ),
    "Resize by scales": lambda n: (
        node("Resize", "x _ s"),
        {"x": ones(1, 1, 4, 1), "s": np.array([1, 1, 1, n], "float32")},
    ),
    "Resize by sizes": lambda n: (node("Resize", "x _ _ s"), {"x": X, "s": i64(1, 1, n, 1)}),
    "Resize in proportion": lambda n: (
        node("Resize", "x _ _ s", keep_aspect_ratio_policy="not_smaller"),
        {"x": ones(1, 1, 1, 8), "s": i64(1, 1, n, 8)},
    ),
    "RandomNormal": lambda n: (node("RandomNormal", "", shape=[n, 1]), {}),
    "RandomUniform": lambda n: (node("RandomUniform", "", shape=[n, 1]), {}),
    "Multinomial": lambda n: (node("Multinomial", "x", sample_size=n), {"x": ones(4, 2)}),
    "CenterCropPad": lambda n: (node("CenterCropPad", "x s"), {"x": ones(1), "s": i64(n)}),
    "AffineGrid": lambda n: (
        node("AffineGrid", "x s"),
        {"x": ones(1, 2, 3), "s": i64(1, 1, n, 1)},
    ),
    "Col2Im": lambda n: (
        node("Col2Im", "x s b", strides=[1, 1]),
        {"x": ones(1, 1, n) if n < 99 else ones(1, 1, 1), "s": i64(n, 1), "b": i64(1, 1)},
    ),
    "DFT": lambda n: (node("DFT", "x n", axis=1), {"x": ones(1, 2, 1), "n": at(n)}),
    "HannWindow": lambda n: (node("HannWindow", "n"), {"n": at(n)}),
    "HammingWindow": lambda n: (node("HammingWindow", "n"), {"n": at(n)}),
    "BlackmanWindow": lambda n: (node("BlackmanWindow", "n"), {"n": at(n)}),
    "MelWeightMatrix": lambda n: (
        node("MelWeightMatrix", "n length rate low high"),
        {"n": at(n), **MEL},
    ),
    "MaxUnpool": lambda n: (
        node("MaxUnpool", "x i s", kernel_shape=[1, 1]),
        {"x": X, "i": np.zeros((1, 1, 1, 1), "int64"), "s": i64(1, 1, n, 1)},
    ),
    "MaxUnpool by strides": lambda n: (
        node("MaxUnpool", "x i", kernel_shape=[1, 1], strides=[n, 1]),
        {"x": ones(1, 1, 2, 2), "i": np.zeros((1, 1, 2, 2), "int64")},
    ),
    "RoiAlign": lambda n: (
        node("RoiAlign", "x r b", output_height=n, output_width=2),
        {"x": X, "r": ones(3, 4), "b": i64(0, 0, 0)},
    ),
    "MaxRoiPool": lambda n: (
        node("MaxRoiPool", "x r", pooled_shape=[n, 2]),
        {"x": X, "r": np.zeros((3, 5), "float32")},
    ),
    "TfIdfVectorizer": lambda n: (
        node("TfIdfVectorizer", "t", ngram_counts=[0], ngram_indexes=[n], pool_int64s=[1], **WORDS),
        {"t": i64(1, 2)},
    ),
    "Conv": lambda n: (
        node("Conv", "x w", pads=[n, 0, 0, 0]),
        {"x": X, "w": ones(4, 1, 1, 1)},
    ),
    "Conv through Identity": lambda n: (
        node("Conv", "x w_", pads=[n, 0, 0, 0]),
        {"x": X, "w": ones(4, 1, 1, 1)},
    ),
    "ConvInteger": lambda n: (node("ConvInteger", "x w", pads=[n, 0, 0, 0]), U8),
    "QLinearConv": lambda n: (node("QLinearConv", "x s z w s z s z", pads=[n, 0, 0, 0]), SCALED),
    "MaxPool": lambda n: (
        node("MaxPool", "x", kernel_shape=[n + 1, 1], pads=[n, 0, n, 0]),
        {"x": X},
    ),
    "AveragePool": lambda n: (
        node("AveragePool", "x", kernel_shape=[n + 1, 1], pads=[n, 0, n, 0]),
        {"x": X},
    ),
    "LpPool": lambda n: (
        node("LpPool", "x", kernel_shape=[n + 1, 1], pads=[n, 0, n, 0]),
        {"x": X},
    ),
    "ConvTranspose": lambda n: (
        node("ConvTranspose", "x w", strides=[n, 1]),
        {"x": ones(1, 2, 3, 3), "w": ones(2, 3, 1, 1)},
    ),
    "ConvTranspose of groups": lambda n: (
        node("ConvTranspose", "x w b", strides=[n, 1], group=2),
        {"x": ones(1, 2, 3, 3), "w": ones(2, 3, 2, 2), "b": np.full(6, 1e9, "float32")},
    ),
    "ConvTranspose by dilations": lambda n: (
        node("ConvTranspose", "x w", dilations=[n, 1]),
        {"x": X, "w": ones(1, 1, 2, 2)},
    ),
    "ConvTranspose by padding": lambda n: (
        node("ConvTranspose", "x w", strides=[n + 1, 1], output_padding=[n, 0]),
        {"x": X, "w": W},
    ),
    "ConvTranspose by auto_pad": lambda n: (
        node("ConvTranspose", "x w", strides=[n, 1], auto_pad="SAME_UPPER"),
        SQUARE,
    ),
    "ConvTranspose by shape": lambda n: (
        node("ConvTranspose", "x w", strides=[n, 1], output_shape=[n + 1, 2]),
        SQUARE,
    ),
    "CropAndResize": lambda n: (
        node("CropAndResize", "x r b s", MS),
        {"x": X, "r": ones(3, 4), "b": np.zeros(3, "int32"), "s": np.array([n, 2], "int32")},
    ),
    "Range of two": lambda n: (node("Range", "a n", MS), {"a": at(0), "n": at(n)}),
    "Pad of com.microsoft": lambda n: (node("Pad", "x p", MS), {"x": ones(1), "p": i64(n, 0)}),
    "FusedConv": lambda n: (
        node("FusedConv", "x w", MS, pads=[n, 0, 0, 0], activation="Relu"),
        {"x": X, "w": W},
    ),
    "NhwcMaxPool": lambda n: (
        node("NhwcMaxPool", "x", MS, kernel_shape=[n + 1, 1], pads=[n, 0, n, 0]),
        {"x": U8["x"]},
    ),
    "TreeEnsembleRegressor": lambda n: (
        node("TreeEnsembleRegressor", "x", ML, n_targets=n, **TREE),
        {"x": ones(3, 1)},
    ),
    "TreeEnsembleClassifier": lambda n: (
        node(
            "TreeEnsembleClassifier",
            "x",
            ML,
            classlabels_int64s=list(range(n)),
            **{key.replace("target_", "class_"): value for key, value in TREE.items()},
        ),
        {"x": ones(3, 1)},
    ),
    "ArrayFeatureExtractor": lambda n: (
        node("ArrayFeatureExtractor", "x i", ML),
        {"x": ones(n, 1), "i": i64(0, 0)},
    ),
    "LRN": lambda n: (node("LRN", "x", size=2 * n + 1), {"x": ones(1, 1, 2, 2)}),
    "STFT": lambda n: (
        node("STFT", "x s _ n"),
        {"x": ones(1, n, 1), "s": at(1), "n": at(2)},
    ),
    "Loop": lambda n: (stacking(), {"m": at(n), "v": ones(4)}),
    "FeatureVectorizer": lambda n: (
        node("FeatureVectorizer", "x", ML, inputdimensions=[n]),
        {"x": ones(3, 1)},
    ),
    "OneHotEncoder": lambda n: (
        node("OneHotEncoder", "t", ML, cats_int64s=list(range(8)) * (1 if n < 99 else 64)),
        {"t": i64(*[0] * 8)},
    ),
}
LARGE = 3000
"""Of each case makes more than the 2,500 elements that the list allows."""


def model(case: str, size: int, through: str = "") -> onnx.ModelProto:
    """A model of one node and its constants; each of these behind a node where asked for."""
    made, held = CASES[case](size)
    nodes = [helper.make_node("Identity", ["w"], ["w_"])] if "w_" in made.input else []
    names = dict.fromkeys(filter(None, made.input)) if through else ()
    nodes += [helper.make_node(through, [name], [f"{name}_"]) for name in names]
    if through:
        made.input[:] = [name and f"{name}_" for name in made.input]
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in held.items()]
    result = onnx.ValueInfoProto(name="y")
    graph = helper.make_graph([*nodes, made], "g", [], [result], stored)
    opset = 20 if made.op_type == "AffineGrid" else 18
    opsets = [helper.make_opsetid(*each) for each in (("", opset), (ML, 3), (MS, 1))]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def codes(made: onnx.ModelProto, **limits: int) -> dict[str, list[str]]:
    limited = {name: Limit(number, Decision()) for name, number in limits.items()}
    policy = Allowlist(
        "small", "", Decision(), (), {}, {}, limited, {}, None, {"validity": "allow"}, 64, None, ()
    )
    report = onnxguard.scan_bytes(made.SerializeToString(), "m.onnx", policy)
    found: dict[str, list[str]] = {}
    for finding in report.findings:
        found.setdefault(finding.code, []).append(finding.message)
    return found


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("through", ["", "Identity"])
def test_what_is_too_large_is_found(case: str, through: str) -> None:
    large = codes(model(case, LARGE, through), tensor_elements=2500)
    assert "elements, 2,500 are allowed" in " ".join(large.get("OG301", []))
    assert "OG301" not in codes(model(case, 2, through), tensor_elements=2500)


@pytest.mark.parametrize("size", [3, 5, 9])
@pytest.mark.parametrize("case", sorted(CASES.keys() - {"LRN"}))  # which asks for more inside
def test_no_more_is_said_than_onnx_runtime_makes(case: str, size: int) -> None:
    made = model(case, size)
    options = SessionOptions()
    options.log_severity_level = 4
    session = InferenceSession(made.SerializeToString(), options, ["CPUExecutionProvider"])
    (wanted,) = session.run(None, {})
    read = read_model(made.SerializeToString())
    node = read.graph.nodes[-1]
    growth = growth_of(node.operator)
    assert growth is not None
    least = growth.least(Scopes(read), read.graph, node)
    assert 0 < least <= wanted.size


LONG = [1] * 64
HIDDEN: dict[str, tuple[onnx.NodeProto, Held, str]] = {
    "a shape of 65 numbers": (
        node("ConstantOfShape", "s"),
        {"s": i64(*LONG, 1)},
        "initializer of more than 64 numbers",
    ),
    "a list of 65": (node("RandomNormal", "", shape=[*LONG, 1]), {}, "a list of 65 numbers"),
    "another dtype": (
        node("ConstantOfShape", "s"),
        {"s": np.array(["1"], object)},
        "initializer of string",
    ),
    "scales of old": (
        node("Resize", "x s"),
        {"x": ones(65, 1), "s": ones(65)},
        "initializer of more than 64 numbers",
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_size_that_is_not_known_is_found(name: str) -> None:
    made, held, why = HIDDEN[name]
    stored = [numpy_helper.from_array(value, key) for key, value in held.items()]
    graph = helper.make_graph([made], "g", [], [onnx.ValueInfoProto(name="y")], stored)
    message = f"{made.op_type} calls for a size that is not known: {why}"
    for limit in ("tensor_elements", "constant_elements"):
        assert codes(helper.make_model(graph), **{limit: 2500})["OG301"] == [message]


@pytest.mark.parametrize("stated", ["of a value", "of an output"])
def test_size_that_a_file_merely_declares_is_not_known(stated: str) -> None:
    held = numpy_helper.from_array(i64(*LONG, 1 << 34), "l")
    nodes = [helper.make_node("ReduceMax", ["l"], ["s"]), node("ConstantOfShape", "s")]
    declared = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    ends, values = ([declared], []) if stated == "of an output" else ([], [declared])
    graph = helper.make_graph(nodes, "g", [], ends, [held], value_info=values)
    assert "OG301" in codes(helper.make_model(graph), tensor_elements=2500)


def test_size_that_follows_is_known_although_no_constant_tells_it() -> None:
    """Swin's exports ask for the shape of what is computed of weights."""
    nodes = [helper.make_node("Relu", ["w"], ["r"]), helper.make_node("Shape", ["r"], ["s"])]
    nodes.append(node("ConstantOfShape", "s"))
    stored = [numpy_helper.from_array(np.zeros((50, 60), np.float32), "w")]
    graph = helper.make_graph(nodes, "g", [], [onnx.ValueInfoProto(name="y")], stored)
    assert codes(helper.make_model(graph), tensor_elements=3000).get("OG301", []) == []
    said = codes(helper.make_model(graph), tensor_elements=2999)["OG301"]
    assert any("gives [50, 60]: 3,000 elements" in message for message in said)


@pytest.mark.parametrize(("reduced", "size"), [("ReduceMax", 320), ("ReduceMin", 3)])
def test_size_by_the_largest_of_floats_is_known(reduced: str, size: int) -> None:
    """Torchvision's detectors pad their images so: as many rows as the highest one has."""
    made = helper.make_node(reduced, ["f"], ["m"])
    nodes = [made, helper.make_node("Cast", ["m"], ["s"], to=7), node("ConstantOfShape", "s")]
    stored = [numpy_helper.from_array(np.array([3, 320, 7], np.float32), "f")]
    graph = helper.make_graph(nodes, "g", [], [onnx.ValueInfoProto(name="y")], stored)
    assert codes(helper.make_model(graph), tensor_elements=size).get("OG301", []) == []
    said = codes(helper.make_model(graph), tensor_elements=size - 1)["OG301"]
    assert any(f"calls for {size} elements" in message for message in said)
    shapes = infer_shapes(read_model(helper.make_model(graph).SerializeToString()))
    assert shapes.roots[0].known[b"y"].shape == (size,)


def test_size_in_another_file_is_not_known() -> None:
    made = model("ConstantOfShape", 2)
    (shape,) = made.graph.initializer
    shape.ClearField("raw_data")
    shape.data_location = onnx.TensorProto.EXTERNAL
    shape.external_data.add(key="location", value="w.bin")
    (message,) = codes(made, tensor_elements=2500)["OG301"]
    assert message.endswith("initializer with its values in another file")


def test_size_that_the_caller_may_replace_is_judged_by_its_default() -> None:
    made = model("ConstantOfShape", LARGE)
    made.graph.input.append(helper.make_tensor_value_info("s", 7, [2]))
    assert "OG301" in codes(made, tensor_elements=2500)


def filling(trips: int) -> onnx.ModelProto:
    """A Loop that fills 100 elements a round, and a call inside it that fills 10."""
    fill = helper.make_node("ConstantOfShape", ["s"], ["z"])
    call = helper.make_node("F", ["v"], ["w"], domain="local")
    on = helper.make_node("Identity", ["c"], ["d"])
    infos = [
        helper.make_tensor_value_info(name, dtype, shape)
        for name, dtype, shape in (("i", 7, []), ("c", 9, []), ("v", 1, [1]))
    ]
    outs = [helper.make_tensor_value_info("d", 9, []), helper.make_tensor_value_info("w", 1, [1])]
    body = helper.make_graph([fill, call, on], "b", infos, outs)
    loop = helper.make_node("Loop", ["m", "", "x"], ["y"], body=body)
    value = helper.make_tensor_value_info("x", 1, [1]), helper.make_tensor_value_info("y", 1, [1])
    stored = [numpy_helper.from_array(i64(100), "s"), numpy_helper.from_array(at(trips), "m")]
    graph = helper.make_graph([loop], "g", value[:1], value[1:], stored)
    opset = helper.make_opsetid("", 17)
    size = helper.make_node("Constant", [], ["t"], value_ints=[10])
    inside = [size, helper.make_node("ConstantOfShape", ["t"], ["q"])]
    inside.append(helper.make_node("Identity", ["a"], ["b"]))
    function = helper.make_function("local", "F", ["a"], ["b"], inside, [opset])
    opsets = [opset, helper.make_opsetid("local", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=[function], ir_version=8)


@pytest.mark.parametrize(("trips", "total"), [(0, 0), (22, 0), (23, 2530), (1000, 110_000)])
def test_what_a_loop_calls_for_counts_in_every_round(trips: int, total: int) -> None:
    message = f"constants call for {total:,} elements in all, 2,500 are allowed"
    found = codes(filling(trips), constant_elements=2500).get("OG301")
    assert found == ([message] if total else None)


@pytest.mark.parametrize("op_type", ["Conv", "ConvTranspose", "MaxPool", "Pad", "Resize by sizes"])
def test_what_is_made_of_constants_is_summed(op_type: str) -> None:
    """Where an input runs through it, it is as large as that one is."""
    made = model(op_type, 900)
    again = [onnx.NodeProto.FromString(made.graph.node[-1].SerializeToString()) for _ in range(3)]
    for number, each in enumerate(again):
        each.output[0] = f"y{number}"
    made.graph.node.extend(again)
    assert "elements in all" in " ".join(codes(made, constant_elements=2500)["OG301"])
    (dims,) = [held.dims for held in made.graph.initializer if held.name == "x"]
    made.graph.input.append(helper.make_tensor_value_info("from", 1, list(dims)))
    for each in made.graph.node:
        each.input[0] = "from"
    assert "OG301" not in codes(made, constant_elements=2500)


# -- room while a node runs ------------------------------------------------------------------------

IMAGE = (
    "a = Expand(x, s) w = Expand(x, k)",
    "int64[4] s = {1, 1, 250, 1000}, int64[4] k = {1, 1, 100, 1}",
)
SCALES = "t = Cast<to = 1>(x) q = Squeeze(t) z = Squeeze(x)"
ROOM = {
    "ConvTranspose": (4, "float", f"{IMAGE[0]} y = ConvTranspose(a, w)", IMAGE[1]),
    "ConvInteger": (1, "uint8", f"{IMAGE[0]} y = ConvInteger(a, w)", IMAGE[1]),
    "DeformConv": (
        4,
        "float",
        (
            "a = Expand(x, s) w = Expand(x, k) o = Expand(x, l) "
            "y = DeformConv<group = 2, kernel_shape = [7, 7], pads = [11, 11, 11, 11]>(a, w, o)"
        ),
        "int64[4] s = {2, 2000, 1, 1}, int64[4] k = {2, 1000, 7, 7}, int64[4] l = {2, 98, 17, 17}",
    ),
    "QLinearConv": (
        1,
        "uint8",
        f"{IMAGE[0]} {SCALES} y = QLinearConv(a, q, z, w, q, z, q, z)",
        IMAGE[1],
    ),
    "GRU": (
        4,
        "float",
        "a = Expand(x, s) w = Expand(x, k) r = Expand(x, l) y = GRU<hidden_size = 50>(a, w, r)",
        "int64[3] s = {100000, 1, 1}, int64[3] k = {1, 150, 1}, int64[3] l = {1, 150, 50}",
    ),
    "Attention": (
        4,
        "float",
        "a = Expand(x, s) y = Attention(a, a, a)",
        "int64[4] s = {1, 1, 4000, 8}",
    ),
    "NonZero": (8, "float", "a = Expand(x, s) y = NonZero(a)", "int64[4] s = {1000, 1000, 3, 1}"),
    "DFT": (4, "float", "a = Expand(x, s) y = DFT(a)", "int64[3] s = {1, 1000001, 1}"),
    "Einsum": (
        4,
        "float",
        'a = Expand(x, s) y = Einsum<equation = "i,j,j,i->">(a, a, a, a)',
        "int64[1] s = {4000}",
    ),
    "RoiAlign": (
        4,
        "float",
        (
            "a = Expand(x, s) r = Expand(x, k) b = Cast<to = 7>(x) y = RoiAlign<output_height = 4, "
            "output_width = 4, sampling_ratio = 300>(a, r, b)"
        ),
        "int64[4] s = {2, 1, 4, 4}, int64[2] k = {1, 4}",
    ),
    "com.microsoft::Attention": (
        4,
        "float",
        (
            "a = Expand(x, s) w = Expand(x, k) b = Expand(x, l) "
            "y = com.microsoft.Attention<num_heads = 1>(a, w, b)"
        ),
        "int64[3] s = {1, 4000, 1}, int64[2] k = {1, 24}, int64[1] l = {24}",
    ),
    "com.microsoft::MultiHeadAttention": (
        4,
        "float",
        (
            "a = Expand(x, s) b = Expand(x, l) z = Expand(x, k) "
            "y = com.microsoft.MultiHeadAttention<num_heads = 1>(a, a, a, , , z)"
        ),
        "int64[3] s = {1, 4000, 8}, int64[1] l = {24}, int64[4] k = {1, 1, 4000, 4000}",
    ),
}
CHILD = """
import sys, numpy, onnxruntime
def peak():
    return [int(l.split()[1]) << 10 for l in open("/proc/self/status") if l.startswith("VmHWM")][0]
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
before = peak()
session.run(None, {"x": numpy.ones(1, sys.argv[2])})
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("op_type", ROOM)
def test_room_is_what_onnx_runtime_asks_for(op_type: str, tmp_path: Path) -> None:
    width, dtype, nodes, stored = ROOM[op_type]
    newest = 16 if op_type == "RoiAlign" else 23  # that ONNX Runtime has a kernel for
    opsets = f'"" : {newest}, "com.microsoft" : 1'
    head = f"<ir_version: 10, opset_import: [{opsets}]> g ({dtype}[1] x) => (float[] y) <{stored}>"
    made = onnx.parser.parse_model(f"{head} {{ {nodes} }}")
    made.graph.output[0].ClearField("type")
    messages = "\n".join(codes(made, tensor_elements=10_000_000)["OG301"])
    needs = re.search(rf"{op_type} needs room for ([\d,]+) elements while it runs, .*", messages)
    assert needs is not None
    made = onnx.shape_inference.infer_shapes(made)
    path = tmp_path / "room.onnx"
    onnx.save(made, path)
    run = [sys.executable, "-c", CHILD, str(path), "float32" if dtype == "float" else dtype]
    grown = int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    assert grown >= 0.9 * width * int(needs[1].replace(",", ""))
