"""Outputs that are joined of unlike pieces: an error of the small one hides in no large one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from support.parity_cases import OTHERS, WEIGHTS, Network, errors, exported, graph, seeded, values
from torch import Tensor, nn

from onnxguard.parity.check import check_parity
from onnxguard.parity.pieces import Pieces
from onnxguard.parity.settings import Settings
from onnxguard.running.comparison import Array
from onnxguard.running.errors import ParityError, RefusedError
from onnxguard.running.inputs import Inputs
from onnxguard.running.session import Session


class Detector(nn.Module):
    """Boxes in pixels and scores in one output, as YOLO's heads give them."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU())
        self.boxes, self.scores = nn.Conv2d(16, 4, 1), nn.Conv2d(16, 5, 1)

    def forward(self, image: Tensor) -> Tensor:
        found = self.body(image)
        boxes, scores = self.boxes(found).sigmoid() * 640, self.scores(found).sigmoid()
        return torch.cat((boxes, scores), 1).flatten(2).transpose(1, 2)


class Images(CalibrationDataReader):  # type: ignore[misc] # it has no stubs
    def __init__(self, images: np.ndarray) -> None:
        self.left = iter([{"image": image[None]} for image in images])

    def get_next(self) -> Any:
        return next(self.left, None)


@pytest.mark.parametrize("whole", [True, False])
def test_scores_that_share_a_scale_with_boxes_are_lost(whole: bool, tmp_path: Path) -> None:
    module = seeded(Detector)
    data = exported(module, {"image": values(0, 1, 3, 32, 32)}, dynamic={"image": {0: "N"}})
    (tmp_path / "net.onnx").write_bytes(data)
    images = np.random.default_rng(1).standard_normal((24, 3, 32, 32), np.float32)
    np.savez(tmp_path / "images.npz", image=images[16:])
    quantize_static(
        str(tmp_path / "net.onnx"),
        str(tmp_path / "int8.onnx"),
        Images(images[:16]),
        weight_type=QuantType.QInt8,
        op_types_to_quantize=None if whole else ["Conv"],
    )
    report = check_parity(
        tmp_path / "int8.onnx",
        module,
        tolerance="int8",
        inputs=(str(tmp_path / "images.npz"),),
        opset=None,
    )
    assert errors(report) == ({"OP209"} if whole else set()), report.findings
    if whole:
        assert "the piece from [0, 0, 4] on, small beside the rest" in report.findings[0].message


def joined(x: Tensor, off: float = 0.0) -> Tensor:
    large, small = (torch.from_numpy(w).to(x.dtype) for w in (WEIGHTS, OTHERS))
    return torch.cat([(x @ large) * 1000, x @ small + off], 1)


JOINED = """(float[n, 4] x) => (float[n, 10] y) {
  h = MatMul(x, w) a = Mul(h, thousand) b = MatMul(x, v) c = Add(b, off)
  y = Concat <axis = 1> (a, c)
}"""


@pytest.mark.parametrize("off", [0.0, 2e-4])
def test_rounding_of_a_large_piece_explains_no_error_of_a_small_one(off: float) -> None:
    data = graph(JOINED, thousand=np.float32(1000), off=np.float32(off))
    report = check_parity(data, Network(joined), tolerance="rounding")
    assert errors(report) == ({"OP201"} if off else set()), report.findings


def opened(data: bytes, beside: Mapping[str, Array] | None = None) -> Session:
    return Session(data, Settings(), beside=beside)


TAILS: dict[str, str] = {
    "turned": "t = Transpose <perm = [1, 0]> (j)",
    "reshaped": "t = Reshape(j, flat)",
    "turned about": "t = GatherElements <axis = 0> (j, places)",
    "rows": "t = GatherND(j, rows)",
    "kept": "t = Compress <axis = 0> (j, counts)",
    "bent": "t = LeakyRelu <alpha = 0.5> (j)",
    "as it was": "t = Elu(j)",
    "raised": "t = Max(j, low)",
    "cubed": "t = Pow(j, scale)",
    "cut": "t = Slice(j, one, four)",
    "picked": "t = Gather <axis = 1> (j, picks)",
    "split": "other, t = Split <axis = 1> (j, halves)",
    "quantised": "q = QuantizeLinear(j, scale, zero) t = DequantizeLinear(q, scale, zero)",
    "scaled": "t = Mul(j, scale)",
    "clipped": "t = Clip(j, low)",
    "joined again": "t = Concat <axis = 0> (j, c2)",
    "overwritten": "t = ScatterND(j, rows, row)",
}
CONSTANTS = {
    "flat": np.array([-1, 2]),
    "one": np.array([1]),
    "four": np.array([4]),
    "picks": np.array([5, 0, 0, 3, 2]),
    "halves": np.array([1, 5]),
    "scale": np.float32(1),
    "low": np.float32(0),
    "zero": np.uint8(0),
    "rows": np.array([[2]]),
    "places": np.array([[0, 2, 1, 1, 2, 0]]),
    "counts": np.array([True, False, True]),
    "row": np.full((1, 6), 7, np.float32),
}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(sorted(TAILS)), max_size=3))
def test_the_numbers_of_pieces_follow_the_values(tails: list[str]) -> None:
    """Each piece holds one value, so ONNX Runtime itself says where the pieces go."""
    nodes, last = "j = Concat <axis = 1> (c0, c1)", "j"
    for number, tail in enumerate(tails):
        words = TAILS[tail].replace("(j", f"({last}").replace("c2)", f"{last}_)")
        if tail == "joined again":
            nodes += f" {last}_ = Add({last}, far{number})"
        for name in ("t", "q", "other"):
            words = words.replace(f"{name} =", f"{name}{number} =").replace(
                f"{name},", f"{name}{number},"
            )
        nodes, last = f"{nodes} {words.replace('(q,', f'(q{number},')}", f"t{number}"
    text = f"""(float[n, 3] x) => (float[a, b] y) {{
      z = Mul(x, nothing) c0 = Add(z, first) c1 = Add(z, second) {nodes} y = Identity({last})
    }}"""
    held = {"nothing": 0, "first": 1, "second": 2, "far0": 10, "far1": 20, "far2": 40}
    data = graph(
        text,
        **{name: np.float32(value) for name, value in held.items()},
        **{name: value for name, value in CONSTANTS.items() if name in text},
    )
    proto = onnx.load_from_string(data)

    feeds = {"x": np.ones((4, 3), np.float32)}
    try:
        [(_, found)] = opened(data).run(feeds)
    except (ParityError, RefusedError):  # the tails do not fit each other
        return
    numbers = Pieces(proto, lambda: proto, opened).of("y", Inputs("noise", 0, feeds))
    assert numbers is not None
    assert numbers.shape == found.shape
    pairs = set(zip(numbers.ravel().tolist(), found.ravel().tolist(), strict=True))
    assert len(pairs) == len({value for _, value in pairs})
    assert len({number for number, _ in pairs}) == len(pairs) or "joined again" in tails


def test_an_output_of_one_piece_has_no_numbers() -> None:
    proto = onnx.load_from_string(graph("(float[n, 4] x) => (float[n, 5] y) { y = MatMul(x, w) }"))
    feeds = {"x": np.ones((1, 4), np.float32)}
    assert Pieces(proto, lambda: proto, opened).of("y", Inputs("noise", 0, feeds)) is None
