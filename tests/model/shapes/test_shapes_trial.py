"""A trial leaves nothing open, and gives what ONNX Runtime computes of what it takes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from model.shapes.test_shapes_bounds import drawn
from onnx import parser
from onnxruntime import InferenceSession, SessionOptions

from onnxguard.model.reading import read_model
from onnxguard.model.shapes.infer import infer_shapes
from onnxguard.model.shapes.trial import Trial
from onnxguard.model.shapes.visits import Shapes
from onnxguard.model.types import infer_types

TAKEN = [Trial(1, 1, 1), Trial(1, 0, 1)]
ASSUMED = {"Sigmoid"}
"""Of what comes out of these a trial takes the number for granted."""


def tried(made: onnx.ModelProto, trial: Trial) -> Shapes:
    model = read_model(made.SerializeToString())
    return infer_shapes(model, trial=(trial, infer_types(model)))


def computed(made: onnx.ModelProto, trial: Trial) -> dict[str, np.ndarray]:
    """What ONNX Runtime gives for inputs of these sizes and numbers; nothing where it refuses."""
    options = SessionOptions()
    options.log_severity_level = 4
    names = [value.name for value in made.graph.output]
    (dim,) = made.graph.input[1].type.tensor_type.shape.dim
    x = np.full(dim.dim_value or trial.size, trial.number, "float32")
    try:
        session = InferenceSession(made.SerializeToString(), options, ["CPUExecutionProvider"])
        outputs = session.run(names, {"n": np.array([trial.number]), "x": x})
    except Exception:  # noqa: BLE001 - a size that cannot be is ONNX Runtime's to refuse
        return {}
    return dict(zip(names, outputs, strict=True))


@pytest.mark.parametrize("trial", TAKEN, ids=["1", "0"])
def test_a_trial_gives_what_onnx_runtime_computes(trial: Trial) -> None:
    compared = 0
    for seed in range(1000, 1150):
        made = drawn(seed)
        for value in made.graph.output:
            value.type.tensor_type.ClearField("shape")
        if ASSUMED.intersection(node.op_type for node in made.graph.node):
            continue
        known = tried(made, trial).roots[0].known
        for name, array in computed(made, trial).items():
            found = known[name.encode()]
            assert found.shape == array.shape, (seed, name)
            if array.dtype == np.int64 and found.stored is None:
                assert found.values == tuple(array.tolist()), (seed, name)
            compared += 1
    assert compared > 300


@pytest.mark.parametrize("trial", [Trial(1, 1, rank) for rank in range(1, 6)], ids=str)
def test_a_trial_leaves_nothing_open(trial: Trial) -> None:
    made = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 18, "other" : 1]> g
        (float[] x, int64[?] s, seq(float[M]) q, bool c) => (float[] y)
        { a = Reshape(x, s) b = other.Unknown(x) e = SequenceAt(q, i) i = SequenceLength(q)
          d = If<then_branch = t () => (float[] u) { u = Identity(x) },
                 else_branch = f () => (float[] v) { v = Flatten(x) }>(c)
          z = NonZero(x) k, l = TopK(a, s) y = Add(a, d) }"""
    )
    shapes = tried(made, trial)
    for name in (*b"a b d e z k l y".split(), b"x", b"s"):
        shape = shapes.roots[0].known[name].shape
        assert shape is not None, name
        assert all(isinstance(dim, int) for dim in shape), name
    assert shapes.roots[0].known[b"i"].values == (trial.size,)


def test_what_a_file_declares_of_other_values_than_inputs_does_not_count() -> None:
    made = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 18]> g (float[2] x) => (int64[1] y) <int64[1, 5] z>
        { z = NonZero(x) y = Shape<start = 1>(z) }"""
    )
    assert infer_shapes(read_model(made.SerializeToString())).roots[0].known[b"y"].values == (5,)
    assert tried(made, Trial(1, 1, 1)).roots[0].known[b"y"].values == (2,)
