"""Bounds of sizes beside what ONNX Runtime computes, on drawn models whose sizes are 1 or more."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import parser
from onnxruntime import InferenceSession, SessionOptions

from onnxguard.model.reading import read_model
from onnxguard.model.shapes.dims import Span, Sym, bounds, text
from onnxguard.model.shapes.infer import infer_shapes

NUMBERS = {  # of whole numbers: what is made of a, b and a comparison c
    "Add": "{y} = Add({a}, {b})",
    "Sub": "{y} = Sub({a}, {b})",
    "Mul": "{y} = Mul({a}, {b})",
    "Max": "{y} = Max({a}, {b})",
    "Min": "{y} = Min({a}, {b})",
    "Abs": "{y} = Abs({a})",
    "Relu": "{y} = Relu({a})",
    "Mod": "{y} = Mod({a}, three)",
    "Div": "{y}d = Add(Abs{y}, one) Abs{y} = Abs({b}) {y} = Div({a}, {y}d)",
    "Clip": "{y} = Clip({a}, zero0, five0)",
    "Where": "{y}c = Greater({a}, {b}) {y} = Where({y}c, {a}, two)",
    "Equal": "{y}c = Equal({a}, {b}) {y} = Cast<to = 7>({y}c)",
    "Not": "{y}c = Less({a}, {b}) {y}n = Not({y}c) {y} = Cast<to = 7>({y}n)",
    "Gather": "{y}t = Concat<axis = 0>({a}, two, {b}) {y}i = Mod({b}, three) "
    "{y} = Gather({y}t, {y}i)",
    "floats": "{y}f = Cast<to = 1>({a}) {y}g = Mul({y}f, half) {y}h = Floor({y}g) "
    "{y} = Cast<to = 7>({y}h)",
    "Sigmoid": "{y}f = Cast<to = 1>({a}) {y}g = Sigmoid({y}f) {y}h = Add({y}g, half) "
    "{y} = Cast<to = 7>({y}h)",
    "If": "{y}c = Greater({a}, two) {y}s = Squeeze({y}c) {y} = If<then_branch = t () => "
    "(int64[1] {y}t) {{ {y}t = Add({a}, one) }}, else_branch = e () => (int64[1] {y}e) "
    "{{ {y}e = Identity({b}) }}>({y}s)",
    "Loop": "{y} = Loop<body = l (int64 {y}i, bool {y}k, int64[1] {y}v) => "
    "(bool {y}d, int64[1] {y}w) {{ {y}d = Identity({y}k) {y}w = {step} }}>(rounds, , {a})",
    "Size": "{y}n = Clip({a}, one1, five0) {y}x = ConstantOfShape({y}n) {y} = Shape({y}x)",
    "NonZero": "{y}z = NonZero(x) {y} = Shape<start = 1>({y}z)",
}
STEPS = ("Add({y}v, one)", "Mul({y}v, two)", "Max({y}v, {b})", "Sub({y}v, {b})", "Abs({y}v)")
TENSORS = {  # of tensors v of one axis, and of a number n from 0 to 5
    "Concat": "{y} = Concat<axis = 0>({v}, {w})",
    "Tile": "{y} = Tile({v}, {n})",
    "Pad": "{y}p = Concat<axis = 0>({n}, one) {y} = Pad({v}, {y}p)",
    "Expand": "{y}u = Unsqueeze({v}, one) {y}s = Concat<axis = 0>(one, {n}) "
    "{y}e = Expand({y}u, {y}s) {y} = Reshape({y}e, open)",
    "ConstantOfShape": "{y} = ConstantOfShape({n})",
    "Slice": "{y} = Slice({v}, one0, {n})",
    "Reshape": "{y}u = Unsqueeze({v}, one) {y} = Reshape({y}u, open)",
    "Loop": "{y} = Loop<body = l (int64 {y}i, bool {y}k, float[] {y}v) => "
    "(bool {y}d, float[] {y}w) {{ {y}d = Identity({y}k) {y}w = Concat<axis = 0>({y}v, {w}) }}"
    ">(rounds, , {v})",
    "Loop that might end": "{y} = Loop<body = l (int64 {y}i, bool {y}k, float[] {y}v) => "
    "(bool {y}d, float[] {y}w) {{ {y}g = Greater({n}, one0) "
    "{y}d = Squeeze({y}g) {y}w = Concat<axis = 0>({y}v, {y}v) }}>(rounds, yes, {v})",
}


def drawn(seed: int) -> onnx.ModelProto:
    """A model whose outputs are all that its nodes make of the inputs n and x."""
    random = Random(seed)
    numbers, tensors, nodes = ["n", "one", "two", "three"], ["x"], []
    for at in range(random.randrange(3, 9)):
        y, (a, b) = f"k{at}", random.choices(numbers, k=2)
        step = random.choice(STEPS).format(y=y, b=b)
        nodes.append(NUMBERS[random.choice(list(NUMBERS))].format(y=y, a=a, b=b, step=step))
        numbers.append(y)
    for at in range(random.randrange(1, 6)):
        y, (v, w) = f"t{at}", random.choices(tensors, k=2)
        n = f"m{at}"
        nodes.append(f"{n} = Clip({random.choice(numbers)}, one1, five0)")
        nodes.append(TENSORS[random.choice(list(TENSORS))].format(y=y, v=v, w=w, n=n))
        tensors.append(y)
    outputs = [f"int64[1] {name}" for name in numbers[4:]]
    outputs += [f"float[] {name}" for name in tensors[1:]]
    dims = random.choice(["2", "N", "?"])
    text = f"""<ir_version: 8, opset_import: ["" : 18]> g (int64[1] n, float[{dims}] x) =>
        ({", ".join(outputs)}) <int64[1] one = {{1}}, int64[1] two = {{2}}, int64[1] three = {{3}},
        int64 zero0 = {{0}}, int64 one1 = {{1}}, int64 five0 = {{5}}, float[1] half = {{0.5}},
        int64[1] one0 = {{0}}, int64[1] open = {{-1}}, bool yes = {{1}},
        int64 rounds = {{{random.randrange(1, 5)}}}> {{ {" ".join(nodes)} }}"""
    return parser.parse_model(text)


@pytest.mark.parametrize("seeds", [range(at, at + 50) for at in range(0, 300, 50)], ids=str)
def test_bounds_hold_of_what_onnx_runtime_computes(seeds: range) -> None:
    options, ran, bounded = SessionOptions(), 0, 0
    options.log_severity_level = 4
    for seed in seeds:
        made = drawn(seed)
        for value in made.graph.output:
            value.type.tensor_type.ClearField("shape")
        data = made.SerializeToString()
        known = infer_shapes(read_model(data)).roots[0].known
        names = [value.name for value in made.graph.output]
        session = InferenceSession(data, options, ["CPUExecutionProvider"])
        for n in (-3, 0, 1, 2, 4):
            try:
                x = np.ones(2, "float32")
                outputs = session.run(names, {"n": np.array([n]), "x": x})
            except Exception:  # noqa: BLE001 - a size that cannot be is ONNX Runtime's to refuse
                continue
            ran += 1
            for name, array in zip(names, outputs, strict=True):
                found = known[name.encode()]
                shape = found.shape if found.shape is not None else (None,) * array.ndim
                assert len(shape) == array.ndim, (seed, name)
                for dim, size in zip(shape, array.shape, strict=True):
                    bounded += isinstance(dim, Span)
                    assert is_between(dim, size), (seed, name, dim, size)
                for ours, true in zip(found.values or (), array.reshape(-1).tolist(), strict=False):
                    bounded += isinstance(ours, Span)
                    assert is_between(ours, true), (seed, name, ours, true)
    assert ran > 2 * len(seeds)
    assert bounded > ran


def is_between(found: Any, true: float) -> bool:
    if isinstance(found, Sym):
        return bool(eval(text(found), {"floor": math.floor, "N": 2}) == true)  # our own text
    low, high = bounds(found)
    return (low is None or low <= true) and (high is None or true <= high)
