"""The committed models are those that make_models.py writes, and onnx accepts them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import make_models
import onnx
import pytest

NAMES = ["external.onnx", "int8.onnx", "looping.onnx", "saliency_v1.onnx", "saliency_v2.onnx"]

OPERATORS = {
    "saliency_v1.onnx": {
        "Concat": 3,
        "Conv": 11,
        "ConvTranspose": 3,
        "MaxPool": 3,
        "Relu": 10,
        "Sigmoid": 1,
    },
    "saliency_v2.onnx": {
        "Concat": 3,
        "Constant": 3,
        "Conv": 14,
        "MaxPool": 3,
        "Relu": 10,
        "Resize": 3,
        "Sigmoid": 1,
    },
}


def test_no_model_is_missing_or_left_over() -> None:
    assert sorted(path.name for path in make_models.FOLDER.glob("*.onnx")) == NAMES


def test_make_models_writes_what_is_committed(tmp_path: Path) -> None:
    make_models.main(tmp_path)
    for name in NAMES:
        made = onnx.load(tmp_path / name, load_external_data=False)
        committed = onnx.load(make_models.FOLDER / name, load_external_data=False)
        assert made == committed, name
    for path in tmp_path.glob("*.data"):
        assert path.read_bytes() == (make_models.FOLDER / path.name).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_onnx_accepts_the_model(name: str) -> None:
    onnx.checker.check_model(str(make_models.FOLDER / name), full_check=True)


@pytest.mark.parametrize("name", OPERATORS)
def test_students_have_the_operators_of_the_trained_ones(name: str) -> None:
    model = onnx.load(make_models.FOLDER / name)
    assert Counter(node.op_type for node in model.graph.node) == OPERATORS[name]
