"""A part of a model gives what the whole gives, its large weights beside it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from support.parity_cases import graph

from onnxguard.parity.settings import Settings
from onnxguard.running.comparison import Array
from onnxguard.running.cutting import LARGE, sliced, with_outputs
from onnxguard.running.session import Session

RNG = np.random.default_rng(0)
SQUARE = RNG.standard_normal((600, 600), np.float32) / 25
TABLE = RNG.standard_normal((3000, 600)).astype(np.float16)
LEVELS = RNG.integers(-9, 9, (2000, 600)).astype(np.int8)
KERNEL = RNG.standard_normal((200, 150, 3, 3), np.float32) / 40
NETWORK = onnx.load_model_from_string(
    graph(
        "(int64[n] i, bool[1] c) => (float[m] y) {"
        " scale = Constant <value = float {0.1}> () zero = Constant <value = int8 {0}> ()"
        " half = Gather(table, i) a = Cast<to = 1>(half)"
        " numbers = DequantizeLinear(levels, scale, zero) b = Gather(numbers, i) ab = Add(a, b)"
        " turned = Transpose<perm = [1, 0]>(square) t = MatMul(ab, turned)"
        " s = MatMul(t, square) bias = Constant <value = float {0.5}> () g = Add(s, bias)"
        " k = If(c) <then_branch = b1 () => (float[n, 600] p) { p = MatMul(g, square) },"
        " else_branch = b2 () => (float[n, 600] q) { q = Identity(g) }>"
        " four = Constant <value_ints = [-1, 150, 2, 2]> () r = Reshape(k, four)"
        " conv = Conv<pads = [1, 1, 1, 1]>(r, kernel)"
        " norm = BatchNormalization(conv, ones, halves, halves, ones)"
        " flat = Constant <value_ints = [-1]> () y = Reshape(norm, flat) }",
        square=SQUARE,
        table=TABLE,
        levels=LEVELS,
        kernel=KERNEL,
        ones=np.ones(200, np.float32),
        halves=np.full(200, 0.5, np.float32),
    )
)
FEEDS: dict[str, Array] = {"i": np.array([0, 5, 1999]), "c": np.array([True])}


@pytest.mark.parametrize("level", ["none", "basic", "extended", "all"])
@pytest.mark.parametrize("wanted", [["y"], ["t", "k"], ["square"]])
def test_a_part_gives_what_the_whole_gives(level: str, wanted: list[str]) -> None:
    data, beside = sliced(NETWORK, wanted)
    assert len(data) < LARGE
    settings = Settings(optimization_level=level)
    part = dict(Session(data, settings, beside=beside).run(FEEDS))
    whole = dict(Session(with_outputs(NETWORK, wanted), settings).run(FEEDS))
    for name in wanted:
        np.testing.assert_array_equal(part[name], whole[name])


def test_only_large_weights_that_are_read_go_beside_a_part() -> None:
    assert set(sliced(NETWORK, ["y"])[1]) == {"square", "table", "levels", "kernel"}
    assert set(sliced(NETWORK, ["half"])[1]) == {"table"}
